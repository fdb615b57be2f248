"""Inbox, triage run, reports and settings in a real browser against the real desk."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.serving import make_server

from desk import clock, db
from desk.channels.models import Channel
from desk.conversations.models import Conversation, Message
from desk.jobs import table
from desk.jobs.models import Job
from desk.media.models import Asset
from desk.wall import actions, stacks
from desk.wall.models import Card, Stack
from tests.browser.wall_hand import until
from tests.desk_fixtures import Browser, Cast
from tests.servers import wait_until
from tests.wall import builders

pytestmark = pytest.mark.browser
AXE = (Path(__file__).resolve().parents[1] / "vendor" / "axe.min.js").read_text()
SOUNDING = "[...document.querySelectorAll('audio, video')].filter((one) => !one.paused).length"
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
Open = Callable[..., Any]


@pytest.fixture
def address(app: Flask, cast: Cast) -> Iterator[str]:
    """The desk behind a port, with six listeners who wait, the first of them since the longest."""
    with db.transaction() as session:
        for number, name in enumerate(("Ada", "Bo", "Chi", "Dora", "Emil", "Fee")):
            at = clock.now() - timedelta(hours=6 - number)
            listener = builders.a_listener(session, cast.rheinwelle, name, place="Düren")
            card = builders.a_card(session, cast.rheinwelle, text=f"Frage {number}", listener=listener, sent_at=at)
            thread = session.get_one(Conversation, session.get_one(Message, card.message_id).conversation_id)
            thread.last_message_at, thread.closes_at = at, at + timedelta(hours=23)
        session.execute(select(Channel)).scalars().one().last_delivery_at = clock.now()
        table.put(session, "make_export", "export:1", {}, at=clock.now(), station_id=cast.rheinwelle)
        job = session.execute(select(Job).where(Job.kind == "make_export")).scalar_one()
        job.state, job.last_error = "dead", "tries_used_up"
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def open_page(address: str, sign_in: Callable[[str], Browser], browser: Any) -> Iterator[Open]:
    """`open_page("nia", "/inbox")`: that page, signed in; at the end no script and no policy complained."""
    faults: list[str] = []
    with ExitStack() as stack:

        def enter(name: str, path: str) -> Any:
            context = browser.new_context(
                viewport={"width": 1440, "height": 900}, locale="en-GB", reduced_motion="reduce"
            )
            stack.callback(context.close)
            context.add_cookies([sign_in(name).cookie(address)])
            page = context.new_page()
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
            page.goto(f"{address}{path}")
            return page

        yield enter
    assert faults == []


def faults_of(page: Any) -> list[str]:
    """What axe finds; evaluated past the page's policy, which forbids foreign scripts."""
    tools = page.context.new_cdp_session(page)
    tools.send("Runtime.evaluate", {"expression": AXE})
    asked = "axe.run().then((found) => JSON.stringify(found.violations.map((one) => [one.id, one.nodes[0].html])))"
    answer = tools.send("Runtime.evaluate", {"expression": asked, "awaitPromise": True, "returnByValue": True})
    return list(json.loads(answer["result"]["value"]))


# --- inbox ----------------------------------------------------------------------------------------------------------


def test_an_answer_is_written_with_the_keyboard_alone_and_cancelled_while_held(open_page: Open) -> None:
    page = open_page("nia", "/inbox")
    page.wait_for_selector("#name >> text=Ada")
    page.keyboard.press("j")
    page.wait_for_selector("#name >> text=Bo")
    page.wait_for_selector("#composer textarea:enabled")
    page.keyboard.press("r")
    page.keyboard.type("Gleich nach dem Wetter")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".msg.out >> text=Gleich nach dem Wetter")
    page.click(".toast >> text=Cancel")
    page.wait_for_selector(".msg.out.is-cancelled")

    assert page.input_value("#composer textarea") == "Gleich nach dem Wetter"
    with db.reading() as session:
        states = session.execute(select(Message.delivery_state).where(Message.direction == "out")).scalars().all()
    assert states == ["cancelled"]


