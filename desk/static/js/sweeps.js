/* One verdict on many cards: the bar that says what it will do before it does it, how far it is, what came of it, and the
   way back. The work itself is the server's; every screen of the person who asked for it hears how far it is. */

import * as api from "./api.js";
import { ask, closeBar, isOpenBar, openBar } from "./bar.js";
import { announce, button, el, errorText, icon } from "./dom.js";
import * as outbox from "./outbox.js";
import { close as closeNote, keepStep, note, undoLast, warn } from "./toast.js";
import { clockTime, number, t, tn } from "./words.js";

const ME = Number(document.querySelector('meta[name="me"]')?.content ?? 0);
/** What is over before is no matter for a bar. */
const SHOWN_AFTER_MS = 1000;
const ASK_AGAIN_MS = 4000;
const path = (sweep, what) => `/api/v1/sweeps/${sweep.id}/${what}`;

/* ---------- words ---------- */

const KINDS = {
  voice: (num) => tn("%(num)s voice note", "%(num)s voice notes", num),
  audio: (num) => tn("%(num)s audio file", "%(num)s audio files", num),
  image: (num) => tn("%(num)s photo", "%(num)s photos", num),
  video: (num) => tn("%(num)s film", "%(num)s films", num),
  text: (num) => tn("%(num)s text", "%(num)s texts", num),
};

export function kindWords(kinds) {
  const rest = Object.entries(kinds).filter(([kind]) => !KINDS[kind]).reduce((sum, [, cards]) => sum + cards, 0);
  const named = Object.entries(kinds).filter(([kind]) => KINDS[kind]).sort(([, a], [, b]) => b - a).map(([kind, cards]) => KINDS[kind](cards));
  return [...named, rest ? tn("%(num)s of another kind", "%(num)s of other kinds", rest) : ""].filter(Boolean).join(", ");
}

const STATES = {
  shortlisted: (num) => tn("%(num)s is shortlisted and stays.", "%(num)s are shortlisted and stay.", num),
  in_studio: (num) => tn("%(num)s is in the studio and stays.", "%(num)s are in the studio and stay.", num),
  planned: (num) => tn("%(num)s is planned and stays.", "%(num)s are planned and stay.", num),
  on_air: (num) => tn("%(num)s is on air and stays.", "%(num)s are on air and stay.", num),
  aired: (num) => tn("%(num)s was aired and stays.", "%(num)s were aired and stay.", num),
};

const OUTCOMES = {
  held: (num, name) => tn("%(num)s is held by %(name)s and stays.", "%(num)s are held by %(name)s and stay.", num, { name }),
  changed: (num, name) => (name ? tn("%(num)s was changed by %(name)s and stays.", "%(num)s were changed by %(name)s and stay.", num, { name }) : tn("%(num)s was changed since and stays.", "%(num)s were changed since and stay.", num)),
  kept: (num, name) => OUTCOMES.changed(num, name),
  already: (num) => tn("%(num)s was so already.", "%(num)s were so already.", num),
  elsewhere: (num, _name, names) => (names?.length ? tn("%(num)s is an entry of another campaign and stays (%(names)s).", "%(num)s are entries of other campaigns and stay (%(names)s).", num, { names: names.join(", ") }) : tn("%(num)s stands in another campaign and stays.", "%(num)s stand in another campaign and stay.", num)),
  by_hand: (num) => tn("%(num)s was sorted by hand and stays.", "%(num)s were sorted by hand and stay.", num),
  withdrawn: (num) => tn("%(num)s was withdrawn by its sender and stays out.", "%(num)s were withdrawn by their senders and stay out.", num),
  blocked: (num) => tn("%(num)s is from a blocked sender and stays out.", "%(num)s are from blocked senders and stay out.", num),
  unfit: (num) => tn("%(num)s does not fit the keywords any more.", "%(num)s do not fit the keywords any more.", num),
  gone: (num) => tn("%(num)s is not there any more.", "%(num)s are not there any more.", num),
};

