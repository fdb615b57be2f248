"""Figures of a day: counted right on both databases, in the station's time, and only the own station's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from desk import db
from desk.contests.models import Campaign, Entry
from desk.onair.models import Airing
from desk.reports import queries
from desk.reports.queries import DayReport
from desk.settings import Settings
from desk.wall import actions
from tests.desk_fixtures import SIX, Browser, Cast, add_cast
from tests.wall.builders import a_card, a_listener, a_message, an_asset

COLOGNE = ZoneInfo("Europe/Berlin")
DAY = date(2026, 11, 19)


def report(session: Session, cast: Cast, day: date = DAY) -> DayReport:
    return queries.report_day(session, cast.rheinwelle, *queries.day_bounds(COLOGNE, day))


def fill(session: Session, cast: Cast) -> None:
    """A morning at Rheinwelle, and one message elsewhere and one the day before that must not count."""
    station = cast.rheinwelle
    ada = a_listener(session, station, "Ada")
    song = a_card(session, station, kind="voice", listener=ada, sent_at=SIX)
    a_card(session, station, kind="text", listener=ada, sent_at=SIX + timedelta(minutes=59))
    late = a_card(session, station, kind="voice", sent_at=SIX + timedelta(minutes=60))
    actions.move_card(session, station, late.id, to="rejected", version=1, by=cast.nia, at=SIX + timedelta(hours=2))
    for state in ("read", "read", "failed"):
        a_message(session, station, direction="out", delivery_state=state, sent_at=SIX)
    for reason, at in (("media.no_audio", SIX), ("media.no_audio", SIX), ("media.timeout", SIX - timedelta(days=1))):
        an_asset(session, song.message_id, station, state="failed", reason=reason, created_at=at)
    call = Campaign(station_id=station, name="Ständchen", opens_at=SIX, created_at=SIX)
    session.add(call)
    session.flush()
    for number, (card, removed_at) in enumerate(((song, None), (late, SIX)), start=1):
        session.add(
            Entry(
                station_id=station, campaign_id=call.id, card_id=card.id, listener_id=card.listener_id, number=number,
                found_by="keyword", at=SIX, removed_at=removed_at,
            )
        )  # fmt: skip
    for key, undone_at in (("a", None), ("b", SIX)):
        session.add(
            Airing(
                station_id=station, card_id=song.id, sha256="0" * 64, by_person_id=cast.sam, aired_at=SIX,
                idempotency_key=key, undone_at=undone_at,
            )
        )  # fmt: skip
    a_card(session, cast.oldie95, kind="image", sent_at=SIX)
    a_card(session, station, kind="image", sent_at=SIX - timedelta(days=1))


def test_a_day_is_counted_right_and_without_other_stations(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        fill(session, cast)
    with db.reading() as session:
        found = report(session, cast)

    assert (found.received, found.listeners, found.aired) == (3, 2, 1)
    assert found.by_kind == {"voice": 2, "text": 1}
    assert found.by_state == {"new": 2, "rejected": 1}
    assert found.replies == {"read": 2, "failed": 1}
    assert found.media_failures == {"media.no_audio": 2}
    assert [(one["name"], one["entries"]) for one in found.campaigns] == [("Ständchen", 1)]
    assert {at: one["cards"] for at, one in enumerate(found.hours) if one["cards"]} == {6: 2, 7: 1}


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (DAY, 24)])
def test_a_day_has_the_hours_that_its_clock_shows(on_both_databases: Settings, day: date, hours: int) -> None:
    starts_at, ends_at = queries.day_bounds(COLOGNE, day)
    with db.transaction() as session:
        cast = add_cast(session)
        for at in (starts_at - timedelta(seconds=1), starts_at, ends_at - timedelta(seconds=1), ends_at):
            a_card(session, cast.rheinwelle, sent_at=at)
    with db.reading() as session:
        found = report(session, cast, day)

    assert ends_at - starts_at == timedelta(hours=hours)
    assert len(found.hours) == hours
    assert (found.received, found.hours[0]["cards"], found.hours[-1]["cards"]) == (2, 1, 1)


def test_the_hour_that_comes_twice_is_counted_twice(session: Session) -> None:
    cast = add_cast(session)
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 2:30 in summer time, and an hour later 2:30 again
    a_card(session, cast.rheinwelle, sent_at=first)
    a_card(session, cast.rheinwelle, sent_at=first + timedelta(hours=1))

    hours = report(session, cast, date(2026, 10, 25)).hours

    assert [one["cards"] for one in hours[:5]] == [0, 0, 1, 1, 0]
    assert [hours[at]["starts_at"][:13] for at in (2, 3)] == ["2026-10-25T00", "2026-10-25T01"]


def test_an_empty_day_is_all_noughts(session: Session) -> None:
    cast = add_cast(session)
    found = report(session, cast)

    assert (found.received, found.listeners, found.aired, found.replies, found.campaigns) == (0, 0, 0, {}, [])
    assert sum(one["cards"] for one in found.hours) == 0


def test_the_page_says_the_figures_and_leads_to_other_days(cast: Cast, sign_in: Callable[[str], Browser]) -> None:
    with db.transaction() as session:
        fill(session, cast)

    page = sign_in("nia").get("/reports?day=2026-11-19").get_data(as_text=True)

    assert 'href="/reports?day=2026-11-18"' in page
    assert "Ständchen" in page
    assert "Oldie 95" not in page
    assert "style=" not in page


@pytest.mark.parametrize("day", ["gestern", "2026-13-01", "0001-01-01", "9999-12-31", "2026-11-19T00:00"])
def test_what_is_no_day_is_refused(sign_in: Callable[[str], Browser], day: str) -> None:
    assert sign_in("nia").get(f"/api/v1/reports/day?day={day}").status_code == 422


def test_a_presenter_sees_no_figures(sign_in: Callable[[str], Browser]) -> None:
    browser = sign_in("sam")

    assert [browser.get(path).status_code for path in ("/reports", "/api/v1/reports/day")] == [403, 403]
