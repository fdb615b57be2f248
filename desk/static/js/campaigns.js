/* Campaigns: the list, one campaign with its entries as they arrive, the dialogs for a campaign and for its export.
   Entries are records by number; new ones wait behind a counter. How a message reads is card.js's matter. */

import * as api from "./api.js";
import { kindName, mainMedia, nameOf, showPlaying, stateOf } from "./card.js";
import { everySecond, now } from "./clock.js";
import { badge, button, el, errorText, icon, iconButton, state } from "./dom.js";
import { coverText, covers, grey, hush, isCovered } from "./covers.js";
import { show as showExports, take as takeExport } from "./exports.js";
import { bind } from "./keys.js";
import { Live } from "./live.js";
import { marksOf, toggleJury } from "./marks.js";
import { drawWave, listenable, makeWave, mediaUrl, peaksOf, player } from "./player.js";
import { heard as heardSweep } from "./sweeps.js";
import { close as closeNote, note, remember, undoLast, warn } from "./toast.js";
import { clockTime, day, duration, number, sameDay, t, tn } from "./words.js";
import { open as openBackwards } from "./backwards.js";
import { open as openForm } from "./campaign_form.js";

const $ = (id) => document.getElementById(id);
const first = JSON.parse($("campaign-state").textContent);
const campaigns = new Map(first.campaigns.map((one) => [one.id, one]));
const entries = new Map();
const elements = new Map();
const gone = new Set();
const here = first.campaign_id;
let next = first.next;
let seen = 0;
let focused = null;
let isLoading = false;

const campaign = () => campaigns.get(here);

/* ---------- words ---------- */

const STATES = { open: () => state("running", t("Running")), planned: () => state("planned", t("Planned")), closed: () => state("planned", t("Ended")) };

/** Open and closed follow the clock, not only events; what the server called open stays so if our clock is behind. */
function phaseOf(one) {
  if (one.state === "planned" && now() < Date.parse(one.opens_at)) return "planned";
  return one.closes_at && now() >= Date.parse(one.closes_at) ? "closed" : "open";
}

const moment = (at) => `${day(at)}, ${clockTime(at)}`;

/** "2 days 16 h", "3 h 5 min", "4 min": how long it still is until then. */
function span(until) {
  const minutes = Math.max(1, Math.ceil((Date.parse(until) - now()) / 60000));
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor((minutes % 1440) / 60);
  if (days) return `${tn("%(num)s day", "%(num)s days", days)} ${t("%(count)s h", { count: hours })}`;
  return hours ? `${t("%(count)s h", { count: hours })} ${t("%(count)s min", { count: minutes % 60 })}` : t("%(count)s min", { count: minutes });
}

function leftOf(one) {
  const phase = phaseOf(one);
  if (phase === "planned") return t("opens %(time)s, in %(left)s", { time: moment(one.opens_at), left: span(one.opens_at) });
  if (phase === "closed") return t("closed %(time)s", { time: moment(one.closes_at) });
  return one.closes_at ? t("until %(time)s, %(left)s left", { time: moment(one.closes_at), left: span(one.closes_at) }) : t("without an end");
}

/* ---------- list and head ---------- */

function listItem(one) {
  const phase = phaseOf(one);
  return el("li", {}, el("a", { href: `/campaigns/${one.id}`, "aria-current": one.id === here ? "page" : null },
    el(`span.camp-tile.hue-${one.hue % 24}`, { "aria-hidden": "true" }, icon(one.icon)),
    el("span.camp-list-who", {}, el("b", {}, one.name), el("small", {}, { open: t("Running"), planned: t("Planned"), closed: t("Ended") }[phase])),
    el("span.num", { "aria-label": tn("%(num)s entry", "%(num)s entries", one.entries) }, number(one.entries))));
}

