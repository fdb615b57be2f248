"""Copies are found by a few hundred look-ups, however many files there are."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from desk import clock, db, keeper
from desk.media import prints
from desk.media.models import PrintKey
from desk.settings import Settings
from media_store import sound_print
from media_store.sound_print import SoundPrint
from tests.desk_fixtures import add_cast
from tests.media_store import look_alikes
from tests.wall.builders import a_message, an_asset

ROWS = 120_000
FILES = 300
LIMIT_S = 0.03


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_goes_from_station_and_number_straight_to_the_files(on_both_databases: Settings) -> None:
    plan = _plan("EXPLAIN QUERY PLAN", 3)

    assert any("SEARCH print_key USING PRIMARY KEY (station_id=? AND number=?)" in line for line in plan), plan
    assert not any("SCAN print_key" in line for line in plan), plan


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_goes_from_station_and_number_straight_to_the_files(on_both_databases: Settings) -> None:
    plan = _plan("EXPLAIN", 0)

    assert any("using pk_print_key on print_key" in line for line in plan), plan
    assert any("Index Cond" in line and "station_id" in line and "number" in line for line in plan), plan
    assert not any("Seq Scan" in line for line in plan), plan


def _plan(explain: str, column: int) -> list[str]:
    with db.transaction() as session:
        station_id = add_cast(session).rheinwelle
        _fill(session, station_id, 20_000)
    with db.reading() as session:
        if explain == "EXPLAIN":
            session.execute(text("ANALYZE print_key"))
            # a small table is quickest read whole; without these the planner shows what it does with a large one
            for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "material"):
                session.execute(text(f"SET LOCAL enable_{way} = off"))
        query = prints.key_rows(session, station_id, list(range(1 << 32, (1 << 32) + 200)))
        compiled = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        return [row[column] for row in session.execute(text(f"{explain} {compiled}"))]


def _fill(session: Session, station_id: int, rows: int) -> list[int]:
    """Keys of many files, some numbers far more frequent than others, as they are."""
    message = a_message(session, station_id, kind="voice")
    ids = [an_asset(session, message.id, station_id, state="ready").id for _ in range(FILES)]
    rng = np.random.default_rng(4)
    numbers = (rng.zipf(1.3, rows) % (1 << 31)) + (1 << 32)
    pairs = {(int(number), ids[place % FILES]) for place, number in enumerate(numbers)}
    table = [{"station_id": station_id, "number": number, "asset_id": asset} for number, asset in pairs]
    session.execute(insert(PrintKey), table)
    return ids


def test_a_search_among_many_is_quick_and_finds_what_shares_keys(on_both_databases: Settings) -> None:
    voice = sound_print.take_print([look_alikes.speech(look_alikes.ADULTS[0], 1, 4.0)])
    assert voice is not None
    with db.transaction() as session:
        cast = add_cast(session)
        _fill(session, cast.rheinwelle, ROWS)
        message = a_message(session, cast.rheinwelle, kind="voice")
        one, other, elsewhere = (
            an_asset(session, message.id, station_id, state="ready", created_at=clock.now())
            for station_id in (cast.rheinwelle, cast.rheinwelle, cast.oldie95)
        )
        for asset in (one, other, elsewhere):
            prints.keep(session, asset, {prints.SOUND: voice})
    taken = []
    with db.reading() as session:
        for _ in range(5):
            start_s = time.perf_counter()
            found = prints.find_candidates(session, one, {prints.SOUND: voice}, at=clock.now())
            taken.append(time.perf_counter() - start_s)

    assert found[0] == other.id
    assert elsewhere.id not in found
    assert min(taken) <= LIMIT_S


def test_among_files_that_all_share_frequent_keys_the_newest_are_looked_at(on_both_databases: Settings) -> None:
    voice = sound_print.take_print([look_alikes.speech(look_alikes.ADULTS[0], 1, 4.0)])
    assert voice is not None
    with db.transaction() as session:
        station_id = add_cast(session).rheinwelle
        message = a_message(session, station_id, kind="voice")
        ids = [
            an_asset(session, message.id, station_id, state="ready", created_at=clock.now()).id for _ in range(FILES)
        ]
        numbers = [(1 << 32) | key for key in voice.keys]
        rows = [{"station_id": station_id, "number": one, "asset_id": asset} for asset in ids for one in numbers]
        session.execute(insert(PrintKey), rows)
        newest = an_asset(session, message.id, station_id, state="ready", created_at=clock.now())
        prints.keep(session, newest, {prints.SOUND: voice})

    with db.reading() as session:
        found = prints.find_candidates(session, newest, {prints.SOUND: voice}, at=clock.now())

    assert found == sorted(ids, reverse=True)[: prints.MOST_CANDIDATES]


def test_keys_that_no_search_looks_at_any_more_are_dropped_a_few_at_a_time(on_both_databases: Settings) -> None:
    voice = sound_print.take_print([look_alikes.speech(look_alikes.ADULTS[0], 1, 3.0)])
    assert voice is not None
    with db.transaction() as session:
        cast = add_cast(session)
        message, ids = a_message(session, cast.rheinwelle, kind="voice"), []
        for days in (200, 120, 91, 89, 0):
            born_at = clock.now() - timedelta(days=days)
            asset = an_asset(session, message.id, cast.rheinwelle, state="ready", created_at=born_at)
            prints.keep(session, asset, {prints.SOUND: voice})
            ids.append(asset.id)

    with db.transaction() as session:
        first = prints.forget_old_keys(session, at=clock.now(), most=2)
        left = _with_keys(session)
    forgotten = keeper.forget_old_keys()

    assert (first, left, forgotten) == (2, set(ids[2:]), 1)
    with db.reading() as session:
        assert _with_keys(session) == set(ids[3:])
        assert set(prints.load_prints(session, ids)) == set(ids)
    assert keeper.forget_old_keys() == 0


def _with_keys(session: Session) -> set[int]:
    return set(session.execute(select(PrintKey.asset_id)).scalars())


def test_old_keys_are_found_and_dropped_by_their_index(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        ids = _fill(session, add_cast(session).rheinwelle, 20_000)
    with db.reading() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("ANALYZE print_key"))
        finding = _explained(session, prints.oldest_with_keys(prints.OLD_AT_ONCE))
        dropping = _explained(session, prints.keys_of(ids[:3]))

    for plan in (finding, dropping):
        assert "ix_print_key_asset_id" in plan, plan
        assert "Seq Scan" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan


def _explained(session: Session, query: Any) -> str:
    sql = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
    how = "EXPLAIN" if session.get_bind().dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    return "\n".join(str(row[-1]) for row in session.execute(text(f"{how} {sql}")))


def test_prints_kept_again_take_the_place_of_older_ones(session: Session) -> None:
    cast = add_cast(session)
    asset = an_asset(session, a_message(session, cast.rheinwelle).id, cast.rheinwelle, state="ready")
    first, second = (sound_print.take_print([look_alikes.speech(look_alikes.ADULTS[0], text, 3.0)]) for text in (1, 2))
    assert first is not None
    assert second is not None

    for one in (first, second, second):
        prints.keep(session, asset, {prints.SOUND: one})

    kept = prints.load_prints(session, [asset.id])[asset.id][prints.SOUND]
    assert isinstance(kept, SoundPrint)
    assert kept.to_bytes() == second.to_bytes()
    assert len(session.query(PrintKey).all()) == len(second.keys)


def test_what_kind_of_file_is_compared_with_what() -> None:
    assert [prints.group_of(kind) for kind in ("voice", "audio", "image", "sticker", "video", "document")] == [
        "sound", "sound", "picture", "picture", "video", "file",
    ]  # fmt: skip
    assert prints.compare("sound", {}, {}).is_same is False
