"""Commands that run the desk: serve (everything on one machine), web, worker, keeper, migrate, doctor."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

import click

from desk import db, doctor, opening, schema, tether
from desk import keeper as keeper_room
from desk.cli import supervisor
from desk.cli.say import fail, json_option, say, table
from desk.settings import Settings, load_settings


def ready_house() -> Settings:
    """Open the house with its database in the shape this version needs."""
    opened = opening.open_house()
    schema.migrate(db.current())
    return opened


@click.command()
def serve() -> None:
    """Run web, workers and keeper on this machine and watch them."""
    settings = ready_house()
    db.current().dispose()
    sys.exit(supervisor.run(settings))


@click.command()
def web() -> None:
    """Run the web process alone (gunicorn)."""
    settings = load_settings()
    os.execv(sys.executable, supervisor.web_command(settings))  # noqa: S606 - our own interpreter


@click.command()
def worker() -> None:
    """Run the worker processes alone."""
    settings = load_settings()
    os.execv(sys.executable, supervisor.worker_command(settings))  # noqa: S606 - our own interpreter


@click.command()
def keeper() -> None:
    """Run the keeper alone: forgotten work, schedules, tidying."""
    ready_house()
    tether.follow_parent()
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    keeper_room.run(stopping)


@click.command()
@json_option
def migrate(as_json: bool) -> None:
    """Bring the database to the shape this version needs."""
    opening.open_house()
    behind = schema.is_behind(db.current())
    schema.migrate(db.current())
    text = "The database was brought up to date." if behind else "The database is up to date."
    say({"migrated": behind}, as_json=as_json, text=text)


@click.command("doctor")
@json_option
def doctor_command(as_json: bool) -> None:
    """Check settings, database, store, queue and programs; say what to do."""
    opening.open_house()
    findings = doctor.examine()
    rows = [{"check": one.name, "ok": "ok" if one.is_ok else "FAULT", "says": one.says} for one in findings]
    healthy = all(one.is_ok for one in findings)
    document = {"ok": healthy, "checks": [{"name": f.name, "ok": f.is_ok, "says": f.says} for f in findings]}
    say(document, as_json=as_json, text=table(rows, ("check", "ok", "says")))
    if not healthy:
        if not as_json:
            fail("The desk is not healthy.", code="doctor")
        sys.exit(1)


COMMANDS = (serve, web, worker, keeper, migrate, doctor_command)
