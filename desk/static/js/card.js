/* One message card: the frame is cloned from the page's template, the body is built for its kind.
   Knows how a card looks and reads, nothing of filters, requests or keys. */

import { blurred } from "./blurhash.js";
import { now } from "./clock.js";
import { areCopies, copiesTitle } from "./copies.js";
import { coverAgain, coverText, grey, isCovered, isLookedAt, veiled } from "./covers.js";
import { avatar, badge, button, el, icon, state } from "./dom.js";
import { assignedOf, assignedText } from "./assign.js";
import { marksOf, marksText } from "./marks.js";
import { isMoving, moves } from "./moving.js";
import { drawWave, listenable, makeWave, mediaUrl, peaksOf, player, soundOf } from "./player.js";
import { remarkLine, saidIn } from "./recording.js";
import { hasScrub, makeScrub } from "./scrub.js";
import { clockTime, clockTimeExact, dayAndTime, duration, number, sameDay, t, tenths, tn } from "./words.js";

const frame = document.getElementById("card-frame");
const TARGET_LUFS = Number(document.querySelector("[data-target-lufs]")?.dataset.targetLufs ?? -23);
/** Further from the target than this a voice is worth a word; every phone is a little off. */
const TOLERANCE_LU = 3;
const ME = Number(document.querySelector('meta[name="me"]')?.content ?? 0);

const KINDS = {
  voice: ["mic", t("Voice note")], audio: ["note", t("Audio")], image: ["image", t("Photo")], video: ["video", t("Video")],
  text: ["text", t("Text")], sticker: ["sticker", t("Sticker")], location: ["pin", t("Place")], contacts: ["user", t("Contact")],
  document: ["file", t("File")], button: ["reply", t("Answer")], interactive: ["reply", t("Answer")], order: ["tag", t("Order")], sung: ["note", t("Sung greeting")],
};
export const kindIcon = (card) => (isSung(card) ? "note" : KINDS[card.kind]?.[0] ?? "info");
export const kindName = (card) => (isSung(card) ? t("Sung greeting") : KINDS[card.kind]?.[1] ?? t("Unknown message"));
/** A voice for a campaign of songs is a sung greeting: the type follows what was called for. */
export const isSung = (card) => card.kind === "voice" && card.campaign?.icon === "note";

export const nameOf = (card) => card.listener.first_name || card.listener.alias || t("Unnamed");
/** "Photo from Bernd": a card in a sentence. */
export const describe = (card) => t("%(kind)s from %(name)s", { kind: kindName(card), name: nameOf(card) });
/** "3 more copies" counts the others, not the card itself. */
export const similar = (twins) => tn("%(num)s more copy", "%(num)s more copies", twins.count - 1);
export const twinsTitle = (twins) => [similar(twins), t(twins.reason), twins.is_best ? t("This is the best one") : ""].filter(Boolean).join(" · ");

/** "3×" counts all of them: short for the eye, the whole sentence for the ear and under the mouse. */
const twinsBadge = (twins) => el("span.badge.b-dup", { title: twinsTitle(twins) }, icon("layers"), el("span", { "aria-hidden": "true" }, `${number(twins.count)}×`), el("span.vh", {}, twinsTitle(twins)));

/** "4 more" of a listener's flood that stands as one card, or "4×" for copies by several listeners. */
export const moreTitle = (card) => areCopies(card) ? [copiesTitle(card), card.twins && t(card.twins.reason)].filter(Boolean).join(" · ") : tn("%(num)s more of the same listener", "%(num)s more of the same listener", card.more);
const moreBadge = (card) => el("button.badge.b-more", { type: "button", "data-act": "more", tabindex: -1, title: `${moreTitle(card)} (O)` }, icon("layers"), ...moreSigns(card), el("span.vh", {}, moreTitle(card)));
const shortly = (words) => el("span", { "aria-hidden": "true" }, words);
const moreSigns = (card) => (areCopies(card) ? [shortly(`${number(card.more + 1)}×`), el("span.b-of", { "aria-hidden": "true" }, icon("users"), number(card.copies.listeners))] : [shortly(`+${number(card.more)}`)]);

