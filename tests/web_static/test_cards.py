"""What a card on the wall offers and says in a real browser: another try, badges, remarks about pictures."""

from __future__ import annotations

from typing import Any

import pytest

from desk import clock, db
from desk.wall import stacks
from desk.wall.models import Card, Stack
from tests.desk_fixtures import Cast
from tests.wall import builders
from tests.web_static.test_wall_page import _faults_of, address, wall

__all__ = ["address", "wall"]
pytestmark = pytest.mark.browser


def card_with(wall: Any, cast: Cast, **values: Any) -> Any:
    """A card with a file of these values on the open wall; shown by the counter as a producer does."""
    message = {name: values.pop(name) for name in ("is_forwarded",) if name in values}
    forms = values.pop("forms", ())
    with db.transaction() as session:
        card = builders.a_card(
            session, cast.rheinwelle, kind=values.get("kind", "voice"), text="", sent_at=clock.now(), **message
        )
        asset = builders.an_asset(session, card.message_id, cast.rheinwelle, **values)
        for form in forms:
            builders.a_rendition(session, asset, form, mime="image/webp")
        number = card.id
    wall.locator("#newpill").click()
    shown = wall.locator(f'.card[data-id="{number}"]')
    shown.wait_for()
    return shown


STORED = {"original_key": "1/a.bin", "original_sha256": "0" * 64, "original_bytes": 9}


@pytest.mark.parametrize(
    ("reason", "stored", "is_offered"),
    [("media.corrupt", STORED, False), ("media.timeout", STORED, True), ("media.corrupt", {}, True)],
)
def test_another_try_is_offered_only_where_it_may_help(
    wall: Any, cast: Cast, reason: str, stored: dict[str, Any], is_offered: bool
) -> None:
    card = card_with(wall, cast, state="failed", reason=reason, **stored)

    assert card.locator("[data-act=retry]").count() == is_offered
    card.locator(".card-head").click()
    wall.wait_for_selector("#pane .loud.is-off")
    assert wall.locator("[data-pane=retry]").count() == is_offered
    assert _faults_of(wall) == []


CUT = "all => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"
RIGHT_OF_EACH = "all => all.map((one) => one.getBoundingClientRect().right)"


def stacked_card(wall: Any, cast: Cast) -> Any:
    """A forwarded photo without consent that came twice, on one card: three badges."""
    with db.transaction() as session:
        stack = Stack(
            station_id=cast.rheinwelle, of="picture", reason="picture", cards=0, created_at=clock.now()
        )  # fmt: skip
        session.add(stack)
        session.flush()
        number = 0
        for _ in range(2):
            card = builders.a_card(
                session, cast.rheinwelle, kind="image", text="", sent_at=clock.now(), is_forwarded=True
            )
            builders.an_asset(session, card.message_id, cast.rheinwelle, kind="image", state="ready")
            session.get_one(Card, card.id).stack_id = stack.id
            number = number or card.id
        stacks.touch(session, stack.id, at=clock.now())
    wall.locator("#newpill").click()
    wall.wait_for_selector(f'.card[data-id="{number}"] .b-more')
    return wall.locator(f'.card[data-id="{number}"]')


def test_three_badges_stand_on_a_card_in_full(wall: Any, cast: Cast) -> None:
    card = stacked_card(wall, cast)
    wall.mouse.move(2, 2)

    assert card.locator(".badge").count() == 3
    assert card.locator(".badge span:not(.vh)").all_text_contents() == ["2×", "2", "No consent"]
    assert card.locator(".badge span:not(.vh)").evaluate_all(CUT) == []


def test_the_buttons_under_the_mouse_cover_no_badge(wall: Any, cast: Cast) -> None:
    card = stacked_card(wall, cast)
    height = card.locator(".card-foot").bounding_box()["height"]

    card.hover()

    buttons = card.locator(".card-acts").bounding_box()
    assert max(card.locator(".badge").evaluate_all(RIGHT_OF_EACH)) <= buttons["x"]
    assert buttons["x"] + buttons["width"] <= card.bounding_box()["x"] + card.bounding_box()["width"]
    assert card.locator(".badge .i").count() == 4
    assert card.locator(".card-foot").bounding_box()["height"] == height


def test_a_photo_without_its_end_says_so_on_its_card_and_in_the_pane(wall: Any, cast: Cast) -> None:
    noticed = {"flags": ["truncated", "hdr"]}
    card = card_with(wall, cast, kind="image", state="ready", facts=noticed, forms=("card",))

    assert card.locator(".media .remark").inner_text() == "The end is missing."
    card.locator(".card-head").click()
    wall.wait_for_selector("#pane .remarks li")
    lines = wall.locator("#pane .remarks li").all_inner_texts()
    assert lines == ["The end is missing.", "Recorded in HDR, colours may look pale."]
    assert wall.locator("#pane .remarks").get_attribute("aria-label") == "About this file"
    assert _faults_of(wall) == []
