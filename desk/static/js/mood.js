/* The mood bar: emoji, greetings and reactions of the last minutes, counted; behind it the list of what they are, from
   which each message can be taken out as a card and folded again; and one line of it for the presenter. */

import * as api from "./api.js";
import { nameOf } from "./card.js";
import { announce, button, el, errorText, icon } from "./dom.js";
import { filters, linkTo } from "./filters.js";
import { bind } from "./keys.js";
import { moodLine } from "./mood_line.js";
import { note, remember, warn } from "./toast.js";
import { clockTime, clockTimeExact, number, t, tn } from "./words.js";

const SHOWN_CHIPS = 9;
const ASK_AGAIN_MS = 2000;
const $ = (id) => document.getElementById(id);

const signWords = (one) => (one.emoji ? one.emoji : t("Greetings"));
const face = (emoji) => (emoji ? el("span.emo", { "aria-hidden": "true" }, emoji) : icon("hand"));

export class Mood {
  /** `changed(card)`: a card came out or went in; `mayJudge`: whether this person may do that. */
  constructor({ changed, mayJudge }) {
    this.lane = $("tally");
    this.panel = $("mood");
    this.changed = changed;
    this.mayJudge = mayJudge;
    this.bar = null;
    this.shown = null;
    this.sign = null;
    this.minutes = 60;
    this.next = null;
    this.epoch = 0;
    this.due = 0;
    this.lane.addEventListener("click", (event) => {
      const chip = event.target.closest("[data-sign]");
      if (chip) this.open(chip.dataset.sign);
    });
    this.panel.addEventListener("click", (event) => this.#press(event));
    this.panel.addEventListener("toggle", ({ newState }) => {
      const isOpen = newState === "open";
      $("mood-open").setAttribute("aria-expanded", String(isOpen));
      if (isOpen) { this.#place(); this.load(); }
    });
    this.panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.close();
    });
    const MANY = t("Many");
    bind("Shift+o", { group: MANY, label: t("Open, close the mood bar"), run: () => this.toggle() });
    bind("Shift+l", { group: MANY, label: t("Copy the mood as one line"), run: () => { this.copy(); } });
  }

  get isOpen() { return this.panel.matches(":popover-open"); }
  /** Whether the keyboard is in the bar or in what it opened. */
  get hasFocus() { return this.lane.contains(document.activeElement) || this.panel.contains(document.activeElement); }

  open(sign = null) {
    this.sign = sign;
    if (this.isOpen) this.load();
    else this.panel.showPopover();
  }

  close() {
    if (!this.isOpen) return;
    const hadFocus = this.panel.contains(document.activeElement);
    this.panel.hidePopover();
    if (hadFocus) $("mood-open").focus();
  }

  toggle() {
    if (this.isOpen) this.close();
    else { this.open(); this.panel.querySelector("button").focus(); }
  }

  /* ---------- the bar ---------- */

  /** What the server tells of the whole station; a wall that shows one campaign asks for its own. */
  hear(bar) {
    if (filters.campaign) { this.#askSoon(); return; }
    this.#take(bar);
  }

  /** The filters are others now. */
  refilter() {
    this.#ask();
    if (this.isOpen) this.load();
  }

  #askSoon() {
    this.due ||= setTimeout(() => { this.due = 0; this.#ask(); }, ASK_AGAIN_MS);
  }

  async #ask() {
    const campaign = filters.campaign;
    try {
      const bar = await api.get(api.withQuery("/api/v1/mood", { campaign }));
      if (campaign === filters.campaign) this.#take(bar);
    } catch { /* the next change asks again */ }
  }

  #take(bar) {
    this.bar = bar;
    this.draw();
    this.#drawMore();
  }

