"""The one place that reads the time. Everything below a view, a job or a command gets `at` passed in."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """This moment, aware, in UTC, in whole milliseconds (the precision of the database)."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 in UTC; refuses naive values, which would be guesses."""
    if moment.tzinfo is None:
        raise ValueError("a naive datetime names no moment")
    return round(moment.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 with milliseconds and Z, the form every event and answer carries."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
