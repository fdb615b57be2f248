"""The line in which work on files waits: what is open on a screen first, then what comes in, then what is made anew.

Two lanes: short work, and long work (a video, a large file) of which one runs at a time, so that other workers stay
free for the short. Within a lane everybody who sends gets a turn after each other (self-clocked fair queueing): a
job's turn is one more than the last of the same sender's, and who has nothing waiting stands behind the head as it is.
Two hundred files of one listener therefore stand behind each other, and the next listener's file stands at the front.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from desk.jobs.models import BACKFILL as BACKFILL_JOBS
from desk.jobs.models import IN_LINE, LONG_ENDED, PUT_OFF, RUNNING, Job

SHORT, LONG = 0, 1
ASKED, LIVE, BACKFILL = 0, 1, 2
# Short work goes before long work of the same tier, but not for ever: a stream of voices on a single worker would
# keep a video waiting all morning. Once in so long, one that has waited as long goes first.
LONG_EVERY = timedelta(minutes=2)
PUT_BACK_MOST = 50  # at a time: each is a small write, and others want to write too
ONE_LONG = 7_305_001  # number of the lock in PostgreSQL under which long work is taken


@dataclass(frozen=True)
class Place:
    """Where a job is to stand: its lane and tier, whose share it takes, and a turn if it follows from other work."""

    lane: int
    share: str | None = None
    tier: int = LIVE
    turn: int | None = None


@dataclass(frozen=True)
class Head:
    """The first of a lane."""

    id: int
    tier: int
    due_at: datetime


def values(session: Session, place: Place) -> dict[str, Any]:
    """The columns of a job that joins the line now."""
    turn = next_turn(session, place) if place.turn is None else place.turn
    return {"lane": place.lane, "tier": place.tier, "turn": turn, "share": place.share}


def next_turn(session: Session, place: Place) -> int:
    """One after the last of the same share, or after the head of the line as it is now. Two looks at an index.

    After, not beside: else newcomers would for ever go before who has waited.
    """
    of_line = (text(IN_LINE), Job.lane == place.lane, Job.tier == place.tier)
    last = None
    if place.share is not None:
        last = session.execute(select(func.max(Job.turn)).where(*of_line, Job.share == place.share)).scalar()
    if last is None:
        last = session.execute(select(func.min(Job.turn)).where(*of_line)).scalar()
    return 0 if last is None else int(last) + 1


def first(session: Session, *, at: datetime) -> int | None:
    """Id of the job whose turn it is, locked where the engine can; None if nothing may be taken now."""
    short, long = _head(session, SHORT), _head(session, LONG)
    if long is None or (short is not None and not _goes_before(session, long, short, at)):
        return None if short is None else short.id
    if _may_take_long(session, at):
        return long.id
    return None if short is None else short.id


def _goes_before(session: Session, long: Head, short: Head, at: datetime) -> bool:
    if long.tier != short.tier:
        return long.tier < short.tier
    if long.due_at > at - LONG_EVERY:
        return False
    ended = select(Job.id).where(text(LONG_ENDED), Job.finished_at > at - LONG_EVERY)
    return session.execute(ended.limit(1)).first() is None


def _head(session: Session, lane: int) -> Head | None:
    row = session.execute(
        select(Job.id, Job.tier, Job.run_at)
        .where(text(IN_LINE), Job.lane == lane)
        .order_by(Job.tier, Job.turn, Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    return None if row is None else Head(row.id, row.tier, row.run_at)


def _may_take_long(session: Session, at: datetime) -> bool:
    """Whether no long work runs. Held until the commit, so that two workers cannot both see none."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ONE_LONG})
    running = select(Job.id).where(text(RUNNING), Job.lease_until >= at, Job.lane == LONG)
    return session.execute(running.limit(1)).first() is None


def put_back(session: Session, *, at: datetime) -> int:
    """Let what was put off stand in line again when its pause is over; returns how many did."""
    due = session.execute(
        select(Job.id, Job.lane, Job.tier, Job.share)
        .where(text(PUT_OFF), Job.run_at <= at)
        .order_by(Job.run_at)
        .limit(PUT_BACK_MOST)
    ).all()
    for row in due:
        turn = next_turn(session, Place(row.lane, row.share, row.tier))
        session.execute(update(Job).where(Job.id == row.id, text(PUT_OFF)).values(turn=turn))
    return len(due)


def is_put_off_due(session: Session, *, at: datetime) -> bool:
    return session.execute(select(Job.id).where(text(PUT_OFF), Job.run_at <= at).limit(1)).first() is not None


def ask_for(session: Session, kinds: Sequence[str], subjects: Sequence[str]) -> None:
    """Somebody is looking at these: what waits of them goes before everything else, the newest wish first."""
    asked = (text(IN_LINE), Job.lane.in_((SHORT, LONG)), Job.tier == ASKED)
    turn = session.execute(select(func.min(Job.turn)).where(*asked)).scalar() or 0
    for condition, place in ((IN_LINE, {"tier": ASKED, "turn": turn - 1}), (PUT_OFF, {"tier": ASKED})):
        wanted = (Job.kind.in_(kinds), Job.subject.in_(subjects), text(condition), Job.tier != ASKED)
        session.execute(update(Job).where(*wanted).values(**place))


def is_waiting(session: Session, kinds: Sequence[str], subjects: Sequence[str]) -> bool:
    """Whether `ask_for` would change anything: a look that writes nothing."""
    about = (Job.kind.in_(kinds), Job.subject.in_(subjects))
    wanted = select(Job.id).where(*about, Job.state == "ready", Job.lane.is_not(None), Job.tier != ASKED)
    return session.execute(wanted.limit(1)).first() is not None


def is_live_waiting(session: Session, lane: int) -> bool:
    """Whether somebody waits in this lane for more than a backfill."""
    wanted = select(Job.id).where(text(IN_LINE), Job.lane == lane, Job.tier < BACKFILL)
    return session.execute(wanted.limit(1)).first() is not None


def count_backfill(session: Session) -> int:
    """How many jobs of a backfill wait or run."""
    return session.execute(select(func.count()).select_from(Job).where(text(BACKFILL_JOBS))).scalar_one()


def count_waiting(session: Session, most: int) -> int:
    """How many stand in line, counted up to `most`."""
    in_order = (Job.lane, Job.tier, Job.turn, Job.id)  # else PostgreSQL may read the table from its beginning
    line = select(Job.id).where(text(IN_LINE)).order_by(*in_order).limit(most).subquery()
    return session.execute(select(func.count()).select_from(line)).scalar_one()
