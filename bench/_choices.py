"""Every choice of the wall's filters alone and in pairs: what the database takes for a page's ids, first and later.

The numbers beside the choices are taken with them, as the screen asks for both. Each page counts with the
middle of some times; of all pages the slowest is told. One burst of the machine makes one of hundreds seem slow: those
that took longest are asked again, more often, and count with that.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations, islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from bench.figures import Figure, judge
from desk import clock, db
from desk.wall import forms, queries, tallies
from desk.wall.walks import Filter

LIMIT_MS = 30.0
AGAIN = 7  # pages, and how many times as often
ASKER = forms.Asker(ZoneInfo("UTC"), 1, lambda _show, _at: None)
CHOICES = {
    "state": ("new", "claimed", "shortlisted", "aired", "on_air", "new,claimed"),
    "kind": ("voice", "video", "voice,image"),
    "campaign": ("1", "2"),
    "sender": ("new", "known"),
    "consent": ("given", "refused"),
    "length": ("short", "long"),
    "quality": ("remark", "fine"),
    "language": ("de", "tr", "pl"),
    "time": ("hour", "day"),
}


def measure(engine: str, database: db.Database, station_id: int, *, times: int = 3, step: int = 1) -> list[Figure]:
    """Each page is asked for so often; with a `step` only some are."""
    db.use(database)
    figures = []
    for name, amount in (("no filter", 0), ("each filter alone", 1), ("filters in pairs", 2)):
        for place in ("first", "later"):
            taken = [_take(station_id, query, place, times) for query in islice(queries_of(amount), 0, None, step)]
            slowest = sorted(taken, key=lambda one: one.ms, reverse=True)[:AGAIN]
            again = [_take(station_id, one.query, place, times * AGAIN) for one in slowest]
            ms, chosen, _query = max(again, key=lambda one: one.ms)
            told = f"wall: {place} page, {name}{chosen and f', the slowest ({chosen})'} at 1,000,000 cards ({engine})"
            figures.append(judge(told, ms, "ms", limit=LIMIT_MS))
    return figures


def queries_of(amount: int) -> Iterator[dict[str, str]]:
    for names in combinations(CHOICES, amount):
        found: list[dict[str, str]] = [{}]
        for name in names:
            found = [{**one, name: choice} for one in found for choice in CHOICES[name]]
        yield from found


class _Taken(NamedTuple):
    """How long a page takes, and its name."""

    ms: float
    name: str
    query: dict[str, str]


def _take(station_id: int, query: dict[str, str], place: str, times: int) -> _Taken:
    at = clock.now()
    day = (at - timedelta(days=6)).astimezone(UTC).date().isoformat()
    args = {name: day if choice == "day" else choice for name, choice in query.items()}
    wanted, _cursor, _limit = forms.read_filter(args, ASKER, at=at)
    after = None if place == "first" else (at - timedelta(days=4), 0)
    taken = []
    for _ in range(times):
        with db.reading() as session:
            started = time.perf_counter()
            _ask(session, station_id, wanted, after, at)
            taken.append((time.perf_counter() - started) * 1000)
    return _Taken(statistics.median(taken), " and ".join(f"{name} {choice}" for name, choice in query.items()), query)


def _ask(session: Session, station_id: int, wanted: Filter, after: tuple[datetime, int] | None, at: datetime) -> None:
    queries.list_ids(session, station_id, wanted, None, queries.PAGE + 1, at, after=after)
    if after is None:
        queries.counts(session, station_id, at=at)
        tallies.facet_counts(session, station_id, wanted, at=at)
