"""The list of erasures beside the database, replayed into every database that is restored.

One JSON line each in `erased.jsonl` of the data folder: keyed hashes and moments, nothing that can be read without
the desk's key. It is copied into backups, too, but the newest one lies with the running desk.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from desk import settings

NAME = "erased.jsonl"


@dataclass(frozen=True)
class Erased:
    """A message ("message") or an address of a person ("address") under its keyed hash; `at_ms` since 1970, UTC."""

    kind: str
    lookup: str
    at_ms: int


def path() -> Path:
    return settings.current().data_dir / NAME


def add(entries: Iterable[Erased]) -> int:
    """Append what is not listed yet and wait until it is on disk; returns how many were new.

    An address may be erased again, when the person came back in between: the newest moment counts.
    """
    listed = read(path())
    messages = {one.lookup for one in listed if one.kind == "message"}
    addresses = {one.lookup: one.at_ms for one in listed if one.kind == "address"}
    new = [
        one
        for one in entries
        if (one.lookup not in messages if one.kind == "message" else addresses.get(one.lookup, 0) < one.at_ms)
    ]
    if not new:
        return 0
    handle = os.open(path(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "a", encoding="ascii") as file:
        # begins with a line end: the line before may have been cut off by a crash
        file.writelines("\n" + json.dumps(asdict(one)) for one in new)
        file.flush()
        os.fsync(file.fileno())
    return len(new)


def read(file: Path) -> list[Erased]:
    """All entries of a list; a line cut off by a crash is no entry. A missing file is an empty list."""
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            found.append(Erased(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return found
