"""One wall in three shapes: what holds in cards holds in the mosaic and in the listening strip, by key and by thumb."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from desk import clock, db
from desk.live.models import LiveEvent, StationCounter
from desk.wall import actions
from tests.browser.wall_hand import until
from tests.desk_fixtures import Cast
from tests.wall import builders
from tests.web_static.test_wall_page import _faults_of, address, wall

__all__ = ["address", "wall"]
pytestmark = pytest.mark.browser
SHAPE = "document.documentElement.dataset.shape"
IN_HAND = """(() => {
  const card = document.querySelector('.card.is-focus'), box = card.getBoundingClientRect();
  const grid = document.getElementById('grid').getBoundingClientRect();
  const isSeen = box.top >= grid.top - 1 && box.bottom <= grid.bottom;
  return [Number(card.dataset.id), card === document.activeElement, isSeen];
})()"""
SMALL_TARGETS = """[...document.querySelectorAll('.card .card-acts button, .card .line-lead.cue, .card .audio .cue')]
  .filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect())
  .filter((box) => box.width < 44 || box.height < 44).length"""
OUT_OF_CARD = """[...document.querySelectorAll('.card')].flatMap((card) => {
  const frame = card.getBoundingClientRect();
  return [...card.querySelectorAll('button, .state, .badge')]
    .filter((one) => one.checkVisibility({ opacityProperty: true }))
    .map((one) => [`${card.className} ${one.className}`, one.getBoundingClientRect()])
    .filter(([, box]) => box.width > 1 && (box.left < frame.left - 1 || box.right > frame.right + 1
      || box.top < frame.top - 1 || box.bottom > frame.bottom + 1))
    .map(([name]) => name);
})"""
POSITIONS = "[...document.querySelectorAll('.card')].map((one) => Number(one.ariaPosInSet))"
SCROLL_ON = """new Promise((done) => {
  document.getElementById('grid').scrollTop += 500;
  requestAnimationFrame(() => requestAnimationFrame(done));
})"""


def open_wall(wall: Any, link: str) -> None:
    wall.goto(link)
    wall.wait_for_selector("html[data-ready=yes]", state="attached")


def fill_with_kinds(wall: Any, cast: Cast) -> None:
    """A voice with figures, a photo, a covered paper and one that failed, at the top of the wall."""
    files: list[dict[str, Any]] = [
        {"kind": "image", "state": "failed", "reason": "media.timeout"},
        {"kind": "image", "state": "ready", "facts": {"document_like": True}, "forms": ("card",)},
        {"kind": "image", "state": "ready", "forms": ("card",)},
        {"kind": "voice", "state": "ready", "forms": ("preview",)},
    ]
    with db.transaction() as session:
        for file in files:
            forms = file.pop("forms", ())
            card = builders.a_card(session, cast.rheinwelle, kind=file["kind"], text="Grüße", sent_at=clock.now())
            asset = builders.an_asset(session, card.message_id, cast.rheinwelle, **file)
            for form in forms:
                builders.a_rendition(session, asset, form, mime="audio/mpeg" if form == "preview" else "image/webp")
    wall.locator("#newpill").click()
    wall.wait_for_selector(".card .cue")


def test_one_key_turns_the_shape_and_the_card_in_hand_stays(wall: Any, cast: Cast) -> None:
    for _ in range(14):
        wall.keyboard.press("j")
    wall.keyboard.press("x")
    card, *_ = wall.evaluate(IN_HAND)
    for shape, columns in (("mosaic", 3), ("strip", 1), ("cards", 3)):
        wall.keyboard.press("d")
        assert wall.evaluate(SHAPE) == shape
        assert wall.evaluate(IN_HAND) == [card, True, True]
        assert f"shape={shape}" in wall.url
        assert wall.locator(f"[data-shape-choice={shape}][aria-pressed=true]").count() == 1
        assert wall.locator(".card.is-selected").count() == 1
        place = int(wall.locator(".card.is-focus").get_attribute("aria-posinset"))
        wall.keyboard.press("ArrowDown")
        assert int(wall.locator(".card.is-focus").get_attribute("aria-posinset")) == place + columns
        wall.keyboard.press("ArrowUp")
    wall.keyboard.press("Escape")
    wall.keyboard.press("Shift+D")
    with db.transaction() as session:
        builders.a_card(session, cast.rheinwelle, text="Neu", sent_at=clock.now())
        actions.claim(session, cast.rheinwelle, card, by=cast.edith, at=clock.now())
    wall.wait_for_selector("#newpill:not([hidden]) >> text=1")
    wall.wait_for_selector(f".card[data-id='{card}'] .state-claimed >> text=Edith on it")
    wall.keyboard.press("k")
    wall.keyboard.press("e")
    wall.wait_for_selector(".toast >> text=rejected")
    assert wall.locator(".card.is-rejected .state").inner_text() == "Rejected"
    wall.click("#why button >> nth=1")
    wall.wait_for_selector(".card.is-rejected .state >> text=double")
    wall.keyboard.press("z")
    wall.wait_for_selector(".card.is-rejected .state:not(:has-text('double'))")
    wall.keyboard.press("z")
    wall.wait_for_selector(".card.is-rejected", state="detached")


def test_the_link_names_the_shape_and_without_one_the_last_choice_holds(wall: Any, address: str) -> None:
    wall.click("[data-shape-choice=mosaic]")
    open_wall(wall, f"{address}/wall?shape=strip&kind=text")
    assert wall.evaluate(SHAPE) == "strip"
    open_wall(wall, f"{address}/wall")
    assert wall.evaluate(SHAPE) == "mosaic"
    assert "shape=mosaic" in wall.url
    open_wall(wall, f"{address}/wall?shape=heap")
    assert wall.evaluate(SHAPE) == "mosaic"


@pytest.mark.parametrize("shape", ["mosaic", "strip"])
def test_every_shape_shows_every_kind_at_every_size(wall: Any, cast: Cast, address: str, shape: str) -> None:
    fill_with_kinds(wall, cast)
    wall.click(f"[data-shape-choice={shape}]")
    for width, theme in ((1920, "dark"), (1440, "light"), (390, "dark")):
        wall.set_viewport_size({"width": width, "height": 900})
        wall.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
        until(wall, "document.querySelector('.card').getBoundingClientRect().right <= innerWidth")
        assert wall.evaluate(OUT_OF_CARD) == []
        assert wall.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert width == 1920 or _faults_of(wall) == []
    assert wall.evaluate(SMALL_TARGETS) == 0
    wall.locator(".card .card-acts [data-act=reject]").first.click()
    wall.wait_for_selector(".card.is-rejected")
    assert min(box["height"] for box in (one.bounding_box() for one in wall.locator("#why button").all())) >= 44
    wall.locator(".toast .btn").click()
    wall.wait_for_selector(".card.is-rejected", state="detached")


def test_far_down_nothing_is_missing_and_a_long_absence_costs_no_place(wall: Any, cast: Cast) -> None:
    with db.transaction() as session:
        for number in range(100):
            builders.a_card(session, cast.rheinwelle, text=f"Alt {number}")
    wall.reload()
    wall.wait_for_selector(".card[aria-setsize]")
    wall.keyboard.press("Shift+D")
    seen: set[int] = set()
    for _ in range(60):
        seen |= set(wall.evaluate(POSITIONS))
        wall.evaluate(SCROLL_ON)
        if max(seen) == 140:
            break
    assert seen == set(range(1, 141))

    last = wall.locator(".card").last.get_attribute("data-id")
    top = wall.evaluate("document.getElementById('grid').scrollTop")
    wall.context.set_offline(True)
    wall.wait_for_selector("html[data-state=offline]", state="attached")
    with db.transaction() as session:
        builders.a_card(session, cast.rheinwelle, text="Verpasst", sent_at=clock.now())
        actions.move_card(
            session, cast.rheinwelle, int(last), to="shortlisted", version=1, reason=None, by=cast.edith, at=clock.now()
        )
    with db.transaction() as session:
        counter = session.get_one(StationCounter, cast.rheinwelle)
        event = {"station_id": cast.rheinwelle, "kind": "tally", "audience": "wall.read", "payload": {}}
        later = range(counter.event_seq + 1, counter.event_seq + 2002)
        rows = [event | {"seq": seq, "at": clock.now()} for seq in later]
        session.execute(insert(LiveEvent), rows)
        counter.event_seq += 2001
    wall.context.set_offline(False)
    wall.wait_for_selector("#newpill:not([hidden]) >> text=1")
    wall.wait_for_selector(f".card.is-short[data-id='{last}']")
    assert wall.evaluate("document.getElementById('grid').scrollTop") == top
