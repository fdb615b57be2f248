"""The settings page: what each role sees of it, and that given-up work is tried again, audited, at the own station."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import db
from desk.house import actions, queries, reasons
from desk.intake import backfilling
from desk.jobs import line, table
from desk.jobs.models import Job
from desk.live.models import AuditRow
from desk.media.models import Asset
from desk.people.models import Person
from desk.settings import Settings
from tests.desk_fixtures import SIX, Browser, Cast, add_cast
from tests.wall.builders import a_channel, a_message, an_asset

NOW = SIX + timedelta(hours=1)


def a_job(
    session: Session, station_id: int | None, kind: str, subject: str, state: str = "dead", why: str = "x"
) -> Job:
    table.put(session, kind, subject, {}, at=SIX, station_id=station_id)
    job = session.execute(select(Job).where(Job.kind == kind, Job.subject == subject)).scalar_one()
    job.state, job.last_error = state, why if state == "dead" else None
    session.flush()
    return job


def a_failed_voice(session: Session, station_id: int, why: str = "channels.media_gone") -> Asset:
    message = a_message(session, station_id, kind="voice")
    asset = an_asset(session, message.id, station_id, state="failed", reason=why)
    a_job(session, station_id, "fetch_media", f"asset:{asset.id}", why=why)
    return asset


def test_work_is_listed_by_kind_state_and_reason_of_the_own_station(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        for _ in range(2):
            a_failed_voice(session, cast.rheinwelle)
        a_failed_voice(session, cast.oldie95)
        a_job(session, cast.rheinwelle, "send_message", "message:1", "ready")
        a_job(session, cast.rheinwelle, "send_message", "message:2", "done")
        a_job(session, None, "sweep_store", "house", why="store.unavailable")
    with db.reading() as session:
        own = queries.list_job_groups(session, cast.rheinwelle, at=NOW)
        every = queries.list_job_groups(session, None, at=NOW)

    assert [(one["kind"], one["state"], one["reason"], one["jobs"], one["oldest_s"]) for one in own] == [
        ("fetch_media", "dead", "channels.media_gone", 2, 3600),
        ("send_message", "ready", None, 1, 3600),
    ]
    assert [(one["kind"], one["jobs"]) for one in every] == [
        ("fetch_media", 3), ("sweep_store", 1), ("send_message", 1),
    ]  # fmt: skip


def test_dead_work_is_tried_again_and_audited_at_the_own_station_only(
    cast: Cast, sign_in: Callable[[str], Browser]
) -> None:
    with db.transaction() as session:
        own, other, foreign = (
            a_failed_voice(session, cast.rheinwelle).id,
            a_failed_voice(session, cast.rheinwelle, "channels.media_mismatch").id,
            a_failed_voice(session, cast.oldie95).id,
        )
    browser = sign_in("omar")

    body = {"kind": "fetch_media", "reason": "channels.media_gone"}
    answer = browser.post("/api/v1/jobs/retry", body)

    with db.reading() as session:
        jobs = {row.subject: row.state for row in session.execute(select(Job.subject, Job.state))}
        rows = session.execute(select(AuditRow).where(AuditRow.act == "jobs.retry")).scalars().all()
        assert answer.json == {"retried": 1}
        assert jobs == {f"asset:{own}": "ready", f"asset:{other}": "dead", f"asset:{foreign}": "dead"}
        assert session.get_one(Asset, own).state == "waiting"
        assert [(row.station_id, row.object, row.by_person_id, row.details["jobs"]) for row in rows] == [
            (cast.rheinwelle, "jobs:fetch_media", cast.omar, 1)
        ]
    assert browser.post("/api/v1/jobs/retry", body).json == {"retried": 0}


def test_an_operator_tries_everybodys_work_again(
    cast: Cast, sign_in: Callable[[str], Browser], on_call: Callable[[str], None]
) -> None:
    with db.transaction() as session:
        a_failed_voice(session, cast.rheinwelle)
        a_failed_voice(session, cast.oldie95)
        a_job(session, None, "fetch_media", "house")
    on_call("vera")

    assert sign_in("vera").post("/api/v1/jobs/retry", {"kind": "fetch_media"}).json == {"retried": 3}
    with db.reading() as session:
        rows = session.execute(select(AuditRow.station_id).where(AuditRow.act == "jobs.retry")).scalars().all()
        assert sorted(rows) == sorted([cast.rheinwelle, cast.oldie95])


@pytest.fixture
def on_call(cast: Cast) -> Callable[[str], None]:
    """Gives a person the operator's mark."""

    def mark(name: str) -> None:
        with db.transaction() as session:
            session.get_one(Person, getattr(cast, name)).is_operator = True

    return mark


def test_a_failed_answer_is_never_sent_again_by_the_house(session: Session) -> None:
    cast = add_cast(session)
    a_job(session, cast.rheinwelle, "send_message", "message:1", why="channels.refused.unknown")

    assert actions.retry_dead(session, None, "send_message", None, by=cast.omar, at=NOW) == 0
    assert [one["may_retry"] for one in queries.list_job_groups(session, None, at=NOW)] == [False]


