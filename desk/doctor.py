"""Examines an installation: every part is tried for real, and each fault says what to do."""

from __future__ import annotations

import io
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from desk import db, schema, sealing, settings
from desk.channels.models import Channel
from desk.errors import DeskError
from desk.intake import backfilling
from desk.jobs import dispatch
from desk.media import storage, transcripts
from media_store import runner, transcript
from media_store.errors import MediaStoreError

ENOUGH_DISK_BYTES = 2 * 1024**3
SHORTEST_SECRET = 16  # security: a shorter app secret is guessed


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    is_ok: bool
    says: str


def examine() -> list[Finding]:
    """Try every part; never raises for a fault of what it examines."""
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("database", _database),
        ("schema", _schema),
        ("store", _store),
        ("queue", _queue),
        ("ffmpeg", _tools),
        ("transcripts", _transcripts),
        ("disk", _disk),
        ("keys", _keys),
        ("channels", _channels),
        ("backfill", _backfill),
    )
    return [_try(name, check) for name, check in checks]


def _try(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, check())
    except (_Fault, DeskError, MediaStoreError, SQLAlchemyError, OSError) as fault:
        return Finding(name, False, str(fault).splitlines()[0])


class _Fault(Exception):
    """What is wrong and what helps, in one sentence."""


def _database() -> str:
    with db.transaction() as session:
        if not db.is_durable(session):
            raise _Fault("Commits are not synced: a power cut would lose accepted messages. Set synchronous on.")
    return "writes and syncs"


def _schema() -> str:
    if schema.is_behind(db.current()):
        raise _Fault("The database is older than this version. Run: desk migrate")
    return "up to date"


def _store() -> str:
    key = f"doctor/{secrets.token_hex(8)}.txt"
    store = storage.current()
    store.put(key, io.BytesIO(b"doctor"), content_type="text/plain")
    with store.open(key) as kept:
        same = kept.read() == b"doctor"
    store.delete(key)
    if not same:
        raise _Fault("The store returned other bytes than were put in.")
    return "keeps and returns files"


def _queue() -> str:
    doorbell = dispatch.current()
    if doorbell is None:
        raise _Fault("No queue is open.")
    try:
        waiting = doorbell.huey.pending_count()
    except Exception as fault:
        raise _Fault(f"The queue does not answer ({type(fault).__name__}). Messages are kept all the same.") from fault
    return f"answers, {waiting} wake-ups waiting"


def _tools() -> str:
    given = settings.current()
    able = runner.check(runner.find_tools(given.ffmpeg_binary, given.ffprobe_binary))
    if able.missing:
        raise _Fault(f"ffmpeg {able.version} lacks: {', '.join(able.missing)}.")
    return f"ffmpeg {able.version}; children: {able.confinement}"


def _transcripts() -> str:
    """An extra: that it is not there is no fault. That it is there and does not start is one."""
    try:
        engine = transcripts.find_engine()
        transcript.check(engine)
    except transcript.NotSetUp as absent:
        return f"not set up here, {absent.facts['missing']} absent (an extra)"
    return f"can be made, model in {engine.model.name}"


def _disk() -> str:
    free = shutil.disk_usage(settings.current().data_dir).free
    if free < ENOUGH_DISK_BYTES:
        raise _Fault(f"Only {free // 1024**2} MB are free. Make room, media cannot be kept otherwise.")
    return f"{free // 1024**3} GB free"


def _keys() -> str:
    mode = os.stat(settings.current().data_dir).st_mode & 0o077
    if mode and settings.current().is_rehearsal:
        raise _Fault("Others may read the data folder. Run: chmod 700 on it.")
    return "in place"


def _channels() -> str:
    with db.reading() as session:
        channels = list(session.execute(select(Channel)).scalars())
    for channel in channels:
        secrets_of = sealing.unseal_json(channel.secrets_sealed, f"channel:{channel.public_id}")
        weak = [one for one in secrets_of.get("app_secrets", []) if len(str(one)) < SHORTEST_SECRET]
        if weak or not secrets_of.get("app_secrets"):
            raise _Fault(f"Channel {channel.name} has no app secret of at least {SHORTEST_SECRET} characters.")
    return f"{len(channels)} channels"


def _backfill() -> str:
    with db.reading() as session:
        found = backfilling.progress(session)
    state, looked, queued, left = (found[name] for name in ("state", "checked", "queued", "in_flight"))
    return f"{state}: {looked} files looked at, {queued} to be made anew, {left} left"
