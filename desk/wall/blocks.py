"""Blocking the sender of a card, and lifting that again: acts on the card, taken back by anyone like a verdict.

The block itself belongs to the listener (desk.listeners.blocking) and holds for all their cards; here is who pressed
where. Cards hide and show by the listeners' signals (`follows`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from desk import clock
from desk.errors import Conflict
from desk.listeners import blocking
from desk.listeners import rules as listeners
from desk.listeners.models import Block
from desk.wall import acts, announce, queries
from desk.wall.models import Card, CardAct

ACTS = ("block", "unblock")


class NotBlocked(Conflict):
    """Somebody lifted the block already, or its time has passed."""

    code = "wall.not_blocked"
    message = "This sender is not blocked any more."


def block_sender(
    session: Session, station_id: int, card_id: int, *, length: str, reason: str, by: int, at: datetime
) -> CardAct:
    """Nobody sees what the sender of this card sends, for an hour, a day or for ever; a present block is replaced."""
    card = queries.load_card(session, station_id, card_id)
    listener = blocking.hold(session, card.listener_id)
    before = blocking.find_block(session, listener.id)
    made = blocking.block(session, listener, until=listeners.block_end(length, at), reason=reason, by=by, at=at)
    after = {"block": made.id, "length": length, "reason": reason}
    return _keep(session, card, "block", {"block": before.id if before else None}, after, by=by, at=at)


def unblock_sender(session: Session, station_id: int, card_id: int, *, by: int, at: datetime) -> CardAct:
    """Everybody sees what the sender of this card sends again. Raises NotBlocked."""
    card = queries.load_card(session, station_id, card_id)
    listener = blocking.hold(session, card.listener_id)
    before = blocking.find_block(session, listener.id)
    if not listeners.is_blocked(listener.blocked_until, at):
        raise NotBlocked(queries.view_card(session, card, at=at).as_json())
    blocking.unblock(session, listener, by=by, at=at)
    return _keep(session, card, "unblock", {"block": before.id if before else None}, {"block": None}, by=by, at=at)


def _keep(
    session: Session, card: Card, act: str, before: dict[str, Any], after: dict[str, Any], *, by: int, at: datetime
) -> CardAct:
    """The audit row is the block's own; the card changes with all others of its sender."""
    card = queries.load_card(session, card.station_id, card.id, for_change=True)
    announce.touch(session, card, "card.changed", at=at)
    return acts.keep(session, card, act, before, after, by=by, at=at)


def hold_still(session: Session, station_id: int, card_id: int) -> None:
    """Lock the sender of a card before any card, as a block does, so that two cannot wait for each other."""
    blocking.hold(session, queries.load_card(session, station_id, card_id).listener_id)


def take_back(session: Session, card: Card, act: CardAct, *, by: int, at: datetime) -> bool:
    """Put back what held before this act; False if somebody blocked or lifted since.

    Of a block whose time has passed nothing is left to take back.
    """
    listener = blocking.hold(session, card.listener_id)
    present = blocking.find_block(session, listener.id)
    if act.act == "block" and present is None and session.get_one(Block, act.after["block"]).until <= at:
        return True
    if (present.id if present else None) != act.after["block"]:
        return False
    blocking.set_again(session, listener, act.before["block"], by=by, at=at)
    before, after = ({"block": one["block"]} for one in (act.after, act.before))
    _keep(session, card, "undo", before, after | {"of": act.id}, by=by, at=at)
    return True


def view_block(session: Session, listener_id: int, *, at: datetime) -> dict[str, Any] | None:
    """Who blocked a sender, when, why and until when; None if nobody did. `until` None: for ever."""
    found = blocking.find_block(session, listener_id)
    if found is None or found.until <= at:
        return None
    badge = queries.find_badge(session, found.by_person_id)
    return {
        "by": badge.as_json() if badge else None,
        "at": clock.iso(found.at),
        "until": None if found.until >= listeners.FOR_EVER else clock.iso(found.until),
        "reason": found.reason,
    }
