"""Events are numbered in commit order and nothing between two numbers is missed; the audit chain shows every change."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from desk import db
from desk.live import audit, log
from desk.live.models import AuditRow, LiveEvent
from desk.live.relay import Relay
from desk.settings import Settings
from tests.desk_fixtures import SIX, Cast, add_cast
from tests.servers import wait_until


@pytest.fixture
def cast(on_both_databases: Settings) -> Cast:
    with db.transaction() as session:
        return add_cast(session)


def tell(station_id: int, *words: str) -> None:
    with db.transaction() as session:
        for word in words:
            log.record(session, station_id, "test.said", {"word": word}, audience="wall.read", at=SIX)


def test_numbers_count_up_per_station_without_gaps(cast: Cast) -> None:
    tell(cast.rheinwelle, "a", "b")
    tell(cast.oldie95, "x")
    tell(cast.rheinwelle, "c")

    with db.reading() as session:
        events = log.list_after(session, cast.rheinwelle, 0) or []
        assert [(event.seq, event.payload["word"]) for event in events] == [(1, "a"), (2, "b"), (3, "c")]
        assert log.last_seqs(session)[cast.oldie95] == 1


def test_a_rolled_back_change_takes_no_number(cast: Cast) -> None:
    def lose() -> None:
        with db.transaction() as session:
            log.record(session, cast.rheinwelle, "test.said", {}, audience="wall.read", at=SIX)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lose()
    tell(cast.rheinwelle, "kept")

    with db.reading() as session:
        assert log.last_seq(session, cast.rheinwelle) == 1


def test_a_reader_beside_many_writers_misses_nothing(cast: Cast) -> None:
    writers, each = 6, 15
    threads = [
        threading.Thread(target=lambda: [tell(cast.rheinwelle, "x") for _ in range(each)]) for _ in range(writers)
    ]
    for thread in threads:
        thread.start()
    seen: list[int] = []

    def read_on() -> bool:
        with db.reading() as session:
            events = log.list_after(session, cast.rheinwelle, seen[-1] if seen else 0) or []
        seen.extend(event.seq for event in events)
        return len(seen) >= writers * each

    wait_until(read_on, "the last event")
    for thread in threads:
        thread.join()

    assert seen == list(range(1, writers * each + 1))


@pytest.mark.parametrize(("after", "most"), [(99, 10), (0, 2), (-1, 2000)])
def test_a_gap_that_cannot_be_filled_asks_for_a_reload(cast: Cast, after: int, most: int) -> None:
    tell(cast.rheinwelle, "a", "b", "c")
    with db.transaction() as session:
        session.execute(delete(LiveEvent).where(LiveEvent.seq == 1))

    with db.reading() as session:
        assert log.list_after(session, cast.rheinwelle, after, most=most) is None


def test_the_log_keeps_a_day(cast: Cast) -> None:
    tell(cast.rheinwelle, "old")
    with db.transaction() as session:
        assert log.forget_old(session, at=SIX + log.KEEP) == 0
        assert log.forget_old(session, at=SIX + log.KEEP + timedelta(seconds=1)) == 1
    with db.reading() as session:
        assert log.list_after(session, cast.rheinwelle, 0) is None
        assert log.list_after(session, cast.rheinwelle, 1) == []


def test_the_relay_hands_over_what_others_commit_in_order(cast: Cast) -> None:
    heard: list[tuple[int, int]] = []
    relay = Relay(db.current(), lambda events: heard.extend((event.station_id, event.seq) for event in events))
    tell(cast.rheinwelle, "before")
    relay.start()
    try:
        tell(cast.rheinwelle, "a", "b")
        tell(cast.oldie95, "x")
        wait_until(lambda: len(heard) == 3, "three events")
    finally:
        relay.stop()

    assert heard == [(cast.rheinwelle, 2), (cast.rheinwelle, 3), (cast.oldie95, 1)]


def test_a_commit_of_this_process_is_handed_over_without_a_poll(cast: Cast) -> None:
    heard: list[int] = []
    relay = Relay(db.current(), lambda events: heard.extend(event.seq for event in events), poll_s=3600)
    relay.start()
    try:
        for number in range(1, 6):
            tell(cast.rheinwelle, "now")
            wait_until(lambda number=number: heard == list(range(1, number + 1)), "the event just committed")
    finally:
        relay.stop(wait_s=5)


# --- audit ----------------------------------------------------------------------------------------------------------


def note(station_id: int, *acts: str) -> None:
    with db.transaction() as session:
        for act in acts:
            audit.record(session, station_id, act, "card:1", by=None, at=SIX, details={"state": "new"})


def chain_fault(station_id: int) -> audit.ChainFault | None:
    with db.reading() as session:
        return audit.verify(session, station_id)


def test_an_untouched_chain_holds(cast: Cast) -> None:
    note(cast.rheinwelle, "a", "b")
    note(cast.rheinwelle, "c")

    assert chain_fault(cast.rheinwelle) is None


@pytest.mark.parametrize("values", [{"act": "other"}, {"object": "card:2"}, {"details": {}}, {"by_person_id": 1}])
def test_a_changed_row_breaks_the_chain_at_that_row(cast: Cast, values: dict[str, object]) -> None:
    note(cast.oldie95, "a", "b", "c")
    with db.reading() as session:
        newest = max(session.query(AuditRow.seq).filter(AuditRow.station_id == cast.oldie95))[0]
    with db.transaction() as session:
        session.execute(
            update(AuditRow).where(AuditRow.station_id == cast.oldie95, AuditRow.seq == newest - 1).values(**values)
        )

    fault = chain_fault(cast.oldie95)
    assert fault is not None
    assert fault.seq == newest - 1


@pytest.mark.parametrize("from_the_end", [0, 1])
def test_a_row_that_is_gone_breaks_the_chain(cast: Cast, from_the_end: int) -> None:
    note(cast.oldie95, "a", "b", "c")
    with db.reading() as session:
        newest = max(session.query(AuditRow.seq).filter(AuditRow.station_id == cast.oldie95))[0]
    with db.transaction() as session:
        session.execute(
            delete(AuditRow).where(AuditRow.station_id == cast.oldie95, AuditRow.seq == newest - from_the_end)
        )

    fault = chain_fault(cast.oldie95)
    assert fault is not None
    assert fault.seq == newest - from_the_end
