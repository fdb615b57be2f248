"""The job table: put, take by lease, finish with a fence, bring back.

A job is put in its cause's transaction, so it exists exactly if its cause does. Taking repeats the condition in
one UPDATE; finishing names the lease it was taken with, so a worker that lost it cannot write its late result.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select, text, update
from sqlalchemy.orm import Session

from desk import db
from desk.jobs import dispatch, line
from desk.jobs.models import APART, PUT_OFF, RUNNING, Job

LEASE = timedelta(seconds=30)
WAKE_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE_S = 3600.0
SWEEP_MOST = 200

ON_AIR, PLAY_NOW, MESSAGE, LINE, BACKGROUND = 40, 30, 25, 15, 0


@dataclass(frozen=True)
class Taken:
    """A job in the hands of one worker; `lease` fences its writes."""

    id: int
    kind: str
    subject: str
    payload: dict[str, Any]
    attempts: int
    lease: str
    place: line.Place | None = None


class LeaseLost(Exception):
    """Another worker took over; the effect is thrown away with the transaction."""


def put(
    session: Session,
    kind: str,
    subject: str,
    payload: dict[str, Any],
    *,
    at: datetime,
    station_id: int | None,
    priority: int = MESSAGE,
    run_at: datetime | None = None,
    place: line.Place | None = None,
) -> bool:
    """Put a job in the caller's transaction and wake a worker after the commit. False if it is there already.

    With a `place` it stands in line and is due now: a worker takes whoever is first there.
    """
    due = run_at or at
    standing = {"tier": line.LIVE} if place is None else line.values(session, place)
    priority = priority if place is None else LINE
    job_id = db.insert_for_id(
        session,
        Job.metadata.tables["job"],
        {
            "kind": kind,
            "subject": subject,
            "payload": payload,
            "state": "ready",
            "priority": priority,
            "attempts": 0,
            "run_at": due,
            "wake_at": due + (WAKE_PAUSE if due <= at else timedelta(0)),
            "station_id": station_id,
            "created_at": at,
            **standing,
        },
        unique=["kind", "subject"],
    )
    if job_id is not None and due <= at:
        _wake(session, job_id, priority, is_in_line=place is not None)
    return job_id is not None


def _wake(session: Session, job_id: int, priority: int, *, is_in_line: bool) -> None:
    """Ring for this job; for one in line, for whichever stands first there."""
    dispatch.wake_after_commit(session, dispatch.FIRST_IN_LINE if is_in_line else job_id, priority)


def put_many(
    session: Session,
    kind: str,
    subjects: dict[str, dict[str, Any]],
    *,
    at: datetime,
    station_ids: dict[str, int],
    priority: int = MESSAGE,
) -> None:
    """Put many jobs of a kind that are due now, in one statement: subjects with their payloads and stations."""
    rows = [
        {
            "kind": kind,
            "subject": subject,
            "payload": payload,
            "state": "ready",
            "priority": priority,
            "tier": line.LIVE,
            "attempts": 0,
            "run_at": at,
            "wake_at": at + WAKE_PAUSE,
            "station_id": station_ids[subject],
            "created_at": at,
        }
        for subject, payload in subjects.items()
    ]
    for job_id in db.insert_for_ids(session, Job.metadata.tables["job"], rows, unique=["kind", "subject"]):
        dispatch.wake_after_commit(session, job_id, priority)


def put_again(
    session: Session,
    kind: str,
    subject: str,
    *,
    at: datetime,
    payload: dict[str, Any] | None = None,
    place: line.Place | None = None,
) -> int:
    """Make an ended job ready once more (a person pressed 'again'); returns how many rows that changed.

    Work that stood in line goes to where somebody asked for it, unless another `place` is given.
    """
    about = (Job.kind == kind, Job.subject == subject, Job.state.in_(("done", "dead", "skipped", "ready")))
    row = session.execute(select(Job.id, Job.priority, Job.lane).where(*about)).one_or_none()
    if row is None:
        return 0
    values: dict[str, Any] = {"state": "ready", "attempts": 0, "run_at": at, "wake_at": at + WAKE_PAUSE}
    values |= {"created_at": at, "last_error": None}
    values |= {"lease": None, "lease_until": None, "finished_at": None}
    if payload is not None:
        values["payload"] = payload
    if place is None and row.lane is not None:
        place = line.Place(row.lane, tier=line.ASKED)
    if place is not None:
        values |= line.values(session, place)
    changed: Any = session.execute(update(Job).where(*about).values(**values))
    if changed.rowcount:
        _wake(session, row.id, row.priority, is_in_line=place is not None)
    return int(changed.rowcount)


def cancel(session: Session, subjects: Sequence[str], reason: str, *, at: datetime, kind: str | None = None) -> int:
    """End all jobs about these subjects, or those of one kind; one that runs loses its lease, and its late result
    with it."""
    about = [Job.subject.in_(subjects), Job.state.in_(("ready", "running", "dead"))]
    changed: Any = session.execute(
        update(Job)
        .where(*about, *([] if kind is None else [Job.kind == kind]))
        .values(state="skipped", last_error=reason, finished_at=at, lease=None, lease_until=None, turn=None, share=None)
    )
    return int(changed.rowcount)


def bring_forward(session: Session, kind: str, station_id: int, *, at: datetime) -> int:
    """Make waiting jobs of a kind due now (what they waited for is back); returns how many."""
    ids = session.execute(
        update(Job)
        .where(Job.kind == kind, Job.station_id == station_id, Job.state == "ready", Job.run_at > at)
        .values(run_at=at, wake_at=at + WAKE_PAUSE)
        .returning(Job.id, Job.priority, Job.lane)
    ).all()
    for job_id, priority, lane in ids:
        if lane is None:  # what has a lane comes back into line by the sweep
            dispatch.wake_after_commit(session, job_id, priority)
    return len(ids)


def take(session: Session, job_id: int, *, at: datetime) -> Taken | None:
    """Take a due job, or one whose worker's lease ran out; None if somebody else has it or it is not due."""
    lease = secrets.token_hex(16)
    due = and_(Job.state == "ready", Job.run_at <= at)
    orphaned = and_(text(RUNNING), Job.lease_until < at)
    row = session.execute(
        update(Job)
        .where(Job.id == job_id, or_(due, orphaned))
        .values(state="running", lease=lease, lease_until=at + LEASE, attempts=Job.attempts + 1)
        .returning(Job.id, Job.kind, Job.subject, Job.payload, Job.attempts, Job.lane, Job.share, Job.tier, Job.turn)
    ).one_or_none()
    if row is None:
        return None
    place = None if row.lane is None else line.Place(row.lane, row.share, row.tier, row.turn)
    return Taken(row.id, row.kind, row.subject, row.payload, row.attempts, lease, place)


