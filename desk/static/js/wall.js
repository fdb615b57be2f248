/* The wall: brings the feed, the live line, the keys, the pane and the dock together. Cards are records by id; the feed
   shows a window of them. New work waits behind a counter; nothing that is being read ever moves. */

import * as api from "./api.js";
import { handed, mayAssign, pressAssign } from "./assign.js";
import { describe, emptyCard, fillCard, isMine, isTheirs, mainMedia, makeCard, REASONS, reasonText, showPlaying } from "./card.js";
import { bringBack, mayBlock, pressBlock, withSender } from "./block.js";
import { covers, hush, isCovered, look } from "./covers.js";
import { everySecond, now } from "./clock.js";
import { compare, followComparison, keepsOne } from "./compare.js";
import { Counters } from "./counters.js";
import { announce, el, errorText, icon } from "./dom.js";
import { pressLead } from "./escalate.js";
import { Feed } from "./feed.js";
import { Fresh, kindsOf } from "./fresh.js";
import { filters, isFiltered, isOldestFirst, learnSearch, learnShow, matches, names as filterNames, startFilters, values } from "./filters.js";
import { Held } from "./held.js";
import { bind, listKey } from "./keys.js";
import { keepHolding, withKept } from "./leases.js";
import { amend, Live, newest } from "./live.js";
import { learnTags, mayMark, pressMark, pressTags, rate, toggleJury, withTags } from "./marks.js";
import { Mood } from "./mood.js";
import { moves, moving, stopMoving, toggleMoving } from "./moving.js";
import { startNotice } from "./offline.js";
import { Pane } from "./pane.js";
import { listenable, player } from "./player.js";
import { drawWatchers, moved as movedOn, pausePresence, showWatchers, startPresence } from "./presence.js";
import { Records } from "./records.js";
import { retry } from "./retry.js";
import { shapeView, startShapes } from "./shapes.js";
import { askAboutLeft, heard as heardSweep, startLongPress, startSweeps, sweepCards } from "./sweeps.js";
import { Team } from "./team.js";
import { close as closeNote, note, remember, undoLast, warn } from "./toast.js";
import { withStack } from "./twins.js";
import { startViews } from "./views.js";
import { Verdicts } from "./verdicts.js";
import { OFFERED_MS, reasonsIn } from "./why.js";
import { clockTimeExact, number, t, tn } from "./words.js";

const PAGE = 60;
/** Whoever scrolls far gets the list in larger parts. */
const FAR = 600;
const PAGE_FAR = 200;
/** So many new ones are kept whole behind the counter; with more, showing them loads the list anew. */
const MOST_WAITING = 600;
const SLICE_MS = 30;
/** So many parts of the list are asked for to find what was missed, before it is loaded anew. */
const MOST_RENEWED = 5;
const $ = (id) => document.getElementById(id);
const first = JSON.parse($("cards").textContent);

const cards = new Records({
  askPage: (cursor) => api.get(query(cursor, PAGE_FAR)),
  askOne: async (id) => (await api.get(`/api/v1/cards/${id}`)).card,
  came: (found) => found.forEach(back),
  gone: (id) => removeCards(new Set([id])),
  isPinned: (id) => id === focused || id === pane.id || pending.has(id) || conflicts.has(id) || (waiting.size <= MOST_WAITING && waiting.has(id)),
  indexOf: (id) => feed.indexOf(id),
});
const held = new Held({ open: openCard, place: document.querySelector(".wall-col .dock") });
const verdicts = new Verdicts({ cards, refresh, change, held });
const { pending, conflicts } = verdicts;
const counters = new Counters(first.counts);
const fresh = new Fresh();
const ghosts = new Set();
const selected = new Set();
let waiting = new Set();
let order = [];
let next = first.next;
let focused = null;
let anchor = null;
let isPaused = false;
let kept = [];
let isLoading = false;
let notBefore = 0;
let epoch = 0;

/* ---------- records ---------- */

function learnCard(given) {
  const card = newest(given);
  const known = cards.get(card.id);
  if (known && known.version > card.version) return known;
  cards.set(card.id, card);
  return card;
}


/* ---------- feed ---------- */

const feed = new Feed($("grid"), {
  make: () => makeCard(),
  fill: (element, id) => {
    (cards.has(id) ? fillCard : emptyCard)(element, cards.get(id) ?? id, {
      isFocus: id === focused, isSelected: selected.has(id), isGhost: ghosts.has(id), isPending: pending.has(id), isHeld: held.has(id), conflict: conflicts.get(id), total: next ? -1 : order.length, ...shapeView(),
    });
    showWatchers(element, id);
  },
  near: () => loadMore(),
  shows: (from, to) => cards.see(order.slice(from, to)),
}, $("feed"));

function showOrder() {
  feed.setKeys(order);
  const isEmpty = order.length === 0 && !isLoading;
  $("empty").hidden = !isEmpty;
  $("feed").hidden = order.length === 0;
  if (isEmpty) drawEmpty();
}

