/* The side pane: everything about one message. Draws what the server says about a card, saves the three fields that
   feed the presenter, plays, asks for consent, clears for air, and writes to the listener. */

import * as api from "./api.js";
import { drawAssigned } from "./assign.js";
import { blockTold, drawBlock } from "./block.js";
import { historyOf, kindIcon, kindName, loudnessOf, mainMedia, nameOf, stateOf, isMine, isSung, whyFailed } from "./card.js";
import { Composer } from "./composer.js";
import { announce, avatar, badge, button, el, errorText, icon, state } from "./dom.js";
import { barsOf, drawWave, listenable, makeWave, mediaUrl, peaksOf, player, soundOf } from "./player.js";
import { airEdges, remarkList, transcriptPart } from "./recording.js";
import { hasScrub, makeScrubSlider } from "./scrub.js";
import { gentleHint, grey, isCovered, isLookedAt, veiled } from "./covers.js";
import { blurred } from "./blurhash.js";
import { foreignLanguage } from "./languages.js";
import { drawMarks, markTold } from "./marks.js";
import { isMoving, moves, toggleMoving } from "./moving.js";
import { drawWatchers } from "./presence.js";
import { drawThread } from "./thread.js";
import { note, remember, warn } from "./toast.js";
import { FloodBox } from "./flood.js";
import { TwinsBox } from "./twins.js";
import { clockTime, clockTimeExact, duration, number, t, tenths } from "./words.js";

const BARS = 96;
const FULLY_HEARD = 0.97;
const CONSENT_WORDS = { unknown: t("No consent"), asked: t("Consent asked"), given: t("Consent given"), refused: t("Consent refused"), withdrawn: t("Consent withdrawn") };
const ACTS = {
  placed: t("arrived"), move: t("moved"), moved: t("moved"), claim: t("claimed"), claimed: t("claimed"), release: t("released"), released: t("released"), notes: t("notes changed"),
  noted: t("notes changed"), consent: t("consent recorded"), campaign: t("campaign changed"), vet: t("cleared for air"), vetted: t("cleared for air"), unvet: t("clearance taken back"), unvetted: t("clearance taken back"), undo: t("taken back"), undone: t("taken back"), edited: t("edited by the listener"), cover: t("covered for all"), uncover: t("shown to all"), withdrawn: t("withdrawn"), aired: t("aired"), apart: t("said: not the same"), block: t("blocked the sender"), unblock: t("lifted the block"), rate: t("rated"), jury: t("laid before the jury"), aside: t("sent to the lead"), back: t("back to the wall"), tag: t("tagged"), assign: t("passed on"), lapse: t("claim ran out"), untag: t("took a tag off"),
};