def test_new_words_arrive_in_the_open_thread_and_new_dialogues_wait_behind_a_counter(
    open_page: Open, cast: Cast
) -> None:
    page = open_page("nia", "/inbox")
    page.wait_for_selector("html[data-state=live]", state="attached")
    page.wait_for_selector(".msg >> text=Frage 0")
    before = page.locator(".wait").first.bounding_box()
    with db.transaction() as session:
        gina = builders.a_listener(session, cast.rheinwelle, "Gina")
        message = builders.a_message(session, cast.rheinwelle, text="Hallo", listener=gina, sent_at=clock.now())
        thread = session.get_one(Conversation, message.conversation_id)
        thread.last_message_at, thread.closes_at = clock.now(), clock.now() + timedelta(hours=23)
        from desk.conversations.changes import announce

        announce(session, message, at=clock.now())
    page.wait_for_selector("#newpill:not([hidden]) >> text=1")
    assert page.locator(".wait").count() == 6
    assert page.locator(".wait").first.bounding_box() == before
    page.keyboard.press("n")
    page.wait_for_selector(".wait >> text=Gina")


def test_a_settled_dialogue_stays_in_its_place_until_the_list_is_renewed(open_page: Open) -> None:
    page = open_page("nia", "/inbox")
    page.wait_for_selector("#settle:enabled")
    page.wait_for_selector(".msg >> text=Frage 0")
    page.keyboard.press("d")
    page.wait_for_selector(".toast >> text=Dialogue with Ada settled")
    page.wait_for_selector(".wait.is-done >> text=Ada")
    assert page.locator(".wait").count() == 6
    page.keyboard.press("n")
    page.wait_for_selector(".wait-list li:nth-child(5):last-child")


# --- triage ---------------------------------------------------------------------------------------------------------


def test_a_run_judges_one_card_per_key_and_takes_back(open_page: Open, cast: Cast) -> None:
    page = open_page("nia", "/triage")
    page.wait_for_selector("#name >> text=Ada")
    page.keyboard.press("s")
    page.wait_for_selector("#name >> text=Bo")
    page.keyboard.press("e")
    page.wait_for_selector("#name >> text=Chi")
    page.keyboard.press("1")
    page.wait_for_selector("#last >> text=Bo rejected, unclear")
    page.keyboard.press("w")
    page.wait_for_selector("#name >> text=Dora")
    page.keyboard.press("z")
    page.wait_for_selector("#name >> text=Chi")
    page.keyboard.press("z")
    page.wait_for_selector("#name >> text=Bo")

    with db.reading() as session:
        states = session.execute(select(Card.state, Card.reject_reason).order_by(Card.placed_at)).all()
    assert [tuple(row) for row in states] == [("shortlisted", None), *[("new", None)] * 5]


def test_two_runs_never_show_the_same_card(open_page: Open) -> None:
    first, second = open_page("nia", "/triage"), open_page("edith", "/triage")
    first.wait_for_selector("#name >> text=Ada")
    second.wait_for_selector("#name >> text=Bo")
    first.keyboard.press("s")
    first.wait_for_selector("#name >> text=Chi")


def test_a_card_that_a_colleague_decides_leaves_the_run(open_page: Open, cast: Cast) -> None:
    page = open_page("nia", "/triage")
    page.wait_for_selector("html[data-state=live]", state="attached")
    page.wait_for_selector("#name >> text=Ada")
    with db.transaction() as session:
        card = session.execute(select(Card).order_by(Card.placed_at).limit(1)).scalar_one()
        actions.move_card(
            session, cast.rheinwelle, card.id, to="rejected", version=card.version, force=True, by=cast.edith,
            at=clock.now(),
        )  # fmt: skip
    page.wait_for_selector("#name >> text=Bo")


