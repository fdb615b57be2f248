"""Removes the object of a rendition that another took the place of.

Not at once: somebody may be listening to it, and the job is there exactly if the replacement is. An erasure does not
wait for it: it takes whatever lies beside an original.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import db
from desk.jobs import table
from desk.jobs.outcomes import Done, Outcome, RetryLater, Skipped
from desk.jobs.work import Work, job
from desk.media import storage
from desk.media.models import Asset, Rendition
from media_store.errors import StoreUnavailable

KIND = "remove_rendition"
HEARD_OUT = timedelta(minutes=15)
STORE_PAUSE_S = 60.0


def put_removal(session: Session, asset: Asset, key: str, *, at: datetime) -> None:
    """Have an object that no row names any more removed after a while."""
    subject, payload = f"object:{key.rsplit('/', 1)[-1]}"[:80], {"key": key}
    is_new = table.put(
        session, KIND, subject, payload, at=at, station_id=asset.station_id, priority=table.BACKGROUND,
        run_at=at + HEARD_OUT,
    )  # fmt: skip
    if not is_new:
        table.put_again(session, KIND, subject, at=at + HEARD_OUT)


@job(KIND, tries=50)
def remove_rendition(work: Work) -> Outcome:
    """Delete the object, unless a row names it again (the recipe went back to what it was)."""
    key: str = work.payload["key"]
    with db.reading() as session:
        named = session.execute(select(Rendition.id).where(Rendition.key == key).limit(1)).first()
    if named is not None:
        return Skipped("named_again")
    try:
        storage.current().delete(key)
    except StoreUnavailable as fault:
        return RetryLater(fault.code, STORE_PAUSE_S, is_counted=False)
    return Done()
