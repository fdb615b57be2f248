"""Looks for what must not be there: every file of a data folder, byte by byte, in every form a value may take."""

from __future__ import annotations

import base64
from pathlib import Path


def forms(value: str) -> list[bytes]:
    """A value as it may lie in a file: plain, folded, escaped, in base64 at each of its three offsets, in UTF-16."""
    plain = value.encode()
    shifted = [base64.b64encode(b"\0" * pad + plain)[4:-4] for pad in range(3)]
    return [plain, value.casefold().encode(), value.replace("/", "\\/").encode(), value.encode("utf-16-le"), *shifted]


def places_of(folder: Path, *needles: bytes) -> list[str]:
    """Files below a folder that hold any of the needles."""
    wanted = [needle for needle in needles if len(needle) >= 6]
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            found += [f"{path.relative_to(folder)}: {needle!r:.60}" for needle in wanted if needle in content]
    return found