/** Takes a page in behind the others or, for the first, in their place; gives what was not in the list. */
function take(page, replace, cursor = null) {
  if (replace) { order = []; ghosts.clear(); conflicts.clear(); cards.startOver({ isOldestFirst: isOldestFirst() }); learnShow(page); }
  const added = page.cards.map((card) => card.id).filter((id) => replace || feed.indexOf(id) < 0);
  for (const card of page.cards) {
    learnCard(card);
    waiting.delete(card.id);
    fresh.gone(card.id);
  }
  cards.cameWith(added, cursor);
  order.push(...added);
  next = page.next;
  counters.learn(page.counts);
  if (page.mood) mood.hear(page.mood);
  learnSearch(page.search);
  return added;
}

/** A card that had been let go of is here again, as it is now; one that this page never heard of waits like any new one. */
function back(card) {
  learnCard(card);
  if (feed.indexOf(card.id) < 0) {
    if (matches(card) && isNewerThanEnd(card)) waiting.add(card.id);
    drawSoon();
    return;
  }
  if (matches(card)) ghosts.delete(card.id);
  else ghosts.add(card.id);
  refresh(card.id);
  if (card.id === focused && pane.id === null) pane.show(card.id);
}

const query = (cursor, limit = PAGE) => api.withQuery("/api/v1/cards", { ...values(), cursor, limit });

async function loadMore() {
  if (!next || isLoading || Date.now() < notBefore) return;
  isLoading = true;
  const mine = epoch;
  try {
    const cursor = next;
    const page = await api.get(query(cursor, order.length < FAR ? PAGE : PAGE_FAR));
    if (mine !== epoch) return;
    feed.append(take(page, false, cursor));
  } catch {
    notBefore = Date.now() + 5000;
    if (mine === epoch) warn(t("Older messages could not be loaded."), { undo: () => { notBefore = 0; loadMore(); }, undoLabel: t("Try again"), undoKey: "" });
  } finally {
    isLoading = false;
    counters.draw();
  }
}

/** Loads the first page of the present filter; what is being typed and the selection stay. */
async function reload({ keepFocus = false } = {}) {
  const mine = (epoch += 1);
  isLoading = true;
  $("feed").setAttribute("aria-busy", "true");
  try {
    const page = await api.get(query(null));
    if (mine !== epoch) return null;
    waiting = new Set();
    fresh.looked();
    take(page, true);
    isLoading = false;
    if (!keepFocus) $("grid").scrollTop = 0;
    if (!order.includes(focused)) setFocus(order[0] ?? null, { quiet: true });
    showOrder();
    for (const id of feed.shown.keys()) feed.refresh(id);  // what stands here still may be no ghost any more
    return page;
  } catch (error) {
    isLoading = false;
    warn(errorText(error), { undo: () => reload({ keepFocus }), undoLabel: t("Try again"), undoKey: "" });
    return null;
  } finally {
    $("feed").setAttribute("aria-busy", "false");
    counters.draw();
    drawPill();
  }
}

/* ---------- focus ---------- */

function setFocus(id, { quiet = false, reveal = true } = {}) {
  const before = focused;
  focused = id;
  feed.keep(id);
  movedOn();
  if (before !== null && before !== id) {
    feed.refresh(before);
    if (player.isOn(before)) player.stop();
    stopMoving();
  }
  if (id === null) { pane.show(null); return; }
  if (reveal) feed.reveal(id);
  feed.refresh(id);
  if (!quiet) feed.elementOf(id)?.focus({ preventScroll: true });
  pane.show(cards.has(id) ? id : null);
}

function step(by) {
  if (!order.length) return;
  const at = feed.indexOf(focused);
  setFocus(order[Math.min(order.length - 1, Math.max(0, at < 0 ? 0 : at + by))]);
}

/* ---------- verdicts ---------- */

let lastRejected = null;

function verdict(to, { copies = false } = {}) {
  if (selected.size) { bulk(to); return; }
  const card = cards.get(focused);
  if (!card || pending.has(card.id) || card.state === to || !$("pane").dataset.mayMove.startsWith("y")) return;
  if (!verdicts.isSureAbout(card, to)) return;
  const done = verdicts.move(card, to, { force: isTheirs(card), copies: copies && Boolean(card.twins) });
  lastRejected = to === "rejected" ? { id: card.id, at: Date.now(), done } : null;
  if (lastRejected) reasons.offer();
  else reasons.close();
  step(1);
}

/** Says why, as soon as the rejection itself has been carried out. */
async function explain(id, reason, rejected) {
  const card = (await rejected).ok && cards.get(id);
  const { undo_id } = card ? await verdicts.move(card, "rejected", { reason, quiet: true }) : {};
  if (undo_id) remember(undo_id, t("Reason: %(reason)s", { reason: reasonText(reason) }), (undone) => { if (undone?.card) change(undone.card); });
}

/** A digit right after rejecting says why. */
function giveReason(digit) {
  if (!lastRejected || Date.now() - lastRejected.at > OFFERED_MS) return false;
  const { id, done } = lastRejected;
  const reason = REASONS[digit - 1]?.[0];
  if (!reason) return false;
  lastRejected = null;
  reasons.close();
  explain(id, reason, done);
  return true;
}

