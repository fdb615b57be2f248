"""Decisions about campaigns on plain values: does a text enter, is the window open, what may stand in a table."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from desk.wall.rules import fold

ICONS = ("campaign", "note", "snow", "car", "image", "video", "flag", "heart", "trophy")
LONGEST_KEYWORDS = 200
EXPORT_LIFE = timedelta(days=7)  # security-privacy.md §6
FORMULA_STARTS = "=+-@\t\r＝＋－＠"
_WORD = re.compile(r"[^\w]+")


def split_keywords(given: str) -> list[str]:
    """Folded keywords of a campaign, in order: "Ständchen, Geburtstag" gives ["staendchen", "geburtstag"]."""
    return [word for word in (fold(part).strip() for part in re.split(r"[,;\n]", given)) if word]


def matches(keywords: str, text: str) -> bool:
    """Whether a message enters: any keyword stands in its text as words; a campaign without keywords takes all."""
    wanted = split_keywords(keywords)
    if not wanted:
        return True
    words = f" {' '.join(_WORD.sub(' ', fold(text)).split())} "
    return any(f" {' '.join(_WORD.sub(' ', keyword).split())} " in words for keyword in wanted)


def is_open(opens_at: datetime, closes_at: datetime | None, sent_at: datetime) -> bool:
    """Whether a message sent at this moment (the provider's time) lies in the window; the close is exclusive."""
    return opens_at <= sent_at and (closes_at is None or sent_at < closes_at)


def safe_cell(text: str) -> str:
    """Text that no spreadsheet program takes for a formula, also after spaces or in full-width characters.

    >>> safe_cell("=1+1"), safe_cell("Grüße")
    ("'=1+1", 'Grüße')
    """
    cleaned = "".join(char for char in text if char in "\t\n" or ord(char) >= 32)
    return f"'{cleaned}" if cleaned.lstrip()[:1] in set(FORMULA_STARTS) or cleaned[:1] in "\t\r" else cleaned


def mask_number(number: str | None) -> str:
    """A phone number of which only the last two digits are left: "+49 ••• 34"; empty for a person without one."""
    if not number:
        return ""
    digits = "".join(char for char in number if char.isdigit())
    return f"+{digits[:2]} ••• {digits[-2:]}" if len(digits) >= 6 else "•••"


def entry_stem(number: int, kind: str) -> str:
    """Stable name of an entry's file inside an export: "0042-voice"; never anything a listener wrote."""
    return f"{number:04d}-{kind}"
