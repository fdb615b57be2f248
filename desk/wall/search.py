"""The wall's text filter: the same answer from SQLite (FTS5 trigrams) and PostgreSQL (pg_trgm).

Every word of three characters or more must stand somewhere in the folded text, also inside another word, its umlauts
written in any way. Shorter words find nothing in a trigram index: they match beginnings of words, and alone only
among the newest 2,000 cards. Words one slip away join in a second step, where the exact words find few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from desk.wall import hits, rules, spelling, stretches, walks, words
from desk.wall.models import Card
from desk.wall.walks import Filter

NEWEST = 2000
FEW = 2000  # hits on which a page is filled where they are in step with the filter
GLANCE = 1000  # cards on which frequent words fill a page
FEW_CARDS = 60_000  # cards of a filter that are all looked at, however many hits there are
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


def find_ids(
    session: Session,
    station_id: int,
    wanted: Filter,
    asked: Search,
    after: tuple[datetime, int] | None,
    limit: int,
    at: datetime,
) -> list[int]:
    """Ids of at most `limit` cards, newest first. Frequent words stand on the first cards one looks at; all
    others are found by the index of the texts, which gives the newest first, or on the cards of a filter that leaves
    few. Six statements at most.
    """
    if not asked.parts and not asked.starts:
        return []
    starts = [_begins(term) for term in asked.starts]
    if not asked.parts:
        newest = and_(*starts, _among_newest(station_id))
        return list(session.execute(walks.page_query(station_id, wanted, newest, after, limit, at)).scalars())
    lite = session.get_bind().dialect.name == "sqlite"
    says = and_(*starts, *(_stands(group, lite=lite) for group in asked.parts))
    leads = and_(says, *(_leads(group) for group in asked.parts))
    if wanted.is_assigned:  # few: each is looked at
        return list(session.execute(walks.page_query(station_id, wanted, says, after, limit, at)).scalars())

    ids, looked = walks.read_glance(
        session.execute(walks.glance(station_id, wanted, says, after, limit, at, cards=GLANCE))
    )
    if len(ids) == limit or looked < GLANCE:
        return ids
    if lite:
        return _of_hits(session, station_id, wanted, asked, says, after, limit, at)
    if _is_few(session, station_id, wanted):
        return list(session.execute(_walk(station_id, wanted, says, after, limit, at, lite=False)).scalars())
    return hits.by_stretches(session, station_id, wanted, leads, after, limit, at)


def _of_hits(
    session: Session,
    station_id: int,
    wanted: Filter,
    asked: Search,
    says: ColumnElement[bool],
    after: tuple[datetime, int] | None,
    limit: int,
    at: datetime,
) -> list[int]:
    """The page out of the first few hits, or out of all of them. Where a filter is set, its own cards are then walked
    through and held against the hits: those that are of both may be few."""
    near = hits.numbered(session, station_id, _leading(asked.parts), wanted, after)
    if near is None:
        return []
    first, is_all = near.first(session, FEW, is_oldest_first=wanted.is_oldest_first)
    page = walks.by_hits(station_id, wanted, and_(first.cards(station_id), says), after, limit, at)
    ids = list(session.execute(page).scalars())
    if len(ids) == limit or is_all:
        return ids
    if _is_few(session, station_id, wanted):
        rest = _walk(station_id, wanted, says, after, limit, at, lite=True)
    elif wanted.states or wanted.kinds or wanted.campaign_id is not None or wanted.facets.is_any:
        rest = _walk(station_id, wanted, and_(near.holds(), says), after, limit, at, lite=True)
    else:  # no card is looked at beside the hits: they are to be few
        every = replace(near, match=_match(asked.parts))
        starts = [_begins(term) for term in asked.starts]
        rest = walks.by_hits(station_id, wanted, and_(every.cards(station_id), *starts), after, limit, at)
    return list(session.execute(rest).scalars())


def _is_few(session: Session, station_id: int, wanted: Filter) -> bool:
    cards = stretches.count(session, station_id, wanted)
    return cards is not None and cards <= FEW_CARDS


def _walk(
    station_id: int,
    wanted: Filter,
    condition: ColumnElement[bool],
    after: tuple[datetime, int] | None,
    limit: int,
    at: datetime,
    *,
    lite: bool,
) -> Select[int]:
    """Along the cards of the filter, however many say what is looked for."""
    if stretches.are_meant(wanted):
        return stretches.page_query(station_id, wanted, condition, after, limit, at, lite=lite)
    return walks.page_query(station_id, wanted, condition, after, limit, at)


def _begins(term: str) -> ColumnElement[bool]:
    return Card.folded.contains(f" {term}", autoescape=True)


def _stands(group: Sequence[str], *, lite: bool) -> ColumnElement[bool]:
    """Whether one of a group stands in the text of a card in hand; no index is looked for."""
    place = func.instr if lite else func.strpos
    return or_(*(place(Card.folded, one) > 0 for one in group))


def _leads(group: Sequence[str]) -> ColumnElement[bool]:
    """Where PostgreSQL's index looks for the texts in which one of a group may stand.

    Each alternative says "anything before it" with one sign more than the one before: of conditions written alike the
    planner would ask the index for what all alternatives share, and for that alone.
    """
    alternatives = (
        and_(*(Card.folded.like("%" * signs + _plain(one) + "%", escape="/") for one in some))
        for signs, some in enumerate(spelling.leads(group), 1)
    )
    return or_(*alternatives)


def _plain(part: str) -> str:
    """A part as a pattern that means nothing but itself."""
    return part.replace("/", "//").replace("%", "/%").replace("_", "/_")


def _leading(parts: Sequence[Sequence[str]]) -> str:
    """Where SQLite's index looks for them."""
    groups = (" OR ".join(f"({' AND '.join(map(_quoted, some))})" for some in spelling.leads(group)) for group in parts)
    return " AND ".join(f"({group})" for group in groups)


def _among_newest(station_id: int) -> ColumnElement[bool]:
    newest = (
        select(Card.id)
        .where(Card.station_id == station_id, Card.withdrawn_at.is_(None))
        .order_by(Card.placed_at.desc(), Card.id.desc())
        .limit(NEWEST)
    )
    return Card.id.in_(select(newest.subquery().c.id))


def _match(parts: Sequence[Sequence[str]]) -> str:
    return " AND ".join("(" + " OR ".join(_quoted(one) for one in group) + ")" for group in parts)


def _quoted(part: str) -> str:
    return '"' + part.replace('"', '""') + '"'
