"""What a card on the wall offers and says in a real browser: another try, badges, remarks about pictures."""

from __future__ import annotations

from typing import Any

import pytest

from desk import clock, db
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
