/* The lead's page: what may be a threat or an insult, one case at a time. What was said lies covered until a key or a press
   shows it; films run slowly and silent. Every press on the checklist is an act of the server, and Z takes the last back. */

import * as api from "./api.js";
import { kindIcon, kindName, picture } from "./card.js";
import { now } from "./clock.js";
import { announce, avatar, badge, button, el, errorText, icon } from "./dom.js";
import { bind } from "./keys.js";
import { Live } from "./live.js";
import { drawWave, listenable, makeWave, mediaUrl, peaksOf, player, soundOf } from "./player.js";
import { note, warn } from "./toast.js";
import { clockTime, dayAndTime, duration, sameDay, t, tn } from "./words.js";

const $ = (id) => document.getElementById(id);
const first = JSON.parse($("state").textContent);
const KINDS = { threat: t("Threat"), insult: t("Insult"), other: t("Something else") };
const OUTCOMES = { reported: t("Handed to the police"), settled: t("Settled in the house"), nothing: t("Nothing more to do") };
const STATES = { new: t("New"), shortlisted: t("Shortlisted"), planned: t("Planned"), in_studio: t("In studio"), on_air: t("On air"), aired: t("Aired"), rejected: t("Rejected") };
const UNTIL = { hour: t("for an hour"), day: t("for a day"), ever: t("for ever") };

let { cases, view } = first;
let chosen = null;
let details = null;
let isBusy = false;
const seen = new Set();
const undoSteps = [];

const when = (at) => (sameDay(at, now()) ? clockTime(at) : dayAndTime(at));
const nameOf = ({ listener }) => listener.first_name || listener.alias || t("Unnamed");
const firstNameOf = (person) => person?.name.split(" ")[0] ?? t("The desk");
const isOver = () => details.state === "closed" || details.state === "back";

/* ---------- the list ---------- */

function drawList() {
  for (const tab of document.querySelectorAll("[data-view]")) tab.setAttribute("aria-pressed", String(tab.dataset.view === view));
  $("list-empty").hidden = cases.length > 0;
  $("list-empty-title").textContent = view === "open" ? t("Nobody threatens anybody") : t("Nothing has been closed yet");
  $("list").replaceChildren(...cases.map(row));
}

function row(one) {
  const badges = one.state === "suggested" ? badge(t("Suggested"), "search", "b-warn") : one.state === "closed" ? badge(OUTCOMES[one.outcome], "check", "b-okt") : badge(t("%(done)s of 4", { done: one.steps_done }), "check");
  return el("li", {}, el(`button.saf-row${one.id === chosen ? ".is-on" : ""}`, { type: "button", "data-case": one.id, "aria-current": one.id === chosen ? "true" : null },
    avatar(one.listener), el("span", {}, el("b", {}, icon(kindIcon({ kind: one.card_kind })), nameOf(one)), el("small", {}, [KINDS[one.kind], when(one.opened_at)].join(" · "))), badges));
}

async function refresh() {
  try {
    const answer = await api.get(api.withQuery("/api/v1/safety", { view }));
    if (answer.view !== view) return null;
    cases = answer.cases;
    drawList();
    return answer;
  } catch { return null; /* the line says so; the next event asks again */ }
}

/* ---------- one case ---------- */

async function choose(id, { focus = false } = {}) {
  if (id !== chosen) { player.stop(); details = null; }
  chosen = id;
  drawList();
  document.body.classList.toggle("has-case", id !== null);
  if (id === null) { draw(); return; }
  try {
    const answer = await api.get(`/api/v1/safety/${id}`);
    if (chosen !== id) return;
    details = answer.case;
    draw();
    if (focus) $("case").focus({ preventScroll: true });
  } catch (error) { warn(errorText(error)); }
}

