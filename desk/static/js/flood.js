/* What stands as one card: copies of one thing, whoever sent them (copies.js), or a listener's flood: photos sent together,
   voices after each other, too many of one kind. Here is the list of all of them, in their order, of an album with pictures
   side by side, from which each can be opened or taken out. In a run the voices of a flood follow each other (`follow`). */

import * as api from "./api.js";
import { areCopies, copiesTitle } from "./copies.js";
import { kindIcon, mainMedia, nameOf, picture, pictureElement } from "./card.js";
import { isCovered } from "./covers.js";
import { button, el, errorText, icon } from "./dom.js";
import { listenable, mediaUrl, player } from "./player.js";
import { remember, warn } from "./toast.js";
import { clockTimeExact, duration, number, t } from "./words.js";

const isOne = (card) => Boolean(card && !card.listener.is_blocked && (card.more || card.under));

export class FloodBox {
  /** `open(card)` shows one of them, `changed(card)` takes in what the server says, `mayJudge` allows taking out. */
  constructor(root, { open, changed, mayJudge }) {
    Object.assign(this, { root, open, changed, mayJudge });
    this.signature = "";
    this.cards = [];
    this.isWanted = false;
    root.addEventListener("click", (event) => {
      const control = event.target.closest("[data-flood]");
      const card = control && this.cards.find((one) => one.id === Number(control.closest("li").dataset.id));
      if (!card) return;
      if (control.dataset.flood === "out") this.#split(card);
      else this.open(card);
    });
  }

  /** Whether there is anything to show; `draw` asks the server where it is another flood or has changed. */
  draw(card) {
    const isShown = isOne(card);
    this.root.hidden = !isShown;
    const signature = isShown ? JSON.stringify([card.id, card.under ?? card.id, card.more, card.copies]) : "";
    if (signature === this.signature) return;
    this.signature = signature;
    if (!this.cards.some((one) => one.id === card.id)) {
      this.cards = [];
      this.isWanted = false;
      this.root.replaceChildren();
    }
    if (isShown) this.#ask(card, signature);
  }

  async #ask(card, signature) {
    try {
      const { cards } = await api.get(`/api/v1/cards/${card.id}/under`);
      if (signature !== this.signature) return;
      this.cards = cards;
      this.#fill(card);
    } catch (error) {
      if (signature === this.signature) this.root.replaceChildren(el("p", {}, icon("warn"), errorText(error)));
    }
  }

  #fill(shown) {
    const copies = this.cards.find(areCopies);
    const isAlbum = !copies && this.cards.every((card) => !isCovered(mainMedia(card)) && mainMedia(card) && picture(mainMedia(card)));
    const head = el("p", {}, icon("layers"), el("b", {}, copies ? copiesTitle(copies) : t("%(count)s together", { count: number(this.cards.length) })), " ", el("span", {}, t("One verdict is for all of them.")));
    const held = this.root.contains(document.activeElement) ? document.activeElement.closest("li") : null;
    this.root.replaceChildren(head, el(`ol.flood${isAlbum ? ".flood-album" : ""}`, {}, ...this.cards.map((card, at) => this.#row(card, at, card.id === shown.id, isAlbum, Boolean(copies)))));
    if (held) (this.root.querySelector(`li[data-id="${held.dataset.id}"] button`) ?? this.root.querySelector("button")).focus();
    else if (this.isWanted) this.focus();
    this.isWanted = false;
  }

  #row(card, at, isShown, isAlbum, isCopy) {
    const media = mainMedia(card);
    const count = t("%(at)s of %(all)s", { at: number(at + 1), all: number(this.cards.length) });
    const face = isAlbum ? pictureElement(mediaUrl(media, picture(media)), { alt: "" }, false).cloneNode() : icon(kindIcon(card));
    const words = [isCopy && nameOf(card), clockTimeExact(card.placed_at), media?.duration_s && duration(media.duration_s), card.text].filter(Boolean).join(" · ");
    const out = this.mayJudge && card.under && button(t("Take out"), { ic: "expand", cls: "sm ghost", "data-flood": "out", "aria-label": `${t("Take out")}: ${count}`, title: t("Take out") });
    return el("li", { "data-id": card.id }, el("button.twin", { type: "button", "data-flood": "open", "aria-current": isShown ? "true" : null, title: words }, face, el("span", {}, el("em", {}, count), " ", isAlbum ? "" : words)), out);
  }

  /** This one alone stands by itself; Z puts it back. */
  async #split(card) {
    try {
      const answer = await api.post(`/api/v1/cards/${card.id}/split`, {});
      this.changed(answer.card);
      remember(answer.undo_id, t("%(what)s is a card now", { what: t("Message from %(name)s", { name: nameOf(card) }) }), (undone) => { if (undone?.card) this.changed(undone.card); });
    } catch (error) {
      if (error.current?.listener) this.changed(error.current);
      warn(errorText(error));
    }
  }

  /** Goes into the list, as soon as it is there. */
  focus() {
    const first = this.root.querySelector("button");
    this.isWanted = !first;
    first?.focus();
  }
}

/** In a run: when one voice of the flood on screen has ended, the next plays, as long as `mayGoOn()`. */
export function follow(box, mayGoOn) {
  let ended = null;
  player.addEventListener("change", () => {
    if (!player.item || !player.element?.ended || ended === player.item.cardId || !mayGoOn()) return;
    if (box.cards.some(areCopies)) return; // the same thing again
    const at = box.cards.findIndex((card) => card.id === player.item.cardId);
    const next = at < 0 ? null : box.cards.slice(at + 1).find((card) => ["voice", "audio"].includes(card.kind) && !isCovered(mainMedia(card)) && listenable(mainMedia(card)));
    if (!next) return;
    ended = player.item.cardId;
    player.press(next.id, mainMedia(next));
  });
}

