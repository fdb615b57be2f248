/* Copies of one thing: how a card says that there are similar ones, the list of them in the pane, and taking one out.
   The stack itself (its count, its best card, the reason) comes from the server and is one event for all its cards. */

import * as api from "./api.js";
import { areAllHere } from "./copies.js";
import { kindIcon, nameOf, similar } from "./card.js";
import { button, el, errorText, icon } from "./dom.js";
import { dayAndTime, t } from "./words.js";

/** What a card of a changed stack says now; null where nothing changed. Stacks that became one take over their cards. */
export function withStack(card, stack) {
  const own = card.twins;
  if (!own || (own.stack_id !== stack.stack_id && !stack.merged?.includes(own.stack_id))) return null;
  const { stack_id, count, best_card_id, reason } = stack;
  return { ...card, twins: count < 2 ? null : { stack_id, count, best_card_id, reason, is_best: best_card_id === card.id } };
}

/** The pane's list of copies; asks for them when the stack is another one or has changed. `on`: open(card), apart(), compare([card, card]). */
export class TwinsBox {
  constructor(root, { open, apart, compare = null, verdict = null, mayJudge }) {
    this.root = root;
    this.open = open;
    this.compare = compare;
    this.card = null;
    this.mayJudge = mayJudge;
    this.signature = "";
    this.cards = [];
    root.addEventListener("click", (event) => {
      const control = event.target.closest("[data-twin]");
      if (control?.dataset.twin === "apart") apart();
      else if (control?.dataset.twin === "compare") this.compareBest();
      else if (control?.dataset.twin === "all") verdict?.(control.dataset.to, { copies: true });
      else if (control) this.open(this.cards.find((card) => card.id === Number(control.dataset.twin)));
    });
  }

  /** The best of a stack beside the next one, or beside the card that is open; false while there is no other. */
  compareBest() {
    if (!this.compare || !this.card?.twins || !this.cards.length) return false;
    this.compare([this.cards[0], this.card].sort((one, other) => Number(other.twins?.is_best ?? 0) - Number(one.twins?.is_best ?? 0)));
    return true;
  }

  draw(card) {
    this.card = card;
    const twins = card?.listener.is_blocked ? null : card?.twins;
    this.root.hidden = !twins;
    const signature = twins ? JSON.stringify([card.id, twins, card.more]) : "";
    if (signature === this.signature) return;
    this.signature = signature;
    this.cards = [];
    if (!twins) { this.root.replaceChildren(); return; }
    this.#fill(twins, []);
    this.#ask(card.id, twins, signature);
  }

  async #ask(id, twins, signature) {
    try {
      const { cards } = await api.get(`/api/v1/cards/${id}/twins`);
      if (signature !== this.signature) return;
      this.cards = cards;
      this.#fill(twins, areAllHere(this.card) ? [] : cards.map((card) => this.#row(card, twins)));
    } catch (error) {
      if (signature === this.signature) this.#fill(twins, [el("li", {}, icon("warn"), errorText(error))]);
    }
  }

  #fill(twins, rows) {
    const head = el("p", {}, icon("layers"), el("span", {}, el("b", {}, similar(twins)), ` ${twins.is_best ? t("This is the best one") : t(twins.reason)}`));
    const all = [["shortlisted", "bookmark-o", t("Shortlist all"), t("Shift S")], ["rejected", "ban", t("Reject all"), t("Shift E")]];
    const forAll = areAllHere(this.card) ? [] : all.map(([to, ic, label, key]) => button(label, { ic, key, cls: "sm", "data-twin": "all", "data-to": to }));
    const both = this.compare && this.cards.length ? [button(t("Compare the best two"), { ic: "columns", cls: "sm ghost", key: t("Shift C"), "data-twin": "compare" })] : [];
    const out = [...both, ...(this.mayJudge ? [...forAll, button(t("Not the same"), { ic: "x", cls: "sm ghost", "data-twin": "apart" })] : [])];
    this.root.replaceChildren(head, rows.length ? el("ul", {}, ...rows) : "", ...out);
  }

  #row(card, twins) {
    const isBest = card.id === twins.best_card_id;
    const words = [nameOf(card), dayAndTime(card.placed_at)].join(" · ");
    return el("li", {}, el("button.twin", { type: "button", "data-twin": card.id }, icon(kindIcon(card)), el("span", {}, words), isBest && el("em", {}, t("best"))));
  }
}
