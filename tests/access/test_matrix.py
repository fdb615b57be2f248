"""The authorisation matrix: every address, asked as everybody, for the own and for another station's objects.

Addresses and permissions are data (matrix.toml); an address without a row, or a row without an address, fails. A
refusal must leave the database as it was, which SQLite's data_version tells to the commit.
"""

from __future__ import annotations

import shutil
import sqlite3
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from desk import clock, db, factory, identity
from desk.people import actions as people
from desk.people.models import Person, StaffSession, Station
from desk.people.rules import ROLES
from desk.settings import load_settings
from desk.web import access
from desk.web.sockets import socketio
from tests.access.objects import BUILDERS, Built
from tests.desk_fixtures import SIX, Browser

HERE = Path(__file__).parent
MATRIX: dict[str, dict[str, Any]] = tomllib.loads((HERE / "matrix.toml").read_text(encoding="utf-8"))
SOCKETS = MATRIX.pop("sockets")
ASKED = {name: row for name, row in MATRIX.items() if "skip" not in row}
OUTSIDERS = ("anonymous", "disabled", "stationless")
WHO = (*OUTSIDERS, *ROLES, "operator")


@dataclass(frozen=True)
class House:
    """A running desk with one person of each role, each with a browser."""

    app: Flask
    path: Path
    own: int
    foreign: int
    browsers: dict[str, Browser]


