"""At 390 px with one hand: what decides on a message is there, as large as a thumb, and nothing is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from desk import clock, db
from desk.people import actions as people
from desk.people.models import Person
from tests.desk_fixtures import Cast
from tests.wall import builders
from tests.web_static.test_wall_page import _faults_of, address

__all__ = ["address"]
pytestmark = pytest.mark.browser
CONTROLS = "button, a[href], summary, [role=button]"
# Controls that stand out of their frame, are smaller than a thumb, or lie on one another. Of what is scrolled only that
# which is in sight: it is looked at from both ends.
WRONG = """([frame, controls]) => {
  const root = document.querySelector(frame), box = root.getBoundingClientRect();
  const name = (one) => one.id || one.dataset.mark || one.dataset.pane || one.dataset.decide || one.className;
  const seen = (one) => one.checkVisibility() && one.getBoundingClientRect().width > 1;
  const wide = [...root.querySelectorAll("*")].filter(seen).map((one) => [one, one.getBoundingClientRect()])
    .filter(([, at]) => at.left < box.left - 1 || at.right > box.right + 1).map(([one]) => `wide: ${name(one)}`);
  const reader = root.querySelector(".tri-read"), sight = reader?.getBoundingClientRect();
  const isIn = (at) => at.bottom <= sight.bottom + 1 && at.top >= sight.top - 1;
  const isCut = (one) => reader?.contains(one) && !isIn(one.getBoundingClientRect());
  const all = [...root.querySelectorAll(controls)].filter((one) => seen(one) && !isCut(one))
    .map((one) => [name(one), one.getBoundingClientRect()]);
  const small = all.filter(([, at]) => at.width < 44 || at.height < 44)
    .map(([one, at]) => `small: ${one} ${at.width}x${at.height}`);
  const over = all.flatMap(([one, a], at) => all.slice(at + 1)
    .filter(([, b]) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
    .map(([other]) => `over: ${one} and ${other}`));
  const cut = [...root.querySelectorAll(".btn, .decide b, .tri-opt, h2")].filter(seen)
    .filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 1).map((one) => `cut: ${name(one)}`);
  return [...wide, ...small, ...over, ...cut];
}"""


@pytest.fixture
def phone(app: Flask, address: str, cast: Cast, browser: Any) -> Iterator[Any]:
    """Nia's phone, with a photo and a voice of long names waiting for her."""
    with db.transaction() as session:
        person = session.get_one(Person, cast.nia)
        link = people.make_link(session, person, at=clock.now())
        for kind, form in (("voice", "preview"), ("image", "card")):
            listener = builders.a_listener(
                session, cast.rheinwelle, "Karl-Friedrich Wilhelm", place="Villingen-Schwenningen"
            )
            card = builders.a_card(session, cast.rheinwelle, kind=kind, text="Grüße", listener=listener)
            asset = builders.an_asset(
                session, card.message_id, cast.rheinwelle, kind=kind, state="ready", duration_s=30.0
            )
            builders.a_rendition(session, asset, form, mime="audio/mpeg" if kind == "voice" else "image/webp")
            card.placed_at = clock.now().replace(year=2020) if kind == "voice" else clock.now()
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, locale="de-DE", has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto(f"{address}/signin/link/{link}")
    page.tap("form button[type=submit]")
    page.wait_for_selector("html[data-ready=yes]", state="attached")
    yield page
    context.close()


def test_a_run_is_judged_with_thumbs_and_nothing_in_it_is_cut_off(phone: Any, address: str) -> None:
    phone.goto(f"{address}/triage")
    phone.wait_for_selector("html[data-ready=yes]", state="attached")
    phone.wait_for_selector("#main[data-kind=voice] #cue")
    for theme in ("dark", "light"):
        phone.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
        for top_px in (0, 9999):
            phone.evaluate("(top) => { document.querySelector('.tri-read').scrollTop = top; }", top_px)
            assert phone.evaluate(WRONG, [".tri-card", CONTROLS]) == []
        assert phone.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert _faults_of(phone) == []
    phone.tap("[data-mark='rate:4']")
    phone.wait_for_selector("[data-mark='rate:4'][aria-pressed=true]")
    phone.tap("[data-decide=rejected]")
    phone.wait_for_selector("#why:not([hidden]) button")
    assert phone.evaluate(WRONG, [".tri-card", CONTROLS]) == []
    phone.tap("#why button >> nth=1")
    phone.wait_for_selector("#last >> text=doppelt")
    phone.tap("#undo")
    phone.wait_for_selector("#main[data-kind=voice]")
    for choice in ("later", "jury", "shortlisted"):
        shown = phone.get_attribute("#main", "data-card")
        phone.tap(f"[data-decide={choice}]")
        phone.wait_for_selector(f"#main:not([data-card='{shown}'])")
    for control in ("#undo", "#block"):
        assert phone.locator(control).is_visible()


