/* Decisions that wait for the line, and what became of them: how many went out, and for each that was refused who had done
   what and when. The list stays until it is read. Sends nothing. */

import { announce, button, el, icon, iconButton } from "./dom.js";
import { note } from "./toast.js";
import { t, tn } from "./words.js";

export class Held {
  #waiting = new Map();
  #done = 0;
  #refused = new Map();
  #list = null;

  /** `place` is the element in which the list stands; `open(id)` shows a card, where the page can. */
  constructor({ place, open = null }) { Object.assign(this, { open, place }); }

  has(id) { return this.#waiting.has(id); }
  get count() { return this.#waiting.size; }

  /** This one waits; `takeBack` withdraws it. */
  add(id, takeBack) { this.#waiting.set(id, takeBack); }

  /** Withdraws one that waits, the last if none is named; false if it does not wait or is just going out. */
  takeBack(id = [...this.#waiting.keys()].at(-1)) {
    if (!this.#waiting.get(id)?.()) return false;
    this.#waiting.delete(id);
    if (!this.#waiting.size) this.#done = 0;
    return true;
  }

  /** It was carried out. */
  done(id) {
    if (!this.#waiting.delete(id)) return;
    this.#done += 1;
    this.#tellAtTheEnd();
  }

  /** It was not: `what` was to be decided on, `why` says who was first. */
  refused(id, what, why) {
    if (!this.#waiting.delete(id)) return;
    this.#refused.set(id, { what, why });
    this.#tellAtTheEnd();
  }

  #tellAtTheEnd() {
    if (this.#waiting.size) return;
    const all = this.#done + this.#refused.size;
    if (this.#refused.size) this.#show(all);
    else note(tn("%(num)s decision went out", "%(num)s decisions went out", all), { ic: "check" });
    this.#done = 0;
  }

  #show(all) {
    const title = tn("%(num)s of %(all)s decisions was not carried out", "%(num)s of %(all)s decisions were not carried out", this.#refused.size, { all });
    const rows = [...this.#refused].map(([id, { what, why }]) => el("li", {}, el("span", {}, el("b", {}, what), ` ${why}`), this.open && button(t("Show"), { cls: "sm", "data-refused": id, onclick: () => this.open(id) })));
    const close = iconButton("x", t("Close"), { cls: "sm", onclick: () => this.#close() });
    const list = el("section.refused", { role: "group", "aria-label": title }, el("header", {}, icon("swap"), el("b", {}, title), close), el("ul", {}, rows));
    if (this.#list) this.#list.replaceWith(list);
    else this.place.prepend(list);
    this.#list = list;
    announce([title, ...[...this.#refused.values()].map(({ what, why }) => `${what}: ${why}`)].join(". "));
  }

  #close() {
    this.#list.remove();
    this.#list = null;
    this.#refused.clear();
  }
}
