/* Building page parts without markup strings: elements, icons, avatars, states. */

import { t } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
let sprite = document.querySelector('meta[name="icons"]')?.content ?? "";

/* The pictures are taken into the page once, so that new ones can be drawn while the line is down. */
function keepPictures() {
  const request = new XMLHttpRequest();
  request.open("GET", sprite);
  request.responseType = "document";
  request.overrideMimeType("image/svg+xml");
  request.addEventListener("load", () => {
    const svg = request.responseXML?.documentElement;
    if (request.status !== 200 || svg?.nodeName !== "svg") return;
    const kept = document.importNode(svg, true);
    kept.setAttribute("class", "sprite");
    kept.setAttribute("width", "0");
    kept.setAttribute("height", "0");
    kept.setAttribute("aria-hidden", "true");
    document.body.prepend(kept);
    sprite = "";
  });
  request.send();
}
if (sprite) keepPictures();

/** el("p.hint", {title: "…"}, "text", child) ; attributes null or false are left out, on* are listeners. */
export function el(shape, attributes = {}, ...children) {
  const [tag, ...classes] = shape.split(".");
  const node = document.createElement(tag || "div");
  if (classes.length) node.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function icon(name, cls = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", cls ? `i ${cls}` : "i");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${sprite}#i-${name}`);
  svg.append(use);
  return svg;
}

export const kbd = (key) => el("kbd.kbd", {}, key);

export function avatar(person, size = "") {
  return el(`span.avatar.hue-${(person.hue ?? 0) % 24}${size ? `.${size}` : ""}`, { title: person.name ?? null }, person.initials ?? person.initial ?? "?");
}

export function button(label, { ic = "", cls = "", key = "", ...attributes } = {}) {
  return el(`button.btn${cls ? `.${cls.split(" ").join(".")}` : ""}`, { type: "button", ...attributes }, ic && icon(ic), label && el("span", {}, label), key && kbd(key));
}

export function iconButton(ic, label, { cls = "", ...attributes } = {}) {
  return el(`button.iconbtn${cls ? `.${cls.split(" ").join(".")}` : ""}`, { type: "button", "aria-label": label, title: label, ...attributes }, icon(ic));
}

const STATE_ICONS = { new: "dot", mine: "user", claimed: "user", short: "bookmark", planned: "clock", running: "dot", studio: "studio", aired: "aired", rejected: "ban", blocked: "ban", processing: "loader", failed: "warn", live: "onair", warn: "warn", info: "info", ok: "check", mood: "smile" };
export const state = (kind, label, sign = null) => el(`span.state.state-${kind}`, {}, sign ?? icon(STATE_ICONS[kind] ?? "dot"), el("span", {}, label));

export function badge(label, ic, cls = "", title = "") {
  const named = label ? {} : { role: "img", "aria-label": title };
  return el(`span.badge${cls ? `.${cls.split(" ").join(".")}` : ""}`, { title: title || null, ...named }, ic && icon(ic), label && el("span", {}, label));
}

/** Whether a key press belongs to a text field. */
export const isTyping = (target) => target instanceof Element && target.closest("input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select, [contenteditable=true]") !== null;

/** Says something once to people who listen to the page. */
export function announce(text) {
  let region = document.getElementById("announcer");
  if (!region) {
    region = el("div.vh", { id: "announcer", role: "status", "aria-live": "polite" });
    document.body.append(region);
  }
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = text; });
}

/** A plain sentence for an error of the server. */
export function errorText(error) {
  if (error?.isUnreachable) return t("The server did not answer. Nothing was changed.");
  return error?.message || t("That did not work. Nothing was changed.");
}
