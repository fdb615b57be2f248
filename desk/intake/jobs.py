"""Reads deliveries: every item in a transaction of its own, so that a broken one never blocks its neighbours.

The bodies for files stand in `fetching.py` and `rendering.py`; importing this module makes all of them known.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from desk import clock, db
from desk.channels import actions as channels
from desk.channels import contract
from desk.channels.models import Channel
from desk.channels.queries import open_adapter
from desk.errors import Invalid, Unavailable
from desk.intake import actions, fetching, redacting, rendering
from desk.intake.accept import Result, accept_item
from desk.intake.models import Delivery, DeliveryItem
from desk.intake.rules import Outcome
from desk.jobs import table
from desk.jobs.outcomes import Done, RetryLater, Skipped
from desk.jobs.outcomes import Outcome as JobOutcome
from desk.jobs.work import Work, job
from desk.wall import languages

__all__ = ["fetching", "read_delivery", "rendering"]

logger = logging.getLogger(__name__)
NO_ADAPTER_PAUSE_S = 60.0


def _given_up(session: Session, payload: dict[str, Any], reason: str, at: datetime) -> None:
    delivery = session.get(Delivery, payload["delivery_id"], with_for_update=True)
    if delivery is not None and delivery.state == "stored":
        actions.set_aside(session, delivery, reason, at=at)


@job(actions.JOB, tries=10, on_dead=_given_up)
def read_delivery(work: Work) -> JobOutcome:
    """Read one delivery. Items that were dealt with stay as they are, so it may be run again at any point."""
    delivery_id: int = work.payload["delivery_id"]
    with db.reading() as session:
        delivery = session.get(Delivery, delivery_id)
        if delivery is None or delivery.state == "read":
            return Skipped("read_already" if delivery else "erased")
        channel = session.get_one(Channel, delivery.channel_id)
        done = set(
            session.execute(select(DeliveryItem.position).where(DeliveryItem.delivery_id == delivery_id)).scalars()
        )
    try:
        reading = open_adapter(channel).read(delivery.body)
    except contract.NotADelivery as fault:
        return _set_aside(work, delivery_id, f"not a delivery: {fault.reason}")
    except Invalid:
        return RetryLater("channels.invalid_settings", NO_ADAPTER_PAUSE_S)
    for position, item in enumerate(reading.items):
        if position not in done:
            _take_item(work, channel, delivery, position, item)
    with work.transaction() as session:
        read = session.get_one(Delivery, delivery_id)
        read.state, read.items, read.read_at = "read", len(reading.items), clock.now()
        channels.mark_delivery(session, channel.id, at=delivery.received_at)
    return Done()


def _set_aside(work: Work, delivery_id: int, reason: str) -> JobOutcome:
    with work.transaction() as session:
        actions.set_aside(session, session.get_one(Delivery, delivery_id), reason, at=clock.now())
    return Done()


def _take_item(work: Work, channel: Channel, delivery: Delivery, position: int, item: contract.AnyItem) -> None:
    """Let an item take effect, or set it aside. What passes by itself is left to the job's next try."""
    try:
        try:
            _accept(work, channel, delivery, position, item)
        except IntegrityError:  # somebody was faster with the same new row; the second look finds it
            _accept(work, channel, delivery, position, item)
    except (Unavailable, table.LeaseLost):
        raise
    except Exception as fault:
        logger.exception("item %s of delivery %s set aside", item.position, delivery.id)
        with work.transaction() as session:
            reason = f"{type(fault).__name__} at {item.position}"
            actions.record_item(session, delivery.id, position, Outcome.SET_ASIDE, at=clock.now(), reason=reason)


def _accept(work: Work, channel: Channel, delivery: Delivery, position: int, item: contract.AnyItem) -> None:
    if isinstance(item, contract.Incoming | contract.Edit):
        languages.read_model(item.text)
    with work.transaction() as session:
        result: Result = accept_item(session, channel, item, received_at=delivery.received_at)
        actions.record_item(
            session, delivery.id, position, result.outcome, at=clock.now(), reason=result.reason,
            message_id=result.message_id,
        )  # fmt: skip
        if result.is_erased:
            redacting.cut(session, delivery.id, [item.position])
