"""Copies are one card on the wall: the best stands, one verdict is for all, each can be taken out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import db
from desk.listeners import blocking
from desk.listeners.models import Listener
from desk.settings import Settings
from desk.wall import actions, facets, floods, folds, marks, queries, stacks, triage
from desk.wall.models import Card, Stack
from desk.wall.walks import Filter
from tests.desk_fixtures import SIX, Cast, add_cast
from tests.wall.builders import a_card, a_listener, an_asset

NOW = SIX + timedelta(hours=2)
HOUR = timedelta(hours=1)


@pytest.fixture
def cast(session: Session) -> Cast:
    return add_cast(session)


def a_stack(session: Session, station_id: int) -> int:
    stack = Stack(station_id=station_id, of="picture", reason="picture", cards=0, created_at=SIX)
    session.add(stack)
    session.flush()
    return stack.id


def a_copy(
    session: Session, station_id: int, stack_id: int, *, edge_px: int = 400, at: datetime = SIX, **said: Any
) -> Card:
    """A copy of the stack's picture from a listener of its own, already found to be one."""
    card = a_card(session, station_id, kind="image", sent_at=at, **said)
    an_asset(session, card.message_id, station_id, kind="image", state="ready", width_px=edge_px, height_px=edge_px)
    card.stack_id = stack_id
    found(session, stack_id)
    return card


def found(session: Session, stack_id: int) -> None:
    stack = stacks.settle(session, stack_id, at=NOW)
    folds.fold(session, stack, at=NOW)
    session.flush()


def under(session: Session) -> dict[int, int | None]:
    session.flush()
    return {row.id: row.under_id for row in session.execute(select(Card.id, Card.under_id).order_by(Card.id))}


def shown(session: Session, station_id: int, wanted: Filter | None = None) -> list[int]:
    return [view.card.id for view in queries.list_cards(session, station_id, wanted, at=NOW).cards]


def move(session: Session, cast: Cast, card: Card, to: str) -> int:
    done = actions.move_card(session, cast.rheinwelle, card.id, to=to, version=card.version, by=cast.nia, at=NOW).id
    if card.stack_id:
        found(session, card.stack_id)
    return done


@pytest.fixture
def pile(session: Session, cast: Cast) -> list[Card]:
    """Three copies of three listeners; the second is the best."""
    stack_id = a_stack(session, cast.rheinwelle)
    sizes = (400, 2000, 500)
    return [
        a_copy(session, cast.rheinwelle, stack_id, edge_px=edge, at=SIX + timedelta(minutes=n))
        for n, edge in enumerate(sizes)
    ]


def test_the_best_copy_stands_on_the_wall_and_says_how_many_and_of_how_many(
    session: Session, cast: Cast, pile: list[Card]
) -> None:
    first, best, last = pile

    view = queries.view_card(session, best, at=NOW).as_json()

    assert shown(session, cast.rheinwelle) == [best.id]
    assert (view["more"], view["copies"], view["album"]) == (2, {"listeners": 3}, [])
    assert under(session) == {first.id: best.id, best.id: None, last.id: best.id}
    assert floods.list_flood(session, best) == [best.id, first.id, last.id]


