"""The database: one engine per process, write transactions, column types.

`transaction()` is opened and closed by views, job bodies and commands; actions get the session and never commit.
What must happen last in a transaction (numbering events, chaining the audit) or after it (waking workers)
is left with `before_commit` and `after_commit`. SQLite is set up so that an answered webhook survives power
loss (synchronous=FULL) and so that read-then-write cannot lose an update (BEGIN IMMEDIATE).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    Engine,
    Integer,
    MetaData,
    Table,
    create_engine,
    event,
    text,
)
from sqlalchemy import exc as sql_errors
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from desk import clock
from desk.errors import Unavailable

SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
# A commit that finds the log this long (32 MB) moves it into the database itself and keeps everybody waiting;
# `keep_log_short` does it aside long before.
CHECKPOINT_PAGES = 8000
CHECKPOINT_EVERY_S = 0.5
SQLITE_BUSY_S = 10
PASSING_ON_SQLITE = ("locked", "busy", "is full", "disk I/O", "unable to open")
POSTGRES_OPTIONS = (
    "-c synchronous_commit=on -c statement_timeout=15000 "
    # A generic plan made a rare search take 300-570 ms instead of 15-20 ms.
    "-c plan_cache_mode=force_custom_plan "
    # Compiling a search took 110 to 130 ms, its own work 20 to 100 ms.
    "-c jit=off"
)

Key = BigInteger().with_variant(Integer, "sqlite")
Json = JSON().with_variant(JSONB, "postgresql")


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, stored as milliseconds: SQLite would hand timezones back naive."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else clock.to_ms(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else clock.from_ms(value)


class Busy(Unavailable):
    """The database is locked, full or away. Nothing of this transaction was written."""

    code = "db.busy"
    message = "The database is busy. Nothing was changed; please try again."


class Base(DeclarativeBase):
    """Parent of every table."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Moment, dict[str, Any]: Json, list[Any]: Json, int: Key}


Hook = Callable[[Session], None]
T = TypeVar("T")


