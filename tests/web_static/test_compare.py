"""Two cards side by side: heard in turns, zoomed together, one kept and the other rejected or left for later."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image

from desk import clock, db
from desk.media import storage
from desk.wall.models import Card
from tests.browser.wall_hand import until
from tests.desk_fixtures import Cast
from tests.wall import builders
from tests.web_static.test_listening import (
    AT_S,
    SOUNDING,
    Open,
    Recording,
    a_voice,
    open_page,
    recordings,
)
from tests.web_static.test_wall_page import _faults_of

__all__ = ["open_page", "recordings"]
pytestmark = pytest.mark.browser
BOXES = "[...document.querySelectorAll('.cmp-photo img')].map((one) => one.getBoundingClientRect())"
TURNS = "[...document.querySelectorAll('.cmp-photo img')].map((one) => one.style.transform)"
LINES = "[...document.querySelectorAll('.cmp-sound')].map((one) => one.classList.contains('is-on'))"


def a_photo(cast: Cast, name: str, size: tuple[int, int]) -> int:
    picture = io.BytesIO()
    Image.new("RGB", size, (90, 120, 160)).save(picture, "PNG")
    with db.transaction() as session:
        listener = builders.a_listener(session, cast.rheinwelle, name)
        at = clock.now() - timedelta(hours=2)
        card = builders.a_card(session, cast.rheinwelle, kind="image", text="", listener=listener, sent_at=at)
        asset = builders.an_asset(
            session, card.message_id, cast.rheinwelle, kind="image", state="ready", width_px=size[0],
            height_px=size[1], original_sha256="0" * 64,
        )  # fmt: skip
        key = f"{cast.rheinwelle}/{asset.id}.large"
        storage.current().put(key, io.BytesIO(picture.getvalue()), content_type="image/png")
        sha256 = hashlib.sha256(picture.getvalue()).hexdigest()
        builders.a_rendition(session, asset, "large", mime="image/png", key=key, bytes=picture.tell(), sha256=sha256)
        return card.id


def state_of(card_id: int) -> str:
    with db.reading() as session:
        return session.get_one(Card, card_id).state


def compare_first_two(page: Any) -> None:
    """X on the card in focus and on the one behind it, then the comparison."""
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("Shift+C")
    page.wait_for_selector("dialog.cmp[open]")


def test_two_voices_are_heard_in_turns_and_one_is_kept_by_one_key(
    open_page: Open, cast: Cast, recordings: list[Recording]
) -> None:
    with db.transaction() as session:
        ada = a_voice(session, cast, "Ada", recordings[1]).id
        bo = a_voice(session, cast, "Bo", recordings[2])
        bo.placed_at = clock.now() - timedelta(minutes=1)
        bo_id = bo.id
    page = open_page("/wall")
    compare_first_two(page)
    faults = _faults_of(page)

    assert page.evaluate("sounds.length") == 0, "no sound without a key"
    page.keyboard.press("ArrowRight")
    until(page, f"{SOUNDING} === 1 && {AT_S} > 0.4")
    assert page.evaluate(LINES) == [False, True]
    page.keyboard.press("x")
    until(page, f"{LINES}[0]")
    until(page, f"{SOUNDING} === 1 && {AT_S} > 0.4")
    page.keyboard.press("ArrowLeft")
    until(page, f"{SOUNDING} === 1 && {AT_S} < 0.4")

    page.keyboard.press("1")
    page.wait_for_selector("dialog.cmp", state="detached")
    page.wait_for_selector(".toast >> text=kept")
    assert (state_of(bo_id), state_of(ada)) == ("shortlisted", "rejected")
    assert page.evaluate(SOUNDING) == 0
    page.keyboard.press("z")
    page.wait_for_selector(".card.is-new[aria-posinset='1']")
    page.wait_for_selector(".card.is-new[aria-posinset='2']")
    assert (state_of(bo_id), state_of(ada)) == ("new", "new"), "one key takes both back"
    assert faults == []


def test_two_photos_stand_at_one_height_and_zoom_together_also_on_a_phone(open_page: Open, cast: Cast) -> None:
    wide, tall = a_photo(cast, "Ada", (1600, 900)), a_photo(cast, "Bo", (600, 900))
    page = open_page("/wall")
    compare_first_two(page)
    until(page, "[...document.querySelectorAll('.cmp-photo img')].every((one) => one.naturalWidth)")

    left, right = page.evaluate(BOXES)
    assert left["height"] == pytest.approx(right["height"], abs=1)
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    turns = page.evaluate(TURNS)
    assert turns[0] == turns[1] != ""
    assert "scale(1.5)" in turns[0]
    page.set_viewport_size({"width": 390, "height": 844})
    boxes = page.evaluate("[...document.querySelectorAll('.cmp-side')].map((one) => one.getBoundingClientRect())")
    assert boxes[0]["bottom"] <= boxes[1]["top"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog.cmp", state="detached")
    assert (state_of(wide), state_of(tall)) == ("new", "new")
    assert page.evaluate("document.activeElement.classList.contains('card')")

    page.set_viewport_size({"width": 1440, "height": 900})
    page.keyboard.press("Shift+C")
    page.keyboard.press("Shift+Digit2")
    page.wait_for_selector("dialog.cmp", state="detached")
    assert sorted([state_of(wide), state_of(tall)]) == ["new", "shortlisted"], "the other one waits"
