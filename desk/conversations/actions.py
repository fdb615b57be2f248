"""Writes of conversations: messages coming in.

A message exists once per (channel, provider's id): the unique constraint decides. What happens to it later is in
`changes.py`, replies are in `replies.py`; what other rooms call of both stands here under its name.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import db, sealing
from desk.channels import contract
from desk.channels.models import Channel
from desk.conversations import queries, rules
from desk.conversations.changes import (
    Applied,
    announce,
    apply_edit,
    apply_pending,
    apply_reaction,
    apply_revoke,
    apply_status,
    forget_pending,
    hold,
    keep_pending,
)
from desk.conversations.models import Conversation, Message
from desk.conversations.replies import cancel_reply, settle_unsure, write_reply
from desk.listeners.actions import count_message
from desk.listeners.models import Listener
from desk.live import audit

__all__ = [
    "Applied",
    "add_echo",
    "add_incoming",
    "apply_edit",
    "apply_pending",
    "apply_reaction",
    "apply_revoke",
    "apply_status",
    "cancel_reply",
    "forget_pending",
    "note_call",
    "open_conversation",
    "settle_unsure",
    "write_reply",
]

SHOWN_AS = {contract.MessageKind.UNSUPPORTED: "unknown"}  # for people both are "cannot be shown"


def add_incoming(
    session: Session, channel: Channel, listener: Listener, incoming: contract.Incoming, *, at: datetime
) -> Message | None:
    """Keep a listener's message; None if this provider's id is there already. `at` is when we received it.

    Opens the service window, counts the message, and links it with the message it quotes.
    """
    conversation = open_conversation(session, channel, listener)
    lookup = queries.message_lookup(channel.id, incoming.provider_id)
    hold(session, lookup)
    message_id = db.insert_for_id(
        session,
        Message.metadata.tables["message"],
        {
            "station_id": channel.station_id,
            "channel_id": channel.id,
            "conversation_id": conversation.id,
            "listener_id": listener.id,
            "direction": "in",
            "kind": SHOWN_AS.get(incoming.kind, incoming.kind.value),
            "text": incoming.text,
            "details": _details(incoming, at),
            "provider_lookup": lookup,
            "provider_id_sealed": sealing.seal(incoming.provider_id, queries.provider_id_about(channel.id)),
            "is_forwarded": incoming.is_forwarded,
            "is_frequently_forwarded": incoming.is_frequently_forwarded,
            "sent_at": incoming.sent_at,
            "received_at": at,
        },
        unique=["channel_id", "provider_lookup"],
    )
    if message_id is None:
        return None
    message = session.get_one(Message, message_id)
    _open_window(conversation, incoming.sent_at, at)
    _note_last(conversation, min(incoming.sent_at, at))
    count_message(session, listener)
    if incoming.reply_to is not None:
        _quote(session, message, queries.message_lookup(channel.id, incoming.reply_to), at=at)
    audit.record(session, message.station_id, "message.receive", f"message:{message.id}", by=None, at=at)
    announce(session, message, at=at)
    return message


def _details(incoming: contract.Incoming, at: datetime) -> dict[str, Any]:
    """What staff may see beside the text. Third persons' numbers and addresses are sealed, names stay."""
    details: dict[str, Any] = dict(incoming.details)
    cards = details.get("cards")
    if isinstance(cards, list):
        details["cards"] = [_open_part(card) for card in cards if isinstance(card, dict)]
        details["cards_sealed"] = sealing.seal_json(cards, "message-cards")
    if incoming.group_id is not None:
        details["is_group"] = True
    if incoming.media_error is not None:
        details["media_error"] = incoming.media_error
    if rules.is_ahead(incoming.sent_at, at):
        details["is_ahead"] = True
    return details


def _open_part(card: dict[str, Any]) -> dict[str, Any]:
    numbers, mails = card.get("phones") or [], card.get("emails") or []
    return {"name": card.get("name"), "organisation": card.get("organisation"), "origin": card.get("origin"),
            "numbers": len(numbers), "mails": len(mails)}  # fmt: skip


def open_conversation(session: Session, channel: Channel, listener: Listener) -> Conversation:
    """The thread with a listener on a channel, its row locked; made if there was none."""
    db.insert_if_absent(
        session,
        Conversation.metadata.tables["conversation"],
        {"station_id": channel.station_id, "channel_id": channel.id, "listener_id": listener.id},
        unique=["channel_id", "listener_id"],
    )
    return session.execute(
        select(Conversation)
        .where(Conversation.channel_id == channel.id, Conversation.listener_id == listener.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()


def note_call(session: Session, channel: Channel, listener: Listener, *, sent_at: datetime, at: datetime) -> None:
    """A listener called: that opens the window like a message, answered or not."""
    _open_window(open_conversation(session, channel, listener), sent_at, at)


def _open_window(conversation: Conversation, sent_at: datetime, at: datetime) -> None:
    closes_at = rules.window_closes_at(sent_at, at)
    if conversation.closes_at is None or conversation.closes_at < closes_at:
        conversation.closes_at = closes_at


def _note_last(conversation: Conversation, at: datetime) -> None:
    if conversation.last_message_at is None or conversation.last_message_at < at:
        conversation.last_message_at = at


def _quote(session: Session, message: Message, lookup: str, *, at: datetime) -> None:
    hold(session, lookup)
    quoted = queries.find_by_lookup(session, message.channel_id, lookup)
    if quoted is not None:
        message.reply_to_id = quoted.id
        return
    keep_pending(
        session, message.station_id, message.channel_id, lookup, "quote", str(message.id), {"id": message.id}, at
    )


def add_echo(session: Session, channel: Channel, listener: Listener, echo: contract.Echo, *, at: datetime) -> bool:
    """Keep what the station wrote in the provider's own app; False if it is there. Opens no window."""
    conversation = open_conversation(session, channel, listener)
    lookup = queries.message_lookup(channel.id, echo.provider_id)
    hold(session, lookup)
    message_id = db.insert_for_id(
        session,
        Message.metadata.tables["message"],
        {
            "station_id": channel.station_id,
            "channel_id": channel.id,
            "conversation_id": conversation.id,
            "listener_id": listener.id,
            "direction": "out",
            "kind": SHOWN_AS.get(echo.kind, echo.kind.value),
            "text": echo.text,
            "details": {},
            "provider_lookup": lookup,
            "provider_id_sealed": sealing.seal(echo.provider_id, queries.provider_id_about(channel.id)),
            "is_forwarded": False,
            "is_frequently_forwarded": False,
            "sent_at": echo.sent_at,
            "received_at": at,
            "delivery_state": rules.DeliveryState.SENT.value,
            "delivery_at": echo.sent_at,
        },
        unique=["channel_id", "provider_lookup"],
    )
    if message_id is None:
        return False
    message = session.get_one(Message, message_id)
    _note_last(conversation, min(echo.sent_at, at))
    apply_pending(session, message, at=at)
    announce(session, message, at=at)
    return True
