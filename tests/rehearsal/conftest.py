"""Fixtures: one quiet rehearsal server for the run, and servers of their own for tests that kill them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desk.rehearsal import client
from tests.rehearsal.stage import ReceivingDesk, Running, receiving


@pytest.fixture(scope="session")
def _server_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rehearsal")


@pytest.fixture(scope="session")
def desk() -> Iterator[ReceivingDesk]:
    yield from receiving()


@pytest.fixture(scope="session")
def rehearsal(desk: ReceivingDesk, _server_folder: Path) -> Iterator[Running]:
    """One quiet server for the whole run, without a morning."""
    server = Running(_server_folder, desk.port, morning=False)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_desk() -> Iterator[ReceivingDesk]:
    yield from receiving()


@pytest.fixture
def own_server(own_desk: ReceivingDesk, tmp_path: Path) -> Iterator[Running]:
    """A server for one test that kills it or looks at its morning; not yet started."""
    server = Running(tmp_path, own_desk.port, morning=False)
    yield server
    server.kill()


@pytest.fixture(autouse=True)
def no_standing_faults(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "rehearsal" in request.fixturenames:
        client.order_faults(request.getfixturevalue("rehearsal").base_url, {})
