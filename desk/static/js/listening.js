/* How a person listens in a run: speed, the first seconds only, pauses left out, and whether a verdict plays the next
   voice. Kept in this browser for each person; owns the strip that shows and switches it. Never starts a sound. */

import { announce } from "./dom.js";
import { number, t } from "./words.js";

export const SPEEDS = [1, 1.25, 1.5, 2];
export const FIRST_S = 8;
const PAUSE_S = 0.6;
const BREATH_S = 0.18; // left at either end of a pause, so that no word loses its edge
const QUIET_SHARE = 0.05; // of what is loud in it: 26 dB below
const KEY = `desk.listening.${document.querySelector('meta[name="me"]')?.content ?? ""}`;

function kept() {
  try { return JSON.parse(localStorage.getItem(KEY)) ?? {}; } catch { return {}; }
}

const SAID = {
  isFirstOnly: (is) => (is ? t("First 8 seconds only") : t("The whole voice")),
  skipsPauses: (is) => (is ? t("Pauses are skipped") : t("Pauses are heard")),
  goesOn: (is) => (is ? t("A verdict plays the next voice") : t("The next voice waits until you play it")),
};

/** Emits `change` when one of its settings did. */
class Listening extends EventTarget {
  constructor() {
    super();
    const { speed, isFirstOnly = false, skipsPauses = false, goesOn = true } = kept();
    Object.assign(this, { speed: SPEEDS.includes(speed) ? speed : 1, isFirstOnly, skipsPauses, goesOn });
  }

  setSpeed(speed) {
    this.#set({ speed });
    announce(t("Speed %(speed)s times", { speed: number(speed) }));
  }

  /** The next faster or slower speed; stays at the ends. */
  faster(step) { this.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, SPEEDS.indexOf(this.speed) + step))]); }

  /** Turns one of isFirstOnly, skipsPauses, goesOn over. */
  toggle(name) {
    this.#set({ [name]: !this[name] });
    announce(SAID[name](this[name]));
  }

  #set(values) {
    Object.assign(this, values);
    const { speed, isFirstOnly, skipsPauses, goesOn } = this;
    localStorage.setItem(KEY, JSON.stringify({ speed, isFirstOnly, skipsPauses, goesOn }));
    this.dispatchEvent(new Event("change"));
  }
}

export const listening = new Listening();

/** Binds the strip's buttons ([data-speed], [data-listen]) and keeps them true. */
export function drawStrip(strip) {
  const show = () => {
    for (const one of strip.querySelectorAll("[data-speed]")) one.setAttribute("aria-pressed", String(Number(one.dataset.speed) === listening.speed));
    for (const one of strip.querySelectorAll("[data-listen]")) one.setAttribute("aria-pressed", String(listening[one.dataset.listen]));
  };
  strip.addEventListener("click", (event) => {
    const speed = event.target.closest("[data-speed]");
    if (speed) listening.setSpeed(Number(speed.dataset.speed));
    const other = event.target.closest("[data-listen]");
    if (other) listening.toggle(other.dataset.listen);
  });
  for (const one of strip.querySelectorAll("[data-speed]")) one.textContent = `${number(Number(one.dataset.speed))}×`;
  listening.addEventListener("change", show);
  show();
}

/** Pauses of a voice, [[from_s, to_s]], without the breath at their ends, read from its peaks (audiowaveform version 2:
    pairs of least and greatest). A hum as loud as the voice leaves none: nothing is skipped that may be one. */
export function pausesOf(file) {
  const { data = [], samples_per_pixel: step, sample_rate: rate_hz } = file;
  if (!data.length || !step || !rate_hz) return [];
  const pixel_s = step / rate_hz;
  const levels = Array.from({ length: data.length / 2 }, (_, at) => Math.max(-data[at * 2], data[at * 2 + 1]));
  const loud = levels.toSorted((one, other) => one - other)[Math.floor(levels.length * 0.95)]; // one shout or click is no measure
  const quiet = loud * QUIET_SHARE;
  const out = [];
  let from = null;
  for (let at = 0; at <= levels.length; at += 1) {
    if (at < levels.length && levels[at] <= quiet) { from ??= at; continue; }
    if (from !== null && (at - from) * pixel_s >= PAUSE_S) out.push([from ? from * pixel_s + BREATH_S : 0, at * pixel_s - BREATH_S]);
    from = null;
  }
  return out;
}
