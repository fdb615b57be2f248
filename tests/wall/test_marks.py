"""Marks beside the verdict: ratings, the jury's flag, tags; taken back by anyone, and no verdict loses by them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import db
from desk.contests import queries as contests
from desk.contests.models import Campaign
from desk.errors import Invalid
from desk.live.models import AuditRow, LiveEvent
from desk.settings import Settings
from desk.wall import actions, marks, queries, tags, triage
from desk.wall.models import Card, CardAct, Tag
from tests.desk_fixtures import SIX, Cast, add_cast
from tests.wall.builders import a_card

LATER = SIX + timedelta(minutes=41)


@pytest.fixture
def cast(session: Session) -> Cast:
    return add_cast(session)


def a_tag(session: Session, station_id: int, name: str = "Dialekt", place: int = 1) -> Tag:
    made = Tag(station_id=station_id, place=place, name=name, hue=17)
    session.add(made)
    session.flush()
    return made


def shown(session: Session, card: Card) -> dict[str, Any]:
    return queries.view_card(session, card, at=LATER).as_json()


def put(session: Session, cast: Cast, card: Card, tag: Tag, *, is_on: bool = True, by: int | None = None) -> CardAct:
    return marks.set_tag(session, cast.rheinwelle, card.id, tag.id, is_on=is_on, by=by or cast.nia, at=LATER)


def test_a_card_says_its_marks_and_the_history_who_set_them(session: Session, cast: Cast) -> None:
    card, tag = a_card(session, cast.rheinwelle), a_tag(session, cast.rheinwelle)

    marks.rate(session, cast.rheinwelle, card.id, rating=4, by=cast.nia, at=LATER)
    marks.set_jury(session, cast.rheinwelle, card.id, is_on=True, by=cast.edith, at=LATER)
    put(session, cast, card, tag)

    seen = shown(session, card)
    assert (seen["rating"], seen["is_for_jury"]) == (4, True)
    assert seen["tags"] == [{"id": tag.id, "name": "Dialekt", "hue": 17, "place": 1}]
    told = [
        (row["act"], row["by"]["name"], row["details"])
        for row in queries.history(session, card, may_undo=actions.can_take_back)
    ]
    assert told == [
        ("tag", "Nia", {"tag": tag.id}),
        ("jury", "Edith", {"is_for_jury": True}),
        ("rate", "Nia", {"rating": 4}),
    ]


def test_a_card_without_marks_says_so(session: Session, cast: Cast) -> None:
    seen = shown(session, a_card(session, cast.rheinwelle))

    assert (seen["rating"], seen["is_for_jury"], seen["tags"]) == (None, False, [])


def test_anybody_takes_a_mark_back(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    first = marks.rate(session, cast.rheinwelle, card.id, rating=2, by=cast.nia, at=LATER)
    second = marks.rate(session, cast.rheinwelle, card.id, rating=5, by=cast.nia, at=LATER)
    jury = marks.set_jury(session, cast.rheinwelle, card.id, is_on=True, by=cast.nia, at=LATER)

    actions.undo(session, cast.rheinwelle, jury.id, by=cast.edith, at=LATER)
    actions.undo(session, cast.rheinwelle, second.id, by=cast.edith, at=LATER)
    before_the_first = card.rating
    actions.undo(session, cast.rheinwelle, first.id, by=cast.edith, at=LATER)

    assert (card.is_for_jury, before_the_first, card.rating) == (False, 2, None)


def test_one_tag_taken_back_leaves_those_that_colleagues_set_since(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    one, two = a_tag(session, cast.rheinwelle), a_tag(session, cast.rheinwelle, "Kinder", 2)
    act = put(session, cast, card, one)
    put(session, cast, card, two, by=cast.edith)

    actions.undo(session, cast.rheinwelle, act.id, by=cast.edith, at=LATER)
    left = list(card.tag_ids)
    off = put(session, cast, card, two, is_on=False)
    actions.undo(session, cast.rheinwelle, off.id, by=cast.edith, at=LATER)

    assert (left, card.tag_ids) == ([two.id], [two.id])


def test_a_tag_that_is_off_already_is_not_taken_back(session: Session, cast: Cast) -> None:
    card, tag = a_card(session, cast.rheinwelle), a_tag(session, cast.rheinwelle)
    act = put(session, cast, card, tag)
    put(session, cast, card, tag, is_on=False, by=cast.edith)

    with pytest.raises(actions.CannotUndo):
        actions.undo(session, cast.rheinwelle, act.id, by=cast.nia, at=LATER)


def test_no_mark_makes_a_colleagues_verdict_lose(session: Session, cast: Cast) -> None:
    card, tag = a_card(session, cast.rheinwelle), a_tag(session, cast.rheinwelle)
    seen = card.version
    marks.rate(session, cast.rheinwelle, card.id, rating=4, by=cast.nia, at=LATER)
    act = put(session, cast, card, tag)
    actions.undo(session, cast.rheinwelle, act.id, by=cast.nia, at=LATER)

    actions.move_card(session, cast.rheinwelle, card.id, to="rejected", version=seen, by=cast.edith, at=LATER)
    with pytest.raises(actions.CardMoved, match="faster"):
        actions.move_card(session, cast.rheinwelle, card.id, to="shortlisted", version=seen, by=cast.nia, at=LATER)


def test_marks_outlast_a_verdict_and_its_undo(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    act = actions.move_card(session, cast.rheinwelle, card.id, to="rejected", version=1, by=cast.nia, at=LATER)
    marks.rate(session, cast.rheinwelle, card.id, rating=4, by=cast.nia, at=LATER)

    actions.undo(session, cast.rheinwelle, act.id, by=cast.nia, at=LATER)

    assert (card.state, card.rating) == ("new", 4)


def test_a_run_leaves_to_the_jury_what_lies_before_it(session: Session, cast: Cast) -> None:
    one, two = a_card(session, cast.rheinwelle), a_card(session, cast.rheinwelle)
    marks.set_jury(session, cast.rheinwelle, one.id, is_on=True, by=cast.nia, at=LATER)

    pile = triage.take_stack(session, cast.rheinwelle, by=cast.nia, at=LATER)

    assert [view.card.id for view in pile.cards] == [two.id]


def test_the_campaign_desk_sees_what_lies_before_the_jury(session: Session, cast: Cast) -> None:
    called = Campaign(station_id=cast.rheinwelle, name="Ständchen", opens_at=SIX, created_at=SIX)
    session.add(called)
    session.flush()
    cards = [a_card(session, cast.rheinwelle) for _ in range(3)]
    for card in cards:
        actions.put_in_campaign(session, card, called.id, by=cast.edith, at=LATER)
    marks.set_jury(session, cast.rheinwelle, cards[1].id, is_on=True, by=cast.nia, at=LATER)

    chosen = contests.list_entry_cards(session, called.id, is_for_jury=True)

    assert [card_id for _number, card_id in chosen] == [cards[1].id]
    assert len(contests.list_entry_cards(session, called.id)) == 3


def test_a_mark_has_one_audit_row_and_one_event_on_both_databases(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        card, tag = a_card(session, cast.rheinwelle), a_tag(session, cast.rheinwelle)
    with db.transaction() as session:
        put(session, cast, card, tag)

    with db.reading() as session:
        row = session.execute(select(AuditRow).where(AuditRow.act == "card.tag")).scalar_one()
        event = session.execute(select(LiveEvent).order_by(LiveEvent.id.desc())).scalars().first()
    assert (row.by_person_id, row.details) == (cast.nia, {"tag_ids": [tag.id]})
    assert event is not None
    assert event.payload["card"]["tags"][0]["name"] == "Dialekt"


def test_a_foreign_or_retired_tag_is_as_missing_as_none(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    foreign, old = a_tag(session, cast.oldie95), a_tag(session, cast.rheinwelle)
    put(session, cast, card, old)
    old.retired_at = LATER

    with pytest.raises(marks.NoTag):
        put(session, cast, card, foreign)
    with pytest.raises(marks.NoTag):
        put(session, cast, a_card(session, cast.rheinwelle), old)
    assert shown(session, card)["tags"][0]["place"] is None
    put(session, cast, card, old, is_on=False)
    assert card.tag_ids == []


# --- naming them ------------------------------------------------------------------------------------------------


def name(session: Session, cast: Cast, **names: str) -> list[Tag]:
    return tags.set_tags(session, cast.rheinwelle, tags.read_form(names), by=cast.omar, at=LATER)


def test_a_new_name_in_the_same_place_is_the_same_tag_and_an_empty_one_ends_it(session: Session, cast: Cast) -> None:
    (first,) = name(session, cast, name_3="Dialekt")
    (renamed,) = name(session, cast, name_3="Mundart", hue_3="12")
    none = name(session, cast, name_3="")
    (another,) = name(session, cast, name_3="Kinder")

    assert (first.id, first.place) == (renamed.id, 3)
    assert (none, another.id != first.id) == ([], True)


def test_two_tags_of_one_name_and_unknown_colours_are_refused() -> None:
    with pytest.raises(Invalid) as refused:
        tags.read_form({"name_1": "Kinder", "name_2": " kinder ", "name_4": "x" * 25, "hue_5": "0"})

    assert set(refused.value.fields) == {"name_1", "name_2", "name_4", "hue_5"}
