"""A film on the wall: looked through frame by frame without a sound, and heard without a picture by one key."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.serving import make_server

from desk import clock, db
from desk.media import actions as media
from desk.media import storage
from desk.media.models import Asset
from desk.onair.models import Listened
from desk.people import actions as people
from desk.people.models import Person
from desk.wall import actions as wall_acts
from desk.wall.models import Card
from media_store import pipeline
from media_store.keys import new_key
from media_store.recipes import Made
from tests.browser.wall_hand import until
from tests.desk_fixtures import Cast
from tests.media_store.material import video
from tests.wall import builders

pytestmark = pytest.mark.browser
SOUNDING = "[...document.querySelectorAll('audio, video')].filter((one) => !one.paused).length"
PLAYED = "performance.getEntriesByType('resource').map((one) => one.name.split('/').at(-1))"
BOXES = "[...document.querySelectorAll('.card')].map((one) => JSON.stringify(one.getBoundingClientRect()))"
FRAME = "new DOMMatrix(getComputedStyle(document.querySelector('.scrub.is-on img')).transform).e"


def a_film(cast: Cast, folder: Path) -> int:
    """A card with a film and everything that is made of one; returns the asset."""
    path = video(folder / "film.mp4", seconds=3)
    with db.transaction() as session:
        card = builders.a_card(session, cast.rheinwelle, kind="video", text="Gruß aus Düren")
        asset = builders.an_asset(session, card.message_id, cast.rheinwelle, kind="video", original_sha256="0" * 64)
        labels = pipeline.BroadcastLabels("t", "a", "o", "r", clock.now())

        def publish(made: Made) -> None:
            key = new_key("1", extension=made.extension)
            with made.path.open("rb") as stream:
                storage.current().put(key, stream, content_type=made.mime)
            media.add_rendition(session, asset, made, key, at=clock.now())

        facts = pipeline.make_renditions(
            path,
            declared_kind="video",
            is_voice=False,
            work_dir=folder,
            target=pipeline.AudioTarget(),
            labels=labels,
            publish=publish,
            original_sha256="0" * 64,
        )
        media.set_facts(session, session.get_one(Asset, asset.id), facts, at=clock.now())
        return asset.id


@pytest.fixture
def wall(app: Flask, cast: Cast, browser: Any, tmp_path: Path) -> Iterator[Any]:
    """Nia's wall with one film and two texts."""
    with db.transaction() as session:
        for number in range(2):
            builders.a_card(session, cast.rheinwelle, text=f"Nachricht {number}")
        link = people.make_link(session, session.get_one(Person, cast.nia), at=clock.now())
    a_film(cast, tmp_path)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", reduced_motion="reduce")
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
    page.goto(f"http://127.0.0.1:{server.server_port}/signin/link/{link}")
    page.click("form button[type=submit]")
    page.wait_for_selector("html[data-state=live]", state="attached")
    page.wait_for_selector(".card .scrub", state="attached")
    yield page
    context.close()
    server.shutdown()
    server.server_close()
    thread.join()
    assert faults == []


def test_a_film_is_looked_through_with_the_mouse_and_nothing_moves(wall: Any) -> None:
    before = wall.evaluate(BOXES)
    assert "scrub" not in wall.evaluate(PLAYED), "nothing is fetched before the first look"
    box = wall.locator(".card .media").bounding_box()

    wall.mouse.move(box["x"] + box["width"] * 0.05, box["y"] + 20)
    wall.wait_for_selector(".card .scrub.is-on")
    first = wall.evaluate(FRAME)
    wall.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 20)
    eighth = wall.evaluate(FRAME)

    shown = wall.evaluate("document.querySelector('.scrub-frame').getBoundingClientRect().width")
    assert first == 0
    assert eighth == pytest.approx(-7 * shown, abs=1)
    assert wall.evaluate(BOXES) == before
    until(wall, "document.querySelector('.scrub img').naturalWidth === 1600")
    wall.mouse.move(5, 5)
    wall.wait_for_selector(".card .scrub:not(.is-on)", state="attached")
    assert wall.evaluate(SOUNDING) == 0


def test_the_keys_look_through_the_film_in_focus(wall: Any) -> None:
    wall.locator(".card .scrub").locator("xpath=ancestor::article").focus()
    wall.keyboard.press(".")
    wall.wait_for_selector(".card .scrub.is-on")
    wall.keyboard.press(".")
    wall.keyboard.press(".")
    assert wall.inner_text(".card .scrub-time") == "0:01"
    wall.keyboard.press(",")
    shown = wall.evaluate("document.querySelector('.card .scrub-frame').getBoundingClientRect().width")
    assert wall.evaluate(FRAME) == pytest.approx(-shown, abs=1)


def test_one_key_plays_the_sound_of_a_film_without_its_pictures(wall: Any) -> None:
    wall.locator(".card .scrub").locator("xpath=ancestor::article").focus()

    wall.keyboard.press("v")

    wall.wait_for_selector(".film-sound.is-on")
    assert wall.evaluate(SOUNDING) == 0, "the audio element is not in the page, and no film runs"
    assert "preview" in wall.evaluate(PLAYED)
    assert "playable" not in wall.evaluate(PLAYED)
    wall.keyboard.press("v")
    wall.wait_for_selector(".film-sound:not(.is-on)")
    wall.keyboard.press("?")
    wall.wait_for_selector("dialog[open] >> text=Sound of the film alone")


