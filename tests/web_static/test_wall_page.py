"""The wall in a real browser against the real desk: what a producer sees and presses during a show."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from desk import clock, db
from desk.wall import actions
from tests.desk_fixtures import Browser, Cast
from tests.wall import builders

pytestmark = pytest.mark.browser
AXE = (Path(__file__).resolve().parents[1] / "vendor" / "axe.min.js").read_text()
FOCUSED = "document.querySelector('.card.is-focus').getBoundingClientRect().toJSON()"
SOUNDING = "[...document.querySelectorAll('audio, video')].filter((one) => !one.paused).length"


@pytest.fixture
def address(app: Flask, cast: Cast) -> Iterator[str]:
    """The desk behind a port, with forty cards on the wall."""
    with db.transaction() as session:
        for number in range(40):
            builders.a_card(session, cast.rheinwelle, text=f"Nachricht Nr{number}")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def wall(address: str, sign_in: Callable[[str], Browser], browser: Any) -> Iterator[Any]:
    """Nia's wall with the line open."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", reduced_motion="reduce")
    context.add_cookies([sign_in("nia").cookie(address)])
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda said: faults.append(said.text) if re.search("Content Security|bound twice", said.text) else None,
    )
    page.goto(f"{address}/wall")
    page.wait_for_selector("html[data-state=live]", state="attached")
    page.wait_for_selector(".card")
    yield page
    context.close()
    assert faults == []


def _faults_of(page: Any) -> list[str]:
    """What axe finds; evaluated past the page's policy, which forbids foreign scripts."""
    tools = page.context.new_cdp_session(page)
    tools.send("Runtime.evaluate", {"expression": AXE})
    asked = "axe.run().then((found) => JSON.stringify(found.violations.map((one) => [one.id, one.nodes[0].html])))"
    answer = tools.send("Runtime.evaluate", {"expression": asked, "awaitPromise": True, "returnByValue": True})
    return list(json.loads(answer["result"]["value"]))


def test_newest_work_never_moves_what_is_being_read(wall: Any, cast: Cast) -> None:
    wall.keyboard.press("j")
    wall.keyboard.press("j")
    before = wall.evaluate(FOCUSED)
    with db.transaction() as session:
        for number in range(5):
            builders.a_card(session, cast.rheinwelle, text=f"Neu {number}", sent_at=clock.now())
    wall.wait_for_selector("#newpill:not([hidden]) >> text=5")
    assert wall.evaluate(FOCUSED) == before
    wall.keyboard.press("n")
    wall.wait_for_selector(".card.is-focus >> text=Neu 4")


def test_a_verdict_shows_at_once_and_can_be_taken_back(wall: Any) -> None:
    wall.keyboard.press("j")
    wall.keyboard.press("k")
    first = wall.locator(".card").first
    wall.keyboard.press("e")
    wall.wait_for_selector(".toast >> text=rejected")
    assert "is-rejected" in first.get_attribute("class")
    wall.keyboard.press("z")
    wall.wait_for_selector(".card.is-new[aria-posinset='1']")


def test_the_later_of_two_producers_gets_one_clear_message(wall: Any, cast: Cast) -> None:
    wall.keyboard.press("j")
    card_id = int(wall.locator(".card.is-focus").get_attribute("data-id"))
    wall.context.set_offline(True)
    wall.keyboard.press("e")
    with db.transaction() as session:
        actions.move_card(
            session, cast.rheinwelle, card_id, to="shortlisted", version=1, reason=None, by=cast.edith, at=clock.now()
        )
    wall.context.set_offline(False)
    said = wall.locator(f".card[data-id='{card_id}'].conflict")
    said.wait_for()
    assert "Edith was faster" in said.inner_text()
    assert "was not carried out" in said.inner_text()
    said.locator("[data-act=understood]").click()
    wall.wait_for_selector(f".card[data-id='{card_id}'].is-short:not(.conflict)")


def test_a_wall_that_was_cut_off_catches_up_without_reloading(wall: Any, cast: Cast) -> None:
    wall.evaluate("window.stayed = true")
    wall.context.set_offline(True)
    wall.wait_for_selector("html[data-state=offline]", state="attached")
    with db.transaction() as session:
        for number in range(12):
            builders.a_card(session, cast.rheinwelle, text=f"Verpasst {number}", sent_at=clock.now())
    wall.context.set_offline(False)
    wall.wait_for_selector("#newpill:not([hidden]) >> text=12")
    wall.wait_for_selector("html[data-state=live]", state="attached")
    assert wall.evaluate("window.stayed") is True


def test_filters_say_what_they_hide(wall: Any) -> None:
    wall.keyboard.press("/")
    wall.keyboard.type("Nr17")
    wall.wait_for_selector(".card[aria-setsize='1']")
    wall.keyboard.press("Escape")
    wall.wait_for_selector(".card[aria-setsize='40']")
    wall.click("[data-state-filter=aired]")
    wall.wait_for_selector("#empty >> text=40 messages are hidden.")
    wall.click("#clear-filters")
    wall.wait_for_selector(".card[aria-setsize='40']")


@pytest.mark.parametrize("width", [1920, 1440, 390])
def test_nothing_sounds_and_nothing_overflows(wall: Any, width: int) -> None:
    wall.set_viewport_size({"width": width, "height": 900})
    assert wall.evaluate(SOUNDING) == 0
    assert wall.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(wall: Any, theme: str) -> None:
    wall.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
    assert _faults_of(wall) == []
    wall.keyboard.press("?")
    wall.wait_for_selector("dialog[open]")
    assert _faults_of(wall) == []
    wall.keyboard.press("Escape")
    wall.set_viewport_size({"width": 390, "height": 844})
    wall.locator(".card").first.click()
    wall.wait_for_selector(".has-pane .detail")
    assert _faults_of(wall) == []
