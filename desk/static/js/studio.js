/* The presenter's desk. One press plays to air, from memory; nothing starts by itself. The list holds only what may go
   to air, as the server sends it; what leaves that list leaves this page. Works on when the line is down: what was
   aired is kept with its key and told when the server answers again. */

import * as api from "./api.js";
import { CartStore, Output, testTone } from "./cart_store.js";
import { everySecond, now, start as startClock } from "./clock.js";
import { announce, el, errorText, icon, isTyping } from "./dom.js";
import "./keys.js";
import { Live } from "./live.js";
import { moodLine } from "./mood_line.js";
import * as outbox from "./outbox.js";
import { askForDevice, devices, hasChooser, onOutputs } from "./outputs.js";
import { drawWave, makeWave, peaksOf } from "./player.js";
import "./shell.js";
import { note, warn } from "./toast.js";
import { clockTimeExact, duration, t, tn } from "./words.js";

const AIRED_AFTER_S = 3;
const QUIET_MS = 250;
const UNLOCK_MS = 1000;
const STOP_HOLD_MS = 500;
const MOOD_EVERY_S = 60;
const BARS = 120;

const $ = (id) => document.getElementById(id);
const desk = $("main");
const mayMark = desk.dataset.mayMark === "yes";
const reports = desk.dataset.reports === "yes";
const store = new CartStore();
const cue = new Output("cue");
const air = new Output("air");

let studio = JSON.parse($("studio").textContent);
let loadedId = null;
let nextId = null;
let onAir = null;
let isLocked = false;
let quietUntil = 0;
let cueing = null;
const shapes = new Map();
const told = new Set();
const wave = makeWave();
$("bars").prepend(wave);
startClock($("clock").dataset.now);

/* ---------- the list ---------- */

const waiting = () => studio.carts.filter((cart) => !cart.aired_at && cart.slot_id !== onAir?.cart.slot_id);
const cartOf = (slotId) => studio.carts.find((cart) => cart.slot_id === slotId) ?? null;
const loaded = () => onAir?.cart ?? cartOf(loadedId);
/** A moment in which presses do nothing: somebody may just have been about to press something else. */
const beQuiet = () => { quietUntil = performance.now() + QUIET_MS; };

function take(answer) {
  if (answer.edition.starts_at !== studio.edition.starts_at && answer.edition.starts_at > studio.edition.starts_at && Date.parse(answer.edition.starts_at) > now()) return;
  const before = loaded();
  studio = { ...studio, ...answer };
  const still = cartOf(loadedId);
  if (!still || (before && still.sha256 !== before.sha256)) { if (!onAir) stopCue(); }
  if (!still || (still.aired_at && !onAir && !before?.aired_at)) load(waiting()[0]?.slot_id ?? null);
  show();
}

function load(slotId) {
  if (slotId === loadedId) return;
  stopCue();
  loadedId = slotId;
  nextId = null;
  beQuiet();
  show();
}

/** The one after the loaded item, as chosen in the list or by order. */
function nextCart() {
  const rest = waiting().filter((cart) => cart.slot_id !== loadedId);
  return rest.find((cart) => cart.slot_id === nextId) ?? rest.find((cart) => cart.position > (loaded()?.position ?? -1)) ?? rest[0] ?? null;
}

async function refresh() {
  try {
    const answer = await api.get("/api/v1/studio");
    live.seq = Math.max(live.seq, answer.seq);
    take(answer);
  } catch {
    // The line is down: the list stays as it is, and what is in memory plays.
  }
}

/* ---------- what is told to the server, also later ---------- */

const tell = (slotId, what, body) => outbox.send(`/api/v1/studio/slots/${slotId}/${what}`, body).catch(() => {});

function tellLoaded() {
  if (!reports || !mayMark) return;
  for (const cart of studio.carts) {
    const key = `${cart.slot_id}:${cart.sha256}`;
    if (told.has(key) || !["shortlisted", "planned"].includes(cart.state)) continue;
    if (cart.is_sound && !store.isReady(cart)) continue;
    told.add(key);
    api.post(`/api/v1/studio/slots/${cart.slot_id}/loaded`, { sha256: cart.sha256 }).catch(() => told.delete(key));
  }
}

