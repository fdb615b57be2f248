"""Copies and look-alikes: the whole table of pairs, and what a print adds to a voice note.

Prints how each sort of pair came out. The pairs and their truth stand in tests/media_store/look_alikes.py; the limits
are those of the order: precision at least 0.98 at a recall of at least 0.9.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from bench.figures import judge
from media_store import sound_print
from tests.media_store import look_alikes

SECONDS = 17
ROUNDS = 15


def run() -> list[dict[str, Any]]:
    pairs = look_alikes.all_pairs()
    print(look_alikes.table(pairs))
    whole = look_alikes.tally(pairs)
    note = look_alikes.speech(look_alikes.ADULTS[0], 1, SECONDS)
    print_s = _cpu_s(lambda: sound_print.take_print([note]))
    rows = [
        judge("copies: precision", whole.precision, f"of {whole.taken}", limit=0.98, more_is_better=True),
        judge("copies: recall", whole.recall, f"of {whole.same}", limit=0.9, more_is_better=True),
        judge("print of a voice note of 17 s", print_s * 1000, "ms CPU", limit=25.0),
    ]
    return [asdict(row) for row in rows]


def _cpu_s(work: Callable[[], object]) -> float:
    """Median CPU time of one run."""
    taken = []
    for _ in range(ROUNDS):
        start_s = time.process_time()
        work()
        taken.append(time.process_time() - start_s)
    return sorted(taken)[ROUNDS // 2]
