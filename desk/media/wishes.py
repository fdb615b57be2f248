"""What a station wants of its sounds: kept as columns of the station, spoken of as media_store's `Delivery`.

Renditions made under other wishes count as missing (`media_store.recipes.up_to_date`); the backfill makes them anew,
and what was vetted must be heard again, since its bytes are others.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from desk.live import audit
from desk.people.models import Station
from media_store.delivery import Delivery, Handles, extra_profiles
from media_store.loudness import AudioTarget


def wishes_of(station: Station) -> Delivery:
    """The wishes of a station."""
    handles = Handles(station.air_before_ms, station.air_after_ms) if station.air_is_trimmed else None
    target = AudioTarget(station.loudness_lufs, station.true_peak_dbtp)
    return Delivery(target, handles, extra_profiles(station.air_formats.split()))


def set_wishes(session: Session, station_id: int, wishes: Delivery, *, by: int, at: datetime) -> bool:
    """Change them; False if nothing is different. Handles are remembered while trimming is off."""
    station = session.get_one(Station, station_id, with_for_update=True)
    if wishes_of(station) == wishes:
        return False
    station.loudness_lufs, station.true_peak_dbtp = wishes.target.loudness_lufs, wishes.target.true_peak_dbtp
    station.air_is_trimmed = wishes.handles is not None
    if wishes.handles is not None:
        station.air_before_ms, station.air_after_ms = wishes.handles.before_ms, wishes.handles.after_ms
    station.air_formats = " ".join(sorted(wishes.formats))
    session.flush()
    details = {
        "loudness_lufs": station.loudness_lufs,
        "true_peak_dbtp": station.true_peak_dbtp,
        "handles_ms": [station.air_before_ms, station.air_after_ms] if station.air_is_trimmed else None,
        "formats": station.air_formats,
    }
    audit.record(session, station_id, "station.sound", f"station:{station_id}", by=by, at=at, details=details)
    return True