/** What did not go with the others, each in a sentence of its own. */
export function whatStays(results) {
  return results.filter((one) => !["done", "undone"].includes(one.outcome)).map((one) => {
    if (one.outcome === "fixed") return (STATES[one.state] ?? ((num) => tn("%(num)s cannot and stays.", "%(num)s cannot and stay.", num)))(one.cards);
    return OUTCOMES[one.outcome]?.(one.cards, one.name, one.names) ?? "";
  }).filter(Boolean);
}

const stays = (results) => whatStays(results).join(" ");

const amountOf = (results, outcome) => results.find((one) => one.outcome === outcome)?.cards ?? 0;
const sumOf = (results) => results.reduce((sum, one) => sum + one.cards, 0);
export const goesFor = (sweep) => Object.values(sweep.kinds).reduce((sum, cards) => sum + cards, 0);

const DOING = { rejected: () => t("Rejecting"), shortlisted: () => t("Shortlisting"), new: () => t("Putting back to new") };
const HAS_DONE = {
  rejected: (values) => t("%(done)s of %(all)s rejected.", values),
  shortlisted: (values) => t("%(done)s of %(all)s shortlisted.", values),
  new: (values) => t("%(done)s of %(all)s put back to new.", values),
};
const nameOf = (sweep) => (sweep.act === "campaign" ? t("Sorting into %(name)s", { name: sweep.wanted.name }) : DOING[sweep.wanted.to]());

export function resultText(sweep) {
  const isBack = sweep.back.length > 0 || sweep.state === "undone" || sweep.state === "undoing";
  const values = isBack
    ? { done: number(amountOf(sweep.back, "undone")), all: number(amountOf(sweep.results, "done")) }
    : { done: number(amountOf(sweep.results, "done")), all: number(sweep.cards) };
  const first = isBack ? t("%(done)s of %(all)s taken back.", values)
    : sweep.act === "campaign" ? t("%(done)s of %(all)s sorted into %(name)s.", { ...values, name: sweep.wanted.name }) : HAS_DONE[sweep.wanted.to](values);
  return [sweep.state === "stopped" ? t("Stopped.") : "", first, stays(isBack ? sweep.back : sweep.results)].filter(Boolean).join(" ");
}

/* ---------- how far it is ---------- */

const followed = new Map();
let strip = null;
let watch = 0;

const isUnderway = (sweep) => sweep.state === "running" || sweep.state === "undoing";
const isNewer = (sweep, known) => !known || sweep.started_at > known.started_at || (sweep.started_at === known.started_at && sumOf(sweep.results) + sumOf(sweep.back) + !isUnderway(sweep) > sumOf(known.results) + sumOf(known.back) + !isUnderway(known));

/** A sweep as the server says it is now; `isOwn` also where somebody else's was asked back here. */
export function heard({ sweep }, isOwn = sweep.by.id === ME) {
  const known = followed.get(sweep.id);
  if ((!isOwn && !known) || !isNewer(sweep, known?.sweep)) return;
  const isAgain = known && known.sweep.started_at === sweep.started_at;
  followed.set(sweep.id, { sweep, since: isAgain ? known.since : Date.now() });
  if (isUnderway(sweep)) {
    const { since } = followed.get(sweep.id);
    if (Date.now() - since >= SHOWN_AFTER_MS) drawStrip(sweep);
    clearTimeout(watch);
    watch = setTimeout(() => again(sweep), ASK_AGAIN_MS);
    return;
  }
  if (strip?.dataset.sweep === String(sweep.id)) closeStrip();
  if (isAgain && !isUnderway(known.sweep)) return;
  const text = resultText(sweep);
  if (sweep.state === "undone" || !amountOf(sweep.results, "done")) { note(text, { ic: sweep.state === "undone" ? "undo" : "info" }); return; }
  keepStep(`sweep-${sweep.id}`, text, (answer) => { if (answer) heard(answer, true); }, () => api.post(path(sweep, "undo")));
  note(text, { undo: () => undoLast(`sweep-${sweep.id}`), seconds: 12 });
}

