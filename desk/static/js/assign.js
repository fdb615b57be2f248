/* Passing a card on: G asks to whom, a digit says it. A desk of the house or a colleague, who is told quietly; how it stands
   on a card and in the pane, which cards are for whom, and what one event means for the person it names. */

import * as api from "./api.js";
import { ask, closeBar, openBar } from "./bar.js";
import { avatar, button, el, errorText, icon } from "./dom.js";
import * as outbox from "./outbox.js";
import { note, remember, warn } from "./toast.js";
import { t } from "./words.js";

const ME = Number(document.querySelector('meta[name="me"]')?.content ?? 0);
const DESKS = { presenter: t("Presenter"), contest: t("Contest desk"), service: t("Audience service") };
const TO_DESK = { presenter: t("To the presenter"), contest: t("To the contest desk"), service: t("To audience service") };
const ICONS = { presenter: "mic", contest: "trophy", service: "inbox" };
const AT_ONCE = 4; // colleagues beside three desks, "more" and "nobody": nine digits
let team = [];

export const mayAssign = () => document.querySelector('[data-may-move="yes"]') !== null;
const first = (name) => (name ?? "").split(" ")[0];
const isTo = (card, { desk = null, to = null }) => (card.assigned?.desk ?? null) === desk && (card.assigned?.to?.id ?? null) === (to?.id ?? null);

/** Whether a card is for "me" or for one of the desks. */
export const isFor = (card, whom) => (whom === "me" ? card.assigned?.to?.id === ME : card.assigned?.desk === whom);

/** Who should see to a card, as words; empty if nobody in particular. */
export function assignedText(card) {
  if (!card.assigned) return "";
  if (card.assigned.desk) return t("For: %(name)s", { name: DESKS[card.assigned.desk] ?? card.assigned.desk });
  return card.assigned.to.id === ME ? t("For you") : t("For: %(name)s", { name: card.assigned.to.name });
}

const sign = ({ desk, to }) => (desk ? icon(ICONS[desk] ?? "users") : avatar(to, "xs"));

/** The same as a sign for the foot of a card. */
export function assignedOf(card) {
  const words = assignedText(card);
  return words ? [el("span.badge.for", { title: words }, icon("arrow-right"), sign(card.assigned), el("span.vh", {}, words))] : [];
}

/* ---------- passing on ---------- */

async function send(card, assigned, words, { done, describe }) {
  done({ card: { ...card, assigned: assigned.desk || assigned.to ? assigned : null } });
  try {
    const answer = await outbox.send(`/api/v1/cards/${card.id}/assign`, { desk: assigned.desk, person_id: assigned.to?.id ?? null });
    done(answer);
    remember(answer.undo_id, `${describe(card)}: ${words}`, (undone) => { if (undone?.card) done(undone); });
  } catch (error) {
    done({ card: error.current?.listener ? error.current : card });
    warn(errorText(error));
  }
}

function choicesOf(card, from) {
  const desks = Object.keys(DESKS).map((desk) => ({ label: TO_DESK[desk], sign: icon(ICONS[desk]), to: { desk, to: null } }));
  const others = team.slice(from, from + AT_ONCE).map((to) => ({ label: to.id === ME ? t("To me") : first(to.name), sign: avatar(to, "xs"), to: { desk: null, to } }));
  const more = team.length > AT_ONCE ? [{ label: t("More …"), sign: icon("users"), from: from + AT_ONCE < team.length ? from + AT_ONCE : 0 }] : [];
  const all = [...desks, ...others, ...more].map((one, at) => ({ ...one, digit: at + 1, isOn: one.to ? isTo(card, one.to) : undefined }));
  return card.assigned ? [...all, { digit: 9, label: t("To nobody"), sign: icon("undo"), to: { desk: null, to: null } }] : all;
}

function show(card, how, from) {
  const choices = choicesOf(card, from);
  ask("arrow-right", t("Pass on to"), choices, (digit) => {
    const chosen = choices.find((one) => one.digit === digit);
    if (!chosen.to) { show(card, how, chosen.from); return; }
    closeBar();
    const { desk, to } = chosen.to;
    const words = desk ? TO_DESK[desk] : to ? t("To %(name)s", { name: to.name }) : t("To nobody");
    if (!isTo(card, chosen.to)) send(card, chosen.to, words, how);
  });
}

/** The key or the button. `how`: {done(answer), describe(card)}. */
export function pressAssign(card, how) {
  if (!card || !mayAssign()) return false;
  openBar(t("Pass on to"));
  show(card, how, 0);
  api.get("/api/v1/team").then(({ people }) => {
    const me = people.filter((one) => one.id === ME);
    const known = JSON.stringify(team);
    team = [...people.filter((one) => one.id !== ME), ...me];
    if (JSON.stringify(team) !== known && document.querySelector(".askbar [data-digit]")) show(card, how, 0);
  }).catch(() => null); // without it the desks are there all the same
  return true;
}

/** The pane's line. */
export function drawAssigned(root, card) {
  const signature = JSON.stringify([card.id, card.assigned]);
  if (root.signature === signature) return;
  root.signature = signature;
  root.hidden = !mayAssign() && !card.assigned;
  root.classList.toggle("is-on", Boolean(card.assigned));
  const press = mayAssign() && button(card.assigned ? t("Pass on again") : t("Pass on"), { ic: "arrow-right", cls: "sm", key: "G", "data-pane": "assign" });
  root.replaceChildren(...(card.assigned ? [el("p", {}, sign(card.assigned), el("b", {}, assignedText(card)))] : []), press || "");
}

/** A colleague passed a card on to this person: said quietly, with a way to it. */
export function handed({ card_id, to_id, by }, { describe, open }) {
  if (to_id !== ME) return;
  const words = t("%(name)s passes on to you: %(what)s", { name: first(by?.name), what: describe(card_id) });
  note(words, { ic: "user", seconds: 12, action: open && button(t("Open"), { cls: "sm link", onclick: () => open(card_id) }) });
}
