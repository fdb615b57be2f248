"""Backups of database and media into a folder, and bringing one back.

The desk goes on working while a backup is made. Keys are never part of it: without DESK_SECRET_KEY its sealed parts
stay closed, so keep the key elsewhere. A restored database is completed beside its place – brought up to date, all
erasures done again – before it is put there; media lie in the store before that.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import func, inspect, select
from sqlalchemy.engine import make_url

from desk import clock, copying, db, schema, settings
from desk.errors import Conflict, DeskError, NotFound
from desk.media import storage
from desk.people.models import Station
from desk.privacy import erasing, replaying, restorelist
from media_store.stores.folder import FolderStore

MANIFEST, SUMS, MEDIA = "manifest.json", "media.sha256", "media"
FORMAT = 1
PROGRAM_LIMIT_S = 3600
POSTGRES_FOLDERS = "/usr/lib/postgresql"  # Debian keeps its programs off the path, one folder per version


class NoBackup(NotFound):
    code = "backups.none"
    message = "There is no finished backup in this folder."


class Damaged(DeskError):
    code = "backups.damaged"
    message = "The backup is damaged. Take another one."


class NotEmpty(Conflict):
    code = "backups.not_empty"
    message = "This desk holds data already. Add --force to put the backup in its place."


class StillRunning(Conflict):
    code = "backups.running"
    message = "The desk is running on this database. Stop it first."


class NoProgram(DeskError):
    code = "backups.no_program"


@dataclass(frozen=True)
class Backup:
    """A finished backup, as its manifest tells."""

    made_at: str
    version: str
    engine: str
    database: str
    database_sha256: str
    database_bytes: int
    media_objects: int
    media_sha256: str
    format: int = FORMAT
    keys: str = "not included; keep DESK_SECRET_KEY elsewhere"


# --- making one -------------------------------------------------------------------------------------------------


def back_up(folder: Path, *, at: datetime) -> tuple[Backup, copying.CopyReport]:
    """Write a backup into a folder, or bring the one there up to date. Broken off, it is simply run again.

    What was erased since the last one into this folder leaves it; what was damaged there is written anew. The report
    names files the store itself holds damaged: they are not in the backup, everything else is.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)  # until everything fits together there is no backup here
    database = _dump(folder)
    target = FolderStore(folder / MEDIA)
    source = storage.current()
    report = copying.copy_store(source, target, repairs=True)
    copying.prune_store(source, target)
    objects = _write_sums(folder, target)
    listed = restorelist.path()
    if listed.exists():
        _replace(folder / restorelist.NAME, listed.read_bytes())
    made = Backup(
        made_at=clock.iso(at) or "",
        version=version("hoererpult"),
        engine="sqlite" if db.current().is_sqlite else "postgresql",
        database=database.name,
        database_sha256=_digest(database),
        database_bytes=database.stat().st_size,
        media_objects=objects,
        media_sha256=_digest(folder / SUMS),
    )
    _replace(folder / MANIFEST, json.dumps(asdict(made), indent=1).encode())
    return made, report


def _dump(folder: Path) -> Path:
    target = folder / ("desk.db" if db.current().is_sqlite else "desk.dump")
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    if db.current().is_sqlite:
        path = db.current().url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as copy:
            source.backup(copy)
    else:
        _run_postgres("pg_dump", "--format=custom", f"--file={part}")
    _place(part, target)
    return target


def _write_sums(folder: Path, store: FolderStore) -> int:
    """One line per object, for `sha256sum -c media.sha256` inside the folder; returns how many."""
    lines = [f"{store.info(info.key).sha256}  {MEDIA}/{info.key}\n" for info in store.list("")]
    _replace(folder / SUMS, "".join(lines).encode())
    return len(lines)


# --- bringing one back ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Restored:
    """What a restore did."""

    backup: Backup
    media_copied: int
    replayed: replaying.Replayed

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": self.replayed.is_done, "made_at": self.backup.made_at, "version": self.backup.version,
            "media_copied": self.media_copied, "erased_again": asdict(self.replayed),
        }  # fmt: skip


def restore(folder: Path, *, is_forced: bool, at: datetime) -> Restored:
    """Bring a backup back. Raises NoBackup, Damaged, NotEmpty unless `is_forced`, StillRunning."""
    found = read_manifest(folder)
    if (found.engine == "sqlite") != db.current().is_sqlite:
        raise Damaged(f"This backup is of {found.engine}; DESK_DATABASE_URL names another kind of database.")
    if not is_forced and _holds_data():
        raise NotEmpty
    _check(folder, found)
    restorelist.add(restorelist.read(folder / restorelist.NAME))
    copied = copying.copy_store(FolderStore(folder / MEDIA), storage.current(), repairs=True)
    if copied.faults:
        raise Damaged(f"{len(copied.faults)} files could not be brought back, the first is {copied.faults[0]['key']}.")
    bring = _bring_sqlite if found.engine == "sqlite" else _bring_postgres
    return Restored(found, copied.copied, bring(folder / found.database, at))


