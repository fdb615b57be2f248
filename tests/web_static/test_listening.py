"""Listening in a run: what plays by itself and what never does, how fast, and what counts as heard."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from desk import clock, db
from desk.conversations.models import Message
from desk.listeners.models import Listener
from desk.media import storage
from desk.media.models import Asset
from desk.onair.models import Listened
from desk.wall import actions
from desk.wall.models import Card
from media_store import peaks
from tests.browser.wall_hand import until
from tests.desk_fixtures import Browser, Cast
from tests.media_store.material import ffmpeg, silence, speech, write_wav
from tests.wall import builders
from tests.web_static.conftest import Bench
from tests.web_static.test_rooms import faults_of

pytestmark = pytest.mark.browser
# What sounds; and of every play the key in whose own task it was called, and whether its bytes were there already.
WATCH = """
window.sounds = [];
window.plays = [];
window.fetched = 0;
let key = null;
addEventListener("keydown", (event) => { key = event.key; }, true);
addEventListener("keydown", () => { key = null; });
const toAddress = URL.createObjectURL;
URL.createObjectURL = (bytes) => { fetched += 1; return toAddress.call(URL, bytes); };
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  if (!this.isWatched) this.addEventListener("playing", () => {
    if (!sounds.some((one) => one.element === this)) sounds.push({ element: this, at: performance.now() });
  });
  this.isWatched = true;
  plays.push([key, this.src.startsWith("blob:")]);
  return play.call(this);
};
"""
SOUNDING = "sounds.filter((one) => !one.element.paused).length"
AT_S = "sounds.at(-1).element.currentTime"
FETCHED = "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('/preview')).length"
PAUSE_S = (2.0, 4.0)
Open = Callable[[str], Any]


@dataclass(frozen=True)
class Recording:
    """A voice as the desk keeps it: its preview, its peaks, its length."""

    preview: bytes
    peaks: bytes
    duration_s: float


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Recording]:
    """One of ten seconds with a pause, then short ones, all different."""
    folder = tmp_path_factory.mktemp("voices")
    pause = silence(PAUSE_S[1] - PAUSE_S[0])
    long = np.concatenate([speech(PAUSE_S[0]), pause, speech(10 - PAUSE_S[1])])
    return [_recorded(folder, long), *(_recorded(folder, speech(4 + number / 10)) for number in range(5))]


def _recorded(folder: Path, samples: Any) -> Recording:
    wave = write_wav(folder / "voice.wav", samples)
    ffmpeg("-i", wave, "-c:a", "libmp3lame", "-b:a", "64k", folder / "voice.mp3")
    drawing = peaks.for_pane(peaks.measure_pairs(iter([samples.astype(np.float32)])))
    return Recording((folder / "voice.mp3").read_bytes(), peaks.to_json(drawing), samples.size / peaks.RATE_HZ)


def a_voice(session: Session, cast: Cast, name: str, recording: Recording, **said: Any) -> Card:
    listener = builders.a_listener(session, cast.rheinwelle, name, place="Düren")
    at = clock.now() - timedelta(hours=1)
    card = builders.a_card(session, cast.rheinwelle, kind="voice", text="", listener=listener, sent_at=at)
    asset = builders.an_asset(
        session, card.message_id, cast.rheinwelle, state="ready", duration_s=recording.duration_s, peaks=bytes(56),
        original_sha256="0" * 64, **said,
    )  # fmt: skip
    for profile, mime, content in (
        ("preview", "audio/mpeg", recording.preview), ("peaks", "application/json", recording.peaks),
    ):  # fmt: skip
        key = f"{cast.rheinwelle}/{asset.id}.{profile}"
        storage.current().put(key, io.BytesIO(content), content_type=mime)
        sha256 = hashlib.sha256(content).hexdigest()
        builders.a_rendition(session, asset, profile, mime=mime, key=key, bytes=len(content), sha256=sha256)
    return card


@pytest.fixture
def open_page(app: Flask, sign_in: Callable[[str], Browser], whole_browser: Any) -> Iterator[Open]:
    """`open_page("/triage")`: that page for Nia, watched for what sounds."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    screen = {"width": 1440, "height": 900}
    context = whole_browser.new_context(viewport=screen, locale="en-GB", reduced_motion="reduce")
    context.add_cookies([sign_in("nia").cookie(address)])
    context.add_init_script(WATCH)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)

    def enter(path: str) -> Any:
        page.goto(f"{address}{path}")
        page.wait_for_selector("html[data-ready=yes]", state="attached")
        return page

    yield enter
    context.close()
    server.shutdown()
    server.server_close()
    thread.join()
    assert faults == []


