"""The server starts again under a producer's eyes: a notice while it takes, and nothing of the work is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.test_the_walk import LEA
from tests.browser.wall_hand import await_card, go_to, until
from tests.servers import wait_until
from tests.serving import Desk

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
HEARD_S = "sounding[0].currentTime"


def test_a_restart_costs_no_more_than_a_notice(desk: Desk, open_page: OpenPage, files: dict[str, Path]) -> None:
    desk.send("Gesa Kern", "Davor")
    number = desk.send("Frieda Kern", file=files["song"])
    wall = open_page(LEA, "/wall")
    card = go_to(wall, await_card(wall, "Frieda"))
    card.locator("button.cue").wait_for()  # a placeholder stands there until it can be heard
    wall.evaluate("window.stayed = true")
    wall.keyboard.press(" ")
    until(wall, f"sounding.length === 1 && {HEARD_S} > 0.2")

    desk.kill(desk.part("web"))

    wall.wait_for_selector(".offline #offline-since:visible")
    heard_s = wall.evaluate(HEARD_S)
    until(wall, f"{HEARD_S} > {heard_s + 0.2}")
    wall.keyboard.press("s")
    wall.keyboard.press("x")
    in_hand = wall.locator(".card.is-focus").get_attribute("data-id")
    wall.fill("#pane [data-part=reply]", "Ein Entwurf")

    wall.wait_for_selector("html[data-state=live]", state="attached")

    wait_until(lambda: desk.command("card", "show", "--provider-id", number)["state"] == "shortlisted", "the verdict")
    card.locator(".state-held").wait_for(state="detached")
    assert wall.evaluate("window.stayed") is True
    assert wall.locator(".card.is-focus.is-selected").get_attribute("data-id") == in_hand
    assert wall.input_value("#pane [data-part=reply]") == "Ein Entwurf"
    assert wall.locator(".offline:visible").count() == 0
