"""A whole morning of 4,000 messages: all heard and judged by three producers by keys alone, nothing lost or left.

DESK_MORNING_ITEMS (4000) come within DESK_MORNING_MINUTES (40), a morning of three hours in short: half voices, photos,
films, written ones and emoji as at a station, after four call-outs in floods, one in twenty webhooks twice, three in a
hundred media calls failing. DESK_MORNING_PRODUCERS (3, at most 4) sit in a Chromium each. What is not in real time:
sounds are the cast's, ten seconds long where listeners send 35, and of each is heard a share of the first eight seconds
as short as the morning is, at double speed. What is printed says so.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.figures import Figure, judge
from desk.rehearsal.mix import MORNING
from tests import serving
from tests.browser.whole_morning import DOUBLE_LIMIT, Plan, Seat, Sums, share_of, work_off

ITEMS = int(os.environ.get("DESK_MORNING_ITEMS", "4000"))
MINUTES = float(os.environ.get("DESK_MORNING_MINUTES", "40"))
PRODUCERS = int(os.environ.get("DESK_MORNING_PRODUCERS", "3"))
REAL_MINUTES = 180
FIRST_S = 8.0
LOOK_S = 1.2  # at a photo or a few words
TELL_EVERY_S = 30


def run() -> list[Figure]:
    # of the real morning's time every message has this share
    shorter = min(1.0, (MINUTES / REAL_MINUTES) * (4000 / ITEMS))
    plan = Plan(ITEMS, MINUTES, MORNING, PRODUCERS, hear_s=FIRST_S * shorter, look_s=LOOK_S * shorter)
    print(f"heard morning: {ITEMS} messages in {MINUTES:g} min, {PRODUCERS} producers; a real one lasts {REAL_MINUTES} "
          f"min, so of each sound {plan.hear_s:.1f} s are heard instead of {FIRST_S:g} (at double speed), at the rest "
          f"{plan.look_s:.1f} s are looked instead of {LOOK_S:g}", file=sys.stderr)  # fmt: skip
    with (
        tempfile.TemporaryDirectory(prefix="desk-morning-") as folder,
        serving.running(Path(folder) / "desk") as desk,
    ):
        sums = work_off(desk, plan, follow=_tell())
    print("\n".join(sums.lines()), file=sys.stderr)
    sums.check()
    return _rows(sums)


def _tell() -> Callable[[float, list[Seat]], None]:
    """Says now and then how far they are."""
    told = [0.0]

    def follow(now_s: float, seats: list[Seat]) -> None:
        if now_s - told[0] >= TELL_EVERY_S:
            told[0] = now_s
            judged = [len(seat.verdicts) for seat in seats]
            print(f"{now_s:.0f} s: {sum(judged)} judged {judged}", file=sys.stderr)

    return follow


def _rows(sums: Sums) -> list[Figure]:
    name = f"heard morning of {ITEMS} in {MINUTES:g} min"
    hours = sums.took_s / 3600 * PRODUCERS
    by_itself = ITEMS - sums.counted - sums.under
    return [
        judge(f"{name}: received", sums.received, "", limit=ITEMS, more_is_better=True),
        judge(f"{name}: counted in the mood bar", sums.counted, ""),
        judge(f"{name}: judged with another of their listener", sums.under, ""),
        judge(f"{name}: seen", sums.seen, "", limit=by_itself, more_is_better=True),
        judge(f"{name}: judged", sums.judged, "", limit=by_itself, more_is_better=True),
        judge(f"{name}: lost", len(sums.lost) + len(sums.twice), "", limit=0),
        judge(f"{name}: left", sums.left, "", limit=0),
        judge(f"{name}: double-judged", len(sums.doubled) / ITEMS * 100, "%", limit=DOUBLE_LIMIT * 100),
        judge(f"{name}: keys for each that was judged", sums.keys / max(1, sums.judged), ""),
        judge(f"{name}: judged by a producer in an hour", ITEMS / hours, "", limit=500, more_is_better=True),
        judge(f"{name}: from first call-out to the last verdict", sums.took_s, "s"),
        *(
            judge(f"{name}: {len(waits_s)} x {kind}, sent to judged, {word}", share_of(waits_s, share), "s")
            for kind, waits_s in sorted(sums.waits_s.items())
            for word, share in (("p50", 0.5), ("p95", 0.95), ("longest", 1.0))
        ),
    ]
