"""500 mixed messages in a minute or so, all heard and judged by one producer with keys in a real browser, three aired.

DESK_MORNING_ITEMS says how many. Lost, doubled or silent messages end the run; what is printed is how long it took.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from bench.figures import Figure, judge
from tests import serving
from tests.browser import whole_morning
from tests.browser.conftest import Visitors
from tests.conftest import CHROMIUM_FLAGS, find_chromium

ITEMS = int(os.environ.get("DESK_MORNING_ITEMS", "500"))


def run() -> list[Figure]:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="desk-morning-") as folder, sync_playwright() as playwright:
        options = [*CHROMIUM_FLAGS, "--no-sandbox"]
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=options)
        with serving.running(Path(folder) / "desk") as desk, Visitors(desk, browser).visiting() as open_page:
            start_s = time.monotonic()
            done = whole_morning.work_off(desk, open_page, Path(folder), items=ITEMS, to_air=3)
            took_s = time.monotonic() - start_s
        browser.close()
    return [
        judge("morning: messages not judged exactly once", ITEMS - len(set(done.judged)), "", limit=0),
        judge("morning: heard before they were judged", len(done.heard), ""),
        judge("morning: from the first message to the third on air", took_s, "s"),
    ]
