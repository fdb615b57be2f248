"""Figures of the job table for a monitoring system: how much waits, runs or was given up, and for how long.

Labels are words of our own (kinds, states, lanes, codes of reasons), never what a job is about. Every question is
answered by an index, so that asking often costs nothing also with a hundred thousand jobs.
"""

from __future__ import annotations

import re
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from desk import clock
from desk.jobs import line
from desk.jobs.models import DEAD, OPEN, Job

LANES = {None: "none", line.SHORT: "short", line.LONG: "long"}
TIERS = {line.ASKED: "asked", line.LIVE: "live", line.BACKFILL: "backfill"}
CODE = re.compile(r"[A-Za-z][A-Za-z_]*(\.[A-Za-z_]+)*")  # no digits: what looks like a number is nobody's business here
LONGEST_CODE = 60


def open_jobs() -> Select[str, str, int | None, int, int, datetime]:
    """How many there are by kind, state, lane and tier, and since when the oldest."""
    by = (Job.kind, Job.state, Job.lane, Job.tier)
    return select(*by, func.count(), func.min(Job.created_at)).where(text(OPEN)).group_by(*by).order_by(*by)


def dead_jobs() -> Select[str, str | None, int]:
    """How many were given up, by kind and reason."""
    by = (Job.kind, Job.last_error)
    return select(*by, func.count()).where(text(DEAD)).group_by(*by).order_by(*by)


def collect(session: Session, *, at: datetime) -> list[GaugeMetricFamily]:
    """Queue depth, age of the oldest, work in hand, and what was given up by reason. Two statements."""
    labels = ["kind", "state", "lane", "tier"]
    count = GaugeMetricFamily("desk_jobs", "Jobs that wait (ready), run or were given up (dead).", labels=labels)
    age = GaugeMetricFamily("desk_jobs_oldest_seconds", "Age of the oldest of them.", labels=labels)
    for kind, state, lane, tier, jobs, oldest in session.execute(open_jobs()):
        of = [kind, state, LANES.get(lane, "none"), TIERS.get(tier, "live")]
        count.add_metric(of, jobs)
        age.add_metric(of, max(0.0, (at - _moment(oldest)).total_seconds()))
    dead: dict[tuple[str, str], int] = {}
    for kind, reason, jobs in session.execute(dead_jobs()):
        dead[kind, code_of(reason)] = dead.get((kind, code_of(reason)), 0) + jobs
    given_up = GaugeMetricFamily("desk_jobs_dead", "Jobs that were given up, by reason.", labels=["kind", "reason"])
    for (kind, reason), jobs in dead.items():
        given_up.add_metric([kind, reason], jobs)
    return [count, age, given_up]


def code_of(reason: str | None) -> str:
    """A reason as a label: its code, or "other" for whatever is none.

    >>> code_of("channels.media_gone"), code_of("OperationalError"), code_of("4915790001234 is blocked"), code_of(None)
    ('channels.media_gone', 'OperationalError', 'other', 'unknown')
    """
    if not reason:
        return "unknown"
    return reason if len(reason) <= LONGEST_CODE and CODE.fullmatch(reason) else "other"


def _moment(value: datetime | int) -> datetime:
    return value if isinstance(value, datetime) else clock.from_ms(value)
