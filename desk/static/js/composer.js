/* Writing to a listener: the reply window counts down, a draft per conversation stays, what is sent is held for a moment
   and can be cancelled. The wall's pane and the inbox write through it. */

import * as api from "./api.js";
import { everySecond, now } from "./clock.js";
import { errorText, icon } from "./dom.js";
import { note, warn } from "./toast.js";
import { t, timeLeft } from "./words.js";

export const HOLD_S = 5;
const LOW_MIN = 120;

export class Composer {
  /** `on`: window() -> {open, closes_at} or null while unknown, mayWrite(), hint(), path(id), written(id, message), settled(id). */
  constructor(form, on) {
    this.form = form;
    this.on = on;
    this.id = null;
    this.drafts = new Map();
    this.part = (name) => form.querySelector(`[data-part="${name}"]`);
    this.reply = this.part("reply");
    form.addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
    this.reply.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); this.send(); } });
    this.reply.addEventListener("input", () => this.drafts.set(this.id, this.reply.value));
    everySecond(() => this.draw());
  }

  /** Shows the draft for this card or conversation; null hides the composer. */
  show(id) {
    this.id = id;
    this.sendKey = null;
    this.form.hidden = id === null;
    this.reply.value = this.drafts.get(id) ?? "";
  }

  focus() { this.reply.focus(); }

  draw() {
    if (this.id === null || this.form.hidden) return;
    const given = this.on.window();
    const left = given?.open && given.closes_at ? timeLeft(given.closes_at, now()) : null;
    const isOpen = Boolean(given && left !== null);
    const minutes = isOpen ? Math.floor((new Date(given.closes_at) - now()) / 60000) : 0;
    this.part("window").classList.toggle("is-low", isOpen && minutes < LOW_MIN);
    this.part("window-bar").value = minutes;
    const text = this.part("window-text");
    const words = !given ? "" : isOpen ? t("Reply window: %(left)s h left", { left }) : t("Reply window closed. It opens again when the person writes.");
    if (text.textContent !== words) text.replaceChildren(icon(isOpen || !given ? "timer" : "lock"), words);
    // While the window is not known yet words may be typed: a field taken away loses the focus, and the rest of the
    // sentence would go to the page's keys. Whether it may be sent is the server's word in any case.
    const isBarred = Boolean(given) && !(isOpen && this.on.mayWrite());
    if (this.reply.disabled !== isBarred) this.reply.disabled = isBarred;
    const hint = this.on.hint();
    if (this.reply.placeholder !== hint) this.reply.placeholder = hint;
    this.form.querySelector("[type=submit]").disabled = isBarred;
  }

  async send() {
    const text = this.reply.value.trim();
    if (!text || this.reply.disabled || this.isSending) return;
    this.isSending = true;
    const id = this.id;
    // Changed words are another answer; the same ones again are the same, however often they are sent.
    if (this.sendKey?.text !== text) this.sendKey = { text, key: api.idempotencyKey() };
    try {
      const { message } = await api.post(this.on.path(id), { text, idempotency_key: this.sendKey.key });
      this.sendKey = null;
      this.drafts.delete(id);
      if (this.id === id) this.reply.value = "";
      this.on.written(id, message);
      note(t("Goes out in a moment"), { ic: "send", seconds: HOLD_S, undo: () => this.cancel(message.id, id, text), undoLabel: t("Cancel"), undoKey: "" });
      setTimeout(() => this.on.settled(id), (HOLD_S + 1) * 1000);
    } catch (error) {
      if (error.status !== 0) this.sendKey = null;
      warn(t("Not sent: %(why)s", { why: errorText(error) }));
    } finally {
      this.isSending = false;
    }
  }

  /** Takes a held answer back; its words return to the field if nothing else stands there. */
  async cancel(messageId, id = this.id, text = "") {
    try {
      const { message } = await api.remove(`/api/v1/replies/${messageId}`);
      if (this.id === id && !this.reply.value) { this.reply.value = text || message.text; this.drafts.set(id, this.reply.value); }
      note(t("Not sent. Your text is back in the field."), { ic: "check" });
    } catch (error) {
      warn(error.isConflict ? t("Too late, it is already on its way.") : errorText(error));
    }
    this.on.settled(id);
  }
}
