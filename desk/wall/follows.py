"""What the wall does when something below it changes: cards are shown again, under the listener they belong to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from desk import clock
from desk.conversations import signals as conversations
from desk.conversations.models import Message
from desk.listeners import signals as listeners
from desk.listeners.models import Listener
from desk.listeners.rules import is_blocked
from desk.live import log
from desk.media import queries as files
from desk.media import signals as media
from desk.wall import actions, announce, folds, jobs, mood, queries, words
from desk.wall.models import Card


def show_media(session: Session, message_id: int, at: datetime) -> None:
    """A file of the message was fetched, measured, rendered, or has failed."""
    card = actions.refresh_card(session, message_id, at=at)
    if card is not None and card.under_id is not None and card.kind in queries.ALBUM:  # it shows on the upper one, too
        actions.refresh_card(session, session.get_one(Card, card.under_id), at=at)


def find_speech(session: Session, message_id: int, at: datetime) -> None:
    """What is said in a file of the message was written down."""
    actions.fold_speech(session, message_id, at=at)


def join_cards(session: Session, kept_id: int, gone_id: int, at: datetime) -> None:
    """Two listeners turned out to be one person."""
    session.execute(update(Card).where(Card.listener_id == gone_id).values(listener_id=kept_id))
    actions.refresh_listener(session, kept_id, at=at)
    words.refold_listener(session, kept_id)
    _settle_first(session, kept_id, at)


def _settle_first(session: Session, listener_id: int, at: datetime) -> None:
    """Of two people who are one, the oldest card alone is somebody's first."""
    theirs = select(Card).where(Card.listener_id == listener_id, Card.withdrawn_at.is_(None))
    cards = session.execute(theirs.order_by(Card.placed_at, Card.id).with_for_update()).scalars().all()
    for card in cards[1:]:
        if card.facet[:1] == "n":
            announce.set_facet(session, card, "k" + card.facet[1:], at=at)


def show_sender(session: Session, listener_id: int, at: datetime) -> None:
    """A listener was blocked or is not any more: one event for all cards, and the newest with what they show now."""
    listener = session.get_one(Listener, listener_id)
    if is_blocked(listener.blocked_until, at):
        folds.come_apart(session, listener_id, at=at)
    actions.refresh_listener(session, listener_id, at=at)
    payload = {"listener_id": listener_id, "blocked_until": clock.iso(listener.blocked_until)}
    log.record(session, listener.station_id, "sender.changed", payload, audience=announce.AUDIENCE, at=at)


def hides(session: Session, message_id: int, at: datetime) -> bool:
    """Whether nobody may see the files of this message: its card was withdrawn or its sender is blocked."""
    row = session.execute(
        select(Card.withdrawn_at, Listener.blocked_until)
        .join(Listener, Listener.id == Card.listener_id)
        .where(Card.message_id == message_id)
    ).one_or_none()
    if row is None:
        return False
    return row.withdrawn_at is not None or (row.blocked_until is not None and row.blocked_until > at)


def count_reaction(session: Session, message_id: int, listener_id: int, at: datetime) -> None:
    """A listener reacted to a message of ours, otherwise than before, or not any more."""
    mood.react(session, session.get_one(Message, message_id), listener_id, at)


def forget_reaction(session: Session, reaction_id: int, at: datetime) -> None:
    mood.forget_reaction(session, reaction_id, at=at)


conversations.reacted.append(count_reaction)
conversations.reaction_gone.append(forget_reaction)
files.is_hidden.append(hides)
media.changed.append(show_media)
media.spoken.append(find_speech)
media.ready.append(jobs.ask_for_twins)
listeners.merged.append(join_cards)
listeners.blocked.append(show_sender)
listeners.unblocked.append(show_sender)