def shown(page: Any, name: str) -> None:
    page.wait_for_selector(f"#name >> text={name}")


def heard_of(name: str) -> list[tuple[float, float]]:
    """Stretches of a listener's voice that count as heard, joined where they touch."""
    asked = (
        select(Listened.from_s, Listened.to_s)
        .join(Asset, Asset.id == Listened.asset_id)
        .join(Message, Message.id == Asset.message_id)
        .join(Listener, Listener.id == Message.listener_id)
        .where(Listener.first_name == name)
        .order_by(Listened.from_s)
    )
    out: list[tuple[float, float]] = []
    with db.reading() as session:
        for from_s, to_s in session.execute(asked):
            if out and from_s <= out[-1][1] + 0.1:
                out[-1] = (out[-1][0], max(out[-1][1], to_s))
            else:
                out.append((from_s, to_s))
    return out


@pytest.mark.parametrize("is_held", [False, True])
def test_a_verdict_plays_the_next_voice_at_once_but_only_in_a_run_that_somebody_started(
    open_page: Open, cast: Cast, recordings: list[Recording], is_held: bool
) -> None:
    with db.transaction() as session:
        for name, recording in zip(("Ada", "Bo", "Chi"), recordings[1:], strict=False):
            a_voice(session, cast, name, recording)
        a_voice(session, cast, "Dora", recordings[4], is_covered=True)
        builders.a_card(
            session,
            cast.rheinwelle,
            text="Frage",
            listener=builders.a_listener(session, cast.rheinwelle, "Emil"),
            sent_at=clock.now() - timedelta(minutes=9),
        )
        late = a_voice(session, cast, "Fee", recordings[5])
        late.placed_at = clock.now()
        for card in session.execute(select(Card)).scalars().all() if is_held else []:
            actions.claim(session, cast.rheinwelle, card.id, by=cast.nia, at=clock.now())
    page = open_page("/triage")
    shown(page, "Ada")

    page.keyboard.press("e")
    shown(page, "Bo")
    assert page.evaluate("sounds.length") == 0, "nobody asked for a sound yet"
    assert page.evaluate(FETCHED) == 0
    page.keyboard.press(" ")
    until(page, f"{SOUNDING} === 1 && {AT_S} > 0.3")
    until(page, "fetched === 2")

    page.keyboard.press("s")
    shown(page, "Chi")
    until(page, f"{SOUNDING} === 1 && sounds.length === 2")
    page.keyboard.press("w")
    shown(page, "Dora")
    page.keyboard.press("e")
    shown(page, "Emil")
    assert page.evaluate("sounds.length") == 2, "neither what is covered nor a text sounds by itself"
    page.keyboard.press("e")
    shown(page, "Fee")
    until(page, f"{SOUNDING} === 1 && sounds.length === 3")
    until(page, "fetched === 3")
    page.keyboard.press("w")
    shown(page, "Chi")
    until(page, f"{SOUNDING} === 1 && sounds.length === 4")
    page.keyboard.press("Shift+ ")
    page.keyboard.press("e")
    shown(page, "Fee")
    assert page.evaluate(SOUNDING) == 0, "all sound off: the next one waits for a press again"

    # Nothing stands between the key and the sound: no answer of the server, no fetching, not even another task.
    assert page.evaluate("plays") == [[" ", False], ["s", True], ["e", True], ["w", True]]
    until(page, "document.querySelectorAll('#stack .rej').length > 0")
    assert heard_of("Ada") == []


def test_the_next_voice_waits_for_the_space_bar_where_a_person_wants_that(
    open_page: Open, cast: Cast, recordings: list[Recording]
) -> None:
    with db.transaction() as session:
        for name, recording in zip(("Ada", "Bo", "Chi"), recordings[1:], strict=False):
            a_voice(session, cast, name, recording)
    page = open_page("/triage")
    shown(page, "Ada")
    page.keyboard.press("0")
    page.wait_for_selector("[data-listen=goesOn][aria-pressed=false]")
    page.reload()
    page.wait_for_selector("[data-listen=goesOn][aria-pressed=false]")

    page.keyboard.press(" ")
    until(page, f"{SOUNDING} === 1")
    page.keyboard.press("e")
    shown(page, "Bo")

    assert page.evaluate(SOUNDING) == 0
    assert page.evaluate(FETCHED) == 1, "what will not play is not fetched"
    page.wait_for_selector("#lease >> text=without a key or a tap")
    page.keyboard.press("?")
    for words in ("Faster", "2 s forward", "First 8 seconds only", "Skip pauses", "The next voice by itself"):
        page.wait_for_selector(f"dialog[open] >> text={words}")


