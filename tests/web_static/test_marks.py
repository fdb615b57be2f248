"""Marking a card in a real browser by keys alone."""

from __future__ import annotations

from typing import Any

import pytest

from desk import clock, db
from desk.wall import tags
from desk.wall.models import Card
from tests.browser.wall_hand import until
from tests.desk_fixtures import Cast
from tests.web_static.test_wall_page import _faults_of, address, wall

__all__ = ["address", "wall"]
pytestmark = pytest.mark.browser


def focused(wall: Any) -> int:
    return int(wall.locator(".card.is-focus").get_attribute("data-id"))


def test_digits_rate_a_key_sends_to_the_jury_and_tags_are_set_by_their_digits(wall: Any, cast: Cast) -> None:
    with db.transaction() as session:
        wanted = tags.read_form({"name_1": "Dialekt", "name_4": "Kinder"})
        tags.set_tags(session, cast.rheinwelle, wanted, by=cast.omar, at=clock.now())
    wall.keyboard.press("j")
    card_id = focused(wall)
    card = f'.card[data-id="{card_id}"]'

    wall.keyboard.press("4")
    wall.wait_for_selector(f"{card} .marks >> text=Rated 4 of 5")
    wall.keyboard.press("f")
    wall.wait_for_selector(f"{card} .marks >> text=For the jury")
    until(wall, "document.querySelectorAll('[data-part=marks] [data-mark^=tag]').length === 2")
    wall.keyboard.press("m")
    wall.wait_for_selector(".askbar >> text=Kinder")
    wall.keyboard.press("4")
    wall.wait_for_selector(f"{card} .marks >> text=Kinder")
    wall.keyboard.press("1")
    wall.wait_for_selector(f"{card} .marks >> text=Kinder, Dialekt")
    faults = _faults_of(wall)
    wall.keyboard.press("Escape")
    wall.keyboard.press("z")
    wall.wait_for_selector(f"{card} .mark-tag >> nth=1", state="detached")
    wall.keyboard.press("4")
    wall.wait_for_selector(f"{card} .mark-stars", state="detached")
    wall.keyboard.press("e")
    wall.wait_for_selector(".toast >> text=rejected")
    wall.keyboard.press("2")
    wall.wait_for_selector(".toast >> text=Reason: double")

    assert faults == []
    with db.reading() as session:
        kept = session.get_one(Card, card_id)
        assert (kept.rating, kept.is_for_jury, len(kept.tag_ids)) == (None, True, 1)
        assert (kept.state, kept.reject_reason) == ("rejected", "double")
