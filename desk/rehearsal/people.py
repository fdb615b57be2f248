"""Invented senders: name in, the same number and ids out every time.

Numbers come from the block +49 1579 000xxxx, which stands for nobody here. Owns what the
provider knows of a person; who they are on the morning's wall is told by `cast`.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass

NUMBER_BLOCK = "491579000"  # four digits follow


@dataclass(frozen=True)
class Listener:
    """A sender as the provider knows it; `shows_phone` False sends the BSUID alone."""

    name: str
    phone: str
    bsuid: str
    username: str | None = None
    shows_phone: bool = True
    reads: bool = True

    @property
    def address(self) -> str:
        return self.phone if self.shows_phone else self.bsuid


def _digits(name: str, purpose: str, count: int) -> str:
    digest = hashlib.sha256(f"{purpose}:{name}".encode()).digest()
    return str(int.from_bytes(digest, "big"))[-count:].zfill(count)


def invented_phone(name: str, attempt: int = 0) -> str:
    """A number of the block; a second person with the same digits asks with attempt + 1."""
    return NUMBER_BLOCK + str((int(_digits(name, "phone", 4)) + attempt) % 10_000).zfill(4)


def invented_bsuid(name: str) -> str:
    return "DE." + _digits(name, "bsuid", 16)


def username_of(name: str) -> str:
    """A handle of 3 to 35 of a-z 0-9 . _ as the provider allows."""
    plain = name.lower()
    for sign, spelling in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), (" ", ".")):
        plain = plain.replace(sign, spelling)
    return re.sub(r"[^a-z0-9._]", "", plain)[:35].ljust(3, "_")


def new_wamid(address: str, *, outgoing: bool = False) -> str:
    """A message id shaped like the provider's: base64 with the address in clear text inside."""
    tail = secrets.token_hex(9 if outgoing else 10).upper().encode()
    marker = b"\x11" if outgoing else b"\x12"
    who = address.encode()
    raw = (
        b"\x1c\x18" + bytes([len(who)]) + who + b"\x15\x02\x00" + marker + b"\x18" + bytes([len(tail)]) + tail + b"\x00"
    )
    return "wamid." + base64.b64encode(raw).decode()
