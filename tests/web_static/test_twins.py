"""Copies on the wall in a real browser: the badge, the list in the pane, and taking one out."""

from __future__ import annotations

from typing import Any

import pytest

from desk import clock, db
from desk.wall import stacks
from desk.wall.models import Card, Stack
from tests.browser.wall_hand import until
from tests.desk_fixtures import Cast
from tests.wall import builders
from tests.web_static.test_wall_page import _faults_of, address, wall

__all__ = ["address", "wall"]
pytestmark = pytest.mark.browser


@pytest.fixture
def pile(wall: Any, cast: Cast) -> list[int]:
    """Three cards of different kinds on the open wall that become a stack; the second is the best."""
    with db.transaction() as session:
        stack = Stack(
            station_id=cast.rheinwelle, of="picture", reason="picture", cards=0, created_at=clock.now()
        )  # fmt: skip
        session.add(stack)
        session.flush()
        ids = []
        for number, kind in enumerate(("image", "document", "sticker")):
            card = builders.a_card(session, cast.rheinwelle, kind=kind, text=f"Kopie {number}", sent_at=clock.now())
            edge = 2000 if number == 1 else 400
            builders.an_asset(
                session, card.message_id, cast.rheinwelle, kind="image", state="ready", width_px=edge, height_px=edge
            )
            card.stack_id = stack.id
            ids.append(card.id)
        stacks.touch(session, stack.id, at=clock.now())
    wall.locator("#newpill").click()
    wall.wait_for_selector(f'.card[data-id="{ids[2]}"] .b-dup')
    return ids


def test_a_card_says_how_many_are_like_it_and_why(wall: Any, pile: list[int]) -> None:
    badge = wall.locator(f'.card[data-id="{pile[0]}"] .b-dup')

    assert badge.locator("[aria-hidden]").last.text_content() == "3×"
    assert badge.locator(".vh").text_content() == "2 more copies · Same picture, sharper"
    assert badge.get_attribute("title") == "2 more copies · Same picture, sharper"
    assert wall.locator(f'.card[data-id="{pile[1]}"] .b-dup').get_attribute("title").endswith("This is the best one")


def test_the_pane_lists_the_copies_opens_one_and_takes_one_out(wall: Any, pile: list[int], cast: Cast) -> None:
    wall.click(f'.card[data-id="{pile[0]}"]')
    wall.wait_for_selector(f'[data-part="twins"] [data-twin="{pile[1]}"]')
    listed = wall.eval_on_selector_all("[data-part=twins] .twin", "all => all.map((one) => Number(one.dataset.twin))")
    faults = _faults_of(wall)
    wall.click(f'[data-twin="{pile[1]}"]')
    wall.wait_for_selector(f'.card[data-id="{pile[1]}"].is-focus')
    wall.click(f'.card[data-id="{pile[0]}"]')
    wall.wait_for_selector(f'[data-part="twins"] [data-twin="{pile[1]}"]')
    wall.click('[data-twin="apart"]')
    wall.wait_for_selector(f'.card[data-id="{pile[0]}"] .b-dup', state="detached")
    badge = f"document.querySelector(\".card[data-id='{pile[2]}'] .b-dup\")"
    until(wall, f"Boolean({badge}?.textContent.includes('1 more copy'))")

    assert listed == [pile[1], pile[2]]
    assert faults == []
    with db.reading() as session:
        assert session.get_one(Card, pile[0]).stack_id is None


def test_one_verdict_is_for_all_copies_and_taken_back_as_one(wall: Any, pile: list[int], cast: Cast) -> None:
    wall.click(f'.card[data-id="{pile[0]}"]')
    wall.wait_for_selector('[data-part="twins"] [data-to="rejected"]')
    wall.focus(f'.card[data-id="{pile[0]}"]')
    wall.keyboard.press("Shift+e")
    wall.wait_for_selector(".toast >> text=and its copies")
    for card_id in pile:
        wall.wait_for_selector(f'.card[data-id="{card_id}"].is-rejected')
    wall.keyboard.press("z")
    for card_id in pile:
        wall.wait_for_selector(f'.card[data-id="{card_id}"].is-new, .card[data-id="{card_id}"]:not(.is-rejected)')
    with db.reading() as session:
        assert {session.get_one(Card, one).state for one in pile} == {"new"}
