"""What a card says of a recording: words with figures, speech or song as a suggestion."""

from __future__ import annotations

from desk import clock, db
from desk.media import actions, queries
from desk.wall.models import Card
from media_store.pipeline import Facts
from media_store.singing import VoiceKind
from tests.desk_fixtures import Cast
from tests.wall.builders import a_card, an_asset

MEASURED = Facts(
    "voice",
    "audio/ogg",
    duration_s=4.0,
    flags=("clipped", "limited", "uneven"),
    flag_figures={"clipped": {"percent": 3}, "short": {"tenths": 40}},
    voice_kind=VoiceKind("song", 0.9),
)


def card_with(cast: Cast, facts: Facts | None) -> Card:
    with db.transaction() as session:
        card = a_card(session, cast.rheinwelle, kind="voice")
        asset = an_asset(session, card.message_id, cast.rheinwelle)
        if facts is not None:
            actions.set_facts(session, asset, facts, at=clock.now())
    return card


def shown(card: Card) -> dict[str, object]:
    with db.reading() as session:
        return queries.list_assets(session, [card.message_id])[card.message_id][0].as_json()


def test_a_card_says_what_is_wrong_with_a_recording(cast: Cast) -> None:
    media = shown(card_with(cast, MEASURED))

    assert media["quality"] == [
        {"code": "clipped", "text": "Overloaded: %(percent)s per cent of the recording is clipped.",
         "facts": {"percent": 3}},
        {"code": "uneven", "text": "Loud and quiet parts differ strongly.", "facts": {}},
    ]  # fmt: skip
    assert media["voice_kind"] == {"kind": "song", "confidence": 0.9}


def test_before_it_is_measured_nothing_is_said(cast: Cast) -> None:
    media = shown(card_with(cast, None))

    assert (media["quality"], media["voice_kind"]) == ([], None)
