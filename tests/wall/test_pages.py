"""Pages of the wall: order, cursor, filters, search that answers alike on both databases, and what a page costs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from desk import db
from desk.errors import Invalid
from desk.live import log
from desk.settings import Settings
from desk.wall import actions, queries, rules
from desk.wall.walks import Filter, page_query
from tests.desk_fixtures import SIX, Cast, add_cast, statements
from tests.wall.builders import a_card, a_listener, a_rendition, an_asset

NOW = SIX + timedelta(hours=1)


def ids(session: Session, cast: Cast, wanted: Filter | None = None, **kwargs: object) -> list[int]:
    page = queries.list_cards(session, cast.rheinwelle, wanted, at=NOW, **kwargs)  # type: ignore[arg-type]
    return [view.card.id for view in page.cards]


def test_pages_follow_each_other_without_gap_or_double(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        placed = [a_card(session, cast.rheinwelle, sent_at=SIX + timedelta(seconds=n // 3)).id for n in range(25)]
        a_card(session, cast.oldie95)
    with db.reading() as session:
        seen, cursor = [], None
        for _ in range(10):
            page = queries.list_cards(session, cast.rheinwelle, at=NOW, cursor=cursor, limit=7)
            seen += [view.card.id for view in page.cards]
            cursor = page.next
            if cursor is None:
                break

    assert seen == sorted(placed, reverse=True)


@pytest.mark.parametrize("cursor", ["x", "1", "1-", "-1-2", "1-2-3", "9" * 30 + "-1"])
def test_a_cursor_that_is_none_is_refused(session: Session, cursor: str) -> None:
    with pytest.raises(Invalid):
        queries.list_cards(session, 1, at=NOW, cursor=cursor)


def test_filters_narrow_by_state_kind_and_claim(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        voice, picture, words = (a_card(session, cast.rheinwelle, kind=kind).id for kind in ("voice", "image", "text"))
        actions.move_card(session, cast.rheinwelle, words, to="rejected", version=1, by=cast.nia, at=NOW)
        actions.claim(session, cast.rheinwelle, picture, by=cast.nia, at=NOW)
    with db.reading() as session:
        assert ids(session, cast, Filter(states=("new",))) == [voice]
        assert ids(session, cast, Filter(states=("claimed",))) == [picture]
        assert ids(session, cast, Filter(states=("new", "rejected"))) == [words, voice]
        assert ids(session, cast, Filter(kinds=("voice", "text"))) == [words, voice]
        assert ids(session, cast, Filter(states=("rejected",), kinds=("voice",))) == []
        every = Filter(states=("claimed", *rules.STATES), kinds=("voice", "text", "image"))
        assert ids(session, cast, every) == [words, picture, voice]
        assert queries.counts(session, cast.rheinwelle, at=NOW)["state"] == {
            "new": 1, "claimed": 1, "shortlisted": 0, "planned": 0, "in_studio": 0, "on_air": 0, "aired": 0,
            "rejected": 1, "mood": 0, "all": 3,
        }  # fmt: skip


SAID = {
    "gruss": "Grüße aus Köln-Ehrenfeld, alles Gute!",
    "strasse": "Stau auf der Straße nach Düren 100%",
    "kyrillic": "Доброе утро",
    "wide": "ＦＵＬＬ ｗｉｄｔｈ",
    "accents": "Café à la crème, ñandú",
    "quote": 'er sagte "Moin" und ging_weg',
    "sendung": "Die Morgensendung ist toll",
    "short": "ja",
}
FINDS = [
    ("grüße", ["gruss"]),
    ("GRUESSE", ["gruss"]),
    ("koeln", ["gruss"]),
    ("ehrenfeld köln", ["gruss"]),
    ("ehrenfeld düren", []),
    ("strasse", ["strasse"]),
    ("STRAẞE", ["strasse"]),
    ("100%", ["strasse"]),
    ("%", []),
    ("_", []),
    ("ging_weg", ["quote"]),
    ("gingxweg", []),
    ('"moin"', ["quote"]),
    ("утро", ["kyrillic"]),
    ("full width", ["wide"]),
    ("creme", ["accents"]),
    ("nandu", ["accents"]),
    ("sendung", ["sendung"]),
    ("ja", ["short"]),
    ("j", ["short"]),
    ("di", ["sendung"]),
    ("en", []),
    ("to sendung", ["sendung"]),
    ("AND OR NOT", []),
    ("foo*", []),
    ("  ", list(SAID)),
]


@pytest.fixture
def spoken(on_both_databases: Settings) -> tuple[Cast, dict[int, str]]:
    with db.transaction() as session:
        cast = add_cast(session)
        listener = a_listener(session, cast.rheinwelle, "Bo", alias="Zilpzalp", place="")
        names = {a_card(session, cast.rheinwelle, text=said, listener=listener).id: name for name, said in SAID.items()}
        a_card(session, cast.oldie95, text="Grüße sendung ja")
    return cast, names


@pytest.mark.parametrize("glance", [1000, 0])
def test_the_text_filter_answers_alike_on_both_databases(
    spoken: tuple[Cast, dict[int, str]], glance: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.wall.search.GLANCE", glance)  # none: the index alone
    cast, names = spoken
    with db.reading() as session:
        found = {query: sorted(names[i] for i in ids(session, cast, Filter(text=query))) for query, _names in FINDS}

    assert found == {query: sorted(expected) for query, expected in FINDS}


def test_name_and_place_are_found_too(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        card_id = a_card(
            session, cast.rheinwelle, listener=a_listener(session, cast.rheinwelle, "Jörg", place="Düren")
        ).id
    with db.reading() as session:
        assert ids(session, cast, Filter(text="joerg duer")) == [card_id]


def test_frequent_words_are_found_newest_first(on_both_databases: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.wall.search.GLANCE", 0)  # limits of ours, small enough to be passed here
    monkeypatch.setattr("desk.wall.search.FEW", 5)
    with db.transaction() as session:
        cast = add_cast(session)
        placed = [a_card(session, cast.rheinwelle, text=f"Hallo Nummer {n}").id for n in range(12)]
    with db.reading() as session:
        assert ids(session, cast, Filter(text="hallo num"), limit=4) == placed[:-5:-1]


def fill(session: Session, cast: Cast, cards: int) -> None:
    for n in range(cards):
        card = a_card(session, cast.rheinwelle, kind="voice", text="Ständchen")
        asset = an_asset(session, card.message_id, cast.rheinwelle, state="ready", duration_s=3.0)
        a_rendition(session, asset, "preview")
        if n % 2:
            actions.claim(session, cast.rheinwelle, card.id, by=cast.nia, at=NOW)


@pytest.mark.parametrize("cards", [1, 40])
def test_a_page_takes_ten_statements_at_most_however_full(on_both_databases: Settings, cards: int) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        fill(session, cast, cards)
    with db.reading() as session:
        session.execute(text("SELECT 1"))
        for wanted in (Filter(), Filter(states=("new", "claimed")), Filter(text="ständ", states=("new", "claimed"))):
            with statements() as seen:
                log.last_seq(session, cast.rheinwelle)
                page = queries.list_cards(session, cast.rheinwelle, wanted, at=NOW)
                queries.counts(session, cast.rheinwelle, at=NOW)

            assert len(page.cards) == min(cards, queries.PAGE)
            assert len(seen) <= 10, seen


PLANS = [
    (Filter(), "ix_card_wall"),
    (Filter(states=("rejected",)), "ix_card_wall_state"),
    (Filter(states=("new",)), "ix_card_wall_state"),
    (Filter(kinds=("voice",)), "ix_card_wall_kind"),
    (Filter(states=("new",), kinds=("voice",)), "ix_card_wall_state_kind"),
    (Filter(states=("new", "shortlisted")), "ix_card_wall_state"),
    (Filter(is_oldest_first=True), "ix_card_wall"),
    (Filter(states=("new",), kinds=("voice",), is_oldest_first=True), "ix_card_wall_state_kind"),
]
PASSED_ON = [
    (Filter(assigned_desk="presenter", states=("new",)), "ix_card_assigned_desk"),
    (Filter(assigned_to_id=1), "ix_card_assigned_to_id"),
]


@pytest.mark.parametrize(("wanted", "index"), [*PLANS, *PASSED_ON])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_walks_an_index_and_sorts_nothing(on_both_databases: Settings, wanted: Filter, index: str) -> None:
    after = (NOW, 1)
    query = page_query(1, wanted, None, after, 61, NOW)
    with db.reading() as session:
        compiled = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        plan = [row[3] for row in session.execute(text(f"EXPLAIN QUERY PLAN {compiled}"))]

    walks = [line for line in plan if " card " in f"{line} "]
    assert walks
    assert all(f"INDEX {index} (" in line for line in walks), plan
    assert not any("USE TEMP B-TREE" in line for line in plan[: plan.index(walks[-1])]), plan


@pytest.mark.parametrize(("wanted", "index"), PLANS)
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_walks_an_index_and_sorts_no_table(on_both_databases: Settings, wanted: Filter, index: str) -> None:
    query = page_query(1, wanted, None, (NOW, 1), 61, NOW)
    with db.reading() as session:
        # on an empty table every plan is good; without these the planner shows what it takes on a full one
        session.execute(text("SET LOCAL enable_seqscan = off"))
        session.execute(text("SET LOCAL enable_bitmapscan = off"))
        session.execute(text("SET LOCAL enable_sort = off"))
        compiled = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        plan = [row[0] for row in session.execute(text(f"EXPLAIN {compiled}".replace("%%", "%")))]

    walks = [line for line in plan if "Scan" in line and " on card" in line]
    assert walks
    assert all("ix_card_wall" in line for line in walks), plan
    assert any(f"using {index} " in line for line in walks), plan
