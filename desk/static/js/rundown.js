/* The rundown: one ordered list, moved by dragging, by Alt and arrow keys or by its menu buttons. What others change
   arrives over the live line; a move made from an old state shows the present one and says so. */

import * as api from "./api.js";
import { announce, button, el, errorText, icon, iconButton, state } from "./dom.js";
import { bind } from "./keys.js";
import { Live } from "./live.js";
import { drawWave, listenable, makeWave, peaksOf, player } from "./player.js";
import { note, warn } from "./toast.js";
import { clockTime, day, duration, number, t, tn } from "./words.js";

const $ = (id) => document.getElementById(id);
let rundown = JSON.parse($("rundown").textContent);
let chosen = null;
let poolTimer = 0;
let dragged = null;
const FULLY_HEARD = 0.95;
const BARS = 20;
const KIND_ICONS = { voice: "mic", audio: "note", video: "video", image: "image", sticker: "sticker", text: "text", location: "pin" };

const slotOf = (id) => rundown.slots.find((slot) => slot.id === id) ?? null;
const isAired = (slot) => slot.state === "aired";

/* ---------- words for states ---------- */

const REASONS = {
  withdrawn: () => t("Withdrawn"), blocked: () => t("Sender blocked"), rejected: () => t("Rejected"), not_chosen: () => t("Not shortlisted"), no_consent: () => t("No consent"),
  not_ready: () => t("Not ready yet"), changed: () => t("Changed, hear again"), not_vetted: () => t("Not heard yet"),
};

function stateOf(slot) {
  if (slot.state === "on_air") return state("live", t("On air"));
  if (slot.state === "aired") return state("aired", slot.state_at ? clockTime(slot.state_at) : t("Aired"));
  if (slot.reasons.length) return state("warn", REASONS[slot.reasons[0]]?.() ?? slot.reasons[0]);
  if (slot.state === "in_studio") return state("studio", t("In studio"));
  return state("short", slot.is_sound ? t("Cleared") : t("Cleared, read out"));
}
const stateWords = (slot) => [slot.state === "aired" ? t("Aired") : "", ...slot.reasons.map((code) => REASONS[code]?.() ?? code), slot.reasons.length ? "" : t("Cleared")].filter(Boolean).join(", ");

/* ---------- drawing ---------- */

function show() {
  const { edition } = rundown;
  const name = edition.is_all_day ? t("All day") : edition.show;
  $("edition").textContent = `${name} · ${day(edition.starts_at)} · ${edition.is_all_day ? "" : `${clockTime(edition.starts_at)}–${clockTime(edition.ends_at)} · `}${tn("%(num)s item", "%(num)s items", rundown.slots.length)}`;
  showList();
  showSums();
  showSteps();
  showPool();
  showEdit();
}

function showList() {
  const list = $("slots");
  list.hidden = rundown.slots.length === 0;
  $("drop").hidden = rundown.slots.length > 0;
  const focus = document.activeElement?.closest?.("[data-slot]");
  const part = focus && document.activeElement !== focus ? document.activeElement.dataset.act : null;
  const present = new Map([...list.children].map((item) => [Number(item.dataset.slot), item]));
  const items = rundown.slots.map((slot) => fill(present.get(slot.id) ?? makeItem(slot.id), slot));
  if (items.length !== list.children.length || items.some((item, at) => list.children[at] !== item)) list.replaceChildren(...items);
  if (focus?.isConnected && !focus.contains(document.activeElement)) (part && focus.querySelector(`[data-act="${part}"]`) || focus).focus();
}

const makeItem = (id) => el("li.rd-item", { tabindex: 0, draggable: "true", "data-slot": id });

function fill(item, slot) {
  const total = rundown.slots.length;
  const name = slot.name || t("Unnamed");
  item.className = ["rd-item", isAired(slot) && "is-aired", slot.id === chosen && "is-chosen"].filter(Boolean).join(" ");
  item.setAttribute("aria-label", [t("Place %(place)s of %(count)s", { place: slot.position + 1, count: total }), name, slot.place, slot.is_sound ? duration(slot.duration_s) : t("to be read out"), stateWords(slot)].filter(Boolean).join(", "));
  if (slot.id === chosen) item.setAttribute("aria-current", "true");
  else item.removeAttribute("aria-current");
  const signature = JSON.stringify([slot, total]);
  if (item.signature !== signature) {
    item.signature = signature;
    item.replaceChildren(...itemParts(slot, name, total));
  }
  showPlaying(item, slot);
  return item;
}

