"""The job row is the truth: taken once, fenced, brought back; the queue may lose everything."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from huey.consumer import Consumer
from sqlalchemy import select, update

from desk import clock, db
from desk.errors import Unavailable
from desk.jobs import dispatch, table, work
from desk.jobs.models import Job
from desk.jobs.outcomes import Done, GiveUp, Outcome, RetryLater, Skipped
from desk.settings import Settings
from tests.desk_fixtures import SIX
from tests.servers import wait_until

Body = Callable[[work.Work], Outcome]


@pytest.fixture
def kinds() -> Iterator[Callable[..., None]]:
    """Register bodies for one test."""
    before = work.kinds()

    def register(kind: str, body: Body, tries: int = 3, on_dead: work.Ended | None = None) -> None:
        work.job(kind, tries=tries, on_dead=on_dead)(body)

    yield register
    work._kinds.clear()
    work._kinds.update(before)


def put(kind: str = "test", subject: str = "thing:1", **values: Any) -> int:
    with db.transaction() as session:
        table.put(session, kind, subject, {"id": 1}, at=clock.now(), station_id=None, **values)
        return session.execute(select(Job.id).where(Job.kind == kind, Job.subject == subject)).scalar_one()


def row(job_id: int) -> Job:
    with db.reading() as session:
        return session.get_one(Job, job_id)


def take(job_id: int, **late: float) -> table.Taken | None:
    with db.transaction() as session:
        return table.take(session, job_id, at=clock.now() + timedelta(**late))


def test_the_same_work_is_put_once(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        made = [table.put(session, "test", "a", {}, at=SIX, station_id=None) for _ in range(2)]

    assert made == [True, False]


def test_a_job_exists_only_if_its_cause_does(on_both_databases: Settings) -> None:
    def lose() -> None:
        with db.transaction() as session:
            table.put(session, "test", "a", {}, at=SIX, station_id=None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lose()
    with db.reading() as session:
        assert session.execute(select(Job)).first() is None


def test_of_many_workers_one_takes_a_job(on_both_databases: Settings) -> None:
    job_id, taken = put(), []
    threads = [threading.Thread(target=lambda: taken.append(take(job_id))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(one is not None for one in taken) == 1


def test_a_worker_that_died_is_found_when_its_lease_ends(on_both_databases: Settings) -> None:
    job_id = put()
    first = take(job_id)
    assert first is not None
    later = clock.now() + table.LEASE + timedelta(seconds=1)

    with db.transaction() as session:
        before = table.sweep(session, at=clock.now())
        swept = table.sweep(session, at=later)
        again = table.sweep(session, at=later)
        second = table.take(session, job_id, at=later)

    assert (before, [one for one, _priority in swept], again) == ([], [job_id], [])
    assert second is not None
    assert second.attempts == 2


def test_a_late_result_is_thrown_away(on_both_databases: Settings) -> None:
    job_id = put()
    first = take(job_id)
    second = take(job_id, seconds=31)
    assert first is not None
    assert second is not None

    with pytest.raises(table.LeaseLost), work.Work(first, 3).transaction():
        pass
    with db.transaction() as session:
        assert not table.finish(session, first, "done", None, at=SIX)
        assert not table.renew(session, first, at=SIX)
        assert table.finish(session, second, "done", None, at=SIX)
    assert row(job_id).state == "done"


OUTCOMES: list[tuple[Outcome, str, str | None]] = [
    (Done(), "done", None),
    (Skipped("gone"), "skipped", "gone"),
    (GiveUp("media.corrupt"), "dead", "media.corrupt"),
    (RetryLater("slow", 5.0), "ready", "slow"),
]


@pytest.mark.parametrize(("outcome", "state", "reason"), OUTCOMES)
def test_the_row_says_how_it_ended(
    on_both_databases: Settings, kinds: Callable[..., None], outcome: Outcome, state: str, reason: str | None
) -> None:
    kinds("test", lambda _work: outcome)
    job_id = put()

    work.run(job_id)

    assert (row(job_id).state, row(job_id).last_error, row(job_id).lease) == (state, reason, None)


def test_a_body_that_raises_is_tried_again_and_then_shown_as_dead(
    on_both_databases: Settings, kinds: Callable[..., None]
) -> None:
    ended: list[tuple[Any, ...]] = []

    def fail(one: work.Work) -> Outcome:
        if one.is_last_try:
            raise ZeroDivisionError
        raise Unavailable(after_s=0.0)

    kinds("test", fail, 2, lambda _session, payload, reason, _at: ended.append((payload, reason)))
    job_id = put()

    assert work.run_due() == 2
    assert (row(job_id).state, row(job_id).attempts) == ("dead", 2)
    assert ended == [({"id": 1}, "ZeroDivisionError")]


def test_an_unknown_kind_waits_for_a_newer_worker(on_both_databases: Settings, kinds: Callable[..., None]) -> None:
    job_id = put("from_tomorrow")
    work.run(job_id)
    waiting = row(job_id)
    kinds("from_tomorrow", lambda _work: Done())
    with db.transaction() as session:
        session.execute(update(Job).values(run_at=clock.now()))
    work.run(job_id)

    assert (waiting.state, waiting.last_error) == ("ready", "unknown_kind")
    assert row(job_id).state == "done"


def test_urgent_work_comes_first(on_both_databases: Settings, kinds: Callable[..., None]) -> None:
    done: list[str] = []

    def body(one: work.Work) -> Outcome:
        done.append(one.taken.subject)
        return Done()

    kinds("test", body)
    put(subject="export", priority=table.BACKGROUND)
    put(subject="air", priority=table.ON_AIR)
    put(subject="later", priority=table.ON_AIR, run_at=clock.now() + timedelta(hours=1))
    work.run_due()

    assert done == ["air", "export"]


def test_work_can_be_made_ready_again_but_not_while_it_runs(on_both_databases: Settings) -> None:
    job_id = put()
    taken = take(job_id)
    assert taken is not None
    with db.transaction() as session:
        running = table.put_again(session, "test", "thing:1", at=clock.now())
        table.finish(session, taken, "dead", "x", at=clock.now())
        ended = table.put_again(session, "test", "thing:1", at=clock.now())

    assert (running, ended, row(job_id).state) == (0, 1, "ready")


def test_pauses_grow_to_an_hour() -> None:
    assert [table.pause_s(1) <= 2.4, table.pause_s(3) >= 6.4, table.pause_s(30) <= 4320] == [True] * 3


# --- the queue --------------------------------------------------------------------------------------------------


@pytest.fixture
def consumer(house: Settings, queue_url: str, kinds: Callable[..., None]) -> Iterator[tuple[Any, list[str]]]:
    """A worker on a real queue, in a thread; what it did."""
    done: list[str] = []

    def body(one: work.Work) -> Outcome:
        done.append(one.taken.subject)
        return Done()

    kinds("test", body)
    bell = dispatch.Doorbell(queue_url)
    dispatch.use(bell)
    worker = Consumer(bell.huey, workers=1, periodic=False, initial_delay=0.02, max_delay=0.05)
    worker.start()
    yield bell, done
    worker.stop(graceful=True)
    dispatch.use(None)


def test_a_commit_wakes_a_worker(consumer: tuple[Any, list[str]]) -> None:
    _bell, done = consumer
    put(subject="rung")

    wait_until(lambda: done == ["rung"], "the worker's effect")


def test_a_flushed_queue_loses_nothing(house: Settings, queue_url: str, kinds: Callable[..., None]) -> None:
    done: list[str] = []
    kinds("test", lambda one: done.append(one.taken.subject) or Done())
    bell = dispatch.Doorbell(queue_url)
    dispatch.use(bell)
    put(subject="lost")
    wait_until(lambda: bell.huey.pending_count() == 1, "the wake-up in the queue")
    bell.huey.flush()

    with db.transaction() as session:
        swept = table.sweep(session, at=clock.now() + table.WAKE_PAUSE + timedelta(seconds=1))
    for job_id, _priority in swept:
        work.run(job_id)

    assert done == ["lost"]
    dispatch.use(None)


def test_the_queue_refuses_what_belongs_into_the_table(house: Settings, queue_url: str) -> None:
    bell = dispatch.Doorbell(queue_url)

    with pytest.raises(TypeError, match="no delay"):
        bell.huey.enqueue(bell.task.s(1).then(bell.task, 2))


def test_a_queue_out_of_reach_delays_nobody(house: Settings) -> None:
    dispatch.use(dispatch.Doorbell("redis://127.0.0.1:1/0"))

    job_id = put(subject="unheard")

    assert row(job_id).state == "ready"
    dispatch.use(None)
