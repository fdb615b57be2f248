/* A bar in the dock that asks something: its choices are buttons, each with a digit; Esc leaves it, and so does going
   elsewhere. There is one at a time, and it takes no key but its own. */

import { button, el, icon } from "./dom.js";
import { t } from "./words.js";

let bar = null;
let isTurning = false;

export function closeBar() {
  if (!bar) return;
  const { from } = bar;
  const hadFocus = bar.contains(document.activeElement);
  bar.remove();
  bar = null;
  if (hadFocus && from?.isConnected) from.focus({ preventScroll: true });
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const picked = /^[1-9]$/.test(event.key) ? bar.querySelector(`[data-digit="${event.key}"]`) : null;
  if (event.key !== "Escape" && !picked) return;
  event.preventDefault();
  event.stopPropagation();
  if (picked) picked.click();
  else closeBar();
}

export function openBar(label) {
  closeBar();
  bar = el("div.toast.askbar", { role: "region", "aria-label": label });
  bar.from = document.activeElement;
  bar.addEventListener("keydown", press);
  bar.addEventListener("focusout", ({ relatedTarget }) => { if (!isTurning && bar && relatedTarget && !bar.contains(relatedTarget)) closeBar(); });
  const isCoveredByPane = document.body.classList.contains("has-pane") && matchMedia("(max-width: 1180px)").matches;
  (isCoveredByPane ? document.body : document.querySelector(".dock")).prepend(bar);
  return bar;
}

/** Whether this bar is the open one still, after waiting for an answer. */
export const isOpenBar = (one) => one !== null && bar === one;

/** One question of the open bar. A choice: {digit, label, sign, isOn}; isOn undefined where it is no switch. */
export function ask(ic, words, choices, choose) {
  const focused = document.activeElement?.dataset?.digit;
  isTurning = true;
  const buttons = choices.map(({ digit, label, sign, isOn }) => {
    const one = button(label, { cls: "sm", key: String(digit), "data-digit": digit, "aria-pressed": isOn === undefined ? null : String(isOn), onclick: () => choose(digit) });
    if (sign) one.prepend(sign);
    return one;
  });
  bar.replaceChildren(icon(ic), el("b.askbar-what", {}, words), ...buttons, button("", { ic: "x", cls: "sm ghost", "aria-label": t("Close (Esc)"), title: t("Close (Esc)"), onclick: closeBar }));
  (buttons.find((one) => one.dataset.digit === focused) ?? buttons[0] ?? bar.lastElementChild).focus({ preventScroll: true });
  isTurning = false;
}
