"""Verdicts, their undo, claims and conflicts."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import db
from desk.live import audit, log
from desk.live.models import AuditRow
from desk.settings import Settings
from desk.wall import actions, queries, rules, signals
from desk.wall.models import Card, ConsentRecord
from desk.wall.walks import Filter
from tests.desk_fixtures import SIX, Cast, add_cast
from tests.wall.builders import a_card, a_listener, an_asset

LATER = SIX + timedelta(minutes=41)


@pytest.fixture
def cast(session: Session) -> Cast:
    return add_cast(session)


def shortlist(session: Session, cast: Cast, card: Card, by: int, version: int | None = None) -> int:
    act = actions.move_card(
        session, cast.rheinwelle, card.id, to="shortlisted", version=version or card.version, by=by, at=LATER
    )
    return act.id


def test_a_verdict_changes_state_version_and_who_did_it(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)

    shortlist(session, cast, card, cast.nia)

    assert (card.state, card.version, card.state_by_id, card.state_at) == ("shortlisted", 2, cast.nia, LATER)


def test_of_two_producers_on_one_card_one_wins_and_the_other_is_told_by_whom(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    shortlist(session, cast, card, cast.nia, version=1)

    with pytest.raises(actions.CardMoved) as refused:
        actions.move_card(session, cast.rheinwelle, card.id, to="rejected", version=1, by=cast.edith, at=LATER)

    assert refused.value.message % refused.value.facts == "Nia was faster: shortlisted at 06:41."
    assert refused.value.current["state"] == "shortlisted"
    assert refused.value.current["state_by"]["name"] == "Nia"
    assert card.state == "shortlisted"


def test_two_threads_at_the_same_moment_have_one_winner(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        card_id = a_card(session, cast.rheinwelle).id
    ready, outcomes = threading.Barrier(4), []

    def decide(by: int, to: str) -> None:
        ready.wait()
        try:
            with db.transaction() as session:
                actions.move_card(session, cast.rheinwelle, card_id, to=to, version=1, by=by, at=LATER)
            outcomes.append("won")
        except actions.CardMoved:
            outcomes.append("lost")

    people = [(cast.nia, "shortlisted"), (cast.edith, "rejected"), (cast.omar, "rejected"), (cast.sam, "shortlisted")]
    threads = [threading.Thread(target=decide, args=one) for one in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(outcomes) == ["lost", "lost", "lost", "won"]


def test_what_the_desk_itself_changed_is_no_reason_to_lose(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    actions.refresh_card(session, card, at=LATER)

    shortlist(session, cast, card, cast.nia, version=1)

    assert card.state == "shortlisted"


def test_a_change_by_the_sender_is_a_reason_to_look_again(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    message = queries.view_card(session, card, at=LATER).message
    message.text = "Doch lieber anders"
    actions.edit_card(session, message, at=LATER)

    with pytest.raises(actions.CardMoved) as refused:
        shortlist(session, cast, card, cast.nia, version=1)

    assert refused.value.message % refused.value.facts == "The sender changed this message at 06:41. Please look again."


def test_the_same_verdict_sent_twice_is_one_act(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)

    first = shortlist(session, cast, card, cast.nia, version=1)
    again = shortlist(session, cast, card, cast.nia, version=1)

    assert first == again
    assert card.version == 2


@pytest.mark.parametrize("to", ["in_studio", "on_air", "aired", "new"])
def test_a_new_card_does_not_go_straight_to_the_air(session: Session, cast: Cast, to: str) -> None:
    card = a_card(session, cast.rheinwelle)

    with pytest.raises(actions.NoWay):
        actions.move_card(session, cast.rheinwelle, card.id, to=to, version=1, by=cast.nia, at=LATER)


def test_every_state_can_be_reached_and_left() -> None:
    reached = {after for afters in rules.FOLLOWS.values() for after in afters}

    assert reached == {*rules.STATES, rules.MOOD} == set(rules.FOLLOWS)


# --- undo -------------------------------------------------------------------------------------------------------


def test_anybody_takes_a_verdict_back(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    act_id = shortlist(session, cast, card, cast.nia)

    actions.undo(session, cast.rheinwelle, act_id, by=cast.edith, at=LATER)

    assert (card.state, card.state_by_id) == ("new", None)


def test_an_undo_is_told_to_the_rooms_above(session: Session, cast: Cast) -> None:
    heard: list[tuple[str, str]] = []
    signals.moved.append(lambda _s, _card, before, after, _by, _at: heard.append((before, after)))
    try:
        card = a_card(session, cast.rheinwelle)
        actions.undo(session, cast.rheinwelle, shortlist(session, cast, card, cast.nia), by=cast.nia, at=LATER)
    finally:
        signals.moved.pop()

    assert heard == [("new", "shortlisted"), ("shortlisted", "new")]


def test_undo_twice_does_no_harm(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    act_id = shortlist(session, cast, card, cast.nia)
    actions.undo(session, cast.rheinwelle, act_id, by=cast.nia, at=LATER)
    version = card.version

    actions.undo(session, cast.rheinwelle, act_id, by=cast.nia, at=LATER)

    assert (card.state, card.version) == ("new", version)


def test_undo_of_a_card_changed_since_says_by_whom(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    act_id = shortlist(session, cast, card, cast.nia)
    actions.move_card(session, cast.rheinwelle, card.id, to="rejected", version=card.version, by=cast.edith, at=LATER)

    with pytest.raises(actions.CannotUndo) as refused:
        actions.undo(session, cast.rheinwelle, act_id, by=cast.nia, at=LATER)

    assert refused.value.message % refused.value.facts == "This cannot be taken back: Edith changed the card at 06:41."
    assert card.state == "rejected"


def test_undo_without_a_number_takes_back_ones_own_acts_step_by_step(session: Session, cast: Cast) -> None:
    one, two = a_card(session, cast.rheinwelle), a_card(session, cast.rheinwelle)
    shortlist(session, cast, one, cast.nia)
    shortlist(session, cast, two, cast.nia)
    other = a_card(session, cast.rheinwelle)
    shortlist(session, cast, other, cast.edith)

    for _ in range(2):
        actions.undo(session, cast.rheinwelle, None, by=cast.nia, at=LATER)

    assert [card.state for card in (one, two, other)] == ["new", "new", "shortlisted"]


def test_undo_does_not_take_a_colleagues_claim(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    actions.claim(session, cast.rheinwelle, card.id, by=cast.nia, at=LATER)
    act_id = shortlist(session, cast, card, cast.nia)
    actions.claim(session, cast.rheinwelle, card.id, by=cast.edith, at=LATER)

    actions.undo(session, cast.rheinwelle, act_id, by=cast.nia, at=LATER)

    assert (card.state, card.claimed_by_id) == ("new", cast.edith)


# --- claims -----------------------------------------------------------------------------------------------------


def test_a_claim_holds_ninety_seconds_against_others(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    actions.claim(session, cast.rheinwelle, card.id, by=cast.nia, at=LATER)

    with pytest.raises(actions.CardClaimed):
        actions.claim(session, cast.rheinwelle, card.id, by=cast.edith, at=LATER + timedelta(seconds=89))
    actions.claim(session, cast.rheinwelle, card.id, by=cast.edith, at=LATER + timedelta(seconds=90))

    assert card.claimed_by_id == cast.edith


def test_deciding_on_a_colleagues_claim_needs_force(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    actions.claim(session, cast.rheinwelle, card.id, by=cast.nia, at=LATER)
    version = card.version

    with pytest.raises(actions.CardClaimed, match="is on this card"):
        shortlist(session, cast, card, cast.edith, version=version)
    actions.move_card(
        session, cast.rheinwelle, card.id, to="rejected", version=version, by=cast.edith, at=LATER, force=True
    )

    assert (card.state, card.claimed_by_id) == ("rejected", None)


def test_a_lapsed_claim_is_not_shown(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    actions.claim(session, cast.rheinwelle, card.id, by=cast.nia, at=LATER)

    during = queries.view_card(session, card, at=LATER + timedelta(seconds=89)).as_json()
    after = queries.view_card(session, card, at=LATER + timedelta(seconds=90)).as_json()

    assert during["claim"]["by"]["name"] == "Nia"
    assert after["claim"] is None


# --- notes, consent, withdrawal ---------------------------------------------------------------------------------


def test_notes_are_found_by_the_text_filter(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    actions.set_notes(session, cast.rheinwelle, card.id, version=1, about="Kinderchor", by=cast.nia, at=LATER)

    page = queries.list_cards(session, cast.rheinwelle, Filter(text="derch"), at=LATER)

    assert [view.card.id for view in page.cards] == [card.id]


@pytest.mark.parametrize(("act", "consent"), [("ask", "asked"), ("give", "given"), ("refused", "refused")])
def test_consent_is_kept_in_a_ledger_and_shown_on_the_card(
    session: Session, cast: Cast, act: str, consent: str
) -> None:
    card = a_card(session, cast.rheinwelle)

    actions.set_consent(session, cast.rheinwelle, card.id, act, by=cast.nia, at=LATER, note="am Telefon")

    record = session.execute(select(ConsentRecord).where(ConsentRecord.card_id == card.id)).scalar_one()
    assert (record.act, record.note, card.consent) == (consent, "am Telefon", consent)


def test_withdrawn_consent_takes_a_card_off_the_shortlist(session: Session, cast: Cast) -> None:
    told: list[int] = []
    signals.withdrawn.append(lambda _session, card, _at: told.append(card.id))
    try:
        card = a_card(session, cast.rheinwelle)
        shortlist(session, cast, card, cast.nia)
        actions.set_consent(session, cast.rheinwelle, card.id, "withdraw", by=cast.nia, at=LATER)
    finally:
        signals.withdrawn.pop()

    assert (card.state, card.consent, told) == ("new", "withdrawn", [card.id])


def test_consent_taken_back_by_undo_leaves_its_trace_in_the_ledger(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    act = actions.set_consent(session, cast.rheinwelle, card.id, "give", by=cast.nia, at=LATER)

    actions.undo(session, cast.rheinwelle, act.id, by=cast.nia, at=LATER)

    acts = session.execute(select(ConsentRecord.act).order_by(ConsentRecord.id)).scalars().all()
    assert (card.consent, acts) == ("unknown", ["given", "unknown"])


def test_a_withdrawn_card_is_gone_for_everybody(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle, text="Rheinbrücke")
    actions.withdraw_card(session, card, at=LATER)
    actions.withdraw_card(session, card, at=LATER)

    page = queries.list_cards(session, cast.rheinwelle, at=LATER)

    assert page.cards == []
    with pytest.raises(queries.NotFound):
        queries.load_card(session, cast.rheinwelle, card.id)


def test_a_card_of_another_station_is_as_missing_as_none(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.oldie95)

    for card_id in (card.id, 999_999):
        with pytest.raises(queries.NotFound):
            actions.move_card(session, cast.rheinwelle, card_id, to="rejected", version=1, by=cast.nia, at=LATER)


def test_a_message_stands_on_one_card_however_often_it_is_placed(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    view = queries.view_card(session, card, at=LATER)

    again = actions.place_card(session, view.message, view.listener, is_late=False, at=LATER)

    assert again.id == card.id


def test_a_clock_that_runs_ahead_does_not_stand_above_everybody(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle, sent_at=SIX + timedelta(hours=2), at=SIX)

    assert card.placed_at == SIX


def test_what_a_blocked_sender_wrote_stays_hidden(session: Session, cast: Cast) -> None:
    listener = a_listener(session, cast.rheinwelle, blocked_until=LATER + timedelta(days=1))
    card = a_card(session, cast.rheinwelle, listener=listener, text="Drohung")
    an_asset(session, card.message_id, cast.rheinwelle)

    shown = queries.view_card(session, card, at=LATER).as_json()

    assert (shown["text"], shown["media"], shown["listener"]["is_blocked"]) == ("", [], True)


# --- traces -----------------------------------------------------------------------------------------------------


def test_every_change_has_one_audit_row_and_one_event_in_its_transaction(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        card_id = a_card(session, cast.rheinwelle).id
        start = log.last_seq(session, cast.rheinwelle)
    with db.transaction() as session:
        actions.move_card(session, cast.rheinwelle, card_id, to="rejected", version=1, by=cast.nia, at=LATER)

    with db.reading() as session:
        rows = session.execute(select(AuditRow.act, AuditRow.by_person_id).where(AuditRow.object == f"card:{card_id}"))
        events = log.list_after(session, cast.rheinwelle, start) or []
        fault = audit.verify(session, cast.rheinwelle)
    assert [tuple(row) for row in rows] == [("card.place", None), ("card.move", cast.nia)]
    assert [event.kind for event in events][-1] == "card.changed"
    assert events[-1].payload["card"]["state"] == "rejected"
    assert fault is None


def test_a_change_that_fails_leaves_neither_event_nor_audit(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        card_id = a_card(session, cast.rheinwelle).id

    def lose() -> None:
        with db.transaction() as session:
            actions.move_card(session, cast.rheinwelle, card_id, to="rejected", version=1, by=cast.nia, at=LATER)
            raise actions.CardMoved

    with db.reading() as session:
        before = log.last_seq(session, cast.rheinwelle)
    with pytest.raises(actions.CardMoved):
        lose()

    with db.reading() as session:
        assert log.last_seq(session, cast.rheinwelle) == before
        assert queries.load_card(session, cast.rheinwelle, card_id).state == "new"
