"""Open walls against a real server: who may connect, what they hear, and when they are cut off."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import socketio
from sqlalchemy.orm import Session

from desk import clock, db, factory
from desk.people import actions as people
from desk.people.models import Person
from desk.settings import Settings, load_settings
from desk.wall import actions
from tests.desk_fixtures import Cast, add_cast
from tests.servers import free_port, wait_until
from tests.wall.builders import a_card

TOP = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Settings]:
    """One open house for all of these tests: their server takes longer to start than each of them lasts."""
    data_dir = tmp_path_factory.mktemp("sockets")
    shutil.copy(migrated_sqlite, data_dir / "desk.db")
    settings = load_settings({"DESK_MODE": "rehearsal", "DESK_DATA_DIR": str(data_dir), "DESK_BIND": "127.0.0.1:8080"})
    factory.open_house(settings)
    yield settings
    db.current().dispose()


@pytest.fixture(scope="module")
def cast(house: Settings) -> Cast:
    with db.transaction() as session:
        return add_cast(session)


@pytest.fixture(scope="module")
def address(house: Settings, cast: Cast) -> Iterator[str]:
    """A real web server on the house's data; its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "DESK_MODE": "rehearsal",
        "DESK_DATA_DIR": str(house.data_dir),
        "DESK_BIND": f"127.0.0.1:{port}",
        "DESK_PUBLIC_URL": url,
    }
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-k",
        "gthread",
        "-w",
        "1",
        "--threads",
        "16",
        "-b",
        f"127.0.0.1:{port}",
    ]
    with (house.data_dir / "web.log").open("w") as log:
        server = subprocess.Popen([*command, "desk.wsgi:app"], env=environment, cwd=TOP, stdout=log, stderr=log)
    try:
        wait_until(lambda: _answers(url), "the web server's first answer", limit_s=60)
        yield url
    finally:
        server.terminate()
        server.wait(15)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=2).ok
    except requests.RequestException:
        return False


@dataclass
class Screen:
    """A browser with one socket and everything it heard."""

    address: str
    http: requests.Session
    client: Any = field(default_factory=lambda: socketio.Client(reconnection=False))
    heard: list[dict[str, Any]] = field(default_factory=list)

    def post(self, path: str, **kwargs: Any) -> requests.Response:
        page = self.http.get(f"{self.address}/wall", timeout=20)
        token = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
        headers = {"X-CSRFToken": token.group(1) if token else "", "Referer": self.address}
        return self.http.post(f"{self.address}{path}", headers=headers, timeout=20, **kwargs)

    def ticket(self) -> str:
        return str(self.post("/api/v1/socket-ticket", json={}).json()["ticket"])

    def connect(self, ticket: str | None, origin: str | None = None) -> None:
        self.client.on("event", self.heard.append)
        self.client.eio.websocket_extra_options["origin"] = origin or self.address
        auth = {"ticket": ticket} if ticket else {}
        self.client.connect(self.address, auth=auth, transports=["websocket"], wait_timeout=20)

    @property
    def numbers(self) -> list[int]:
        return [event["seq"] for event in self.heard]

    def wall_events(self) -> list[str]:
        return [event["kind"] for event in self.heard if event["kind"].startswith("card.")]


@pytest.fixture
def open_screen(address: str, cast: Cast) -> Iterator[Callable[[str], Screen]]:
    """`open_screen("nia")` signs Nia in over HTTP."""
    opened: list[Screen] = []

    def enter(name: str) -> Screen:
        with db.transaction() as session:
            link = people.make_link(session, session.get_one(Person, getattr(cast, name)), at=clock.now())
        http = requests.Session()
        page = http.get(f"{address}/signin/link/{link}", timeout=20).text
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert token is not None
        data = {"csrf_token": token.group(1)}
        answer = http.post(f"{address}/signin/link/{link}", data=data, allow_redirects=False, timeout=20)
        assert answer.status_code == 303
        opened.append(Screen(address, http))
        return opened[-1]

    yield enter
    for screen in opened:
        screen.client.disconnect()
        screen.client.shutdown()
        screen.http.close()


def place(cast: Cast, text: str) -> int:
    with db.transaction() as session:
        return a_card(session, cast.rheinwelle, text=text, sent_at=clock.now()).id


def test_a_socket_needs_a_fresh_ticket_from_the_page(open_screen: Callable[[str], Screen]) -> None:
    nia = open_screen("nia")
    ticket = nia.ticket()
    with pytest.raises(socketio.exceptions.ConnectionError):
        nia.connect(None)
    with pytest.raises(socketio.exceptions.ConnectionError):
        nia.connect("made-up")

    nia.connect(ticket)
    assert nia.client.connected
    nia.client.disconnect()

    with pytest.raises(socketio.exceptions.ConnectionError):
        nia.connect(ticket)


