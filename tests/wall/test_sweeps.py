"""Sweeps: said beforehand, done in pieces that may be repeated, taken back as one, honest about what stayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from desk import clock, db
from desk.jobs import table
from desk.jobs.models import Job
from desk.live.models import AuditRow, LiveEvent
from desk.settings import Settings
from desk.wall import actions, sweeps
from desk.wall.models import Card, CardAct, Sweep, SweepCard
from tests.desk_fixtures import Browser, Cast, add_cast
from tests.wall.builders import a_card

SignIn = Callable[[str], Browser]
RunJobs = Callable[[], int]


def _cards(cast: Cast, *kinds: str) -> list[int]:
    with db.transaction() as session:
        return [a_card(session, cast.rheinwelle, kind=kind).id for kind in kinds]


def _states(ids: list[int]) -> list[str]:
    with db.reading() as session:
        return [session.get_one(Card, card_id).state for card_id in ids]


def _preview(browser: Browser, **body: Any) -> Any:
    asked = {"to": "rejected", "key": f"key-{clock.now().timestamp():.6f}".replace(".", "-")} | body
    answer = browser.post("/api/v1/sweeps", asked)
    assert answer.status_code == 201, answer.text
    return answer.get_json()["sweep"]


def _turn(browser: Browser, sweep: Any, what: str) -> Any:
    return browser.post(f"/api/v1/sweeps/{sweep['id']}/{what}").get_json()["sweep"]


def _now(browser: Browser, sweep: Any) -> Any:
    return browser.get(f"/api/v1/sweeps/{sweep['id']}").get_json()["sweep"]


def _started(cast: Cast, ids: list[int]) -> Sweep:
    at, by, chosen = clock.now(), cast.nia, [(card_id, None) for card_id in ids]
    with db.transaction() as session:
        planned = sweeps.plan_move(session, cast.rheinwelle, chosen, "rejected", by=by, at=at)
        return sweeps.draw_up(
            session, cast.rheinwelle, planned, act="move", wanted={"to": "rejected"}, key="key-12345678", by=by, at=at,
            is_started=True,
        )  # fmt: skip


def test_a_preview_says_what_will_happen_and_what_stays(sign_in: SignIn, cast: Cast) -> None:
    ids = _cards(cast, "voice", "voice", "image", "video", "text")
    edith, nia = sign_in("edith"), sign_in("nia")
    edith.post(f"/api/v1/cards/{ids[0]}/claim", {"version": 1})
    edith.post(f"/api/v1/cards/{ids[4]}/move", {"version": 1, "to": "shortlisted"})

    sweep = _preview(nia, filter={})

    assert (sweep["state"], sweep["cards"], sweep["kinds"]) == ("preview", 4, {"voice": 1, "image": 1, "video": 1})
    assert sweep["results"] == [{"outcome": "held", "cards": 1, "name": "Edith"}]
    assert set(_states(ids[:4])) == {"new"}


def test_a_sweep_does_what_its_preview_said_and_names_what_changed_since(
    sign_in: SignIn, cast: Cast, run_jobs: RunJobs
) -> None:
    ids = _cards(cast, *["text"] * 60)
    edith, nia = sign_in("edith"), sign_in("nia")
    edith.post(f"/api/v1/cards/{ids[0]}/claim", {"version": 1})
    sweep = _preview(nia, filter={})
    edith.post(f"/api/v1/cards/{ids[0]}/release", {"version": 2})
    edith.post(f"/api/v1/cards/{ids[1]}/move", {"version": 1, "to": "shortlisted"})
    edith.post(f"/api/v1/cards/{ids[2]}/claim", {"version": 1})
    late = _cards(cast, "text")

    started = _turn(nia, sweep, "start")
    run_jobs()
    done = _now(nia, sweep)

    assert started["state"] == "running"
    assert (done["state"], done["results"][0]) == ("done", {"outcome": "done", "cards": 57})
    assert {(one["outcome"], one["name"], one["cards"]) for one in done["results"][1:]} == {
        ("held", "Edith", 2), ("changed", "Edith", 1),
    }  # fmt: skip
    assert _states([*ids[:4], *late]) == ["new", "shortlisted", "new", "rejected", "new"]


def test_all_of_a_sweep_is_taken_back_at_once_but_not_what_colleagues_changed_since(
    sign_in: SignIn, cast: Cast, run_jobs: RunJobs
) -> None:
    ids = _cards(cast, *["text"] * 30)
    edith, nia = sign_in("edith"), sign_in("nia")
    sweep = _preview(nia, cards=[[card_id, 1] for card_id in ids], start=True)
    run_jobs()
    edith.post(f"/api/v1/cards/{ids[0]}/move", {"version": 2, "to": "shortlisted"})

    turned = edith.post(f"/api/v1/sweeps/{sweep['id']}/undo").get_json()["sweep"]
    run_jobs()
    back = _now(nia, sweep)

    assert (turned["state"], back["state"], back["undone_by"]) == ("undoing", "undone", "Edith")
    assert back["back"] == [{"outcome": "undone", "cards": 29}, {"outcome": "kept", "cards": 1, "name": "Edith"}]
    assert _states(ids) == ["shortlisted"] + ["new"] * 29


def test_z_takes_back_the_whole_sweep_its_last_act_was_part_of(sign_in: SignIn, cast: Cast, run_jobs: RunJobs) -> None:
    ids = _cards(cast, "text", "text", "text")
    nia = sign_in("nia")
    nia.post(f"/api/v1/cards/{ids[0]}/move", {"version": 1, "to": "shortlisted"})
    _preview(nia, cards=[[card_id, None] for card_id in ids[1:]], start=True)
    run_jobs()

    first = nia.post("/api/v1/undo").get_json()
    run_jobs()
    second = nia.post("/api/v1/undo").get_json()

    assert first["sweep"]["state"] == "undoing"
    assert second["card"]["id"] == ids[0]
    assert _states(ids) == ["new", "new", "new"]


def test_a_stopped_sweep_leaves_the_rest_and_is_still_taken_back(cast: Cast) -> None:
    ids = _cards(cast, *["text"] * 40)
    sweep = _started(cast, ids)
    with db.transaction() as session:
        assert sweeps.go_on(session, sweep.id, 1, at=clock.now())
    with db.transaction() as session:
        sweeps.stop(session, cast.rheinwelle, sweep.id, by=cast.nia, at=clock.now())
    with db.transaction() as session:
        assert not sweeps.go_on(session, sweep.id, 1, at=clock.now())
    assert sorted(_states(ids)) == ["new"] * 15 + ["rejected"] * 25

    with db.transaction() as session:
        sweeps.take_back(session, cast.rheinwelle, sweep.id, by=cast.nia, at=clock.now())
    while _go_on(sweep.id, 2):
        pass
    assert set(_states(ids)) == {"new"}


def _go_on(sweep_id: int, of_pass: int) -> bool:
    with db.transaction() as session:
        return sweeps.go_on(session, sweep_id, of_pass, at=clock.now())


def _die_in_the_middle(sweep_id: int) -> None:
    with db.transaction() as session:
        sweeps.go_on(session, sweep_id, 1, at=clock.now())
        raise table.LeaseLost


def test_a_worker_that_dies_in_the_middle_costs_nothing_and_doubles_nothing(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
    ids = _cards(cast, *["voice"] * 30)
    sweep = _started(cast, ids)
    with pytest.raises(table.LeaseLost):
        _die_in_the_middle(sweep.id)
    while _go_on(sweep.id, 1):
        pass
    _go_on(sweep.id, 1)

    with db.reading() as session:
        acts = session.execute(select(CardAct.card_id)).scalars().all()
        audited = session.execute(select(AuditRow.details).where(AuditRow.act == "card.move")).scalars().all()
        told = session.execute(select(LiveEvent.payload).where(LiveEvent.kind == "sweep.changed")).scalars().all()
    assert sorted(acts) == sorted(ids)
    assert {details["sweep"] for details in audited} == {sweep.id}
    assert told[-1]["sweep"]["results"] == [{"outcome": "done", "cards": 30}]


def test_the_same_key_sweeps_once(sign_in: SignIn, cast: Cast) -> None:
    ids = _cards(cast, "text")
    nia = sign_in("nia")
    one, two = (_preview(nia, key="sent-twice", cards=[[ids[0], 1]], start=True) for _ in range(2))

    with db.reading() as session:
        jobs = session.execute(select(Job.id).where(Job.kind == sweeps.JOB)).scalars().all()
    assert (one["id"], len(jobs)) == (two["id"], 1)


def test_a_preview_is_its_makers_alone_and_the_next_one_replaces_it(sign_in: SignIn, cast: Cast) -> None:
    _cards(cast, "text")
    edith, nia = sign_in("edith"), sign_in("nia")
    first = _preview(nia, filter={})
    foreign = edith.post(f"/api/v1/sweeps/{first['id']}/start").status_code
    second = _preview(nia, filter={})

    assert foreign == 404
    assert nia.post(f"/api/v1/sweeps/{second['id']}/undo").status_code == 409
    with db.reading() as session:
        assert session.execute(select(Sweep.id)).scalars().all() == [second["id"]]
        assert session.execute(select(SweepCard.sweep_id).distinct()).scalars().all() == [second["id"]]


BAD: list[dict[str, Any]] = [
    {"to": "rejected", "cards": [[1, 1]]},
    {"to": "aired", "key": "key-12345678", "cards": [[1, 1]]},
    {"to": "rejected", "key": "key-12345678"},
    {"to": "rejected", "key": "key-12345678", "cards": [[1]]},
    {"to": "rejected", "key": "key-12345678", "cards": []},
    {"to": "rejected", "key": "key-12345678", "filter": {"state": "lost"}},
    {"to": "rejected", "key": "key-12345678", "filter": {"state": ["new"]}},
]


def test_a_sweep_that_is_none_is_refused(sign_in: SignIn, cast: Cast) -> None:
    nia = sign_in("nia")
    assert [nia.post("/api/v1/sweeps", body).status_code for body in BAD] == [422] * len(BAD)


def test_foreign_cards_are_not_swept(sign_in: SignIn, cast: Cast, run_jobs: RunJobs) -> None:
    with db.transaction() as session:
        foreign = a_card(session, cast.oldie95).id
    nia = sign_in("nia")
    sweep = _preview(nia, cards=[[foreign, 1]], start=True)
    run_jobs()

    assert (sweep["cards"], _states([foreign])) == (0, ["new"])


def test_only_cards_without_a_verdict_are_left_unless_the_filter_names_a_state(sign_in: SignIn, cast: Cast) -> None:
    ids = _cards(cast, "text", "voice", "voice")
    nia = sign_in("nia")
    with db.transaction() as session:
        actions.move_card(session, cast.rheinwelle, ids[1], to="shortlisted", version=1, by=cast.nia, at=clock.now())

    assert _preview(nia, filter={"kind": "voice"})["kinds"] == {"voice": 1}
    assert _preview(nia, filter={"state": "shortlisted"})["kinds"] == {"voice": 1}
    assert _preview(nia, filter={"state": "all", "text": "Morgen"})["cards"] == 2
