"""A whole morning's media on this machine: does the desk work them off faster than listeners send them?

DESK_MORNING_ITEMS (default 4,000: half voices, a fifth photos, films, the rest written) come DESK_MORNING_PER_MINUTE
(default 150) a minute; a station gets as many within three hours. Printed is how long each kind of file waited until
all of it was ready, and how much memory the workers held once a fifth was done and at the end.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.figures import Figure, judge
from desk.rehearsal import client
from tests import servers, serving
from tests.serving import STATION, Desk

ITEMS = int(os.environ.get("DESK_MORNING_ITEMS", "4000"))
PER_MINUTE = float(os.environ.get("DESK_MORNING_PER_MINUTE", "150"))
MORNING_S = 3 * 3600
MORNING_ITEMS = 4000
LOOK_S = 2.0
SETTLED_LIMIT_S = 3600.0
# What Python and a decoder keep between files differs from file to file; a leak of kilobytes a file shows as more.
GROWTH_LIMIT = 1.15
WAITS = """
    SELECT asset.kind, asset.state, (job.finished_at - asset.created_at) / 1000.0
    FROM asset JOIN job ON job.kind = 'make_renditions' AND job.subject = 'asset:' || asset.id
"""


@dataclass(frozen=True)
class Reading:
    """The workers and everything they started: MB of memory, how many files had been worked off."""

    memory_mb: float
    done: int


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="desk-morning-") as folder, serving.running(Path(folder) / "desk") as desk:
        ids = client.burst(desk.number, ITEMS, PER_MINUTE, seed=4000, station=STATION, failing_media_rate=0.03).ids
        start_s = time.monotonic()
        readings = watch(desk, ITEMS)
        took_s = time.monotonic() - start_s
        waits_s, ends = read_waits(desk)
        found = desk.inventory(ids)
    lost = sum(len(one["cards"]) != 1 for one in found["found"].values())
    return [
        judge(f"media morning: of {ITEMS} messages not on exactly one card", lost, "", limit=0),
        judge("media morning: files not ready", sum(n for state, n in ends.items() if state != "ready"), "", limit=0),
        judge("media morning: worked off, against 4,000 in three hours", ITEMS / took_s, "a second",
              bare=MORNING_ITEMS / MORNING_S, limit=1.0, more_is_better=True),
        *(row for kind in sorted(waits_s) for row in _wait_rows(kind, waits_s[kind])),
        *_memory_rows(readings),
    ]  # fmt: skip


def watch(desk: Desk, items: int) -> list[Reading]:
    """Read the workers' memory every few seconds until nothing is left to do."""
    readings: list[Reading] = []

    def is_over() -> bool:
        waiting, still_open, done = _line(desk)
        readings.append(Reading(workers_mb(desk), done))
        if len(readings) % 30 == 1:
            print(f"{done} done, {still_open} in line, {readings[-1].memory_mb:.0f} MB", file=sys.stderr)
        return waiting + still_open == 0

    limit_s = items * 60 / PER_MINUTE + SETTLED_LIMIT_S
    servers.wait_until(is_over, "the end of all work", limit_s=limit_s, every_s=LOOK_S)
    return readings


def workers_mb(desk: Desk) -> float:
    """Memory that belongs to the worker's processes alone, without the decoders of the moment."""
    total = 0.0
    for one in {found.pid: found for found in desk.part("worker")}.values():
        with suppress(psutil.NoSuchProcess):
            if "python" in one.name():
                total += one.memory_full_info().uss / 1e6
    return total


def _line(desk: Desk) -> tuple[int, int, int]:
    waiting = int(client.fetch_state(desk.number)["waiting"])
    with closing(_database(desk)) as database:
        (still_open,) = database.execute("SELECT count(*) FROM job WHERE state IN ('ready', 'running')").fetchone()
        (done,) = database.execute("SELECT count(*) FROM asset WHERE state IN ('ready', 'failed')").fetchone()
    return waiting, int(still_open), int(done)


def read_waits(desk: Desk) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Seconds from a file's message to the end of its work, by kind; and how many files ended how."""
    waits_s: dict[str, list[float]] = defaultdict(list)
    with closing(_database(desk)) as database:
        for kind, _, wait_s in database.execute(WAITS):
            if wait_s is not None:
                waits_s[kind].append(wait_s)
        ends = dict(database.execute("SELECT state, count(*) FROM asset GROUP BY state").fetchall())
    return waits_s, ends


def _database(desk: Desk) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{desk.data_dir / 'desk.db'}?mode=ro", uri=True, timeout=30)


def _wait_rows(kind: str, waits_s: list[float]) -> list[Figure]:
    ordered = sorted(waits_s)
    name = f"media morning: {len(ordered)} x {kind}, message to all ready"
    return [
        judge(f"{name}, p50", ordered[len(ordered) // 2], "s"),
        judge(f"{name}, p95", ordered[int(len(ordered) * 0.95)], "s"),
    ]


def _memory_rows(readings: list[Reading]) -> list[Figure]:
    """Medians around a fifth of the way and over the last fifth, so that no single moment decides."""
    total = readings[-1].done
    early = sorted(one.memory_mb for one in readings if total * 0.15 <= one.done <= total * 0.3)
    late = sorted(one.memory_mb for one in readings if one.done >= total * 0.85)
    if not early or not late:
        raise RuntimeError(f"too few readings: {len(readings)}")
    before_mb, after_mb = early[len(early) // 2], late[len(late) // 2]
    name = f"media morning: memory of the workers over {total} files"
    return [judge(name, after_mb, "MB", bare=before_mb, limit=GROWTH_LIMIT)]