function markAired(cart, played_s, at) {
  const iso = new Date(at).toISOString();
  cart.aired_at = iso;
  studio.aired = [{ slot_id: cart.slot_id, first_name: cart.first_name, place: cart.place, aired_at: iso }, ...studio.aired];
  tell(cart.slot_id, "aired", { sha256: cart.sha256, idempotency_key: api.idempotencyKey(), played_s, aired_at: iso });
}

async function takeBack(slotId) {
  try {
    await api.remove(`/api/v1/studio/slots/${slotId}/aired`);
    announce(t("The aired mark was taken back."));
    await refresh();
  } catch {
    announce(t("That did not work. Nothing was changed."));
  }
}

/** A link the playout may fetch by itself. The clipboard is asked at once: some browsers allow it within the press only. */
async function copyLink(cart) {
  const made = api.post(`/api/v1/studio/slots/${cart.slot_id}/link`);
  const address = made.then((answer) => new URL(answer.address, location.href).href);
  address.catch(() => {}); // said below
  let isCopied = true;
  try {
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": address.then((text) => new Blob([text], { type: "text/plain" })) })]);
  } catch {
    isCopied = false;
  }
  try {
    const until = clockTimeExact((await made).until);
    if (isCopied) note(t("Link copied: %(name)s, works until %(time)s.", { name: cart.first_name, time: until }), { ic: "link" });
    else showLink(await address, until);
  } catch (error) {
    warn(errorText(error));
  }
}

/** Where a page may not write to the clipboard (plain http, a refusal): the link to be copied by hand. */
function showLink(address, until) {
  const field = el("input.link-field", { readonly: "", value: address, "aria-label": t("Link for the playout") });
  note(t("Copy it with Ctrl C. It works until %(time)s.", { time: until }), { ic: "link", action: field });
  field.select();
}

/* ---------- sound ---------- */

function stopCue() { cue.stop(); }

async function pressCue() {
  if (cue.isPlaying) { cue.stop(); return; }
  const cart = onAir ? nextCart() : loaded();
  cue.prepare();
  const sound = store.sound(cart) ?? await store.decode(cart);
  if (!sound) return;
  cueing = cart;
  await cue.play(sound);
  show();
}

async function pressAir({ isContact = false } = {}) {
  if (air.isPlaying) return;
  if ((isLocked && !isContact) || performance.now() < quietUntil || !mayMark) return;
  const cart = loaded();
  air.prepare();
  const sound = store.sound(cart) ?? await store.decode(cart);
  if (!sound || air.isPlaying) return;
  stopCue();
  onAir = { cart, at: now() };
  if (!await air.play(sound)) { onAir = null; show(); return; }
  tell(cart.slot_id, "on-air", { sha256: cart.sha256, is_on: true });
  beQuiet();
  show();
}

function pressStop() { if (air.isPlaying) air.stop(); }

air.addEventListener("end", (ended) => {
  const { cart, at } = onAir;
  const { played_s } = ended.detail;
  const next = nextCart();
  onAir = null;
  if (played_s >= AIRED_AFTER_S) {
    markAired(cartOf(cart.slot_id) ?? cart, Math.round(played_s * 1000) / 1000, at);
    loadedId = next?.slot_id ?? null;
    nextId = null;
  } else {
    tell(cart.slot_id, "on-air", { sha256: cart.sha256, is_on: false });
    if (!cartOf(loadedId)) loadedId = waiting()[0]?.slot_id ?? null;
  }
  beQuiet();
  show();
});
cue.addEventListener("end", () => { cueing = null; show(); });
for (const output of [cue, air]) output.addEventListener("change", () => show());

/* ---------- drawing ---------- */

const hideIfEmpty = (node, text, part) => { node.hidden = !text; part.textContent = text ?? ""; };

/** Syllables in capitals are the stressed ones: they are underlined. */
function sayParts(text) {
  return text.split(/(\p{Lu}{2,})/u).map((part, at) => (at % 2 ? el("em", {}, part) : part));
}

