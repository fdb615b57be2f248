"""What is planned or cued is wanted soon: the work on its files goes to the front of the line. What a blocked sender
sent is not fetched while the block holds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from desk.intake import holding
from desk.listeners import signals as listeners
from desk.media import urgency
from desk.wall import signals
from desk.wall.models import Card

WANTED_SOON = ("planned", "in_studio", "on_air")


def card_moved(session: Session, card: Card, before: str, after: str, by: int | None, at: datetime) -> None:
    if after in WANTED_SOON:
        urgency.hurry_message(session, card.message_id)


signals.moved.append(card_moved)
listeners.blocked.append(holding.leave_files)
listeners.unblocked.append(holding.fetch_files)
