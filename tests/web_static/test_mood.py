"""The mood bar in a real browser: it counts live, opens by key, gives a message out and takes it back."""

from __future__ import annotations

from typing import Any

import pytest

from desk import clock, db
from desk.conversations.models import Message
from desk.listeners.models import Listener
from desk.wall import mood
from desk.wall.models import Card, MoodTold
from tests.browser.wall_hand import until
from tests.desk_fixtures import Cast
from tests.rehearsal.stage import wait_for
from tests.wall import builders
from tests.web_static.test_wall_page import _faults_of, address, wall

__all__ = ["address", "wall"]
pytestmark = pytest.mark.browser


def send(cast: Cast, *texts: str) -> list[int]:
    with db.transaction() as session:
        ids = []
        for text in texts:
            card = builders.a_card(session, cast.rheinwelle, text=text, sent_at=clock.now())
            come = session.get_one(Message, card.message_id)
            mood.fold_arrival(session, card, come, session.get_one(Listener, card.listener_id), at=clock.now())
            ids.append(card.id)
        return ids


def is_due(cast: Cast) -> bool:
    """What the keeper does every second."""
    mood.tell_due()
    with db.reading() as session:
        return session.get_one(MoodTold, cast.rheinwelle).is_due


def test_the_bar_counts_opens_gives_out_and_folds_again(wall: Any, cast: Cast) -> None:
    place = "document.querySelector('#grid').getBoundingClientRect().top"
    before = wall.evaluate(place)
    ids = send(cast, "❤️", "❤️❤️", "Guten Morgen!", "Moin, grüßt Oma Helga")
    wall.wait_for_selector("#newpill >> text=1")
    wait_for(lambda: not is_due(cast))
    wall.wait_for_selector('[data-sign="❤️"] >> text=2')
    chips = wall.eval_on_selector_all("#mood-chips button", "all => all.map((one) => one.ariaLabel)")

    wall.keyboard.press("Shift+o")
    wall.wait_for_selector(".mood-item >> nth=2")
    line = wall.inner_text("#mood-line")
    faults = _faults_of(wall)
    wall.keyboard.press("Escape")
    wall.click('[data-sign="hello"]')
    wall.wait_for_selector(".mood-item >> text=Guten Morgen!")
    until(wall, "document.querySelectorAll('.mood-item').length === 1")
    wall.click('[data-mood="out"]')
    wall.wait_for_selector("#newpill >> text=2")
    wall.click('[data-mood="fold"]')
    wall.wait_for_selector("#newpill >> text=1")
    wait_for(lambda: not is_due(cast))
    wall.wait_for_selector('[data-sign="hello"] >> text=1')
    until(wall, "document.querySelector('#mood-open').ariaExpanded === 'true'")
    wall.keyboard.press("Escape")

    assert wall.evaluate(place) == before, "the bar has its place from the start"
    assert chips == ["❤️ 2", "Greetings 1"]
    assert line.startswith("2 ❤️, 1 greeting since ")
    assert faults == []
    with db.reading() as session:
        assert [session.get_one(Card, one).state for one in ids] == ["mood", "mood", "mood", "new"]


def test_everything_that_is_only_counted_can_be_seen_as_cards(wall: Any, cast: Cast) -> None:
    (folded,) = send(cast, "🎉")
    wall.wait_for_selector('[data-sign="🎉"]')
    wall.click("#mood-open")
    wall.click("#mood-as-cards")
    wall.wait_for_selector(f'.card[data-id="{folded}"] >> text=Only counted')
    wall.click('#chips [aria-label*="Reactions"]')
    wall.wait_for_selector(f'.card[data-id="{folded}"]', state="detached")
    assert wall.locator(".card").count() > 1
