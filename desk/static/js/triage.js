/* The triage run: one new card at a time, the oldest first, one decision per key. The next few are held for this person
   (leases.js), so that nobody hears anything twice: a verdict shows the next of them at once and is sent behind it.
   What is not held yet is claimed before it is shown, and passed over if a colleague has it. Without a line verdicts
   wait, and one that is refused brings its card back. What stands on screen is drawn by run_card.js; what sounds, and when, is up to run_sound.js. */

import * as api from "./api.js";
import { handed } from "./assign.js";
import { pressBlock } from "./block.js";
import { describe, isMine, isTheirs, kindIcon, kindName, mainMedia, nameOf, reasonText, REASONS } from "./card.js";
import { covers, hush, isCovered, look } from "./covers.js";
import { everySecond, now } from "./clock.js";
import { announce, button, el, errorText, icon } from "./dom.js";
import { pressLead } from "./escalate.js";
import { FloodBox, follow } from "./flood.js";
import { headphones } from "./headphones.js";
import { Held } from "./held.js";
import { bind, listKey } from "./keys.js";
import { drawStrip, listening } from "./listening.js";
import { keepHolding, leftOf, withKept } from "./leases.js";
import { amend, Live, newest } from "./live.js";
import { drawMarks, learnTags, pressMark, pressTags, rate, withTags } from "./marks.js";
import { moves, moving, stopMoving, toggleMoving } from "./moving.js";
import { startNotice } from "./offline.js";
import * as outbox from "./outbox.js";
import { Place } from "./place.js";
import { listenable, mediaUrl, player } from "./player.js";
import { retry } from "./retry.js";
import { drawWatchers, moved as movedOn, startPresence } from "./presence.js";
import { RunCard } from "./run_card.js";
import { RunSound } from "./run_sound.js";
import { note, warn } from "./toast.js";
import { withStack } from "./twins.js";
import { duration, number, t, tn } from "./words.js";

const AHEAD_LEAST = 3;
const STACK = 20;
const WARN_UNDER_S = 15;
const RECOUNT_MS = 2500;
const DRAW_MS = 200;
const REASON_S = 10;
const LEAVE_MS = 3000;
const GLANCE_MS = 300; // a card that came by itself is not judged by a key that was meant for the one before
const $ = (id) => document.getElementById(id);
const first = JSON.parse($("pile").textContent);

let pile = [];
let next = null;
let remaining = {};
let making = 0; // of them so many whose files are not there yet
let isMore = false; // the server counts so far and no further
let current = null;
let coming = null; // the card that is being claimed before it is shown
let claiming = null;
let lapsed = false;
let cameByItselfAt = 0;
let isFilling = false;
let isRunning = false;
const mine = new Set();
const done = [];
const counts = { shortlisted: 0, rejected: 0, later: 0, jury: 0, blocked: 0, lead: 0 };
let later = new Set();
let rejected = null;
const place = new Place();
const kept = new Held({ place: $("kept") });
const sound = new RunSound(place);
const screen = new RunCard({ place, learnPeaks: (file) => sound.learnPeaks(file), isPutOff: (id) => later.has(id) });

/** The voices of a flood follow each other as the next card would: only where somebody lets it. */
const flood = new FloodBox($("flood"), { open: (card) => openOf(card), changed: (card) => learn(card), mayJudge: true });
follow(flood, () => sound.goesOn);

function drawCard(isNew) {
  screen.draw(current, isNew);
  flood.draw(current);
}

/** One of a flood by itself: its sound, or its picture large. */
function openOf(card) {
  const media = mainMedia(card);
  if (isCovered(media)) { announce(t("Covered. B shows it, to you alone.")); return; }
  if (media?.kind !== "video" && listenable(media)) { if (!player.press(card.id, media)) announce(t("This cannot be played yet.")); return; }
  const profile = media && ["large", "still", "card", "thumb", "poster"].find((name) => media.profiles?.[name] && !media.profiles[name].mime?.startsWith("video/"));
  if (profile) $("body").replaceChildren(el("img.tri-picture", { src: mediaUrl(media, profile), alt: nameOf(card), decoding: "async" }));
}

/* ---------- the pile ---------- */

