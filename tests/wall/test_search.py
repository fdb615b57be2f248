"""Looking for words as people type them: umlauts in any way, parts of words, one slip; and words that are kept true."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from desk import db, schema
from desk.listeners.models import Listener
from desk.media.models import Transcript
from desk.settings import Settings
from desk.wall import actions, blocks, marks, queries, search, spelling, tags, words
from desk.wall.models import Card, Tag, Word
from desk.wall.walks import Filter
from tests.desk_fixtures import SIX, Cast, add_cast
from tests.wall.builders import a_card, a_listener, an_asset

NOW = SIX + timedelta(hours=1)
SAID = {
    "gruss": "Grüße aus Köln, alles Gute zum Muttertag!",
    "koln": "Gruesse nach Koln",
    "koeln": "Koeln ist schoen",
    "birthday": "Heute hat Oma Geburtstag, wir feiern in der Straßenbahn",
    "party": "Die Geburtstagsparty war toll",
    "neue": "Die neue Radioeinsendung der Frauen",
    "neu": "Neu hier",
    "katze": "Unsere Katze schläft",
}
TYPED = [
    ("köln", ["gruss", "koeln", "koln"], []),
    ("koeln", ["gruss", "koeln", "koln"], []),
    ("koln", ["gruss", "koeln", "koln"], []),
    ("GRUESSE", ["gruss", "koln"], []),
    ("grusse", ["gruss", "koln"], []),
    ("grüsse köln", ["gruss", "koln"], []),
    ("strassenbahn", ["birthday"], []),
    ("bahn", ["birthday"], []),
    ("einsendung", ["neue"], []),
    ("neue", ["neue"], []),
    ("schlaft", ["katze"], []),
    ("Gebrutstag", ["birthday", "party"], ["geburtstag"]),
    ("geburstag", ["birthday", "party"], ["geburtstag"]),
    ("Geburtstga", ["birthday", "party"], ["geburtstag"]),
    ("gebuurtstag oma", ["birthday"], ["geburtstag"]),
    ("mutertag", ["gruss"], ["muttertag"]),
    ("schlaeft", ["katze"], []),
    ("schlaeftt", ["katze"], ["schlaeft"]),
    ("schlaftt", ["katze"], ["schlaeft"]),
    ("kaze", ["katze"], ["katze"]),
    ("katz", ["katze"], []),
    ("hze", [], []),
    ("qwertz", [], []),
    ("\u0301", [], []),
]


def found_by(session: Session, cast: Cast, wanted: Filter) -> tuple[list[int], list[str]]:
    page = queries.list_cards(session, cast.rheinwelle, wanted, at=NOW)
    return [view.card.id for view in page.cards], list(page.search.similar) if page.search else []


@pytest.fixture
def spoken(on_both_databases: Settings) -> tuple[Cast, dict[int, str]]:
    with db.transaction() as session:
        cast = add_cast(session)
        listener = a_listener(session, cast.rheinwelle, "Bo", alias="Zilpzalp", place="")
        names = {a_card(session, cast.rheinwelle, text=said, listener=listener).id: name for name, said in SAID.items()}
        a_card(session, cast.oldie95, text="Geburstag Gebrutstag Katze")
    return cast, names


@pytest.mark.parametrize("glance", [1000, 0])
def test_words_are_found_as_they_are_typed_and_slips_are_told(
    spoken: tuple[Cast, dict[int, str]], glance: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "GLANCE", glance)  # none: the index alone
    cast, names = spoken
    with db.reading() as session:
        answers = {typed: found_by(session, cast, Filter(text=typed)) for typed, _names, _similar in TYPED}
    told = {typed: (sorted(names[i] for i in ids), similar) for typed, (ids, similar) in answers.items()}

    assert told == {typed: (sorted(expected), similar) for typed, expected, similar in TYPED}


@pytest.mark.parametrize("few", [2000, 1])
@pytest.mark.parametrize("wanted", [Filter(), Filter(kinds=("text",)), Filter(states=("new",))])
def test_a_text_with_all_the_letters_in_another_order_is_not_found(
    on_both_databases: Settings, monkeypatch: pytest.MonkeyPatch, wanted: Filter, few: int
) -> None:
    monkeypatch.setattr(search, "GLANCE", 0)  # limits of ours, small enough to be passed here
    monkeypatch.setattr(search, "FEW", few)
    monkeypatch.setattr(search, "FEW_CARDS", 0)
    trigrams = {word[at : at + 3] for word in ("weihnachten", "weihnaechten") for at in range(len(word) - 2)}
    with db.transaction() as session:
        cast = add_cast(session)
        said = a_card(session, cast.rheinwelle, text="Frohe Weihnachten!").id
        for _ in range(3):
            a_card(session, cast.rheinwelle, text=" ".join(sorted(trigrams)))
    with db.reading() as session:
        assert found_by(session, cast, replace(wanted, text="Weihnachten"))[0] == [said]


LETTERS = st.text(alphabet="abenost", min_size=3, max_size=12)


@given(term=LETTERS, others=st.lists(LETTERS, max_size=4))
@example(term="xylophonkonzert", others=[])
@example(term="100%", others=["ging_weg"])
def test_what_an_index_is_asked_for_leads_to_every_way_to_write_a_word(term: str, others: list[str]) -> None:
    group = (*spelling.spellings(term), *others)

    leads = spelling.leads(group)

    assert all(some for some in leads)
    assert all(any(all(trigram in one for trigram in some) for some in leads) for one in group)


def test_a_long_word_with_an_umlaut_costs_an_index_few_questions() -> None:
    assert len(spelling.spellings("xylophonkonzert")) == 7
    assert spelling.leads(spelling.spellings("xylophonkonzert")) == (("xyl", "pho", "nko", "nze", "ert"),)


def test_who_wants_the_exact_word_gets_no_other(spoken: tuple[Cast, dict[int, str]]) -> None:
    cast, _names = spoken
    with db.reading() as session:
        assert found_by(session, cast, Filter(text="geburstag", is_exact=True)) == ([], [])


def test_slips_are_looked_for_only_where_exact_words_find_few(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        often = [a_card(session, cast.rheinwelle, text="Maier").id for _ in range(search.FEW_FOUND)]
        once = a_card(session, cast.rheinwelle, text="Meier").id
    with db.reading() as session:
        assert found_by(session, cast, Filter(text="maier")) == (often[::-1], [])
        assert found_by(session, cast, Filter(text="meier")) == ([once, *often[::-1]], ["maier"])


def test_later_pages_go_on_with_the_similar_words(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        cards = [a_card(session, cast.rheinwelle, text=f"Geburtstag Nummer {n}").id for n in range(9)]
    with db.reading() as session:
        seen, cursor = [], None
        for _ in range(3):
            page = queries.list_cards(
                session, cast.rheinwelle, Filter(text="Geburstag"), at=NOW, limit=4, cursor=cursor
            )
            seen += [view.card.id for view in page.cards]
            cursor = page.next

    assert seen == cards[::-1]
    assert cursor is None


@pytest.mark.parametrize(
    ("typed", "word", "is_one"),
    [
        ("gebrutstag", "geburtstag", True),
        ("geburstag", "geburtstag", True),
        ("geburtstaag", "geburtstag", True),
        ("hallp", "hallo", True),
        ("hllo", "hallo", True),
        ("hallo", "hallo", False),
        ("haaallo", "hallo", False),
        ("ahllp", "hallo", False),
        ("oma", "opa", False),
        ("opas", "omas", False),
    ],
)
def test_one_slip_is_a_letter_more_less_or_other_or_two_swapped(typed: str, word: str, is_one: bool) -> None:
    assert spelling.is_slip(typed, word) is is_one
    assert spelling.is_slip(word, typed) is is_one


def count_again(session: Session) -> Counter[tuple[int, str]]:
    counted: Counter[tuple[int, str]] = Counter()
    for station_id, folded in session.execute(select(Card.station_id, Card.folded)):
        counted.update((station_id, word) for word in spelling.words_of(folded))
    return counted


def kept(session: Session) -> dict[tuple[int, str], int]:
    return {(row.station_id, row.word): row.cards for row in session.execute(select(Word)).scalars()}


def test_whatever_changes_the_text_of_a_card_changes_what_finds_it(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        ada = a_listener(session, cast.rheinwelle, "", alias="Amsel", place="")
        cards = [a_card(session, cast.rheinwelle, text=f"Hallo {n}", listener=ada, kind="voice") for n in range(3)]
        asset = an_asset(session, cards[0].message_id, cast.rheinwelle, state="ready")
        ids = [card.id for card in cards]

    def find(typed: str) -> list[int]:
        with db.reading() as session:
            assert kept(session) == count_again(session)
            return sorted(found_by(session, cast, Filter(text=typed, is_exact=True))[0])

    with db.transaction() as session:
        act = actions.set_notes(
            session, cast.rheinwelle, ids[1], version=1, about="Rückruf", note="wünscht Musik", by=cast.nia, at=NOW
        )
        act_id = act.id
    assert find("rückruf musik") == [ids[1]]
    with db.transaction() as session:
        actions.undo(session, cast.rheinwelle, act_id, by=cast.nia, at=NOW)
    assert find("musik") == []
    with db.transaction() as session:
        said = Transcript(
            asset_id=asset.id, station_id=cast.rheinwelle, state="ready", text="Ständchen gesungen", words=[],
            original_sha256="0", at=NOW,
        )  # fmt: skip
        session.add(said)
        session.flush()
        actions.refresh_card(session, cards[0].message_id, at=NOW)
    assert find("standchen") == [ids[0]]
    with db.transaction() as session:
        listener = session.get_one(Listener, ada.id)
        listener.first_name, listener.place = "Jördis", "Düren"
    assert find("jordis dueren") == ids
    assert find("standchen jördis") == [ids[0]]
    with db.transaction() as session:
        session.get_one(Listener, ada.id).place = ""
    assert find("düren") == []
    with db.transaction() as session:
        actions.withdraw_card(session, session.get_one(Card, ids[0]), at=NOW)
    assert find("gesungen") == []
    with db.reading() as session:
        assert not {"staendchen", "gesungen", "dueren", "musik"} & {word for _station, word in kept(session)}


def test_cards_are_found_by_what_their_tags_are_called_now(house: Settings, run_jobs: Callable[[], int]) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        (tag,) = name_tags(session, cast, name_3="Ständchen")
        cards = [a_card(session, cast.rheinwelle, text=f"Hallo {n}").id for n in range(3)]
        acts = [
            marks.set_tag(session, cast.rheinwelle, card_id, tag.id, is_on=True, by=cast.nia, at=NOW).id
            for card_id in cards
        ]

    def find(typed: str) -> list[int]:
        with db.reading() as session:
            assert kept(session) == count_again(session)
            return sorted(found_by(session, cast, Filter(text=typed, is_exact=True))[0])

    assert find("standchen hallo") == cards
    with db.transaction() as session:
        actions.undo(session, cast.rheinwelle, acts[0], by=cast.edith, at=NOW)
        marks.set_tag(session, cast.rheinwelle, cards[1], tag.id, is_on=False, by=cast.nia, at=NOW)
    assert find("ständchen") == cards[2:]
    with db.transaction() as session:
        name_tags(session, cast, name_3="Geburtstag")
    run_jobs()
    assert (find("ständchen"), find("geburtst")) == ([], cards[2:])
    with db.transaction() as session:
        name_tags(session, cast)
        blocks.block_sender(session, cast.rheinwelle, cards[2], length="hour", reason="flood", by=cast.nia, at=NOW)
    run_jobs()
    assert find("geburtst") == []
    with db.transaction() as session:
        blocks.unblock_sender(session, cast.rheinwelle, cards[2], by=cast.nia, at=NOW)
    assert find("geburtst") == cards[2:], "a tag out of use stays on its cards"


def name_tags(session: Session, cast: Cast, **names: str) -> list[Tag]:
    return tags.set_tags(session, cast.rheinwelle, tags.read_form(names), by=cast.omar, at=NOW)


def test_tags_of_cards_that_are_there_are_folded_after_the_migration(
    on_both_databases: Settings, run_jobs: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "CHUNK", 2)  # so that few cards are several steps
    with db.transaction() as session:
        cast = add_cast(session)
        (tag,) = name_tags(session, cast, name_1="Dialekt")
        cards = [a_card(session, cast.rheinwelle, text="Hallo") for _ in range(6)]
        a_card(session, cast.rheinwelle, text="Hallo")
        for card in cards:
            marks.set_tag(session, cast.rheinwelle, card.id, tag.id, is_on=True, by=cast.nia, at=NOW)
    with db.transaction() as session:
        for card in session.execute(select(Card)).scalars():
            card.folded = " hallo"  # as it was before
    schema.step_down(db.current(), "0010")
    schema.migrate(db.current())
    run_jobs()
    with db.reading() as session:
        assert kept(session) == count_again(session)
        assert found_by(session, cast, Filter(text="dialekt"))[0] == [card.id for card in reversed(cards)]


@pytest.mark.parametrize("is_inside", [False, True])
def test_similar_words_are_looked_up_in_stretches_of_the_index(on_both_databases: Settings, *, is_inside: bool) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        dice = random.Random(1)
        for word in {"".join(dice.choices("abcdefghijkl", k=7)) for _ in range(2000)}:
            row = {"station_id": cast.rheinwelle, "word": word, "bare": word, "mirrored": word[::-1], "cards": 1}
            session.add(Word(**row))
    with db.transaction() as session:
        is_lite = session.get_bind().dialect.name == "sqlite"
        if not is_lite:  # SQLite has no statistics at a station either
            session.execute(text("ANALYZE word"))
        asked = words.candidates(1, ["geburstag", "maiers"], inside=is_inside)
        compiled = str(asked.compile(session.get_bind(), compile_kwargs={"literal_binds": True})).replace("%%", "%")
        sign = "EXPLAIN QUERY PLAN" if is_lite else "EXPLAIN"
        plan = [str(row[3] if is_lite else row[0]) for row in session.execute(text(f"{sign} {compiled}"))]

    walks = [line for line in plan if "SEARCH word" in line or "SCAN word" in line or "Cond:" in line]
    assert len(walks) >= 8, plan
    assert all("bare" in line or "mirrored" in line for line in walks if "station_id" in line), plan
    assert not any("Seq Scan" in line or "SCAN word" in line or "PRIMARY KEY" in line for line in plan), plan


def test_words_of_cards_that_are_there_are_counted_by_the_migration(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        for said in SAID.values():
            a_card(session, cast.rheinwelle, text=said)
        a_card(session, cast.oldie95, text="Geburstag")
    schema.step_down(db.current(), "0003")
    schema.migrate(db.current())
    with db.reading() as session:
        assert kept(session) == count_again(session)
        assert found_by(session, cast, Filter(text="geburstag"))[1] == ["geburtstag"]
