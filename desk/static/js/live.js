/* The live line: numbered events over one socket, gaps filled by number over HTTP, so nothing is missed and nothing
   is told twice. A page that slept asks for what it missed; only when that is too much is it told to reload. */

import { io } from "../vendor/socket.io.esm.min.js";
import * as api from "./api.js";
import { learnExact, now } from "./clock.js";

const DELAYS_S = [1, 2, 4, 8, 15];
const GRACE_MS = 2000;
const STATION = document.querySelector('meta[name="station"]')?.content ?? "";
const CLOCK_EVERY_MS = 30000;
const REMEMBERED = 500;

const heard = new Map();

function remember(card) {
  if (!card?.version) return;
  heard.delete(card.id);
  heard.set(card.id, card);
  if (heard.size > REMEMBERED) heard.delete(heard.keys().next().value);
}

/** The newest this page knows of a card it was just given by an answer. An answer may be overtaken by the event that
    follows it: of the same version, what came by event is never the older one. */
export function newest(card) {
  const known = heard.get(card.id);
  return known && known.version >= card.version ? known : card;
}

/** One event for many cards: what it says of a card is known of it from now on. `change` gives the card as it is then,
    or null where nothing changed. */
export function amend(change) {
  for (const [id, card] of heard) {
    const changed = change(card);
    if (changed) heard.set(id, changed);
  }
}

/** Emits `event` (detail: the event), `state` (detail: {state, since, retryAt}), `reload`, `caughtup` (detail: {count}), `signedout`. */
export class Live extends EventTarget {
  constructor(seq) {
    super();
    this.seq = seq;
    this.state = "connecting";
    this.since = null;
    this.retryAt = null;
    this.heardAt = now();
    this.held = new Map();
    this.tries = 0;
    this.catching = null;
    this.timer = 0;
    this.graceTimer = 0;
  }

  start() {
    this.socket = io({ path: "/socket.io", transports: ["websocket"], autoConnect: false, reconnection: false, auth: (give) => give({ ticket: this.ticket }) });
    this.socket.on("connect", () => this.#connected());
    this.socket.on("event", (event) => this.#take(event));
    this.socket.on("disconnect", () => this.#lost());
    this.socket.on("connect_error", () => this.#lost());
    addEventListener("online", () => this.retry());
    addEventListener("offline", () => { this.socket.disconnect(); this.#say("offline"); });
    document.addEventListener("visibilitychange", () => { if (!document.hidden && !this.socket.connected) this.retry(); });
    // A page that comes back from the browser's own store or from sleep asks at once, without waiting for the socket to notice.
    addEventListener("pageshow", (shown) => { if (shown.persisted) { this.socket.disconnect(); this.retry(); } });
    this.#watchSleep();
    setInterval(() => this.#askTime(), CLOCK_EVERY_MS);
    this.#connect();
    return this;
  }

  /** Tries now instead of waiting. */
  retry() {
    clearTimeout(this.timer);
    if (!this.socket.connected) this.#connect();
  }

  async #connect() {
    try {
      const answer = await api.post("/api/v1/socket-ticket");
      // The session was moved to another station in another window: this page shows the wrong one.
      if (STATION && answer.station && String(answer.station) !== STATION) { location.reload(); return; }
      this.ticket = answer.ticket;
      this.socket.connect();
    } catch (error) {
      if (error.status === 401 || error.status === 403) { this.#say("offline"); this.dispatchEvent(new CustomEvent("signedout")); return; }
      this.#lost();
    }
  }

  async #connected() {
    this.tries = 0;
    clearTimeout(this.graceTimer);
    this.graceTimer = 0;
    this.#askTime();
    await this.catchUp();
    this.#say("live");
  }

  /** Studio time, checked over the open line. */
  #askTime() {
    if (!this.socket.connected) return;
    const asked = Date.now();
    this.socket.timeout(5000).emit("ping_clock", {}, (fault, answer) => {
      if (fault || !answer?.now) return;
      learnExact(answer.now, asked, Date.now());
      this.heardAt = now();
    });
  }

  #lost() {
    clearTimeout(this.timer);
    const delay_s = DELAYS_S[Math.min(this.tries, DELAYS_S.length - 1)];
    this.tries += 1;
    const wait_ms = delay_s * 1000 * (0.8 + Math.random() * 0.4);
    this.retryAt = Date.now() + wait_ms;
    this.timer = setTimeout(() => this.#connect(), wait_ms);
    if (this.state === "offline") this.#say("offline");
    else if (!this.graceTimer) this.graceTimer = setTimeout(() => { this.graceTimer = 0; if (!this.socket.connected) this.#say("offline"); }, GRACE_MS);
  }

  #say(state) {
    if (state === "offline" && this.state !== "offline") this.since = now();
    if (state === "live") this.since = this.retryAt = null;
    const changed = this.state !== state;
    this.state = state;
    document.documentElement.dataset.state = state === "offline" ? "offline" : "live";
    this.dispatchEvent(new CustomEvent("state", { detail: { state, changed, since: this.since, retryAt: this.retryAt } }));
  }

  #take(event) {
    this.heardAt = now();
    if (event.seq <= this.seq) return;
    this.held.set(event.seq, event);
    this.#release();
    if (this.held.size) this.catchUp();
  }

  #release() {
    while (this.held.has(this.seq + 1)) {
      const event = this.held.get(this.seq + 1);
      this.held.delete(event.seq);
      this.seq = event.seq;
      this.#tell(event);
    }
  }

  #tell(event) {
    remember(event.payload?.card);
    this.dispatchEvent(new CustomEvent("event", { detail: event }));
    document.dispatchEvent(new CustomEvent("desk:event", { detail: event })); // for what every page shows
  }

  /** Asks for everything after the last number; one request at a time. */
  catchUp() {
    this.catching ??= this.#ask().finally(() => { this.catching = null; });
    return this.catching;
  }

  async #ask() {
    let count = 0;
    try {
      for (;;) {
        const before = this.seq;
        const answer = await api.get(api.withQuery("/api/v1/events", { after: this.seq }));
        this.heardAt = now();
        if (answer.reload) { this.dispatchEvent(new CustomEvent("reload")); return; }
        // The answer is complete up to its number: numbers it leaves out were not for this person.
        for (const event of answer.events) {
          if (event.seq <= this.seq) continue;
          this.seq = event.seq;
          count += 1;
          this.#tell(event);
        }
        this.seq = Math.max(this.seq, answer.seq ?? 0);
        for (const seq of this.held.keys()) if (seq <= this.seq) this.held.delete(seq);
        this.#release();
        if (this.seq <= before || this.held.size === 0) break;
      }
      if (count) this.dispatchEvent(new CustomEvent("caughtup", { detail: { count } }));
    } catch {
      // The line is down; the next connection asks again from the same number.
    }
  }

  #watchSleep() {
    let last = Date.now();
    setInterval(() => {
      const gap_ms = Date.now() - last;
      last = Date.now();
      if (gap_ms < 30000) return;
      if (this.socket.connected) this.catchUp();
      else this.retry();
    }, 5000);
  }
}
