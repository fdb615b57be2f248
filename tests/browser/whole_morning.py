"""A flood of mixed messages at a whole running desk, worked off by people in a browser.

All arrive, all that sounds is played, each is judged by keys in a triage run, and the best go through clearing and
rundown to the air. The test has a short form; `make soak ONLY=judged_morning` has 500 messages.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desk.rehearsal import client
from tests import serving
from tests.browser.broadcast_wav import read_wav
from tests.browser.conftest import OpenPage
from tests.browser.test_the_walk import JONAS, LEA, clear_for_air
from tests.browser.wall_hand import go_to, until
from tests.serving import Desk

PER_MINUTE = 600
PICKED_EVERY = 10  # of so many voices one goes on the shortlist
PATIENCE_S = 1.0
WORKED_OFF_S = 600.0

# What the card on screen is, as far as a person sees it; null while the run has nothing to show.
ON_SCREEN = """document.querySelector('#run').hidden ? null : {
  card: document.querySelector('#main').dataset.card,
  kind: document.querySelector('#main').dataset.kind,
  media: document.querySelector('#main').dataset.media,
  sounds: !document.querySelector('#ctl').hidden,
}"""
FOLDED = "fetch('/api/v1/cards?limit=1').then((answer) => answer.json()).then((body) => body.counts.state.mood)"
SETTLED = ["", "ready", "failed"]
IS_SETTLED = f"{SETTLED}.includes(document.querySelector('#main').dataset.media)"
SOUNDS = "window.sounding.length > 0 && window.sounding.at(-1).currentTime > 0"
PLAYS = "window.sounding.some((one) => !one.paused)"
PLAYER = """({
  now: {...document.querySelector('#main').dataset}, said: document.querySelector('.toast')?.textContent,
  players: window.sounding.map((one) =>
    [one.src, one.isConnected, one.paused, one.readyState, one.networkState, one.error?.message]),
})"""


@dataclass
class Run:
    """What a producer did in a triage run."""

    judged: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    picked: list[str] = field(default_factory=list)


def _is_left(triage: Any, run: Run, items: int) -> bool:
    """Whether a card is on screen; waits for the next one until each message was judged or is counted in the bar."""
    waits = int(WORKED_OFF_S / PATIENCE_S)
    for _ in range(waits):
        with suppress(TimeoutError):
            until(triage, f"({ON_SCREEN}) !== null", limit_s=PATIENCE_S)
            return True
        if len(run.judged) + int(triage.evaluate(FOLDED)) >= items:
            return False
    raise AssertionError(f"{len(run.judged)} of {items} judged, nothing more came")


def _judge(triage: Any, items: int) -> Run:
    """Decide on the cards of so many messages with Space, S and E; whatever sounds is played before it is judged, by
    Space where the verdict before did not start it.

    A file that is not there yet is put off with W, as a producer does. Emoji and greetings alone are only counted.
    """
    run, voices = Run(), 0
    while _is_left(triage, run, items):
        with suppress(TimeoutError):
            until(triage, IS_SETTLED, limit_s=PATIENCE_S)
        seen = triage.evaluate(ON_SCREEN)
        if seen["media"] not in SETTLED:
            triage.keyboard.press("w")
            until(triage, f"({ON_SCREEN})?.card !== '{seen['card']}' || {IS_SETTLED}", limit_s=WORKED_OFF_S)
            continue
        if seen["sounds"]:
            if not triage.evaluate(PLAYS):
                triage.keyboard.press(" ")
            _await_sound(triage, seen)
            run.heard.append(seen["card"])
        voices += seen["kind"] == "voice"
        is_picked = seen["kind"] == "voice" and voices % PICKED_EVERY == 1
        triage.evaluate("window.sounding.length = 0")
        triage.keyboard.press("s" if is_picked else "e")
        until(triage, f"({ON_SCREEN})?.card !== '{seen['card']}'")
        run.judged.append(seen["card"])
        if is_picked:
            run.picked.append(seen["card"])
    return run


def _await_sound(triage: Any, seen: dict[str, Any]) -> None:
    try:
        until(triage, SOUNDS)
    except TimeoutError as silence:
        state = triage.evaluate(PLAYER)
        raise AssertionError(f"nothing sounded of {seen}: {state}") from silence


def _clear_and_plan(wall: Any, picked: list[str]) -> list[str]:
    """Hear some of the shortlisted in full, clear them and put them into the rundown. Returns their first names."""
    wall.click("[data-state-filter=shortlisted]")
    names = []
    for number in picked:
        card = go_to(wall, wall.locator(f".card[data-id='{number}']"))
        names.append(card.locator("[data-part=name]").inner_text())
        wall.evaluate("window.sounding.length = 0")
        clear_for_air(wall, card)
        wall.keyboard.press("l")
        wall.wait_for_selector("#pane [data-part=slot] >> text=Platz")
    return names


def _send_to_air(studio: Any, to_air: int, folder: Path) -> None:
    """Cue, pull and air whatever is loaded, until nothing is left."""
    for number in range(to_air):
        studio.wait_for_selector("#air[aria-disabled=false]")
        with studio.expect_download() as pulled:
            studio.click("#wav")
        pulled.value.save_as(folder / f"{number}.wav")
        assert abs(read_wav(folder / f"{number}.wav").integrated_lufs + 23) <= 0.5
        studio.keyboard.press("F9")
        studio.wait_for_selector("#cue.is-on")
        studio.keyboard.press("F10")
        studio.wait_for_selector("body[data-air=on]")
        until(studio, f"document.querySelectorAll('#done li').length === {number + 1}")


def work_off(desk: Desk, open_page: OpenPage, folder: Path, *, items: int, to_air: int) -> Run:
    """The whole of it on an empty desk. AssertionError if anything is lost, doubled, silent or not aired."""
    triage = open_page(LEA, "/triage")
    sent = client.burst(desk.number, items, PER_MINUTE, station=serving.STATION).ids

    run = _judge(triage, items)

    assert len(set(run.judged)) == len(run.judged), "no card came twice"
    found = desk.inventory(sent)
    cards = {provider_id: one["cards"] for provider_id, one in found["found"].items()}
    assert [one for one in cards.items() if len(one[1]) != 1] == []
    counted = {str(one["cards"][0]) for one in found["found"].values() if one["in_bar"] == 1}
    assert {str(ids[0]) for ids in cards.values()} == set(run.judged) | counted
    assert counted.isdisjoint(run.judged), "each message is one card or one place in the bar"
    assert len(run.judged) + len(counted) == items
    assert [one for one in found["found"].values() if any(file["state"] != "ready" for file in one["media"])] == []
    assert {str(one["cards"][0]) for one in found["found"].values() if one["kind"] == "voice"} <= set(run.heard)
    assert (found["set_aside"], found["dead"]) == ([], [])

    wall = open_page(LEA, "/wall")
    chosen = sorted(run.picked, key=int)[-to_air:]  # the newest stand at the top of the list, whenever they were judged
    names = _clear_and_plan(wall, chosen)
    studio = open_page(JONAS, "/studio")
    assert studio.locator("#name").inner_text() == names[0]
    _send_to_air(studio, to_air, folder)

    wall.click("[data-state-filter=aired]")
    for number in chosen:
        aired = f".card.is-aired[data-id='{number}']"
        wall.wait_for_selector(f"{aired}, #newpill:not([hidden])")
        if not wall.locator(aired).count():  # it came while somebody looks at this list: behind the counter
            wall.keyboard.press("n")
        wall.wait_for_selector(aired)
    assert wall.inner_text("[data-state-filter=shortlisted] b") == str(len(run.picked) - to_air)
    assert wall.inner_text("[data-state-filter=new] b") == "0"
    return run
