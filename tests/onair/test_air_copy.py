"""What airs is a stretch of what is heard: the copy for air starts and ends with the sound, the preview is whole."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.orm import Session

from desk.media.models import Asset, Rendition
from desk.onair import actions, queries, rules
from desk.shortlist import queries as shortlisted
from desk.wall.models import Card
from tests.desk_fixtures import SIX, Cast, add_cast
from tests.onair.stage import a_cart, a_voice, sound_of

LATER = SIX + timedelta(minutes=5)


@pytest.fixture
def cast(session: Session) -> Cast:
    return add_cast(session)


def cut_to(session: Session, asset: Asset, begins_s: float, length_s: float) -> None:
    session.execute(
        update(Rendition)
        .where(Rendition.asset_id == asset.id, Rendition.profile == "broadcast")
        .values(begins_s=begins_s, duration_s=length_s)
    )
    session.expire_all()


def note(session: Session, cast: Cast, card: Card, asset: Asset, profile: str, from_s: float, to_s: float) -> float:
    sha256 = sound_of(session, asset, profile)
    return actions.note_listened(
        session, cast.rheinwelle, card.id, asset.id, sha256, from_s, to_s, by=cast.nia, at=LATER
    )


def test_silence_that_is_not_aired_need_not_be_heard(session: Session, cast: Cast) -> None:
    card, asset = a_voice(session, cast.rheinwelle, duration_s=20)
    cut_to(session, asset, 5.0, 8.0)

    assert note(session, cast, card, asset, "preview", 5.0, 13.0) == 1.0
    actions.vet(session, cast.rheinwelle, card.id, sound_of(session, asset), by=cast.nia, at=LATER)

    assert card.vetted_sha256 == sound_of(session, asset)


def test_silence_that_was_heard_is_no_part_of_what_airs(session: Session, cast: Cast) -> None:
    card, asset = a_voice(session, cast.rheinwelle, duration_s=20)
    cut_to(session, asset, 5.0, 8.0)

    assert note(session, cast, card, asset, "preview", 0.0, 9.0) == pytest.approx(0.5)
    assert note(session, cast, card, asset, "preview", 13.0, 20.0) == pytest.approx(0.5)
    with pytest.raises(actions.NotHeard):
        actions.vet(session, cast.rheinwelle, card.id, sound_of(session, asset), by=cast.nia, at=LATER)


def test_both_forms_count_in_the_time_of_what_airs(session: Session, cast: Cast) -> None:
    card, asset = a_voice(session, cast.rheinwelle, duration_s=20)
    cut_to(session, asset, 5.0, 8.0)

    note(session, cast, card, asset, "preview", 5.0, 9.0)

    assert note(session, cast, card, asset, "broadcast", 4.0, 8.0) == 1.0


def test_the_studio_draws_and_counts_what_it_plays(session: Session, cast: Cast) -> None:
    _slot, card, asset = a_cart(session, cast.rheinwelle, cast.nia, duration_s=20)
    cut_to(session, asset, 5.0, 10.0)

    (cart,) = queries.studio_list(session, cast.rheinwelle, at=LATER)
    shown = cart.as_json()
    player = shortlisted.view_item(session, cast.rheinwelle, card).content.media_json()

    assert shown["duration_s"] == 10.0
    assert base64.b64decode(shown["peaks"]) == bytes(range(14, 42))
    assert player is not None
    assert (player["duration_s"], player["air_in_s"], player["air_out_s"]) == (20, 5.0, 15.0)
    assert len(base64.b64decode(player["peaks"])) == 56


@settings(deadline=None)
@given(
    begins_s=st.floats(0, 50), length_s=st.floats(0.1, 50),
    heard=st.lists(st.tuples(st.floats(0, 120), st.floats(0, 120)).map(sorted), max_size=5),
)  # fmt: skip
def test_only_what_lies_in_the_copy_counts(begins_s: float, length_s: float, heard: list[list[float]]) -> None:
    inside = [rules.in_air((from_s, to_s), begins_s, length_s) for from_s, to_s in heard]

    assert all(0 <= from_s <= to_s <= length_s for from_s, to_s in inside)
    share = rules.heard_share(inside, length_s)
    outside = [(0.0, begins_s), (begins_s + length_s, begins_s + length_s + 9)]
    more = [*inside, *(rules.in_air(stretch, begins_s, length_s) for stretch in outside)]
    assert rules.heard_share(more, length_s) == pytest.approx(share, abs=0.02 + rules.JOIN_S / length_s)
    assert rules.heard_share([rules.in_air((begins_s, begins_s + length_s), begins_s, length_s)], length_s) >= 0.999
