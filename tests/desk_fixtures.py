"""The desk for tests: a migrated database, an open house, and a cast of people instead of anonymous rows.

Nia produces, Sam presents, Edith edits, Omar administers and Vera may see nothing; all but Vera work for
Radio Rheinwelle, and Nia's colleague Otto produces for Oldie 95. Listeners are Ada, Bo and Chi.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import event
from sqlalchemy.orm import Session

from desk import clock, db, factory, schema
from desk.jobs import work
from desk.people import actions as people
from desk.people.models import Person, Station
from desk.settings import Settings, load_settings
from tests.servers import Postgres

SIX = datetime(2026, 11, 19, 5, 0, tzinfo=UTC)  # Thursday, 6:00 in Cologne


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty desk database, migrated once; tests copy it."""
    path = tmp_path_factory.mktemp("schema") / "desk.db"
    database = db.Database(f"sqlite:///{path}")
    schema.migrate(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: Postgres) -> str:
    """An empty desk database on PostgreSQL, migrated once; tests copy it."""
    url = postgres_server.create_database()
    database = db.Database(url)
    schema.migrate(database)
    database.dispose()
    return url


@pytest.fixture
def migrated_postgres_copy(postgres_server: Postgres, migrated_postgres: str) -> Iterator[str]:
    url = postgres_server.create_database(migrated_postgres)
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def settings(tmp_path: Path, migrated_sqlite: Path) -> Settings:
    """Settings of an embedded desk in a folder of its own, its SQLite database migrated."""
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    shutil.copy(migrated_sqlite, data_dir / "desk.db")
    return load_settings({"DESK_MODE": "rehearsal", "DESK_DATA_DIR": str(data_dir), "DESK_BIND": "127.0.0.1:8080"})


@pytest.fixture
def house(settings: Settings) -> Iterator[Settings]:
    """An open house: settings, database, store and queue are current in this process."""
    factory.open_house(settings)
    yield settings
    db.current().dispose()


@pytest.fixture
def on_both_databases(request: pytest.FixtureRequest, settings: Settings, database_url: str) -> Iterator[Settings]:
    """An open house on SQLite, then on PostgreSQL; both are copies of a database migrated once."""
    from dataclasses import replace

    if database_url.startswith("sqlite"):
        shutil.copy(request.getfixturevalue("migrated_sqlite"), database_url.removeprefix("sqlite:///"))
    else:
        database_url = request.getfixturevalue("migrated_postgres_copy")
    factory.open_house(replace(settings, database_url=database_url))
    schema.migrate(db.current())
    yield settings
    db.current().dispose()


@pytest.fixture
def session(house: Settings) -> Iterator[Session]:
    """One write transaction around the test."""
    with db.transaction() as open_session:
        yield open_session


@dataclass(frozen=True)
class Cast:
    """Ids of the people and stations every test knows."""

    rheinwelle: int
    oldie95: int
    nia: int
    sam: int
    edith: int
    omar: int
    vera: int
    otto: int


ROLES = {"nia": "producer", "sam": "presenter", "edith": "editor", "omar": "admin"}


def add_cast(session: Session) -> Cast:
    """Add the cast to an empty database."""
    rheinwelle = people.add_station(session, "rheinwelle", "Radio Rheinwelle", at=SIX)
    oldie95 = people.add_station(session, "oldie95", "Oldie 95", at=SIX)
    ids = {name: _add(session, name, rheinwelle, role).id for name, role in ROLES.items()}
    vera = people.add_person(session, "vera@example.org", "Vera", at=SIX)
    otto = _add(session, "otto", oldie95, "producer")
    return Cast(rheinwelle=rheinwelle.id, oldie95=oldie95.id, vera=vera.id, otto=otto.id, **ids)


def _add(session: Session, name: str, station: Station, role: str) -> Person:
    person = people.add_person(session, f"{name}@example.org", name.title(), at=SIX)
    people.give_role(session, person, station, role, by=None, at=SIX)
    return person


@pytest.fixture
def cast(house: Settings) -> Cast:
    with db.transaction() as open_session:
        return add_cast(open_session)


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """What Jinja made of the templates, for the applications of this run: each would compile them anew."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def app(house: Settings, compiled_templates: FileSystemBytecodeCache) -> Iterator[Flask]:
    """The web application on the open house."""
    made = factory.create_app(house)
    made.jinja_env.bytecode_cache = compiled_templates
    made.config["WTF_CSRF_ENABLED"] = True
    yield made
    made.extensions["desk.relay"].stop()
    made.extensions["desk.sockets"].presence.stop()
    db.current().dispose()


class Browser:
    """A signed-in person's browser without a window: sends the page's token with every change."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self._token: str | None = None

    def get(self, path: str, **kwargs: Any) -> Any:
        return self.client.get(path, **kwargs)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> Any:
        return self.client.post(path, json={} if body is None else body, headers=self._headers(), **kwargs)

    def delete(self, path: str, **kwargs: Any) -> Any:
        return self.client.delete(path, headers=self._headers(), **kwargs)

    def cookie(self, address: str) -> dict[str, str]:
        """The session, for a page in a real browser at this address: it need not go through the door each time."""
        kept = self.client.get_cookie("desk")
        assert kept is not None
        return {"name": "desk", "value": kept.value, "url": address}

    def _headers(self) -> dict[str, str]:
        if self._token is None:
            from flask_wtf.csrf import generate_csrf

            with self.client.application.test_request_context(), self.client.session_transaction() as cookie:
                from flask import g, session

                session.update(cookie)
                self._token = generate_csrf()
                cookie.update(session)
                g.pop("csrf_token", None)
        return {"X-CSRFToken": self._token, "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def sign_in(app: Flask, cast: Cast) -> Callable[[str], Browser]:
    """`sign_in("nia")` gives a browser in which Nia is signed in at her station."""

    def enter(name: str) -> Browser:
        with db.transaction() as open_session:
            person = open_session.get_one(Person, getattr(cast, name))
            token = people.sign_in_by_link(
                open_session, people.make_link(open_session, person, at=clock.now()), at=clock.now()
            )
        client = app.test_client()
        with client.session_transaction() as cookie:
            cookie["token"] = token
        return Browser(client)

    return enter


@contextmanager
def statements(about: str = "") -> Iterator[list[tuple[str, Any]]]:
    """What is asked of the database meanwhile, by anybody, with its values; `about`: only what this pattern finds."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, values: object, *_more: object) -> None:
        if re.search(about, statement):
            seen.append((statement, values))

    engine = db.current().engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def run_jobs() -> Callable[[], int]:
    """Runs what is due, in this process, until nothing is due."""
    return work.run_due
