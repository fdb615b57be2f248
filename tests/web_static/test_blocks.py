"""Blocking a sender in a real browser, by keys alone, and what a second screen shows of it."""

from __future__ import annotations

from typing import Any

import pytest

from desk import clock, db
from desk.wall import blocks
from tests.desk_fixtures import Cast
from tests.web_static.test_wall_page import _faults_of, address, wall

__all__ = ["address", "wall"]
pytestmark = pytest.mark.browser


def focused(wall: Any) -> int:
    return int(wall.locator(".card.is-focus").get_attribute("data-id"))


def test_a_sender_is_blocked_by_three_keys_let_go_by_one_and_hidden_when_a_colleague_does_it(
    wall: Any, cast: Cast
) -> None:
    wall.keyboard.press("j")
    card = f'.card[data-id="{focused(wall)}"]'
    words = wall.locator(f"{card} .txt").text_content()

    wall.keyboard.press("q")
    wall.wait_for_selector(".askbar >> text=Why block")
    faults = _faults_of(wall)
    wall.keyboard.press("1")
    wall.wait_for_selector(".askbar >> text=For how long?")
    wall.keyboard.press("2")
    wall.wait_for_selector(f"{card}.is-blocked")
    shown = wall.locator(card).text_content()
    wall.wait_for_selector("[data-part=block] >> text=Nia blocked this sender")
    faults += _faults_of(wall)
    wall.keyboard.press("z")
    wall.wait_for_selector(f"{card}:not(.is-blocked) .txt")
    wall.keyboard.press("q")
    wall.keyboard.press("Escape")

    assert words not in shown
    assert wall.locator(f"{card} .txt").text_content() == words
    assert wall.locator(".askbar").count() == 0
    assert focused(wall) == int(card.split('"')[1])
    assert faults == []
    follows_a_colleague(wall, cast)


def follows_a_colleague(wall: Any, cast: Cast) -> None:
    """What somebody else blocks is hidden here at once, and one press lifts it."""
    wall.keyboard.press("j")
    card_id = focused(wall)
    with db.transaction() as session:
        blocks.block_sender(
            session, cast.rheinwelle, card_id, length="ever", reason="threats", by=cast.edith, at=clock.now()
        )
    wall.wait_for_selector(f'.card[data-id="{card_id}"].is-blocked')
    wall.wait_for_selector("[data-part=block] >> text=It holds until somebody lifts it")

    wall.click('[data-pane="block"]')

    wall.wait_for_selector(f'.card[data-id="{card_id}"]:not(.is-blocked)')
