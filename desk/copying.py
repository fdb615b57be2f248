"""Copies objects between stores and compares a store with the database; for the commands of an operator.

Nothing is believed without its SHA-256: what was copied is read back. A copy that was broken off, however roughly,
is simply started again. Memory does not grow with the number of objects.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

from sqlalchemy import select

from desk import db
from desk.contests.models import Export
from desk.media.models import Asset, Rendition
from desk.privacy import sweeping
from media_store import keys
from media_store.errors import AlreadyStored, BadKey, ObjectMissing
from media_store.stores.contract import ObjectInfo, Store

BLOCK_BYTES = 1 << 20
WORKERS = 4
CHUNK = 500
EXPORT_LIMIT_S = 3600.0


# --- copying ----------------------------------------------------------------------------------------------------


@dataclass
class CopyReport:
    """What a copy has done so far; `present` were there already with the same bytes, `repaired` count as copied.

    Faults are {key, fault}: damaged_source (not copied), damaged_target, differs (other bytes under the same key,
    never overwritten), foreign_name (no key of ours).
    """

    copied: int = 0
    present: int = 0
    repaired: int = 0
    bytes: int = 0
    faults: list[dict[str, str]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {"ok": not self.faults, **asdict(self)}

    @property
    def seen(self) -> int:
        return self.copied + self.present + len(self.faults)


@dataclass(frozen=True)
class _Outcome:
    """What became of one object; `fault` None is success."""

    is_copied: bool = False
    is_repaired: bool = False
    bytes: int = 0
    fault: str | None = None


class _SourceDamaged(Exception):
    """The source does not hold the bytes it says it holds."""


def copy_store(
    source: Store,
    target: Store,
    *,
    prefix: str = "",
    trusts_present: bool = False,
    repairs: bool = False,
    workers: int = WORKERS,
    notice: Callable[[CopyReport], None] = lambda report: None,
) -> CopyReport:
    """Copy every object and read each back; a second run copies only what is missing.

    `trusts_present`: what the target had already is compared by its recorded digest and not read. `repairs`: damaged
    objects of the target are replaced. `notice` is called after every object. Raises StoreUnavailable when a store
    does not answer any more; what was copied until then stays copied.
    """
    report = CopyReport()
    target.sweep()

    def work(info: ObjectInfo) -> _Outcome | None:
        return _copy(source, target, info.key, trusts_present=trusts_present, repairs=repairs)

    for info, outcome in _side_by_side(work, source.list(prefix), workers):
        if outcome is None:
            continue  # deleted since the list was read
        if outcome.fault:
            report.faults.append({"key": info.key, "fault": outcome.fault})
        report.copied += outcome.is_copied
        report.repaired += outcome.is_repaired
        report.present += not outcome.is_copied and outcome.fault is None
        report.bytes += outcome.bytes
        notice(report)
    return report


def _side_by_side(
    work: Callable[[ObjectInfo], _Outcome | None], infos: Iterable[ObjectInfo], workers: int
) -> Iterator[tuple[ObjectInfo, _Outcome | None]]:
    """Do the work for several objects at once, a few ahead of who asks; results come in the order of the objects."""
    left = iter(infos)
    with ThreadPoolExecutor(workers) as pool:
        ahead: deque[tuple[ObjectInfo, Future[_Outcome | None]]] = deque()
        while True:
            ahead.extend((info, pool.submit(work, info)) for info in islice(left, 2 * workers - len(ahead)))
            if not ahead:
                return
            info, future = ahead.popleft()
            yield info, future.result()


def _copy(source: Store, target: Store, key: str, *, trusts_present: bool, repairs: bool) -> _Outcome | None:
    """Bring one object over unless it is there; None if the source has it no more."""
    try:
        keys.check(key)
        wanted = _recorded_or_read(source, source.info(key))
        there = _find(target, key)
        if there is not None:
            return _compare(source, target, there, wanted, trusts_present=trusts_present, repairs=repairs)
        return _bring(source, target, key, wanted)
    except BadKey:
        return _Outcome(fault="foreign_name")
    except AlreadyStored:  # somebody else wrote there in this moment
        return _Outcome(fault="differs")
    except _SourceDamaged:
        return _Outcome(fault="damaged_source")
    except ObjectMissing:
        return None


def _compare(
    source: Store, target: Store, there: ObjectInfo, wanted: str, *, trusts_present: bool, repairs: bool
) -> _Outcome:
    """What the target has under the key already. Its recorded digest tells damage from other content."""
    if trusts_present and there.sha256 == wanted:
        return _Outcome()
    if _digest(target, there.key) == wanted:
        if there.content_type is None:
            _tell_type(source, target, there.key)
        return _Outcome()
    if there.sha256 not in (wanted, None):
        return _Outcome(fault="differs")
    if not repairs or there.sha256 is None:
        return _Outcome(fault="damaged_target" if there.sha256 else "differs")
    target.delete(there.key)
    brought = _bring(source, target, there.key, wanted)
    return _Outcome(brought.is_copied, brought.is_copied, brought.bytes, brought.fault)


def _tell_type(source: Store, target: Store, key: str) -> None:
    """An earlier run was killed between an object and what it is: say it again; the bytes stay as they are."""
    if (content_type := source.info(key).content_type) is not None:
        with source.open(key) as stream:
            target.put(key, stream, content_type=content_type)


def _bring(source: Store, target: Store, key: str, wanted: str) -> _Outcome:
    """Copy one object and read it back. Raises _SourceDamaged, AlreadyStored, ObjectMissing."""
    info = source.info(key)
    with source.open(key) as stream:
        checked = cast(BinaryIO, io.BufferedReader(_Checked(stream, wanted), BLOCK_BYTES))
        target.put(key, checked, content_type=info.content_type or "application/octet-stream")
    if _digest(target, key) != wanted:
        target.delete(key)  # so that the next run tries again
        return _Outcome(fault="damaged_target")
    return _Outcome(is_copied=True, bytes=info.bytes)


class _Checked(io.RawIOBase):
    """A stream that breaks at its end if its bytes were not the wanted ones: a store then keeps nothing of it."""

    def __init__(self, stream: BinaryIO, wanted: str) -> None:
        self._stream, self._wanted, self._digest = stream, wanted, hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed wants its private Buffer type
        block = self._stream.read(len(buffer))
        self._digest.update(block)
        if not block and self._digest.hexdigest() != self._wanted:
            raise _SourceDamaged
        buffer[: len(block)] = block
        return len(block)


def prune_store(source: Store, target: Store, prefix: str = "") -> int:
    """Delete from the target what the source has not any more (it was erased since); returns how many."""
    gone = [info.key for info in target.list(prefix) if _find(source, info.key) is None]
    for key in gone:
        target.delete(key)
    return len(gone)


def measure_store(store: Store, prefix: str = "") -> tuple[int, int]:
    """How many objects there are and how many bytes, by the list alone."""
    count = total_bytes = 0
    for info in store.list(prefix):
        count, total_bytes = count + 1, total_bytes + info.bytes
    return count, total_bytes


def _find(store: Store, key: str) -> ObjectInfo | None:
    try:
        return store.info(key)
    except ObjectMissing:
        return None


def _recorded_or_read(store: Store, info: ObjectInfo) -> str:
    """The digest the store recorded at the put, else that of its bytes. Raises ObjectMissing."""
    return info.sha256 or _digest(store, info.key)


def _digest(store: Store, key: str) -> str:
    """The SHA-256 of the bytes as they are now. Raises ObjectMissing."""
    digest = hashlib.sha256()
    with store.open(key) as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


# --- comparing with the database --------------------------------------------------------------------------------


@dataclass
class CheckReport:
    """What a check has found so far. Faults are {key, fault}: missing, damaged, orphaned (no row names it)."""

    objects: int = 0
    faults: list[dict[str, str]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {"ok": not self.faults, **asdict(self)}


@dataclass(frozen=True)
class _Named:
    """An object some row names; without a digest only its being there is looked at."""

    id: int
    key: str
    sha256: str | None


def check_store(
    store: Store,
    *,
    at: datetime,
    orphans_after: timedelta = sweeping.AGE,
    notice: Callable[[CheckReport], None] = lambda report: None,
) -> CheckReport:
    """Read every object the database names and compare it, then look for objects that no row names.

    Only objects older than `orphans_after` count as orphaned: a worker stores a file before it notes its name.
    """
    report = CheckReport()
    for table, sha256, key in _COLUMNS:
        for named in _each_named(table, key, sha256):
            report.objects += 1
            if (fault := _fault_of(store, named)) and _is_named_still(named.key):
                report.faults.append({"key": named.key, "fault": fault})
            notice(report)
    report.faults += [{"key": key, "fault": "orphaned"} for key in _orphans(store, at - orphans_after)]
    return report


_COLUMNS: tuple[tuple[Any, Any, Any], ...] = (
    (Asset, Asset.original_sha256, Asset.original_key),
    (Rendition, Rendition.sha256, Rendition.key),
    (Export, Export.sha256, Export.key),
)


def _each_named(table: Any, key: Any, sha256: Any) -> Iterator[_Named]:
    """The objects a table names, in short reads: reading their bytes must not hold the database."""
    last = 0
    while True:
        wanted = select(table.id, key, sha256).where(table.id > last, key.is_not(None)).order_by(table.id).limit(CHUNK)
        if table is Export:
            wanted = wanted.where(Export.state == "ready")  # the others have a name before they have bytes
        with db.reading() as session:
            rows = [_Named(*row) for row in session.execute(wanted).all()]
        if not rows:
            return
        yield from rows
        last = rows[-1].id


def _fault_of(store: Store, named: _Named) -> str | None:
    try:
        found = _digest(store, named.key)
    except ObjectMissing:
        return "missing"
    return "damaged" if named.sha256 is not None and found != named.sha256 else None


def _is_named_still(key: str) -> bool:
    """Whether it was not erased while the check was reading."""
    with db.reading() as session:
        return key in sweeping.named(session, [key])


def _orphans(store: Store, before: datetime) -> Iterator[str]:
    infos = store.list("")
    while piece := list(islice(infos, CHUNK)):
        old = [info.key for info in piece if info.stored_at is not None and info.stored_at <= before]
        with db.reading() as session:
            named = sweeping.named(session, old)
        yield from (key for key in old if key not in named)


# --- one object, one export -----------------------------------------------------------------------------------


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
