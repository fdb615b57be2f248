/* For people who handle threats, on every page: how many messages wait with the lead, and a word when one comes. */

import * as api from "./api.js";
import { el } from "./dom.js";
import { number, t, tn } from "./words.js";

const ME = Number(document.querySelector('meta[name="me"]')?.content ?? 0);
const links = [...document.querySelectorAll('.rail a[href="/safety"], .mobnav a[href="/safety"], .me-menu a[href="/safety"]')];

function show({ suggested = 0, open = 0 } = {}) {
  const count = suggested + open;
  for (const link of links) {
    link.querySelector(".rail-count")?.remove();
    if (count) link.append(el("b.rail-count", { "aria-label": tn("%(num)s waits", "%(num)s wait", count) }, number(count)));
  }
}

async function tell() {
  if (document.body.classList.contains("page-safety")) return; // it stands on this page
  const { note } = await import("./toast.js");
  note(t("A message went to the lead."), { ic: "shield", action: el("a.btn.sm.link", { href: "/safety" }, el("span", {}, t("Look at it"))) });
}

if (links.length) {
  api.get("/api/v1/safety/counts").then(({ counts }) => show(counts)).catch(() => { /* the next event brings them */ });
  document.addEventListener("desk:event", ({ detail }) => {
    if (detail.kind !== "safety.changed") return;
    show(detail.payload.counts);
    if (detail.payload.is_new && detail.payload.by_id !== ME) tell();
  });
}
