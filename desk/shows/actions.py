"""Writes about shows: planning one, and keeping the edition of a broadcast once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import db
from desk.errors import Invalid
from desk.live import audit
from desk.people.models import Station
from desk.shows import queries
from desk.shows.models import Edition, Show
from desk.shows.rules import DAY_MINUTES, ShowHours


def add_show(
    session: Session,
    station_id: int,
    name: str,
    *,
    weekdays: str,
    starts_minute: int,
    ends_minute: int,
    by: int | None,
    at: datetime,
) -> Show:
    """Plan a show. `weekdays` like "1111100", Monday first; an end not later than the start is the next day's.

    Raises Invalid with every fault at once.
    """
    faults = {}
    if not name.strip() or len(name) > 120:
        faults["name"] = "A show needs a name of up to 120 characters."
    if len(weekdays) != 7 or set(weekdays) - {"0", "1"} or "1" not in weekdays:
        faults["weekdays"] = "Weekdays are seven digits of 0 and 1, Monday first, with at least one 1."
    if not 0 <= starts_minute < DAY_MINUTES:
        faults["starts_minute"] = "The start lies between 0:00 and 23:59."
    if not 0 <= ends_minute <= DAY_MINUTES:
        faults["ends_minute"] = "The end lies between 0:00 and 24:00."
    if faults:
        raise Invalid(faults)
    show = Show(
        station_id=station_id,
        name=name.strip(),
        weekdays=weekdays,
        starts_minute=starts_minute,
        ends_minute=ends_minute,
    )
    session.add(show)
    session.flush()
    audit.record(session, station_id, "show.add", f"show:{show.id}", by=by, at=at)
    return show


def ensure_edition(session: Session, station_id: int, *, at: datetime) -> Edition:
    """The kept edition of the broadcast at `at`; keeps it, and an all-day show, if nobody has yet."""
    span = queries.current_span(session, station_id, at=at)
    show_id = span.show.id if span.show.id is not None else _all_day_show(session, station_id, span.show, at=at)
    made = db.insert_if_absent(
        session,
        Edition.metadata.tables["edition"],
        {
            "station_id": station_id,
            "show_id": show_id,
            "starts_at": span.starts_at,
            "ends_at": span.ends_at,
            "rundown_version": 0,
        },
        unique=["show_id", "starts_at"],
    )
    edition = session.execute(
        select(Edition).where(Edition.show_id == show_id, Edition.starts_at == span.starts_at)
    ).scalar_one()
    if made:
        audit.record(session, station_id, "edition.keep", f"edition:{edition.id}", by=None, at=at)
    return edition


def _all_day_show(session: Session, station_id: int, hours: ShowHours, *, at: datetime) -> int:
    """The stand-in show of a station without shows. The station's row is held, so that two callers make one."""
    session.execute(select(Station.id).where(Station.id == station_id).with_for_update())
    for show in queries.list_shows(session, station_id):
        if show.is_all_day and show.id is not None:
            return show.id
    made = add_show(
        session,
        station_id,
        hours.name,
        weekdays=hours.weekdays,
        starts_minute=hours.starts_minute,
        ends_minute=hours.ends_minute,
        by=None,
        at=at,
    )
    return made.id
