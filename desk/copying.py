"""Copies objects between stores and compares the store with the database; for the commands of an operator."""

from __future__ import annotations

import hashlib
import shutil
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import db
from desk.contests.models import Export
from desk.media.models import Asset, Rendition
from media_store.errors import ObjectMissing, StoreUnavailable
from media_store.stores.contract import Store

BLOCK_BYTES = 1 << 20
EXPORT_LIMIT_S = 3600.0


@dataclass
class CopyReport:
    """What a copy did; `present` were there already with the same bytes."""

    copied: int = 0
    present: int = 0
    bytes: int = 0

    def as_json(self) -> dict[str, Any]:
        return {"ok": True, **asdict(self)}


def copy_store(source: Store, target: Store, *, prefix: str = "") -> CopyReport:
    """Copy every object; each is verified by its hash as it arrives. A second run copies only what is missing.

    Raises AlreadyStored if the target holds other bytes under the same key.
    """
    report = CopyReport()
    for info in source.list(prefix):
        try:
            is_new = _copy(source, target, info.key)
        except ObjectMissing:
            continue  # deleted since the list was read
        report.copied += is_new
        report.present += not is_new
        report.bytes += info.bytes if is_new else 0
    return report


def _copy(source: Store, target: Store, key: str) -> bool:
    """Copy one object unless it is there with the same bytes; whether it was copied. Raises AlreadyStored."""
    wanted = _digest(source, key)
    if wanted is not None and _digest(target, key) == wanted:
        return False
    with source.open(key) as stream:
        content_type = source.info(key).content_type or "application/octet-stream"
        stored = target.put(key, stream, content_type=content_type)
    if wanted is not None and stored != wanted:
        target.delete(key)
        raise StoreUnavailable(f"{key} changed on its way")
    return True


def prune_store(source: Store, target: Store) -> int:
    """Delete from the target what the source has not any more (it was erased since); returns how many."""
    kept = {info.key for info in source.list("")}
    gone = [info.key for info in target.list("") if info.key not in kept]
    for key in gone:
        target.delete(key)
    return len(gone)


def _digest(store: Store, key: str) -> str | None:
    digest = hashlib.sha256()
    try:
        with store.open(key) as stream:
            while block := stream.read(BLOCK_BYTES):
                digest.update(block)
    except ObjectMissing:
        return None
    return digest.hexdigest()


def check_store(session: Session, store: Store) -> tuple[list[dict[str, str]], int]:
    """Every object the database names, read and compared; returns the faults and how many were looked at."""
    faults: list[dict[str, str]] = []
    count = 0
    originals = session.execute(
        select(Asset.original_key, Asset.original_sha256).where(Asset.original_key.is_not(None))
    )
    renditions = session.execute(select(Rendition.key, Rendition.sha256))
    named = [(str(row[0]), row[1]) for row in (*originals.all(), *renditions.all())]
    for key, sha256 in named:
        count += 1
        found = _digest(store, key)
        if found != sha256:
            faults.append({"key": key, "fault": "missing" if found is None else "changed"})
    return faults, count


def save(store: Store, key: str, file: Path) -> None:
    """Write an object to a file, whole or not at all."""
    part = file.with_name(f"{file.name}.part")
    with store.open(key) as source, part.open("wb") as target:
        shutil.copyfileobj(source, target, BLOCK_BYTES)
    part.replace(file)


def wait_for_export(export_id: int) -> Export:
    """The export once it is ready or failed; a running desk's worker may have taken it."""
    deadline, pause = time.monotonic() + EXPORT_LIMIT_S, threading.Event()
    while True:
        with db.reading() as session:
            found = session.get_one(Export, export_id)
        if found.state in ("ready", "failed") or time.monotonic() > deadline:
            return found
        pause.wait(0.2)
