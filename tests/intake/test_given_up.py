"""A file on which every worker dies is given up after its tries; the card says why, and a person may ask once more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select, update

from desk import clock, db
from desk.house import queries as house
from desk.intake.fetching import FETCH, RENDER
from desk.jobs import table, work
from desk.jobs.models import Job
from desk.live.models import LiveEvent
from tests.desk_fixtures import Browser
from tests.intake.graph import Graph
from tests.intake.provider import Provider
from tests.intake.test_bad_input import send_file, voice

TRIES = 8
WHY = "The work on this file broke off each time, so it was given up. The original is kept."


def job_id_of(kind: str) -> int:
    with db.reading() as session:
        return session.execute(select(Job.id).where(Job.kind == kind)).scalar_one()


def a_rendering(provider: Provider, graph: Graph) -> int:
    """A voice note whose original is stored; the job that makes its renditions."""
    send_file(provider, graph, "audio", voice(), "audio/wav")
    for kind in ("read_delivery", FETCH):
        work.run(job_id_of(kind))
    return job_id_of(RENDER)


def die_with(job_id: int, times: int) -> None:
    """Workers take the job one after the other and are gone; each time the sweeper finds it when the lease is over."""
    at = clock.now()
    for _ in range(times):
        with db.transaction() as session:
            assert table.take(session, job_id, at=at) is not None
        at += table.LEASE + timedelta(seconds=1)
        with db.transaction() as session:
            assert job_id in [found for found, _priority in table.sweep(session, at=at)]
    with db.transaction() as session:
        session.execute(update(Job).where(Job.id == job_id).values(lease_until=clock.now() - timedelta(seconds=1)))


def test_what_kills_its_worker_each_time_is_given_up_and_says_why_until_a_person_asks_again(
    provider: Provider, graph: Graph, sign_in: Callable[[str], Browser]
) -> None:
    render = a_rendering(provider, graph)

    die_with(render, TRIES)
    before = provider.asset().state
    work.run(render)

    (job,) = [row for row in provider.rows(Job) if row.kind == RENDER]
    assert work.kinds()[RENDER].tries == TRIES
    assert (before, job.state, job.last_error) == ("processing", "dead", "tries_used_up")
    nia, omar = sign_in("nia"), sign_in("omar")
    (shown,) = nia.get("/api/v1/cards").get_json()["cards"][0]["media"]
    assert (shown["state"], shown["reason"]) == ("failed", "media.stopped")
    assert shown["reason_text"] == WHY
    with db.reading() as session:
        told = session.execute(select(LiveEvent).where(LiveEvent.kind == "card.changed")).scalars().all()[-1]
        (group,) = house.list_job_groups(session, provider.cast.rheinwelle, at=clock.now())
    assert told.payload["card"]["media"][0]["state"] == "failed"
    assert (group["kind"], group["state"], group["reason"]) == (RENDER, "dead", "tries_used_up")

    assert omar.post("/api/v1/jobs/retry", {"kind": RENDER, "reason": "tries_used_up"}).get_json() == {"retried": 1}
    provider.run()
    assert provider.asset().state == "ready"


def test_a_try_before_the_last_goes_on_as_if_nothing_had_been(provider: Provider, graph: Graph) -> None:
    render = a_rendering(provider, graph)

    die_with(render, TRIES - 1)
    work.run(render)

    assert provider.asset().state == "ready"