/** Takes in what is open to this person, as it is now: what they hold first, what was put off last. */
function take(answer) {
  const open = new Map(answer.cards.filter((card) => !mine.has(card.id) && card.id !== current?.id && card.id !== coming?.card.id).map((card) => [card.id, newest(card)]));
  const kept = pile.filter((card) => answer.next || open.has(card.id)).map((card) => { const now = open.get(card.id); open.delete(card.id); return now && now.version >= card.version ? now : card; });
  const rank = (card) => (later.has(card.id) ? 2 : isMine(card) ? 0 : 1);
  pile = [...kept, ...open.values()].sort((a, b) => rank(a) - rank(b));
  next = answer.next;
  takeNumbers(answer);
}

function takeNumbers(answer) { ({ remaining, making, is_more: isMore } = answer); }

const isShort = () => pile.filter(isMine).length < AHEAD_LEAST && (next || pile.some((card) => !isMine(card) && !later.has(card.id)));

async function fill() {
  if (isFilling) return;
  isFilling = true;
  try {
    take(await api.post("/api/v1/triage/stack", { without: [...later] }));
    if (isIdle() && isRunning) showNext();
    draw();
  } catch { /* the line says so; the next event or decision asks again */ } finally { isFilling = false; }
}

let recountDue = 0;
function recountSoon() {
  recountDue ||= setTimeout(async () => {
    recountDue = 0;
    try {
      if (isIdle() && pile.length === 0) { await fill(); return; }
      takeNumbers(await api.get("/api/v1/triage/left"));
      draw();
    } catch { /* the next change asks again */ }
  }, RECOUNT_MS);
}

/* ---------- the card on screen ---------- */

/** The card on screen went without a decision of this person. */
function passOn(goesOn = false) {
  cameByItselfAt = Date.now();
  showNext(goesOn);
}

const isIdle = () => !current && !coming;
const isHeld = (card) => isMine(card) && leftOf(card) > WARN_UNDER_S;

/** `goesOn`: a verdict led here, so the next voice may play. */
function showNext(goesOn = false) {
  const card = pile.shift() ?? null;
  if (card && !isHeld(card) && live.state !== "offline") { bring(card, goesOn); return; }
  claiming = Promise.resolve(card);
  show(card, goesOn);
}

function show(card, goesOn) {
  const isHeard = card !== null && player.isOn(card.id);
  if (!isHeard) player.stop();
  sound.learnPeaks(null);
  stopMoving();
  current = card;
  coming = null;
  lapsed = false;
  drawWatchers($("watchers"), card?.id);
  if (card) {
    if (goesOn && !isHeard) sound.goOn(card); // before anything is drawn: ears first
    drawCard(true);
  }
  if (isShort()) fill();
  movedOn();
  draw();
  keepPlace();
}

/** Claims the card before anybody can judge it: two who come to it at once would both hear it to the end. */
async function bring(card, goesOn) {
  const turn = { card, isAfter: Boolean(current ?? coming?.isAfter) };
  player.stop();
  if (goesOn) sound.goOn(card);
  current = null;
  coming = turn;
  draw();
  let held = null;
  try {
    held = (await api.post(`/api/v1/cards/${card.id}/claim`, { version: card.version })).card;
  } catch (error) {
    if (coming !== turn) return;
    if (error.status === 409 || error.status === 404) { showNext(goesOn); return; }
    if (!error.isUnreachable) warn(errorText(error));
    claiming = Promise.resolve(error.isUnreachable ? card : null);
    show(card, goesOn);
    return;
  }
  if (coming !== turn || !isOpen(held)) release(held); // it was left, or decided meanwhile
  if (coming !== turn) return;
  if (!isOpen(held)) { showNext(goesOn); return; }
  claiming = Promise.resolve(held);
  show(newest(held), goesOn);
}

const keepPlace = () => place.keep((current ?? coming?.card)?.id ?? null, later);