function show() {
  const cart = loaded();
  const isLive = Boolean(onAir);
  document.body.dataset.air = isLive ? "on" : "off";
  $("air-flag").hidden = !isLive;
  $("now").hidden = !cart;
  $("empty").hidden = Boolean(cart);
  store.want([cart, ...waiting()].filter(Boolean).filter((one, at, all) => all.indexOf(one) === at), onAir?.cart.sha256);
  if (cart) showCart(cart, isLive);
  $("note").classList.toggle("is-empty", !cart?.note);
  if ($("note-text").textContent !== (cart?.note ?? "")) $("note-text").textContent = cart?.note ?? "";
  showQueue();
  showDone();
  showMood();
  showFoot();
  tick();
  tellLoaded();
}

function showCart(cart, isLive) {
  const place = studio.carts.findIndex((one) => one.slot_id === cart.slot_id);
  $("step").replaceChildren(el(isLive ? "b" : "span", {}, isLive ? t("On air") : t("Loaded")), place < 0 ? "" : ` · ${t("%(place)s of %(count)s", { place: place + 1, count: studio.carts.length })} · ${showName()}`);
  if ($("name").textContent !== cart.first_name) $("name").textContent = cart.first_name;
  $("say").hidden = !cart.pronunciation;
  $("say").lastElementChild.replaceChildren(...sayParts(cart.pronunciation));
  hideIfEmpty($("city"), cart.place, $("city").lastElementChild);
  $("about").textContent = cart.about;
  hideIfEmpty($("intro"), cart.intro_text, $("intro").lastElementChild);
  hideIfEmpty($("words"), cart.text, $("words").lastElementChild);
  $("now").classList.toggle("is-read", !cart.is_sound);
  wave.toggleAttribute("hidden", !cart.is_sound);
  $("wav").hidden = !cart.wav_url;
  if (cart.wav_url) $("wav").setAttribute("href", cart.wav_url);
  $("link").hidden = !cart.wav_url;
  $("formats").replaceChildren(...Object.entries(cart.formats ?? {}).map(([name, url]) => el("a.desk-tool", { href: url, download: "" }, name.toUpperCase())));
  showButtons(cart, isLive);
}

function showName() { return studio.edition.is_all_day ? t("All day") : studio.edition.show; }

function showButtons(cart, isLive) {
  const next = nextCart();
  const cueCart = isLive ? next : cart;
  const [cueIcon, cueText] = $("cue").children;
  $("cue").classList.toggle("is-on", cue.isPlaying);
  const cueReason = reasonAgainst(cueCart, cue);
  $("cue").setAttribute("aria-disabled", String(Boolean(cueReason) && !cue.isPlaying));
  cueIcon.replaceChildren(icon(cue.isPlaying ? "stop" : "headphones"));
  cueText.children[0].textContent = cue.isPlaying ? t("Stop cue") : t("Cue");
  cueText.children[1].textContent = cueReason || (isLive ? t("next: %(name)s", { name: next.first_name }) : cue.device?.label ?? t("headphones only"));
  const [airIcon, airText] = $("air").children;
  $("air").classList.toggle("is-on", isLive);
  const airReason = mayMark ? reasonAgainst(cart, air) : t("only in the studio");
  $("air").setAttribute("aria-disabled", String(Boolean(airReason) && !isLive));
  airIcon.replaceChildren(icon(isLive ? "stop" : "play"));
  airText.children[0].textContent = isLive ? t("Stop") : t("On air");
  airText.children[1].textContent = isLive ? t("Playing: %(output)s", { output: air.device?.label ?? t("air output") }) : airReason || (air.device?.label ?? t("air output"));
  $("to-start").hidden = isLive || !cart.is_sound;
  $("fade").hidden = !isLive;
  $("mark").hidden = isLive || !mayMark;
  $("skip").setAttribute("aria-disabled", String(isLive || !next));
}

/** Why this cannot be played on this output now, in words; empty if it can. */
function reasonAgainst(cart, output) {
  if (!cart) return t("nothing waits");
  if (!cart.is_sound) return t("to be read out");
  if (output.isMissing) return t("output %(name)s is missing", { name: output.device?.label ?? "" });
  return { ready: "", waiting: t("is being loaded"), loading: t("is being loaded"), failed: t("could not be loaded, next try soon") }[store.state(cart)];
}

const KIND_ICONS = { voice: "mic", audio: "note", video: "video", image: "image", sticker: "sticker", text: "text", location: "pin" };

