/* The inbox: who waits, the conversation that is open, an answer to it. Rows change in place and never move; what is new
   waits behind a counter. Sound starts only by a press on that very sound. */

import * as api from "./api.js";
import { everySecond, now } from "./clock.js";
import { Composer } from "./composer.js";
import { announce, avatar, el, errorText, icon } from "./dom.js";
import { bind } from "./keys.js";
import { Live } from "./live.js";
import { drawWave, player } from "./player.js";
import { covers } from "./covers.js";
import { drawThread, iconOf, lineOf } from "./thread.js";
import { note, warn } from "./toast.js";
import { clockTime, clockTimeExact, day, dayAndTime, duration, number, sameDay, t, timeLeft, tn } from "./words.js";

const LOW_MIN = 120;
const LIST_PAUSE_MS = 1500;
const ROWS_EVERY_S = 20;
const $ = (id) => document.getElementById(id);
const first = JSON.parse($("state").textContent);
const view = first.view;

const dialogues = new Map();
const done = new Set();
const rows = new Map();
let order = [];
let fresh = [];
let next = first.next;
let waiting = first.waiting;
let chosen = null;
let details = null;
let asking = null;

const nameOf = (listener) => listener.first_name || listener.alias || t("Unnamed");

/* ---------- the list ---------- */

function waited(since) {
  const minutes = Math.max(0, Math.floor((now() - new Date(since)) / 60000));
  if (minutes < 60) return t("%(minutes)s min", { minutes });
  return minutes < 1440 ? t("%(hours)s h", { hours: Math.floor(minutes / 60) }) : tn("%(num)s day", "%(num)s days", Math.floor(minutes / 1440));
}

/** The one remark of a row: settled, window closing or closed, or waiting the longest. */
function remarkOf(dialogue, isLongest) {
  const left = dialogue.window.open ? timeLeft(dialogue.window.closes_at, now()) : null;
  if (dialogue.listener.is_blocked) return ["ban", t("Blocked"), ""];
  if (dialogue.last.delivery_state === "failed") return ["warn", t("Answer not delivered"), "bad"];
  if (done.has(dialogue.id)) return ["check", t("Nothing to answer any more"), ""];
  if (left === null) return ["lock", t("Window closed"), ""];
  if (new Date(dialogue.window.closes_at) - now() < LOW_MIN * 60000) return ["timer", t("Window closes in %(left)s h", { left }), "late"];
  if (isLongest) return ["timer", t("waits the longest"), "late"];
  return null;
}

function fillRow(row, dialogue, longest) {
  const isOn = dialogue.id === chosen;
  const remark = remarkOf(dialogue, dialogue.id === longest);
  const signature = JSON.stringify([dialogue, isOn, remark, dialogue.waits_since && waited(dialogue.waits_since)]);
  if (row.signature === signature) return;
  row.signature = signature;
  const { listener, last } = dialogue;
  const link = row.firstElementChild;
  link.className = ["wait", isOn && "is-on", done.has(dialogue.id) && "is-done", dialogue.waits_since && "is-waiting"].filter(Boolean).join(" ");
  link.tabIndex = isOn || (chosen === null && order[0] === dialogue.id) ? 0 : -1;
  if (isOn) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
  const who = last.direction === "out" ? t("You: %(text)s", { text: lineOf(last) }) : lineOf(last);
  const when = dialogue.waits_since ? waited(dialogue.waits_since) : sameDay(last.at, now()) ? clockTime(last.at) : dayAndTime(last.at);
  link.replaceChildren(avatar(listener), el("div", {},
    el("p", {}, el("b", {}, nameOf(listener)), el("span.wait-place", {}, listener.is_first ? t("First time") : listener.place), el("span.grow"), el("time", { datetime: dialogue.waits_since ?? last.at, title: dialogue.waits_since ? t("Waits since %(time)s", { time: dayAndTime(dialogue.waits_since) }) : null }, when)),
    el("p.wait-tx", { dir: "auto" }, !last.text && !listener.is_blocked && icon(iconOf(last)), listener.is_blocked ? t("Content stays hidden") : who),
    remark && el(`p.care${remark[2] ? `.${remark[2]}` : ".quiet"}`, {}, icon(remark[0]), remark[1])));
}

function longestOf() {
  const open = order.map((id) => dialogues.get(id)).filter((one) => one.waits_since && !done.has(one.id));
  return open.length > 1 ? open.reduce((a, b) => (a.waits_since <= b.waits_since ? a : b)).id : null;
}

