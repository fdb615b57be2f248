"""How people type what they look for: umlauts in three ways, parts of words, one slip of the finger. Plain values.

`rules.fold` spells umlauts out (ä as ae). Here stand the other ways to write the same word, and which words are one
slip apart. Which of them are on the wall is desk.wall.words' matter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

SHORTEST_SLIP = 5  # letters: in shorter words one slip makes another word
SHORTEST_WORD, LONGEST_WORD = 4, 30
SHORTEST_INSIDE = 7  # letters: shorter ones stand one slip apart from the beginning of too many words
MOST_SPELLINGS = 12
MUCH_SHARED, MOST_SHARED = 4, 0.7  # trigrams: six letters in a row, and of those there were so many

# a, o or u that may be an umlaut: no umlaut follows a vowel ("neue", "Frauen") or stands in "qu"
_UMLAUT = re.compile(r"(?<![aeiouyq])([aou])(e?)")
_PLAIN = re.compile(r"[a-z0-9]{3,}")  # the same trigrams to every index
_WORD = re.compile(r"[^\W\d_]+")


def spellings(term: str) -> tuple[str, ...]:
    """A folded term first, then the other ways its umlauts may be written, at most two of them at a time.

    >>> spellings("koln")
    ('koln', 'koeln')
    """
    found = [term]
    spots = list(_UMLAUT.finditer(term))
    for amount in (1, 2):
        for chosen in combinations(spots, amount):
            found.append(_respelled(term, chosen))
    return tuple(dict.fromkeys(found))[:MOST_SPELLINGS]


def _respelled(term: str, spots: tuple[re.Match[str], ...]) -> str:
    for spot in reversed(spots):
        term = term[: spot.start()] + spot[1] + ("" if spot[2] else "e") + term[spot.end() :]
    return term


def leads(group: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Trigrams that lead to every text in which one of a group stands: those of one of these must all be in it.

    What some of a group share is enough where it is much, and every other trigram of a word where it is long: an index
    is asked for few of them, and what it gives is looked at. Parts with other characters lead by themselves.

    >>> leads(("weihnachten", "weihnaechten")), leads(("koln", "koeln"))
    ((('wei', 'ihn', 'cht', 'ten'),), (('kol', 'oln'), ('koe', 'eln')))
    """
    if not all(_PLAIN.fullmatch(one) for one in group):
        return tuple((one,) for one in group)
    together: list[tuple[str, frozenset[str]]] = []
    for one in group:
        mine = frozenset(_trigrams(one))
        for at, (first, shared) in enumerate(together):
            if len(shared & mine) >= max(MUCH_SHARED, MOST_SHARED * len(shared)):
                together[at] = (first, shared & mine)
                break
        else:
            together.append((one, mine))
    return tuple(_thinned(first, shared) for first, shared in together)


def _trigrams(part: str) -> list[str]:
    return [part[at : at + 3] for at in range(len(part) - 2)]


def _thinned(part: str, wanted: frozenset[str]) -> tuple[str, ...]:
    """Of the wanted trigrams of a part those that tell something beside the one before, and the last."""
    spots = [at for at, trigram in enumerate(_trigrams(part)) if trigram in wanted]
    kept = spots[:1]
    for at in spots[1:]:
        if at - kept[-1] > 1 or at == spots[-1]:
            kept.append(at)
    return tuple(dict.fromkeys(part[at : at + 3] for at in kept))


def bare(word: str) -> str:
    """A folded word with its umlauts as their bare letters: one form for all three ways to write them.

    >>> bare("gruesse"), bare("neue")
    ('grusse', 'neue')
    """
    return _UMLAUT.sub(r"\1", word)


def words_of(folded: str) -> frozenset[str]:
    """The words of a folded text that may be meant by a slip: of letters alone, neither very short nor very long."""
    return frozenset(word for word in _WORD.findall(folded) if SHORTEST_WORD <= len(word) <= LONGEST_WORD)


def is_slip(typed: str, word: str) -> bool:
    """Whether one letter too many, too few, another, or two neighbours swapped make `typed` of `word`."""
    if max(len(typed), len(word)) < SHORTEST_SLIP or abs(len(typed) - len(word)) > 1 or typed == word:
        return False
    at = next((i for i, (a, b) in enumerate(zip(typed, word, strict=False)) if a != b), min(len(typed), len(word)))
    one, other = typed[at:], word[at:]
    if len(one) != len(other):
        return one[1:] == other or one == other[1:]
    return one[1:] == other[1:] or (one[1::-1] == other[:2] and one[2:] == other[2:])


def slips(typed: str, start: int) -> tuple[str, ...]:
    """What one slip at `start` or behind it makes of a word, as patterns for LIKE: `_` stands for any letter.

    >>> slips("oma", 2)
    ('om_', 'om_a', 'oma_', 'om')
    """
    spots = range(start, len(typed))
    found = [typed[:i] + "_" + typed[i + 1 :] for i in spots]
    found += [typed[:i] + "_" + typed[i:] for i in (*spots, len(typed))]
    found += [typed[:i] + typed[i + 1 :] for i in spots]
    found += [typed[:i] + typed[i + 1] + typed[i] + typed[i + 2 :] for i in spots[:-1]]
    return tuple(dict.fromkeys(found))


def is_slip_inside(typed: str, word: str) -> bool:
    """Whether a longer word begins or ends with something one slip away."""
    if len(typed) < SHORTEST_INSIDE or len(word) <= len(typed):
        return False
    lengths = (len(typed) - 1, len(typed), len(typed) + 1)
    return any(is_slip(typed, word[:n]) or is_slip(typed, word[-n:]) for n in lengths if n <= len(word))