/** The line may be down: asked is how far it is. */
async function again(sweep) {
  try { heard(await api.get(`/api/v1/sweeps/${sweep.id}`), true); } catch { /* asked again below */ }
  if (isUnderway(followed.get(sweep.id).sweep)) watch = setTimeout(() => again(sweep), ASK_AGAIN_MS);
}

function closeStrip() {
  strip?.remove();
  strip = null;
}

function drawStrip(sweep) {
  const isBack = sweep.state === "undoing";
  const of = isBack ? amountOf(sweep.results, "done") : sweep.cards;
  const at = sumOf(isBack ? sweep.back : sweep.results);
  if (strip?.dataset.sweep !== String(sweep.id)) {
    closeStrip();
    strip = el("div.toast.sweepstrip", { "data-sweep": sweep.id, role: "group", "aria-label": t("Sweep") },
      icon("layers"), el("span", {}), el("progress.bar", { "aria-label": t("How far it is") }), button(t("Stop"), { ic: "stop", cls: "sm", onclick: () => send(path(sweep, "stop")) }));
    document.querySelector(".dock").prepend(strip);
    announce(`${isBack ? t("Taking back") : nameOf(sweep)} …`);
  }
  strip.querySelector("span").textContent = t("%(what)s: %(at)s of %(of)s", { what: isBack ? t("Taking back") : nameOf(sweep), at: number(at), of: number(of) });
  Object.assign(strip.querySelector("progress"), { max: Math.max(1, of), value: at });
}

async function send(where) {
  try { heard(await api.post(where), true); } catch (error) { warn(errorText(error)); }
}

/* ---------- asking for one ---------- */

/** One verdict on the cards of a selection, [[id, version]], at once. While the line is down it waits like any verdict. */
export async function sweepCards(to, cards, held = () => {}) {
  try {
    heard(await outbox.send("/api/v1/sweeps", { to, cards, key: api.idempotencyKey(), start: true }, held), true);
  } catch (error) {
    warn(errorText(error));
  }
}

const REJECT = (num) => tn("Reject %(num)s", "Reject %(num)s", num);

/** Says what rejecting all that is left would do: down to here (`cards`, those `among` these states) or in the whole filter; does it on a press. */
export async function askAboutLeft({ cards, among, filter }) {
  closeNote();
  const scopes = { cards: { cards: cards(), among: among() }, filter: { filter: filter() } };
  let scope = scopes.cards.cards.length ? "cards" : "filter";
  const bar = openBar(t("Reject what is left"));
  const show = async () => {
    ask("loader", t("Counting what is left …"), [], () => {});
    let sweep;
    try {
      ({ sweep } = await api.post("/api/v1/sweeps", { to: "rejected", key: api.idempotencyKey(), ...scopes[scope] }));
    } catch (error) {
      if (isOpenBar(bar)) closeBar();
      warn(errorText(error));
      return;
    }
    if (isOpenBar(bar)) offer(sweep);
  };
  const offer = (sweep) => {
    const num = goesFor(sweep);
    const words = [
      num ? t("%(count)s: %(kinds)s.", { count: tn("%(num)s card left", "%(num)s cards left", num), kinds: kindWords(sweep.kinds) }) : t("Nothing is left here without a verdict."),
      stays(sweep.results), sweep.is_cut ? t("There are more; these are the newest.") : "",
    ].filter(Boolean).join(" ");
    announce(words);
    const other = scope === "cards" ? t("All in this filter") : t("Only down to here");
    const choices = [num && { digit: 1, label: REJECT(num) }, (scope === "filter" ? scopes.cards.cards.length > 0 : true) && { digit: 2, label: other }].filter(Boolean);
    ask("ban", words, choices, (digit) => {
      if (digit === 2) { scope = scope === "cards" ? "filter" : "cards"; show(); return; }
      closeBar();
      send(path(sweep, "start"));
    });
  };
  await show();
}

