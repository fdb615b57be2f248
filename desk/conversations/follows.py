"""What conversations do when two listeners turn out to be one person: their threads become one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from desk.conversations import signals as reactions
from desk.conversations.models import Conversation, Message, Reaction
from desk.listeners import signals


def join_threads(session: Session, kept_id: int, gone_id: int, at: datetime) -> None:
    """Move messages, reactions and conversations to the listener who stays."""
    session.flush()
    session.execute(update(Message).where(Message.listener_id == gone_id).values(listener_id=kept_id))
    _join_reactions(session, kept_id, gone_id, at)
    threads = session.execute(select(Conversation).where(Conversation.listener_id.in_((kept_id, gone_id)))).scalars()
    by_owner = {(thread.listener_id, thread.channel_id): thread for thread in threads}
    for (owner, channel_id), thread in by_owner.items():
        if owner != gone_id:
            continue
        kept = by_owner.get((kept_id, channel_id))
        if kept is None:
            thread.listener_id = kept_id
            continue
        session.execute(update(Message).where(Message.conversation_id == thread.id).values(conversation_id=kept.id))
        kept.closes_at = _later(kept.closes_at, thread.closes_at)
        kept.last_message_at = _later(kept.last_message_at, thread.last_message_at)
        kept.settled_at = _earlier(kept.settled_at, thread.settled_at)
        session.delete(thread)
    session.flush()


def _join_reactions(session: Session, kept_id: int, gone_id: int, at: datetime) -> None:
    """One reaction per message and person: the newer one stays."""
    for reaction in session.execute(select(Reaction).where(Reaction.listener_id == gone_id)).scalars().all():
        other = session.execute(
            select(Reaction).where(Reaction.message_id == reaction.message_id, Reaction.listener_id == kept_id)
        ).scalar_one_or_none()
        if other is None:
            reaction.listener_id = kept_id
            continue
        if (reaction.at, reaction.emoji) > (other.at, other.emoji):
            other.at, other.emoji = reaction.at, reaction.emoji
            for told in reactions.reacted:
                told(session, other.message_id, kept_id, at)
        for gone in reactions.reaction_gone:
            gone(session, reaction.id, at)
        session.execute(delete(Reaction).where(Reaction.id == reaction.id))


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """Only what was settled in both threads is settled in the joined one."""
    return None if one is None or other is None else min(one, other)


signals.merged.append(join_threads)
