/* The numbers on the wall's tabs and kinds. The server's own are true at their number; between two of them the page counts
   along, and asks where it cannot know. */

import * as api from "./api.js";
import { filters, leaseOf } from "./filters.js";
import { number, t, tn } from "./words.js";

const ASK_MS = 5000;

export class Counters {
  constructor(given) {
    this.now = given ?? { state: {}, kind: {} };
    this.due = 0;
  }

  /** Everything that is there, whatever its state. */
  get all() { return this.now.state?.all ?? 0; }

  /** What the server says. */
  learn(given) {
    if (!given) return;
    this.now = given;
    clearTimeout(this.due);
    this.due = 0;
  }

  /** Counts along with one card; null where it was not there before, or is no longer. */
  count(before, after) {
    const bump = (map, key, by) => { if (key) map[key] = Math.max(0, (map[key] ?? 0) + by); };
    const { state, kind } = this.now;
    const stateKey = (card) => (card.state === "new" && leaseOf(card) ? "claimed" : card.state);
    if (before && after && stateKey(before) === stateKey(after)) return;
    if (before) { bump(state, stateKey(before), -1); if (!after) { bump(state, "all", -1); bump(kind, before.kind, -1); } }
    if (after) { bump(state, stateKey(after), 1); if (!before) { bump(state, "all", 1); bump(kind, after.kind, 1); } }
  }

  /** A card changed that was never loaded: only the server can say what the counters are now. */
  askSoon() {
    this.due ||= setTimeout(async () => {
      this.due = 0;
      try {
        this.learn((await api.get(api.withQuery("/api/v1/cards", { limit: 1 }))).counts);
        this.draw();
      } catch { /* the next change asks again */ }
    }, ASK_MS);
  }

  draw() {
    for (const tab of document.querySelectorAll("[data-state-filter]")) {
      const amount = this.now.state?.[tab.dataset.stateFilter] ?? 0;
      tab.querySelector("b").textContent = number(amount);
      if (tab.dataset.stateFilter === "planned") tab.hidden = amount === 0 && filters.state !== "planned";
    }
    for (const type of document.querySelectorAll("[data-kind-filter]")) {
      type.querySelector("b").textContent = number(this.now.kind?.[type.dataset.kindFilter] ?? 0);
    }
    const folded = this.now.state?.mood ?? 0;
    document.getElementById("total").textContent = [tn("%(num)s message", "%(num)s messages", this.all), folded ? t("and %(count)s only counted", { count: number(folded) }) : ""].filter(Boolean).join(" ");
  }
}
