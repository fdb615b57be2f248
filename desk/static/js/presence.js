/* Who is here: initials in the top bar, and with a ring on the card that somebody looks at or listens to. This page says
   where it is when that changes, at most every five seconds; the server tells screens what the others do. */

import { avatar, el, icon } from "./dom.js";
import { player } from "./player.js";
import { t, tn } from "./words.js";

const ME = Number(document.querySelector('meta[name="me"]')?.content ?? 0);
const EVERY_MS = 5000;
const MOST_SHOWN = 5;
const people = new Map();
let socket = null;
let cardNow = () => null;
let changed = () => {};
let isPaused = false;
let held = [];
let said = "";
let saidAt = 0;
let timer = 0;

/* ---------- saying where this page is ---------- */

function say(asks = false) {
  clearTimeout(timer);
  timer = 0;
  if (!socket?.connected) return;
  const card = isPaused ? null : cardNow();
  const listens = card !== null && player.isOn(card) && player.isPlaying;
  const place = `${card}:${listens}`;
  if (!asks && place === said) return;
  const wait_ms = asks ? 0 : saidAt + EVERY_MS - Date.now();
  if (wait_ms > 0) { timer = setTimeout(say, wait_ms); return; }
  said = place;
  saidAt = Date.now();
  socket.emit("presence", { card, listens, asks }, (answer) => { if (asks) begin(answer?.people ?? []); });
}

/** This page went to another card, or plays, or stopped. */
export const moved = () => { timer ||= setTimeout(say, 100); };

/* ---------- hearing of others ---------- */

function begin(everybody) {
  const before = watched();
  people.clear();
  for (const one of everybody) people.set(one.key, one);
  redraw(before);
}

function hear({ changed: came = [], gone = [] }) {
  if (isPaused) { held.push({ changed: came, gone }); return; }
  const before = watched();
  for (const one of came) people.set(one.key, one);
  for (const key of gone) people.delete(key);
  redraw(before);
}

/** Card by card who of the others is at it: {card: [person]}, one entry for each person, whoever listens first. */
function watched() {
  const at = new Map();
  for (const one of people.values()) {
    if (one.id === ME || one.card === null) continue;
    const there = at.get(one.card) ?? new Map();
    if (!there.get(one.id)?.listens) there.set(one.id, one);
    at.set(one.card, there);
  }
  return at;
}

const sign = (there) => [...(there?.values() ?? [])].map((one) => `${one.id}${one.listens}`).join();

function redraw(before) {
  const after = watched();
  for (const id of new Set([...before.keys(), ...after.keys()])) if (sign(before.get(id)) !== sign(after.get(id))) changed(id);
  drawHere();
}

const wordsOf = (one) => (one.listens ? t("%(name)s listens", { name: one.name }) : t("%(name)s looks at it", { name: one.name }));
const ringed = (one, size) => { const face = avatar(one, size); face.title = wordsOf(one); face.classList.add("ringed"); face.classList.toggle("is-listening", one.listens); return face; };

/** Brings the rings on a card's element up to date. */
export function showWatchers(element, id) {
  const there = [...(watched().get(id)?.values() ?? [])];
  const now = sign(new Map(there.map((one) => [one.id, one])));
  if ((element.watchers ?? "") === now) return;
  element.watchers = now;
  element.querySelector(".watchers")?.remove();
  if (!there.length) return;
  const faces = el("span.watchers", {}, there.slice(0, 3).map((one) => ringed(one, "xs")), there.some((one) => one.listens) && icon("headphones"), el("span.vh", {}, there.map(wordsOf).join(", ")));
  element.querySelector(".card-time")?.before(faces);
}

/** The same for a box that shows one card. */
export function drawWatchers(box, id) {
  const there = [...(watched().get(id)?.values() ?? [])];
  box.hidden = there.length === 0;
  box.replaceChildren(...there.map((one) => el("span.watcher", {}, ringed(one, "xs"), el("span", {}, wordsOf(one)))));
}

function drawHere() {
  const box = document.getElementById("here");
  if (!box) return;
  const others = [...new Map([...people.values()].filter((one) => one.id !== ME).map((one) => [one.id, one])).values()].sort((a, b) => a.name.localeCompare(b.name));
  box.hidden = others.length === 0;
  box.title = others.map((one) => one.name).join(", ");
  box.replaceChildren(...others.slice(0, MOST_SHOWN).map((one) => { const face = avatar(one, "s"); face.setAttribute("aria-hidden", "true"); return face; }),
    others.length > MOST_SHOWN && el("span.more", { "aria-hidden": "true" }, `+${others.length - MOST_SHOWN}`),
    el("span.vh", {}, `${tn("%(num)s colleague is here", "%(num)s colleagues are here", others.length)}: ${box.title}`));
  for (const one of [...box.childNodes]) if (one.nodeType === Node.TEXT_NODE) one.remove();
}

/** Ids of people who are here now, this one apart. */
export const idsHere = () => new Set([...people.values()].map((one) => one.id));

/* ---------- wiring ---------- */

/** Pause: nothing moves on this page, and it says nothing of itself; afterwards everything is as it is then. */
export function pausePresence(isOn) {
  isPaused = isOn;
  if (isOn) { said = ""; saidAt = 0; say(); return; }
  const kept = held;
  held = [];
  kept.forEach(hear);
  moved();
}

/** `live`: the page's line; `card()` gives the card this person is at, `redrawn(id)` is told whose rings changed. */
export function startPresence(live, { card, redrawn }) {
  cardNow = card;
  changed = redrawn;
  ({ socket } = live);
  socket.on("connect", () => { said = ""; saidAt = 0; say(true); });
  socket.on("presence", hear);
  socket.on("disconnect", () => begin([]));
  player.addEventListener("change", moved);
}
