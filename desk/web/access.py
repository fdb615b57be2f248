"""Who is asking, and may they: every view declares a guard, and what declares none is refused.

A guard is put on a view with `requires(permission)`, `signed_in` or `public`. Permissions per role are data
(permissions.toml). Identity is re-read from the session row at every request, so a changed role counts at once.
Sign-in itself is the room `people`; it hands its look-up to `install`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, abort, current_app, g, redirect, request, session, url_for
from werkzeug.exceptions import Unauthorized

from desk.errors import NotAllowed
from desk.identity import Identity, StationCard, permissions

PUBLIC, SIGNED_IN = "public", "signed-in"
TOKEN = "token"  # noqa: S105 - the cookie's field name


View = TypeVar("View", bound=Callable[..., Any])


def requires(permission: str) -> Callable[[View], View]:
    """Guard: the person holds `permission` at the station of the session."""
    if permission not in permissions():
        raise KeyError(f"{permission} is no permission of permissions.toml")

    def mark(view: View) -> View:
        view.__guard__ = permission  # type: ignore[attr-defined]
        return view

    return mark


def signed_in(view: View) -> View:
    """Guard: anybody who is signed in."""
    view.__guard__ = SIGNED_IN  # type: ignore[attr-defined]
    return view


def public(view: View) -> View:
    """Guard: everybody; the view itself proves what it must (a webhook's signature)."""
    view.__guard__ = PUBLIC  # type: ignore[attr-defined]
    return view


def guard_of(view: Callable[..., Any] | None) -> str | None:
    return getattr(view, "__guard__", None)


LoadIdentity = Callable[[str], Identity | None]


def install(app: Flask, load_identity: LoadIdentity) -> None:
    """Put the guards before every request of `app`; `load_identity` finds a person by the cookie's token."""

    @app.before_request
    def check() -> Response | None:
        if request.endpoint is None:
            return None
        guard = guard_of(app.view_functions.get(request.endpoint))
        if request.endpoint == "static":
            guard = PUBLIC
        if guard is None:
            raise NotAllowed("This address has no guard and is closed.", code="access.no_guard")
        _refuse_foreign_origin(guard)
        token = session.get(TOKEN)
        g.identity = load_identity(token) if isinstance(token, str) else None
        if guard == PUBLIC:
            return None
        if g.identity is None:
            return _ask_to_sign_in()
        if guard != SIGNED_IN and not g.identity.may(guard):
            raise NotAllowed(code="access.not_allowed")
        return None


def _refuse_foreign_origin(guard: str) -> None:
    """A browser says where a request comes from; changes from another site are refused before any token is read."""
    if request.method in ("GET", "HEAD", "OPTIONS") or (guard == PUBLIC and request.path.startswith("/webhooks/")):
        return
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise NotAllowed("This request came from another site.", code="access.foreign_origin")


def _ask_to_sign_in() -> Response:
    if wants_json():
        raise Unauthorized
    return redirect(url_for("people.show_sign_in", next=request.full_path.rstrip("?")))  # type: ignore[return-value]


def wants_json() -> bool:
    """Whether the asker reads JSON (the interface, media players, sockets) and not pages."""
    return request.path.startswith(("/api/", "/media/", "/webhooks/", "/healthz", "/readyz", "/metrics"))


def me() -> Identity:
    """The signed-in person of this request; behind a guard it is always there."""
    identity: Identity | None = g.get("identity")
    if identity is None:
        abort(401)
    return identity


def me_or_none() -> Identity | None:
    found: Identity | None = g.get("identity")
    return found


def my_station() -> StationCard:
    """The station of the session. Never taken from the request."""
    station = me().station
    if station is None:
        raise NotAllowed("You belong to no station yet.", code="access.no_station")
    return station


def sockets_of_app() -> Any:
    """The open sockets of this process (desk.web.sockets.Sockets)."""
    return current_app.extensions["desk.sockets"]
