"""The campaigns' page in a real browser: read by keyboard, kept up to date by the live line, exported from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from desk import clock, db
from desk.contests.models import Campaign
from desk.people.models import Person
from tests.contests.builders import a_campaign, arrive, put_voice
from tests.desk_fixtures import Browser, Cast
from tests.wall.builders import a_card, a_listener

AXE = (Path(__file__).parents[1] / "vendor" / "axe.min.js").read_text(encoding="utf-8")
WAIT_MS = 10_000


@pytest.fixture
def campaign_id(cast: Cast) -> int:
    """Three entries: a text, a voice note, a text."""
    with db.transaction() as session:
        at = clock.now()
        campaign = a_campaign(session, cast.rheinwelle, opens_at=at.replace(year=at.year - 1), closes_at=None)
        for name in ("Ada", "Bo", "Chi"):
            enter(session, cast, name)
    return campaign.id


def enter(session: Any, cast: Cast, name: str) -> None:
    listener = a_listener(session, cast.rheinwelle, name, place="Köln")
    card = arrive(
        session, cast.rheinwelle, f"Ständchen von {name}", kind="voice" if name == "Bo" else "text",
        sent_at=clock.now(), listener=listener,
    )  # fmt: skip
    if name == "Bo":
        put_voice(session, card, b"RIFF" + bytes(4000))


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def open_page(
    address: str, browser: Any, cast: Cast, sign_in: Callable[[str], Browser]
) -> Iterator[Callable[..., Any]]:
    """`open_page("edith", "/campaigns")` gives the page as that person sees it, in English."""
    contexts, faults = [], []

    def open_it(name: str, path: str, *, width_px: int = 1440, theme: str = "dark") -> Any:
        with db.transaction() as session:
            person = session.get_one(Person, getattr(cast, name))
            person.locale, person.theme = "en", theme
        context = browser.new_context(viewport={"width": width_px, "height": 900}, reduced_motion="reduce")
        contexts.append(context)
        context.add_cookies([sign_in(name).cookie(address)])
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{address}{path}")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert faults == []


def violations(page: Any) -> list[str]:
    page.context.new_cdp_session(page).send("Runtime.evaluate", {"expression": AXE})
    found: list[str] = page.evaluate(
        "async () => (await axe.run(document)).violations.map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 120)}`)"
    )
    return found


@pytest.mark.parametrize(("width_px", "theme"), [(1440, "dark"), (390, "light")])
def test_the_page_has_no_barrier_and_no_sideways_scrolling(
    open_page: Callable[..., Any], campaign_id: int, width_px: int, theme: str
) -> None:
    page = open_page("edith", f"/campaigns/{campaign_id}", width_px=width_px, theme=theme)
    page.wait_for_selector("html[data-state=live]")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.click("[data-do=edit]")
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.click("[data-do=export]")
    assert violations(page) == []


def test_an_arriving_entry_waits_behind_the_counter_and_n_shows_it(
    open_page: Callable[..., Any], cast: Cast, campaign_id: int
) -> None:
    page = open_page("edith", "/campaigns")
    page.wait_for_selector("html[data-state=live]")
    top = page.evaluate("document.querySelector('.entry').getBoundingClientRect().top")

    with db.transaction() as session:
        enter(session, cast, "Dana")

    page.wait_for_selector("#newpill:not([hidden])")
    page.wait_for_selector("#count:text-is('4')")
    assert page.locator(".entry").count() == 3
    assert page.evaluate("document.querySelector('.entry').getBoundingClientRect().top") == top
    page.keyboard.press("n")
    page.wait_for_selector(".entry[data-number='4']")
    assert page.evaluate("document.activeElement.dataset.number") == "4"
    assert page.is_hidden("#newpill")


def test_entries_are_walked_heard_taken_out_and_brought_back_by_keyboard(
    open_page: Callable[..., Any], campaign_id: int
) -> None:
    page = open_page("nia", f"/campaigns/{campaign_id}")
    page.wait_for_selector("html[data-state=live]")
    assert page.evaluate("document.querySelectorAll('audio, video').length") == 0

    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.dataset.number") == "2"
    page.keyboard.press("Delete")
    page.wait_for_selector(".entry.is-excl[data-number='2']")
    page.wait_for_selector("#count:text-is('2')")

    page.keyboard.press("z")
    page.wait_for_selector(".entry[data-number='2']:not(.is-excl)")
    page.wait_for_selector("#count:text-is('3')")


def test_an_editor_opens_a_campaign_and_sees_every_fault_beside_its_field(
    open_page: Callable[..., Any], campaign_id: int, cast: Cast
) -> None:
    page = open_page("edith", "/campaigns")
    page.click("[data-do=add]")
    page.fill("#c-keywords", "!!!")
    page.click("#campaign-save")
    page.wait_for_selector("#c-name-e")
    assert page.is_visible("#c-keywords-e")
    assert page.get_attribute("#c-name", "aria-describedby") == "c-name-e"

    page.fill("#c-name", "Fotos <b>")
    page.fill("#c-keywords", "Foto")
    page.fill("#c-opens", "2026-07-01T06:00")
    page.keyboard.press("Enter")
    page.wait_for_url("**/campaigns/*")

    assert page.inner_text("#name") == "Fotos <b>"
    with db.reading() as session:
        opens_at = session.get_one(Campaign, campaign_id + 1).opens_at
    assert clock.iso(opens_at) == "2026-07-01T04:00:00.000Z"


def test_what_came_before_a_rule_is_sorted_in_by_keys_after_a_look_and_taken_back(
    open_page: Callable[..., Any], cast: Cast, campaign_id: int, run_jobs: Callable[[], int]
) -> None:
    with db.transaction() as session:
        for text in ("Ein Lied vom Rhein", "Mein LIED für Oma", "Guten Morgen"):
            a_card(session, cast.rheinwelle, text=text, sent_at=clock.now() - timedelta(minutes=5))
    page = open_page("edith", f"/campaigns/{campaign_id}", width_px=390, theme="light")
    page.wait_for_selector("html[data-state=live]")
    page.click("[data-do=edit]")
    page.fill("#c-keywords", "Ständchen, Lied")
    page.keyboard.press("Enter")
    page.wait_for_selector(".toast >> text=Sort in earlier ones")
    page.keyboard.press("b")
    page.wait_for_selector("#back-sum >> text=2 messages go in: 2 texts.")
    assert page.locator("#back-examples mark").all_inner_texts() == ["LIED", "Lied"]
    assert page.inner_text("#back-words") == "3 are in it already."
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("[name=span][value=show]:checked", state="attached")
    page.wait_for_selector("#back-start:enabled >> text=Sort in 2")
    page.click("#back-start")
    page.wait_for_selector("#back-dialog", state="hidden")
    run_jobs()
    page.wait_for_selector(".toast >> text=2 of 2 sorted into Ständchen-Woche.")
    page.wait_for_selector("#count:text-is('5')")

    page.keyboard.press("z")
    page.wait_for_selector(".toast", state="detached")
    run_jobs()
    page.wait_for_selector(".toast >> text=2 of 2 taken back.")
    page.wait_for_selector("#count:text-is('3')")


def test_an_export_is_asked_for_followed_and_fetched(
    open_page: Callable[..., Any], campaign_id: int, run_jobs: Callable[[], int]
) -> None:
    page = open_page("edith", f"/campaigns/{campaign_id}")
    page.wait_for_selector("html[data-state=live]")
    page.click("[data-do=export]")
    page.click("#make-export")
    page.wait_for_selector("#export-now:not([hidden])")
    assert page.is_disabled("#make-export")

    run_jobs()

    page.wait_for_selector("#exports .state-ok")
    with page.expect_download() as fetched:
        page.click("#exports a")
    assert fetched.value.suggested_filename.startswith("export-rheinwelle-")


def test_a_producer_sees_no_control_that_would_refuse(open_page: Callable[..., Any], campaign_id: int) -> None:
    page = open_page("nia", "/campaigns")
    page.wait_for_selector(".entry")

    assert page.locator("[data-do], dialog").count() == 0
