"""The real rehearsal server as a process of its own, and a small desk that only receives.

The receiving desk checks nothing by itself: it keeps raw bodies and headers for the tests to judge,
and answers with the status a test sets.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import requests

from tests.servers import free_port

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
NUMBERS = {"rheinwelle": "390000000000017", "oldie95": "390000000000018"}
TOKEN, SECRET = "rehearsal-token", "rheinwelle-test-app-secret"


def wait_for(what: Callable[[], T | None], limit_s: float = 20) -> T:
    """The first truthy answer; fails after the limit."""
    until = time.monotonic() + limit_s
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < until, "waited in vain"
        threading.Event().wait(0.03)


@dataclass
class Hook:
    """One POST as it came in."""

    path: str
    body: bytes
    signature: str

    @property
    def values(self) -> list[dict[str, Any]]:
        return [change["value"] for entry in json.loads(self.body)["entry"] for change in entry["changes"]]


@dataclass
class ReceivingDesk:
    """Keeps what it receives; `statuses` are used up first, then every POST is answered 200."""

    hooks: list[Hook] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    handshakes: list[str] = field(default_factory=list)
    port: int = 0

    def rows(self, key: str) -> list[dict[str, Any]]:
        return [row for hook in list(self.hooks) for value in hook.values for row in value.get(key, [])]

    def message(self, wamid: str) -> dict[str, Any]:
        return wait_for(lambda: next((row for row in self.rows("messages") if row["id"] == wamid), None))

    def value_of(self, wamid: str) -> dict[str, Any]:
        self.message(wamid)
        values = [value for hook in self.hooks for value in hook.values]
        return next(value for value in values if any(row["id"] == wamid for row in value.get("messages", [])))

    def statuses_of(self, wamid: str, last: str) -> list[dict[str, Any]]:
        def complete() -> list[dict[str, Any]] | None:
            rows = [row for row in self.rows("statuses") if row["id"] == wamid]
            return rows if any(row["status"] == last for row in rows) else None

        return wait_for(complete)


def _handler(desk: ReceivingDesk) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            desk.handshakes.append(asked["hub.verify_token"][0])
            self._answer(200, asked["hub.challenge"][0].encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = desk.statuses.pop(0) if desk.statuses else 200
            if status == 200:
                desk.hooks.append(Hook(self.path, body, self.headers["X-Hub-Signature-256"]))
            self._answer(status, b"")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    return Handler


class Running:
    """A rehearsal server on a free port; may be killed and started again on the same data."""

    def __init__(self, folder: Path, desk_port: int, *, morning: bool) -> None:
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.config_path = folder / "config.json"
        self.log = folder / "log"
        stations = [
            {
                "slug": slug,
                "phone_number_id": number,
                "waba_id": "28000000000004" + number[-1],
                "display_phone_number": "49157900090" + number[-2:],
                "webhook_url": f"http://127.0.0.1:{desk_port}/webhooks/{slug}",
                "app_secret": SECRET,
                "verify_token": f"verify-{slug}",
                "access_token": TOKEN,
            }
            for slug, number in NUMBERS.items()
        ]
        self.config = {
            "bind": f"127.0.0.1:{self.port}",
            "data_dir": str(folder / "data"),
            "stations": stations,
            "morning": morning,
        }
        self.config_path.write_text(json.dumps(self.config), encoding="utf-8")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "desk.rehearsal", str(self.config_path)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "DESK_MODE": "rehearsal"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self._answers, 30)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return requests.get(self.base_url + "/healthz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def kill(self) -> None:
        """kill -9, master and worker at once."""
        if self.process is not None:
            os.killpg(self.process.pid, 9)
            self.process.wait()
            self.process = None

    def graph(self, path: str, method: str = "GET", token: str = TOKEN, **kwargs: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}", **kwargs.pop("headers", {})}
        return requests.request(method, f"{self.base_url}{path}", headers=headers, timeout=20, **kwargs)

    def reply(self, station: str, body: dict[str, Any]) -> requests.Response:
        whole = {"messaging_product": "whatsapp", **body}
        return self.graph(f"/v25.0/{NUMBERS[station]}/messages", "POST", json=whole)


def receiving() -> Iterator[ReceivingDesk]:
    desk = ReceivingDesk()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(desk))
    desk.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield desk
    server.shutdown()
    thread.join()
    server.server_close()
