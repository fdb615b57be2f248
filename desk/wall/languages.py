"""In which language a message is written or spoken, told from its own words; unknown rather than a guess.

Told where messages are worked on, never where pages are made: py3langid's model is read when the first longer text
comes (0.7 s, 55 MB) and kept by that process. Texts of fewer than four words have no language; nor has what looks
most like one that nobody here would filter by. A transcript says its language itself.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from desk.conversations.models import Message
from desk.media import transcripts
from desk.wall import announce
from desk.wall.facets import LANGUAGES
from desk.wall.models import Card

ALIKE = {"bs": "hr", "sr": "hr"}
# told apart from the others, so that nobody's Swedish becomes German
OTHERS = (
    "bg", "cs", "da", "fa", "fi", "he", "hi", "hu", "ja", "ko", "ku", "no", "sk", "so", "sq", "sv", "ur", "vi",
    "zh",
)  # fmt: skip
SURE = 0.8
FEWEST_WORDS, FEWEST_LETTERS = 4, 12
FEWEST_SMALL = 1  # words that begin small have to say the same: names must not decide
MOST_CHARACTERS = 1000
NO_WORDS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+|[@#]\w+")
WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_reading = threading.Lock()


def find(text: str) -> str | None:
    """
    >>> find("Guten Morgen ihr Lieben, hier ist die Jutta aus Beuel"), find("Moin!")
    ('de', None)
    """
    words = WORD.findall(NO_WORDS.sub(" ", text[:MOST_CHARACTERS]))
    small = words if text.isupper() else [word for word in words if not word[0].isupper()]
    if len(words) < FEWEST_WORDS or sum(map(len, words)) < FEWEST_LETTERS or len(small) < FEWEST_SMALL:
        return None
    best, share = _best(words)
    return best if best in LANGUAGES and share >= SURE and _best(small)[0] == best else None


def _best(words: Sequence[str]) -> tuple[str, float]:
    """The likeliest language, and how likely it is."""
    likely: dict[str, float] = {}
    for language, share in _identifier().rank(" ".join(words)):
        language = ALIKE.get(language, language)
        likely[language] = likely.get(language, 0.0) + share
    return max(likely.items(), key=lambda one: one[1])


def of(text: str, spoken: Sequence[tuple[str | None, str]]) -> str | None:
    """The language of what is written; where that says none, of what is spoken. `spoken`: (language, words)."""
    written = find(text)
    if written is not None:
        return written
    for reported, words in spoken:
        language = find(words) if reported is None else reported if reported in LANGUAGES else None
        if language is not None:
            return language
    return None


def read_model(text: str) -> None:
    """Have the model ready where this text will need it: before a transaction, not within."""
    find(text)


def tell(session: Session, card: Card, message: Message, *, at: datetime) -> None:
    """Let a card be found by the language of its words as they are now."""
    spoken = transcripts.list_spoken(session, [message.id] if message.kind != "text" else [])
    announce.set_language(session, card, of(message.text, spoken.get(message.id, ())), at=at)


def _identifier() -> Any:
    with _reading:
        return _read_identifier()


@functools.cache
def _read_identifier() -> Any:
    from py3langid import langid  # here alone: pages never need it

    whole = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE)
    whole.set_languages([*LANGUAGES, *ALIKE, *OTHERS])
    # another one with what is left, so that the rest of the model goes
    return langid.LanguageIdentifier(
        whole.nb_ptc, whole.nb_pc, whole.nb_classes, whole.tk_nextmove, whole.tk_output,
        norm_probs=True, tk_row=whole.tk_row,
    )  # fmt: skip
