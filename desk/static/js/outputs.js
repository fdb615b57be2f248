/* Outputs of this computer as far as a page may name them, and what this workplace chose: the headphones under "cue", the
   way to air under "air". Plays nothing. */

/** Outputs this page may name: [{id, label}]; empty where the browser keeps them to itself. */
export async function devices() {
  const found = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
  return found.filter((one) => one.kind === "audiooutput" && one.deviceId && one.label).map((one) => ({ id: one.deviceId, label: one.label }));
}

export const hasChooser = () => Boolean(navigator.mediaDevices?.selectAudioOutput);

/** Asks the browser's own chooser where there is one; null if there is none or nothing was chosen. */
export async function askForDevice() {
  if (!hasChooser()) return null;
  const chosen = await navigator.mediaDevices.selectAudioOutput().catch(() => null);
  return chosen && { id: chosen.deviceId, label: chosen.label };
}

/** Whether the browser keeps the names of its outputs until a page may use the microphone, as Chromium does. */
export async function needsLeave() {
  if (hasChooser() || !navigator.mediaDevices?.getUserMedia) return false;
  const found = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  return found.some((one) => one.kind === "audiooutput" && !one.label);
}

/** Asks for that leave, in a person's press, and lets go of the microphone at once. */
export async function askForLeave() {
  const sound = await navigator.mediaDevices.getUserMedia({ audio: true }).catch(() => null);
  for (const track of sound?.getTracks() ?? []) track.stop();
}

const key = (name) => `desk.output.${name}`;

/** {id, label} of what was chosen at this workplace, or null for the computer's own output. */
export function chosen(name) {
  try { return JSON.parse(localStorage.getItem(key(name))); } catch { return null; }
}

export function keepChosen(name, device) {
  if (device) localStorage.setItem(key(name), JSON.stringify(device));
  else localStorage.removeItem(key(name));
}

/** Calls when an output came or went. */
export const onOutputs = (call) => navigator.mediaDevices?.addEventListener?.("devicechange", call);
