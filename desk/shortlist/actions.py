"""Writes to the rundown. Every change counts the edition's rundown version up, by one UPDATE that repeats the
condition: of two reorders made from the same state one wins, the other gets Conflict with the rundown as it is now.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from desk import db
from desk.errors import Conflict, Invalid
from desk.live import audit
from desk.shortlist import announce, queries, rules
from desk.shortlist.models import Slot
from desk.shows import actions as shows
from desk.shows.models import Edition
from desk.wall import actions as wall
from desk.wall.models import Card


class RundownChanged(Conflict):
    """Somebody else changed the rundown since this page saw it."""

    code = "shortlist.rundown_changed"
    message = "The rundown was changed by somebody else in the meantime."


class NotForTheRundown(Conflict):
    """The card was rejected; it must be taken back first."""

    code = "shortlist.card_rejected"
    message = "This message was rejected. Take that back first."


def add_to_rundown(
    session: Session,
    station_id: int,
    card_id: int,
    *,
    by: int | None,
    at: datetime,
    position: int | None = None,
    note: str = "",
    intro_text: str = "",
) -> Slot:
    """Put a card into the current edition, at the end or at `position`; a new card becomes shortlisted.

    May be repeated: a card has one place in an edition, which a second call leaves as it is; words it brings fill
    what was empty (shortlisting makes the place before anybody has written them).
    Raises NotFound, NotForTheRundown.
    """
    card = queries.load_chosen(session, station_id, card_id)
    if card.state == "rejected":
        raise NotForTheRundown
    edition = shows.ensure_edition(session, station_id, at=at)
    made = append_card(session, edition, card, by=by, at=at)
    if card.state == "new":
        wall.move_card(session, station_id, card_id, to="shortlisted", version=card.version, by=by, at=at)
    slot = _slot_of(session, edition.id, card_id)
    note, intro_text = _checked(note, intro_text)
    if made:
        slot.note, slot.intro_text = note, intro_text
        if position is not None:
            _reorder(session, slot, position, at=at)
        session.flush()
    elif (note and not slot.note) or (intro_text and not slot.intro_text):
        words = {"note": slot.note or note, "intro_text": slot.intro_text or intro_text}
        set_words(session, station_id, slot.id, **words, version=slot.version, by=by, at=at)
    return slot


def append_card(session: Session, edition: Edition, card: Card, *, by: int | None, at: datetime) -> bool:
    """Append a card to an edition unless it is in it; True if it was not."""
    if _find_slot(session, edition.id, card.id) is not None:
        return False
    _count_up(session, edition.id)
    last = session.execute(select(func.count()).select_from(Slot).where(Slot.edition_id == edition.id)).scalar_one()
    made = db.insert_if_absent(
        session,
        Slot.metadata.tables["slot"],
        {
            "station_id": edition.station_id,
            "edition_id": edition.id,
            "card_id": card.id,
            "position": last,
            "note": "",
            "intro_text": "",
            "version": 1,
            "added_by_id": by,
            "added_at": at,
        },
        unique=["edition_id", "card_id"],
    )
    if made:
        _record(session, "slot.add", _slot_of(session, edition.id, card.id), by=by, at=at)
    return made


def move_slot(
    session: Session, station_id: int, slot_id: int, to_position: int, *, version: int, by: int | None, at: datetime
) -> Slot:
    """Move a slot to `to_position`, counted from 0. `version` is the rundown version the person saw.

    Raises NotFound, RundownChanged.
    """
    slot = queries.load_slot(session, station_id, slot_id)
    _count_up(session, slot.edition_id, seen=version, at=at)
    _reorder(session, slot, to_position, at=at)
    _record(session, "slot.move", slot, by=by, at=at, details={"to": slot.position})
    return slot


def set_note(
    session: Session, station_id: int, slot_id: int, note: str, *, version: int, by: int | None, at: datetime
) -> Slot:
    """Write the line for the presenter. `version` is the slot's. Raises NotFound, Invalid, RundownChanged."""
    return set_words(session, station_id, slot_id, note=note, version=version, by=by, at=at)


def set_intro(
    session: Session, station_id: int, slot_id: int, intro_text: str, *, version: int, by: int | None, at: datetime
) -> Slot:
    """Write what the presenter says before. `version` is the slot's. Raises NotFound, Invalid, RundownChanged."""
    return set_words(session, station_id, slot_id, intro_text=intro_text, version=version, by=by, at=at)


