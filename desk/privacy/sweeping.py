"""Removes objects nobody names: what a worker stored a moment before it died, and never wrote down.

Careful rather than quick: only what is older than a day, at most one in a hundred in a run, nothing after an empty
or failed listing. It also empties the database's log, in which words of rows long gone would stay.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import clock, db
from desk.contests.models import Export
from desk.media import storage
from desk.media.models import Asset, Rendition
from desk.privacy import erasing
from media_store.stores.contract import ObjectInfo

logger = logging.getLogger(__name__)
AGE = timedelta(hours=24)
SHARE = 100  # one in so many, and one at least
CHUNK = 500


def sweep_now() -> int:
    """The keeper's duty; returns how many objects went."""
    storage.current().sweep()
    return sweep_objects(at=clock.now())


def sweep_objects(*, at: datetime) -> int:
    """Delete old objects that no row names, oldest first; returns how many. May be repeated at any time."""
    orphans: list[ObjectInfo] = []
    count = 0
    for piece in _pieces(storage.current().list("")):
        count += len(piece)
        old = [info for info in piece if info.stored_at is not None and info.stored_at < at - AGE]
        with db.reading() as session:
            kept = named(session, [info.key for info in old])
        orphans += [info for info in old if info.key not in kept]
    orphans.sort(key=lambda info: (info.stored_at or at, info.key))
    gone = orphans[: max(1, count // SHARE)]
    for info in gone:
        storage.current().delete(info.key)
    if orphans:
        logger.warning("%s objects that no row names, %s of them deleted", len(orphans), len(gone))
    return len(gone)


def _pieces(infos: Iterable[ObjectInfo]) -> Iterator[list[ObjectInfo]]:
    """The whole listing in pieces; a listing that fails in the middle raises before anything was deleted."""
    left = iter(infos)
    while piece := list(islice(left, CHUNK)):
        yield piece


def named(session: Session, keys: Sequence[str]) -> set[str]:
    """Those of the keys that a row names, or that belong to a file being worked on."""
    if not keys:
        return set()
    columns = (Asset.original_key, Rendition.key, Export.key)
    kept = {str(key) for column in columns for key in session.execute(select(column).where(column.in_(keys))).scalars()}
    working = session.execute(
        select(Asset.original_key).where(Asset.state == "processing", Asset.original_key.is_not(None))
    ).scalars()
    stems = {str(key).rsplit(".", 1)[0] + "." for key in working}
    return kept | {key for key in keys if any(key.startswith(stem) for stem in stems)}


def empty_log() -> bool:
    """Empty SQLite's write-ahead log; PostgreSQL looks after its own."""
    return not db.current().is_sqlite or erasing.truncate_log()
