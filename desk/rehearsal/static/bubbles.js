// One message as a list item: text, picture, voice, file, buttons, quote, ticks. No state of its own.

import { voicePlayer } from "./voice.js";

const QUICK = ["❤️", "👍", "😂", "🎉", "🙏"];
const SVG = "http://www.w3.org/2000/svg";
const base = new URL("icons.svg", import.meta.url).pathname;

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg"), use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${base}#${name}`);
  svg.append(use);
  return svg;
}

function el(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

function button(className, label, ...children) {
  const node = el("button", className, ...children);
  node.type = "button";
  if (label) node.setAttribute("aria-label", label);
  return node;
}

// ctx: t, lang, isFirst, reaction, station, quoted, reply(), react(emoji), tap(button), shareNumber()
export function bubbleFor(message, ctx) {
  const row = el("li", `row ${message.mine ? "mine" : "theirs"}${ctx.isFirst ? " first" : ""}${ctx.reaction ? " has-reaction" : ""}`);
  const bubble = el("div", message.type === "sticker" ? "bubble bare" : "bubble");
  bubble.append(el("span", "sr", message.mine ? ctx.t("You") : ctx.station));
  if (ctx.quoted) bubble.append(quoteOf(ctx.quoted, ctx));
  bubble.append(...contentOf(message, ctx), metaOf(message, ctx));
  if (ctx.reaction) {
    bubble.append(el("span", "reaction", el("span", "sr", ctx.t("reacted with")), ctx.reaction));
  }
  row.append(bubble, actsOf(message, ctx));
  return row;
}

function contentOf(message, ctx) {
  const make = KINDS[message.type];
  if (message.failed && message.body?.type === "media_placeholder") return [el("p", "words", ctx.t("File too large for the messenger"))];
  return make ? make(message, ctx) : [el("p", "words", ctx.t("Message type not shown here"))];
}

const file = (message) => `/phone/media/${message.body.id}`;
const isOwnFile = (message) => /^\d+$/.test(message.body?.id ?? "");

const KINDS = {
  text: (message) => [words(message.body.body)],
  template: (message) => [words(message.body.shown_text ?? message.body.name)],
  image: (message, ctx) => isOwnFile(message) ? [picture(message, ctx), ...caption(message)] : [fileLink(message, ctx.t("Photo"))],
  video: (message, ctx) => isOwnFile(message) ? [film(message, ctx), ...caption(message)] : [fileLink(message, ctx.t("Video"))],
  sticker: (message, ctx) => [sticker(message, ctx)],
  audio: (message, ctx) => isOwnFile(message) ? [voicePlayer(file(message), message, ctx)] : [fileLink(message, ctx.t("Audio file"))],
  document: (message, ctx) => [fileLink(message, message.body.filename ?? ctx.t("Document")), ...caption(message)],
  contacts: (message, ctx) => [words(`${ctx.t("Contact")}: ${message.body.map((card) => card.name?.formatted_name).join(", ")}`)],
  location: (message, ctx) => [words(message.body.name ?? ctx.t("Location"))],
  interactive: (message, ctx) => interactive(message, ctx),
};

function words(text) {
  const isBig = /^(\p{Extended_Pictographic}|\uFE0F|\u200D|\p{Emoji_Modifier}){1,9}$/u.test(text) && [...text].length <= 8;
  return el("p", isBig ? "words big" : "words", text);
}

const caption = (message) => message.body.caption ? [words(message.body.caption)] : [];

function picture(message, ctx) {
  const image = el("img");
  image.src = file(message);
  image.loading = "lazy";
  image.alt = message.body.caption || ctx.t("Photo");
  return el("span", "picture", image);
}

function film(message, ctx) {
  const video = el("video");
  video.src = file(message);
  video.controls = true;
  video.preload = "metadata";
  video.setAttribute("aria-label", message.body.caption || ctx.t("Video"));
  return el("span", "picture", video);
}

function sticker(message, ctx) {
  const image = el("img", "sticker");
  image.src = file(message);
  image.alt = ctx.t("Sticker");
  return image;
}

function fileLink(message, name) {
  const link = el("a", "file", icon("file"), el("span", "", name));
  link.href = isOwnFile(message) ? file(message) : message.body.link ?? "#";
  link.rel = "noopener";
  return link;
}

function interactive(message, ctx) {
  const { body } = message;
  if (body.type === "button_reply" || body.type === "list_reply") return [words(body[body.type].title)];
  const parts = [words(body.body?.text ?? "")];
  if (message.mine) return parts;
  const rows = (body.action?.sections ?? []).flatMap((section) => section.rows ?? []);
  const choices = [...(body.action?.buttons ?? []).map((one) => one.reply), ...rows.map((one) => ({ ...one, isRow: true }))];
  for (const choice of choices) {
    const tap = button("choice", "", choice.title);
    tap.addEventListener("click", () => ctx.tap(choice));
    parts.push(tap);
  }
  if (body.type === "request_contact_info") {
    const share = button("choice", "", ctx.t("Share my number"));
    share.addEventListener("click", ctx.shareNumber);
    parts.push(share);
  }
  return parts;
}

function quoteOf(quoted, ctx) {
  const names = { image: "Photo", video: "Video", sticker: "Sticker", document: "Document", contacts: "Contact" };
  const kind = quoted.type === "audio" ? (quoted.body.voice ? "Voice note" : "Audio file") : names[quoted.type] ?? "Message";
  const text = quoted.type === "text" ? quoted.body.body : quoted.body?.body?.text ?? quoted.body?.caption ?? ctx.t(kind);
  return el("span", "quoted", el("b", "", quoted.mine ? ctx.t("You") : ctx.station), text);
}

function metaOf(message, ctx) {
  const meta = el("span", "meta");
  if (!message.mine && message.quotes === null) meta.classList.add("plain-meta");
  const time = el("time", "", new Date(message.at * 1000).toLocaleTimeString(ctx.lang, { hour: "2-digit", minute: "2-digit", hour12: false }));
  time.dateTime = new Date(message.at * 1000).toISOString();
  meta.append(time);
  if (message.mine) meta.append(tick(message.status, ctx));
  return meta;
}

function tick(status, ctx) {
  const [name, label] = { accepted: ["clock", "waiting"], delivered: ["ticks", "delivered"], read: ["ticks", "read"] }[status] ?? ["tick", "delivered"];
  return el("span", status === "read" ? "is-read" : "", icon(name), el("span", "sr", ctx.t(label)));
}

function actsOf(message, ctx) {
  const acts = el("span", "acts");
  const reply = button("round small", ctx.t("Reply"), icon("reply"));
  reply.addEventListener("click", ctx.reply);
  acts.append(reply);
  if (!message.mine) acts.append(reactButton(acts, ctx));
  return acts;
}

function reactButton(acts, ctx) {
  const open = button("round small", ctx.t("React"), icon("react"));
  open.addEventListener("click", () => {
    const signs = (ctx.reaction ? ["", ...QUICK] : QUICK).map((sign) => {
      const choice = button("round small", sign || ctx.t("Cancel"), sign || icon("close"));
      choice.addEventListener("click", () => ctx.react(sign || " "));
      return choice;
    });
    const picker = el("span", "picker", ...signs);
    const shut = () => { picker.remove(); open.focus(); };
    picker.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.stopPropagation(); shut(); } });
    picker.addEventListener("focusout", (event) => { if (!picker.contains(event.relatedTarget)) picker.remove(); });
    acts.append(picker);
    signs[0].focus();
  });
  return open;
}
