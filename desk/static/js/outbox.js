/* Decisions made while the line is down: kept in memory in order, sent when the server answers again.
   Nothing about listeners is written to the browser's store. */

import * as api from "./api.js";

const LIMIT = 200;
const waiting = [];
let isSending = false;
const events = new EventTarget();

export const count = () => waiting.length;
export const onChange = (callback) => events.addEventListener("change", callback);
const changed = () => events.dispatchEvent(new Event("change"));

/** Sends now, or keeps the request when the server is not reached. `body` may be a function, asked at the moment of
    sending. Resolves with the answer; rejects with what the server says. */
export function send(path, body, onHeld = null) {
  return new Promise((resolve, reject) => {
    if (waiting.length >= LIMIT) { reject(new api.ApiError(0)); return; }
    waiting.push({ path, body, resolve, reject, onHeld, isHeld: false });
    if (waiting.length > 1) onHeld?.();
    changed();
    flush();
  });
}

/** Takes back what waits, the last with this path; false if there is none or it is on its way. */
export function withdraw(path) {
  const at = waiting.findLastIndex((one) => one.path === path);
  if (at < 0 || (at === 0 && isSending)) return false;
  const [one] = waiting.splice(at, 1);
  one.reject(Object.assign(new Error("withdrawn"), { isWithdrawn: true }));
  changed();
  return true;
}

/** Sends what waits, one after the other; stops at the first that does not reach the server. */
export async function flush() {
  if (isSending) return;
  isSending = true;
  try {
    while (waiting.length) {
      const next = waiting[0];
      try {
        const answer = await api.post(next.path, typeof next.body === "function" ? next.body() : next.body, { timeout_ms: 8000 });
        waiting.shift();
        next.resolve(answer);
      } catch (error) {
        if (error.isUnreachable) {
          for (const one of waiting) if (!one.isHeld) { one.isHeld = true; one.onHeld?.(); }
          return;
        }
        waiting.shift();
        next.reject(error);
      } finally {
        changed();
      }
    }
  } finally {
    isSending = false;
  }
}

addEventListener("beforeunload", (event) => { if (waiting.length) event.preventDefault(); });
