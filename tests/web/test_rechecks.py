"""Walls that stay open: they are looked at again, each session once, and cut when it may no longer hear."""

from __future__ import annotations

from flask import Flask

from desk.identity import Identity, StationCard
from desk.web.sockets import Sockets, socketio
from tests.desk_fixtures import SIX

STATION = StationCard(id=1, slug="rhein", name="Rheinwelle", mark="RW", hue=200, locale="de", timezone="Europe/Berlin")


def _identity(session_id: int) -> Identity:
    return Identity(
        id=session_id * 10, session_id=session_id, name="Lena", initials="LE", hue=10, locale="de", theme="dark",
        station=STATION, stations=(STATION,), roles=frozenset({"producer"}), seen_at=SIX,
    )  # fmt: skip


def test_all_walls_of_an_ended_session_are_cut_and_each_session_is_asked_for_once() -> None:
    app = Flask(__name__)
    sockets = Sockets(app, most=10, public_url="http://localhost", redeem=lambda ticket: _identity(int(ticket)))
    walls = [
        socketio.test_client(app, auth={"ticket": ticket}, headers={"Origin": "http://localhost"})
        for ticket in ("1", "2", "1", "2", "2")
    ]
    asked: list[tuple[int, int, int]] = []

    def is_alive(session_id: int, person_id: int, station_id: int) -> bool:
        asked.append((session_id, person_id, station_id))
        return session_id == 1

    assert sockets.recheck(is_alive) == 3
    assert sorted(asked) == [(1, 10, 1), (2, 20, 1)]
    assert [wall.is_connected() for wall in walls] == [True, False, True, False, False]
    assert sockets.count == 2
