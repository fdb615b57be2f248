"""Puts the web together on an open house; the only file that knows the views of every room."""

from __future__ import annotations

import importlib
import pkgutil
from datetime import timedelta
from pathlib import Path

from flask import Flask
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

import desk
from desk import clock, db
from desk.identity import Identity
from desk.intake import backfilling
from desk.jobs import gauges as job_gauges
from desk.live.relay import Relay
from desk.opening import ROOMS, open_house
from desk.people import actions as people_actions
from desk.people import queries as people_queries
from desk.people import rules as people_rules
from desk.settings import Settings
from desk.web import access, headers, health, limits, openapi, pages, replies
from desk.web.sockets import Sockets

ROOT = Path(__file__).resolve().parent.parent


def create_app(given: Settings | None = None) -> Flask:
    """The web application, with the event relay running. Raises SettingsFault with every fault at once."""
    opened = open_house(given)
    app = Flask(
        "desk", root_path=str(Path(desk.__file__).parent), template_folder=str(ROOT / "templates"),
        static_folder=str(Path(desk.__file__).parent / "static"),
    )  # fmt: skip
    app.config.update(
        SECRET_KEY=opened.secret_key,
        SESSION_COOKIE_NAME="__Host-desk" if opened.is_tls else "desk",
        SESSION_COOKIE_SECURE=opened.is_tls,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
        MAX_CONTENT_LENGTH=opened.webhook_max_bytes,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,  # Referrer-Policy is no-referrer; Sec-Fetch-Site is checked instead
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(days=365),
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    if opened.trusted_proxies:
        hops = opened.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    headers.install(app, is_tls=opened.is_tls)
    pages.install(app, static_folder=Path(desk.__file__).parent / "static")
    csrf = CSRFProtect()
    access.install(app, _load_identity)
    csrf.init_app(app)
    limits.install(app, opened.redis_url)
    replies.install(app)
    _add_views(app, csrf, opened)
    db.current().keep_log_short()
    if opened.role != "ingest":
        _add_sockets(app, opened)
    return app


def _add_views(app: Flask, csrf: CSRFProtect, opened: Settings) -> None:
    app.register_blueprint(health.health)
    app.extensions["desk.gauges"] = (job_gauges.collect, backfilling.collect)
    app.register_blueprint(openapi.interface)
    for room in ROOMS:
        package = importlib.import_module(f"desk.{room}")
        if not any(found.name == "views" for found in pkgutil.iter_modules(package.__path__)):
            continue
        if opened.role == "ingest" and room != "intake":
            continue
        views = importlib.import_module(f"desk.{room}.views")
        blueprint = getattr(views, room)
        app.register_blueprint(blueprint)
        if room == "intake":
            csrf.exempt(blueprint)  # deliveries carry a signature instead


def _add_sockets(app: Flask, opened: Settings) -> None:
    sockets = Sockets(
        app, most=opened.max_sockets, public_url=opened.public_url, redeem=_redeem, redis_url=opened.redis_url
    )
    app.extensions["desk.sockets"] = sockets
    relay = Relay(db.current(), sockets.deliver)
    app.extensions["desk.relay"] = relay
    relay.start()
    sockets.watch(_is_socket_alive)


def _load_identity(token: str) -> Identity | None:
    at = clock.now()
    with db.reading() as session:
        identity = people_queries.find_identity(session, token, at=at)
    if identity is not None and people_rules.needs_a_mark(identity.seen_at, at):
        with db.transaction() as session:
            people_actions.mark_seen(session, token, at=at)
    return identity


def _redeem(ticket: str) -> Identity | None:
    with db.transaction() as session:
        return people_actions.redeem_ticket(session, ticket, at=clock.now())


def _is_socket_alive(session_id: int, person_id: int, station_id: int) -> bool:
    with db.reading() as session:
        return people_queries.is_socket_alive(session, session_id, person_id, station_id)
