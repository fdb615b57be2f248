"""Decisions about air on plain values: was all of it heard, may it be played, what a presenter may read of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta

from desk.shortlist.rules import AirFacts, is_cleared, reasons_against_air

__all__ = [
    "AirFacts", "heard_share", "in_air", "is_cleared", "is_heard", "mask_numbers", "may_air", "played_at", "wav_name",
]  # fmt: skip

HEARD_SHARE = 0.95  # the last breath and the first rustle need not be heard
JOIN_S = 0.3  # players report stretches with small gaps between them
AIRED_AFTER_S = 3.0  # DESIGN.md §4
LATE_REPORT = timedelta(hours=24)  # a studio without network tells later what it played

# Seven digits and more, however they are grouped: nothing else in these texts is that long, and it may be a number.
_NUMBER = re.compile(r"\+?\(?\d(?:[\s().\-/–\u00a0]{0,3}\d){6,}")
MASKED = "•••"


def may_air(facts: AirFacts, mode: str) -> tuple[str, ...]:
    """Codes of what keeps an item from air under a station's consent mode; empty means it may be played."""
    return reasons_against_air(facts, mode)


def heard_share(stretches: Iterable[tuple[float, float]], duration_s: float) -> float:
    """How much of a length the stretches (from, to, in seconds) cover together, 0 to 1.

    >>> heard_share([(0, 6), (5, 10)], 10)
    1.0
    """
    if duration_s <= 0:
        return 0.0
    heard = 0.0
    last = 0.0
    for from_s, to_s in sorted(stretches):
        start = last if from_s <= last + JOIN_S else from_s
        heard += max(0.0, min(to_s, duration_s) - start)
        last = max(last, min(to_s, duration_s))
    return min(1.0, round(heard / duration_s, 9))  # a sum of many stretches is a hair off a whole


def in_air(stretch: tuple[float, float], begins_s: float, length_s: float) -> tuple[float, float]:
    """A stretch of the whole sound as one of the air copy, which begins at `begins_s` of it; empty outside of it.

    >>> in_air((0.0, 3.0), 1.0, 10.0)
    (0.0, 2.0)
    """
    from_s, to_s = (min(max(0.0, at_s - begins_s), length_s) for at_s in stretch)
    return from_s, to_s


def is_heard(share: float) -> bool:
    return share >= HEARD_SHARE


def mask_numbers(text: str) -> str:
    """Text without anything that could be a phone number.

    >>> mask_numbers("Ruft an: 0221 / 55 12 34 5, um 7:45")
    'Ruft an: •••, um 7:45'
    """
    return _NUMBER.sub(MASKED, text)


def wav_name(local: datetime, first_name: str, place: str, card_id: int, ending: str = ".wav") -> str:
    """A file name every playout takes: HHMM_First-name_Place_id.wav in plain letters.

    >>> wav_name(datetime(2026, 11, 19, 7, 5), "Siobhán", "Köln / Süd", 12)
    '0705_Siobhan_Koeln-Sued_12.wav'
    """
    parts = [f"{local:%H%M}", *filter(None, (_plain(first_name), _plain(place))), str(card_id)]
    return "_".join(parts) + ending


_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})


def _plain(text: str) -> str:
    spelled = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", mask_numbers(text)).translate(_SPELLED))
    return re.sub(r"[^A-Za-z0-9]+", "-", spelled.encode("ascii", "ignore").decode()).strip("-")[:40]


def played_at(told: datetime | None, at: datetime) -> datetime:
    """When it was played, as the studio told; `at` if it told nothing or something impossible."""
    if told is None or not at - LATE_REPORT <= told <= at:
        return at
    return told