/** Holds the card that is shown again; one that a colleague got meanwhile is passed over. Gives it as it is now, or null. */
async function claim(card) {
  try {
    const answer = await api.post(`/api/v1/cards/${card.id}/claim`, { version: card.version });
    if (!isOpen(answer.card)) { release(answer.card); throw new api.ApiError(409, { current: answer.card }); } // decided meanwhile
    if (current?.id === card.id) { current = newest(answer.card); lapsed = false; drawCard(false); }
    return answer.card;
  } catch (error) {
    if (current?.id !== card.id) return null;
    if (error.status === 409 || error.status === 404) {
      note(error.code === "wall.card_claimed" ? t("%(reason)s On to the next.", { reason: error.message }) : t("This one is gone. On to the next."), { ic: "user", seconds: 4 });
      passOn(player.isOn(card.id) && player.isPlaying);
      return null;
    }
    if (!error.isUnreachable) warn(errorText(error));
    return error.isUnreachable ? card : null;
  }
}

function release(card) {
  return api.post(`/api/v1/cards/${card.id}/release`, { version: card.version }).catch(() => null);
}

function decide(to) {
  const card = current;
  if (!card || pending || Date.now() - cameByItselfAt < GLANCE_MS) return;
  const held = claiming;
  showReasons(false);
  if (to === "later") { putOff(card, held); return; }
  mine.add(card.id);
  later.delete(card.id);
  count(card, -1);
  const step = keep(to, card);
  announce({ rejected: t("Rejected"), shortlisted: t("Shortlisted"), jury: t("Laid before the jury") }[to]);
  showNext(true);
  if (to === "rejected") { rejected = { step, at: Date.now() }; showReasons(true); }
  step.sent = send(step, held);
}

function putOff(card, held) {
  later.add(card.id);
  pile.push(card);
  keep("later", card);
  showNext(pile[0].id !== card.id);
  if (current?.id !== card.id) held.then((kept) => kept && release(kept)).then((answer) => { if (answer?.card) learn(answer.card); });
}

/** Tells the server of a verdict whose card has left the screen. */
async function send(step, held) {
  const { card } = step;
  try {
    const mineNow = await held;
    const version = Math.max(card.version, mineNow?.version ?? 0);
    const isJury = step.act === "jury";
    if (isJury && !mineNow) throw new api.ApiError(409, { message: t("This one is gone. On to the next.") });
    const path = `/api/v1/cards/${card.id}/${isJury ? "jury" : "move"}`;
    const answer = await outbox.send(path, isJury ? { is_for_jury: true } : { version, to: step.act }, () => { kept.add(card.id, () => outbox.withdraw(path)); draw(); });
    kept.done(card.id);
    step.card = answer.card;
    step.undoIds.push(answer.undo_id);
    if (isJury) await release(answer.card);
    draw();
  } catch (error) { if (!error.isWithdrawn) refuse(step, error); }
}

/** A verdict did not hold: a colleague was faster, or its card comes back as the next one. */
function refuse(step, error) {
  const card = error.current?.listener ? error.current : step.card;
  forgetStep(step);
  if (rejected?.step === step) showReasons(false);
  if (error.isConflict && (card.state !== "new" || isTheirs(card))) {
    if (kept.has(card.id)) kept.refused(card.id, describe(card), error.message);
    else note(error.message, { ic: "user", seconds: 5 });
    recountSoon();
  } else {
    kept.refused(card.id, describe(card), errorText(error));
    count(card, 1);
    pile.unshift(card);
    warn(t("%(name)s comes again. %(reason)s", { name: nameOf(card), reason: errorText(error) }));
    if (isIdle()) showNext();
  }
  draw();
}
let pending = false;

function keep(act, card) {
  const step = { act, card, undoIds: [], sent: null };
  done.push(step);
  counts[act] += 1;
  return step;
}

function forgetStep(step) {
  done.splice(done.indexOf(step), 1);
  counts[step.act] -= 1;
  mine.delete(step.card.id);
}

function count(card, by) { remaining[card.kind] = Math.max(0, (remaining[card.kind] ?? 0) + by); }

