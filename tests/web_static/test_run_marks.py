"""The run with marks and blocks: a digit rates, F goes to the jury, Q blocks; Z brings each of them back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from desk import clock, db
from desk.listeners.models import Listener
from desk.wall import blocks
from desk.wall.models import Card, CardAct
from tests.browser.wall_hand import until
from tests.desk_fixtures import Cast
from tests.web_static.test_wall_page import _faults_of, address, wall

__all__ = ["address", "wall"]
pytestmark = pytest.mark.browser


@pytest.fixture
def run(wall: Any, address: str) -> Any:
    wall.goto(f"{address}/triage")
    wall.wait_for_selector("html[data-state=live]", state="attached")
    wall.wait_for_selector("#main[data-card]")
    return wall


def shown(run: Any) -> int:
    return int(run.locator("#main").get_attribute("data-card"))


def kept(card_id: int) -> Card:
    with db.reading() as session:
        return session.get_one(Card, card_id)


def goes_on(run: Any, card_id: int) -> None:
    until(run, f"document.getElementById('main').dataset.card !== '{card_id}'")


def comes_back(run: Any, card_id: int) -> None:
    until(run, f"document.getElementById('main').dataset.card === '{card_id}'")


def test_a_run_rates_sends_to_the_jury_blocks_and_takes_each_back(run: Any, cast: Cast) -> None:
    first = shown(run)
    run.keyboard.press("4")
    run.wait_for_selector('#marks [data-mark="rate:4"][aria-pressed=true]')
    faults = _faults_of(run)
    run.keyboard.press("f")
    goes_on(run, first)
    run.wait_for_selector("#last >> text=laid before the jury")
    run.keyboard.press("z")
    comes_back(run, first)
    run.keyboard.press("e")
    goes_on(run, first)
    run.keyboard.press("2")
    run.wait_for_selector(".toast >> text=Reason: double")

    card = kept(first)
    assert (card.rating, card.is_for_jury, card.state, card.reject_reason) == (4, False, "rejected", "double")
    assert kept(shown(run)).rating is None, "the digit was the reason of the one before"
    assert faults == []
    blocks_and_comes_back(run, cast)


def test_what_a_run_takes_back_is_held_before_it_is_free_for_anybody(run: Any) -> None:
    for key in ("f", "e"):
        card_id = shown(run)
        run.keyboard.press(key)
        goes_on(run, card_id)
        run.keyboard.press("z")
        comes_back(run, card_id)
        with db.reading() as session:
            query = select(CardAct).where(CardAct.card_id == card_id).order_by(CardAct.id)
            done = list(session.execute(query).scalars())
        back = next(n for n, act in enumerate(done) if act.act == "undo" and act.undone_at is None)
        holder = next(act.after for act in reversed(done[: back + 1]) if "claimed_by_id" in act.after)
        assert holder["claimed_by_id"] is not None, [act.act for act in done]
        run.keyboard.press("e")
        goes_on(run, card_id)


def blocks_and_comes_back(run: Any, cast: Cast) -> None:
    first = shown(run)
    run.click("#block")
    run.wait_for_selector(".askbar >> text=Why block")
    run.keyboard.press("1")
    run.keyboard.press("3")
    goes_on(run, first)
    run.wait_for_selector("#last >> text=blocked")
    with db.reading() as session:
        assert session.get_one(Listener, kept(first).listener_id).blocked_until is not None
    run.keyboard.press("z")
    comes_back(run, first)

    with db.transaction() as session:
        blocks.block_sender(
            session, cast.rheinwelle, first, length="hour", reason="flood", by=cast.edith, at=clock.now()
        )
    goes_on(run, first)