  draw() {
    const { bar, lane } = this;
    const top = Math.max(1, ...bar.signs.map((one) => one.count));
    $("mood-sum").textContent = bar.total ? t("%(what)s since %(time)s", { what: number(bar.total), time: clockTime(bar.since) }) : t("none in the last hour");
    const chips = bar.signs.slice(0, SHOWN_CHIPS).map((one) => this.#chip(one, top));
    const focused = lane.contains(document.activeElement) ? document.activeElement.dataset.sign : undefined;
    $("mood-chips").replaceChildren(...chips);
    if (focused !== undefined) chips.find((chip) => chip.dataset.sign === focused)?.focus();
    $("mood-now").textContent = bar.last_minute ? tn("+%(num)s in this minute", "+%(num)s in this minute", bar.last_minute) : "";
    $("mood-copy").disabled = !bar.total;
  }

  #chip(one, top) {
    return el("button.tally-chip", { type: "button", "data-sign": one.sign, "aria-label": `${signWords(one)} ${number(one.count)}`, title: one.emoji ? null : t("Greetings") },
      face(one.emoji), el("b", {}, number(one.count)), el("progress.bar", { max: top, value: one.count, "aria-hidden": "true" }));
  }

  async copy() {
    const line = moodLine(this.bar);
    try {
      await navigator.clipboard.writeText(line);
      note(t("Copied: %(line)s", { line }), { ic: "copy" });
    } catch {  // plain http, or a refusal
      const field = el("input.link-field", { readonly: "", value: line, "aria-label": t("The mood as one line") });
      note(t("Copy it with Ctrl C."), { ic: "copy", action: field });
      field.select();
    }
  }

  /* ---------- what is behind it ---------- */