function itemParts(slot, name, total) {
  const media = slot.media && listenable(slot.media) ? slot.media : null;
  const wave = media && media.peaks ? makeWave() : null;
  if (wave) drawWave(wave, coarse(peaksOf(media.peaks)), 0, 26);
  const about = slot.about || slot.text || "";
  return [
    el("span.grip", { "aria-hidden": "true", title: t("Move: Alt and arrow keys") }, icon("grip")),
    el("span.rd-at.num", {}, String(slot.position + 1)),
    media ? el("button.cue.sm", { type: "button", "data-act": "cue", "aria-pressed": "false", "aria-label": t("Cue in headphones: %(name)s", { name }) }, icon("headphones")) : el("span.rd-kind", { title: t("to be read out") }, icon(KIND_ICONS[slot.kind] ?? "text")),
    el("div.rd-who", {}, el("p", {}, el("b", { lang: "de" }, name), el("span", { lang: "de" }, slot.place), slot.pronunciation && el("em", { lang: "de", title: t("Pronunciation") }, slot.pronunciation)),
      el("p.rd-note", { lang: "de" }, about || " "), slot.note && el("p.rd-slotnote", { lang: "de" }, icon("inbox"), slot.note)),
    el("div.rd-wave", { "aria-hidden": "true" }, wave),
    el("span.rd-dur.num", {}, slot.is_sound ? duration(slot.duration_s) : ""),
    el("span.rd-state", {}, stateOf(slot)),
    el("span.rd-acts", {},
      iconButton("up", t("Up: %(name)s", { name }), { cls: "sm", "data-act": "up", disabled: slot.position === 0 }),
      iconButton("down", t("Down: %(name)s", { name }), { cls: "sm", "data-act": "down", disabled: slot.position === total - 1 }),
      iconButton("x", t("Take out of the rundown: %(name)s", { name }), { cls: "sm", "data-act": "remove" })),
  ];
}

/** As many bars as fit a row: the loudest of every few. */
function coarse(bars) {
  const step = Math.max(1, Math.ceil(bars.length / BARS));
  return Array.from({ length: Math.ceil(bars.length / step) }, (_, at) => Math.max(...bars.slice(at * step, (at + 1) * step)));
}

function showPlaying(item, slot) {
  const cue = item.querySelector(".cue");
  if (!cue || !slot.media) return;
  const isOn = player.isOn(slot.card_id, slot.media.id) && player.isPlaying;
  if (cue.getAttribute("aria-pressed") !== String(isOn)) {
    cue.setAttribute("aria-pressed", String(isOn));
    cue.classList.toggle("is-on", isOn);
    cue.replaceChildren(icon(isOn ? "pause" : "headphones"));
  }
  const wave = item.querySelector(".wave");
  if (wave) drawWave(wave, wave.bars, player.isOn(slot.card_id, slot.media.id) && player.duration_s ? player.position_s / player.duration_s : 0, 26);
}

function showSums() {
  const sum = (slots) => slots.reduce((all, slot) => all + (slot.duration_s ?? 0), 0);
  const aired = sum(rundown.slots.filter(isAired));
  const all = sum(rundown.slots);
  $("sum-planned").textContent = duration(all);
  $("sum-aired").textContent = duration(aired);
  $("sum-open").textContent = duration(all - aired);
}

function showSteps() {
  const open = rundown.slots.filter((slot) => !isAired(slot));
  const cleared = open.filter((slot) => !slot.reasons.length);
  const there = cleared.filter((slot) => ["in_studio", "on_air"].includes(slot.state));
  const withoutConsent = open.filter((slot) => slot.reasons.includes("no_consent"));
  const unheard = open.filter((slot) => slot.reasons.some((code) => ["not_vetted", "changed", "not_ready"].includes(code)));
  const step = (isDone, title, text) => el(`li.${isDone ? "done" : "todo"}`, {}, icon(isDone ? "check" : "ring"), el("span", {}, el("b", {}, title), text));
  const of = (part, whole) => t("%(part)s of %(whole)s", { part: number(part), whole: number(whole) });
  $("steps").replaceChildren(
    step(open.length > 0 && !unheard.length, t("Heard and cleared"), of(open.length - unheard.length, open.length)),
    step(open.length > 0 && !withoutConsent.length, t("Consent on file"), withoutConsent.length ? tn("%(num)s item without consent", "%(num)s items without consent", withoutConsent.length) : of(open.length, open.length)),
    step(cleared.length > 0, t("The studio sees"), of(cleared.length, open.length)),
    step(there.length > 0 && there.length === cleared.length, t("Files loaded in the studio"), of(there.length, cleared.length)));
}