/* ---------- what was swept ---------- */

function row(sweep) {
  const what = sweep.state === "running" || sweep.state === "undoing" ? `${nameOf(sweep)} …` : resultText(sweep);
  const mayUndo = ["done", "stopped", "running"].includes(sweep.state) && amountOf(sweep.results, "done") > 0;
  return el("li", {}, el("span.sweep-when", {}, `${clockTime(sweep.created_at)} ${sweep.by.name}`), el("span.sweep-what", {}, what),
    mayUndo && button(t("Take all back"), { ic: "undo", cls: "sm", onclick: () => { document.getElementById("sweep-menu").hidePopover(); send(path(sweep, "undo")); } }));
}

async function fillList(list) {
  list.replaceChildren(el("li.sweep-none", {}, t("Loading …")));
  try {
    const { sweeps } = await api.get("/api/v1/sweeps");
    list.replaceChildren(...(sweeps.length ? sweeps.map(row) : [el("li.sweep-none", {}, t("Nothing was decided in one go since yesterday."))]));
  } catch (error) {
    list.replaceChildren(el("li.sweep-none", {}, errorText(error)));
  }
}

/** Wires the menu: what is left, and what was swept during the show. */
export function startSweeps(askNow) {
  const menu = document.getElementById("sweep-menu");
  if (!menu) return;
  const opener = document.getElementById("sweep-open");
  menu.addEventListener("toggle", ({ newState }) => {
    opener.setAttribute("aria-expanded", String(newState === "open"));
    if (newState !== "open") return;
    const box = opener.getBoundingClientRect();
    if (!matchMedia("(max-width: 820px)").matches) {
      menu.style.left = `${Math.max(8, Math.min(box.left, innerWidth - menu.offsetWidth - 8))}px`;
      menu.style.top = `${box.bottom + 6}px`;
    } else menu.removeAttribute("style");
    menu.querySelector("button").focus();
    fillList(menu.querySelector("ul"));
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    menu.hidePopover();
    opener.focus();
  });
  document.getElementById("sweep-left").addEventListener("click", () => { menu.hidePopover(); askNow(); });
}

/* ---------- the finger ---------- */

const LONG_MS = 450;
const SLIP_PX = 10;

/** A long press of a finger on a card selects it; while something is selected a tap does. `pick(id)`, `isPicking()`. */
export function startLongPress(grid, { pick, isPicking }) {
  let timer = 0;
  let from = null;
  let isSwallowed = false;
  const end = () => { clearTimeout(timer); from = null; };
  grid.addEventListener("pointerdown", (event) => {
    isSwallowed = false;
    const card = event.target.closest(".card");
    if (event.pointerType !== "touch" || !card || event.target.closest("button, a, input")) return;
    from = event;
    clearTimeout(timer);
    timer = setTimeout(() => { isSwallowed = true; navigator.vibrate?.(15); pick(Number(card.dataset.id)); }, LONG_MS);
  });
  grid.addEventListener("pointermove", (event) => { if (from && Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) > SLIP_PX) end(); });
  for (const type of ["pointerup", "pointercancel"]) grid.addEventListener(type, end);
  grid.addEventListener("contextmenu", (event) => { if (from || isSwallowed) event.preventDefault(); });
  grid.addEventListener("click", (event) => {
    const card = event.target.closest(".card");
    const isTap = event.pointerType === "touch" && isPicking() && card && !event.target.closest("button, a, input");
    if (!isSwallowed && !isTap) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!isSwallowed) pick(Number(card.dataset.id));
    isSwallowed = false;
  }, { capture: true });
}