class Database:
    """One engine with its transactions. SQLite writers of this process wait on a lock, not on the file."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.engine = _open_engine(url)
        self._one_writer = threading.Lock() if self.is_sqlite else None
        self.committed = threading.Event()  # set by every commit of this process, for the one who waits for them
        self._closed = threading.Event()
        self._checkpointer: threading.Thread | None = None
        self._disposals = 0
        event.listen(self.engine, "connect", self._note_age)
        event.listen(self.engine, "checkin", self._close_late)

    @contextmanager
    def transaction(self, *, wait_s: float = SQLITE_BUSY_S) -> Iterator[Session]:
        """One write transaction: commits at the end, rolls back on any error.

        Raises Busy after `wait_s` of waiting for other writers (SQLite), or when the database is away or full.
        """
        with _busy_said():
            if self._one_writer is None:
                with self._write(self.engine) as session:
                    yield session
                return
            if not self._one_writer.acquire(timeout=wait_s):
                raise Busy
            try:
                with self._write(self.engine.execution_options(writes=True, wait_s=wait_s)) as session:
                    yield session
            finally:
                self._one_writer.release()

    @contextmanager
    def _write(self, engine: Engine) -> Iterator[Session]:
        with Session(engine, expire_on_commit=False) as session:
            yield session
            finish(session)
            session.commit()
            self.committed.set()
            hooks = session.info.pop("after_commit", {})
        for hook in hooks.values():
            hook(session)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A read transaction: one snapshot, nothing is written. Rows keep what was loaded after it."""
        with _busy_said(), Session(self.engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    def keep_log_short(self) -> None:
        """Move SQLite's log into the database aside, so that no answer waits for it; does nothing for PostgreSQL.

        For the web process, once. Ends when the engine is disposed of.
        """
        if not self.is_sqlite:
            return

        def run() -> None:
            while not self._closed.wait(CHECKPOINT_EVERY_S):
                with suppress(sqlite3.Error, sql_errors.SQLAlchemyError), self.engine.connect() as connection:
                    raw: Any = connection.connection.driver_connection
                    raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

        self._checkpointer = threading.Thread(target=run, name="checkpoint", daemon=True)
        self._checkpointer.start()

    def dispose(self) -> None:
        """Close every connection; one that is at work in another thread closes when that thread hands it back.

        May be repeated; whoever asks again opens new ones.
        """
        self._closed.set()
        if self._checkpointer is not None:
            self._checkpointer.join(SQLITE_BUSY_S)
        self._disposals += 1
        self.engine.dispose()

    def _note_age(self, _connection: Any, record: Any) -> None:
        record.info["disposals"] = self._disposals

    def _close_late(self, _connection: Any, record: Any) -> None:
        # the pool it belonged to is gone: nobody would ever close it, and a restore would find the file in use
        if record.info.get("disposals") != self._disposals:
            record.invalidate()


def _run_hooks(session: Session, when: str) -> None:
    """Run hooks in the order of their names; one that leaves another (cards record events) sees it run, too."""
    hooks: dict[str, Hook] = session.info.get(when, {})
    while hooks:
        hooks.pop(min(hooks))(session)


@contextmanager
def _busy_said() -> Iterator[None]:
    """Faults of the engine that pass by themselves, as one of the desk's own errors."""
    try:
        yield
    except sql_errors.TimeoutError as fault:  # no connection became free
        raise Busy from fault
    except sql_errors.OperationalError as fault:
        is_sqlite = type(fault.orig).__module__.startswith("sqlite3")
        if is_sqlite and not any(words in str(fault.orig) for words in PASSING_ON_SQLITE):
            raise
        raise Busy from fault


def before_commit(session: Session, name: str, hook: Hook) -> None:
    """Run `hook` once, as late as possible inside this transaction; hooks run in the order of their names."""
    session.info.setdefault("before_commit", {}).setdefault(name, hook)


def finish(session: Session) -> None:
    """Do now what was left for the end: what is read afterwards is what will be committed. May be repeated."""
    session.flush()  # what follows from changed rows leaves its hook now
    _run_hooks(session, "before_commit")


def after_commit(session: Session, name: str, hook: Hook) -> None:
    """Run `hook` once after the commit; never if it rolled back. `hook` must not use the database."""
    session.info.setdefault("after_commit", {}).setdefault(name, hook)


def _open_engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(
            url, pool_size=10, max_overflow=10, pool_pre_ping=True, connect_args={"options": POSTGRES_OPTIONS}
        )
    engine = create_engine(url, pool_size=20, max_overflow=240, connect_args={"timeout": SQLITE_BUSY_S})

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin by itself
        for pragma in (*SQLITE_PRAGMAS, f"wal_autocheckpoint={CHECKPOINT_PAGES}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        options = connection.get_execution_options()
        if options.get("wait_s", SQLITE_BUSY_S) != connection.info.get("wait_s", SQLITE_BUSY_S):
            connection.info["wait_s"] = options.get("wait_s", SQLITE_BUSY_S)
            connection.exec_driver_sql(f"PRAGMA busy_timeout={int(connection.info['wait_s'] * 1000)}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes", False) else "BEGIN")

    return engine


def insert_if_absent(session: Session, table: Table, values: dict[str, Any], *, unique: list[str]) -> bool:
    """Insert a row unless one with the same `unique` columns is there; True if this call made it.

    The constraint decides, not a look beforehand: two workers may come at the same moment.
    """
    # asked by RETURNING: psycopg gives a row count of -1 for an insert that fills a key column
    statement = _insert_or_leave(session, table, unique).returning(*table.primary_key.columns)
    return session.execute(statement, values).first() is not None


def insert_for_id(session: Session, table: Table, values: dict[str, Any], *, unique: list[str]) -> int | None:
    """Like insert_if_absent, but gives the id of the row this call made; None if one was there."""
    made = insert_for_ids(session, table, [values], unique=unique)
    return made[0] if made else None


def insert_for_ids(session: Session, table: Table, rows: list[dict[str, Any]], *, unique: list[str]) -> list[int]:
    """Insert many rows in one statement; the ids of those that were not there, in no particular order."""
    if not rows:
        return []
    session.flush()
    statement = _insert_for_id(table, session.get_bind().dialect.name, tuple(unique))
    parameters: Any = rows[0] if len(rows) == 1 else rows
    return list(session.connection().execute(statement, parameters).scalars())


def _insert_or_leave(session: Session, table: Table, unique: list[str]) -> Any:
    return _statement(table, session.get_bind().dialect.name, tuple(unique))


@lru_cache(maxsize=64)
def _statement(table: Table, dialect: str, unique: tuple[str, ...]) -> Any:
    """Made once per table: building it anew costs as much as running it."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing(index_elements=list(unique))


@lru_cache(maxsize=64)
def _insert_for_id(table: Table, dialect: str, unique: tuple[str, ...]) -> Any:
    return _statement(table, dialect, unique).returning(table.c.id)


def add_up(session: Session, table: Table, rows: list[dict[str, Any]], *, unique: list[str], counter: str) -> None:
    """Add to a column of counting rows, in the order given; a row that is not there is made with what was to be added.

    The same order in every transaction: two that hold a row each would wait for each other.
    """
    if rows:
        statement = _adding_up(table, session.get_bind().dialect.name, tuple(unique), counter)
        session.connection().execute(statement, rows)


@lru_cache(maxsize=64)
def _adding_up(table: Table, dialect: str, unique: tuple[str, ...], counter: str) -> Any:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(table)
    more = {counter: table.c[counter] + statement.excluded[counter]}
    return statement.on_conflict_do_update(index_elements=list(unique), set_=more)


def is_durable(session: Session) -> bool:
    """Whether a commit on this connection is synced before it returns."""
    if session.get_bind().dialect.name == "sqlite":
        return bool(session.execute(text("PRAGMA synchronous")).scalar_one() >= 2)
    return bool(session.execute(text("SHOW synchronous_commit")).scalar_one() in ("on", "remote_apply"))


_current: Database | None = None


def use(database: Database) -> None:
    """Make this the database of the process; called by the factory (and by tests)."""
    global _current
    _current = database


def current() -> Database:
    if _current is None:
        raise RuntimeError("the database is open after desk.opening.open_house")
    return _current


@contextmanager
def transaction(*, wait_s: float = SQLITE_BUSY_S) -> Iterator[Session]:
    with current().transaction(wait_s=wait_s) as session:
        yield session


@contextmanager
def reading() -> Iterator[Session]:
    with current().reading() as session:
        yield session
