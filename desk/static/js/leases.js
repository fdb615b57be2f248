/* What this person holds stays theirs while there is a sign of life: a key, a press, sound in the headphones. One request
   prolongs all of it; whoever goes away lets it run out, and the card comes back on every screen. */

import * as api from "./api.js";
import { isMine } from "./card.js";
import { now } from "./clock.js";
import { player } from "./player.js";

const RENEW_UNDER_S = 45;
const PAUSE_MS = 5000;

export const leftOf = (card) => (card?.claim ? (new Date(card.claim.until) - now()) / 1000 : null);

/** One event for all that somebody goes on holding: the card as it is then, null where nothing changed. */
export function withKept(card, { ids, by_id, until }) {
  if (card.claim?.by.id !== by_id || !ids.includes(card.id)) return null;
  return { ...card, claim: { ...card.claim, until } };
}

/** `held()` gives the cards this page knows; asked at every sign of life. */
export function keepHolding(held) {
  let notBefore = 0;
  const alive = () => {
    if (Date.now() < notBefore) return;
    for (const card of held()) {
      if (!card || !isMine(card) || leftOf(card) > RENEW_UNDER_S) continue;
      notBefore = Date.now() + PAUSE_MS;
      api.post("/api/v1/claims/renew").catch(() => null); // the next sign of life asks again
      return;
    }
  };
  for (const type of ["keydown", "pointerdown"]) document.addEventListener(type, alive);
  player.addEventListener("time", alive);
}
