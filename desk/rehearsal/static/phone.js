// The chat: one listener, one station. Reads the thread every second, sends forms, never starts sound by itself.

import { bubbleFor } from "./bubbles.js";
import { Recorder } from "./recorder.js";

const facts = JSON.parse(document.getElementById("facts").textContent);
const $ = (id) => document.getElementById(id);
const HEAD = { "X-Rehearsal": "1" };
const POLL_MS = 1000;
const EMOJI = [..."😀😂😍🥰😊😉😎🙈😭😅🤔😴👍👏🙏💪❤️🔥🎂🎉🎶🎸🌹☀️❄️☕🐕🐈🚗🏮🎄🍀".matchAll(/\p{Extended_Pictographic}\uFE0F?/gu)].map((found) => found[0]);

const t = (text, gaps = {}) =>
  Object.entries(gaps).reduce((line, [name, value]) => line.replace(`{${name}}`, value), facts.words[text] ?? text);

const here = { station: facts.stations[0].slug, listener: facts.players[0].name, change: 0, messages: new Map(), quotes: null, file: null, run: 0 };

// ---------- who is writing

function remember() {
  localStorage.setItem("rehearsal.who", JSON.stringify([here.station, here.listener]));
}

function recall() {
  const asked = new URLSearchParams(location.search);
  let kept = [];
  try { kept = JSON.parse(localStorage.getItem("rehearsal.who")) ?? []; } catch { kept = []; }
  const station = asked.get("station") ?? kept[0];
  if (facts.stations.some((one) => one.slug === station)) here.station = station;
  const home = facts.players.find((player) => player.station === here.station);
  here.listener = asked.get("listener") ?? (kept[0] === here.station ? kept[1] : null) ?? home?.name ?? here.listener;
}

const initials = (name) => name.split(/[\s&-]+/).filter((part) => /^\p{L}|\d/u.test(part)).slice(0, 2).map((part) => part[0]).join("").toUpperCase();
const stationFacts = () => facts.stations.find((one) => one.slug === here.station);

function choose(station, listener) {
  Object.assign(here, { station, listener, change: 0, messages: new Map(), quotes: null, file: null, run: here.run + 1 });
  $("messages").replaceChildren();
  isAtEnd = true;
  showHead();
  showQuote();
  showStaged();
  remember();
  poll(here.run);
}

function showHead() {
  const station = stationFacts();
  $("station-name").textContent = station.name;
  $("listener-name").textContent = here.listener;
  $("station-avatar").textContent = initials(station.name);
  $("station-avatar").dataset.station = station.slug;
  document.title = `${here.listener} · ${station.name}`;
}

// ---------- the thread

async function poll(run) {
  if (run !== here.run) return;
  if (!document.hidden) await refresh(run);
  setTimeout(() => poll(run), POLL_MS);
}

async function refresh(run = here.run) {
  const asked = new URLSearchParams({ station: here.station, listener: here.listener, after: here.change });
  let answer;
  try {
    answer = await (await fetch(`/phone/thread?${asked}`)).json();
  } catch {
    return warn(t("Not sent. The rehearsal server does not answer."), "offline");
  }
  if (run !== here.run) return;
  if ($("notice").dataset.kind === "offline") warn("");
  const isFirst = here.change === 0;
  here.change = Math.max(here.change, answer.change);
  for (const message of answer.messages) keep(message, isFirst);
  if (answer.messages.length) draw();
  showWindow(answer.closes_at);
  showTyping(answer.typing);
}

function keep(message, isFirst) {
  const known = here.messages.get(message.id);
  here.messages.set(message.id, message);
  if (known) return;
  if (!message.mine && !isFirst && message.type !== "reaction") {
    $("announce").textContent = t("New message from {name}", { name: stationFacts().name });
  }
}

function reactions() {
  const shown = new Map();
  for (const message of here.messages.values()) {
    if (message.type === "reaction") shown.set(message.body.message_id, message.body.emoji ?? "");
  }
  return shown;
}

