"""Which pages may ask for a computer's outputs, and so for its microphone: those that play something, no others."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.desk_fixtures import Browser

SCRIPTS = Path(__file__).resolve().parents[2] / "desk" / "static" / "js"
PAGES = {
    "/wall": "nia", "/triage": "nia", "/rundown": "nia", "/inbox": "nia", "/campaigns": "edith", "/studio": "sam",
    "/reports": "edith", "/settings": "omar", "/safety": "edith",
}  # fmt: skip


def scripts_of(page: str) -> set[str]:
    """Every module a page loads, also those that its scripts import."""
    found: set[str] = set()
    wanted = set(re.findall(r'<script type="module"[^>]* src="/static/js/(\w+)\.js', page))
    while wanted - found:
        name = (wanted - found).pop()
        found.add(name)
        wanted |= set(re.findall(r'(?:from|import) "\./(\w+)\.js"', (SCRIPTS / f"{name}.js").read_text()))
    return found


@pytest.mark.parametrize("path", PAGES)
def test_only_a_page_that_plays_something_may_ask_for_outputs(sign_in: Callable[[str], Browser], path: str) -> None:
    answer = sign_in(PAGES[path]).get(path)
    assert answer.status_code == 200
    said = answer.headers["Permissions-Policy"]
    plays = bool(scripts_of(answer.text) & {"player", "cart_store"})

    assert plays == (path not in {"/reports", "/settings"})
    assert said == (
        "camera=(), microphone={0}, geolocation=(), speaker-selection={0}".format("(self)" if plays else "()")
    )
    assert plays == ('id="route"' in answer.text or 'id="choose-device"' in answer.text)


@pytest.mark.parametrize("path", ["/wall", "/triage", "/api/v1/cards", "/signin"])
def test_a_stranger_gets_neither_microphone_nor_outputs(app: Flask, path: str) -> None:
    answer = app.test_client().get(path)

    assert "microphone=(), geolocation=(), speaker-selection=()" in answer.headers["Permissions-Policy"]