let listed = "";
function drawList() {
  const sign = JSON.stringify([...campaigns.values()].map((one) => [one, phaseOf(one)]));
  if (sign === listed) return;
  listed = sign;
  const at = document.activeElement?.closest?.("#campaigns a")?.getAttribute("href");
  $("campaigns").replaceChildren(...[...campaigns.values()].sort((a, b) => b.id - a.id).map(listItem));
  if (at) $("campaigns").querySelector(`a[href="${at}"]`)?.focus();
}

function drawHead() {
  const one = campaign();
  if (!one) return;
  const phase = phaseOf(one);
  $("name").textContent = one.name;
  document.title = `${one.name} · Hörerpult`;
  $("tile").className = `camp-tile hue-${one.hue % 24}`;
  $("tile").replaceChildren(icon(one.icon));
  $("state").replaceChildren(STATES[phase]());
  $("window").textContent = leftOf(one);
  $("count").textContent = number(one.entries);
  $("count-word").textContent = one.entries === 1 ? t("entry") : t("entries");
  $("pulse").replaceChildren(...(phase === "open" ? [el("i"), t("live")] : []));
  $("keywords").textContent = one.keywords || t("none: every message enters");
  $("span").textContent = `${moment(one.opens_at)} – ${one.closes_at ? moment(one.closes_at) : t("open end")}`;
  $("no-entries").hidden = entries.size > 0 || waiting() > 0 || isJuryOnly;
  $("no-jury").hidden = entries.size > 0 || !isJuryOnly;
  $("entries").hidden = $("more").parentElement.hidden = entries.size === 0;
  $("shown").textContent = entries.size ? t("%(shown)s of %(all)s shown", { shown: number(entries.size - gone.size), all: number(one.entries) }) : "";
}

/** How many entries have a number that this page has not seen yet. */
const waiting = () => Math.max(0, (campaign()?.last_number ?? 0) - seen);

function drawPill() {
  const pill = $("newpill");
  pill.hidden = waiting() === 0;
  pill.querySelector("b").textContent = number(waiting());
}

/* ---------- entries ---------- */

const PICTURES = ["card", "still", "poster", "thumb"];
const pictureOf = (media) => PICTURES.find((name) => media?.profiles?.[name] && !media.profiles[name].mime?.startsWith("video/"));

function soundOf(card, media) {
  const wave = makeWave();
  drawWave(wave, peaksOf(media.peaks), 0);
  return [el("button.cue.sm", { type: "button", "data-act": "cue", "aria-label": t("Cue %(name)s to headphones", { name: nameOf(card) }) }, icon("headphones")),
    el("span.e-wave", { "aria-hidden": "true" }, wave), el("span.dur", {}, duration(media.duration_s))];
}

function bodyOf(card) {
  const media = mainMedia(card);
  const picture = isCovered(media) ? null : pictureOf(media);
  const image = picture && el(`img.e-pic${grey(media)}`, { src: mediaUrl(media, picture), loading: "lazy", decoding: "async", alt: t("%(kind)s from %(name)s", { kind: kindName(card), name: nameOf(card) }) });
  const words = card.text ? el("p.e-text", { dir: "auto" }, card.text) : el("p.e-text.muted", {}, media?.reason_text ? t(media.reason_text, media.reason_facts) : kindName(card));
  if (card.listener.is_blocked) return el("p.ghosted", {}, icon("ban"), t("Message from a blocked sender. Content stays hidden."));
  if (isCovered(media)) return el("div.e-body", {}, el("p.ghosted", {}, icon("eye-off"), coverText(media)), card.text && words, button(t("Look at it"), { cls: "sm", "data-act": "look", "data-look": media.id, tabindex: -1 }));
  if (media && media.kind !== "image" && listenable(media)) return el("div.audio", {}, image, ...soundOf(card, media));
  return el("div.e-body", {}, image, words);
}

function footOf(card) {
  const said = stateOf(card);
  const consent = { refused: t("Consent refused"), withdrawn: t("Consent withdrawn") }[card.consent];
  return [state(said.kind, said.label), consent && badge(consent, "shield-x", "b-warn"), card.consent === "given" && badge("", "shield-check", "b-ok", t("Consent on file")),
    el("span.grow"), ...marksOf(card), iconButton("x", t("Take %(name)s out of the campaign", { name: nameOf(card) }), { cls: "sm", "data-act": "out" })];
}

