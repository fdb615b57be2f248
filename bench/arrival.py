"""From a listener's send to the card on a producer's screen, in a real browser against a whole desk.

Texts at 3 a second and 30-second voice notes at 3 a minute. The page notes when a card is painted and when its sound
can be cued (a MutationObserver and the frame after it); sender and browser read the same machine's clock.
Bars: p95 of a text at most 1 s, of a voice note ready to play at most 5 s.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.figures import Figure, judge
from tests import servers, serving
from tests.conftest import CHROMIUM_FLAGS, find_chromium
from tests.serving import SAMPLES, Desk

TEXTS, TEXT_EVERY_S, TEXT_LIMIT_S = 90, 1 / 3, 1.0
NOTES, NOTE_EVERY_S, NOTE_LIMIT_S = 6, 20.0, 5.0
NOTE_LENGTH_S = 30
SETTLED_S = 120.0

# Every card's label names the listener; `painted` and `playable` hold the first moment of each, in Unix milliseconds.
# New cards wait behind the counter: the page's own key shows them, pressed for the producer as soon as it counts.
WATCH = """
() => {
  window.painted = {}; window.playable = {};
  const note = (kept, name) => {
    if (name in kept) return;
    kept[name] = 0;
    requestAnimationFrame(() => { kept[name] = Date.now(); });
  };
  const look = () => {
    const pill = document.querySelector("#newpill");
    if (!pill.hidden) pill.click();
    for (const card of document.querySelectorAll(".card")) {
      const name = card.querySelector("[data-part=name]").textContent;
      if (!name) continue;
      note(painted, name);
      if (card.querySelector("[data-act=cue]")) note(playable, name);
    }
  };
  const watched = { subtree: true, childList: true, attributes: true, attributeFilter: ["hidden", "data-id"] };
  new MutationObserver(look).observe(document.body, watched);
  look();
}
"""


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="desk-bench-") as folder, ExitStack() as stack:
        desk = stack.enter_context(serving.running(Path(folder) / "desk"))
        wall = stack.enter_context(_wall(desk))
        note = _long_note(Path(folder) / "note.ogg")
        _send_all(desk, wall, ["Aufwärm"], 0.0, None, "painted")
        texts_s = _send_all(desk, wall, _names("T", TEXTS), TEXT_EVERY_S, None, "painted")
        notes_s = _send_all(desk, wall, _names("V", NOTES), NOTE_EVERY_S, note, "playable")
    return [
        judge("arrival: text on the wall, p50", _share(texts_s, 0.5), "s"),
        judge("arrival: text on the wall, p95 at 3/s", _share(texts_s, 0.95), "s", limit=TEXT_LIMIT_S),
        judge("arrival: 30 s voice note playable, p50", _share(notes_s, 0.5), "s"),
        judge("arrival: 30 s voice note playable, p95 at 3/min", _share(notes_s, 0.95), "s", limit=NOTE_LIMIT_S),
    ]


def _names(letter: str, count: int) -> list[str]:
    """One first name each, without digits: the desk masks long numbers and shows only first names."""
    return [f"{letter}{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(count)]


@contextmanager
def _wall(desk: Desk) -> Any:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*CHROMIUM_FLAGS, "--no-sandbox"])
        page = browser.new_context(locale="de-DE", viewport={"width": 1920, "height": 1080}).new_page()
        page.goto(desk.links()["Lea Vogt"])
        page.click("form button[type=submit]")
        page.wait_for_selector("html[data-state=live]", state="attached", timeout=60_000)
        page.evaluate(WATCH)
        yield page
        browser.close()


def _long_note(target: Path) -> Path:
    """A voice note of 30 s, as a phone sends it: mono Opus in OGG."""
    spoken = ["-stream_loop", "3", "-i", str(SAMPLES / "rw-voice-02.ogg"), "-t", str(NOTE_LENGTH_S)]
    return serving.make_sample(target, *spoken, "-c:a", "libopus", "-b:a", "24k", "-ac", "1", "-application", "voip")


def _send_all(
    desk: Desk, wall: Any, names: Sequence[str], every_s: float, file: Path | None, moment: str
) -> list[float]:
    """Send one message per name at an even pace; seconds from each send to its moment on the page."""
    sent_at_s: dict[str, float] = {}
    begun_s = time.monotonic()
    for number, name in enumerate(names):
        # waiting inside the page, because only then its events are taken from the browser
        wall.wait_for_timeout(max(0.0, begun_s + number * every_s - time.monotonic()) * 1000)
        sent_at_s[name] = time.time()
        desk.send(f"{name} Bank", None if file else "Guten Morgen vom Prüfstand", file=file, is_voice=file is not None)
    seen: dict[str, float] = {}

    def has_seen_all() -> bool:
        seen.update(wall.evaluate(moment))
        return all(seen.get(name) for name in names)

    try:
        servers.wait_until(has_seen_all, f"all cards {moment}", limit_s=SETTLED_S)
    except TimeoutError:
        print(f"never {moment}: {[name for name in names if not seen.get(name)]}", file=sys.stderr)
    # what never came counts as having taken the whole time that was waited
    return [(seen[name] / 1000 - sent_at_s[name]) if seen.get(name) else SETTLED_S for name in names]


def _share(values: Sequence[float], share: float) -> float:
    """The value below which this share lies, nearest rank."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
