"""Blocks of a listener: a time in which nobody sees what they send, with who, when, why and until when.

Nothing is lost by a block and the listener is told nothing: messages are kept, files stay with the provider. What the
house asks is the listener's `blocked_until`; the record is a Block. Rooms above hide and show by `signals.blocked` and
`signals.unblocked`. A block that ran out is cleared by the keeper through `lapse`.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from desk import clock
from desk.listeners import signals
from desk.listeners.models import Block, Listener
from desk.live import audit

LAPSED_MOST = 50  # listeners whose block ended that are dealt with in one transaction


def hold(session: Session, listener_id: int) -> Listener:
    """A listener, locked until the commit."""
    session.flush()
    return session.get_one(Listener, listener_id, with_for_update=True, populate_existing=True)


def find_block(session: Session, listener_id: int) -> Block | None:
    """The block that holds, or was the last to be set and is not ended yet."""
    newest = select(Block).where(Block.listener_id == listener_id, Block.ended_at.is_(None))
    return session.execute(newest.order_by(Block.id.desc()).limit(1)).scalar_one_or_none()


def block(session: Session, listener: Listener, *, until: datetime, reason: str, by: int, at: datetime) -> Block:
    """Nobody is to see this listener's messages until then; an earlier block ends with it."""
    _close(session, listener.id, by=by, at=at)
    made = Block(
        station_id=listener.station_id, listener_id=listener.id, reason=reason, by_person_id=by, at=at, until=until
    )
    session.add(made)
    session.flush()
    _hide(session, listener, made, by=by, at=at)
    return made


def unblock(session: Session, listener: Listener, *, by: int | None, at: datetime) -> None:
    """Everybody sees this listener's messages again; None: the block's time has passed."""
    _close(session, listener.id, by=by, at=at)
    listener.blocked_until = None
    audit.record(session, listener.station_id, "listener.unblock", f"listener:{listener.id}", by=by, at=at)
    session.flush()
    for told in signals.unblocked:
        told(session, listener.id, at)


def set_again(session: Session, listener: Listener, block_id: int | None, *, by: int, at: datetime) -> None:
    """Put back what held before somebody changed it: this block if its time is not over, otherwise none."""
    before = None if block_id is None else session.get(Block, block_id)
    if before is None or before.until <= at:
        unblock(session, listener, by=by, at=at)
        return
    _close(session, listener.id, by=by, at=at)
    before.ended_at = before.ended_by_id = None
    _hide(session, listener, before, by=by, at=at)


def lapse(session: Session, *, at: datetime) -> int:
    """End the blocks whose time has passed; returns how many."""
    due = select(Listener).where(Listener.blocked_until <= at).order_by(Listener.id).limit(LAPSED_MOST)
    listeners = session.execute(due.with_for_update(skip_locked=True)).scalars().all()
    for listener in listeners:
        unblock(session, listener, by=None, at=at)
    return len(listeners)


def is_any_over(session: Session, *, at: datetime) -> bool:
    """A look that writes nothing: whether `lapse` has anything to do."""
    return session.execute(select(Listener.id).where(Listener.blocked_until <= at)).first() is not None


def join(session: Session, kept: Listener, gone: Listener, before: datetime | None, *, at: datetime) -> None:
    """Two listeners are one person: the longer block holds for both."""
    session.execute(update(Block).where(Block.listener_id == gone.id).values(listener_id=kept.id))
    if kept.blocked_until is not None and kept.blocked_until != before:
        for told in signals.blocked:
            told(session, kept.id, at)


def _hide(session: Session, listener: Listener, made: Block, *, by: int, at: datetime) -> None:
    listener.blocked_until = made.until
    details = {"until": clock.iso(made.until), "reason": made.reason}
    thing = f"listener:{listener.id}"
    audit.record(session, listener.station_id, "listener.block", thing, by=by, at=at, details=details)
    session.flush()
    for told in signals.blocked:
        told(session, listener.id, at)


def _close(session: Session, listener_id: int, *, by: int | None, at: datetime) -> None:
    open_ones = update(Block).where(Block.listener_id == listener_id, Block.ended_at.is_(None))
    session.execute(open_ones.values(ended_at=at, ended_by_id=by))