export const mainMedia = (card) => card.media?.[0] ?? null;
export const isClaimed = (card) => Boolean(card.claim && new Date(card.claim.until) > now());
export const isMine = (card) => isClaimed(card) && card.claim.by.id === ME;
export const isTheirs = (card) => isClaimed(card) && card.claim.by.id !== ME;

export function historyOf(listener) {
  if (listener.is_blocked) return t("blocked");
  if (listener.is_first) return t("First time");
  return t("Message %(count)s", { count: number(listener.message_count ?? 1) });
}

/** {label, kind} of the state as people say it; claimed is the lease beside the state. */
export function stateOf(card) {
  const by = card.state_by?.name?.split(" ")[0] ?? "";
  const media = mainMedia(card);
  if (card.listener.is_blocked) return { kind: "blocked", label: t("Blocked") };
  switch (card.state) {
    case "shortlisted": return { kind: "short", label: card.slots?.length ? t("Shortlisted · slot %(position)s", { position: card.slots[0].position }) : t("Shortlisted") };
    case "planned": return { kind: "planned", label: card.slots?.length ? t("Planned · slot %(position)s", { position: card.slots[0].position }) : t("Planned") };
    case "in_studio": return { kind: "studio", label: t("In studio") };
    case "on_air": return { kind: "live", label: t("On air") };
    case "aired": return { kind: "aired", label: t("Aired %(time)s", { time: card.state_at ? clockTime(card.state_at) : "" }) };
    case "mood": return { kind: "mood", label: t("Only counted") };
    case "rejected": return { kind: "rejected", label: card.reject_reason ? t("Rejected · %(reason)s", { reason: reasonText(card.reject_reason) }) : t("Rejected") };
    default:
  }
  if (isMine(card)) return { kind: "mine", label: t("Yours") };
  if (isTheirs(card)) return { kind: "claimed", label: t("%(name)s on it", { name: card.claim.by.name.split(" ")[0] }), by: card.claim.by };
  if (media?.state === "failed") return { kind: "failed", label: t("Failed") };
  if (media?.state === "fetching" || media?.state === "processing") return { kind: "processing", label: media.progress ? t("Processing %(share)s %%", { share: media.progress }) : t("Processing") };
  if (media?.state === "waiting") return { kind: "processing", label: t("Waiting") };
  return { kind: "new", label: card.is_late ? t("New · late") : t("New"), by };
}

export const REASONS = [["unclear", t("unclear")], ["double", t("double")], ["off_topic", t("off topic")], ["offensive", t("offensive")], ["private", t("too private")], ["advert", t("advertising")]];
export const reasonText = (code) => REASONS.find(([known]) => known === code)?.[1] ?? code;

/** {text, isOff, direction} for the loudness of a medium. */
export function loudnessOf(media) {
  if (media?.loudness_lufs === null || media?.loudness_lufs === undefined) return null;
  const off_lu = media.loudness_lufs - TARGET_LUFS;
  return { text: tenths(media.loudness_lufs), off_lu, target: TARGET_LUFS, isOff: Math.abs(off_lu) > TOLERANCE_LU, word: off_lu > 0 ? t("loud") : t("quiet"), ic: off_lu > 0 ? "arrow-up" : "arrow-down" };
}

const CLASSES = { new: "is-new", mine: "is-mine", claimed: "is-claimed", short: "is-short", planned: "is-short", studio: "is-studio", live: "is-live", aired: "is-aired", rejected: "is-rejected", blocked: "is-blocked", failed: "is-failed", processing: "is-processing" };

export function makeCard() {
  return frame.content.firstElementChild.cloneNode(true);
}

/** An element that held another card forgets what was wide open for that one's focus. */
function take(element, id) {
  if (element.dataset.id === String(id)) return;
  element.dataset.id = id;
  for (const control of element.querySelectorAll('[data-act][tabindex="0"]')) control.tabIndex = -1;
}

/** Brings an element up to date with a card. `view`: {isFocus, isSelected, isGhost, isPending, isHeld, conflict, total}, and for
    another shape than cards `shape` with the `body` that builds what stands in it. */