function showQueue() {
  const rows = waiting().filter((cart) => cart.slot_id !== loadedId || onAir);
  const first = nextCart();
  const total_s = rows.reduce((sum, cart) => sum + (cart.duration_s ?? 0), 0);
  $("queue-sum").textContent = rows.length ? `${rows.length} · ${duration(total_s)}` : "";
  const signature = JSON.stringify([rows.map((cart) => [cart.slot_id, cart.first_name, cart.place, cart.sha256, cart.position, cart.kind, store.state(cart)]), first?.slot_id]);
  if ($("queue").signature === signature) return;
  $("queue").signature = signature;
  const focused = document.activeElement?.closest?.("[data-load]")?.dataset.load;
  $("queue").replaceChildren(...rows.map((cart) => queueRow(cart, first)));
  if (focused) $("queue").querySelector(`[data-load="${focused}"]`)?.focus();
}

function queueRow(cart, first) {
  const place = studio.carts.indexOf(cart) + 1;
  const words = [cart.place, cart.is_sound ? "" : t("to be read out"), cart.is_sound && store.state(cart) === "failed" ? t("could not be loaded, next try soon") : ""].filter(Boolean).join(" · ");
  return el("li", {}, el(`button.q-row${cart === first ? ".is-next" : ""}`, { type: "button", "data-load": cart.slot_id }, el("span.q-n.num", {}, String(place)),
    el("span.q-who", {}, el("b", { lang: "de" }, cart.first_name), el("span", {}, words || " ")), icon(KIND_ICONS[cart.kind] ?? "text"), el("span.q-dur.num", {}, cart.is_sound ? duration(cart.duration_s) : "")));
}

function showDone() {
  $("done-h").hidden = studio.aired.length === 0;
  $("done-count").textContent = studio.aired.length || "";
  const signature = JSON.stringify(studio.aired);
  if ($("done").signature === signature) return;
  $("done").signature = signature;
  const seen = new Set();
  $("done").replaceChildren(...studio.aired.map((one) => {
    const isNewest = !seen.has(one.slot_id);
    seen.add(one.slot_id);
    return el("li", {}, icon("aired"), el("b", { lang: "de" }, one.first_name), el("span", {}, one.place), el("time", { datetime: one.aired_at }, clockTimeExact(one.aired_at)),
      isNewest && mayMark && el("button", { type: "button", "data-take-back": one.slot_id, "aria-label": t("Take back the aired mark of %(name)s", { name: one.first_name }), title: t("Take back") }, icon("undo")));
  }));
}

function showMood() {
  $("mood").hidden = !studio.mood?.total;
  const line = moodLine(studio.mood);
  if ($("mood-line").textContent !== line) $("mood-line").textContent = line;
}

function showFoot() {
  const sounds = studio.carts.filter((cart) => cart.is_sound && !cart.aired_at);
  const ready = sounds.filter((cart) => store.isReady(cart)).length;
  const line = live.state === "offline" ? t("No connection") : t("Connected");
  const held = outbox.count() ? tn("%(num)s report waits", "%(num)s reports wait", outbox.count()) : "";
  const playable = ready ? tn("%(num)s item also plays without network", "%(num)s items also play without network", ready) : "";
  const text = [line, playable, held].filter(Boolean).join(" · ");
  if ($("foot").dataset.text === text) return;
  $("foot").dataset.text = text;
  $("foot").replaceChildren(icon(live.state === "offline" ? "wifi-off" : "wifi"), text);
}

/** The bars of a wave: fine ones from the decoded sound, until then the card's. */
function barsOf(cart) {
  const sound = store.sound(cart);
  const known = shapes.get(cart.sha256);
  if (known && (known.isFine || !sound)) return known.bars;
  const shape = sound ? { isFine: true, bars: shapeOf(sound) } : { isFine: false, bars: peaksOf(cart.peaks) };
  shapes.set(cart.sha256, shape);
  return shape.bars;
}

