"""The wall's text filter: the same answer from SQLite (FTS5 trigrams) and PostgreSQL (pg_trgm).

Every word of three characters or more must stand somewhere in the folded text, also inside another word. Shorter
words find nothing in a trigram index: they match beginnings of words, and alone only among the newest 2,000 cards.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, false, func, select, text, true
from sqlalchemy.orm import Session

from desk.wall import rules
from desk.wall.models import Card

NEWEST = 2000
FEW = 2000  # up to so many hits their ids are compared; above, cards are looked through from the newest


def condition(session: Session, station_id: int, query: str) -> ColumnElement[bool] | None:
    """What a card must fulfil to be found; None if the query says nothing. One statement on SQLite, none else."""
    terms = rules.terms(query)
    if not terms:
        return None if not query.strip() else false()
    long = [term for term in terms if len(term) >= rules.SHORTEST_PART]
    short = [term for term in terms if len(term) < rules.SHORTEST_PART]
    starts = and_(true(), *(Card.folded.contains(f" {term}", autoescape=True) for term in short))
    if not long:
        return and_(starts, _among_newest(station_id))
    if session.get_bind().dialect.name == "postgresql":
        return and_(starts, *(Card.folded.contains(term, autoescape=True) for term in long))
    return and_(starts, _in_trigrams(session, long))


def _among_newest(station_id: int) -> ColumnElement[bool]:
    newest = (
        select(Card.id)
        .where(Card.station_id == station_id, Card.withdrawn_at.is_(None))
        .order_by(Card.placed_at.desc(), Card.id.desc())
        .limit(NEWEST)
    )
    return Card.id.in_(select(newest.subquery().c.id))


def _in_trigrams(session: Session, terms: list[str]) -> ColumnElement[bool]:
    """Rare words are looked up in the index. Frequent ones would give back half the table before it is sorted:
    those stand on the first few hundred cards anyway, so the wall is walked and each card compared."""
    match = " ".join('"' + term.replace('"', '""') + '"' for term in terms)
    rows = session.execute(text("SELECT rowid FROM card_ft WHERE card_ft MATCH :match LIMIT :most"),
                           {"match": match, "most": FEW + 1})  # fmt: skip
    ids = list(rows.scalars())
    if len(ids) > FEW:
        return and_(true(), *(func.instr(Card.folded, term) > 0 for term in terms))
    return Card.id.in_(ids)
