"""The pile of a triage run: new cards, the oldest first, without what a colleague holds.

A run claims the card it shows through the wall's own claim; nothing is kept here, so a run may end at any moment.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from desk.db import Key, Moment
from desk.listeners.queries import blocked_ids
from desk.wall import queries
from desk.wall.models import Card
from desk.wall.queries import Page

STACK = 20


def is_to_judge(station_id: int, by: int, at: datetime) -> list[ColumnElement[bool]]:
    """New, on the wall and not under another, held by nobody else, not of a blocked sender, not before the jury."""
    return [
        Card.station_id == station_id,
        Card.state == "new",
        Card.is_for_jury.is_(False),
        Card.withdrawn_at.is_(None),
        Card.under_id.is_(None),
        Card.listener_id.not_in(blocked_ids(station_id, at)),
        or_(Card.claimed_until.is_(None), Card.claimed_until <= at, Card.claimed_by_id == by),
    ]


def take_stack(
    session: Session, station_id: int, *, by: int, at: datetime, start: str | None = None, most: int = STACK
) -> Page:
    """The next cards to judge, oldest first by arrival, then by id; `next` continues after them.

    Raises Invalid for a cursor that is none of ours.
    """
    wanted = select(Card.id).where(*is_to_judge(station_id, by, at))
    if start:
        placed_at, card_id = queries.read_cursor(start)
        bound = tuple_(literal(placed_at, Moment), literal(card_id, Key))
        wanted = wanted.where(tuple_(Card.placed_at, Card.id) > bound)
    ids = list(session.execute(wanted.order_by(Card.placed_at, Card.id).limit(most + 1)).scalars())
    views = queries.view_cards(session, ids[:most], at=at)
    cards = [views[card_id] for card_id in ids[:most]]
    return Page(cards, queries.write_cursor(cards[-1].card) if len(ids) > most else None)


def count_remaining(session: Session, station_id: int, *, by: int, at: datetime) -> dict[str, int]:
    """How many cards are left to judge, by kind, the most frequent first."""
    rows = session.execute(select(Card.kind, func.count()).where(*is_to_judge(station_id, by, at)).group_by(Card.kind))
    return dict(sorted(((kind, count) for kind, count in rows), key=lambda row: (-row[1], row[0])))
