/* The notice while the line is down: since when, what of the desk is shown, what waits to go out, and the next try. */

import { everySecond, now } from "./clock.js";
import * as outbox from "./outbox.js";
import { clockTimeExact, t, tn } from "./words.js";

const $ = (id) => document.getElementById(id);

/** Keeps the notice of a page true to its live line, and sends what waits as soon as there is one. */
export function startNotice(live) {
  const draw = () => {
    if (live.state !== "offline") return;
    const waits = outbox.count();
    $("offline-more").textContent = [t("Showing %(time)s.", { time: clockTimeExact(live.heardAt) }), waits ? tn("%(num)s action waits and goes out then.", "%(num)s actions wait and go out then.", waits) : ""].filter(Boolean).join(" ");
    const left_s = Math.max(0, Math.ceil(((live.retryAt ?? Date.now()) - Date.now()) / 1000));
    $("offline-next").textContent = t("next try in %(seconds)s s", { seconds: left_s });
  };
  live.addEventListener("state", ({ detail }) => {
    if (detail.state === "live") outbox.flush();
    if (detail.state !== "offline") return;
    $("offline-since").textContent = t("Offline since %(time)s.", { time: clockTimeExact(detail.since ?? now()) });
    draw();
  });
  everySecond(() => {
    draw();
    if (outbox.count() && live.state === "live") outbox.flush();
  });
  outbox.onChange(draw);
  $("retry-now").addEventListener("click", () => live.retry());
}