/** Cards as the server gets them for a sweep: what this page let go of goes as it is now. */
const seen = (ids) => ids.map((id) => [id, cards.get(id)?.version ?? null]);

async function bulk(to) {
  if (!$("pane").dataset.mayMove.startsWith("y")) return;
  const ids = order.filter((id) => selected.has(id));
  clearSelected();
  lastRejected = null;
  reasons.close();
  await verdicts.together(ids, (held) => sweepCards(to, seen(ids), held));
}

/** Two cards side by side: the two that are selected, or the best copies of the one in focus. */
async function compareTwo(pair = null) {
  const ids = pair?.map((card) => card.id) ?? order.filter((id) => selected.has(id));
  if (ids.length !== 2) {
    if (!selected.size && pane.twins.compareBest()) return;
    note(t("Select exactly two cards with X, then compare them."), { ic: "columns", seconds: 4 });
    return;
  }
  pair?.forEach(learnCard);
  const two = await Promise.all(ids.map((id) => cards.bring(id).catch(() => null)));
  if (two.includes(null)) { warn(t("One of the two is gone.")); return; }
  const from = document.activeElement;
  compare(two, { mayDecide: $("pane").dataset.mayMove.startsWith("y"), keep: keepsOne({ move: (...given) => verdicts.move(...given), change, done: clearSelected }), closed: () => (from?.isConnected ? from : feed.elementOf(focused))?.focus({ preventScroll: true }) });
}
/** All without a verdict down to the last card in view; ghosts have one. */
function leftDownToHere() {
  const { to } = feed.inView();
  const isLeft = (id) => !ghosts.has(id) && (filters.state !== "all" || (cards.get(id)?.state ?? "new") === "new");
  return seen(order.slice(0, to).filter(isLeft));
}
const statesLeft = () => [...new Set(filters.state.split(",").map((state) => (["all", "claimed"].includes(state) ? "new" : state)))];
const askLeft = () => askAboutLeft({ cards: leftDownToHere, among: statesLeft, filter: () => values() });

/** What a colleague holds is taken over with the key twice within two seconds. */
async function claim(isRelease) {
  const card = cards.get(focused);
  if (!card || (!isRelease && !verdicts.isSureAbout(card, "claim"))) return;
  try {
    const answer = await api.post(`/api/v1/cards/${card.id}/${isRelease ? "release" : "claim"}`, { version: card.version, force: !isRelease && isTheirs(card) });
    change(answer.card);
    announce(isRelease ? t("Released") : t("Yours"));
  } catch (error) {
    if (error.isConflict && error.current) { verdicts.settle(error, card, "claim"); refresh(card.id); }
    else warn(errorText(error));
  }
}

async function plan() {
  const card = cards.get(focused);
  if (!card) return;
  try {
    const answer = await api.post("/api/v1/rundown/slots", { card_id: card.id });
    if (answer?.card) change(answer.card);
    else pane.load();
    note(t("%(what)s is in the rundown", { what: describe(card) }), { ic: "rundown" });
  } catch (error) {
    if (error.current?.listener) change(error.current);
    warn(errorText(error));
  }
}

/* ---------- live ---------- */

function refresh(id) {
  feed.refresh(id);
  if (cards.has(id)) followComparison(id, cards.get(id));
  if (id === pane.id && cards.has(id)) pane.update(cards.get(id));
}

/** A card as the server says it is now. It changes in place; one that leaves the filter stays as a ghost. */
function change(given) {
  const card = newest(given);
  const before = cards.get(card.id);
  if (before && before.version > card.version) return;
  learnCard(card);
  hush(card);
  fresh.changed(card);
  if (before) counters.count(before, card);
  else counters.askSoon();
  if (feed.indexOf(card.id) >= 0) {
    if (matches(card)) ghosts.delete(card.id);
    else ghosts.add(card.id);
    refresh(card.id);
  } else if (!matches(card)) waiting.delete(card.id);
  else if (isNewerThanEnd(card)) waiting.add(card.id);  // it came into this filter, whether the page knew it or not
  if (order.length === 0 && waiting.size) showNew({ focus: false });
  if (card.id === pane.id) pane.update(card);
}

/** One event for many cards, a stack of copies or all of a sender: every one of them that is here says what holds now. */
function changeAll(withIt) {
  amend(withIt);
  for (const card of [...cards.values()]) {
    const changed = withIt(card);
    if (!changed) continue;
    cards.set(card.id, changed);
    hush(changed);
    refresh(card.id);
  }
}

/** A copy from the pane's list; one outside the present filter is shown in the pane all the same. */
function openTwin(card) {
  learnCard(card);
  if (feed.indexOf(card.id) >= 0) setFocus(card.id);
  else pane.show(card.id);
}

/** Goes to a card, wherever it stands. */
async function openCard(id) {
  const card = await cards.bring(id).catch(() => null);
  if (card) openTwin(card);
  return card;
}

/** As a press in the team's line or on a notice: what is not there any more says so. */
async function openById(id) {
  if (await openCard(id)) pane.open();
  else note(t("The message is gone"), { ic: "ban", seconds: 4 });
}

