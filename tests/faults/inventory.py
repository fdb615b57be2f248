"""What a desk has in its database, as JSON, for counting after a fault: reads a JSON list of provider ids from stdin.

A program of its own, so that a test's process never opens a second house. Run with the desk's environment:
`python -m tests.faults.inventory < ids.json`. Breaking the desk and judging the sums is kill_everything's matter.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desk import db
from desk.channels.models import Channel
from desk.cli.run import ready_house
from desk.conversations import queries as conversations
from desk.conversations.models import Message
from desk.intake.models import DeliveryItem
from desk.jobs.models import Job
from desk.media import workplace
from desk.media.models import Asset
from desk.wall.models import Card, MoodItem


def take_stock(session: Session, provider_ids: list[str]) -> dict[str, Any]:
    """`found`: per provider id its cards' ids and media; the rest are sums over the whole desk."""
    channels = list(session.execute(select(Channel.id)).scalars())
    set_aside = select(DeliveryItem.reason).where(DeliveryItem.outcome == "set_aside")
    dead = select(Job.kind, Job.last_error).where(Job.state == "dead")
    return {
        "found": {one: _found(session, channels, one) for one in provider_ids},
        "cards": session.execute(select(func.count()).select_from(Card)).scalar_one(),
        "replies": _replies(session),
        "outcomes": _counted(session, DeliveryItem.outcome),
        "set_aside": list(session.execute(set_aside).scalars()),
        "jobs": _counted(session, Job.state),
        "dead": [list(row) for row in session.execute(dead)],
        "temporary": sorted(entry.name for entry in workplace.temp_folder().iterdir()),
    }


def _found(session: Session, channels: list[int], provider_id: str) -> dict[str, Any]:
    messages = [conversations.find_by_provider_id(session, channel, provider_id) for channel in channels]
    ids = [one.id for one in messages if one is not None]
    cards = session.execute(select(Card).where(Card.message_id.in_(ids))).scalars().all()
    assets = session.execute(select(Asset).where(Asset.message_id.in_(ids))).scalars().all()
    return {
        "cards": [card.id for card in cards],
        "kind": cards[0].kind if cards else None,
        "in_bar": _in_bar(session, [card.id for card in cards]),
        "media": [{"state": one.state, "reason": one.reason} for one in assets],
    }


def _in_bar(session: Session, card_ids: list[int]) -> int:
    """Places in the mood bar; a card that has none stands on the wall."""
    counted = select(func.count()).select_from(MoodItem).where(MoodItem.card_id.in_(card_ids))
    return int(session.execute(counted).scalar_one())


def _replies(session: Session) -> list[list[str | None]]:
    wanted = select(Message.text, Message.delivery_state).where(Message.direction == "out").order_by(Message.id)
    return [list(row) for row in session.execute(wanted)]


def _counted(session: Session, column: Any) -> dict[str, int]:
    return {row[0]: row[1] for row in session.execute(select(column, func.count()).group_by(column))}


def main() -> None:
    provider_ids = json.load(sys.stdin)
    ready_house()
    with db.reading() as session:
        json.dump(take_stock(session, provider_ids), sys.stdout)


if __name__ == "__main__":
    main()
