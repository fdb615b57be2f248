"""Saved views: kept for a show, the station or oneself; those of a show open by themselves, and only then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from desk import clock, db
from desk.shows.models import Show
from desk.wall import saved
from desk.wall.models import SavedView
from tests.desk_fixtures import Browser, Cast
from tests.wall.builders import a_card

SignIn = Callable[[str], Browser]
ZONE = ZoneInfo("Europe/Berlin")


@pytest.fixture
def show(app: object, cast: Cast) -> int:
    """A show around this moment, whatever the time of day: half an hour gone, half an hour to come."""
    now = clock.now().astimezone(ZONE)
    minute = now.hour * 60 + now.minute
    with db.transaction() as session:
        made = Show(
            station_id=cast.rheinwelle, name="Morgenshow", weekdays="1111111",
            starts_minute=(minute - 30) % 1440, ends_minute=(minute + 30) % 1440,
        )  # fmt: skip
        session.add(made)
        session.flush()
        return made.id


def _keep(browser: Browser, **more: Any) -> Any:
    body = {"name": "Stimmen", "scope": "show", "query": "kind=voice&shape=strip&page=7", "opens": True} | more
    return browser.post("/api/v1/views", body)


def _names(browser: Browser) -> list[str]:
    return [view["name"] for view in browser.get("/api/v1/views").get_json()["views"]]


def test_the_shows_view_opens_by_itself_for_who_asks_for_nothing_else(sign_in: SignIn, show: int) -> None:
    nia, edith = sign_in("nia"), sign_in("edith")
    assert nia.get("/wall").status_code == 200
    kept = _keep(nia).get_json()["view"]

    assert edith.get("/wall").headers["Location"] == "/wall?kind=voice&shape=strip"
    assert edith.get("/wall?state=all").status_code == 200
    nia.post(f"/api/v1/views/{kept['id']}", {"opens": False})
    assert edith.get("/wall").status_code == 200


def test_a_view_opens_from_ten_minutes_before_the_show_to_its_end(show: int, cast: Cast) -> None:
    at = clock.now()
    with db.transaction() as session:
        view = SavedView(
            station_id=cast.rheinwelle, show_id=show, name="A", query="kind=text", opens=True, created_at=at
        )
        session.add(view)
    with db.reading() as session:
        opening = saved.find_opening(session, cast.rheinwelle, cast.nia, at=at)
        assert opening is not None
        starts, ends = opening.span.starts_at, opening.span.ends_at
        second = timedelta(seconds=1)
        moments: list[tuple[datetime, bool]] = [
            (starts - saved.BEFORE - second, False), (starts - saved.BEFORE, True),
            (ends - second, True), (ends, False),
        ]  # fmt: skip
        assert [opening.is_time(moment) for moment, _is_open in moments] == [is_open for _moment, is_open in moments]


def test_one_view_of_a_show_opens_at_a_time(sign_in: SignIn, show: int) -> None:
    nia = sign_in("nia")
    _keep(nia)
    _keep(nia, name="Fotos", query="kind=image")

    with db.reading() as session:
        opens = session.execute(select(SavedView.name).where(SavedView.opens)).scalars().all()
    assert opens == ["Fotos"]


def test_views_are_renamed_removed_and_brought_back(sign_in: SignIn, show: int) -> None:
    nia, edith = sign_in("nia"), sign_in("edith")
    kept = _keep(nia).get_json()["view"]
    edith.post(f"/api/v1/views/{kept['id']}", {"name": "Stimmen zum Hören"})
    assert _names(nia) == ["Stimmen zum Hören"]
    edith.post(f"/api/v1/views/{kept['id']}", {"removed": True})
    assert (_names(nia), nia.get("/wall").status_code) == ([], 200)
    nia.post(f"/api/v1/views/{kept['id']}", {"removed": False})
    assert _names(edith) == ["Stimmen zum Hören"]


def test_ones_own_view_is_nobody_elses(sign_in: SignIn, show: int) -> None:
    nia, edith = sign_in("nia"), sign_in("edith")
    kept = _keep(nia, scope="me").get_json()["view"]

    assert (_names(nia), _names(edith)) == (["Stimmen"], [])
    assert edith.post(f"/api/v1/views/{kept['id']}", {"removed": True}).status_code == 404


def test_a_view_says_how_much_is_new_in_it_or_nothing(sign_in: SignIn, show: int, cast: Cast) -> None:
    with db.transaction() as session:
        for kind in ("voice", "voice", "text"):
            a_card(session, cast.rheinwelle, kind=kind)
    nia = sign_in("nia")
    _keep(nia, query="kind=voice")
    _keep(nia, query="state=rejected", scope="station")
    _keep(nia, query="text=morgen", scope="me")
    with db.transaction() as session:
        a_card(session, cast.rheinwelle, text="Annem için bir şarkı çalar mısınız lütfen")
    _keep(nia, query="language=tr&kind=text", scope="me")

    views = nia.get("/api/v1/views").get_json()["views"]
    told = [(view["scope"], view["new"]) for view in views]
    assert told == [("now", 2), ("station", None), ("me", None), ("me", 1)]


BAD = [{"name": " "}, {"scope": "world"}, {"query": "page=7"}, {"query": "state=lost"}, {"name": "x" * 41}]


@pytest.mark.parametrize("wrong", BAD)
def test_a_view_that_is_none_is_refused(sign_in: SignIn, show: int, wrong: dict[str, str]) -> None:
    assert _keep(sign_in("nia"), **wrong).status_code == 422
