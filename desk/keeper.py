"""The keeper: brings back forgotten work and keeps the house in order, at intervals of its own.

Every duty may run twice at once without harm (several keepers, a restart in the middle). A duty that fails is
logged and comes again; it never stops the others.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from desk import clock, db, settings
from desk.contests import actions as contests
from desk.conversations import changes
from desk.intake import actions as intake
from desk.intake import backfilling, holding
from desk.jobs import dispatch, line, table
from desk.live import log
from desk.media import prints, workplace
from desk.privacy import sweeping
from desk.team import actions as team
from desk.wall import leases, mood

logger = logging.getLogger(__name__)
CROWDED = 200  # wake-ups in the queue from which those for quiet work are not repeated
KEYS_AT_ONCE = 20  # transactions in which old keys go before others have their turn again
RINGS_PER_WORKER = 4  # wake-ups kept in the queue for the line; each takes one job


@dataclass(frozen=True)
class Duty:
    """Something the keeper does every `every_s` seconds; a slow one beside the others, which must not wait for it."""

    name: str
    every_s: float
    do: Callable[[], object]
    is_slow: bool = False


def sweep_jobs() -> int:
    """Wake workers for due jobs nobody was woken for, and for what stands in line; returns how many."""
    at = clock.now()
    found: Sequence[tuple[int, int]] = ()
    with db.reading() as session:
        is_due = table.is_anything_due(session, at=at)
    if is_due:
        with db.transaction() as session:
            found = table.sweep(session, at=at)
    is_crowded = bool(found) and (dispatch.count_pending() or 0) > CROWDED
    for job_id, priority in found:
        if priority >= table.MESSAGE or not is_crowded:  # the rest was rung for and waits; it is met again
            dispatch.wake(job_id, priority)
    with db.reading() as session:
        waiting = line.count_waiting(session, RINGS_PER_WORKER * settings.current().workers)
    return len(found) + dispatch.ring_for_line(waiting, table.LINE)


def cut_event_log() -> int:
    with db.transaction() as session:
        return log.forget_old(session, at=clock.now())


def reconcile_deliveries() -> int:
    """Compare deliveries with their results; what was forgotten is read again. Returns how many."""
    with db.transaction() as session:
        return intake.reconcile(session, at=clock.now())


def forget_pending() -> int:
    """Drop statuses and reactions whose message never came."""
    with db.transaction() as session:
        return changes.forget_pending(session, at=clock.now())


def forget_old_keys() -> int:
    """Drop the keys of files too old to be compared with anything; returns of how many files."""
    forgotten = 0
    for _ in range(KEYS_AT_ONCE):
        with db.transaction() as session:
            files = prints.forget_old_keys(session, at=clock.now())
        forgotten += files
        if not files:
            break
    return forgotten


def duties() -> list[Duty]:
    """Everything the keeper does; rooms add theirs here by name, so that one place shows them all."""
    return [
        Duty("sweep_jobs", 0.5, sweep_jobs),
        Duty("end_claims", 1.0, leases.end_lapsed_now),
        Duty("tell_mood", 1.0, mood.tell_due),
        Duty("end_blocks", 5.0, holding.go_on),
        Duty("reconcile_deliveries", 60.0, reconcile_deliveries),
        Duty("empty_temp", 600.0, workplace.empty_temp),
        Duty("forget_pending", 600.0, forget_pending),
        Duty("backfill", 5.0, backfilling.step, is_slow=True),
        Duty("forget_old_keys", 600.0, forget_old_keys, is_slow=True),
        Duty("expire_exports", 600.0, contests.expire_exports_now),
        Duty("forget_team_lines", 600.0, team.forget_old_now),
        Duty("cut_event_log", 600.0, cut_event_log),
        Duty("empty_log", 3600.0, sweeping.empty_log, is_slow=True),
        Duty("sweep_objects", 24 * 3600.0, sweeping.sweep_now, is_slow=True),
    ]


def run(stopping: threading.Event, given: list[Duty] | None = None) -> None:
    """Do all duties at their intervals until `stopping` is set."""
    todo = duties() if given is None else given
    next_at = {duty.name: 0.0 for duty in todo}
    while not stopping.is_set():
        for duty in todo:
            if time.monotonic() >= next_at[duty.name]:
                next_at[duty.name] = time.monotonic() + duty.every_s
                _begin(duty)
        stopping.wait(max(0.05, min(next_at.values()) - time.monotonic()))


def _begin(duty: Duty) -> None:
    if duty.is_slow:
        threading.Thread(target=_do, args=(duty,), name=duty.name, daemon=True).start()
    else:
        _do(duty)


def _do(duty: Duty) -> None:
    try:
        duty.do()
    except Exception:
        logger.exception("the keeper's duty %s failed and comes again", duty.name)
