/* Copies that stand as one card: how the card and the list behind it say so. The list itself, with taking one out, is that
   of a flood (flood.js); what else a stack can do (comparing, not the same) is twins.js' matter. */

import { t, tn } from "./words.js";

/** Whether what stands under a card are copies by other listeners, not more of the same one. */
export const areCopies = (card) => Boolean(card.copies);

/** "4 copies from 3 listeners": the card itself is one of them. */
export const copiesTitle = (card) => t("%(copies)s from %(listeners)s", {
  copies: tn("%(num)s copy", "%(num)s copies", card.more + 1),
  listeners: tn("%(num)s listener", "%(num)s listeners", card.copies.listeners),
});

/** Whether every copy there is stands on this card: then one verdict is for the whole stack anyway. */
export const areAllHere = (card) => areCopies(card) && card.more + 1 >= (card.twins?.count ?? 0);
