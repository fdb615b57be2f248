"""Which edition is current: by wall clock in the station's zone, through both changes of summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desk import db
from desk.errors import Invalid
from desk.settings import Settings
from desk.shows import actions, queries, rules
from desk.shows.models import Edition, Show
from desk.shows.rules import ShowHours
from tests.desk_fixtures import SIX, Cast, add_cast

COLOGNE = ZoneInfo("Europe/Berlin")
MORNING = ShowHours(1, "Morgen", "1111100", 5 * 60, 10 * 60)
WEEKEND = ShowHours(2, "Wochenende", "0000011", 7 * 60, 12 * 60)
NIGHT = ShowHours(3, "Nacht", "1111111", 22 * 60, 2 * 60)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def test_the_running_show_is_current() -> None:
    span = rules.current_span([MORNING, NIGHT], COLOGNE, utc(2026, 11, 19, 5))

    assert span.show is MORNING
    assert (span.starts_at, span.ends_at) == (utc(2026, 11, 19, 4), utc(2026, 11, 19, 9))


def test_between_shows_the_next_one_is_prepared() -> None:
    friday_noon = rules.current_span([MORNING, WEEKEND], COLOGNE, utc(2026, 11, 20, 11))

    assert friday_noon.show is WEEKEND
    assert friday_noon.starts_at == utc(2026, 11, 21, 6)


def test_a_show_over_midnight_belongs_to_the_evening_it_began() -> None:
    span = rules.current_span([NIGHT], COLOGNE, utc(2026, 11, 20, 0, 30))

    assert (span.starts_at, span.ends_at) == (utc(2026, 11, 19, 21), utc(2026, 11, 20, 1))


def test_an_end_is_exclusive() -> None:
    span = rules.current_span([MORNING, NIGHT], COLOGNE, utc(2026, 11, 19, 9))

    assert span.show is NIGHT


@pytest.mark.parametrize(
    ("at", "starts_at", "hours"),
    [
        (utc(2026, 11, 19, 5), utc(2026, 11, 18, 23), 24),
        (utc(2026, 3, 29, 12), utc(2026, 3, 28, 23), 23),  # the day of the spring change
        (utc(2026, 10, 25, 12), utc(2026, 10, 24, 22), 25),  # the day of the autumn change
    ],
)
def test_a_station_without_shows_has_one_edition_from_midnight_to_midnight(
    at: datetime, starts_at: datetime, hours: int
) -> None:
    span = rules.current_span([], COLOGNE, at)

    assert span.show.is_all_day
    assert (span.starts_at, span.ends_at - span.starts_at) == (starts_at, timedelta(hours=hours))


def test_both_runs_of_the_repeated_hour_lie_in_the_same_edition() -> None:
    early = ShowHours(4, "Früh", "1111111", 2 * 60, 3 * 60)
    first, second = utc(2026, 10, 25, 0, 15), utc(2026, 10, 25, 1, 15)  # 2:15 twice

    spans = {rules.current_span([early], COLOGNE, at).starts_at for at in (first, second)}

    assert spans == {utc(2026, 10, 25, 0)}


def test_neighbours_at_a_repeated_or_skipped_half_hour_leave_no_gap_and_no_overlap() -> None:
    before = ShowHours(5, "Vor", "1111111", 0, 2 * 60 + 30)
    after = ShowHours(6, "Nach", "1111111", 2 * 60 + 30, 6 * 60)
    for night in (utc(2026, 3, 29), utc(2026, 10, 25)):
        spans = sorted(rules.spans([before, after], COLOGNE, night), key=lambda span: span.starts_at)

        ends = {span.ends_at for span in spans if span.show is before}
        starts = {span.starts_at for span in spans if span.show is after}
        assert ends == starts


def test_a_show_inside_the_skipped_hour_keeps_its_length_after_the_gap() -> None:
    skipped = ShowHours(7, "Lücke", "1111111", 2 * 60, 2 * 60 + 30)

    span = rules.current_span([skipped], COLOGNE, utc(2026, 3, 29, 1, 10))

    assert (span.starts_at, span.ends_at) == (utc(2026, 3, 29, 1), utc(2026, 3, 29, 1, 30))


def test_an_edition_is_kept_once(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
    kept = set()
    for _ in range(2):
        with db.transaction() as session:
            kept.add(actions.ensure_edition(session, cast.rheinwelle, at=SIX).id)

    with db.reading() as session:
        counted = session.execute(select(func.count()).select_from(Edition)).scalar_one()
        shows = session.execute(select(func.count()).select_from(Show)).scalar_one()
        view = queries.current_edition(session, cast.rheinwelle, at=SIX)
    assert (len(kept), counted, shows) == (1, 1, 1)
    assert view.id in kept
    assert view.is_all_day


def test_stations_have_editions_of_their_own(session: Session) -> None:
    cast = add_cast(session)

    ours = actions.ensure_edition(session, cast.rheinwelle, at=SIX)
    theirs = actions.ensure_edition(session, cast.oldie95, at=SIX)

    assert ours.id != theirs.id
    assert theirs.station_id == cast.oldie95


def test_a_planned_show_takes_the_place_of_the_all_day_one(session: Session) -> None:
    cast: Cast = add_cast(session)
    actions.ensure_edition(session, cast.rheinwelle, at=SIX)

    actions.add_show(
        session, cast.rheinwelle, "Der Morgen", weekdays="1111100", starts_minute=300, ends_minute=600, by=cast.nia,
        at=SIX,
    )  # fmt: skip

    assert queries.current_edition(session, cast.rheinwelle, at=SIX).name == "Der Morgen"


def test_a_show_with_faults_is_refused_with_all_of_them(session: Session) -> None:
    cast = add_cast(session)

    with pytest.raises(Invalid) as refused:
        actions.add_show(
            session, cast.rheinwelle, " ", weekdays="111", starts_minute=-1, ends_minute=2000, by=None, at=SIX
        )

    assert set(refused.value.fields) == {"name", "weekdays", "starts_minute", "ends_minute"}