function fill(element, entry) {
  const { card } = entry;
  const isOut = gone.has(entry.number);
  const padded = String(entry.number).padStart(4, "0");
  const held = element.contains(document.activeElement) && document.activeElement !== element ? document.activeElement.dataset.act : null;
  element.className = `entry${isOut ? " is-excl" : ""}${entry.number === focused ? " is-focus" : ""}`;
  element.tabIndex = entry.number === focused ? 0 : -1;
  element.setAttribute("aria-label", [t("Entry %(number)s", { number: padded }), kindName(card), nameOf(card), card.listener.place, clockTime(card.placed_at), stateOf(card).label, card.listener.is_blocked ? "" : card.text.slice(0, 80)].filter(Boolean).join(", "));
  element.replaceChildren(
    el("header", {}, el("span.e-no.num", {}, padded), el("b", {}, nameOf(card)), el("span.e-city", {}, card.listener.place ?? ""), el("span.grow"),
      el("time.muted", { datetime: card.placed_at }, sameDay(card.placed_at, now()) ? clockTime(card.placed_at) : moment(card.placed_at))),
    isOut ? el("p.ghosted", {}, icon("info"), t("Not in this campaign any more.")) : bodyOf(card),
    el("footer", {}, ...(isOut ? [] : footOf(card)).filter(Boolean)));
  if (held) (element.querySelector(`[data-act="${held}"]`) ?? element).focus({ preventScroll: true });
  showPlaying(element, card);
}

const sorted = () => [...entries.keys()].sort((a, b) => b - a);

function elementOf(entry) {
  let element = elements.get(entry.number);
  if (!element) {
    element = el("article", { "data-number": entry.number });
    elements.set(entry.number, element);
    fill(element, entry);
  }
  return element;
}

/** Puts the elements in the order of their numbers; those that are there stay where they are. */
function drawEntries() {
  const feed = $("entries");
  const order = sorted();
  if (focused === null || !entries.has(focused)) focused = order[0] ?? null;
  let before = feed.firstElementChild;
  order.forEach((key, index) => {
    const element = elementOf(entries.get(key));
    element.tabIndex = key === focused ? 0 : -1;
    element.setAttribute("aria-posinset", index + 1);
    element.setAttribute("aria-setsize", next ? -1 : order.length);
    if (element === before) before = before.nextElementSibling;
    else feed.insertBefore(element, before);
  });
  $("more").hidden = next === null;
  drawHead();
  drawPill();
}

function take(rows) {
  for (const entry of rows) {
    const known = entries.get(entry.number);
    if (!known || known.card.version <= entry.card.version) entries.set(entry.number, entry);
    gone.delete(entry.number);
    seen = Math.max(seen, entry.number);
    if (known && elements.has(entry.number)) fill(elements.get(entry.number), entries.get(entry.number));
  }
}

let isJuryOnly = false;
const path = (before) => api.withQuery(`/api/v1/campaigns/${here}/entries`, { before, jury: isJuryOnly ? 1 : null });

function clear() {
  for (const element of elements.values()) element.remove();
  for (const known of [entries, elements, gone]) known.clear();
}

/** Only what lies before the jury, or all entries again. */
function showJury(isOnly) {
  isJuryOnly = isOnly;
  $("jury-only").setAttribute("aria-pressed", String(isOnly));
  return load(async () => {
    const page = await api.get(path(null));
    clear();
    next = page.next;
    take(page.entries);
  });
}

async function load(action) {
  if (isLoading) return;
  isLoading = true;
  $("entries").setAttribute("aria-busy", "true");
  try {
    await action();
  } catch (error) {
    warn(errorText(error), { undo: () => load(action), undoLabel: t("Try again"), undoKey: "" });
  } finally {
    isLoading = false;
    $("entries").setAttribute("aria-busy", "false");
    drawEntries();
  }
}

