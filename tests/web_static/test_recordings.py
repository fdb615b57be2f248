"""What the desk found out about a recording, in words on the card and in the pane."""

from __future__ import annotations

from typing import Any

import pytest

from desk import clock, db
from desk.media.models import Transcript
from tests.desk_fixtures import Cast
from tests.wall import builders
from tests.web_static.test_wall_page import _faults_of, address, wall

__all__ = ["address", "wall"]
pytestmark = pytest.mark.browser
NOISY = {
    "flags": ["noisy", "uneven"],
    "flag_figures": {"noisy": {"snr_db": 8}},
    "voice_kind": {"kind": "song", "confidence": 0.87},
    "level_note": {"code": "level.capped", "facts": {"gain_db": 30, "reached": -31.4, "target": -23}},
}
WORDS = [["Guten", 0.1, 0.4], ["Morgen", 0.4, 0.9]]


def a_recording(wall: Any, cast: Cast, facts: dict[str, Any], said: dict[str, Any] | None) -> Any:
    """A voice note on the wall, as its card; shown by the counter as a producer does."""
    with db.transaction() as session:
        card = builders.a_card(session, cast.rheinwelle, kind="voice", text="", sent_at=clock.now())
        asset = builders.an_asset(
            session, card.message_id, cast.rheinwelle, state="ready", duration_s=4.0, facts=facts, peaks=bytes(56)
        )
        builders.a_rendition(session, asset, "preview")
        if said is not None:
            session.add(
                Transcript(
                    asset_id=asset.id, station_id=cast.rheinwelle, original_sha256="0" * 64, at=clock.now(), **said
                )
            )
        number = card.id
    wall.locator("#newpill").click()
    card_on_wall = wall.locator(f'.card[data-id="{number}"]')
    card_on_wall.wait_for()
    return card_on_wall


def test_a_card_says_the_gravest_remark_and_the_pane_all_of_them(wall: Any, cast: Cast) -> None:
    card = a_recording(wall, cast, NOISY, None)

    assert card.locator(".remark").inner_text() == "Noisy: the voice stands only 8 dB above the noise."
    card.locator(".card-head").click()
    wall.wait_for_selector("#pane .remarks li")
    lines = wall.locator("#pane .remarks li").all_inner_texts()
    assert lines[:2] == ["Noisy: the voice stands only 8 dB above the noise.", "Loud and quiet parts differ strongly."]
    assert "reaches −31.4 instead of −23 LUFS" in lines[2]
    assert lines[3] == "Probably sung (87 %)"
    assert wall.locator("#pane .said").count() == 0, "nobody asked for the words"
    assert _faults_of(wall) == []


def test_what_is_said_stands_on_the_card_and_a_word_leads_to_its_place(wall: Any, cast: Cast) -> None:
    said = {"state": "ready", "language": "de", "text": "Guten Morgen", "words": WORDS}
    card = a_recording(wall, cast, {"flags": []}, said)

    assert card.locator(".tr").inner_text() == "Guten Morgen"
    card.locator(".card-head").click()
    wall.wait_for_selector("#pane .said .word >> text=Morgen")
    assert wall.locator("#pane .said p").get_attribute("lang") == "de"
    assert wall.locator("#pane .said .word >> text=Morgen").get_attribute("data-at") == "0.4"
    assert _faults_of(wall) == []


def test_the_pane_shades_what_the_copy_for_air_leaves_out(wall: Any, cast: Cast) -> None:
    card = a_recording(wall, cast, {"flags": [], "air_in_s": 1.0, "air_out_s": 4.0}, None)

    card.locator(".card-head").click()
    wall.wait_for_selector("#pane .air-edge.is-left", state="attached")
    shares = (
        "(() => { const wide = document.querySelector('#pane .player-wave').clientWidth;"
        " return [...document.querySelectorAll('#pane .air-edge')].map((one) => one.offsetWidth / wide); })()"
    )
    assert wall.evaluate(shares) == [pytest.approx(0.25, abs=0.02)]


def test_a_song_has_no_text_and_says_so(wall: Any, cast: Cast) -> None:
    card = a_recording(wall, cast, {"flags": []}, {"state": "sung", "language": None, "text": "", "words": []})

    assert card.locator(".tr").inner_text() == "Sung, no text"
