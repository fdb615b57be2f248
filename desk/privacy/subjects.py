"""Whom or what a request is about: one message, or a whole person with everything they sent.

A person may have been recognised under several ids before they turned out to be one; all of them belong to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from desk import sealing
from desk.channels.models import Channel
from desk.conversations import queries as conversations
from desk.conversations.models import Message
from desk.errors import NotFound
from desk.listeners.actions import address_about
from desk.listeners.models import Address, Listener
from desk.media.models import Asset
from desk.wall.models import Card


class NobodyThere(NotFound):
    code = "privacy.nobody"
    message = "Nothing is kept under this id."


@dataclass(frozen=True)
class Subject:
    """What is to be erased. `listener_ids` is empty if it is only about messages; the first of them is the one kept.

    `provider_ids` are the provider's ids as far as they are known, for looking through raw deliveries.
    """

    station_id: int
    message_ids: tuple[int, ...]
    listener_ids: tuple[int, ...] = ()
    provider_ids: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        if self.listener_ids:
            return f"listener:{self.listener_ids[0]}"
        return f"message:{self.message_ids[0]}"


def of_provider_id(session: Session, provider_id: str) -> Subject:
    """The message with the provider's id, on any channel. Raises NobodyThere."""
    for channel_id in session.execute(select(Channel.id).order_by(Channel.id)).scalars():
        message = conversations.find_by_provider_id(session, channel_id, provider_id)
        if message is not None:
            return Subject(message.station_id, (message.id,), provider_ids=(provider_id,))
    raise NobodyThere


def was_erased(session: Session, provider_id: str) -> bool:
    """Whether a message under this id was erased on some channel, also if it is not in this database at all."""
    channel_ids = session.execute(select(Channel.id)).scalars().all()
    return any(conversations.is_erased(session, channel_id, provider_id) for channel_id in channel_ids)


def of_card(session: Session, card_id: int) -> Subject:
    """The message a card shows. Raises NobodyThere."""
    card = session.get(Card, card_id)
    if card is None:
        raise NobodyThere
    return of_message(session, session.get_one(Message, card.message_id))


def of_message(session: Session, message: Message) -> Subject:
    provider_id = conversations.provider_id_of(message)
    return Subject(message.station_id, (message.id,), provider_ids=(provider_id,) if provider_id else ())


def of_listener(session: Session, listener_id: int) -> Subject:
    """A person with all they sent and all that was answered. Raises NobodyThere."""
    found = session.get(Listener, listener_id)
    if found is None:
        raise NobodyThere
    kept_id = found.merged_into_id or found.id
    gone = session.execute(select(Listener.id).where(Listener.merged_into_id == kept_id).order_by(Listener.id))
    ids = (kept_id, *gone.scalars())
    messages = session.execute(select(Message.id).where(Message.listener_id.in_(ids)).order_by(Message.id))
    return Subject(found.station_id, tuple(messages.scalars()), ids)


def listener_of(session: Session, subject: Subject) -> int:
    """The person behind a subject."""
    if subject.listener_ids:
        return subject.listener_ids[0]
    return session.get_one(Message, subject.message_ids[0]).listener_id


def handles(session: Session, listener_ids: Sequence[int]) -> list[tuple[Address, str]]:
    """Every address of these people with its value, opened; an erased one's is empty."""
    rows = session.execute(select(Address).where(Address.listener_id.in_(listener_ids)).order_by(Address.id)).scalars()
    return [(row, sealing.unseal(row.value_sealed, address_about(row.station_id, row.lookup))) for row in rows]


def list_cards(session: Session, message_ids: Sequence[int]) -> list[Card]:
    rows = select(Card).where(Card.message_id.in_(message_ids)).order_by(Card.id)
    return list(session.execute(rows).scalars())


def list_assets(session: Session, message_ids: Sequence[int]) -> list[Asset]:
    rows = select(Asset).where(Asset.message_id.in_(message_ids)).order_by(Asset.id)
    return list(session.execute(rows).scalars())


def widen(session: Session, subject: Subject) -> Subject:
    """The whole person, if nothing else that they sent is left; else the subject as it is."""
    if subject.listener_ids:
        return subject
    listener_id = listener_of(session, subject)
    others = select(Message.id).where(
        Message.listener_id == listener_id, Message.direction == "in", Message.erased_at.is_(None),
        Message.id.not_in(subject.message_ids),
    )  # fmt: skip
    if session.execute(others.limit(1)).first() is not None:
        return subject
    return replace(of_listener(session, listener_id), provider_ids=subject.provider_ids)


def left_over(session: Session, message_ids: Sequence[int]) -> dict[str, int]:
    """What of these messages can still be read; all zero once they are erased."""
    written = or_(Message.text != "", Message.provider_id_sealed.is_not(None), Message.erased_at.is_(None))
    told = or_(
        Card.withdrawn_at.is_(None), Card.folded != "", Card.note != "", Card.about != "", Card.rating.is_not(None),
        Card.is_for_jury,
    )  # fmt: skip
    messages = session.execute(select(Message.id).where(Message.id.in_(message_ids), written)).all()
    cards = session.execute(select(Card.id).where(Card.message_id.in_(message_ids), told)).all()
    return {"messages": len(messages), "cards": len(cards), "files": len(list_assets(session, message_ids))}
