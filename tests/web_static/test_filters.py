"""Finding on the wall in a real browser: filters are links, the way back works, slips are told, live cards belong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from desk import clock, db
from desk.listeners import blocking
from desk.wall import actions, blocks, marks, rules, tags
from desk.wall.models import Card
from tests.browser.wall_hand import until
from tests.desk_fixtures import Cast
from tests.wall import builders
from tests.web_static.test_wall_page import _faults_of, address, wall

__all__ = ["address", "wall"]
pytestmark = pytest.mark.browser


def query_of(page: Any) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def chips(page: Any) -> list[str]:
    return [one.strip() for one in page.locator("#chips > *").all_inner_texts()]


def test_what_is_chosen_stands_in_the_address_and_the_way_back_works(wall: Any, cast: Cast) -> None:
    with db.transaction() as session:
        known = builders.a_listener(session, cast.rheinwelle, "Bo", message_count=4)
        voice = builders.a_card(session, cast.rheinwelle, listener=known, kind="voice", sent_at=clock.now()).id
        actions.set_consent(session, cast.rheinwelle, voice, "give", by=cast.edith, at=clock.now())
    wall.keyboard.press("Shift+F")
    wall.wait_for_selector("[data-facet=sender] [data-choice=new] b >> text=40")
    assert wall.locator("[data-facet=consent] [data-choice=given] b").inner_text() == "1"
    assert _faults_of(wall) == []
    wall.click("[data-facet=sender] [data-choice=known]")
    wall.wait_for_selector(f".card[aria-setsize='1'][data-id='{voice}']")
    wall.wait_for_selector("[data-facet=length] [data-choice=short] b >> text=0")
    wall.click("[data-facet=consent] [data-choice=given]")
    wall.keyboard.press("Escape")
    assert query_of(wall) == {"sender": "known", "consent": "given"}
    assert chips(wall) == ["Who writes: Wrote before", "Consent: Given", "Clear all"]

    # a live change that takes the card out of the filter leaves its ghost where it stood
    with db.transaction() as session:
        actions.set_consent(session, cast.rheinwelle, voice, "refuse", by=cast.edith, at=clock.now())
        builders.a_card(session, cast.rheinwelle, text="Neu und fremd", sent_at=clock.now())
    wall.wait_for_selector(f".card.is-ghost[data-id='{voice}']")
    assert wall.locator("#newpill").is_hidden()

    wall.go_back()
    wall.wait_for_selector(f".card[data-id='{voice}']:not(.is-ghost)")
    assert query_of(wall) == {"sender": "known"}
    wall.reload()
    wall.wait_for_selector(f".card[data-id='{voice}']")
    assert wall.locator(".card").count() == 1
    wall.click("[data-kind-filter=image]")
    wall.wait_for_selector("#hidden-by >> text=Who writes: Wrote before")
    assert "42 messages are hidden" in wall.locator("#hidden-by").inner_text()
    wall.click("#clear-all")
    wall.wait_for_selector(".card[aria-setsize='42']")
    assert query_of(wall) == {}


def test_a_slip_finds_what_was_meant_and_says_so(wall: Any, cast: Cast) -> None:
    with db.transaction() as session:
        builders.a_card(session, cast.rheinwelle, text="Opa hat Geburtstag", sent_at=clock.now())
    wall.keyboard.press("/")
    wall.keyboard.type("Gebrutstag")
    wall.wait_for_selector("#chips .similar >> text=geburtstag")
    assert wall.locator(".card").count() == 1
    with db.transaction() as session:
        builders.a_card(session, cast.rheinwelle, text="Noch ein Geburtstag", sent_at=clock.now())
        builders.a_card(session, cast.rheinwelle, text="Kein Wort davon", sent_at=clock.now())
    wall.wait_for_selector("#newpill:not([hidden]) b >> text=1")
    wall.click("#chips .similar button")
    wall.wait_for_selector("#empty [data-empty=filtered]:not([hidden])")
    assert query_of(wall) == {"text": "Gebrutstag", "exact": "1"}
    wall.go_back()
    wall.wait_for_selector(".card[aria-setsize='2']")


def listed(page: Any) -> list[int]:
    numbers = page.eval_on_selector_all(".card", "all => all.map((one) => [Number(one.ariaPosInSet), +one.dataset.id])")
    return [card_id for _position, card_id in sorted(numbers)]


def test_the_oldest_stand_first_and_what_comes_waits_for_the_end(wall: Any, cast: Cast) -> None:
    with db.transaction() as session:
        for card in session.execute(select(Card)).scalars():
            card.state = "rejected"
        ids = [builders.a_card(session, cast.rheinwelle, text=f"Nr {number}").id for number in range(3)]
    wall.goto(wall.url.split("?")[0] + "?state=new")
    wall.wait_for_selector(".card[aria-setsize='3']")
    newest_first = listed(wall)
    wall.keyboard.press("Shift+N")
    wall.wait_for_selector("#chips >> text=Oldest first")
    until(wall, f"document.querySelector('.card[data-id=\"{newest_first[-1]}\"]').ariaPosInSet === '1'")
    assert query_of(wall) == {"state": "new", "order": "oldest"}
    assert listed(wall) == newest_first[::-1] == ids

    with db.transaction() as session:
        last = builders.a_card(session, cast.rheinwelle, text="Eben gekommen", sent_at=clock.now()).id
    wall.wait_for_selector("#newpill:not([hidden])")
    assert listed(wall) == ids
    wall.keyboard.press("n")
    wall.wait_for_selector(f".card.is-focus[data-id='{last}'][aria-posinset='4']")
    wall.keyboard.press("Shift+N")
    wall.wait_for_selector(f".card[data-id='{last}'][aria-posinset='1']")
    assert query_of(wall) == {"state": "new"}


TURKISH = "Annem için bir şarkı çalar mısınız lütfen"


def test_a_language_is_chosen_from_those_there_are_and_named_where_it_is_foreign(wall: Any, cast: Cast) -> None:
    with db.transaction() as session:
        turkish = builders.a_card(session, cast.rheinwelle, text=TURKISH, sent_at=clock.now()).id
        builders.a_card(session, cast.rheinwelle, text="Guten Morgen ihr Lieben, das ist für euch", sent_at=clock.now())
    wall.keyboard.press("Shift+F")
    wall.wait_for_selector("[data-facet=language] [data-choice=tr] b >> text=1")
    assert wall.locator("[data-facet=language] [data-choice=pl]").is_hidden()
    wall.click("[data-facet=language] [data-choice=tr]")
    wall.keyboard.press("Escape")
    wall.wait_for_selector(f".card[aria-setsize='1'][data-id='{turkish}']")
    assert query_of(wall) == {"language": "tr"}
    assert chips(wall) == ["Language: Turkish"]
    wall.click(f".card[data-id='{turkish}']")
    wall.wait_for_selector("#pane [data-part=state] >> text=Turkish")

    with db.transaction() as session:
        builders.a_card(session, cast.rheinwelle, text="Noch ein Gruß, aber diesmal auf Deutsch", sent_at=clock.now())
        builders.a_card(session, cast.rheinwelle, text=TURKISH, sent_at=clock.now())
    wall.wait_for_selector("#newpill:not([hidden]) b >> text=1")
    wall.goto(wall.url.replace("tr", "de"))
    wall.wait_for_selector(".card[aria-setsize='2']")
    wall.locator(".card").first.click()
    wall.wait_for_selector("#pane [data-part=state] .badge")
    assert "German" not in wall.locator("#pane [data-part=state]").inner_text()


MATCH = """async ([text, search, cards]) => {
  const f = await import(OWN);
  f.filters.text = text;
  f.learnSearch(search);
  return cards.filter((card) => f.matches(card)).map((card) => card.id);
}"""
LOOKED_FOR = ["Drohung", "Ständchen", "Rückruf", "duren", "zaunkon", "Brücke"]


def test_pages_find_what_the_server_finds_also_of_blocked_senders_and_by_tags(wall: Any, cast: Cast) -> None:
    with db.transaction() as session:
        at = clock.now()
        (tag,) = tags.set_tags(session, cast.rheinwelle, tags.read_form({"name_1": "Ständchen"}), by=cast.omar, at=at)
        bo = builders.a_listener(session, cast.rheinwelle, "Bo", alias="Zaunkönig", place="Düren")
        said = ("Drohung", "Brücke")
        cards = [builders.a_card(session, cast.rheinwelle, listener=bo, text=text, sent_at=at).id for text in said]
        cards.append(builders.a_card(session, cast.rheinwelle, text="Brücke, Drohung", sent_at=at).id)
        marks.set_tag(session, cast.rheinwelle, cards[0], tag.id, is_on=True, by=cast.nia, at=at)
        about: dict[str, Any] = {"version": 1, "note": "Rückruf", "by": cast.nia, "at": at}
        actions.set_notes(session, cast.rheinwelle, cards[1], **about)

    def get(path: str) -> Any:
        return wall.evaluate("async (path) => (await fetch(`/api/v1/cards${path}`)).json()", path)

    def agree() -> dict[str, int]:
        found = {}
        for text in LOOKED_FOR:
            answer = get(f"?text={text}&exact=1")
            given = [text, answer["search"], [get(f"/{card_id}")["card"] for card_id in cards]]
            own = wall.evaluate(MATCH.replace("OWN", OWN_FILTERS), given)
            assert sorted(own) == sorted(one["id"] for one in answer["cards"] if one["id"] in cards), text
            found[text] = len(own)
        return found

    every = {"Drohung": 2, "Ständchen": 1, "Rückruf": 1, "duren": 2, "zaunkon": 2, "Brücke": 2}
    assert agree() == every
    with db.transaction() as session:
        blocks.block_sender(session, cast.rheinwelle, cards[0], length="hour", reason="threats", by=cast.nia, at=at)
    assert agree() == dict.fromkeys(LOOKED_FOR, 0) | {"Drohung": 1, "Brücke": 1}
    with db.transaction() as session:
        blocks.unblock_sender(session, cast.rheinwelle, cards[0], by=cast.nia, at=at)
    assert agree() == every
    with db.transaction() as session:
        blocks.block_sender(session, cast.rheinwelle, cards[0], length="hour", reason="flood", by=cast.nia, at=at)
    with db.transaction() as session:
        blocking.lapse(session, at=at + timedelta(hours=2))
    assert agree() == every


OWN_FILTERS = "[...document.scripts].find((one) => one.src.includes('/wall.js')).src.replace('wall.js', 'filters.js')"
SAID = [
    "Grüße aus  Köln-Ehrenfeld", "STRAẞE", "Café à la crème, ñandú", "ＦＵＬＬ　ｗｉｄｔｈ",
    "Доброе утро, ёжик", "ﬁne œuvre Łódź", "İstanbul ΟΔΟΣ", "a\u0308o\u0308u\u0308", "שָׁלוֹם مَرْحَبًا",
    "👍🏽 ok\u00a0gut", "",
]  # fmt: skip


def test_pages_fold_words_as_the_server_does(wall: Any) -> None:
    script = f"async (said) => {{ const f = await import({OWN_FILTERS}); return said.map(f.fold); }}"
    folded = wall.evaluate(script, SAID)

    assert folded == [rules.fold(one) for one in SAID]
