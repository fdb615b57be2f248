/* The next sounds, fetched into memory before a person wants them, so that one starts at once. Plays nothing, tells the
   server nothing, and gives out only the very bytes that were named. */

import { headphones } from "./headphones.js";

const MOST_BYTES = 16 * 1024 * 1024;

export class Preload {
  #kept = new Map();

  /** Holds exactly these: [{url, sha256, bytes}]. What is not among them is let go of. */
  want(files) {
    const wanted = new Map(files.filter((file) => (file.bytes ?? 0) <= MOST_BYTES).map((file) => [file.sha256, file]));
    for (const [sha256, kept] of this.#kept) if (!wanted.has(sha256)) { this.#kept.delete(sha256); letGo(kept); }
    for (const [sha256, { url }] of wanted) if (!this.#kept.has(sha256)) this.#fetch(url, sha256);
  }

  /** The element that holds these bytes, ready to play, now the caller's own; null if they are not there (yet). */
  take(sha256) {
    const kept = this.#kept.get(sha256);
    if (!kept) return null;
    this.#kept.delete(sha256);
    if (!kept.element) kept.stop.abort();
    return kept.element;
  }

  async #fetch(url, sha256) {
    const kept = { element: null, stop: new AbortController() };
    this.#kept.set(sha256, kept);
    try {
      const answer = await fetch(url, { credentials: "same-origin", signal: kept.stop.signal });
      const isTheFile = answer.ok && answer.headers.get("ETag") === `"${sha256}"`;
      if (!isTheFile) throw new TypeError("other bytes");
      const bytes = await answer.blob();
      if (this.#kept.get(sha256) === kept) kept.element = elementOf(bytes);
    } catch { /* then it is asked for when it is played */ }
  }
}

function elementOf(bytes) {
  const element = new Audio();
  element.preload = "auto";
  element.src = URL.createObjectURL(bytes);
  headphones.route(element);
  return element;
}

function letGo({ element, stop }) {
  stop.abort();
  if (!element) return;
  freeBytes(element);
  element.removeAttribute("src");
  element.load();
}

/** Gives back the memory of an element's bytes. */
export function freeBytes(element) {
  if (element.src.startsWith("blob:")) URL.revokeObjectURL(element.src);
}
