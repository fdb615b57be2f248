/* The hand-over page: everything stands there already; a button prints it, keys lead on. */

import { bind } from "./keys.js";
import { t } from "./words.js";

document.getElementById("print").addEventListener("click", () => print());
bind("Escape", { group: t("Move"), label: t("To the wall"), run: () => location.assign("/wall") });
