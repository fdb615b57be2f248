"""Puts the house together; the only file that knows every room.

`open_house` gives a process its settings, database, store, queue and job bodies; web, worker, keeper and commands
all begin with it. `create_app` adds the web.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
from datetime import timedelta
from pathlib import Path

import structlog
from flask import Flask
from flask_wtf.csrf import CSRFProtect
from structlog.tracebacks import ExceptionDictTransformer
from werkzeug.middleware.proxy_fix import ProxyFix

import desk
from desk import clock, db, settings
from desk.identity import Identity
from desk.intake import backfilling
from desk.jobs import dispatch
from desk.jobs import gauges as job_gauges
from desk.live.relay import Relay
from desk.media import storage
from desk.people import actions as people_actions
from desk.people import queries as people_queries
from desk.settings import Settings
from desk.web import access, headers, health, limits, openapi, pages, replies
from desk.web.sockets import Sockets
from media_store.stores import open_store

ROOT = Path(__file__).resolve().parent.parent
ROOMS = (
    "people", "shows", "listeners", "channels", "media", "conversations", "wall", "shortlist", "onair",
    "contests", "intake", "privacy", "reports", "house", "team",
)  # fmt: skip


def open_house(given: Settings | None = None) -> Settings:
    """Open everything a process of the desk needs. May be called again (tests do); the last call counts."""
    opened = given or settings.load_settings()
    settings.use(opened)
    set_up_logs(opened.log_level)
    opened.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    db.use(db.Database(opened.database_url))
    storage.use(open_store(opened.store_url, endpoint_url=opened.s3_endpoint_url, region=opened.s3_region))
    dispatch.use(dispatch.Doorbell(dispatch.open_queue(opened.queue_url)))
    import_rooms("models", "jobs", "follows")
    return opened


def import_rooms(*modules: str) -> None:
    """Import these modules of every room that has them, so that tables and job bodies are known."""
    for room in ("jobs", "live", *ROOMS):
        package = importlib.import_module(f"desk.{room}")
        for found in pkgutil.iter_modules(package.__path__):
            if found.name in modules:
                importlib.import_module(f"desk.{room}.{found.name}")


def set_up_logs(level: str) -> None:
    """JSON lines on standard error: what happened to which id, never text or numbers of listeners."""
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # without the values of variables: they hold what listeners wrote
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ],
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for noisy in ("alembic", "boto3", "botocore", "urllib3", "s3transfer", "PIL", "werkzeug", "engineio", "socketio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


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
        stale = identity is not None and people_queries.is_needing_a_mark(session, token, at=at)
    if stale:
        with db.transaction() as session:
            people_actions.mark_seen(session, token, at=at)
    return identity


def _redeem(ticket: str) -> Identity | None:
    with db.transaction() as session:
        return people_actions.redeem_ticket(session, ticket, at=clock.now())


def _is_socket_alive(session_id: int, person_id: int, station_id: int) -> bool:
    with db.reading() as session:
        return people_queries.is_socket_alive(session, session_id, person_id, station_id)
