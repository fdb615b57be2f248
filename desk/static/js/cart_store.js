/* Items of the studio in this page's memory: fetched ahead, checked against their content hash, decoded. Only what is
   checked and decodes counts as ready, so "playable offline" is said when it is true. What leaves the presenter's list
   leaves this store at once. Nothing is written to the browser's disk. */

import { chosen, devices, keepChosen } from "./outputs.js";

const DECODED_AHEAD = 3;
const RATE_HZ = 48000;
const RETRY_MS = 4000;

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Emits `change` when an item became ready or failed. States: waiting, loading, ready, failed. */
export class CartStore extends EventTarget {
  #items = new Map();
  #wanted = [];
  #isWorking = false;
  #timer = 0;

  /** The carts in the order they will be needed; everything else is dropped, except `keep` (what is on air now). */
  want(carts, keep = null) {
    this.#wanted = carts.filter((cart) => cart.audio_url && cart.sha256);
    const hashes = new Set(this.#wanted.map((cart) => cart.sha256));
    if (keep) hashes.add(keep);
    for (const sha256 of this.#items.keys()) if (!hashes.has(sha256)) this.#items.delete(sha256);
    this.#work();
  }

  state(cart) { return this.#items.get(cart?.sha256)?.state ?? "waiting"; }
  isReady(cart) { return this.state(cart) === "ready"; }
  get readyCount() { return this.#wanted.filter((cart) => this.isReady(cart)).length; }

  /** The decoded sound, or null while it is not in memory decoded. */
  sound(cart) { return this.#items.get(cart?.sha256)?.sound ?? null; }

  /** Decodes now if only the bytes are here; null if they are not. */
  async decode(cart) {
    const item = this.#items.get(cart?.sha256);
    if (item?.state !== "ready") return null;
    item.sound ??= await decoded(item.bytes);
    return item.sound;
  }

  /** Tries again what failed, now. */
  retry() {
    for (const [sha256, item] of this.#items) if (item.state === "failed") this.#items.delete(sha256);
    this.#work();
  }

  async #work() {
    if (this.#isWorking) return;
    this.#isWorking = true;
    clearTimeout(this.#timer);
    try {
      for (let next = this.#next(); next; next = this.#next()) await this.#load(next);
      await this.#decodeAhead();
    } finally {
      this.#isWorking = false;
    }
    if (this.#wanted.some((cart) => this.state(cart) === "failed")) this.#timer = setTimeout(() => this.retry(), RETRY_MS);
    else if (this.#next()) this.#work();
  }

  #next() { return this.#wanted.find((cart) => !this.#items.has(cart.sha256)); }

  async #load(cart) {
    const item = { state: "loading", bytes: null, sound: null };
    this.#items.set(cart.sha256, item);
    try {
      const answer = await fetch(cart.audio_url, { credentials: "same-origin", cache: "no-store" });
      if (!answer.ok) throw new Error(`http ${answer.status}`);
      const bytes = await answer.arrayBuffer();
      if (hex(await crypto.subtle.digest("SHA-256", bytes)) !== cart.sha256) throw new Error("other bytes");
      item.sound = await decoded(bytes);
      item.bytes = bytes;
      item.state = "ready";
    } catch {
      item.state = "failed";
      item.sound = null;
    }
    this.dispatchEvent(new CustomEvent("change", { detail: { cart, state: item.state } }));
    await this.#decodeAhead();
  }

  /** The next few stay decoded for an instant start; of the others only the checked bytes are kept. */
  async #decodeAhead() {
    const near = new Set(this.#wanted.slice(0, DECODED_AHEAD).map((cart) => cart.sha256));
    for (const [sha256, item] of this.#items) {
      if (item.state !== "ready") continue;
      if (near.has(sha256)) item.sound ??= await decoded(item.bytes);
      else item.sound = null;
    }
  }
}

/** Decoding takes the buffer away, so it gets a copy; this kind of context never sounds. */
const decoded = (bytes) => new OfflineAudioContext(2, 1, RATE_HZ).decodeAudioData(bytes.slice(0));

const FADE_MS = 1500;
const STOP_MS = 8;

/** One named output: at most one sound at a time, from a press, to the device that was chosen for it. */
export class Output extends EventTarget {
  #context = null;
  #source = null;
  #gain = null;
  #startedAt = 0;
  #length_s = 0;

  constructor(name) {
    super();
    this.name = name;
    this.device = chosen(name);
    this.isMissing = false;
  }

  static get canChoose() { return "setSinkId" in (globalThis.AudioContext?.prototype ?? {}); }

  get isPlaying() { return this.#source !== null; }
  get played_s() { return this.isPlaying ? Math.min(this.#length_s, Math.max(0, this.#context.currentTime - this.#startedAt)) : 0; }

  /** Call inside a person's press: some browsers only then let a context run. */
  prepare() {
    this.#context ??= new AudioContext({ latencyHint: "interactive" });
    return this.#context;
  }

  async choose(device) {
    this.device = device;
    keepChosen(this.name, device);
    await this.#route();
    this.dispatchEvent(new CustomEvent("change"));
  }

  /** Plays from the beginning. Refuses when the chosen device is gone: sound never goes anywhere else. */
  async play(sound) {
    this.stop();
    const context = this.prepare();
    await this.#route();
    if (this.isMissing) return false;
    if (context.state !== "running") await context.resume();
    const source = new AudioBufferSourceNode(context, { buffer: sound });
    this.#gain = new GainNode(context);
    source.connect(this.#gain).connect(context.destination);
    this.#source = source;
    this.#startedAt = context.currentTime;
    this.#length_s = sound.duration;
    source.onended = () => this.#ended(source, sound.duration);
    source.start();
    this.dispatchEvent(new CustomEvent("start"));
    return true;
  }

  /** Ends the sound, softly enough not to click; `ms` longer for a fade. Emits `end` once it is silent. */
  stop(ms = STOP_MS) {
    if (!this.isPlaying) return;
    const source = this.#source;
    const at = this.#context.currentTime;
    this.#gain.gain.setValueAtTime(this.#gain.gain.value, at);
    this.#gain.gain.linearRampToValueAtTime(0, at + ms / 1000);
    source.stop(at + ms / 1000);
    if (ms <= STOP_MS) this.#ended(source, this.played_s);
  }

  fade() { this.stop(FADE_MS); }

  #ended(source, most_s) {
    if (this.#source !== source) return;
    const played_s = Math.min(most_s, this.played_s);
    this.#source = null;
    this.dispatchEvent(new CustomEvent("end", { detail: { played_s } }));
  }

  async #route() {
    if (!this.device || !this.#context || !Output.canChoose) return;
    if (this.#context.sinkId === this.device.id) return;
    try {
      await this.#context.setSinkId(this.device.id);
      this.isMissing = false;
    } catch {
      this.isMissing = true;
    }
  }

  /** Looks whether the chosen device is still there; when it vanishes what plays stops and the control locks. */
  async check() {
    if (!this.device) { this.isMissing = false; return; }
    const there = (await devices()).some((one) => one.id === this.device.id);
    if (!there && this.isPlaying) this.stop();
    if (this.isMissing === !there) return;
    this.isMissing = !there;
    this.dispatchEvent(new CustomEvent("change"));
  }
}

/** One second of a soft tone at -30 dBFS, for finding the headphones. */
export function testTone(output) {
  const context = output.prepare();
  const samples = new Float32Array(RATE_HZ).map((_, at) => 0.0316 * Math.sin((2 * Math.PI * 440 * at) / RATE_HZ) * Math.min(1, at / 2400, (RATE_HZ - at) / 2400));
  const sound = new AudioBuffer({ length: RATE_HZ, sampleRate: RATE_HZ, numberOfChannels: 1 });
  sound.copyToChannel(samples, 0);
  context.resume();
  return output.play(sound);
}
