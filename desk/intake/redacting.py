"""Takes single messages out of kept deliveries, when they are erased and when they come again after that.

A delivery keeps its hash, so that the same bytes are still known as delivered. What an item is about is told by its
provider's ids and its sender; where it stands by its position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import db
from desk.channels import contract, cutting
from desk.channels.models import Channel
from desk.channels.queries import open_adapter
from desk.intake import actions
from desk.intake.models import Delivery, DeliveryItem
from desk.intake.rules import Outcome

CHUNK = 200


def message_of(item: contract.AnyItem) -> str | None:
    """The provider's id of the message an item brings, changes or tells about; None if it is about none."""
    if isinstance(item, contract.ReactionChange | contract.Edit | contract.Revoke):
        return item.target_id
    if isinstance(item, contract.Incoming | contract.StatusChange | contract.Echo | contract.Unreadable):
        return item.provider_id
    return None


def senders_of(item: contract.AnyItem) -> set[str]:
    """Every id of a person outside that an item carries as its sender or recipient."""
    people = [getattr(item, name, None) for name in ("sender", "recipient", "caller", "old", "new")]
    return {
        value
        for one in people
        if isinstance(one, contract.Sender)
        for value in (one.bsuid, one.wa_id, one.phone, one.parent_bsuid)
        if value
    }


def find_deliveries(
    session: Session, channel_ids: Sequence[int], *, message_ids: Sequence[int], needles: Iterable[str]
) -> list[int]:
    """Deliveries that may hold something of these messages: known by their results, or by a needle in the body."""
    found: set[int] = set()
    for piece in range(0, len(message_ids), CHUNK):
        ids = message_ids[piece : piece + CHUNK]
        found |= set(
            session.execute(select(DeliveryItem.delivery_id).where(DeliveryItem.message_id.in_(ids))).scalars()
        )
    wanted = _spellings(needles)
    if wanted:
        bodies = select(Delivery.id, Delivery.body).where(Delivery.channel_id.in_(channel_ids)).order_by(Delivery.id)
        for row in session.execute(bodies.execution_options(yield_per=CHUNK)):
            if any(needle in row.body for needle in wanted):
                found.add(row.id)
    return sorted(found)


def _spellings(needles: Iterable[str]) -> list[bytes]:
    """A needle as it may stand in JSON: plain, or with its slashes escaped."""
    plain = [needle for needle in needles if needle]
    return sorted({form.encode() for one in plain for form in (one, one.replace("/", "\\/"))})


def redact(
    session: Session, delivery_id: int, is_wanted: Callable[[int, contract.AnyItem], bool], *, at: datetime
) -> int:
    """Cut what is wanted out of a delivery; returns how many items. `is_wanted` gets the channel's id and the item.

    What was not read yet is noted as done, so that reading it later makes nothing of the place where it stood.
    A body that cannot be read at all is dropped whole: then the place is not known.
    """
    delivery = session.get(Delivery, delivery_id, with_for_update=True)
    if delivery is None:
        return 0
    channel = session.get_one(Channel, delivery.channel_id)
    try:
        items = open_adapter(channel).read(delivery.body).items
    except contract.NotADelivery:
        delivery.body = b""
        return 1
    positions = []
    for place, item in enumerate(items):
        if is_wanted(channel.id, item):
            positions.append(item.position)
            actions.record_item(session, delivery_id, place, Outcome.REPEAT, at=at, reason="erased")
    cut(session, delivery_id, positions)
    return len(positions)


def cut(session: Session, delivery_id: int, positions: Sequence[str]) -> None:
    """Replace what stands at these positions of a delivery."""
    if positions:
        delivery = session.get_one(Delivery, delivery_id)
        delivery.body = cutting.cut_items(delivery.body, positions)


def redact_in_own_transactions(
    delivery_ids: Sequence[int], is_wanted: Callable[[int, contract.AnyItem], bool], *, at: datetime
) -> int:
    """`redact` for many, each in a short transaction of its own; returns how many items were cut."""
    count = 0
    for delivery_id in delivery_ids:
        with db.transaction() as session:
            count += redact(session, delivery_id, is_wanted, at=at)
    return count
