"""Every page of a running desk with messages on it, in three sizes, both themes and both languages:
axe finds nothing, nothing stands out of the window, no button's words are cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.test_the_walk import JONAS, LEA, MEHMET, SVENJA
from tests.browser.wall_hand import await_card, until
from tests.serving import Desk

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
AXE = (Path(__file__).resolve().parents[1] / "vendor" / "axe.min.js").read_text()
ANNA, OMAR = "Anna Brandt", "Omar Haddad"
PAGES = [
    (LEA, "/wall"), (MEHMET, "/triage"), (LEA, "/rundown"), (JONAS, "/studio"), (ANNA, "/inbox"),
    (SVENJA, "/campaigns"), (SVENJA, "/reports"), (OMAR, "/settings"),
    (SVENJA, "/safety"), (LEA, "/handover"),
]  # fmt: skip
# each size, theme and language at least once on every page
LOOKS = [(1920, 1080, "dark", "de-DE"), (1440, 900, "light", "en-GB"), (390, 844, "dark", "de-DE")]
CUT_OFF = """[...document.querySelectorAll('button, .btn, .tab, .badge, th, label')]
  .filter((one) => one.checkVisibility() && one.clientWidth > 1 && one.scrollWidth > one.clientWidth + 1
    && getComputedStyle(one).overflowX !== 'visible')
  .map((one) => one.outerHTML.slice(0, 120))"""
FOUND = (
    "axe.run(document).then((found) => found.violations.map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 160)}`))"
)


@pytest.fixture(scope="module")
def messages(desk: Desk, files: dict[str, Path]) -> list[str]:
    """One card of every kind that a page draws in its own way."""
    return [
        desk.send("Alma Kern", "Guten Morgen aus Königswinter, hier liegt der erste Schnee."),
        desk.send("Berta Kern", file=files["voice"], is_voice=True),
        desk.send("Carla Kern", "Ein Ständchen", file=files["song"]),
        desk.send("Dunja Kern", file=files["film"]),
        desk.send("Edda Kern", "Vom Balkon", file=files["photo"]),
    ]


def _faults(page: Any, look: tuple[int, int, str, str]) -> list[str]:
    page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", look[2])
    page.evaluate("document.fonts.ready.then(() => true)")
    page.evaluate(AXE)
    found = [*page.evaluate(FOUND), *(f"cut off: {one}" for one in page.evaluate(CUT_OFF))]
    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [*found, *([f"{over} px too wide"] if over > 0 else [])]


@pytest.mark.usefixtures("messages")
@pytest.mark.parametrize(("who", "path"), PAGES, ids=[path for _who, path in PAGES])
def test_a_page_is_in_order_in_every_look(open_page: OpenPage, who: str, path: str) -> None:
    faults = {}
    for look in LOOKS:
        width, height, theme, locale = look
        page = open_page(who, path, viewport={"width": width, "height": height}, color_scheme=theme, locale=locale)
        if path == "/wall":
            await_card(page, "Edda").locator("img").wait_for()
            until(page, "document.querySelector('.card[aria-label*=Berta] .wave') !== null")
        if found := _faults(page, look):
            faults[look] = found
        page.close()

    assert faults == {}


@pytest.mark.parametrize("path", ["/signin", "/nowhere"])
def test_a_page_of_a_stranger_is_in_order_in_every_look(desk: Desk, open_page: OpenPage, path: str) -> None:
    faults = {}
    for look in LOOKS:
        width, height, theme, locale = look
        page = open_page(None, "/phone", viewport={"width": width, "height": height}, color_scheme=theme, locale=locale)
        page.goto(desk.address + path)
        if found := _faults(page, look):
            faults[look] = found
        page.close()

    assert faults == {}


def test_the_listeners_phone_is_in_order_in_every_look(open_page: OpenPage) -> None:
    faults = {}
    for look in LOOKS:
        width, height, theme, locale = look
        asked = "/phone?station=rheinwelle&listener=Alma Kern"
        page = open_page(None, asked, viewport={"width": width, "height": height}, color_scheme=theme, locale=locale)
        page.wait_for_selector("#messages >> text=Königswinter")
        if found := _faults(page, look):
            faults[look] = found
        page.close()

    assert faults == {}
