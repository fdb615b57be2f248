"""Tells screens of a changed rundown: built once per transaction, as late as possible.

The event holds what producers may see and goes to them alone (`rundown.write`). Presenters hear of it from the room
onair, which leaves out everything that is not vetted and cleared.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from desk import db
from desk.live import log
from desk.shortlist import queries, signals

AUDIENCE = "rundown.write"


def touch(session: Session, station_id: int, edition_id: int, *, at: datetime) -> None:
    """Note that something in this rundown changed."""
    noted: dict[int, tuple[int, datetime]] = session.info.setdefault("rundowns", {})
    noted[edition_id] = (station_id, at)
    db.before_commit(session, "60-rundown", _announce)


def _announce(session: Session) -> None:
    noted: dict[int, tuple[int, datetime]] = session.info.pop("rundowns", {})
    session.flush()
    for edition_id, (station_id, at) in sorted(noted.items()):
        rundown = queries.view_rundown(session, station_id, queries.view_edition(session, edition_id))
        log.record(session, station_id, "rundown.changed", rundown.as_json(), audience=AUDIENCE, at=at)
        for tell in signals.changed:
            tell(session, station_id, rundown, at)
