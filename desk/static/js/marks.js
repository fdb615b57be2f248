/* Marks on a card beside its verdict: a rating of 1 to 5, the flag for the jury, the station's colour tags. How they stand on
   a card and in the pane, and the keys and presses that set them; the same again takes a mark off. */

import { ask, closeBar, openBar } from "./bar.js";
import { announce, button, el, errorText, icon } from "./dom.js";
import * as outbox from "./outbox.js";
import { note, remember, warn } from "./toast.js";
import { t } from "./words.js";

const RATINGS = [1, 2, 3, 4, 5];
const MOST_SHOWN = 3; // tags on a card; the others are a number
const page = document.querySelector("[data-tags]");
let tags = page ? JSON.parse(page.dataset.tags) : [];

/** Whether this person may set marks: the page gives the tags to those who judge. */
export const mayMark = () => page !== null;
const tagsOf = (card) => card.tags ?? [];
const has = (card, id) => tagsOf(card).some((one) => one.id === id);
const square = (tag) => el(`i.mark-tag.hue-${tag.hue % 24}`, { "aria-hidden": "true" }, tag.place ? String(tag.place) : "");

/* ---------- on a card ---------- */

/** The marks as words, for people who listen to the page; empty if there is none. */
export function marksText(card) {
  const names = tagsOf(card).map((tag) => tag.name).join(", ");
  return [card.is_for_jury && t("For the jury"), card.rating && t("Rated %(rating)s of 5", { rating: card.rating }), names].filter(Boolean).join(", ");
}

/** The marks as signs, for the foot of a card. */
export function marksOf(card) {
  const words = marksText(card);
  if (!words) return [];
  return [el("span.marks", { title: words }, card.is_for_jury && icon("trophy"), card.rating && el("span.mark-stars", { "aria-hidden": "true" }, icon("star-f"), String(card.rating)), ...tagsOf(card).slice(0, MOST_SHOWN).map(square), tagsOf(card).length > MOST_SHOWN && el("span.mark-more", { "aria-hidden": "true" }, `+${tagsOf(card).length - MOST_SHOWN}`), el("span.vh", {}, words))];
}

/* ---------- setting them ---------- */

async function send(card, path, body, shown, words, { done, isKept = false }) {
  done({ card: { ...card, ...shown } });
  try {
    const answer = await outbox.send(`/api/v1/cards/${card.id}/${path}`, body);
    done(answer);
    if (isKept) announce(words);
    else remember(answer.undo_id, words, (undone) => { if (undone?.card) done(undone); });
  } catch (error) {
    done({ card: error.current?.listener ? error.current : card, isRefused: true });
    warn(errorText(error));
  }
}

/** `how`: {done(answer), isKept}: done also shows the mark at once; with isKept the page has its own way back. */
export function rate(card, rating, how) {
  if (!card || !mayMark() || !RATINGS.includes(rating)) return false;
  const wanted = card.rating === rating ? null : rating;
  send(card, "rating", { rating: wanted }, { rating: wanted }, wanted ? t("Rated %(rating)s of 5", { rating }) : t("Rating taken off"), how);
  return true;
}

export function toggleJury(card, how) {
  if (!card || !mayMark()) return false;
  const isOn = !card.is_for_jury;
  send(card, "jury", { is_for_jury: isOn }, { is_for_jury: isOn }, isOn ? t("Laid before the jury") : t("Taken from the jury"), how);
  return true;
}

function toggleTag(card, tag, how) {
  const isOn = !has(card, tag.id);
  const shown = isOn ? [...tagsOf(card), tag] : tagsOf(card).filter((one) => one.id !== tag.id);
  send(card, "tags", { tag_id: tag.id, is_on: isOn }, { tags: shown }, isOn ? t("Tagged: %(name)s", { name: tag.name }) : t("Tag taken off: %(name)s", { name: tag.name }), how);
}

