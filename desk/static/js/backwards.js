/* A campaign's rule run backwards: the dialog that says what it would take of what came before, what stays and why, with
   examples, and starts the sweep. How far that is and the way back are sweeps.js's matter. */

import * as api from "./api.js";
import { el, errorText, icon } from "./dom.js";
import { goesFor, heard, kindWords, whatStays } from "./sweeps.js";
import { clockTime, day, number, t, tn } from "./words.js";

const $ = (id) => document.getElementById(id);
const dialog = $("back-dialog");
let campaign = null;
let sweep = null;
let asking = 0;

const moment = (at) => `${day(at)}, ${clockTime(at)}`;
const spans = () => [...dialog.querySelectorAll("[name=span]")];

function example(one) {
  return el("li", {}, el("p", {}, el("b", {}, one.name), el("span.muted", {}, [moment(one.at), one.from && t("out of %(name)s", { name: one.from })].filter(Boolean).join(" · "))),
    el("p.back-text", { dir: "auto" }, one.before, one.word ? el("mark", {}, one.word) : null, one.after, one.before || one.word || one.after ? null : kindWords({ [one.kind]: 1 })));
}

function say(sum, words = [], examples = []) {
  $("back-sum").textContent = sum;
  $("back-words").replaceChildren(...words.map((one) => el("li", {}, icon(one.ic), el("span", {}, one.text))));
  $("back-examples").replaceChildren(...examples.map(example));
  $("back-shown").hidden = !examples.length;
}

/** What the server found, in sentences: what goes and where from, then what stays. */
function wordsOf(answer) {
  const goes = [
    ...answer.sources.filter((one) => one.id !== null).map((one) => tn("%(num)s of them leaves %(name)s.", "%(num)s of them leave %(name)s.", one.cards, { name: one.name })),
    answer.before_opening ? tn("%(num)s of them was sent before the campaign opened.", "%(num)s of them were sent before the campaign opened.", answer.before_opening) : "",
    answer.sweep.is_cut ? t("There are more; these are the newest. Run it once more afterwards.") : "",
    answer.read_to ? t("Looked through was only what came since %(time)s; before that there is too much.", { time: moment(answer.read_to) }) : "",
  ];
  const remains = [
    answer.already ? tn("%(num)s is in it already.", "%(num)s are in it already.", answer.already) : "",
    ...whatStays(answer.stays),
    campaign.closes_at && campaign.state === "closed" ? t("What was sent after the close stays out.") : "",
  ];
  return [...goes.filter(Boolean).map((text) => ({ ic: "info", text })), ...remains.filter(Boolean).map((text) => ({ ic: "lock", text }))];
}

function show(answer) {
  const num = goesFor(sweep);
  say(num ? t("%(count)s: %(kinds)s.", { count: tn("%(num)s message goes in", "%(num)s messages go in", num), kinds: kindWords(sweep.kinds) }) : t("Nothing more from this time fits."), wordsOf(answer), answer.examples);
  $("back-start").disabled = num === 0;
  $("back-start").querySelector("span").textContent = num ? t("Sort in %(count)s", { count: number(num) }) : t("Sort in");
}

/** Asks what would happen; nothing is changed by it. */
async function look() {
  const mine = (asking += 1);
  sweep = null;
  $("back-start").disabled = true;
  $("back-said").setAttribute("aria-busy", "true");
  say(t("Looking through what came in …"));
  try {
    const span = spans().find((one) => one.checked).value;
    const answer = await api.post(`/api/v1/campaigns/${campaign.id}/backwards`, { span, key: api.idempotencyKey() });
    if (mine !== asking) return;
    sweep = answer.sweep;
    show(answer);
  } catch (error) {
    if (mine === asking) say(errorText(error), [], []);
  } finally {
    if (mine === asking) $("back-said").setAttribute("aria-busy", "false");
  }
}

async function start() {
  $("back-start").disabled = true;
  try {
    heard(await api.post(`/api/v1/sweeps/${sweep.id}/start`), true);
    dialog.close();
  } catch (error) {
    say(errorText(error));
    if (error.isUnreachable) $("back-start").disabled = false;
  }
}

/** Opens the dialog for a campaign, from its opening on; from today on for one that opened just now. */
export function open(one) {
  if (!dialog || dialog.open) return;
  campaign = one;
  const isNew = Date.now() - Date.parse(one.opens_at) < 3600_000;
  const first = spans().find((radio) => radio.value === (isNew ? "today" : "start"));
  first.checked = true;
  $("back-keywords").textContent = one.keywords || t("none: every message enters");
  dialog.showModal();
  first.focus();
  look();
}

for (const radio of dialog ? spans() : []) radio.addEventListener("change", look);
dialog?.addEventListener("close", () => { asking += 1; });
$("back-start")?.addEventListener("click", start);