function drawList() {
  const longest = longestOf();
  for (const id of order) {
    if (!rows.has(id)) rows.set(id, el("li", {}, el("a", { href: `#${id}`, "data-id": id })));
    fillRow(rows.get(id), dialogues.get(id), longest);
  }
  if ($("list").childElementCount !== order.length || order.some((id, at) => $("list").children[at] !== rows.get(id))) $("list").replaceChildren(...order.map((id) => rows.get(id)));
  $("list-empty").hidden = order.length > 0;
  $("more").hidden = !next;
  $("waiting").textContent = waiting >= 1000 ? "999+" : number(waiting);
  $("newpill").hidden = fresh.length === 0;
  $("newpill").querySelector("b").textContent = number(fresh.length);
}

const listAddress = (from) => api.withQuery("/api/v1/conversations", { view, from });

/** What the server says of the first page: known rows change in place, unknown ones wait behind the counter. */
function learnPage(page) {
  const known = new Set(order);
  const before = fresh.length;
  fresh = [];
  waiting = page.waiting;
  for (const dialogue of page.dialogues) {
    dialogues.set(dialogue.id, dialogue);
    if (known.has(dialogue.id)) done.delete(dialogue.id);
    else fresh.push(dialogue.id);
  }
  if (view === "waiting") {
    const there = new Set(page.dialogues.map((one) => one.id));
    const end = page.next ? page.dialogues.at(-1).window.closes_at : null;
    for (const id of order) if (!there.has(id) && (!end || dialogues.get(id).window.closes_at < end)) done.add(id);
  }
  if (order.length === 0 && fresh.length) { order = fresh; fresh = []; }
  if (fresh.length > before) announce(tn("%(num)s new dialogue", "%(num)s new dialogues", fresh.length));
  drawList();
}

let listDue = 0;
function refreshSoon() {
  listDue ||= setTimeout(async () => {
    try { learnPage(await api.get(listAddress())); } catch { /* the next event or connection asks again */ }
    listDue = 0;
  }, LIST_PAUSE_MS);
}

/** Puts what is new in its place and lets settled rows go. */
async function showNew() {
  try {
    const page = await api.get(listAddress());
    take(page);
    $("list-scroll").scrollTop = 0;
    if (order.length && !order.includes(chosen)) choose(order[0], { focus: true });
  } catch (error) { warn(errorText(error)); }
}

function take(page, isMore = false) {
  if (!isMore) { order = []; done.clear(); }
  fresh = [];
  const known = new Set(order);
  for (const dialogue of page.dialogues) {
    dialogues.set(dialogue.id, dialogue);
    if (!known.has(dialogue.id)) order.push(dialogue.id);
  }
  next = page.next;
  waiting = page.waiting;
  drawList();
}

async function showMore() {
  if (!next) return;
  try { take(await api.get(listAddress(next)), true); } catch (error) { warn(errorText(error)); }
}

/* ---------- the conversation ---------- */

let loadTimer = 0;
function choose(id, { focus = false, open = false } = {}) {
  if (id !== chosen) {
    player.stop();
    chosen = id;
    details = null;
    composer.show(id);
    $("none").hidden = id !== null;
    $("conv").hidden = $("about").hidden = id === null;
    if (id !== null) { drawHead(); drawThread($("thread"), null); history.replaceState(null, "", `#${id}`); }
    drawList();
    clearTimeout(loadTimer);
    if (id !== null) loadTimer = setTimeout(load, 120);
  }
  if (open) document.body.classList.add("has-conv");
  if (focus) rows.get(id)?.firstElementChild.focus();
}

async function load() {
  const id = chosen;
  if (id === null) return;
  asking?.abort();
  asking = new AbortController();
  try {
    const answer = await api.get(`/api/v1/conversations/${id}`, { signal: asking.signal });
    if (id !== chosen) return;
    show(answer);
  } catch (error) {
    if (error.name === "AbortError" || id !== chosen) return;
    $("thread").signature = null;
    $("thread").replaceChildren(el("p.sys", {}, icon("warn"), errorText(error)));
  }
}