def test_at_double_speed_without_pauses_exactly_what_was_heard_counts(
    open_page: Open, cast: Cast, recordings: list[Recording]
) -> None:
    with db.transaction() as session:
        a_voice(session, cast, "Ada", recordings[0])
    page = open_page("/triage")
    shown(page, "Ada")
    page.click("[data-speed='2']")
    page.keyboard.press("8")
    page.keyboard.press("9")

    page.keyboard.press(" ")

    page.wait_for_selector("#cue.is-on")
    until(page, "sounds.length === 1")
    playing = page.evaluate("[sounds[0].element.playbackRate, sounds[0].element.preservesPitch]")
    assert playing == [2, True]
    page.wait_for_selector("#cue:not(.is-on)")
    assert 7.9 <= page.evaluate(AT_S) < 8.6
    until(page, "sounds.length === 1")
    page.wait_for_load_state("networkidle")
    before, after = heard_of("Ada")
    assert before == pytest.approx((0, PAUSE_S[0]), abs=0.35)
    assert after == pytest.approx((PAUSE_S[1], 7.7), abs=0.35)
    assert before[1] < PAUSE_S[0] + 0.35 < PAUSE_S[1] - 0.35 < after[0], "a pause that was skipped was not heard"

    page.keyboard.press(" ")

    until(page, f"{AT_S} > 8.3")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(AT_S) < 7.5
    page.keyboard.press("ArrowDown")
    assert page.evaluate("sounds[0].element.playbackRate") == 1.5


def test_listening_is_locked_while_the_chosen_headphones_are_gone(
    open_page: Open, cast: Cast, recordings: list[Recording]
) -> None:
    with db.transaction() as session:
        a_voice(session, cast, "Ada", recordings[1])
    page = open_page("/triage")
    shown(page, "Ada")
    page.evaluate("localStorage.setItem('desk.output.cue', JSON.stringify({ id: 'f'.repeat(64), label: 'USB 7' }))")
    for path, card in (("/wall", ".card-voice"), ("/triage", "#cue[aria-disabled=true]")):
        page = open_page(path)
        page.wait_for_selector("#route.is-bad >> text=Headphones locked")
        page.wait_for_selector(card)
        page.keyboard.press(" ")
        page.wait_for_selector(".toast.warn >> text=The output USB 7 is gone.")
        assert page.evaluate("sounds.length") == 0
    page.wait_for_selector("#locked >> text=The output USB 7 is gone.")
    page.click(".toast [aria-label=Close]")
    page.click("#route")
    page.wait_for_selector("#headphones-list")
    assert faults_of(page) == []

    page.select_option("#headphones-list", "")

    page.wait_for_selector("#route:not(.is-bad)")
    page.keyboard.press("Escape")
    page.click("#cue")
    until(page, f"{SOUNDING} === 1")
    page.evaluate("localStorage.setItem('desk.output.air', JSON.stringify({ id: 'a', label: 'Pult' }))")
    page = open_page("/triage")
    page.wait_for_selector("#locked >> text=This computer also goes to air.")


def test_a_run_goes_on_at_the_card_and_the_second_where_it_stopped(
    open_page: Open, cast: Cast, recordings: list[Recording]
) -> None:
    with db.transaction() as session:
        for name, recording in zip(("Ada", "Bo", "Chi"), recordings, strict=False):
            a_voice(session, cast, name, recording)
    page = open_page("/triage")
    shown(page, "Ada")
    page.keyboard.press("w")
    shown(page, "Bo")
    page.keyboard.press(" ")
    until(page, f"{SOUNDING} === 1 && {AT_S} > 1")
    page.keyboard.press("Escape")
    page.wait_for_url("**/wall")

    page = open_page("/triage")

    shown(page, "Bo")
    page.wait_for_selector("#time >> text=0:01")
    assert page.evaluate("sounds.length") == 0
    assert page.locator("#queue li b").all_inner_texts() == ["Chi", "Ada"]
    page.keyboard.press(" ")
    until(page, f"{SOUNDING} === 1")
    assert page.evaluate(AT_S) > 1