async function undo() {
  const last = done.at(-1);
  if (!last) { note(t("There is nothing to take back."), { ic: "undo", seconds: 3 }); return; }
  if (pending) return;
  pending = true;
  try {
    if (!kept.takeBack(last.card.id)) await last.sent;  // one that still waits for the line is simply not sent
    if (!done.includes(last)) return;
    let { card } = last;
    // Held before it is free again, or a colleague's run takes it in between; of a verdict the server sees to that.
    if (last.act === "jury") await api.post(`/api/v1/cards/${card.id}/claim`, { version: card.version }).catch(() => null);
    // A reason was an act of its own: the later one is taken back first.
    while (last.undoIds.length) {
      const undoId = last.undoIds.at(-1);
      card = (await (typeof undoId === "function" ? undoId() : api.post(`/api/v1/undo/${undoId}`))).card;
      last.undoIds.pop();
    }
    forgetStep(last);
    later.delete(card.id);
    pile = pile.filter((one) => one.id !== card.id);
    if (last.act !== "later") count(card, 1);
    const inHand = current ?? coming?.card; // what is being claimed goes back as well
    if (inHand && inHand.id !== card.id) pile.unshift(inHand);
    pile.unshift(card);
    showReasons(false);
    announce(t("Taken back"));
    showNext();
  } catch (error) {
    done.pop();
    warn(errorText(error));
    draw();
  } finally { pending = false; }
}

async function giveReason(digit) {
  if (!rejected || Date.now() - rejected.at > REASON_S * 1000) return false;
  const reason = REASONS[digit - 1]?.[0];
  if (!reason) return false;
  const { step } = rejected;
  showReasons(false);
  await step.sent;
  if (!done.includes(step)) return true;
  try {
    const { id, version } = step.card;
    const answer = await api.post(`/api/v1/cards/${id}/move`, { version, to: "rejected", reason });
    step.card = answer.card;
    step.undoIds.push(answer.undo_id);
    note(t("Reason: %(reason)s", { reason: reasonText(reason) }), { ic: "ban", seconds: 4 });
    draw();
  } catch (error) { warn(errorText(error)); }
  return true;
}

function showReasons(isShown) {
  if (!isShown) rejected = null;
  $("why").hidden = !isShown;
}

/* ---------- the run around it ---------- */

let drawDue = 0;
/** What many events changed is drawn once; what this person did, at once. */
function drawSoon() { drawDue ||= setTimeout(draw, DRAW_MS); }

function draw() {
  clearTimeout(drawDue);
  drawDue = 0;
  sound.ahead(pile);
  const left = Object.values(remaining).reduce((sum, count) => sum + count, 0);
  const isThere = Boolean(current || coming?.isAfter);
  $("run").hidden = !isThere;
  $("main").setAttribute("aria-busy", String(Boolean(coming)));
  $("empty").hidden = isThere;
  $("left").textContent = isMore ? `${number(left)}+` : number(left);
  $("decided").textContent = number(counts.shortlisted + counts.rejected + counts.jury);
  for (const one of document.querySelectorAll("[data-count]")) one.textContent = number(counts[one.dataset.count]);
  $("stack").replaceChildren(...done.slice(-(STACK - 1)).map((one) => el(`i.${{ shortlisted: "sh", rejected: "rej", later: "lat", jury: "jury", blocked: "rej", lead: "rej" }[one.act]}`)), ...(current ? [el("i.cur")] : []));
  $("kinds").replaceChildren(...Object.entries(remaining).filter(([, count]) => count > 0).map(([kind, count]) => el("li", {}, icon(kindIcon({ kind })), el("span", {}, kindName({ kind })), el("b.num", {}, number(count)))));
  $("queue").replaceChildren(...pile.slice(0, 5).map((card, at) => el(`li${at ? "" : ".n1"}`, {}, icon(kindIcon(card)), el("span", {}, el("b", {}, nameOf(card)), card.listener.place && el("small", {}, card.listener.place), card.text && !card.listener.is_blocked && el("em", { dir: "auto" }, card.text.slice(0, 70))), el("span.num", {}, mainMedia(card)?.duration_s ? duration(mainMedia(card).duration_s) : ""))));
  const last = done.at(-1);
  const words = last && { shortlisted: t("Last: %(name)s shortlisted", { name: nameOf(last.card) }), rejected: last.card.reject_reason ? t("Last: %(name)s rejected, %(reason)s", { name: nameOf(last.card), reason: reasonText(last.card.reject_reason) }) : t("Last: %(name)s rejected", { name: nameOf(last.card) }), later: t("Last: %(name)s put off", { name: nameOf(last.card) }), jury: t("Last: %(name)s laid before the jury", { name: nameOf(last.card) }), blocked: t("Last: %(name)s blocked", { name: nameOf(last.card) }), lead: t("Last: %(name)s sent to the lead", { name: nameOf(last.card) }) }[last.act];
  $("last").replaceChildren(...(last ? [icon({ shortlisted: "bookmark", rejected: "ban", later: "clock", jury: "trophy", blocked: "ban", lead: "shield" }[last.act]), words] : []));
  $("undo").hidden = $("undo-empty").hidden = !last;
  $("waits").hidden = !kept.count;
  if (kept.count) $("waits").replaceChildren(icon("clock"), tn("%(num)s decision waits for the line", "%(num)s decisions wait for the line", kept.count));
  $("empty").classList.toggle("is-cut-off", live.state === "offline" && left > 0);
  $("empty").classList.toggle("is-making", live.state !== "offline" && making > 0);
  $("making").textContent = tn("The file of %(num)s message is being made ready.", "The files of %(num)s messages are being made ready.", making);
}

