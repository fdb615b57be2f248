"""Opens the house for a process: its settings, log, database, store, queue, tables and job bodies; all begin with it.

The web is the factory's matter: a keeper, a worker and a command need none of it and do not read it in.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from desk import db, settings
from desk.jobs import dispatch
from desk.media import storage
from desk.settings import Settings
from media_store.stores import open_store

ROOMS = (
    "people", "shows", "listeners", "channels", "media", "conversations", "wall", "shortlist", "onair",
    "contests", "safety", "intake", "privacy", "reports", "house", "team",
)  # fmt: skip


def open_house(given: Settings | None = None) -> Settings:
    """Open everything a process of the desk needs. May be called again (tests do); the last call counts."""
    opened = given or settings.load_settings()
    settings.use(opened)
    set_up_logs(opened.log_level)
    opened.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    db.use(db.Database(opened.database_url))
    storage.use(open_store(opened.store_url, endpoint_url=opened.s3_endpoint_url, region=opened.s3_region))
    dispatch.use(dispatch.Doorbell(opened.queue_url))
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
