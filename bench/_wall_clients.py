"""Open walls without a browser: many Socket.IO clients in one process, which note when each event came, and gaps.

A program: one JSON line says where to connect, one comes back when all are connected, and after another line one with
what they received. The protocol is spoken on bare sockets and frames are not decoded beyond number and time, because
a client library needs more of a core than the server; compression is offered as browsers do. What was missed is asked
for over HTTP as the pages do (DESIGN.md §7).
"""

from __future__ import annotations

import base64
import json
import os
import re
import selectors
import socket
import sys
import threading
import time
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.serving import Colleague, Desk

CONNECT_LIMIT_S = 30.0
NUMBER = re.compile(rb'^42\["event",\{"seq":(\d+),"kind":"([a-z_.]+)"')
MOMENT = re.compile(rb'"at":"([^"]+)"\}\]$')
TEXT, CLOSE, PING = 1, 8, 9
# Their moment is that of the delivery: their way goes through the job that reads it.
ARRIVING = frozenset({b"card.placed", b"message.changed", b"campaign.changed", b"mood.changed"})


@dataclass
class Wall:
    """One client: its socket, the last number it holds, and the milliseconds each event took to it."""

    sock: socket.socket
    colleague: Colleague | None
    seq: int = 0
    inflate: Any = None
    rest: bytearray = field(default_factory=bytearray)
    taken_ms: list[float] = field(default_factory=list)
    arrived_ms: list[float] = field(default_factory=list)
    gaps: int = 0
    caught_up: int = 0
    closed: bool = False

    def send(self, text: bytes, opcode: int = TEXT) -> None:
        """One short masked frame."""
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(text))
        size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
        self.sock.sendall(bytes([0x80 | opcode]) + size + mask + masked)

    def frames(self, more: bytes) -> list[tuple[int, bytes]]:
        """Whole frames out of what came; a message of several frames is not sent by anyone here."""
        self.rest += more
        found, at, held = [], 0, self.rest
        while len(held) - at >= 2:
            size, head = held[at + 1] & 0x7F, 2
            if size == 126:
                size, head = int.from_bytes(held[at + 2 : at + 4], "big"), 4
            elif size == 127:
                size, head = int.from_bytes(held[at + 2 : at + 10], "big"), 10
            if len(held) - at < head or len(held) - at < head + size:
                break
            body = bytes(held[at + head : at + head + size])
            if held[at] & 0x40:
                body = self.inflate.decompress(body + b"\x00\x00\xff\xff")
            found.append((held[at] & 0x0F, body))
            at += head + size
        del held[:at]
        return found

    def take(self, opcode: int, body: bytes, now_ms: float) -> None:
        if opcode == PING:
            self.send(body, 10)
        elif opcode == CLOSE:
            self.closed = True
        elif body == b"2":
            self.send(b"3")
        elif found := NUMBER.match(body):
            if at := MOMENT.search(body):  # of what is not for this wall only the number is told
                noted = self.arrived_ms if found[2] in ARRIVING else self.taken_ms
                noted.append(now_ms - datetime.fromisoformat(at[1].decode()).timestamp() * 1000)
            self._count(int(found[1]))

    def _count(self, seq: int) -> None:
        if seq == self.seq + 1 or self.seq == 0:
            self.seq = seq
        elif seq > self.seq:
            self.gaps += 1
            self.catch_up()

    def catch_up(self) -> None:
        """Ask for everything after the last number; the answer is complete up to its own."""
        if self.colleague is not None:
            answer = self.colleague.get("/api/v1/events", after=self.seq)
            self.caught_up += len(answer["events"])
            self.seq = max(self.seq, int(answer["seq"]))


def connect(port: int, auth: dict[str, Any], colleague: Colleague | None) -> Wall:
    """Upgrade, open, join; raises RuntimeError with what was answered instead."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=CONNECT_LIMIT_S)
    key = base64.b64encode(os.urandom(16)).decode()
    head = (
        f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Origin: http://127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
    )
    sock.sendall(head.encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _received(sock)
    top, _, rest = answer.partition(b"\r\n\r\n")
    if b" 101 " not in top.split(b"\r\n")[0]:
        raise RuntimeError(top.decode(errors="replace"))
    wall = Wall(sock, colleague, inflate=zlib.decompressobj(-15) if b"permessage-deflate" in top else None)
    waiting = wall.frames(rest)
    is_joined = False
    while not is_joined:
        for opcode, body in waiting:
            if body.startswith(b"0"):
                wall.send(b"40" + json.dumps(auth).encode())
            elif body.startswith(b"44") or opcode == CLOSE:
                raise RuntimeError(body.decode(errors="replace"))
            elif body.startswith(b"40"):
                is_joined = True
            else:
                wall.take(opcode, body, time.time() * 1000)
        waiting = [] if is_joined else wall.frames(_received(sock))
    sock.setblocking(False)
    return wall


def _received(sock: socket.socket) -> bytes:
    if not (more := sock.recv(65536)):
        raise RuntimeError("the server closed the line")
    return more


def listen(walls: list[Wall], stopping: threading.Event) -> None:
    with selectors.DefaultSelector() as selector:
        for wall in walls:
            selector.register(wall.sock, selectors.EVENT_READ, wall)
        while not stopping.is_set():
            for key, _ in selector.select(0.2):
                wall = key.data
                more = wall.sock.recv(262144)
                now_ms = time.time() * 1000
                for opcode, body in wall.frames(more):
                    wall.take(opcode, body, now_ms)
                if not more or wall.closed:
                    wall.closed = True
                    selector.unregister(wall.sock)


def open_walls(asked: dict[str, Any]) -> list[Wall]:
    """Each link signs a person in; `each` walls stand open in every such session. Links null: a bare server."""
    if asked["links"] is None:
        return [connect(asked["port"], {}, None) for _ in range(asked["each"])]
    walls = []
    for link in asked["links"]:
        colleague = Colleague.by_link(Desk(data_dir=Path(asked["data_dir"]), port=asked["port"]), link)
        for _ in range(asked["each"]):
            seq = int(colleague.get("/api/v1/cards", limit=1)["seq"])
            ticket = colleague.post("/api/v1/socket-ticket", {})["ticket"]
            wall = connect(asked["port"], {"ticket": ticket}, colleague)
            wall.seq = max(wall.seq, seq)
            walls.append(wall)
    return walls


def main() -> None:
    walls = open_walls(json.loads(sys.stdin.readline()))
    stopping = threading.Event()
    listening = threading.Thread(target=listen, args=(walls, stopping))
    listening.start()
    print(json.dumps({"open": len(walls)}), flush=True)
    sys.stdin.readline()
    for wall in walls:
        wall.taken_ms.clear()
        wall.arrived_ms.clear()
    print(json.dumps({"begun": True}), flush=True)
    sys.stdin.readline()
    stopping.set()
    listening.join()
    report = {
        "seqs": [wall.seq for wall in walls],
        "gaps": sum(wall.gaps for wall in walls),
        "closed": sum(wall.closed for wall in walls),
        "compressed": sum(wall.inflate is not None for wall in walls),
        "taken_ms": [round(one, 2) for wall in walls for one in wall.taken_ms],
        "arrived_ms": [round(one, 2) for wall in walls for one in wall.arrived_ms],
        "cpu_s": time.process_time(),
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