const loadOlder = () => load(async () => {
  const page = await api.get(path(next));
  take(page.entries);
  next = page.next;
  const firstNew = page.entries[0]?.number;
  drawEntries();
  if (firstNew !== undefined) focusOn(firstNew);
});

const loadNewer = () => load(async () => {
  const upTo = campaign().last_number;
  const known = seen;
  const page = await api.get(path(null));
  const isConnected = page.next === null || page.entries.some((entry) => entry.number <= known);
  if (!isConnected) clear();
  if (!isConnected || entries.size === 0) next = page.next;
  take(page.entries);
  // An entry that was taken out before this page saw it counts as seen.
  seen = Math.max(seen, upTo);
  drawEntries();
  const top = sorted()[0];
  if (top !== undefined) { focusOn(top); document.querySelector(".camp-main").scrollTop = 0; }
});

function focusOn(key) {
  const before = elements.get(focused);
  if (before) { before.tabIndex = -1; before.classList.remove("is-focus"); }
  focused = key;
  const element = elements.get(key);
  if (!element) return;
  element.tabIndex = 0;
  element.classList.add("is-focus");
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const order = sorted();
  const to = order[Math.min(order.length - 1, Math.max(0, order.indexOf(focused) + by))];
  if (to === undefined || to === focused) return;
  player.stop();
  focusOn(to);
}

/* ---------- acts ---------- */

function cue(entry) {
  const media = entry && !gone.has(entry.number) ? mainMedia(entry.card) : null;
  if (!media || media.kind === "image" || !listenable(media)) return false;
  player.press(entry.card.id, media);
  return true;
}

async function takeOut(entry) {
  if (!entry || gone.has(entry.number)) return;
  try {
    const answer = await api.post(`/api/v1/cards/${entry.card.id}/campaign`, { campaign_id: null });
    learn(answer.card);
    remember(answer.undo_id, t("%(name)s taken out of the campaign", { name: nameOf(entry.card) }), (undone) => undone?.card && learn(undone.card));
  } catch (error) {
    warn(errorText(error));
  }
}

/** A card changed: shown entries follow in place, one that left stays as a dashed ghost. */
function learn(card) {
  for (const entry of entries.values()) {
    if (entry.card.id !== card.id || card.version < entry.card.version) continue;
    entry.card = card;
    if (card.campaign?.id === here) gone.delete(entry.number);
    else gone.add(entry.number);
    if (gone.has(entry.number) && player.isOn(card.id)) player.stop();
    hush(card);
    fill(elementOf(entry), entry);
  }
  if (isJuryOnly && card.is_for_jury && card.campaign?.id === here && ![...entries.values()].some((entry) => entry.card.id === card.id)) showJury(true);
  drawHead();
}

function leave(cardId) {
  for (const entry of entries.values()) {
    if (entry.card.id !== cardId) continue;
    gone.add(entry.number);
    entry.card = { ...entry.card, text: "", media: [] };
    if (player.isOn(cardId)) player.stop();
    fill(elementOf(entry), entry);
  }
  drawHead();
}

function learnCampaign(one) {
  const known = campaigns.get(one.id);
  if (known && known.version > one.version) return;
  campaigns.set(one.id, one);
  drawList();
  if (one.id === here) { drawHead(); drawPill(); }
}

async function takeBack() {
  const answer = await undoLast();
  if (!answer?.sweep) return;
  closeNote();
  heardSweep(answer, true);
}

/* ---------- together ---------- */

const RULE = ["keywords", "opens_at", "closes_at"];
const EARLIER = "#earlier";

const edit = (one) => openForm(one, (saved, isNew) => {
  if (isNew) { location.assign(`/campaigns/${saved.id}${EARLIER}`); return; }
  learnCampaign(saved);
  if (RULE.some((name) => one[name] !== saved[name])) offerEarlier();
});

/** A rule takes what comes from now on; what came before is asked about. */
function offerEarlier() {
  note(t("What comes from now on is sorted by this rule."), { ic: "history", seconds: 15, action: button(t("Sort in earlier ones …"), { cls: "sm", key: "B", onclick: sortEarlier }) });
}

