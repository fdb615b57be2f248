"""Temporary folders for listeners' files on their way into the store, in the data folder, never in the system's own.

Each folder has a lock file its worker holds open; the system lets go of the lock when the worker dies, however it
dies. So `empty_temp` can remove what dead workers left and never touches what a living one is using. In the lock file
stands how much room its worker may come to need; no work begins for which there is none.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from desk import settings
from desk.media import rules
from media_store.errors import StoreUnavailable

LOCK = ".lock"
GATE = "tmp.gate"  # beside the folder: held while somebody looks for room


class NoRoom(StoreUnavailable):
    """Other work has the room, or the disk is nearly full. It passes."""


def temp_folder() -> Path:
    """Where temporary folders lie; made if it is not there."""
    folder = settings.current().data_dir / "tmp"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def free_bytes() -> int:
    """Room left where temporary files lie."""
    return shutil.disk_usage(temp_folder()).free


@contextmanager
def workplace(name: str, *, needs_bytes: int = 0) -> Iterator[Path]:
    """An empty folder of one's own, gone afterwards. Raises NoRoom, or OSError if not even a folder can be made.

    `needs_bytes` is the most that will lie in it; it is set aside until the end.
    """
    folder = temp_folder() / f"{name}-{secrets.token_hex(4)}"
    with _gate():
        refuse_without_room(needs_bytes)
        lock = os.open(folder.with_suffix(LOCK), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.write(lock, str(needs_bytes).encode())
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(LOCK).unlink(missing_ok=True)
        os.close(lock)


@contextmanager
def _gate() -> Iterator[None]:
    """One at a time: two who looked at once would both find the same room."""
    gate = os.open(settings.current().data_dir / GATE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield
    finally:
        os.close(gate)


def refuse_without_room(needs_bytes: int) -> None:
    """Raise NoRoom unless the disk keeps its reserve, and all work together stays within its share.

    Work that is alone only has to fit on the disk: else nothing large would ever be done.
    """
    promised, used = _at_work()
    if free_bytes() - max(0, promised - used) - needs_bytes < rules.ROOM_KEPT_BYTES:
        raise NoRoom("the disk is nearly full")
    if promised and promised + needs_bytes > rules.MOST_TEMP_BYTES:
        raise NoRoom("other work has the room")


def _at_work() -> tuple[int, int]:
    """What living workers were promised, and how much of it they use already; in bytes."""
    promised = used = 0
    for lock_file in temp_folder().glob(f"*{LOCK}"):
        try:
            needs_bytes = int(lock_file.read_bytes() or b"0")
        except FileNotFoundError:
            continue  # its worker finished this moment
        if needs_bytes and not _is_orphaned(lock_file):
            promised += needs_bytes
            used += min(needs_bytes, _size_bytes(lock_file.with_suffix("")))
    return promised, used


def _size_bytes(folder: Path) -> int:
    """What the files of a folder take on the disk; those that go meanwhile count for nothing."""
    total = 0
    for path, _folders, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(path, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def empty_temp() -> int:
    """Remove folders whose worker is gone; returns how many. Called when the keeper starts, harmless at any time."""
    with _gate():  # else a worker's lock file could be met in the moment before it is locked
        return sum(_remove_if_orphaned(entry) for entry in sorted(temp_folder().iterdir()))


def _remove_if_orphaned(entry: Path) -> int:
    is_lock = entry.suffix == LOCK
    folder = entry.with_suffix("") if is_lock else entry
    if not is_lock and entry.with_suffix(LOCK).exists():
        return 0  # decided at its lock
    if is_lock and not _is_orphaned(entry):
        return 0
    is_left = folder.exists()
    if folder.is_dir():
        shutil.rmtree(folder, ignore_errors=True)
    entry.unlink(missing_ok=True) if is_lock or not folder.is_dir() else None
    return int(is_left)


def _is_orphaned(lock_file: Path) -> bool:
    try:
        lock = os.open(lock_file, os.O_RDWR)
    except FileNotFoundError:
        return False  # its worker finished this moment
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
