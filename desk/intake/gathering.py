"""Stores deliveries that come at the same moment in one synced commit.

A commit costs a wait for the disk, whatever is in it. Whoever gets the pen stores its own delivery and everything that
piled up behind it meanwhile; each request answers only after the commit that holds its delivery. One at a time costs
nothing more; hundreds a second share their waits.
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


@dataclass(eq=False)
class _Waiting:
    """One delivery and who waits for it."""

    arrived: actions.Arrived
    stored: Future[None] = field(default_factory=Future)


class Gathering:
    """The pen and the pile of one process."""

    def __init__(self) -> None:
        self._pen = threading.Lock()
        self._pile: deque[_Waiting] = deque()

    def keep(self, station_id: int, channel_id: int, body: bytes, *, at: datetime) -> None:
        """Store one delivery; returns after it is synced. Raises Busy if that does not come about in time."""
        mine = _Waiting(actions.Arrived(station_id, channel_id, body, at))
        self._pile.append(mine)
        if not self._pen.acquire(timeout=rules.WAIT_S):
            self._withdraw(mine)
            return
        try:
            while not mine.stored.done():
                self._store(self._take())
        finally:
            self._pen.release()
        mine.stored.result()

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
            with db.transaction(wait_s=rules.WAIT_S) as session:
                actions.keep_deliveries(session, [one.arrived for one in taken], at=clock.now())
        except BaseException as fault:
            for one in taken:
                one.stored.set_exception(fault)
            if not isinstance(fault, Exception):
                raise
            return
        for one in taken:
            one.stored.set_result(None)


_gathering = Gathering()


def keep(station_id: int, channel_id: int, body: bytes, *, at: datetime) -> None:
    """Store one delivery with its job; see Gathering.keep."""
    _gathering.keep(station_id, channel_id, body, at=at)
