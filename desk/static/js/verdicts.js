/* Decisions from this page: shown at once, sent in order, taken back where the server says no. Holds which cards wait for
   their answer and which were decided by somebody else meanwhile. What a card looks like is up to card.js. */

import { describe, isTheirs } from "./card.js";
import { now } from "./clock.js";
import { announce, errorText } from "./dom.js";
import * as outbox from "./outbox.js";
import { keepStep, note, remember, warn } from "./toast.js";
import { clockTimeExact, t } from "./words.js";

const ME = Number(document.querySelector('meta[name="me"]')?.content ?? 0);
const AGAIN_MS = 2000;
const RING_MS = 1000;
const SAID = { mood: (what) => t("%(what)s folded again", { what }), shortlisted: (what) => t("%(what)s shortlisted", { what }), rejected: (what) => t("%(what)s rejected", { what }), new: (what) => t("%(what)s back to new", { what }) };

const againWords = (key) => (key === "claim" ? t("Press again to take it over.") : t("Press again to decide anyway."));

/** What somebody else did to a card, with who and when. */
export function whatHappened(state, values) {
  switch (state) {
    case "shortlisted": return t("%(name)s shortlisted it at %(time)s.", values);
    case "rejected": return t("%(name)s rejected it at %(time)s.", values);
    case "planned": return t("%(name)s planned it at %(time)s.", values);
    case "aired": return t("%(name)s marked it as aired at %(time)s.", values);
    default: return t("%(name)s changed it at %(time)s.", values);
  }
}

export class Verdicts {
  /** `cards` is the page's store, `refresh(id)` draws a card anew, `change(card)` takes one as the server says it is,
      `held` keeps account of what waits for the line. */
  constructor({ cards, refresh, change, held }) {
    Object.assign(this, { cards, refresh, change, held });
    this.pending = new Set();
    this.conflicts = new Map();
    this.warned = new Map();
    /** Decisions on their way, each until it is answered or kept for later: Z takes back the last of them, not one before. */
    this.underway = new Set();
  }

  /** Resolves when nothing is on its way. */
  async answered() { while (this.underway.size) await Promise.all(this.underway); }

  /** Deciding on what a colleague holds takes the key twice within two seconds. */
  isSureAbout(card, key) {
    if (!isTheirs(card)) return true;
    const last = this.warned.get(card.id);
    if (last && last.key === key && Date.now() - last.at < AGAIN_MS) return true;
    this.warned.set(card.id, { key, at: Date.now() });
    note(t("%(name)s is on this card until %(time)s. %(again)s", { name: card.claim.by.name, time: clockTimeExact(card.claim.until), again: againWords(key) }), { ic: "user", seconds: 3 });
    return false;
  }

  #setOut() {
    let arrive;
    const way = new Promise((resolve) => { arrive = () => { this.underway.delete(way); resolve(); }; });
    this.underway.add(way);
    return arrive;
  }

  #waits(id) { this.pending.add(id); this.refresh(id); }

  /** Moves a card; gives {ok, undo_id, who}: whose decision came first where it is not ok. */
  async move(card, to, { reason = null, quiet = false, force = false, copies = false } = {}) {
    const { id } = card;
    const before = this.cards.get(id);
    const arrive = this.#setOut();
    this.cards.set(id, { ...before, state: to, reject_reason: reason, claim: null, state_by: { id: ME, name: "", initials: "" }, state_at: new Date(now()).toISOString() });
    this.conflicts.delete(id);
    this.refresh(id);
    const ring = setTimeout(() => this.#waits(id), RING_MS);
    try {
      const body = { version: before.version, to, ...(reason ? { reason } : {}), ...(force ? { force } : {}), ...(copies ? { with_copies: true } : {}) };
      const path = `/api/v1/cards/${id}/move`;
      const answer = await outbox.send(path, body, () => { arrive(); this.held.add(id, () => outbox.withdraw(path)); this.#waits(id); });
      const waited = this.held.has(id);
      const said = copies ? t("%(what)s, and its copies", { what: SAID[to](describe(card)) }) : SAID[to]?.(describe(card)) ?? describe(card);
      const undone = (back) => { if (back?.card) this.change(back.card); };
      this.held.done(id);
      this.change(answer.card);
      if (waited) keepStep(answer.undo_id, said, undone);
      else if (!quiet) remember(answer.undo_id, said, undone);
      return { ok: true, undo_id: answer.undo_id };
    } catch (error) {
      if (error.isWithdrawn) { this.cards.set(id, before); return { ok: false, who: null }; }
      return this.settle(error, before, to);
    } finally {
      arrive();
      clearTimeout(ring);
      this.pending.delete(id);
      this.refresh(id);
    }
  }

  /** First write wins: the later one sees who did what and when; nothing is overwritten. */
  settle(error, before, to) {
    const current = error.current;
    if (error.isConflict && current?.listener) {
      this.cards.set(current.id, current);
      if (error.code === "wall.card_claimed") {
        this.held.refused(current.id, describe(current), error.message);
        this.warned.set(current.id, { key: to, at: Date.now() });
        note(`${error.message} ${againWords(to)}`, { ic: "user", seconds: 4 });
        return { ok: false, who: current.claim?.by?.name?.split(" ")[0] ?? null };
      }
      if (current.state === to && current.state_by?.id === ME) { this.held.done(current.id); return { ok: true }; }
      const who = current.state_by?.name?.split(" ")[0] ?? current.claim?.by?.name?.split(" ")[0] ?? t("Somebody");
      const values = { name: who, time: current.state_at ? clockTimeExact(current.state_at) : clockTimeExact(now()) };
      this.conflicts.set(current.id, { title: t("%(name)s was faster", values), text: `${whatHappened(current.state, values)} ${t("Your decision was not carried out.")}` });
      this.held.refused(current.id, describe(current), whatHappened(current.state, values));
      announce(t("%(name)s was faster", { name: who }));
      return { ok: false, who };
    }
    this.cards.set(before.id, before);
    this.held.refused(before.id, describe(before), errorText(error));
    warn(errorText(error));
    return { ok: false, who: null };
  }
}
