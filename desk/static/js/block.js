/* Blocking a sender: a bar asks why and for how long, with a digit for each; the pane says who blocked whom, and one press
   lifts it. What cards show while it holds comes from the server; here is also what one event means for all of them. */

import * as api from "./api.js";
import { ask, closeBar, openBar } from "./bar.js";
import { nameOf } from "./card.js";
import { button, el, errorText, icon } from "./dom.js";
import { note, remember, warn } from "./toast.js";
import { clockTime, dayAndTime, t } from "./words.js";

const REASONS = [["insults", t("Insults")], ["threats", t("Threats")], ["flood", t("Flood of messages")], ["advert", t("Advertising")], ["other", t("Something else")]];
const LENGTHS = [["hour", t("An hour")], ["day", t("A day")], ["ever", t("For ever")]];
const UNTIL = { hour: t("for an hour"), day: t("for a day"), ever: t("for ever") };
const AGAIN_MS = 1500;
const wordOf = (list, code) => list.find(([known]) => known === code)?.[1] ?? code;

/** Whether this person may block at all: the page says so. */
export const mayBlock = () => document.querySelector("[data-may-block]") !== null;
/** Taking back an act of one's own needs the right to judge; who only blocks lifts instead. */
const mayUndo = () => document.querySelector('[data-may-move="no"]') === null;

const choices = (list) => list.map(([, label], at) => ({ digit: at + 1, label }));

function open(card, choose) {
  openBar(t("Block %(name)s", { name: nameOf(card) }));
  ask("ban", t("Why block %(name)s?", { name: nameOf(card) }), choices(REASONS), (reason) => {
    ask("ban", t("For how long?"), choices(LENGTHS), (length) => { closeBar(); choose(LENGTHS[length - 1][0], REASONS[reason - 1][0]); });
  });
}

/** A press of the key or the button: asks and blocks, or lifts the block that holds. `done(answer)` gets what the server says;
    with `isKept` the page keeps the steps to take back itself. */
export function pressBlock(card, done, { isKept = false } = {}) {
  if (!card || !mayBlock()) return false;
  if (card.listener.is_blocked) lift(card, done, isKept);
  else open(card, (length, reason) => send("post", card, { length, reason }, t("%(name)s blocked %(length)s", { name: nameOf(card), length: UNTIL[length] }), done, isKept));
  return true;
}

function lift(card, done, isKept) {
  return send("remove", card, null, t("Block of %(name)s lifted", { name: nameOf(card) }), done, isKept);
}

async function send(how, card, body, words, done, isKept) {
  const path = `/api/v1/cards/${card.id}/block`;
  try {
    const answer = await (how === "post" ? api.post(path, body) : api.remove(path));
    done(answer);
    if (isKept || !mayUndo()) note(words, { ic: "ban" });
    else remember(answer.undo_id, words, (undone) => { if (undone?.card) done(undone); });
  } catch (error) {
    if (error.current?.listener) done({ card: error.current });
    warn(errorText(error));
  }
}

/** One event for all cards of a sender: what a card of theirs says from now on; null where nothing changed. When a block
    ends, what the cards hold comes with each of them. */
export function withSender(card, { listener_id, blocked_until }) {
  if (!blocked_until || card.listener.id !== listener_id || card.listener.is_blocked) return null;
  return { ...card, text: "", details: {}, media: [], reactions: [], twins: null, listener: { ...card.listener, is_blocked: true, blocked_until } };
}

/** Cards of a sender who is not blocked any more, and of which no event told: asked for one by one, those on screen. */
export function bringBack({ listener_id, blocked_until }, shown, change) {
  if (blocked_until) return;
  setTimeout(async () => {
    for (const card of shown()) {
      if (card?.listener.id !== listener_id || !card.listener.is_blocked) continue;
      try { change((await api.get(`/api/v1/cards/${card.id}`)).card); } catch { /* it shows with the next load */ }
    }
  }, AGAIN_MS);
}

/** What the history says of such an act, after the name of who did it. */
export const blockTold = (details) => [details?.length && UNTIL[details.length], details?.reason && wordOf(REASONS, details.reason)].filter(Boolean).join(" · ");

const isForEver = (moment) => moment.startsWith("9999");

/** The pane's place for it: the block that holds, with who, when, why and until when, or the button to set one. */
export function drawBlock(root, card, block) {
  const { listener } = card;
  root.hidden = !listener.is_blocked && !mayBlock();
  const signature = JSON.stringify([card.id, listener.blocked_until, block]);
  if (root.signature === signature) return;
  root.signature = signature;
  root.classList.toggle("is-on", listener.is_blocked);
  const press = (label, ic) => mayBlock() && button(label, { ic, cls: "sm", key: "Q", "data-pane": "block" });
  if (!listener.is_blocked) { root.replaceChildren(press(t("Block sender"), "ban") || ""); return; }
  const end = isForEver(listener.blocked_until) ? t("It holds until somebody lifts it.") : t("It ends by itself: %(time)s.", { time: dayAndTime(listener.blocked_until) });
  const who = block?.by ? t("%(name)s blocked this sender at %(time)s: %(reason)s.", { name: block.by.name, time: clockTime(block.at), reason: wordOf(REASONS, block.reason) }) : t("This sender is blocked.");
  root.replaceChildren(el("p", {}, icon("ban"), el("span", {}, el("b", {}, who), ` ${end} ${t("What comes is kept, files are not fetched, and the sender is told nothing.")}`)), press(t("Lift the block"), "undo") || "");
}