@pytest.fixture(scope="module")
def open_desk(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("matrix")
    shutil.copy(migrated_sqlite, folder / "desk.db")
    settings = load_settings({"DESK_MODE": "rehearsal", "DESK_DATA_DIR": str(folder), "DESK_BIND": "127.0.0.1:8080"})
    app = factory.create_app(settings)
    with db.transaction() as session:
        own = people.add_station(session, "rheinwelle", "Radio Rheinwelle", at=SIX)
        foreign = people.add_station(session, "oldie95", "Oldie 95", at=SIX)
        tokens = {who: _token(session, who, own) for who in WHO if who != "anonymous"}
        stations = own.id, foreign.id
    browsers = {who: _browser(app, tokens.get(who)) for who in WHO}
    with db.transaction() as session:
        person = people.queries.find_person(session, "disabled@example.org")
        assert person is not None
        person.disabled_at = clock.now()
    yield House(app, folder / "desk.db", *stations, browsers)
    app.extensions["desk.relay"].stop()
    db.current().dispose()


def _token(session: Any, who: str, station: Station) -> str:
    person: Person = people.add_person(session, f"{who}@example.org", who.title(), at=SIX)
    if who in ROLES or who == "disabled":
        people.give_role(session, person, station, "producer" if who == "disabled" else who, by=None, at=SIX)
    person.is_operator = who == "operator"
    return people.sign_in_by_link(session, people.make_link(session, person, at=clock.now()), at=clock.now())


def _browser(app: Flask, token: str | None) -> Browser:
    client = app.test_client()
    if token is not None:
        with client.session_transaction() as cookie:
            cookie["token"] = token
    return Browser(client)


# --- the lists match ------------------------------------------------------------------------------------------------


def test_every_address_has_a_row_and_every_row_an_address(open_desk: House) -> None:
    assert {rule.endpoint for rule in open_desk.app.url_map.iter_rules()} == set(MATRIX)


def test_every_socket_event_has_a_row_and_every_row_an_event(open_desk: House) -> None:
    assert {name for handlers in socketio.server.handlers.values() for name in handlers} == set(SOCKETS)


@pytest.mark.parametrize("endpoint", MATRIX)
def test_every_view_has_the_guard_of_its_row(open_desk: House, endpoint: str) -> None:
    guard = access.guard_of(open_desk.app.view_functions[endpoint])

    assert (guard or access.PUBLIC if endpoint == "static" else guard) == MATRIX[endpoint]["permission"]


# --- and everybody gets what is theirs -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    status: int
    location: str
    changed: bool


def ask(house: House, who: str, row: dict[str, Any], made: dict[str, Built]) -> Asked:
    path = _filled(row["path"], made)
    browser, method = house.browsers[who], row.get("method", "GET")
    headers = {} if method == "GET" else browser._headers()
    _mark_all_seen()
    watch = sqlite3.connect(house.path)
    before = watch.execute("PRAGMA data_version").fetchone()
    body = None if method == "GET" else _filled(row.get("body", {}), made)
    answer = browser.client.open(path, method=method, json=body, headers=headers)
    after = watch.execute("PRAGMA data_version").fetchone()
    watch.close()
    answer.close()
    return Asked(answer.status_code, answer.headers.get("Location", ""), before != after)


def _mark_all_seen() -> None:
    """Sessions note once a minute that they are used; on a slow machine that would look like a change."""
    with db.transaction() as session:
        session.execute(update(StaffSession).values(seen_at=clock.now()))


def _filled(template: Any, made: dict[str, Built]) -> Any:
    if isinstance(template, dict):
        return {name: _filled(value, made) for name, value in template.items()}
    if not isinstance(template, str):
        return template
    for name, value in made.items():
        if template == f"{{{name}}}":
            return value
        template = template.replace(f"{{{name}}}", str(value))
    return template


def names_in(row: dict[str, Any]) -> list[str]:
    """Objects an address and its body speak of, in the order of the builders."""
    said = f"{row['path']} {row.get('body', '')}"
    return [name for name in BUILDERS if f"{{{name}}}" in said]


def build(station_id: int, names: list[str], made: dict[str, Built] | None = None) -> dict[str, Built]:
    made = dict(made or {})
    with db.transaction() as session:
        for name in names:
            if name not in made:
                made[name] = BUILDERS[name](session, station_id, made)
    return made


def may(who: str, permission: str) -> bool:
    if permission == access.PUBLIC:
        return True
    if who in ("anonymous", "disabled"):
        return False
    return permission == access.SIGNED_IN or who in identity.allowed_roles(permission)


def refusals(who: str, row: dict[str, Any]) -> set[int]:
    if who not in ("anonymous", "disabled"):
        return {403}
    return {401} if row["path"].startswith(("/api/", "/media/")) else {302}


@pytest.mark.parametrize("endpoint", ASKED)
def test_everybody_gets_what_is_theirs_and_nothing_else(open_desk: House, endpoint: str) -> None:
    row, names, wrong = ASKED[endpoint], names_in(ASKED[endpoint]), []
    for who in WHO:
        asked = ask(open_desk, who, row, build(open_desk.own, names))
        if may(who, row["permission"]):
            right = asked.status in row["own"] if "own" in row else asked.status < 400
            right = right and not (who != "anonymous" and asked.location.startswith("/signin?"))
        else:
            right = asked.status in refusals(who, row) and not asked.changed
        if not right:
            wrong.append((who, asked))

    assert wrong == []


FOREIGN = [name for name, row in ASKED.items() if set(names_in(row)) - {"key", "sha256"}]


@pytest.mark.parametrize("endpoint", FOREIGN)
def test_another_stations_objects_answer_like_missing_ones(open_desk: House, endpoint: str) -> None:
    row, names, wrong = ASKED[endpoint], names_in(ASKED[endpoint]), []
    for who in WHO:
        foreign = build(open_desk.foreign, names)
        missing = {name: 987_654_321 if isinstance(value, int) else value for name, value in foreign.items()}
        for made in (foreign, missing):
            asked = ask(open_desk, who, row, made)
            allowed = may(who, row["permission"])
            expected = {row.get("foreign", 404)} if allowed else refusals(who, row)
            if asked.status not in expected or asked.changed:
                wrong.append((who, made is missing, asked))

    assert wrong == []


CHILDREN = [name for name in FOREIGN if len(set(names_in(ASKED[name])) - {"key", "sha256", "card_of_asset"}) > 1]


@pytest.mark.parametrize("endpoint", CHILDREN)
def test_an_own_parent_does_not_open_a_foreign_child(open_desk: House, endpoint: str) -> None:
    row, (parent, *children) = ASKED[endpoint], names_in(ASKED[endpoint])
    who = next(who for who in ROLES if may(who, row["permission"]))
    made = build(open_desk.own, [parent]) | build(open_desk.foreign, children)

    asked = ask(open_desk, who, row, made)

    assert (asked.status, asked.changed) == (row.get("foreign_child", 404), False)
