"""Nobody loses their place: not when hundreds arrive, not after a long absence, not while the server starts again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from desk import clock, db
from desk.live.models import LiveEvent, StationCounter
from desk.wall import actions
from desk.wall.models import Card
from tests.browser.wall_hand import until
from tests.desk_fixtures import Cast
from tests.wall import builders
from tests.web_static.test_wall_page import address, wall

__all__ = ["address", "wall"]
pytestmark = pytest.mark.browser
CHANGES, ROUNDS = 2000, 50
STANDS = """(() => {
  const box = document.querySelector('.card.is-focus').getBoundingClientRect();
  return [document.getElementById('grid').scrollTop, box.x, box.y, box.width, box.height];
})()"""
TO_THE_MIDDLE = """new Promise((done) => {
  const grid = document.getElementById('grid');
  grid.scrollTop = (grid.scrollHeight - grid.clientHeight) / 2;
  const press = () => {
    const box = grid.getBoundingClientRect();
    const card = document.elementFromPoint(box.left + 90, box.top + box.height / 2)?.closest('.card:not(.is-loading)');
    const name = card?.querySelector('.card-who');
    if (name) { name.click(); done(); } else requestAnimationFrame(press);  // a frame that is filled with the next ones
  };
  requestAnimationFrame(() => requestAnimationFrame(press));
})"""
CARDS = "[...document.querySelectorAll('.card')]"


def arrive(cast: Cast, amount: int, *, kind: str = "text", ago: timedelta = timedelta()) -> None:
    with db.transaction() as session:
        listener = builders.a_listener(session, cast.rheinwelle, "Neu")
        for _ in range(amount):
            builders.a_card(
                session, cast.rheinwelle, kind=kind, text="Frage", listener=listener, sent_at=clock.now() - ago
            )


def test_five_hundred_arrive_and_the_card_in_hand_moves_by_no_pixel_in_any_shape(wall: Any, cast: Cast) -> None:
    arrived = 0
    for shape, voices, texts, late in (("cards", 160, 40, 0), ("mosaic", 100, 40, 10), ("strip", 100, 40, 10)):
        wall.click(f"[data-shape-choice={shape}]")
        wall.evaluate(TO_THE_MIDDLE)
        before = wall.evaluate(STANDS)
        arrive(cast, voices, kind="voice")
        arrive(cast, texts)
        arrive(cast, late, ago=timedelta(minutes=5))
        arrived += voices + texts + late
        wall.wait_for_selector(f"#newpill:not([hidden]) b >> text='+{arrived}'")
        assert wall.evaluate(STANDS) == before, shape
    assert wall.inner_text("#newpill [data-part=kinds]") == "360 voices, 140 texts"
    assert wall.inner_text("[data-state-filter=new] .fresh") == "+500"
    assert wall.inner_text("[data-kind-filter=voice] .fresh") == "+360"
    assert wall.locator("[data-state-filter=all] .fresh, [data-state-filter=shortlisted] .fresh").count() == 0

    wall.click("[data-kind-filter=voice]")
    wall.wait_for_selector(".card-voice")
    wall.wait_for_selector("[data-kind-filter=text] .fresh >> text='+140'")
    assert wall.locator("[data-kind-filter=voice] .fresh").count() == 0, "what is looked at is new no more"
    wall.click("[data-kind-filter=voice]")
    wall.wait_for_selector(".fresh", state="detached")


def test_two_thousand_changes_are_caught_up_by_one_question_and_every_card_is_right(wall: Any, cast: Cast) -> None:
    """The seconds stand in the bench; what makes them few is here: one request, and nothing loaded anew."""
    wall.keyboard.press("j")
    wall.keyboard.press("x")
    wall.fill("#f-note", "Ein Entwurf")
    before = wall.evaluate(STANDS)
    wall.context.set_offline(True)
    wall.wait_for_selector("html[data-state=offline]", state="attached")
    with db.transaction() as session:
        seq = session.get_one(StationCounter, cast.rheinwelle).event_seq
        ids = list(session.execute(select(Card.id).where(Card.station_id == cast.rheinwelle)).scalars())
        for card_id in ids:
            actions.move_card(
                session,
                cast.rheinwelle,
                card_id,
                to="rejected",
                version=1,
                reason=None,
                by=cast.edith,
                at=clock.now(),
            )
    _tell_again(cast, len(ids))
    with db.reading() as session:
        assert session.get_one(StationCounter, cast.rheinwelle).event_seq - seq == CHANGES
    asked: list[str] = []
    wall.on("request", lambda request: asked.append(request.url.split("/api/v1/")[-1]))

    wall.context.set_offline(False)

    wall.wait_for_selector("html[data-state=live]", state="attached")
    until(wall, f"{CARDS}.length > 10 && {CARDS}.every((one) => one.innerText.includes('Stand {ROUNDS}'))")
    assert wall.evaluate(f"{CARDS}.every((one) => one.classList.contains('is-rejected'))")
    wall.wait_for_selector("[data-state-filter=rejected] b >> text='40'")
    assert len([one for one in asked if one.startswith("events")]) == 1
    assert not [one for one in asked if one.startswith("cards?")], "the list is not loaded anew"
    assert wall.evaluate(STANDS) == before
    assert wall.locator(".card.is-selected").count() == 1
    assert wall.input_value("#f-note") == "Ein Entwurf"


def _tell_again(cast: Cast, cards: int) -> None:
    """As many further versions of every card as make up all the changes; the last of them is what holds."""
    with db.transaction() as session:
        told = session.execute(
            select(LiveEvent).where(LiveEvent.kind == "card.changed").order_by(LiveEvent.seq.desc()).limit(cards)
        ).scalars()
        last = [event.payload for event in told]
        counter = session.get_one(StationCounter, cast.rheinwelle)
        base = {"station_id": cast.rheinwelle, "kind": "card.changed", "audience": "wall.read", "at": clock.now()}
        rows = []
        for number in range(3, ROUNDS + 2):
            for payload in last:
                card = payload["card"] | {"version": number, "text": f"Stand {number - 1}"}
                rows.append(base | {"seq": counter.event_seq + 1 + len(rows), "payload": payload | {"card": card}})
        assert len(rows) + cards == CHANGES
        session.execute(insert(LiveEvent), rows)
        counter.event_seq += len(rows)
        session.execute(update(Card).where(Card.station_id == cast.rheinwelle).values(version=ROUNDS + 1))


def test_verdicts_without_a_line_wait_visibly_and_each_refused_one_says_who_was_first(wall: Any, cast: Cast) -> None:
    ids = [int(one.get_attribute("data-id")) for one in wall.locator(".card").all()[:4]]
    wall.keyboard.press("j")
    wall.keyboard.press("k")
    wall.context.set_offline(True)
    wall.wait_for_selector("html[data-state=offline]", state="attached")
    for _ in range(4):
        wall.keyboard.press("e")
    for card_id in ids:
        wall.wait_for_selector(f".card[data-id='{card_id}'].is-rejected .state-held >> text=waits")
    wall.wait_for_selector("#offline-more >> text=4 actions wait")
    wall.keyboard.press("z")
    wall.wait_for_selector(f".card[data-id='{ids[3]}'].is-new")
    with db.transaction() as session:
        for card_id, to in zip(ids[:2], ("shortlisted", "rejected"), strict=False):
            actions.move_card(
                session, cast.rheinwelle, card_id, to=to, version=1, reason=None, by=cast.edith, at=clock.now()
            )

    wall.context.set_offline(False)

    wall.wait_for_selector(".refused header >> text=2 of 3 decisions were not carried out")
    rows = wall.locator(".refused li").all_inner_texts()
    assert ["Edith shortlisted it at" in rows[0], "Edith rejected it at" in rows[1]] == [True, True]
    with db.reading() as session:
        assert [session.get_one(Card, one).state for one in ids] == ["shortlisted", "rejected", "rejected", "new"]
    wall.locator(".refused li button").first.click()
    wall.wait_for_selector(f".card.is-focus[data-id='{ids[0]}'].conflict")
    wall.click(".refused [aria-label=Close]")
    assert wall.locator(".state-held").count() == 0
