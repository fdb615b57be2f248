"""Signing in by link and password, what a session lives on, and how it ends."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from argon2 import extract_parameters
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from desk import clock, db
from desk.people import actions as people
from desk.people.models import Membership, Person, StaffSession
from tests.desk_fixtures import Browser, Cast

PASSWORD = "ein langes Passwort"


def form_token(client: FlaskClient, path: str = "/signin") -> str:
    found = re.search(r'name="csrf_?-?token"[^>]*(?:content|value)="([^"]+)"', client.get(path).text)
    assert found is not None
    return found.group(1)


def sign_in_by_password(client: FlaskClient, email: str, password: str, **more: str) -> tuple[int, str]:
    data = {"email": email, "password": password, "csrf_token": form_token(client), **more}
    answer = client.post("/signin", data=data)
    return answer.status_code, answer.headers.get("Location", "") or answer.text


@pytest.fixture
def with_password(app: Flask, cast: Cast) -> FlaskClient:
    with db.transaction() as session:
        people.set_password(session, session.get_one(Person, cast.nia), PASSWORD)
    return app.test_client()


def test_a_password_opens_a_session(with_password: FlaskClient) -> None:
    status, target = sign_in_by_password(with_password, "Nia@example.org", PASSWORD)

    assert (status, target) == (303, "/")
    assert with_password.get("/api/v1/cards").status_code == 200


def test_wrong_password_and_unknown_person_answer_alike(with_password: FlaskClient) -> None:
    wrong = sign_in_by_password(with_password, "nia@example.org", "falsch")
    unknown = sign_in_by_password(with_password, "nobody@example.org", "falsch")

    assert wrong[0] == unknown[0] == 401
    blank = [
        re.sub(r'[\w.-]+@example\.org|nonce="[^"]+"|content="[^"]+"|value="[^"]*"', "", page)
        for _s, page in (wrong, unknown)
    ]
    assert blank[0] == blank[1]


def test_an_unknown_person_costs_the_desk_as_much_as_a_wrong_password(with_password: FlaskClient) -> None:
    with db.reading() as session:
        known = session.execute(select(Person.password_hash).where(Person.password_hash.is_not(None))).scalar_one()

    assert extract_parameters(people._nothing) == extract_parameters(str(known))


@pytest.mark.parametrize(
    ("wanted", "target"),
    [("/wall", "/wall"), ("//evil.example", "/"), ("https://evil.example/", "/"), ("/\\evil.example", "/")],
)
def test_after_signing_in_only_own_pages_follow(with_password: FlaskClient, wanted: str, target: str) -> None:
    assert sign_in_by_password(with_password, "nia@example.org", PASSWORD, next=wanted) == (303, target)


def test_guessing_is_braked_per_account(with_password: FlaskClient) -> None:
    statuses = [sign_in_by_password(with_password, "nia@example.org", "falsch")[0] for _ in range(11)]

    assert statuses == [401] * 10 + [429]


def test_a_link_works_once_and_not_by_being_looked_at(app: Flask, cast: Cast) -> None:
    with db.transaction() as session:
        token = people.make_link(session, session.get_one(Person, cast.nia), at=clock.now())
    client, path = app.test_client(), f"/signin/link/{token}"

    looked = [client.get(path).status_code for _ in range(3)]
    first = client.post(path, data={"csrf_token": form_token(client, path)})
    again = app.test_client()
    second = again.post(path, data={"csrf_token": form_token(again)})

    assert looked == [200, 200, 200]
    assert (first.status_code, second.status_code) == (303, 403)
    assert client.get("/api/v1/cards").status_code == 200
    assert again.get("/api/v1/cards").status_code == 401


def test_a_whole_team_signs_in_by_links_at_once_and_guessing_them_is_braked(app: Flask, cast: Cast) -> None:
    with db.transaction() as session:
        nia = session.get_one(Person, cast.nia)
        links = [people.make_link(session, nia, at=clock.now()) for _ in range(25)]
    guesser = app.test_client()
    data = {"csrf_token": form_token(guesser)}

    opened = []
    for link in links:
        member = app.test_client()
        token = form_token(member, f"/signin/link/{link}")
        opened.append(member.post(f"/signin/link/{link}", data={"csrf_token": token}).status_code)
    guessed = [guesser.post(f"/signin/link/{number}", data=data).status_code for number in range(21)]

    assert opened == [303] * 25
    assert guessed == [403] * 20 + [429]


def test_a_link_of_yesterday_is_refused(app: Flask, cast: Cast) -> None:
    with db.transaction() as session:
        person = session.get_one(Person, cast.nia)
        token = people.make_link(session, person, at=clock.now() - timedelta(hours=24, seconds=1))
        with pytest.raises(people.LinkUsed):
            people.sign_in_by_link(session, token, at=clock.now())


def test_signing_out_ends_the_session_everywhere(sign_in: Callable[[str], Browser], app: Flask) -> None:
    nia = sign_in("nia")
    with nia.client.session_transaction() as cookie:
        stolen = dict(cookie)
    answer = nia.post("/signout")
    thief = app.test_client()
    with thief.session_transaction() as cookie:
        cookie.update(stolen)

    assert answer.status_code == 303
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert thief.get("/api/v1/cards").status_code == 401


@pytest.mark.parametrize("age", [{"seen_at": timedelta(minutes=31)}, {"created_at": timedelta(hours=12, seconds=1)}])
def test_a_session_ends_by_idleness_and_by_age(sign_in: Callable[[str], Browser], age: dict[str, timedelta]) -> None:
    nia = sign_in("nia")
    with db.transaction() as session:
        session.execute(update(StaffSession).values({name: clock.now() - by for name, by in age.items()}))

    assert nia.get("/api/v1/cards").status_code == 401


def test_a_person_who_is_disabled_is_out_at_once(sign_in: Callable[[str], Browser], cast: Cast) -> None:
    nia = sign_in("nia")
    with db.transaction() as session:
        session.get_one(Person, cast.nia).disabled_at = clock.now()

    assert nia.get("/api/v1/cards").status_code == 401


def test_a_role_that_is_taken_counts_at_the_next_request(sign_in: Callable[[str], Browser], cast: Cast) -> None:
    nia = sign_in("nia")
    before = nia.get("/api/v1/cards").status_code
    with db.transaction() as session:
        session.execute(update(Membership).where(Membership.person_id == cast.nia).values(role="presenter"))

    assert (before, nia.get("/api/v1/cards").status_code) == (200, 403)


def test_a_foreign_station_cannot_be_chosen(sign_in: Callable[[str], Browser], cast: Cast) -> None:
    nia = sign_in("nia")

    answer = nia.client.post("/session/station", data={"station_id": cast.oldie95}, headers=nia._headers())

    assert answer.status_code == 403


def test_the_session_cookie_is_for_the_server_alone(with_password: FlaskClient) -> None:
    token = form_token(with_password)
    answer = with_password.post("/signin", data={"email": "nia@example.org", "password": PASSWORD, "csrf_token": token})

    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
