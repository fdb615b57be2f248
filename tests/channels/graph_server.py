"""A provider on loopback that does what a test tells it: a real HTTP server with a script of answers and faults."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DRIP_S = 0.02


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.provider.asked.append(Asked(self.command, self.path, dict(self.headers), body))
        self.close_connection = True
        try:
            self.provider.next_answer(self.path)(self)
        except (ConnectionError, TimeoutError):
            pass  # the desk hung up, as it should in half of these tests

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


Answer = Callable[[Handler], None]


def raw(head: str, body: bytes = b"") -> Answer:
    def write(handler: Handler) -> None:
        handler.wfile.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)

    return write


def says(status: int, value: object, *, headers: dict[str, str] | None = None) -> Answer:
    body = json.dumps(value).encode()
    extra = "".join(f"\n{name}: {text}" for name, text in (headers or {}).items())
    head = f"HTTP/1.1 {status} x\nContent-Type: application/json\nContent-Length: {len(body)}{extra}"
    return raw(head, body)


def fails(status: int, code: int | None = None, **headers: str) -> Answer:
    body = {"error": {"message": "no", "type": "OAuthException", "code": code}} if code is not None else {}
    return says(status, body, headers={name.replace("_", "-"): text for name, text in headers.items()})


def file(content: bytes, *, mime: str = "audio/ogg", length: int | None = None) -> Answer:
    """A file; with another `length` announced than is sent it is cut or runs over."""
    announced = len(content) if length is None else length
    return raw(f"HTTP/1.1 200 OK\nContent-Type: {mime}\nContent-Length: {announced}", content)


def endless(piece: bytes) -> Answer:
    """No length, no end."""

    def write(handler: Handler) -> None:
        raw("HTTP/1.1 200 OK\nContent-Type: video/mp4")(handler)
        while not handler.provider.is_closing.is_set():
            handler.wfile.write(piece)

    return write


def drips(content: bytes) -> Answer:
    """One byte at a time."""

    def write(handler: Handler) -> None:
        raw(f"HTTP/1.1 200 OK\nContent-Length: {len(content)}")(handler)
        for number in range(len(content)):
            handler.wfile.write(content[number : number + 1])
            if handler.provider.is_closing.wait(DRIP_S):
                return

    return write


def drips_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not handler.provider.is_closing.wait(DRIP_S):
        handler.wfile.write(b"x")


def stalls(content: bytes, *, after: int) -> Answer:
    def write(handler: Handler) -> None:
        raw(f"HTTP/1.1 200 OK\nContent-Length: {len(content)}")(handler)
        handler.wfile.write(content[:after])
        handler.provider.is_closing.wait(30)

    return write


def is_silent(handler: Handler) -> None:
    """Took the request, never answers."""
    handler.provider.is_closing.wait(30)


def hangs_up(handler: Handler) -> None:
    """Took the request, closes without a word."""


def redirects(location: str) -> Answer:
    return raw(f"HTTP/1.1 302 Found\nLocation: {location}\nContent-Length: 0")


@dataclass
class Provider:
    """`script` maps the start of a path to its answers, in order; the last one repeats."""

    port: int = 0
    script: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    is_closing: threading.Event = field(default_factory=threading.Event)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"http://{self.host}"

    def next_answer(self, path: str) -> Answer:
        for start, answers in self.script.items():
            if path.startswith(start):
                return answers.pop(0) if len(answers) > 1 else answers[0]
        return fails(404)


@contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[Provider]:
    provider = Provider()
    handler = type("ScriptedHandler", (Handler,), {"provider": provider})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        provider.port = server.server_address[1]
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield provider
        finally:
            provider.is_closing.set()
            server.shutdown()
            thread.join()
