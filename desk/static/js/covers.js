/* What lies covered and what this person has looked at, on this page alone: a covered picture is not even asked for until
   then. Laying something open for all is an act of the server; here is only the person's own look. */

import { blurred } from "./blurhash.js";
import { button, el, icon } from "./dom.js";
import { player } from "./player.js";
import { t } from "./words.js";

const seen = new Set();
export const covers = new EventTarget();

/** Whether a file is to be shown covered to this person now. */
export const isCovered = (media) => Boolean(media?.cover) && !seen.has(media.id);
/** Whether it is covered for the others, and open here by this person's own key. */
export const isLookedAt = (media) => Boolean(media?.cover) && seen.has(media.id);

/** For the shape of what holds such a file: somebody who looks at it sees it in grey. */
export const grey = (media) => (isLookedAt(media) ? ".is-grey" : "");
/** What stands under a film that is looked at. */
export const gentleHint = (media) => isLookedAt(media) && media.kind === "video" && el("p.gentle", {}, icon("mute"), el("span", {}, t("Half speed, grey and without sound. V plays the sound.")));

/** Ends the sound of what is covered, blocked or gone by now, whoever did that. */
export function hush(card) {
  if (!player.isOn(card.id)) return;
  const media = card.listener.is_blocked ? null : card.media?.find((one) => one.id === player.item.media.id);
  if (!media || isCovered(media)) player.stop();
}

export const coverText = (media) => (media.cover === "document" ? t("Looks like a document") : media.sensitive ? t("Possibly nudity") : t("Covered"));

/** Shows a covered file to this person, or covers it again; gives whether it is open now. */
export function look(id) {
  if (!seen.delete(id)) seen.add(id);
  covers.dispatchEvent(new CustomEvent("change", { detail: { id } }));
  return seen.has(id);
}

/** The blurred, colourless ground with its reason and the button to look; loads nothing. */
export function veiled(media, shape = "div.media") {
  return el(`${shape}.is-veiled`, {}, blurred(media.blurhash),
    el("div.veil", {}, icon("eye-off"), el("b", {}, coverText(media)), button(t("Look at it"), { cls: "sm", key: "B", "data-act": "look", "data-look": media.id, tabindex: -1 })));
}

/** The small button on a file that only this person sees, to cover it again. */
export const coverAgain = (media) => el("button.iconbtn.sm.cover-again", { type: "button", "data-act": "look", "data-look": media.id, tabindex: -1, "aria-label": t("Cover again"), title: `${t("Cover again")} (B)` }, icon("eye-off"));

document.addEventListener("click", (event) => {
  const control = event.target.closest?.("[data-look]");
  if (control) look(Number(control.dataset.look));
});
