"""One scripted producer in a Chromium of its own, who hears and judges whatever the triage run shows, by keys alone.

A program: what to do comes as one JSON line, every verdict goes out as one (Verdict); "end" on a later line means that
nothing more will come. Only what the page shows decides what is pressed next, and only real keys are pressed: voices
are heard at 2x in the mode of the first eight seconds, a verdict plays the next. What a morning must come to is
whole_morning's matter.
"""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any

from tests.browser.wall_hand import until
from tests.conftest import CHROMIUM_FLAGS, find_chromium

LIMIT_MS = 60_000
PATIENCE_MS, PATIENCE_AGAIN_MS = 400, 4_000  # so long a person waits for a file before putting it off, and again
START_MS, NOTICE_MS = 4_000, 1_000
STUCK_S = 240.0
PICKED_EVERY, JURY_EVERY, REASON_EVERY, UNDO_EVERY = 12, 40, 15, 60
SET_UP = ("8", "ArrowUp", "ArrowUp", "ArrowUp")  # the first eight seconds only, at double speed
# What sounds, the last of it alone: whoever keeps a morning's sounds keeps their memory.
WATCH_SOUND = """
window.sounding = [];
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () { window.sounding = [this]; return play.call(this); };
"""
# Which card was on screen at the very moment a key went down, whoever changed the screen just before.
WATCH_KEYS = """
window.pressed = [];
addEventListener('keydown', ({key}) => {
  window.pressed.push([key, document.querySelector('#main')?.dataset.card ?? '']);
}, true);
"""
# What a person sees and hears; null while the run has nothing to show.
SEEN = """const seen = () => {
  if (document.querySelector('#run').hidden) return null;
  const main = document.querySelector('#main'), sounding = window.sounding.at(-1);
  return {
    card: main.dataset.card, kind: main.dataset.kind, sounds: !document.querySelector('#ctl').hidden,
    is_settled: ['', 'ready', 'failed'].includes(main.dataset.media), state: main.dataset.media,
    plays: document.querySelector('#cue').classList.contains('is-on'), at_s: sounding?.currentTime ?? 0,
  };
};"""
# Asked inside the page, so that waiting costs no traffic: gives what is seen once it holds, or at the end of the time.
AWAIT = """([limit_ms]) => new Promise((give) => {
  %s
  const holds = (it) => %s;
  const ends = performance.now() + limit_ms;
  const look = () => {
    const it = seen();
    if (holds(it) || performance.now() > ends) give(it); else setTimeout(look, 15);
  };
  look();
})"""


@dataclass(frozen=True)
class Verdict:
    """What was pressed on which card. `at_ms`: Unix time; `is_unseen`: the card came under the finger."""

    card: str
    kind: str
    key: str
    heard_s: float | None
    at_ms: float
    is_unseen: bool


