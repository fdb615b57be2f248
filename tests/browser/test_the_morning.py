"""A morning's flood is heard and judged to its end by two producers with keys; the short form of `make soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import serving
from tests.browser.whole_morning import Plan, work_off
from tests.conftest import HEADLESS_NAMES

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
# Few files, since each costs the machine half a second; all kinds, four call-outs, repeats and failing media calls.
SHARES = {"voice": 12, "song": 2, "picture": 4, "clip": 2, "sticker": 1, "attachment": 1, "text": 138, "emoji": 140}
SHORT = Plan(items=300, minutes=0.5, shares=SHARES, producers=2, hear_s=0.3, look_s=0.1, browsers=HEADLESS_NAMES)


def test_two_producers_hear_and_judge_everything_by_keys(tmp_path: Path) -> None:
    with serving.running(tmp_path / "desk") as desk:
        sums = work_off(desk, SHORT)

    print("\n".join(sums.lines()))
    sums.check()
    assert sums.received == SHORT.items
    assert len(sums.kinds) >= 6
