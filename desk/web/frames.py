"""Numbered events as frames of a WebSocket: built once, and written to every open wall in one go.

A thread and a queue per wall, as Socket.IO sends, would build and hand over each frame again for each of hundreds of
walls, and every one of them would wait for the interpreter's lock behind the requests that run meanwhile. A frame from
a server is the same for all, so it is written straight to the sockets, without waiting, without letting the lock go.
A wall that takes nothing more is cut off: it comes back by itself and asks for what it missed. Who may hear what is
desk.web.sockets' matter.
"""

from __future__ import annotations

import ctypes
import json
import socket
from contextlib import suppress
from typing import Any

ROOM_BYTES = 1 << 20  # asked for per wall; what the system grants holds some seconds of a flood
_WITHOUT_WAITING = socket.MSG_DONTWAIT | getattr(socket, "MSG_NOSIGNAL", 0)
_TEXT = 0x81  # a whole message in one frame, not compressed

# Python's own send lets the interpreter's lock go around each call and queues for it again: for hundreds of sockets
# behind one busy request that is seconds. These calls never wait, so the lock may be kept.
_send = ctypes.PyDLL(None).send
_send.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int)
_send.restype = ctypes.c_ssize_t


def event_frame(event: dict[str, Any], *, name: str = "event") -> bytes:
    """A Socket.IO event of the default namespace (Engine.IO 4 message, Socket.IO 2 event)."""
    body = b"42" + json.dumps([name, event], separators=(",", ":")).encode()
    size = len(body)
    if size < 126:
        return bytes((_TEXT, size)) + body
    if size < 1 << 16:
        return bytes((_TEXT, 126)) + size.to_bytes(2, "big") + body
    return bytes((_TEXT, 127)) + size.to_bytes(8, "big") + body


def number_frame(seq: int) -> bytes:
    """An event of which nothing is told but that it was."""
    return event_frame({"seq": seq, "kind": "unheard", "payload": {}})


def make_room(line: socket.socket) -> None:
    """Let the system keep more for a wall that reads slowly."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM_BYTES)


def write_or_cut(line: socket.socket, frames: bytes) -> bool:
    """Write whole frames if they are taken at once; a line that does not take them wholly is cut off (False)."""
    number = line.fileno()
    if number >= 0 and int(_send(number, frames, len(frames), _WITHOUT_WAITING)) == len(frames):
        return True
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    return False