function shapeOf(sound) {
  const samples = sound.getChannelData(0);
  const step = Math.max(1, Math.floor(samples.length / BARS));
  const bars = Array.from({ length: BARS }, (_, bar) => {
    let most = 0;
    for (let at = bar * step; at < (bar + 1) * step; at += 8) most = Math.max(most, Math.abs(samples[at] ?? 0));
    return most;
  });
  const top = Math.max(...bars, 0.01);
  return bars.map((bar) => bar / top);
}

/** Position, countdown and the wave of what is loaded. */
function tick() {
  const cart = loaded();
  if (!cart) return;
  const source = onAir ? air : cueing?.slot_id === cart.slot_id ? cue : null;
  const played_s = source?.isPlaying ? source.played_s : 0;
  const length_s = store.sound(cart)?.duration ?? cart.duration_s ?? 0;
  const left_s = Math.max(0, length_s - played_s);
  $("count").textContent = cart.is_sound ? (source ? `−${duration(Math.ceil(left_s))}` : duration(length_s)) : "";
  $("count-says").textContent = cart.is_sound ? (source ? t("left") : t("length")) : "";
  const share = length_s ? played_s / length_s : 0;
  if (cart.is_sound) drawWave(wave, barsOf(cart), share, 96);
  $("playhead").hidden = !source;
  $("playhead").style.setProperty("left", `${(share * 100).toFixed(2)}%`);
}

function animate() {
  if (air.isPlaying || cue.isPlaying) tick();
  requestAnimationFrame(animate);
}

/* ---------- lock, dim ---------- */

function setLocked(value) {
  isLocked = value;
  document.body.toggleAttribute("data-locked", value);
  $("lockbar").hidden = !value;
  $("lock").setAttribute("aria-pressed", String(value));
  beQuiet();
  if (value) $("unlock").focus();
  else $("lock").focus();
  announce(value ? t("Locked") : t("Unlocked"));
}

/** Calls back after the control was held for so long, by finger or key; the ring shows how far it is. */
function onHold(button, ms, done) {
  let since = 0;
  const ring = button.querySelectorAll("circle")[1];
  const draw = (share) => ring.setAttribute("stroke-dasharray", `${Math.round(share * 100)} 100`);
  const end = () => { since = 0; draw(0); };
  const step = (at) => {
    if (!since) return;
    const share = Math.min(1, (at - since) / ms);
    draw(share);
    if (share >= 1) { end(); done(); return; }
    requestAnimationFrame(step);
  };
  const begin = () => { if (since) return; since = performance.now(); requestAnimationFrame(step); };
  button.addEventListener("pointerdown", (event) => { button.setPointerCapture(event.pointerId); begin(); });
  for (const name of ["pointerup", "pointercancel", "blur"]) button.addEventListener(name, end);
  button.addEventListener("keydown", (event) => { if ([" ", "Enter"].includes(event.key)) { event.preventDefault(); begin(); } });
  button.addEventListener("keyup", (event) => { if ([" ", "Enter"].includes(event.key)) end(); });
}
onHold($("unlock"), UNLOCK_MS, () => setLocked(false));
onHold($("stop-hold"), STOP_HOLD_MS, pressStop);

function dim() {
  const step = (Number(document.body.dataset.dim ?? 0) + 1) % 3;
  document.body.dataset.dim = String(step);
  localStorage.setItem("desk.dim", String(step));
  announce(t("Brightness step %(step)s of 3", { step: 3 - step }));
}
document.body.dataset.dim = localStorage.getItem("desk.dim") ?? "0";

/* ---------- presses ---------- */

const presses = {
  cue: () => pressCue(),
  air: () => (air.isPlaying ? pressStop() : pressAir()),
  "to-start": async () => { if (!cue.isPlaying) return; cue.stop(); await pressCue(); },
  fade: () => air.fade(),
  mark: () => { const cart = loaded(); stopCue(); const next = nextCart(); markAired(cart, null, now()); load(next?.slot_id ?? null); show(); },
  skip: () => { const next = nextCart(); if (!onAir && next) load(next.slot_id); },
  link: () => copyLink(loaded()),
  dim, lock: () => setLocked(true),
};

