"""gunicorn with docker/gunicorn.py and nginx with docker/nginx.conf, really started: sockets, TLS, a prompt stop."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
import requests
import urllib3
import websocket

from tests import servers
from tests.project.certificates import write_certificate

TOP = Path(__file__).resolve().parents[2]
OPEN_SOCKETS = 20


@pytest.fixture
def desk_server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The desk under gunicorn on a free port: its process and port."""
    port = servers.free_port()
    environment = {**os.environ, "DESK_DATA_DIR": str(tmp_path / "var"), "DESK_MODE": "rehearsal"}
    environment |= {"DESK_BIND": f"127.0.0.1:{port}", "DESK_TRUSTED_PROXIES": "1"}
    programs = Path(sys.executable).parent
    subprocess.run(
        [programs / "desk", "migrate"], cwd=TOP, env=environment, check=True, capture_output=True, timeout=60
    )
    command = [programs / "gunicorn", "-c", "docker/gunicorn.py", "desk.wsgi:app"]
    with (tmp_path / "gunicorn.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=TOP, env=environment, stdout=log, stderr=log)
    try:
        servers.wait_until(lambda: _answers(f"http://127.0.0.1:{port}/healthz"), "the desk's first answer")
        yield process, port
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


def _open_socket(url: str, **options: object) -> websocket.WebSocket:
    """A websocket as a page opens it, up to the server's greeting."""
    opened = websocket.create_connection(f"{url}/socket.io/?EIO=4&transport=websocket", timeout=5, **options)
    greeting = opened.recv()
    assert str(greeting).startswith("0{")
    return opened


def _read_until_closed(opened: websocket.WebSocket) -> None:
    """Do what a page does: read, and answer the server's goodbye."""
    with suppress(websocket.WebSocketConnectionClosedException, OSError):
        opened.settimeout(30)
        while opened.recv():
            pass
    opened.shutdown()


def test_open_walls_do_not_hold_the_stop(desk_server: tuple[subprocess.Popen[bytes], int]) -> None:
    process, port = desk_server
    with ThreadPoolExecutor(OPEN_SOCKETS) as pages:
        for _ in range(OPEN_SOCKETS):
            pages.submit(_read_until_closed, _open_socket(f"ws://127.0.0.1:{port}"))

        started_s = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(30)

        # without the hook gunicorn waits its whole graceful_timeout of 10 s
        assert time.monotonic() - started_s < 6
        assert process.returncode == 0


@pytest.fixture
def nginx_port(desk_server: tuple[subprocess.Popen[bytes], int], tmp_path: Path) -> Iterator[int]:
    """docker/nginx.conf before the desk, with the containers' names, ports and paths replaced by ours."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        pytest.skip("docker/nginx.conf was not tried: nginx is not installed")
    port, plain_port = servers.free_port(), servers.free_port()
    write_certificate(tmp_path / "certs")
    (tmp_path / "mime.types").write_text("types { text/html html; }\n")
    replacements = {
        "server web:8080": f"server 127.0.0.1:{desk_server[1]}",
        "server ingest:8080": f"server 127.0.0.1:{desk_server[1]}",
        "listen 443": f"listen 127.0.0.1:{port}",
        "listen 80;": f"listen 127.0.0.1:{plain_port};",
        "/tmp/nginx.pid": str(tmp_path / "nginx.pid"),
        "/dev/stdout": str(tmp_path / "access.log"),
        "error_log stderr": f"error_log {tmp_path / 'error.log'}",
    }
    text = (TOP / "docker" / "nginx.conf").read_text()
    for ours, here in replacements.items():
        assert ours in text
        text = text.replace(ours, here)
    # workers of a server started by root become another user, who may not read this folder
    text = ("user root;\n" if os.geteuid() == 0 else "") + text
    (tmp_path / "nginx.conf").write_text(text)
    command = [program, "-e", "stderr", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-g", "daemon off;"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        servers.wait_until(lambda: servers.listens(port), "nginx's first answer")
        yield port
    finally:
        process.terminate()
        process.wait()


def test_nginx_hands_pages_webhooks_and_sockets_to_the_desk(nginx_port: int) -> None:
    address = f"https://127.0.0.1:{nginx_port}"
    trusting = {"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    health = requests.get(f"{address}/healthz", verify=False, timeout=5)
    unknown = requests.post(f"{address}/webhooks/nobody", data=b"{}", verify=False, timeout=5)

    assert health.status_code == 200
    assert unknown.status_code in (401, 403, 404)
    # the page's own origin is admitted, so host and scheme reach the desk as the browser sees them
    with closing(_open_socket(f"wss://127.0.0.1:{nginx_port}", sslopt=trusting, origin=address)):
        pass
    with pytest.raises(websocket.WebSocketBadStatusException):
        _open_socket(f"wss://127.0.0.1:{nginx_port}", sslopt=trusting, origin="https://elsewhere.example")


def test_a_client_that_does_not_say_goodbye_holds_nobody_up(desk_server: tuple[subprocess.Popen[bytes], int]) -> None:
    _process, port = desk_server
    lingering = socket.create_connection(("127.0.0.1", port), timeout=5)
    with closing(lingering):
        lingering.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert b"200" in lingering.recv(4096)

        started_s = time.monotonic()
        answer = requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5)
        took_s = time.monotonic() - started_s

    assert answer.ok
    assert took_s < 1.0, "gunicorn waits two seconds for a goodbye in its one event loop"
