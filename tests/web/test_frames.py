"""Events as frames: what a WebSocket reads of them, and what becomes of a line that takes nothing more."""

from __future__ import annotations

import json
import socket

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from desk.web import frames


@pytest.mark.parametrize("size", [0, 60, 124, 2000, 70_000])
def test_a_frame_is_one_whole_socket_io_event(size: int) -> None:
    event = {"seq": 7, "kind": "card.placed", "payload": {"text": "ü" * size}}
    reader = Connection(ConnectionType.CLIENT)

    reader.receive_data(frames.event_frame(event) + frames.event_frame({"seq": 8}))

    read: list[str] = []
    for part in reader.events():
        assert isinstance(part, TextMessage)
        read.append(part.data)
    texts = "".join(read).split("42[")[1:]
    assert [json.loads("[" + one) for one in texts] == [["event", event], ["event", {"seq": 8}]]


def test_a_line_that_takes_nothing_more_is_cut_off_and_the_others_go_on() -> None:
    frame = frames.event_frame({"seq": 1, "payload": "x" * 2000})
    stuck, reader_asleep = socket.socketpair()
    other, reader = socket.socketpair()
    with stuck, reader_asleep, other, reader:
        frames.make_room(stuck)
        taken = 0
        while frames.write_or_cut(stuck, frame):
            taken += 1
            assert frames.write_or_cut(other, frame)
            assert len(reader.recv(len(frame), socket.MSG_WAITALL)) == len(frame)

        assert taken > 10
        assert not frames.write_or_cut(stuck, frame)
        kept = b""
        while more := reader_asleep.recv(1 << 20):
            kept += more
        assert kept.startswith(frame * taken)


def test_a_closed_line_is_no_fault() -> None:
    line, reader = socket.socketpair()
    line.close()
    reader.close()

    assert not frames.write_or_cut(line, frames.event_frame({"seq": 1}))
