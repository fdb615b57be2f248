"""Many cards at once in a real browser: keys, the bar that says what will happen, the way back, a finger."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.serving import make_server

from desk import clock, db
from desk.jobs import work
from desk.jobs.models import Job
from desk.people import actions as people
from desk.people.models import Person
from desk.wall import actions, sweeps
from desk.wall.models import Card, Sweep
from tests.browser.wall_hand import until
from tests.desk_fixtures import Cast
from tests.servers import wait_until
from tests.wall import builders
from tests.web_static.test_wall_page import _faults_of

pytestmark = pytest.mark.browser


@pytest.fixture
def address(app: Flask, cast: Cast) -> Iterator[str]:
    """The desk behind a port, with ninety cards on the wall, one of them Edith's."""
    with db.transaction() as session:
        for number in range(90):
            kind = "text" if number % 3 else "voice"
            card = builders.a_card(session, cast.rheinwelle, kind=kind, text=f"Nachricht Nr{number}")
        actions.claim(session, cast.rheinwelle, card.id, by=cast.edith, at=clock.now() + timedelta(hours=1))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def _wall(browser: Any, address: str, cast: Cast, **looks: Any) -> Any:
    with db.transaction() as session:
        link = people.make_link(session, session.get_one(Person, cast.nia), at=clock.now())
    context = browser.new_context(locale="en-GB", reduced_motion="reduce", **looks)
    page = context.new_page()
    page.goto(f"{address}/signin/link/{link}")
    page.click("form button[type=submit]")
    page.wait_for_selector("html[data-state=live]", state="attached")
    page.wait_for_selector(".card")
    return page


def _count(state: str) -> int:
    with db.reading() as session:
        return session.execute(select(func.count()).select_from(Card).where(Card.state == state)).scalar_one()


def _run_when_asked() -> None:
    """The page has asked once its job is there; the bar is gone before."""
    wait_until(_is_job_there, "the job of the sweep")
    work.run_due()


def _is_job_there() -> bool:
    with db.reading() as session:
        return session.execute(select(Job.id).where(Job.kind == sweeps.JOB, Job.state == "ready")).first() is not None


def _is_sweep_there() -> bool:
    with db.reading() as session:
        return session.execute(select(Sweep.id)).first() is not None


def test_what_is_left_goes_after_a_look_at_it_and_comes_back_in_one_key(browser: Any, address: str, cast: Cast) -> None:
    page = _wall(browser, address, cast, viewport={"width": 1440, "height": 900})
    page.keyboard.press("Shift+R")
    page.wait_for_selector(".askbar >> text=is held by Edith and stays.")
    assert _count("rejected") == 0
    page.keyboard.press("2")
    page.wait_for_selector(".askbar >> text=89 cards left: 59 texts, 30 voice notes. 1 is held by Edith and stays.")
    assert _faults_of(page) == []
    page.keyboard.press("1")
    page.wait_for_selector(".askbar", state="detached")
    _run_when_asked()
    page.wait_for_selector(".toast >> text=89 of 90 rejected. 1 is held by Edith and stays.")
    assert _count("rejected") == 89

    page.keyboard.press("z")
    until(page, "!document.querySelector('.toast')")
    _run_when_asked()
    page.wait_for_selector(".toast >> text=89 of 89 taken back.")
    assert _count("rejected") == 0

    page.locator("#sweep-open").click()
    page.wait_for_selector("#sweep-menu li >> text=89 of 89 taken back.")
    assert _faults_of(page) == []
    page.context.close()


def test_a_view_is_kept_chosen_by_digit_renamed_and_brought_back(browser: Any, address: str, cast: Cast) -> None:
    page = _wall(browser, address, cast, viewport={"width": 1440, "height": 900})
    page.goto(f"{address}/wall?kind=voice&shape=strip")
    page.wait_for_selector("html[data-state=live]", state="attached")
    page.keyboard.press("Shift+V")
    page.fill("#view-name", "Voices")
    page.keyboard.press("Enter")
    page.wait_for_selector("#views-menu li a[aria-current] >> text=Voices")
    assert _faults_of(page) == []
    page.keyboard.press("Escape")
    page.goto(f"{address}/wall?state=all&shape=cards")
    page.wait_for_selector("html[data-state=live]", state="attached")
    page.keyboard.press("Shift+V")
    page.wait_for_selector("#views-menu li b >> text=30 new")
    page.keyboard.press("1")
    page.wait_for_selector("html[data-shape=strip] [data-kind-filter=voice][aria-pressed=true]")
    assert page.url.endswith("?kind=voice&shape=strip")

    late: list[Any] = []  # the list of last time stands there until the new one has come
    page.route("**/api/v1/views", lambda route: late.append(route))
    page.keyboard.press("Shift+V")
    page.get_by_role("button", name="Rename Voices").click()
    page.keyboard.type("Su")
    with page.expect_response("**/api/v1/views"):
        late[0].continue_()
    page.unroute("**/api/v1/views")
    page.keyboard.type("ng")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Remove Sung").click()
    page.locator(".toast button >> text=Undo").click()
    page.wait_for_selector(".toast >> text=View Sung is back")
    page.context.close()


def test_a_finger_selects_and_the_selection_is_decided_at_once(browser: Any, address: str, cast: Cast) -> None:
    page = _wall(browser, address, cast, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    tools = page.context.new_cdp_session(page)
    boxes = [page.locator(".card").nth(at).locator(".card-head").bounding_box() for at in (0, 1)]
    points = [{"x": box["x"] + 60, "y": box["y"] + 8} for box in boxes]
    tools.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points[:1]})
    page.wait_for_selector(".card.is-selected")
    tools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.touchscreen.tap(**points[1])
    page.wait_for_selector("#bulk >> text=2 selected")
    assert not page.locator("body.has-pane").count()
    page.locator("#bulk [data-bulk=rejected]").tap()
    page.wait_for_selector("#bulk", state="hidden")
    wait_until(_is_sweep_there, "the sweep")
    work.run_due()
    page.wait_for_selector(".toast >> text=1 of 2 rejected. 1 is held by Edith and stays.")
    assert _count("rejected") == 1
    page.context.close()
