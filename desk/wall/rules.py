"""Decisions about cards on plain values: which state follows which, how long a claim holds, how text is folded."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta

CLAIM = timedelta(seconds=90)  # DESIGN.md §4: renewed by any action, never blocks reading

STATES = ("new", "shortlisted", "planned", "in_studio", "on_air", "aired", "rejected")
MOOD = "mood"  # noise: counted in the mood bar instead of standing on the wall
CHOSEN = ("shortlisted", "planned", "in_studio")
VERDICTS = ("new", "shortlisted", "rejected")  # what a producer's key may ask for; the rest follows rundown and studio
REASONS = ("unclear", "double", "off_topic", "offensive", "private", "advert")

FOLLOWS: dict[str, tuple[str, ...]] = {
    "new": ("shortlisted", "planned", "rejected", MOOD),
    MOOD: ("new", "shortlisted", "planned", "rejected"),
    "shortlisted": ("new", "planned", "rejected"),
    "planned": ("new", "shortlisted", "in_studio", "on_air", "aired", "rejected"),
    "in_studio": ("new", "shortlisted", "planned", "on_air", "aired", "rejected"),
    "on_air": ("in_studio", "planned", "aired"),
    "aired": ("shortlisted", "planned", "in_studio", "on_air"),
    "rejected": ("new", "shortlisted", "rejected"),
}

CONSENT_ACTS = {"ask": "asked", "give": "given", "refuse": "refused", "withdraw": "withdrawn", "forget": "unknown"}
CONSENTS = ("unknown", "asked", "given", "refused", "withdrawn")

SHORTEST_PART = 3  # characters: trigrams find nothing shorter
UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d"}
)


def may_follow(before: str, after: str) -> bool:
    """Whether a card in state `before` may be moved to `after` (DESIGN.md §4)."""
    return after in FOLLOWS.get(before, ())


def is_claimed_by_another(by_id: int | None, until: datetime | None, me: int | None, at: datetime) -> bool:
    """Whether somebody else's claim holds at this moment."""
    return by_id is not None and by_id != me and until is not None and until > at


def consent_after(act: str) -> str | None:
    """The state of consent an act leads to: `give` and `given` mean the same; None for an unknown act."""
    return CONSENT_ACTS.get(act, act if act in CONSENTS else None)


def fold(text: str) -> str:
    """Text as it is searched: one space before each word, casefolded, umlauts spelled out, other marks stripped.

    >>> fold("Grüße aus  Köln-Ehrenfeld")
    ' gruesse aus koeln-ehrenfeld'
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    spelled = unicodedata.normalize("NFC", plain).translate(UMLAUTS)
    bare = "".join(c for c in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(c))
    return "".join(f" {word}" for word in bare.replace("\x00", " ").split())


def terms(query: str) -> list[str]:
    """The folded words of a search, at most eight, the longest first."""
    return sorted(set(fold(query).split()), key=lambda term: (-len(term), term))[:8]