/* ---------- the lease ---------- */

const leftOfLease = () => leftOf(current);

function drawLease() {
  const left_s = leftOfLease();
  const line = $("lease");
  let words = sound.goesOn ? t("A verdict plays the next voice") : t("No sound without a key or a tap"), sign = sound.goesOn ? "headphones" : "mute";
  if (current && left_s !== null && left_s <= 0) {
    lapsed = true;
    words = t("No longer held for you. The next key holds it again.");
    sign = "unlock";
  } else if (left_s !== null && left_s < WARN_UNDER_S) {
    words = t("Held for you for %(seconds)s s more", { seconds: Math.ceil(left_s) });
    sign = "timer";
  }
  if (line.textContent !== words) line.replaceChildren(icon(sign), words);
}

let isRenewing = false;
/** A sign of life holds the card again that ran out meanwhile. */
async function stayAwake() {
  const left_s = leftOfLease();
  if (!current || isRenewing || pending || !(lapsed || (left_s !== null && left_s <= 0))) return;
  isRenewing = true;
  claiming = claim(current);
  await claiming;
  isRenewing = false;
  drawLease();
}
document.addEventListener("keydown", stayAwake);
document.addEventListener("pointerdown", stayAwake);
player.addEventListener("time", stayAwake);
keepHolding(() => [current, ...pile]);
everySecond(() => { drawLease(); if (rejected && Date.now() - rejected.at > REASON_S * 1000) showReasons(false); });

/* ---------- live ---------- */

/** Whether its files are there, or will not be soon: what is being made ready comes into the run when it is. */
const isMade = (card) => !card.media.some((one) => !["ready", "failed"].includes(one.state) && !one.retry_at);
const isOpen = (card) => !card.under && card.state === "new" && !isTheirs(card) && !card.listener.is_blocked && !card.is_for_jury;

/** A card as the server says it is now. */
function learn(card) {
  recountSoon();
  if (current?.id === card.id) {
    if (card.version < current.version || pending) return;
    if (!isOpen(card)) {
      const who = (card.claim?.by ?? card.state_by)?.name?.split(" ")[0];
      note(who ? t("%(name)s decided on this one. On to the next.", { name: who }) : t("This one is gone. On to the next."), { ic: "user", seconds: 5 });
      passOn();
      return;
    }
    current = card;
    hush(card);
    drawCard(false);
    return;
  }
  if (coming?.card.id === card.id) return; // the answer to its claim says what holds
  const at = pile.findIndex((one) => one.id === card.id);
  if (at >= 0) {
    if (!isOpen(card)) pile.splice(at, 1);
    else if (card.version >= pile[at].version) pile[at] = card;
  } else if (isOpen(card) && isMade(card) && !next && !mine.has(card.id)) pile.push(card);
  if (isIdle() && pile.length) fill();
  drawSoon();
}

/** A sender was blocked: nothing of theirs is judged in this run. */
function leaveOut({ listener_id, blocked_until }) {
  if (!blocked_until) return;
  pile = pile.filter((card) => card.listener.id !== listener_id);
  if (current?.listener.id === listener_id && !pending) { passOn(); } else draw();
}

