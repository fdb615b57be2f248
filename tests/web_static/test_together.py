"""Two people on one wall in real browsers: who is here and where, cards passed on, the same order on both screens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from desk import clock, db
from desk.wall import actions
from desk.wall.models import Card
from tests import servers
from tests.browser.wall_hand import until
from tests.desk_fixtures import Cast
from tests.wall import builders
from tests.web_static.test_rooms import Open, address, faults_of, open_page

__all__ = ["address", "open_page"]
pytestmark = pytest.mark.browser
ORDER = """[...document.querySelectorAll('#feed .card')].sort((a, b) => a.getAttribute('aria-posinset')
 - b.getAttribute('aria-posinset')).map((one) => Number(one.dataset.id))"""


def cards(page: Any) -> list[int]:
    return [int(one) for one in page.eval_on_selector_all("#feed .card", "all => all.map((one) => one.dataset.id)")]


def test_two_people_see_each_other_pass_cards_on_and_keep_one_order(open_page: Open, cast: Cast) -> None:
    nia, edith = open_page("nia", "/wall"), open_page("edith", "/wall")
    for page, other in ((nia, "ED"), (edith, "NI")):
        page.wait_for_selector("html[data-state=live]", state="attached")
        page.wait_for_selector(f"#here .avatar >> text={other}")
    first, second, *_rest = cards(nia)
    edith.wait_for_selector(f'.card[data-id="{first}"] .watchers >> text=NI')

    nia.keyboard.press("j")
    nia.keyboard.press("i")
    nia.wait_for_selector(f'.card[data-id="{second}"].is-mine')
    nia.keyboard.press("g")
    nia.wait_for_selector(".askbar >> text=Edith")
    assert faults_of(nia) == []
    nia.keyboard.press("4")

    edith.wait_for_selector(".toast >> text=Nia passes on to you: Text from Emil")
    edith.wait_for_selector(f'.card[data-id="{second}"].is-mine .badge.for')
    nia.wait_for_selector(f'.card[data-id="{second}"].is-claimed')
    edith.goto(edith.url.split("?")[0] + "?assigned=me")
    until(edith, "document.querySelectorAll('#feed .card').length === 1")
    nia.keyboard.press("z")
    until(edith, "document.querySelector('#feed .card.is-ghost') !== null")

    edith.goto(edith.url.split("?")[0])
    edith.wait_for_selector("html[data-state=live]", state="attached")
    now = clock.now()  # two of the late ones were sent in the same moment
    for text, minutes in (("Alt", 500), ("Spät", 150), ("Später", 150), ("Neu", 0)):
        with db.transaction() as session:
            builders.a_card(session, cast.rheinwelle, text=text, sent_at=now - timedelta(minutes=minutes))
    with db.reading() as session:
        ids = session.query(Card.id).order_by(Card.placed_at.desc(), Card.id.desc()).all()
    for page in (nia, edith):
        page.wait_for_selector("#newpill >> text=4")
        page.keyboard.press("n")
        until(page, "document.querySelectorAll('#feed .card').length === 10")
        assert page.evaluate(ORDER) == [row.id for row in ids]

    nia.keyboard.press("Shift+y")
    nia.wait_for_selector(".team-carry[aria-pressed=true]")
    nia.keyboard.type("Die nehmen wir")
    nia.keyboard.press("Enter")
    edith.wait_for_selector("#team-open b:not([hidden]) >> text=1")
    edith.keyboard.press("y")
    edith.wait_for_selector(".team-text >> text=Die nehmen wir")
    edith.wait_for_selector("#team-open b", state="hidden")
    assert faults_of(edith) == []
    edith.click(".team-chip")
    edith.wait_for_selector("[data-part=text] >> text=Neu")
    nia.keyboard.press("Escape")
    nia.wait_for_selector(".team", state="hidden")

    nia.keyboard.press("p")
    edith.keyboard.press("End")
    edith.close()
    nia.wait_for_selector("#here .avatar >> text=ED")
    nia.keyboard.press("p")
    nia.wait_for_selector("#here", state="hidden")
    nia.keyboard.press("Shift+g")
    nia.wait_for_url("**/handover")
    assert faults_of(nia) == []
    nia.click("#take-over")
    nia.wait_for_selector(".ho-taken >> text=Taken over by Nia")


def test_a_run_shows_no_card_before_it_is_held_and_passes_over_what_a_colleague_got_meanwhile(
    open_page: Open, cast: Cast
) -> None:
    nia = open_page("nia", "/triage")
    nia.wait_for_selector("html[data-state=live]", state="attached")
    order = []
    for _ in range(6):
        nia.wait_for_selector("#main[data-card][aria-busy=false]")
        order.append(int(nia.get_attribute("#main", "data-card")))
        if len(order) < 6:
            nia.keyboard.press("w")
            until(nia, f"document.getElementById('main').dataset.card !== '{order[-1]}'")
    assert len(set(order)) == 6
    asked: list[Any] = []
    nia.route("**/claim", lambda route: asked.append(route) if not asked else route.continue_())
    nia.evaluate(
        """() => { const main = document.getElementById('main'); window.shown = [];
        new MutationObserver(() => window.shown.push(Number(main.dataset.card)))
          .observe(main, { attributeFilter: ['data-card'] }); }"""
    )

    nia.keyboard.press("w")
    nia.wait_for_selector("#main[aria-busy=true]")
    nia.keyboard.press("e")  # for a card that nobody sees
    servers.wait_until(lambda: bool(nia.evaluate("1") and asked), "the claim that is asked for")
    assert asked[0].request.url.endswith(f"/cards/{order[0]}/claim")
    assert nia.evaluate("window.shown") == []
    with db.transaction() as session:
        actions.claim(session, cast.rheinwelle, order[0], by=cast.edith, at=clock.now())
    asked[0].continue_()

    until(nia, f"document.getElementById('main').dataset.card === '{order[1]}'")
    nia.wait_for_selector("#main[aria-busy=false]")
    assert set(nia.evaluate("window.shown")) == {order[1]}
    with db.reading() as session:
        states = {card.id: (card.state, card.claimed_by_id) for card in session.query(Card)}
    assert states[order[0]] == ("new", cast.edith)
    assert states[order[1]] == ("new", cast.nia)
