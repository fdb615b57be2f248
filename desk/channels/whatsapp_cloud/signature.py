"""The front door of WhatsApp's Cloud API: the address check (GET) and the signature of a delivery (POST).

Pure decisions on bytes and texts; the view reads the request and answers. The signature covers the raw body as it
came: never verify something that was parsed and written again. No time is signed, so a captured delivery can be
replayed; unique message ids make that harmless.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from desk.channels.contract import BadSignature

HEADER = "X-Hub-Signature-256"
WELL_FORMED = re.compile(r"sha256=([0-9a-f]{64})")  # a doubled header arrives joined by a comma and does not fit
SHORTEST_SECRET = 16  # characters
LONGEST_CHALLENGE = 256  # characters; ten digits are usual


@dataclass(frozen=True, slots=True)
class AppSecret:
    """The provider's signing key; during a rotation the old one stays valid until `valid_until` (exclusive)."""

    value: str = field(repr=False)
    valid_until: datetime | None = None

    def is_valid(self, at: datetime) -> bool:
        return len(self.value) >= SHORTEST_SECRET and (self.valid_until is None or at < self.valid_until)


def is_well_formed(header: str | None) -> bool:
    """Whether the header could be a signature at all; if not, the body need not be read."""
    return WELL_FORMED.fullmatch(header or "") is not None


def check_signature(body: bytes, header: str | None, secrets: Iterable[AppSecret], *, at: datetime) -> None:
    """Pass if one of the secrets valid at this moment signed exactly these bytes; else raises BadSignature."""
    found = WELL_FORMED.fullmatch(header or "")
    if found is None:
        raise BadSignature("malformed" if header else "missing")
    valid = [secret for secret in secrets if secret.is_valid(at)]
    if not valid:
        raise BadSignature("no_secret")
    # every secret is tried, so that the time taken does not tell which one fits
    fits = [hmac.compare_digest(sign(body, secret.value), found[1]) for secret in valid]
    if not any(fits):
        raise BadSignature("wrong")


def sign(body: bytes, secret: str) -> str:
    """The digest of these bytes, 64 lower-case hex digits."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def answer_handshake(arguments: Mapping[str, str], verify_token: str) -> str | None:
    """The challenge to send back as text/plain, or None to refuse (403).

    Refuses as well while no token is set, and a challenge that is empty, overlong or holds control characters.
    """
    challenge = arguments.get("hub.challenge", "")
    is_ours = hmac.compare_digest(_bytes(arguments.get("hub.verify_token", "")), _bytes(verify_token))
    is_sound = 0 < len(challenge) <= LONGEST_CHALLENGE and challenge.isprintable()
    if verify_token and is_ours and is_sound and arguments.get("hub.mode") == "subscribe":
        return challenge
    return None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
