"""Reads for the settings page: channels without their secrets, the team, jobs by kind, state and reason."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, select, text
from sqlalchemy.orm import Session

from desk import clock
from desk.channels.models import Channel
from desk.house.actions import NEVER_AGAIN
from desk.jobs import line
from desk.jobs.models import DEAD, OPEN, Job
from desk.people.models import Membership, Person

ONE_BY_ONE = 10  # given-up jobs of a reason that are listed; all of them are tried again together
QUIET_AFTER = timedelta(hours=24)  # a number nobody writes to for a day deserves a look at its webhook


def list_channels(session: Session, station_id: int, public_url: str, *, at: datetime) -> list[dict[str, Any]]:
    """A station's channels with their webhook addresses and what is to be looked at (None: nothing)."""
    rows = session.execute(select(Channel).where(Channel.station_id == station_id).order_by(Channel.id)).scalars()
    return [
        {
            "id": row.id,
            "kind": row.kind,
            "name": row.name,
            "number": row.display_number,
            "webhook_url": f"{public_url.rstrip('/')}/webhooks/{row.public_id}",
            "verified_at": row.verified_at,
            "last_delivery_at": row.last_delivery_at,
            "media_faults": row.media_faults,
            "media_faulted_at": row.media_faulted_at,
            "trouble": trouble_of(row.verified_at, row.last_delivery_at, row.media_faults, at),
        }
        for row in rows
    ]


def trouble_of(
    verified_at: datetime | None, last_delivery_at: datetime | None, media_faults: int, at: datetime
) -> str | None:
    """What is to be looked at in a channel: 'unverified', 'silent', 'quiet', 'files', or None.

    >>> trouble_of(None, None, 0, datetime(2026, 11, 19))
    'unverified'
    """
    if verified_at is None and last_delivery_at is None:
        return "unverified"
    if last_delivery_at is None:
        return "silent"
    if at - last_delivery_at > QUIET_AFTER:
        return "quiet"
    return "files" if media_faults else None


def list_team(session: Session, station_id: int) -> list[dict[str, Any]]:
    """People of a station with their roles there."""
    rows = session.execute(
        select(Person, Membership.role)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.station_id == station_id)
        .order_by(Person.name, Person.id, Membership.role)
    ).all()
    team: dict[int, dict[str, Any]] = {}
    for person, role in rows:
        one = team.setdefault(
            person.id,
            {
                "id": person.id,
                "name": person.name,
                "email": person.email,
                "initials": person.initials,
                "hue": person.hue,
                "is_disabled": person.disabled_at is not None,
                "roles": [],
            },
        )
        one["roles"].append(role)
    return list(team.values())


def list_job_groups(session: Session, station_id: int | None, *, at: datetime) -> list[dict[str, Any]]:
    """What waits, runs or was given up, by kind, state and reason, with the age of the oldest; given-up work first.

    Jobs of one station; None: every station's and the house's own. Ended work is left out.
    """
    rank = case((Job.state == "dead", 0), (Job.state == "running", 1), else_=2).label("rank")
    is_backfill = case((and_(Job.tier == line.BACKFILL, Job.state != "dead"), 1), else_=0).label("is_backfill")
    by = (rank, is_backfill, Job.kind, Job.state, Job.last_error)
    wanted = select(*by, func.count(), func.min(Job.created_at)).where(text(OPEN))
    if station_id is not None:
        wanted = wanted.where(Job.station_id == station_id)
    named = ("rank", "is_backfill", Job.kind, Job.state, Job.last_error)
    rows = session.execute(wanted.group_by(*named).order_by("rank", Job.kind, "is_backfill", Job.last_error))
    return [
        {
            "kind": kind,
            "state": state,
            "reason": reason,
            "is_backfill": bool(backfill),
            "jobs": count,
            "oldest_s": _age_s(oldest, at),
            "may_retry": state == "dead" and kind not in NEVER_AGAIN,
        }
        for _rank, backfill, kind, state, reason, count, oldest in rows
    ]


def list_dead(
    session: Session, station_id: int | None, kind: str, reason: str | None, *, at: datetime
) -> list[dict[str, Any]]:
    """The given-up jobs of a kind and reason one by one, the oldest first, as many as a page can show."""
    about = (text(DEAD), Job.kind == kind, Job.last_error.is_(None) if reason is None else Job.last_error == reason)
    wanted = select(Job.id, Job.subject, Job.attempts, Job.created_at).where(*about)
    if station_id is not None:
        wanted = wanted.where(Job.station_id == station_id)
    rows = session.execute(wanted.order_by(Job.created_at, Job.id).limit(ONE_BY_ONE)).all()
    return [
        {"id": row.id, "subject": row.subject, "attempts": row.attempts, "age_s": _age_s(row.created_at, at)}
        for row in rows
    ]


def _age_s(since: datetime | int, at: datetime) -> int:
    return max(0, round((at - _moment(since)).total_seconds()))


def _moment(value: datetime | int) -> datetime:
    return value if isinstance(value, datetime) else clock.from_ms(value)