def take_first(session: Session, *, at: datetime) -> Taken | None:
    """Take the job that stands first in line; None if none may be taken now."""
    job_id = line.first(session, at=at)
    return None if job_id is None else take(session, job_id, at=at)


def is_held(session: Session, taken: Taken) -> bool:
    """Whether this worker still has the job: a look that writes nothing."""
    held = select(Job.id).where(Job.id == taken.id, Job.lease == taken.lease)
    return session.execute(held).first() is not None


def renew(session: Session, taken: Taken, *, at: datetime) -> bool:
    """Hold on to the job while working; False if it was taken over."""
    changed: Any = session.execute(
        update(Job).where(Job.id == taken.id, Job.lease == taken.lease).values(lease_until=at + LEASE)
    )
    return bool(changed.rowcount == 1)


def hold_fence(session: Session, taken: Taken) -> None:
    """Raise LeaseLost unless this worker still has the job; call it in the transaction that writes the effect."""
    held = session.execute(
        select(Job.id).where(Job.id == taken.id, Job.lease == taken.lease).with_for_update()
    ).scalar_one_or_none()
    if held is None:
        raise LeaseLost(f"job {taken.id} was taken over")


def finish(session: Session, taken: Taken, state: str, reason: str | None, *, at: datetime) -> bool:
    """End the job if the lease still holds: done, skipped or dead."""
    changed: Any = session.execute(
        update(Job)
        .where(Job.id == taken.id, Job.lease == taken.lease)
        .values(state=state, last_error=reason, finished_at=at, lease=None, lease_until=None, turn=None, share=None)
    )
    return bool(changed.rowcount == 1)


