"""Tails the event log and hands every committed event to this process's screens.

One thread per web process. Woken by a commit of this process, by a change of SQLite's data_version (polled every 50 ms,
on its own connection) or by PostgreSQL's NOTIFY with a fallback poll of 1 s. Sockets only carry: a lost message is
found by its number.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import text

from desk.db import Database
from desk.live import log
from desk.live.log import Event

SQLITE_POLL_S = 0.05
POSTGRES_FALLBACK_S = 1.0
AFTER_FAULT_S = 1.0

logger = logging.getLogger(__name__)
Deliver = Callable[[Sequence[Event]], None]


class Relay:
    """Reads events after the last one it handed over, per station, for ever; start() once per process."""

    def __init__(self, database: Database, deliver: Deliver, *, poll_s: float = SQLITE_POLL_S) -> None:
        self._database = database
        self._deliver = deliver
        self._poll_s = poll_s
        self._last: dict[int, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-relay", daemon=True)
        self.lag_s = 0.0

    def start(self) -> None:
        with self._database.reading() as session:
            self._last = log.last_seqs(session)
        self._thread.start()

    def stop(self, *, wait_s: float = 0.0) -> None:
        """Ask it to end; with `wait_s` wait so long until it has let go of its connection."""
        self._stopping.set()
        self._database.committed.set()
        if wait_s and self._thread.is_alive():
            self._thread.join(wait_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._tail()
            except Exception:  # the relay is one of the three edges: a broken connection must not end it
                logger.exception("the event relay lost its connection and tries again")
                self._stopping.wait(AFTER_FAULT_S)

    def _tail(self) -> None:
        wait = self._wait_sqlite if self._database.is_sqlite else self._wait_postgres
        with self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            raw: Any = connection.connection.driver_connection
            if not self._database.is_sqlite:
                connection.execute(text("LISTEN desk_live"))
            self.hand_over()
            while not self._stopping.is_set():
                if wait(raw):
                    self.hand_over()

    def hand_over(self) -> None:
        """Deliver what was committed since the last call, in order of number, station by station."""
        with self._database.reading() as session:
            newest = log.last_seqs(session)
            for station_id, seq in newest.items():
                last = self._last.get(station_id, 0)
                if seq <= last:
                    continue
                events = log.list_after(session, station_id, last, newest=seq)
                if events:
                    self._deliver(events)
                    self.lag_s = max(0.0, time.time() - events[-1].at.timestamp())
                self._last[station_id] = seq

    def _wait_sqlite(self, raw: Any) -> bool:
        """True when another connection has committed since we looked; the pragma ignores our own commits."""
        before = raw.execute("PRAGMA data_version").fetchone()[0]
        if before != getattr(self, "_version", None):
            self._version = before
            return True
        self._database.committed.wait(self._poll_s)
        self._database.committed.clear()
        return False

    def _wait_postgres(self, raw: Any) -> bool:
        for _ in raw.notifies(timeout=POSTGRES_FALLBACK_S, stop_after=1):
            pass
        return True
