"""A morning that does not end: mixed messages at an even pace while walls are open, and what grows meanwhile.

DESK_SOAK_MINUTES (default 60) says how long, 40 messages a minute. Memory, open files and the database's log are read
once the first quarter is over and again at the end; at the end nothing may be lost, waiting or lying about.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import time
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.figures import Figure, judge
from desk.rehearsal import client
from tests import servers, serving
from tests.serving import PARTS, STATION, Colleague, Desk

MINUTES = float(os.environ.get("DESK_SOAK_MINUTES", "60"))
PER_MINUTE = 40.0
LOOK_S = 5.0
DRAIN_LIMIT_S = 900.0
GROWTH_LIMIT = 1.25  # Python keeps freed memory; a leak of a card's size per message shows as far more within an hour
LOG_LIMIT_MB = 64.0
FOUND_LIMIT_MS = 500.0


@dataclass(frozen=True)
class Reading:
    """What the desk holds at one moment: MB of memory and open files per part, MB of the database's log."""

    memory_mb: dict[str, float]
    files: dict[str, int]
    log_mb: float


def run() -> list[Figure]:
    items = int(MINUTES * PER_MINUTE)
    with tempfile.TemporaryDirectory(prefix="desk-soak-") as folder, ExitStack() as stack:
        desk = stack.enter_context(serving.running(Path(folder) / "desk"))
        lea = Colleague.by_link(desk, desk.links()["Lea Vogt"])
        ids = client.burst(desk.number, items, PER_MINUTE, seed=11, station=STATION).ids
        _watch(desk, lea, MINUTES * 60 * 0.25)
        before = read_house(desk)
        slowest_ms = _watch(desk, lea, MINUTES * 60 * 0.75)
        servers.wait_until(lambda: _is_drained(desk), "the end of all work", limit_s=DRAIN_LIMIT_S)
        after = read_house(desk)
        found = desk.inventory(ids)
    return _rows(before, after, slowest_ms, sum(len(one["cards"]) != 1 for one in found["found"].values()))


def _rows(before: Reading, after: Reading, slowest_ms: list[float], wrong: int) -> list[Figure]:
    rows = [judge(f"soak: messages not on exactly one card in {MINUTES:g} min", wrong, "", limit=0)]
    for part in PARTS:
        rows.append(
            judge(
                f"soak: memory of {part}", after.memory_mb[part], "MB", bare=before.memory_mb[part], limit=GROWTH_LIMIT
            )
        )
        rows.append(judge(f"soak: files {part} has opened more", after.files[part] - before.files[part], "", limit=20))
    rows.append(judge("soak: database log", after.log_mb, "MB", limit=LOG_LIMIT_MB))
    p99_ms = sorted(slowest_ms)[int(len(slowest_ms) * 0.99)] if slowest_ms else 0.0
    rows.append(judge("soak: first page of the wall, p99", p99_ms, "ms", limit=FOUND_LIMIT_MS))
    return rows


def _watch(desk: Desk, lea: Colleague, seconds: float) -> list[float]:
    """Ask for the wall's first page now and then; the milliseconds of each answer."""
    taken_ms, ends_s = [], time.monotonic() + seconds
    while time.monotonic() < ends_s:
        asked_s = time.monotonic()
        lea.get("/api/v1/cards")
        taken_ms.append((time.monotonic() - asked_s) * 1000)
        time.sleep(max(0.0, min(LOOK_S, ends_s - time.monotonic())))
    print(f"{sum(read_house(desk).memory_mb.values()):.0f} MB after {seconds:.0f} s", file=sys.stderr)
    return taken_ms


def read_house(desk: Desk) -> Reading:
    memory_mb, files = dict.fromkeys(PARTS, 0.0), dict.fromkeys(PARTS, 0)
    for part in PARTS:
        for one in {found.pid: found for found in desk.part(part)}.values():
            with suppress(psutil.NoSuchProcess):
                memory_mb[part] += one.memory_info().rss / 1e6
                files[part] += one.num_fds()
    log = desk.data_dir / "desk.db-wal"
    return Reading(memory_mb, files, log.stat().st_size / 1e6 if log.exists() else 0.0)


def _is_drained(desk: Desk) -> bool:
    if client.fetch_state(desk.number)["waiting"]:
        return False
    with closing(sqlite3.connect(f"file:{desk.data_dir / 'desk.db'}?mode=ro", uri=True, timeout=30)) as database:
        (still_open,) = database.execute("SELECT count(*) FROM job WHERE state IN ('ready', 'running')").fetchone()
    return bool(still_open == 0)