function showPool() {
  $("pool-count").textContent = String(rundown.pool.length);
  const signature = JSON.stringify(rundown.pool);
  if ($("pool").signature === signature) return;
  $("pool").signature = signature;
  $("pool").replaceChildren(...rundown.pool.map((item) => el("li.pool-card", { draggable: "true", "data-card": item.card_id },
    el("span.grip", { "aria-hidden": "true" }, icon("grip")),
    el("div.pool-main", {}, el("p.pool-top", {}, el("b", { lang: "de" }, item.name), el("span.grow"), icon(KIND_ICONS[item.kind] ?? "text"), el("span.num", {}, item.is_sound ? duration(item.duration_s) : "")),
      el("p.pool-note", { lang: "de" }, item.place && el("span", {}, `${item.place}. `), item.about || item.text || "")),
    el("div.pool-act", {}, iconButton("plus", t("Put into the rundown: %(name)s", { name: item.name }), { cls: "sm", "data-add": item.card_id })))));
}

/* ---------- words for the presenter ---------- */

function showEdit() {
  const slot = slotOf(chosen);
  $("edit").hidden = !slot;
  $("edit-none").hidden = Boolean(slot);
  if (!slot) return;
  $("edit-name").textContent = slot.name;
  $("edit-place").textContent = slot.place;
  for (const [id, name] of [["intro", "intro_text"], ["slot-note", "note"]]) {
    const field = $(id);
    if (field.dataset.slot !== String(slot.id) || (document.activeElement !== field && field.value === field.defaultValue)) {
      field.value = field.defaultValue = slot[name];
      field.dataset.slot = String(slot.id);
    }
  }
  showVet(slot);
}

function showVet(slot) {
  const media = slot.media && listenable(slot.media) ? slot.media : null;
  const share = media ? player.heardShare(media) : 1;
  const isHeard = share >= FULLY_HEARD;
  const signature = JSON.stringify([slot.id, slot.sha256, slot.is_vetted, slot.reasons, Math.floor(share * 50)]);
  if ($("vet").signature === signature) return;
  $("vet").signature = signature;
  const marks = [
    slot.is_vetted && !slot.reasons.includes("changed") ? el("p.rd-mark.is-ok", {}, icon("check"), t("Heard and cleared")) : el("p.rd-mark", {}, icon("headphones"), t("Not cleared for air yet")),
    slot.reasons.includes("no_consent") ? el("p.rd-mark.is-warn", {}, icon("shield-x"), t("No consent for air: ask on the wall")) : el("p.rd-mark.is-ok", {}, icon("shield-check"), t("Consent on file")),
  ];
  if (slot.is_vetted) marks.push(button(t("Take clearance back"), { ic: "undo", cls: "sm ghost", "data-vet": "unvet" }));
  else if (slot.sha256) {
    marks.push(button(t("Clear for air"), { ic: "check", cls: "sm", "data-vet": "vet", disabled: !isHeard }));
    if (!isHeard) marks.push(el("p.muted", {}, t("Clearing opens when you have heard all of it: %(share)s%%", { share: number(Math.floor(share * 100)) })));
  }
  $("vet").replaceChildren(...marks);
}

async function saveWords(field) {
  const slot = slotOf(Number(field.dataset.slot));
  const name = field.id === "intro" ? "intro_text" : "note";
  const value = field.value;
  if (!slot || value === field.defaultValue) return;
  try {
    take(await api.patch(`/api/v1/rundown/slots/${slot.id}`, { version: slot.version, [name]: value }));
    if (field.dataset.slot === String(slot.id)) field.defaultValue = field.value;
    $("saved").textContent = t("Saved");
  } catch (error) {
    if (error.current) take(error.current);
    $("saved").textContent = "";
    warn(error.isConflict ? t("A colleague changed this text. Yours stays in the field; save it again to replace.") : errorText(error));
  }
}

/* ---------- acts ---------- */

