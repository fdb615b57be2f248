"""Records what screens must hear of, in the transaction that changes it.

Events are numbered per station as the last act before the commit: the counter row stays locked from then on, so
number order is commit order on both databases and a tailer that reads `seq > last` misses nothing.
Payloads carry the whole thing and its version; applied twice or out of order they do no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from desk import clock, db
from desk.live.models import LiveEvent, StationCounter

Payload = dict[str, Any]
KEEP = timedelta(hours=24)
CATCH_UP_MOST = 2000  # DESIGN.md §7: above this a page reloads its window

# Asked with each change and each event: made once, because building a statement costs more than running it.
_counters = StationCounter.metadata.tables["station_counter"]
_of_station = _counters.c.station_id == bindparam("station")
_HOLD = select(_counters.c.station_id).where(_of_station).with_for_update()
_ADVANCE = (
    update(_counters)
    .where(_of_station)
    .values(event_seq=_counters.c.event_seq + bindparam("more"))
    .returning(_counters.c.event_seq)
)
_WRITE = insert(LiveEvent.metadata.tables["live_event"])
_NOTIFY = text("NOTIFY desk_live")
_LAST = select(_counters.c.station_id, _counters.c.event_seq)
_AFTER = (
    select(LiveEvent.seq, LiveEvent.station_id, LiveEvent.kind, LiveEvent.audience, LiveEvent.payload, LiveEvent.at)
    .where(LiveEvent.station_id == bindparam("station"), LiveEvent.seq > bindparam("seq"))
    .order_by(LiveEvent.seq)
)


@dataclass(frozen=True)
class Event:
    """One numbered event as it is sent to screens."""

    seq: int
    station_id: int
    kind: str
    audience: str
    payload: dict[str, Any]
    at: datetime

    def as_json(self) -> dict[str, Any]:
        return {"seq": self.seq, "kind": self.kind, "payload": self.payload, "at": clock.iso(self.at)}


def record(
    session: Session, station_id: int, kind: str, payload: dict[str, Any], *, audience: str, at: datetime
) -> None:
    """Note an event; it is numbered and written just before this transaction commits.

    `audience` is the permission a person needs to receive it.
    """
    noted: list[dict[str, Any]] = session.info.setdefault("live_events", [])
    noted.append({"station_id": station_id, "kind": kind, "audience": audience, "payload": payload, "at": at})
    db.before_commit(session, "90-live", _number_and_write)


def _number_and_write(session: Session) -> None:
    noted: list[dict[str, Any]] = session.info.pop("live_events", [])
    session.flush()
    # Stations in one order, so that two transactions over several stations cannot wait for each other.
    for station_id in sorted({row["station_id"] for row in noted}):
        rows = [row for row in noted if row["station_id"] == station_id]
        last = _advance(session, station_id, len(rows))
        for offset, row in enumerate(rows):
            row["seq"] = last - len(rows) + 1 + offset
        session.execute(_WRITE, rows)
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_NOTIFY)


def hold(session: Session, station_id: int) -> None:
    """Keep every other event of this station waiting until the commit: what is read now is true at our number.

    May be repeated: what a transaction holds it holds to its end.
    """
    held: set[int] = session.info.setdefault("held_stations", set())
    if station_id in held:
        return
    if session.execute(_HOLD, {"station": station_id}).first() is None:
        first = {"station_id": station_id, "event_seq": 0, "audit_seq": 0, "audit_head": ""}
        db.insert_if_absent(session, _counters, first, unique=["station_id"])
        session.execute(_HOLD, {"station": station_id}).one()
    held.add(station_id)


def _advance(session: Session, station_id: int, by: int) -> int:
    hold(session, station_id)
    return int(session.execute(_ADVANCE, {"station": station_id, "more": by}).scalar_one())


def last_seq(session: Session, station_id: int) -> int:
    """Number of the newest committed event of a station, 0 if there was none."""
    found = session.execute(
        select(StationCounter.event_seq).where(StationCounter.station_id == station_id)
    ).scalar_one_or_none()
    return found or 0


def last_seqs(session: Session) -> dict[int, int]:
    """Newest number of every station, for the tailer's look around."""
    return {row.station_id: row.event_seq for row in session.execute(_LAST)}


def list_after(
    session: Session, station_id: int, seq: int, *, most: int = CATCH_UP_MOST, newest: int | None = None
) -> Sequence[Event] | None:
    """Events of a station after `seq`, oldest first; None if the gap cannot be filled any more and a page must reload.

    That is so when more than `most` are missing, when the log was cut since, or when `seq` lies in the future
    (a restored database). `newest`: the station's newest number, if it is known in this snapshot.
    """
    newest = last_seq(session, station_id) if newest is None else newest
    if seq > newest or newest - seq > most:
        return None
    rows = session.execute(_AFTER, {"station": station_id, "seq": seq})
    events = [Event(*row) for row in rows]
    if len(events) != newest - seq and (not events or events[0].seq != seq + 1):
        return None
    return events


def rewrite(
    session: Session,
    station_id: int,
    change: Callable[[str, Payload], tuple[str, Payload] | None],
    *,
    audiences: Collection[str] | None = None,
) -> int:
    """Change recorded events of a station, for what may not be told any more; returns how many.

    `change` gets kind and payload and answers what stands there instead, None to leave it. Numbers stay.
    `audiences`: only events for people with one of these permissions.
    """
    changed = 0
    wanted = select(LiveEvent).where(LiveEvent.station_id == station_id)
    if audiences is not None:
        wanted = wanted.where(LiveEvent.audience.in_(audiences))
    rows = session.execute(wanted.order_by(LiveEvent.seq))
    for row in rows.scalars().yield_per(500):
        instead = change(row.kind, row.payload)
        if instead is not None:
            row.kind, row.payload = instead
            changed += 1
    return changed


def forget_old(session: Session, *, at: datetime) -> int:
    """Cut the log to its last 24 hours; returns how many rows went."""
    oldest = session.execute(select(func.count()).select_from(LiveEvent).where(LiveEvent.at < at - KEEP)).scalar_one()
    if oldest:
        session.execute(delete(LiveEvent).where(LiveEvent.at < at - KEEP))
    return oldest