function draw() {
  const list = $("messages");
  const old = new Map([...list.children].map((node) => [node.dataset.key, node]));
  const given = reactions();
  const nodes = [];
  let day = "", side = null;
  const inOrder = [...here.messages.values()].filter((message) => message.type !== "reaction").sort((a, b) => a.at - b.at);
  for (const message of inOrder) {
    const on = dayName(message.at);
    if (on !== day) {
      nodes.push(reuse(old, `day ${on}`, on, () => dayNode(on)));
      side = null;
    }
    const isFirst = side !== message.mine;
    const stamp = [message.status, given.get(message.id) ?? "", isFirst, here.messages.has(message.quotes)].join("|");
    nodes.push(reuse(old, message.id, stamp, () => row(message, isFirst, given.get(message.id))));
    day = on;
    side = message.mine;
  }
  if (nodes.length !== list.children.length || nodes.some((node, at) => list.children[at] !== node)) place(list, nodes);
  $("empty").hidden = nodes.length > 0;
  keepEnd();
}

// Stays at the newest message while pictures and waves arrive, unless somebody has scrolled up to read.
let isAtEnd = true;

function keepEnd() {
  if (isAtEnd) $("thread").scrollTop = $("thread").scrollHeight;
}

function place(list, nodes) {
  nodes.forEach((node, at) => { if (list.children[at] !== node) list.insertBefore(node, list.children[at] ?? null); });
  while (list.children.length > nodes.length) list.lastChild.remove();
}

function reuse(old, key, stamp, make) {
  const known = old.get(key);
  if (known?.dataset.stamp === stamp) return known;
  const node = make();
  node.dataset.key = key;
  node.dataset.stamp = stamp;
  if (known?.contains(document.activeElement)) queueMicrotask(() => node.querySelector("button")?.focus());
  return node;
}

function dayNode(name) {
  const node = document.createElement("li");
  node.className = "day";
  node.textContent = name;
  return node;
}

function dayName(at) {
  const day = new Date(at * 1000), days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(day).setHours(0, 0, 0, 0)) / 864e5);
  if (days === 0) return t("Today");
  if (days === 1) return t("Yesterday");
  return day.toLocaleDateString(facts.lang, { weekday: "long", day: "numeric", month: "long" });
}

function row(message, isFirst, reaction) {
  return bubbleFor(message, {
    t, lang: facts.lang, isFirst, reaction, station: stationFacts().name, quoted: here.messages.get(message.quotes),
    reply: () => { here.quotes = message.id; showQuote(); $("text").focus(); },
    react: (emoji) => post({ target: message.id, emoji: emoji.trim() }),
    tap: (button) => post({ button: button.id, title: button.title, list: button.isRow ? "1" : "", quotes: message.id }),
    shareNumber: () => post({ share_number: "1", quotes: message.id }),
  });
}

function showWindow(closesAt) {
  const line = $("window"), isOpen = closesAt !== null && closesAt * 1000 > Date.now();
  line.classList.toggle("closed", closesAt !== null && !isOpen);
  if (closesAt === null) line.textContent = t("Write as a listener and watch what the desk does with it.");
  else if (!isOpen) line.textContent = t("The 24 hours for free answers are over. Write to open them again.");
  else {
    const time = new Date(closesAt * 1000).toLocaleString(facts.lang, { weekday: "short", hour: "2-digit", minute: "2-digit", hour12: false });
    const text = t("The station can answer freely until {time}.", { time });
    if (line.textContent !== text) line.textContent = text;
  }
}

function showTyping(isTyping) {
  const line = $("window");
  if (isTyping) line.textContent = `${stationFacts().name} ${t("is typing …")}`;
}

// ---------- sending

function warn(text, kind = "") {
  $("notice").textContent = text;
  $("notice").hidden = !text;
  $("notice").dataset.kind = kind;
}

