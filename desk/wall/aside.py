"""Setting a card aside and putting it back: off every screen at once, like a withdrawn one, but kept as it was.

Why that happens and who may see it meanwhile is the matter of the room above (desk.safety). What stood in a rundown
comes back as shortlisted, at the end of it: the show went on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk.conversations.models import Message
from desk.errors import NotFound
from desk.wall import acts, announce, floods, mood, rules, signals, stacks, telling
from desk.wall.models import Card

AT_WORK = (*rules.CHOSEN, "on_air")


@dataclass(frozen=True)
class Before:
    """What a card needs to stand on the wall again as it did."""

    state: str
    facet: str


def set_aside(session: Session, card: Card, *, by: int | None, at: datetime) -> Before:
    """Take a locked card off the wall, out of rundown, studio, campaigns, search and counts."""
    session.flush()
    before = Before(card.state, card.facet or "")
    announce.count(session, card, by=-1, at=at)
    floods.leave(session, card, at=at)
    card.withdrawn_at = at
    mood.settle(session, card, at=at)
    card.folded = ""
    changes: dict[str, Any] = {"claimed_by_id": None, "claimed_until": None}
    acts.record(session, card, "aside", changes, by=by, at=at, kind="card.removed")
    if card.stack_id is not None:
        stacks.touch(session, card.stack_id, at=at)
    for told in signals.withdrawn:
        told(session, card, at)
    return before


def put_back(session: Session, card: Card, before: Before, *, by: int | None, at: datetime) -> Card:
    """Show a card again to everybody; what its sender changed meanwhile is in it."""
    message = session.get_one(Message, card.message_id)
    was_at_work = before.state in AT_WORK
    card.withdrawn_at = None
    card.kind, card.facet = message.kind, before.facet
    card.version += 1
    is_no_noise = before.state == rules.MOOD and mood.sign_of(message) is None
    changes = {"state": "shortlisted" if was_at_work else "new" if is_no_noise else before.state}
    acts.record(session, card, "back", changes, by=by, at=at, kind="card.placed")
    mood.settle(session, card, at=at)
    announce.count(session, card, by=1, at=at)
    telling.put(session, card, at=at)
    if card.stack_id is not None:
        stacks.touch(session, card.stack_id, at=at)
    if was_at_work:
        for moved in signals.moved:
            moved(session, card, "new", "shortlisted", by, at)
    if card.campaign_id is not None:
        for entered in signals.entered:
            entered(session, card, None, card.campaign_id, by, at)
    return card


def load_any(session: Session, station_id: int, card_id: int) -> Card:
    """A card of this station, also one that was set aside, locked until the commit. Raises NotFound."""
    session.flush()
    query = select(Card).where(Card.id == card_id, Card.station_id == station_id).with_for_update()
    card = session.execute(query.execution_options(populate_existing=True)).scalar_one_or_none()
    if card is None:
        raise NotFound(code="wall.no_card")
    return card
