"""Accepting signed webhooks against a bare Flask view with one synced insert: rate and the slow end.

Both run under the desk's gunicorn configuration on the same kind of database; rounds alternate, medians count.
Limits: at least 0.6 of the bare rate, p99 at most 1.5 times and under 100 ms, at 16 connections.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench._load import Load, send_all
from bench.figures import Figure, judge
from desk import clock, db, factory, schema
from desk.channels import actions as channels
from desk.jobs import dispatch
from desk.people import actions as people
from desk.settings import load_settings
from tests import servers

TOP = Path(__file__).resolve().parent.parent
CONNECTIONS, REQUESTS, ROUNDS = 16, 2000, 5
SECRET = "rheinwelle-bench-app-secret"
NUMBER_ID = "390000000000017"


@dataclass(frozen=True)
class Target:
    """A running server and how its requests are made."""

    port: int
    path: str

    def request(self, body: bytes) -> bytes:
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
            f"X-Hub-Signature-256: sha256={digest}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        rows = _measure("sqlite", Path(folder), f"sqlite:///{folder}/desk.db", f"sqlite:///{folder}/bare.db")
    with tempfile.TemporaryDirectory() as folder, servers.postgres() as server:
        rows += _measure("postgresql", Path(folder), server.create_database(), server.create_database())
    return rows


def _measure(engine: str, folder: Path, desk_url: str, bare_url: str) -> list[Figure]:
    environment = _set_up(folder, desk_url)
    with contextlib.ExitStack() as stack:
        desk_port, bare_port = servers.free_port(), servers.free_port()
        ours = Target(desk_port, environment.pop("HOOK"))
        bare = Target(bare_port, "/hook")
        stack.enter_context(_server("desk.wsgi:app", desk_port, environment))
        bare_environment = {**environment, "DESK_DATABASE_URL": bare_url, "DESK_ROLE": "all"}
        stack.enter_context(_server("bench._bare_webhook:app", bare_port, bare_environment))
        loads: dict[str, list[Load]] = {"ours": [], "bare": []}
        for target in (ours, bare):
            send_all("127.0.0.1", target.port, [target.request(_body()) for _ in range(200)], connections=CONNECTIONS)
        for _ in range(ROUNDS):
            for name, target in (("bare", bare), ("ours", ours)):
                requests = [target.request(_body()) for _ in range(REQUESTS)]
                loads[name].append(send_all("127.0.0.1", target.port, requests, connections=CONNECTIONS))
    return _rows(engine, loads["ours"], loads["bare"])


def _rows(engine: str, ours: list[Load], bare: list[Load]) -> list[Figure]:
    rate, bare_rate = (statistics.median(load.per_s for load in loads) for loads in (ours, bare))
    slow, bare_slow = (statistics.median(load.p99_ms for load in loads) for loads in (ours, bare))
    return [
        judge(f"webhook rate, {engine}", rate, "1/s", bare=bare_rate, limit=0.6, more_is_better=True),
        judge(f"webhook p99 against bare, {engine}", slow, "ms", bare=bare_slow, limit=1.5),
        judge(f"webhook p99, {engine}", slow, "ms", limit=100.0),
    ]


def _set_up(folder: Path, database_url: str) -> dict[str, str]:
    """Make a desk with one station and channel; returns the environment and, as HOOK, the webhook's path."""
    environment = {
        "DESK_MODE": "rehearsal", "DESK_DATA_DIR": str(folder), "DESK_DATABASE_URL": database_url,
        "DESK_BIND": "127.0.0.1:8080", "DESK_SECRET_KEY": secrets.token_hex(32), "DESK_LOG_LEVEL": "ERROR",
    }  # fmt: skip
    factory.open_house(load_settings(environment))
    schema.migrate(db.current())
    with db.transaction() as session:
        station = people.add_station(session, "bench", "Bench", at=clock.now())
        channel = channels.add_channel(
            session, station, "whatsapp_cloud", name="bench", number_id=NUMBER_ID, display_number="",
            secrets={"app_secrets": [SECRET], "verify_token": "bench-verify", "access_token": "bench-access"},
            settings={}, at=clock.now(),
        )  # fmt: skip
        path = f"/webhooks/{channel.public_id}"
    db.current().dispose()
    dispatch.use(None)
    return {**environment, "HOOK": path}


def _body() -> bytes:
    wamid = f"wamid.{secrets.token_hex(20)}"
    message = {"from": "4915790001234", "id": wamid, "timestamp": "1795251600", "type": "text",
               "text": {"body": "Grüße an das Frühteam"}}  # fmt: skip
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER_ID}, "messages": [message]}
    document = {"object": "whatsapp_business_account",
                "entry": [{"id": "280000000000042", "changes": [{"field": "messages", "value": value}]}]}  # fmt: skip
    return json.dumps(document).encode()


@contextlib.contextmanager
def _server(module: str, port: int, environment: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "-m", "gunicorn", "-c", str(TOP / "docker" / "gunicorn.py"), "--log-level", "error"]
    process = subprocess.Popen(
        [*command, "--threads", "40", module],
        cwd=TOP,
        env={**os.environ, **environment, "DESK_BIND": f"127.0.0.1:{port}"},
    )

    def answers() -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    try:
        servers.wait_until(answers, f"{module} on {port}")
        yield
    finally:
        process.terminate()
        process.wait(30)
