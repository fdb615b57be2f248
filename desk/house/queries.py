"""Reads for the settings page: channels without their secrets, the team, jobs by kind, state and reason."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desk import clock
from desk.channels.models import Channel
from desk.jobs.models import Job
from desk.people.models import Membership, Person


def list_channels(session: Session, station_id: int, public_url: str) -> list[dict[str, Any]]:
    """A station's channels with their webhook addresses."""
    rows = session.execute(select(Channel).where(Channel.station_id == station_id).order_by(Channel.id)).scalars()
    return [
        {
            "id": row.id,
            "kind": row.kind,
            "name": row.name,
            "webhook_url": f"{public_url}/webhooks/{row.public_id}",
            "verified_at": row.verified_at,
            "last_delivery_at": row.last_delivery_at,
        }
        for row in rows
    ]


def list_team(session: Session, station_id: int) -> list[dict[str, Any]]:
    """People of a station with their roles."""
    rows = session.execute(
        select(Person, Membership.role)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.station_id == station_id)
        .order_by(Person.name, Membership.role)
    ).all()
    team: dict[int, dict[str, Any]] = {}
    for person, role in rows:
        one = team.setdefault(
            person.id,
            {"id": person.id, "name": person.name, "initials": person.initials, "hue": person.hue,
             "is_disabled": person.disabled_at is not None, "roles": []},
        )  # fmt: skip
        one["roles"].append(role)
    return list(team.values())


def list_job_groups(session: Session, *, at: datetime) -> list[dict[str, Any]]:
    """What waits, runs or was given up, by kind and reason, with the age of the oldest; done work is left out."""
    rows = session.execute(
        select(Job.kind, Job.state, Job.last_error, func.count(), func.min(Job.created_at))
        .where(Job.state.in_(("ready", "running", "dead")))
        .group_by(Job.kind, Job.state, Job.last_error)
        .order_by(Job.state, Job.kind)
    ).all()
    return [
        {
            "kind": kind,
            "state": state,
            "reason": reason if state == "dead" else None,
            "jobs": count,
            "oldest_s": max(0, round((at - _moment(oldest)).total_seconds())),
        }
        for kind, state, reason, count, oldest in rows
    ]


def _moment(value: datetime | int) -> datetime:
    return value if isinstance(value, datetime) else clock.from_ms(value)