function take(answer) {
  if (answer.edition_id === rundown.edition_id && answer.version < rundown.version) return;
  if (answer.edition_id !== rundown.edition_id && rundown.edition_id !== null) { refresh(); return; }
  rundown = { ...rundown, ...answer };
  show();
  clearTimeout(poolTimer);
  if (!answer.pool) poolTimer = setTimeout(refresh, 400);
}

async function refresh() {
  try {
    const answer = await api.get("/api/v1/rundown");
    if (answer.edition_id === rundown.edition_id && answer.version < rundown.version) return;
    rundown = answer;
    show();
  } catch {
    // The line is down: what is shown stays, the next connection asks again.
  }
}

async function moveTo(id, position) {
  const slot = slotOf(id);
  const to = Math.max(0, Math.min(position, rundown.slots.length - 1));
  if (!slot || slot.position === to) return;
  const from = slot.position;
  const seen = rundown.version;
  const order = rundown.slots.filter((one) => one !== slot);
  order.splice(to, 0, slot);
  rundown = { ...rundown, slots: order.map((one, at) => ({ ...one, position: at })) };
  show();
  $("slots").querySelector(`[data-slot="${id}"]`)?.focus();
  try {
    take(await api.patch(`/api/v1/rundown/slots/${id}`, { version: seen, position: to }));
    const text = t("%(name)s moved: place %(place)s", { name: slot.name, place: to + 1 });
    note(text, { ic: "swap", undo: () => moveTo(id, from) });
  } catch (error) {
    if (error.current) { rundown = { ...rundown, ...error.current }; show(); warn(t("A colleague changed the order at the same time. This is how it is now.")); }
    else { await refresh(); warn(errorText(error)); }
  }
}

async function add(cardId, extra = {}) {
  try {
    const answer = await api.post("/api/v1/rundown/slots", { card_id: cardId, ...extra });
    take(answer);
    const slot = slotOf(answer.slot_id);
    announce(t("%(name)s is in the rundown: place %(place)s", { name: slot?.name ?? "", place: (slot?.position ?? 0) + 1 }));
  } catch (error) { warn(errorText(error)); }
}

async function removeSlot(id) {
  const slot = slotOf(id);
  if (!slot) return;
  if (player.isOn(slot.card_id)) player.stop();
  try {
    take(await api.remove(`/api/v1/rundown/slots/${id}`));
    const next = rundown.slots[Math.min(slot.position, rundown.slots.length - 1)];
    if (next) $("slots").querySelector(`[data-slot="${next.id}"]`)?.focus();
    note(t("%(name)s taken out. It waits under Shortlisted.", { name: slot.name }), { undo: () => add(slot.card_id, { position: slot.position, note: slot.note, intro_text: slot.intro_text }) });
  } catch (error) { warn(errorText(error)); }
}

async function vet(act) {
  const slot = slotOf(chosen);
  if (!slot) return;
  try {
    await api.post(`/api/v1/cards/${slot.card_id}/${act}`, act === "vet" ? { sha256: slot.sha256 } : {});
    note(act === "vet" ? t("Cleared for air") : t("Clearance taken back"), { ic: "check" });
    refresh();
  } catch (error) { warn(errorText(error)); }
}

function choose(id) {
  if (chosen === id) return;
  chosen = id;
  $("saved").textContent = "";
  showList();
  showEdit();
}

function cueSlot(id) {
  const slot = slotOf(id);
  if (slot?.media) player.press(slot.card_id, slot.media);
}

/* ---------- pointer ---------- */

document.addEventListener("click", (event) => {
  const control = event.target.closest("[data-act], [data-add], [data-vet]");
  const item = event.target.closest("[data-slot]");
  if (item?.matches(".rd-item")) choose(Number(item.dataset.slot));
  if (!control || control.disabled) return;
  if (control.dataset.add) { add(Number(control.dataset.add)); return; }
  if (control.dataset.vet) { vet(control.dataset.vet); return; }
  const id = Number(item.dataset.slot);
  const place = slotOf(id)?.position ?? 0;
  ({ cue: () => cueSlot(id), up: () => moveTo(id, place - 1), down: () => moveTo(id, place + 1), remove: () => removeSlot(id) })[control.dataset.act]?.();
});
$("slots").addEventListener("focusin", (event) => { const item = event.target.closest(".rd-item"); if (item) choose(Number(item.dataset.slot)); });

