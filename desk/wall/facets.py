"""What cards can be sorted out by besides state and kind: who sends, consent, length, remarks about the recording.

One letter each makes a card's `facet`; the counters are kept by it, so that the number beside every choice is a sum of
a few rows, and each facet is a stretch of the wall's index. Pure, but for reading the media's remarks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from desk.media.queries import AssetView
from media_store.quality import remarks

SHORT_S, LONG_S = 15.0, 60.0
SHORT_CHARACTERS, LONG_CHARACTERS = 80, 400
SOUNDING = ("voice", "audio", "video")
NONE = "-"

# the letters of each place, as links and the interface name them
PLACES: Mapping[str, Mapping[str, str]] = {
    "sender": {"n": "new", "k": "known"},
    "consent": {"g": "given", "a": "asked", "o": "open", "r": "refused"},
    "length": {"s": "short", "m": "medium", "l": "long"},
    "quality": {"r": "remark", "f": "fine"},
}
CHOICES = {
    "sender": ("new", "known"),
    "consent": ("given", "asked", "open", "refused"),
    "length": ("short", "long"),
    "quality": ("remark", "fine"),
}
# of their words, beside the letters (desk.wall.languages): what a station in Germany is written to in; hr stands for
# Bosnian, Croatian and Serbian, which share their words
LANGUAGES = ("de", "en", "tr", "pl", "ru", "uk", "ar", "it", "es", "fr", "nl", "ro", "hr", "el", "pt")
CONSENT_LETTERS = {"given": "g", "asked": "a", "unknown": "o", "refused": "r", "withdrawn": "r"}


def is_new(facet: str, message_count: int) -> bool:
    """Whether a card is the first its sender ever sent; decided once, when it comes."""
    return facet[0] == "n" if facet else message_count <= 1


def facet_of(*, is_first: bool, consent: str, kind: str, text: str, media: Sequence[AssetView]) -> str:
    """
    >>> facet_of(is_first=True, consent="unknown", kind="text", text="Hallo", media=())
    'nos-'
    """
    return ("n" if is_first else "k") + CONSENT_LETTERS[consent] + _length(kind, text, media) + _quality(media)


def _length(kind: str, text: str, media: Sequence[AssetView]) -> str:
    """Of sound its seconds, of a text its characters; what is neither has none, nor has what is not measured yet."""
    seconds = max((one.duration_s or 0.0 for one in media if one.kind in SOUNDING), default=0.0)
    if seconds:
        return "s" if seconds < SHORT_S else "l" if seconds > LONG_S else "m"
    if kind != "text":
        return NONE
    return "s" if len(text) < SHORT_CHARACTERS else "l" if len(text) > LONG_CHARACTERS else "m"


def _quality(media: Sequence[AssetView]) -> str:
    if any(remarks(one.flags, one.facts.get("flag_figures") or {}) for one in media):
        return "r"
    return "f" if media and all(one.state == "ready" for one in media) else NONE


def as_json(facet: str) -> dict[str, str | None]:
    return {name: letters.get(letter) for (name, letters), letter in zip(PLACES.items(), facet, strict=True)}


@dataclass(frozen=True)
class Facets:
    """What is chosen of each; None stands for everything."""

    sender: str | None = None
    consent: str | None = None
    length: str | None = None
    quality: str | None = None
    language: str | None = None

    @property
    def is_any(self) -> bool:
        return self.has_letters or self.language is not None

    @property
    def has_letters(self) -> bool:
        return self.pattern != "_" * len(PLACES)

    @property
    def pattern(self) -> str:
        """For LIKE: one letter or any at each place."""
        return "".join(_letter(name, getattr(self, name)) for name in PLACES)

    def takes(self, facet: str, *, but: str = "") -> bool:
        """Whether a facet is among what is chosen, not asking at the place `but`."""
        chosen = zip(PLACES, self.pattern, facet, strict=True)
        return all(wanted in ("_", letter) or name == but for name, wanted, letter in chosen)


EVERY = Facets()


def _letter(name: str, choice: str | None) -> str:
    return next((letter for letter, said in PLACES[name].items() if said == choice), "_")


def counts_of(rows: Iterable[tuple[str, int]], chosen: Facets) -> dict[str, dict[str, int]]:
    """How many cards each choice would leave, beside what is chosen at the other places. `rows`: (facet, cards)."""
    found: dict[str, Counter[str]] = {name: Counter() for name in PLACES}
    for facet, cards in rows:
        for at, name in enumerate(PLACES):
            if chosen.takes(facet, but=name):
                found[name][PLACES[name].get(facet[at], "")] += cards
    return {name: {choice: found[name][choice] for choice in choices} for name, choices in CHOICES.items()}


def read(args: Mapping[str, str]) -> tuple[Facets, list[str]]:
    """The choices of a query string, and the names of those that are none."""
    choices = {**CHOICES, "language": LANGUAGES}
    given: dict[str, Any] = {name: args.get(name) or None for name in choices}
    faults = [name for name, choice in given.items() if choice is not None and choice not in choices[name]]
    return Facets(**{name: choice for name, choice in given.items() if name not in faults}), faults
