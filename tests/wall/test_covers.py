"""Pictures that lie covered: why, who lays them open for all, how that is taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from desk.media import queries as media
from desk.wall import actions, queries
from desk.wall.models import Card
from tests.desk_fixtures import SIX, Cast, add_cast
from tests.wall.builders import a_card, an_asset

LATER = SIX + timedelta(minutes=5)


@pytest.fixture
def cast(session: Session) -> Cast:
    return add_cast(session)


def a_picture(session: Session, station_id: int, **facts: object) -> Card:
    card = a_card(session, station_id, kind="image")
    an_asset(session, card.message_id, station_id, kind="image", state="ready", facts={"blurhash": "L00000", **facts})
    return card


def shown(session: Session, card: Card) -> dict[str, object]:
    session.flush()
    session.expire_all()
    return dict(queries.view_card(session, card, at=LATER).as_json()["media"][0])


@pytest.mark.parametrize(("facts", "cover"), [
    ({}, None), ({"document_like": True}, "document"), ({"sensitive": True}, "sensitive"), ({"sensitive": False}, None),
    ({"sensitive": True, "document_like": True}, "sensitive"), ({"sensitive": None}, None),
])  # fmt: skip
def test_a_card_says_why_its_picture_is_covered(
    session: Session, cast: Cast, facts: dict[str, object], cover: str | None
) -> None:
    one = shown(session, a_picture(session, cast.rheinwelle, **facts))

    assert (one["cover"], one["blurhash"]) == (cover, "L00000")
    assert (one["document_like"], one["sensitive"]) == (bool(facts.get("document_like")), facts.get("sensitive"))


def test_a_person_lays_a_picture_open_for_all_and_takes_it_back(session: Session, cast: Cast) -> None:
    card = a_picture(session, cast.rheinwelle, sensitive=True)

    act = actions.set_cover(session, cast.rheinwelle, card.id, is_covered=False, by=cast.nia, at=LATER)
    opened = shown(session, card)
    actions.undo(session, cast.rheinwelle, act.id, by=cast.edith, at=LATER)

    assert (opened["cover"], opened["sensitive"]) == (None, True), "the mark stays, the person decides"
    assert shown(session, card)["cover"] == "sensitive"


def test_a_person_covers_what_the_desk_did_not_see(session: Session, cast: Cast) -> None:
    card = a_picture(session, cast.rheinwelle)

    actions.set_cover(session, cast.rheinwelle, card.id, is_covered=True, by=cast.nia, at=LATER)

    assert shown(session, card)["cover"] == "sensitive"


def test_the_conversation_covers_the_same_picture(session: Session, cast: Cast) -> None:
    card = a_picture(session, cast.rheinwelle, document_like=True)
    before = media.list_assets(session, [card.message_id])[card.message_id][0].as_json()["cover"]
    actions.set_cover(session, cast.rheinwelle, card.id, is_covered=False, by=cast.nia, at=LATER)
    session.expire_all()

    assert before == "document"
    assert media.list_assets(session, [card.message_id])[card.message_id][0].as_json()["cover"] is None
