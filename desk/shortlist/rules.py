"""Decisions about a rundown on plain values: what keeps an item from air, and where it moves to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

NOTE_MOST, INTRO_MOST = 500, 1000  # characters, as the columns hold
IN_RUNDOWN = ("shortlisted", "planned", "in_studio", "on_air", "aired")  # card states that may stand in a slot
CONSENT_MODES = ("asked", "stated", "off")

T = TypeVar("T")


def is_cleared(consent: str, mode: str) -> bool:
    """Whether the listener's consent suffices for air under a station's consent mode.

    asked: only a given consent counts. stated: the notice before sending counts, unless somebody objected.
    off: the station asks nobody; a refusal or a withdrawal binds all the same.
    An unknown mode is treated like asked.
    """
    if mode in ("stated", "off"):
        return consent not in ("refused", "withdrawn")
    return consent == "given"


@dataclass(frozen=True)
class AirFacts:
    """What decides whether an item may go to air. `present_sha256` None: there is nothing playable (yet)."""

    card_state: str
    is_withdrawn: bool
    consent: str
    vetted_sha256: str | None
    present_sha256: str | None
    is_blocked: bool = False


def reasons_against_air(facts: AirFacts, mode: str) -> tuple[str, ...]:
    """Codes of everything that keeps an item from the presenter, most serious first; empty means it may go to air."""
    changed = facts.vetted_sha256 is not None and facts.vetted_sha256 != facts.present_sha256
    found = {
        "withdrawn": facts.is_withdrawn or facts.consent == "withdrawn",
        "blocked": facts.is_blocked,
        "rejected": facts.card_state == "rejected",
        "not_chosen": facts.card_state == "new",
        "no_consent": not is_cleared(facts.consent, mode),
        "not_ready": facts.present_sha256 is None,
        "changed": changed,
        "not_vetted": facts.vetted_sha256 is None,
    }
    return tuple(code for code, holds in found.items() if holds)


def moved(order: Sequence[T], item: T, to_position: int) -> list[T]:
    """The order with `item` at `to_position`, counted from 0 and kept inside.

    >>> moved(["a", "b", "c"], "a", 9)
    ['b', 'c', 'a']
    """
    rest = [one for one in order if one != item]
    rest.insert(max(0, min(to_position, len(rest))), item)
    return rest
