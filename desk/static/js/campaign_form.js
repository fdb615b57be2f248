/* The dialog in which a campaign is opened or changed. Times are typed and shown as station time; a time that was not
   touched is not sent, so that the hour that comes twice in autumn stays the one it was. */

import * as api from "./api.js";
import { el, errorText, icon } from "./dom.js";
import { t } from "./words.js";

const dialog = document.getElementById("campaign-dialog");
const form = document.getElementById("campaign-form");
const zone = document.querySelector('meta[name="time-zone"]')?.content || undefined;
const written = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const FIELDS = ["name", "keywords", "opens_at", "closes_at"];

let shown = null;
let shownValues = {};
let onSaved = () => {};

/** As the field takes it: 2026-11-22T23:59. */
const toField = (at) => (at ? written.format(new Date(at)).replace(" ", "T") : "");

/** Opens the dialog for a campaign, or for a new one (null); `saved(campaign, isNew)` is called once it is kept. */
export function open(campaign, saved) {
  if (!dialog) return;
  onSaved = saved;
  show(campaign);
  dialog.showModal();
  form.elements.name.focus();
}

function show(campaign) {
  shown = campaign;
  document.getElementById("campaign-h").textContent = campaign ? t("Edit campaign") : t("New campaign");
  shownValues = { name: campaign?.name ?? "", keywords: campaign?.keywords ?? "", opens_at: toField(campaign?.opens_at), closes_at: toField(campaign?.closes_at) };
  for (const name of FIELDS) form.elements[name].value = shownValues[name];
  form.elements.icon.value = campaign?.icon ?? "campaign";
  form.elements.hue.value = String(campaign?.hue ?? 14);
  say({});
}

/** Puts the sentences of the faults beside their fields; `other` stands above. */
function say(fields, other = "") {
  for (const name of FIELDS) {
    const input = form.elements[name];
    const box = input.closest(".field");
    box.querySelector(".err")?.remove();
    box.classList.toggle("is-err", Boolean(fields[name]));
    input.toggleAttribute("aria-invalid", Boolean(fields[name]));
    const hints = `${input.id}-h`;
    const parts = [document.getElementById(hints) && hints];
    if (fields[name]) {
      box.append(el("p.err", { id: `${input.id}-e` }, icon("warn"), fields[name]));
      parts.push(`${input.id}-e`);
    }
    if (parts.some(Boolean)) input.setAttribute("aria-describedby", parts.filter(Boolean).join(" "));
  }
  const fault = document.getElementById("form-fault");
  fault.hidden = !other;
  fault.querySelector("span").textContent = other;
  FIELDS.map((name) => form.elements[name]).find((input) => input.hasAttribute("aria-invalid"))?.focus();
}

function typed() {
  const body = { icon: form.elements.icon.value, hue: Number(form.elements.hue.value) };
  for (const name of FIELDS) if (!shown || form.elements[name].value !== shownValues[name]) body[name] = form.elements[name].value;
  return body;
}

async function save() {
  const button = document.getElementById("campaign-save");
  button.disabled = true;
  try {
    const answer = shown ? await api.patch(`/api/v1/campaigns/${shown.id}`, { ...typed(), version: shown.version }) : await api.post("/api/v1/campaigns", typed());
    dialog.close();
    onSaved(answer.campaign, !shown);
  } catch (error) {
    if (error.isConflict && error.current) {
      show(error.current);
      say({}, t("A colleague changed this campaign in the meantime. You see the newest state; please make your change again."));
    } else say(error.fields ?? {}, error.fields && Object.keys(error.fields).some((name) => FIELDS.includes(name)) ? "" : errorText(error));
  } finally {
    button.disabled = false;
  }
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  save();
});