/** One event for many cards, a stack of copies or a tag with a new name: those in this run say what holds now. */
function changeAll(changed, { isQuiet = false } = {}) {
  amend(changed);
  pile = pile.map((card) => changed(card) ?? card);
  for (const one of done) one.card = changed(one.card) ?? one.card;
  const shown = current && changed(current);
  if (shown) { current = shown; if (isQuiet) drawLease(); else drawCard(false); }
}

function forget(id) {
  pile = pile.filter((card) => card.id !== id);
  recountSoon();
  if (current?.id === id) { note(t("This one is gone. On to the next."), { ic: "user", seconds: 5 }); passOn(); } else draw();
}

const live = new Live(first.seq);
startNotice(live);
live.addEventListener("state", ({ detail }) => { if (detail.state === "live" && isShort()) fill(); draw(); });
live.addEventListener("event", ({ detail }) => {
  const payload = detail.payload ?? {};
  if (detail.kind === "card.placed" || detail.kind === "card.changed") learn(payload.card);
  else if (detail.kind === "card.handed") handed(payload, { describe: (id) => { const card = [current, ...pile].find((one) => one?.id === id); return card ? describe(card) : t("a message"); } });
  else if (detail.kind === "claims.kept") changeAll((card) => withKept(card, payload), { isQuiet: true });
  else if (detail.kind === "stack.changed") changeAll((card) => withStack(card, payload));
  else if (detail.kind === "sender.changed") leaveOut(payload);
  else if (detail.kind === "tags.changed") { learnTags(payload.tags); changeAll(withTags); if (current) drawMarks($("marks"), current, { hasJury: false }); }
  else if (detail.kind === "card.removed") forget(payload.id ?? payload.card?.id);
});
live.addEventListener("reload", async () => {
  try {
    const answer = await api.post("/api/v1/triage/stack", { without: [...later] });
    pile = [];
    take(answer);
    live.seq = answer.seq;
    if (isIdle()) showNext();
    draw();
    live.catchUp();
  } catch (error) { warn(errorText(error)); }
});
live.addEventListener("signedout", () => warn(t("Your session has ended. Nothing was changed."), { seconds: 3600, undoLabel: t("Sign in"), undoKey: "", undo: () => location.assign(`/signin?next=${encodeURIComponent(location.pathname)}`) }));

/* ---------- wiring ---------- */

function cue() {
  if (player.item && player.item.cardId !== current?.id && flood.cards.some((card) => card.id === player.item.cardId)) {
    player.press(player.item.cardId, player.item.media);  // another voice of this flood has its turn
    return;
  }
  const media = current && mainMedia(current);
  if (isCovered(media)) { announce(t("Covered. B shows it, to you alone.")); return; }
  if (moves(media)) { toggleMoving(media); return; }
  if (!media || !listenable(media) || current.listener.is_blocked) { announce(t("This cannot be played yet.")); return; }
  sound.press(current, media, { screen: $("body").querySelector("video") });
  drawLease();
}

/** Radio: the sound of a film, without its pictures. */
function filmSound() {
  const media = current && mainMedia(current);
  if (media?.kind !== "video" || current.listener.is_blocked) return false;
  if (isCovered(media)) { announce(t("Covered. B shows it, to you alone.")); return true; }
  if (!sound.press(current, media, { soundOnly: true })) announce(t("This film has no sound."));
  drawLease();
  return true;
}

/** Up and down turn the speed only where there is something to hear; long texts keep them for themselves. */
function changeSpeed(step) {
  if ($("ctl").hidden) return false;
  listening.faster(step);
  return true;
}

/** Nothing can be heard while the chosen headphones are gone: the controls say so before anybody presses. */
function showLock() {
  for (const one of [$("cue"), $("alone")]) one.setAttribute("aria-disabled", String(Boolean(headphones.lock)));
  $("locked").textContent = headphones.lock;
  $("locked").hidden = !headphones.lock;
}

