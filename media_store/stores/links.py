"""Signed links: whoever holds one may read one object for a few minutes, and can make nothing else of it.

A link is a text that says what may be read, by whom, what for, under which name to save it and until when, with a keyed
proof over all of that. Nothing about it is kept anywhere. It proves that it was made here and still holds; whether its
holder may still read is for the one who answers it to ask. Names stand readable in a link: who logs addresses gives
none. S3 servers sign links of their own; this is for stores that serve nothing themselves.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from media_store.errors import LinkBroken, LinkExpired

LONGEST_S = 300
PARAMETER = "t"  # in the query, which access logs leave out
LONGEST_TOKEN = 4000


@dataclass(frozen=True)
class Link:
    """What a link is good for; `until_s` is the first second (since 1970) at which it no longer is."""

    key: str
    until_s: int
    download_name: str | None = None
    purpose: str = ""
    holder: str = ""


class LinkSigner:
    """Makes links and tells its own from others. Called, it signs for a `FolderStore`."""

    def __init__(self, secret: bytes, address: str) -> None:
        """`address` is where links are answered, without a query."""
        if len(secret) < 32:
            raise ValueError("a secret of 32 bytes or more")
        self._secret = secret
        self._address = address

    def __call__(self, key: str, seconds: int, download_name: str | None = None) -> str:
        """A link for anybody who holds it. Raises ValueError for more than LONGEST_S."""
        return self.address_of(self.sign(key, seconds, download_name, at=datetime.now(UTC)))

    def address_of(self, token: str) -> str:
        return f"{self._address}?{PARAMETER}={token}"

    def sign(
        self,
        key: str,
        seconds: int,
        download_name: str | None = None,
        *,
        purpose: str = "",
        holder: str = "",
        at: datetime,
    ) -> str:
        """The token of a link that holds for so many seconds from `at`. Raises ValueError outside 1 to LONGEST_S."""
        if not 1 <= seconds <= LONGEST_S:
            raise ValueError(f"a link holds 1 to {LONGEST_S} seconds")
        link = Link(key, int(at.timestamp()) + seconds, download_name, purpose, holder)
        said = json.dumps(asdict(link), separators=(",", ":")).encode()
        return f"{_text(said)}.{_text(self._proof(said))}"

    def check(
        self, token: str, *, at: datetime, key: str | None = None, purpose: str | None = None, holder: str | None = None
    ) -> Link:
        """What a token is good for at this moment; `key`, `purpose` and `holder` are compared where they are given.

        Raises LinkBroken, and LinkExpired only for a link that is ours in every part.
        """
        said, proof = _parts(token)
        if not hmac.compare_digest(proof, self._proof(said)):
            raise LinkBroken("wrong proof")
        link = Link(**json.loads(said))
        for name, wanted in (("key", key), ("purpose", purpose), ("holder", holder)):
            if wanted is not None and getattr(link, name) != wanted:
                raise LinkBroken(f"another {name}")
        if at.timestamp() >= link.until_s:
            raise LinkExpired
        return link

    def _proof(self, said: bytes) -> bytes:
        return hmac.new(self._secret, b"link 1 " + said, hashlib.sha256).digest()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _parts(token: str) -> tuple[bytes, bytes]:
    """What is said and its proof, neither of them believed yet. Raises LinkBroken for what is no token at all."""
    said, _, proof = token.partition(".")
    if len(token) > LONGEST_TOKEN:
        raise LinkBroken("too long")
    try:
        return _bytes(said), _bytes(proof)
    except (ValueError, binascii.Error) as fault:
        raise LinkBroken("no token") from fault


def _bytes(text: str) -> bytes:
    """Raises ValueError unless `text` is exactly how these bytes are written: one link, one text."""
    raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _text(raw) != text:
        raise ValueError("another spelling")
    return raw
