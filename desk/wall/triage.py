"""The pile of a triage run: new cards, the oldest first, without what a colleague holds or what is still being made.

A run claims the card it shows through the wall's own claim; nothing is kept here, so a run may end at any moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from desk.db import Key, Moment
from desk.listeners.queries import blocked_ids
from desk.media import queries as media
from desk.wall import queries
from desk.wall.models import Card
from desk.wall.queries import Page

STACK = 20
MOST_COUNTED = 5000


@dataclass(frozen=True)
class Remaining:
    """How many cards are left to judge, by kind, the most frequent first; of them `making` whose files come yet.

    Nobody counts further than MOST_COUNTED: `is_more` says that there are more.
    """

    kinds: dict[str, int]
    making: int
    is_more: bool

    def as_json(self) -> dict[str, Any]:
        return {"remaining": self.kinds, "making": self.making, "is_more": self.is_more}


def is_to_judge(station_id: int, by: int, at: datetime) -> list[ColumnElement[bool]]:
    """New, on the wall and not under another, held by nobody else, not of a blocked sender, not before the jury."""
    return [Card.station_id == station_id, *_is_open(station_id, by, at)]


def _is_open(station_id: int, by: int, at: datetime) -> list[ColumnElement[bool]]:
    return [
        Card.state == "new",
        Card.is_for_jury.is_(False),
        Card.withdrawn_at.is_(None),
        Card.under_id.is_(None),
        Card.listener_id.not_in(blocked_ids(station_id, at)),
        or_(Card.claimed_until.is_(None), Card.claimed_until <= at, Card.claimed_by_id == by),
    ]


def is_made(station_id: int) -> ColumnElement[bool]:
    """Whether a card can be seen and heard as far as it ever will be soon: nobody waits in a run for a file."""
    return Card.message_id.not_in(media.being_made(station_id))


def take_stack(
    session: Session, station_id: int, *, by: int, at: datetime, start: str | None = None, most: int = STACK
) -> Page:
    """The next cards to judge, oldest first by arrival, then by id; `next` continues after them.

    Raises Invalid for a cursor that is none of ours.
    """
    wanted = select(Card.id).where(*is_to_judge(station_id, by, at), is_made(station_id))
    if start:
        placed_at, card_id = queries.read_cursor(start)
        bound = tuple_(literal(placed_at, Moment), literal(card_id, Key))
        wanted = wanted.where(tuple_(Card.placed_at, Card.id) > bound)
    ids = list(session.execute(wanted.order_by(Card.placed_at, Card.id).limit(most + 1)).scalars())
    views = queries.view_cards(session, ids[:most], at=at)
    cards = [views[card_id] for card_id in ids[:most]]
    return Page(cards, queries.write_cursor(cards[-1].card) if len(ids) > most else None)


def count_remaining(session: Session, station_id: int, *, by: int, at: datetime) -> Remaining:
    """What is left of the pile, whether its files are there or not. Two statements."""
    every = select(Card.kind).where(*is_to_judge(station_id, by, at))
    # without the station's index: the few messages that are being worked on lead to their cards
    made_yet = select(Card.kind).where(*_is_open(station_id, by, at), Card.message_id.in_(media.being_made(station_id)))
    kinds, making = (_count(session, cards) for cards in (every, made_yet))
    return Remaining(kinds, sum(making.values()), sum(kinds.values()) > MOST_COUNTED)


def _count(session: Session, cards: Select[str]) -> dict[str, int]:
    few = cards.limit(MOST_COUNTED + 1).subquery()
    rows = session.execute(select(few.c.kind, func.count()).group_by(few.c.kind))
    return dict(sorted(((kind, count) for kind, count in rows), key=lambda row: (-row[1], row[0])))
