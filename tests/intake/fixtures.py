"""A number of Radio Rheinwelle at a small provider, on the embedded desk and on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask

from desk import db, factory
from desk.settings import Settings
from tests.desk_fixtures import Cast, add_cast
from tests.intake.graph import Graph, running_graph
from tests.intake.provider import Provider, add_number


@pytest.fixture
def graph() -> Iterator[Graph]:
    with running_graph() as running:
        yield running


@pytest.fixture
def provider(app: Flask, cast: Cast, graph: Graph) -> Provider:
    channel_id, public_id = add_number(cast, graph)
    return Provider(app.test_client(), public_id, channel_id, cast)


@pytest.fixture
def provider_on_both(on_both_databases: Settings, graph: Graph, make_app: Callable[[], Flask]) -> Provider:
    """The same on SQLite and on PostgreSQL."""
    with db.transaction() as session:
        cast = add_cast(session)
    channel_id, public_id = add_number(cast, graph)
    return Provider(make_app().test_client(), public_id, channel_id, cast)


@pytest.fixture
def make_app(on_both_databases: Settings) -> Iterator[Callable[[], Flask]]:
    """Makes the web application on the database that is open."""
    made: list[Flask] = []
    opened: list[db.Database] = []

    def make() -> Flask:
        url = db.current().url
        db.current().dispose()
        app = factory.create_app(replace(on_both_databases, database_url=url))
        made.append(app)
        opened.append(db.current())
        return app

    yield make
    for app, database in zip(made, opened, strict=True):
        app.extensions["desk.relay"].stop()
        database.dispose()  # a command may have opened the house again meanwhile