export class Pane {
  /** `on`: next, previous, close, verdict(act), claim(), block(), assign(), mark(what), changed(card), cardOf(id). */
  constructor(root, on) {
    this.root = root;
    this.on = on;
    this.id = null;
    this.details = null;
    this.peaks = new Map();
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.mayVet = root.dataset.mayVet === "yes";
    this.mayMove = root.dataset.mayMove?.startsWith("y") ?? false;
    this.mayOriginal = root.dataset.mayOriginal === "yes";
    this.mayReply = root.dataset.mayReply === "yes";
    root.addEventListener("click", (event) => this.#click(event));
    for (const input of this.part("fields").querySelectorAll("input")) {
      input.addEventListener("blur", () => this.#saveNotes());
      input.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); this.#saveNotes(); } });
    }
    document.getElementById("f-campaign")?.addEventListener("change", (event) => this.#act("campaign", { campaign_id: event.target.value ? Number(event.target.value) : null }, t("Campaign changed")));
    this.composer = new Composer(this.part("composer"), {
      window: () => this.details?.window ?? null,
      mayWrite: () => this.mayReply && !this.card?.listener.is_blocked,
      hint: () => (this.mayReply ? t("Reply to %(name)s …", { name: this.card ? nameOf(this.card) : "" }) : t("You may read, not answer.")),
      path: (id) => `/api/v1/cards/${id}/replies`,
      written: (id, message) => { if (this.details && this.id === id) { this.details.conversation = [...this.details.conversation, message]; this.#drawThread(); } },
      settled: (id) => { if (this.id === id) this.load(); },
    });
    this.flood = new FloodBox(this.part("flood"), { open: (card) => this.on.open?.(card), changed: (card) => this.on.changed?.(card), mayJudge: root.dataset.mayMove === "yes" });
    this.twins = new TwinsBox(this.part("twins"), { open: (card) => card && this.on.open?.(card), apart: () => this.#apart(), compare: (pair) => this.on.compare?.(pair), verdict: (to, how) => this.on.verdict(to, how), mayJudge: root.dataset.mayMove === "yes" });
    for (const type of ["change", "time"]) player.addEventListener(type, () => this.#showPlaying());
    player.addEventListener("reported", (event) => { if (event.detail.cardId === this.id) this.#drawVet(); });
  }

  get card() { return this.on.cardOf(this.id) ?? this.details?.card ?? null; }

  /** Shows a card at once from what the page knows and asks the server for the rest. */
  show(id) {
    if (id === this.id) return;
    this.#saveNotes();
    this.id = id;
    this.details = null;
    this.asking?.abort();
    clearTimeout(this.timer);
    for (const name of ["head", "scroll"]) this.part(name).hidden = id === null;
    this.composer.show(id);
    this.part("none").hidden = id !== null;
    if (id === null) return;
    this.part("scroll").scrollTop = 0;
    this.#draw(true);
    this.timer = setTimeout(() => this.load(), 120);
  }

  async load() {
    const id = this.id;
    this.asking?.abort();
    this.asking = new AbortController();
    try {
      const details = await api.get(`/api/v1/cards/${id}`, { signal: this.asking.signal });
      if (id !== this.id) return;
      this.details = details;
      this.on.changed(details.card);
      this.#draw(false);
    } catch (error) {
      if (error.name !== "AbortError" && id === this.id) this.part("thread").replaceChildren(el("p.sys", {}, icon("warn"), errorText(error)));
    }
  }

  /** The card changed: what is being typed stays. */
  update(card) { if (card.id === this.id) this.#draw(false); }
  /** Something was said in the conversation of the card shown. */
  messageChanged(payload) { if (this.id !== null && (!this.details || payload?.conversation_id === this.details.conversation_id)) this.load(); }

  focusReply() { this.open(); this.composer.focus(); }
  focusCampaign() {
    const choice = document.getElementById("f-campaign");
    if (!choice) return false;
    this.open();
    choice.focus();
    return true;
  }
  open() { document.body.classList.add("has-pane"); }
  close() { document.body.classList.remove("has-pane"); }

  /** Space on a film or a sound in the pane. */
  toggle() {
    const media = mainMedia(this.card);
    if (isCovered(media)) return;
    if (media) player.press(this.id, media, { screen: this.root.querySelector("video") });
  }

  #draw(isNew) {
    const card = this.card;
    if (!card) return;
    const said = stateOf(card);
    this.root.setAttribute("aria-label", t("Message from %(name)s", { name: nameOf(card) }));
    const face = this.part("avatar");
    face.className = `avatar l hue-${(card.listener.hue ?? 0) % 24}`;
    face.textContent = card.listener.initial ?? nameOf(card)[0];
    this.part("name").textContent = nameOf(card);
    this.part("who").textContent = [card.listener.place, historyOf(card.listener), clockTime(card.placed_at)].filter(Boolean).join(" · ");
    this.part("state").replaceChildren(...this.#stateLine(card, said));
    this.#drawPlayer(card, isNew);
    const text = this.part("text");
    text.hidden = !card.text || card.listener.is_blocked;
    text.textContent = card.listener.is_blocked ? "" : card.text;
    this.#drawFields(card, isNew);
    for (const choice of this.root.querySelectorAll("[data-consent]")) choice.setAttribute("aria-pressed", String(choice.dataset.consent === card.consent));
    this.flood.draw(card);
    this.twins.draw(card);
    this.#drawVet();
    this.#drawThread();
    drawWatchers(this.part("here"), card.id);
    drawAssigned(this.part("assigned"), card);
    drawMarks(this.part("marks"), card);
    drawBlock(this.part("block"), card, this.details?.block ?? null);
    this.#drawHistory(card);
    this.composer.draw();
    const claim = this.root.querySelector('[data-pane="claim"]');
    if (claim) {
      claim.setAttribute("aria-pressed", String(isMine(card)));
      claim.setAttribute("aria-label", isMine(card) ? t("Release (U)") : t("Claim (I)"));
      claim.title = claim.getAttribute("aria-label");
    }
  }

  #stateLine(card, said) {
    const out = [state(said.kind, said.label, said.by?.initials ? avatar(said.by, "xs") : null)];
    out.push(badge(CONSENT_WORDS[card.consent] ?? card.consent, card.consent === "given" ? "shield-check" : "shield-x", card.consent === "given" ? "b-okt" : "b-warn"));
    if (card.campaign) out.push(badge(card.campaign.name, card.campaign.icon || "campaign", "b-camp"));
    if (card.is_vetted) out.push(badge(t("Cleared for air"), "check", "b-okt"));
    if (card.is_forwarded || card.is_frequently_forwarded) out.push(badge(t("Forwarded"), "swap"));
    const language = foreignLanguage(card, this.root.dataset.language);
    if (language) out.push(badge(language, "globe"));
    if (card.is_edited) out.push(badge(t("Edited"), "edit"));
    if (card.reactions?.length) out.push(el("span.emo", {}, card.reactions.map((one) => one.emoji).join(" ")));
    if (card.state_by && said.kind !== "claimed") out.push(el("span.seen", {}, avatar(card.state_by, "xs"), `${card.state_by.name.split(" ")[0]} · ${card.state_at ? clockTime(card.state_at) : ""}`));
    return out;
  }

  /* ---------- playback ---------- */

  #drawPlayer(card, isNew) {
    const box = this.part("player");
    const media = card.listener.is_blocked ? null : mainMedia(card);
    const signature = JSON.stringify(media && [card.id, media.id, media.state, media.progress, media.reason, Object.keys(media.profiles ?? {}), media.loudness_lufs, media.quality, media.transcript?.state, media.scrub, media.cover, isCovered(media), isMoving(media)]);
    if (!isNew && box.signature === signature) return;
    // A film that runs goes on when only figures or further renditions came; other bytes or another card end it.
    const screen = player.element && box.contains(player.element) ? player.element : null;
    const isSame = Boolean(screen && media && player.isOn(card.id, media.id) && player.item.file.sha256 === listenable(media)?.sha256);
    if (screen && !isSame && box.signature !== signature) player.stop();
    box.signature = signature;
    box.hidden = !media;
    if (!media) { box.replaceChildren(); return; }
    const top = el("div.player-top", {}, el(`span.typ${isSung(card) ? "" : ".plain"}`, {}, icon(kindIcon(card)), kindName(card)), el("span.num", { "data-time": "" }, media.duration_s ? duration(media.duration_s) : ""));
    const parts = [top];
    if (isCovered(media)) { box.replaceChildren(top, veiled(media, "div.player-veil"), this.#coverLine(media)); return; }
    if (media.kind === "voice" || media.kind === "audio") parts.push(...this.#soundParts(card, media));
    else if (media.kind === "video") parts.push(...this.#filmParts(card, media, isSame ? screen : null));
    else parts.push(this.#picturePart(card, media));
    if (isLookedAt(media)) parts.push(this.#coverLine(media));
    parts.push(this.#mediaNote(media));
    if (media.state === "ready") parts.push(remarkList(media), transcriptPart(media, (at_s) => player.press(this.id, media, { at_s, screen: this.root.querySelector("video") })));
    box.replaceChildren(...parts.filter(Boolean));
    this.#showPlaying();
  }

  #cueButton(media) {
    return button(t("Headphones"), { ic: "headphones", cls: "cuebtn", key: t("Space"), "data-pane": "cue", disabled: !listenable(media) });
  }

  #soundParts(card, media) {
    return [this.#slider(card, media), el("div.player-ctl", {}, this.#cueButton(media), el("span.grow"), this.#originalLink(media))];
  }

  /** The waveform as a slider; a film has one of its sound. */
  #slider(card, media) {
    const wave = makeWave();
    drawWave(wave, peaksOf(media.peaks), 0, 72);
    this.#loadPeaks(media, wave);
    const slider = el(`div.player-wave${isSung(card) ? ".c-sung" : ""}`, { role: "slider", tabindex: 0, "data-pane": "seek", "aria-label": t("Position"), "aria-valuemin": 0, "aria-valuemax": Math.round(media.duration_s ?? 0), "aria-valuenow": 0 }, wave, ...airEdges(media), el("i.playhead", { hidden: true }));
    slider.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -5, ArrowRight: 5, Home: -1e6, End: 1e6 }[event.key];
      if (step === undefined || !player.isOn(card.id, media.id)) return;
      event.preventDefault();
      event.stopPropagation();
      player.nudge(step);
    });
    return slider;
  }

  #filmParts(card, media, running) {
    if (!listenable(media)) return [];
    const poster = media.profiles?.poster ? mediaUrl(media, "poster") : null;
    const screen = running ?? el("video.player-film", { playsinline: true, preload: "none", poster, "aria-label": t("Video from %(name)s", { name: nameOf(card) }) });
    const scrub = hasScrub(media) && makeScrubSlider(media, (at_s) => player.press(this.id, media, { at_s, screen }));
    const line = soundOf(media) && media.peaks ? this.#slider(card, media) : el("progress.bar", { max: 1000, value: 0, "aria-label": t("Position") });
    const alone = soundOf(media) && button(t("Sound only"), { ic: "headphones", cls: "cuebtn", key: "V", "data-pane": "sound" });
    return [el(`div.film${grey(media)}`, {}, screen, scrub), gentleHint(media), line, el("div.player-ctl", {}, this.#cueButton(media), alone, el("span.grow"), this.#originalLink(media))];
  }

  #picturePart(card, media) {
    const still = ["large", "still", "card", "thumb", "poster"].find((name) => media.profiles?.[name] && !media.profiles[name].mime?.startsWith("video/"));
    const profile = isMoving(media) ? "animation" : still;
    const size = { width: media.width_px, height: media.height_px };
    const image = profile && el("img.player-picture", { src: mediaUrl(media, profile), alt: t("%(kind)s from %(name)s", { kind: kindName(card), name: nameOf(card) }), decoding: "async", ...size });
    const motion = moves(media) && button(isMoving(media) ? t("Stop the animation") : t("Play the animation"), { ic: isMoving(media) ? "pause" : "play", cls: "sm", key: t("Space"), "data-pane": "moving", "aria-pressed": String(isMoving(media)) });
    return el("div", {}, el(`div.player-still${grey(media)}`, {}, media.kind === "image" && blurred(media.blurhash), image), motion && el("div.player-ctl", {}, motion), el("div.player-ctl", {}, media.file_name && el("span.muted.cut", {}, media.file_name), el("span.grow"), this.#coverButton(media), this.#webLink(media), this.#originalLink(media)));
  }

  /** Under what is covered, or looked at by this person alone: cover it again, show it to all. */
  #coverLine(media) {
    return el("div.player-ctl.cover-line", {}, isLookedAt(media) && button(t("Cover again"), { ic: "eye-off", cls: "sm", key: "B", "data-look": media.id }), this.mayMove && button(t("Show to all"), { ic: "eye", cls: "sm", key: `${t("Shift")} B`, "data-pane": "cover" }));
  }

  #coverButton(media) {
    if (media.cover || !this.mayMove) return null;
    return el("button.iconbtn.sm", { type: "button", "data-pane": "cover", "aria-label": t("Cover for all"), title: `${t("Cover for all")} (${t("Shift")} B)` }, icon("eye-off"));
  }

  #webLink(media) {
    if (!media.profiles?.web || !this.mayOriginal) return null;
    return el("a.btn.sm", { href: mediaUrl(media, "web"), download: `${media.id}.jpg` }, icon("download"), el("span", {}, t("For the web")));
  }

  #originalLink(media) {
    if (!media.profiles?.original || !this.mayOriginal) return null;
    return el("a.btn.sm", { href: mediaUrl(media, "original"), download: media.file_name || `original-${media.id}` }, icon("download"), el("span", {}, t("Original")));
  }

  #mediaNote(media) {
    if (media.state === "failed") return el("p.loud.is-off", {}, icon("warn"), el("span", {}, el("b", {}, whyFailed(media)), ` ${media.profiles?.original ? t("The original is safe.") : ""} `, media.may_retry && button(t("Try again"), { ic: "refresh", cls: "sm", "data-pane": "retry" })));
    if (media.state === "waiting") return el("p.loud", {}, icon("clock"), el("span", {}, t("Waiting to be fetched from the provider.")));
    if (media.state === "fetching") return el("p.loud", {}, icon("loader", "spin"), el("span", {}, t("Being fetched from the provider.")));
    const loudness = loudnessOf(media);
    if (!loudness) return media.state === "processing" ? el("p.loud", {}, icon("loader", "spin"), el("span", {}, t("Still being converted and measured."))) : null;
    const peak = media.true_peak_dbtp !== null && media.true_peak_dbtp !== undefined ? ` ${t("Peak %(peak)s dBTP.", { peak: tenths(media.true_peak_dbtp) })}` : "";
    const distance = tenths(Math.abs(loudness.off_lu));
    const words = Math.abs(loudness.off_lu) <= 1 ? t("on target.") : loudness.off_lu > 0 ? t("%(lu)s LU too loud. For air it is brought to %(target)s.", { lu: distance, target: tenths(loudness.target) }) : t("%(lu)s LU too quiet. For air it is brought to %(target)s.", { lu: distance, target: tenths(loudness.target) });
    return el(`p.loud${loudness.isOff ? ".is-off" : ""}`, {}, icon("gauge"), el("span", {}, el("b", {}, `${loudness.text} LUFS`), `, ${words}${peak}`));
  }

  async #loadPeaks(media, wave) {
    if (!media.profiles?.peaks) return;
    if (!this.peaks.has(media.id)) {
      try {
        this.peaks.set(media.id, barsOf(await api.get(mediaUrl(media, "peaks")), BARS));
        if (this.peaks.size > 40) this.peaks.delete(this.peaks.keys().next().value);
      } catch {
        return;
      }
    }
    const bars = this.peaks.get(media.id);
    if (bars?.length) { drawWave(wave, bars, 0, 72); this.#showPlaying(); }
  }

  #showPlaying() {
    const card = this.card;
    const media = card && mainMedia(card);
    const cue = this.root.querySelector('[data-pane="cue"]');
    if (!media || !cue) return;
    const isOn = player.isOn(card.id, media.id);
    const plays = isOn && player.isPlaying;
    const sounds = plays && !player.isSoundOnly;
    const alone = this.root.querySelector('[data-pane="sound"]');
    if (alone && alone.classList.contains("is-on") !== (plays && !sounds)) {
      alone.classList.toggle("is-on", plays && !sounds);
      alone.firstElementChild.replaceWith(icon(plays && !sounds ? "pause" : "headphones"));
    }
    this.part("player").querySelector(".film")?.classList.toggle("is-running", sounds);
    if (cue.classList.contains("is-on") !== sounds) {
      cue.classList.toggle("is-on", sounds);
      cue.firstElementChild.replaceWith(icon(sounds ? "pause" : "headphones"));
      this.#drawVet();
    }
    const share = isOn && player.duration_s ? player.position_s / player.duration_s : 0;
    const wave = this.part("player").querySelector(".wave");
    if (wave?.bars) drawWave(wave, wave.bars, share, 72);
    const head = this.part("player").querySelector(".playhead");
    if (head) { head.hidden = !isOn; head.style.left = `${share * 100}%`; }
    const line = this.part("player").querySelector("progress.bar");
    if (line) line.value = share * 1000;
    this.root.querySelector("[role=slider]")?.setAttribute("aria-valuenow", Math.round(isOn ? player.position_s : 0));
    const time = this.root.querySelector("[data-time]");
    const text = isOn ? `${duration(player.position_s)} / ${duration(media.duration_s)}` : duration(media.duration_s);
    if (time && time.textContent !== text && media.duration_s) time.textContent = text;
    if (isOn && player.fault) announce(player.fault);
  }

  /* ---------- fields, consent, clearing ---------- */

  #drawFields(card, isNew) {
    for (const input of this.part("fields").querySelectorAll("input")) {
      if (!isNew && (input === document.activeElement || input.value !== (input.dataset.saved ?? ""))) continue;
      input.value = input.dataset.saved = card[input.name] ?? "";
    }
    const campaign = document.getElementById("f-campaign");
    if (campaign && campaign !== document.activeElement) campaign.value = String(card.campaign?.id ?? "");
    this.part("slot").textContent = card.slots?.length ? t("Slot %(position)s · %(edition)s", { position: card.slots[0].position, edition: card.slots[0].edition ?? "" }) : t("Put into rundown (L)");
  }

  async #saveNotes() {
    if (this.id === null) return;
    const id = this.id;
    const inputs = [...this.part("fields").querySelectorAll("input")];
    if (inputs.every((input) => input.value === (input.dataset.saved ?? ""))) return;
    const values = Object.fromEntries(inputs.map((input) => [input.name, input.value.trim()]));
    const before = inputs.map((input) => input.dataset.saved);
    for (const input of inputs) input.dataset.saved = input.value;
    try {
      const answer = await api.post(`/api/v1/cards/${id}/notes`, { version: this.card.version, ...values });
      this.on.changed(answer.card);
      announce(t("Saved"));
    } catch (error) {
      if (error.isConflict && error.current) {
        // Someone else changed the card meanwhile: what was typed here stays typed and is saved upon the newer version.
        this.on.changed(error.current);
        try {
          this.on.changed((await api.post(`/api/v1/cards/${id}/notes`, { version: error.current.version, ...values })).card);
          return;
        } catch { /* said below */ }
      }
      if (this.id === id) inputs.forEach((input, at) => { input.dataset.saved = before[at]; });
      warn(t("Not saved: %(why)s", { why: errorText(error) }));
    }
  }

  /** Clears exactly what was heard; waits until the server knows that it was. */
  async #vet(control, media) {
    const { id } = this;
    control.disabled = true;
    await player.told;
    if (id === this.id) await this.#act("vet", { sha256: (listenable(media) ?? media.profiles.large ?? media.profiles.card ?? media.profiles.original).sha256 }, t("Cleared for air"));
    this.part("vet").signature = "";
    this.#drawVet();
  }

  async #act(path, body, done) {
    try {
      const answer = await api.post(`/api/v1/cards/${this.id}/${path}`, body);
      if (answer?.card) this.on.changed(answer.card);
      if (done) note(done, { ic: "check" });
      this.load();
    } catch (error) {
      if (error.current) this.on.changed(error.current);
      warn(errorText(error));
    }
  }

  /** An act of anybody's, out of the history. Where it had the focus, the list keeps it. */
  async #takeBack(actId) {
    try {
      const answer = await api.post(`/api/v1/undo/${actId}`);
      this.on.changed(answer.card);
      note(t("Taken back"), { ic: "undo" });
    } catch (error) {
      if (error.current) this.on.changed(error.current);
      warn(errorText(error));
    }
    await this.load();
    this.part("history").closest("details").querySelector("summary").focus();
  }

  /** A person says that this card is not the same as those it stands with. */
  async #apart() {
    try {
      const answer = await api.post(`/api/v1/cards/${this.id}/apart`);
      this.on.changed(answer.card);
      remember(answer.undo_id, t("Not the same any more"), (undone) => { if (undone?.card) this.on.changed(undone.card); });
    } catch (error) {
      if (error.current) this.on.changed(error.current);
      warn(errorText(error));
    }
  }

