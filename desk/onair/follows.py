"""Vetting follows the bytes: an edit, a withdrawal, a rejection or another rendition ends it at once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from desk import db
from desk.media import links
from desk.onair import actions, announce, queries
from desk.shortlist import queries as shortlist
from desk.shortlist import signals as rundown_signals
from desk.wall import queries as wall
from desk.wall import signals
from desk.wall.models import Card


def card_moved(session: Session, card: Card, before: str, after: str, by: int | None, at: datetime) -> None:
    if after == "rejected":
        actions.end_vetting(session, card, "rejected", by=by, at=at)
    if before == "aired" and after != "on_air":
        actions.undo_airings(session, card, by=by, at=at)


def card_edited(session: Session, card: Card, at: datetime) -> None:
    actions.end_vetting(session, card, "edited", by=None, at=at)


def card_withdrawn(session: Session, card: Card, at: datetime) -> None:
    actions.end_vetting(session, card, "withdrawn", by=None, at=at)


def card_changed(session: Session, card: Card, at: datetime) -> None:
    """Something of a vetted card is different: look before the commit whether the bytes are still the vetted ones."""
    if card.vetted_sha256 is None:
        return
    session.info.setdefault("vetted_cards", {})[card.id] = (card, at)
    db.before_commit(session, "40-vetting", _compare)


def _compare(session: Session) -> None:
    noted: dict[int, tuple[Card, datetime]] = session.info.pop("vetted_cards", {})
    session.flush()
    for card, at in noted.values():
        if card.vetted_sha256 is None or card.withdrawn_at is not None:
            continue
        if shortlist.view_item(session, card.station_id, card).content.sha256 != card.vetted_sha256:
            actions.end_vetting(session, card, "changed", by=None, at=at)


signals.moved.append(card_moved)
signals.edited.append(card_edited)
signals.withdrawn.append(card_withdrawn)
signals.changed.append(card_changed)
rundown_signals.changed.append(announce.tell_studio)
wall.extras.vetting_of = queries.vetting_of
links.purposes[queries.PLAYOUT] = links.Purpose("media.vetted", queries.load_air_file)
