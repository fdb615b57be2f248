/* The team's line: a narrow panel beside the wall, a sheet on the phone. Lines of the day, which may carry a card; what is
   not read yet is counted in the top bar. A line is fetched when an event names it: the event itself holds no words. */

import * as api from "./api.js";
import { describe, kindIcon, kindName } from "./card.js";
import { announce, avatar, button, el, errorText, icon, iconButton, kbd } from "./dom.js";
import { warn } from "./toast.js";
import { clockTime, number, t, tn } from "./words.js";

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
const ME = Number(meta("me"));
const KEY = `desk.team.${meta("station")}.${ME}`;
const LENGTH_MOST = 500;

export class Team {
  /** `opener` is the button in the top bar; `card()` the card in hand, `open(id)` shows one. */
  constructor(opener, { card, open }) {
    Object.assign(this, { opener, card, open, lines: [], carried: null, asking: null });
    this.seen = Number(localStorage.getItem(KEY) ?? 0);
    this.list = el("ol.team-lines", { tabindex: 0, "aria-label": t("Lines of the day") });
    this.text = el("textarea", { rows: 2, maxlength: LENGTH_MOST, dir: "auto", "aria-label": t("Line to the team"), placeholder: t("Line to the team …") });
    this.carry = button("", { ic: "link", cls: "sm ghost team-carry", "aria-pressed": "false", onclick: () => this.#toggleCarried() });
    const send = button("", { ic: "send", cls: "primary icon-only", "aria-label": t("Send (Enter)"), title: t("Send (Enter)"), onclick: () => this.#say() });
    this.panel = el("aside.team", { "data-region": "", "aria-label": t("Team"), hidden: true },
      el("header.team-head", {}, el("h2", {}, t("Team")), el("span.grow"), el("a.btn.sm.ghost", { href: "/handover" }, icon("rows"), el("span", {}, t("Hand-over")), kbd(`${t("Shift")} G`)), iconButton("x", t("Close (Esc)"), { onclick: () => this.close() })),
      this.list, el("div.team-form", {}, this.carry, el("div.compose-row", {}, this.text, send)));
    this.panel.addEventListener("keydown", (event) => this.#key(event));
    document.body.append(this.panel);
    opener.addEventListener("click", () => this.toggle());
    this.load();
  }

  get isOpen() { return !this.panel.hidden; }

  toggle() { if (this.isOpen) this.close(); else this.show(); }

  /** Opens; with `carrying` the card in hand is attached. */
  show({ carrying = false } = {}) {
    this.from = document.activeElement;
    this.panel.hidden = false;
    document.body.classList.add("has-team");
    this.opener.setAttribute("aria-expanded", "true");
    this.carried = carrying ? this.card() : null;
    this.#read();
    this.draw();
    this.list.scrollTop = this.list.scrollHeight;
    this.text.focus();
  }

  close() {
    this.panel.hidden = true;
    document.body.classList.remove("has-team");
    this.opener.setAttribute("aria-expanded", "false");
    if (this.from?.isConnected) this.from.focus({ preventScroll: true });
  }

  /** Everything of the day, or with `after` what came since. */
  load() {
    this.asking ??= this.#ask().finally(() => { this.asking = null; });
    return this.asking;
  }

  async #ask() {
    try {
      const { lines } = await api.get(api.withQuery("/api/v1/team/lines", { after: this.lines.at(-1)?.id }));
      this.lines.push(...lines);
      const theirs = lines.filter((line) => line.by?.id !== ME && line.id > this.seen);
      if (theirs.length && !this.isOpen) announce(tn("%(num)s new line of the team", "%(num)s new lines of the team", this.unread));
      if (this.isOpen) this.#read();
      this.draw();
    } catch { /* the next line or connection asks again */ }
  }

  /** An event of the wall: a line was written, or a card that lines carry is gone. */
  hear(kind, payload) {
    if (kind === "team.line") { if (this.asking) this.asking.then(() => this.load()); else this.load(); }
    const gone = kind === "card.removed" ? payload.id ?? payload.card?.id : null;
    if (gone === null || !this.lines.some((line) => line.card?.id === gone)) return;
    this.lines = this.lines.map((line) => (line.card?.id === gone ? { ...line, card: { ...line.card, name: "", is_gone: true } } : line));
    this.draw();
  }

  /** After a long time away everything is asked for again. */
  again() { this.lines = []; this.load(); }

  get unread() { return this.lines.filter((line) => line.id > this.seen && line.by?.id !== ME).length; }

  #read() {
    this.seen = Math.max(this.seen, this.lines.at(-1)?.id ?? 0);
    localStorage.setItem(KEY, String(this.seen));
  }

  /* ---------- drawing ---------- */

  draw() {
    const badge = this.opener.querySelector("b");
    badge.hidden = this.unread === 0;
    badge.textContent = number(this.unread);
    if (!this.isOpen) return;
    const isAtEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 40;
    this.list.replaceChildren(...(this.lines.length ? this.lines.map((line) => this.#line(line)) : [el("li.team-none", {}, icon("users"), t("Nobody wrote anything today. A line can carry a message: Shift Y."))]));
    if (isAtEnd) this.list.scrollTop = this.list.scrollHeight;
    const card = this.carried ?? this.card();
    this.carry.hidden = !card;
    this.carry.setAttribute("aria-pressed", String(Boolean(this.carried)));
    if (card) this.carry.replaceChildren(icon(this.carried ? "check" : "link"), el("span", {}, this.carried ? t("Goes along: %(what)s", { what: describe(card) }) : t("Attach: %(what)s", { what: describe(card) })));
  }

  #line(line) {
    const chip = line.card && (line.card.is_gone ? el("span.team-chip.is-gone", {}, icon("ban"), t("The message is gone"))
      : el("button.team-chip", { type: "button", onclick: () => this.open(line.card.id) }, icon(kindIcon(line.card)), `${kindName(line.card)} · ${line.card.name}`));
    return el("li", {}, avatar(line.by ?? {}, "s"), el("div", {}, el("p.team-who", {}, el("b", {}, line.by?.name ?? ""), el("time.num", { datetime: line.at }, clockTime(line.at))), line.text && el("p.team-text", { dir: "auto" }, line.text), chip));
  }

  /* ---------- writing ---------- */

  #toggleCarried() {
    this.carried = this.carried ? null : this.card();
    this.draw();
    this.text.focus();
  }

  #key(event) {
    if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); this.close(); }
    if (event.key === "Enter" && event.target === this.text && !event.shiftKey && !event.isComposing) { event.preventDefault(); this.#say(); }
  }

  async #say() {
    const text = this.text.value.trim();
    const card_id = this.carried?.id ?? null;
    if (!text && card_id === null) { this.text.focus(); return; }
    if (this.said !== `${text} ${card_id}`) { this.said = `${text} ${card_id}`; this.sendKey = api.idempotencyKey(); }
    try {
      await api.post("/api/v1/team/lines", { text, card_id, idempotency_key: this.sendKey });
      this.text.value = "";
      this.carried = this.said = null;
      await this.asking;
      await this.load();
      this.list.scrollTop = this.list.scrollHeight;
    } catch (error) { warn(errorText(error)); } // what was typed stays
    this.text.focus();
  }
}
