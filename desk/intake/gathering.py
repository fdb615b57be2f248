"""Stores deliveries that come at the same moment in one synced commit.

A commit costs a wait for the disk, whatever is in it. Whoever gets a pen stores its own delivery and everything that
piled up behind it meanwhile; each request answers only after the commit that holds its delivery. One at a time costs
nothing more; hundreds a second share their waits. SQLite has one writer and so one pen; PostgreSQL gets a second.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from desk import clock, db
from desk.intake import actions, rules

MOST_TOGETHER = 64
PENS_OF_POSTGRES = 2  # one gathers while the other waits for the disk; more would each write fewer for the same work


@dataclass(eq=False)
class _Waiting:
    """One delivery and who waits for it. `called` wakes its request: it is done, or the pen was handed to it."""

    arrived: actions.Arrived
    called: threading.Event = field(default_factory=threading.Event)
    has_pen: bool = False
    is_done: bool = False
    fault: BaseException | None = None


class Gathering:
    """The pens and the pile of one process for one database.

    Whoever has a pen writes the whole pile once, then hands it to the first that came meanwhile: nobody whose
    delivery is stored waits for another commit, and nobody writes for others for ever.
    """

    def __init__(self, database: db.Database) -> None:
        self.database = database
        self._free_pens = 1 if database.is_sqlite else PENS_OF_POSTGRES
        self._pile: deque[_Waiting] = deque()
        self._lock = threading.Lock()

    def keep(self, station_id: int, channel_id: int, body: bytes, *, at: datetime) -> None:
        """Store one delivery; returns after it is synced. Raises Busy if that does not come about in time."""
        mine = _Waiting(actions.Arrived(station_id, channel_id, body, at))
        with self._lock:
            self._pile.append(mine)
            if self._free_pens:
                self._free_pens -= 1
                mine.has_pen = True
        while not mine.is_done:
            if mine.has_pen:
                self._write(mine)
            else:
                self._wait(mine)
        with self._lock:
            if mine.has_pen:  # handed over while somebody else was storing it
                self._hand_on(mine)
        if mine.fault is not None:
            raise mine.fault

    def _wait(self, mine: _Waiting) -> None:
        """Wait to be done or to get a pen. Raises Busy, and takes the delivery off the pile, if neither comes."""
        if not mine.called.wait(rules.WAIT_S):
            with self._lock:
                if mine in self._pile and not mine.has_pen:
                    self._pile.remove(mine)
                    raise db.Busy
        mine.called.clear()

    def _write(self, mine: _Waiting) -> None:
        """Store the pile in one transaction, hand the pen on, tell everybody whose delivery was in it."""
        with self._lock:
            taken = [self._pile.popleft() for _ in range(min(len(self._pile), MOST_TOGETHER))]
        fault = self._store(taken) if taken else None
        with self._lock:
            for one in taken:
                one.is_done, one.fault = True, fault
            self._hand_on(mine)
        for one in taken:
            one.called.set()

    def _hand_on(self, mine: _Waiting) -> None:
        mine.has_pen = False
        waiting = next((one for one in self._pile if not one.has_pen), None)
        if waiting is None:
            self._free_pens += 1
            return
        waiting.has_pen = True
        waiting.called.set()

    def _store(self, taken: list[_Waiting]) -> BaseException | None:
        """One transaction for all of them; if it fails, it fails for all, and the provider sends them again."""
        try:
            with self.database.transaction(wait_s=rules.WAIT_S) as session:
                actions.keep_deliveries(session, [one.arrived for one in taken], at=clock.now())
        except BaseException as fault:  # noqa: BLE001 - it belongs to every request of the pile, and each raises it
            return fault
        return None


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
