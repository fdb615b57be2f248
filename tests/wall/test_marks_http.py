"""Marks over HTTP, and the form that names the station's tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from desk import db
from desk.live.models import LiveEvent
from tests.desk_fixtures import Browser, Cast
from tests.wall.builders import a_card


def test_an_administrator_names_tags_and_every_page_hears_of_it(app: object, sign_in: Callable[[str], Browser]) -> None:
    omar, nia = sign_in("omar"), sign_in("nia")

    def save(browser: Browser, **form: str) -> Any:
        return browser.client.post("/settings/tags", data=form, headers=browser._headers())

    saved = save(omar, name_1="Dialekt", hue_1="12")
    refused = save(omar, name_1="Dialekt", name_2="Dialekt")
    page = omar.get("/settings").get_data(as_text=True)
    wall = nia.get("/wall").get_data(as_text=True)

    assert (saved.status_code, refused.status_code, save(nia, name_1="X").status_code) == (303, 422, 403)
    assert 'value="Dialekt"' in page
    assert "Dialekt" in wall
    assert "So würden zwei Marken heißen." in refused.get_data(as_text=True)
    with db.reading() as session:
        event = session.execute(select(LiveEvent).where(LiveEvent.kind == "tags.changed")).scalar_one()
    assert event.payload["tags"][0]["name"] == "Dialekt"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("rating", {"rating": 6}), ("rating", {}), ("rating", {"rating": True}), ("jury", {"is_for_jury": 1}),
        ("tags", {"tag_id": "1", "is_on": True}), ("tags", {"tag_id": 1}),
    ],
)  # fmt: skip
def test_what_is_no_mark_is_refused(
    path: str, body: dict[str, Any], app: object, cast: Cast, sign_in: Callable[[str], Browser]
) -> None:
    nia = sign_in("nia")
    with db.transaction() as session:
        card_id = a_card(session, cast.rheinwelle).id

    assert nia.post(f"/api/v1/cards/{card_id}/{path}", body).status_code == 422