async function post(fields) {
  const form = new FormData();
  form.set("station", here.station);
  form.set("listener", here.listener);
  for (const [name, value] of Object.entries(fields)) if (value) Array.isArray(value) ? form.set(name, ...value) : form.set(name, value);
  try {
    const answer = await fetch("/phone/messages", { method: "POST", headers: HEAD, body: form });
    if (answer.ok) { warn(""); isAtEnd = true; await refresh(); keepEnd(); return true; }
    const sentences = { 413: "The file is too large to send.", 422: "The recording could not be read. Please try again." };
    warn(t(sentences[answer.status] ?? "Not sent. The rehearsal server does not answer."));
  } catch {
    warn(t("Not sent. The rehearsal server does not answer."));
  }
  return false;
}

async function sendWritten() {
  const text = $("text").value.trim(), file = here.file, quotes = here.quotes;
  if (!text && !file) return;
  $("text").value = "";
  Object.assign(here, { file: null, quotes: null });
  showQuote(); showStaged(); fit();
  if (await post({ text, quotes, file: file ? [file, file.name] : "" })) return;
  $("text").value = text;
  Object.assign(here, { file, quotes });
  showQuote(); showStaged(); fit();
}

function fit() {
  const text = $("text");
  text.style.height = "44px";
  text.style.height = `${Math.min(128, Math.max(44, text.scrollHeight + 2))}px`;
  const hasWords = text.value.trim() !== "" || here.file !== null;
  $("send").hidden = !hasWords;
  $("record").hidden = hasWords;
}

const kindName = (message) => {
  const voice = message.body?.voice;
  const names = { image: "Photo", video: "Video", sticker: "Sticker", document: "Document", contacts: "Contact", location: "Location" };
  return t(message.type === "audio" ? (voice ? "Voice note" : "Audio file") : names[message.type] ?? "Message");
};

function showQuote() {
  const quoted = here.messages.get(here.quotes);
  $("quote").hidden = !quoted;
  if (quoted) $("quote-text").textContent = quoted.body?.body?.text ?? (quoted.type === "text" ? quoted.body.body : kindName(quoted));
}

function showStaged() {
  const { file } = here, thumb = $("staged-thumb");
  $("staged").hidden = !file;
  URL.revokeObjectURL(thumb.src);
  thumb.hidden = !file?.type.startsWith("image/");
  if (!thumb.hidden) thumb.src = URL.createObjectURL(file);
  if (file) $("staged-text").textContent = `${file.name} · ${size(file.size)}`;
  $("text").placeholder = t(file ? "Caption" : "Message");
  fit();
}

