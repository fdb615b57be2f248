"""A listener's flood in a real browser: one card with how many more, all in the pane, one verdict, one taken out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from desk import clock, db
from desk.listeners.models import Listener
from desk.wall import floods
from desk.wall.models import Card
from tests.browser.wall_hand import until
from tests.desk_fixtures import Cast
from tests.wall import builders
from tests.web_static.test_wall_page import _faults_of, address, wall

__all__ = ["address", "wall"]
pytestmark = pytest.mark.browser


def send(cast: Cast, sender_id: int | None, *texts: str) -> list[int]:
    """Voice notes of one listener, a second apart."""
    ids = []
    for number, text in enumerate(texts):
        with db.transaction() as session:
            given = session.get(Listener, sender_id) if sender_id else None
            sender = given or builders.a_listener(session, cast.rheinwelle, "Brigitte")
            sender_id = sender.id
            sent_at = clock.now() - timedelta(seconds=30 - number)
            card = builders.a_card(session, cast.rheinwelle, kind="voice", text=text, listener=sender, sent_at=sent_at)
            floods.gather_arrival(session, card, sender, at=sent_at)
            ids.append(card.id)
    return ids


def states(cast: Cast, ids: list[int]) -> list[str]:
    with db.reading() as session:
        return list(session.execute(select(Card.state).where(Card.id.in_(ids)).order_by(Card.id)).scalars())


def test_a_flood_is_one_card_with_one_verdict_and_each_can_be_taken_out(wall: Any, cast: Cast) -> None:
    ids = send(cast, None, "eins", "zwei", "drei", "vier")
    upper = f'.card[data-id="{ids[0]}"]'
    wall.wait_for_selector("#newpill >> text=1")
    wall.keyboard.press("n")
    wall.wait_for_selector(f"{upper}.is-focus .b-more >> text=+3")
    shown = wall.locator(".card").count()

    wall.keyboard.press("o")
    wall.wait_for_selector(".flood li >> nth=3")
    listed = wall.eval_on_selector_all(".flood em", "all => all.map((one) => one.textContent)")
    until(wall, "document.querySelector('[data-part=flood]').contains(document.activeElement)")
    faults = _faults_of(wall)
    wall.click(f'.flood li[data-id="{ids[2]}"] [data-flood=out]')
    wall.wait_for_selector(f"{upper} .b-more >> text=+2")
    wall.wait_for_selector("#newpill >> text=1")
    wall.focus(upper)
    wall.keyboard.press("e")
    wall.wait_for_selector(f"{upper}.is-rejected")
    until(wall, "document.querySelector('.toast')?.textContent.includes('rejected')")
    after = states(cast, ids)
    wall.keyboard.press("z")
    wall.wait_for_selector(f"{upper}:not(.is-rejected) .b-more >> text=+2")

    assert listed == ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]
    assert faults == []
    assert after == ["rejected", "rejected", "new", "rejected"]
    assert states(cast, ids) == ["new"] * 4
    assert shown > 1


def test_pictures_sent_together_stand_side_by_side(wall: Any, cast: Cast) -> None:
    with db.transaction() as session:
        sender = builders.a_listener(session, cast.rheinwelle, "Ewa")
        for second in range(3):
            sent_at = clock.now() - timedelta(seconds=20 - second)
            card = builders.a_card(session, cast.rheinwelle, kind="image", text="", listener=sender, sent_at=sent_at)
            file = builders.an_asset(session, card.message_id, cast.rheinwelle, kind="image", state="ready")
            builders.a_rendition(session, file, "card", mime="image/webp")
            floods.gather_arrival(session, card, sender, at=sent_at)
            session.flush()
    wall.wait_for_selector("#newpill >> text=1")
    wall.keyboard.press("n")
    wall.wait_for_selector(".card.is-focus .album-3 img >> nth=2", state="attached")
    wall.keyboard.press("o")
    wall.wait_for_selector(".flood-album li >> nth=2")
    assert wall.locator(".flood-album img").count() == 3


def test_a_run_shows_a_flood_as_one(wall: Any, cast: Cast) -> None:
    with db.transaction() as session:
        for card in session.execute(select(Card)).scalars():
            card.state = "rejected"
    ids = send(cast, None, "eins", "zwei", "drei")
    wall.goto(wall.url.replace("/wall", "/triage"))
    wall.wait_for_selector(f'#main[data-card="{ids[0]}"]')
    wall.wait_for_selector("#flood li >> nth=2")
    assert wall.inner_text("#left") == "1"
    with wall.expect_response("**/move"):
        wall.keyboard.press("s")
    wall.wait_for_selector("#empty:not([hidden])")
    assert states(cast, ids) == ["shortlisted"] * 3