def pause_s(attempts: int) -> float:
    """Growing pause before the next try, in seconds: 2, 4, 8 … 3600, each ± 20 %."""
    return min(LONGEST_PAUSE_S, 2.0**attempts) * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, no secret


def retry(
    session: Session, taken: Taken, reason: str, after_s: float | None, *, at: datetime, is_counted: bool = True
) -> datetime | None:
    """Put the job back for later; returns when, or None if the lease was lost. It leaves the line for so long."""
    run_at = at + timedelta(seconds=pause_s(taken.attempts) if after_s is None else after_s)
    values: dict[str, Any] = {"state": "ready", "run_at": run_at, "wake_at": run_at, "last_error": reason}
    values |= {"lease": None, "lease_until": None, "turn": None}
    if not is_counted:
        values["attempts"] = taken.attempts - 1
    changed: Any = session.execute(update(Job).where(Job.id == taken.id, Job.lease == taken.lease).values(**values))
    return run_at if changed.rowcount == 1 else None


def _forgotten(at: datetime) -> tuple[Any, Any]:
    """Due work outside the line that was rung for long ago, and work whose worker is gone."""
    due = and_(text(APART), Job.run_at <= at, Job.wake_at <= at)
    orphaned = and_(text(RUNNING), Job.lease_until < at, Job.wake_at <= at)
    return due, orphaned


def sweep(session: Session, *, at: datetime) -> Sequence[tuple[int, int]]:
    """Find work nobody was woken for (a lost wake-up, a dead worker); ids and priorities, most urgent first.

    What was put off stands in line again; whether a worker comes for the line is `dispatch.ring_for_line`'s matter.
    """
    line.put_back(session, at=at)
    ids: list[int] = []
    for condition in _forgotten(at):
        found = select(Job.id).where(condition).order_by(Job.priority.desc(), Job.id).limit(SWEEP_MOST)
        ids += session.execute(found).scalars()
    if not ids:
        return []
    rows = session.execute(
        update(Job)
        .where(Job.id.in_(ids), or_(*_forgotten(at)))
        .values(wake_at=at + WAKE_PAUSE)
        .returning(Job.id, Job.priority)
    ).all()
    return sorted(((job_id, priority) for job_id, priority in rows), key=lambda row: (-row[1], row[0]))


def next_due(session: Session, *, at: datetime) -> int | None:
    """Id of the most urgent job that could be taken now: outside the line by priority, then whoever is first in it."""
    apart = and_(text(APART), Job.run_at <= at)
    orphaned = and_(text(RUNNING), Job.lease_until < at)
    back_from_pause = and_(text(PUT_OFF), Job.run_at <= at)
    for condition in (apart, orphaned, back_from_pause):
        found = select(Job.id).where(condition).order_by(Job.priority.desc(), Job.id).limit(1)
        if (job_id := session.execute(found).scalar_one_or_none()) is not None:
            return job_id
    return line.first(session, at=at)


def is_anything_due(session: Session, *, at: datetime) -> bool:
    """A cheap look before the sweep writes: the keeper asks twice a second."""
    looks = (select(Job.id).where(condition).limit(1) for condition in _forgotten(at))
    return any(session.execute(look).first() is not None for look in looks) or line.is_put_off_due(session, at=at)