@pytest.mark.parametrize("body", [[], {}, {"kind": ""}, {"kind": 3}, {"kind": "a", "reason": 4}, "x"])
def test_a_request_that_names_no_work_is_refused(sign_in: Callable[[str], Browser], body: object) -> None:
    assert sign_in("omar").post("/api/v1/jobs/retry", body).status_code == 422


@pytest.mark.parametrize("name", ["nia", "sam", "edith", "vera"])
def test_others_may_not_try_again_nor_see_work(sign_in: Callable[[str], Browser], name: str) -> None:
    browser = sign_in(name)

    assert browser.post("/api/v1/jobs/retry", {"kind": "fetch_media"}).status_code == 403
    assert browser.get("/api/v1/jobs").status_code == 403


def test_everybody_has_a_profile_and_only_an_administrator_the_house(
    cast: Cast, sign_in: Callable[[str], Browser]
) -> None:
    with db.transaction() as session:
        a_channel(session, cast.rheinwelle)
        a_channel(session, cast.oldie95)
        a_failed_voice(session, cast.rheinwelle)

    pages = {name: sign_in(name).get("/settings").get_data(as_text=True) for name in ("sam", "nia", "omar", "vera")}

    address = f"http://127.0.0.1:8080/webhooks/hook-{cast.rheinwelle}"
    assert all('action="/session/looks"' in page for page in pages.values())
    assert [name for name, page in pages.items() if address in page] == ["omar"]
    assert [name for name, page in pages.items() if "nia@example.org" in page] == ["omar"]
    assert f"hook-{cast.oldie95}" not in pages["omar"]
    assert "otto@example.org" not in pages["omar"]
    assert all("style=" not in page for page in pages.values())


def test_a_channel_says_what_is_to_be_looked_at() -> None:
    old = SIX - timedelta(days=2)

    assert [
        queries.trouble_of(*given, SIX)
        for given in ((None, None, 0), (SIX, None, 0), (SIX, old, 0), (SIX, SIX, 3), (None, SIX, 0))
    ] == ["unverified", "silent", "quiet", "files", None]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (None, None),
        ("channels.refused.too_much_spam", "The provider did not accept this message."),
        ("tries_used_up", reasons.OWN["tries_used_up"]),
        ("OperationalError", reasons.INSIDE),
    ],
)
def test_a_code_is_said_in_a_sentence(code: str | None, says: str | None) -> None:
    assert reasons.plain_reason(code) == says


def test_one_piece_of_given_up_work_is_tried_again_by_itself(cast: Cast, sign_in: Callable[[str], Browser]) -> None:
    with db.transaction() as session:
        assets = [a_failed_voice(session, cast.rheinwelle).id for _ in range(2)]
        foreign = a_failed_voice(session, cast.oldie95).id
        ids = {row.subject: row.id for row in session.execute(select(Job.subject, Job.id))}
    omar = sign_in("omar")

    page = omar.get("/settings").get_data(as_text=True)
    answers = [
        omar.post("/api/v1/jobs/retry", {"id": ids[f"asset:{asset}"]}).json for asset in (assets[0], assets[0], foreign)
    ]

    assert [f'data-id="{ids[f"asset:{asset}"]}"' in page for asset in (*assets, foreign)] == [True, True, False]
    assert answers == [{"retried": 1}, {"retried": 0}, {"retried": 0}]
    with db.reading() as session:
        states = {row.subject: row.state for row in session.execute(select(Job.subject, Job.state))}
        (audited,) = session.execute(select(AuditRow).where(AuditRow.act == "jobs.retry")).scalars()
    assert [states[f"asset:{asset}"] for asset in (*assets, foreign)] == ["ready", "dead", "dead"]
    assert (audited.object, audited.by_person_id) == (f"job:{ids[f'asset:{assets[0]}']}", cast.omar)
    assert [omar.post("/api/v1/jobs/retry", {"id": bad}).status_code for bad in (0, "1", True, None)] == [422] * 4


def test_a_backfill_is_shown_as_such_and_tried_again_though_its_file_is_in_use(
    cast: Cast, sign_in: Callable[[str], Browser]
) -> None:
    with db.transaction() as session:
        message = a_message(session, cast.rheinwelle, kind="voice")
        for number, state in enumerate(("ready", "dead")):
            asset = an_asset(session, message.id, cast.rheinwelle, state="ready", original_key=f"key{number}")
            job = a_job(session, cast.rheinwelle, "make_renditions", f"asset:{asset.id}", state, "store.unavailable")
            job.lane, job.tier = line.SHORT, line.BACKFILL
        backfilling.begin(session, "mark", at=SIX)
    omar = sign_in("omar")

    page = omar.get("/settings").get_data(as_text=True)
    groups = omar.get("/api/v1/jobs").json["jobs"]
    again = omar.post("/api/v1/jobs/retry", {"kind": "make_renditions", "reason": "store.unavailable"}).json

    assert "Ältere Dateien werden durchgesehen" in page
    assert page.count("Nachholen") == 1
    assert [(one["state"], one["is_backfill"]) for one in groups] == [("dead", False), ("ready", True)]
    assert again == {"retried": 1}
    with db.reading() as session:
        assert set(session.execute(select(Job.state)).scalars()) == {"ready"}
        assert session.execute(select(Asset.state).distinct()).scalar_one() == "ready"
