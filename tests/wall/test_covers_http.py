"""Covering over HTTP, and the setting that lets pictures be looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from desk import db
from desk.live.models import AuditRow, LiveEvent
from desk.media import covers
from desk.people.models import Station
from media_store import sensitive
from media_store.sensitive import Judge
from tests.desk_fixtures import Browser, Cast
from tests.wall.test_covers import a_picture


def test_only_those_who_judge_uncover_and_only_at_their_station(
    app: object, cast: Cast, sign_in: Callable[[str], Browser]
) -> None:
    with db.transaction() as session:
        own = a_picture(session, cast.rheinwelle, sensitive=True).id
        foreign = a_picture(session, cast.oldie95, sensitive=True).id

    nia, vera = sign_in("nia"), sign_in("vera")

    answer = nia.post(f"/api/v1/cards/{own}/cover", {"covered": False})
    assert answer.status_code == 200
    assert answer.get_json()["card"]["media"][0]["cover"] is None
    assert nia.post(f"/api/v1/undo/{answer.get_json()['undo_id']}", {}).get_json()["card"]["media"][0]["cover"]
    assert nia.post(f"/api/v1/cards/{foreign}/cover", {"covered": False}).status_code == 404
    assert nia.post(f"/api/v1/cards/{own}/cover", {"covered": "no"}).status_code == 422
    assert vera.post(f"/api/v1/cards/{own}/cover", {"covered": False}).status_code == 403


def test_uncovering_is_audited_and_told_to_every_screen(
    app: object, cast: Cast, sign_in: Callable[[str], Browser]
) -> None:
    with db.transaction() as session:
        card_id = a_picture(session, cast.rheinwelle, sensitive=True).id

    sign_in("nia").post(f"/api/v1/cards/{card_id}/cover", {"covered": False})

    with db.reading() as session:
        event = session.execute(select(LiveEvent).order_by(LiveEvent.id.desc())).scalars().first()
        row = session.execute(select(AuditRow).where(AuditRow.act == "card.uncover")).scalar_one()
    assert row.by_person_id == cast.nia
    assert event is not None
    assert (event.kind, event.payload["card"]["version"]) == ("card.changed", 2)
    assert event.payload["card"]["media"][0]["cover"] is None


def switch_on(browser: Browser) -> Any:
    return browser.client.post("/settings/pictures", data={"checks_sensitive": "1"}, headers=browser._headers())


def test_the_check_is_off_until_an_administrator_switches_it_on(
    app: object, cast: Cast, sign_in: Callable[[str], Browser]
) -> None:
    with db.reading() as session:
        before = covers.judge_of(session.get_one(Station, cast.rheinwelle))

    answer = switch_on(sign_in("omar"))

    with db.reading() as session:
        after, others = (session.get_one(Station, one) for one in (cast.rheinwelle, cast.oldie95))
        assert (before, covers.judge_of(after), covers.judge_of(others)) == (None, sensitive.JUDGE, None)
    assert answer.status_code == 303
    assert switch_on(sign_in("nia")).status_code == 403


@pytest.mark.parametrize("package", [None, "no_such_engine"])
def test_the_page_says_where_the_engine_is_missing_and_nothing_else(
    package: str | None, app: object, sign_in: Callable[[str], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensitive, "JUDGE", Judge(package=package))

    page = sign_in("omar").get("/settings").get_data(as_text=True)

    assert 'action="/settings/pictures"' in page
    assert ("Auf diesem Rechner nicht installiert" in page) == (package is not None)
