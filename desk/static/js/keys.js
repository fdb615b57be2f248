/* One keyboard map per page. Modules add their keys with a label and a group; `?` shows them all.
   Keys rest while a text field has focus and can be switched off as a whole for people who dictate (WCAG 2.1.4). */

import { el, iconButton, isTyping, kbd } from "./dom.js";
import { t } from "./words.js";

const STORE = "desk.single-keys";
const groups = new Map();
const bindings = new Map();
let singleKeys = localStorage.getItem(STORE) !== "off";

const NAMES = { " ": () => t("Space"), ArrowLeft: () => "←", ArrowRight: () => "→", ArrowUp: () => "↑", ArrowDown: () => "↓", Escape: () => t("Esc"), Enter: () => t("Enter"), PageDown: () => t("Page down"), PageUp: () => t("Page up") };
const MODIFIERS = { Shift: () => t("Shift"), Ctrl: () => t("Ctrl"), Alt: () => "Alt" };

/** What stands on the cap: "Shift+ArrowLeft" becomes "Umschalt ←". */
export function capOf(key) {
  return key.split("+").map((part) => MODIFIERS[part]?.() ?? NAMES[part]?.() ?? (part.length === 1 ? part.toUpperCase() : part)).join(" ");
}

function nameOf(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const isSign = event.key.length === 1 && event.key !== " " && event.key.toLowerCase() === event.key.toUpperCase();
  return [(event.ctrlKey || event.metaKey) && "Ctrl", event.altKey && "Alt", event.shiftKey && !isSign && "Shift", key].filter(Boolean).join("+");
}

/** bind("s", {group: "Decide", label: "Shortlist", run}) ; several keys as an array; `inFields` also while typing.
    run returns false when the key was not meant for it. */
export function bind(keys, { group = "", label = "", run, inFields = false, quiet = false }) {
  const list = [keys].flat();
  for (const key of list) {
    if (bindings.has(key)) console.error(`The key ${key} is bound twice.`);
    bindings.set(key, { run, inFields });
  }
  if (quiet || !label) return;
  if (!groups.has(group)) groups.set(group, []);
  groups.get(group).push({ label, keys: list });
}

/** A line of the help for keys that are bound elsewhere. */
export function listKey(caps, { group, label }) {
  if (!groups.has(group)) groups.set(group, []);
  groups.get(group).push({ label, keys: [caps] });
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.defaultPrevented) return;
  const name = nameOf(event);
  const binding = bindings.get(name);
  if (!binding) return;
  if (isTyping(event.target) && !binding.inFields) return;
  if (document.querySelector("dialog[open]")) return;
  if (name === "Escape" && document.querySelector(":popover-open")) return; // it closes the menu and nothing else
  const isSingle = !/^(Ctrl|Alt)\+|^(Escape|Enter|Arrow|Page|Home|End|F\d)/.test(name);
  if (isSingle && !singleKeys && name !== "?") return;
  if (event.repeat && isSingle && !"jk".includes(name)) return;
  // Space and Enter on a control press that control.
  if ((name === " " || name === "Enter") && event.target instanceof Element && event.target.closest("button, a[href], summary, [role=tab], label")) return;
  if (binding.run(event) === false) return;
  event.preventDefault();
});

let dialog = null;

function build() {
  const columns = el("div.keycols");
  for (const [title, rows] of groups) {
    columns.append(el("section", {}, el("h3", {}, title), el("ul", {}, rows.map((row) => el("li", {}, el("span", {}, row.label), el("span.grow"), row.keys.map((key) => kbd(capOf(key))))))));
  }
  const toggle = el("button.switch", { type: "button", role: "switch", "aria-checked": String(singleKeys) }, el("span.switch-knob", { "aria-hidden": "true" }),
    el("span.switch-text", {}, el("span", {}, t("Use single-key shortcuts")), el("small", {}, t("Turn off when dictating"))));
  toggle.addEventListener("click", () => {
    singleKeys = !singleKeys;
    localStorage.setItem(STORE, singleKeys ? "on" : "off");
    toggle.setAttribute("aria-checked", String(singleKeys));
    document.documentElement.dataset.singleKeys = singleKeys ? "on" : "off";
  });
  dialog = el("dialog.dialog.keysdlg", { "aria-labelledby": "keys-h" },
    el("header", {}, el("h2", { id: "keys-h" }, t("Keyboard shortcuts")), el("span.grow"), iconButton("x", t("Close (Esc)"), { onclick: () => dialog.close() })),
    columns, el("footer", {}, toggle));
  dialog.addEventListener("close", () => { dialog.remove(); dialog = null; });
  document.body.append(dialog);
}

export function openOverlay() {
  if (dialog) return;
  build();
  dialog.showModal();
}

bind("?", { group: t("Move"), label: t("Keyboard shortcuts"), run: openOverlay });
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-open-keys]")) return;
  document.getElementById("me-menu")?.hidePopover?.();
  openOverlay();
});
/* F6 walks the regions of the page. */
function walk(step) {
  const regions = [...document.querySelectorAll(".rail, .topbar, main, [data-region], .detail")].filter((region) => region.checkVisibility());
  const at = regions.findLastIndex((region) => region.contains(document.activeElement));
  const next = regions[(at + step + regions.length) % regions.length];
  const target = next?.querySelector('[tabindex="0"], a[href], button:not([disabled]), input, textarea') ?? next;
  target?.focus();
}
bind("F6", { group: t("Move"), label: t("Next, previous region"), run: () => walk(1), inFields: true });
bind("Shift+F6", { run: () => walk(-1), inFields: true });
