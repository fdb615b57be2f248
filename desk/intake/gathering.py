"""Stores deliveries that come at the same moment in one synced commit.

A commit costs a wait for the disk, whatever is in it. Whoever gets a pen stores its own delivery and everything that
piled up behind it meanwhile; each request answers only after the commit that holds its delivery. One at a time costs
nothing more; hundreds a second share their waits. SQLite has one writer and so one pen; PostgreSQL takes several.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

from desk import clock, db
from desk.intake import actions, rules

MOST_TOGETHER = 64
PENS_OF_POSTGRES = 8  # fewer than the pool's connections


@dataclass(eq=False)
class _Waiting:
    """One delivery and who waits for it."""

    arrived: actions.Arrived
    stored: Future[None] = field(default_factory=Future)


class Gathering:
    """The pens and the pile of one process for one database."""

    def __init__(self, database: db.Database) -> None:
        self.database = database
        self._pens = threading.Semaphore(1 if database.is_sqlite else PENS_OF_POSTGRES)
        self._pile: deque[_Waiting] = deque()

    def keep(self, station_id: int, channel_id: int, body: bytes, *, at: datetime) -> None:
        """Store one delivery; returns after it is synced. Raises Busy if that does not come about in time."""
        mine = _Waiting(actions.Arrived(station_id, channel_id, body, at))
        self._pile.append(mine)
        if not self._pens.acquire(timeout=rules.WAIT_S):
            self._withdraw(mine)
            return
        try:
            while not mine.stored.done() and (taken := self._take()):
                self._store(taken)
        finally:
            self._pens.release()
        mine.stored.result()  # if not done yet, another pen is writing it

    def _withdraw(self, mine: _Waiting) -> None:
        """Give up waiting, unless somebody has stored it or is about to."""
        try:
            self._pile.remove(mine)
        except ValueError:
            mine.stored.result(timeout=rules.WAIT_S)  # somebody has it in hand
            return
        raise db.Busy

    def _take(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        while self._pile and len(taken) < MOST_TOGETHER:
            try:
                taken.append(self._pile.popleft())
            except IndexError:  # its owner gave up this moment
                break
        return taken

    def _store(self, taken: list[_Waiting]) -> None:
        """One transaction for all of them; if it fails, it fails for all, and the provider sends them again."""
        try:
            with self.database.transaction(wait_s=rules.WAIT_S) as session:
                actions.keep_deliveries(session, [one.arrived for one in taken], at=clock.now())
        except BaseException as fault:
            for one in taken:
                one.stored.set_exception(fault)
            if not isinstance(fault, Exception):
                raise
            return
        for one in taken:
            one.stored.set_result(None)


_gathering: Gathering | None = None
_making = threading.Lock()


def keep(station_id: int, channel_id: int, body: bytes, *, at: datetime) -> None:
    """Store one delivery with its job; see Gathering.keep."""
    _of(db.current()).keep(station_id, channel_id, body, at=at)


def _of(database: db.Database) -> Gathering:
    global _gathering
    found = _gathering
    if found is None or found.database is not database:
        with _making:
            if _gathering is None or _gathering.database is not database:
                _gathering = Gathering(database)
            found = _gathering
    return found