function show(answer) {
  const isFirst = details === null;
  details = answer;
  if (answer.dialogue) {
    dialogues.set(answer.id, answer.dialogue);
    if (view === "waiting") { if (answer.dialogue.waits_since) done.delete(answer.id); else done.add(answer.id); }
  }
  const thread = $("thread");
  const wasAtEnd = isFirst || thread.scrollHeight - thread.scrollTop - thread.clientHeight < 40;
  if (drawThread(thread, answer.messages, { media: answer.media, isRich: true }) && wasAtEnd) thread.scrollTop = thread.scrollHeight;
  if (answer.listener.is_blocked) thread.replaceChildren(el("p.sys", {}, icon("ban"), t("This listener is blocked. Content stays hidden.")));
  showPlaying();
  drawHead();
  drawList();
  composer.draw();
}

function drawHead() {
  const dialogue = dialogues.get(chosen);
  const listener = details?.listener ?? dialogue?.listener;
  if (!listener) return;
  $("face").className = `avatar m hue-${(listener.hue ?? 0) % 24}`;
  $("face").textContent = listener.initial;
  $("name").textContent = nameOf(listener);
  $("who").textContent = [listener.place, listener.is_first ? t("First time") : t("Message %(count)s", { count: number(listener.message_count) })].filter(Boolean).join(" · ");
  $("about-name").textContent = t("About %(name)s", { name: nameOf(listener) });
  const since = (details?.dialogue ?? dialogue)?.waits_since;
  const facts = [[t("Alias"), listener.alias], [t("Place"), listener.place || "–"], [t("Messages"), number(listener.message_count)], [t("First written"), day(listener.first_seen_at)], [t("Waits since"), since ? (sameDay(since, now()) ? clockTime(since) : dayAndTime(since)) : "–"]];
  $("facts").replaceChildren(...facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  const isSettled = Boolean(details && !since);
  const control = $("settle");
  control.disabled = isSettled && !details?.settled_at;
  const word = isSettled && details.settled_at ? t("Reopen") : t("Settle");
  control.querySelector("span").textContent = word;
  control.dataset.act = isSettled && details?.settled_at ? "reopen" : "settle";
}

async function settle(id = chosen, isBack = $("settle").dataset.act === "reopen") {
  if (id === null || (id === chosen && $("settle").disabled)) return;
  try {
    const answer = isBack ? await api.remove(`/api/v1/conversations/${id}/settle`) : await api.post(`/api/v1/conversations/${id}/settle`);
    const name = nameOf(answer.listener);
    if (id === chosen) show(answer);
    else if (answer.dialogue) { dialogues.set(id, answer.dialogue); done.delete(id); drawList(); }
    if (isBack) { note(t("%(name)s waits again", { name }), { ic: "undo" }); return; }
    note(t("Dialogue with %(name)s settled", { name }), { undo: () => settle(id, true) });
    if (view === "waiting" && id === chosen) step(1);
  } catch (error) { warn(errorText(error)); }
}

const composer = new Composer($("composer"), {
  window: () => details?.window ?? null,
  mayWrite: () => Boolean(details) && !details.listener.is_blocked,
  hint: () => t("Reply to %(name)s …", { name: details ? nameOf(details.listener) : "" }),
  path: (id) => `/api/v1/conversations/${id}/replies`,
  written: (id, message) => { if (details?.id === id) { details.messages = [...details.messages, message]; drawThread($("thread"), details.messages, { media: details.media, isRich: true }); $("thread").scrollTop = $("thread").scrollHeight; } refreshSoon(); },
  settled: (id) => { if (id === chosen) load(); refreshSoon(); },
});

/* ---------- sound ---------- */

function showPlaying() {
  for (const box of document.querySelectorAll("[data-sound]")) {
    const id = Number(box.dataset.sound);
    const isOn = player.isOn(null, id);
    const sounds = isOn && player.isPlaying;
    const cue = box.querySelector(".cue");
    if (cue.classList.contains("is-on") !== sounds) { cue.classList.toggle("is-on", sounds); cue.replaceChildren(icon(sounds ? "pause" : "headphones")); }
    const wave = box.querySelector(".wave");
    if (wave?.bars) drawWave(wave, wave.bars, isOn && player.duration_s ? player.position_s / player.duration_s : 0);
    const media = details?.media.find((one) => one.id === id);
    box.querySelector("[data-length]").textContent = isOn ? `${duration(player.position_s)} / ${duration(media?.duration_s)}` : duration(media?.duration_s);
  }
}
for (const type of ["change", "time"]) player.addEventListener(type, () => { showPlaying(); if (player.fault && type === "change") warn(player.fault); });

/** Space in the thread plays the newest sound of the listener. */
function cueNewest() {
  const cues = [...$("thread").querySelectorAll(".msg.in [data-cue]")];
  if (!cues.length) return false;
  cues.at(-1).click();
  return true;
}

/* ---------- live ---------- */

covers.addEventListener("change", () => { if (details) drawThread($("thread"), details.messages, { media: details.media, isRich: true }); });

const live = new Live(first.seq);
live.addEventListener("event", ({ detail }) => {
  const payload = detail.payload ?? {};
  if (detail.kind === "message.changed" || detail.kind === "conversation.changed") {
    if (payload.conversation_id === chosen) load();
    refreshSoon();
  } else if (detail.kind === "card.changed" && details?.media.some((one) => payload.card?.media?.some((other) => other.id === one.id))) load();
});
live.addEventListener("reload", async () => {
  try {
    const page = await api.get(listAddress());
    learnPage(page);
    live.seq = page.seq;
    load();
    live.catchUp();
  } catch (error) { warn(errorText(error)); }
});
live.addEventListener("signedout", () => warn(t("Your session has ended. Nothing was changed."), { seconds: 3600, undoLabel: t("Sign in"), undoKey: "", undo: () => location.assign(`/signin?next=${encodeURIComponent(location.pathname)}`) }));

let ticks = 0;
everySecond(() => {
  if (live.state === "live") $("asof").textContent = t("As of %(time)s", { time: clockTimeExact(live.heardAt) });
  if ((ticks += 1) % ROWS_EVERY_S === 0) drawList();
});

/* ---------- wiring ---------- */

function step(by) {
  if (!order.length) return;
  const at = order.indexOf(chosen);
  const to = order[Math.min(order.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
  choose(to, { focus: true, open: document.body.classList.contains("has-conv") });
}
function back() {
  document.body.classList.remove("has-conv");
  rows.get(chosen)?.firstElementChild.focus();
}

$("list").addEventListener("click", (event) => {
  const link = event.target.closest("a[data-id]");
  if (!link) return;
  event.preventDefault();
  choose(Number(link.dataset.id), { open: true });
});
const ACTS = { back, next: () => step(1), previous: () => step(-1), settle: () => settle() };
document.addEventListener("click", (event) => {
  ACTS[event.target.closest("[data-do]")?.dataset.do]?.();
  const held = event.target.closest("[data-cancel]");
  if (held) composer.cancel(Number(held.dataset.cancel));
  const cue = event.target.closest("[data-cue]");
  const media = cue && details?.media.find((one) => one.id === Number(cue.dataset.cue));
  if (media) player.press(null, media);
});
$("newpill").addEventListener("click", showNew);
$("more").addEventListener("click", showMore);
$("retry-now").addEventListener("click", () => live.retry());

const MOVE = t("Move"), DECIDE = t("Decide"), LISTEN = t("Listen");
bind(["j", "ArrowDown"], { group: MOVE, label: t("Next"), run: (event) => (event.key === "ArrowDown" && $("thread").contains(event.target) ? false : step(1)) });
bind(["k", "ArrowUp"], { group: MOVE, label: t("Previous"), run: (event) => (event.key === "ArrowUp" && $("thread").contains(event.target) ? false : step(-1)) });
bind("Enter", { group: MOVE, label: t("Open"), run: () => { if (chosen === null) return false; document.body.classList.add("has-conv"); $("thread").focus(); return true; } });
bind("Escape", { group: MOVE, label: t("Back to the list"), inFields: true, run: back });
bind("n", { group: MOVE, label: t("Show new"), run: () => { showNew(); } });
bind("r", { group: DECIDE, label: t("Reply"), run: () => { if (chosen === null) return false; document.body.classList.add("has-conv"); composer.focus(); return true; } });
bind("d", { group: DECIDE, label: t("Settle dialogue"), run: () => { settle(); } });
bind(" ", { group: LISTEN, label: t("Newest sound, pause"), run: cueNewest });
bind("Shift+ ", { group: LISTEN, label: t("All sound off"), run: () => player.stop() });

take(first);
const asked = Number(location.hash.slice(1));
if (Number.isInteger(asked) && asked > 0 && dialogues.has(asked)) choose(asked, { open: true });
else if (order.length) choose(order[0]);
document.documentElement.dataset.ready = "yes";
live.start();
