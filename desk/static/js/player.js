/* One headphone player per page. It has no source before the first press, never starts by itself, stops when the view
   moves on, sounds in the chosen output or not at all, and keeps account of which stretches of which exact bytes were
   really heard, in the recording's own time whatever the speed. */

import * as api from "./api.js";
import { headphones } from "./headphones.js";
import { freeBytes, Preload } from "./preload.js";
import { t } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const PROFILES = { voice: ["preview", "broadcast"], audio: ["preview", "broadcast"], video: ["playable", "preview"] };
const REPORT_S = 10;
const STEP_LIMIT_S = 1.5;
const FADE_S = 0.3;
const GENTLE_RATE = 0.5;
const TELL_AGAIN_MS = [500, 2000, 5000];

/** The rendition a person listens to: {profile, sha256, mime} or null. */
export function listenable(media) {
  if (!media || media.state === "failed") return null;
  const profile = (PROFILES[media.kind] ?? []).find((name) => media.profiles?.[name]);
  return profile ? { profile, ...media.profiles[profile] } : null;
}

/** The sound of a film alone, brought to level like any voice; null if it has none. */
export const soundOf = (media) => (media?.kind === "video" && media.state !== "failed" && media.profiles?.preview ? { profile: "preview", ...media.profiles.preview } : null);

export const mediaUrl = (media, profile) => `${media.base ?? "/media"}/${encodeURIComponent(media.id)}/${encodeURIComponent(profile)}`;

/** Joins a stretch into a sorted list of stretches. */
export function joined(stretches, from_s, to_s) {
  const out = [];
  for (const [from, to] of [...stretches, [from_s, to_s]].sort((a, b) => a[0] - b[0])) {
    const last = out.at(-1);
    if (last && from <= last[1] + 0.3) last[1] = Math.max(last[1], to);
    else out.push([from, to]);
  }
  return out;
}

/** Where in a rendition what would air lies: the air copy is cut to the sound, the other forms are whole. */
export function airSpan(media, profile) {
  const length_s = media.duration_s ?? 0;
  const from = media.air_in_s ?? 0;
  const to = media.air_out_s ?? length_s;
  return profile === "broadcast" ? [0, to - from] : [from, to];
}

/** How much of a length the stretches cover, 0 to 1. */
export const coverage = (stretches, length_s) => (length_s > 0 ? Math.min(1, stretches.reduce((sum, [from, to]) => sum + to - from, 0) / length_s) : 0);

/** Emits `change` (playing, paused, other item) and `time` (while it moves); `detail` is the player's state. */
class HeadphonePlayer extends EventTarget {
  #speed;
  #preload;
  #isFading = false;