export function fillCard(element, card, view) {
  const said = stateOf(card);
  const part = (name) => element.querySelector(`[data-part="${name}"]`);
  take(element, card.id);
  element.className = ["card", `card-${isSung(card) ? "sung" : card.kind}`, CLASSES[said.kind], view.isFocus && "is-focus", view.isSelected && "is-selected", view.isGhost && "is-ghost", view.conflict && "conflict is-claimed"].filter(Boolean).join(" ");
  element.tabIndex = view.isFocus ? 0 : -1;
  element.setAttribute("aria-setsize", view.total ?? -1);
  element.setAttribute("aria-label", labelOf(card, said));
  element.toggleAttribute("aria-busy", Boolean(view.isPending));
  const signature = JSON.stringify([card, view.shape, view.conflict ?? null, view.isPending, view.isHeld, said, ...(card.media ?? []).map((media) => [isCovered(media), isMoving(media)])]);
  element.classList.toggle("has-picture", !view.conflict && element.hasPicture === true);
  if (element.signature === signature) return;
  element.signature = signature;
  const bodySignature = JSON.stringify([card.kind, view.shape, card.text, card.media, card.album, card.details, card.listener.is_blocked, isSung(card), view.conflict ?? null, ...(card.media ?? []).map((media) => [isCovered(media), isMoving(media)])]);
  const active = element.contains(document.activeElement) && document.activeElement !== element ? document.activeElement.dataset.act : null;
  fillHead(part, card);
  if (element.bodySignature !== bodySignature) {
    element.bodySignature = bodySignature;
    part("body").replaceChildren();  // its picture is free to be used again
    part("body").replaceChildren(...(view.conflict ? conflictBody(view.conflict) : (view.body ?? bodyOf)(card)));
    element.hasPicture = part("body").firstElementChild?.classList.contains("media") ?? false;
    element.classList.toggle("has-picture", element.hasPicture);
  }
  fillFoot(part, card, said, view);
  if (active) (element.querySelector(`[data-act="${active}"]`) ?? element).focus({ preventScroll: true });
  showPlaying(element, card);
}

/** The place of a card that is on its way back: same frame, same size, nothing in it yet. */
export function emptyCard(element, id, view) {
  const part = (name) => element.querySelector(`[data-part="${name}"]`);
  take(element, id);
  element.className = ["card is-loading", view.isFocus && "is-focus", view.isSelected && "is-selected"].filter(Boolean).join(" ");
  element.tabIndex = view.isFocus ? 0 : -1;
  element.setAttribute("aria-setsize", view.total ?? -1);
  element.setAttribute("aria-label", t("Is being loaded"));
  element.setAttribute("aria-busy", "true");
  element.signature = element.bodySignature = null;
  part("avatar").className = "avatar";
  part("body").replaceChildren(el("span.sk-l"), el("span.sk-l.s"));
  delete part("kind").dataset.sign;
  for (const name of ["avatar", "name", "place", "history", "time", "kind", "state", "badges"]) part(name).replaceChildren();
}

function labelOf(card, said) {
  const loudness = loudnessOf(mainMedia(card));
  const words = card.listener.is_blocked ? "" : card.text?.slice(0, 80);
  return [kindName(card), nameOf(card), card.listener.place, clockTime(card.placed_at), said.label, card.more > 0 && !card.listener.is_blocked && moreTitle(card), assignedText(card), marksText(card), loudness?.isOff && loudness.word, isCovered(mainMedia(card)) && `${t("Covered")}: ${coverText(mainMedia(card))}`, words].filter(Boolean).join(", ");
}

function fillHead(part, card) {
  const { listener } = card;
  part("avatar").className = `avatar hue-${(listener.hue ?? 0) % 24}`;
  part("avatar").textContent = listener.initial ?? nameOf(card)[0];
  part("name").textContent = nameOf(card);
  part("place").textContent = listener.place ?? "";
  part("place").hidden = part("dot").hidden = !listener.place;
  const history = part("history");
  history.className = listener.is_blocked ? "blockd" : listener.is_first ? "first" : "";
  history.textContent = historyOf(listener);
  part("time").textContent = sameDay(card.placed_at, now()) ? clockTime(card.placed_at) : dayAndTime(card.placed_at);
  part("time").dateTime = card.placed_at;
  part("time").title = card.sent_at ? t("Sent %(time)s", { time: clockTimeExact(card.sent_at) }) : "";
  const sign = kindIcon(card);
  if (part("kind").dataset.sign !== sign) {
    part("kind").dataset.sign = sign;
    part("kind").replaceChildren(icon(sign));
  }
}

