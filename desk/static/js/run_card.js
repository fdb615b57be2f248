/* The card on screen in a run: who it is from, what it says, its picture, film or waveform, and how far it was heard.
   Knows nothing of the pile, of verdicts or of what may sound. */

import * as api from "./api.js";
import { bodyOf, historyOf, kindName, loudnessOf, mainMedia, moreTitle, nameOf, similar, twinsTitle } from "./card.js";
import { gentleHint, grey, isCovered, veiled } from "./covers.js";
import { now } from "./clock.js";
import { announce, badge, button, el, icon } from "./dom.js";
import { drawMarks } from "./marks.js";
import { isMoving, moves } from "./moving.js";
import { barsOf, drawWave, listenable, makeWave, mediaUrl, peaksOf, player, soundOf } from "./player.js";
import { remarksOf, saidIn } from "./recording.js";
import { clockTime, dayAndTime, duration, sameDay, t } from "./words.js";

const BARS = 140;
const COVERED = new Set(["image", "video", "sticker", "document"]);
const $ = (id) => document.getElementById(id);

export class RunCard {
  /** `place` knows where each card was left, `learnPeaks(file)` is told of the waveform, `isPutOff(id)` asks the run. */
  constructor({ place, learnPeaks, isPutOff }) {
    Object.assign(this, { place, learnPeaks, isPutOff });
    this.card = null;
  }

  /** Shows a card; `isNew`: another one than before. */
  draw(card, isNew) {
    this.card = card;
    $("face").className = `avatar l hue-${(card.listener.hue ?? 0) % 24}`;
    $("face").textContent = card.listener.initial ?? nameOf(card)[0];
    $("name").textContent = nameOf(card);
    $("who").textContent = [kindName(card), card.listener.place, historyOf(card.listener), sameDay(card.placed_at, now()) ? clockTime(card.placed_at) : dayAndTime(card.placed_at)].filter(Boolean).join(" · ");
    $("main").setAttribute("aria-label", t("Message from %(name)s", { name: nameOf(card) }));
    this.#drawBadges(card);
    drawMarks($("marks"), card, { hasJury: false });
    const media = card.listener.is_blocked ? null : mainMedia(card);
    Object.assign($("main").dataset, { card: card.id, kind: card.kind, media: media?.state ?? "" });
    const signature = JSON.stringify([card.id, card.kind, card.text, media && [media.state, media.reason, media.progress, Object.keys(media.profiles ?? {}).sort(), media.peaks, media.transcript?.state, isCovered(media), isMoving(media)], card.listener.is_blocked]);
    // A film that somebody watches is not taken from under them, whatever else becomes known of it.
    const isWatched = !isNew && Boolean(player.element) && $("body").contains(player.element) && !isCovered(media);
    if (isNew || (!isWatched && $("body").signature !== signature)) {
      $("body").signature = signature;
      this.#drawBody(card, media);
    }
    drawCover(media);
    $("alone").hidden = media?.kind !== "video" || !soundOf(media);
    const loudness = loudnessOf(media);
    $("lufs").textContent = loudness ? `${loudness.text} LUFS${loudness.isOff ? ` · ${loudness.word}` : ""}` : "";
    this.showPlaying();
    if (isNew) announce([kindName(card), nameOf(card), card.listener.place, media?.duration_s && duration(media.duration_s), card.listener.is_blocked ? "" : card.text?.slice(0, 120)].filter(Boolean).join(", "));
  }