/** Inside the part of the list that is loaded; older ones come with their page. */
function isNewerThanEnd(card) {
  return !next || !order.length || cards.compare(card.id, order.at(-1)) < 0;
}

function place(card) {
  if (cards.has(card.id) || feed.indexOf(card.id) >= 0) { change(card); return; }
  learnCard(card);
  fresh.came(card);
  counters.count(null, card);
  if (matches(card) && isNewerThanEnd(card)) waiting.add(card.id);
  if (order.length === 0 && waiting.size) showNew({ focus: false });
}

/** Takes cards off the page, all of one moment at once; the focus goes to a neighbour. */
function removeCards(ids) {
  for (const id of ids) {
    if (cards.has(id)) counters.count(cards.get(id), null);
    else counters.askSoon();
    waiting.delete(id);
    fresh.gone(id);
    selected.delete(id);
    if (player.isOn(id)) player.stop();
    followComparison(id, null);
  }
  const listed = [...ids].filter((id) => feed.indexOf(id) >= 0);
  if (listed.length) {
    const isFocused = ids.has(focused);
    const at = feed.indexOf(focused) - listed.filter((id) => feed.indexOf(id) < feed.indexOf(focused)).length;
    const hadFocus = isFocused && feed.elementOf(focused)?.contains(document.activeElement);
    order = order.filter((one) => !ids.has(one));
    feed.keep(isFocused ? null : focused);
    showOrder();
    if (isFocused) setFocus(order[Math.min(at, order.length - 1)] ?? null, { quiet: !hadFocus, reveal: false });
  }
  for (const id of ids) cards.delete(id);
}

const HANDLERS = {
  "card.placed": ({ card }) => place(card),
  "card.changed": ({ card }) => change(card),
  "card.removed": ({ id, card }) => removed.add(id ?? card?.id),
  "message.changed": (payload) => pane.messageChanged(payload),
  "claims.kept": (kept) => changeAll((card) => withKept(card, kept)),
  "card.handed": (given) => handed(given, { describe: (id) => (cards.has(id) ? describe(cards.get(id)) : t("a message")), open: openById }),
  "stack.changed": (stack) => changeAll((card) => withStack(card, stack)),
  "tags.changed": ({ tags }) => { learnTags(tags); changeAll(withTags); if (pane.card) pane.update(pane.card); },
  "sender.changed": (sender) => { changeAll((card) => withSender(card, sender)); bringBack(sender, () => [...feed.shown.keys(), focused].map((id) => cards.get(id)), change); },
  "sweep.changed": (payload) => heardSweep(payload),
  "mood.changed": (bar) => mood.hear(bar),
};

let removed = new Set();
let batch = [];
function take1(event) {
  batch.push(event);
  if (batch.length === 1) (document.hidden ? setTimeout : requestAnimationFrame)(applyBatch, 0);
}
/** Events of one frame are applied together, but never so many that the page would not answer meanwhile. */
function applyBatch() {
  const until_ms = performance.now() + SLICE_MS;
  let applied = 0;
  for (const event of batch) {
    if (performance.now() > until_ms) break;
    applied += 1;
    const payload = event.payload ?? {};
    HANDLERS[event.kind]?.(payload);
    team.hear(event.kind, payload);
    // The server's counters are true at this number; the page's own guess only bridges the time until then.
    counters.learn(payload.counts);
  }
  if (removed.size) {
    const ids = removed;
    removed = new Set();
    removeCards(ids);
  }
  batch = batch.slice(applied);
  if (batch.length) (document.hidden ? setTimeout : requestAnimationFrame)(applyBatch, 0);
  cards.tidy();
  drawSoon();
}

/** Two lists in order as one: what comes late is seldom far from the beginning, the rest is taken as it is. */
function merged(fresh, rest) {
  const all = [];
  let at = 0;
  for (const id of fresh) {
    while (at < rest.length && cards.compare(rest[at], id) < 0) all.push(rest[at++]);
    all.push(id);
  }
  return all.concat(rest.slice(at));
}

/** Inserts what waits, in its place by time, and goes to the first of it. */
function showNew({ focus = true } = {}) {
  if (!waiting.size) return;
  if (waiting.size > MOST_WAITING) { reload().then(() => focus && order.length && setFocus(order[0])); return; }
  const came = [...waiting].sort((a, b) => cards.compare(a, b));
  waiting = new Set();
  fresh.looked();
  order = order.filter((id) => !ghosts.has(id));
  ghosts.clear();
  $("feed").setAttribute("aria-busy", "true");
  order = merged(came, order);
  showOrder();
  $("feed").setAttribute("aria-busy", "false");
  drawPill();
  counters.draw();
  if (!focus) return;
  if (!isOldestFirst()) $("grid").scrollTop = 0;
  setFocus(came[0]);
}

const live = new Live(first.seq ?? 0);
live.addEventListener("event", ({ detail }) => { if (isPaused) kept.push(detail); else take1(detail); });
/** Too much was missed to be told change by change: what is new waits behind the counter, what is seen is asked for again,
    and the reader stays where they are. Gives the first page; only after a very long time the list begins anew. */
