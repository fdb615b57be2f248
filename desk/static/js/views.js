/* Saved views of the wall: the menu from which one is chosen, kept, renamed and removed; and the quiet word when a show
   begins whose view opens by itself. A view is a link: choosing it is a step of the address, and the way back works. */

import * as api from "./api.js";
import { everySecond, now } from "./clock.js";
import { announce, button, el, errorText, icon, iconButton, kbd } from "./dom.js";
import { bind } from "./keys.js";
import { note, warn } from "./toast.js";
import { number, t } from "./words.js";

const OFFERED_S = 60;
const PARTS = ["state", "kind", "campaign", "sender", "consent", "length", "quality", "language", "assigned", "show", "time", "order", "text", "exact", "shape"];
const $ = (id) => document.getElementById(id);
let menu = null;

const linkOf = (view) => `${location.pathname}?${view.query}`;
const same = (a, b) => [...new URLSearchParams(a)].sort().join() === [...new URLSearchParams(b)].sort().join();
const isOpen = (view) => same(view.query, location.search.slice(1));

function go(view) {
  if (menu?.matches(":popover-open")) menu.hidePopover();
  if (isOpen(view)) return;
  history.pushState(null, "", linkOf(view));
  dispatchEvent(new PopStateEvent("popstate"));
  announce(t("View: %(name)s", { name: view.name }));
}

/* ---------- the list ---------- */

const WHOSE = { now: (view) => view.show, show: (view) => view.show, station: () => t("The station"), me: () => t("Only me") };

async function change(view, changes) {
  try {
    await api.post(`/api/v1/views/${view.id}`, changes);
    await fill();
    return true;
  } catch (error) {
    warn(errorText(error));
    return false;
  }
}

async function remove(view) {
  if (!(await change(view, { removed: true }))) return;
  menu.hidePopover();
  note(t("View %(name)s removed", { name: view.name }), { undoKey: "", undo: async () => { if (await change(view, { removed: false })) note(t("View %(name)s is back", { name: view.name }), { ic: "undo" }); } });
}

function rename(view, line) {
  const input = el("input", { value: view.name, maxlength: 40, "aria-label": t("New name of the view"), autocomplete: "off" });
  const keep = async (event) => {
    event.preventDefault();
    event.stopPropagation();
    if (input.value.trim() && input.value.trim() !== view.name) await change(view, { name: input.value });
    else fill();
  };
  line.replaceChildren(el("form.view-rename", { onsubmit: keep }, input, button(t("Keep"), { ic: "check", cls: "sm", type: "submit" })));
  input.select();
}

function line(view, digit) {
  const more = [WHOSE[view.scope](view), view.opens && t("opens by itself")].filter(Boolean).join(" · ");
  const link = el("a.menu-item", { href: linkOf(view), "data-digit": digit <= 9 ? digit : null, "aria-current": isOpen(view) ? "true" : null, onclick: (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(view);
  } }, icon(view.opens ? "clock" : "star"), el("span.view-name", {}, view.name, el("small", {}, more)), el("span.grow"), view.new ? el("b", {}, t("%(count)s new", { count: number(view.new) })) : null, digit <= 9 ? kbd(String(digit)) : null);
  const row = el("li", {}, link);
  if (!menu.querySelector("form")) return row;
  if (view.show) row.append(iconButton("clock", t("Opens by itself when the show starts"), { cls: "sm", "aria-pressed": String(view.opens), onclick: () => change(view, { opens: !view.opens }) }));
  row.append(iconButton("edit", t("Rename %(name)s", { name: view.name }), { cls: "sm", onclick: () => rename(view, row) }), iconButton("trash", t("Remove %(name)s", { name: view.name }), { cls: "sm", onclick: () => remove(view) }));
  return row;
}

const isRenaming = () => Boolean(menu.querySelector(".view-rename"));

