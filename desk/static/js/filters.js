/* What of the wall somebody wants to see: read from the address and written to it, so that every filter is a link and the
   way back works; and whether a card that comes or changes belongs to it, decided as the server does. */

import * as api from "./api.js";
import { isFor } from "./assign.js";
import { isMine, isTheirs } from "./card.js";
import { now } from "./clock.js";
import { el, icon } from "./dom.js";
import { bind } from "./keys.js";
import { number, t } from "./words.js";

const $ = (id) => document.getElementById(id);
const FACETS = ["sender", "consent", "length", "quality", "language"];
const CHOICES = [...FACETS, "assigned", "show", "time"];
const NONE = { assigned: "", state: "all", kind: "", campaign: "", sender: "", consent: "", length: "", quality: "", language: "", time: "", show: "", order: "", text: "", exact: "" };
/** These say nothing of which cards belong to what is looked at. */
const MANNERS = ["exact", "order"];
const HOUR_MS = 3600000;
const COUNT_AGAIN_MS = 5000;
export const filters = { ...NONE };
let asked = null;
let show = null;
let told = () => {};
let cardOf = () => undefined;

/* ---------- words ---------- */

const UMLAUTS = { ä: "ae", ö: "oe", ü: "ue", ß: "ss", æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", ς: "σ" };
const MARKS = /[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]/g;

/** Text as the server looks through it: one space before each word, small letters, umlauts spelled out. */
export function fold(text) {
  const spelled = (text ?? "").normalize("NFKC").toLowerCase().normalize("NFC").replace(/[äöüßæœøłđς]/g, (letter) => UMLAUTS[letter]);
  return spelled.normalize("NFKD").replace(MARKS, "").split(/\s+/).filter(Boolean).map((word) => ` ${word}`).join("");
}

/** What is looked for until the server has said which spellings and words belong to it. */
function ownSearch(text) {
  const terms = fold(text).split(" ").filter(Boolean);
  return text ? { parts: terms.filter((term) => term.length > 2).map((term) => [term]), starts: terms.filter((term) => term.length < 3) } : null;
}

/** What the server looked for on the newest page; what comes later is held against the same words. */
export function learnSearch(search) {
  asked = search ?? ownSearch(filters.text);
  drawChips();
}

function saysIt(card, { parts, starts }) {
  const { listener } = card;
  if (listener.is_blocked || (!parts.length && !starts.length)) return false;
  const said = (card.media ?? []).map((media) => media.transcript?.text);
  const noted = [card.about, card.note, ...(card.tags ?? []).map((tag) => tag.name)];
  const folded = [card.text, ...said, listener.first_name, listener.alias, listener.place, ...noted].map(fold).join("");
  return parts.every((group) => group.some((part) => folded.includes(part))) && starts.every((start) => folded.includes(` ${start}`));
}

/* ---------- one card ---------- */

export const leaseOf = (card) => isMine(card) || isTheirs(card);

function isInState(card, given) {
  return given.state.split(",").some((state) => {
    if (state === "all") return card.state !== "mood";
    if (state === "claimed") return leaseOf(card) && (card.state === "new" || card.state === "claimed");
    return card.state === state && !(state === "new" && leaseOf(card));
  });
}

const zone = document.querySelector('meta[name="time-zone"]')?.content || undefined;
const days = new Intl.DateTimeFormat("sv-SE", { timeZone: zone });  // 2026-11-19, as the address has it
const dayOf = (at) => days.format(new Date(at));

/** Learns from a page when the broadcast was that it is bounded by. */
export function learnShow({ since, until }) { show = filters.show && since ? { since: Date.parse(since), until: Date.parse(until) } : null; }

const isInShow = (card) => show === null || (Date.parse(card.placed_at) >= show.since && Date.parse(card.placed_at) < show.until);

export const isOldestFirst = () => filters.order === "oldest";

function isInTime(card, { time }) {
  if (!time) return true;
  if (time === "hour") return new Date(card.placed_at) >= now() - HOUR_MS;
  return dayOf(card.placed_at) === (time === "today" ? dayOf(now()) : time);
}

/** What stands under another card is no card by itself, unless the other one is not among what is looked at. */
function isFolded(card, given) {
  if (!card.under || given.text) return false;
  const upper = cardOf(card.under);
  return upper ? isInManner(upper, given) : !CHOICES.some((name) => given[name]);
}

/** The filters that what stands as one card may differ in. */
function isInManner(card, given) {
  if (!isInTime(card, given) || (given.show && !isInShow(card)) || (given.assigned && !isFor(card, given.assigned))) return false;
  return !FACETS.some((name) => given[name] && card.facets?.[name] !== given[name]);
}

/** Whether a card belongs to what is looked at, or to other filters with the same words. */
export function matches(card, given = filters) {
  if (isFolded(card, given) || !isInManner(card, given)) return false;
  if (!isInState(card, given) || (given.kind && !given.kind.split(",").includes(card.kind))) return false;
  if (given.campaign && String(card.campaign?.id ?? "") !== given.campaign) return false;
  return !given.text || !asked || saysIt(card, asked);
}

/* ---------- the address ---------- */

/** The values a request or a link carries; what says nothing is left out. */
export const values = (given = filters) => Object.fromEntries(Object.entries(given).filter(([name, value]) => value && value !== NONE[name]));

export const isFiltered = () => Object.keys(values()).some((name) => !MANNERS.includes(name));

/** The wall's address with some filters changed; what other modules keep in it stays. */
export function linkTo(changes) {
  const query = new URLSearchParams(location.search);
  for (const name of Object.keys(NONE)) query.delete(name);
  for (const [name, value] of Object.entries(values({ ...filters, ...changes }))) query.set(name, value);
  const text = query.toString().replaceAll("%2C", ",");
  return text ? `${location.pathname}?${text}` : location.pathname + bare();
}

/** Where a view opens by itself, the whole wall has to be asked for. */
const bare = () => ($("views-menu")?.dataset.opening ? "?state=all" : "");

function readAddress() {
  const query = new URLSearchParams(location.search);
  for (const name of Object.keys(NONE)) filters[name] = query.get(name) ?? NONE[name];
}

/** Changes filters; each change is one step back. Typing on in the search is not. */
export function setFilter(changes) {
  if ("text" in changes && changes.text !== filters.text) changes = { exact: "", ...changes };
  const link = linkTo(changes);
  const isTypingOn = Object.keys(changes).every((name) => name === "text" || name === "exact") && filters.text && changes.text;
  Object.assign(filters, changes);
  asked = ownSearch(filters.text);
  if (isTypingOn) history.replaceState(history.state, "", link);
  else if (link !== location.pathname + location.search) history.pushState(null, "", link);
  draw();
  told();
}

const clear = () => setFilter({ ...NONE, order: filters.order });

/* ---------- what is shown of it ---------- */

const textOf = (selector) => document.querySelector(selector)?.textContent.trim() ?? "";

function choiceName(name) {
  const label = textOf(`[data-facet="${name}"] [data-choice="${CSS.escape(filters[name])}"] span`);
  if (name === "time") return label || new Date(`${filters.time}T12:00:00Z`).toLocaleDateString(document.documentElement.lang, { dateStyle: "medium", timeZone: "UTC" });
  return `${textOf(`[data-facet="${name}"] h2`)}: ${label}`;
}

/** Every filter that holds: its name for people, and what takes it off. */
function holding() {
  const campaign = filters.campaign && ([...($("campaign-filter")?.options ?? [])].find((one) => one.value === filters.campaign)?.textContent ?? t("Campaign"));
  return [
    filters.state === "mood" && { name: t("Reactions"), off: { state: "all" } },
    !["all", "mood"].includes(filters.state) && { name: textOf(`[data-state-filter="${filters.state}"] span`) || filters.state, off: { state: "all" }, isShown: true },
    filters.kind && { name: document.querySelector(`[data-kind-filter="${filters.kind}"]`)?.title ?? filters.kind, off: { kind: "" }, isShown: true },
    campaign && { name: campaign, off: { campaign: "" }, isShown: true },
    ...CHOICES.map((name) => filters[name] && { name: choiceName(name), off: { [name]: "" } }),
    filters.text && { name: `„${filters.text}“`, off: { text: "" } },
  ].filter(Boolean);
}

/** The filters by name, for the place where nothing is left to see. */
export const names = () => holding().map((one) => one.name);

function chip(label, off, title) {
  return el("span.chip", {}, label, el("button", { type: "button", "aria-label": `${title}: ${label}`, title, onclick: () => setFilter(off) }, icon("x")));
}

function drawChips() {
  const chips = holding().filter((one) => !one.isShown).map((one) => chip(one.name, one.off, t("Remove filter")));
  if (filters.text && asked?.similar?.length) {
    const words = asked.similar.join(", ");
    chips.push(el("span.chip.similar", { title: t("The words as typed stand on few messages. These are one slip away.") }, el("span.chip-what", {}, t("Similar words:")), el("b", {}, words), el("button", { type: "button", "aria-label": t("Only the words as typed"), title: t("Only the words as typed"), onclick: () => setFilter({ exact: "1" }) }, icon("x"))));
  }
  if (filters.text && filters.exact) chips.push(chip(t("Only the words as typed"), { exact: "" }, t("Remove filter")));
  if (isOldestFirst()) chips.push(chip(t("Oldest first"), { order: "" }, t("Newest first again")));
  if (holding().length > 1) chips.push(el("a.btn.sm.ghost", { id: "clear-all", href: linkTo({ ...NONE, order: filters.order }), onclick: (event) => { event.preventDefault(); clear(); } }, el("span", {}, t("Clear all"))));
  $("chips").replaceChildren(...chips);
}

export function draw() {
  for (const tab of document.querySelectorAll("[data-state-filter]")) tab.setAttribute("aria-pressed", String(tab.dataset.stateFilter === filters.state));
  for (const type of document.querySelectorAll("[data-kind-filter]")) type.setAttribute("aria-pressed", String(type.dataset.kindFilter === filters.kind));
  if ($("campaign-filter")) $("campaign-filter").value = filters.campaign;
  if (document.activeElement !== $("search") || !filters.text) $("search").value = filters.text;
  drawMenu();
  drawChips();
}

/* ---------- the menu ---------- */

function drawMenu() {
  for (const link of document.querySelectorAll("#filter-menu [data-choice]")) {
    const name = link.closest("[data-facet]").dataset.facet;
    const isOn = filters[name] === link.dataset.choice;
    link.href = linkTo({ [name]: isOn ? "" : link.dataset.choice });
    if (isOn || (!link.dataset.choice && !filters[name])) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  $("filter-day").value = /^\d/.test(filters.time) ? filters.time : "";
  const amount = CHOICES.filter((name) => filters[name]).length;
  const sign = $("filter-open").querySelector("b");
  sign.hidden = amount === 0;
  sign.textContent = number(amount);
  $("filter-open").classList.toggle("is-on", amount > 0);
  if ($("filter-menu").matches(":popover-open")) count();
}

let asking = 0;
/** The numbers beside the choices, as they are now; none where the server cannot tell them at once. */
async function count() {
  const mine = (asking += 1);
  try {
    const { facets } = await api.get(api.withQuery("/api/v1/cards/counts", values()));
    if (mine !== asking) return;
    for (const link of document.querySelectorAll("#filter-menu [data-choice]")) {
      const amount = facets?.[link.closest("[data-facet]").dataset.facet]?.[link.dataset.choice];
      link.querySelector("b").textContent = amount === undefined ? "" : number(amount);
      if (isLanguage(link)) link.hidden = amount === 0 && !link.hasAttribute("aria-current");
    }
  } catch { /* the numbers stay as they were told last */ }
}

/** Of the languages those are listed that somebody wrote in, as far as that is known. */
const isLanguage = (link) => link.parentElement.dataset.facet === "language";

function place(menu) {
  if (matchMedia("(max-width: 820px)").matches) { menu.removeAttribute("style"); return; }
  const box = $("filter-open").getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(box.left, innerWidth - menu.offsetWidth - 8))}px`;
  menu.style.top = `${Math.min(box.bottom + 6, Math.max(8, innerHeight - menu.offsetHeight - 8))}px`;
}

function startMenu() {
  const menu = $("filter-menu");
  let again = 0;
  menu.addEventListener("toggle", ({ newState }) => {
    clearInterval(again);
    $("filter-open").setAttribute("aria-expanded", String(newState === "open"));
    if (newState !== "open") return;
    place(menu);
    menu.querySelector("[aria-current], [data-choice]").focus();
    count();
    again = setInterval(count, COUNT_AGAIN_MS);
  });
  menu.addEventListener("click", (event) => {
    const link = event.target.closest("[data-choice]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const name = link.closest("[data-facet]").dataset.facet;
    setFilter({ [name]: filters[name] === link.dataset.choice ? "" : link.dataset.choice });
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    menu.hidePopover();
    $("filter-open").focus();
  });
  $("filter-day").addEventListener("change", (event) => setFilter({ time: event.target.value }));
  bind("Shift+n", { group: t("Move"), label: t("Oldest first, newest first"), run: () => setFilter({ order: isOldestFirst() ? "" : "oldest" }) });
  bind("Shift+f", { group: t("Move"), label: t("More filters"), run: () => { menu.togglePopover(); } });
}

/* ---------- wiring ---------- */

/** `changed`: the filters are others now; `leave`: somebody is through with typing; `known(id)`: a card the page has. */
export function startFilters({ changed, leave, known }) {
  told = changed;
  cardOf = known;
  startMenu();
  readAddress();
  draw();
  window.addEventListener("popstate", () => {
    const before = JSON.stringify(filters);
    readAddress();
    if (JSON.stringify(filters) === before) return;  // another module's step
    asked = ownSearch(filters.text);
    $("search").value = filters.text;
    draw();
    told();
  });
  document.addEventListener("click", (event) => {
    const tab = event.target.closest("[data-state-filter]");
    if (tab) setFilter({ state: tab.dataset.stateFilter });
    const type = event.target.closest("[data-kind-filter]");
    if (type) setFilter({ kind: filters.kind === type.dataset.kindFilter ? "" : type.dataset.kindFilter });
  });
  $("clear-filters").addEventListener("click", clear);
  $("campaign-filter")?.addEventListener("change", (event) => setFilter({ campaign: event.target.value }));
  let due = 0;
  $("search").addEventListener("input", () => { clearTimeout(due); due = setTimeout(() => setFilter({ text: $("search").value.trim() }), 250); });
  $("search").addEventListener("keydown", (event) => {
    if (event.key === "Escape") { event.stopPropagation(); clearTimeout(due); $("search").value = ""; setFilter({ text: "" }); leave(); }
    if (event.key === "Enter") leave();
  });
}