function sortEarlier() {
  closeNote();
  openBackwards(campaign());
}

document.addEventListener("click", (event) => {
  const doing = event.target.closest("[data-do]")?.dataset.do;
  if (doing === "add") edit(null);
  if (doing === "edit") edit(campaign());
  if (doing === "backwards") sortEarlier();
  if (doing === "export") showExports(campaign());
  const close = event.target.closest("[data-close]");
  if (close) close.closest("dialog").close();
});

$("entries")?.addEventListener("click", (event) => {
  const element = event.target.closest(".entry");
  const entry = element && entries.get(Number(element.dataset.number));
  if (!entry) return;
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (entry.number !== focused) {
    elements.get(focused)?.classList.remove("is-focus");
    const before = elements.get(focused);
    if (before) before.tabIndex = -1;
    focused = entry.number;
    element.tabIndex = 0;
    element.classList.add("is-focus");
  }
  if (act === "cue") cue(entry);
  if (act === "out") takeOut(entry);
});

const redrawSounds = () => { for (const [key, element] of elements) if (!gone.has(key)) showPlaying(element, entries.get(key).card); };
player.addEventListener("change", redrawSounds);
player.addEventListener("time", () => {
  for (const [key, element] of elements) if (player.isOn(entries.get(key).card.id)) showPlaying(element, entries.get(key).card);
});
player.addEventListener("change", () => { if (player.fault) warn(player.fault); });

if (here !== null) {
  $("more").addEventListener("click", loadOlder);
  $("newpill").addEventListener("click", loadNewer);
  $("retry-now").addEventListener("click", () => live.retry());
  const MOVE = t("Move");
  bind(["j", "ArrowRight", "PageDown"], { group: MOVE, label: t("Next entry"), run: () => step(1) });
  bind(["k", "ArrowLeft", "PageUp"], { group: MOVE, label: t("Previous entry"), run: () => step(-1) });
  bind("n", { group: MOVE, label: t("Show new entries"), run: () => waiting() > 0 && loadNewer() });
  bind(" ", { group: t("Listen"), label: t("Cue or pause in headphones"), run: () => cue(entries.get(focused)) });
  bind("Shift+ ", { group: t("Listen"), label: t("Stop all sound"), run: () => player.stop() });
  bind("Delete", { group: t("Decide"), label: t("Take out of the campaign"), run: () => takeOut(entries.get(focused)) });
  bind("z", { group: t("Decide"), label: t("Undo"), run: takeBack });
  if (document.querySelector("[data-do=backwards]")) bind("b", { group: t("Decide"), label: t("Sort in messages that came before"), run: sortEarlier });
  bind("f", { group: t("Decide"), label: t("Lay before the jury, take from it"), run: () => toggleJury(entries.get(focused)?.card, { done: ({ card }) => { if (card) learn(card); } }) });
  $("jury-only").addEventListener("click", () => showJury(!isJuryOnly));
  seen = campaign().last_number;
  take(first.entries);
  drawEntries();
}
drawList();
everySecond(() => { drawList(); if (here !== null) drawHead(); });

covers.addEventListener("change", () => drawEntries());

const live = new Live(first.seq);
live.addEventListener("event", ({ detail: { kind, payload } }) => {
  if (kind === "campaign.changed") learnCampaign(payload.campaign);
  if (kind === "card.changed" || kind === "card.placed") learn(payload.card);
  if (kind === "card.removed") leave(payload.card.id);
  if (kind === "sweep.changed") heardSweep(payload);
  if (kind === "export.changed" && payload.export.campaign_id === here) takeExport(payload.export);
});
live.addEventListener("reload", () => location.reload());
live.start();
for (const one of first.exports) takeExport(one);
if (location.hash === EARLIER && document.querySelector("[data-do=backwards]")) {
  history.replaceState(history.state, "", location.pathname);
  offerEarlier();
}