document.addEventListener("click", (event) => {
  const control = event.target.closest("button, a");
  if (!control) return;
  if (isLocked && !control.closest("#lockbar")) { event.preventDefault(); event.stopPropagation(); return; }
  if (control.getAttribute("aria-disabled") === "true") return;
  // What stops may always be pressed; what starts or marks waits until the screen has stood still for a moment.
  const isStop = control.id === "air" && air.isPlaying;
  if (!isStop && control.closest("#now, #queue, #done") && performance.now() < quietUntil) return;
  if (control.dataset.load) { if (onAir) { nextId = Number(control.dataset.load); show(); } else load(Number(control.dataset.load)); return; }
  if (control.dataset.takeBack) { takeBack(Number(control.dataset.takeBack)); return; }
  presses[control.id]?.();
}, true);

/* The keys of button boxes; they work as contacts of the console, also when the screen is locked. */
document.addEventListener("keydown", (event) => {
  if (event.repeat || event.altKey || event.ctrlKey || event.metaKey || isTyping(event.target)) return;
  const keys = { F9: () => { if (!isLocked && $("cue").getAttribute("aria-disabled") !== "true") pressCue(); }, F10: () => pressAir({ isContact: true }), F11: pressStop, F12: () => { if (!isLocked) setLocked(true); } };
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

/* A page that goes while an item is on air says how far it came, as well as a leaving page can. */
addEventListener("pagehide", () => {
  if (!onAir) return;
  const { cart, at } = onAir;
  const played_s = Math.round(air.played_s * 1000) / 1000;
  const isAired = played_s >= AIRED_AFTER_S;
  const body = isAired ? { sha256: cart.sha256, idempotency_key: api.idempotencyKey(), played_s, aired_at: new Date(at).toISOString() } : { sha256: cart.sha256, is_on: false };
  fetch(`/api/v1/studio/slots/${cart.slot_id}/${isAired ? "aired" : "on-air"}`, { method: "POST", keepalive: true, credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-CSRFToken": document.querySelector('meta[name="csrf-token"]')?.content ?? "" }, body: JSON.stringify(body) });
});

/* ---------- outputs ---------- */

async function showOutputs() {
  const found = await devices();
  for (const output of [cue, air]) {
    const list = $(`out-${output.name}`);
    const known = output.device && !found.some((one) => one.id === output.device.id) ? [output.device] : [];
    list.replaceChildren(list.options[0], ...[...found, ...known].map((one) => el("option", { value: one.id }, one.label)));
    list.value = output.device?.id ?? "";
    list.disabled = !Output.canChoose || found.length + known.length === 0;
  }
  $("outputs-hint").hidden = Output.canChoose && found.length > 0;
  $("choose-device").hidden = !hasChooser();
}
$("outputs").addEventListener("toggle", (event) => { if (event.newState === "open") showOutputs(); });
$("outputs").addEventListener("change", (event) => {
  const list = event.target.closest("[data-output]");
  const chosen = list.selectedOptions[0];
  (list.dataset.output === "cue" ? cue : air).choose(list.value ? { id: list.value, label: chosen.textContent } : null);
});
$("choose-device").addEventListener("click", async () => { if (await askForDevice()) showOutputs(); });
$("tone").addEventListener("click", () => { if (!cue.isPlaying) testTone(cue); });
onOutputs(() => { cue.check(); air.check(); });

/* ---------- the line and the clock ---------- */

const live = new Live(studio.seq);
live.addEventListener("event", (event) => { if (event.detail.kind === "studio.changed") take(event.detail.payload); });
live.addEventListener("reload", refresh);
live.addEventListener("state", () => { if (live.state === "live") { outbox.flush(); store.retry(); refresh(); } showFoot(); });
outbox.onChange(showFoot);
store.addEventListener("change", () => show());

everySecond((at) => {
  const left_s = 3600 - Math.floor(at / 1000) % 3600;
  $("back").textContent = duration(left_s);
  const isOver = at >= Date.parse(studio.edition.ends_at) && !onAir;
  const isMoodDue = Math.floor(at / 1000) % MOOD_EVERY_S === 0 && !document.hidden; // its minutes go by without an event
  if ((isOver || isMoodDue) && live.state === "live") refresh();
  $("stop-hold").hidden = !(isLocked && air.isPlaying);
});

loadedId = waiting()[0]?.slot_id ?? null;
beQuiet();
show();
live.start();
requestAnimationFrame(animate);
