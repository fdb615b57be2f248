"""What the settings page does: given-up work is tried again. How a job runs is the jobs' matter."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from desk.errors import Conflict, NotFound
from desk.jobs import table
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


def _retry(session: Session, owner: int | None, kind: str, subject: str, *, by: int, at: datetime) -> int:
    """A file's job goes the way of its card's own button, so that the card says what happens."""
    thing, _colon, number = subject.partition(":")
    if owner is None or kind not in OF_FILES or thing != "asset" or not number.isdecimal():
        return table.put_again(session, kind, subject, at=at)
    try:
        retries.try_again(session, owner, int(number), by=by, at=at)
    except (NotFound, Conflict):
        return 0  # its file is gone or was made usable another way
    return 1
