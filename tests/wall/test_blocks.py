"""Blocks of a sender: hidden everywhere, on record, ended by a press, by undo or by their time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import clock, db
from desk.conversations import changes
from desk.conversations.models import Message
from desk.listeners import actions as listeners
from desk.listeners import blocking
from desk.listeners.models import Block, Listener
from desk.live.models import AuditRow, LiveEvent
from desk.onair import queries as onair
from desk.settings import Settings
from desk.shortlist import queries as shortlist
from desk.wall import actions, blocks, queries, triage
from desk.wall.models import Card, CardAct
from desk.wall.queries import Filter
from tests.desk_fixtures import SIX, Cast, add_cast
from tests.onair.stage import a_cart
from tests.wall.builders import a_card, a_listener, an_asset

LATER = SIX + timedelta(minutes=41)
HOUR = timedelta(hours=1)


@pytest.fixture
def cast(session: Session) -> Cast:
    return add_cast(session)


def block(session: Session, cast: Cast, card: Card, length: str = "hour", by: int | None = None) -> CardAct:
    return blocks.block_sender(
        session, cast.rheinwelle, card.id, length=length, reason="insults", by=by or cast.nia, at=LATER
    )


def until_of(session: Session, card: Card) -> object:
    return session.get_one(Listener, card.listener_id).blocked_until


def shown(session: Session, card: Card) -> dict[str, object]:
    return queries.view_card(session, card, at=LATER).as_json()


def test_a_block_hides_all_that_its_sender_ever_sent_and_nobody_elses(session: Session, cast: Cast) -> None:
    ada, bo = a_listener(session, cast.rheinwelle, "Ada"), a_listener(session, cast.rheinwelle, "Bo")
    cards = [a_card(session, cast.rheinwelle, listener=ada, text="Drohung") for _ in range(3)]
    other = a_card(session, cast.rheinwelle, listener=bo, text="Moin")
    an_asset(session, cards[2].message_id, cast.rheinwelle)

    block(session, cast, cards[0])

    for card in cards:
        seen = shown(session, card)
        assert (seen["text"], seen["media"], seen["listener"]["is_blocked"]) == ("", [], True)  # type: ignore[index]
    assert shown(session, other)["text"] == "Moin"
    assert all(card.version > 1 for card in cards)


def test_it_is_on_record_who_blocked_when_why_and_until_when(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)

    block(session, cast, card, "day")

    told = blocks.view_block(session, card.listener_id, at=LATER)
    assert told is not None
    assert (told["by"]["name"], told["reason"]) == ("Nia", "insults")
    assert (told["at"], told["until"]) == (clock.iso(LATER), clock.iso(LATER + timedelta(days=1)))
    (row,) = queries.history(session, card, may_undo=actions.can_take_back)
    assert (row["act"], row["by"]["name"], row["details"]) == ("block", "Nia", {"length": "day", "reason": "insults"})


def test_for_ever_has_no_end(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)

    block(session, cast, card, "ever")
    found = blocks.view_block(session, card.listener_id, at=LATER + timedelta(days=10_000))

    assert found is not None
    assert found["until"] is None


def test_every_block_and_its_end_has_one_audit_row_and_one_event_for_all_cards(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        card = a_card(session, cast.rheinwelle)
        for _ in range(3):
            a_card(session, cast.rheinwelle, listener=session.get_one(Listener, card.listener_id))
    with db.transaction() as session:
        block(session, cast, card)
    with db.transaction() as session:
        blocks.unblock_sender(session, cast.rheinwelle, card.id, by=cast.edith, at=LATER)

    with db.reading() as session:
        of_sender = AuditRow.object == f"listener:{card.listener_id}"
        rows = session.execute(select(AuditRow.act, AuditRow.by_person_id).where(of_sender).order_by(AuditRow.id))
        told = session.execute(select(LiveEvent).where(LiveEvent.kind == "sender.changed").order_by(LiveEvent.id))
        payloads = [event.payload for event in told.scalars()]
        (record,) = session.execute(select(Block)).scalars()
    assert [tuple(row) for row in rows] == [("listener.block", cast.nia), ("listener.unblock", cast.edith)]
    assert [one["blocked_until"] for one in payloads] == [clock.iso(LATER + HOUR), None]
    assert (record.by_person_id, record.ended_by_id, record.ended_at) == (cast.nia, cast.edith, LATER)


def test_one_press_lifts_it_and_a_second_is_told_so(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle, text="Moin")
    block(session, cast, card)

    blocks.unblock_sender(session, cast.rheinwelle, card.id, by=cast.edith, at=LATER)

    assert shown(session, card)["text"] == "Moin"
    with pytest.raises(blocks.NotBlocked):
        blocks.unblock_sender(session, cast.rheinwelle, card.id, by=cast.edith, at=LATER)


def test_anybody_takes_a_block_back_like_a_verdict(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle, text="Moin")
    act = block(session, cast, card)

    actions.undo(session, cast.rheinwelle, act.id, by=cast.edith, at=LATER)
    actions.undo(session, cast.rheinwelle, act.id, by=cast.edith, at=LATER)

    assert (until_of(session, card), shown(session, card)["text"]) == (None, "Moin")
    assert act.undone_by_id == cast.edith


def test_taking_back_the_lifting_blocks_again_until_the_same_moment(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    block(session, cast, card, "day")
    lifted = blocks.unblock_sender(session, cast.rheinwelle, card.id, by=cast.edith, at=LATER)

    actions.undo(session, cast.rheinwelle, lifted.id, by=cast.nia, at=LATER)

    assert until_of(session, card) == LATER + timedelta(days=1)
    told = blocks.view_block(session, card.listener_id, at=LATER)
    assert told is not None
    assert told["by"]["name"] == "Nia"


def test_taking_back_a_longer_block_leaves_the_one_before(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    block(session, cast, card, "hour")
    longer = block(session, cast, card, "ever", by=cast.edith)

    actions.undo(session, cast.rheinwelle, longer.id, by=cast.nia, at=LATER)

    assert until_of(session, card) == LATER + HOUR


def test_a_block_that_somebody_changed_since_is_not_taken_back(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    first = block(session, cast, card, "hour")
    block(session, cast, card, "ever", by=cast.edith)

    with pytest.raises(actions.CannotUndo, match="changed the card"):
        actions.undo(session, cast.rheinwelle, first.id, by=cast.nia, at=LATER)


def test_of_a_block_that_ended_by_itself_nothing_is_left_to_take_back(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    moved = actions.move_card(session, cast.rheinwelle, card.id, to="rejected", version=1, by=cast.nia, at=LATER)
    block(session, cast, card)
    blocking.lapse(session, at=LATER + HOUR)

    for _ in range(2):
        actions.undo(session, cast.rheinwelle, None, by=cast.nia, at=LATER + HOUR)

    assert (until_of(session, card), card.state) == (None, "new")
    assert moved.undone_at == LATER + HOUR


def test_z_takes_back_the_newest_act_also_when_it_was_a_block(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    block(session, cast, card)

    actions.undo(session, cast.rheinwelle, None, by=cast.nia, at=LATER)

    assert until_of(session, card) is None


def test_a_run_passes_over_blocked_senders_and_search_does_not_find_them(session: Session, cast: Cast) -> None:
    blocked, open_one = (a_card(session, cast.rheinwelle, text="Rheinbrücke") for _ in range(2))
    block(session, cast, blocked)

    pile = triage.take_stack(session, cast.rheinwelle, by=cast.nia, at=LATER)
    left = triage.count_remaining(session, cast.rheinwelle, by=cast.nia, at=LATER)
    session.flush()
    found = queries.list_cards(session, cast.rheinwelle, Filter(text="rheinbr"), at=LATER)
    every = queries.list_cards(session, cast.rheinwelle, at=LATER)

    assert [view.card.id for view in pile.cards] == [open_one.id]
    assert left.kinds == {"text": 1}
    assert [view.card.id for view in found.cards] == [open_one.id]
    assert len(every.cards) == 2, "nothing is lost: the card stands on the wall"


def test_of_a_flood_all_is_hidden_and_found_again_afterwards(session: Session, cast: Cast) -> None:
    ada = a_listener(session, cast.rheinwelle, "Ada")
    cards = [a_card(session, cast.rheinwelle, listener=ada, text="Rheinbrücke") for _ in range(210)]
    first = a_card(session, cast.rheinwelle, text="Rheinbrücke")

    block(session, cast, cards[0])
    hidden = queries.list_cards(session, cast.rheinwelle, Filter(text="rheinbr"), at=LATER, limit=200)
    blocks.unblock_sender(session, cast.rheinwelle, cards[0].id, by=cast.nia, at=LATER)
    session.flush()

    assert [view.card.id for view in hidden.cards] == [first.id]
    assert all("rheinbr" in card.folded for card in cards)


def test_what_is_over_ends_by_itself(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        over, lasts = a_card(session, cast.rheinwelle), a_card(session, cast.rheinwelle)
        block(session, cast, over, "hour")
        block(session, cast, lasts, "day")
    with db.transaction() as session:
        assert blocking.lapse(session, at=LATER + HOUR - timedelta(seconds=1)) == 0
    with db.transaction() as session:
        assert blocking.is_any_over(session, at=LATER + HOUR)
        assert blocking.lapse(session, at=LATER + HOUR) == 1

    with db.reading() as session:
        untils = [session.get_one(Listener, card.listener_id).blocked_until for card in (over, lasts)]
        ended = session.execute(select(Block).where(Block.ended_at.is_not(None))).scalar_one()
    assert untils == [None, LATER + timedelta(days=1)]
    assert (ended.listener_id, ended.ended_by_id) == (over.listener_id, None)


def test_the_presenter_never_gets_a_blocked_senders_item_until_it_is_lifted(session: Session, cast: Cast) -> None:
    _slot, card, _asset = a_cart(session, cast.rheinwelle, cast.nia, at=LATER)
    before = [cart.view.item.card.id for cart in onair.studio_list(session, cast.rheinwelle, at=LATER)]

    block(session, cast, card)
    during = onair.studio_list(session, cast.rheinwelle, at=LATER)
    (slot,) = shortlist.current_rundown(session, cast.rheinwelle, at=LATER).slots
    told = slot.as_json()
    blocks.unblock_sender(session, cast.rheinwelle, card.id, by=cast.nia, at=LATER)
    after = onair.studio_list(session, cast.rheinwelle, at=LATER)

    assert before == [card.id] == [cart.view.item.card.id for cart in after]
    assert during == ()
    assert "blocked" in slot.item.reasons
    assert (told["text"], told["media"]) == ("", None)


def test_an_open_thread_hears_that_something_came_but_not_what(house: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        card = a_card(session, cast.rheinwelle, text="Drohung")
        block(session, cast, card)
    with db.transaction() as session:
        changes.announce(session, session.get_one(Message, card.message_id), at=LATER)

    with db.reading() as session:
        event = session.execute(select(LiveEvent).where(LiveEvent.kind == "message.changed")).scalar_one()
    assert event.payload["message"]["text"] == ""


def test_two_who_turn_out_to_be_one_are_blocked_together(session: Session, cast: Cast) -> None:
    kept, gone = (a_listener(session, cast.rheinwelle, name) for name in ("Ada", "Ada"))
    card = a_card(session, cast.rheinwelle, listener=gone, text="Drohung")
    other = a_card(session, cast.rheinwelle, listener=kept, text="Moin")
    act = block(session, cast, card)

    listeners.merge(session, kept, gone, at=LATER)
    hidden = shown(session, other)["text"]
    actions.undo(session, cast.rheinwelle, act.id, by=cast.nia, at=LATER)

    assert (hidden, shown(session, other)["text"]) == ("", "Moin")
