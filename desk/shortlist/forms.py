"""What browsers send to the rundown, made into values; every fault is named at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from desk.errors import Invalid
from desk.shortlist import rules

NEEDED = "This is needed."
NO_NUMBER = "This has to be a whole number."
NO_TEXT = "This has to be text."
TOO_LONG = "This is too long."
MOST = {"note": rules.NOTE_MOST, "intro_text": rules.INTRO_MOST}


@dataclass(frozen=True)
class Addition:
    """A card for the rundown; `position` None: at the end."""

    card_id: int
    position: int | None
    note: str
    intro_text: str


@dataclass(frozen=True)
class Change:
    """A change of a slot: its place (from the rundown version seen) or its words (from the slot version seen)."""

    version: int
    position: int | None
    note: str | None
    intro_text: str | None


def read_addition(body: Any) -> Addition:
    given = _object(body)
    faults: dict[str, str] = {}
    card_id = _number(given, "card_id", faults)
    position = _number(given, "position", faults) if given.get("position") is not None else None
    note, intro_text = _text(given, "note", faults), _text(given, "intro_text", faults)
    if faults:
        raise Invalid(faults)
    return Addition(card_id, position, note or "", intro_text or "")


def read_change(body: Any) -> Change:
    given = _object(body)
    faults: dict[str, str] = {}
    position = _number(given, "position", faults) if given.get("position") is not None else None
    note, intro_text = _text(given, "note", faults), _text(given, "intro_text", faults)
    if position is None and note is None and intro_text is None:
        faults["position"] = NEEDED
    if position is not None and (note is not None or intro_text is not None):
        faults["position"] = "Move and write in two steps: they are counted by different versions."
    version = _number(given, "version", faults)
    if faults:
        raise Invalid(faults)
    return Change(version, position, note, intro_text)


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Invalid({"body": "This has to be an object."})
    return body


def _number(given: dict[str, Any], name: str, faults: dict[str, str]) -> int:
    value = given.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        faults[name] = NEEDED if value is None else NO_NUMBER
        return 0
    return value


def _text(given: dict[str, Any], name: str, faults: dict[str, str]) -> str | None:
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        faults[name] = NO_TEXT
    elif len(value) > MOST[name]:
        faults[name] = TOO_LONG
    else:
        return value.replace("\x00", "")
    return None
