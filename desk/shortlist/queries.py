"""Reads about rundowns: the slots of an edition with all a producer may see, and what waits without a slot.

What the presenter may see of it is decided in the room onair; nothing here is sent to a presenter.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from desk import clock
from desk.conversations.models import Message
from desk.errors import NotFound
from desk.listeners.models import Listener
from desk.people.models import Station
from desk.shortlist import content, rules
from desk.shortlist.content import Content
from desk.shortlist.models import Slot
from desk.shows import queries as shows
from desk.shows.models import Edition, Show
from desk.shows.queries import EditionView
from desk.shows.rules import ShowHours
from desk.wall.models import Card

POOL_MOST = 60
WAITING = ("shortlisted", "planned", "in_studio")


@dataclass(frozen=True)
class Item:
    """A card as the rundown knows it, with what would go to air and what keeps it from there."""

    card: Card
    listener: Listener
    text: str
    content: Content
    reasons: tuple[str, ...]

    @property
    def is_blocked(self) -> bool:
        """Whether nobody is to see what the listener sent; what is over is cleared by the keeper."""
        return self.listener.blocked_until is not None

    def as_json(self) -> dict[str, Any]:
        return {
            "card_id": self.card.id,
            "card_version": self.card.version,
            "kind": self.card.kind,
            "name": self.listener.first_name or self.listener.alias,
            "place": self.listener.place,
            "hue": self.listener.hue,
            "text": "" if self.is_blocked else self.text,
            "about": self.card.about,
            "pronunciation": self.card.pronunciation,
            "state": self.card.state,
            "state_at": clock.iso(self.card.state_at),
            "consent": self.card.consent,
            "is_vetted": self.card.vetted_sha256 is not None,
            "reasons": list(self.reasons),
            "sha256": self.content.sha256,
            "is_sound": self.content.is_sound,
            "duration_s": self.content.duration_s,
            "media": None if self.is_blocked else self.content.media_json(),
        }


@dataclass(frozen=True)
class SlotView:
    """One place in the rundown with its item."""

    slot: Slot
    item: Item

    def as_json(self) -> dict[str, Any]:
        return {
            **self.item.as_json(),
            "id": self.slot.id,
            "position": self.slot.position,
            "version": self.slot.version,
            "note": self.slot.note,
            "intro_text": self.slot.intro_text,
        }


@dataclass(frozen=True)
class Rundown:
    """The rundown of an edition, in order."""

    edition: EditionView
    slots: tuple[SlotView, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "edition": self.edition.as_json(),
            "edition_id": self.edition.id,
            "version": self.edition.rundown_version,
            "slots": [slot.as_json() for slot in self.slots],
        }


def load_slot(session: Session, station_id: int, slot_id: int) -> Slot:
    """One slot of this station. Raises NotFound, for another station's slot alike."""
    found = session.execute(select(Slot).where(Slot.id == slot_id, Slot.station_id == station_id)).scalar_one_or_none()
    if found is None:
        raise NotFound(code="shortlist.no_slot")
    return found


