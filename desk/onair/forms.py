"""What browsers send about listening, vetting and airing, made into values; every fault is named at once."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from desk.errors import Invalid

HASH = re.compile(r"[0-9a-f]{64}")
KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")
LONGEST_S = 24 * 3600.0


@dataclass(frozen=True)
class Heard:
    """A stretch of exact bytes, in seconds."""

    asset_id: int
    sha256: str
    from_s: float
    to_s: float


@dataclass(frozen=True)
class Aired:
    """A studio's report of what it played; `aired_at` is when it began, None if it did not say."""

    sha256: str
    idempotency_key: str
    played_s: float | None
    aired_at: datetime | None


def read_heard(body: Any) -> Heard:
    given = _object(body)
    faults: dict[str, str] = {}
    asset_id = given.get("asset_id")
    if isinstance(asset_id, bool) or not isinstance(asset_id, int) or not 0 < asset_id < 2**53:
        faults["asset_id"] = "This has to be a whole number."
    from_s, to_s = _seconds(given, "from_s", faults), _seconds(given, "to_s", faults)
    if to_s < from_s:
        faults["to_s"] = "The end lies before the beginning."
    sha256 = _hash(given, faults)
    if faults:
        raise Invalid(faults)
    return Heard(int(asset_id or 0), sha256, from_s, to_s)


def read_hash(body: Any) -> str:
    faults: dict[str, str] = {}
    sha256 = _hash(_object(body), faults)
    if faults:
        raise Invalid(faults)
    return sha256


def read_on_air(body: Any) -> tuple[str, bool]:
    given = _object(body)
    faults: dict[str, str] = {}
    sha256 = _hash(given, faults)
    if not isinstance(given.get("is_on"), bool):
        faults["is_on"] = "This is true or false."
    if faults:
        raise Invalid(faults)
    return sha256, given["is_on"] is True


def read_aired(body: Any) -> Aired:
    given = _object(body)
    faults: dict[str, str] = {}
    sha256 = _hash(given, faults)
    key = given.get("idempotency_key")
    if not (isinstance(key, str) and KEY.fullmatch(key)):
        faults["idempotency_key"] = "This is needed: 8 to 64 letters and digits."
    played_s = _seconds(given, "played_s", faults) if given.get("played_s") is not None else None
    aired_at = _moment(given, "aired_at", faults)
    if faults:
        raise Invalid(faults)
    return Aired(sha256, str(key), played_s, aired_at)


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Invalid({"body": "This has to be an object."})
    return body


def _hash(given: dict[str, Any], faults: dict[str, str]) -> str:
    value = given.get("sha256")
    if isinstance(value, str) and HASH.fullmatch(value):
        return value
    faults["sha256"] = "This is no content hash."
    return ""


def _seconds(given: dict[str, Any], name: str, faults: dict[str, str]) -> float:
    value = given.get(name)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if is_number and 0 <= float(value or 0) <= LONGEST_S:
        return float(value or 0)
    faults[name] = "This has to be a length in seconds."
    return 0.0


def _moment(given: dict[str, Any], name: str, faults: dict[str, str]) -> datetime | None:
    value = given.get(name)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        faults[name] = "This has to be a time with its zone."
        return None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