/** Puts the card this person stopped at first, and what was put off behind the rest. */
async function goOnWhereItStopped() {
  const stopped = place.recall();
  if (!stopped) return;
  later = new Set(stopped.later);
  let card = pile.find((one) => one.id === stopped.card);
  try { card ??= (await api.get(`/api/v1/cards/${stopped.card}`)).card; } catch { /* it is gone: the run begins with the oldest */ }
  const rest = pile.filter((one) => one.id !== stopped.card);
  pile = [...rest.filter((one) => !later.has(one.id)), ...rest.filter((one) => later.has(one.id))];
  if (card?.state !== "new" || isTheirs(card)) return;
  pile.unshift(card);
  if (stopped.at_s > 0) note(t("You stopped at %(time)s. It plays on from there.", { time: duration(stopped.at_s) }), { ic: "history", seconds: 6 });
}

/** Nobody sees what this sender sends for a while: the run goes on without it, Z brings both back. */
function block() {
  const card = current;
  return pressBlock(card, (answer) => {
    keep("blocked", card).undoIds.push(answer.undo_id);
    leaveOut(answer.card.listener.is_blocked ? { listener_id: card.listener.id, blocked_until: answer.card.listener.blocked_until } : {});
  }, { isKept: true });
}

/** A threat or an insult goes to the lead; the run goes on without it, Z brings it back. */
function toLead() {
  const card = current;
  if (!card || pending) return false;
  return pressLead(card, {
    isKept: true,
    gone: (takeBack) => {
      mine.add(card.id);
      count(card, -1);
      keep("lead", card).undoIds.push(takeBack);
      if (current?.id === card.id) showNext();
      draw();
    },
  });
}

const marking = { isKept: true, done: ({ card }) => { if (current?.id === card?.id) { current = newest(card); drawCard(false); } } };

function mark(what) {
  if (what === "jury") decide("jury");
  else pressMark(what, current, marking);
}

/** A digit right after a rejection is its reason, at any other time a rating. */
function digit(figure) {
  if (rejected && Date.now() - rejected.at <= REASON_S * 1000) giveReason(figure);
  else rate(current, figure, marking);
}

async function leave() {
  player.stop();
  keepPlace();
  const sent = Promise.allSettled([player.told, ...done.map((step) => step.sent)]);
  await Promise.race([sent, new Promise((give) => { setTimeout(give, LEAVE_MS); })]);
  const held = [current, ...pile].filter((card) => card && isMine(card)).map((card) => card.id);
  if (held.length) await api.post("/api/v1/claims/release", { ids: held }).catch(() => null);
  location.assign("/wall");
}

addEventListener("pagehide", keepPlace);
for (const type of ["change", "time"]) player.addEventListener(type, () => { screen.showPlaying(); if (player.fault && type === "change") warn(player.fault); });
for (const told of [covers, moving]) told.addEventListener("change", () => { if (current) drawCard(false); });

/** Lays the file on screen open for all, or covers it for all. */
async function cover() {
  const media = current && mainMedia(current);
  if (!media) return;
  const { id } = current;
  try {
    const answer = await api.post(`/api/v1/cards/${id}/cover`, { covered: !media.cover });
    note(media.cover ? t("Shown to all") : t("Covered for all"), { ic: media.cover ? "eye" : "eye-off", seconds: 4 });
    if (current?.id === id) { current = answer.card; drawCard(false); }
  } catch (error) { warn(errorText(error)); }
}
function lookAt() {
  const media = current && mainMedia(current);
  if (!media?.cover) { announce(t("There is no picture here to cover.")); return; }
  player.stop();
  look(media.id);
}
$("cue").addEventListener("click", cue);
$("alone").addEventListener("click", filmSound);
$("body").addEventListener("click", (event) => {
  if (event.target.closest("[data-moving]")) cue();
  else if (event.target.closest("[data-act=retry]")) retry(mainMedia(current));
});
$("undo").addEventListener("click", undo);
$("undo-empty").addEventListener("click", undo);
$("block")?.addEventListener("click", block);
$("lead").addEventListener("click", toLead);
$("cover").addEventListener("click", cover);
$("leave").addEventListener("click", (event) => { event.preventDefault(); leave(); });
document.addEventListener("click", (event) => {
  const choice = event.target.closest("[data-decide]");
  if (choice) decide(choice.dataset.decide);
  const marked = event.target.closest("[data-mark]");
  if (marked) mark(marked.dataset.mark);
  const why = event.target.closest("[data-why]");
  if (why) giveReason(Number(why.dataset.why));
  const jump = event.target.closest("[data-jump]");
  if (jump) player.nudge(Number(jump.dataset.jump));
  // The space bar is for listening again once the mouse has pressed something.
  if (event.detail && event.target.closest("[data-decide], [data-why], #listen")) $("main").focus({ preventScroll: true });
});
$("why").append(el("span.muted", {}, t("Why?")), ...REASONS.map(([, label], at) => button(label, { cls: "sm", key: String(at + 1), "data-why": at + 1 })));

