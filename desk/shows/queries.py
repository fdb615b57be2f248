"""Reads about shows and editions: what is on, or next, at a station."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import clock
from desk.people.models import Station
from desk.shows import rules
from desk.shows.models import Edition, Show
from desk.shows.rules import ShowHours, Span


@dataclass(frozen=True)
class EditionView:
    """The broadcast people work on. `id` is None until somebody puts something into it."""

    id: int | None
    name: str
    is_all_day: bool
    starts_at: datetime
    ends_at: datetime
    rundown_version: int

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "show": self.name,
            "is_all_day": self.is_all_day,
            "starts_at": clock.iso(self.starts_at),
            "ends_at": clock.iso(self.ends_at),
            "version": self.rundown_version,
        }


def list_shows(session: Session, station_id: int) -> list[ShowHours]:
    rows = session.execute(select(Show).where(Show.station_id == station_id).order_by(Show.starts_minute, Show.id))
    return [
        ShowHours(show.id, show.name, show.weekdays, show.starts_minute, show.ends_minute) for show in rows.scalars()
    ]


def current_span(session: Session, station_id: int, *, at: datetime) -> Span:
    """The broadcast at `at` in the station's own zone, kept as an edition or not. Two statements."""
    zone = session.execute(select(Station.timezone).where(Station.id == station_id)).scalar_one()
    return rules.current_span(list_shows(session, station_id), ZoneInfo(zone), at)


def latest_span(session: Session, station_id: int, show_id: int, *, at: datetime) -> Span | None:
    """The newest broadcast of one of a station's shows that has begun by `at`. Two statements."""
    zone = session.execute(select(Station.timezone).where(Station.id == station_id)).scalar_one()
    show = next((one for one in list_shows(session, station_id) if one.id == show_id), None)
    return None if show is None else rules.latest_span(show, ZoneInfo(zone), at)


def current_edition(session: Session, station_id: int, *, at: datetime) -> EditionView:
    """The edition at `at`, also when none is kept yet (id None). Three statements."""
    return _kept(session, current_span(session, station_id, at=at))


def next_edition(session: Session, station_id: int, running: EditionView, *, at: datetime) -> EditionView | None:
    """The broadcast after `running`; None at a station without a plan."""
    zone = session.execute(select(Station.timezone).where(Station.id == station_id)).scalar_one()
    planned = [show for show in list_shows(session, station_id) if not show.is_all_day]
    coming = [span for span in rules.spans(planned, ZoneInfo(zone), at) if span.starts_at >= running.ends_at]
    if not coming:
        return None
    return _kept(session, min(coming, key=lambda span: (span.starts_at, span.show.id or 0)))


def _kept(session: Session, span: Span) -> EditionView:
    row = None
    if span.show.id is not None:
        row = session.execute(
            select(Edition).where(Edition.show_id == span.show.id, Edition.starts_at == span.starts_at)
        ).scalar_one_or_none()
    return EditionView(
        row.id if row else None,
        span.show.name,
        span.show.is_all_day,
        span.starts_at,
        row.ends_at if row else span.ends_at,
        row.rundown_version if row else 0,
    )
