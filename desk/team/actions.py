"""Writes of the team: a line, which goes with its day; a shift taken over. Both are audited and told live."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from desk import clock, db
from desk.errors import Invalid
from desk.live import audit, log
from desk.people.models import Station
from desk.team.models import Handover, TeamLine
from desk.wall import queries as wall

AUDIENCE = "wall.read"
LENGTH_MOST = 500
NIGHT = timedelta(hours=12)  # a show over midnight keeps its evening
TWICE = timedelta(minutes=1)


def say(
    session: Session, station_id: int, text: str, *, card_id: int | None = None, key: str, by: int, at: datetime
) -> TeamLine:
    """Put a line before the team. The same `key` again gives the line that is there. Raises NotFound for the card."""
    if not text and card_id is None:
        raise Invalid({"text": "Write something, or attach a message."})
    if card_id is not None:
        wall.load_card(session, station_id, card_id)
    line_id = db.insert_for_id(
        session,
        TeamLine.metadata.tables["team_line"],
        {
            "station_id": station_id, "by_person_id": by, "at": at, "text": text, "card_id": card_id,
            "idempotency_key": key,
        },
        unique=["station_id", "idempotency_key"],
    )  # fmt: skip
    if line_id is None:
        same = select(TeamLine).where(TeamLine.station_id == station_id, TeamLine.idempotency_key == key)
        return session.execute(same).scalar_one()
    audit.record(session, station_id, "team.say", f"team_line:{line_id}", by=by, at=at)
    # screens fetch it: what they keep of an event must not outlive the line
    log.record(session, station_id, "team.line", {"id": line_id, "by_id": by}, audience=AUDIENCE, at=at)
    return session.get_one(TeamLine, line_id)


def forget_old(session: Session, *, at: datetime) -> int:
    """Drop the lines of earlier days; returns how many."""
    dropped = 0
    for station in session.execute(select(Station)).scalars().all():
        midnight = datetime.combine(
            at.astimezone(ZoneInfo(station.timezone)).date(), time(), ZoneInfo(station.timezone)
        )
        oldest = min(midnight.astimezone(at.tzinfo), at - NIGHT)
        gone = session.execute(
            delete(TeamLine).where(TeamLine.station_id == station.id, TeamLine.at < oldest).returning(TeamLine.id)
        ).all()
        dropped += len(gone)
    return dropped


def forget_old_now() -> int:
    """The keeper's duty."""
    with db.transaction() as session:
        return forget_old(session, at=clock.now())


def take_over(session: Session, station_id: int, figures: dict[str, Any], *, by: int, at: datetime) -> Handover:
    """Note that somebody took over the shift, with the figures they saw. Pressed twice it is once."""
    last = session.execute(
        select(Handover).where(Handover.station_id == station_id).order_by(Handover.id.desc()).limit(1)
    ).scalar_one_or_none()
    if last is not None and last.by_person_id == by and at - last.at < TWICE:
        return last
    taken = Handover(station_id=station_id, by_person_id=by, at=at, figures=figures)
    session.add(taken)
    session.flush()
    audit.record(session, station_id, "handover.take", f"handover:{taken.id}", by=by, at=at, details=figures)
    badge = wall.find_badge(session, by)
    payload = {"by": badge.as_json() if badge else None, "at": clock.iso(at)}
    log.record(session, station_id, "handover.taken", payload, audience=AUDIENCE, at=at)
    return taken
