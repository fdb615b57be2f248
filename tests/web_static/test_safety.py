"""A threat in a real browser: one key sends it to the lead, whose page covers it, ticks and puts it back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from desk import clock, db
from desk.people import actions as people
from desk.people.models import Person
from desk.safety.models import SafetyCase, SafetyStep
from tests.desk_fixtures import Cast
from tests.web_static.test_blocks import focused
from tests.web_static.test_wall_page import _faults_of, address, wall

__all__ = ["address", "wall"]
pytestmark = pytest.mark.browser


@pytest.fixture
def lead(address: str, cast: Cast, browser: Any) -> Iterator[Any]:
    """The lead's page, Edith's."""
    with db.transaction() as session:
        link = people.make_link(session, session.get_one(Person, cast.edith), at=clock.now())
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", reduced_motion="reduce")
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
    page.goto(f"{address}/signin/link/{link}")
    page.click("form button[type=submit]")
    page.wait_for_load_state("networkidle")
    page.goto(f"{address}/safety")
    page.wait_for_selector("html[data-state=live]", state="attached")
    yield page
    context.close()
    assert faults == []


def case() -> SafetyCase:
    with db.reading() as session:
        return session.execute(select(SafetyCase)).scalar_one()


def test_one_key_sends_a_card_to_the_lead_who_looks_ticks_and_puts_it_back(wall: Any, lead: Any) -> None:
    lead.wait_for_selector("#list-empty:not([hidden])")
    wall.keyboard.press("j")
    card_id = focused(wall)
    words = wall.locator(f'.card[data-id="{card_id}"] .txt').text_content()
    wall.keyboard.press("h")
    wall.wait_for_selector(".askbar >> text=What is it from")
    wall.keyboard.press("1")
    wall.wait_for_selector(f'.card[data-id="{card_id}"]', state="detached")
    wall.keyboard.press("z")
    wall.wait_for_selector(".toast >> text=Taken back")
    wall.wait_for_selector("#newpill:not([hidden])")
    wall.keyboard.press("n")
    wall.wait_for_selector(f'.card.is-focus[data-id="{card_id}"]')
    wall.keyboard.press("h")
    wall.keyboard.press("2")
    wall.wait_for_selector(f'.card[data-id="{card_id}"]', state="detached")

    lead.wait_for_selector(".saf-row >> text=Insult")
    lead.wait_for_selector(".rail-count >> text=1")
    lead.keyboard.press("j")
    lead.wait_for_selector(".saf-cover")
    assert words not in lead.content(), "covered, and not even in the page"
    faults = _faults_of(lead)
    lead.keyboard.press("b")
    lead.wait_for_selector(".saf-words")
    assert lead.locator(".saf-words").text_content() == words
    lead.keyboard.press("1")
    lead.wait_for_selector(".saf-steps .is-done >> text=Edith")
    lead.wait_for_selector("#badges >> text=Evidence locked")
    faults += _faults_of(lead)
    lead.set_viewport_size({"width": 390, "height": 844})
    faults += _faults_of(lead)
    assert lead.evaluate("document.documentElement.scrollWidth") <= 390
    assert case().held_at is not None
    lead.keyboard.press("z")
    lead.wait_for_selector("#badges:not(:has-text('Evidence locked'))")
    lead.keyboard.press("w")
    lead.wait_for_selector("#over >> text=It stands on the wall again")
    wall.wait_for_selector("#newpill:not([hidden])")

    with db.reading() as session:
        ticks = session.execute(select(SafetyStep)).scalars().all()
    assert (case().state, [tick.undone_at is not None for tick in ticks]) == ("back", [True])
    assert faults == []


def test_a_run_sends_to_the_lead_and_brings_back(wall: Any, address: str) -> None:
    wall.goto(f"{address}/triage")
    wall.wait_for_selector("html[data-state=live]", state="attached")
    wall.wait_for_selector("#main[data-card]")
    first = wall.locator("#main").get_attribute("data-card")

    wall.click("#lead")
    wall.wait_for_selector(".askbar >> text=What is it from")
    wall.keyboard.press("1")
    wall.wait_for_selector(f'#main[data-card]:not([data-card="{first}"])')
    wall.wait_for_selector("#last >> text=sent to the lead")
    assert case().state == "open"
    wall.keyboard.press("z")
    wall.wait_for_selector(f'#main[data-card="{first}"]')

    assert case().state == "back"