function step(by) {
  const at = cases.findIndex((one) => one.id === chosen);
  const next = cases[Math.min(cases.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
  if (next) choose(next.id, { focus: true });
}

function draw() {
  $("none").hidden = chosen !== null;
  $("case").hidden = details === null;
  if (!details) return;
  const { listener } = details;
  $("face").className = `avatar l hue-${listener.hue}`;
  $("face").textContent = listener.initial;
  $("name").textContent = nameOf(details);
  $("who").textContent = [kindName({ kind: details.card_kind }), listener.place, dayAndTime(details.placed_at)].filter(Boolean).join(" · ");
  $("badges").replaceChildren(...[badge(KINDS[details.kind], "shield", "b-warn"), details.held_at && badge(t("Evidence locked"), "lock", "b-okt"), listener.is_blocked && badge(t("Blocked"), "ban"), details.is_revoked && badge(t("Taken back by the listener"), "undo")].filter(Boolean));
  $("why").textContent = details.state === "suggested" ? t("The words of the station found “%(found)s”. Nobody has decided yet.", { found: details.found }) : t("%(name)s sent it here at %(time)s.", { name: firstNameOf(details.opened_by), time: when(details.opened_at) });
  drawSaid();
  drawSteps();
  drawHistory();
  if (document.activeElement !== $("note")) $("note").value = details.note;
  $("take").hidden = details.state !== "suggested";
  $("back").hidden = details.state === "back" || details.is_revoked;
  $("outcomes").hidden = isOver();
  $("reopen").hidden = details.state !== "closed";
  $("over").textContent = details.state === "closed" ? t("%(outcome)s. Closed by %(name)s at %(time)s.", { outcome: OUTCOMES[details.outcome], name: firstNameOf(details.closed_by), time: when(details.closed_at) }) : details.state === "back" ? t("It stands on the wall again.") : "";
}

function drawSaid() {
  const box = $("said");
  const isShown = seen.has(details.id);
  const signature = JSON.stringify([details.id, isShown, details.text, details.media.map((one) => [one.id, one.state, Object.keys(one.profiles ?? {})])]);
  if (box.signature === signature) return;
  box.signature = signature;
  if (!isShown) { box.replaceChildren(el("div.saf-cover", {}, icon("eye-off"), el("b", {}, t("Covered")), button(t("Look at it"), { cls: "sm", key: "B", "data-do": "look" }))); return; }
  const words = details.text && el("p.saf-words", { dir: "auto", tabindex: 0 }, details.text);
  box.replaceChildren(...[words, ...details.media.map(fileOf), button(t("Cover again"), { ic: "eye-off", cls: "sm ghost", key: "B", "data-do": "look" })].filter(Boolean));
  if (!details.text && !details.media.length) box.prepend(el("p.muted", {}, t("There is nothing to hear or see yet.")));
}

/** Covered for the others: pictures in grey, a film slowly and silent; V plays its sound. */
function fileOf(media) {
  const file = listenable(media);
  if (media.kind === "video" && file) return el("div", {}, el("video.saf-film.is-grey", { playsinline: true, preload: "none", poster: media.profiles?.poster ? mediaUrl(media, "poster") : null, "aria-label": t("Video from %(name)s", { name: nameOf(details) }) }), el("p.gentle", {}, icon("mute"), el("span", {}, t("Half speed, grey and without sound. V plays the sound."))), soundLine(media));
  if (file) return soundLine(media);
  const profile = ["large", picture(media)].find((name) => name && media.profiles?.[name]);
  if (profile) return el("img.saf-picture.is-grey", { src: mediaUrl(media, profile), alt: t("Picture in the conversation"), width: media.width_px, height: media.height_px });
  return el("p.muted", {}, media.state === "failed" ? t("The file could not be fetched.") : t("Being fetched and converted"));
}

function soundLine(media) {
  const wave = makeWave();
  drawWave(wave, peaksOf(media.peaks), 0);
  return el("div.saf-sound", {}, button(t("Headphones"), { ic: "headphones", cls: "cuebtn sm", key: t("Space"), "data-do": "play" }), el("span.saf-wave", { "aria-hidden": "true" }, wave), el("span.num", { "data-time": "" }, duration(media.duration_s)));
}

const STEPS = [
  ["evidence", "lock", t("Secure the evidence"), t("The original is kept and cannot be erased until somebody releases it here.")],
  ["police", "phone", t("Danger to life: police 110"), t("Call at once if somebody may be in danger. Give time, words and what is known; the control room asks for the rest.")],
  ["contact", "users", t("Inform the safety contact"), ""],
  ["block", "ban", t("Block the sender"), t("Nobody sees what comes, files are not fetched, and the sender is told nothing.")],
];

function drawSteps() {
  $("steps").replaceChildren(...STEPS.map(([code, ic, title, hint], at) => {
    const done = details.steps.find((one) => one.step === code);
    const said = done ? [`${firstNameOf(done.by)}, ${when(done.at)}`, done.length && UNTIL[done.length]].filter(Boolean).join(" · ") : code === "contact" ? details.contact || t("No contact is set yet. An editor enters it below.") : hint;
    const press = code === "block" && !done
      ? el("span.saf-lengths", {}, ["hour", "day", "ever"].map((length) => button(UNTIL[length], { cls: "sm", "data-do": "tick", "data-step": code, "data-length": length })))
      : button(done ? t("Take back") : t("Done"), { ic: done ? "undo" : "check", cls: done ? "sm ghost" : "sm", key: String(at + 1), "data-do": done ? "untick" : "tick", "data-step": code });
    return el(`li${done ? ".is-done" : ""}`, {}, icon(done ? "check" : ic), el("span", {}, el("b", {}, title), el("small", {}, said)), details.state === "back" ? "" : press);
  }));
}

function drawHistory() {
  const { listener, history, earlier, blocks } = details;
  const facts = [tn("%(num)s message so far", "%(num)s messages so far", listener.message_count), t("first seen %(time)s", { time: dayAndTime(listener.first_seen_at) }), earlier ? tn("%(num)s earlier case", "%(num)s earlier cases", earlier) : t("no earlier case"), blocks ? tn("blocked %(num)s time", "blocked %(num)s times", blocks) : t("never blocked")];
  $("facts").textContent = facts.join(" · ");
  const isShown = seen.has(details.id);
  $("history").replaceChildren(...history.map((one) => el("li", {}, el("time", { datetime: one.placed_at }, dayAndTime(one.placed_at)), el("span", {}, icon(kindIcon(one)), isShown && one.text ? el("span", { dir: "auto" }, one.text) : kindName(one)), el("em", {}, STATES[one.state] ?? one.state))));
  $("history-none").hidden = history.length > 0;
}

/* ---------- acts ---------- */

/** One act at a time; what it leads to is drawn, and Z can take it back. */
async function act(path, body, words, undo = null) {
  if (isBusy || !details) return;
  isBusy = true;
  const { id } = details;
  try {
    const answer = await api.post(`/api/v1/safety/${id}/${path}`, body);
    if (chosen === id) { details = answer.case; draw(); }
    if (undo) undoSteps.push({ id, words, ...undo });
    note(words, { ic: "check", undo: undo ? takeBack : null });
    refresh();
  } catch (error) {
    warn(errorText(error));
    if (error.isConflict) choose(id);
  } finally { isBusy = false; }
}

async function takeBack() {
  const last = undoSteps.pop();
  if (!last) { note(t("There is nothing to take back."), { ic: "undo", seconds: 3 }); return; }
  try {
    const answer = await api.post(`/api/v1/safety/${last.id}/${last.path}`, last.body);
    if (chosen === last.id) { details = answer.case; draw(); }
    note(t("Taken back: %(what)s", { what: last.words }), { ic: "undo" });
    refresh();
  } catch (error) {
    if (error.isUnreachable) undoSteps.push(last);
    warn(errorText(error));
  }
}

const titleOf = (code) => STEPS.find(([known]) => known === code)[2];
const tick = (code, length) => act("steps", { step: code, on: true, ...(length ? { length } : {}) }, titleOf(code), { path: "steps", body: { step: code, on: false } });
const untick = (code) => act("steps", { step: code, on: false }, t("Taken back: %(what)s", { what: titleOf(code) }));
const takeUp = () => details?.state === "suggested" && act("take", {}, t("It is with the lead now"));
const toWall = () => details && !$("back").hidden && act("back", {}, t("Back to the wall"), { path: "again", body: {} });
const closeCase = (outcome) => act("close", { outcome }, OUTCOMES[outcome], { path: "reopen", body: {} });

function press(code) {
  if (!details || details.state === "back") return false;
  if (details.steps.some((one) => one.step === code)) untick(code);
  else if (code === "block") $("steps").querySelector("[data-length]").focus();
  else tick(code);
  return true;
}

function look() {
  if (!details) return;
  if (!seen.delete(details.id)) seen.add(details.id);
  else player.stop();
  announce(seen.has(details.id) ? t("Shown to you alone") : t("Covered"));
  draw();
}

function play(soundOnly = false) {
  if (!details || !seen.has(details.id)) { announce(t("Covered. B shows it, to you alone.")); return true; }
  const media = details.media.find((one) => listenable(one));
  if (!media) return false;
  const screen = soundOnly ? null : $("said").querySelector("video");
  return player.press(null, { ...media, cover: "sensitive" }, { screen, soundOnly: soundOnly && Boolean(soundOf(media)) });
}

async function saveNote() {
  const words = $("note").value.trim();
  if (!details || words === details.note) return;
  await act("note", { note: words }, t("Saved"));
}

/* ---------- wiring ---------- */

document.querySelector("main").addEventListener("click", (event) => {
  const one = event.target.closest("[data-case]");
  if (one) { choose(Number(one.dataset.case), { focus: true }); return; }
  const tab = event.target.closest("[data-view]");
  if (tab) { view = tab.dataset.view; choose(null); refresh(); return; }
  const control = event.target.closest("[data-do]");
  const acts = { look, play: () => play(), tick: () => tick(control.dataset.step, control.dataset.length), untick: () => untick(control.dataset.step), take: takeUp, back: toWall, close: () => closeCase(control.dataset.outcome), reopen: () => act("reopen", {}, t("Open again")), list: () => choose(null) };
  if (control) acts[control.dataset.do]?.();
});
$("note").addEventListener("blur", saveNote);
$("retry-now").addEventListener("click", () => live.retry());
for (const type of ["change", "time"]) player.addEventListener(type, () => {
  const line = $("said").querySelector(".saf-sound");
  const media = details?.media.find((one) => listenable(one));
  if (player.fault && type === "change") warn(player.fault);
  if (!line || !media) return;
  const isOn = player.isOn(null, media.id);
  const wave = line.querySelector(".wave");
  drawWave(wave, wave.bars, isOn && player.duration_s ? player.position_s / player.duration_s : 0);
  line.querySelector("[data-time]").textContent = isOn ? `${duration(player.position_s)} / ${duration(media.duration_s)}` : duration(media.duration_s);
});

const MOVE = t("Move"), LISTEN = t("Listen"), DECIDE = t("Decide");
bind(["j", "PageDown"], { group: MOVE, label: t("Next"), run: () => step(1) });
bind(["k", "PageUp"], { group: MOVE, label: t("Previous"), run: () => step(-1) });
bind("Escape", { group: MOVE, label: t("Back to the list"), run: () => { if (document.activeElement === $("note")) $("note").blur(); choose(null); } });
bind("b", { group: LISTEN, label: t("Look at what is covered, cover again"), run: look });
bind(" ", { group: LISTEN, label: t("Cue, pause"), run: () => play() });
bind("v", { group: LISTEN, label: t("Sound of the film alone"), run: () => play(true) });
bind("Shift+ ", { group: LISTEN, label: t("All sound off"), run: () => player.stop() });
bind("t", { group: DECIDE, label: t("Take a suggestion up"), run: () => { takeUp(); } });
bind("w", { group: DECIDE, label: t("Back to the wall"), run: () => { toWall(); } });
STEPS.forEach(([code, , title], at) => bind(String(at + 1), { group: DECIDE, label: title, run: () => press(code) }));
bind("z", { group: DECIDE, label: t("Undo"), run: () => { takeBack(); } });

const live = new Live(first.seq);
live.addEventListener("event", ({ detail }) => {
  if (detail.kind !== "safety.changed") return;
  refresh();
  if (detail.payload.case_id === chosen && !isBusy) choose(chosen);
});
live.addEventListener("reload", async () => {
  const answer = await refresh();
  if (chosen !== null) choose(chosen);
  if (answer) { live.seq = answer.seq; live.catchUp(); }
});
live.addEventListener("signedout", () => warn(t("Your session has ended. Nothing was changed."), { seconds: 3600, undoLabel: t("Sign in"), undoKey: "", undo: () => location.assign(`/signin?next=${encodeURIComponent(location.pathname)}`) }));

drawList();
draw();
if (cases.length && matchMedia("(min-width: 901px)").matches) choose(cases[0].id);
document.documentElement.dataset.ready = "yes";
live.start();
