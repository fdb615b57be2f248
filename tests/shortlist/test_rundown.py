"""The rundown: places follow verdicts, two reorders from one state are one change and one conflict."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import db
from desk.errors import Invalid, NotFound
from desk.live.models import LiveEvent
from desk.settings import Settings
from desk.shortlist import actions, queries, rules
from desk.shortlist.actions import RundownChanged
from desk.shortlist.models import Slot
from desk.wall import actions as wall
from desk.wall.models import Card
from tests.desk_fixtures import SIX, Cast, add_cast
from tests.onair.stage import a_voice, shortlist
from tests.wall.builders import a_card


@pytest.fixture
def cast(session: Session) -> Cast:
    return add_cast(session)


def order(session: Session, station_id: int) -> list[int]:
    """Card ids of the current rundown, in order."""
    rundown = queries.current_rundown(session, station_id, at=SIX)
    assert [view.slot.position for view in rundown.slots] == list(range(len(rundown.slots)))
    return [view.slot.card_id for view in rundown.slots]


def version(session: Session, station_id: int) -> int:
    return queries.current_rundown(session, station_id, at=SIX).edition.rundown_version


def move(session: Session, card: Card, to: str, by: int) -> None:
    wall.move_card(session, card.station_id, card.id, to=to, version=card.version, by=by, at=SIX)


def test_shortlisting_a_card_gives_it_the_last_place_once(session: Session, cast: Cast) -> None:
    first, second = (a_card(session, cast.rheinwelle) for _ in range(2))

    shortlist(session, first, cast.nia)
    shortlist(session, second, cast.nia)
    actions.add_to_rundown(session, cast.rheinwelle, first.id, by=cast.nia, at=SIX)

    assert order(session, cast.rheinwelle) == [first.id, second.id]


def test_words_that_come_with_a_card_fill_the_place_it_has(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    shortlist(session, card, cast.nia)

    slot = actions.add_to_rundown(session, cast.rheinwelle, card.id, note="kurz halten", by=cast.nia, at=SIX)
    again = actions.add_to_rundown(session, cast.rheinwelle, card.id, note="anders", by=cast.nia, at=SIX)

    assert (slot.id, again.note) == (again.id, "kurz halten")


@pytest.mark.parametrize("verdict", ["new", "rejected"])
def test_putting_back_or_rejecting_takes_the_place_away(session: Session, cast: Cast, verdict: str) -> None:
    first, second = (a_card(session, cast.rheinwelle) for _ in range(2))
    for card in (first, second):
        shortlist(session, card, cast.nia)

    move(session, first, verdict, cast.nia)

    assert order(session, cast.rheinwelle) == [second.id]


def test_undoing_a_rejection_gives_a_place_again(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    shortlist(session, card, cast.nia)
    act = wall.move_card(session, cast.rheinwelle, card.id, to="rejected", version=card.version, by=cast.nia, at=SIX)

    wall.undo(session, cast.rheinwelle, act.id, by=cast.nia, at=SIX)

    assert order(session, cast.rheinwelle) == [card.id]


def test_a_withdrawn_message_leaves_the_rundown(session: Session, cast: Cast) -> None:
    card = a_card(session, cast.rheinwelle)
    shortlist(session, card, cast.nia)

    wall.withdraw_card(session, card, at=SIX)

    assert order(session, cast.rheinwelle) == []
    assert session.execute(select(Slot)).first() is None


def test_a_slot_moves_to_any_place(session: Session, cast: Cast) -> None:
    cards = [a_card(session, cast.rheinwelle) for _ in range(4)]
    slots = [shortlist(session, card, cast.nia) for card in cards]

    actions.move_slot(
        session, cast.rheinwelle, slots[3].id, 1, version=version(session, cast.rheinwelle), by=cast.nia, at=SIX
    )

    assert order(session, cast.rheinwelle) == [cards[index].id for index in (0, 3, 1, 2)]


def test_a_reorder_from_an_old_state_is_a_conflict_that_shows_the_present_one(session: Session, cast: Cast) -> None:
    cards = [a_card(session, cast.rheinwelle) for _ in range(3)]
    slots = [shortlist(session, card, cast.nia) for card in cards]
    seen = version(session, cast.rheinwelle)
    actions.move_slot(session, cast.rheinwelle, slots[0].id, 2, version=seen, by=cast.nia, at=SIX)

    with pytest.raises(RundownChanged) as refused:
        actions.move_slot(session, cast.rheinwelle, slots[1].id, 2, version=seen, by=cast.edith, at=SIX)

    assert [slot["card_id"] for slot in refused.value.current["slots"]] == order(session, cast.rheinwelle)


def test_of_two_reorders_at_once_one_wins(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        cards = [a_card(session, cast.rheinwelle) for _ in range(3)]
        slots = [shortlist(session, card, cast.nia).id for card in cards]
    with db.reading() as session:
        seen = version(session, cast.rheinwelle)
    ready = threading.Barrier(2)
    outcomes: list[str] = []

    def reorder(slot_id: int, to: int) -> None:
        ready.wait()
        try:
            with db.transaction() as own:
                actions.move_slot(own, cast.rheinwelle, slot_id, to, version=seen, by=cast.nia, at=SIX)
            outcomes.append("moved")
        except RundownChanged:
            outcomes.append("conflict")

    threads = [threading.Thread(target=reorder, args=pair) for pair in ((slots[0], 2), (slots[2], 0))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(outcomes) == ["conflict", "moved"]
    with db.reading() as session:
        assert sorted(order(session, cast.rheinwelle)) == sorted(card.id for card in cards)
        assert version(session, cast.rheinwelle) == seen + 1


def test_notes_are_written_on_the_version_that_was_seen(session: Session, cast: Cast) -> None:
    slot = shortlist(session, a_card(session, cast.rheinwelle), cast.nia)

    actions.set_note(session, cast.rheinwelle, slot.id, " hinten betont ", version=1, by=cast.nia, at=SIX)
    with pytest.raises(RundownChanged):
        actions.set_intro(session, cast.rheinwelle, slot.id, "Und jetzt", version=1, by=cast.edith, at=SIX)

    assert queries.load_slot(session, cast.rheinwelle, slot.id).note == "hinten betont"


def test_a_note_that_is_too_long_is_refused(session: Session, cast: Cast) -> None:
    slot = shortlist(session, a_card(session, cast.rheinwelle), cast.nia)

    with pytest.raises(Invalid):
        actions.set_note(session, cast.rheinwelle, slot.id, "x" * (rules.NOTE_MOST + 1), version=1, by=cast.nia, at=SIX)


def test_a_removed_slot_waits_in_the_pool_and_comes_back_with_its_words(session: Session, cast: Cast) -> None:
    cards = [a_card(session, cast.rheinwelle) for _ in range(2)]
    first, _second = (shortlist(session, card, cast.nia) for card in cards)
    edition_id = first.edition_id

    actions.remove_slot(session, cast.rheinwelle, first.id, by=cast.nia, at=SIX)
    waiting = [item.card.id for item in queries.list_pool(session, cast.rheinwelle, edition_id)]
    back = actions.add_to_rundown(session, cast.rheinwelle, cards[0].id, position=0, note="kurz", by=cast.nia, at=SIX)

    assert waiting == [cards[0].id]
    assert order(session, cast.rheinwelle) == [card.id for card in cards]
    assert back.note == "kurz"


def test_another_stations_slots_and_cards_are_not_there(session: Session, cast: Cast) -> None:
    slot = shortlist(session, a_card(session, cast.rheinwelle), cast.nia)

    with pytest.raises(NotFound):
        actions.move_slot(session, cast.oldie95, slot.id, 0, version=1, by=cast.otto, at=SIX)
    with pytest.raises(NotFound):
        actions.remove_slot(session, cast.oldie95, slot.id, by=cast.otto, at=SIX)
    with pytest.raises(NotFound):
        actions.add_to_rundown(session, cast.oldie95, slot.card_id, by=cast.otto, at=SIX)


def test_every_change_tells_producers_the_whole_rundown_and_presenters_only_what_may_go_to_air(
    house: Settings,
) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        card, _asset = a_voice(session, cast.rheinwelle, first_name="Unvetted")
        shortlist(session, card, cast.nia)

    with db.reading() as session:
        rows = session.execute(select(LiveEvent.kind, LiveEvent.audience, LiveEvent.payload).order_by(LiveEvent.seq))
        told = {row.kind: row for row in rows}

    assert told["rundown.changed"].audience == "rundown.write"
    assert [slot["card_id"] for slot in told["rundown.changed"].payload["slots"]] == [card.id]
    assert told["studio.changed"].audience == "rundown.read"
    assert told["studio.changed"].payload["carts"] == []


def test_the_wall_shows_where_a_card_stands(session: Session, cast: Cast) -> None:
    from desk.wall import queries as wall_queries

    cards = [a_card(session, cast.rheinwelle) for _ in range(2)]
    for card in cards:
        shortlist(session, card, cast.nia)

    shown = wall_queries.view_cards(session, [card.id for card in cards], at=SIX)

    assert [shown[card.id].as_json()["slots"][0]["position"] for card in cards] == [1, 2]


@pytest.mark.parametrize(
    ("consent", "mode", "cleared"),
    [
        ("given", "asked", True), ("unknown", "asked", False), ("asked", "asked", False), ("refused", "asked", False),
        ("unknown", "stated", True), ("refused", "stated", False), ("withdrawn", "stated", False),
        ("unknown", "off", True), ("withdrawn", "off", False), ("unknown", "something else", False),
    ],
)  # fmt: skip
def test_consent_suffices_as_the_station_chose(consent: str, mode: str, cleared: bool) -> None:
    assert rules.is_cleared(consent, mode) is cleared
