"""A flood of mixed messages is heard and judged by keys, and the best are aired; the short form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import serving
from tests.browser import whole_morning
from tests.browser.conftest import Visitors

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
ITEMS = 60


def test_a_flood_is_heard_judged_and_the_best_aired(tmp_path: Path, browser: Any) -> None:
    with serving.running(tmp_path / "desk") as desk, Visitors(desk, browser).visiting() as open_page:
        run = whole_morning.work_off(desk, open_page, tmp_path, items=ITEMS, to_air=1)

    assert len(run.heard) > ITEMS // 3
