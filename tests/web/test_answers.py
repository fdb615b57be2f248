"""Every answer has its headers, every error one shape, and no change is taken from another site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from desk.errors import Conflict, DeskError, Invalid, NotAllowed, NotFound, Unavailable
from desk.web.access import public
from tests.desk_fixtures import Browser

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Clash(Conflict):
    """A refusal with facts in its sentence."""

    code = "test.clash"
    message = "%(name)s was faster: shortlisted at %(time)s."

    def __init__(self) -> None:
        super().__init__({"id": 1})
        self.facts = {"name": "Nia", "time": "06:41"}


FAULTS: dict[str, tuple[Exception, int]] = {
    "not-found": (NotFound(), 404),
    "not-allowed": (NotAllowed(), 403),
    "invalid": (Invalid({"name": "This is needed."}), 422),
    "conflict": (Clash(), 409),
    "unavailable": (Unavailable(after_s=7), 503),
    "desk": (DeskError(), 500),
    "bug": (ZeroDivisionError("secret path /srv/desk"), 500),
}


@pytest.fixture
def broken(app: Flask) -> Flask:
    """The desk with addresses that fail in every way."""

    @public
    def fail(how: str) -> str:
        raise FAULTS[how][0]

    app.add_url_rule("/api/fail/<how>", "fail", fail)
    app.add_url_rule("/fail/<how>", "fail_page", fail)
    app.add_url_rule("/api/forgotten", "forgotten", lambda: "secret")
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


PATHS = [
    "/",
    "/signin",
    "/healthz",
    "/readyz",
    "/wall",
    "/api/v1/cards",
    "/nowhere",
    "/api/nowhere",
    "/static/mark.svg",
]


@pytest.mark.parametrize("path", [*PATHS, *(f"/api/fail/{how}" for how in FAULTS), *(f"/fail/{how}" for how in FAULTS)])
def test_every_answer_carries_the_security_headers(broken: Flask, path: str) -> None:
    answer = broken.test_client().get(path)
    headers = answer.headers

    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Permissions-Policy"].startswith("camera=(), microphone=()")
    assert "Access-Control-Allow-Origin" not in headers
    assert path.startswith("/static/") or (headers["Cache-Control"] == "no-store" and "Cookie" in headers["Vary"])
    answer.close()


@pytest.mark.parametrize("how", FAULTS)
def test_every_error_has_one_shape_and_tells_nothing_of_the_inside(broken: Flask, how: str) -> None:
    answer = broken.test_client().get(f"/api/fail/{how}", headers={"Accept-Language": "en"})

    assert answer.status_code == FAULTS[how][1]
    assert set(answer.get_json()) == {"error"}
    assert set(answer.get_json()["error"]) <= {"code", "message", "fields", "current"}
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


def test_a_conflict_brings_the_state_that_won_and_says_who_and_when(broken: Flask) -> None:
    error = broken.test_client().get("/api/fail/conflict", headers={"Accept-Language": "en"}).get_json()["error"]

    assert error == {
        "code": "test.clash",
        "message": "Nia was faster: shortlisted at 06:41.",
        "current": {"id": 1},
    }


def test_an_unavailable_part_says_when_to_try_again(broken: Flask) -> None:
    assert broken.test_client().get("/api/fail/unavailable").headers["Retry-After"] == "7"


def test_people_get_a_page_where_programs_get_json(broken: Flask) -> None:
    answer = broken.test_client().get("/fail/not-found")

    assert answer.mimetype == "text/html"


def test_an_address_without_a_guard_is_closed_to_everybody(broken: Flask, sign_in: Callable[[str], Browser]) -> None:
    answer = sign_in("nia").get("/api/forgotten")

    assert answer.status_code == 403
    assert "secret" not in answer.text


@pytest.mark.parametrize("headers", [{}, {"X-CSRFToken": "forged"}, {"X-CSRFToken": ""}])
def test_a_change_without_the_pages_token_is_refused(
    sign_in: Callable[[str], Browser], headers: dict[str, str]
) -> None:
    answer = sign_in("nia").client.post("/api/v1/socket-ticket", json={}, headers=headers)

    assert answer.status_code == 403
    assert answer.get_json()["error"]["code"] == "access.csrf"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_change_from_another_site_is_refused(sign_in: Callable[[str], Browser], site: str) -> None:
    nia = sign_in("nia")

    answer = nia.client.post("/api/v1/socket-ticket", json={}, headers={**nia._headers(), "Sec-Fetch-Site": site})

    assert answer.status_code == 403
    assert answer.get_json()["error"]["code"] == "access.foreign_origin"


def test_the_desk_is_alive_and_ready(app: Flask) -> None:
    client = app.test_client()

    assert client.get("/healthz").get_json() == {"ok": True}
    assert client.get("/readyz").get_json()["database"] == "ok"


@pytest.mark.parametrize(("asked", "says"), [("de", "Bitte"), ("en", "Please"), ("fr", "Bitte")])
def test_the_browser_chooses_the_language_until_the_person_does(app: Flask, asked: str, says: str) -> None:
    answer: Any = app.test_client().get("/api/v1/cards", headers={"Accept-Language": asked})

    assert answer.status_code == 401
    assert answer.get_json()["error"]["message"].startswith(says)


def test_figures_are_for_the_monitoring_system_alone(app: Flask) -> None:
    client = app.test_client()

    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "203.0.113.9"}).status_code == 403
