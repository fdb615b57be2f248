"""Objects as files in a folder: the default on one machine. It is no S3 server and needs none.

A file is written beside its place, synced, and linked into place under its key, which fails if the key is taken: that
is the write-once rule, kept by the file system even between processes. Digest and type stand in a small file of the
same name under `.sums`; if a crash took that, the digest is computed again, and the type is told by the next put.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from media_store import keys
from media_store.errors import AlreadyStored, BadKey, ObjectMissing, StoreUnavailable
from media_store.stores.contract import LEFTOVER_AGE_S, ObjectInfo, check_start
from media_store.stores.links import LinkSigner

BLOCK_BYTES = 1 << 20
PART_PREFIX = ".part-"
SUMS_FOLDER = ".sums"
NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


class FolderStore:
    """A store in one folder of a local file system. Several processes may use it at once."""

    def __init__(self, root: Path, *, link_signer: LinkSigner | None = None) -> None:
        self.root = root
        self._link_signer = link_signer

    def put(self, key: str, stream: BinaryIO, *, content_type: str) -> str:
        target = self._path(key)
        with _translated():
            _make_folder(target.parent, self.root)
            part, digest = _write_part(target.parent, stream)
            try:
                is_new = _place(part, target)
            finally:
                part.unlink(missing_ok=True)
        if not is_new:
            there = self.info(key)
            if there.sha256 != digest:
                raise AlreadyStored(key)
            if there.content_type is None:  # its writer was killed before it could say what it is
                with _translated():
                    self._write_sum(key, digest, content_type)
            return digest
        with _translated():
            _sync_folder(target.parent)
            self._write_sum(key, digest, content_type)
        return digest

    def open(self, key: str, start: int = 0, stop: int | None = None) -> BinaryIO:
        check_start(start)
        with _translated(key):
            file = self._path(key).open("rb")
        if stop is None:
            file.seek(start)
            return file
        return cast(BinaryIO, io.BufferedReader(_Slice(file, start, stop)))

    def info(self, key: str) -> ObjectInfo:
        path = self._path(key)
        with _translated(key):
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                raise ObjectMissing(key)
            digest, content_type = self._read_sum(key)
            if digest is None:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                self._write_sum(key, digest, content_type or "")
        return ObjectInfo(key, found.st_size, digest, content_type, _stored_at(found))

    def delete(self, key: str) -> None:
        with _translated():
            # the sum first: a sum without object would speak for whatever is stored there next
            self._sum_path(key).unlink(missing_ok=True)
            self._path(key).unlink(missing_ok=True)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        keys.check_prefix(prefix)
        folder = prefix.rpartition("/")[0]
        with _translated():
            for key, entry in _walk(self.root / folder, f"{folder}/" if folder else ""):
                if key.startswith(prefix) and (found := _stat(entry)):
                    yield ObjectInfo(key, found.st_size, stored_at=_stored_at(found))

    def link(self, key: str, seconds: int, download_name: str | None = None) -> str | None:
        keys.check(key)
        return self._link_signer(key, seconds, download_name) if self._link_signer else None

    def sweep(self, *, older_than_s: float = LEFTOVER_AGE_S) -> int:
        """Remove what crashed writers left behind; returns how many files went."""
        limit, swept = time.time() - older_than_s, 0
        with _translated():
            for part in self.root.rglob(f"{PART_PREFIX}*"):
                with suppress(FileNotFoundError):  # its writer was alive and is done
                    if part.stat().st_mtime <= limit:
                        part.unlink()
                        swept += 1
        return swept

    def _path(self, key: str) -> Path:
        path = self.root / keys.check(key)
        if not path.resolve().is_relative_to(self.root.resolve()):  # a symbolic link someone put there
            raise BadKey("key leaves the store")
        return path

    def _sum_path(self, key: str) -> Path:
        return self.root / SUMS_FOLDER / keys.check(key)

    def _write_sum(self, key: str, digest: str, content_type: str) -> None:
        path = self._sum_path(key)
        _make_folder(path.parent, self.root)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=PART_PREFIX, delete=False) as part:
            part.write(f"{digest} {content_type}\n")
        Path(part.name).replace(path)

    def _read_sum(self, key: str) -> tuple[str | None, str | None]:
        try:
            digest, _, content_type = self._sum_path(key).read_text().strip().partition(" ")
        except (FileNotFoundError, UnicodeDecodeError):
            return None, None
        return (digest, content_type or None) if len(digest) == 64 else (None, None)


class _Slice(io.RawIOBase):
    """Bytes [start, stop) of an open file, which it closes with itself."""

    def __init__(self, file: BinaryIO, start: int, stop: int) -> None:
        self._file = file
        self._left = max(0, stop - start)
        file.seek(start)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed wants its private Buffer type
        block = self._file.read(min(self._left, len(buffer)))
        buffer[: len(block)] = block
        self._left -= len(block)
        return len(block)

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def _translated(key: str = "") -> Iterator[None]:
    """The file system's errors as ours."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as missing:
        raise (ObjectMissing(key) if key else StoreUnavailable("a folder is missing")) from missing
    except OSError as fault:
        raise StoreUnavailable(os.strerror(fault.errno) if fault.errno else "input/output error") from fault


def _write_part(folder: Path, stream: BinaryIO) -> tuple[Path, str]:
    """Write the stream beside its place, synced. Nothing is left behind if this raises."""
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=folder, prefix=PART_PREFIX, delete=False) as part:
        try:
            while block := stream.read(BLOCK_BYTES):
                digest.update(block)
                part.write(block)
            part.flush()
            os.fsync(part.fileno())
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise
    return Path(part.name), digest.hexdigest()


def _place(part: Path, target: Path) -> bool:
    """Give the finished part its name; False if the name is taken."""
    try:
        os.link(part, target)
    except FileExistsError:
        return False
    except OSError as fault:
        if fault.errno not in NO_HARD_LINKS:
            raise
        if target.exists():
            return False
        part.replace(target)  # without hard links two writers in the same instant are not told apart
    return True


def _make_folder(folder: Path, root: Path) -> None:
    """Make missing folders, each entered durably into its parent."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(exist_ok=True, mode=0o700 if new == root else 0o777)
        _sync_folder(new.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Files below a folder in the order of their whole keys, hidden ones left out."""
    try:
        with os.scandir(folder) as found:
            entries = [entry for entry in found if not entry.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in sorted(entries, key=lambda entry: f"{entry.name}/" if entry.is_dir() else entry.name):
        if entry.is_dir():
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry


def _stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    """None if it was deleted since the folder was read."""
    try:
        return entry.stat()
    except FileNotFoundError:
        return None


def _stored_at(found: os.stat_result) -> datetime:
    return datetime.fromtimestamp(found.st_mtime, UTC)
