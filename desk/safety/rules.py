"""Decisions about threats on plain values: how a station's phrases are read and found, steps, states and outcomes.

A phrase is words that follow each other: `a|b` one of them, `word*` or `*word` a part of one, `...` up to three words
in between. Case, umlauts and punctuation do not count.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from desk.wall.rules import fold

KINDS = ("threat", "insult", "other")
SUGGESTED, OPEN, CLOSED, BACK = "suggested", "open", "closed", "back"
WITH_THE_LEAD = (SUGGESTED, OPEN)
OFF_THE_WALL = (SUGGESTED, OPEN, CLOSED)
EVIDENCE, POLICE, CONTACT, BLOCK = "evidence", "police", "contact", "block"
STEPS = (EVIDENCE, POLICE, CONTACT, BLOCK)
OUTCOMES = ("reported", "settled", "nothing")

LINES_MOST = 400
LINE_MOST_CHARACTERS = 160
LETTERS_LEAST = 3
GAP_MOST_WORDS = 3
READ_MOST_CHARACTERS = 20_000  # of one message
GAP = "..."
_WORD = re.compile(r"[^\W_]+")
_PART = re.compile(r"[a-z0-9]*\*?[a-z0-9]*\*?")


@dataclass(frozen=True)
class Words:
    """What a station looks for, one phrase a line."""

    threats: str
    insults: str
    harmless: str


@dataclass(frozen=True)
class Found:
    """What a text looks like, and the phrase that says so."""

    kind: str
    phrase: str


def plain(text: str) -> str:
    """Folded words alone, a space around each.

    >>> plain("Grüße, Köln!")
    ' gruesse koeln '
    """
    words = re.sub("['\u2019`]", "", fold(text[:READ_MOST_CHARACTERS]))
    return f" {' '.join(_WORD.findall(words))} "


def find(text: str, words: Words) -> Found | None:
    """What a text may be; None if nothing of a station's words stands in it. Threats come before insults."""
    said = plain(text)
    for _phrase, pattern in _compiled(words.harmless):
        said = pattern.sub(" ", said)
    for kind, lines in (("threat", words.threats), ("insult", words.insults)):
        for phrase, pattern in _compiled(lines):
            if pattern.search(said):
                return Found(kind, phrase)
    return None


@lru_cache(maxsize=256)
def _compiled(lines: str) -> Sequence[tuple[str, re.Pattern[str]]]:
    return tuple((line, _pattern(line)) for line in phrases(lines))


def phrases(lines: str) -> list[str]:
    """The phrases of a field, each once, without empty lines."""
    return list(dict.fromkeys(" ".join(line.split()) for line in lines.splitlines() if line.strip()))


def _pattern(phrase: str) -> re.Pattern[str]:
    """Begins with the space before the first word and looks ahead to the one behind the last: hits may stand close."""
    out = ""
    for part in phrase.split():
        if part == GAP:
            out += rf"(?: [^ ]+){{0,{GAP_MOST_WORDS}}}"
            continue
        choices = (re.escape(_folded(one)).replace(r"\*", "[^ ]*") for one in part.split("|"))
        out += f" (?:{'|'.join(choices)})"
    return re.compile(f"{out}(?= )")


def _folded(word: str) -> str:
    return fold(word).strip()


def fault_of(lines: str) -> str | None:
    """What is wrong with a field of phrases, as a sentence; None if it can be used."""
    given = phrases(lines)
    if len(given) > LINES_MOST:
        return "These are too many lines."
    for line in given:
        parts = line.split()
        words = [choice for part in parts if part != GAP for choice in part.split("|")]
        if len(line) > LINE_MOST_CHARACTERS:
            return "A line is too long."
        if not words or parts[0] == GAP or parts[-1] == GAP:
            return "A line needs a word at its beginning and at its end."
        if not all(word.strip("*") and _PART.fullmatch(_folded(word)) for word in words):
            return "A line holds signs that are neither letters, figures, a star, a stroke nor three dots."
        if sum(len(word.strip("*")) for word in words) < LETTERS_LEAST:
            return "A line is so short that it would find nearly everything."
    return None


def told_after(kind: str, payload: dict[str, Any], card_id: int, slots: Collection[int]) -> tuple[str, Any] | None:
    """An event of rundown or studio without a card that was set aside; None if it named nothing of it."""
    without = _without(payload, card_id, slots)
    return None if without == payload else (kind, without)


def _without(value: Any, card_id: int, slots: Collection[int]) -> Any:
    if isinstance(value, dict):
        return {key: _without(part, card_id, slots) for key, part in value.items()}
    if isinstance(value, list):
        return [_without(part, card_id, slots) for part in value if not _names(part, card_id, slots)]
    return value


def _names(value: Any, card_id: int, slots: Collection[int]) -> bool:
    return isinstance(value, dict) and (value.get("card_id") == card_id or value.get("slot_id") in slots)
