"""Looks at what listeners say with the words of their station, and suggests what was found to the lead.

A suggestion rejects nothing and is made once: what a person put back to the wall stays there.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from desk.conversations.models import Message
from desk.listeners import queries as listeners
from desk.media import transcripts
from desk.safety import actions, queries, rules
from desk.wall import queries as wall
from desk.wall.models import Card


def look_at_card(session: Session, card: Card, at: datetime) -> None:
    """A message came, or its sender changed it."""
    _look(session, card, session.get_one(Message, card.message_id).text, at)


def look_at_speech(session: Session, message_id: int, at: datetime) -> None:
    """What is said in a file was written down."""
    card = wall.find_card_of(session, message_id)
    if card is not None:
        _look(session, card, " ".join(transcripts.texts_of(session, message_id)), at)


def _look(session: Session, card: Card, text: str, at: datetime) -> None:
    if not text or card.withdrawn_at is not None:
        return
    station = queries.rules_of(session, card.station_id)
    found = rules.find(text, station.words) if station.is_on else None
    if found is None or listeners.is_blocked(session, card.listener_id, at=at):
        return
    if queries.find_newest(session, card.id) is None:
        card = wall.load_card(session, card.station_id, card.id, for_change=True)
        actions.suggest(session, card, found, at=at)
