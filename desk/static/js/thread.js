/* A conversation as people read it: bubbles by day, who wrote, how far an answer got. The side pane of the wall and the
   inbox both show it. Knows nothing of requests; what is pressed inside is the page's matter. */

import { kindName } from "./card.js";
import { now } from "./clock.js";
import { grey, isCovered, veiled } from "./covers.js";
import { button, el, icon } from "./dom.js";
import { drawWave, listenable, makeWave, mediaUrl, peaksOf } from "./player.js";
import { clockTime, day, duration, sameDay, t } from "./words.js";

const DELIVERY = { held: t("held"), waiting: t("waiting"), queued: t("waiting"), sending: t("being sent"), unsure: t("outcome unknown"), accepted: t("sent"), sent: t("sent"), delivered: t("delivered"), read: t("read"), played: t("read"), failed: t("not delivered"), cancelled: t("cancelled") };
const FAULTS = [
  ["conversations.window_closed", t("The reply window was closed.")], ["channels.window_closed", t("The reply window was closed.")],
  ["channels.refused.recipient_unreachable", t("This person cannot be reached there any more.")], ["channels.refused.recipient_blocked", t("This person is blocked with the provider.")],
  ["channels.refused.opted_out", t("This person wants no more messages.")], ["channels.refused", t("The provider did not accept this message.")],
  ["channels.broken", t("This channel cannot send at the moment. An administrator has to look at it.")], ["channels.throttled", t("The provider asks us to slow down. The message goes out a little later.")],
  ["channels.unreachable", t("The provider cannot be reached. The message goes out as soon as it can.")],
];
const KIND_ICONS = { voice: "mic", audio: "note", image: "image", video: "video", sticker: "sticker", location: "pin", contacts: "user", text: "text" };

/** A plain sentence for the code of an answer that did not get through. */
export const faultText = (code) => FAULTS.find(([start]) => code === start || code?.startsWith(`${start}.`))?.[1] ?? t("Not delivered");

export const lineOf = (message) => (message.is_aside ? t("With the lead") : message.is_revoked ? t("Taken back by the listener") : message.text || kindName({ kind: message.kind }));
export const iconOf = (message) => (message.is_aside ? "shield" : message.is_revoked ? "ban" : KIND_ICONS[message.kind] ?? "file");

function bodyOf(message, media, isRich) {
  if (message.is_aside) return [el("p.bubble-media", {}, icon("shield"), t("With the lead. Content stays hidden."))];
  if (message.is_revoked) return [el("p.bubble-media", {}, icon("ban"), t("Taken back by the listener"))];
  const words = message.text ? [el("p", { dir: "auto" }, message.text)] : [];
  if (isRich && media) return [...fileOf(media), ...words];
  if (words.length) return words;
  return [el("p.bubble-media", {}, icon(iconOf(message)), media?.duration_s ? duration(media.duration_s) : kindName({ kind: message.kind }))];
}

/** A file inside a bubble: a picture, or a sound and film behind a headphone button. */
function fileOf(media) {
  if (media.state === "failed") return [el("p.bubble-media", {}, icon("warn"), media.reason_text ? t(media.reason_text, media.reason_facts) : t("Converting failed"))];
  if (isCovered(media)) return [veiled(media, "div.bubble-veil")];
  if (listenable(media)) {
    const wave = makeWave();
    drawWave(wave, peaksOf(media.peaks), 0);
    const cue = el("button.cue", { type: "button", "data-cue": media.id, "aria-label": t("Play in headphones, %(length)s", { length: duration(media.duration_s) }) }, icon(media.kind === "video" ? "play" : "headphones"));
    return [el("div.bubble-sound", { "data-sound": media.id }, cue, media.peaks ? el("span.bubble-wave", {}, wave) : icon(KIND_ICONS[media.kind] ?? "file"), el("span.num", { "data-length": "" }, duration(media.duration_s)))];
  }
  const picture = ["card", "still", "poster", "thumb"].find((name) => media.profiles?.[name] && !media.profiles[name].mime?.startsWith("video/"));
  if (picture) return [el(`img.bubble-picture${grey(media)}`, { src: mediaUrl(media, picture), alt: t("Picture in the conversation"), loading: "lazy", decoding: "async", width: media.width_px, height: media.height_px })];
  return [el("p.bubble-media", {}, icon(KIND_ICONS[media.kind] ?? "file"), media.state === "ready" ? media.file_name || kindName(media) : t("Being fetched and converted"))];
}

function bubble(message, media, isRich) {
  const isOut = message.direction === "out";
  const who = isOut ? message.by?.name?.split(" ")[0] ?? t("Auto reply") : "";
  const how = isOut ? DELIVERY[message.delivery_state] ?? "" : message.is_edited ? t("edited") : "";
  const classes = ["msg", isOut ? "out" : "in", isOut && !message.by && "auto", message.delivery_state === "failed" && "is-failed", message.delivery_state === "cancelled" && "is-cancelled"].filter(Boolean);
  const out = el(`div.${classes.join(".")}`, { "data-message": message.id }, ...bodyOf(message, media, isRich), el("time", { datetime: message.at }, [who, clockTime(message.at), how].filter(Boolean).join(" · ")));
  if (message.reactions?.length) out.append(el("span.emo", {}, message.reactions.map((one) => one.emoji).join(" ")));
  if (message.delivery_state === "failed") out.append(el("p.msg-fault", {}, icon("warn"), faultText(message.delivery_error)));
  if (message.held_until && new Date(message.held_until) > now()) out.append(button(t("Cancel"), { ic: "undo", cls: "sm link", "data-cancel": message.id }));
  return out;
}

/** Brings `box` up to date with these messages (oldest first); null while they are not known. `isRich` shows files. */
export function drawThread(box, messages, { media = [], isRich = false } = {}) {
  if (!messages) { box.replaceChildren(el("p.day", {}, el("span", {}, t("Conversation")))); box.signature = null; return false; }
  const signature = JSON.stringify([messages, isRich && media, media.map(isCovered)]);
  if (box.signature === signature) return false;
  box.signature = signature;
  const out = [];
  let last = null;
  for (const message of messages) {
    if (!last || !sameDay(last, message.at)) out.push(el("p.day", {}, el("span", {}, sameDay(message.at, now()) ? t("Today") : day(message.at))));
    last = message.at;
    out.push(bubble(message, media.find((one) => message.media_ids?.includes(one.id)), isRich));
  }
  box.replaceChildren(...out);
  return true;
}
