"""Fixtures every room may use: real PostgreSQL, Redis, an S3 store and Chromium, on free ports, one each per worker.

How servers are found and started is tests/servers.py's matter; the desk itself (app, engine, cast) is
tests/desk_fixtures.py's. A server that is not installed fails the test that needs it, loudly; with
DESK_TEST_PARTIAL=1 such tests are skipped and listed at the end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import hypothesis
import pytest

from tests import ceph, servers

if (Path(__file__).parent / "desk_fixtures.py").exists():
    pytest_plugins = ["tests.desk_fixtures"]

Server = TypeVar("Server")

# A desk is seven processes and a run starts many: where Python is told to keep nothing of what it compiled, each of
# them would compile 170 modules anew. What is kept lies in the folders __pycache__ alone, which git does not see.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Every run tries the same examples, so that a red run is red again; HYPOTHESIS_PROFILE=search looks for new ones.
TOO_SLOW = [hypothesis.HealthCheck.too_slow]  # a busy machine is no fault of what is tested
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=TOO_SLOW)
hypothesis.settings.register_profile("search", max_examples=2000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# The same engine without a window around it: a page costs a third of the time, a fresh context a quarter.
HEADLESS_NAMES = ("chromium-headless-shell", "chrome-headless-shell")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_ON_MACOS = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
# no call ever leaves the machine: without these Chromium looks for its maker's servers at every start
CHROMIUM_FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=user-gesture-required",
]

# Files that run for longest begin first, so that at the end no worker is left alone with one of them. A file not named
# here has its place behind these; only the time of a run depends on this list.
LONG_FILES = (
    "browser/test_every_screen.py", "browser/test_the_morning.py", "browser/test_crash.py", "browser/test_the_walk.py",
    "media_store/test_store_endurance.py", "media_store/test_store_ceph.py", "web_static/test_wall_page.py",
    "web_static/test_rooms.py", "web_static/test_listening.py", "web_static/test_film.py", "web_static/test_cards.py",
    "web_static/test_shapes.py", "cli/test_settings.py", "project/test_bench.py", "media_store/test_corpus.py",
    "media_store/test_hostile.py", "media_store/test_likeness.py", "intake/test_pipeline.py",
)  # fmt: skip
LONG_FOLDERS = ("browser", "web_static", "media_store", "intake")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _place_in_line(item.path))  # stable: a file's own order stays


def _place_in_line(path: Path) -> tuple[int, int]:
    name, folder = f"{path.parent.name}/{path.name}", path.parent.name
    among_files = LONG_FILES.index(name) if name in LONG_FILES else len(LONG_FILES)
    among_folders = LONG_FOLDERS.index(folder) if folder in LONG_FOLDERS else len(LONG_FOLDERS)
    return among_files, among_folders


def _missing(reason: str) -> None:
    if os.environ.get("DESK_TEST_PARTIAL") == "1":
        pytest.skip(reason)
    pytest.fail(reason, pytrace=False)


def _running(
    server: Callable[[], AbstractContextManager[Server]], missing: Callable[[str], object] = _missing
) -> Iterator[Server]:
    """Start a server for the session, or say what is missing."""
    try:
        context = server()
        opened = context.__enter__()
    except servers.ServerMissing as reason:
        missing(str(reason))
        raise  # never reached: the test has ended
    try:
        yield opened
    finally:
        context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.Postgres]:
    yield from _running(servers.postgres)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    yield from _running(servers.redis)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[servers.S3Server]:
    yield from _running(servers.s3)


@pytest.fixture(scope="session")
def ceph_server() -> Iterator[servers.S3Server]:
    """Ceph's S3 gateway; not everywhere to be had, so tests without it are skipped.

    They are all in one file, so that one worker alone starts it.
    """
    yield from _running(ceph.gateway, pytest.skip)


@pytest.fixture
def postgres_url(postgres_server: servers.Postgres) -> Iterator[str]:
    """A fresh, empty database: postgresql+psycopg://…"""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """A fresh, empty database of the Redis server: redis://…/0"""
    import redis

    url = f"{redis_server}/0"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def s3_endpoint(s3_server: servers.S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The S3 server's address; the environment's keys and region are set for it."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    return s3_server.endpoint_url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, empty database, once for each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'desk.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(params=["file", "s3"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, empty store, once for each kind: file:/… or s3://bucket/prefix (with s3_endpoint's environment)."""
    if request.param == "file":
        return f"file:{tmp_path / 'media'}"
    request.getfixturevalue("s3_endpoint")
    server: servers.S3Server = request.getfixturevalue("s3_server")
    return f"s3://{server.create_bucket()}/desk"


@pytest.fixture(params=["sqlite", "redis"])
def queue_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, empty queue, once for each kind: sqlite:/… or redis://…"""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'queue.db'}"
    url: str = request.getfixturevalue("redis_url")
    return url


# --- the desk: app, engine, cast live in tests/desk_fixtures.py -------------------------------------------------


# --- Chromium ---------------------------------------------------------------------------------------------------


def find_chromium(*preferred: str) -> str | None:
    """CHROMIUM_BINARY, else the system's, of these names rather than others; None if there is none."""
    named = [os.environ.get("CHROMIUM_BINARY"), *map(shutil.which, (*preferred, *CHROMIUM_NAMES)), CHROMIUM_ON_MACOS]
    for path in named:
        if path and Path(path).exists():
            return path
    return None


NO_CHROMIUM = "no Chromium: type 'apt-get install chromium' (elsewhere: '.venv/bin/playwright install chromium')"


@pytest.fixture(scope="session")
def chromium(request: pytest.FixtureRequest) -> str:
    """The path of a Chromium or Chrome: CHROMIUM_BINARY, the system's, or the one playwright installed."""
    path = find_chromium() or str(request.getfixturevalue("playwright").chromium.executable_path)
    if not Path(path).exists():
        _missing(NO_CHROMIUM)
    return path


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    from playwright._impl._driver import compute_driver_executable
    from playwright.sync_api import sync_playwright

    driver = subprocess.run([*compute_driver_executable(), "--version"], capture_output=True, text=True)
    if driver.returncode != 0:
        _missing(f"playwright's driver does not start: {driver.stderr.strip()}")
    with sync_playwright() as opened:
        yield opened


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest, playwright: Any) -> Iterator[Any]:
    """A Chromium without a window for the session (playwright's sync Browser); make a context of your own per test."""
    path = find_chromium(*HEADLESS_NAMES) or str(request.getfixturevalue("chromium"))
    yield from _launched(playwright, path)


@pytest.fixture(scope="session")
def whole_browser(chromium: str, playwright: Any) -> Iterator[Any]:
    """The Chromium people have, where only that will do: the other has no choice of headphones and no microphone."""
    yield from _launched(playwright, chromium)


def _launched(playwright: Any, path: str) -> Iterator[Any]:
    flags = [*CHROMIUM_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    opened = playwright.chromium.launch(executable_path=path, args=flags)
    yield opened
    opened.close()
