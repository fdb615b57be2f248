"""Tables of conversations and messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from desk.db import Base


class Conversation(Base):
    """The thread with one listener on one channel. `closes_at` ends the service window; None: never written.

    `settled_at`: a colleague said that nothing received until then needs an answer any more.
    """

    __tablename__ = "conversation"
    __table_args__ = (UniqueConstraint("channel_id", "listener_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"), index=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channel.id"))
    listener_id: Mapped[int] = mapped_column(ForeignKey("listener.id"), index=True)
    closes_at: Mapped[datetime | None]
    last_message_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]


class Message(Base):
    """One message in or out.

    `provider_lookup` is the keyed hash of the provider's id (the id itself holds a phone number and is sealed);
    None only for an outgoing message the provider has not accepted yet. `details` is what the kind brings besides
    text: location, contact cards, order, referral, errors. `delivery_state` is for outgoing messages:
    held, queued, sending, accepted, sent, delivered, read, played, failed, unsure, cancelled.
    `erased_at` marks a tombstone: nothing of what was said is left, and it counts as taken back (`revoked_at`) too.
    """

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("channel_id", "provider_lookup"),
        UniqueConstraint("station_id", "idempotency_key"),
        Index("ix_message_thread", "conversation_id", "sent_at", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    channel_id: Mapped[int] = mapped_column(ForeignKey("channel.id"))
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id"))
    listener_id: Mapped[int] = mapped_column(ForeignKey("listener.id"), index=True)
    direction: Mapped[str] = mapped_column(String(3))
    kind: Mapped[str] = mapped_column(String(20))
    text: Mapped[str] = mapped_column(Text, default="")
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    provider_lookup: Mapped[str | None] = mapped_column(String(64))
    provider_id_sealed: Mapped[str | None] = mapped_column(Text)
    reply_to_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"))
    is_forwarded: Mapped[bool] = mapped_column(default=False)
    is_frequently_forwarded: Mapped[bool] = mapped_column(default=False)
    sent_at: Mapped[datetime]
    received_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    delivery_state: Mapped[str | None] = mapped_column(String(12))
    delivery_error: Mapped[str | None] = mapped_column(String(60))
    delivery_at: Mapped[datetime | None]
    held_until: Mapped[datetime | None]
    by_person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    idempotency_key: Mapped[str | None] = mapped_column(String(64))


class Reaction(Base):
    """A listener's newest reaction to one of our messages.

    An empty emoji is one taken back: the row stays, so that an older event coming late cannot bring it back.
    """

    __tablename__ = "reaction"
    __table_args__ = (UniqueConstraint("message_id", "listener_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"))
    listener_id: Mapped[int] = mapped_column(ForeignKey("listener.id"))
    emoji: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]


class PendingChange(Base):
    """A status, reaction, edit or revoke that came before the message it names; applied when that arrives."""

    __tablename__ = "pending_change"
    __table_args__ = (UniqueConstraint("channel_id", "target_lookup", "kind", "token"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    channel_id: Mapped[int] = mapped_column(ForeignKey("channel.id"))
    target_lookup: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(12))
    token: Mapped[str] = mapped_column(String(64))
    payload_sealed: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(index=True)


class ErasedId(Base):
    """Keyed hash of a provider's message id that was erased: it never comes back, whether its message is here or not.

    The message's tombstone alone would not do: a backup restored may be older than the message was.
    """

    __tablename__ = "erased_id"

    lookup: Mapped[str] = mapped_column(String(64), primary_key=True)
    erased_at: Mapped[datetime]