def test_verdicts_without_a_line_wait_go_out_by_themselves_and_say_who_was_first(open_page: Open, cast: Cast) -> None:
    with db.transaction() as session:
        people_of = {name: builders.a_listener(session, cast.rheinwelle, name) for name in ("Ada", "Bo", "Chi", "Dora")}
        cards = {
            name: builders.a_card(session, cast.rheinwelle, text="Frage", listener=one).id
            for name, one in people_of.items()
        }
    page = open_page("/triage")
    shown(page, "Ada")
    until(page, "document.documentElement.dataset.state === 'live'")
    page.context.set_offline(True)
    page.wait_for_selector(".offline #offline-since:visible")
    for key, name in (("s", "Bo"), ("e", "Chi"), ("e", "Dora")):
        page.keyboard.press(key)
        shown(page, name)
    page.wait_for_selector("#waits >> text=3 decisions wait")
    page.keyboard.press("z")
    shown(page, "Chi")
    page.wait_for_selector("#waits >> text=2 decisions wait")
    with db.transaction() as session:
        actions.move_card(
            session,
            cast.rheinwelle,
            cards["Bo"],
            to="shortlisted",
            version=1,
            reason=None,
            by=cast.edith,
            at=clock.now(),
        )

    page.context.set_offline(False)

    page.wait_for_selector(".refused header >> text=1 of 2 decisions was not carried out")
    told = page.inner_text(".refused li")
    assert [name for name in ("Bo", "Edith") if name in told] == ["Bo", "Edith"], told
    assert page.locator("#waits").is_hidden()
    with db.reading() as session:
        states = {name: session.get_one(Card, card).state for name, card in cards.items()}
    assert states == {"Ada": "shortlisted", "Bo": "shortlisted", "Chi": "new", "Dora": "new"}
    page.click(".refused [aria-label=Close]")
    page.wait_for_selector(".refused", state="detached")


PAUSES_OF = """
  const {pausesOf} = await load("listening");
  const level = (seconds, value) => Array(seconds * 100).fill([-value, value]).flat();
  const file = (...parts) => ({ data: parts.flat(), sample_rate: 48000, samples_per_pixel: 480 });
  return [
    pausesOf(file(level(2, 90), level(1, 2), level(2, 90))),
    pausesOf(file(level(2, 90), level(0.5, 0), level(2, 90))),
    pausesOf(file(level(2, 90), level(1, 12), level(2, 90))),
    pausesOf(file(level(1, 1), level(2, 90), level(1, 0))),
    pausesOf({}),
  ];
"""


def test_only_real_pauses_are_left_out_and_every_word_keeps_its_edges(bench: Bench) -> None:
    inside, short, noisy, ends, none = bench.run(PAUSES_OF)

    assert inside == [[pytest.approx(2.18), pytest.approx(2.82)]]
    assert short == noisy == none == []
    assert ends == [[0, pytest.approx(0.82)], [pytest.approx(3.18), pytest.approx(3.82)]]


def test_headphones_are_chosen_once_for_wall_and_run(open_page: Open, cast: Cast, recordings: list[Recording]) -> None:
    with db.transaction() as session:
        a_voice(session, cast, "Ada", recordings[1])
    page = open_page("/triage")
    page.click("#route")
    page.wait_for_selector("#headphones-list option >> text=Fake Audio Output 2", state="attached")
    assert "Fake Default Audio Output" not in page.inner_text("#headphones-list"), (
        "what follows the computer is no choice"
    )
    page.select_option("#headphones-list", label="Fake Audio Output 2")
    page.keyboard.press("Escape")
    page.wait_for_selector("#headphones:not(:popover-open)", state="attached")

    page = open_page("/wall")
    page.wait_for_selector("#route >> text=Fake Audio Output 2")
    page.wait_for_selector(".card-voice")
    page.keyboard.press(" ")

    until(page, f"{SOUNDING} === 1")
    chosen = page.evaluate("JSON.parse(localStorage.getItem('desk.output.cue')).id")
    assert page.evaluate("sounds[0].element.sinkId") == chosen
