"""Puts and reads an object of 100 MB and tells by how much its memory grew; a program of its own, to measure it alone.

Reads a place as JSON, prints {"put", "read", "grown_bytes"}: the digests of both ways and the growth of the peak.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
import sys
from pathlib import Path

from tests.media_store.contract import TYPE, Place, put, read

BLOCK_BYTES = 1 << 20
BLOCKS = 100


class Long(io.RawIOBase):
    """A stream that is made while it is read."""

    def __init__(self) -> None:
        self._block, self._given = random.Random(0).randbytes(BLOCK_BYTES), 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        assert size >= BLOCK_BYTES, "a stream is read in pieces"
        self._given += 1
        return self._block if self._given <= BLOCKS else b""


def peak_bytes() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def main() -> None:
    store = Place(**json.load(sys.stdin)).open()
    put(store, "short", bytes(3 * BLOCK_BYTES))
    read(store, "short")  # everything is loaded by now
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    before = peak_bytes()
    written = store.put("long", Long(), content_type=TYPE)  # type: ignore[arg-type]  # a raw stream reads as well
    digest = hashlib.sha256()
    with store.open("long") as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    print(json.dumps({"put": written, "read": digest.hexdigest(), "grown_bytes": peak_bytes() - before}))


if __name__ == "__main__":
    main()
