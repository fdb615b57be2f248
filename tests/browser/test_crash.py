"""Every process of a desk is killed while messages come in; the wall in a browser is right again after the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.kill_everything import kill_everything


@pytest.mark.timeout(400)
def test_killing_every_process_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    stock = kill_everything(tmp_path, items=24, per_minute=360, limit_s=300)

    assert {name: count for name, count in stock.as_faults().items() if count} == {}, stock
    assert stock.sent == 28
    assert stock.answered >= 1, "at most one of the two replies may be unsure"