const size = (bytes) => bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toLocaleString(facts.lang, { maximumFractionDigits: 1 })} MB`;

// ---------- recording

const recorder = new Recorder($("record-level"), (seconds) => {
  $("record-time").textContent = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
});

function showRecording(isOn) {
  $("recording").hidden = !isOn;
  $("writing").hidden = isOn;
  (isOn ? $("record-send") : $("record")).focus();
}

async function startRecording() {
  try {
    await recorder.start();
  } catch {
    return warn(t("The microphone is not available here."));
  }
  warn("");
  showRecording(true);
}

async function endRecording(isSent) {
  const blob = await recorder.stop();
  showRecording(false);
  if (!isSent || !blob.size) return;
  const quotes = here.quotes;
  here.quotes = null;
  showQuote();
  await post({ voice: "1", quotes, file: [blob, "sprachnachricht." + (blob.type.includes("mp4") ? "m4a" : "webm")] });
}

// ---------- the chooser

function showPeople() {
  const wanted = $("search").value.trim().toLowerCase();
  $("stations").replaceChildren(...facts.stations.map(stationTab));
  const found = facts.players.filter((player) => player.station === chosen && `${player.name} ${player.place}`.toLowerCase().includes(wanted));
  $("people").replaceChildren(...found.map(personRow));
}

let chosen = here.station;

function stationTab(station) {
  const tab = document.createElement("button");
  tab.type = "button";
  tab.textContent = station.name;
  tab.setAttribute("aria-pressed", String(station.slug === chosen));
  tab.addEventListener("click", () => { chosen = station.slug; showPeople(); [...$("stations").children].find((one) => one.textContent === station.name).focus(); });
  return tab;
}

function personRow(player) {
  const item = document.createElement("li"), button = document.createElement("button"), face = document.createElement("span"),
    words = document.createElement("span"), name = document.createElement("b"), place = document.createElement("small");
  button.type = "button";
  face.className = "avatar";
  face.setAttribute("aria-hidden", "true");
  face.textContent = initials(player.name);
  name.textContent = player.name;
  place.textContent = player.hidden ? `${player.place} · ${t("number hidden")}` : player.place;
  words.append(name, place);
  button.append(face, words);
  if (player.name === here.listener && chosen === here.station) button.setAttribute("aria-current", "true");
  button.addEventListener("click", () => { $("chooser").close(); choose(chosen, player.name); });
  item.append(button);
  return item;
}

function useOther() {
  const name = $("other").value.trim();
  if (!name) return $("other").focus();
  $("chooser").close();
  choose(chosen, name);
}

// ---------- set going

function emojiButton(sign) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = sign;
  button.addEventListener("click", () => { $("text").setRangeText(sign, $("text").selectionStart, $("text").selectionEnd, "end"); fit(); $("text").focus(); });
  return button;
}

function toggleEmoji(isOpen = $("emoji").hidden) {
  $("emoji").hidden = !isOpen;
  $("emoji-open").setAttribute("aria-expanded", String(isOpen));
}

function takeFile(file) {
  if (!file) return;
  here.file = file;
  showStaged();
  $("text").focus();
}

$("thread").addEventListener("scroll", () => {
  const thread = $("thread");
  isAtEnd = thread.scrollHeight - thread.scrollTop - thread.clientHeight < 80;
}, { passive: true });
new ResizeObserver(keepEnd).observe($("messages"));
new ResizeObserver(keepEnd).observe($("thread"));
$("emoji").append(...EMOJI.map(emojiButton));
$("emoji-open").addEventListener("click", () => toggleEmoji());
$("text").addEventListener("input", fit);
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); toggleEmoji(false); sendWritten(); }
});
$("text").addEventListener("paste", (event) => takeFile(event.clipboardData.files[0]));
$("send").addEventListener("click", () => { toggleEmoji(false); sendWritten(); });
$("attach").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => { takeFile($("file").files[0]); $("file").value = ""; });
$("staged-off").addEventListener("click", () => { here.file = null; showStaged(); $("text").focus(); });
$("quote-off").addEventListener("click", () => { here.quotes = null; showQuote(); $("text").focus(); });
$("thread").addEventListener("dragover", (event) => event.preventDefault());
$("thread").addEventListener("drop", (event) => { event.preventDefault(); takeFile(event.dataTransfer.files[0]); });
$("record").addEventListener("click", startRecording);
$("record-off").addEventListener("click", () => endRecording(false));
$("record-send").addEventListener("click", () => endRecording(true));
$("choose").addEventListener("click", () => { chosen = here.station; $("search").value = ""; showPeople(); $("chooser").showModal(); });
$("chooser-close").addEventListener("click", () => $("chooser").close());
$("chooser").addEventListener("click", (event) => { if (event.target === $("chooser")) $("chooser").close(); });
$("search").addEventListener("input", showPeople);
$("other-use").addEventListener("click", useOther);
$("other").addEventListener("keydown", (event) => { if (event.key === "Enter") useOther(); });
$("theme").addEventListener("click", () => {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
  localStorage.setItem("rehearsal.theme", root.dataset.theme);
  draw();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (!$("recording").hidden) endRecording(false);
  else toggleEmoji(false);
});

recall();
fit();
choose(here.station, here.listener);