/** `isOpening`: the list of last time stands there until this one has come; who renames in it meanwhile is not disturbed. */
async function fill({ isOpening = false } = {}) {
  const list = menu.querySelector("ul");
  try {
    const { views, show } = await api.get("/api/v1/views");
    if (isOpening && isRenaming()) return;
    list.replaceChildren(...(views.length ? views.map((view, at) => line(view, at + 1)) : [el("li.view-none", {}, t("No view is kept yet. Choose filters and a shape, then keep them here."))]));
    offerShow(show);
  } catch (error) {
    list.replaceChildren(el("li.view-none", {}, errorText(error)));
  }
}

function offerShow(show) {
  const scope = $("view-scope");
  if (!scope || !show || scope.querySelector("[value=show]")) return;
  scope.prepend(el("option", { value: "show" }, t("The show %(name)s", { name: show })));
  scope.value = "show";
  drawScope();
}

function drawScope() { menu.querySelector("form .switch").hidden = $("view-scope").value !== "show"; }

/* ---------- keeping ---------- */

/** The filters and the shape of the address; the shape also where it is the usual one. */
function present() {
  const query = new URLSearchParams();
  const here = new URLSearchParams(location.search);
  for (const part of PARTS) if (here.get(part)) query.set(part, here.get(part));
  if (!query.has("shape")) query.set("shape", document.documentElement.dataset.shape ?? "cards");
  return query.toString();
}

async function keep(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const fault = form.querySelector(".err");
  fault.hidden = true;
  try {
    const { view } = await api.post("/api/v1/views", { name: form.elements.name.value, scope: form.elements.scope.value, opens: form.elements.opens.checked, query: present() });
    form.reset();
    drawScope();
    announce(t("View %(name)s is kept", { name: view.name }));
    await fill();
  } catch (error) {
    fault.replaceChildren(icon("warn"), Object.values(error.fields ?? {}).join(" ") || errorText(error));
    fault.hidden = false;
  }
}

/* ---------- the show begins ---------- */

function watchShow() {
  const given = menu.dataset.opening;
  if (!given) return;
  const opening = JSON.parse(given);
  const starts = Date.parse(opening.starts_at);
  let isSaid = now() >= starts;
  everySecond(() => {
    if (isSaid || now() < starts) return;
    isSaid = true;
    if (isOpen(opening)) return;
    note(t("%(show)s begins. Its view is %(name)s.", { show: opening.show, name: opening.name }), { ic: "clock", seconds: OFFERED_S, action: button(t("Show it"), { cls: "sm link", onclick: () => go(opening) }) });
  });
}

/** Wires menu and key. */
export function startViews() {
  menu = $("views-menu");
  if (!menu) return;
  const opener = $("views-open");
  menu.addEventListener("toggle", ({ newState }) => {
    opener.setAttribute("aria-expanded", String(newState === "open"));
    if (newState !== "open") return;
    if (matchMedia("(max-width: 820px)").matches) menu.removeAttribute("style");
    else {
      const box = opener.getBoundingClientRect();
      menu.style.left = `${Math.max(8, Math.min(box.left, innerWidth - menu.offsetWidth - 8))}px`;
      menu.style.top = `${box.bottom + 6}px`;
    }
    fill({ isOpening: true }).then(() => { if (!isRenaming()) (menu.querySelector("[aria-current], li a") ?? menu.querySelector("input"))?.focus(); });
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      menu.hidePopover();
      opener.focus();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select")) return;
    const picked = /^[1-9]$/.test(event.key) ? menu.querySelector(`[data-digit="${event.key}"]`) : null;
    if (!picked) return;
    event.preventDefault();
    event.stopPropagation();
    picked.click();
  });
  menu.querySelector("form")?.addEventListener("submit", keep);
  $("view-scope")?.addEventListener("change", drawScope);
  bind("Shift+v", { group: t("Move"), label: t("Saved views, then their digits"), run: () => { menu.togglePopover(); } });
  watchShow();
}
