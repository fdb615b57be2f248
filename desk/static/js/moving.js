/* Stickers and GIFs that move: still until a person plays one, silent, in a loop, one at a time. Nothing moves by itself,
   so nothing has to stop for people who want less motion. */

export const moving = new EventTarget();
let running = null;

export const moves = (media) => Boolean(media?.profiles?.animation);
export const isMoving = (media) => running !== null && media?.id === running;

function tell(id) { moving.dispatchEvent(new CustomEvent("change", { detail: { id } })); }

/** Starts a file's animation or stops it; another that runs stops. */
export function toggleMoving(media) {
  const before = running;
  running = isMoving(media) ? null : media.id;
  if (before !== null && before !== media.id) tell(before);
  tell(media.id);
  return running !== null;
}

export function stopMoving() {
  const before = running;
  running = null;
  if (before !== null) tell(before);
}
