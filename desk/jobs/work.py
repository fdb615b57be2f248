"""Runs one job: take it, do it outside any transaction, end it with the fence.

A body is registered under its kind and gets a `Work`; it returns an Outcome. Raising is a passing fault unless the
tries are used up. A kind nobody here knows (a newer neighbour put it) waits, it is not dropped.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from desk import clock, db
from desk.errors import Unavailable
from desk.jobs import line, table
from desk.jobs.outcomes import Done, GiveUp, Outcome, RetryLater, Skipped

logger = logging.getLogger(__name__)
UNKNOWN_KIND_S = 30.0
LOOK_S = 2.0  # how often a worker looks whether its job is still wanted
LIVE_FIRST = "live_first"


@dataclass(frozen=True)
class Work:
    """One job in hand. `attempts` counts this try; `is_last_try` says that no other will follow.

    `unwanted` is set when the job was cancelled or taken over, or has to make room: a body that takes long looks at it.
    """

    taken: table.Taken
    tries: int
    unwanted: threading.Event = field(default_factory=threading.Event, compare=False)

    @property
    def payload(self) -> dict[str, Any]:
        return self.taken.payload

    @property
    def attempts(self) -> int:
        return self.taken.attempts

    @property
    def is_last_try(self) -> bool:
        return self.taken.attempts >= self.tries

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """The transaction that writes the effect; refuses with LeaseLost if another worker took over."""
        with db.transaction() as session:
            table.hold_fence(session, self.taken)
            yield session


Body = Callable[[Work], Outcome]
Ended = Callable[[Session, dict[str, Any], str, datetime], None]


@dataclass(frozen=True)
class Registered:
    """A kind of job: its body, how often it is tried, and what to show when it is given up."""

    body: Body
    tries: int
    on_dead: Ended | None


_kinds: dict[str, Registered] = {}


def job(kind: str, *, tries: int, on_dead: Ended | None = None) -> Callable[[Body], Body]:
    """Register a body. `on_dead` runs in the transaction that gives the job up, so that the card can say so."""

    def register(body: Body) -> Body:
        _kinds[kind] = Registered(body, tries, on_dead)
        return body

    return register


def kinds() -> dict[str, Registered]:
    """All registered kinds, for the registry test."""
    return dict(_kinds)


def run(job_id: int) -> Outcome | None:
    """Run a job if it is ours to run; None if another worker has it or it is not due."""
    with db.transaction() as session:
        taken = table.take(session, job_id, at=clock.now())
    return None if taken is None else _run(taken)


def run_first() -> Outcome | None:
    """Run the job that stands first in line; None if there is none that may be run now."""
    with db.reading() as session:  # a wake-up may come for nothing: then nobody waits for a write
        if line.first(session, at=clock.now()) is None:
            return None
    with db.transaction() as session:
        taken = table.take_first(session, at=clock.now())
    return None if taken is None else _run(taken)


def _run(taken: table.Taken) -> Outcome:
    registered = _kinds.get(taken.kind)
    if registered is None:
        outcome: Outcome = RetryLater("unknown_kind", UNKNOWN_KIND_S)
    elif taken.attempts > registered.tries:
        outcome = GiveUp("tries_used_up")
    else:
        job_in_hand = Work(taken, registered.tries)
        with _heartbeat(job_in_hand):
            outcome = _do(registered, job_in_hand)
    _end(registered, taken, outcome)
    return outcome


def _do(registered: Registered, job_in_hand: Work) -> Outcome:
    taken = job_in_hand.taken
    try:
        return registered.body(job_in_hand)
    except table.LeaseLost:
        return Skipped("lease_lost")
    except Unavailable as fault:
        return RetryLater(fault.code, fault.after_s)
    except Exception as fault:  # the job runner is one of the three edges
        logger.exception("job %s (%s) failed at try %s", taken.id, taken.kind, taken.attempts)
        return RetryLater(f"{type(fault).__name__}")


def _end(registered: Registered | None, taken: table.Taken, outcome: Outcome) -> None:
    at = clock.now()
    last = registered is not None and taken.attempts >= registered.tries
    with db.transaction() as session:
        match outcome:
            case Done():
                table.finish(session, taken, "done", None, at=at)
            case Skipped(reason):
                table.finish(session, taken, "skipped", reason, at=at)
            case RetryLater(reason, after_s, is_counted) if not (last and is_counted):
                table.retry(session, taken, reason, after_s, at=at, is_counted=is_counted)
            case RetryLater(reason) | GiveUp(reason):
                ended = table.finish(session, taken, "dead", reason, at=at)
                if ended and registered is not None and registered.on_dead is not None:
                    registered.on_dead(session, taken.payload, reason, at)


@contextmanager
def _heartbeat(job_in_hand: Work) -> Iterator[None]:
    """Renew the lease every third of it while the body works, and look in between whether the work is wanted."""
    stop = threading.Event()
    renew_s = table.LEASE.total_seconds() / 3

    def beat() -> None:
        renewed = time.monotonic()
        while not stop.wait(LOOK_S):
            is_time = time.monotonic() - renewed >= renew_s
            try:
                is_wanted = _renew(job_in_hand.taken) if is_time else _is_wanted(job_in_hand.taken)
            except Unavailable:
                continue  # the database is busy; the lease lasts for two more tries
            renewed = time.monotonic() if is_time else renewed
            if not is_wanted:
                job_in_hand.unwanted.set()
                return

    thread = threading.Thread(target=beat, name=f"lease-{job_in_hand.taken.id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()


def _renew(taken: table.Taken) -> bool:
    with db.transaction() as session:
        return table.renew(session, taken, at=clock.now())


def _is_wanted(taken: table.Taken) -> bool:
    """Whether this worker has the job still, and nobody waits for its lane while it only makes something anew."""
    with db.reading() as session:
        if not table.is_held(session, taken):
            return False
        place = taken.place
        is_backfill = place is not None and place.tier == line.BACKFILL and place.lane == line.LONG
        return not (is_backfill and line.is_live_waiting(session, line.LONG))


def run_due(most: int = 1000) -> int:
    """Run what is due in this process, most urgent first; for tests, small commands and an idle keeper."""
    ran = 0
    while ran < most:
        with db.reading() as session:
            job_id = table.next_due(session, at=clock.now())
        if job_id is None:
            return ran
        run(job_id)
        ran += 1
    return ran
