"""What the settings page does: given-up work is tried again. How a job runs is the jobs' matter."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from desk.errors import Conflict, NotFound
from desk.jobs import line, table
from desk.jobs.models import OPEN, Job
from desk.live import audit
from desk.media import retries

RETRIED_MOST = 1000
OF_FILES = ("fetch_media", "make_renditions")
# A reply that failed is written anew by a person: its window may be over, and nobody may get the same answer twice.
NEVER_AGAIN = ("send_message",)


def retry_dead(
    session: Session, station_id: int | None, kind: str, reason: str | None, *, by: int, at: datetime
) -> int:
    """Make given-up jobs of a kind (and reason) ready again, the oldest first; returns how many.

    Jobs of `station_id` only; None means every station's and the house's own. Audited at each job's station.
    """
    if kind in NEVER_AGAIN:
        return 0
    wanted = select(Job.station_id, Job.subject).where(text(OPEN), Job.state == "dead", Job.kind == kind)
    if reason is not None:
        wanted = wanted.where(Job.last_error == reason)
    if station_id is not None:
        wanted = wanted.where(Job.station_id == station_id)
    found = session.execute(wanted.order_by(Job.id).limit(RETRIED_MOST)).all()
    retried: Counter[int | None] = Counter()
    for owner, subject in found:
        retried[owner] += _retry(session, owner, kind, subject, by=by, at=at)
    for owner, jobs in retried.items():
        if owner is not None and jobs:
            details = {"jobs": jobs, "reason": reason}
            audit.record(session, owner, "jobs.retry", f"jobs:{kind}", by=by, at=at, details=details)
    return retried.total()


def retry_one(session: Session, station_id: int | None, job_id: int, *, by: int, at: datetime) -> int:
    """Make one given-up job ready again; 1 if it is, 0 if there is nothing to try again. Audited at its station."""
    wanted = select(Job).where(Job.id == job_id, Job.state == "dead", Job.kind.not_in(NEVER_AGAIN))
    if station_id is not None:
        wanted = wanted.where(Job.station_id == station_id)
    job = session.execute(wanted).scalar_one_or_none()
    if job is None:
        return 0
    owner, reason = job.station_id, job.last_error
    retried = _retry(session, owner, job.kind, job.subject, by=by, at=at)
    if owner is not None and retried:
        details = {"jobs": retried, "reason": reason}
        audit.record(session, owner, "jobs.retry", f"job:{job_id}", by=by, at=at, details=details)
    return retried


def _retry(session: Session, owner: int | None, kind: str, subject: str, *, by: int, at: datetime) -> int:
    """A file's job goes the way of its card's own button, so that the card says what happens."""
    thing, _colon, number = subject.partition(":")
    if owner is None or kind not in OF_FILES or thing != "asset" or not number.isdecimal():
        return table.put_again(session, kind, subject, at=at)
    try:
        retries.try_again(session, owner, int(number), by=by, at=at)
    except NotFound:
        return 0  # its file is gone
    except Conflict:  # the file is in use: only a backfill may make it anew, anything else was settled another way
        of_backfill = select(Job.id).where(Job.kind == kind, Job.subject == subject, Job.tier == line.BACKFILL)
        is_backfill = session.execute(of_backfill).first() is not None
        return table.put_again(session, kind, subject, at=at) if is_backfill else 0
    return 1
