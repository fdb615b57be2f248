/* The dialog that asks for an export, shows how far it is, and lists those that can still be fetched. The work goes on
   in the house when the dialog is closed; its end is told once. */

import * as api from "./api.js";
import { el, errorText, icon, state } from "./dom.js";
import { note, warn } from "./toast.js";
import { clockTime, day, number, t, tenths, tn } from "./words.js";

const dialog = document.getElementById("export-dialog");
const $ = (id) => document.getElementById(id);
const known = new Map();
let campaign = null;
let told = false;

const REASONS = {
  "contests.file_missing": () => t("A media file is missing in the store. The operators see which; nothing else is lost."),
  "contests.file_damaged": () => t("A media file in the store is damaged. No export was made, because it could not be trusted."),
  "contests.entry_withdrawn": () => t("A message in it was withdrawn. Make a new export without it."),
  "contests.entries_changed": () => t("A message was withdrawn meanwhile. The export is made again without it."),
};
const reasonOf = (one) => REASONS[one.reason]?.() ?? t("The export could not be made. The operators see why; the entries are safe.");
const isUnderWay = (one) => one.state === "queued" || one.state === "running";
const size = (bytes) => (bytes >= 1e9 ? t("%(size)s GB", { size: tenths(bytes / 1e9) }) : bytes >= 1e6 ? t("%(size)s MB", { size: tenths(bytes / 1e6) }) : t("%(size)s kB", { size: number(Math.max(1, Math.round(bytes / 1e3))) }));
const moment = (at) => `${day(at)}, ${clockTime(at)}`;

/** Opens the dialog for a campaign; asks for the list, since a page that slept may have missed an end. */
export async function show(one) {
  if (!dialog) return;
  campaign = one;
  $("export-h").textContent = t("Export %(name)s", { name: one.name });
  $("export-count").textContent = tn("%(num)s entry", "%(num)s entries", one.entries);
  told = true;
  draw();
  dialog.showModal();
  try {
    for (const found of (await api.get(`/api/v1/campaigns/${one.id}/exports`)).exports) known.set(found.id, found);
    draw();
  } catch (error) {
    warn(errorText(error));
  }
}

/** An export as the server tells it. */
export function take(one) {
  const before = known.get(one.id);
  if (before && !isUnderWay(before) && isUnderWay(one)) return;
  known.set(one.id, one);
  if (!before && isUnderWay(one)) told = true;
  draw();
  if (!told || !before || !isUnderWay(before) || isUnderWay(one)) return;
  const text = one.state === "ready" ? t("The export is ready.") : reasonOf(one);
  $("export-said").textContent = text;
  if (dialog?.open) return;
  if (one.state === "ready") note(text, { ic: "check", action: download(one, "btn sm link") });
  else warn(text);
}

const download = (one, cls = "btn sm") => el(`a.${cls.split(" ").join(".")}`, { href: one.url, download: "" }, icon("download"), el("span", {}, t("Download")));

function line(one) {
  const words = one.state === "ready" ? [tn("%(num)s entry", "%(num)s entries", one.total), size(one.bytes), t("until %(time)s", { time: moment(one.expires_at) })]
    : [one.state === "failed" || one.reason ? reasonOf(one) : t("The time to fetch it is over.")];
  const said = { ready: ["ok", t("Ready")], failed: ["failed", t("Failed")], expired: ["planned", t("Expired")] }[one.state];
  return el("li", {}, state(...said), el("span.exp-words", {}, el("b", {}, moment(one.created_at)), el("small", {}, words.join(" · "))),
    el("span.grow"), one.state === "ready" && download(one));
}

function draw() {
  if (!dialog) return;
  const all = [...known.values()].sort((a, b) => b.id - a.id);
  const now = all.find(isUnderWay) ?? null;
  const earlier = all.filter((one) => !isUnderWay(one));
  $("export-now").hidden = !now;
  if (now) drawProgress(now);
  $("export-earlier").hidden = earlier.length === 0;
  $("exports").replaceChildren(...earlier.map(line));
  $("make-export").disabled = Boolean(now) || !campaign?.entries;
}

function drawProgress(one) {
  const waits = one.state === "queued";
  $("export-step").textContent = !waits ? t("Media and table are being packed") : one.reason ? t("The media store does not answer. The export goes on by itself.") : t("Waiting for a free worker");
  $("export-figures").textContent = waits ? "" : t("%(done)s of %(total)s", { done: number(one.done), total: number(one.total) });
  const bar = $("export-now").querySelector("progress");
  bar.max = Math.max(1, one.total);
  bar.value = one.done;
  $("export-hint").textContent = t("Goes on when you close this window. You are told when it is ready.");
}

async function ask() {
  told = true;
  $("make-export").disabled = true;
  try {
    const answer = await api.post(`/api/v1/campaigns/${campaign.id}/exports`);
    take(answer.export);
  } catch (error) {
    warn(errorText(error));
    draw();
  }
}

$("make-export")?.addEventListener("click", ask);
