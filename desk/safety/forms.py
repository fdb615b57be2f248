"""Untrusted input of the room safety: values, or Invalid with every fault at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desk.errors import Invalid
from desk.listeners.rules import BLOCK_TIMES
from desk.safety import rules
from desk.safety.rules import Words

NOTE_MOST_CHARACTERS = 4000
CONTACT_MOST_CHARACTERS = 200
VIEWS = {"open": rules.WITH_THE_LEAD, "closed": (rules.CLOSED,)}


@dataclass(frozen=True)
class Tick:
    """One press on the checklist."""

    step: str
    is_on: bool
    length: str | None


@dataclass(frozen=True)
class RulesForm:
    """What an editor entered."""

    words: Words
    is_on: bool
    contact: str


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Invalid({"body": "An object is expected."})
    return body


def read_kind(body: Any) -> str:
    kind = _object(body).get("kind", "threat")
    if kind not in rules.KINDS:
        raise Invalid({"kind": "Say threat, insult or other."})
    return str(kind)


def read_view(given: str | None) -> str:
    if given not in (None, "", *VIEWS):
        raise Invalid({"view": "This list does not exist."})
    return given or "open"


def read_tick(body: Any) -> Tick:
    given = _object(body)
    step, is_on, length = given.get("step"), given.get("on"), given.get("length")
    faults: dict[str, str] = {}
    if step not in rules.STEPS:
        faults["step"] = "There is no such step."
    if not isinstance(is_on, bool):
        faults["on"] = "Say true or false."
    if length is not None and length not in BLOCK_TIMES:
        faults["length"] = "A sender can be blocked for an hour, a day or for ever."
    if faults:
        raise Invalid(faults)
    return Tick(str(step), bool(is_on), length)


def read_note(body: Any) -> str:
    note = _object(body).get("note")
    if not isinstance(note, str) or len(note) > NOTE_MOST_CHARACTERS:
        raise Invalid({"note": "A note is a text of at most 4,000 characters."})
    return note.replace("\x00", "").strip()


def read_outcome(body: Any) -> str:
    outcome = _object(body).get("outcome")
    if outcome not in rules.OUTCOMES:
        raise Invalid({"outcome": "There is no such outcome."})
    return str(outcome)


def read_rules(form: Mapping[str, str]) -> RulesForm:
    """Raises Invalid by field."""
    lines = {name: form.get(name, "").replace("\x00", "") for name in ("threats", "insults", "harmless")}
    faults = {name: fault for name, given in lines.items() if (fault := rules.fault_of(given)) is not None}
    contact = " ".join(form.get("contact", "").replace("\x00", "").split())
    if len(contact) > CONTACT_MOST_CHARACTERS:
        faults["contact"] = "This is too long."
    if faults:
        raise Invalid(faults)
    kept = {name: "\n".join(rules.phrases(given)) for name, given in lines.items()}
    return RulesForm(Words(**kept), form.get("is_on") == "1", contact)
