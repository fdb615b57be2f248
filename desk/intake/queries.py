"""Reads of the front door: deliveries and what became of their items. Never their content."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from desk import clock
from desk.channels.models import Channel
from desk.intake.actions import NoDelivery
from desk.intake.models import Delivery, DeliveryItem
from desk.intake.rules import Outcome


@dataclass(frozen=True)
class DeliveryView:
    """One delivery in a list. `set_aside` and `parked` count its items that wait for a person."""

    id: int
    station_id: int
    channel: str
    state: str
    reason: str | None
    bytes: int
    items: int
    set_aside: int
    parked: int
    received_at: datetime
    read_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "channel": self.channel,
            "state": self.state,
            "reason": self.reason,
            "bytes": self.bytes,
            "items": self.items,
            "set_aside": self.set_aside,
            "parked": self.parked,
            "received_at": clock.iso(self.received_at),
            "read_at": clock.iso(self.read_at),
        }


@dataclass(frozen=True)
class ItemView:
    """What became of one item."""

    position: int
    outcome: str
    reason: str | None
    message_id: int | None
    at: datetime

    def as_json(self) -> dict[str, Any]:
        return {
            "position": self.position,
            "outcome": self.outcome,
            "reason": self.reason,
            "message_id": self.message_id,
            "at": clock.iso(self.at),
        }


def _count(outcome: Outcome) -> Any:
    return (
        select(func.count())
        .where(DeliveryItem.delivery_id == Delivery.id, DeliveryItem.outcome == outcome.value)
        .correlate(Delivery)
        .scalar_subquery()
    )


def list_deliveries(
    session: Session,
    *,
    station_id: int | None = None,
    state: str | None = None,
    only_set_aside: bool = False,
    limit: int = 50,
) -> list[DeliveryView]:
    """Deliveries, newest first. `only_set_aside`: such that wait for a person, whole or in part. One statement."""
    statement = _views().order_by(Delivery.id.desc()).limit(limit)
    if station_id is not None:
        statement = statement.where(Delivery.station_id == station_id)
    if state is not None:
        statement = statement.where(Delivery.state == state)
    if only_set_aside:
        waiting = select(DeliveryItem.delivery_id).where(
            DeliveryItem.outcome.in_((Outcome.SET_ASIDE.value, Outcome.PARKED.value))
        )
        statement = statement.where(or_(Delivery.state == "set_aside", Delivery.id.in_(waiting)))
    return [DeliveryView(*row) for row in session.execute(statement)]


def load_delivery(session: Session, delivery_id: int) -> tuple[DeliveryView, list[ItemView]]:
    """A delivery with what became of each item. Raises NoDelivery. Two statements."""
    row = session.execute(_views().where(Delivery.id == delivery_id)).one_or_none()
    if row is None:
        raise NoDelivery
    items = session.execute(
        select(DeliveryItem).where(DeliveryItem.delivery_id == delivery_id).order_by(DeliveryItem.position)
    ).scalars()
    return DeliveryView(*row), [
        ItemView(item.position, item.outcome, item.reason, item.message_id, item.at) for item in items
    ]


def _views() -> Any:
    return select(
        Delivery.id,
        Delivery.station_id,
        Channel.name,
        Delivery.state,
        Delivery.reason,
        func.length(Delivery.body),
        Delivery.items,
        _count(Outcome.SET_ASIDE),
        _count(Outcome.PARKED),
        Delivery.received_at,
        Delivery.read_at,
    ).join(Channel, Channel.id == Delivery.channel_id)


def count_waiting(session: Session) -> dict[str, int]:
    """How much at the front door waits: deliveries unread and set aside, items set aside and parked; for health."""
    states = session.execute(
        select(Delivery.state, func.count()).where(Delivery.state != "read").group_by(Delivery.state)
    ).all()
    items = session.execute(
        select(DeliveryItem.outcome, func.count())
        .where(DeliveryItem.outcome.in_((Outcome.SET_ASIDE.value, Outcome.PARKED.value)))
        .group_by(DeliveryItem.outcome)
    ).all()
    counts = {f"deliveries_{state}": count for state, count in states}
    return counts | {f"items_{outcome}": count for outcome, count in items}
