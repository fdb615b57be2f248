"""A campaign's rule run backwards: said beforehand, as on arrival, never against people, taken back as one."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from desk import clock, db
from desk.contests import actions, backwards, rules
from desk.contests.forms import CampaignForm
from desk.contests.models import Campaign, Entry, Export
from desk.listeners.models import Listener
from desk.live.models import LiveEvent
from desk.settings import Settings
from desk.wall import actions as wall
from desk.wall import sweeps
from desk.wall.models import Card, CardAct
from tests.contests.builders import a_campaign, arrive
from tests.desk_fixtures import Browser, Cast, add_cast
from tests.wall.builders import a_listener
from tests.wall.test_plans import asked, plan_of

SignIn = Callable[[str], Browser]
RunJobs = Callable[[], int]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KEY = "backwards-"


@pytest.fixture
def now() -> datetime:
    return clock.now()


def _new(session: Session, cast: Cast, now: datetime, keywords: str = "Ständchen", **given: Any) -> Campaign:
    given = {"name": "Ständchen-Woche", "opens_at": now - HOUR, "closes_at": None} | given
    return a_campaign(session, cast.rheinwelle, keywords, **given)


def _came(session: Session, cast: Cast, now: datetime, *texts: str, **said: Any) -> list[int]:
    said = {"sent_at": now - HOUR / 2} | said
    return [arrive(session, cast.rheinwelle, one, **said).id for one in texts]


def _preview(browser: Browser, campaign_id: int, span: str = "month", key: str = "one") -> Any:
    answer = browser.post(f"/api/v1/campaigns/{campaign_id}/backwards", {"span": span, "key": KEY + key})
    assert answer.status_code == 201, answer.text
    return answer.get_json()


def _run(browser: Browser, campaign_id: int, run_jobs: RunJobs, key: str = "run") -> Any:
    sweep = _preview(browser, campaign_id, key=key)["sweep"]
    browser.post(f"/api/v1/sweeps/{sweep['id']}/start")
    run_jobs()
    return browser.get(f"/api/v1/sweeps/{sweep['id']}").get_json()["sweep"]


def _campaigns(ids: list[int]) -> list[int | None]:
    with db.reading() as session:
        return [session.get_one(Card, card_id).campaign_id for card_id in ids]


def test_a_preview_says_what_goes_from_where_with_examples_and_changes_nothing(
    sign_in: SignIn, cast: Cast, now: datetime
) -> None:
    with db.transaction() as session:
        catch_all = _new(session, cast, now, "", name="Alles", opens_at=now - 2 * HOUR)
        ids = _came(session, cast, now, "Ein Ständchen für Oma, 0221 5512345", "Nur ein Gruß vom Balkon")
        ids += _came(session, cast, now, "STAENDCHEN aus Deutz", sent_at=now - 3 * HOUR)
        late = _new(session, cast, now)
    found = _preview(sign_in("edith"), late.id)

    assert (found["sweep"]["state"], found["sweep"]["kinds"]) == ("preview", {"text": 2})
    assert found["sources"] == [
        {"id": catch_all.id, "name": "Alles", "cards": 1}, {"id": None, "name": None, "cards": 1},
    ]  # fmt: skip
    assert (found["before_opening"], found["already"], found["stays"], found["read_to"]) == (1, 0, [], None)
    one, two = found["examples"]
    assert (one["before"], one["word"], one["after"]) == ("Ein ", "Ständchen", " für Oma, •••")
    assert (one["from"], two["from"], two["word"]) == ("Alles", None, "STAENDCHEN")
    assert _campaigns(ids) == [catch_all.id, catch_all.id, None]


def test_it_sorts_as_on_arrival_and_what_is_run_twice_finds_nothing_more(
    sign_in: SignIn, cast: Cast, run_jobs: RunJobs, now: datetime
) -> None:
    with db.transaction() as session:
        ids = _came(session, cast, now, *[f"Ständchen Nummer {number}" for number in range(30)], "Guten Morgen")
        campaign = _new(session, cast, now)
    edith = sign_in("edith")
    done = _run(edith, campaign.id, run_jobs)
    again = _preview(edith, campaign.id, key="again")

    assert (done["state"], done["results"]) == ("done", [{"outcome": "done", "cards": 30}])
    assert _campaigns(ids) == [campaign.id] * 30 + [None]
    with db.reading() as session:
        entries = session.execute(select(Entry).order_by(Entry.number)).scalars().all()
        told = set(session.execute(select(LiveEvent.kind)).scalars())
    assert [(entry.number, entry.found_by) for entry in entries] == [(at, "keyword") for at in range(1, 31)]
    assert {"card.changed", "campaign.changed", "sweep.changed"} <= told
    assert (again["sweep"]["cards"], again["already"]) == (0, 30)


def test_what_people_sorted_stays_and_so_do_entries_that_something_hangs_on(
    sign_in: SignIn, cast: Cast, run_jobs: RunJobs, now: datetime
) -> None:
    by, at = cast.edith, now
    with db.transaction() as session:
        words = _new(session, cast, now, "Oma", name="Omas")
        everything = _new(session, cast, now, "", name="Alles")
        put, in_jury, planned, goes = _came(session, cast, now, *["Ein Ständchen"] * 4)
        (own,) = _came(session, cast, now, "Ein Ständchen für Oma")
        wall.put_in_campaign(session, session.get_one(Card, put), words.id, by=by, at=at)
        session.get_one(Card, in_jury).is_for_jury = True
        session.get_one(Card, planned).state = "planned"
        actions.change_campaign(
            session, cast.rheinwelle, everything.id, CampaignForm("Alles", "", 1, "note", now - HOUR, None),
            version=1, by=by, at=at,
        )  # fmt: skip
        target = _new(session, cast, now)
    found = _preview(sign_in("edith"), target.id)
    _run(sign_in("edith"), target.id, run_jobs)

    assert {(one["outcome"], one["cards"]) for one in found["stays"]} == {
        ("by_hand", 1), ("elsewhere", 2), ("fixed", 1),
    }  # fmt: skip
    assert next(one for one in found["stays"] if one["outcome"] == "elsewhere")["names"] == ["Alles", "Omas"]
    assert next(one for one in found["stays"] if one["outcome"] == "fixed")["state"] == "planned"
    assert _campaigns([put, in_jury, planned, own, goes]) == [
        words.id, everything.id, everything.id, words.id, target.id,
    ]  # fmt: skip


def test_an_entry_that_was_handed_on_or_whose_contest_is_over_stays(sign_in: SignIn, cast: Cast, now: datetime) -> None:
    with db.transaction() as session:
        over = _new(session, cast, now, "", name="Vorbei", opens_at=now - 3 * HOUR, closes_at=now - 2 * HOUR)
        _came(session, cast, now, "Ständchen", sent_at=now - 2.5 * HOUR)
        running = _new(session, cast, now, "", name="Alles")
        _came(session, cast, now, "Ständchen")
        session.add(Export(station_id=cast.rheinwelle, campaign_id=running.id, by_person_id=cast.edith,
                           state="ready", created_at=now))  # fmt: skip
        target = _new(session, cast, now)
    found = _preview(sign_in("edith"), target.id)

    assert found["sweep"]["cards"] == 0
    assert found["stays"] == [{"outcome": "elsewhere", "cards": 2, "names": ["Alles", "Vorbei"]}]
    assert over.id != running.id


def test_whoever_withdrew_or_is_blocked_and_what_came_after_the_close_stay_out(
    sign_in: SignIn, cast: Cast, now: datetime
) -> None:
    with db.transaction() as session:
        blocked = a_listener(session, cast.rheinwelle, "Bo", blocked_until=now + DAY)
        _came(session, cast, now, "Ständchen", listener=blocked)
        withdrawn, gone = _came(session, cast, now, "Ständchen", "Ständchen")
        wall.set_consent(session, cast.rheinwelle, withdrawn, "withdrawn", by=cast.edith, at=now)
        wall.withdraw_card(session, session.get_one(Card, gone), at=now)
        _came(session, cast, now, "Ständchen", sent_at=now - HOUR / 4)
        _came(session, cast, now, "Ständchen", sent_at=now - HOUR / 4, at=now - HOUR / 2)  # a clock that runs ahead
        target = _new(session, cast, now, closes_at=now - HOUR / 3)
    found = _preview(sign_in("edith"), target.id)

    assert found["sweep"]["cards"] == 0
    assert {(one["outcome"], one["cards"]) for one in found["stays"]} == {("withdrawn", 1), ("blocked", 1)}


def test_all_of_it_is_taken_back_but_what_was_sorted_since_and_may_be_run_again(
    sign_in: SignIn, cast: Cast, run_jobs: RunJobs, now: datetime
) -> None:
    with db.transaction() as session:
        everything = _new(session, cast, now, "", name="Alles")
        other = _new(session, cast, now, "Rose", name="Rosen")
        ids = _came(session, cast, now, *["Ständchen"] * 3)
        target = _new(session, cast, now)
    edith, nia = sign_in("edith"), sign_in("nia")
    done = _run(edith, target.id, run_jobs)
    nia.post(f"/api/v1/cards/{ids[0]}/campaign", {"campaign_id": other.id})
    edith.post("/api/v1/undo")
    run_jobs()
    back = edith.get(f"/api/v1/sweeps/{done['id']}").get_json()["sweep"]

    assert back["back"] == [{"outcome": "undone", "cards": 2}, {"outcome": "kept", "cards": 1, "name": "Nia"}]
    assert _campaigns(ids) == [other.id, everything.id, everything.id]
    with db.reading() as session:
        numbers = session.execute(
            select(Entry.number).where(Entry.campaign_id == everything.id, Entry.removed_at.is_(None))
        ).scalars()
        assert sorted(numbers) == [2, 3]
    _run(edith, target.id, run_jobs, "second")
    assert _campaigns(ids) == [other.id, target.id, target.id]


def test_what_somebody_took_out_of_what_a_rule_did_stays_out(
    sign_in: SignIn, cast: Cast, run_jobs: RunJobs, now: datetime
) -> None:
    with db.transaction() as session:
        target = _new(session, cast, now)
        arrived, swept = (
            *_came(session, cast, now, "Ständchen"),
            *_came(session, cast, now, "Ständchen", sent_at=now - DAY),
        )
    edith = sign_in("edith")
    _run(edith, target.id, run_jobs)
    with db.reading() as session:
        acts = select(CardAct.id).where(CardAct.act == "campaign", CardAct.card_id.in_((arrived, swept)))
        act_ids = session.execute(acts).scalars().all()
    for act_id in act_ids:
        assert edith.post(f"/api/v1/undo/{act_id}").status_code == 200
    found = _preview(edith, target.id)

    assert (len(act_ids), found["sweep"]["cards"]) == (2, 0)
    assert found["stays"] == [{"outcome": "by_hand", "cards": 2}]


def test_what_changed_between_preview_and_start_is_asked_again_and_stays(
    sign_in: SignIn, cast: Cast, run_jobs: RunJobs, now: datetime
) -> None:
    with db.transaction() as session:
        target = _new(session, cast, now)
        by_hand, blocked, goes = _came(session, cast, now, *["Ständchen"] * 3, sent_at=now - 2 * HOUR)
        other = _new(session, cast, now, "Rose", name="Rosen")
    edith = sign_in("edith")
    sweep = _preview(edith, target.id)["sweep"]
    edith.post(f"/api/v1/cards/{by_hand}/campaign", {"campaign_id": other.id})
    with db.transaction() as session:
        session.get_one(Listener, session.get_one(Card, blocked).listener_id).blocked_until = now + DAY
    edith.post(f"/api/v1/sweeps/{sweep['id']}/start")
    run_jobs()

    assert _campaigns([by_hand, blocked, goes]) == [other.id, None, target.id]


def test_a_verdict_of_a_colleague_does_not_lose_against_it(
    sign_in: SignIn, cast: Cast, run_jobs: RunJobs, now: datetime
) -> None:
    with db.transaction() as session:
        (card_id,) = _came(session, cast, now, "Ständchen")
        target = _new(session, cast, now)
    nia = sign_in("nia")
    _run(sign_in("edith"), target.id, run_jobs)

    assert nia.post(f"/api/v1/cards/{card_id}/move", {"version": 1, "to": "shortlisted"}).status_code == 200


def test_a_span_begins_where_it_says(sign_in: SignIn, cast: Cast, now: datetime) -> None:
    with db.transaction() as session:
        for age in (0.5, 30.0, 24.0 * 6, 24.0 * 20, 24.0 * 40):
            _came(session, cast, now, "Ständchen", sent_at=now - age * HOUR)
        target = _new(session, cast, now)
    edith = sign_in("edith")

    counts = {span: _preview(edith, target.id, span, span)["sweep"]["cards"] for span in ("start", "week", "month")}
    assert counts == {"start": 1, "week": 3, "month": 4}
    for span in ("show", "today"):
        begins = datetime.fromisoformat(_preview(edith, target.id, span, f"{span}-")["since"])
        assert now - 8 * DAY < begins <= clock.now()
    assert edith.post(f"/api/v1/campaigns/{target.id}/backwards", {"span": "ever", "key": "short"}).status_code == 422


def test_foreign_messages_are_not_looked_at(sign_in: SignIn, cast: Cast, now: datetime) -> None:
    with db.transaction() as session:
        arrive(session, cast.oldie95, "Ständchen", sent_at=now - HOUR / 2)
        target = _new(session, cast, now)

    assert _preview(sign_in("edith"), target.id)["sweep"]["cards"] == 0


@pytest.mark.parametrize(
    ("keywords", "said", "marked"),
    [
        ("Ständchen", "Ein STAENDCHEN!", ("Ein ", "STAENDCHEN", "!")),
        ("rote Rose", "eine rote   Rose", ("eine ", "rote   Rose", "")),
        ("rock'n'roll", "nur Rock'n'Roll", ("nur ", "Rock'n'Roll", "")),
        ("#Lied", "Mein #Lied", ("Mein #", "Lied", "")),
        ("", "alles", ("alles", "", "")),
    ],
)
def test_the_words_that_fit_are_marked(keywords: str, said: str, marked: tuple[str, str, str]) -> None:
    assert rules.mark_keyword(keywords, said) == marked


def test_it_reads_along_the_wall_s_index_in_bounded_statements_on_both_databases(
    on_both_databases: Settings, now: datetime
) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        everything = _new(session, cast, now, "", name="Alles")
        for minutes in range(11):
            _came(
                session, cast, now, "rock'n'roll" if minutes % 2 else "Gruß", sent_at=now - timedelta(minutes=minutes)
            )
        target = _new(session, cast, now, "Rock'n'Roll")
    with db.reading() as session, asked() as seen:
        found = backwards.plan(session, target, now - DAY, at=now, chunk=3, most=9)
        if session.get_bind().dialect.name != "sqlite":  # on an empty table every plan is good
            session.execute(text("SET LOCAL enable_seqscan = off"))
        plans = {statement: plan_of(session.connection(), statement, values) for statement, values in list(seen)}

    assert (len(found.cards), found.read_to) == (4, now - timedelta(minutes=8))
    assert dict(found.sources) == {everything.id: 4}
    for statement, plan in plans.items():
        assert not re.search(r"SCAN card(_\d+)?$|Seq Scan on card\b|TEMP B-TREE", plan, re.M), f"{statement}\n{plan}"
    sweep = _started(cast, target, found, now)
    while _go_on(sweep):
        pass
    with db.reading() as session:
        assert session.get_one(Campaign, target.id).entries == 4


def _started(cast: Cast, target: Campaign, found: backwards.Plan, now: datetime) -> int:
    wanted = {"campaign_id": target.id, "name": target.name}
    with db.transaction() as session:
        return sweeps.draw_up(
            session, cast.rheinwelle, found.cards, act=backwards.ACT, wanted=wanted, key="key-12345678", by=cast.edith,
            at=now, is_started=True,
        ).id  # fmt: skip


def _go_on(sweep_id: int) -> bool:
    with db.transaction() as session:
        return sweeps.go_on(session, sweep_id, 1, at=clock.now())
