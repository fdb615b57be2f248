/* Where a person stopped in a run: the card and the second, kept in this browser for each person and station, and where
   each card of this run was left. Nothing of a card but its number is kept. */

const OLD_MS = 12 * 3600 * 1000;
const END_S = 0.5;
const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
const KEY = `desk.run.${meta("station")}.${meta("me")}`;

export class Place {
  #seconds = new Map();

  /** Remembers how far a card was heard; its end is its beginning. */
  note(cardId, at_s, length_s) {
    if (length_s && at_s > length_s - END_S) this.#seconds.delete(cardId);
    else if (at_s > 0) this.#seconds.set(cardId, at_s);
  }

  /** Where to go on with a card, in seconds. */
  of(cardId) { return this.#seconds.get(cardId) ?? 0; }

  /** Keeps where the run stands beyond this page; null: it stands nowhere. */
  keep(cardId, later) {
    if (cardId === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, JSON.stringify({ card: cardId, at_s: this.of(cardId), later: [...later], at: Date.now() }));
  }

  /** {card, at_s, later} of where this person stopped today, or null. */
  recall() {
    let found;
    try { found = JSON.parse(localStorage.getItem(KEY)); } catch { return null; }
    if (!found || Date.now() - found.at > OLD_MS) return null;
    if (found.at_s > 0) this.#seconds.set(found.card, found.at_s);
    return found;
  }
}