def load_chosen(session: Session, station_id: int, card_id: int) -> Card:
    """A card of this station that may still be used. Raises NotFound."""
    found = session.execute(
        select(Card).where(Card.id == card_id, Card.station_id == station_id, Card.withdrawn_at.is_(None))
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(code="shortlist.no_card")
    return found


def consent_mode(session: Session, station_id: int) -> str:
    return session.execute(select(Station.consent_mode).where(Station.id == station_id)).scalar_one()


def view_edition(session: Session, edition_id: int) -> EditionView:
    """A kept edition by its id. One statement."""
    row = session.execute(
        # columns, not the object: another transaction may have counted it up since this session read it
        select(
            Edition.id, Edition.starts_at, Edition.ends_at, Edition.rundown_version,
            Show.id.label("show_id"), Show.name, Show.weekdays, Show.starts_minute, Show.ends_minute,
        )
        .join(Show, Show.id == Edition.show_id)
        .where(Edition.id == edition_id)
    ).one()  # fmt: skip
    hours = ShowHours(row.show_id, row.name, row.weekdays, row.starts_minute, row.ends_minute)
    return EditionView(row.id, row.name, hours.is_all_day, row.starts_at, row.ends_at, row.rundown_version)


def current_rundown(session: Session, station_id: int, *, at: datetime) -> Rundown:
    """The rundown of the edition people work on. Seven statements at most."""
    return view_rundown(session, station_id, shows.current_edition(session, station_id, at=at))


def view_rundown(session: Session, station_id: int, edition: EditionView) -> Rundown:
    """The slots of an edition, in order; withdrawn items are not among them."""
    if edition.id is None:
        return Rundown(edition, ())
    rows = session.execute(
        _items()
        .add_columns(Slot)
        .join(Slot, Slot.card_id == Card.id)
        .where(Slot.edition_id == edition.id, Slot.station_id == station_id, Card.withdrawn_at.is_(None))
        .order_by(Slot.position, Slot.id)
    ).all()  # fmt: skip
    items = _with_content(session, station_id, [(row.Card, row.Listener, row.Message) for row in rows])
    return Rundown(edition, tuple(SlotView(row.Slot, item) for row, item in zip(rows, items, strict=True)))


def list_pool(session: Session, station_id: int, edition_id: int | None) -> list[Item]:
    """Shortlisted cards without a place in this edition, newest first, at most POOL_MOST."""
    placed = select(Slot.card_id).where(Slot.edition_id == edition_id)
    rows = session.execute(
        _items()
        .where(Card.station_id == station_id, Card.state.in_(WAITING), Card.withdrawn_at.is_(None))
        .where(Card.id.not_in(placed))
        .order_by(Card.placed_at.desc(), Card.id.desc())
        .limit(POOL_MOST)
    ).all()
    return _with_content(session, station_id, [(row.Card, row.Listener, row.Message) for row in rows])


def view_item(session: Session, station_id: int, card: Card) -> Item:
    """One card with what would go to air of it."""
    listener, message = session.execute(
        select(Listener, Message).join(Message, Message.id == card.message_id).where(Listener.id == card.listener_id)
    ).one()
    return _with_content(session, station_id, [(card, listener, message)])[0]


# asked with every change of a card: made once, because building a statement costs more than running it
_SLOTS = (
    select(Slot.id, Slot.card_id, Show.name, Slot.position)
    .join(Edition, Edition.id == Slot.edition_id)
    .join(Show, Show.id == Edition.show_id)
    .where(Slot.card_id.in_(bindparam("ids", expanding=True)))
    .order_by(Slot.id.desc())
)


def slots_of(session: Session, card_ids: Collection[int]) -> dict[int, list[dict[str, Any]]]:
    """Where cards stand: [{id, edition, position}] per card, positions from 1, the newest edition first.

    `edition` is the name of its show. For the cards of the wall; one statement.
    """
    rows = session.execute(_SLOTS, {"ids": card_ids}).all()
    found: dict[int, list[dict[str, Any]]] = {card_id: [] for card_id in card_ids}
    for row in rows:
        found[row.card_id].append({"id": row.id, "edition": row.name, "position": row.position + 1})
    return found


def _items() -> Select[Card, Listener, Message]:
    return (
        select(Card, Listener, Message)
        .select_from(Card)
        .join(Listener, Listener.id == Card.listener_id)
        .join(Message, Message.id == Card.message_id)
    )


def _with_content(session: Session, station_id: int, rows: Sequence[tuple[Card, Listener, Message]]) -> list[Item]:
    if not rows:
        return []
    mode = consent_mode(session, station_id)
    contents = content.list_contents(session, {message.id: message.text for _card, _listener, message in rows})
    return [
        Item(
            card,
            listener,
            message.text,
            contents[message.id],
            rules.reasons_against_air(air_facts(card, listener, contents[message.id]), mode),
        )
        for card, listener, message in rows
    ]


def air_facts(card: Card, listener: Listener, found: Content) -> rules.AirFacts:
    is_withdrawn, is_blocked = card.withdrawn_at is not None, listener.blocked_until is not None
    return rules.AirFacts(card.state, is_withdrawn, card.consent, card.vetted_sha256, found.sha256, is_blocked)
