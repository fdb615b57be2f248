"""Finding the copies of one new file among 1,000,000 against the same among 1,000, on SQLite and PostgreSQL.

Both databases are filled by a few bulk statements and asked in turn, so that a busy machine slows both alike. A voice
note has 32 keys; 10 are filled for each file, as 32 take several minutes. Any two voices share a key as often as
spoken sentences of different people do. One of the million files is a copy of the new one, and must be found.
"""

from __future__ import annotations

import gc
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import text

from bench import wall_page
from bench.figures import Figure, judge
from desk import clock, db, schema
from desk.media import prints
from desk.media.models import Asset
from desk.people.models import Station
from media_store import sound_print
from media_store.sound_print import SoundPrint
from tests.media_store import look_alikes

FEW, MANY = 1_000, 1_000_000
KEYS = 10
DIFFERENT = 3_850  # unequal voices share 0.27 of 32 keys on average: as if each chose among so many
TIMES = 40
LIMIT_MS = 30.0
SECONDS = 17
COPY_IS_BACK = 700  # files that came between the two copies, half of them where there are fewer


@dataclass(frozen=True)
class Archive:
    """A filled database, the file whose copies are looked for, and the one copy there is."""

    database: db.Database
    asset_id: int
    copy_id: int

    def ask_ms(self) -> float:
        """As the desk does: find the candidates, then compare their prints."""
        db.use(self.database)
        started_s = time.perf_counter()
        with db.reading() as session:
            question = prints.ask(session, session.get_one(Asset, self.asset_id), at=clock.now())
        found = prints.answer(question)
        took_ms = (time.perf_counter() - started_s) * 1000
        if [twin.asset_id for twin in found] != [self.copy_id]:
            raise RuntimeError(f"found {found}")
        return took_ms


def run() -> list[Figure]:
    figures = []
    with tempfile.TemporaryDirectory(prefix="desk-bench-") as folder:
        figures += compare("SQLite", [f"sqlite:///{Path(folder)}/{files}.db" for files in (FEW, MANY)])
    with wall_page.postgres() as server:
        if server is not None:
            figures += compare("PostgreSQL", [server.create_database() for _ in range(2)])
    return figures


def compare(engine: str, urls: list[str], *, sizes: tuple[int, int] = (FEW, MANY), times: int = TIMES) -> list[Figure]:
    """Fill two empty databases and ask both in turn: the time among many, and its ratio to that among few."""
    archives = []
    for url, files in zip(urls, sizes, strict=True):
        database = db.Database(url)
        started_s = time.monotonic()
        schema.migrate(database)
        archives.append(_fill(database, files))
        print(f"{engine}: {files:,} files in {time.monotonic() - started_s:.1f} s", file=sys.stderr)
    few, many = archives
    for archive in (few, many) * 5:
        archive.ask_ms()
    gc.collect()
    taken = [(few.ask_ms(), many.ask_ms()) for _ in range(times)]
    bare, figure = (statistics.median(column) for column in zip(*taken, strict=True))
    for archive in archives:
        archive.database.dispose()
    name = f"copies of one file among 1,000,000 ({engine})"
    return [judge(name, figure, "ms", limit=LIMIT_MS), judge(f"{name}, against 1,000", figure, "ms", bare=bare)]


def _voice() -> SoundPrint:
    taken = sound_print.take_print([look_alikes.speech(look_alikes.ADULTS[0], 1, SECONDS)])
    if taken is None:
        raise RuntimeError("a voice without a print")
    return replace(taken, keys=tuple(range(0, DIFFERENT, DIFFERENT // len(taken.keys)))[: len(taken.keys)])


def _fill(database: db.Database, files: int) -> Archive:
    """Fill an empty database; the newest file is the one that is looked for."""
    db.use(database)
    with db.transaction() as session:
        session.add(Station(slug="rheinwelle", name="Radio Rheinwelle", mark="RR", created_at=clock.now()))
    voice, space = _voice(), prints.SPACES["sound", prints.SOUND] << prints.KEY_BITS
    values = {"files": files, "space": space, "now": clock.to_ms(clock.now())}
    with wall_page.without_checks(database) as connection:
        if database.is_sqlite:
            connection.exec_driver_sql("PRAGMA cache_size = -1000000")
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # our own rows
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql("SET LOCAL work_mem = '512MB'")
        connection.exec_driver_sql("DROP INDEX ix_print_key_asset_id")
        for statement in _statements(database.is_sqlite):
            connection.execute(text(statement), values)
        connection.exec_driver_sql("CREATE INDEX ix_print_key_asset_id ON print_key (asset_id)")
    archive = Archive(database, files, files - min(COPY_IS_BACK, files // 2))
    with db.transaction() as session:
        for asset_id in (archive.copy_id, archive.asset_id):
            prints.keep(session, session.get_one(Asset, asset_id), {prints.SOUND: voice})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    return archive


def _statements(lite: bool) -> list[str]:
    """Bulk inserts: a channel's one long conversation, a voice for each message, keys for each voice."""

    def upto(most: str) -> str:
        if lite:
            return f"(WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < {most}) SELECT n FROM g)"
        return f"(SELECT n FROM generate_series(1, {most}) AS g(n))"

    json, yes = ("'{}'", "1") if lite else ("CAST('{}' AS jsonb)", "true")
    number = f"abs(random()) % {DIFFERENT}" if lite else f"CAST(floor(random() * {DIFFERENT}) AS bigint)"
    return [
        "INSERT INTO asset (id, station_id, message_id, kind, is_voice, state, facts, original_sha256, created_at)"
        f" SELECT n, 1, n, 'voice', {yes}, 'ready', {json}, 'sha' || n, :now FROM {upto(':files')} AS s",
        "INSERT INTO print_key (station_id, number, asset_id)"
        f" SELECT DISTINCT 1, :space + {number} AS k, s.n FROM {upto(':files')} AS s"
        f" CROSS JOIN {upto(str(KEYS))} AS j(n) ORDER BY 2, 3".replace(" AS j(n)", " AS j"),
    ]
