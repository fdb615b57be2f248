"""Seals what must not lie open in the database and makes keyed look-ups of it.

Identities, provider ids (they contain phone numbers) and channel secrets are stored sealed (AES-256-GCM)
and found by a keyed hash (HMAC-SHA256): an unkeyed hash of a phone number is reversed within an hour.
Both keys are derived from DESK_SECRET_KEY, which is in no database and no backup of it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from desk import settings

NONCE_BYTES = 12  # AES-GCM, NIST SP 800-38D


def lookup(*parts: str) -> str:
    """Keyed hash under which a secret value is found again, 64 hex digits; the parts are kept apart."""
    text = "\x1f".join(parts).encode()
    return hmac.new(_key("lookup"), text, hashlib.sha256).hexdigest()


def seal(value: str, about: str) -> str:
    """Encrypt `value`; `about` (what it belongs to) must be given again to open it."""
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(_key("seal")).encrypt(nonce, value.encode(), about.encode())
    return base64.urlsafe_b64encode(nonce + sealed).decode()


def unseal(sealed: str, about: str) -> str:
    """Open what `seal` closed. Raises cryptography.exceptions.InvalidTag for another key or purpose."""
    raw = base64.urlsafe_b64decode(sealed)
    return AESGCM(_key("seal")).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], about.encode()).decode()


def seal_json(value: Any, about: str) -> str:
    return seal(json.dumps(value, ensure_ascii=True, separators=(",", ":")), about)


def unseal_json(sealed: str, about: str) -> Any:
    return json.loads(unseal(sealed, about))


def sign(*parts: str) -> str:
    """Keyed proof over parts, for chains and signed links."""
    return hmac.new(_key("sign"), "\x1f".join(parts).encode(), hashlib.sha256).hexdigest()


def key_for(purpose: str) -> bytes:
    """A key of 32 bytes for who signs by himself; each purpose has its own."""
    return _key(f"for {purpose}")


def _key(purpose: str) -> bytes:
    return _derived(settings.current().secret_key, purpose)


@lru_cache(maxsize=16)
def _derived(secret: str, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"hoererpult {purpose} 1".encode()).derive(
        secret.encode()
    )