async function renew() {
  const mine = epoch;
  const missed = [];
  let newestPage = null;
  try {
    for (let cursor = null, parts = 0; parts < MOST_RENEWED; parts += 1) {
      const page = await api.get(query(cursor, PAGE_FAR));
      if (mine !== epoch) return null;
      newestPage ??= page;
      missed.push(...page.cards.filter((card) => feed.indexOf(card.id) < 0));
      cursor = page.next;
      if (cursor && page.cards.every((card) => feed.indexOf(card.id) < 0)) continue;
      cards.doubt();
      for (const card of missed) back(card);
      if (!order.length && waiting.size) showNew({ focus: false });
      counters.learn(newestPage.counts);
      if (isOldestFirst()) next ??= cards.cursors.get(order.at(-1)) ?? newestPage.next;  // what was missed stands at the end
      feed.draw();
      if (focused !== null) cards.bring(focused).catch(() => null);
      drawSoon();
      return newestPage;
    }
  } catch (error) {
    warn(errorText(error));
    return null;
  }
  return reload({ keepFocus: true });
}

live.addEventListener("reload", async () => {
  team.again();
  const page = await renew();
  // The line goes on from the number that belongs to that page.
  if (page?.seq !== undefined) { live.seq = page.seq; live.catchUp(); }
});
live.addEventListener("signedout", () => {
  warn(t("Your session has ended. Nothing was changed."), { seconds: 3600, undoLabel: t("Sign in"), undoKey: "", undo: () => location.assign(`/signin?next=${encodeURIComponent(location.pathname + location.search)}`) });
});
live.addEventListener("caughtup", ({ detail }) => { if (detail.count > 3) note(tn("Caught up: %(num)s change", "Caught up: %(num)s changes", detail.count), { ic: "check" }); });
startNotice(live);
live.addEventListener("state", ({ detail }) => { if (detail.state === "live" && pane.id !== null && !pane.details) pane.load(); });

/* ---------- counters and notices ---------- */

let paintDue = 0;
let paintedAt = 0;
/** Counters repaint at most once a second. */
function drawSoon() {
  paintDue ||= setTimeout(() => { paintDue = 0; paintedAt = Date.now(); drawPill(); counters.draw(); }, Math.max(250, paintedAt + 1000 - Date.now()));
}

function drawPill() {
  const pill = $("newpill");
  const amount = waiting.size;
  if (pill.hidden !== (amount === 0)) pill.hidden = amount === 0;
  fresh.draw();
  if (!amount) return;
  const kinds = kindsOf([...waiting].map((id) => cards.get(id)?.kind ?? fresh.kindOf(id)));
  pill.querySelector("b").textContent = `+${number(amount)}`;
  pill.querySelector("[data-part=kinds]").textContent = kinds;
  sayNew(amount, kinds);
}
let saidAt = 0;
function sayNew(amount, kinds) {
  if (Date.now() - saidAt < 20000) return;
  saidAt = Date.now();
  announce(`${tn("%(num)s new message", "%(num)s new messages", amount)}: ${kinds}`);
}

everySecond(() => {
  if (live.state === "live" && !isPaused) $("asof").textContent = t("As of %(time)s", { time: clockTimeExact(live.heardAt) });
  lapseClaims();
});

keepHolding(() => [...cards.values()]);

/** A lease that ran out shows it without an event. */
function lapseClaims() {
  for (const id of feed.shown.keys()) if (cards.get(id)?.claim) feed.refresh(id);
}

function drawEmpty() {
  for (const one of $("empty").querySelectorAll("[data-empty]")) one.hidden = one.dataset.empty !== (isFiltered() ? "filtered" : "none");
  $("hidden-by").textContent = `${filterNames().join(" · ")}. ${tn("%(num)s message is hidden.", "%(num)s messages are hidden.", counters.all)}`;
}

function drawBulk() {
  $("bulk").hidden = selected.size === 0;
  $("compare").hidden = selected.size !== 2;
  $("bulk").querySelector(".bulk-n").textContent = t("%(count)s selected", { count: number(selected.size) });
}

function refilter() {
  mood.refilter();
  selected.clear();
  drawBulk();
  reload();
}

function togglePause() {
  isPaused = !isPaused;
  pausePresence(isPaused);
  const control = $("pause");
  control.setAttribute("aria-pressed", String(isPaused));
  control.querySelector("span").textContent = isPaused ? t("Go live") : t("Pause live");
  control.querySelector(".i").replaceWith(icon(isPaused ? "play" : "pause"));
  control.title = control.querySelector("span").textContent;
  $("asof").textContent = isPaused ? t("Paused at %(time)s", { time: clockTimeExact(now()) }) : "";
  if (!isPaused) { const missed = kept; kept = []; missed.forEach(take1); }
}

/* ---------- wiring ---------- */

