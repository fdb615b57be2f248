/* Two cards side by side: two voices at the same level, one after the other or in turns, or two photos at the same height
   with one zoom for both. Verdicts are the wall's own (`on`); leaving changes nothing. What sounds, a person pressed. */

import * as api from "./api.js";
import { historyOf, isTheirs, kindIcon, kindName, mainMedia, nameOf, picture, stateOf } from "./card.js";
import { isCovered, look, veiled, covers, grey } from "./covers.js";
import { announce, avatar, button, el, errorText, icon, iconButton, kbd, state } from "./dom.js";
import { capOf } from "./keys.js";
import { drawWave, listenable, makeWave, mediaUrl, peaksOf, player, soundOf } from "./player.js";
import { saidIn } from "./recording.js";
import { remember, warn } from "./toast.js";
import { clockTime, duration, t } from "./words.js";
import { Zoom } from "./zoom.js";

const SURE_MS = 2000;
const SIDES = [t("left"), t("right")];

/** What of a card sounds here: brought to level like every preview, of a film the sound alone; null if nothing does. */
export function soundFor(card) {
  const media = card.listener.is_blocked ? null : mainMedia(card);
  if (!media || isCovered(media)) return null;
  if (media.kind === "video") return soundOf(media) ? { media, soundOnly: true } : null;
  return (media.kind === "voice" || media.kind === "audio") && listenable(media) ? { media, soundOnly: false } : null;
}

class Comparison {
  #sure = null;
  #zoom = new Zoom();
  #isDeciding = false;

  /** `on`: keep(kept, other, {isLater, force}) answers whether that was carried out; closed(). */
  constructor(cards, on) {
    this.mayDecide = on.mayDecide;
    this.cards = cards;
    this.on = on;
    this.sides = [0, 1].map(() => el("section.cmp-side"));
    this.said = el("p.cmp-said", { role: "status" });
    this.root = el("dialog.dialog.cmp", { "aria-labelledby": "cmp-h" },
      el("header", {}, el("h2", { id: "cmp-h" }, t("Compare two")), el("span.grow"), iconButton("x", t("Close (Esc)"), { "data-cmp": "close" })),
      el("div.cmp-sides", {}, this.sides), this.#foot());
    this.root.addEventListener("click", (event) => this.#click(event));
    this.root.addEventListener("keydown", (event) => this.#press(event));
    this.root.addEventListener("close", () => this.#end());
    this.showPlaying = () => this.#showPlaying();
    this.redraw = () => this.#draw();
    for (const type of ["change", "time"]) player.addEventListener(type, this.showPlaying);
    covers.addEventListener("change", this.redraw);
    document.body.append(this.root);
    this.#draw();
    this.root.showModal();
    this.sides[0].querySelector("button")?.focus();
    announce(t("%(left)s and %(right)s side by side", { left: nameOf(cards[0]), right: nameOf(cards[1]) }));
  }

  has(id) { return this.cards.some((card) => card.id === id); }

  /** A card as it is now, whoever changed it. */
  follow(card) {
    this.cards = this.cards.map((one) => (one.id === card.id ? card : one));
    this.#draw();
  }

  close() { this.root.close(); }

  #end() {
    for (const type of ["change", "time"]) player.removeEventListener(type, this.showPlaying);
    covers.removeEventListener("change", this.redraw);
    player.stop();
    this.#zoom.end();
    this.root.remove();
    this.on.closed();
  }

  get #hasSound() { return this.cards.some((card) => soundFor(card)); }
  get #hasPictures() { return this.cards.every((card) => pictureOf(card)); }

  #foot() {
    return el("footer", {}, this.said, el("span.grow"),
      el("span.cmp-tools", { "data-cmp-for": "sound" }, button(t("Switch, same place"), { ic: "swap", cls: "sm", key: "X", "data-cmp": "switch" })),
      el("span.cmp-tools", { "data-cmp-for": "photo" }, iconButton("zoom-out", t("Smaller, both (−)"), { cls: "sm", "data-cmp": "smaller" }), iconButton("zoom-in", t("Larger, both (+)"), { cls: "sm", "data-cmp": "larger" })),
      button(t("Both stay"), { ic: "check", cls: "sm", key: t("Esc"), "data-cmp": "close" }));
  }

  #draw() {
    const held = document.activeElement?.dataset?.cmp && this.root.contains(document.activeElement) ? [document.activeElement.dataset.cmp, document.activeElement.dataset.side] : null;
    this.cards.forEach((card, at) => this.#drawSide(card, at));
    for (const one of this.root.querySelectorAll("[data-cmp-for]")) one.hidden = one.dataset.cmpFor === "sound" ? !this.cards.every(soundFor) : !this.#hasPictures;
    this.#zoom.show(this.sides.map((side) => side.querySelector(".cmp-photo")).filter(Boolean));
    if (held) this.root.querySelector(`[data-cmp="${held[0]}"]${held[1] === undefined ? "" : `[data-side="${held[1]}"]`}`)?.focus();
    this.#showPlaying();
  }

  #drawSide(card, at) {
    const said = stateOf(card);
    const who = [kindName(card), card.listener.place, historyOf(card.listener), clockTime(card.placed_at)].filter(Boolean).join(" · ");
    const side = this.sides[at];
    const signature = JSON.stringify([card, said, isCovered(mainMedia(card))]);
    if (side.signature === signature) return; // a picture that is looked at stays where it is
    side.signature = signature;
    side.setAttribute("aria-label", `${SIDES[at]}: ${nameOf(card)}`);
    side.replaceChildren(
      el("div.cmp-who", {}, avatar(card.listener), el("div", {}, el("h3", {}, icon(kindIcon(card)), nameOf(card)), el("p", {}, who)), el("span.grow"), state(said.kind, said.label)),
      this.#body(card, at), this.mayDecide ? this.#verdicts(at) : "");
  }

  #body(card, at) {
    const media = mainMedia(card);
    if (card.listener.is_blocked) return el("div.cmp-body", {}, el("p.ghosted", {}, icon("ban"), t("Message from a blocked sender. Content stays hidden.")));
    if (isCovered(media)) return el("div.cmp-body", {}, veiled(media, "div.cmp-veil"));
    const sound = soundFor(card);
    const words = card.text || saidIn(media);
    return el("div.cmp-body", {}, pictureOf(card) && photo(card, media), sound && this.#soundLine(sound.media, at), words && el("p.cmp-words", { dir: "auto", tabindex: 0 }, words),
      !pictureOf(card) && !sound && !words && el("p.ghosted", {}, icon("info"), t("There is nothing to hear or see yet.")));
  }

  #soundLine(media, at) {
    const wave = makeWave();
    drawWave(wave, peaksOf(media.peaks), 0);
    return el("div.cmp-sound", {}, button(t("Play %(side)s", { side: SIDES[at] }), { ic: "headphones", cls: "cuebtn", key: at ? "→" : "←", "data-cmp": "play", "data-side": at }), el("span.cmp-wave", { "aria-hidden": "true" }, wave), el("span.num", { "data-cmp-time": "" }, duration(media.duration_s)));
  }