document.addEventListener("dragstart", (event) => {
  const source = event.target.closest?.("[data-slot], [data-card]");
  if (!source) return;
  dragged = { slot: Number(source.dataset.slot) || null, card: Number(source.dataset.card) || null };
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", String(dragged.slot ?? dragged.card));
  source.classList.add("is-grab");
});
document.addEventListener("dragend", () => { dragged = null; for (const node of document.querySelectorAll(".is-grab, .drop-before, .drop-after")) node.classList.remove("is-grab", "drop-before", "drop-after"); });

function dropPlace(event) {
  const over = event.target.closest?.(".rd-item");
  if (!over) return { over: null, position: rundown.slots.length };
  const box = over.getBoundingClientRect();
  const isAfter = event.clientY > box.top + box.height / 2;
  return { over, isAfter, position: (slotOf(Number(over.dataset.slot))?.position ?? 0) + (isAfter ? 1 : 0) };
}
const column = document.querySelector(".rd-scroll");
column.addEventListener("dragover", (event) => {
  if (!dragged) return;
  event.preventDefault();
  const { over, isAfter } = dropPlace(event);
  for (const node of column.querySelectorAll(".drop-before, .drop-after")) node.classList.remove("drop-before", "drop-after");
  over?.classList.add(isAfter ? "drop-after" : "drop-before");
});
column.addEventListener("drop", (event) => {
  if (!dragged) return;
  event.preventDefault();
  const { position } = dropPlace(event);
  if (dragged.card) { add(dragged.card, { position }); return; }
  const from = slotOf(dragged.slot)?.position ?? 0;
  moveTo(dragged.slot, position > from ? position - 1 : position);
});

/* ---------- keys ---------- */

const focusedSlot = () => Number(document.activeElement?.closest?.("[data-slot]")?.dataset.slot) || null;
function step(by) {
  const items = [...$("slots").children];
  if (!items.length) return false;
  const at = items.findIndex((item) => Number(item.dataset.slot) === (focusedSlot() ?? chosen));
  items[Math.max(0, Math.min(items.length - 1, at < 0 ? 0 : at + by))].focus();
  return true;
}
const shift = (by) => { const id = focusedSlot(); if (!id) return false; moveTo(id, slotOf(id).position + by); return true; };
bind(["j", "ArrowDown"], { group: t("Move"), label: t("next item"), run: () => step(1) });
bind(["k", "ArrowUp"], { group: t("Move"), label: t("previous item"), run: () => step(-1) });
bind("Alt+ArrowUp", { group: t("Rundown"), label: t("move up"), run: () => shift(-1) });
bind("Alt+ArrowDown", { group: t("Rundown"), label: t("move down"), run: () => shift(1) });
bind(" ", { group: t("Rundown"), label: t("cue or pause in headphones"), run: () => { const id = focusedSlot() ?? chosen; if (!id) return false; cueSlot(id); return true; } });
bind("Delete", { group: t("Rundown"), label: t("take out of the rundown"), run: () => { const id = focusedSlot(); if (!id) return false; removeSlot(id); return true; } });
bind("Enter", { group: t("Rundown"), label: t("write cue text and note"), run: () => { if (!focusedSlot()) return false; $("intro").focus(); return true; } });

for (const id of ["intro", "slot-note"]) {
  $(id).addEventListener("blur", (event) => saveWords(event.target));
  $(id).addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); saveWords(event.target); }
    if (event.key === "Escape") { event.target.value = event.target.defaultValue; $("slots").querySelector(`[data-slot="${chosen}"]`)?.focus(); }
  });
}
$("edit").addEventListener("submit", (event) => event.preventDefault());

/* ---------- what others do ---------- */

for (const name of ["change", "time"]) player.addEventListener(name, () => {
  for (const item of $("slots").children) { const slot = slotOf(Number(item.dataset.slot)); if (slot) showPlaying(item, slot); }
  const slot = slotOf(chosen);
  if (slot && name === "change") showVet(slot);
});

const live = new Live(rundown.seq);
live.addEventListener("event", (event) => {
  const { kind, payload } = event.detail;
  if (kind === "rundown.changed") take(payload);
  else if (kind === "card.changed" && (payload.card.state === "shortlisted" || rundown.pool.some((item) => item.card_id === payload.card.id))) { clearTimeout(poolTimer); poolTimer = setTimeout(refresh, 400); }
});
live.addEventListener("reload", refresh);
live.addEventListener("state", () => { if (live.state === "live") refresh(); });

show();
live.start();
