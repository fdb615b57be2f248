"""A listener's flood is one card: what belongs together, one verdict for all, undone as one, split off one by one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import db
from desk.listeners.models import Listener
from desk.settings import Settings
from desk.wall import actions, floods, marks, queries, triage
from desk.wall.floods import StandsAlone
from desk.wall.models import Card, Stack
from desk.wall.walks import Filter
from tests.desk_fixtures import SIX, Cast, add_cast
from tests.wall.builders import a_card, a_listener, an_asset

NOW = SIX + timedelta(minutes=30)


@pytest.fixture
def cast(session: Session) -> Cast:
    return add_cast(session)


def arrive(session: Session, station_id: int, sender: Listener, kind: str, at_s: float, **said: Any) -> Card:
    """A message as the front door places it, so many seconds after six."""
    text = said.pop("text", f"{kind} {at_s}")
    sent_at = SIX + timedelta(seconds=at_s)
    card = a_card(session, station_id, kind=kind, text=text, listener=sender, sent_at=sent_at, **said)
    floods.gather_arrival(session, card, sender, at=sent_at)
    return card


def under(session: Session) -> dict[int, int | None]:
    return {card.id: card.under_id for card in session.execute(select(Card).order_by(Card.id)).scalars()}


def album(session: Session, cast: Cast, count: int = 4) -> list[Card]:
    sender = a_listener(session, cast.rheinwelle)
    return [arrive(session, cast.rheinwelle, sender, "image", 2 * number) for number in range(count)]


def test_photos_sent_together_are_one_card_and_those_of_others_or_later_are_not(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        sent = [card.id for card in album(session, cast)]
        sender = session.get_one(Listener, session.get_one(Card, sent[0]).listener_id)
        film = arrive(session, cast.rheinwelle, sender, "video", 8).id
        late = arrive(session, cast.rheinwelle, sender, "image", 700).id
        other = arrive(session, cast.rheinwelle, a_listener(session, cast.rheinwelle), "image", 7).id
    with db.reading() as session:
        assert under(session) == {
            sent[0]: None,
            **dict.fromkeys(sent[1:], sent[0]),
            film: None,
            late: None,
            other: None,
        }
        listed = queries.list_cards(session, cast.rheinwelle, Filter(states=("new",), kinds=("image",)), at=NOW)
        searched = queries.list_cards(session, cast.rheinwelle, Filter(text="image"), at=NOW)
        pile = triage.take_stack(session, cast.rheinwelle, by=cast.nia, at=NOW)

        assert [(view.card.id, view.card.more) for view in listed.cards] == [(late, 0), (other, 0), (sent[0], 3)]
        assert len(searched.cards) == 6
        assert [view.card.id for view in pile.cards] == [sent[0], other, film, late]
        assert triage.count_remaining(session, cast.rheinwelle, by=cast.nia, at=NOW).kinds == {"image": 3, "video": 1}
        assert queries.counts(session, cast.rheinwelle, at=NOW)["state"]["new"] == 7
        assert floods.list_flood(session, session.get_one(Card, sent[2])) == sent


def test_an_album_shows_the_pictures_of_those_under_it_beside_its_own(session: Session, cast: Cast) -> None:
    sent = album(session, cast, 6)
    files = [an_asset(session, card.message_id, cast.rheinwelle, kind="image", state="ready") for card in sent]
    session.flush()

    upper, under_it = (queries.view_card(session, card, at=NOW).as_json() for card in sent[:2])

    assert [one["id"] for one in upper["media"]] == [files[0].id]
    assert [one["id"] for one in upper["album"]] == [one.id for one in files[1:4]]
    assert (upper["more"], under_it["album"], under_it["under"]) == (5, [], sent[0].id)


def test_voices_after_each_other_belong_together_in_their_order(session: Session, cast: Cast) -> None:
    sender = a_listener(session, cast.rheinwelle)
    spoken = [arrive(session, cast.rheinwelle, sender, "voice", at_s).id for at_s in (0, 90, 170, 600)]

    assert under(session) == {spoken[0]: None, spoken[1]: spoken[0], spoken[2]: spoken[0], spoken[3]: None}
    assert floods.list_flood(session, session.get_one(Card, spoken[0])) == spoken[:3]


def test_from_the_fifth_text_within_ten_minutes_on_they_stand_under_the_first(session: Session, cast: Cast) -> None:
    sender = a_listener(session, cast.rheinwelle)
    texts = [arrive(session, cast.rheinwelle, sender, "text", 100 * number).id for number in range(7)]
    later = arrive(session, cast.rheinwelle, sender, "text", 3600).id

    assert under(session) == {**dict.fromkeys(texts[:4]), **dict.fromkeys(texts[4:], texts[0]), later: None}


def judge(session: Session, cast: Cast, card: Card, to: str) -> int:
    done = actions.move_card(session, cast.rheinwelle, card.id, to=to, version=card.version, by=cast.nia, at=NOW)
    return done.id


def test_one_verdict_is_for_all_and_is_undone_as_one(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        first, *rest = (card.id for card in album(session, cast))
    with db.transaction() as session:
        version = session.get_one(Card, first).version
        actions.move_card(
            session, cast.rheinwelle, first, to="rejected", reason="double", version=version, by=cast.nia, at=NOW
        )
    with db.reading() as session:
        cards = session.execute(select(Card)).scalars().all()
        assert {(card.state, card.reject_reason) for card in cards} == {("rejected", "double")}
        assert session.get_one(Card, first).more == 3
        assert queries.counts(session, cast.rheinwelle, at=NOW)["state"]["rejected"] == 4
    with db.transaction() as session:
        actions.undo(session, cast.rheinwelle, None, by=cast.nia, at=NOW)
    with db.reading() as session:
        assert {card.state for card in session.execute(select(Card)).scalars()} == {"new"}
        assert under(session) == {first: None, **dict.fromkeys(rest, first)}
        assert session.get_one(Card, first).more == 3


def test_a_verdict_on_one_alone_takes_it_out_and_undoing_all_leaves_it(session: Session, cast: Cast) -> None:
    first, second, *_rest = album(session, cast)
    actions.move_card(
        session, cast.rheinwelle, second.id, to="shortlisted", version=second.version, by=cast.nia, at=NOW
    )
    assert (second.under_id, first.more) == (None, 2)

    done = actions.move_card(
        session, cast.rheinwelle, first.id, to="rejected", version=first.version, by=cast.nia, at=NOW
    )
    actions.undo(session, cast.rheinwelle, done.id, by=cast.sam, at=NOW)

    assert (second.state, first.state, first.more) == ("shortlisted", "new", 2)


def test_one_is_split_off_and_put_back(session: Session, cast: Cast) -> None:
    first, second, *_rest = album(session, cast)

    act = floods.split(session, cast.rheinwelle, second.id, by=cast.nia, at=NOW)
    assert (second.under_id, first.more) == (None, 2)
    with pytest.raises(StandsAlone):
        floods.split(session, cast.rheinwelle, second.id, by=cast.nia, at=NOW)
    actions.undo(session, cast.rheinwelle, act.id, by=cast.nia, at=NOW)
    assert (second.under_id, first.more) == (first.id, 3)


def test_when_the_upper_one_goes_its_own_way_the_others_stand_under_the_next(session: Session, cast: Cast) -> None:
    first, second, third, fourth = album(session, cast)
    actions.move_card(session, cast.rheinwelle, first.id, to="planned", version=first.version, by=cast.nia, at=NOW)

    assert under(session) == {first.id: None, second.id: None, third.id: second.id, fourth.id: second.id}
    assert (first.more, second.more, {card.state for card in (second, third, fourth)}) == (0, 2, {"new"})

    actions.withdraw_card(session, second, at=NOW)

    assert (third.under_id, fourth.under_id, third.more, second.more) == (None, third.id, 1, 0)


def test_nothing_joins_what_is_judged_or_just_being_heard(session: Session, cast: Cast) -> None:
    sender = a_listener(session, cast.rheinwelle)
    first = arrive(session, cast.rheinwelle, sender, "image", 0)
    actions.claim(session, cast.rheinwelle, first.id, by=cast.nia, at=SIX)

    held = arrive(session, cast.rheinwelle, sender, "image", 2)
    actions.move_card(session, cast.rheinwelle, held.id, to="rejected", version=held.version, by=cast.nia, at=NOW)
    judged = arrive(session, cast.rheinwelle, sender, "image", 4)

    assert (held.under_id, judged.under_id) == (None, None)


def test_a_flood_lies_before_the_jury_as_one_and_takes_nothing_more(session: Session, cast: Cast) -> None:
    sent = album(session, cast)
    act = marks.set_jury(session, cast.rheinwelle, sent[0].id, is_on=True, by=cast.nia, at=NOW)
    sender = session.get_one(Listener, sent[0].listener_id)

    later = arrive(session, cast.rheinwelle, sender, "image", 9)

    assert ([card.is_for_jury for card in sent], later.under_id) == ([True] * 4, None)
    actions.undo(session, cast.rheinwelle, act.id, by=cast.sam, at=NOW)
    assert [card.is_for_jury for card in sent] == [False] * 4


def test_a_verdict_with_copies_is_for_the_whole_stack_and_undone_as_one(session: Session, cast: Cast) -> None:
    stack = Stack(station_id=cast.rheinwelle, of="picture", reason="picture", cards=0, created_at=SIX)
    session.add(stack)
    session.flush()
    one, other, held, apart = (a_card(session, cast.rheinwelle, kind="image") for _ in range(4))
    for card in (one, other, held):
        card.stack_id = stack.id
    actions.claim(session, cast.rheinwelle, held.id, by=cast.sam, at=NOW)
    cards = (one, other, held, apart)

    alone = judge(session, cast, other, "shortlisted")
    assert [card.state for card in cards] == ["new", "shortlisted", "new", "new"]
    actions.undo(session, cast.rheinwelle, alone, by=cast.nia, at=NOW)
    done = actions.move_card(
        session, cast.rheinwelle, one.id, to="rejected", version=one.version, with_copies=True, by=cast.nia, at=NOW
    )
    assert [card.state for card in cards] == ["rejected", "rejected", "new", "new"]
    actions.undo(session, cast.rheinwelle, done.id, by=cast.nia, at=NOW)
    assert [card.state for card in cards] == ["new"] * 4
