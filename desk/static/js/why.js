/* Reasons for a rejection as buttons: offered for the few seconds in which a digit says the same. */

import { REASONS } from "./card.js";
import { button, el } from "./dom.js";
import { t } from "./words.js";

/** How long after a rejection a reason may be given. */
export const OFFERED_MS = 8000;

/** `offer()` shows the buttons in `root`, `close()` takes them away; `give(number)` is a press on one, from 1. */
export function reasonsIn(root, give) {
  let timer = 0;
  const close = () => {
    clearTimeout(timer);
    if (root.contains(document.activeElement)) document.activeElement.blur();
    root.hidden = true;
  };
  root.append(el("span.muted", {}, t("Why?")), ...REASONS.map(([, label], at) => button(label, { cls: "sm", key: String(at + 1), onclick: () => { close(); give(at + 1); } })));
  return {
    close,
    offer() {
      clearTimeout(timer);
      root.hidden = false;
      timer = setTimeout(close, OFFERED_MS);
    },
  };
}
