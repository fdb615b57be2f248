/* Looks through a film without playing it: its frames lie side by side in one picture and one at a time is shown over
   the still. Takes no room of its own, fetches nothing before the first look, and starts no sound. */

import { el } from "./dom.js";
import { mediaUrl } from "./player.js";
import { duration, t } from "./words.js";

/** The frame under a share 0 to 1 of the width. */
export const frameAt = (share, frames) => Math.min(frames - 1, Math.max(0, Math.floor(share * frames)));

/** When a frame was taken: the middle of its part of the film. */
export const timeOf = (frame, media) => ((frame + 0.5) * (media.duration_s ?? 0)) / media.scrub.frames;

export const hasScrub = (media) => Boolean(media?.scrub?.frames && media.profiles?.scrub);

/** Where strip and window lie in a box so that one frame covers it, or fits in whole: all in pixels. */
export function layOut(box, scrub, isWhole) {
  const ratio = Math[isWhole ? "min" : "max"](box.width / scrub.width_px, box.height / scrub.height_px);
  const width = scrub.width_px * ratio;
  const height = scrub.height_px * ratio;
  return { width, height, left: (box.width - width) / 2, top: (box.height - height) / 2, strip: width * scrub.columns };
}

/** An overlay for the box that holds the still. `step(by)` and `off()` are for keys; the mouse needs nothing. */
export function makeScrub(media, { isWhole = false } = {}) {
  const { scrub } = media;
  const strip = el("img", { alt: "", decoding: "async" });
  const pane = el("span.scrub-frame", {}, strip);
  const time = el("em.scrub-time");
  const line = el("i.scrub-line");
  const root = el("span.scrub", { "aria-hidden": "true" }, pane, line, time);
  root.frame = -1;
  root.show = (frame) => {
    if (!strip.hasAttribute("src")) strip.src = mediaUrl(media, "scrub");
    const laid = layOut({ width: root.clientWidth, height: root.clientHeight }, scrub, isWhole);
    for (const name of ["width", "height", "left", "top"]) pane.style[name] = `${laid[name]}px`;
    strip.style.width = `${laid.strip}px`;
    strip.style.transform = `translateX(${-frame * laid.width}px)`;
    line.style.left = `${((frame + 0.5) * 100) / scrub.frames}%`;
    time.textContent = media.duration_s ? duration(timeOf(frame, media)) : "";
    root.frame = frame;
    root.classList.add("is-on");
  };
  root.off = () => { root.frame = -1; root.classList.remove("is-on"); };
  /** Frames on or back, from before the first or behind the last if none is shown. */
  root.step = (by) => {
    const from = root.frame >= 0 ? root.frame : by > 0 ? -1 : scrub.frames;
    root.show(frameAt((from + by + 0.5) / scrub.frames, scrub.frames));
  };
  root.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse") return;
    const box = root.getBoundingClientRect();
    const frame = frameAt((event.clientX - box.left) / box.width, scrub.frames);
    if (frame !== root.frame) root.show(frame);
  });
  root.addEventListener("pointerleave", root.off);
  return root;
}

/** The same as a slider of its own, for keys and screen readers; `pick(at_s)` is called for Enter or a press. */
export function makeScrubSlider(media, pick) {
  const overlay = makeScrub(media, { isWhole: true });
  const slider = el("div.film-scrub", { role: "slider", tabindex: 0, "aria-label": t("Look through the film"), "aria-valuemin": 1, "aria-valuemax": media.scrub.frames }, overlay);
  const say = () => {
    const frame = Math.max(0, overlay.frame);
    slider.setAttribute("aria-valuenow", frame + 1);
    slider.setAttribute("aria-valuetext", t("Frame %(number)s of %(count)s, %(time)s", { number: frame + 1, count: media.scrub.frames, time: duration(timeOf(frame, media)) }));
  };
  const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -media.scrub.frames, End: media.scrub.frames };
  slider.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && overlay.frame >= 0) pick(timeOf(overlay.frame, media));
    else if (event.key in steps) overlay.step(steps[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
    say();
  });
  slider.addEventListener("click", () => { if (overlay.frame >= 0) pick(timeOf(overlay.frame, media)); });
  slider.addEventListener("blur", overlay.off);
  say();
  return slider;
}
