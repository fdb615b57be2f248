"""Writes of the front door: keeping deliveries, reading them again, finding what was left behind.

What one item does to listeners, conversations and the wall is in `accept.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, cast, delete, func, literal, select, update
from sqlalchemy.orm import Session

from desk import db
from desk.errors import NotFound
from desk.intake import rules
from desk.intake.models import Delivery, DeliveryItem
from desk.intake.rules import Outcome
from desk.jobs import table
from desk.jobs.models import Job
from desk.live import audit

JOB = "read_delivery"


class NoDelivery(NotFound):
    code = "intake.no_delivery"
    message = "There is no such delivery."


@dataclass(frozen=True)
class Arrived:
    """One delivery as it came in at the door."""

    station_id: int
    channel_id: int
    body: bytes
    at: datetime


def keep_deliveries(session: Session, arrived: Sequence[Arrived], *, at: datetime) -> int:
    """Store deliveries as they came, each with its job; returns how many were new.

    The same bytes again are no error and change nothing. Two statements, however many there are.
    """
    rows = [
        {
            "station_id": one.station_id,
            "channel_id": one.channel_id,
            "sha256": hashlib.sha256(one.body).hexdigest(),
            "body": one.body,
            "state": "stored",
            "items": 0,
            "received_at": one.at,
        }
        for one in arrived
    ]
    rows.sort(key=lambda row: (row["channel_id"], row["sha256"]))  # one order, so that two commits never wait in a ring
    made = db.insert_for_ids(session, Delivery.metadata.tables["delivery"], rows, unique=["channel_id", "sha256"])
    if len({one.station_id for one in arrived}) == 1:
        stations = dict.fromkeys(made, arrived[0].station_id)
    else:
        found = session.execute(select(Delivery.id, Delivery.station_id).where(Delivery.id.in_(made)))
        stations = {row.id: row.station_id for row in found}
    subjects = {f"delivery:{delivery_id}": delivery_id for delivery_id in made}
    table.put_many(
        session,
        JOB,
        {subject: {"delivery_id": delivery_id} for subject, delivery_id in subjects.items()},
        at=at,
        station_ids={subject: stations[delivery_id] for subject, delivery_id in subjects.items()},
    )
    return len(made)


def put_read(session: Session, delivery_id: int, station_id: int, *, at: datetime) -> bool:
    """Have a worker read a delivery."""
    payload = {"delivery_id": delivery_id}
    return table.put(session, JOB, f"delivery:{delivery_id}", payload, at=at, station_id=station_id)


def set_aside(session: Session, delivery: Delivery, reason: str, *, at: datetime) -> None:
    """The whole of a delivery cannot be read; it stays visible and can be read again."""
    delivery.state = "set_aside"
    delivery.reason = reason
    delivery.read_at = at
    audit.record(session, delivery.station_id, "delivery.set_aside", f"delivery:{delivery.id}", by=None, at=at)


def record_item(
    session: Session,
    delivery_id: int,
    position: int,
    outcome: Outcome,
    *,
    at: datetime,
    reason: str | None = None,
    message_id: int | None = None,
) -> bool:
    """Note what became of an item; False if that is noted already."""
    return db.insert_if_absent(
        session,
        DeliveryItem.metadata.tables["delivery_item"],
        {
            "delivery_id": delivery_id,
            "position": position,
            "outcome": outcome.value,
            "reason": reason,
            "message_id": message_id,
            "at": at,
        },
        unique=["delivery_id", "position"],
    )


def replay_delivery(session: Session, delivery_id: int, *, at: datetime, by: int | None = None) -> None:
    """Read a delivery once more. What is on the wall stays; what was set aside or parked gets another chance.

    Raises NoDelivery.
    """
    delivery = session.get(Delivery, delivery_id, with_for_update=True)
    if delivery is None:
        raise NoDelivery
    session.execute(
        delete(DeliveryItem).where(
            DeliveryItem.delivery_id == delivery_id, DeliveryItem.outcome.in_((Outcome.SET_ASIDE, Outcome.PARKED))
        )
    )
    delivery.state, delivery.reason, delivery.read_at = "stored", None, None
    _read_again(session, delivery_id, delivery.station_id, at=at)
    audit.record(session, delivery.station_id, "delivery.replay", f"delivery:{delivery_id}", by=by, at=at)


def _read_again(session: Session, delivery_id: int, station_id: int, *, at: datetime) -> None:
    if not put_read(session, delivery_id, station_id, at=at):
        table.put_again(session, JOB, f"delivery:{delivery_id}", at=at)


def reconcile(session: Session, *, at: datetime, most: int = 200) -> int:
    """Find deliveries nobody reads and such with items that came to nothing, and have them read; returns how many.

    Called every minute. Normally there are none: a delivery and its job are stored together.
    """
    left = [*_unread(session, at, most), *_incomplete(session, at, most)]
    for delivery_id, station_id in left:
        session.execute(update(Delivery).where(Delivery.id == delivery_id).values(state="stored"))
        _read_again(session, delivery_id, station_id, at=at)
    return len(left)


def _unread(session: Session, at: datetime, most: int) -> list[tuple[int, int]]:
    """Stored for more than a minute, and no job that is waiting or running."""
    at_work = select(Job.id).where(
        Job.kind == JOB,
        Job.subject == literal("delivery:") + cast(Delivery.id, String),
        Job.state.in_(("ready", "running")),
    )
    rows = session.execute(
        select(Delivery.id, Delivery.station_id)
        .where(
            Delivery.state == "stored",
            Delivery.received_at < at - rules.UNREAD_AFTER,
            ~at_work.correlate(Delivery).exists(),
        )
        .order_by(Delivery.id)
        .limit(most)
    )
    return [(row.id, row.station_id) for row in rows]


def _incomplete(session: Session, at: datetime, most: int) -> list[tuple[int, int]]:
    """Read within the last day, but with fewer results than items."""
    results = select(func.count()).where(DeliveryItem.delivery_id == Delivery.id).correlate(Delivery).scalar_subquery()
    rows = session.execute(
        select(Delivery.id, Delivery.station_id)
        .where(Delivery.state == "read", Delivery.received_at > at - rules.COUNTED_BACK, results < Delivery.items)
        .order_by(Delivery.id)
        .limit(most)
    )
    return [(row.id, row.station_id) for row in rows]