/** The word stays on hand where a shape has room for the sign alone. */
const consentBadge = (label, cls) => badge(label, "shield-x", cls, label);

function fillFoot(part, card, said, view) {
  const sign = said.by?.initials ? avatar(said.by, "xs") : null;
  part("state").title = view.body ? said.label : "";
  part("state").replaceChildren(state(said.kind, said.label, sign), ...(view.isHeld ? [el("span.state-held", { title: t("Goes out when the line is back") }, icon("clock"), el("span", {}, t("waits")))] : view.isPending ? [el("span.pending", { title: t("Waiting for the server") }, icon("loader", "spin"))] : []));
  const badges = [];
  if (card.is_frequently_forwarded || card.is_forwarded) badges.push(badge("", "swap", "b-ok", card.is_frequently_forwarded ? t("Forwarded many times") : t("Forwarded")));
  if (card.twins && !areCopies(card) && !card.listener.is_blocked) badges.push(twinsBadge(card.twins));
  const more = card.more && !card.listener.is_blocked ? [moreBadge(card)] : [];
  if (card.is_vetted) badges.push(badge("", "check", "b-okt", t("Cleared for air")));
  if (card.consent === "given") badges.push(badge("", "shield-check", "b-ok", t("Consent on file")));
  else if (card.consent === "refused" || card.consent === "withdrawn") badges.push(consentBadge(card.consent === "refused" ? t("Consent refused") : t("Consent withdrawn"), "b-warn"));
  else if (said.kind !== "rejected" && said.kind !== "blocked" && card.kind !== "text") badges.push(consentBadge(card.consent === "asked" ? t("Consent asked") : t("No consent"), card.consent === "asked" ? "" : "b-warn"));
  if (card.campaign) badges.push(badge(card.consent === "given" ? card.campaign.name : "", card.campaign.icon || "campaign", "b-camp", card.consent === "given" ? "" : card.campaign.name));
  if (card.is_test) badges.unshift(badge(t("Test"), "", "solid"));
  const marks = [...assignedOf(card), ...marksOf(card)];
  part("badges").replaceChildren(...marks, ...more, ...badges.slice((marks.length ? -2 : -3) + more.length));
}

/* ---------- bodies ---------- */

export function bodyOf(card) {
  if (card.listener.is_blocked) return [el("p.ghosted", {}, icon("ban"), blockedWords())];
  const media = mainMedia(card);
  if (!media) return plainBody(card);
  if (media.state === "failed") return failedBody(media);
  if (isCovered(media)) return coveredBody(card, media);
  if (media.kind === "voice" || media.kind === "audio") return audioBody(card, media);
  if (listenableOrPicture(media)) return pictureBody(card, media);
  if (media.state !== "ready") return waitingBody(media);
  return fileBody(card, media);
}

export const picture = (media) => ["card", "still", "poster", "thumb", "large", "animation"].find((name) => media.profiles?.[name] && !media.profiles[name].mime?.startsWith("video/"));
export const listenableOrPicture = (media) => (media.kind === "image" || media.kind === "sticker" || media.kind === "video" || media.kind === "document") && picture(media);

/** What a file is waiting for, and until when. */
export function waitWords(media) {
  const words = { waiting: t("Waiting to be fetched"), fetching: t("Being fetched from the provider"), processing: t("Converting and measuring") }[media.state] ?? t("Waiting");
  const later = media.retry_at ? t("Next try at %(time)s", { time: clockTimeExact(media.retry_at) }) : "";
  return [words, later].filter(Boolean).join(" · ");
}

export const progressBar = (media) => (media.progress ? el("progress.bar", { value: media.progress, max: 100, "aria-label": t("Converting") }) : el("span.bar.bar-idle"));

function waitingBody(media) {
  return [el("div.audio", {}, el("span.cue.is-off", { "aria-hidden": "true" }, icon("loader", media.state === "waiting" ? "" : "spin")), progressBar(media), el("span.dur", {}, media.duration_s ? duration(media.duration_s) : "")),
    el("p.hint", {}, waitWords(media))];
}

