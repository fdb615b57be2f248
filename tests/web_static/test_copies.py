"""Copies in a real browser: one card with how many and from how many listeners, one verdict, each can be taken out."""

from __future__ import annotations

from typing import Any

import pytest

from desk import clock, db
from desk.conversations.models import Message
from desk.wall import stacks
from desk.wall.models import Card, Stack
from tests.browser.wall_hand import until
from tests.desk_fixtures import Cast
from tests.wall import builders
from tests.web_static.test_floods import states
from tests.web_static.test_wall_page import _faults_of, address, wall

__all__ = ["address", "wall"]
pytestmark = pytest.mark.browser


def send_copies(cast: Cast, *edges_px: int, stack_id: int | None = None) -> tuple[list[int], int]:
    """Copies of one picture, each of another listener; the largest is the best."""
    at = clock.now()
    with db.transaction() as session:
        if stack_id is None:
            stack = Stack(station_id=cast.rheinwelle, of="picture", reason="picture", cards=0, created_at=at)
            session.add(stack)
            session.flush()
            stack_id = stack.id
        ids = []
        for edge in edges_px:
            card = builders.a_card(session, cast.rheinwelle, kind="image", text=f"Kopie {edge}", sent_at=clock.now())
            builders.an_asset(
                session, card.message_id, cast.rheinwelle, kind="image", state="ready", width_px=edge, height_px=edge
            )
            card.stack_id = stack_id
            ids.append(card.id)
        stacks.touch(session, stack_id, at=at)
    return ids, stack_id


def test_copies_are_one_card_with_one_verdict_and_each_can_be_taken_out(wall: Any, cast: Cast) -> None:
    ids, stack_id = send_copies(cast, 400, 2000, 500)
    upper = f'.card[data-id="{ids[1]}"]'
    wall.wait_for_selector("#newpill >> text=1")
    wall.keyboard.press("n")
    wall.wait_for_selector(f"{upper}.is-focus .b-more")
    badge = wall.locator(f"{upper} .b-more")
    said = badge.locator("span[aria-hidden]").all_text_contents(), badge.get_attribute("title")
    alone = wall.locator(f'.card[data-id="{ids[0]}"]').count()

    late, _same = send_copies(cast, 300, stack_id=stack_id)
    until(wall, f"document.querySelector('{upper} .b-more').textContent.includes('4×')")
    moved = wall.locator("#newpill").is_visible(), wall.locator(f"{upper}.is-focus").count()

    wall.keyboard.press("o")
    wall.wait_for_selector("[data-part=flood] li >> nth=3")
    until(wall, "document.querySelector('[data-part=flood]').contains(document.activeElement)")
    heading = wall.inner_text("[data-part=flood] p")
    faults = _faults_of(wall)
    wall.click(f'.flood li[data-id="{late[0]}"] [data-flood=out]')
    until(wall, f"document.querySelector('{upper} .b-more').textContent.includes('3×')")
    wall.focus(upper)
    wall.keyboard.press("e")
    until(wall, "document.querySelector('.toast')?.textContent.includes('rejected')")
    after = states(cast, [*ids, *late])
    wall.keyboard.press("z")
    wall.wait_for_selector(f"{upper}:not(.is-rejected) .b-more >> text=3×")

    assert said == (["3×", "3"], "3 copies from 3 listeners · Same picture, sharper (O)")
    assert (alone, moved) == (0, (False, 1))
    assert "4 copies from 4 listeners" in heading
    assert faults == []
    assert after == ["rejected"] * 3 + ["new"]
    with db.reading() as session:
        assert [session.get_one(Card, one).under_id for one in (*ids, *late)] == [ids[1], None, ids[1], None]


@pytest.mark.parametrize("width_px", [390, 1440])
def test_how_many_copies_there_are_is_never_cut_off_beside_other_badges(
    wall: Any, address: str, cast: Cast, browser: Any, width_px: int
) -> None:
    ids, _stack_id = send_copies(cast, 400, 2000, 500)
    with db.transaction() as session:
        message = session.get_one(Message, session.get_one(Card, ids[1]).message_id)
        message.is_forwarded = True
    options = {"viewport": {"width": width_px, "height": 900}, "locale": "de-DE"}
    context = browser.new_context(storage_state=wall.context.storage_state(), **options)
    page = context.new_page()
    page.goto(f"{address}/wall")
    badges = f'.card[data-id="{ids[1]}"] .badges'
    page.wait_for_selector(f"{badges} .b-more")
    seen = page.evaluate(
        """(badges) => {
          const right = document.querySelector(badges).getBoundingClientRect().right + 1;
          const isCut = (one) => one.scrollWidth > one.clientWidth + 1;
          const words = (one) => [...one.querySelectorAll("span")].filter((span) => span.clientWidth > 1);
          return [...document.querySelectorAll(`${badges} .badge`)].map((one) => [one.className, one.textContent,
            [one, ...words(one)].some(isCut) || one.getBoundingClientRect().right > right]);
        }""",
        badges,
    )
    context.close()

    assert len(seen) >= 2, "another badge stands beside it"
    assert [one for one in seen if one[2]] == []
