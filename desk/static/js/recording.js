/* What the desk found out about a file, in words: how good it is, whether it is sung, why it is not at the
   station's level, and what is said in it. Suggestions for sorting; nothing here hides or decides. */

import { el, icon } from "./dom.js";
import { number, t, tenths } from "./words.js";

const SURE_ENOUGH = 0.6;
const MOST_ON_A_CARD = 1;
const SEEN_S = 0.05;
const CALM = new Set(["short", "long", "uneven", "several_voices", "frozen", "hdr"]);

/** Figures as the person's language writes them. */
const written = (facts) => Object.fromEntries(Object.entries(facts ?? {}).map(([name, value]) => [name, typeof value === "number" ? number(value).replace("-", "−") : value]));

/** The remarks as sentences, the gravest first. */
export const remarksOf = (media) => (media?.quality ?? []).map((one) => ({ code: one.code, text: t(one.text, written(one.facts)), isCalm: CALM.has(one.code) }));

/** Whether it is probably sung; null when nobody can tell. */
export function isProbablySung(media) {
  const kind = media?.voice_kind;
  return kind && kind.confidence >= SURE_ENOUGH ? kind.kind === "song" : null;
}

const kindWords = (media) => (isProbablySung(media) === null ? "" : t(isProbablySung(media) ? "Probably sung (%(share)s %%)" : "Probably spoken (%(share)s %%)", { share: number(Math.round(media.voice_kind.confidence * 100)) }));

/** One line for a card: the gravest remark, or nothing. */
export function remarkLine(media) {
  const found = remarksOf(media).filter((one) => !one.isCalm).slice(0, MOST_ON_A_CARD);
  return found.map((one) => el("p.remark", { title: one.text }, icon("warn"), one.text))[0] ?? "";
}

/** All that is known, for the pane. */
export function remarkList(media) {
  const lines = remarksOf(media).map((one) => el(`li${one.isCalm ? "" : ".is-off"}`, {}, icon(one.isCalm ? "info" : "warn"), el("span", {}, one.text)));
  if (media.level_note) lines.push(el("li", {}, icon("gauge"), el("span", {}, t(media.level_note.text, written(media.level_note.facts)))));
  const kind = kindWords(media);
  if (kind) lines.push(el("li", {}, icon(isProbablySung(media) ? "note" : "mic"), el("span", {}, kind)));
  return lines.length ? el("ul.remarks", { "aria-label": media.kind === "voice" || media.kind === "audio" ? t("About this recording") : t("About this file") }, lines) : null;
}

/** Shades over a waveform: what of the sound the copy for air leaves out at both ends. */
export function airEdges(media) {
  const { air_in_s: from_s, air_out_s: until_s, duration_s } = media;
  if (!duration_s || from_s === null || from_s === undefined || until_s === null || until_s === undefined) return [];
  const shades = [["left", from_s], ["right", duration_s - until_s]].filter(([, left_out_s]) => left_out_s > SEEN_S);
  return shades.map(([side, left_out_s]) => {
    const shade = el(`i.air-edge.is-${side}`, { title: t("Not in the copy for air: %(seconds)s s", { seconds: tenths(left_out_s) }) });
    shade.style.setProperty("width", `${(Math.min(1, left_out_s / duration_s) * 100).toFixed(2)}%`);
    return shade;
  });
}

/** What is said, as far as it was written down: plain words for a card. */
export function saidIn(media) {
  const said = media?.transcript;
  if (said?.state === "ready") return said.text;
  return said?.state === "sung" ? t("Sung, no text") : "";
}

/** The words with their times; a press on one goes there. `seek(at_s)`; null where nobody asked for the words. */
export function transcriptPart(media, seek) {
  const said = media?.transcript;
  if (!said || said.state === "off") return null;
  const head = el("h3", {}, icon("text"), t("Written down by the machine"));
  if (said.state === "waiting") return el("section.said", {}, head, el("p.muted", {}, t("Is being written down.")));
  if (said.state === "failed") return el("section.said", {}, head, el("p.muted", {}, t("Could not be written down. The recording is not affected.")));
  if (said.state === "sung") return el("section.said", {}, head, el("p.muted", {}, t("Sung, no text")));
  if (!said.text) return el("section.said", {}, head, el("p.muted", {}, t("Nobody speaks.")));
  const words = said.words.map(([word, at_s]) => el("span.word", { "data-at": at_s }, word));
  const text = el("p", { lang: said.language, dir: "auto" }, words.length ? words.flatMap((word) => [word, " "]) : said.text);
  text.addEventListener("click", (event) => { const word = event.target.closest("[data-at]"); if (word) seek(Number(word.dataset.at)); });
  return el("section.said", {}, head, text);
}
