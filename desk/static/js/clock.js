/* Studio time: the server's clock as this page knows it. Every answer of the server narrows down the difference;
   one ticker per page drives all clocks and countdowns. */

let low = -Infinity;
let high = Infinity;
let checkedAt = 0;
const listeners = new Set();

/** The Date header of an answer says the second in which it was made, between asking and hearing. */
export function learn(dateHeader, askedAt, heardAt) {
  const second = Date.parse(dateHeader ?? "");
  if (Number.isNaN(second)) return;
  const from = second - heardAt;
  const to = second + 1000 - askedAt;
  if (from > high || to < low) {
    low = from;
    high = to;
  } else {
    low = Math.max(low, from);
    high = Math.min(high, to);
  }
  checkedAt = heardAt;
}

/** An exact time of the server, heard between asking and hearing. */
export function learnExact(iso, askedAt, heardAt) {
  const at = Date.parse(iso ?? "");
  if (Number.isNaN(at)) return;
  low = at - heardAt;
  high = at - askedAt;
  checkedAt = heardAt;
}

/** The page itself was made a moment before it was read. */
export function start(iso) {
  const made = Date.parse(iso ?? "");
  if (!Number.isNaN(made)) learn(new Date(made).toUTCString(), performance.timeOrigin, Date.now());
}

const offset = () => (Number.isFinite(low) && Number.isFinite(high) ? (low + high) / 2 : 0);
export const now = () => Date.now() + offset();
/** Unchecked for two minutes: the time is shown with ≈. */
export const isSure = () => Date.now() - checkedAt < 120000;

/** Calls back once a second, near the turn of the studio second. */
export function everySecond(callback) {
  listeners.add(callback);
  return () => listeners.delete(callback);
}

function tick() {
  const at = now();
  for (const callback of listeners) callback(at);
  setTimeout(tick, 1000 - (now() % 1000) + 5);
}
setTimeout(tick, 0);
