"""Table of jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from desk.db import Base

# Parts of the table that are asked for all the time and are small, or are read from one end. Queries repeat these
# words, or no engine would use the index; an index over all states would tempt SQLite into reading a hundred thousand.
RUNNING = "state = 'running'"
OPEN = "state IN ('ready', 'running', 'dead')"
IN_LINE = "state = 'ready' AND turn IS NOT NULL"
APART = "state = 'ready' AND lane IS NULL"
PUT_OFF = "state = 'ready' AND lane IS NOT NULL AND turn IS NULL"
LONG_ENDED = "lane = 1 AND finished_at IS NOT NULL"
BACKFILL = "tier = 2 AND state IN ('ready', 'running')"
DEAD = "state = 'dead'"


def _only(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class Job(Base):
    """One piece of work. `subject` with `kind` is unique: the same work is never queued twice.

    States: ready, running, done, dead, skipped. `lease` is the fencing token of the worker that has it.
    Work on files stands in line (desk.jobs.line): `lane`, `tier` and `turn` are its place, `share` names whose it is.
    `turn` is None while it does not stand there: put off, taken, or of a kind that has no line. `created_at` is when
    it was asked for, the last time if it was asked for again.
    """

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        Index("ix_job_running", "lease_until", **_only(RUNNING)),
        Index("ix_job_open", "kind", "state", "lane", "tier", "created_at", **_only(OPEN)),  # all that gauges ask for
        Index("ix_job_dead", "kind", "last_error", "created_at", **_only(DEAD)),
        Index("ix_job_line", "lane", "tier", "turn", "id", **_only(IN_LINE)),
        Index("ix_job_share", "share", "lane", "tier", "turn", **_only(IN_LINE)),
        Index("ix_job_apart", "priority", "id", **_only(APART)),
        Index("ix_job_put_off", "run_at", **_only(PUT_OFF)),
        Index("ix_job_long_ended", "finished_at", **_only(LONG_ENDED)),
        Index("ix_job_backfill", "id", **_only(BACKFILL)),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int | None] = mapped_column(ForeignKey("station.id"))
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(80))
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(String(8), default="ready")
    priority: Mapped[int] = mapped_column(default=10)
    lane: Mapped[int | None]
    tier: Mapped[int] = mapped_column(default=1)
    turn: Mapped[int | None]
    share: Mapped[str | None] = mapped_column(String(40))
    attempts: Mapped[int] = mapped_column(default=0)
    run_at: Mapped[datetime]
    wake_at: Mapped[datetime]
    lease: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
