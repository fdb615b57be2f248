"""Starts and watches the processes of a desk on one machine.

A child that ends is started again after a growing pause; SIGTERM and SIGINT are passed on and waited for.
If this process is killed, the children notice (desk.tether) and end by themselves.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import click

from desk.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
START_LIMIT_S = 60.0
STOP_LIMIT_S = 75.0
LONGEST_PAUSE_S = 30.0


def web_command(settings: Settings) -> list[str]:
    """gunicorn with the desk's configuration; `settings` only shows that they are checked before it starts."""
    return [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "docker" / "gunicorn.py"), "desk.wsgi:app"]


def worker_command(settings: Settings) -> list[str]:
    """Huey's consumer: process workers, so that a time-out really ends one; SIGTERM lets the task finish."""
    options = ["-k", "process", "-w", str(settings.workers), "-g", "TERM", "-t", "60", "-d", "0.05", "-m", "0.2", "-q"]
    return [sys.executable, "-m", "huey.bin.huey_consumer", "desk.consumer.huey", *options]


def keeper_command() -> list[str]:
    return [sys.executable, "-m", "desk.cli", "keeper"]


@dataclass
class Child:
    """One process that must always be there."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    next_start: float = 0.0
    started: float = field(default=0.0)

    def start(self, environment: dict[str, str]) -> None:
        # A session of its own: Ctrl-C in the terminal reaches only the supervisor, which stops all in order.
        self.process = subprocess.Popen(self.command, env=environment, start_new_session=True, cwd=ROOT)
        self.started = time.monotonic()

    def look(self, environment: dict[str, str]) -> None:
        """Start the process again if it ended and its pause is over."""
        if self.process is not None and self.process.poll() is None:
            return
        now = time.monotonic()
        if self.process is not None:
            lived_s = now - self.started
            self.failures = 0 if lived_s > LONGEST_PAUSE_S else self.failures + 1
            self.next_start = now + min(LONGEST_PAUSE_S, 0.5 * 2**self.failures)
            click.echo(f"{self.name} ended with status {self.process.returncode}; it starts again.", err=True)
            self.process = None
        if now >= self.next_start:
            self.start(environment)


def run(settings: Settings) -> int:
    """Run everything until asked to stop; 0 if it stopped because it was asked to."""
    _wait_for_port(settings.bind)
    environment = {**os.environ, "DESK_SUPERVISED": str(os.getpid()), "DESK_BIND": settings.bind}
    environment["DESK_MODE"] = settings.mode
    environment["DESK_DATA_DIR"] = str(settings.data_dir)
    children = [
        Child("web", web_command(settings)),
        Child("worker", worker_command(settings)),
        Child("keeper", keeper_command()),
    ]
    if settings.is_rehearsal:
        children.append(_rehearsal_child(settings))
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    threading.Thread(target=_announce, args=(settings, stopping), daemon=True).start()
    while not stopping.is_set():
        for child in children:
            child.look(environment)
        stopping.wait(0.2)
    _stop_all(children)
    return 0


def _rehearsal_child(settings: Settings) -> Child:
    from desk.cli import rehearse

    config = rehearse.prepare(settings)
    return Child("rehearsal number", [sys.executable, "-m", "desk.rehearsal", str(config)])


def _stop_all(children: list[Child]) -> None:
    running = [child.process for child in children if child.process is not None and child.process.poll() is None]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + STOP_LIMIT_S
    for process in running:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_for_port(bind: str) -> None:
    """Wait a moment for a desk that is just ending; then say plainly who is in the way."""
    host, _, port = bind.rpartition(":")
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, int(port)))
            except OSError:
                time.sleep(0.3)
                continue
            return
    click.echo(f"Port {port} is taken by another program. Choose another with PORT=… make run", err=True)
    sys.exit(1)


def _announce(settings: Settings, stopping: threading.Event) -> None:
    """Print the address once the web answers, and in rehearsal one sign-in link per role."""
    deadline = time.monotonic() + START_LIMIT_S
    while not stopping.is_set() and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://{settings.bind}/healthz", timeout=2):
                break
        except OSError:
            stopping.wait(0.2)
    else:
        if not stopping.is_set():
            click.echo("The web process does not answer; see the messages above.", err=True)
        return
    click.echo(f"\nHörerpult is ready: {settings.public_url}")
    if settings.is_rehearsal:
        from desk.cli import rehearse

        click.echo(rehearse.invitation(settings))
