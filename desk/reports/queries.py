"""Figures of one day at one station, in the station's time. Every figure is counted, none is estimated."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, func, select, type_coerce
from sqlalchemy.orm import Session

from desk import clock
from desk.contests.models import Campaign, Entry
from desk.conversations.models import Message
from desk.media.models import Asset
from desk.onair.models import Airing
from desk.wall.models import Card

HOUR_MS = 3_600_000
EARLIEST, LATEST = date(2001, 1, 1), date(2200, 1, 1)


@dataclass(frozen=True)
class DayReport:
    """One day. `hours` has one entry per hour of the day (23 or 25 on the days the clock changes).

    `failure_facts` fill the sentence of a reason in `media_failures`; they are those of its newest file.
    """

    day_starts_at: datetime
    received: int
    listeners: int
    by_kind: dict[str, int]
    by_state: dict[str, int]
    hours: list[dict[str, Any]]
    aired: int
    replies: dict[str, int]
    media_failures: dict[str, int]
    failure_facts: dict[str, dict[str, Any]]
    campaigns: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "day_starts_at": clock.iso(self.day_starts_at)}


def report_day(session: Session, station_id: int, day_starts_at: datetime, day_ends_at: datetime) -> DayReport:
    """Count one day's cards, answers, airings and failures. Nine statements at most, each over the day's rows only."""
    of_day = (Card.station_id == station_id, Card.placed_at >= day_starts_at, Card.placed_at < day_ends_at)
    rows = session.execute(select(Card.kind, Card.state, func.count()).where(*of_day).group_by(Card.kind, Card.state))
    by_kind: Counter[str] = Counter()
    by_state: Counter[str] = Counter()
    for kind, state, count in rows:
        by_kind[kind] += count
        by_state[state] += count
    listeners = session.execute(select(func.count(Card.listener_id.distinct())).where(*of_day)).scalar_one()
    failures, failure_facts = _failures(session, station_id, day_starts_at, day_ends_at)
    return DayReport(
        day_starts_at=day_starts_at,
        received=by_kind.total(),
        listeners=listeners,
        by_kind=dict(by_kind.most_common()),
        by_state=dict(by_state.most_common()),
        hours=_hours(session, of_day, day_starts_at, day_ends_at),
        aired=_aired(session, station_id, day_starts_at, day_ends_at),
        replies=_replies(session, station_id, day_starts_at, day_ends_at),
        media_failures=failures,
        failure_facts=failure_facts,
        campaigns=_campaigns(session, station_id, day_starts_at, day_ends_at),
    )


def _hours(session: Session, of_day: Any, starts_at: datetime, ends_at: datetime) -> list[dict[str, Any]]:
    start_ms = clock.to_ms(starts_at)
    # The column keeps milliseconds: the hour is plain whole-number arithmetic on both engines.
    hour = ((type_coerce(Card.placed_at, BigInteger) - start_ms) // HOUR_MS).label("hour")
    counts: Counter[int] = Counter()
    # Grouped by its name: written twice with bound values, PostgreSQL could not tell that both are the same.
    for index, count in session.execute(select(hour, func.count()).where(*of_day).group_by("hour")):
        counts[int(index)] += count
    length = round((ends_at - starts_at) / timedelta(hours=1))
    return [
        {"starts_at": clock.iso(starts_at + timedelta(hours=index)), "cards": counts[index]} for index in range(length)
    ]


def _aired(session: Session, station_id: int, starts_at: datetime, ends_at: datetime) -> int:
    return session.execute(
        select(func.count())
        .select_from(Airing)
        .where(
            Airing.station_id == station_id,
            Airing.aired_at >= starts_at,
            Airing.aired_at < ends_at,
            Airing.undone_at.is_(None),
        )
    ).scalar_one()


def _replies(session: Session, station_id: int, starts_at: datetime, ends_at: datetime) -> dict[str, int]:
    rows = session.execute(
        select(Message.delivery_state, func.count())
        .where(
            Message.station_id == station_id,
            Message.direction == "out",
            Message.sent_at >= starts_at,
            Message.sent_at < ends_at,
        )
        .group_by(Message.delivery_state)
    )
    return {state or "unknown": count for state, count in rows}


def _failures(
    session: Session, station_id: int, starts_at: datetime, ends_at: datetime
) -> tuple[dict[str, int], dict[str, dict[str, Any]]]:
    rows = session.execute(
        select(Asset.reason, func.count(), func.max(Asset.id))
        .where(
            Asset.station_id == station_id,
            Asset.state == "failed",
            Asset.created_at >= starts_at,
            Asset.created_at < ends_at,
        )
        .group_by(Asset.reason)
        .order_by(func.count().desc())
    ).all()
    newest = {asset_id: reason or "unknown" for reason, _count, asset_id in rows}
    facts = session.execute(select(Asset.id, Asset.facts).where(Asset.id.in_(newest))).all() if newest else []
    said = {newest[asset_id]: dict(given.get("reason_facts") or {}) for asset_id, given in facts}
    return {reason or "unknown": count for reason, count, _asset_id in rows}, said


def _campaigns(session: Session, station_id: int, starts_at: datetime, ends_at: datetime) -> list[dict[str, Any]]:
    rows = session.execute(
        select(Campaign.id, Campaign.name, Campaign.hue, func.count())
        .join(Entry, Entry.campaign_id == Campaign.id)
        .where(
            Campaign.station_id == station_id,
            Entry.at >= starts_at,
            Entry.at < ends_at,
            Entry.removed_at.is_(None),
        )
        .group_by(Campaign.id, Campaign.name, Campaign.hue)
        .order_by(func.count().desc())
    )
    return [{"id": one, "name": name, "hue": hue, "entries": count} for one, name, hue, count in rows]


def day_of(given: str | None, zone: ZoneInfo, *, now: datetime) -> date:
    """The day somebody asks for ("2026-11-19"), the station's today if none. Raises ValueError for none of our days."""
    if not given:
        return now.astimezone(zone).date()
    day = date.fromisoformat(given)
    if not EARLIEST <= day <= LATEST:
        raise ValueError(f"{day} is outside the desk's calendar")
    return day


def day_bounds(zone: ZoneInfo, day: date) -> tuple[datetime, datetime]:
    """Start and end of a station's day in UTC: arithmetic inside one zone would count every day as 24 hours."""
    following = day + timedelta(days=1)
    starts_at = datetime(day.year, day.month, day.day, tzinfo=zone)
    ends_at = datetime(following.year, following.month, following.day, tzinfo=zone)
    return starts_at.astimezone(UTC), ends_at.astimezone(UTC)
