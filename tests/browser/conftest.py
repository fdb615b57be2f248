"""A running desk for the walks, and pages of its people in a real Chromium, in German, each signed in by a link."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import serving
from tests.serving import Desk

LIMIT_MS = 60_000
WITHOUT_A_LINE = ("/reports", "/settings", "/handover")  # pages that show what was true when they were asked for
# Players are made by the pages' modules and stand in no document, so a page is asked which of them were ever started.
LISTEN_FOR_SOUND = """
window.sounding = [];
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () { window.sounding.push(this); return play.call(this); };
"""
OpenPage = Callable[..., Any]


@dataclass
class Visitors:
    """People of one desk in one browser; a sign-in link works once, so the cookies are kept by name."""

    desk: Desk
    browser: Any
    _known: dict[str, Any] = field(default_factory=dict)

    def cookies_of(self, name: str) -> Any:
        if name not in self._known:
            context = self.browser.new_context(locale="de-DE")
            page = context.new_page()
            page.set_default_timeout(LIMIT_MS)
            page.goto(self.desk.links()[name])
            page.click("form button[type=submit]")
            page.wait_for_url(lambda url: "/signin" not in url)
            self._known[name] = context.storage_state()
            context.close()
        return self._known[name]

    @contextmanager
    def visiting(self) -> Iterator[OpenPage]:
        """open_page("Lea Vogt", "/wall"); without a name the listener's phone. At the end no page may have thrown."""
        contexts: list[Any] = []
        faults: list[str] = []

        def open_one(name: str | None, path: str, **options: Any) -> Any:
            wanted = {
                "viewport": {"width": 1440, "height": 900},
                "locale": "de-DE",
                "reduced_motion": "reduce",
                **options,
            }
            context = self.browser.new_context(storage_state=self.cookies_of(name) if name else None, **wanted)
            contexts.append(context)
            context.add_init_script(LISTEN_FOR_SOUND)
            page = context.new_page()
            page.set_default_timeout(LIMIT_MS)
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
            page.goto((self.desk.address if name else self.desk.number) + path)
            if name and path not in WITHOUT_A_LINE:
                page.wait_for_selector("html[data-state=live]", state="attached")
            return page

        yield open_one
        for context in contexts:
            context.close()
        assert faults == []


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with serving.running(tmp_path_factory.mktemp("walk") / "desk") as running:
        yield running


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return serving.make_files(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="session")
def visitors(desk: Desk, browser: Any) -> Visitors:
    return Visitors(desk, browser)


@pytest.fixture
def open_page(visitors: Visitors) -> Iterator[OpenPage]:
    with visitors.visiting() as open_one:
        yield open_one