const reasons = reasonsIn($("why"), (digit) => { giveReason(digit); feed.elementOf(focused)?.focus({ preventScroll: true }); });
const pane = new Pane($("pane"), {
  next: () => step(1), previous: () => step(-1), close: () => closePane(), verdict, retry, plan, cover: () => cover(focused), block: () => block(pane.card), lead: () => toLead(pane.card), assign: () => pressAssign(pane.card, passing), mark: (what) => pressMark(what, pane.card, marking),
  claim: () => claim(isMine(cards.get(focused))), changed: change, cardOf: (id) => cards.get(id), open: openTwin, compare: compareTwo,
});

const mood = new Mood({ changed: change, mayJudge: $("pane").dataset.mayMove.startsWith("y") });

function block(card) {
  if (player.isOn(card?.id)) player.stop();
  return pressBlock(card, (answer) => { if (answer.card) change(answer.card); pane.load(); });
}

/** To the lead: off this wall and everybody else's; Z brings it back as long as nobody has begun with it. */
function toLead(card) {
  return pressLead(card, { gone: () => removeCards(new Set([card.id])), back: change });
}

const passing = { describe, done: ({ card }) => { if (card) change(card); } };
const marking = { done: ({ card }) => { if (card) change(card); } };

/** Takes back the last act: one that still waits for the line is simply not sent. */
async function takeBack() {
  if (held.takeBack()) { note(t("Taken back"), { ic: "undo" }); return; }
  await verdicts.answered();
  const answer = await undoLast();
  if (answer?.card) change(answer.card);
  if (answer?.sweep) heardSweep(answer, true);
}

/** O: what is behind the bar or the card in focus comes up, or goes. */
function openMore() {
  if (mood.hasFocus) { mood.toggle(); return true; }
  const card = cards.get(focused);
  if (!card?.more && !card?.twins && !card?.under) { announce(t("Nothing is folded here.")); return true; }
  const isFlood = Boolean(card.more || card.under);
  const box = $("pane").querySelector(isFlood ? "[data-part=flood]" : "[data-part=twins]");
  if (box.contains(document.activeElement)) { closePane(); return true; }
  pane.open();
  box.scrollIntoView({ block: "nearest" });
  if (isFlood) pane.flood.focus();
  if (!box.contains(document.activeElement)) (box.querySelector("button") ?? $("pane").querySelector("[data-part=scroll]")).focus({ preventScroll: true });
  return true;
}

const team = new Team($("team-open"), { card: () => cards.get(focused) ?? null, open: openById });

function closePane() {
  pane.close();
  feed.elementOf(focused)?.focus({ preventScroll: true });
}

function cue(id) {
  const card = cards.get(id);
  const media = card && mainMedia(card);
  if (!media || card.listener.is_blocked) return false;
  if (isCovered(media)) { announce(t("Covered. B shows it, to you alone.")); return true; }
  if (moves(media)) { toggleMoving(media); return true; }
  if (media.kind === "video") { pane.open(); pane.toggle(); return true; }
  if (!listenable(media)) { announce(t("This cannot be played yet.")); return true; }
  return player.press(id, media);
}

/** Radio: the sound of a film, without its pictures. */
function filmSound(id) {
  const card = cards.get(id);
  const media = card && mainMedia(card);
  if (media?.kind !== "video" || card.listener.is_blocked) return false;
  if (isCovered(media)) { announce(t("Covered. B shows it, to you alone.")); return true; }
  if (!player.press(id, media, { soundOnly: true })) announce(t("This film has no sound."));
  return true;
}

function lookThrough(by) {
  const strip = feed.elementOf(focused)?.querySelector(".scrub");
  if (!strip) return false;
  strip.step(by);
  return true;
}

/** The person's own look at what is covered; nobody else sees more for it. */
function lookAt(id) {
  const media = cards.has(id) ? mainMedia(cards.get(id)) : null;
  if (!media?.cover) { announce(t("There is no picture here to cover.")); return; }
  if (player.isOn(id)) player.stop();
  look(media.id);
}

/** Lays a file open for all, or covers it for all; both can be taken back. */
async function cover(id) {
  const card = cards.get(id);
  const media = card && mainMedia(card);
  if (!media || !$("pane").dataset.mayMove.startsWith("y")) return;
  try {
    const answer = await api.post(`/api/v1/cards/${id}/cover`, { covered: !media.cover });
    if (!media.cover && player.isOn(id)) player.stop();
    change(answer.card);
    remember(answer.undo_id, `${describe(card)}: ${media.cover ? t("Shown to all") : t("Covered for all")}`, (undone) => { if (undone?.card) change(undone.card); });
  } catch (error) {
    if (error.current?.listener) change(error.current);
    warn(errorText(error));
  }
}

for (const told of [covers, moving]) told.addEventListener("change", ({ detail }) => {
  for (const id of new Set([...feed.shown.keys(), focused])) if (cards.get(id)?.media?.some((media) => media.id === detail.id)) refresh(id);
});

