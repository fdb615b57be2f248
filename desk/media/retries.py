"""A person presses 'try again' on a file that failed: its job is made ready once more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from desk.errors import Conflict
from desk.jobs import table
from desk.live import audit
from desk.media import queries, signals
from desk.media.models import Asset


class NothingToRetry(Conflict):
    """The file is ready, or somebody is at it already."""

    code = "media.nothing_to_retry"
    message = "There is nothing to try again: the file is ready or on its way."


def try_again(session: Session, station_id: int, asset_id: int, *, by: int, at: datetime) -> Asset:
    """Fetch a file again, or render it again if its original is stored. Raises NotFound, NothingToRetry."""
    asset = queries.load_asset(session, station_id, asset_id)
    kind = "fetch_media" if asset.original_key is None else "make_renditions"
    if asset.state == "ready" or not table.put_again(session, kind, f"asset:{asset.id}", at=at):
        raise NothingToRetry
    asset.state = "waiting" if kind == "fetch_media" else "processing"
    asset.reason = asset.retry_at = asset.progress_percent = None
    session.flush()
    audit.record(session, station_id, "media.retry", f"asset:{asset.id}", by=by, at=at)
    for told in signals.changed:
        told(session, asset.message_id, at)
    return asset
