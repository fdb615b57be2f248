"""Which broadcast is on at a moment: weekdays and wall-clock minutes of shows turned into spans of UTC.

A show may end after midnight (its end is then not later than its start). Wall-clock times are read in the station's
zone; a time that the spring change skips means the moment after the gap, a time that the autumn change repeats means
the first of the two, for starts and ends alike, so neighbouring shows neither overlap nor leave a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60
EVERY_DAY = "1111111"
ALL_DAY_NAME = "Ganztägig"
LOOK_AHEAD_DAYS = 8  # a show that runs once a week is found from any day


@dataclass(frozen=True)
class ShowHours:
    """When a show runs: weekdays as "1111100" (Monday first), local minutes after midnight. `id` None: not kept yet."""

    id: int | None
    name: str
    weekdays: str
    starts_minute: int
    ends_minute: int

    @property
    def is_all_day(self) -> bool:
        """The show that stands in where a station has planned none."""
        return (self.name, self.weekdays, self.starts_minute, self.ends_minute) == (
            ALL_DAY_NAME, EVERY_DAY, 0, DAY_MINUTES,
        )  # fmt: skip


ALL_DAY = ShowHours(None, ALL_DAY_NAME, EVERY_DAY, 0, DAY_MINUTES)


@dataclass(frozen=True)
class Span:
    """One broadcast of a show: from `starts_at` to before `ends_at`, in UTC."""

    show: ShowHours
    starts_at: datetime
    ends_at: datetime

    def is_running(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at


def moment(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The UTC moment of a wall-clock minute of a local day; minutes past 1440 fall on the next day."""
    days, rest = divmod(minute, DAY_MINUTES)
    local = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), tzinfo=zone)
    return local.astimezone(UTC)


def spans(
    shows: Sequence[ShowHours], zone: ZoneInfo, at: datetime, *, days: Iterable[int] = range(-1, LOOK_AHEAD_DAYS)
) -> Iterator[Span]:
    """Every broadcast that starts on these days from the local day of `at`: the day before to a week after."""
    today = at.astimezone(zone).date()
    for offset in days:
        day = today + timedelta(days=offset)
        for show in shows:
            if show.weekdays[day.weekday()] != "1":
                continue
            ends_minute = show.ends_minute
            if ends_minute <= show.starts_minute:
                ends_minute += DAY_MINUTES
            starts_at, ends_at = moment(day, show.starts_minute, zone), moment(day, ends_minute, zone)
            if starts_at < ends_at:  # a show that lies in the skipped hour does not take place
                yield Span(show, starts_at, ends_at)


def latest_span(show: ShowHours, zone: ZoneInfo, at: datetime) -> Span | None:
    """The newest broadcast of a show that has begun; None if none did within a week."""
    begun = (span for span in spans([show], zone, at, days=range(-LOOK_AHEAD_DAYS, 1)) if span.starts_at <= at)
    return max(begun, key=lambda span: span.starts_at, default=None)


def current_span(shows: Sequence[ShowHours], zone: ZoneInfo, at: datetime) -> Span:
    """The broadcast people work on at `at`: the one running (the latest begun), else the next one to come.

    A station without shows has one all-day broadcast from midnight to midnight.
    """
    planned = [show for show in shows if not show.is_all_day]
    stand_in = next((show for show in shows if show.is_all_day), ALL_DAY)
    found = list(spans(planned, zone, at)) if planned else []
    running = [span for span in found if span.is_running(at)]
    if running:
        return max(running, key=lambda span: (span.starts_at, span.show.id or 0))
    coming = [span for span in found if span.starts_at > at]
    if coming:
        return min(coming, key=lambda span: (span.starts_at, span.show.id or 0))
    return next(span for span in spans([stand_in], zone, at) if span.is_running(at))
