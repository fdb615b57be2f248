"""A small provider on loopback: hands out media, takes messages, and misbehaves as a test tells it to."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO, Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Kept:
    """One file; what is announced may differ from what comes."""

    data: bytes
    mime: str
    announced_sha256: str
    announced_bytes: int
    cut_to: int | None = None
    statuses: list[int] = field(default_factory=list)  # answered one after the other before the file
    location: str | None = None
    is_slow: bool = False  # comes in small pieces, for minutes


@dataclass
class Graph:
    """The provider: `files` by media id, `sent` bodies of messages, `answers` to give to the next sends."""

    port: int = 0
    files: dict[str, Kept] = field(default_factory=dict)
    sent: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def keep(self, media_id: str, data: bytes, mime: str, **odd: Any) -> str:
        """Keep a file under an id; returns its hash as deliveries carry it (base64)."""
        kept = Kept(data, mime, hashlib.sha256(data).hexdigest(), len(data))
        for name, value in odd.items():
            setattr(kept, name, value)
        self.files[media_id] = kept
        return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _send_slowly(file: IO[bytes], data: bytes, stopped: threading.Event) -> None:
    with suppress(OSError):  # whoever asked has hung up
        for start in range(0, len(data), 1024):
            file.write(data[start : start + 1024])
            if stopped.wait(0.05):
                return


def _handler(graph: Graph) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def log_message(self, *_: Any) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            graph.asked.append(parts.path)
            is_file = parts.path == "/whatsapp_business/attachments/"
            media_id = parse_qs(parts.query)["mid"][0] if is_file else parts.path.rsplit("/", 1)[-1]
            kept = graph.files.get(media_id)
            if kept is None:
                self.answer(404, {"error": {"code": 100, "message": "no such object"}})
            elif kept.statuses and not is_file:
                self.answer(kept.statuses.pop(0), {"error": {"code": 131000, "message": "went wrong"}})
            elif is_file:
                self.send_file(kept)
            else:
                url = kept.location or f"{graph.url}/whatsapp_business/attachments/?mid={media_id}"
                self.answer(
                    200,
                    {"url": url, "mime_type": kept.mime, "sha256": kept.announced_sha256,
                     "file_size": str(kept.announced_bytes), "id": media_id},
                )  # fmt: skip

        def send_file(self, kept: Kept) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kept.mime)
            self.send_header("Content-Length", str(len(kept.data)))
            self.end_headers()
            if kept.is_slow:
                _send_slowly(self.wfile, kept.data, graph.stopped)
            else:
                self.wfile.write(kept.data[: kept.cut_to])

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            graph.sent.append(body)
            status, answer = graph.answers.pop(0) if graph.answers else (200, None)
            if status == 0:
                self.close_connection = True
                return  # the connection breaks without an answer
            self.answer(status, answer or {"messages": [{"id": f"wamid.OUT{len(graph.sent)}"}]})

        def answer(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler


@contextmanager
def running_graph() -> Iterator[Graph]:
    graph = Graph()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(graph))
    server.daemon_threads = True
    graph.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield graph
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
