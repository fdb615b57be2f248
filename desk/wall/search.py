"""The wall's text filter: the same answer from SQLite (FTS5 trigrams) and PostgreSQL (pg_trgm).

Every word of three characters or more must stand somewhere in the folded text, also inside another word, its umlauts
written in any way. Shorter words find nothing in a trigram index: they match beginnings of words, and alone only
among the newest 2,000 cards. Words one slip away join in a second step, where the exact words find few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, column, false, func, or_, select, text, true
from sqlalchemy.orm import Session

from desk.wall import rules, spelling, words
from desk.wall.models import Card

NEWEST = 2000
FEW = 2000  # up to so many hits their ids are compared; above, cards are looked through from the newest first
NEAR = 20_000  # cards that are looked through; what is not found on them is an older season's
HITS = "SELECT rowid FROM card_ft WHERE card_ft MATCH :match"
FEW_FOUND = 5  # fewer cards on a first page, and words one slip away are looked for as well


@dataclass(frozen=True)
class Search:
    """What a query asks for. A card is found if of each group in `parts` one stands in its folded text, and a word
    begins with each of `starts`. `similar`: the words that joined because of a slip."""

    parts: tuple[tuple[str, ...], ...] = ()
    starts: tuple[str, ...] = ()
    similar: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"parts": self.parts, "starts": self.starts, "similar": self.similar}


def read(query: str) -> Search | None:
    """What a typed query asks for; None if it says nothing."""
    terms = rules.terms(query)
    long = [term for term in terms if len(term) >= rules.SHORTEST_PART]
    short = [term for term in terms if len(term) < rules.SHORTEST_PART]
    if not query.strip():
        return None
    return Search(tuple(spelling.spellings(term) for term in long), tuple(short))


def widen(session: Session, station_id: int, search: Search) -> Search | None:
    """The same search with words one slip away; None if there are none. One statement at most."""
    typed = [group[0] for group in search.parts]
    similar = words.find_similar(session, station_id, typed)
    if not similar:
        return None
    added = {term: [one for one in similar.get(term, ()) if not _covers(group, one)]
             for term, group in zip(typed, search.parts, strict=True)}  # fmt: skip
    wider = tuple((*group, *added[group[0]]) for group in search.parts)
    joined = tuple(dict.fromkeys(word for found in added.values() for word in found))
    return replace(search, parts=wider, similar=joined) if joined else None


def _covers(group: Sequence[str], word: str) -> bool:
    """Whether the exact search finds the word already."""
    return any(one in word for one in group)


@dataclass(frozen=True)
class Way:
    """How the cards of a search are found. Those `exact` names are all of them. `near` is the same said so that
    frequent words are met on the way: the newest cards are walked through and compared."""

    exact: ColumnElement[bool]
    near: ColumnElement[bool] | None = None


def way(session: Session, station_id: int, search: Search) -> Way:
    """One statement on SQLite, none else."""
    starts = and_(true(), *(Card.folded.contains(f" {term}", autoescape=True) for term in search.starts))
    if not search.parts and not search.starts:
        return Way(false())
    if not search.parts:
        return Way(and_(starts, _among_newest(station_id)))
    if session.get_bind().dialect.name == "postgresql":
        return Way(and_(starts, *(_like(group) for group in search.parts)))
    return _in_trigrams(session, search.parts, starts)


def _like(group: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(Card.folded.contains(one, autoescape=True) for one in group))


def _among_newest(station_id: int) -> ColumnElement[bool]:
    newest = (
        select(Card.id)
        .where(Card.station_id == station_id, Card.withdrawn_at.is_(None))
        .order_by(Card.placed_at.desc(), Card.id.desc())
        .limit(NEWEST)
    )
    return Card.id.in_(select(newest.subquery().c.id))


def _in_trigrams(session: Session, parts: Sequence[Sequence[str]], starts: ColumnElement[bool]) -> Way:
    """Rare words are looked up in the index. Frequent ones would give back half the table before it is sorted, and
    mostly stand on the first few hundred cards anyway; a season's words do not, and are looked up after all."""
    match = " AND ".join("(" + " OR ".join(_quoted(one) for one in group) + ")" for group in parts)
    rows = session.execute(text(f"{HITS} LIMIT :most"), {"match": match, "most": FEW + 1})
    ids = list(rows.scalars())
    if len(ids) <= FEW:
        return Way(and_(starts, Card.id.in_(ids)))
    near = (or_(*(func.instr(Card.folded, one) > 0 for one in group)) for group in parts)
    hits = text(HITS).bindparams(match=match).columns(column("rowid", Integer))
    return Way(and_(starts, Card.id.in_(hits)), and_(starts, *near))


def _quoted(part: str) -> str:
    return '"' + part.replace('"', '""') + '"'
