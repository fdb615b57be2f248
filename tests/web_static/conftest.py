"""A small server over the static folder with the desk's own policy, and a page in which modules can be imported."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

STATIC = Path(__file__).resolve().parents[2] / "desk" / "static"
PAGE = """<!doctype html><html lang="en"><head><title>t</title><meta name="csrf-token" content="token">
<link rel="stylesheet" href="/css/tokens.css"><link rel="stylesheet" href="/css/wall.css"></head>
<body><div id="grid" class="grid"><div id="feed" class="feed-sizer" role="feed"></div></div></body></html>"""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "media-src 'self'; font-src 'self'; require-trusted-types-for 'script'"
)
Answer = Callable[[str, dict[str, str], Any], tuple[int, Any]]


class Handler(SimpleHTTPRequestHandler):
    """Files, one page, and whatever the test answers under /api/."""

    def __init__(self, *args: Any, answers: list[Answer], **kwargs: Any) -> None:
        self.answers = answers
        super().__init__(*args, directory=str(STATIC), **kwargs)

    def do_GET(self) -> None:
        if self.path.startswith("/api/"):
            self._answer(None)
        elif self.path.split("?")[0] == "/page":
            self._send(200, PAGE.encode(), "text/html; charset=utf-8")
        else:
            super().do_GET()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(json.loads(body or b"null"))

    def _answer(self, body: Any) -> None:
        where = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(where.query).items()}
        status, content = self.answers[-1](where.path, query, body)
        self._send(status, json.dumps(content).encode(), "application/json")

    def _send(self, status: int, content: bytes, mime: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", mime)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


class Bench:
    """A page for modules: `run` evaluates an async function body with `imports` at hand."""

    def __init__(self, page: Any, address: str, answers: list[Answer]) -> None:
        self.page = page
        self.address = address
        self.answers = answers
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))

    def answer(self, answer: Answer) -> None:
        self.answers.append(answer)

    def run(self, body: str, *args: Any) -> Any:
        return self.page.evaluate(
            f"async (args) => {{ const load = (name) => import(`/js/${{name}}.js`); {body} }}", list(args)
        )


@pytest.fixture
def bench(browser: Any) -> Iterator[Bench]:
    answers: list[Answer] = [lambda _path, _query, _body: (404, {"error": {"code": "none", "message": "none"}})]
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, answers=answers))
    thread = threading.Thread(target=partial(server.serve_forever, 0.02), daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    page = context.new_page()
    page.goto(f"{address}/page")
    opened = Bench(page, address, answers)
    yield opened
    context.close()
    server.shutdown()
    server.server_close()
    thread.join()
    assert opened.faults == []
