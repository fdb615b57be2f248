"""Figures for a monitoring system: how much waits, runs and was given up, by words of our own, and cheap to ask for."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from desk import clock, db
from desk.intake import backfilling
from desk.jobs import gauges, line, table
from desk.jobs.line import Place
from desk.jobs.models import Job
from desk.settings import Settings
from tests.desk_fixtures import Cast

JOBS = 100_002
LIMIT_S = 0.5


def a_job(session: Session, kind: str, subject: str, place: Place | None = None, **values: Any) -> None:
    table.put(session, kind, subject, {}, at=clock.now() - timedelta(hours=1), station_id=None, place=place)
    job = session.execute(select(Job).where(Job.subject == subject)).scalar_one()
    for name, value in values.items():
        setattr(job, name, value)


def test_depth_age_and_reasons_are_given_by_kind_and_lane(app: Flask, cast: Cast) -> None:
    with db.transaction() as session:
        a_job(session, "make_renditions", "asset:1", Place(line.SHORT))
        a_job(session, "make_renditions", "asset:2", Place(line.LONG, tier=line.BACKFILL))
        a_job(session, "make_renditions", "asset:3", Place(line.SHORT), state="running")
        a_job(session, "send_message", "message:1", state="dead", last_error="channels.refused.unknown")
        a_job(session, "send_message", "message:2", state="done")
        backfilling.begin(session, "mark", at=clock.now())

    lines = app.test_client().get("/metrics").get_data(as_text=True).splitlines()

    of_jobs = {one.rpartition(" ")[0]: float(one.rpartition(" ")[2]) for one in lines if one.startswith("desk_")}
    renders = 'desk_jobs{kind="make_renditions",lane="%s",state="%s",tier="%s"}'
    assert of_jobs[renders % ("short", "ready", "live")] == 1
    assert of_jobs[renders % ("short", "running", "live")] == 1
    assert of_jobs[renders % ("long", "ready", "backfill")] == 1
    aged = 'desk_jobs_oldest_seconds{kind="make_renditions",lane="short",state="ready",tier="live"}'
    assert 3600 <= of_jobs[aged] < 3700
    assert of_jobs['desk_jobs_dead{kind="send_message",reason="channels.refused.unknown"}'] == 1
    assert (of_jobs["desk_backfill_jobs"], of_jobs["desk_backfill_files_left"]) == (1, 0)
    assert of_jobs["desk_database_up"] == 1


def test_without_its_database_a_process_still_gives_its_own_figures(app: Flask, tmp_path: Path) -> None:
    house = db.current()
    db.use(db.Database(f"sqlite:///{tmp_path}/no/such/folder/desk.db"))
    try:
        answer = app.test_client().get("/metrics")
    finally:
        db.use(house)

    assert answer.status_code == 200
    assert "desk_database_up 0.0" in answer.get_data(as_text=True)
    assert "process_cpu_seconds_total" in answer.get_data(as_text=True)


def test_nothing_personal_stands_in_a_label(app: Flask, cast: Cast) -> None:
    with db.transaction() as session:
        a_job(
            session, "send_message", "message:4915790001234", state="dead", last_error="Ada (4915790001234) blocked us"
        )
        a_job(session, "send_message", "message:2", state="dead", last_error="4915790001234")

    said = app.test_client().get("/metrics").get_data(as_text=True)

    assert 'desk_jobs_dead{kind="send_message",reason="other"} 2.0' in said
    assert "4915790001234" not in said
    assert "Ada" not in said


def test_what_is_asked_for_again_is_as_old_as_the_asking(session: Session) -> None:
    a_job(session, "make_renditions", "asset:1", state="dead", last_error="tries_used_up")
    at = clock.now()

    table.put_again(session, "make_renditions", "asset:1", at=at)

    (count, age, dead) = gauges.collect(session, at=at)
    assert [sample.value for sample in (*count.samples, *age.samples, *dead.samples)] == [1, 0]


def test_a_hundred_thousand_jobs_are_counted_by_their_index(on_both_databases: Settings) -> None:
    at = clock.now()
    with db.transaction() as session:
        _fill(session)
    with db.transaction() as session:
        session.execute(text("ANALYZE job"))

    with db.reading() as session:
        started_s = time.perf_counter()
        count, _age, dead = gauges.collect(session, at=at)
        took_s = time.perf_counter() - started_s
        plans = [_explained(session, query) for query in (gauges.open_jobs(), gauges.dead_jobs())]

    assert sum(sample.value for sample in count.samples) == 3 * JOBS // 6
    assert sum(sample.value for sample in dead.samples) == JOBS // 6
    for plan, index in zip(plans, ("ix_job_open", "ix_job_dead"), strict=True):
        assert index in plan, plan
    assert took_s <= LIMIT_S


def _fill(session: Session) -> None:
    """One in six waits, runs or was given up; the others are done."""
    lite = session.get_bind().dialect.name == "sqlite"
    numbers = "WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < :jobs) SELECT n FROM g"
    numbers = numbers if lite else "SELECT n FROM generate_series(1, :jobs) AS g(n)"
    state = "CASE n % 6 WHEN 1 THEN 'ready' WHEN 2 THEN 'running' WHEN 3 THEN 'dead' ELSE 'done' END"
    session.execute(
        text(
            "INSERT INTO job (kind, subject, payload, priority, attempts, state, run_at, wake_at, created_at, lane,"
            f" tier, last_error) SELECT 'kind' || n % 7, 'asset:' || n, '{{}}', 15, 0, {state}, :at, :at, :at, n % 2,"
            f" 1, 'reason.' || n % 3 FROM ({numbers}) AS s"
        ),
        {"jobs": JOBS, "at": clock.to_ms(clock.now())},
    )


def _explained(session: Session, query: Any) -> str:
    sql = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
    how = "EXPLAIN QUERY PLAN"
    if session.get_bind().dialect.name == "postgresql":
        how = "EXPLAIN"
        session.execute(text("SET LOCAL enable_seqscan = off"))  # of so young a table nothing is known to be visible
    return "\n".join(str(row[-1]) for row in session.execute(text(f"{how} {sql}")))