def test_the_run_follows_what_becomes_of_a_stack_of_copies(open_page: Open, cast: Cast) -> None:
    with db.transaction() as session:
        cards = list(session.execute(select(Card).order_by(Card.placed_at).limit(3)).scalars())
        stack = Stack(station_id=cast.rheinwelle, of="file", reason="file", cards=0, created_at=clock.now())
        session.add(stack)
        session.flush()
        for card in cards:
            builders.an_asset(session, card.message_id, cast.rheinwelle, kind="document", state="ready")
            card.stack_id = stack.id
        stacks.touch(session, stack.id, at=clock.now())
    page = open_page("nia", "/triage")
    page.wait_for_selector("html[data-state=live]", state="attached")
    page.wait_for_selector("#badges >> text=3 copies from 3 listeners")

    with db.transaction() as session:
        actions.take_apart(session, cast.rheinwelle, cards[2].id, by=cast.edith, at=clock.now())

    page.wait_for_selector("#badges >> text=2 copies from 2 listeners")
    page.keyboard.press("s")
    page.wait_for_selector("#name >> text=Dora")  # Bo was judged with Ada, Chi came out and stands at the end
    page.wait_for_selector("#badges >> text=copies", state="detached")
    until(page, "document.querySelectorAll('#stack .sh').length === 1")

    def states() -> list[str]:
        with db.reading() as session:
            return [session.get_one(Card, card.id).state for card in cards]

    wait_until(lambda: states() == ["shortlisted", "shortlisted", "new"], "one verdict for the copies still together")


def test_in_a_run_a_file_that_failed_is_tried_again_by_the_keys_alone(open_page: Open, cast: Cast) -> None:
    with db.transaction() as session:
        card = session.execute(select(Card).order_by(Card.placed_at).limit(1)).scalar_one()
        asset = builders.an_asset(
            session, card.message_id, cast.rheinwelle, kind="voice", state="failed", reason="media.timeout",
            original_key="1/a.ogg", original_sha256="0" * 64, original_bytes=9,
        )  # fmt: skip
        table.put(session, "make_renditions", f"asset:{asset.id}", {"asset_id": asset.id}, at=clock.now(),
                  station_id=cast.rheinwelle)  # fmt: skip
        job = session.execute(select(Job).where(Job.kind == "make_renditions")).scalar_one()
        job.state, job.last_error = "dead", "media.timeout"
        number = asset.id
    page = open_page("nia", "/triage")
    page.wait_for_selector("html[data-state=live]", state="attached")
    again = page.locator("#body [data-act=retry]")
    again.wait_for()

    while not again.evaluate("(one) => one === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    page.wait_for_selector("text=Trying again")
    page.wait_for_selector("#body >> text=Converting and measuring")
    with db.reading() as session:
        assert session.get_one(Asset, number).state == "processing"


def test_an_empty_run_says_so_and_goes_on_when_something_comes(open_page: Open, cast: Cast) -> None:
    page = open_page("nia", "/triage")
    for name in ("Ada", "Bo", "Chi", "Dora", "Emil", "Fee"):
        page.wait_for_selector(f"#name >> text={name}")
        page.keyboard.press("e")
    page.wait_for_selector("#empty:not([hidden]) >> text=All screened")
    page.wait_for_selector("html[data-state=live]", state="attached")
    with db.transaction() as session:
        builders.a_card(session, cast.rheinwelle, text="Neu", sent_at=clock.now())
    page.wait_for_selector("#text >> text=Neu")


# --- settings and all pages -----------------------------------------------------------------------------------------


def test_work_is_tried_again_only_after_a_yes(open_page: Open) -> None:
    page = open_page("omar", "/settings")
    page.click("[data-retry=make_export]")
    page.click("#ask [data-ask=no]")
    with db.reading() as session:
        assert session.execute(select(Job.state)).scalar_one() == "dead"
    page.click("[data-retry=make_export]")
    page.click("#ask [data-ask=yes]")
    page.wait_for_selector(".toast >> text=1 piece of work starts again.")
    with db.reading() as session:
        assert session.execute(select(Job.state)).scalar_one() == "ready"


PAGES = [("nia", "/inbox"), ("nia", "/triage"), ("nia", "/reports"), ("omar", "/settings")]


@pytest.mark.parametrize(("who", "path"), PAGES)
def test_axe_finds_nothing_nothing_overflows_and_nothing_sounds(open_page: Open, who: str, path: str) -> None:
    page = open_page(who, path)
    for width, height, theme in ((1920, 1080, "dark"), (1440, 900, "light"), (390, 844, "dark")):
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
        page.wait_for_load_state("networkidle")
        assert (width, faults_of(page)) == (width, [])
        assert (width, page.evaluate(OVERFLOW) <= 0) == (width, True)
        assert page.evaluate(SOUNDING) == 0