  #drawVet() {
    const card = this.card;
    if (!card) return;
    const box = this.part("vet");
    const media = mainMedia(card);
    const file = media && (listenable(media) ?? media.profiles?.large ?? media.profiles?.card ?? media.profiles?.original);
    box.hidden = !media || !file || card.listener.is_blocked || isCovered(media);
    if (box.hidden) return;
    const vetting = this.details?.vetting;
    const needsEars = Boolean(listenable(media));
    const share = needsEars ? player.heardShare(media) : 1;
    const signature = JSON.stringify([card.id, card.is_vetted, vetting, Math.round(share * 50), file.sha256, this.mayVet]);
    if (box.signature === signature) return;
    box.signature = signature;
    if (card.is_vetted) {
      const who = vetting?.by?.name ? t("Cleared by %(name)s at %(time)s", { name: vetting.by.name, time: clockTime(vetting.at) }) : t("Cleared for air");
      box.replaceChildren(el("p", {}, icon("check"), who), this.mayVet ? button(t("Take back"), { ic: "undo", cls: "sm ghost", "data-pane": "unvet" }) : "");
      return;
    }
    if (!this.mayVet) { box.replaceChildren(el("p", {}, icon("lock"), t("Not cleared for air yet"))); return; }
    const isHeard = share >= FULLY_HEARD;
    const reason = isHeard ? t("Heard in full. Nothing else will be played than exactly this.") : t("Clearing opens when you have heard all of it: %(share)s%%", { share: number(Math.floor(share * 100)) });
    box.replaceChildren(button(t("Clear for air"), { ic: "check", cls: "", "data-pane": "vet", disabled: !isHeard }), el("p", {}, isHeard ? icon("headphones") : icon("lock"), reason));
  }

  /* ---------- conversation ---------- */

  #drawThread() { drawThread(this.part("thread"), this.details?.conversation, { media: this.card?.media ?? [] }); }

  #drawHistory(card) {
    const rows = this.details?.history ?? [];
    const word = (act) => ACTS[act] ?? ACTS[act?.split(/[._]/).at(-1)] ?? act;
    this.part("history").replaceChildren(...rows.map((row) => {
      const told = [row.by?.name, word(row.act), blockTold(row.details), markTold(row)].filter(Boolean).join(" ");
      const back = row.may_undo && this.mayMove && button(t("Take back"), { ic: "undo", cls: "sm link", "data-act": row.id, "aria-label": `${t("Take back")}: ${told}` });
      return el(row.is_undone ? "li.is-undone" : "li", {}, el("time", { datetime: row.at }, clockTimeExact(row.at)), el("span", {}, told), back);
    }));
    this.part("files").replaceChildren(...(card.media ?? []).flatMap((media) => Object.entries(media.profiles ?? {}).map(([name, file]) => el("span", {}, `${name} · ${number(Math.max(1, Math.round((file.bytes ?? 0) / 1000)))} kB`))));
  }

  #click(event) {
    const held = event.target.closest("[data-cancel]");
    if (held) { this.composer.cancel(Number(held.dataset.cancel)); return; }
    const consent = event.target.closest("[data-consent]");
    if (consent) { this.#act("consent", { act: consent.dataset.consent, note: "" }, t("Consent recorded: %(word)s", { word: consent.textContent })); return; }
    const mark = event.target.closest("[data-mark]");
    if (mark) { this.on.mark(mark.dataset.mark); return; }
    const back = event.target.closest("[data-act]");
    if (back) { this.#takeBack(Number(back.dataset.act)); return; }
    const control = event.target.closest("[data-pane]");
    if (!control || control.disabled) return;
    const media = this.card && mainMedia(this.card);
    const acts = {
      next: () => this.on.next(), previous: () => this.on.previous(), close: () => this.on.close(),
      shortlist: () => this.on.verdict("shortlisted"), reject: () => this.on.verdict("rejected"), claim: () => this.on.claim(), plan: () => this.on.plan(),
      cue: () => this.toggle(),
      sound: () => media && player.press(this.id, media, { soundOnly: true }),
      seek: () => {
        const box = control.getBoundingClientRect();
        const soundOnly = player.isSoundOnly && player.isOn(this.id, media?.id);
        if (media) player.press(this.id, media, { at_s: ((event.clientX - box.left) / box.width) * (media.duration_s ?? 0), soundOnly, screen: soundOnly ? null : this.root.querySelector("video") });
      },
      block: () => this.on.block(),
      assign: () => this.on.assign(),
      lead: () => this.on.lead?.(),
      retry: () => media && this.on.retry(media),
      vet: () => this.#vet(control, media),
      cover: () => this.on.cover?.(),
      moving: () => media && toggleMoving(media),
      unvet: () => this.#act("unvet", {}, t("Clearance taken back")),
    };
    acts[control.dataset.pane]?.();
  }
}
