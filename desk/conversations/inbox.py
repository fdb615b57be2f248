"""The inbox: which dialogues wait, the longest first, and which window is about to close.

A dialogue waits when the listener wrote last. Keyset by the moment of the last message; one page is two statements.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from desk import clock
from desk.conversations import rules
from desk.conversations.models import Conversation, Message
from desk.listeners.models import Listener

PAGE = 40


@dataclass(frozen=True)
class Dialogue:
    """One conversation as the inbox lists it; `waits_since` is None when we answered last."""

    id: int
    listener: dict[str, Any]
    last_text: str
    last_kind: str
    last_direction: str
    last_at: datetime
    waits_since: datetime | None
    is_open: bool
    closes_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "listener": self.listener,
            "last": {
                "text": self.last_text,
                "kind": self.last_kind,
                "direction": self.last_direction,
                "at": clock.iso(self.last_at),
            },
            "waits_since": clock.iso(self.waits_since),
            "window": {"open": self.is_open, "closes_at": clock.iso(self.closes_at)},
        }


def list_dialogues(
    session: Session, station_id: int, *, at: datetime, before: tuple[datetime, int] | None = None, most: int = PAGE
) -> list[Dialogue]:
    """Dialogues of a station, newest last message first, from below `before` (moment, id) on."""
    newest = (
        select(func.max(Message.id))
        .where(Message.conversation_id == Conversation.id)
        .correlate(Conversation)
        .scalar_subquery()
    )
    wanted = (
        select(Conversation, Listener, Message)
        .join(Listener, Listener.id == Conversation.listener_id)
        .join(Message, Message.id == newest)
        .where(Conversation.station_id == station_id, Conversation.last_message_at.is_not(None))
        .order_by(Conversation.last_message_at.desc(), Conversation.id.desc())
        .limit(most)
    )
    if before is not None:
        moment, last_id = before
        same = and_(Conversation.last_message_at == moment, Conversation.id < last_id)
        wanted = wanted.where(or_(Conversation.last_message_at < moment, same))
    return [_dialogue(*row, at) for row in session.execute(wanted).all()]


def _dialogue(conversation: Conversation, listener: Listener, message: Message, at: datetime) -> Dialogue:
    is_blocked = listener.blocked_until is not None and listener.blocked_until > at
    hidden = is_blocked or message.revoked_at is not None
    return Dialogue(
        id=conversation.id,
        listener={
            "alias": listener.alias,
            "first_name": listener.first_name,
            "place": listener.place,
            "hue": listener.hue,
            "initial": (listener.first_name or listener.alias or "?")[0].upper(),
            "message_count": listener.message_count,
            "is_blocked": is_blocked,
        },
        last_text="" if hidden else message.text[:160],
        last_kind=message.kind,
        last_direction=message.direction,
        last_at=message.sent_at,
        waits_since=message.sent_at if message.direction == "in" else None,
        is_open=rules.is_open(conversation.closes_at, at),
        closes_at=conversation.closes_at,
    )
