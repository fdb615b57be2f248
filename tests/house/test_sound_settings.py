"""A station says how its sounds are delivered: level, peaks, ends, further formats; by administrators, audited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from desk import db
from desk.live.models import AuditRow
from desk.media import wishes
from desk.people.models import Station
from media_store.delivery import Delivery, Handles
from media_store.loudness import AudioTarget
from tests.desk_fixtures import Browser, Cast

GIVEN = {
    "loudness_lufs": "-16", "true_peak_dbtp": "-1,5", "is_trimmed": "1", "before_ms": "100", "after_ms": "800",
    "format_mp2": "1", "format_flac": "1",
}  # fmt: skip


def send(browser: Browser, **changes: str | None) -> Any:
    form = {name: text for name, text in {**GIVEN, **changes}.items() if text is not None}
    return browser.client.post("/settings/sound", data=form, headers=browser._headers())


def wishes_now(station_id: int) -> Delivery:
    with db.reading() as session:
        return wishes.wishes_of(session.get_one(Station, station_id))


def test_a_new_station_has_the_usual_level_tight_ends_and_no_further_format(cast: Cast) -> None:
    assert wishes_now(cast.rheinwelle) == Delivery(AudioTarget(-23.0, -1.0), Handles(250, 500), frozenset())


def test_what_is_chosen_holds_for_the_own_station_and_is_audited_once(
    cast: Cast, sign_in: Callable[[str], Browser]
) -> None:
    browser = sign_in("omar")

    assert send(browser).status_code == 303
    assert send(browser).status_code == 303

    assert wishes_now(cast.rheinwelle) == Delivery(
        AudioTarget(-16.0, -1.5), Handles(100, 800), frozenset({"mp2", "flac"})
    )
    assert wishes_now(cast.oldie95) == Delivery()
    with db.reading() as session:
        rows = session.execute(select(AuditRow).where(AuditRow.act == "station.sound")).scalars().all()
        assert [(row.station_id, row.by_person_id, row.details["formats"]) for row in rows] == [
            (cast.rheinwelle, cast.omar, "flac mp2")
        ]


def test_handles_are_remembered_while_trimming_is_off(cast: Cast, sign_in: Callable[[str], Browser]) -> None:
    browser = sign_in("omar")
    send(browser)

    send(browser, is_trimmed=None, before_ms="1")

    assert wishes_now(cast.rheinwelle).handles is None
    assert 'name="before_ms" type="text" value="100"' in browser.get("/settings").get_data(as_text=True)


@pytest.mark.parametrize(
    ("field", "text"),
    [("loudness_lufs", "-8"), ("loudness_lufs", "nan"), ("loudness_lufs", ""), ("true_peak_dbtp", "-0.5"),
     ("before_ms", "-1"), ("after_ms", "5001"), ("after_ms", "²"), ("before_ms", "9" * 5000)],
)  # fmt: skip
def test_a_fault_is_named_at_its_field_and_nothing_is_changed(
    field: str, text: str, cast: Cast, sign_in: Callable[[str], Browser]
) -> None:
    answer = send(sign_in("omar"), **{field: text})

    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert f'aria-describedby="{field}' in page
    assert 'aria-invalid="true"' in page
    assert wishes_now(cast.rheinwelle) == Delivery()


@pytest.mark.parametrize("name", ["nia", "sam", "edith"])
def test_others_neither_see_nor_change_it(name: str, sign_in: Callable[[str], Browser]) -> None:
    browser = sign_in(name)

    assert 'action="/settings/sound"' not in browser.get("/settings").get_data(as_text=True)
    assert send(browser).status_code == 403


def test_the_page_shows_every_choice_with_its_words(sign_in: Callable[[str], Browser]) -> None:
    page = sign_in("omar").get("/settings").get_data(as_text=True)

    for name in ("loudness_lufs", "true_peak_dbtp", "is_trimmed", "before_ms", "after_ms", "format_flac", "format_mp2"):
        assert f'name="{name}"' in page
    assert "−16 LUFS" in page
