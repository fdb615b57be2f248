"""Eight pictures of one morning, taken while two scripted producers judge it by keys: the film strip of docs.pictures.

Owns when which picture is taken; what is sent and judged is tests.browser.whole_morning's matter.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desk.rehearsal.mix import MORNING
from tests import serving
from tests.browser.whole_morning import Plan, Seat, work_off
from tests.serving import Desk

PLAN = Plan(items=100, minutes=1.5, shares=MORNING, producers=2, hear_s=2.5, look_s=0.8,
            size={"width": 1440, "height": 900})  # fmt: skip
MANY = 20  # so many behind the counter are worth a picture
VIEWER = "Anna Brandt"
# which producer, what kind of card is on screen, the name of the picture
AT_THE_RUN = (
    (0, "voice", "morning-3-voice"),
    (1, "image", "morning-4-photo"),
    (0, "video", "morning-5-film"),
    (1, "text", "morning-6-reason"),
)
NAMES = (
    "morning-1-before", "morning-2-call-out", *(name for _, _, name in AT_THE_RUN), "morning-7-shortlist",
    "morning-8-judged",
)  # fmt: skip
SignIn = Callable[[Any, str], Any]


def take(browser: Any, target: Path, sign_in: SignIn) -> None:
    """All eight, as PNG files of this folder."""
    with (
        tempfile.TemporaryDirectory(prefix="desk-film-") as folder,
        serving.running(Path(folder) / "desk") as desk,
    ):
        options = {"viewport": {"width": 1440, "height": 900}, "locale": "de-DE", "reduced_motion": "reduce"}
        context = browser.new_context(storage_state=sign_in(browser, desk.links()[VIEWER]), **options)
        _follow_the_morning(desk, context.new_page(), target)
        context.close()


def _follow_the_morning(desk: Desk, wall: Any, target: Path) -> None:
    wall.goto(desk.address + "/wall")
    wall.wait_for_selector("html[data-state=live]", state="attached")
    _shoot(wall, target, "morning-1-before")
    asked: set[str] = {"morning-1-before"}

    def follow(now_s: float, seats: list[Seat]) -> None:
        if not asked & {name for _, _, name in AT_THE_RUN}:
            for seat, kind, name in AT_THE_RUN:
                asked.add(name)
                seats[seat].tell(f"picture {kind} {target / name}.png")
            asked.add("morning-8-judged")
            seats[0].tell(f"picture end {target / 'morning-8-judged'}.png")
        if "morning-2-call-out" not in asked and _waiting(wall) >= MANY:
            asked.add("morning-2-call-out")
            wall.keyboard.press("n")
            wall.wait_for_selector(".card")
        elif "morning-2-call-out" in asked and not (target / "morning-2-call-out.png").exists() and _waiting(wall) >= 5:
            _shoot(wall, target, "morning-2-call-out")

    sums = work_off(desk, PLAN, follow=follow)
    sums.check()
    wall.click("[data-state-filter=shortlisted]")
    wall.wait_for_selector(".card")
    _shoot(wall, target, "morning-7-shortlist")


def _waiting(wall: Any) -> int:
    """How many the counter above the list holds."""
    digits = "".join(sign for sign in wall.inner_text("#newpill") if sign.isdigit()) if _has_pill(wall) else ""
    return int(digits or 0)


def _has_pill(wall: Any) -> bool:
    return bool(wall.locator("#newpill:not([hidden])").count())


def _shoot(page: Any, target: Path, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready")
    page.screenshot(path=target / f"{name}.png", animations="disabled")