def read_manifest(folder: Path) -> Backup:
    """What the backup in a folder says of itself. Raises NoBackup, Damaged."""
    try:
        return Backup(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError) as missing:
        raise NoBackup from missing
    except (ValueError, TypeError) as fault:
        raise Damaged from fault


def _holds_data() -> bool:
    if next(iter(storage.current().list("")), None) is not None:
        return True
    with db.current().engine.connect() as connection:
        if not inspect(connection).has_table("station"):
            return False
        return bool(connection.execute(select(func.count()).select_from(Station)).scalar_one())


def _check(folder: Path, found: Backup) -> None:
    """Compare every byte with what was written down. Raises Damaged."""
    names = {folder / found.database: found.database_sha256, folder / SUMS: found.media_sha256}
    for path, wanted in names.items():
        if not path.is_file() or _digest(path) != wanted:
            raise Damaged(f"{path.name} is not as it was written. Take another backup.")
    for line in (folder / SUMS).read_text(encoding="ascii").splitlines():
        wanted, _, name = line.partition("  ")
        if not (folder / name).is_file() or _digest(folder / name) != wanted:
            raise Damaged(f"{name} is not as it was written. Take another backup.")


def _bring_sqlite(copy: Path, at: datetime) -> replaying.Replayed:
    """Complete the database beside its place, then put it there in one step."""
    url = db.current().url
    place = Path(url.removeprefix("sqlite:///"))
    _refuse_running(place)
    aside = place.with_name(f"{place.name}.restoring")
    _remove(aside)
    shutil.copyfile(copy, aside)
    aside.chmod(0o600)
    with _working_on(f"sqlite:///{aside}"):
        replayed = _complete(at)
        erasing.truncate_log()
    _remove(place, keep_main=True)
    _place(aside, place)
    _remove(aside)
    db.use(db.Database(url))
    return replayed


def _bring_postgres(dump: Path, at: datetime) -> replaying.Replayed:
    db.current().dispose()
    _run_postgres("pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction", str(dump))
    return _complete(at)


def _complete(at: datetime) -> replaying.Replayed:
    schema.migrate(db.current())
    return replaying.replay(restorelist.read(restorelist.path()), at=at)


@contextmanager
def _working_on(url: str) -> Iterator[None]:
    """Make another database the one of this process for a while."""
    before, other = db.current(), db.Database(url)
    db.use(other)
    try:
        yield
    finally:
        other.dispose()
        db.use(before)


def _refuse_running(place: Path) -> None:
    """Only the sole user of a database may change its journal: a running desk makes this fail. Raises StillRunning."""
    db.current().dispose()
    if not place.exists():
        return
    with closing(sqlite3.connect(place, timeout=1)) as connection:
        try:
            mode = connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
        except sqlite3.OperationalError as fault:
            raise StillRunning from fault
    if mode != "delete":
        raise StillRunning


def _remove(database: Path, *, keep_main: bool = False) -> None:
    """Remove a SQLite database with its side files, or the side files alone."""
    for ending in ("-wal", "-shm", "-journal", *(() if keep_main else ("",))):
        Path(f"{database}{ending}").unlink(missing_ok=True)


# --- files and programs -----------------------------------------------------------------------------------------


def _run_postgres(program: str, *options: str) -> None:
    """Run PostgreSQL's own program; the password goes by environment, never by the command line."""
    url = make_url(settings.current().database_url)
    given = {"PGHOST": url.host, "PGPORT": url.port, "PGUSER": url.username, "PGPASSWORD": url.password}
    given |= {"PG" + name.upper(): str(value) for name, value in url.query.items() if name in ("host", "port")}
    environment = {**os.environ, **{name: str(value) for name, value in given.items() if value}}
    command = [_find_program(program), "--no-password", f"--dbname={url.database}", *options]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PROGRAM_LIMIT_S, check=False
    )
    if done.returncode != 0:
        raise NoProgram(f"{program} ended with status {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")


def _find_program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        installed = sorted(Path(POSTGRES_FOLDERS).glob(f"*/bin/{name}"))
        found = str(installed[-1]) if installed else None
    if found is None:
        raise NoProgram(f"{name} is not installed. Install PostgreSQL's client programs.")
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    part.chmod(0o600)
    _place(part, path)


def _place(part: Path, path: Path) -> None:
    """Give a finished file its name, durably."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
