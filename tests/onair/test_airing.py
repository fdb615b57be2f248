"""On air and aired: one key is one airing, and taking back leaves the log as it is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desk import db
from desk.errors import NotFound
from desk.onair import actions, queries
from desk.onair.models import Airing
from desk.settings import Settings
from desk.wall import actions as wall
from desk.wall.models import Card
from tests.desk_fixtures import SIX, Cast, add_cast
from tests.onair.stage import a_cart, a_voice, shortlist, sound_of

LATER = SIX + timedelta(minutes=5)
KEY = "0a1b2c3d-key"


@pytest.fixture
def cast(session: Session) -> Cast:
    return add_cast(session)


def air(session: Session, cast: Cast, slot_id: int, sha256: str, key: str = KEY) -> Airing:
    return actions.mark_aired(
        session, cast.rheinwelle, slot_id, sha256=sha256, idempotency_key=key, played_s=9.5, by=cast.sam, at=LATER
    )


def test_the_same_report_twice_is_one_airing(on_both_databases: Settings) -> None:
    from desk.media import storage

    with db.transaction() as session:
        cast = add_cast(session)
        assert storage.current() is not None
        slot, card, asset = a_cart(session, cast.rheinwelle, cast.nia)
        sha256 = sound_of(session, asset)

    for _ in range(2):
        with db.transaction() as session:
            air(session, cast, slot.id, sha256)

    with db.reading() as session:
        assert session.execute(select(func.count()).select_from(Airing)).scalar_one() == 1
        assert session.get_one(Card, card.id).state == "aired"
        assert [one.slot_id for one in queries.studio(session, cast.rheinwelle, at=LATER).aired] == [slot.id]


def test_an_item_goes_from_the_studio_on_air_and_is_aired(session: Session, cast: Cast) -> None:
    slot, card, asset = a_cart(session, cast.rheinwelle, cast.nia)
    sha256 = sound_of(session, asset)
    states = [card.state]

    actions.load_cart(session, cast.rheinwelle, slot.id, sha256, by=cast.sam, at=LATER)
    states.append(card.state)
    actions.set_on_air(session, cast.rheinwelle, slot.id, sha256, is_on=True, by=cast.sam, at=LATER)
    states.append(card.state)
    air(session, cast, slot.id, sha256)
    states.append(card.state)

    assert states == ["shortlisted", "in_studio", "on_air", "aired"]


def test_what_was_stopped_early_is_in_the_studio_again(session: Session, cast: Cast) -> None:
    slot, card, asset = a_cart(session, cast.rheinwelle, cast.nia)
    sha256 = sound_of(session, asset)
    for is_on in (True, False):
        actions.set_on_air(session, cast.rheinwelle, slot.id, sha256, is_on=is_on, by=cast.sam, at=LATER)

    assert card.state == "in_studio"


def test_taking_back_keeps_the_airing_in_the_log(session: Session, cast: Cast) -> None:
    slot, card, asset = a_cart(session, cast.rheinwelle, cast.nia)
    airing = air(session, cast, slot.id, sound_of(session, asset))

    actions.take_back(session, cast.rheinwelle, slot.id, by=cast.sam, at=LATER)

    assert (airing.undone_at, airing.undone_by_id) == (LATER, cast.sam)
    assert card.state == "in_studio"
    assert queries.studio(session, cast.rheinwelle, at=LATER).aired == ()
    with pytest.raises(NotFound):
        actions.take_back(session, cast.rheinwelle, slot.id, by=cast.sam, at=LATER)


def test_taking_the_state_back_on_the_wall_takes_the_airing_back(session: Session, cast: Cast) -> None:
    slot, card, asset = a_cart(session, cast.rheinwelle, cast.nia)
    airing = air(session, cast, slot.id, sound_of(session, asset))

    wall.undo(session, cast.rheinwelle, None, by=cast.sam, at=LATER)

    assert card.state != "aired"
    assert airing.undone_at == LATER


def test_bytes_that_were_never_vetted_cannot_be_marked_as_aired(session: Session, cast: Cast) -> None:
    card, asset = a_voice(session, cast.rheinwelle)
    slot = shortlist(session, card, cast.nia)

    with pytest.raises(actions.BytesChanged):
        air(session, cast, slot.id, sound_of(session, asset))


def test_an_airing_outlives_the_place_of_its_item(session: Session, cast: Cast) -> None:
    slot, card, asset = a_cart(session, cast.rheinwelle, cast.nia)
    air(session, cast, slot.id, sound_of(session, asset))

    wall.withdraw_card(session, card, at=LATER)
    session.expire_all()

    kept = session.execute(select(Airing)).scalar_one()
    assert kept.slot_id is None
    assert kept.undone_at is None
    assert queries.studio(session, cast.rheinwelle, at=LATER).aired == ()
