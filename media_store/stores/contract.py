"""What every store promises. The promise is tested by one class over all of them.

Whole or nothing: a reader sees an object entirely or not at all, also after a crash in the middle of writing.
Write-once: a key keeps its bytes until it is deleted. Errors are this package's own, never a backend's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

LEFTOVER_AGE_S = 24 * 3600.0  # far longer than any writer needs


@dataclass(frozen=True)
class ObjectInfo:
    """`sha256` (hex) and `content_type` are None where the store does not say without reading the object."""

    key: str
    bytes: int
    sha256: str | None = None
    content_type: str | None = None
    stored_at: datetime | None = None


class Store(Protocol):
    """Keys are made by `media_store.keys`; any other raises BadKey. Every method may raise StoreUnavailable."""

    def put(self, key: str, stream: BinaryIO, *, content_type: str) -> str:
        """Keep what the stream holds from its position on; return its SHA-256 in hex.

        The same bytes again are no error; other bytes raise AlreadyStored and change nothing.
        """
        ...

    def open(self, key: str, start: int = 0, stop: int | None = None) -> BinaryIO:
        """Bytes [start, stop) as a stream to be closed; past the end there is nothing.

        Raises ObjectMissing, and ValueError for a start before the first byte.
        """
        ...

    def info(self, key: str) -> ObjectInfo:
        """Size, digest and type. Raises ObjectMissing."""
        ...

    def delete(self, key: str) -> None:
        """Remove for good. A missing object is no error."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Everything whose key begins with `prefix`, in order of keys; digests may be None here."""
        ...

    def link(self, key: str, seconds: int, download_name: str | None = None) -> str | None:
        """A link that works without signing in for so long, or None if this store cannot make one."""
        ...

    def sweep(self, *, older_than_s: float = LEFTOVER_AGE_S) -> int:
        """Remove what crashed writers left behind, which nobody sees; returns how many. May be repeated."""
        ...


def check_start(start: int) -> None:
    """Raises ValueError: servers take a negative start for anything, one of them for the whole object."""
    if start < 0:
        raise ValueError("start is 0 or more")
