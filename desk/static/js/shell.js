/* What every signed-in page does: the clock, the span of the show, the keyboard overlay. Pages bring their own modules. */

import * as clock from "./clock.js";
import { clockTime, clockTimeExact, day } from "./words.js";
import "./headphones.js";
import "./keys.js";
import "./lead_notice.js";

const face = document.getElementById("clock");
clock.start(face?.dataset.now);

function showTime(at) {
  const [hours, minutes, seconds] = clockTimeExact(at).split(":");
  const sure = clock.isSure();
  face.firstChild.nodeValue = `${sure ? "" : "≈"}${hours}:${minutes}`;
  face.lastElementChild.textContent = `:${seconds}`;
  face.dateTime = new Date(at).toISOString();
}
if (face) {
  showTime(clock.now());
  clock.everySecond(showTime);
}

for (const span of document.querySelectorAll("time[data-span-to]"))
  span.textContent = `${day(span.dateTime)} · ${clockTime(span.dateTime)}–${clockTime(span.dataset.spanTo)}`;

let heardAt = Date.now();
clock.everySecond(() => {
  if (document.hidden || Date.now() - heardAt < 30000) return;
  heardAt = Date.now();
  const asked = Date.now();
  fetch("/healthz", { method: "HEAD", cache: "no-store" }).then((answer) => clock.learn(answer.headers.get("Date"), asked, Date.now())).catch(() => {});
});