$("grid").addEventListener("click", (event) => {
  const element = event.target.closest(".card");
  if (!element) return;
  const id = Number(element.dataset.id);
  const control = event.target.closest("[data-act]");
  const act = control?.dataset.act;
  if (event.ctrlKey || event.metaKey) { toggleSelected(id); return; }
  if (event.shiftKey) { selectRange(id); return; }
  if (id !== focused) setFocus(id, { quiet: Boolean(control && act !== "seek"), reveal: false });
  const acts = {
    cue: () => cue(id), "open-film": () => cue(id), "film-sound": () => filmSound(id),
    seek: () => { const box = control.getBoundingClientRect(); const media = mainMedia(cards.get(id)); if (player.isOn(id)) player.press(id, media, { at_s: ((event.clientX - box.left) / box.width) * (media.duration_s ?? 0) }); },
    shortlist: () => verdict("shortlisted"), reject: () => verdict("rejected"), open: () => pane.open(),
    more: () => openMore(),
    retry: () => retry(mainMedia(cards.get(id))),
    understood: () => { conflicts.delete(id); refresh(id); feed.elementOf(id)?.focus({ preventScroll: true }); },
  };
  acts[act]?.();
  if (!act && matchMedia("(max-width: 1180px)").matches) pane.open();
});
$("grid").addEventListener("focusin", (event) => {
  const element = event.target.closest(".card");
  if (!element) return;
  for (const control of element.querySelectorAll("[data-act]")) if (control.tabIndex < 0 && control.tagName === "BUTTON") control.tabIndex = 0;
  const id = Number(element.dataset.id);
  if (id !== focused) setFocus(id, { quiet: true, reveal: false });
});

function toggleSelected(id = focused) {
  if (id === null) return;
  if (!selected.delete(id)) selected.add(id);
  anchor = id;
  feed.refresh(id);
  drawBulk();
}
function selectRange(id = focused) {
  const from = feed.indexOf(anchor ?? focused);
  const to = feed.indexOf(id);
  if (from < 0 || to < 0) return;
  for (const one of order.slice(Math.min(from, to), Math.max(from, to) + 1)) { selected.add(one); feed.refresh(one); }
  drawBulk();
}
function clearSelected() {
  const ids = [...selected];
  selected.clear();
  ids.forEach((id) => feed.refresh(id));
  drawBulk();
}

document.addEventListener("click", (event) => {
  const density = event.target.closest("[data-density-choice]");
  if (density) setDensity(density.dataset.densityChoice);
  const many = event.target.closest("[data-bulk]");
  if (many) { if (many.dataset.bulk === "clear") clearSelected(); else if (many.dataset.bulk === "compare") compareTwo(); else bulk(many.dataset.bulk); }
});
$("newpill").addEventListener("click", () => showNew());
$("pause").addEventListener("click", togglePause);
$("take-back")?.addEventListener("click", () => takeBack());
$("mood-copy").addEventListener("click", () => mood.copy());
function setDensity(name) {
  feed.hold(() => {
    if (name === "regular") delete document.documentElement.dataset.density;
    else document.documentElement.dataset.density = name;
  });
  localStorage.setItem("desk.density", name);
  for (const one of document.querySelectorAll("[data-density-choice]")) one.setAttribute("aria-pressed", String(one.dataset.densityChoice === name));
}

for (const type of ["change", "time"]) player.addEventListener(type, () => {
  for (const [id, element] of feed.shown) if (player.isOn(id) || element.querySelector(".cue.is-on")) showPlaying(element, cards.get(id));
  if (player.fault && type === "change") warn(player.fault);
});

