/* What came in that this page has not shown yet: counted for the tabs, the kinds and whoever asks for a filter, and put into
   words with its kinds. Of each card only what filters ask for is kept, and of no more than some thousands. */

import { filters, matches } from "./filters.js";
import { number, t, tn } from "./words.js";

const MOST = 2000;
const KINDS_SAID = 2;
/** In these nothing waits for anybody. */
const SETTLED = new Set(["rejected", "aired"]);
const SAID = {
  voice: (n) => tn("%(num)s voice", "%(num)s voices", n), audio: (n) => tn("%(num)s song", "%(num)s songs", n), image: (n) => tn("%(num)s photo", "%(num)s photos", n),
  video: (n) => tn("%(num)s video", "%(num)s videos", n), text: (n) => tn("%(num)s text", "%(num)s texts", n), other: (n) => tn("%(num)s other", "%(num)s others", n),
};

/** "180 voices, 20 photos": the two commonest of some kinds, and how many others. */
export function kindsOf(kinds) {
  const counts = new Map();
  for (const kind of kinds) counts.set(SAID[kind] ? kind : "other", (counts.get(SAID[kind] ? kind : "other") ?? 0) + 1);
  const rows = [...counts].sort(([kind, n], [other, m]) => (kind === "other") - (other === "other") || m - n);
  const shown = rows.slice(0, rows.length > KINDS_SAID + 1 ? KINDS_SAID : KINDS_SAID + 1);
  const rest = rows.slice(shown.length).reduce((sum, [, n]) => sum + n, 0);
  return [...shown, ...(rest ? [["other", rest]] : [])].map(([kind, n]) => SAID[kind](n)).join(", ");
}

export class Fresh {
  #cards = new Map();

  /** A card came in by itself. */
  came(card) {
    this.#cards.set(card.id, small(card));
    if (this.#cards.size > MOST) this.#cards.delete(this.#cards.keys().next().value);
  }

  /** A card is another now; counted only while it has not been shown. */
  changed(card) { if (this.#cards.has(card.id)) this.#cards.set(card.id, small(card)); }

  kindOf(id) { return this.#cards.get(id)?.kind; }

  gone(id) { this.#cards.delete(id); }

  /** Somebody looks at this filter now: nothing in it is new any more. */
  looked() { for (const [id, card] of this.#cards) if (matches(card)) this.#cards.delete(id); }

  /** How many wait in a filter; null where only the server could tell: it looks for other words than this page does. */
  countIn(given) {
    if (given.text && (given.text !== filters.text || given.exact !== filters.exact)) return null;
    let amount = 0;
    for (const card of this.#cards.values()) if (matches(card, given)) amount += 1;
    return amount;
  }

  /** Puts "+12" at every tab and kind but those that are looked at: there the pill says it. */
  draw() {
    for (const one of document.querySelectorAll("[data-state-filter], [data-kind-filter]")) {
      const { stateFilter, kindFilter } = one.dataset;
      const isHere = stateFilter ? stateFilter === filters.state : kindFilter === filters.kind;
      const given = stateFilter ? { ...filters, state: stateFilter } : { ...filters, kind: kindFilter };
      sign(one, isHere || SETTLED.has(stateFilter) ? 0 : this.countIn(given));
    }
  }
}

/** What filters look at, and nothing else of a card. */
const small = ({ id, kind, state, under, claim, placed_at, campaign, facets, text, listener, media, about, note, tags }) => ({
  id, kind, state, under, claim, placed_at, campaign, facets, text, listener, about, note, tags,
  media: media?.map(({ transcript }) => ({ transcript })),
});

function sign(control, amount) {
  let mark = control.querySelector(".fresh");
  if (!amount) {
    if (!mark) return;
    mark.remove();
    control.removeAttribute("aria-description");
    return;
  }
  if (!mark) {
    mark = document.createElement("i");
    mark.className = "fresh";
    mark.setAttribute("aria-hidden", "true");
    control.append(mark);
  }
  const words = `+${number(amount)}${amount >= MOST ? "…" : ""}`;
  if (mark.textContent === words) return;
  mark.textContent = words;
  control.setAttribute("aria-description", t("%(count)s new", { count: number(amount) }));
}
