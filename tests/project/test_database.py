"""Closing the database closes all of it, also what another thread has in its hands at that moment."""

from __future__ import annotations

import threading
from typing import Any

import psycopg

from desk import db
from desk.settings import Settings


def _is_closed(raw: Any) -> bool:
    if isinstance(raw, psycopg.Connection):
        return raw.closed
    try:
        raw.execute("SELECT 1")
    except Exception as fault:  # noqa: BLE001  # the driver's own class says it in words only
        return "closed" in str(fault)
    return False


def test_a_connection_in_use_is_closed_when_it_comes_back(on_both_databases: Settings) -> None:
    database = db.current()
    in_use = database.engine.connect()
    raw = in_use.connection.driver_connection

    database.dispose()
    assert not _is_closed(raw), "whoever works with it is not disturbed"
    in_use.close()

    assert _is_closed(raw)


def test_whoever_asks_after_the_closing_gets_a_connection_that_is_kept(on_both_databases: Settings) -> None:
    database = db.current()
    database.dispose()

    with database.engine.connect() as first:
        raw = first.connection.driver_connection

    assert not _is_closed(raw)
    with database.engine.connect() as second:
        assert second.connection.driver_connection is raw


def test_the_keeper_of_the_log_ends_with_the_database(on_both_databases: Settings) -> None:
    database = db.current()
    before = set(threading.enumerate())
    database.keep_log_short()
    started = set(threading.enumerate()) - before

    database.dispose()

    assert len(started) == (1 if database.is_sqlite else 0)
    assert not any(thread.is_alive() for thread in started)
