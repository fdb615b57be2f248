/* The mood bar in one line, as the presenter reads it out. */

import { clockTime, number, t, tn } from "./words.js";

const SAID_SIGNS = 5;

/** "412 ❤️, 90 😂, 31 greetings since 6:04": what the presenter can read out. */
export function moodLine(bar) {
  if (!bar?.total) return t("Nothing yet");
  const said = bar.signs.slice(0, SAID_SIGNS);
  const rest = bar.total - said.reduce((sum, one) => sum + one.count, 0);
  const parts = said.map((one) => (one.emoji ? `${number(one.count)} ${one.emoji}` : tn("%(num)s greeting", "%(num)s greetings", one.count)));
  if (rest > 0) parts.push(tn("%(num)s more", "%(num)s more", rest));
  return t("%(what)s since %(time)s", { what: parts.join(", "), time: clockTime(bar.since) });
}
