"""What a card says of a recording: words with figures, speech or song as a suggestion."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np

from desk import clock, db
from desk.media import actions, queries, storage
from desk.wall.models import Card
from media_store import peaks
from media_store.keys import new_key
from media_store.pipeline import Facts
from media_store.singing import VoiceKind
from tests.desk_fixtures import Browser, Cast
from tests.media_store.test_peaks import read_dat
from tests.wall.builders import a_card, a_rendition, an_asset

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


def test_the_editors_waveform_is_served_to_the_byte(cast: Cast, sign_in: Callable[[str], Browser]) -> None:
    data = peaks.to_dat(peaks.Drawing(np.array([[-0.5, 0.25]] * 400, np.float32), peaks.FINEST))
    with db.transaction() as session:
        asset = an_asset(session, a_card(session, cast.rheinwelle, kind="voice").message_id, cast.rheinwelle)
        key = new_key("1", extension="dat")
        sha256 = storage.current().put(key, io.BytesIO(data), content_type="application/octet-stream")
        a_rendition(
            session, asset, "peaks_fine", key=key, bytes=len(data), sha256=sha256, mime="application/octet-stream"
        )

    answer = sign_in("nia").client.get(f"/media/{asset.id}/peaks_fine")

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/octet-stream")
    assert read_dat(answer.data).pairs == [(-16384, 8192)] * 400
    answer.close()
