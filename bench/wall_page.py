"""The wall's first page at 1,000,000 cards against the same page at 1,000, over HTTP, on SQLite and PostgreSQL.

Both databases are filled by a few bulk statements and asked in turn, so that a busy machine slows both alike. The
bar (ratio 1.5) says that a wall does not get slower with the years.
"""

from __future__ import annotations

import contextlib
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from bench import _choices
from bench.figures import Figure, judge
from desk import clock, db, factory, schema
from desk.people import actions as people
from desk.settings import Settings, load_settings
from desk.wall import forms, queries, tallies, triage
from desk.wall.models import Word
from desk.wall.rules import fold
from desk.wall.spelling import bare, words_of
from tests import servers

FEW, MANY = 1_000, 1_000_000
TIMES = 60
LIMIT = 1.5
PAGES = {
    "first page": "/api/v1/cards",
    "first page of new voices": "/api/v1/cards?state=new&kind=voice",
    "first page of a search": "/api/v1/cards?text=st%C3%A4ndchen",
    "first page of a search with a slip": "/api/v1/cards?text=Gebrutstag%20Oma",
}
SEARCH_LIMIT = 5.0  # a frequent word; rare ones cost the same at any size
SEARCHES = {
    "a frequent word": "staendchen",
    "a rare word": "dedepuka",
    "a frequent and a rare word": "oma dedepuka",
    "a word without its umlaut": "standchen koln",
    "a frequent word with a slip": "Gebrutstag",
    "a rare word with a slip": "dedepukt",
    "a word that is nowhere": "Xylophonkonzert",
    "a word of an old season": "Weihnachten",
    "a word of an old season with a slip": "Weihnahcten",
    "a word of a long season": "Frühling",
    "a word of a long season with a slip": "Frühlnig",
    "a part of a word of a long season": "ruhlin",
    "words of two seasons, never on one card": "Weihnachten Ostereier",
    "a part of many words": "kapuno",
    "a frequent word and one that is nowhere": "oma staenden",
}
AMONG = {
    "a frequent word among the aired": "text=oma&state=aired",
    "a rare word among the rejected": "text=dedepuka&state=rejected",
    "a word of an old season among those who never said it": "text=Weihnachten&sender=new",
    "a frequent word in a campaign where it never stands": "text=geburtstag&campaign=1",
    "a word of a long season in a campaign": "text=fr%C3%BChling&campaign=1",
    "a word of a long season among the aired": "text=fr%C3%BChling&state=aired",
    "a word of a long season among those who never said it": "text=fr%C3%BChling&sender=new",
}
SEARCH_LIMIT_MS = 150.0
FILTERS = {
    "senders known before": "sender=known",
    "senders known before, new, voices": "sender=known&state=new&kind=voice",
    "consent refused long ago": "consent=refused",
    "long recordings with a remark": "length=long&quality=remark",
    "new senders of a day": "sender=new&time=hour",
}
FILTER_LIMIT_MS = 30.0
WORDS = "Ein Ständchen für Oma Helga aus Köln, Nummer"
SYLLABLES = dict(zip("0123456789", ("ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "pu"), strict=True))
SEASONS = {"weihnachten": (20, 25), "ostereier": (30, 34), "fruehling": (40, 55)}  # percent, from the oldest on
VOCABULARY = 200_003  # rare words, as names and slips make them; prime, so that they stand all over the wall


@dataclass(frozen=True)
class Wall:
    """A filled database with a signed-in producer's browser."""

    database: db.Database
    client: FlaskClient

    def ask_ms(self, path: str, *, least: int = 60) -> float:
        db.use(self.database)
        started = time.perf_counter()
        answer = self.client.get(path)
        took_ms = (time.perf_counter() - started) * 1000
        if answer.status_code != 200 or len(answer.get_json()["cards"]) < least:
            raise RuntimeError(f"{path} answered {answer.status_code}")
        return took_ms


def run() -> list[Figure]:
    figures = []
    with tempfile.TemporaryDirectory(prefix="desk-bench-") as folder:
        urls = [f"sqlite:///{folder}/{cards}.db" for cards in (FEW, MANY)]
        figures += compare("SQLite", Path(folder), urls)
    with tempfile.TemporaryDirectory(prefix="desk-bench-") as folder, postgres() as server:
        if server is not None:
            figures += compare("PostgreSQL", Path(folder), [server.create_database() for _ in range(2)])
    return figures


@contextlib.contextmanager
def postgres() -> Iterator[servers.Postgres | None]:
    """A server of our own; None where there is none to start."""
    try:
        context = servers.postgres()
        server = context.__enter__()
    except servers.ServerMissing as missing:
        print(missing, file=sys.stderr)
        yield None
        return
    try:
        yield server
    finally:
        context.__exit__(None, None, None)


def compare(
    engine: str, folder: Path, urls: list[str], *, sizes: tuple[int, int] = (FEW, MANY), times: int = TIMES
) -> list[Figure]:
    """Fill two empty databases and ask both for every page in turn; a row per page."""
    base = load_settings({"DESK_MODE": "rehearsal", "DESK_DATA_DIR": str(folder), "DESK_BIND": "127.0.0.1:8080"})
    app = _open_app(replace(base, database_url=urls[0]))
    walls = []
    for url, cards in zip(urls, sizes, strict=True):
        database = db.Database(url)
        started = time.monotonic()
        schema.migrate(database)
        token = fill(database, cards)
        print(f"{engine}: {cards:,} cards in {time.monotonic() - started:.1f} s", file=sys.stderr)
        client = app.test_client()
        with client.session_transaction() as cookie:
            cookie["token"] = token
        walls.append(Wall(database, client))
    gc.collect()
    gc.freeze()  # what filling left behind is no desk's: looking through it would be measured with one page or another
    figures = [_measure(engine, name, path, *walls, times) for name, path in PAGES.items()]
    figures += [_filter(engine, name, query, walls[-1], times // 3) for name, query in FILTERS.items()]
    figures.append(_pile(engine, walls[-1], times // 3))
    figures += _choices.measure(engine, walls[-1].database, 1, times=max(1, times // 20), step=1 if times > 1 else 15)
    searches = {name: f"text={quote(words)}" for name, words in SEARCHES.items()} | AMONG
    figures += [_search(engine, name, query, walls[-1], times // 3) for name, query in searches.items()]
    gc.unfreeze()
    for wall in walls:
        wall.database.dispose()
    return figures


def _open_app(settings: Settings) -> Flask:
    """The desk's pages; which database they read is said before each question."""
    empty = db.Database(settings.database_url)
    schema.migrate(empty)
    empty.dispose()
    app = factory.create_app(settings)
    app.extensions["desk.relay"].stop(wait_s=30.0)  # its connection would outlive the database
    db.current().dispose()
    return app


def _measure(engine: str, name: str, path: str, few: Wall, many: Wall, times: int) -> Figure:
    for wall in (few, many) * 5:
        wall.ask_ms(path)
    gc.collect()
    taken = [(few.ask_ms(path), many.ask_ms(path)) for _ in range(times)]
    bare, figure = (statistics.median(column) for column in zip(*taken, strict=True))
    limit = SEARCH_LIMIT if "search" in name else LIMIT
    return judge(f"wall: {name} at 1,000,000 cards ({engine})", figure, "ms", bare=bare, limit=limit)


def _search(engine: str, name: str, query: str, many: Wall, times: int) -> Figure:
    """The slowest of some: whoever types waits for each."""
    path = f"/api/v1/cards?{query}"
    # among a few a word need not stand in the state that is asked for
    least = 0 if "nowhere" in name or "never" in name or times == 0 else 1
    taken = [many.ask_ms(path, least=least) for _ in range(max(3, times))]
    name = f"wall: search for {name} at 1,000,000 cards ({engine})"
    return judge(name, max(taken), "ms", limit=SEARCH_LIMIT_MS)


def _filter(engine: str, name: str, query: str, many: Wall, times: int) -> Figure:
    """What the database takes for a page's ids and the numbers beside the choices; the rest is as on any page."""
    db.use(many.database)
    station_id, taken = 1, []
    for _ in range(max(3, times)):
        at = clock.now()
        wanted, _cursor, _limit = forms.read_filter(dict(parse_qsl(query)), _choices.ASKER, at=at)
        with db.reading() as session:
            started = time.perf_counter()
            queries.list_ids(session, station_id, wanted, None, queries.PAGE + 1, at)
            tallies.facet_counts(session, station_id, wanted, at=at)
            taken.append((time.perf_counter() - started) * 1000)
    name = f"wall: filter for {name} with its numbers at 1,000,000 cards ({engine})"
    return judge(name, statistics.median(taken), "ms", limit=FILTER_LIMIT_MS)


def _pile(engine: str, many: Wall, times: int) -> Figure:
    """What a run asks for again and again: its next cards, and how many are left."""
    db.use(many.database)
    taken = []
    for _ in range(max(3, times)):
        with db.reading() as session:
            started = time.perf_counter()
            triage.take_stack(session, 1, by=1, at=clock.now())
            triage.count_remaining(session, 1, by=1, at=clock.now())
            taken.append((time.perf_counter() - started) * 1000)
    name = f"wall: a run's next cards with the numbers left at 1,000,000 cards ({engine})"
    return judge(name, statistics.median(taken), "ms", limit=FILTER_LIMIT_MS)


def fill(database: db.Database, cards: int) -> str:
    """Fill an empty database; the token of a session in which a producer is signed in."""
    db.use(database)
    at = clock.now()
    with db.transaction() as session:
        station = people.add_station(session, "rheinwelle", "Radio Rheinwelle", at=at)
        nia = people.add_person(session, "nia@example.org", "Nia", at=at)
        people.give_role(session, nia, station, "producer", by=None, at=at)
        token = people.sign_in_by_link(session, people.make_link(session, nia, at=at), at=at)
    lite = database.is_sqlite
    values = {
        "cards": cards,
        "campaigns": 2,
        "listeners": max(1, cards // 20),
        "now": clock.to_ms(at),
        "folded": fold(WORDS),
    }
    with without_checks(database) as connection:
        search = _put_search_aside(connection, lite)
        for statement in _statements(lite):
            connection.execute(text(statement), values)
        connection.execute(Word.metadata.tables["word"].insert(), _words(cards))
        for statement in search:
            connection.exec_driver_sql(statement)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not lite:
            connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("ANALYZE")
    return token


@contextlib.contextmanager
def without_checks(database: db.Database) -> Iterator[Connection]:
    """A write transaction in which keys to other tables are not looked up: the rows are our own."""
    with database.engine.execution_options(writes=True).connect() as connection:
        raw: Any = connection.connection.driver_connection
        if database.is_sqlite:
            raw.execute("PRAGMA foreign_keys = OFF")
        with connection.begin():
            yield connection
        if database.is_sqlite:
            raw.execute("PRAGMA foreign_keys = ON")


def _rare(number: int) -> str:
    return "".join(SYLLABLES[digit] for digit in str(number))


def _words(cards: int) -> list[dict[str, Any]]:
    """The words of all these cards with their counts, as the desk keeps them."""
    counted = dict.fromkeys(words_of(fold(WORDS)), cards)
    counted["geburtstag"] = sum(n % 10 == 3 for n in range(1, cards + 1))
    for word, (first, last) in SEASONS.items():
        counted[word] = sum(cards * first < n * 100 <= cards * last for n in range(1, cards + 1))
    for n in range(VOCABULARY):
        amount = cards // VOCABULARY + (0 < n <= cards % VOCABULARY) if cards >= VOCABULARY else int(0 < n <= cards)
        if amount and (kept := words_of(_rare(n))):
            counted[min(kept)] = amount
    return [
        {"station_id": 1, "word": word, "bare": bare(word), "mirrored": bare(word)[::-1], "cards": amount}
        for word, amount in sorted(counted.items())
    ]


def _put_search_aside(connection: Connection, lite: bool) -> list[str]:
    """Take the search index off, as a restore does; the statements that build it again at once."""
    if not lite:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # our own rows: keys need no check
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '256MB'")
        made = "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_card_folded_trigram'"
        again = connection.exec_driver_sql(made).scalar_one()
        connection.exec_driver_sql("DROP INDEX ix_card_folded_trigram")
        return [again]
    connection.exec_driver_sql("PRAGMA cache_size = -400000")
    triggers = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
    for name, _sql in triggers:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    return ["INSERT INTO card_ft(card_ft) VALUES ('rebuild')", *(sql for _name, sql in triggers)]


def _statements(lite: bool) -> list[str]:
    """Bulk inserts. A card in ten has a voice with a preview; one in twenty is shortlisted, half are rejected."""

    def upto(name: str) -> str:
        if lite:
            return (
                f"(WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < :{name}) SELECT n FROM g)"
            )
        return f"(SELECT n FROM generate_series(1, :{name}) AS g(n))"

    json = "'{}'" if lite else "CAST('{}' AS jsonb)"
    no, sent = ("0", "1") if lite else ("false", "true"), ":now - (:cards - n) * 1000"
    said = f"'{WORDS} ' || n"
    kind = (
        "CASE WHEN n % 10 = 0 THEN 'voice' WHEN n % 20 = 5 THEN 'image' WHEN n % 500 = 7 THEN 'video' ELSE 'text' END"
    )
    state = (
        "CASE WHEN n % 2000 = 41 AND n < :cards / 2 THEN 'aired' WHEN n % 20 = 1 THEN 'shortlisted'"
        " WHEN n % 2 = 1 THEN 'rejected' ELSE 'new' END"
    )
    rare = f"CAST(n % {VOCABULARY} AS TEXT)"
    for digit, syllable in SYLLABLES.items():
        rare = f"replace({rare}, '{digit}', '{syllable}')"
    seasons = "".join(
        f" || CASE WHEN n * 100 > :cards * {first} AND n * 100 <= :cards * {last} THEN ' {word}' ELSE '' END"
        for word, (first, last) in SEASONS.items()
    )
    folded = f":folded{seasons} || CASE WHEN n % 10 = 3 THEN ' geburtstag ' ELSE ' ' END || {rare}"
    facet = (
        "CASE WHEN n <= :listeners THEN 'n' ELSE 'k' END"
        " || CASE WHEN n % 5000 = 7 AND n < :cards / 2 THEN 'r' WHEN n % 40 = 1 THEN 'g' ELSE 'o' END"
        " || CASE WHEN n % 1000 = 0 THEN 'l' WHEN n % 10 = 0 THEN 'm' ELSE 's' END"
        " || CASE WHEN n % 3000 = 0 THEN 'r' WHEN n % 10 = 0 THEN 'f' ELSE '-' END"
    )
    # most are German, one in fifty Turkish, and Polish was written long ago
    language = (
        "CASE WHEN n % 10 = 0 OR n % 20 = 5 THEN NULL WHEN n % 50 = 3 THEN 'tr'"
        " WHEN n % 5000 = 11 AND n < :cards / 2 THEN 'pl' WHEN n % 3 > 0 THEN 'de' END"
    )
    consent = "CASE WHEN n % 5000 = 7 AND n < :cards / 2 THEN 'refused' WHEN n % 40 = 1 THEN 'given' ELSE 'unknown' END"
    campaign = "CASE WHEN n % 4 = 0 AND n < :cards / 2 THEN 1 WHEN n % 3 = 0 THEN 2 END"
    held = "CASE WHEN n > :cards - 200 AND n % 10 = 2 THEN {} END"
    false = no[0]
    sequences = ["listener", "campaign", "message", "card", "asset"]
    fills = [
        f"INSERT INTO listener (id, station_id, alias, first_name, place, hue, message_count, first_seen_at,"
        f" last_seen_at)"
        f" SELECT n, 1, 'Amsel ' || n, 'Ada', 'Köln', n % 24, 20, :now, :now FROM {upto('listeners')} AS s",
        f"INSERT INTO channel (id, station_id, public_id, kind, name, number_id, display_number, secrets_sealed,"
        f" settings, media_faults, created_at) VALUES"
        f" (1, 1, 'hook', 'whatsapp_cloud', 'WhatsApp', '1', '', '', {json}, 0, :now)",
        f"INSERT INTO conversation (id, station_id, channel_id, listener_id)"
        f" SELECT n, 1, 1, n FROM {upto('listeners')} AS s",
        f"INSERT INTO message (id, station_id, channel_id, conversation_id, listener_id, direction, kind, text,"
        f" details, provider_lookup, is_forwarded, is_frequently_forwarded, sent_at, received_at)"
        f" SELECT n, 1, 1, 1 + n % :listeners, 1 + n % :listeners, 'in', {kind}, {said}, {json}, 'p' || n, {false},"
        f" {false}, {sent}, {sent} FROM {upto('cards')} AS s",
        f"INSERT INTO campaign (id, station_id, name, keywords, hue, icon, opens_at, version, entries, taken_out,"
        f" created_at) SELECT n, 1, 'Muttertag ' || n, '', 0, 'campaign', :now, 1, 0, 0, :now FROM {upto('campaigns')}"
        f" AS s",
        f"INSERT INTO card (id, station_id, message_id, listener_id, kind, state, version, placed_at, is_late, consent,"
        f" about, pronunciation, note, folded, facet, language, campaign_id, claimed_by_id, claimed_until)"
        f" SELECT n, 1, n, 1 + n % :listeners, {kind}, {state}, 1, {sent}, {false}, {consent}, '', '', '',"
        f" {folded}, {facet}, {language}, {campaign}, {held.format(1)}, {held.format(':now + 3600000')}"
        f" FROM {upto('cards')} AS s",
        f"INSERT INTO asset (id, station_id, message_id, kind, is_voice, state, facts, created_at)"
        f" SELECT n, 1, n, 'voice', {no[1]}, 'ready', {json}, :now FROM {upto('cards')} AS s WHERE n % 10 = 0",
        "INSERT INTO rendition (station_id, asset_id, profile, mime, key, bytes, sha256, recipe_version,"
        " original_sha256, settings, begins_s, created_at)"
        " SELECT 1, id, 'preview', 'audio/mpeg', 'k/' || id, 10, 'a', 1, 'a', '', 0, :now FROM asset",
        "INSERT INTO card_count (station_id, state, kind, facet, cards)"
        " SELECT station_id, state, kind, facet, count(*) FROM card GROUP BY station_id, state, kind, facet",
        "INSERT INTO language_count (station_id, language, state, kind, facet, cards)"
        " SELECT station_id, language, state, kind, facet, count(*) FROM card WHERE language IS NOT NULL"
        " GROUP BY station_id, language, state, kind, facet",
    ]
    if not lite:
        fills += [f"SELECT setval('{name}_id_seq', (SELECT max(id) FROM {name}))" for name in sequences]
    return fills