/** The server names a reason in English; the catalogue knows the sentence. */
export const whyFailed = (media) => (media.reason_text ? t(media.reason_text, media.reason_facts) : t("Converting failed"));

export const isSafe = (media) => (media.profiles?.original ? t("The original is safe.") : t("The file could not be fetched."));
export const retryButton = (media) => media.may_retry && button(t("Try again"), { ic: "refresh", cls: "sm", "data-act": "retry", tabindex: -1 });

function failedBody(media) {
  return [el("div.fail", {}, el("p", {}, icon("warn"), el("span", {}, el("b", {}, whyFailed(media)), isSafe(media), media.retry_at ? ` ${t("Next try at %(time)s", { time: clockTimeExact(media.retry_at) })}` : "")),
    retryButton(media))];
}

/** The loudness as it came; an arrow, a word and a colour where that is far from the station's. */
export function levelSign(media) {
  const loudness = loudnessOf(media);
  return loudness && el(`em.lufs${loudness.isOff ? ".off" : ""}`, { title: t("Target %(target)s LUFS", { target: tenths(loudness.target) }) }, loudness.isOff && icon(loudness.ic), loudness.isOff && el("span", {}, `${loudness.word}\u00a0`), loudness.text);
}

export const cueButton = (card) => el("button.cue", { type: "button", "data-act": "cue", tabindex: -1, "aria-label": t("Cue %(name)s to headphones", { name: nameOf(card) }) }, icon("headphones"));

/** The waveform of a card, with nothing played yet. */
export function waveOf(media, shape = "span.card-wave") {
  const wave = makeWave();
  drawWave(wave, peaksOf(media.peaks), 0);
  return el(shape, { "data-act": "seek" }, wave);
}

function audioBody(card, media) {
  if (!listenable(media)) return media.state === "ready" ? fileBody(card, media) : waitingBody(media);
  return [el("div.audio", {}, cueButton(card), waveOf(media), el("span.dur", {}, duration(media.duration_s), levelSign(media))), card.text || saidIn(media) ? el("p.tr", { dir: "auto" }, card.text || saidIn(media)) : media.state === "processing" ? el("p.hint", {}, t("Playable already, still being measured")) : remarkLine(media)];
}

const KEPT_PICTURES = 300;
const pictures = new Map();

/** Pictures already fetched are kept as elements: they are not cached by the browser, and scrolling back must not ask again. */
export function pictureElement(url, attributes, isSticker) {
  const kept = pictures.get(url);
  pictures.delete(url);
  const image = kept && !kept.isConnected && kept.naturalWidth ? kept : el(isSticker ? "img.stk" : "img", { src: url, loading: "lazy", decoding: "async" });
  for (const [name, value] of Object.entries(attributes)) image.setAttribute(name, value);
  pictures.set(url, image);
  if (pictures.size > KEPT_PICTURES) pictures.delete(pictures.keys().next().value);
  return image;
}

/** Nothing of a covered file is loaded or played; the words that came with it are there. */
function coveredBody(card, media) {
  const box = veiled(media);
  if (card.text) box.append(el("p.cap", { dir: "auto" }, card.text));
  return [box];
}

export const altOf = (card) => (card.text ? "" : t("%(kind)s from %(name)s", { kind: kindName(card), name: nameOf(card) }));
export const filmButton = (cls = "") => el(`button.cue${cls}`, { type: "button", "data-act": "open-film", tabindex: -1, "aria-label": t("Play video, sound to headphones") }, icon("play"));
export const filmSoundButton = () => el("button.cue.film-sound", { type: "button", "data-act": "film-sound", tabindex: -1, "aria-label": t("Sound of the film alone (V)"), title: t("Sound of the film alone (V)") }, icon("headphones"));

/** Pictures sent together, side by side; the pane has all of them. */
const albumBox = (images, again, card) => el(`div.media.album.album-${images.length}`, {}, images, again, card.text && el("p.cap", { dir: "auto" }, card.text));

