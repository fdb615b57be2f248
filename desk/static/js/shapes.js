/* The three shapes of the wall: cards, a mosaic of pictures, a listening strip. Which one is on stands in the link; where a
   link names none, this workplace's last choice holds. How a shape looks is the style sheets' matter. */

import { announce } from "./dom.js";
import { bind } from "./keys.js";
import { lineOf } from "./line.js";
import { t } from "./words.js";

const SHAPES = ["cards", "mosaic", "strip"];
const STORE = "desk.shape";
const NAMES = { cards: t("Cards"), mosaic: t("Mosaic"), strip: t("Listening strip") };

const known = (name) => (SHAPES.includes(name) ? name : null);
const inLink = () => known(new URL(location.href).searchParams.get("shape"));
let shape = inLink() ?? known(localStorage.getItem(STORE)) ?? "cards";

/** What a card needs to know of the shape it stands in. */
export const shapeView = () => ({ shape, body: shape === "strip" ? lineOf : null });

function show() {
  document.documentElement.dataset.shape = shape;
  for (const one of document.querySelectorAll("[data-shape-choice]")) one.setAttribute("aria-pressed", String(one.dataset.shapeChoice === shape));
}

function putInLink() {
  const link = new URL(location.href);
  if (link.searchParams.get("shape") === shape) return;
  link.searchParams.set("shape", shape);
  history.replaceState(history.state, "", link);
}

/** Wires control, keys and link. `hold(change)` runs a change of shape under the reader's eyes. */
export function startShapes(hold) {
  const go = (name) => {
    if (name === shape) return;
    shape = name;
    hold(show);
  };
  const choose = (name) => {
    go(name);
    localStorage.setItem(STORE, shape);
    putInLink();
    announce(NAMES[shape]);
  };
  const turn = (by) => choose(SHAPES[(SHAPES.indexOf(shape) + by + SHAPES.length) % SHAPES.length]);
  document.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-shape-choice]");
    if (choice) choose(choice.dataset.shapeChoice);
  });
  addEventListener("popstate", () => { if (inLink()) go(inLink()); });
  bind("d", { group: t("Move"), label: t("Next shape: cards, mosaic, listening strip"), run: () => turn(1) });
  bind("Shift+d", { run: () => turn(-1) });
  if (shape !== "cards") putInLink();
  show();
}

show();
