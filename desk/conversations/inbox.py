"""The inbox: which dialogues wait for an answer, which window closes first, and the act of settling one.

A dialogue waits when its listener wrote after our last answer and nobody settled it since. An answer that was taken
back or never arrived is none. One page is two statements; both lists go on by keyset.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from desk import clock
from desk.conversations import queries, rules
from desk.conversations.models import Conversation, Message
from desk.db import Key, Moment
from desk.listeners.models import Listener
from desk.live import audit, log

PAGE = 40
COUNTED_MOST = 1000
SHOWN_TEXT = 160
NO_ANSWER = (rules.DeliveryState.CANCELLED, rules.DeliveryState.FAILED)
AUDIENCE = "wall.read"


@dataclass(frozen=True)
class Dialogue:
    """One conversation as the inbox lists it; `waits_since` is None when nothing is to be answered."""

    conversation: Conversation
    listener: Listener
    last: Message
    waits_since: datetime | None
    at: datetime
    is_aside: bool = False

    @property
    def is_blocked(self) -> bool:
        return self.listener.blocked_until is not None and self.listener.blocked_until > self.at

    def as_json(self) -> dict[str, Any]:
        is_hidden = self.is_blocked or self.is_aside or self.last.revoked_at is not None
        return {
            "id": self.conversation.id,
            "listener": listener_json(self.listener, at=self.at),
            "last": {
                "text": "" if is_hidden else self.last.text[:SHOWN_TEXT],
                "kind": self.last.kind,
                "direction": self.last.direction,
                "delivery_state": self.last.delivery_state,
                "is_revoked": self.last.revoked_at is not None,
                "is_aside": self.is_aside,
                "at": clock.iso(self.last.sent_at),
            },
            "waits_since": None if self.is_blocked else clock.iso(self.waits_since),
            "window": queries.window(self.conversation, self.at).as_json(),
        }


def listener_json(listener: Listener, *, at: datetime) -> dict[str, Any]:
    """A listener as the inbox shows one: never a number, a surname or a provider's id."""
    return {
        "alias": listener.alias,
        "first_name": listener.first_name,
        "place": listener.place,
        "hue": listener.hue % 24,
        "initial": (listener.first_name or listener.alias or "?")[0].upper(),
        "message_count": listener.message_count,
        "first_seen_at": clock.iso(listener.first_seen_at),
        "is_first": listener.message_count <= 1,
        "is_blocked": listener.blocked_until is not None and listener.blocked_until > at,
    }


def _waits_since() -> Any:
    """When the first message came that nobody has answered or settled; NULL if there is none."""
    of_thread = Message.conversation_id == Conversation.id
    answered = (
        select(func.coalesce(func.max(Message.id), 0))
        .where(of_thread, Message.direction == "out", Message.delivery_state.not_in(NO_ANSWER))
        .correlate(Conversation)
        .scalar_subquery()
    )
    is_open = or_(Conversation.settled_at.is_(None), Message.received_at > Conversation.settled_at)
    return (
        select(func.min(Message.sent_at))
        .where(of_thread, Message.direction == "in", Message.revoked_at.is_(None), Message.id > answered, is_open)
        .correlate(Conversation)
        .scalar_subquery()
    )


def _dialogues(station_id: int) -> Select[Any]:
    newest = (
        select(func.max(Message.id))
        .where(
            Message.conversation_id == Conversation.id,
            or_(Message.delivery_state.is_(None), Message.delivery_state != rules.DeliveryState.CANCELLED),
        )
        .correlate(Conversation)
        .scalar_subquery()
    )
    return (
        select(Conversation, Listener, Message, _waits_since())
        .join(Listener, Listener.id == Conversation.listener_id)
        .join(Message, Message.id == newest)
        .where(Conversation.station_id == station_id, Conversation.last_message_at.is_not(None))
    )


def _read(session: Session, wanted: Select[Any], at: datetime) -> list[Dialogue]:
    rows = session.execute(wanted).all()
    aside = queries.find_aside(session, [last.id for _conversation, _listener, last, _since in rows])
    return [
        Dialogue(conversation, listener, last, waits_since, at, is_aside=last.id in aside)
        for conversation, listener, last, waits_since in rows
    ]


def _is_waiting(at: datetime) -> list[ColumnElement[bool]]:
    """Waits, may be answered freely now, and is not blocked."""
    return [
        Conversation.closes_at > at,
        or_(Listener.blocked_until.is_(None), Listener.blocked_until <= at),
        _waits_since().is_not(None),
    ]


def list_dialogues(
    session: Session, station_id: int, *, at: datetime, before: tuple[datetime, int] | None = None, most: int = PAGE
) -> list[Dialogue]:
    """Every dialogue, newest message first, from below `before` (last_message_at, id) on."""
    place = tuple_(Conversation.last_message_at, Conversation.id)
    wanted = _dialogues(station_id)
    if before is not None:
        wanted = wanted.where(place < tuple_(literal(before[0], Moment), literal(before[1], Key)))
    ordered = wanted.order_by(Conversation.last_message_at.desc(), Conversation.id.desc()).limit(most)
    return _read(session, ordered, at)


def list_waiting(
    session: Session, station_id: int, *, at: datetime, after: tuple[datetime, int] | None = None, most: int = PAGE
) -> list[Dialogue]:
    """Dialogues that wait and can be answered, the window that closes first at the top, from after `after` on."""
    place = tuple_(Conversation.closes_at, Conversation.id)
    wanted = _dialogues(station_id).where(*_is_waiting(at))
    if after is not None:
        wanted = wanted.where(place > tuple_(literal(after[0], Moment), literal(after[1], Key)))
    ordered = wanted.order_by(Conversation.closes_at, Conversation.id).limit(most)
    return _read(session, ordered, at)


def count_waiting(session: Session, station_id: int, *, at: datetime) -> int:
    """How many dialogues wait; counting stops at COUNTED_MOST."""
    waiting = (
        select(Conversation.id)
        .join(Listener, Listener.id == Conversation.listener_id)
        .where(Conversation.station_id == station_id, and_(*_is_waiting(at)))
        .limit(COUNTED_MOST)
        .subquery()
    )
    return session.execute(select(func.count()).select_from(waiting)).scalar_one()


def find_dialogue(session: Session, station_id: int, conversation_id: int, *, at: datetime) -> Dialogue | None:
    """One dialogue as the list shows it; None while it holds no message."""
    found = _read(session, _dialogues(station_id).where(Conversation.id == conversation_id), at)
    return found[0] if found else None


def settle(session: Session, station_id: int, conversation_id: int, *, by: int, at: datetime) -> Conversation:
    """Nothing received until now needs an answer. May be repeated. Raises NoConversation."""
    return _set_settled(session, station_id, conversation_id, at, "conversation.settle", by=by, at=at)


def reopen(session: Session, station_id: int, conversation_id: int, *, by: int, at: datetime) -> Conversation:
    """Take a settling back. May be repeated. Raises NoConversation."""
    return _set_settled(session, station_id, conversation_id, None, "conversation.reopen", by=by, at=at)


def _set_settled(
    session: Session, station_id: int, conversation_id: int, settled_at: datetime | None, act: str, *, by: int,
    at: datetime,
) -> Conversation:  # fmt: skip
    conversation = queries.load_conversation(session, station_id, conversation_id)
    conversation.settled_at = settled_at
    audit.record(session, station_id, act, f"conversation:{conversation.id}", by=by, at=at)
    payload = {"conversation_id": conversation.id, "settled_at": clock.iso(settled_at)}
    log.record(session, station_id, "conversation.changed", payload, audience=AUDIENCE, at=at)
    return conversation
