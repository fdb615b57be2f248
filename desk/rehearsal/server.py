"""The rehearsal server: its parts put together, and gunicorn around them.

One worker process with threads; the deliveries and the morning run inside it. `serve` is the
door for the command line, `create_app` builds the application without starting any thread.
It starts in rehearsal mode only, so production settings cannot start it.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import threading
from dataclasses import dataclass
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from werkzeug.routing import BaseConverter

from .cast import Cast, read_cast
from .config import RehearsalConfig
from .control import control
from .delivery import Delivery
from .graph import graph
from .ledger import Ledger
from .making import Making
from .morning import Morning
from .phone import phone
from .sending import Sender

THREADS = 24
UPLOAD_LIMIT_BYTES = 140 * 1024 * 1024  # above the provider's 100 MB, so that its refusal can be played

log = logging.getLogger("desk.rehearsal")


class WrongMode(Exception):
    """The rehearsal was asked for outside rehearsal mode."""


class _Regex(BaseConverter):
    def __init__(self, url_map: Any, pattern: str) -> None:
        super().__init__(url_map)
        self.regex = pattern


@dataclass(frozen=True)
class Rehearsal:
    """The parts of one server, found by the views in app.extensions["rehearsal"]."""

    sender: Sender
    delivery: Delivery
    making: Making
    morning: Morning
    cast: Cast
    link_key: bytes

    def start(self) -> None:
        self.delivery.start()
        self.making.start()
        if self.sender.config.morning:
            self.morning.start()

    def stop(self) -> None:
        self.morning.stop()
        self.making.stop()
        self.delivery.stop()


def create_app(config: RehearsalConfig) -> Flask:
    """Build the application and its parts; `app.extensions["rehearsal"].start()` sets them going."""
    app = Flask(__name__, static_folder="static", static_url_path="/phone/static")
    app.config["MAX_CONTENT_LENGTH"] = UPLOAD_LIMIT_BYTES
    app.json.ensure_ascii = True  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.converters["regex"] = _Regex
    ledger = Ledger(config.data_dir / "rehearsal.sqlite3")
    delivery = Delivery(config.stations, ledger)

    def wake() -> None:
        making.wake()
        delivery.wake()

    sender = Sender(config, ledger, wake)
    making = Making(sender, delivery.wake)
    delivery.sender = sender
    cast = read_cast()
    app.extensions["rehearsal"] = Rehearsal(sender, delivery, making, Morning(sender, cast), cast, _link_key(ledger))
    for blueprint in (graph, control, phone):
        app.register_blueprint(blueprint)
    app.get("/healthz")(lambda: {"status": "ok"})
    return app


def _link_key(ledger: Ledger) -> bytes:
    """The key of the download links; kept, so that a restart does not break links given out."""
    with ledger.writing():
        known = ledger.note("link_key") or secrets.token_hex(32)
        ledger.keep_note("link_key", known)
    return bytes.fromhex(known)


class _Gunicorn(BaseApplication):  # type: ignore[misc]
    """gunicorn with our options and nothing from its own files or environment."""

    def __init__(self, config: RehearsalConfig) -> None:
        self._config = config
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": [f"{self._config.host}:{self._config.port}"],
            "worker_class": "gthread",
            "workers": 1,
            "threads": THREADS,
            "timeout": 120,
            "graceful_timeout": 5,
            "control_socket_disable": True,
            "proc_name": "desk-rehearsal",
            "post_worker_init": lambda worker: worker.wsgi.extensions["rehearsal"].start(),
            "worker_exit": _stop,
        }
        for name, value in options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app(self._config)


def _stop(arbiter: Any, worker: Any) -> None:
    app = getattr(worker, "wsgi", None)
    if app is not None:
        app.extensions["rehearsal"].stop()


def _follow_parent() -> None:
    """Started by a supervisor: stop when it is gone, so that a killed one leaves no number behind."""
    named = os.environ.get("DESK_SUPERVISED", "")
    if not named.isdecimal():
        return
    parent = int(named)
    pause = threading.Event()

    def watch() -> None:
        while os.getppid() == parent:
            pause.wait(1.0)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="tether", daemon=True).start()


def serve(config: RehearsalConfig) -> None:
    """Run until stopped. Raises WrongMode unless DESK_MODE says rehearsal."""
    if os.environ.get("DESK_MODE") != "rehearsal":
        raise WrongMode("The rehearsal number starts only with DESK_MODE=rehearsal.")
    config.data_dir.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    _follow_parent()
    _Gunicorn(config).run()
