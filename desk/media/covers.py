"""Whether a station has its pictures looked at for nudity, and by what: an extra, off by default.

The check only covers a picture until a person looks. Where its engine is not installed the setting may stand all the
same: pictures are then 'not checked', and the settings page says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from desk.live import audit
from desk.media.models import Asset
from desk.people.models import Station
from media_store import sensitive
from media_store.sensitive import Judge

KINDS = ("image", "sticker", "video")


@dataclass(frozen=True)
class Check:
    """The setting of a station, and whether this machine can do it."""

    is_on: bool
    is_installed: bool


def view_check(session: Session, station_id: int) -> Check:
    return Check(session.get_one(Station, station_id).checks_sensitive, sensitive.JUDGE.is_available)


def set_check(session: Session, station_id: int, *, is_on: bool, by: int, at: datetime) -> bool:
    """Switch the check on or off; False if it stood so already. The backfill comes to what was there before."""
    station = session.get_one(Station, station_id, with_for_update=True)
    if station.checks_sensitive == is_on:
        return False
    station.checks_sensitive = is_on
    session.flush()
    details = {"checks_sensitive": is_on}
    audit.record(session, station_id, "station.pictures", f"station:{station_id}", by=by, at=at, details=details)
    return True


def judge_of(station: Station) -> Judge | None:
    """Who looks at this station's pictures; None: nobody."""
    return sensitive.JUDGE if station.checks_sensitive else None


def is_unchecked(station: Station, asset: Asset) -> bool:
    """Whether a file was not looked at although its station wants it and this machine can."""
    is_due = station.checks_sensitive and asset.kind in KINDS and asset.facts.get("sensitive") is None
    return is_due and sensitive.JUDGE.is_available