const DECIDE = t("Decide"), LISTEN = t("Listen"), MOVE = t("Move");
bind("s", { group: DECIDE, label: t("Shortlist"), run: () => { decide("shortlisted"); } });
bind("e", { group: DECIDE, label: t("Reject, then 1 to 6 for a reason"), run: () => { decide("rejected"); } });
bind("o", { group: DECIDE, label: t("Open, close what is folded"), run: () => {
  if ($("flood").hidden) return false;
  if ($("flood").contains(document.activeElement)) $("main").focus({ preventScroll: true });
  else flood.focus();
  return true;
} });
bind("w", { group: DECIDE, label: t("Later, to the end"), run: () => { decide("later"); } });
bind("z", { group: DECIDE, label: t("Undo"), run: () => { undo(); } });
REASONS.forEach((_reason, at) => bind(String(at + 1), { run: () => { digit(at + 1); } }));
listKey("1–5", { group: DECIDE, label: t("Rate; the same again takes it off") });
bind("f", { group: DECIDE, label: t("Lay before the jury"), run: () => { decide("jury"); } });
bind("m", { group: DECIDE, label: t("Colour tags, then their digits"), run: () => pressTags(() => current, marking) });
bind("h", { group: DECIDE, label: t("Threat or insult: to the lead"), run: toLead });
if ($("block")) bind("q", { group: DECIDE, label: t("Block sender"), run: block });
bind(" ", { group: LISTEN, label: t("Cue, pause"), run: cue });
bind("v", { group: LISTEN, label: t("Sound of the film alone"), run: filmSound });
bind("ArrowUp", { group: LISTEN, label: t("Faster"), run: () => changeSpeed(1) });
bind("ArrowDown", { group: LISTEN, label: t("Slower"), run: () => changeSpeed(-1) });
bind("ArrowLeft", { group: LISTEN, label: t("2 s back"), run: () => (player.item ? player.nudge(-2) : false) });
bind("ArrowRight", { group: LISTEN, label: t("2 s forward"), run: () => (player.item ? player.nudge(2) : false) });
bind("Shift+ArrowLeft", { group: LISTEN, label: t("5 s back"), run: () => (player.item ? player.nudge(-5) : false) });
bind("Shift+ArrowRight", { group: LISTEN, label: t("5 s forward"), run: () => (player.item ? player.nudge(5) : false) });
bind("8", { group: LISTEN, label: t("First 8 seconds only, the whole voice"), run: () => listening.toggle("isFirstOnly") });
bind("9", { group: LISTEN, label: t("Skip pauses, hear them"), run: () => listening.toggle("skipsPauses") });
bind("0", { group: LISTEN, label: t("The next voice by itself, only with the space bar"), run: () => listening.toggle("goesOn") });
bind("Shift+ ", { group: LISTEN, label: t("All sound off"), run: () => { sound.end(); drawLease(); } });
bind("b", { group: LISTEN, label: t("Look at what is covered, cover again"), run: lookAt });
bind("Shift+b", { group: DECIDE, label: t("Show to all, cover for all"), run: () => { cover(); } });
bind("Escape", { group: MOVE, label: t("End the run"), inFields: true, run: () => { leave(); } });

drawStrip($("listen"));
listening.addEventListener("change", drawLease);
headphones.addEventListener("change", () => { drawLease(); showLock(); });
showLock();

take(first);
await fill();
await goOnWhereItStopped();
isRunning = true;
showNext();
document.documentElement.dataset.ready = "yes";
live.start();
startPresence(live, { card: () => current?.id ?? null, redrawn: (id) => { if (id === current?.id) drawWatchers($("watchers"), id); } });
