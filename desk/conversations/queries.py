"""Reads about conversations: threads, windows, messages by the provider's id.

The provider's ids of messages hold phone numbers: they are found by keyed hash (`message_lookup`) and never shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import clock, sealing
from desk.conversations import rules
from desk.conversations.models import Conversation, ErasedId, Message, Reaction
from desk.errors import NotFound
from desk.media.models import Asset
from desk.people.models import Person


class NoConversation(NotFound):
    code = "conversations.no_conversation"
    message = "There is no such conversation."


class NoMessage(NotFound):
    code = "conversations.no_message"
    message = "There is no such message."


@dataclass(frozen=True)
class MessageView:
    """One message of a thread as staff see it. `by` is who wrote a reply: {id, name, initials, hue}."""

    id: int
    direction: str
    kind: str
    text: str
    at: datetime
    delivery_state: str | None
    delivery_error: str | None
    by: dict[str, Any] | None
    media_ids: tuple[int, ...]
    reactions: tuple[str, ...]
    is_edited: bool
    is_revoked: bool
    held_until: datetime | None
    is_aside: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "direction": self.direction,
            "kind": self.kind,
            "text": self.text,
            "at": clock.iso(self.at),
            "delivery_state": self.delivery_state,
            "delivery_error": self.delivery_error,
            "by": self.by,
            "media_ids": list(self.media_ids),
            "reactions": [{"emoji": emoji} for emoji in self.reactions],
            "is_edited": self.is_edited,
            "is_revoked": self.is_revoked,
            "is_aside": self.is_aside,
            "held_until": clock.iso(self.held_until),
        }


@dataclass(frozen=True)
class Window:
    """Whether a free reply may be sent, and until when (None: the listener never wrote)."""

    is_open: bool
    closes_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        return {"open": self.is_open, "closes_at": clock.iso(self.closes_at)}


def window(conversation: Conversation, at: datetime) -> Window:
    return Window(rules.is_open(conversation.closes_at, at), conversation.closes_at)


def load_conversation(session: Session, station_id: int, conversation_id: int) -> Conversation:
    """A conversation of this station. Raises NoConversation."""
    found = session.get(Conversation, conversation_id)
    if found is None or found.station_id != station_id:
        raise NoConversation
    return found


def load_message(session: Session, station_id: int, message_id: int, *, for_change: bool = False) -> Message:
    """A message of this station; `for_change` locks its row and reads it afresh. Raises NoMessage."""
    found = session.get(Message, message_id, with_for_update=for_change or None, populate_existing=for_change)
    if found is None or found.station_id != station_id:
        raise NoMessage
    return found


def thread(session: Session, conversation_id: int, limit: int = 50) -> list[MessageView]:
    """The newest messages of a conversation, oldest first. Five statements."""
    newest = (
        select(Message)
        .where(Message.conversation_id == conversation_id)
        .order_by(Message.sent_at.desc(), Message.id.desc())
        .limit(limit)
    )
    return view_messages(session, list(reversed(session.execute(newest).scalars().all())))


# (session, message_ids) -> those whose words and files are not for everybody now; rooms above add theirs in `follows`
set_aside: list[Callable[[Session, Sequence[int]], set[int]]] = []


def find_aside(session: Session, message_ids: Sequence[int]) -> set[int]:
    """Those of these messages that a room above keeps from the usual screens."""
    return set[int]().union(*(find(session, message_ids) for find in set_aside)) if message_ids else set()


def view_messages(session: Session, messages: Sequence[Message]) -> list[MessageView]:
    """Messages with their authors, files and reactions. Four statements."""
    ids = [message.id for message in messages]
    aside = find_aside(session, [message.id for message in messages if message.direction == "in"])
    people = _people(session, {message.by_person_id for message in messages if message.by_person_id is not None})
    files: dict[int, list[int]] = {}
    for asset_id, message_id in session.execute(
        select(Asset.id, Asset.message_id).where(Asset.message_id.in_(ids)).order_by(Asset.id)
    ):
        files.setdefault(message_id, []).append(asset_id)
    reactions: dict[int, list[str]] = {}
    for message_id, emoji in session.execute(
        select(Reaction.message_id, Reaction.emoji)
        .where(Reaction.message_id.in_(ids), Reaction.emoji != "")
        .order_by(Reaction.id)
    ):
        reactions.setdefault(message_id, []).append(emoji)
    return [
        MessageView(
            id=message.id,
            direction=message.direction,
            kind=message.kind,
            text="" if message.revoked_at or message.id in aside else message.text,
            at=message.sent_at,
            delivery_state=message.delivery_state,
            delivery_error=message.delivery_error,
            by=people.get(message.by_person_id or 0),
            media_ids=() if message.id in aside else tuple(files.get(message.id, ())),
            reactions=tuple(reactions.get(message.id, ())),
            is_edited=message.edited_at is not None,
            is_revoked=message.revoked_at is not None,
            held_until=message.held_until if message.delivery_state == "held" else None,
            is_aside=message.id in aside,
        )
        for message in messages
    ]


def _people(session: Session, ids: set[int]) -> dict[int, dict[str, Any]]:
    if not ids:
        return {}
    rows = session.execute(select(Person.id, Person.name, Person.initials, Person.hue).where(Person.id.in_(ids)))
    return {row.id: {"id": row.id, "name": row.name, "initials": row.initials, "hue": row.hue} for row in rows}


def message_lookup(channel_id: int, provider_id: str) -> str:
    """Keyed hash under which a message is found by the provider's id."""
    return sealing.lookup("message", str(channel_id), provider_id)


def provider_id_about(channel_id: int) -> str:
    """What a provider's message id is sealed for."""
    return f"message:{channel_id}"


def provider_id_of(message: Message) -> str | None:
    """The provider's id of a message, opened; for talking to the provider, never for people or logs."""
    if message.provider_id_sealed is None:
        return None
    return sealing.unseal(message.provider_id_sealed, provider_id_about(message.channel_id))


def find_by_lookup(session: Session, channel_id: int, lookup: str, *, for_change: bool = False) -> Message | None:
    statement = select(Message).where(Message.channel_id == channel_id, Message.provider_lookup == lookup)
    if for_change:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.execute(statement).scalar_one_or_none()


def find_by_provider_id(session: Session, channel_id: int, provider_id: str) -> Message | None:
    """The message of a channel with the provider's id."""
    return find_by_lookup(session, channel_id, message_lookup(channel_id, provider_id))


def find_by_provider_id_anywhere(session: Session, provider_id: str, channel_ids: Sequence[int]) -> Message | None:
    """The message with the provider's id on any of these channels; for `desk card show --provider-id`."""
    lookups = [message_lookup(channel_id, provider_id) for channel_id in channel_ids]
    return session.execute(select(Message).where(Message.provider_lookup.in_(lookups)).limit(1)).scalar_one_or_none()


def is_erased(session: Session, channel_id: int, provider_id: str) -> bool:
    """Whether the message with the provider's id was erased: it never comes back, nor does anything about it."""
    return session.get(ErasedId, message_lookup(channel_id, provider_id)) is not None
