"""What browsers send to the team's room, made into values; every fault is named at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desk.errors import Invalid
from desk.team.actions import LENGTH_MOST

KEY = re.compile(r"[A-Za-z0-9-]{8,64}")


@dataclass(frozen=True)
class Line:
    """A line as the browser wants it said."""

    text: str
    card_id: int | None
    key: str


def read_line(body: Any) -> Line:
    given = body if isinstance(body, dict) else {}
    faults: dict[str, str] = {}
    text, card_id, key = given.get("text", ""), given.get("card_id"), given.get("idempotency_key")
    if not isinstance(text, str):
        faults["text"] = "This has to be text."
    elif len(text) > LENGTH_MOST:
        faults["text"] = "This is too long."
    if card_id is not None and not (type(card_id) is int and 0 <= card_id < 2**53):
        faults["card_id"] = "This has to be a whole number."
    if not (isinstance(key, str) and KEY.fullmatch(key)):
        faults["idempotency_key"] = "This is needed."
    if faults:
        raise Invalid(faults)
    return Line(str(text).replace("\x00", "").strip(), card_id, str(key))


def read_after(args: Mapping[str, str]) -> int:
    after = args.get("after", "0")
    if not (after.isdecimal() and len(after) < 16):
        raise Invalid({"after": "This has to be a whole number."})
    return int(after)
