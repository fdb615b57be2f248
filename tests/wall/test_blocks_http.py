"""Blocking over HTTP: who may, and what they are told."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from desk import clock, db
from desk.people import actions as people
from desk.people.models import Person, Station
from tests.desk_fixtures import SIX, Browser, Cast
from tests.wall.builders import a_card


def sign_in_as(app: Flask, cast: Cast, role: str) -> Browser:
    with db.transaction() as session:
        person: Person = people.add_person(session, f"{role}@example.org", role.title(), at=SIX)
        people.give_role(session, person, session.get_one(Station, cast.rheinwelle), role, by=None, at=SIX)
        token = people.sign_in_by_link(session, people.make_link(session, person, at=clock.now()), at=clock.now())
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["token"] = token
    return Browser(client)


def test_data_protection_may_lift_and_an_administrator_sees_no_content_for_it(app: Flask, cast: Cast) -> None:
    with db.transaction() as session:
        card_id = a_card(session, cast.rheinwelle, text="Drohung").id
    path = f"/api/v1/cards/{card_id}/block"
    admin, privacy = (sign_in_as(app, cast, role) for role in ("admin", "privacy"))

    by_admin = admin.post(path, {"length": "ever", "reason": "threats"})
    wrong = privacy.post(path, {"length": "year", "reason": "boredom"})
    details = privacy.get(f"/api/v1/cards/{card_id}").get_json()
    lifted = privacy.delete(path)

    assert (by_admin.status_code, set(by_admin.get_json())) == (200, {"undo_id"})
    assert (wrong.status_code, set(wrong.get_json()["error"]["fields"])) == (422, {"length", "reason"})
    assert (details["card"]["text"], details["conversation"], details["block"]["reason"]) == ("", [], "threats")
    assert (lifted.status_code, lifted.get_json()["card"]["text"]) == (200, "Drohung")
    assert privacy.delete(path).status_code == 409


def test_a_card_of_another_station_blocks_nobody(app: Flask, cast: Cast, sign_in: Callable[[str], Browser]) -> None:
    with db.transaction() as session:
        foreign = a_card(session, cast.oldie95)
    answer = sign_in("nia").post(f"/api/v1/cards/{foreign.id}/block", {"length": "hour", "reason": "other"})

    assert answer.status_code == 404
