/* The dock: one note at a time with what can be taken back, and a short list of undo steps behind the key Z. */

import * as api from "./api.js";
import { announce, button, el, errorText, icon, iconButton } from "./dom.js";
import { t } from "./words.js";

const SHOWN_S = 8;
const SVG = "http://www.w3.org/2000/svg";

let dock = document.querySelector(".dock");
if (!dock) {
  dock = el("div.dock", { "data-region": "", role: "region", "aria-label": t("Notes of the desk") });
  document.body.append(dock);
}
let current = null;
let timer = 0;
const steps = [];

function ring() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  for (let at = 0; at < 2; at += 1) {
    const circle = document.createElementNS(SVG, "circle");
    for (const [name, value] of Object.entries({ cx: 12, cy: 12, r: 9, ...(at ? { pathLength: 100, "stroke-dasharray": "100 100" } : {}) })) circle.setAttribute(name, value);
    svg.append(circle);
  }
  const figure = el("b", {}, String(SHOWN_S));
  return { node: el("span.toast-ring", { "aria-hidden": "true" }, svg, figure), svg, figure };
}

export function close() {
  clearInterval(timer);
  current?.remove();
  current = null;
}

/** note("Photo from Bernd rejected", {undo}) shows a note for eight seconds; undo is called by its button. */
export function note(text, { undo = null, undoLabel = t("Undo"), undoKey = "Z", kind = "", ic = "info", seconds = SHOWN_S, action = null } = {}) {
  close();
  announce(text);
  const counter = undo ? ring() : null;
  current = el(`div.toast${kind ? `.${kind}` : ""}`, {}, counter ? counter.node : icon(kind === "warn" ? "warn" : ic), el("span", {}, text),
    undo && button(undoLabel, { cls: "sm link", key: undoKey, onclick: () => { close(); undo(); } }),
    action, !undo && iconButton("x", t("Close"), { cls: "sm", onclick: close }));
  dock.prepend(current);
  let left = seconds;
  timer = setInterval(() => {
    if (current?.matches(":hover, :focus-within")) return;
    left -= 1;
    if (counter) {
      counter.figure.textContent = String(Math.max(0, left));
      counter.svg.lastChild.setAttribute("stroke-dasharray", `${(100 * left) / seconds} 100`);
    }
    if (left <= 0) close();
  }, 1000);
  return current;
}

export const warn = (text, options = {}) => note(text, { kind: "warn", ...options });

/** Remembers an act that the server can take back, without a word; Z walks back through the last twenty. `ask` takes back
    what is no act of a card, and gives the server's answer. */
export function keepStep(undoId, text, onUndone, ask = null) {
  if (steps.some((step) => step.undoId === undoId)) return;
  steps.push({ undoId, text, onUndone, ask });
  if (steps.length > 20) steps.shift();
}

/** The same, and says it with the way back. */
export function remember(undoId, text, onUndone, ask = null) {
  keepStep(undoId, text, onUndone, ask);
  note(text, { undo: () => undoLast(undoId) });
}

export async function undoLast(undoId = null) {
  const at = undoId === null ? steps.length - 1 : steps.findIndex((step) => step.undoId === undoId);
  const step = at >= 0 ? steps.splice(at, 1)[0] : null;
  try {
    const answer = await (step?.ask ? step.ask() : api.post(step ? `/api/v1/undo/${step.undoId}` : "/api/v1/undo"));
    const text = step ? t("Taken back: %(what)s", { what: step.text }) : t("Taken back");
    if (!answer?.sweep) note(text, { ic: "undo" });  // of many cards is said what came of it once it is over
    step?.onUndone?.(answer);
    return answer;
  } catch (error) {
    if (step && error.isUnreachable) steps.push(step);
    warn(error.status === 404 ? t("There is nothing to take back.") : errorText(error));
    return null;
  }
}
