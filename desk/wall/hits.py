"""What the index of the texts finds, in the order of the wall, so that a page ends when it is full.

SQLite's full-text rows are numbered by arrival: the newest hits come first, and a time is a range of numbers.
PostgreSQL's index also holds in which stretch of time a card came, in steps of several lengths, and its campaign: the
stretches are asked one after the other. Which words are asked for is desk.wall.search's matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    and_,
    column,
    func,
    literal,
    literal_column,
    select,
    text,
    true,
)
from sqlalchemy.orm import Session

from desk import clock
from desk.db import Key
from desk.wall import walks
from desk.wall.models import Card
from desk.wall.walks import Filter

# as in the migration that numbers the full-text rows: placed_at and the last bits of the card's id
ID_BITS = 20
IDS = (1 << ID_BITS) - 1
PLACE = f"((card.placed_at << {ID_BITS}) | (card.id & {IDS}))"
EARLIEST, LATEST = -(1 << 63), (1 << 63) - 1
FOUND = "FROM card_ft WHERE card_ft MATCH :match AND rowid BETWEEN :low AND :high"
CARDS = f"""
SELECT c.id FROM card_ft CROSS JOIN card AS c
ON c.station_id = :station_id AND c.placed_at = card_ft.rowid >> {ID_BITS} AND c.id & {IDS} = card_ft.rowid & {IDS}
WHERE card_ft MATCH :match AND card_ft.rowid BETWEEN :low AND :high"""  # noqa: S608  # no value stands in it
REACH = {
    False: f"SELECT min(rowid), count(*) FROM (SELECT rowid {FOUND} ORDER BY rowid DESC LIMIT :most)",  # noqa: S608
    True: f"SELECT max(rowid), count(*) FROM (SELECT rowid {FOUND} ORDER BY rowid LIMIT :most)",  # noqa: S608
}

STEPS = (24, 26, 28, 30, 32, 34)  # bits of milliseconds: from under five hours to over half a year
MOST_STRETCHES = 64


# --- SQLite -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hits:
    """The full-text rows between two numbers that a query matches."""

    match: str
    low: int
    high: int

    @property
    def values(self) -> dict[str, Any]:
        return {"match": self.match, "low": self.low, "high": self.high}

    def first(self, session: Session, most: int, *, is_oldest_first: bool) -> tuple[Hits, bool]:
        """So many of them, in the order of the wall, with all of the last one's moment; whether that is all."""
        reach, amount = session.execute(text(REACH[is_oldest_first]), {**self.values, "most": most}).one()
        if amount < most:
            return self, True
        if is_oldest_first:
            return Hits(self.match, self.low, reach | IDS), False
        return Hits(self.match, reach >> ID_BITS << ID_BITS, self.high), False

    def cards(self, station_id: int) -> ColumnElement[bool]:
        """Whether a card is one of them: for few."""
        found = text(CARDS).bindparams(**self.values, station_id=station_id).columns(column("id", Integer))
        return Card.id.in_(found)

    def holds(self) -> ColumnElement[bool]:
        """Whether a card of a walk is one of them: for many."""
        found = text(f"SELECT rowid {FOUND}").bindparams(**self.values)
        return literal_column(PLACE, Key).in_(found.columns(column("rowid", Integer)))


def numbered(
    session: Session, station_id: int, match: str, wanted: Filter, after: tuple[datetime, int] | None
) -> Hits | None:
    """The hits that may stand on this page by their time; None where no card may."""
    span = _span(session, station_id, wanted, after) if wanted.campaign_id is not None else _between(wanted, after)
    if span is None:
        return None
    oldest, newest = span
    low = EARLIEST if oldest is None else clock.to_ms(oldest) << ID_BITS
    return Hits(match, low, LATEST if newest is None else clock.to_ms(newest) << ID_BITS | IDS)


def _between(wanted: Filter, after: tuple[datetime, int] | None) -> tuple[datetime | None, datetime | None]:
    """The first and the last moment of this page, both within."""
    oldest, newest = wanted.since, wanted.until
    if after is not None and wanted.is_oldest_first:
        oldest = max(after[0], oldest or after[0])
    elif after is not None:
        newest = min(after[0], newest or after[0])
    return oldest, newest


def _span(
    session: Session, station_id: int, wanted: Filter, after: tuple[datetime, int] | None
) -> tuple[datetime, datetime] | None:
    """The same, no wider than the cards of the station or the campaign reach: most campaigns last a few days."""
    ends = select(_end(station_id, wanted, Card.placed_at.asc()), _end(station_id, wanted, Card.placed_at.desc()))
    begin, end = session.execute(ends).one()
    if begin is None:
        return None
    oldest, newest = _between(wanted, after)
    first, last = max(begin, oldest or begin), min(end, newest or end)
    return (first, last) if first <= last else None


def _end(station_id: int, wanted: Filter, order: Any) -> Any:
    cards = select(Card.placed_at).where(Card.station_id == station_id)
    if wanted.campaign_id is not None:
        cards = cards.where(Card.campaign_id == wanted.campaign_id)
    return cards.order_by(order).limit(1).scalar_subquery()


# --- PostgreSQL -------------------------------------------------------------------------------------------------


def by_stretches(
    session: Session,
    station_id: int,
    wanted: Filter,
    says: ColumnElement[bool],
    after: tuple[datetime, int] | None,
    limit: int,
    at: datetime,
) -> list[int]:
    """Ids of a page out of the index, one stretch of time after the other. Two statements."""
    span = _span(session, station_id, wanted, after)
    if span is None:
        return []
    first, last = map(clock.to_ms, span)
    bits = next((bits for bits in STEPS if (last >> bits) - (first >> bits) < MOST_STRETCHES), STEPS[-1])
    places = (first >> bits, last >> bits, 1) if wanted.is_oldest_first else (last >> bits, first >> bits, -1)
    page = stretches_query(station_id, wanted, says, after, limit, at, bits=bits, places=places)
    return list(session.execute(page).scalars())


def stretches_query(
    station_id: int,
    wanted: Filter,
    says: ColumnElement[bool],
    after: tuple[datetime, int] | None,
    limit: int,
    at: datetime,
    *,
    bits: int,
    places: tuple[int, int, int],
) -> Select[int]:
    """Ids of a page. What is joined laterally is asked once for each stretch, in their order, until the page is full.

    `places`: the number of the first stretch, of the last, and the way.
    """
    numbers = (literal(one, BigInteger) for one in places)
    stretch = func.generate_series(*numbers).table_valued("number").render_derived(name="stretch")
    is_here = literal_column(f"(card.placed_at >> {bits})", Key) == literal_column("stretch.number", Key)
    hits = walks.by_hits(station_id, wanted, and_(is_here, says), after, limit, at)
    found = hits.add_columns(Card.placed_at).lateral("found")
    page = select(found.c.id, found.c.placed_at).select_from(stretch).join(found, true())
    full = page.limit(limit).subquery("page")
    return select(full.c.id).order_by(*wanted.order(full.c))