const MOVE = t("Move"), DECIDE = t("Decide"), LISTEN = t("Listen"), MANY = t("Many");
bind(["j", "PageDown"], { group: MOVE, label: t("Next"), run: () => step(1) });
bind(["k", "PageUp"], { group: MOVE, label: t("Previous"), run: () => step(-1) });
const inGrid = () => document.activeElement?.classList.contains("card") || document.activeElement === document.body;
for (const [key, by] of [["ArrowRight", () => 1], ["ArrowLeft", () => -1], ["ArrowDown", () => feed.columns], ["ArrowUp", () => -feed.columns]]) bind(key, { run: () => (inGrid() ? step(by()) : false) });
bind("Enter", { group: MOVE, label: t("Open"), run: () => { if (!inGrid()) return false; pane.open(); $("pane").querySelector("[data-part=scroll]").focus({ preventScroll: true }); return true; } });
bind("Escape", { group: MOVE, label: t("Close, clear selection"), inFields: true, run: (event) => {
  if (selected.size) { clearSelected(); return true; }
  if (document.body.classList.contains("has-pane") || $("pane").contains(event.target)) { closePane(); return true; }
  closeNote();
  return true;
} });
bind("n", { group: MOVE, label: t("Show new"), run: () => showNew() });
bind("p", { group: MOVE, label: t("Pause live"), run: togglePause });
if (document.getElementById("to-triage")) bind("Shift+t", { group: MOVE, label: t("Start a triage run"), run: () => location.assign("/triage") });
bind("y", { group: MOVE, label: t("Team"), run: () => team.toggle() });
bind("Shift+y", { group: MOVE, label: t("Team, with this message attached"), run: () => team.show({ carrying: true }) });
bind("Shift+g", { group: MOVE, label: t("Hand-over of the shift"), run: () => location.assign("/handover") });
bind("/", { group: MOVE, label: t("Search"), run: () => $("search").focus() });
bind("Ctrl+Home", { run: () => (inGrid() ? document.querySelector(".tab")?.focus() : false) });
bind("Ctrl+End", { run: () => (inGrid() ? $("pane").querySelector("button")?.focus() : false) });
bind("s", { group: DECIDE, label: t("Shortlist"), run: () => verdict("shortlisted") });
bind("e", { group: DECIDE, label: t("Reject, then 1 to 6 for a reason"), run: () => verdict("rejected") });
bind("Shift+s", { group: DECIDE, label: t("Shortlist with all copies"), run: () => verdict("shortlisted", { copies: true }) });
bind("Shift+e", { group: DECIDE, label: t("Reject with all copies"), run: () => verdict("rejected", { copies: true }) });
bind("i", { group: DECIDE, label: t("Claim"), run: () => claim(false) });
bind("u", { group: DECIDE, label: t("Release"), run: () => claim(true) });
bind("l", { group: DECIDE, label: t("Put into rundown"), run: plan });
bind("a", { group: DECIDE, label: t("Add to campaign"), run: () => pane.focusCampaign() });
bind("b", { group: LISTEN, label: t("Look at what is covered, cover again"), run: () => lookAt(focused) });
bind("Shift+b", { group: DECIDE, label: t("Show to all, cover for all"), run: () => { cover(focused); } });
if (mayAssign()) bind("g", { group: DECIDE, label: t("Pass on to a desk or a colleague"), run: () => pressAssign(cards.get(focused), passing) });
if (mayBlock()) bind("q", { group: DECIDE, label: t("Block sender, lift a block"), run: () => block(cards.get(focused)) });
if ($("pane").dataset.mayMove.startsWith("y")) bind("h", { group: DECIDE, label: t("Threat or insult: to the lead"), run: () => toLead(cards.get(focused)) });
bind("r", { group: DECIDE, label: t("Reply"), run: () => pane.focusReply() });
bind("z", { group: DECIDE, label: t("Undo"), run: () => { takeBack(); } });
REASONS.forEach((_reason, at) => bind(String(at + 1), { run: () => giveReason(at + 1) || rate(cards.get(focused), at + 1, marking) }));
if (mayMark()) {
  listKey("1–5", { group: DECIDE, label: t("Rate; the same again takes it off") });
  bind("f", { group: DECIDE, label: t("Lay before the jury, take from it"), run: () => toggleJury(cards.get(focused), marking) });
  bind("m", { group: DECIDE, label: t("Colour tags, then their digits"), run: () => pressTags(() => cards.get(focused), marking) });
}
bind(" ", { group: LISTEN, label: t("Cue, pause"), run: () => cue(focused) });
bind("v", { group: LISTEN, label: t("Sound of the film alone"), run: () => filmSound(focused) });
bind(",", { group: LISTEN, label: t("Film: frame before"), run: () => lookThrough(-1) });
bind(".", { group: LISTEN, label: t("Film: next frame"), run: () => lookThrough(1) });
bind("Shift+ArrowLeft", { group: LISTEN, label: t("5 s back"), run: () => (player.item ? player.nudge(-5) : false) });
bind("Shift+ArrowRight", { group: LISTEN, label: t("5 s forward"), run: () => (player.item ? player.nudge(5) : false) });
bind("Shift+ ", { group: LISTEN, label: t("All sound off"), run: () => player.stop(), inFields: false });
bind("o", { group: MANY, label: t("Open, close what is folded"), run: openMore });
bind("x", { group: MANY, label: t("Select"), run: () => toggleSelected() });
bind("Shift+x", { group: MANY, label: t("Select range"), run: () => selectRange() });
bind("Ctrl+a", { group: MANY, label: t("Select all visible"), run: () => { for (const id of feed.shown.keys()) { selected.add(id); feed.refresh(id); } drawBulk(); } });

bind("Shift+c", { group: MANY, label: t("Compare the two selected, or the best copies"), run: () => { compareTwo(); } });
listKey("← →", { group: MANY, label: t("In a comparison: play left, right; X switches at the same place") });
listKey("1 2", { group: MANY, label: t("In a comparison: keep one, reject the other; with Shift the other waits") });
if ($("sweep-menu")) bind("Shift+r", { group: MANY, label: t("Reject what is left, after a look at what that is"), run: askLeft });
startSweeps(askLeft);
startViews();
startLongPress($("grid"), { pick: toggleSelected, isPicking: () => selected.size > 0 });

startShapes((change) => feed.hold(change, { refill: true }));
const density = localStorage.getItem("desk.density");
if (density && density !== "regular") setDensity(density);
startFilters({ changed: refilter, known: (id) => cards.get(id), leave: () => feed.elementOf(focused)?.focus() });
take(first, true);
counters.draw();
showOrder();
if (order.length) setFocus(order[0], { quiet: true, reveal: false });
document.documentElement.dataset.ready = "yes";
live.start();
startPresence(live, { card: () => pane.id ?? focused, redrawn: (id) => { feed.refresh(id); if (id === pane.id) drawWatchers(pane.part("here"), id); } });