  #place() {
    if (matchMedia("(max-width: 820px)").matches) { this.panel.removeAttribute("style"); return; }
    const box = this.lane.getBoundingClientRect();
    this.panel.style.left = `${box.left}px`;
    this.panel.style.top = `${box.bottom + 6}px`;
    this.panel.style.width = `${Math.min(box.width, 760)}px`;
    this.panel.style.maxHeight = `${innerHeight - box.bottom - 18}px`;
  }

  #query(before) {
    return { minutes: this.minutes, campaign: filters.campaign, sign: this.sign ?? "", before: before ?? "" };
  }

  async load() {
    const mine = (this.epoch += 1);
    this.panel.setAttribute("aria-busy", "true");
    try {
      const [bar, page] = await Promise.all([
        api.get(api.withQuery("/api/v1/mood", { minutes: this.minutes, campaign: filters.campaign })),
        api.get(api.withQuery("/api/v1/mood/items", this.#query(null))),
      ]);
      if (mine !== this.epoch) return;
      this.shown = bar;
      this.#fill(bar, page);
    } catch (error) {
      if (mine === this.epoch) $("mood-list").replaceChildren(el("li.mood-none", {}, icon("warn"), errorText(error), button(t("Try again"), { cls: "sm", "data-mood": "reload" })));
    } finally {
      this.panel.setAttribute("aria-busy", "false");
    }
  }

  #fill(bar, page) {
    $("mood-line").textContent = moodLine(bar);
    for (const one of this.panel.querySelectorAll("[data-minutes]")) one.setAttribute("aria-pressed", String(Number(one.dataset.minutes) === this.minutes));
    const signs = [{ sign: "", label: t("All") }, ...bar.signs.map((one) => ({ ...one, label: null }))];
    $("mood-signs").replaceChildren(...signs.map((one) => el("button.type", { type: "button", "data-mood-sign": one.sign, "aria-pressed": String((this.sign ?? "") === one.sign), "aria-label": one.label ? null : `${signWords(one)} ${number(one.count)}` },
      one.label ?? face(one.emoji), " ", el("b", {}, number(one.sign ? one.count : bar.total)))));
    $("mood-as-cards").href = linkTo({ state: "mood" });
    const rows = page.items.map((item) => this.#row(item));
    $("mood-list").replaceChildren(...(rows.length ? rows : [el("li.mood-none", {}, icon("smile"), t("No emoji, greetings or reactions in this time."))]));
    this.next = page.next;
    $("mood-older").hidden = !page.next;
    this.#drawMore();
  }

  /** New ones wait behind a count: the list never moves under somebody who reads it. */
  #drawMore() {
    if (!this.isOpen || !this.shown || this.minutes !== this.bar.minutes) { $("mood-new").hidden = true; return; }
    const more = this.bar.total - this.shown.total;
    $("mood-new").hidden = more <= 0;
    if (more > 0) $("mood-new").querySelector("span").textContent = tn("%(num)s new, show it", "%(num)s new, show them", more);
  }

  #row(item) {
    const who = item.card ? nameOf(item.card) : item.reaction.name;
    const text = item.card?.text === item.emoji ? "" : item.card?.text;  // its face says it already
    const said = item.card?.listener.is_blocked ? t("blocked") : item.card ? text : t("Reaction");
    const place = item.card?.listener.place;
    const row = el("li.mood-item", { "data-item": item.id }, el("span.mood-face", {}, face(item.emoji)),
      el("p", {}, el("b", {}, [who, place].filter(Boolean).join(" · ")), " ", el("span", { dir: "auto" }, said),
        item.answers && el("small", { dir: "auto" }, icon("reply"), item.card ? t("Answer to: %(text)s", { text: item.answers.text }) : t("To: %(text)s", { text: item.answers.text })),
        item.card?.campaign && el("small", {}, icon(item.card.campaign.icon || "campaign"), item.card.campaign.name)),
      el("time", { datetime: item.at }, clockTimeExact(item.at)));
    if (item.card && this.mayJudge) row.append(this.#outButton());
    row.card = item.card;
    return row;
  }

  #outButton() { return button(t("As a card"), { ic: "expand", cls: "sm ghost", "data-mood": "out" }); }

  #press(event) {
    const minutes = event.target.closest("[data-minutes]");
    if (minutes) { this.minutes = Number(minutes.dataset.minutes); this.load(); return; }
    const sign = event.target.closest("[data-mood-sign]");
    if (sign) { this.sign = sign.dataset.moodSign || null; this.load().then(() => this.panel.querySelector(`[data-mood-sign="${CSS.escape(this.sign ?? "")}"]`)?.focus()); return; }
    const act = event.target.closest("[data-mood]");
    const row = act?.closest(".mood-item");
    ({ out: () => this.#move(row, "new"), fold: () => this.#move(row, "mood"), reload: () => this.load(), older: () => this.#older(), copy: () => this.copy(), close: () => this.close() })[act?.dataset.mood]?.();
  }

  async #older() {
    const mine = this.epoch;
    try {
      const page = await api.get(api.withQuery("/api/v1/mood/items", this.#query(this.next)));
      if (mine !== this.epoch) return;
      const rows = page.items.map((item) => this.#row(item));
      $("mood-list").append(...rows);
      this.next = page.next;
      $("mood-older").hidden = !page.next;
      (rows[0]?.querySelector("button") ?? this.panel).focus();
    } catch (error) {
      warn(errorText(error));
    }
  }

  /** A message comes out as a card of its own, or goes back; its row stays where it is and says so. */
  async #move(row, to) {
    const isOut = to === "new";
    try {
      const answer = await api.post(`/api/v1/cards/${row.card.id}/move`, { version: row.card.version, to });
      this.#settle(row, answer.card);
      this.changed(answer.card);
      const what = t("Message from %(name)s", { name: nameOf(answer.card) });
      remember(answer.undo_id, isOut ? t("%(what)s is a card now", { what }) : t("%(what)s folded again", { what }), (undone) => { if (undone?.card) { this.#settle(row, undone.card); this.changed(undone.card); } });
    } catch (error) {
      if (error.current?.listener) { this.#settle(row, error.current); this.changed(error.current); }
      warn(errorText(error));
    }
  }

  #settle(row, card) {
    row.card = card;
    const isIn = card.state === "mood";
    row.classList.toggle("is-out", !isIn);
    const hadFocus = row.contains(document.activeElement);
    row.querySelector("button")?.remove();
    row.append(isIn ? this.#outButton() : button(t("Fold again"), { ic: "layers", cls: "sm ghost", "data-mood": "fold" }));
    if (hadFocus) row.querySelector("button").focus();
    announce(isIn ? t("Folded") : t("A card of its own now"));
  }
}

