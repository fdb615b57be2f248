/* What the language of a message is called. Which one it is the server says. */

import { t } from "./words.js";

/** Its name where it is another than the station's own, else "". */
export function foreignLanguage(card, own) {
  const code = card.facets?.language;
  if (!code || code === own || card.listener.is_blocked) return "";
  if (code === "hr") return t("Bosnian, Croatian, Serbian");
  return new Intl.DisplayNames([document.documentElement.lang || "de"], { type: "language" }).of(code);
}
