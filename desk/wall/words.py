"""What the text filter looks at: the folded text of each card, and the words that stand on a station's cards.

The text follows what it is made of: announced cards are folded anew, and all of a listener's when their name or place
changes. The words follow the text, whoever writes it: each counts its cards and goes with the last of them, so that
nothing erased stays here. They are written under the station's number, as the counters are, so that two workers
with the same words cannot wait for each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    delete,
    event,
    func,
    inspect,
    literal,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.orm import Session, object_session

from desk import db
from desk.conversations.models import Message
from desk.listeners.models import Listener
from desk.live import log
from desk.media.models import Asset, Transcript
from desk.wall import rules, spelling
from desk.wall.models import TAGGED, Card, Tag, Word

SIDES = ((Word.bare, 1), (Word.mirrored, -1))
LAST = "\U0010ffff"  # sorts behind every word
MOST_CANDIDATES = 100  # of each stretch, the most frequent
MOST_SIMILAR = 6
KNOWN_FROM = 5  # cards: so often written, it is no slip
CHUNK = 500  # rows a statement; databases bound their parameters

Noted = Counter[tuple[int, str]]
NAMES = ("first_name", "alias", "place", "blocked_until")


# --- the text of a card -----------------------------------------------------------------------------------------


def folded_of(card: Card, message: Message, listener: Listener, said: Sequence[str] = ()) -> str:
    """Everything the text filter looks at: words, name, place, what colleagues noted, what is `said` in its files.

    Nothing of a blocked sender is found.
    """
    if listener.blocked_until is not None:
        return ""
    noted = (card.about, card.note, *_tag_names(card))
    words = (message.text, *said, listener.first_name, listener.alias, listener.place, *noted)
    return "".join(rules.fold(part or "") for part in words)


def _tag_names(card: Card) -> list[str]:
    """What the colour tags on a card are called; no statement where it has none."""
    session = object_session(card)
    if session is None or not card.tag_ids:
        return []
    return [tag.name for tag_id in card.tag_ids if (tag := session.get(Tag, tag_id)) is not None]


@event.listens_for(Listener, "after_update")
def _note_renamed(_mapper: Any, _connection: Any, listener: Listener) -> None:
    session = object_session(listener)
    names = inspect(listener).attrs
    if session is not None and any(names[name].history.has_changes() for name in NAMES):
        refold_listener(session, listener.id)


def refold_listener(session: Session, listener_id: int) -> None:
    """Fold all cards of a listener anew before the commit: what they are called, or whose they are, has changed."""
    session.info.setdefault("renamed", set()).add(listener_id)
    db.before_commit(session, "45-names", _refold_renamed)


def _refold_renamed(session: Session) -> None:
    session.flush()
    for listener_id in sorted(session.info.pop("renamed", set())):
        _refold(session, Card.listener_id == listener_id)


def _refold(session: Session, whose: ColumnElement[bool]) -> None:
    """Three statements, however many cards."""
    theirs = (whose, Card.withdrawn_at.is_(None))
    spoken = (
        select(Asset.message_id, Transcript.text)
        .join(Transcript, Transcript.asset_id == Asset.id)
        .join(Card, Card.message_id == Asset.message_id)
        .where(*theirs, Transcript.text != "")
    )
    said: dict[int, list[str]] = {}
    for message_id, words in session.execute(spoken.order_by(Asset.id)):
        said.setdefault(message_id, []).append(words)
    rows = (
        select(Card, Message, Listener)
        .join(Message, Message.id == Card.message_id)
        .join(Listener, Listener.id == Card.listener_id)
        .where(*theirs)
        .order_by(Card.id)
        .with_for_update(of=Card)
    )
    for card, message, listener in session.execute(rows):
        card.folded = folded_of(card, message, listener, said.get(message.id, ()))
    session.flush()


def refold_tagged(session: Session, tag_id: int, after_id: int) -> int | None:
    """Fold anew some of the cards that have a tag, which is called differently now; after which card to go on, None at
    the end."""
    tag = session.get(Tag, tag_id)
    if tag is None:
        return None
    some = (
        select(Card.id, Card.tag_ids)
        .where(Card.station_id == tag.station_id, text(TAGGED), Card.id > after_id)
        .order_by(Card.id)
        .limit(CHUNK)
    )
    rows = session.execute(some).all()
    mine = [row.id for row in rows if tag_id in row.tag_ids]
    _refold(session, Card.id.in_(mine))
    return rows[-1].id if len(rows) == CHUNK else None


# --- the words of a station -------------------------------------------------------------------------------------


@event.listens_for(Card, "after_insert")
@event.listens_for(Card, "after_update")
def _follow(_mapper: Any, _connection: Any, card: Card) -> None:
    """Note which words a card has more or less than before."""
    change = inspect(card).attrs.folded.history
    session = object_session(card)
    if session is None or not change.has_changes():
        return
    before = spelling.words_of(change.deleted[0] or "") if change.deleted else frozenset()
    after = spelling.words_of(card.folded or "")
    noted: Noted = session.info.setdefault("words", Counter())
    for word in after - before:
        noted[card.station_id, word] += 1
    for word in before - after:
        noted[card.station_id, word] -= 1
    db.before_commit(session, "55-words", _write)


def _write(session: Session) -> None:
    session.flush()
    noted: Noted = session.info.pop("words", Counter())
    changed = sorted((key, by) for key, by in noted.items() if by)
    for station_id in sorted({key[0] for key, _by in changed}):
        log.hold(session, station_id)
        mine = {word: by for (station, word), by in changed if station == station_id}
        _add(session, station_id, mine)
        _forget(session, station_id, [word for word, by in mine.items() if by < 0])


def _add(session: Session, station_id: int, changed: dict[str, int]) -> None:
    rows = [
        {"station_id": station_id, "word": word, "bare": bare, "mirrored": bare[::-1], "cards": by}
        for word, by in changed.items()
        for bare in (spelling.bare(word),)
    ]
    db.add_up(session, Word.metadata.tables["word"], rows, unique=["station_id", "word"], counter="cards")


def _forget(session: Session, station_id: int, words: Sequence[str]) -> None:
    for start in range(0, len(words), CHUNK):
        gone = (Word.station_id == station_id, Word.word.in_(words[start : start + CHUNK]), Word.cards <= 0)
        session.execute(delete(Word).where(*gone).execution_options(synchronize_session=False))


# --- looking up -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Candidate:
    word: str
    bare: str
    cards: int


def find_similar(session: Session, station_id: int, terms: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """For each folded term the words on the station's cards that are one slip away, the most frequent first; where
    there are none, those of which a beginning or end is.

    A term that is often written itself is meant as it stands. Two statements at most.
    """
    asked = [term for term in terms if len(term) >= spelling.SHORTEST_WORD and term.isalpha()]
    if not asked:
        return {}
    whole = _find(session, station_id, asked, inside=False)
    known = {term for term in asked if _known(term, whole[term]) >= KNOWN_FROM}
    similar = {term: _kept(term, whole[term], spelling.is_slip) for term in asked if term not in known}
    left = [term for term, words in similar.items() if not words and len(term) >= spelling.SHORTEST_INSIDE]
    for term, candidates in _find(session, station_id, left, inside=True).items():
        similar[term] = _kept(term, candidates, spelling.is_slip_inside)
    return {term: words for term, words in similar.items() if words}


def _find(session: Session, station_id: int, terms: Sequence[str], *, inside: bool) -> dict[str, set[_Candidate]]:
    found: dict[str, set[_Candidate]] = {term: set() for term in terms}
    if terms:
        for at, word, bare, cards in session.execute(candidates(station_id, terms, inside=inside)):
            found[terms[at]].add(_Candidate(word, bare, cards))
    return found


def candidates(station_id: int, terms: Sequence[str], *, inside: bool) -> CompoundSelect[Any]:
    """One half of a word with one slip is right: words that begin with the first half or end with the other, and
    those in which two letters are swapped just where the halves meet. Each is a stretch of an index, and of what
    stands there only what one slip leads to is read."""
    parts = []
    for at, term in enumerate(terms):
        bare = spelling.bare(term)
        half = len(bare) // 2
        swapped = bare[: half - 1] + bare[half] + bare[half - 1] + bare[half + 1 :]
        ways = ((Word.bare, bare, half), (Word.mirrored, bare[::-1], len(bare) - half))
        if inside:
            parts += [_part(station_id, at).where(_begins(column, swapped[::step])) for column, step in SIDES]
        else:
            # as a range: of an equality SQLite thinks no more than of the table's own order, and reads all words
            parts += [_part(station_id, at).where(Word.bare.between(one, one)) for one in (bare, swapped)]
        for column, letters, right in ways:
            longest = spelling.LONGEST_WORD if inside else len(bare) + 1
            stretch = (_begins(column, letters[:right]), func.length(column).between(len(bare) - 1, longest))
            like = or_(*(column.like(one + "%" * inside) for one in spelling.slips(letters, right)))
            parts.append(_part(station_id, at).where(*stretch, like))
    ordered = (part.order_by(Word.cards.desc(), Word.word).limit(MOST_CANDIDATES) for part in parts)
    return union_all(*(select(part.subquery()) for part in ordered))


def _begins(column: Any, beginning: str) -> ColumnElement[bool]:
    return and_(column >= beginning, column < beginning + LAST)


def _part(station_id: int, at: int) -> Select[int, str, str, int]:
    return select(literal(at).label("at"), Word.word, Word.bare, Word.cards).where(Word.station_id == station_id)


def _known(term: str, candidates: Iterable[_Candidate]) -> int:
    """On how many cards a term stands as it was typed."""
    bare = spelling.bare(term)
    return sum(one.cards for one in candidates if one.bare == bare)


def _kept(term: str, candidates: Iterable[_Candidate], is_near: Callable[[str, str], bool]) -> tuple[str, ...]:
    bare = spelling.bare(term)
    meant = {one for one in candidates if is_near(bare, one.bare)}
    kept: list[str] = []
    for one in sorted(meant, key=lambda one: (-one.cards, one.word)):
        if not any(word in one.word for word in kept):
            kept.append(one.word)
    return tuple(kept[:MOST_SIMILAR])
