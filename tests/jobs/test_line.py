"""The line of work on files: asked for, live, backfill; short before long; nobody's flood delays anybody else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, select, text
from sqlalchemy.orm import Session

from desk import clock, db
from desk.jobs import dispatch, line, table, work
from desk.jobs.line import BACKFILL, LIVE, LONG, SHORT, Place
from desk.jobs.models import Job
from desk.jobs.outcomes import Done, Outcome, RetryLater
from desk.settings import Settings
from tests.servers import wait_until

Put = Callable[..., None]


@pytest.fixture
def done(on_both_databases: Settings) -> Iterator[list[str]]:
    """What the workers did, in order; jobs of the kind "file" do nothing else."""
    did: list[str] = []

    def body(one: work.Work) -> Outcome:
        did.append(one.taken.subject)
        return Done()

    work.job("file", tries=3)(body)
    yield did
    work._kinds.pop("file")


def put(subject: str, share: str | None = None, *, lane: int = SHORT, tier: int = LIVE, at: Any = None) -> None:
    with db.transaction() as session:
        at = at or clock.now()
        table.put(session, "file", subject, {}, at=at, station_id=None, place=Place(lane, share, tier))


def take(at: datetime | None = None) -> table.Taken | None:
    with db.transaction() as session:
        return table.take_first(session, at=at or clock.now())


def test_a_flood_of_one_sender_delays_nobody_else(done: list[str]) -> None:
    for number in range(200):
        put(f"ada:{number}", "listener:1")
    for _ in range(20):
        work.run_first()
    put("bo", "listener:2")
    work.run_due()

    assert done.index("bo") - 20 <= 3
    assert len(done) == 201


def test_senders_take_turns(done: list[str]) -> None:
    for number in range(5):
        put(f"ada:{number}", "listener:1")
    for number in range(2):
        put(f"bo:{number}", "listener:2")
    work.run_due()

    assert done == ["ada:0", "ada:1", "bo:0", "ada:2", "bo:1", "ada:3", "ada:4"]


def test_who_floods_is_not_put_off_for_ever_by_others(done: list[str]) -> None:
    """Newcomers join at the head of the line as it is now, not before everybody who has waited."""
    put("ada:0", "listener:1")
    put("ada:1", "listener:1")
    for number in range(30):
        put(f"other:{number}", f"listener:{number + 2}")
        work.run_first()

    assert {"ada:0", "ada:1"} <= set(done)


def test_what_is_open_goes_first_and_the_newest_wish_before_older_ones(done: list[str]) -> None:
    for number in range(5):
        put(f"voice:{number}", f"listener:{number}")
    put("video", "listener:9", lane=LONG)
    for wished in ("voice:3", "video", "voice:1"):
        with db.transaction() as session:
            assert line.is_waiting(session, ["file"], [wished])
            line.ask_for(session, ["file"], [wished])
            assert not line.is_waiting(session, ["file"], [wished])
    work.run_due()

    assert done[:4] == ["voice:1", "voice:3", "video", "voice:0"]


def test_live_work_goes_before_a_backfill(done: list[str]) -> None:
    put("old", tier=BACKFILL)
    put("new video", "listener:1", lane=LONG)
    put("new voice", "listener:2")
    work.run_due()

    assert done == ["new voice", "new video", "old"]


def test_one_long_work_runs_at_a_time_and_short_work_beside_it(done: list[str]) -> None:
    for number in range(2):
        put(f"video:{number}", "listener:1", lane=LONG)
    put("voice", "listener:2")
    taken = [take(), take(), take()]

    assert [one and one.subject for one in taken] == ["voice", "video:0", None]


def test_long_work_of_a_dead_worker_holds_up_no_other_for_longer_than_its_lease(done: list[str]) -> None:
    for number in range(2):
        put(f"video:{number}", "listener:1", lane=LONG)
    first = take()
    later = take(clock.now() + table.LEASE + timedelta(seconds=1))

    assert (first and first.subject, later and later.subject) == ("video:0", "video:1")


def test_a_long_backfill_makes_room_for_live_work_of_its_lane(done: list[str]) -> None:
    put("old video", lane=LONG, tier=BACKFILL)
    backfill = take()
    assert backfill is not None
    put("voice", "listener:1")
    before = work._is_wanted(backfill)
    put("new video", "listener:1", lane=LONG)

    assert (before, work._is_wanted(backfill)) == (True, False)


def test_short_work_does_not_put_off_long_work_for_ever(done: list[str]) -> None:
    long_ago = clock.now() - line.LONG_EVERY - timedelta(seconds=1)
    for number in range(2):
        put(f"video:{number}", "listener:1", lane=LONG, at=long_ago)
    for number in range(3):
        put(f"voice:{number}", f"listener:{number + 2}")
    work.run_due()

    assert done == ["video:0", "voice:0", "voice:1", "voice:2", "video:1"]


def test_work_that_is_put_off_leaves_the_line_and_comes_back(done: list[str]) -> None:
    work.job("file", tries=3)(lambda one: RetryLater("store.unavailable", 20.0, is_counted=False))
    put("ada", "listener:1")
    outcome = work.run_first()
    with db.transaction() as session:
        row = session.execute(select(Job)).scalar_one()
        assert (row.state, row.turn, row.attempts, row.share) == ("ready", None, 0, "listener:1")
        row.run_at = clock.now()
        session.flush()
        assert table.is_anything_due(session, at=clock.now())
        table.sweep(session, at=clock.now())
        assert line.first(session, at=clock.now()) == row.id

    assert isinstance(outcome, RetryLater)


def test_a_file_that_is_tried_again_goes_where_somebody_asked_for_it(done: list[str]) -> None:
    put("first", "listener:1")
    work.run_due()
    put("second", "listener:1")
    with db.transaction() as session:
        table.put_again(session, "file", "first", at=clock.now())
    work.run_due()

    assert done == ["first", "first", "second"]


def test_lost_wake_ups_are_rung_again_but_the_queue_is_never_flooded(
    done: list[str], queue_url: str, settings: Settings
) -> None:
    for number in range(50):
        put(f"voice:{number}", f"listener:{number}")
    bell = dispatch.Doorbell(queue_url)
    dispatch.use(bell)
    try:
        assert dispatch.ring_for_line(8, table.LINE) == 8
        wait_until(lambda: bell.huey.pending_count() == 8, "the wake-ups in the queue")
        assert dispatch.ring_for_line(8, table.LINE) == 0
        while (wake_up := bell.huey.dequeue()) is not None:
            bell.huey.execute(wake_up)
    finally:
        dispatch.use(None)

    assert len(done) == 8


ASKED_OFTEN: dict[str, Callable[[Session], object]] = {
    "first": lambda session: line.first(session, at=clock.now()),
    "take": lambda session: table.take_first(session, at=clock.now()),
    "turn": lambda session: line.next_turn(session, Place(SHORT, "listener:7")),
    "due": lambda session: table.is_anything_due(session, at=clock.now()),
    "sweep": lambda session: table.sweep(session, at=clock.now()),
    "wish": lambda session: line.ask_for(session, ["file"], ["asset:7777"]),
    "count": lambda session: line.count_waiting(session, 16),
    "backfill": line.count_backfill,
}


@pytest.fixture
def twenty_thousand(on_both_databases: Settings) -> None:
    at = clock.now()
    waiting = [
        {
            "kind": "file", "subject": f"asset:{number}", "payload": {}, "state": "ready", "priority": 15,
            "attempts": 0, "run_at": at, "wake_at": at, "created_at": at, "lane": int(number % 20 == 0), "tier": LIVE,
            "turn": number // 500, "share": f"listener:{number % 500}",
        }
        for number in range(20_000)
    ]  # fmt: skip
    with db.transaction() as session:
        session.execute(insert(Job), waiting)
    with db.transaction() as session:
        session.execute(text("ANALYZE job"))


def test_with_thousands_waiting_every_question_is_answered_by_an_index(twenty_thousand: None) -> None:
    engine = db.current().engine
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            asked.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    for ask in ASKED_OFTEN.values():
        with db.transaction() as session:
            ask(session)
    event.remove(engine, "before_cursor_execute", note)

    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    plans = []
    with engine.connect() as connection:
        for statement, values in asked:
            rows = connection.exec_driver_sql(f"{explain} {statement}", values)
            plans.append((statement, [str(row[-1]) for row in rows]))
    assert len(plans) > 10
    for statement, steps in plans:
        reads = [step for step in steps if re.search(r"(SCAN|SEARCH|Scan.* on) job\b", step)]
        assert all(re.search(r"USING (INDEX|COVERING|INTEGER)|Index", step) for step in reads), (statement, steps)