function pictureBody(card, media) {
  const alt = altOf(card);
  const isSticker = media.kind === "sticker";
  const image = pictureElement(mediaUrl(media, isMoving(media) ? "animation" : picture(media)), isSticker ? { alt, width: 92, height: 92 } : { alt }, isSticker);
  const motion = moves(media) && el("button.cue.on-moving", { type: "button", "data-act": "cue", tabindex: -1, "aria-pressed": String(isMoving(media)), "aria-label": isMoving(media) ? t("Stop the animation") : t("Play the animation") }, icon(isMoving(media) ? "pause" : "play"));
  const again = isLookedAt(media) && coverAgain(media);
  const album = media.cover ? [] : (card.album ?? []).filter((one) => !one.cover && picture(one));
  if (album.length) return [albumBox([image, ...album.map((one) => pictureElement(mediaUrl(one, picture(one)), { alt: "" }, false))], again, card)];
  if (isSticker) return [el(`div.stkbox${grey(media)}`, {}, image, motion, again)];
  const film = media.kind === "video" && [listenable(media) && filmButton(".on-media"), soundOf(media) && filmSoundButton(), media.duration_s && el("span.vdur", {}, duration(media.duration_s))];
  return [el(`div.media${grey(media)}`, {}, blurred(media.blurhash), image, motion, hasScrub(media) && makeScrub(media), again, film, media.state === "ready" && remarkLine(media), media.kind === "document" && el("span.vdur", {}, media.file_name ?? t("File")), card.text && el("p.cap", { dir: "auto" }, card.text))];
}

/** {ic, title, more}: what stands for a file that is neither sound nor picture. */
export function fileFacts(media) {
  const size = media.profiles?.original?.bytes;
  return { ic: "file", title: media.file_name || t("File"), more: size ? t("%(size)s kB", { size: number(Math.max(1, Math.round(size / 1000))) }) : "" };
}

const factCard = ({ ic, title, more }) => el("p.filecard", {}, icon(ic), el("span", {}, el("b", {}, title), more));

function fileBody(card, media) {
  return [factCard(fileFacts(media)), card.text ? el("p.tr", { dir: "auto" }, card.text) : ""];
}

/** {ic, title, more} of a place or a contact; null for everything that is told by its text. */
export function plainFacts(card) {
  const { details = {} } = card;
  if (card.kind === "location") {
    const place = details.location ?? details;
    const spot = place.latitude !== undefined ? `${Number(place.latitude).toFixed(4)}, ${Number(place.longitude).toFixed(4)}` : "";
    return { ic: "pin", title: place.name || t("A place on the map"), more: [place.address, spot].filter(Boolean).join(" · ") };
  }
  if (card.kind !== "contacts") return null;
  const names = (details.contacts ?? []).map((one) => one.name).filter(Boolean).join(", ");
  return { ic: "user", title: names || t("A contact"), more: t("Contact card. Numbers stay hidden.") };
}

export const unshown = () => t("This kind of message cannot be shown. It is kept as it came.");
export const blockedWords = () => t("Message from a blocked sender. Content stays hidden.");

function plainBody(card) {
  const facts = plainFacts(card);
  if (facts) return [factCard(facts)];
  if (card.text) return [el("p.txt", { dir: "auto" }, card.text)];
  return [el("p.ghosted", {}, icon("info"), unshown())];
}

function conflictBody(conflict) {
  return [el("p.confl", {}, icon("swap"), el("span", {}, el("b", {}, conflict.title), conflict.text)), el("div.confl-a", {}, button(t("Understood"), { ic: "check", cls: "sm", "data-act": "understood" }))];
}

/** Shows on a card whether it is the one in the headphones; filled means it sounds. */
export function showPlaying(element, card) {
  const media = mainMedia(card);
  const cue = element.querySelector('[data-act="cue"], [data-act="film-sound"]');
  if (!cue || !media) return;
  const isOn = player.isOn(card.id, media.id) && (media.kind !== "video" || player.isSoundOnly);
  const sounds = isOn && player.isPlaying;
  if (cue.classList.contains("is-on") !== sounds) {
    cue.classList.toggle("is-on", sounds);
    cue.replaceChildren(icon(sounds ? "pause" : "headphones"));
  }
  const wave = element.querySelector(".wave");
  if (wave?.bars) drawWave(wave, wave.bars, isOn && player.duration_s ? player.position_s / player.duration_s : 0);
}
