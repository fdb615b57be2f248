"""A run shows what can be judged: nobody sits before a file that is still being made, and none is forgotten."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from desk import clock, db
from desk.media.models import Asset
from desk.wall import actions
from desk.wall.models import Card
from tests.desk_fixtures import Cast
from tests.wall import builders
from tests.web_static.test_wall_page import _faults_of, address, wall

__all__ = ["address", "wall"]
pytestmark = pytest.mark.browser


def test_a_run_says_what_is_being_made_and_goes_on_by_itself_when_it_is_there(
    wall: Any, address: str, cast: Cast
) -> None:
    with db.transaction() as session:
        session.execute(update(Card).values(state="rejected"))
        card = builders.a_card(session, cast.rheinwelle, kind="voice", sent_at=clock.now())
        asset = builders.an_asset(session, card.message_id, cast.rheinwelle, state="processing", duration_s=4.0)
        card_id, asset_id = card.id, asset.id

    wall.goto(f"{address}/triage")
    wall.wait_for_selector(".tri-making >> text=The file of 1 message is being made ready.")
    empty = wall.evaluate(
        "[...document.querySelectorAll('#empty > .empty')].filter((one) => one.checkVisibility()).length"
    )
    left, faults = wall.inner_text("#left"), _faults_of(wall)

    with db.transaction() as session:
        asset = session.get_one(Asset, asset_id)
        asset.state = "ready"
        builders.a_rendition(session, asset, "preview")
        actions.refresh_card(session, session.get_one(Card, card_id), at=clock.now())
    wall.wait_for_selector(f"#main[data-card='{card_id}'] #run:not([hidden])")

    assert (empty, left, faults) == (1, "1", [])