# How tall what is looked at is, what begins above its end, and verdicts that are out of sight.
LOOK = """() => {
  const at = (one) => one.getBoundingClientRect();
  const body = document.querySelector("#body"), seen = body.firstElementChild;
  const end = Math.max(at(body).bottom, at(seen).bottom), after = [...body.parentElement.children];
  return {
    tall: at(seen).height,
    over: after.slice(after.indexOf(body) + 1).filter((one) => one.checkVisibility() && at(one).top < end - 1)
      .map((one) => one.id || one.className),
    away: [...document.querySelectorAll("[data-decide]")].filter((one) => at(one).bottom > innerHeight).length,
  };
}"""


@pytest.mark.parametrize("kind", ["picture", "film"])
def test_in_a_run_a_photo_and_a_film_keep_their_size_above_the_verdicts(phone: Any, address: str, kind: str) -> None:
    phone.goto(f"{address}/triage")
    phone.wait_for_selector("#main[data-kind=voice] #cue")
    phone.evaluate(
        """(kind) => {
          const one = document.createElement(kind === "film" ? "video" : "img"), body = document.querySelector("#body");
          one.className = `tri-${kind}`;
          const tall = `<svg xmlns="http://www.w3.org/2000/svg" width="900" height="1600"/>`;
          if (kind === "picture") one.src = `data:image/svg+xml,${tall}`;
          body.className = "tri-body";
          body.replaceChildren(one);
          document.querySelector("#text").textContent = "Grüße aus dem Schwarzwald. ".repeat(12);
        }""",
        kind,
    )
    phone.wait_for_function("document.querySelector('#body > *').getBoundingClientRect().height > 0")
    look = phone.evaluate(LOOK)
    assert look["tall"] >= 150
    assert (look["over"], look["away"]) == ([], 0)


def test_in_the_listening_strip_the_name_goes_before_the_place(phone: Any, address: str) -> None:
    phone.goto(f"{address}/wall?shape=strip&kind=voice")
    phone.wait_for_selector(".card.card-voice .card-who small >> text=Villingen")
    name_px, place_px = phone.evaluate(
        """[...document.querySelector(".card.card-voice .card-who").children].map((one) => one.clientWidth)"""
    )

    assert name_px >= 2 * place_px


def test_every_filter_is_within_reach_of_a_thumb(phone: Any) -> None:
    phone.tap("#filter-open")
    phone.wait_for_selector("#filter-menu [data-facet=order]", state="attached")
    beside = phone.evaluate(
        "document.querySelector('#filter-menu').scrollWidth - document.querySelector('#filter-menu').clientWidth"
    )
    phone.locator("#filter-menu [data-facet=order] [data-choice=oldest]").tap()
    phone.wait_for_function("location.search.includes('order=oldest')")

    assert beside <= 0


def test_on_the_wall_every_verdict_is_under_a_thumb(phone: Any) -> None:
    phone.locator(".card.card-image").first.locator(".card-head").tap()
    phone.wait_for_selector("body.has-pane #pane [data-pane=shortlist]")
    assert phone.evaluate(WRONG, ["#pane [data-part=marks]", CONTROLS]) == []
    assert phone.evaluate(WRONG, ["#pane [data-part=composer]", CONTROLS]) == []
    for control in ("[data-pane=reject]", "[data-pane=claim]", "[data-pane=cover]", "#pane [data-part=block] button"):
        box = phone.locator(control).first.bounding_box()
        assert min(box["width"], box["height"]) >= 44, control
    phone.locator("[data-pane=cover]").first.tap()
    phone.wait_for_selector("#pane .cover-line")
    phone.tap("[data-pane=claim]")
    phone.wait_for_selector(".card.is-mine", state="attached")
    phone.tap("[data-pane=reject]")
    phone.wait_for_selector(".card.is-rejected", state="attached")
    phone.tap("[data-pane=close]")
    phone.tap("#take-back")
    phone.wait_for_selector(".card.is-rejected", state="detached")
