"""From a verdict's key to the next voice in a run: real recordings, a real browser, thirty verdicts.

The time from the press to the first `playing` of the next voice, whose time then advances. Bar: 100 ms at the 95th
percentile.
"""

from __future__ import annotations

import hashlib
import io
import statistics
import tempfile
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench._page import a_desk, a_page
from bench.figures import Figure, judge
from desk import clock, db
from desk.media import storage
from tests.browser.wall_hand import until
from tests.desk_fixtures import add_cast
from tests.media_store.material import ffmpeg, speech, write_wav
from tests.wall import builders

VERDICTS, LIMIT_MS = 30, 100.0
KEYS = "se"
WATCH = """
window.pressed_ms = 0; window.began_ms = []; window.sounding = null;
addEventListener("keydown", (event) => { pressed_ms = event.timeStamp; }, true);
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  const from_ms = pressed_ms;
  const begins = () => { began_ms.push(performance.now() - from_ms); sounding = this; };
  this.addEventListener("playing", begins, { once: true });
  return play.call(this);
};
"""


def run() -> list[Figure]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="desk-bench-")))
        address, link = stack.enter_context(a_desk(folder, lambda: _voices(folder)))
        page = stack.enter_context(a_page(address, link, watch=WATCH))
        delays_ms = _judge_all(page, address)
    p95_ms = statistics.quantiles(delays_ms, n=20)[-1]
    return [
        judge("run: verdict to the next voice, p95 of 30", p95_ms, "ms", limit=LIMIT_MS),
        judge("run: verdict to the next voice, median", statistics.median(delays_ms), "ms"),
    ]


def _voices(folder: Path) -> None:
    """As many voices as are judged and some more, no two alike."""
    with db.transaction() as session:
        cast = add_cast(session)
        for number in range(VERDICTS + 3):
            length_s = 6 + number / 10
            wave = write_wav(folder / "voice.wav", speech(length_s))
            ffmpeg("-i", wave, "-c:a", "libmp3lame", "-b:a", "64k", folder / "voice.mp3")
            content = (folder / "voice.mp3").read_bytes()
            sent_at = clock.now() - timedelta(minutes=VERDICTS + 10 - number)
            card = builders.a_card(session, cast.rheinwelle, kind="voice", text="", sent_at=sent_at)
            asset = builders.an_asset(session, card.message_id, cast.rheinwelle, state="ready", duration_s=length_s)
            key, sha256 = f"{cast.rheinwelle}/{asset.id}.preview", hashlib.sha256(content).hexdigest()
            storage.current().put(key, io.BytesIO(content), content_type="audio/mpeg")
            facts = {"mime": "audio/mpeg", "key": key, "bytes": len(content), "sha256": sha256}
            builders.a_rendition(session, asset, "preview", **facts)


def _judge_all(page: Any, address: str) -> list[float]:
    page.goto(f"{address}/triage")
    page.wait_for_selector("html[data-ready=yes]", state="attached")
    page.keyboard.press(" ")
    until(page, "began_ms.length === 1 && sounding.currentTime > 0.5")
    for number in range(VERDICTS):
        page.keyboard.press(KEYS[number % len(KEYS)])
        until(page, f"began_ms.length === {number + 2} && sounding.currentTime > 0.5")
    return [float(one) for one in page.evaluate("began_ms")[1:]]
