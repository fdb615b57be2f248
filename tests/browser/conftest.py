"""A running desk for the walks, and pages of its people in a real Chromium, in German, each signed in by a link."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import serving
from tests.serving import Desk

LIMIT_MS = 60_000
# Players are made by the pages' modules and stand in no document, so a page is asked which of them were ever started.
LISTEN_FOR_SOUND = """
window.sounding = [];
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () { window.sounding.push(this); return play.call(this); };
"""
OpenPage = Callable[..., Any]


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with serving.running(tmp_path_factory.mktemp("walk") / "desk") as running:
        yield running


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return serving.make_files(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="session")
def signed_in(desk: Desk, browser: Any) -> Callable[[str], Any]:
    """The cookies of a person by name; the link is used at the first call."""
    known: dict[str, Any] = {}

    def state_of(name: str) -> Any:
        if name not in known:
            context = browser.new_context(locale="de-DE")
            page = context.new_page()
            page.set_default_timeout(LIMIT_MS)
            page.goto(desk.links()[name])
            page.click("form button[type=submit]")
            page.wait_for_url(lambda url: "/signin" not in url)
            known[name] = context.storage_state()
            context.close()
        return known[name]

    return state_of


@pytest.fixture
def open_page(desk: Desk, browser: Any, signed_in: Callable[[str], Any]) -> Iterator[OpenPage]:
    """open_page("Lea Vogt", "/wall"); without a name the listener's phone. At the end no page may have thrown."""
    contexts: list[Any] = []
    faults: list[str] = []

    def open_one(name: str | None, path: str, **options: Any) -> Any:
        wanted = {"viewport": {"width": 1440, "height": 900}, "locale": "de-DE", "reduced_motion": "reduce", **options}
        context = browser.new_context(storage_state=signed_in(name) if name else None, **wanted)
        contexts.append(context)
        context.add_init_script(LISTEN_FOR_SOUND)
        page = context.new_page()
        page.set_default_timeout(LIMIT_MS)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
        page.goto((desk.address if name else desk.number) + path)
        if name:
            page.wait_for_selector("html[data-state=live]", state="attached")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert faults == []
