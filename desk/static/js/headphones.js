/* The headphones of this workplace: which output all listening goes to, whether it is there, and the control in the top
   bar. When it is gone listening is locked; sound never goes anywhere else instead, least of all to the way to air. */

import { announce, el } from "./dom.js";
import { askForDevice, askForLeave, chosen, devices, hasChooser, keepChosen, needsLeave, onOutputs } from "./outputs.js";
import { t } from "./words.js";

const FOLLOWING = new Set(["default", "communications"]); // whatever the computer takes next: not a choice

/** Emits `change` when another output was chosen, or the chosen one went or came back. */
class Headphones extends EventTarget {
  constructor() {
    super();
    this.device = chosen("cue");
    this.isMissing = false;
  }

  get canChoose() { return "setSinkId" in HTMLMediaElement.prototype; }

  /** Why nothing may sound at this workplace now; empty if it may. */
  get lock() {
    const name = this.device?.label ?? "";
    if (this.device && this.isMissing) return t("The output %(name)s is gone. Nothing plays until it is back or another is chosen.", { name });
    const air = chosen("air");
    if (air && !this.device) return t("This computer also goes to air. Choose the headphones first.");
    if (air && air.id === this.device.id) return t("%(name)s is the way to air. Choose other headphones.", { name });
    return "";
  }

  async choose(device) {
    this.device = device;
    this.isMissing = false;
    keepChosen("cue", device);
    await this.check();
    this.#tell();
  }

  /** Sends an element to the chosen output: null if it is there already, else a promise of whether it may sound. */
  route(element) {
    const wanted = this.device?.id ?? "";
    if (!this.canChoose || element.sinkId === wanted) return null;
    return element.setSinkId(wanted).then(() => this.#found(true), () => this.#found(false));
  }

  /** Looks whether the chosen output is there, by asking for it; makes no sound. */
  check() { return this.device ? this.route(new Audio()) : null; }

  #found(isThere) {
    const changed = this.isMissing === isThere;
    this.isMissing = !isThere;
    if (changed) this.#tell();
    return isThere;
  }

  #tell() { this.dispatchEvent(new Event("change")); }
}

export const headphones = new Headphones();

let isWatching = false;
/** Follows outputs that come and go, once one is chosen: to watch them the browser wakes every device, cameras too. */
function watch() {
  if (isWatching || !headphones.device) return;
  isWatching = true;
  onOutputs(() => headphones.check());
}

/* ---------- the control in the top bar ---------- */

const control = document.getElementById("route");
const list = document.getElementById("headphones-list");

function show() {
  const { lock, device } = headphones;
  document.documentElement.toggleAttribute("data-headphones-locked", Boolean(lock));
  if (!control) return;
  control.classList.toggle("is-bad", Boolean(lock));
  const words = lock ? t("Headphones locked") : device?.label ?? t("Headphones");
  control.querySelector("[data-part=name]").textContent = words;
  control.title = lock || t("Cue audio goes to this output only");
  const alarm = document.getElementById("headphones-lock");
  alarm.textContent = lock;
  alarm.hidden = !lock;
}

async function showOutputs() {
  const found = (await devices()).filter((one) => !FOLLOWING.has(one.id) && one.id !== chosen("air")?.id);
  const { device, canChoose } = headphones;
  const known = device && !found.some((one) => one.id === device.id) ? [device] : [];
  list.replaceChildren(list.options[0], ...[...found, ...known].map((one) => el("option", { value: one.id }, one.label)));
  list.value = device?.id ?? "";
  list.disabled = !canChoose || (found.length === 0 && !device);
  const isSecret = canChoose && (await needsLeave());
  document.getElementById("headphones-leave").hidden = !isSecret;
  document.getElementById("headphones-more").hidden = !canChoose || !hasChooser();
  const hint = document.getElementById("headphones-hint");
  hint.textContent = hintOf({ canChoose, isSecret });
  hint.hidden = !isSecret && canChoose && (found.length > 0 || hasChooser() || Boolean(device));
}

function hintOf({ canChoose, isSecret }) {
  if (!canChoose) return t("This browser cannot choose an output. You hear everything where this computer sends it.");
  if (isSecret) return t("This browser names its outputs only to pages that may use the microphone. The desk asks for that once and listens to nothing.");
  return t("This browser does not name its outputs to pages. You hear everything where this computer sends it.");
}

if (control) {
  document.getElementById("headphones").addEventListener("toggle", (event) => { if (event.newState === "open") showOutputs(); });
  list.addEventListener("change", () => headphones.choose(list.value ? { id: list.value, label: list.selectedOptions[0].textContent } : null));
  document.getElementById("headphones-leave").addEventListener("click", async () => {
    await askForLeave();
    await headphones.check();
    showOutputs();
  });
  document.getElementById("headphones-more").addEventListener("click", async () => {
    const device = await askForDevice();
    if (device) await headphones.choose(device);
    showOutputs();
  });
}
headphones.addEventListener("change", () => { watch(); show(); if (headphones.lock) announce(headphones.lock); });
addEventListener("storage", ({ key }) => {
  if (!key?.startsWith("desk.output.")) return;
  headphones.device = chosen("cue");
  headphones.check();
  headphones.dispatchEvent(new Event("change"));
});
watch();
show();
headphones.check();
