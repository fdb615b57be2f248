"""Files of blocked senders: left with the provider while the block holds, fetched when it is over.

A file that did not come yet is not asked for, and one on its way is dropped. Afterwards what the provider still has is
fetched in the usual line, some at once and the rest by the keeper; for what it has forgotten the card says why.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Select, select, text, update
from sqlalchemy.orm import Session

from desk import clock, db
from desk.conversations.models import Message
from desk.jobs import table
from desk.jobs.line import Place
from desk.listeners import blocking
from desk.listeners.models import Listener
from desk.media import actions as media
from desk.media import rules
from desk.media.models import LEFT, Asset

FETCH = "fetch_media"
AT_ONCE = 200


def put_fetch(session: Session, asset: Asset, listener_id: int, *, at: datetime) -> None:
    """Have a file fetched; everybody who sends gets a turn after each other."""
    subject, payload = f"asset:{asset.id}", {"asset_id": asset.id}
    place = Place(rules.lane_of(asset.kind), share=f"listener:{listener_id}")
    if not table.put(session, FETCH, subject, payload, at=at, station_id=asset.station_id, place=place):
        table.put_again(session, FETCH, subject, at=at, place=place)


def leave_files(session: Session, listener_id: int, at: datetime) -> None:
    """A listener was blocked: what did not come yet stays with the provider."""
    theirs = select(Message.id).where(Message.listener_id == listener_id)
    on_the_way = (Asset.original_key.is_(None), Asset.state.in_(("waiting", "fetching")))
    wanted = select(Asset.id).where(Asset.message_id.in_(theirs), *on_the_way).order_by(Asset.id)
    ids = session.execute(wanted).scalars().all()
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        # the job before its file, as whoever fetches locks them: nobody waits for the other
        table.cancel(session, [f"asset:{asset_id}" for asset_id in some], rules.LEFT, at=at, kind=FETCH)
        left = update(Asset).where(Asset.id.in_(some), *on_the_way)
        session.execute(left.values(state="waiting", reason=rules.LEFT, retry_at=None))


def fetch_files(session: Session, listener_id: int, at: datetime) -> None:
    """The block is over: fetch what was left, the newest first; the keeper comes for what is more than that."""
    _fetch_left(session, _left(Message.listener_id == listener_id), at)


def _left(*whose: ColumnElement[bool]) -> Select[Asset, int]:
    """Files that were left and whose sender is not blocked any more, the newest first."""
    return (
        select(Asset, Message.listener_id)
        .join(Message, Message.id == Asset.message_id)
        .join(Listener, Listener.id == Message.listener_id)
        .where(text(f"asset.{LEFT}"), Asset.state == "waiting", Listener.blocked_until.is_(None), *whose)
        .order_by(Asset.id.desc())
        .limit(AT_ONCE)
    )


def _fetch_left(session: Session, wanted: Select[Asset, int], at: datetime) -> int:
    held = wanted.with_for_update(of=Asset).execution_options(populate_existing=True)
    rows = session.execute(held).all()
    for asset, listener_id in rows:
        if media.fetch_at_last(session, asset, at=at):
            put_fetch(session, asset, listener_id, at=at)
    return len(rows)


def go_on() -> int:
    """End blocks whose time has passed and fetch what is still left; returns how many of both. Called by the keeper."""
    at = clock.now()
    with db.reading() as session:
        is_due = blocking.is_any_over(session, at=at) or session.execute(_left().limit(1)).first() is not None
    if not is_due:
        return 0
    with db.transaction() as session:
        return blocking.lapse(session, at=at) + _fetch_left(session, _left(), at)
