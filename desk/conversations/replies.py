"""Replies to listeners: written, held for a moment, sent at most once.

A reply exists once per idempotency key. Its row says 'sending' before the provider is asked; a worker that finds it
so knows that another may have sent it, and it becomes 'unsure': only a status or a person ends that. Talking to the
provider is the job's matter (jobs.py).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import db
from desk.conversations import queries, rules
from desk.conversations.changes import announce, attach_provider_id, hold, raise_state
from desk.conversations.models import Conversation, Message
from desk.errors import Conflict, Invalid, NotAllowed
from desk.jobs import table
from desk.live import audit

JOB = "send_message"
LONGEST_KEY = 64


class WindowClosed(NotAllowed):
    """The listener last wrote too long ago. Fact: closes_at (None: never wrote)."""

    code = "conversations.window_closed"
    message = "More than 24 hours since this listener last wrote. A free reply cannot be sent any more."

    def __init__(self, closes_at: datetime | None) -> None:
        super().__init__()
        self.closes_at = closes_at


class TooLate(Conflict):
    """The reply is on its way or was taken back already; `current` is the message as it stands."""

    code = "conversations.too_late"
    message = "This reply is on its way already and cannot be taken back."


class NotUnsure(Conflict):
    """Only a reply whose outcome nobody knows can be settled by hand."""

    code = "conversations.not_unsure"
    message = "What became of this reply is known already."


class KeyUsed(Conflict):
    """The same key came with another text or conversation."""

    code = "conversations.key_used"
    message = "This reply was sent already."


def write_reply(
    session: Session,
    station_id: int,
    conversation_id: int,
    text: str,
    *,
    by: int,
    at: datetime,
    idempotency_key: str,
    reply_to_id: int | None = None,
) -> Message:
    """Write a reply; it goes out after a few seconds in which it can be taken back.

    The same key again gives the same message. Raises NoConversation, NoMessage, Invalid, WindowClosed, KeyUsed.
    """
    conversation = queries.load_conversation(session, station_id, conversation_id)
    words = text.strip()
    _check(words, idempotency_key)
    repeated = _find_by_key(session, station_id, idempotency_key)
    if repeated is not None:
        return _same(session, repeated, conversation, words)
    if not rules.is_open(conversation.closes_at, at):
        raise WindowClosed(conversation.closes_at)
    if reply_to_id is not None and (
        queries.load_message(session, station_id, reply_to_id).conversation_id != conversation_id
    ):
        raise queries.NoMessage
    values = _values(conversation, words, by, at, idempotency_key, reply_to_id)
    message_id = db.insert_for_id(
        session, Message.metadata.tables["message"], values, unique=["station_id", "idempotency_key"]
    )
    if message_id is None:
        session.expire_all()
        found = _find_by_key(session, station_id, idempotency_key)
        if found is None:
            raise KeyUsed
        return _same(session, found, conversation, words)
    message = session.get_one(Message, message_id)
    table.put(
        session, JOB, f"message:{message_id}", {"message_id": message_id}, at=at, station_id=station_id,
        run_at=at + rules.HELD,
    )  # fmt: skip
    audit.record(session, station_id, "reply.write", f"message:{message_id}", by=by, at=at)
    announce(session, message, at=at)
    return message


def _check(words: str, idempotency_key: str) -> None:
    faults: dict[str, str] = {}
    if not words:
        faults["text"] = "There is no text yet."
    elif len(words) > rules.LONGEST_TEXT:
        faults["text"] = "A reply has at most 4096 characters."
    if not 0 < len(idempotency_key) <= LONGEST_KEY:
        faults["idempotency_key"] = "The key is missing or too long."
    if faults:
        raise Invalid(faults)


def _values(
    conversation: Conversation, words: str, by: int, at: datetime, key: str, reply_to_id: int | None
) -> dict[str, Any]:
    return {
        "station_id": conversation.station_id,
        "channel_id": conversation.channel_id,
        "conversation_id": conversation.id,
        "listener_id": conversation.listener_id,
        "direction": "out",
        "kind": "text",
        "text": words,
        "details": {},
        "reply_to_id": reply_to_id,
        "is_forwarded": False,
        "is_frequently_forwarded": False,
        "sent_at": at,
        "received_at": at,
        "delivery_state": rules.DeliveryState.HELD.value,
        "delivery_at": at,
        "held_until": at + rules.HELD,
        "by_person_id": by,
        "idempotency_key": key,
    }


def _find_by_key(session: Session, station_id: int, key: str) -> Message | None:
    return session.execute(
        select(Message).where(Message.station_id == station_id, Message.idempotency_key == key)
    ).scalar_one_or_none()


def _same(session: Session, message: Message, conversation: Conversation, words: str) -> Message:
    if message.conversation_id != conversation.id or message.text != words:
        raise KeyUsed(queries.view_messages(session, [message])[0].as_json())
    return message


def cancel_reply(session: Session, station_id: int, message_id: int, *, by: int, at: datetime) -> Message:
    """Take a held reply back. May be repeated. Raises NoMessage, TooLate."""
    message = queries.load_message(session, station_id, message_id, for_change=True)
    if message.direction != "out":
        raise queries.NoMessage
    if message.delivery_state == rules.DeliveryState.CANCELLED:
        return message
    if message.delivery_state not in (rules.DeliveryState.HELD, rules.DeliveryState.QUEUED):
        raise TooLate(queries.view_messages(session, [message])[0].as_json())
    message.delivery_state = rules.DeliveryState.CANCELLED.value
    message.delivery_at = at
    audit.record(session, station_id, "reply.cancel", f"message:{message.id}", by=by, at=at)
    announce(session, message, at=at)
    return message


def settle_unsure(
    session: Session, station_id: int, message_id: int, *, has_arrived: bool, by: int, at: datetime
) -> Message:
    """A person says what became of a reply whose outcome is unknown. Raises NoMessage, NotUnsure."""
    message = queries.load_message(session, station_id, message_id, for_change=True)
    if message.delivery_state != rules.DeliveryState.UNSURE:
        raise NotUnsure(queries.view_messages(session, [message])[0].as_json())
    if has_arrived:
        raise_state(message, rules.DeliveryState.SENT, at=at)
    else:
        raise_state(message, rules.DeliveryState.FAILED, at=at, error="reply.not_arrived")
    audit.record(
        session, station_id, "reply.settle", f"message:{message.id}", by=by, at=at, details={"arrived": has_arrived}
    )
    announce(session, message, at=at)
    return message


# --- the steps of the job ---------------------------------------------------------------------------------------


def begin_sending(session: Session, message_id: int, *, at: datetime) -> Message | None:
    """Mark a reply as being sent, before the provider is asked; None if it must not be sent (any more).

    One that stands as 'sending' was in the hands of a worker that did not come back: it becomes 'unsure'.
    """
    message = session.get_one(Message, message_id, with_for_update=True, populate_existing=True)
    if message.delivery_state == rules.DeliveryState.SENDING:
        note_unsure(session, message, at=at)
        return None
    if message.delivery_state not in (rules.DeliveryState.HELD, rules.DeliveryState.QUEUED):
        return None
    conversation = session.get_one(Conversation, message.conversation_id)
    if not rules.is_open(conversation.closes_at, at):
        note_failed(session, message, WindowClosed.code, at=at)
        return None
    message.delivery_state = rules.DeliveryState.SENDING.value
    message.delivery_at = at
    message.delivery_error = None
    announce(session, message, at=at)
    return message


def note_accepted(session: Session, message_id: int, provider_id: str, *, at: datetime) -> None:
    """The provider took it. A status may have told us before; then nothing changes."""
    channel_id = session.execute(select(Message.channel_id).where(Message.id == message_id)).scalar_one()
    hold(session, queries.message_lookup(channel_id, provider_id))
    message = session.get_one(Message, message_id, with_for_update=True, populate_existing=True)
    if message.provider_lookup is None:
        attach_provider_id(session, message, provider_id, at=at)
        announce(session, message, at=at)


def note_waiting(session: Session, message_id: int, reason: str, *, at: datetime) -> None:
    """Nothing went out; another try follows."""
    message = session.get_one(Message, message_id, with_for_update=True, populate_existing=True)
    if message.delivery_state == rules.DeliveryState.SENDING:
        message.delivery_state = rules.DeliveryState.QUEUED.value
        message.delivery_at = at
        message.delivery_error = reason
        announce(session, message, at=at)


def note_unsure(session: Session, message: Message, *, at: datetime) -> None:
    """Nobody knows whether it went out."""
    if raise_state(message, rules.DeliveryState.UNSURE, at=at, error="reply.unsure"):
        audit.record(session, message.station_id, "reply.unsure", f"message:{message.id}", by=None, at=at)
        announce(session, message, at=at)


def note_failed(session: Session, message: Message, reason: str, *, at: datetime) -> None:
    """It did not go out and will not; `reason` is a stable code."""
    if raise_state(message, rules.DeliveryState.FAILED, at=at, error=reason):
        audit.record(
            session, message.station_id, "reply.fail", f"message:{message.id}", by=None, at=at,
            details={"reason": reason},
        )  # fmt: skip
        announce(session, message, at=at)
