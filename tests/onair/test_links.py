"""A link to what may go to air: works without signing in, for minutes, and only as long as its maker could fetch it."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select, update

from desk import clock, db
from desk.live.models import AuditRow
from desk.media import links
from desk.media.models import Asset
from desk.people import queries as people
from desk.people.models import Membership, Person, StaffSession
from desk.wall import actions as wall
from desk.wall.models import Card
from tests.desk_fixtures import Browser, Cast
from tests.onair import stage

SignIn = Callable[[str], Browser]


@dataclass(frozen=True)
class Linked:
    slot: int
    card: int
    asset: int
    address: str
    sound: bytes

    @property
    def token(self) -> str:
        return self.address.partition("=")[2]


@pytest.fixture
def linked(cast: Cast, sign_in: SignIn) -> Linked:
    """A cleared voice and the link Sam copied for it."""
    with db.transaction() as session:
        slot, card, asset = stage.a_cart(session, cast.rheinwelle, cast.nia, at=clock.now(), first_name="Siobhán")
        ids = slot.id, card.id, asset.id
    sam = sign_in("sam")
    answer = sam.post(f"/api/v1/studio/slots/{ids[0]}/link")
    assert answer.status_code == 200
    return Linked(*ids, answer.json["address"], sam.get(f"/studio/media/{ids[0]}/broadcast").data)


@pytest.fixture
def playout(app: Flask) -> FlaskClient:
    """A program that is signed in nowhere."""
    return app.test_client()


def refusal(playout: FlaskClient, address: str) -> tuple[int, str]:
    answer = playout.get(address)
    return answer.status_code, answer.json["error"]["code"] if answer.is_json else ""


def test_a_program_fetches_the_very_bytes_and_names_them(playout: FlaskClient, linked: Linked) -> None:
    answer = playout.get(linked.address)

    assert (answer.status_code, answer.data) == (200, linked.sound)
    assert answer.headers["Content-Disposition"].endswith(f"_Siobhan_{linked.card}.wav")
    assert (answer.headers["Cache-Control"], answer.headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "Set-Cookie" not in answer.headers


def test_a_link_is_for_reading_alone_in_whole_or_in_part(playout: FlaskClient, linked: Linked) -> None:
    part = playout.get(linked.address, headers={"Range": "bytes=2-5"})

    assert (part.status_code, part.data) == (206, linked.sound[2:6])
    assert {playout.open(linked.address, method=method).status_code for method in ("PUT", "DELETE")} <= {403, 405}
    assert playout.head(linked.address).status_code == 200


def test_a_link_says_until_when_names_nobody_and_is_audited(sign_in: SignIn, linked: Linked, cast: Cast) -> None:
    answer = sign_in("nia").post(f"/api/v1/studio/slots/{linked.slot}/link").json
    left = datetime.fromisoformat(answer["until"].replace("Z", "+00:00")) - clock.now()
    said = base64.urlsafe_b64decode(linked.token.partition(".")[0] + "==")
    with db.reading() as session:
        wanted = select(AuditRow.object, AuditRow.by_person_id).where(AuditRow.act == "media.link")
        rows = [tuple(row) for row in session.execute(wanted.order_by(AuditRow.id))]

    assert timedelta(seconds=290) < left <= timedelta(seconds=300)
    assert b"Siob" not in said
    assert rows == [(f"playout:{linked.slot}", cast.sam), (f"playout:{linked.slot}", cast.nia)]


def test_a_link_that_has_run_out_says_so(playout: FlaskClient, linked: Linked, cast: Cast) -> None:
    with db.transaction() as session:
        session_id = session.execute(
            select(func.max(StaffSession.id)).where(StaffSession.person_id == cast.sam)
        ).scalar_one()
        sam = people.find_identity_of_session(session, session_id, at=clock.now())
        assert sam is not None
        address, until = links.make_link(
            session, "playout", linked.slot, "broadcast", by=sam, station_id=cast.rheinwelle,
            at=clock.now() - timedelta(seconds=301),
        )  # fmt: skip

    assert until <= clock.now()
    assert refusal(playout, address) == (404, "media.link_expired")


def test_a_changed_link_opens_nothing(playout: FlaskClient, linked: Linked) -> None:
    for token in (linked.token[:-1], linked.token[1:], "", linked.token.swapcase()):
        assert refusal(playout, f"{links.ADDRESS}?t={token}") == (404, "media.no_link")


def end(session: Any, linked: Linked, how: str, cast: Cast) -> None:
    card, at = session.get_one(Card, linked.card), clock.now()
    match how:
        case "role taken away":
            session.execute(delete(Membership).where(Membership.person_id == cast.sam))
        case "another role":
            session.execute(update(Membership).where(Membership.person_id == cast.sam).values(role="admin"))
        case "person disabled":
            session.get_one(Person, cast.sam).disabled_at = at
        case "signed out":
            session.execute(update(StaffSession).where(StaffSession.person_id == cast.sam).values(ended_at=at))
        case "at another station now":
            session.execute(update(Membership).where(Membership.person_id == cast.sam).values(station_id=cast.oldie95))
        case "withdrawn":
            wall.withdraw_card(session, card, at=at)
        case "consent withdrawn":
            wall.set_consent(session, cast.rheinwelle, card.id, "withdrawn", by=cast.nia, at=at)
        case "rendered anew":
            stage.render(session, session.get_one(Asset, linked.asset), "broadcast", b"other bytes")


ENDS = (
    "role taken away", "another role", "person disabled", "signed out", "at another station now", "withdrawn",
    "consent withdrawn", "rendered anew",
)  # fmt: skip


def test_a_link_ends_with_the_right_or_the_item(linked: Linked, cast: Cast) -> None:
    for how in ENDS:
        with db.transaction() as session:
            links.open_link(session, linked.token, at=clock.now())
            end(session, linked, how, cast)
            session.flush()
            session.expire_all()
            with pytest.raises(links.NoLink):
                pytest.fail(f"{how}: {links.open_link(session, linked.token, at=clock.now())}")
            session.rollback()


def test_a_link_does_not_open_what_was_cleared_anew_with_other_bytes(
    playout: FlaskClient, linked: Linked, cast: Cast
) -> None:
    with db.transaction() as session:
        card, asset = session.get_one(Card, linked.card), session.get_one(Asset, linked.asset)
        stage.render(session, asset, "broadcast", b"other bytes")
        wall.refresh_card(session, card, at=clock.now())
        session.flush()
        stage.actions.vet(
            session, cast.rheinwelle, card.id, stage.sound_of(session, asset), by=cast.nia, at=clock.now()
        )

    assert refusal(playout, linked.address) == (404, "media.no_link")


def test_only_who_may_fetch_the_file_gets_a_link(sign_in: SignIn, linked: Linked) -> None:
    path = f"/api/v1/studio/slots/{linked.slot}/link"

    assert [sign_in(name).post(path).status_code for name in ("nia", "omar", "otto")] == [200, 403, 404]


def test_guessing_is_slowed_down_fetching_is_not_and_neither_is_logged(
    playout: FlaskClient, linked: Linked, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fetched = {playout.get(linked.address, headers={"Range": f"bytes={at % 9}-"}).status_code for at in range(25)}
    guessed = [playout.get(f"{linked.address}8").status_code for _ in range(21)]

    assert fetched == {206}
    assert guessed == [404] * 20 + [429]
    assert "exceeded" in caplog.text
    assert linked.token not in caplog.text
