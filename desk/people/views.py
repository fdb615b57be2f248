"""Sign-in, sign-out, the own session: pages and the few addresses every page needs."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from desk import clock, db
from desk.people import actions
from desk.web import access, limits
from desk.web.access import public, signed_in
from desk.web.pages import first_page

people = Blueprint("people", __name__)


@people.get("/")
@signed_in
def home() -> AnyResponse:
    return redirect(first_page())


@people.get("/signin")
@public
def show_sign_in() -> str | AnyResponse:
    if access.me_or_none() is not None:
        return redirect(first_page())
    return render_template("signin/signin.html", page="signin", next=_safe_next(request.args.get("next")), error=None)


@people.post("/signin")
@public
@limits.sign_in
def sign_in() -> AnyResponse | tuple[str, int]:
    email, password = request.form.get("email", ""), request.form.get("password", "")
    try:
        with db.transaction() as transaction:
            token = actions.sign_in_by_password(transaction, email, password, at=clock.now())
    except actions.SignInRefused as refused:
        page = render_template(
            "signin/signin.html",
            page="signin",
            next=_safe_next(request.form.get("next")),
            error=_(refused.message),
            email=email,
        )
        return page, 401
    return _enter(token, _safe_next(request.form.get("next")))


@people.get("/signin/link/<token>")
@public
def show_link(token: str) -> str:
    """A page with one button: mail scanners follow links, and that must not use them up."""
    return render_template("signin/link.html", page="signin", token=token, error=None)


@people.post("/signin/link/<token>")
@public
@limits.sign_in_by_link
def use_link(token: str) -> AnyResponse | tuple[str, int]:
    try:
        with db.transaction() as transaction:
            session_token = actions.sign_in_by_link(transaction, token, at=clock.now())
    except actions.LinkUsed as refused:
        return render_template("signin/link.html", page="signin", token=None, error=_(refused.message)), 403
    return _enter(session_token, None)


def _enter(token: str, target: str | None) -> AnyResponse:
    session.clear()
    session[access.TOKEN] = token
    return redirect(target or url_for("people.home"), 303)


@people.post("/signout")
@signed_in
def sign_out() -> AnyResponse:
    identity = access.me()
    with db.transaction() as transaction:
        actions.sign_out(transaction, identity.session_id, identity.id, at=clock.now())
    access.sockets_of_app().close_session(identity.session_id)
    session.clear()
    response = redirect(url_for("people.show_sign_in"), 303)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@people.post("/session/station")
@signed_in
def choose_station() -> AnyResponse:
    identity = access.me()
    with db.transaction() as transaction:
        actions.choose_station(transaction, identity, request.form.get("station_id", 0, type=int))
    access.sockets_of_app().close_session(identity.session_id)
    return redirect(_safe_next(request.form.get("next")) or url_for("people.home"), 303)


@people.post("/session/looks")
@signed_in
def choose_looks() -> AnyResponse:
    with db.transaction() as transaction:
        actions.choose_looks(
            transaction, access.me().id, locale=request.form.get("locale"), theme=request.form.get("theme")
        )
    return redirect(_safe_next(request.form.get("next")) or url_for("people.home"), 303)


@people.post("/api/v1/socket-ticket")
@signed_in
def make_ticket() -> Response:
    identity = access.me()
    with db.transaction() as transaction:
        ticket = actions.make_ticket(transaction, identity, at=clock.now())
    station_id = identity.station.id if identity.station else None
    return jsonify({"ticket": ticket, "station": station_id, "now": clock.iso(clock.now())})


def _safe_next(target: str | None) -> str | None:
    """Only paths of our own: an open redirect would make our sign-in somebody else's bait."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return None
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc else None
