"""The rundown follows the wall: shortlisting a card gives it a place, putting it back or rejecting it takes it away."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from desk.shortlist import actions, announce, queries, rules
from desk.shortlist.models import Slot
from desk.shows import actions as shows
from desk.shows.models import Edition
from desk.wall import queries as wall
from desk.wall import signals
from desk.wall.models import Card

_EDITIONS = (  # made once: asked with every change of a card
    select(Slot.edition_id)
    .join(Edition, Edition.id == Slot.edition_id)
    .where(Slot.card_id == bindparam("card"), Edition.ends_at > bindparam("at"))
)


def card_moved(session: Session, card: Card, before: str, after: str, by: int | None, at: datetime) -> None:
    """A verdict on the wall: place the card once, or take it out."""
    if after == "shortlisted" and before not in rules.IN_RUNDOWN:
        actions.append_card(session, shows.ensure_edition(session, card.station_id, at=at), card, by=by, at=at)
    elif after in ("new", "rejected"):
        actions.remove_card(session, card, by=by, at=at)


def card_withdrawn(session: Session, card: Card, at: datetime) -> None:
    """It may not be used any more: out of every rundown at once."""
    actions.remove_card(session, card, by=None, at=at)


def card_changed(session: Session, card: Card, at: datetime) -> None:
    """Name, words, consent or state of an item in a running or coming rundown changed: its screens must hear of it."""
    if card.state == "new":
        return
    editions = session.execute(_EDITIONS, {"card": card.id, "at": at}).scalars()
    for edition_id in editions:
        announce.touch(session, card.station_id, edition_id, at=at)


signals.moved.append(card_moved)
signals.withdrawn.append(card_withdrawn)
signals.changed.append(card_changed)
wall.extras.slots_of = queries.slots_of
