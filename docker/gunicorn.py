"""How gunicorn serves the desk, on one machine and behind nginx alike.

One process per port, because open sockets live in it; webhooks may have processes of their own (DESK_ROLE=ingest).
The numbers come from the desk's settings, so that this file is the same everywhere.
"""

import signal
import socket
import threading
from types import FrameType
from typing import Any

from gunicorn import util

from desk import tether
from desk.settings import load_settings

_settings = load_settings()
_is_ingest = _settings.role == "ingest"

bind = _settings.bind
worker_class = "gthread"
workers = 2 if _is_ingest else 1
# every open wall occupies a thread for as long as it is open; 40 more answer plain requests
threads = 20 if _is_ingest else _settings.max_sockets + 40
worker_connections = 1000
graceful_timeout = 10
timeout = 60  # gthread's heartbeat is the worker's, not the request's: a long download is not a stuck worker
keepalive = 75
# otherwise every gunicorn of one user shares a single control socket in the home folder
control_socket_disable = True
accesslog = None  # the desk logs its requests itself, without personal data from paths and queries
forwarded_allow_ips = ""  # the desk reads X-Forwarded headers itself, by DESK_TRUSTED_PROXIES


def when_ready(server: Any) -> None:
    """Under `desk serve`, end with it."""
    tether.follow_parent()


def post_fork(server: Any, worker: Any) -> None:
    """Say goodbye to leaving connections aside.

    gunicorn 27's gthread waits up to two seconds in its one event loop for a client that asked to close and then
    keeps its side open: a single such client would hold up every other request of the process.
    """
    linger = util.close_graceful

    def linger_aside(leaving: socket.socket, **options: Any) -> None:
        threading.Thread(target=linger, args=(leaving,), kwargs=options, name="goodbye", daemon=True).start()

    util.close_graceful = linger_aside


def post_worker_init(worker: Any) -> None:
    """Close sockets on SIGTERM; without this one open wall holds the stop for the whole graceful_timeout."""
    if _is_ingest:
        return
    from desk.web.sockets import socketio

    stop = worker.handle_exit

    def close_sockets() -> None:
        engine = socketio.server.eio if socketio.server is not None else None  # another app may be served by this file
        for one in list(engine.sockets.values()) if engine else []:
            one.close(wait=False)

    def close_sockets_then_stop(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=close_sockets, daemon=True).start()
        stop(number, frame)

    signal.signal(signal.SIGTERM, close_sockets_then_stop)
