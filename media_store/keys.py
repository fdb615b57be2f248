"""Names in the store: made by us, never from a listener's file name.

A key is a few segments of plain characters joined by `/`, safe as a path, as an S3 key and in a log.
`check` refuses everything else; the stores call it before they touch anything.
"""

from __future__ import annotations

import re
import secrets

from media_store.errors import BadKey

LONGEST_KEY = 512  # S3 allows 1024 bytes; file systems 255 per segment
_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,119}"
_KEY = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*")
_PREFIX = re.compile(rf"(?:{_SEGMENT}/)*(?:{_SEGMENT})?")


def check(key: str) -> str:
    """Return the key if it is one of ours, else raise BadKey."""
    if len(key) > LONGEST_KEY or not _KEY.fullmatch(key):
        raise BadKey("key has characters or a shape that no store accepts")
    return key


def check_prefix(prefix: str) -> str:
    """Return a prefix for `list`; empty means everything."""
    if len(prefix) > LONGEST_KEY or not _PREFIX.fullmatch(prefix):
        raise BadKey("prefix has characters or a shape that no store accepts")
    return prefix


def new_key(*folders: str, extension: str) -> str:
    """Make an unguessable key, for instance `new_key("7", "2026", "11", extension="ogg")`."""
    return check("/".join((*folders, f"{secrets.token_hex(16)}.{extension}")))


def rendition_key(original_key: str, profile: str, version: int, digest: str, extension: str) -> str:
    """Name a rendition next to its original: the same bytes get the same name, other bytes another."""
    stem = original_key.rsplit(".", 1)[0]
    return check(f"{stem}.{profile}-{version}-{digest[:12]}.{extension}")
