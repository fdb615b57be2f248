"""Leases over many cards: the stack a run takes ahead, what a person who is there keeps, what one who is gone loses.

One card is claimed and released by desk.wall.actions. Here nobody waits for anybody: a card that another transaction
has in hand at this moment is passed over, so that of two people who ask at once each gets cards of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, or_, select, update
from sqlalchemy.orm import Session

from desk import clock, db
from desk.live import log
from desk.people.models import Station
from desk.wall import acts, announce, rules, triage
from desk.wall.models import Card

HELD_AHEAD = 6  # what is on screen, two that are fetched ahead of it, and three while the next ones are asked for
SHARE = 4  # of a short pile nobody takes more than a quarter: the colleagues want something to do as well
ENDED_AT_ONCE = 200
NOTHING = {"claimed_by_id": None, "claimed_until": None}


def take_ahead(
    session: Session, station_id: int, *, by: int, at: datetime, without: Collection[int] = ()
) -> Sequence[int]:
    """Hold the next cards of the pile for a run, the oldest first; gives those that were not held before.

    `without`: what the person has put off. Whoever holds enough already gets none.
    """
    pile = select(Card.id).where(*triage.is_to_judge(station_id, by, at), triage.is_made(station_id))
    pile = pile.where(Card.id.not_in(without)).order_by(Card.placed_at, Card.id)
    in_sight = len(session.execute(pile.limit(HELD_AHEAD * SHARE)).all())
    mine = session.execute(
        select(Card.id).where(*_held_by(station_id, by, at), Card.state == "new", Card.id.not_in(without))
    ).all()
    wanted = max(1, min(HELD_AHEAD, in_sight // SHARE)) - len(mine)
    if wanted <= 0:
        return []
    is_free = or_(Card.claimed_until.is_(None), Card.claimed_until <= at)
    taken = _in_hand(session, pile.where(is_free).limit(wanted))
    for card in taken:
        acts.record(session, card, "claim", {"claimed_by_id": by, "claimed_until": at + rules.CLAIM}, by=by, at=at)
    return [card.id for card in taken]


def renew(session: Session, station_id: int, *, by: int, at: datetime) -> Sequence[int]:
    """Prolong every lease of a person who is there, in one event for all; gives the cards."""
    until = at + rules.CLAIM
    ids = [card.id for card in _in_hand(session, select(Card.id).where(*_held_by(station_id, by, at)))]
    if ids:
        session.execute(update(Card).where(Card.id.in_(ids)).values(claimed_until=until))
        payload = {"ids": ids, "by_id": by, "until": clock.iso(until)}
        log.record(session, station_id, "claims.kept", payload, audience=announce.AUDIENCE, at=at)
    return ids


def release_many(session: Session, station_id: int, ids: Collection[int], *, by: int, at: datetime) -> int:
    """Let go of those of these cards that the person holds; returns how many."""
    held = _in_hand(session, select(Card.id).where(*_held_by(station_id, by, at), Card.id.in_(ids)))
    for card in held:
        acts.record(session, card, "release", NOTHING, by=by, at=at)
    return len(held)


def end_lapsed(session: Session, station_id: int, *, at: datetime) -> int:
    """Give cards back whose lease ran out, and tell every screen; returns how many."""
    lapsed = select(Card.id).where(Card.station_id == station_id, Card.claimed_until <= at)
    cards = _in_hand(session, lapsed.order_by(Card.claimed_until).limit(ENDED_AT_ONCE))
    for card in cards:
        if card.withdrawn_at is None:
            acts.record(session, card, "lapse", NOTHING, by=None, at=at)
        else:
            card.claimed_by_id = card.claimed_until = None
    if cards:
        announce.recount(session, station_id, at=at)
    return len(cards)


def end_lapsed_now() -> int:
    """The keeper's duty: at every station what ran out since it looked last. It writes only where something did."""
    at, ended = clock.now(), 0
    with db.reading() as session:
        stations = session.execute(select(Station.id)).scalars().all()
        found = [one for one in stations if session.execute(_lapsed_at(one, at)).first() is not None]
    for station_id in found:
        with db.transaction() as session:
            ended += end_lapsed(session, station_id, at=at)
    return ended


def _lapsed_at(station_id: int, at: datetime) -> Select[int]:
    return select(Card.id).where(Card.station_id == station_id, Card.claimed_until <= at).limit(1)


def _held_by(station_id: int, by: int, at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Card.station_id == station_id,
        Card.claimed_until > at,
        Card.claimed_by_id == by,
        Card.withdrawn_at.is_(None),
    )


def _in_hand(session: Session, ids: Select[int]) -> list[Card]:
    """Lock these cards, without those that somebody else has in hand; they come as they are now."""
    session.flush()
    locked = session.execute(ids.with_for_update(of=Card, skip_locked=True)).scalars().all()
    rows = session.execute(
        select(Card)
        .where(Card.id.in_(locked))
        .order_by(Card.placed_at, Card.id)
        .execution_options(populate_existing=True)
    )
    return list(rows.scalars())