def set_words(
    session: Session,
    station_id: int,
    slot_id: int,
    *,
    note: str | None = None,
    intro_text: str | None = None,
    version: int,
    by: int | None,
    at: datetime,
) -> Slot:
    """Write note and intro of a slot together; None leaves one as it is."""
    slot = queries.load_slot(session, station_id, slot_id)
    note, intro_text = _checked(
        slot.note if note is None else note, slot.intro_text if intro_text is None else intro_text
    )
    changed: Any = session.execute(
        update(Slot)
        .where(Slot.id == slot.id, Slot.version == version)
        .values(note=note, intro_text=intro_text, version=Slot.version + 1)
    )
    if changed.rowcount != 1:
        raise RundownChanged(_current(session, slot))
    _count_up(session, slot.edition_id)
    session.refresh(slot)
    _record(session, "slot.words", slot, by=by, at=at)
    return slot


def remove_slot(session: Session, station_id: int, slot_id: int, *, by: int | None, at: datetime) -> None:
    """Take an item out of the rundown; its card stays shortlisted and waits without a place. Raises NotFound."""
    _remove(session, queries.load_slot(session, station_id, slot_id), by=by, at=at)


_SLOTS = (  # made once: asked with every verdict
    select(Slot)
    .join(Edition, Edition.id == Slot.edition_id)
    .where(Slot.card_id == bindparam("card"), Edition.ends_at > bindparam("at"))
)


def remove_card(session: Session, card: Card, *, by: int | None, at: datetime) -> int:
    """Take a card out of every rundown that has not ended; returns how many."""
    session.flush()
    found = list(session.execute(_SLOTS, {"card": card.id, "at": at}).scalars())
    for slot in found:
        _remove(session, slot, by=by, at=at)
    return len(found)


def _remove(session: Session, slot: Slot, *, by: int | None, at: datetime) -> None:
    _count_up(session, slot.edition_id)
    _record(session, "slot.remove", slot, by=by, at=at)
    session.delete(slot)
    session.flush()
    _write_positions(session, _ordered(session, slot.edition_id), at=at)
    card = session.get_one(Card, slot.card_id)
    wall.refresh_card(session, card, at=at)


def _count_up(session: Session, edition_id: int, *, seen: int | None = None, at: datetime | None = None) -> None:
    """Count the rundown version up and hold the edition until the commit; with `seen` only if that is still true."""
    statement = update(Edition).where(Edition.id == edition_id).values(rundown_version=Edition.rundown_version + 1)
    if seen is not None:
        statement = statement.where(Edition.rundown_version == seen)
    changed: Any = session.execute(statement)
    if changed.rowcount != 1:
        view = queries.view_edition(session, edition_id)
        station_id = session.execute(select(Edition.station_id).where(Edition.id == edition_id)).scalar_one()
        raise RundownChanged(queries.view_rundown(session, station_id, view).as_json())


def _current(session: Session, slot: Slot) -> dict[str, Any]:
    session.expire_all()
    return queries.view_rundown(session, slot.station_id, queries.view_edition(session, slot.edition_id)).as_json()


def _find_slot(session: Session, edition_id: int, card_id: int) -> Slot | None:
    return session.execute(
        select(Slot).where(Slot.edition_id == edition_id, Slot.card_id == card_id)
    ).scalar_one_or_none()


def _slot_of(session: Session, edition_id: int, card_id: int) -> Slot:
    return session.execute(select(Slot).where(Slot.edition_id == edition_id, Slot.card_id == card_id)).scalar_one()


def _ordered(session: Session, edition_id: int) -> list[Slot]:
    return list(
        session.execute(
            select(Slot)
            .where(Slot.edition_id == edition_id)
            .order_by(Slot.position, Slot.id)
            .execution_options(populate_existing=True)
        ).scalars()
    )


def _reorder(session: Session, slot: Slot, to_position: int, *, at: datetime) -> None:
    _write_positions(session, rules.moved(_ordered(session, slot.edition_id), slot, to_position), at=at)


def _write_positions(session: Session, order: list[Slot], *, at: datetime) -> None:
    """Number the slots densely from 0; the wall shows places too, so cards that moved are shown again."""
    moved = [(slot, position) for position, slot in enumerate(order) if slot.position != position]
    for slot, position in moved:
        slot.position = position
    session.flush()
    cards = session.execute(select(Card).where(Card.id.in_([slot.card_id for slot, _ in moved])).order_by(Card.id))
    for card in cards.scalars():
        wall.refresh_card(session, card, at=at)


def _checked(note: str, intro_text: str) -> tuple[str, str]:
    faults = {}
    if len(note) > rules.NOTE_MOST:
        faults["note"] = "This is too long."
    if len(intro_text) > rules.INTRO_MOST:
        faults["intro_text"] = "This is too long."
    if faults:
        raise Invalid(faults)
    return note.strip(), intro_text.strip()


def _record(
    session: Session, act: str, slot: Slot, *, by: int | None, at: datetime, details: dict[str, Any] | None = None
) -> None:
    facts = {"edition": slot.edition_id, "card": slot.card_id} | (details or {})
    audit.record(session, slot.station_id, act, f"slot:{slot.id}", by=by, at=at, details=facts)
    announce.touch(session, slot.station_id, slot.edition_id, at=at)
