"""Tells presenters of a changed list: the same moment as the rundown's event, holding only what may go to air."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from desk.live import log
from desk.onair import queries
from desk.shortlist.queries import Rundown

AUDIENCE = "rundown.read"  # presenters hold it; the rundown itself goes to "rundown.write"


def tell_studio(session: Session, station_id: int, rundown: Rundown, at: datetime) -> None:
    """Record what of this rundown the presenter may see now."""
    payload = queries.studio_of(session, rundown).as_json()
    log.record(session, station_id, "studio.changed", payload, audience=AUDIENCE, at=at)
