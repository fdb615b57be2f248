"""Decisions about campaigns on plain values: does a text enter, is the window open, what may stand in a table."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta

from desk.wall.rules import fold

ICONS = ("campaign", "note", "snow", "car", "image", "video", "flag", "heart", "trophy")
LONGEST_KEYWORDS = 200
EXPORT_LIFE = timedelta(days=7)  # security-privacy.md §6
FORMULA_STARTS = "=+-@\t\r＝＋－＠"
LONGEST_CELL = 32_767  # characters a spreadsheet cell holds; longer ones are dropped whole by the writer
_WORD = re.compile(r"[^\w]+")
# Seven digits and more, however they are grouped, unless they are a date.
_NUMBER = re.compile(r"\+?\(?\d(?:[\s().\-/–]{0,3}\d){6,}")
_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}-\d{2}-\d{2}")
MASKED = "•••"
_FORMULA_WITHIN = re.compile(rf"([,;|\t\n][\s\u200b-\u200f\ufeff\"]*)([{re.escape(FORMULA_STARTS)}])")


def split_keywords(given: str) -> list[str]:
    """Folded keywords of a campaign, in order: "Ständchen, Geburtstag!" gives ["staendchen", "geburtstag"]."""
    return [word for word in (_words(part) for part in re.split(r"[,;\n]", given)) if word]


def _words(text: str) -> str:
    """Folded words of a text with one space between them; signs and emoji are borders."""
    return " ".join(_WORD.sub(" ", fold(text)).split())


def matches(keywords: str, text: str) -> bool:
    """Whether a message enters: any keyword stands in its text as words; a campaign without keywords takes all."""
    return holds_any(split_keywords(keywords), text)


def holds_any(wanted: Sequence[str], text: str) -> bool:
    """The same for keywords that are split already."""
    if not wanted:
        return True
    words = f" {_words(text)} "
    return any(f" {keyword} " in words for keyword in wanted)


def mark_keyword(keywords: str, text: str) -> tuple[str, str, str]:
    """A text cut at the first words that fit: what stands before them, they themselves, what follows.

    Without any that fit the whole text stands before nothing.

    >>> mark_keyword("staendchen", "Ein Ständchen für Oma")
    ('Ein ', 'Ständchen', ' für Oma')
    """
    text = unicodedata.normalize("NFC", text)
    said = [(word, found.span()) for found in re.finditer(r"\w+", text) for word in _words(found[0]).split()]
    for wanted in (keyword.split() for keyword in split_keywords(keywords)):
        for at in range(len(said) - len(wanted) + 1):
            if [word for word, _span in said[at : at + len(wanted)]] == wanted:
                start, end = said[at][1][0], said[at + len(wanted) - 1][1][1]
                return text[:start], text[start:end], text[end:]
    return text, "", ""


def is_open(opens_at: datetime, closes_at: datetime | None, sent_at: datetime) -> bool:
    """Whether a message sent at this moment (the provider's time) lies in the window; the close is exclusive."""
    return opens_at <= sent_at and (closes_at is None or sent_at < closes_at)


def safe_cell(text: str) -> str:
    """Text that no spreadsheet program takes for a formula, also after spaces or in full-width characters.

    Characters that no table file may hold (control characters, halves of pairs) are left out; what is longer than a
    cell is cut.

    >>> safe_cell("=1+1"), safe_cell("Grüße")
    ("'=1+1", 'Grüße')
    """
    cleaned = "".join(char for char in text if _may_stand(char))[: LONGEST_CELL - 1]
    first = next((char for char in cleaned if not char.isspace() and unicodedata.category(char) != "Cf"), "")
    return f"'{cleaned}" if (first and first in FORMULA_STARTS) or cleaned[:1] == "\t" else cleaned


def safe_csv_cell(text: str) -> str:
    """Like safe_cell for a file whose cells some programs cut at other signs than ours.

    A program set to commas ends a quoted cell at the first semicolon, and a formula behind a comma in somebody's text
    would begin a cell. It gets its mark there, too.

    >>> safe_csv_cell("Hallo, =1+1")
    "Hallo, '=1+1"
    """
    return _FORMULA_WITHIN.sub(r"\1'\2", safe_cell(text))


def _may_stand(char: str) -> bool:
    return char in "\t\n" or not (ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000
                                  or ord(char) & 0xFFFE == 0xFFFE)  # fmt: skip


def mask_numbers(text: str) -> str:
    """Text without anything that could be a phone number; dates stay.

    >>> mask_numbers("Ruft an: 0221 / 55 12 34 5, am 24.12.2026")
    'Ruft an: •••, am 24.12.2026'
    """
    return _NUMBER.sub(lambda found: found[0] if _DATE.fullmatch(found[0]) else MASKED, text)


def mask_number(number: str | None) -> str:
    """A phone number of which only the last two digits are left: "••• 34"; empty for a person without one."""
    if not number:
        return ""
    digits = "".join(char for char in number if char.isdigit())
    return f"{MASKED} {digits[-2:]}" if len(digits) >= 6 else MASKED


def entry_stem(number: int, kind: str) -> str:
    """Stable name of an entry's file inside an export: "0042-voice"; never anything a listener wrote."""
    return f"{number:04d}-{kind if re.fullmatch('[a-z_]{1,20}', kind) else 'file'}"