  constructor() {
    super();
    this.element = null;
    this.item = null;
    this.fault = "";
    this.heard = new Map();
    /** Resolves when the server knows of everything heard so far, or never will. */
    this.told = Promise.resolve();
    this.from_s = null;
    this.last_s = 0;
    this.frame = 0;
    /** Where a run lets it stop softly, and what it leaves out: [[from_s, to_s]]. */
    this.until_s = null;
    this.leavesOut = [];
    this.#speed = 1;
    this.#preload = new Preload();
    headphones.addEventListener("change", () => this.#followOutput());
  }

  get speed() { return this.#speed; }
  set speed(value) { this.#speed = value; this.#pace(); }

  get isPlaying() { return Boolean(this.element && this.item && !this.element.paused && !this.element.ended); }
  get position_s() { return this.item ? this.element?.currentTime ?? 0 : 0; }
  get duration_s() { return this.item?.media.duration_s || (Number.isFinite(this.element?.duration) ? this.element.duration : 0); }
  isOn(cardId, mediaId = null) { return this.item?.cardId === cardId && (mediaId === null || this.item.media.id === mediaId); }

  /** Whether what plays is the sound of a film without its pictures. */
  get isSoundOnly() { return this.item?.media.kind === "video" && this.item.file.profile === "preview"; }

  /** Whether a covered film runs before the eyes of somebody who looks at it: slow, and silent until a key asks for its sound. */
  get isGentle() { return Boolean(this.item?.media.cover && this.element instanceof HTMLVideoElement); }

  /** The press of a person on that very item: play it, or pause it when it runs. `at_s` seeks, `screen` shows a film,
      `soundOnly` plays a film's sound; a film that runs goes on from where it was. */
  press(cardId, media, { at_s = null, screen = null, soundOnly = false } = {}) {
    const file = soundOnly ? soundOf(media) : listenable(media);
    if (!file) return false;
    const isOn = this.isOn(cardId, media.id);
    const same = isOn && this.item.file.profile === file.profile && (!screen || screen === this.element);
    if (isOn && !same && at_s === null) at_s = this.position_s;
    if (same && at_s === null && this.isPlaying) { this.pause(); return true; }
    this.fault = headphones.lock;
    if (this.fault) { this.#say("change"); return true; }
    if (!same) {
      this.stop();
      const ready = screen ? null : this.#preload.take(file.sha256);
      this.#use(screen ?? ready ?? new Audio());
      this.item = { cardId, media, file };
      if (!ready) this.element.src = mediaUrl(media, file.profile);
    }
    if (same) this.item.media = media; // it may have been covered, or laid open, since
    if (this.#isFading && at_s === null) at_s = this.last_s; // what faded away is heard again
    this.#pace();
    if (at_s !== null) this.seek(at_s);
    this.#note();
    this.#start(this.element);
    return true;
  }

  /** Fetches what a run will want next into memory: [{media, soundOnly}]. None of it plays or counts as heard. */
  prepare(items) {
    const files = items.map(({ media, soundOnly = false }) => ({ media, file: soundOnly ? soundOf(media) : listenable(media) }));
    this.#preload.want(files.filter(({ file }) => file).map(({ media, file }) => ({ url: mediaUrl(media, file.profile), ...file })));
  }

  async #start(element) {
    const routed = headphones.route(element);
    if (routed && !(await routed)) return; // locked, and everybody was told
    if (this.element !== element) return;
    element.play().catch((error) => {
      if (error.name === "AbortError" || this.element !== element) return;
      this.fault = t("This cannot be played. The original is safe.");
      this.#say("change");
    });
  }

  #pace() {
    this.#isFading = false;
    if (!this.element) return;
    this.element.volume = 1;
    this.element.muted = this.isGentle;
    this.element.preservesPitch = true;
    this.element.defaultPlaybackRate = this.element.playbackRate = this.isGentle ? GENTLE_RATE : this.#speed;
  }

  /** Another output: what sounds goes there, or ends where nothing may sound. */
  #followOutput() {
    if (!this.element) return;
    this.fault = headphones.lock;
    if (this.fault) this.stop();
    else headphones.route(this.element);
  }

  pause() {
    if (!this.element || this.element.paused) return;
    this.element.pause();
  }

  /** Ends all sound of this page and lets go of the file. */
  stop() {
    if (!this.element) return;
    this.element.pause();
    this.#report(true);
    freeBytes(this.element);
    this.element.removeAttribute("src");
    this.element.load();
    this.element = null;
    this.item = null;
    this.from_s = null;
    this.#say("change");
  }

  seek(to_s) {
    if (!this.item) return;
    this.#report(true);
    this.#pace();
    const end = this.duration_s ? Math.max(0, this.duration_s - 0.05) : to_s;
    this.element.currentTime = Math.min(Math.max(0, to_s), end);
    if (this.until_s !== null && to_s > this.until_s) this.until_s = null; // whoever goes there wants to hear it
    this.from_s = this.isPlaying ? this.element.currentTime : null;
    this.last_s = this.element.currentTime;
    this.#say("time");
  }

  /** Some seconds on or back; back over a pause that is left out, else nobody would ever get behind it. */
  nudge(by_s) {
    if (!this.item) return;
    const to_s = this.position_s + by_s;
    const pause = by_s < 0 && this.leavesOut.find(([from, to]) => to_s >= from && to_s < to);
    this.seek(pause ? pause[0] - (pause[1] - to_s) : to_s);
  }

  /** 0 to 1: how much of what would air was heard on this page, in these exact bytes. */
  heardShare(media) {
    const file = listenable(media);
    if (!file) return 1;
    const [from, to] = airSpan(media, file.profile);
    const inside = (this.heard.get(file.sha256) ?? []).map((stretch) => stretch.map((at) => Math.min(Math.max(at, from), to)));
    return coverage(inside, to - from);
  }

  #use(element) {
    this.element = element;
    element.preload = "none";
    const mine = () => this.element === element;
    element.addEventListener("playing", () => { if (mine()) { this.from_s ??= element.currentTime; this.last_s = element.currentTime; this.#say("change"); this.#run(); } });
    element.addEventListener("pause", () => { if (mine()) { this.#report(true); this.#say("change"); } });
    element.addEventListener("ended", () => { if (mine()) { this.#report(true); this.#say("change"); } });
    element.addEventListener("timeupdate", () => { if (mine()) { this.#note(); if (this.isPlaying) this.#tick(); } });
    element.addEventListener("error", () => { if (mine() && element.getAttribute("src")) { this.fault = t("This cannot be played. The original is safe."); this.#say("change"); headphones.check(); } });
  }

  #run() {
    cancelAnimationFrame(this.frame);
    const step = () => {
      if (!this.isPlaying) return;
      this.#tick();
      this.#say("time");
      this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  /** What a run asked for: a pause left out, a soft stop. Looked at in every frame, and without frames on every sign of time. */
  #tick() {
    const at = this.position_s;
    if (this.until_s !== null && at >= this.until_s) { this.#rest(); return; }
    if (this.until_s !== null && at >= this.until_s - FADE_S) { this.#fade(at); return; }
    const pause = this.leavesOut.find(([from, to]) => at >= from && at < to - 0.1);
    if (pause) this.seek(Math.min(pause[1], this.until_s ?? Infinity));
  }

  /** The last breath before a soft stop; what fades away does not count as heard. */
  #fade(at) {
    if (!this.#isFading) { this.#report(true); this.last_s = at; this.#isFading = true; }
    this.element.volume = Math.max(0, (this.until_s - at) / FADE_S);
  }

  /** The soft stop. The next press plays on. */
  #rest() {
    this.until_s = null;
    this.element.pause();
    this.#say("rest");
  }

  get #stepLimit_s() { return STEP_LIMIT_S * Math.max(1, this.#speed); }

  #note() {
    if (this.#isFading) return;
    const at = this.element?.currentTime ?? 0;
    if (this.from_s === null) { if (this.isPlaying) this.from_s = at; this.last_s = at; return; }
    // A jump that nobody asked for was not heard.
    if (at < this.last_s || at - this.last_s > this.#stepLimit_s) { this.#report(true); this.from_s = at; }
    this.last_s = at;
    if (at - this.from_s >= REPORT_S) this.#report(false);
  }

  #report(isEnd) {
    if (!this.item || this.from_s === null) return;
    if (this.isGentle) { this.from_s = null; return; } // seen, not heard
    const at = this.element.currentTime;
    const to_s = at - this.last_s <= this.#stepLimit_s && at >= this.last_s ? at : this.last_s;
    const from_s = this.from_s;
    this.from_s = isEnd ? null : to_s;
    if (to_s - from_s < 0.05) return;
    const { cardId, media, file } = this.item;
    if (cardId === null) return; // heard outside of a card: no word about clearing it
    this.heard.set(file.sha256, joined(this.heard.get(file.sha256) ?? [], from_s, to_s));
    const body = { asset_id: media.id, sha256: file.sha256, from_s: Math.round(from_s * 1000) / 1000, to_s: Math.round(to_s * 1000) / 1000 };
    this.told = this.told.then(() => this.#tell(cardId, body));
    this.#say("change");
  }

  async #tell(cardId, body) {
    for (const pause_ms of [...TELL_AGAIN_MS, null]) {
      try {
        const answer = await api.post(`/api/v1/cards/${cardId}/listened`, body);
        this.dispatchEvent(new CustomEvent("reported", { detail: { cardId, answer } }));
        return;
      } catch (error) {
        if (!error.isUnreachable || pause_ms === null) break;
        await new Promise((resolve) => { setTimeout(resolve, pause_ms); });
      }
    }
    // The server never learnt of it, so it does not count here either; the page shows what is still to be heard.
    this.heard.delete(body.sha256);
    this.#say("change");
  }

  #say(type) { this.dispatchEvent(new CustomEvent(type)); }
}

export const player = new HeadphonePlayer();
addEventListener("pagehide", () => player.stop());

/* ---------- drawing ---------- */

/** 56 bytes in base64 as shares of one. */
export function peaksOf(base64) {
  if (!base64) return [];
  try {
    return Array.from(atob(base64), (sign) => sign.charCodeAt(0) / 255);
  } catch {
    return [];
  }
}

/** audiowaveform version 2: pairs of least and greatest, brought to `count` bars. */
export function barsOf(file, count) {
  const full = 2 ** ((file.bits ?? 8) - 1);
  const pairs = Math.floor(file.data.length / 2 / (file.channels ?? 1));
  if (!pairs) return [];
  const out = [];
  for (let bar = 0; bar < count; bar += 1) {
    const from = Math.floor((bar * pairs) / count);
    const to = Math.max(from + 1, Math.floor(((bar + 1) * pairs) / count));
    let top = 0;
    for (let at = from; at < to && at < pairs; at += 1) top = Math.max(top, Math.abs(file.data[at * 2]), Math.abs(file.data[at * 2 + 1]));
    out.push(Math.min(1, top / full));
  }
  const loudest = Math.max(...out, 0.05);
  return out.map((value) => value / loudest);
}

const path = (bars, from, to, mid) => {
  let d = "";
  for (let at = from; at < to; at += 1) {
    const reach = Math.max(0.035, bars[at]) * (mid - 2);
    d += `M${at * 4 + 2} ${(mid - reach).toFixed(1)}V${(mid + reach).toFixed(1)}`;
  }
  return d;
};

/** Draws bars into an svg.wave with two paths; the played share is the first path. */
export function drawWave(svg, bars, share = 0, height = 40) {
  if (svg.bars !== bars) {
    svg.bars = bars;
    svg.played = -1;
    svg.setAttribute("viewBox", `0 0 ${Math.max(1, bars.length) * 4} ${height}`);
  }
  const played = Math.round(bars.length * Math.min(1, Math.max(0, share)));
  if (svg.played === played) return;
  svg.played = played;
  svg.children[0].setAttribute("d", path(bars, 0, played, height / 2));
  svg.children[1].setAttribute("d", path(bars, played, bars.length, height / 2));
}

export function makeWave() {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ class: "wave", preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" })) svg.setAttribute(name, value);
  for (const cls of ["wave-played", "wave-rest"]) {
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("class", cls);
    svg.append(line);
  }
  return svg;
}
