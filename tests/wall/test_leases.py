"""Leases: everybody in a run gets cards of their own, also at the same instant; a lease holds, is kept, and ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import db
from desk.live.models import LiveEvent
from desk.settings import Settings
from desk.wall import actions, leases, queries, rules
from desk.wall.models import Card
from tests.desk_fixtures import SIX, Cast, add_cast
from tests.wall.builders import a_card

NOW = SIX + timedelta(hours=1)


@pytest.fixture
def cast(session: Session) -> Cast:
    return add_cast(session)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Run these at the same instant; what each gave, or the refusal."""
    ready, outcomes = threading.Barrier(len(acts)), [object()] * len(acts)

    def run(number: int) -> None:
        ready.wait()
        try:
            outcomes[number] = acts[number]()
        except actions.CardClaimed as refused:
            outcomes[number] = refused

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return outcomes


def test_of_two_claims_at_the_same_instant_one_wins_and_the_other_is_told_by_whom(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        card_ids = [a_card(session, cast.rheinwelle).id for _ in range(5)]

    for card_id in card_ids:

        def claim(by: int, card_id: int = card_id) -> None:
            with db.transaction() as session:
                actions.claim(session, cast.rheinwelle, card_id, by=by, at=NOW)

        outcomes = at_once(lambda: claim(cast.nia), lambda: claim(cast.edith))
        refused = [one for one in outcomes if one is not None]
        with db.reading() as session:
            winner = session.get_one(Card, card_id).claimed_by_id

        assert len(refused) == 1
        assert isinstance(refused[0], actions.CardClaimed)
        name = "Nia" if winner == cast.nia else "Edith"
        assert refused[0].message % refused[0].facts == f"{name} is on this card until 07:01:30."


def test_everybody_in_a_run_gets_cards_that_nobody_else_holds(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        for minute in range(80):
            a_card(session, cast.rheinwelle, sent_at=SIX + timedelta(seconds=minute))
    people, seen = (cast.nia, cast.edith, cast.omar), dict[int, list[int]]()

    def take(by: int) -> list[int]:
        with db.transaction() as session:
            return list(leases.take_ahead(session, cast.rheinwelle, by=by, at=NOW))

    for _ in range(4):
        for by, ids in zip(people, at_once(*(lambda by=by: take(by) for by in people)), strict=True):
            assert isinstance(ids, list)
            seen.setdefault(by, []).extend(ids)
            with db.transaction() as session:
                for card_id in ids[:4]:
                    version = session.get_one(Card, card_id).version
                    actions.move_card(session, cast.rheinwelle, card_id, to="rejected", version=version, by=by, at=NOW)

    all_ids = [card_id for ids in seen.values() for card_id in ids]
    assert len(all_ids) == len(set(all_ids)), "nobody was given what another holds"
    assert all(len(ids) >= leases.HELD_AHEAD for ids in seen.values())


def test_of_a_short_pile_a_run_takes_its_share_and_leaves_out_what_was_put_off(session: Session, cast: Cast) -> None:
    first, second, *_rest = (a_card(session, cast.rheinwelle).id for _ in range(6))

    assert leases.take_ahead(session, cast.rheinwelle, by=cast.nia, at=NOW) == [first]
    assert leases.take_ahead(session, cast.rheinwelle, by=cast.nia, at=NOW) == [], "one is enough of six"
    assert leases.take_ahead(session, cast.rheinwelle, by=cast.nia, at=NOW, without=[first]) == [second]


def test_whoever_is_there_keeps_everything_and_nobody_elses(session: Session, cast: Cast) -> None:
    one, two, theirs = (a_card(session, cast.rheinwelle) for _ in range(3))
    for card in (one, two):
        actions.claim(session, cast.rheinwelle, card.id, by=cast.nia, at=NOW)
    actions.claim(session, cast.rheinwelle, theirs.id, by=cast.edith, at=NOW)
    before = one.version

    kept = leases.renew(session, cast.rheinwelle, by=cast.nia, at=NOW + timedelta(seconds=60))

    session.expire_all()
    assert sorted(kept) == [one.id, two.id]
    assert (one.claimed_until, theirs.claimed_until) == (NOW + timedelta(seconds=150), NOW + rules.CLAIM)
    assert one.version == before, "a lease that goes on changes nothing of the card"
    assert leases.renew(session, cast.rheinwelle, by=cast.nia, at=NOW + timedelta(seconds=151)) == []


def test_a_lease_that_ran_out_brings_the_card_back_on_every_screen(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        gone, held = (a_card(session, cast.rheinwelle) for _ in range(2))
        actions.claim(session, cast.rheinwelle, gone.id, by=cast.nia, at=NOW)
        actions.claim(session, cast.rheinwelle, held.id, by=cast.nia, at=NOW + timedelta(seconds=1))
        seen = gone.version

    with db.transaction() as session:
        assert leases.end_lapsed(session, cast.rheinwelle, at=NOW + rules.CLAIM) == 1

    with db.transaction() as session:
        told = session.execute(select(LiveEvent).order_by(LiveEvent.seq.desc()).limit(1)).scalar_one()
        assert (told.kind, told.payload["card"]["id"], told.payload["card"]["claim"]) == ("card.changed", gone.id, None)
        assert (told.payload["counts"]["state"]["new"], told.payload["counts"]["state"]["claimed"]) == (1, 1)
        assert leases.end_lapsed(session, cast.rheinwelle, at=NOW + rules.CLAIM) == 0
        actions.move_card(session, cast.rheinwelle, gone.id, to="rejected", version=seen, by=cast.edith, at=NOW)


def test_what_a_run_held_goes_back_when_it_ends(session: Session, cast: Cast) -> None:
    mine, theirs = (a_card(session, cast.rheinwelle) for _ in range(2))
    actions.claim(session, cast.rheinwelle, mine.id, by=cast.nia, at=NOW)
    actions.claim(session, cast.rheinwelle, theirs.id, by=cast.edith, at=NOW)

    leases.release_many(session, cast.rheinwelle, [mine.id, theirs.id], by=cast.nia, at=NOW)

    assert [queries.view_card(session, card, at=NOW).as_json()["claim"] is None for card in (mine, theirs)] == [
        True, False,
    ]  # fmt: skip


def test_undo_without_a_number_passes_over_leases(session: Session, cast: Cast) -> None:
    card, other = (a_card(session, cast.rheinwelle) for _ in range(2))
    actions.move_card(session, cast.rheinwelle, card.id, to="rejected", version=1, by=cast.nia, at=NOW)
    actions.claim(session, cast.rheinwelle, other.id, by=cast.nia, at=NOW)

    actions.undo(session, cast.rheinwelle, None, by=cast.nia, at=NOW)

    assert (card.state, other.claimed_by_id) == ("new", cast.nia)


def test_whoever_takes_a_verdict_back_has_the_card_in_hand_again(on_both_databases: Settings) -> None:
    later = NOW + timedelta(seconds=20)
    with db.transaction() as session:
        cast = add_cast(session)
        card = a_card(session, cast.rheinwelle)
        actions.claim(session, cast.rheinwelle, card.id, by=cast.nia, at=NOW)
        act = actions.move_card(
            session, cast.rheinwelle, card.id, to="rejected", version=card.version, by=cast.nia, at=NOW
        )
        actions.undo(session, cast.rheinwelle, act.id, by=cast.nia, at=later)
    with db.transaction() as session:
        assert leases.take_ahead(session, cast.rheinwelle, by=cast.edith, at=later) == []
        held = session.get_one(Card, card.id)
        assert (held.state, held.claimed_by_id, held.claimed_until) == ("new", cast.nia, later + rules.CLAIM)


@pytest.mark.parametrize("was_claimed", [False, True])
def test_a_verdict_that_a_colleague_takes_back_is_free_for_everybody(
    session: Session, cast: Cast, *, was_claimed: bool
) -> None:
    card = a_card(session, cast.rheinwelle)
    if was_claimed:
        actions.claim(session, cast.rheinwelle, card.id, by=cast.nia, at=NOW)
    act = actions.move_card(session, cast.rheinwelle, card.id, to="rejected", version=card.version, by=cast.nia, at=NOW)
    actions.undo(session, cast.rheinwelle, act.id, by=cast.edith, at=NOW)

    assert list(leases.take_ahead(session, cast.rheinwelle, by=cast.omar, at=NOW)) == [card.id]