/** The bar with the station's tags; it stays until Esc, so that several can be set. `cardNow()` gives the card as it is. */
export function pressTags(cardNow, how) {
  const card = cardNow();
  if (!card || !mayMark()) return false;
  if (!tags.length) { note(t("This station has no colour tags yet. An administrator names them in the settings."), { ic: "tag" }); return true; }
  const show = (shown) => ask("tag", t("Colour tags"), tags.map((tag) => ({ digit: tag.place, label: tag.name, sign: square(tag), isOn: has(shown, tag.id) })), (digit) => {
    const now = cardNow();
    if (now?.id !== card.id) { closeBar(); return; }
    toggleTag(now, tags.find((tag) => tag.place === digit), how);
    show(cardNow());
  });
  openBar(t("Colour tags"));
  show(card);
  return true;
}

/** A press in the pane's or the run's box: "rate:4", "jury", "tag:12". */
export function pressMark(what, card, how) {
  const [kind, value] = what.split(":");
  if (kind === "rate") rate(card, Number(value), how);
  else if (kind === "jury") toggleJury(card, how);
  else if (kind === "tag") toggleTag(card, tags.find((tag) => tag.id === Number(value)) ?? tagsOf(card).find((tag) => tag.id === Number(value)), how);
}

/* ---------- in the pane and in the run ---------- */

export function drawMarks(root, card, { hasJury = true } = {}) {
  const signature = JSON.stringify([card.id, card.rating, card.is_for_jury, card.tags, tags]);
  if (root.signature === signature) return;
  root.signature = signature;
  if (!mayMark()) { root.hidden = !marksText(card); root.replaceChildren(...marksOf(card)); return; }
  const held = root.contains(document.activeElement) ? document.activeElement.dataset.mark : null;
  const star = (rating) => el(`button.iconbtn.sm.mark-star${rating <= (card.rating ?? 0) ? ".is-on" : ""}`, { type: "button", "data-mark": `rate:${rating}`, "aria-pressed": String(rating === card.rating), "aria-label": t("Rate %(rating)s of 5", { rating }), title: t("Rate %(rating)s of 5", { rating }) }, icon(rating <= (card.rating ?? 0) ? "star-f" : "star"));
  const used = [...tags, ...tagsOf(card).filter((tag) => !tags.some((one) => one.id === tag.id))];
  const tagButton = (tag) => {
    const one = button(tag.name, { cls: "sm mark-pick", "data-mark": `tag:${tag.id}`, "aria-pressed": String(has(card, tag.id)) });
    one.prepend(square(tag));
    return one;
  };
  root.replaceChildren(
    el("div.mark-row", {}, el("div.mark-stars-row", { role: "group", "aria-label": t("Rating") }, RATINGS.map(star)), hasJury && button(t("Jury"), { ic: "trophy", cls: "sm mark-pick", key: "F", "data-mark": "jury", "aria-pressed": String(Boolean(card.is_for_jury)) })),
    used.length ? el("div.mark-row", { role: "group", "aria-label": t("Colour tags") }, used.map(tagButton)) : "");
  if (held) root.querySelector(`[data-mark="${held}"]`)?.focus({ preventScroll: true });
}

/** What the history says of such an act, after its word. */
export function markTold(row) {
  const { rating, tag } = row.details ?? {};
  if (row.act === "rate") return rating ? t("%(rating)s of 5", { rating }) : t("taken off");
  if (row.act === "jury") return row.details?.is_for_jury ? "" : t("taken off");
  return tag ? (tags.find((one) => one.id === tag)?.name ?? "") : "";
}

/* ---------- names that change ---------- */

/** The station named its tags anew. */
export function learnTags(given) { tags = given; }

/** A card with its tags as they are called now; null where nothing changed. */
export function withTags(card) {
  if (!tagsOf(card).length) return null;
  const named = tagsOf(card).map((tag) => tags.find((one) => one.id === tag.id) ?? { ...tag, place: null });
  return JSON.stringify(named) === JSON.stringify(tagsOf(card)) ? null : { ...card, tags: named };
}