class Producer:
    """The hands, eyes and ears at one triage run."""

    def __init__(self, page: Any, *, hear_s: float, look_s: float) -> None:
        self.page, self.hear_s, self.look_s = page, hear_s, look_s
        self.keys = self.put_off = self.undone = self.verdicts = self.voices = 0
        self.is_set_up = False
        self.wishes: list[str] = []
        self.cards_seen: set[str] = set()
        self.cards_put_off: set[str] = set()
        self.last_at = math.inf  # of the first nobody knows when it comes: the files of a morning are made before

    def await_(self, holds: str, limit_ms: float) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.page.evaluate(AWAIT % (SEEN, holds), [limit_ms])
        if found is not None:
            self.cards_seen.add(found["card"])
        return found

    def press(self, key: str) -> None:
        self.keys += 1
        self.page.keyboard.press(key)

    def judge_next(self) -> Verdict | None:
        """Look at the card on screen, hear it, decide. None if there is none, or it was put off."""
        shown = self.await_("it !== null", 500)
        if shown is None:
            if time.monotonic() - self.last_at > STUCK_S:
                raise TimeoutError("nothing came to judge")
            return None
        here = f"it === null || it.card !== '{shown['card']}'"
        patience_ms = PATIENCE_AGAIN_MS if shown["card"] in self.cards_put_off else PATIENCE_MS
        shown = self.await_(f"{here} || it.is_settled", patience_ms)
        if shown is None or not shown["is_settled"]:
            return self._put_off(shown)
        here = f"it === null || it.card !== '{shown['card']}'"
        heard_s = None
        if shown["sounds"]:
            if (shown := self._hear(shown, here)) is None:
                return None
            heard_s = shown["at_s"]
        else:
            now = self.await_(here, self.look_s * 1000)
            if now is None or now["card"] != shown["card"]:
                return None
        return self._decide(shown, heard_s)

    def show(self, kind: str) -> None:
        """Take the picture somebody wished for of such a card: a line "picture KIND PATH"."""
        for line in [one for one in self.wishes if one.startswith(f"picture {kind} ")]:
            self.wishes.remove(line)
            self.page.screenshot(path=line.split(" ", 2)[2].strip(), animations="disabled")

    def _put_off(self, shown: dict[str, Any] | None) -> None:
        if shown is None:
            return
        self.press("w")
        self.put_off += 1
        self.cards_put_off.add(shown["card"])
        self.await_(f"it === null || it.card !== '{shown['card']}' || it.is_settled", 2 * PATIENCE_MS)

    def _hear(self, shown: dict[str, Any], gone: str) -> dict[str, Any] | None:
        """The first seconds of it, or all of something shorter; None if a colleague was faster."""
        if not self.is_set_up:
            self.is_set_up = True
            for key in SET_UP:
                self.press(key)
        if not shown["plays"]:
            self.press(" ")
        started = self.await_(f"{gone} || (it.plays && it.at_s > 0)", START_MS)
        if started is None or started["card"] != shown["card"]:
            return None
        if not started["plays"]:
            raise AssertionError(f"nothing sounds of {started}")
        heard = self.await_(f"{gone} || !it.plays || it.at_s >= {self.hear_s}", 3 * LIMIT_MS)
        return None if heard is None or heard["card"] != shown["card"] else heard

    def _decide(self, shown: dict[str, Any], heard_s: float | None) -> Verdict | None:
        self.show(shown["kind"])
        self.verdicts += 1
        self.voices += shown["kind"] == "voice"
        key = "e"
        if shown["kind"] == "voice" and self.voices % PICKED_EVERY == 1:
            key = "s"
        elif self.verdicts % JURY_EVERY == 0:
            key = "f"
        verdict = self._press_verdict(key, shown, heard_s)
        if verdict is None:
            return None
        if self.verdicts % UNDO_EVERY == 7:
            self.press("z")
            again = self.await_(f"it !== null && it.card === '{verdict.card}'", START_MS)
            self.undone += 1
            if again is not None and again["card"] == verdict.card:
                verdict = self._press_verdict("e", again, heard_s) or verdict
        elif key == "e" and self.verdicts % REASON_EVERY == 3:
            self.press("3")
        self.last_at = time.monotonic()
        return verdict

    def _press_verdict(self, key: str, shown: dict[str, Any], heard_s: float | None) -> Verdict | None:
        """None: the run took no notice, since another card had come a moment before."""
        self.page.evaluate("window.pressed.length = 0")
        self.press(key)
        at_ms = time.time() * 1000
        card = next(card for pressed, card in self.page.evaluate("window.pressed") if pressed == key)
        after = self.await_(f"it === null || it.card !== '{card}'", NOTICE_MS if card != shown["card"] else LIMIT_MS)
        if after is not None and after["card"] == card:
            return None
        return Verdict(card, shown["kind"], key, heard_s, at_ms, card != shown["card"])


def main() -> None:
    from playwright.sync_api import sync_playwright

    asked = json.loads(sys.stdin.readline())
    said: list[str] = []
    threading.Thread(target=lambda: said.extend(iter(sys.stdin.readline, "")), daemon=True).start()
    with sync_playwright() as playwright:
        options = [*CHROMIUM_FLAGS, "--no-sandbox"]
        path = find_chromium(*asked["browsers"])
        browser = playwright.chromium.launch(executable_path=path, args=options)
        context = browser.new_context(locale="de-DE", viewport=asked["size"], reduced_motion="reduce")
        context.add_init_script(WATCH_SOUND + WATCH_KEYS)
        page = context.new_page()
        page.set_default_timeout(LIMIT_MS)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(asked["link"])
        page.click("form button[type=submit]")
        page.wait_for_url(lambda url: "/signin" not in url)
        page.goto(asked["address"] + "/triage")
        page.wait_for_selector("html[data-ready=yes][data-state=live]", state="attached")
        producer = Producer(page, hear_s=asked["hear_s"], look_s=asked["look_s"])
        _say({"ready": True})
        producer.wishes = said
        while True:
            verdict = producer.judge_next()
            if verdict is not None:
                _say({"verdict": asdict(verdict)})
            elif "end\n" in said and producer.await_("it === null", 0) is None:
                break
        until(page, "document.querySelector('#left').textContent === '0'")  # counted anew soon after the last
        producer.show("end")
        left = page.inner_text("#left")
        _say({"done": {"keys": producer.keys, "put_off": producer.put_off, "undone": producer.undone,
                       "seen": sorted(producer.cards_seen), "left": left, "faults": faults}})  # fmt: skip
        page.keyboard.press("Escape")
        page.wait_for_url("**/wall**")
        browser.close()


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
