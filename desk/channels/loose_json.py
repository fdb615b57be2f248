"""Takes values out of JSON that strangers wrote: wrong types and missing keys are ordinary, nothing here raises later.

Owns parsing within limits (depth, number size, no NaN) and cleaning text so that every database and every encoder
takes it. Knows no provider. An empty text counts as missing everywhere: it must never become a key.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import Any

from desk.channels.contract import JSON

DEEPEST = 32  # levels; real deliveries have about 10
TOO_DEEP = "[nested too deeply]"
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # NUL (PostgreSQL), lone surrogates (UTF-8)
LONGEST_INTEGER = 18  # digits with sign, so that 64 bits hold it; longer ones stay text
LATEST_S = 253_402_300_799  # end of the year 9999, datetime's last second


class NotJson(ValueError):
    """The bytes are no JSON that can be kept."""


def parse(body: bytes) -> JSON:
    """Parse JSON and make it fit to keep: clean texts, at most DEEPEST levels, finite numbers of 64 bits.

    Lenient where strictness would cost the neighbours in a batch: bad UTF-8, control characters, NaN and numbers of
    thousands of digits spoil only the value they stand in. Raises NotJson, also for nesting that exhausts the parser.
    """
    text = body.decode("utf-8", "replace")
    try:
        return _fit(json.loads(text, strict=False, parse_constant=_nothing, parse_int=_whole_or_text), 0)
    except (ValueError, RecursionError) as error:
        raise NotJson(type(error).__name__) from error


def _nothing(name: str) -> None:
    """NaN and the infinities are no JSON, and no figure of ours."""


def _whole_or_text(digits: str) -> int | str:
    return int(digits) if len(digits) <= LONGEST_INTEGER else digits


def _fit(value: Any, depth: int) -> JSON:  # Any: json.loads promises nothing
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict | list) and depth >= DEEPEST:
        return TOO_DEEP
    if isinstance(value, dict):
        return {clean(key): _fit(part, depth + 1) for key, part in value.items()}
    if isinstance(value, list):
        return [_fit(part, depth + 1) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value  # type: ignore[no-any-return]


def clean(text: str) -> str:
    """The text with what no database takes replaced by U+FFFD."""
    return UNSTORABLE.sub("\ufffd", text)


def mapping(value: JSON) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {}


def entries(holder: dict[str, JSON], key: str) -> list[JSON]:
    found = holder.get(key)
    return found if isinstance(found, list) else []


def text(holder: dict[str, JSON], key: str) -> str | None:
    """A text that is not empty, or a whole number as its digits (ids are seen as both); else None."""
    found = holder.get(key)
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found if isinstance(found, str) and found else None


def flag(holder: dict[str, JSON], key: str) -> bool:
    return holder.get(key) in (True, "true")


def number(holder: dict[str, JSON], key: str) -> float | None:
    """A finite number, also if written as text; else None."""
    found = holder.get(key)
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        return None
    try:
        value = float(found)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def whole(holder: dict[str, JSON], key: str) -> int | None:
    """A whole number, also if written as text; else None."""
    value = number(holder, key)
    return int(value) if value is not None and value.is_integer() else None


def moment(holder: dict[str, JSON], key: str) -> datetime | None:
    """Unix seconds, as text or number, in UTC; None if missing, not after 1970 or beyond the calendar."""
    seconds = whole(holder, key)
    if seconds is None or not 0 < seconds <= LATEST_S:
        return None
    return datetime.fromtimestamp(seconds, tz=UTC)
