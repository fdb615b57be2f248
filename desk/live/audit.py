"""The audit chain: every change has exactly one row, in the same transaction, chained per station by HMAC.

Rows hold ids and codes, no personal content. The chain is extended as the last act before the commit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from desk import clock, db, sealing
from desk.live import log
from desk.live.models import AuditRow, StationCounter

_counters = StationCounter.metadata.tables["station_counter"]
_of_station = _counters.c.station_id == bindparam("station")
_HEAD = select(_counters.c.audit_seq, _counters.c.audit_head).where(_of_station)
_KEEP_HEAD = update(_counters).where(_of_station).values(audit_seq=bindparam("seq"), audit_head=bindparam("head"))
_WRITE = insert(AuditRow.metadata.tables["audit_row"])


@dataclass(frozen=True)
class ChainFault:
    """The first row at which a station's chain does not hold."""

    station_id: int
    seq: int
    says: str


def record(
    session: Session,
    station_id: int,
    act: str,
    thing: str,
    *,
    by: int | None,
    at: datetime,
    details: dict[str, Any] | None = None,
) -> None:
    """Note one change: `act` ("card.move") on `thing` ("card:12") by person `by` (None: the desk itself)."""
    noted: list[dict[str, Any]] = session.info.setdefault("audit_rows", [])
    noted.append(
        {
            "station_id": station_id,
            "act": act,
            "object": thing,
            "by_person_id": by,
            "at": at,
            "details": details or {},
        }
    )
    db.before_commit(session, "80-audit", _chain_and_write)


def _chain_and_write(session: Session) -> None:
    noted: list[dict[str, Any]] = session.info.pop("audit_rows", [])
    session.flush()
    for station_id in sorted({row["station_id"] for row in noted}):
        rows = [row for row in noted if row["station_id"] == station_id]
        seq, head = _lock_head(session, station_id)
        for row in rows:
            seq += 1
            row.update(seq=seq, previous=head)
            head = row["proof"] = _proof(row)
        session.execute(_WRITE, rows)
        session.execute(_KEEP_HEAD, {"station": station_id, "seq": seq, "head": head})


def _lock_head(session: Session, station_id: int) -> tuple[int, str]:
    log.hold(session, station_id)
    seq, head = session.execute(_HEAD, {"station": station_id}).one()
    return seq, head


def _proof(row: dict[str, Any]) -> str:
    return sealing.sign(
        "audit",
        str(row["station_id"]),
        str(row["seq"]),
        str(clock.to_ms(row["at"])),
        str(row["by_person_id"]),
        row["act"],
        row["object"],
        json.dumps(row["details"], sort_keys=True, separators=(",", ":")),
        row["previous"],
    )


def verify(session: Session, station_id: int) -> ChainFault | None:
    """Walk a station's chain; None if it holds, else the first row that does not, or the missing tail."""
    expected, head = 0, ""
    rows = session.execute(select(AuditRow).where(AuditRow.station_id == station_id).order_by(AuditRow.seq)).scalars()
    for row in rows:
        expected += 1
        values = {column: getattr(row, column) for column in ("station_id", "seq", "at", "act", "object", "details")}
        values |= {"by_person_id": row.by_person_id, "previous": row.previous}
        if row.seq != expected:
            return ChainFault(station_id, expected, "a row is missing here")
        if row.previous != head or row.proof != _proof(values):
            return ChainFault(station_id, row.seq, "this row was changed")
        head = row.proof
    kept = session.execute(
        select(StationCounter.audit_seq, StationCounter.audit_head).where(StationCounter.station_id == station_id)
    ).one_or_none()
    if kept is not None and (kept.audit_seq, kept.audit_head) != (expected, head):
        return ChainFault(station_id, expected + 1, "rows at the end are missing")
    return None
