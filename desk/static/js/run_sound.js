/* What sounds in a run: the first press starts it, from then on a verdict plays the next voice, fetched ahead. Covered
   items, pictures and texts never sound by themselves, a film only as the sound alone, once somebody used that. */

import { mainMedia } from "./card.js";
import { headphones } from "./headphones.js";
import { FIRST_S, listening, pausesOf } from "./listening.js";
import { listenable, player, soundOf } from "./player.js";

const AHEAD = 2;
const NEARLY_S = 0.5; // so near to the stop there is nothing to stop for

export class RunSound {
  #isStarted = false;
  #usesFilmSound = false;
  #pauses = [];
  #rested = new Set();
  #pile = [];

  constructor(place) {
    this.place = place;
    player.addEventListener("rest", () => this.#rested.add(player.item.cardId));
    for (const type of ["change", "time"]) player.addEventListener(type, () => { if (player.item) place.note(player.item.cardId, player.position_s, player.duration_s); });
    listening.addEventListener("change", () => this.#apply());
    this.#apply();
  }

  /** Whether a verdict will play the next voice. */
  get goesOn() { return this.#isStarted && listening.goesOn && !headphones.lock; }

  /** The press of a person. False if there is nothing to hear. */
  press(card, media, { screen = null, soundOnly = false } = {}) {
    const isOn = player.isOn(card.id, media.id);
    const at_s = isOn ? player.position_s : this.place.of(card.id);
    player.until_s = this.#endOf(card.id, media, at_s);
    if (!player.press(card.id, media, { at_s: isOn || !at_s ? null : at_s, screen, soundOnly })) return false;
    this.#isStarted = true;
    if (media.kind === "video") this.#usesFilmSound = soundOnly;
    this.ahead(this.#pile);
    return true;
  }

  /** After a verdict: plays the card that came, if a run may. */
  goOn(card) {
    const way = this.goesOn ? this.#wayOf(card) : null;
    if (way) this.press(card, way.media, way);
  }

  /** All sound off: the next one waits for a press again. */
  end() {
    this.#isStarted = false;
    player.prepare([]);
    player.stop();
  }

  /** Fetches the next voices of the pile ahead, once a run has started. */
  ahead(pile) {
    this.#pile = pile;
    if (this.goesOn) player.prepare(pile.slice(0, 2 * AHEAD).map((card) => this.#wayOf(card)).filter(Boolean).slice(0, AHEAD));
  }

  /** The peaks of what is on screen are there (null: another card came). Leaves what was fetched ahead alone: the card that
      comes has left the pile and is about to play from there. */
  learnPeaks(file) {
    this.#pauses = file ? pausesOf(file) : [];
    this.#leaveOut();
  }

  #wayOf(card) {
    const media = mainMedia(card);
    if (!media || media.cover || card.listener.is_blocked) return null;
    if (media.kind === "voice" || media.kind === "audio") return listenable(media) ? { media } : null;
    return media.kind === "video" && this.#usesFilmSound && soundOf(media) ? { media, soundOnly: true } : null;
  }

  /** Where a play from `at_s` stops softly; null: at the end. Once it stopped there, or from behind there, it plays on. */
  #endOf(cardId, media, at_s) {
    const isLong = (media.duration_s ?? 0) > FIRST_S + NEARLY_S;
    return listening.isFirstOnly && isLong && !this.#rested.has(cardId) && at_s < FIRST_S - NEARLY_S ? FIRST_S : null;
  }

  #leaveOut() { player.leavesOut = listening.skipsPauses ? this.#pauses : []; }

  #apply() {
    player.speed = listening.speed;
    this.#leaveOut();
    if (player.item) player.until_s = this.#endOf(player.item.cardId, player.item.media, player.position_s);
    if (!listening.goesOn) player.prepare([]);
    else this.ahead(this.#pile);
  }
}
