/* A card as one line of the listening strip: what to press, the wave, its length, remarks and first words side by side.
   The frame, its head and its foot are the card's own; only what stands between them differs. */

import { altOf, blockedWords, cueButton, fileFacts, filmButton, filmSoundButton, isSafe, kindIcon, levelSign, listenableOrPicture, mainMedia, picture, pictureElement, plainFacts, progressBar, retryButton, unshown, waitWords, waveOf, whyFailed } from "./card.js";
import { coverAgain, coverText, grey, isCovered, isLookedAt } from "./covers.js";
import { button, el, icon } from "./dom.js";
import { isMoving, moves } from "./moving.js";
import { listenable, mediaUrl, soundOf } from "./player.js";
import { remarkLine, saidIn } from "./recording.js";
import { clockTimeExact, duration, t } from "./words.js";

const lead = (...parts) => el("span.line-lead", {}, ...parts);
const sign = (name, cls) => lead(icon(name, cls));
const length = (media) => el("span.line-length", {}, el("b", {}, media.duration_s ? duration(media.duration_s) : ""), levelSign(media));
const text = (words) => words && el("p", { dir: "auto" }, words);
/** From the wave to the words: for all that has no wave. */
const long = (...parts) => el("div.line-words.is-long", {}, ...parts);

/** What stands on the line of a card, in the order in which it is read. */
export function lineOf(card) {
  if (card.listener.is_blocked) return [sign("ban"), long(text(blockedWords()))];
  const media = mainMedia(card);
  if (!media) return plainLine(card);
  if (media.state === "failed") return failedLine(media);
  if (isCovered(media)) return coveredLine(card, media);
  if (media.kind === "voice" || media.kind === "audio") return soundLine(card, media);
  if (listenableOrPicture(media)) return pictureLine(card, media);
  return media.state === "ready" ? factLine(fileFacts(media), card.text) : waitingLine(media);
}

function plainLine(card) {
  const facts = plainFacts(card);
  return facts ? factLine(facts, card.text) : [sign(kindIcon(card)), long(text(card.text || unshown()))];
}

const factLine = ({ ic, title, more }, words) => [sign(ic), long(el("b", {}, title), text([more, words].filter(Boolean).join(" · ")))];

function failedLine(media) {
  const later = media.retry_at ? t("Next try at %(time)s", { time: clockTimeExact(media.retry_at) }) : "";
  return [sign("warn"), long(el("b.line-why", {}, whyFailed(media)), text([isSafe(media), later].filter(Boolean).join(" ")), retryButton(media))];
}

const waitingLine = (media) => [sign("loader", media.state === "waiting" ? "" : "spin"), el("span.line-wave", {}, progressBar(media)), length(media), el("div.line-words", {}, text(waitWords(media)))];

function soundLine(card, media) {
  if (!listenable(media)) return media.state === "ready" ? factLine(fileFacts(media), card.text) : waitingLine(media);
  const cue = cueButton(card);
  cue.classList.add("line-lead");
  const words = card.text || saidIn(media) || (media.state === "processing" ? t("Playable already, still being measured") : "");
  return [cue, waveOf(media, "span.card-wave.line-wave"), length(media), el("div.line-words", {}, remarkLine(media), text(words))];
}

function coveredLine(card, media) {
  const open = button("", { ic: "eye-off", cls: "sm icon-only", "data-act": "look", "data-look": media.id, tabindex: -1, "aria-label": t("Look at it"), title: `${t("Look at it")} (B)` });
  return [lead(open), long(el("b", {}, coverText(media)), text(card.text))];
}

function pictureLine(card, media) {
  const image = pictureElement(mediaUrl(media, isMoving(media) ? "animation" : picture(media)), { alt: altOf(card) }, media.kind === "sticker");
  const again = isLookedAt(media) && coverAgain(media);
  const words = [again, remarkLine(media), text(card.text || (media.kind === "document" ? media.file_name ?? t("File") : ""))];
  if (media.kind !== "video") return [thumb(media, image), long(...words)];
  const play = listenable(media) ? filmButton(".line-lead.line-thumb") : lead();
  play.classList.add("line-thumb");
  play.classList.toggle("is-grey", isLookedAt(media));
  play.prepend(image);
  return [play, el("span.line-wave.line-film", {}, soundOf(media) && filmSoundButton()), length(media), el("div.line-words", {}, ...words)];
}

/** A small picture; one that moves is a button that sets it going. */
function thumb(media, image) {
  if (!moves(media)) return el(`span.line-lead.line-thumb${grey(media)}`, {}, image);
  return el(`button.cue.line-lead.line-thumb${grey(media)}`, { type: "button", "data-act": "cue", tabindex: -1, "aria-pressed": String(isMoving(media)), "aria-label": isMoving(media) ? t("Stop the animation") : t("Play the animation") }, image);
}
