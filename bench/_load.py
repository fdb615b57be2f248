"""Sends prepared HTTP requests over kept-open connections and notes how long each answer took.

One process per 8 connections, so that the sender's interpreter is not what is measured; plain sockets, because a
client library would cost more than the server.
"""

from __future__ import annotations

import multiprocessing
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

CONNECTIONS_PER_PROCESS = 8


@dataclass(frozen=True)
class Load:
    """What came back: answers with 200, seconds from first to last, the slow end."""

    answered: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_s(self) -> float:
        return self.answered / self.seconds


def send_all(host: str, port: int, requests: Sequence[bytes], *, connections: int) -> Load:
    """Send every request once over `connections` connections. Raises RuntimeError if one is not answered with 200."""
    processes = max(1, connections // CONNECTIONS_PER_PROCESS)
    context = multiprocessing.get_context("fork")
    with context.Pool(processes) as pool:
        shares = [(host, port, requests[index::processes], connections // processes) for index in range(processes)]
        started = time.perf_counter()
        taken_s = sorted(one for share in pool.starmap(_send_share, shares) for one in share)
        seconds = time.perf_counter() - started
    return Load(len(taken_s), seconds, taken_s[len(taken_s) // 2] * 1000, taken_s[int(len(taken_s) * 0.99)] * 1000)


def _send_share(host: str, port: int, requests: Sequence[bytes], connections: int) -> list[float]:
    taken_s: list[float] = []
    faults: list[str] = []

    def run(mine: Sequence[bytes]) -> None:
        try:
            with socket.create_connection((host, port), timeout=30) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for request in mine:
                    started = time.perf_counter()
                    connection.sendall(request)
                    head = _read_answer(connection)
                    taken_s.append(time.perf_counter() - started)
                    if b" 200 " not in head[:20]:
                        faults.append(head[:60].decode("latin-1"))
        except OSError as fault:
            faults.append(repr(fault))

    threads = [threading.Thread(target=run, args=(requests[index::connections],)) for index in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise RuntimeError(f"{len(faults)} requests failed, the first with {faults[0]}")
    return taken_s


def _read_answer(connection: socket.socket) -> bytes:
    buffer = b""
    while b"\r\n\r\n" not in buffer:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("closed before an answer")
        buffer += piece
    head, _, rest = buffer.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(rest) < length:
        rest += connection.recv(65536)
    return head
