/* Settings: copies webhook addresses, asks before given-up work is tried again, marks the section in view. */

import * as api from "./api.js";
import { errorText } from "./dom.js";
import { note, warn } from "./toast.js";
import { t, tn } from "./words.js";

const ask = document.getElementById("ask");
let wanted = null;

async function copy(control) {
  const field = document.getElementById(control.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    note(t("Address copied"), { ic: "copy" });
  } catch {
    note(t("The address is selected. Copy it with Ctrl C."), { ic: "copy" });
  }
}

function offer(control) {
  wanted = control;
  document.getElementById("ask-p").textContent = tn("%(name)s: %(num)s piece of given-up work starts again.", "%(name)s: %(num)s pieces of given-up work start again.", Number(control.dataset.count), { name: control.dataset.name });
  ask.showModal();
}

async function retry() {
  ask.close();
  const { retry: kind, reason, id } = wanted.dataset;
  wanted.disabled = true;
  try {
    const { retried } = await api.post("/api/v1/jobs/retry", id ? { id: Number(id) } : reason ? { kind, reason } : { kind });
    note(retried ? tn("%(num)s piece of work starts again.", "%(num)s pieces of work start again.", retried) : t("There is nothing to try again any more."), { ic: "refresh" });
  } catch (error) {
    wanted.disabled = false;
    warn(errorText(error));
  }
}

document.addEventListener("click", (event) => {
  const copied = event.target.closest("[data-copy]");
  if (copied) copy(copied);
  const again = event.target.closest("[data-retry]");
  if (again) offer(again);
  const answer = event.target.closest("[data-ask]");
  if (answer) { if (answer.dataset.ask === "yes") retry(); else ask.close(); }
  if (event.target.closest("[data-reload]")) { event.preventDefault(); location.hash = "#work"; location.reload(); }
});
ask?.addEventListener("close", () => wanted?.focus());

/* The section in view is marked beside it. */
const links = new Map([...document.querySelectorAll(".set-nav a")].map((link) => [link.hash.slice(1), link]));
const seen = new Map();
function mark() {
  const chosen = [...links.keys()].find((id) => seen.get(id)) ?? links.keys().next().value;
  for (const [id, link] of links) { if (id === chosen) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current"); }
}
const watcher = new IntersectionObserver((entries) => { for (const entry of entries) seen.set(entry.target.id, entry.isIntersecting); mark(); }, { root: document.querySelector(".set-main"), rootMargin: "0px 0px -70% 0px" });
for (const id of links.keys()) watcher.observe(document.getElementById(id));
mark();