  #drawBadges(card) {
    const out = [];
    if (this.isPutOff(card.id)) out.push(badge(t("Put off once"), "clock"));
    if (card.is_late) out.push(badge(t("late"), "clock", "b-warn"));
    if (card.is_frequently_forwarded || card.is_forwarded) out.push(badge(card.is_frequently_forwarded ? t("Forwarded many times") : t("Forwarded"), "swap"));
    if (card.more && !card.listener.is_blocked) out.push(badge(moreTitle(card), "layers"));
    if (card.twins && !card.copies && !card.listener.is_blocked) out.push(badge(similar(card.twins), "layers", "b-dup", twinsTitle(card.twins)));
    if (card.campaign) out.push(badge(card.campaign.name, card.campaign.icon || "campaign", "b-camp"));
    if (card.consent === "given") out.push(badge(t("Consent given"), "shield-check", "b-okt"));
    else if (card.consent === "refused" || card.consent === "withdrawn") out.push(badge(card.consent === "refused" ? t("Consent refused") : t("Consent withdrawn"), "shield-x", "b-warn"));
    for (const one of remarksOf(card.listener.is_blocked ? null : mainMedia(card))) if (!one.isCalm) out.push(badge(one.text, "warn", "b-warn"));
    $("badges").replaceChildren(...out);
  }

  #drawBody(card, media) {
    const box = $("body");
    const isHidden = isCovered(media);
    const isSound = media && !isHidden && (media.kind === "voice" || media.kind === "audio") && listenable(media);
    const text = $("text");
    text.textContent = card.listener.is_blocked || (!media && card.kind !== "text") ? "" : card.text || saidIn(media);
    text.classList.toggle("is-long", text.textContent.length > 400);
    $("ctl").hidden = isHidden || !(media && listenable(media));
    box.className = "tri-body";
    if (isHidden) box.replaceChildren(veiled(media, "div.tri-veil"));
    else if (isSound) {
      const wave = makeWave();
      drawWave(wave, peaksOf(media.peaks), 0, 120);
      box.classList.add("tri-wave");
      box.replaceChildren(wave, el("i.playhead", { hidden: true }));
      this.#loadPeaks(media, wave);
    } else if (media?.kind === "video" && listenable(media)) {
      box.replaceChildren(...[el(`video.tri-film${grey(media)}`, { playsinline: true, preload: "none", poster: media.profiles?.poster ? mediaUrl(media, "poster") : null, "aria-label": t("Video from %(name)s", { name: nameOf(card) }) }), gentleHint(media)].filter(Boolean));
    } else if (card.kind === "text" && !media && !card.listener.is_blocked) box.replaceChildren();
    else {
      const profile = media && [...(isMoving(media) ? ["animation"] : []), "large", "still", "card", "thumb", "poster"].find((name) => media.profiles?.[name] && !media.profiles[name].mime?.startsWith("video/"));
      const motion = profile && moves(media) && button(isMoving(media) ? t("Stop the animation") : t("Play the animation"), { ic: isMoving(media) ? "pause" : "play", cls: "sm", key: t("Space"), "data-moving": "", "aria-pressed": String(isMoving(media)) });
      if (profile) box.replaceChildren(...[el(`img.tri-picture${grey(media)}`, { src: mediaUrl(media, profile), alt: t("%(kind)s from %(name)s", { kind: kindName(card), name: nameOf(card) }), decoding: "async" }), motion].filter(Boolean));
      else {
        box.replaceChildren(el("div.tri-plain", {}, bodyOf(card)));
        for (const control of box.querySelectorAll("[tabindex='-1']")) control.removeAttribute("tabindex"); // no pane here has it
        if (media) text.textContent = "";
      }
    }
    box.classList.toggle("is-none", box.childElementCount === 0);
  }

  async #loadPeaks(media, wave) {
    if (!media.profiles?.peaks) return;
    try {
      const file = await api.get(mediaUrl(media, "peaks"));
      const bars = barsOf(file, BARS);
      if (!bars.length || !wave.isConnected) return;
      this.learnPeaks(file);
      drawWave(wave, bars, 0, 120);
      this.showPlaying();
    } catch { /* the small peaks stay */ }
  }

  /** How far the card on screen was heard, and whether it sounds now. */
  showPlaying() {
    const { card } = this;
    const media = card && mainMedia(card);
    if (!media) return;
    const isOn = player.isOn(card.id, media.id);
    const plays = isOn && player.isPlaying;
    const isAlone = media.kind === "video" && player.isSoundOnly;
    showSounding($("cue"), plays && !isAlone);
    showSounding($("alone"), plays && isAlone);
    const at_s = isOn ? player.position_s : this.place.of(card.id);
    const length_s = (isOn && player.duration_s) || media.duration_s;
    const share = length_s ? at_s / length_s : 0;
    const wave = $("body").querySelector(".wave");
    if (wave?.bars) drawWave(wave, wave.bars, share, 120);
    const head = $("body").querySelector(".playhead");
    if (head) { head.hidden = !isOn && !at_s; head.style.left = `${share * 100}%`; }
    $("time").replaceChildren(el("b", {}, duration(at_s)), ` / ${duration(media.duration_s)}`);
  }
}

/** The way to lay a picture open for all, or to cover it for all. */
function drawCover(media) {
  const control = $("cover");
  control.hidden = !media || !COVERED.has(media.kind) || media.state === "failed";
  control.querySelector("span").textContent = media?.cover ? t("Show to all") : t("Cover for all");
  control.querySelector(".i").replaceWith(icon(media?.cover ? "eye" : "eye-off"));
}

function showSounding(button, sounds) {
  if (button.classList.contains("is-on") === sounds) return;
  button.classList.toggle("is-on", sounds);
  button.firstElementChild.replaceWith(icon(sounds ? "pause" : "headphones"));
}
