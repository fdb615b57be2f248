"""Vetting: a producer has heard the exact bytes, and whatever changes them ends it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import db
from desk.conversations.models import Message
from desk.errors import NotFound
from desk.live.models import AuditRow
from desk.onair import actions, queries, rules
from desk.onair.models import Vetting
from desk.settings import Settings
from desk.wall import actions as wall
from desk.wall.models import Card
from tests.desk_fixtures import SIX, Cast, add_cast
from tests.onair.stage import a_cart, a_voice, hear, render, shortlist, sound_of
from tests.wall.builders import a_card

LATER = SIX + timedelta(minutes=5)


@pytest.fixture
def cast(session: Session) -> Cast:
    return add_cast(session)


def carts(session: Session, station_id: int) -> list[int]:
    """Card ids the presenter has."""
    session.flush()
    return [cart.view.item.card.id for cart in queries.studio_list(session, station_id, at=LATER)]


def test_all_of_the_exact_bytes_must_be_heard(session: Session, cast: Cast) -> None:
    card, asset = a_voice(session, cast.rheinwelle, duration_s=20)

    with pytest.raises(actions.NotHeard):
        actions.vet(session, cast.rheinwelle, card.id, sound_of(session, asset), by=cast.nia, at=LATER)
    assert hear(session, card, asset, cast.nia, to_s=18) == pytest.approx(0.9)
    with pytest.raises(actions.NotHeard):
        actions.vet(session, cast.rheinwelle, card.id, sound_of(session, asset), by=cast.nia, at=LATER)
    hear(session, card, asset, cast.nia)
    actions.vet(session, cast.rheinwelle, card.id, sound_of(session, asset), by=cast.nia, at=LATER)

    assert card.vetted_sha256 == sound_of(session, asset)


def test_what_a_colleague_heard_does_not_count(session: Session, cast: Cast) -> None:
    card, asset = a_voice(session, cast.rheinwelle)
    hear(session, card, asset, cast.edith)

    with pytest.raises(actions.NotHeard):
        actions.vet(session, cast.rheinwelle, card.id, sound_of(session, asset), by=cast.nia, at=LATER)


def test_what_was_heard_before_the_bytes_changed_does_not_count(session: Session, cast: Cast) -> None:
    card, asset = a_voice(session, cast.rheinwelle)
    hear(session, card, asset, cast.nia)
    render(session, asset, "preview", b"another preview")
    render(session, asset, "broadcast", b"another sound")

    with pytest.raises(actions.NotHeard):
        actions.vet(session, cast.rheinwelle, card.id, sound_of(session, asset), by=cast.nia, at=LATER)


def test_listening_to_bytes_that_are_gone_is_refused(session: Session, cast: Cast) -> None:
    card, asset = a_voice(session, cast.rheinwelle)
    before = sound_of(session, asset, "preview")
    render(session, asset, "preview", b"another preview")

    with pytest.raises(actions.BytesChanged):
        actions.note_listened(session, cast.rheinwelle, card.id, asset.id, before, 0, 10, by=cast.nia, at=LATER)


def test_another_messages_file_does_not_count(session: Session, cast: Cast) -> None:
    card, _asset = a_voice(session, cast.rheinwelle)
    _other, foreign = a_voice(session, cast.rheinwelle, words="anders")

    with pytest.raises(NotFound):
        actions.note_listened(
            session, cast.rheinwelle, card.id, foreign.id, sound_of(session, foreign), 0, 10, by=cast.nia, at=LATER
        )


def test_vetting_names_bytes_that_exist(session: Session, cast: Cast) -> None:
    card, asset = a_voice(session, cast.rheinwelle)
    hear(session, card, asset, cast.nia)

    with pytest.raises(actions.BytesChanged):
        actions.vet(session, cast.rheinwelle, card.id, "0" * 64, by=cast.nia, at=LATER)


def test_a_voice_without_a_broadcast_file_is_not_ready(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle, kind="voice", text="")
    from tests.wall.builders import an_asset

    an_asset(session, card.message_id, cast.rheinwelle, state="fetching")

    with pytest.raises(actions.NotReady):
        actions.vet(session, cast.rheinwelle, card.id, "0" * 64, by=cast.nia, at=LATER)


def test_vetting_twice_is_one_vetting(session: Session, cast: Cast) -> None:
    _slot, card, asset = a_cart(session, cast.rheinwelle, cast.nia)

    actions.vet(session, cast.rheinwelle, card.id, sound_of(session, asset, "preview"), by=cast.nia, at=LATER)

    assert len(session.execute(select(Vetting)).all()) == 1


def test_a_vetted_cleared_item_of_the_shortlist_is_in_the_studio(session: Session, cast: Cast) -> None:
    _slot, card, _asset = a_cart(session, cast.rheinwelle, cast.nia)

    assert carts(session, cast.rheinwelle) == [card.id]


def test_a_text_is_vetted_by_its_words_and_read_out(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle, text="Bei uns schneit es")
    shortlist(session, card, cast.nia)
    wall.set_consent(session, cast.rheinwelle, card.id, "given", by=cast.nia, at=SIX)
    report = queries.vetting_report(session, cast.rheinwelle, card.id, person_id=cast.nia)

    actions.vet(session, cast.rheinwelle, card.id, report["sha256"], by=cast.nia, at=LATER)

    (cart,) = queries.studio_list(session, cast.rheinwelle, at=LATER)
    assert cart.as_json()["text"] == "Bei uns schneit es"
    assert cart.as_json()["audio_url"] is None


@pytest.mark.parametrize("ending", ["edited", "withdrawn", "rejected", "changed", "by_hand", "withdrawn consent"])
def test_a_vetting_ends_with_what_it_was_given_for(house: Settings, ending: str) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        _slot, card, asset = a_cart(session, cast.rheinwelle, cast.nia)
    station_id, card_id = cast.rheinwelle, card.id

    with db.transaction() as session:
        card = session.get_one(Card, card_id)
        if ending == "edited":
            message = session.get_one(Message, card.message_id)
            message.text, message.edited_at = "doch anders", LATER
            wall.edit_card(session, message, at=LATER)
        elif ending == "withdrawn":
            wall.withdraw_card(session, card, at=LATER)
        elif ending == "rejected":
            wall.move_card(session, station_id, card_id, to="rejected", version=card.version, by=cast.nia, at=LATER)
        elif ending == "changed":
            render(session, session.merge(asset), "broadcast", b"rendered anew")
            wall.refresh_card(session, card, at=LATER)
        elif ending == "by_hand":
            assert actions.unvet(session, station_id, card_id, by=cast.nia, at=LATER)
        else:
            wall.set_consent(session, station_id, card_id, "withdrawn", by=cast.nia, at=LATER)

    with db.reading() as session:
        card = session.get_one(Card, card_id)
        vetting = session.execute(select(Vetting)).scalar_one()
        acts = session.execute(select(AuditRow.act)).scalars().all()
        assert card.vetted_sha256 is None
        assert vetting.ended_reason == ending.split()[0]
        assert acts.count("card.unvet") == 1
        assert carts(session, station_id) == []


def test_bytes_that_changed_unnoticed_are_not_in_the_studio_either(session: Session, cast: Cast) -> None:
    _slot, _card, asset = a_cart(session, cast.rheinwelle, cast.nia)

    render(session, asset, "broadcast", b"rendered anew, and nobody told the card")

    assert carts(session, cast.rheinwelle) == []


def test_a_loaded_item_leaves_the_studio_when_its_vetting_ends(session: Session, cast: Cast) -> None:
    slot, card, asset = a_cart(session, cast.rheinwelle, cast.nia)
    actions.load_cart(session, cast.rheinwelle, slot.id, sound_of(session, asset), by=cast.sam, at=LATER)
    assert card.state == "in_studio"

    actions.unvet(session, cast.rheinwelle, card.id, by=cast.nia, at=LATER)

    assert card.state == "shortlisted"


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(0, 60)), max_size=8), st.floats(1, 60))
@example([(0.0, 1.8298068627852278), (1.0, 2.0), (1.0, 19.0)], 18.23139984174315)
def test_the_heard_share_is_a_share_and_never_falls_by_hearing_more(
    stretches: list[tuple[float, float]], duration_s: float
) -> None:
    stretches = [(min(pair), max(pair)) for pair in stretches]

    share = rules.heard_share(stretches, duration_s)
    more = rules.heard_share([*stretches, (0.0, duration_s)], duration_s)

    assert 0 <= share <= more == pytest.approx(1.0)
