/* Sending a card to the lead: a bar asks what it is, with a digit for each. The card leaves every screen at once; whoever
   sent it takes it back as long as the lead has not begun. */

import * as api from "./api.js";
import { ask, closeBar, openBar } from "./bar.js";
import { nameOf } from "./card.js";
import { announce, errorText } from "./dom.js";
import { player } from "./player.js";
import { remember, warn } from "./toast.js";
import { t } from "./words.js";

const KINDS = [["threat", t("A threat")], ["insult", t("An insult")], ["other", t("Something else")]];

/** A press of the key or the button. `gone(takeBack)`: it is with the lead; `back(card)`: it stands on the wall again. With
    `isKept` the page keeps the steps to take back itself. False where there is nothing to send. */
export function pressLead(card, { gone, back = null, isKept = false }) {
  if (!card) return false;
  if (player.isOn(card.id)) player.stop();
  openBar(t("To the lead"));
  ask("shield", t("What is it from %(name)s?", { name: nameOf(card) }), KINDS.map(([, label], at) => ({ digit: at + 1, label })), (digit) => { closeBar(); send(card, KINDS[digit - 1][0], { gone, back, isKept }); });
  return true;
}

async function send(card, kind, { gone, back, isKept }) {
  const path = `/api/v1/cards/${card.id}/escalate`;
  const takeBack = () => api.remove(path);
  try {
    await api.post(path, { kind });
    gone(takeBack);
    const words = t("%(name)s is with the lead", { name: nameOf(card) });
    if (isKept) announce(words);
    else remember(`lead:${card.id}`, words, (answer) => { if (answer?.card) back(answer.card); }, takeBack);
  } catch (error) {
    warn(error.status === 404 ? t("Somebody took this card off the wall already.") : errorText(error));
  }
}