  #verdicts(at) {
    const key = String(at + 1);
    return el("div.cmp-verdicts", {},
      el("button.btn.cmp-keep", { type: "button", "data-cmp": "keep", "data-side": at }, icon("bookmark"), el("span", {}, el("b", {}, t("Keep %(side)s", { side: SIDES[at] })), el("small", {}, t("shortlist this, reject the other"))), kbd(key)),
      button(t("Keep, the other later"), { ic: "clock", cls: "sm ghost", key: capOf(`Shift+${key}`), "data-cmp": "later", "data-side": at }));
  }

  /* ---------- sound ---------- */

  /** From the beginning, or (`at_s`) from where the other one is. */
  #play(at, at_s = 0) {
    const sound = soundFor(this.cards[at]);
    if (!sound) { this.#say(t("There is nothing to hear on this side.")); return; }
    player.press(this.cards[at].id, sound.media, { at_s, soundOnly: sound.soundOnly });
    if (player.fault) this.#say(player.fault);
  }

  get #sounding() { return this.cards.findIndex((card) => player.isOn(card.id)); }

  #switch() {
    const on = this.#sounding;
    if (on < 0) this.#play(0);
    else this.#play(1 - on, player.position_s);
  }

  /** Pause and on again, at the same place. */
  #pause() {
    const on = this.#sounding;
    if (on < 0) { this.#play(0); return; }
    const sound = soundFor(this.cards[on]);
    player.press(this.cards[on].id, sound.media, { soundOnly: sound.soundOnly });
  }

  #showPlaying() {
    if (player.fault) this.#say(player.fault);
    this.cards.forEach((card, at) => {
      const line = this.sides[at].querySelector(".cmp-sound");
      if (!line) return;
      const isOn = player.isOn(card.id);
      line.classList.toggle("is-on", isOn && player.isPlaying);
      const wave = line.querySelector(".wave");
      if (wave.bars) drawWave(wave, wave.bars, isOn && player.duration_s ? player.position_s / player.duration_s : 0);
      const length = duration(mainMedia(card).duration_s);
      line.querySelector("[data-cmp-time]").textContent = isOn ? `${duration(player.position_s)} / ${length}` : length;
    });
  }

  /* ---------- verdicts ---------- */

  async #keep(at, isLater) {
    if (this.#isDeciding || !this.mayDecide) return;
    const [kept, other] = [this.cards[at], this.cards[1 - at]];
    const held = [kept, ...(isLater ? [] : [other])].find(isTheirs);
    const wanted = `${at}${isLater}`;
    if (held && (this.#sure?.wanted !== wanted || Date.now() - this.#sure.at > SURE_MS)) {
      this.#sure = { wanted, at: Date.now() };
      this.#say(t("%(name)s is on it. Press again to decide anyway.", { name: held.claim.by.name }));
      return;
    }
    this.#isDeciding = true;
    const isDone = await this.on.keep(kept, other, { isLater, force: Boolean(held) });
    this.#isDeciding = false;
    if (isDone) this.close();
    else this.#say(t("Not carried out: the cards say why."));
  }

  #say(words) { if (this.said.textContent !== words) this.said.textContent = words; }

  /* ---------- keys and presses ---------- */

  #click(event) {
    const control = event.target.closest("[data-cmp]");
    if (!control) return;
    const at = Number(control.dataset.side);
    const acts = {
      close: () => this.close(), play: () => (this.#sounding === at && player.isPlaying ? this.#pause() : this.#play(at)), switch: () => this.#switch(),
      keep: () => this.#keep(at, false), later: () => this.#keep(at, true), larger: () => this.#zoom.step(1), smaller: () => this.#zoom.step(-1),
    };
    acts[control.dataset.cmp]?.();
  }

  #press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const digit = /^Digit([12])$/.exec(event.code)?.[1] ?? (/^[12]$/.test(event.key) ? event.key : null);
    const onControl = (event.key === " " || event.key === "Enter") && event.target.closest("button");
    if (onControl) return;
    const isSounding = this.#hasSound;
    const keys = {
      ArrowLeft: () => (isSounding ? this.#play(0) : this.#zoom.move(-1, 0)), ArrowRight: () => (isSounding ? this.#play(1) : this.#zoom.move(1, 0)),
      ArrowUp: () => this.#zoom.move(0, -1), ArrowDown: () => this.#zoom.move(0, 1),
      x: () => this.#switch(), " ": () => this.#pause(), "+": () => this.#zoom.step(1), "=": () => this.#zoom.step(1), "-": () => this.#zoom.step(-1), 0: () => this.#zoom.reset(),
      b: () => this.#look(),
    };
    const act = digit ? () => this.#keep(Number(digit) - 1, event.shiftKey) : keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || event.repeat && !event.key.startsWith("Arrow")) return;
    if (event.key.startsWith("Arrow") && !isSounding && !this.#hasPictures) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  /** The person's own look at what is covered, on both sides. */
  #look() { for (const card of this.cards) if (mainMedia(card)?.cover) look(mainMedia(card).id); }
}

const pictureOf = (card) => {
  const media = card.listener.is_blocked ? null : mainMedia(card);
  return media && (media.kind === "image" || media.kind === "sticker") && !isCovered(media) ? ["large", picture(media)].find((name) => name && media.profiles?.[name]) : null;
};

const photo = (card, media) => el(`figure.cmp-photo${grey(media)}`, {}, el("img", { src: mediaUrl(media, pictureOf(card)), alt: t("%(kind)s from %(name)s", { kind: kindName(card), name: nameOf(card) }), width: media.width_px, height: media.height_px, draggable: "false" }));

let open = null;

/** Shows two cards side by side. `on`: keep(kept, other, {isLater, force}), closed(). */
export function compare(cards, on) {
  player.stop();
  open = new Comparison(cards, { ...on, closed: () => { open = null; on.closed?.(); } });
}

/** A card changed while the comparison may be open; null as card: it is gone. */
export function followComparison(id, card) {
  if (!open?.has(id)) return;
  if (card) open.follow(card);
  else open.close();
}

const CHOSEN = ["shortlisted", "planned", "in_studio", "on_air", "aired"];

/** What a comparison decides, as verdicts of the wall. `move(card, to, options)` is the wall's own; gives the acts that were
    carried out, the last one first, or null where the first was refused. */
async function decide(kept, other, { isLater, force }, move) {
  const acts = [];
  if (!CHOSEN.includes(kept.state)) {
    const done = await move(kept, "shortlisted", { quiet: true, force });
    if (!done.ok) return null;
    if (done.undo_id) acts.unshift(done.undo_id);
  }
  if (isLater || other.state === "rejected") return acts;
  const isCopy = kept.twins && kept.twins.stack_id === other.twins?.stack_id;
  const done = await move(other, "rejected", { quiet: true, force, reason: isCopy ? "double" : null });
  if (done.undo_id) acts.unshift(done.undo_id);
  return acts;
}

/** Keeps one of two and rejects the other or leaves it for later, with one step that takes both back. */
export const keepsOne = ({ move, change, done }) => async (kept, other, how) => {
  const acts = await decide(kept, other, how, move);
  if (!acts) return false;
  done();
  const [last, ...before] = acts;
  const words = t("%(kept)s kept, %(other)s %(how)s", { kept: nameOf(kept), other: nameOf(other), how: how.isLater ? t("for later") : t("rejected") });
  if (last) remember(last, words, async (undone) => {
    if (undone?.card) change(undone.card);
    for (const id of before) {
      try { change((await api.post(`/api/v1/undo/${id}`)).card); } catch (error) { warn(errorText(error)); }
    }
  });
  return true;
};