def test_on_both_databases_one_verdict_is_for_all_copies_and_undone_as_one(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        stack_id = a_stack(session, cast.rheinwelle)
        ids = [a_copy(session, cast.rheinwelle, stack_id, at=SIX + timedelta(minutes=n)).id for n in range(3)]
    with db.transaction() as session:
        upper = session.get_one(Card, ids[0])
        assert upper.more == 2
        actions.move_card(session, cast.rheinwelle, ids[0], to="rejected", version=upper.version, by=cast.nia, at=NOW)
    with db.reading() as session:
        assert {card.state for card in session.execute(select(Card)).scalars()} == {"rejected"}
        assert queries.counts(session, cast.rheinwelle, at=NOW)["state"]["rejected"] == 3
        assert shown(session, cast.rheinwelle, Filter(states=("rejected",))) == [ids[0]]
    with db.transaction() as session:
        actions.undo(session, cast.rheinwelle, None, by=cast.nia, at=NOW)
    with db.reading() as session:
        assert {card.state for card in session.execute(select(Card)).scalars()} == {"new"}
        assert under(session) == {ids[0]: None, ids[1]: ids[0], ids[2]: ids[0]}


def test_a_run_presents_a_stack_once(session: Session, cast: Cast, pile: list[Card]) -> None:
    stack = triage.take_stack(session, cast.rheinwelle, by=cast.nia, at=NOW)

    assert [view.card.id for view in stack.cards] == [pile[1].id]


def test_a_better_copy_takes_its_place_unless_somebody_is_on_the_other(
    session: Session, cast: Cast, pile: list[Card]
) -> None:
    actions.claim(session, cast.rheinwelle, pile[1].id, by=cast.nia, at=NOW)
    better = a_copy(session, cast.rheinwelle, pile[0].stack_id or 0, edge_px=4000)
    joined = better.under_id, pile[1].more

    actions.release(session, cast.rheinwelle, pile[1].id, by=cast.nia, at=NOW)
    found(session, pile[0].stack_id or 0)

    assert joined == (pile[1].id, 3)
    assert (better.under_id, better.more, pile[1].under_id, pile[1].more) == (None, 3, better.id, 0)
    assert set(under(session).values()) == {None, better.id}


def test_what_is_taken_out_stands_by_itself_and_is_put_back_by_undoing(
    session: Session, cast: Cast, pile: list[Card]
) -> None:
    first, best, _last = pile
    act = floods.split(session, cast.rheinwelle, first.id, by=cast.nia, at=NOW)
    found(session, best.stack_id or 0)
    alone = first.under_id, best.more

    actions.undo(session, cast.rheinwelle, act.id, by=cast.nia, at=NOW)

    assert alone == (None, 1)
    assert (first.under_id, best.more) == (best.id, 2)


def test_what_is_not_the_same_leaves_and_comes_back(session: Session, cast: Cast, pile: list[Card]) -> None:
    first, best, last = pile
    act = actions.take_apart(session, cast.rheinwelle, best.id, by=cast.nia, at=NOW)
    found(session, first.stack_id or 0)
    without = shown(session, cast.rheinwelle), best.more, {first.under_id, last.under_id}

    actions.undo(session, cast.rheinwelle, act.id, by=cast.nia, at=NOW)
    found(session, first.stack_id or 0)

    assert without == ([last.id, best.id], 0, {None, last.id})
    assert shown(session, cast.rheinwelle) == [best.id]


def test_of_a_blocked_sender_no_card_stands_for_others(session: Session, cast: Cast, pile: list[Card]) -> None:
    first, best, last = pile
    listener = session.get_one(Listener, best.listener_id)
    blocking.block(session, listener, until=NOW + HOUR, reason="insults", by=cast.nia, at=NOW)
    session.flush()
    found(session, best.stack_id or 0)

    assert (best.more, best.under_id) == (0, None)
    assert (first.under_id, last.under_id) == (None, first.id)


def test_a_flood_keeps_together_and_takes_in_nothing_beside_the_copies_of_others(
    session: Session, cast: Cast, pile: list[Card]
) -> None:
    sender = session.get_one(Listener, pile[1].listener_id)
    after = pile[1].placed_at + timedelta(seconds=3)
    next_one = a_card(session, cast.rheinwelle, kind="image", listener=sender, sent_at=after)
    floods.gather_arrival(session, next_one, sender, at=after)
    other = a_listener(session, cast.rheinwelle)
    album = []
    for second in range(3):
        sent_at = SIX + timedelta(minutes=30, seconds=second)
        album.append(a_card(session, cast.rheinwelle, kind="image", listener=other, sent_at=sent_at))
        floods.gather_arrival(session, album[-1], other, at=sent_at)
    album[0].stack_id = album[2].stack_id = pile[0].stack_id

    found(session, pile[0].stack_id or 0)

    assert next_one.under_id is None
    assert [card.under_id for card in album] == [None, album[0].id, album[0].id]
    assert pile[1].more == 2


def test_what_somebody_worked_on_is_never_put_out_of_sight(session: Session, cast: Cast) -> None:
    stack_id = a_stack(session, cast.rheinwelle)
    rated = a_copy(session, cast.rheinwelle, stack_id)
    marks.rate(session, cast.rheinwelle, rated.id, rating=4, by=cast.nia, at=NOW)

    better = a_copy(session, cast.rheinwelle, stack_id, edge_px=4000)

    assert (rated.under_id, better.under_id) == (None, rated.id)


def test_where_the_best_is_filtered_out_a_copy_stands_for_itself(session: Session, cast: Cast) -> None:
    stack_id = a_stack(session, cast.rheinwelle)
    best = a_copy(session, cast.rheinwelle, stack_id, edge_px=2000, at=SIX)
    other = a_copy(session, cast.rheinwelle, stack_id, at=NOW)
    best.facet, other.facet = "ko--", "no--"
    session.flush()

    assert other.under_id == best.id
    assert shown(session, cast.rheinwelle, Filter(facets=facets.Facets(sender="new"))) == [other.id]
    assert shown(session, cast.rheinwelle, Filter(facets=facets.Facets(consent="open"))) == [best.id]
    assert shown(session, cast.rheinwelle, Filter(since=NOW - HOUR)) == [other.id]
    assert shown(session, cast.rheinwelle, Filter(until=NOW + HOUR)) == [best.id]


def test_a_copy_that_comes_after_the_verdict_stands_by_itself_until_it_is_judged(
    session: Session, cast: Cast, pile: list[Card]
) -> None:
    move(session, cast, pile[1], "rejected")
    late = a_copy(session, cast.rheinwelle, pile[1].stack_id or 0, at=SIX + HOUR)
    alone = late.under_id, late.state

    move(session, cast, late, "rejected")

    assert alone == (None, "new")
    assert (late.under_id, pile[1].more) == (pile[1].id, 3)
