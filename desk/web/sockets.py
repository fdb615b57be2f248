"""Open walls: who may connect, what they hear, and when they are cut off.

Sockets carry numbered events to screens, and who is at which card (desk.live.presence); every change goes through
the HTTP interface. A page connects with
a ticket it fetched under its session (30 s, once). Rooms are set here, by permission and station, never by the
page. Sessions behind open sockets are looked at again every minute and whenever a right changes.
"""

from __future__ import annotations

import logging
import secrets
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, request
from flask_socketio import ConnectionRefusedError as Refused
from flask_socketio import SocketIO, join_room

from desk import clock
from desk.identity import Identity, permissions
from desk.live.log import Event
from desk.live.presence import Presence
from desk.web import frames

RECHECK_S = 60.0
MOST_PER_SESSION = 10
WALL = "wall.read"
logger = logging.getLogger(__name__)

socketio = SocketIO(
    async_mode="threading",
    manage_session=False,
    ping_interval=25,
    ping_timeout=20,
    max_http_buffer_size=64_000,
    transports=["websocket"],
)


@dataclass(frozen=True)
class _Open:
    session_id: int
    person_id: int
    station_id: int
    key: str
    person: dict[str, Any]
    hears: frozenset[str]
    line: socket.socket | None


class Sockets:
    """The open sockets of this process."""

    def __init__(
        self,
        app: Flask,
        *,
        most: int,
        public_url: str,
        redeem: Callable[[str], Identity | None],
        redis_url: str | None = None,
    ) -> None:
        self._most = most
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(public_url))
        self._redeem = redeem
        self._open: dict[str, _Open] = {}
        self._lock = threading.Lock()
        self.presence = Presence(self._tell_presence, redis_url)
        socketio.init_app(app, cors_allowed_origins=None)
        socketio.on_event("connect", self._connect)
        socketio.on_event("disconnect", self._disconnect)
        socketio.on_event("ping_clock", self._clock)
        socketio.on_event("presence", self._be_present)
        socketio.on_event("*", self._unknown)

    @property
    def count(self) -> int:
        return len(self._open)

    def _connect(self, auth: Any = None) -> None:
        origin = request.headers.get("Origin", "")
        if origin not in (self._origin, request.host_url.rstrip("/")):
            raise Refused("origin")
        ticket = auth.get("ticket") if isinstance(auth, dict) else None
        identity = self._redeem(ticket) if isinstance(ticket, str) else None
        if identity is None or identity.station is None:
            raise Refused("ticket")
        hears = frozenset(permission for permission in permissions() if identity.may(permission))
        line = request.environ.get("gunicorn.socket")
        opened = _Open(
            identity.session_id,
            identity.id,
            identity.station.id,
            secrets.token_hex(6),
            person_of(identity),
            hears,
            line,
        )
        with self._lock:
            if len(self._open) >= self._most:
                raise Refused("full")
            if sum(one.session_id == opened.session_id for one in self._open.values()) >= MOST_PER_SESSION:
                raise Refused("too_many")
            self._open[_sid()] = opened
        if line is not None:
            frames.make_room(line)
        else:  # no server of ours: whatever carries it sends as Socket.IO does
            for permission in hears:
                join_room(room(identity.station.id, permission))

    def _disconnect(self, *_reason: Any) -> None:
        with self._lock:
            opened = self._open.pop(_sid(), None)
        if opened is not None:
            self.presence.leave(opened.key)

    def _be_present(self, said: Any = None) -> dict[str, Any]:
        """A page says at which card it is; the first time it asks who else is there. The station is the ticket's."""
        with self._lock:
            opened = self._open.get(_sid())
        if opened is None or WALL not in opened.hears or not isinstance(said, dict):
            return {"people": []}
        card_id = said.get("card")
        is_card = type(card_id) is int and 0 < card_id < 2**53
        self.presence.move(
            opened.key, opened.station_id, opened.person, card_id if is_card else None, said.get("listens") is True
        )
        if _sid() not in self._open:  # it closed meanwhile
            self.presence.leave(opened.key)
        return {"people": self.presence.list_here(opened.station_id) if said.get("asks") is True else []}

    def _clock(self, *_args: Any) -> dict[str, str | None]:
        return {"now": clock.iso(clock.now())}

    def _unknown(self, *_args: Any) -> dict[str, Any]:
        return {"error": {"code": "socket.unknown_event", "message": "Sockets only listen."}}

    def deliver(self, events: Sequence[Event]) -> None:
        """Hand committed events to the screens that may see them; called by the relay."""
        with self._lock:
            opened = list(self._open.values())
        if any(one.line is None for one in opened):
            for event in events:
                socketio.emit("event", event.as_json(), to=room(event.station_id, event.audience))
        built = [
            (event.station_id, event.audience, frames.event_frame(event.as_json()), frames.number_frame(event.seq))
            for event in events
        ]
        heard: dict[tuple[int, frozenset[str]], bytes] = {}
        for one in opened:
            if one.line is None:
                continue
            key = (one.station_id, one.hears)
            if key not in heard:
                # of what is not for it a wall hears the number alone, or each would ask over HTTP what it missed
                heard[key] = b"".join(
                    frame if to in one.hears else number for at, to, frame, number in built if at == one.station_id
                )
            if heard[key]:
                frames.write_or_cut(one.line, heard[key])

    def _tell_presence(self, station_id: int, changes: dict[str, Any]) -> None:
        """Who came, moved or left, for the walls of that station."""
        with self._lock:
            walls = [one for one in self._open.values() if one.station_id == station_id and WALL in one.hears]
        if any(one.line is None for one in walls):
            socketio.emit("presence", changes, to=room(station_id, WALL))
        frame = frames.event_frame(changes, name="presence")
        for one in walls:
            if one.line is not None:
                frames.write_or_cut(one.line, frame)

    def recheck(self, is_alive: Callable[[int, int, int], bool]) -> int:
        """Close sockets whose session, person or role at the station is gone; returns how many."""
        with self._lock:
            opened = list(self._open.items())
        # several walls of one session are one question
        asked = {(one.session_id, one.person_id, one.station_id) for _, one in opened}
        gone = {who for who in asked if not is_alive(*who)}
        cut = [sid for sid, one in opened if (one.session_id, one.person_id, one.station_id) in gone]
        for sid in cut:
            self.close(sid)
        return len(cut)

    def close_session(self, session_id: int) -> None:
        """Cut off a session at once: sign-out, lock-out, another station."""
        with self._lock:
            sids = [sid for sid, one in self._open.items() if one.session_id == session_id]
        for sid in sids:
            self.close(sid)

    def close(self, sid: str) -> None:
        socketio.server.disconnect(sid, namespace="/")

    def watch(self, is_alive: Callable[[int, int, int], bool]) -> None:
        """Look at open sockets every minute, for ever, in a thread of its own."""

        def run() -> None:
            pause = threading.Event()
            while not pause.wait(RECHECK_S):
                try:
                    self.recheck(is_alive)
                except Exception:  # same edge as the relay: a passing fault must not end the watch
                    logger.exception("open sockets could not be checked")

        threading.Thread(target=run, name="socket-watch", daemon=True).start()


def person_of(identity: Identity) -> dict[str, Any]:
    return {"id": identity.id, "name": identity.name, "initials": identity.initials, "hue": identity.hue}


def room(station_id: int, permission: str) -> str:
    return f"station:{station_id}:{permission}"


def _sid() -> str:
    return str(request.sid)  # type: ignore[attr-defined]
