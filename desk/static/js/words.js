/* Words for the pages' own scripts: the English sentence is the key, the catalogue of the person's language answers.
   Numbers, lengths, clock times and loudness are written here too, so that every page writes them alike. */

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
export const locale = document.documentElement.lang || "en";
const zone = meta("time-zone") || undefined;

async function load(url) {
  if (!url) return {};
  try {
    const answer = await fetch(url, { credentials: "same-origin" });
    return answer.ok ? await answer.json() : {};
  } catch {
    return {};
  }
}
const words = await load(meta("words"));

const fill = (text, values) => text.replace(/%\((\w+)\)[sd]/g, (whole, key) => (values && key in values ? String(values[key]) : whole)).replaceAll("%%", "%");

/** A phrase in the person's language; `%(name)s` is filled from values. */
export function t(text, values) {
  const found = words[text];
  return fill(typeof found === "string" ? found : text, values);
}

/** A phrase that counts something; `%(num)s` is filled with the number. */
export function tn(one, many, num, values) {
  const found = words[one];
  const forms = Array.isArray(found) ? found : [one, many];
  return fill(forms[num === 1 ? 0 : 1] ?? many, { num: number(num), ...values });
}

const plain = new Intl.NumberFormat(locale);
const decimal = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const hourMinute = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone });
const withSeconds = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: zone });
const dayMonth = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short", timeZone: zone });
const shortDay = new Intl.DateTimeFormat(locale, { day: "2-digit", month: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone });
const dayKey = new Intl.DateTimeFormat("sv-SE", { timeZone: zone });

export const number = (value) => plain.format(value);
/** One place after the point and a true minus sign. */
export const tenths = (value) => decimal.format(value).replace("-", "−");
export const clockTime = (at) => hourMinute.format(new Date(at));
export const clockTimeExact = (at) => withSeconds.format(new Date(at));
export const day = (at) => dayMonth.format(new Date(at));
/** For what is not of today: 19.11., 05:03 */
export const dayAndTime = (at) => shortDay.format(new Date(at));
export const sameDay = (a, b) => dayKey.format(new Date(a)) === dayKey.format(new Date(b));

/** 0:27, 12:03, 1:02:03 */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "–:––";
  const whole = Math.max(0, Math.round(seconds));
  const two = (part) => String(part).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Hours and minutes until then: 23:58; null when it has passed. */
export function timeLeft(until, now) {
  const minutes = Math.floor((new Date(until) - now) / 60000);
  if (minutes < 0) return null;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
}