def test_a_covered_film_is_neither_looked_through_nor_heard(wall: Any, cast: Cast) -> None:
    with db.transaction() as session:
        card_id = session.execute(select(Card.id).join(Asset, Asset.message_id == Card.message_id)).scalar_one()
        wall_acts.set_cover(session, cast.rheinwelle, card_id, is_covered=True, by=cast.nia, at=clock.now())
    wall.wait_for_selector(".card .scrub", state="detached")
    wall.locator(".card-video").focus()

    wall.keyboard.press("v")
    wall.keyboard.press(".")

    assert not {"preview", "playable", "scrub"} & set(wall.evaluate(PLAYED))
    assert wall.evaluate(SOUNDING) == 0


def test_a_covered_film_runs_slowly_in_grey_and_silent_until_a_key_asks_for_its_sound(wall: Any, cast: Cast) -> None:
    with db.transaction() as session:
        card_id = session.execute(select(Card.id).join(Asset, Asset.message_id == Card.message_id)).scalar_one()
        wall_acts.set_cover(session, cast.rheinwelle, card_id, is_covered=True, by=cast.nia, at=clock.now())
    wall.wait_for_selector(".card .veil")
    wall.locator(".card-video").focus()

    wall.keyboard.press("b")
    wall.wait_for_selector("#pane video.player-film")
    wall.keyboard.press(" ")
    until(wall, "document.querySelector('video.player-film').currentTime > 0.2")

    film = wall.evaluate(
        "(({ muted, playbackRate }) => [muted, playbackRate])(document.querySelector('video.player-film'))"
    )
    grey = wall.evaluate("getComputedStyle(document.querySelector('.card .media img')).filter")
    assert film == [True, 0.5]
    assert grey == "grayscale(1)"
    assert wall.locator("#pane .gentle").is_visible()
    with db.transaction() as session:
        wall_acts.set_cover(session, cast.rheinwelle, card_id, is_covered=False, by=cast.edith, at=clock.now())
    until(wall, "!document.querySelector('.card .is-grey') && !document.querySelector('#pane .gentle')")
    with db.reading() as session:
        assert session.execute(select(Listened.id)).first() is None, "what was seen without its sound was not heard"


def test_the_pane_has_a_slider_for_keys_and_the_waveform_of_the_sound(wall: Any) -> None:
    wall.locator(".card .scrub").locator("xpath=ancestor::article").focus()
    slider = wall.locator(".film-scrub")
    slider.focus()
    wall.keyboard.press("End")
    assert slider.get_attribute("aria-valuetext") == "Frame 10 of 10, 0:03"
    wall.keyboard.press("ArrowLeft")
    assert slider.get_attribute("aria-valuenow") == "9"
    wall.wait_for_selector(".player .wave path[d*=M]", state="attached")
    assert "LUFS" in wall.inner_text(".player .loud")

    wall.keyboard.press("Enter")

    until(wall, "document.querySelector('video').currentTime > 2.4")
    wall.wait_for_selector(".film.is-running", state="attached")
    wall.click('[data-pane="sound"]')
    wall.wait_for_selector('[data-pane="sound"].is-on')
    assert wall.evaluate(SOUNDING) == 0


def run_to_the_film(page: Any) -> None:
    page.goto(page.url.replace("/wall", "/triage"))
    page.wait_for_selector("html[data-ready=yes]", state="attached")
    while page.get_attribute("#main", "data-kind") != "video":
        assert page.locator("#alone").is_hidden(), "this card is no film"
        number = page.get_attribute("#main", "data-card")
        page.keyboard.press("e")
        page.wait_for_selector(f"#main:not([data-card='{number}'])")


def test_in_a_run_the_same_key_plays_the_sound_of_a_film_alone(wall: Any) -> None:
    run_to_the_film(wall)

    wall.keyboard.press("v")

    wall.wait_for_selector("#alone.is-on")
    assert wall.locator("#cue.is-on").count() == 0
    assert wall.evaluate(SOUNDING) == 0, "the audio element is not in the page, and no film runs"
    assert "playable" not in wall.evaluate(PLAYED)
    wall.keyboard.press(" ")
    wall.wait_for_selector("#cue.is-on")
    assert wall.locator("#alone.is-on").count() == 0
    wall.click("#alone")
    wall.wait_for_selector("#alone.is-on")
    wall.keyboard.press("v")
    wall.wait_for_selector("#alone:not(.is-on)")
    wall.keyboard.press("?")
    wall.wait_for_selector("dialog[open] >> text=Sound of the film alone")


def test_in_a_run_a_film_plays_on_when_more_becomes_known_of_it(wall: Any, cast: Cast) -> None:
    run_to_the_film(wall)
    wall.keyboard.press(" ")
    until(wall, "document.querySelector('video').currentTime > 0.2")
    wall.evaluate("document.querySelector('video').watched = true")

    with db.transaction() as session:
        asset = session.execute(select(Asset)).scalar_one()
        media.set_progress(session, asset, 50, at=clock.now())

    wall.wait_for_selector("#main[data-media=processing]")
    assert wall.evaluate("document.querySelector('video').watched === true")
