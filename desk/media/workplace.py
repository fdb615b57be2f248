"""Temporary folders for listeners' files on their way into the store, in the data folder, never in the system's own.

Each folder has a lock file its worker holds open; the system lets go of the lock when the worker dies, however it
dies. So `empty_temp` can remove what dead workers left and never touches what a living one is using.
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

LOCK = ".lock"


def temp_folder() -> Path:
    """Where temporary folders lie; made if it is not there."""
    folder = settings.current().data_dir / "tmp"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def free_bytes() -> int:
    """Room left where temporary files lie."""
    return shutil.disk_usage(temp_folder()).free


@contextmanager
def workplace(name: str) -> Iterator[Path]:
    """An empty folder of one's own, gone afterwards. Raises OSError if there is no room for it."""
    folder = temp_folder() / f"{name}-{secrets.token_hex(4)}"
    lock = os.open(folder.with_suffix(LOCK), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(LOCK).unlink(missing_ok=True)
        os.close(lock)


def empty_temp() -> int:
    """Remove folders whose worker is gone; returns how many. Called when the keeper starts, harmless at any time."""
    removed = 0
    for entry in sorted(temp_folder().iterdir()):
        is_lock = entry.suffix == LOCK
        folder = entry.with_suffix("") if is_lock else entry
        if not is_lock and entry.with_suffix(LOCK).exists():
            continue  # decided at its lock
        if is_lock and not _is_orphaned(entry):
            continue
        if folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
        elif not is_lock:
            folder.unlink(missing_ok=True)
            removed += 1
        entry.unlink(missing_ok=True) if is_lock else None
    return removed


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