@pytest.mark.parametrize("origin", ["null", "http://evil.example", "http://127.0.0.1:1"])
def test_a_socket_from_another_site_is_refused(open_screen: Callable[[str], Screen], origin: str) -> None:
    nia = open_screen("nia")

    with pytest.raises(socketio.exceptions.ConnectionError):
        nia.connect(nia.ticket(), origin)


def test_a_committed_card_is_heard_with_its_number_and_a_sleeper_catches_up(
    open_screen: Callable[[str], Screen], cast: Cast
) -> None:
    nia = open_screen("nia")
    nia.connect(nia.ticket())
    card_id = place(cast, "Guten Morgen")
    wait_until(lambda: "card.placed" in nia.wall_events(), "the card on the wall")
    awake = max(nia.numbers)
    nia.client.disconnect()

    decide(cast, card_id)
    place(cast, "Und noch eine")
    missed = nia.http.get(f"{nia.address}/api/v1/events?after={awake}", timeout=20).json()

    heard = [event["seq"] for event in missed["events"]]
    assert heard == list(range(awake + 1, awake + 1 + len(heard)))
    assert next(event["kind"] for event in missed["events"] if event["kind"].startswith("card.")) == "card.changed"
    assert missed["seq"] >= heard[-1]
    assert nia.http.get(f"{nia.address}/api/v1/events?after=999999", timeout=20).json()["reload"] is True


def decide(cast: Cast, card_id: int) -> None:
    with db.transaction() as session:
        actions.move_card(session, cast.rheinwelle, card_id, to="rejected", version=1, by=cast.nia, at=clock.now())


def test_presenters_and_other_stations_hear_nothing_of_the_wall(
    open_screen: Callable[[str], Screen], cast: Cast
) -> None:
    nia, sam, otto = (open_screen(name) for name in ("nia", "sam", "otto"))
    for screen in (nia, otto):
        screen.connect(screen.ticket())
    sam.client.on("event", sam.heard.append)
    sam_ticket = ticket_of(sam, cast)
    sam.connect(sam_ticket)

    place(cast, "Nur für die Wall")
    newest = nia.http.get(f"{nia.address}/api/v1/events?after=0", timeout=20).json()["seq"]
    wait_until(lambda: newest in nia.numbers, "the card on Nia's wall")

    assert "card.placed" in nia.wall_events()
    assert sam.wall_events() == otto.wall_events() == []
    wait_until(lambda: max(nia.numbers) in sam.numbers, "the numbers at Sam's")
    assert sam.numbers == list(range(sam.numbers[0], sam.numbers[0] + len(sam.numbers))), "no gap to ask about"
    assert [event["payload"] for event in sam.heard if event["kind"] == "unheard"][-1] == {}
    assert otto.heard == []
    missed = sam.http.get(f"{sam.address}/api/v1/events?after=0", timeout=20).json()
    assert [event for event in missed["events"] if event["kind"].startswith(("card.", "message."))] == []


def ticket_of(_screen: Screen, cast: Cast) -> str:
    """A ticket for Sam, whose pages are none of the wall's."""
    with db.transaction() as session:
        identity = _identity(session, cast.sam)
        return people.make_ticket(session, identity, at=clock.now())


def _identity(session: Session, person_id: int) -> Any:
    from sqlalchemy import select

    from desk.people.models import StaffSession

    row = session.execute(
        select(StaffSession).where(StaffSession.person_id == person_id).order_by(StaffSession.id.desc()).limit(1)
    ).scalar_one()
    return people.queries.identity_of(session, row, session.get_one(Person, person_id))


def test_signing_out_cuts_the_socket_within_five_seconds(open_screen: Callable[[str], Screen]) -> None:
    nia = open_screen("nia")
    nia.connect(nia.ticket())

    nia.post("/signout", allow_redirects=False)

    wait_until(lambda: not nia.client.connected, "the end of the socket", limit_s=5)


def test_sockets_only_listen(open_screen: Callable[[str], Screen]) -> None:
    nia = open_screen("nia")
    nia.connect(nia.ticket())

    refused = nia.client.call("card.move", {"id": 1, "to": "aired"}, timeout=20)
    clock_says = nia.client.call("ping_clock", timeout=20)

    assert refused["error"]["code"] == "socket.unknown_event"
    assert clock_says["now"].endswith("Z")
