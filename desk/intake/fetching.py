"""Fetches a listener's file from the provider and keeps its original in the store.

Nothing is held while bytes flow: a short transaction before, one after. A file that cannot be fetched now is tried
again after growing pauses until the provider forgets it; the card shows why and when. All files of a number share
its budget of failed reads (channels.actions), so that one bad hour does not close the number.
"""

from __future__ import annotations

import errno
import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from desk import clock, db
from desk.channels import actions as channels
from desk.channels import contract
from desk.channels.models import Channel
from desk.channels.queries import open_adapter
from desk.conversations.models import Message
from desk.errors import Invalid
from desk.intake.holding import FETCH
from desk.jobs import table
from desk.jobs.line import Place
from desk.jobs.outcomes import Done, GiveUp, Outcome, RetryLater, Skipped
from desk.jobs.work import Work, job
from desk.listeners import queries as listeners
from desk.media import actions as media
from desk.media import rules, storage, workplace
from desk.media.models import Asset
from media_store import errors as store_errors
from media_store import keys, pipeline
from media_store.watching import Stopped, Watch, watched

logger = logging.getLogger(__name__)
RENDER = "make_renditions"
STORE_PAUSE_S = 20.0
FULL_PAUSE_S = 60.0
BELIEVED_FROM_S = 60.0  # up to here our own growing pause is kinder and quicker than the provider's usual minute
DAMAGED = store_errors.Corrupt.code
EMPTY = store_errors.Empty.code
STORE_DOWN = store_errors.StoreUnavailable.code
GONE = contract.MediaGone.code


@dataclass(frozen=True)
class _Task:
    """What is to be fetched, copied out of the database so that nothing is held meanwhile."""

    asset_id: int
    station_id: int
    channel: Channel
    media_id: str
    declared_sha256: bytes | None
    kind: str


def _given_up(session: Session, payload: dict[str, Any], reason: str, at: datetime) -> None:
    asset = media.lock_asset(session, payload["asset_id"])
    if asset is not None and asset.original_key is None and asset.state != "failed":
        media.mark_failed(session, asset, reason, at=at)


@job(FETCH, tries=400, on_dead=_given_up)
def fetch_media(work: Work) -> Outcome:
    """Fetch one file. Run again it finds the original stored, or fetches what is missing."""
    task = _begin(work)
    if not isinstance(task, _Task):
        return task
    try:
        adapter = open_adapter(task.channel)
    except Invalid:
        return _put_off(work, task.asset_id, contract.TokenRefused.code, FULL_PAUSE_S)
    try:
        watch = Watch(lambda: not work.unwanted.is_set())
        with workplace.workplace(f"fetch-{task.asset_id}", needs_bytes=rules.LARGEST_BYTES) as folder, watched(watch):
            _ask_store()
            path = folder / "original"
            fetched = adapter.fetch_media(
                task.media_id,
                path,
                max_bytes=rules.LARGEST_BYTES,
                deadline_s=rules.FETCH_DEADLINE_S,
                expected_sha256=task.declared_sha256,
            )
            return _keep(work, task, path, fetched)
    except Stopped:
        return Skipped("erased")
    except contract.MediaError as fault:
        return _explain(work, task, fault)
    except workplace.NoRoom:
        return _put_off(work, task.asset_id, STORE_DOWN, FULL_PAUSE_S)
    except store_errors.StoreUnavailable:
        return _put_off(work, task.asset_id, STORE_DOWN, STORE_PAUSE_S)
    except OSError as fault:
        if fault.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG):
            raise
        return _put_off(work, task.asset_id, STORE_DOWN, FULL_PAUSE_S)


def _ask_store() -> None:
    """See that the store answers before a file is fetched for it. Raises StoreUnavailable."""
    try:
        storage.current().info("probe")
    except store_errors.ObjectMissing:
        return


def _begin(work: Work) -> _Task | Outcome:
    """Say that it is being fetched, unless there is nothing to fetch or it is not this file's turn."""
    at = clock.now()
    with work.transaction() as session:
        asset = media.lock_asset(session, work.payload["asset_id"])
        if asset is None:
            return Skipped("erased")
        if asset.original_key is not None:
            return Skipped("stored_already")
        message = session.get_one(Message, asset.message_id)
        media_id = media.provider_media_id(asset)
        if message.revoked_at is not None or media_id is None:
            media.mark_failed(session, asset, GONE, at=at)
            return Skipped("withdrawn")
        if asset.expires_at is not None and at >= asset.expires_at:
            media.mark_failed(session, asset, GONE, at=at)
            return GiveUp(GONE)
        if listeners.is_blocked(session, message.listener_id, at=at):
            media.leave_with_provider(session, asset, at=at)
            return Skipped(rules.LEFT)
        paused_until = channels.media_pause_until(session, message.channel_id, at=at)
        if paused_until is not None:
            media.put_off(session, asset, asset.reason or contract.MediaUnreachable.code, retry_at=paused_until, at=at)
            return RetryLater("provider_budget", (paused_until - at).total_seconds())
        media.begin_fetch(session, asset, at=at)
        channel = session.get_one(Channel, message.channel_id)
        declared = bytes.fromhex(asset.declared_sha256) if asset.declared_sha256 else None
        return _Task(asset.id, asset.station_id, channel, media_id, declared, asset.kind)


def _keep(work: Work, task: _Task, path: Path, fetched: contract.FetchedMedia) -> Outcome:
    """Store the original, see that the store has it whole, and have it rendered."""
    extension, mime = _form(path, fetched.mime)
    at = clock.now()
    key = keys.new_key(str(task.station_id), "original", f"{at:%Y}", f"{at:%m}", extension=extension)
    store = storage.current()
    with path.open("rb") as stream:
        stored = store.put(key, stream, content_type=mime)
    sha256 = fetched.sha256.hex()
    if stored != sha256 or store.info(key).bytes != fetched.size_bytes:
        store.delete(key)
        return _put_off(work, task.asset_id, STORE_DOWN, STORE_PAUSE_S)
    outcome = _record(work, task, key, sha256, fetched.size_bytes, mime)
    if not isinstance(outcome, Done):
        store.delete(key)  # erased meanwhile, or another worker was faster with a key of its own
    return outcome


def _record(work: Work, task: _Task, key: str, sha256: str, size_bytes: int, mime: str) -> Outcome:
    """Write down that the original lies under `key`, unless it is too late for that."""
    at = clock.now()
    try:
        with work.transaction() as session:
            asset = media.lock_asset(session, task.asset_id)
            if asset is None or asset.original_key is not None:
                return Skipped("erased" if asset is None else "stored_already")
            is_line_back = asset.reason == contract.MediaNotReached.code
            media.keep_original(session, asset, key, sha256, size_bytes, mime, at=at)
            put_render(session, asset, work.taken.place, at=at)
            if channels.note_media_read(session, task.channel.id) or is_line_back:
                table.bring_forward(session, FETCH, task.station_id, at=at)
    except table.LeaseLost:
        return Skipped("lease_lost")
    return Done()


def put_render(session: Session, asset: Asset, fetched: Place | None, *, at: datetime) -> None:
    """Have the renditions of a stored original made; also once more, if they were before.

    It goes before whatever is to be fetched in the same turn: after a burst the first voices are there at once,
    instead of all of them at the end.
    """
    subject, payload = f"asset:{asset.id}", {"asset_id": asset.id}
    lane = rules.lane_of(asset.kind, asset.original_bytes)
    turn = None if fetched is None or fetched.turn is None else fetched.turn - 1
    place = Place(lane) if fetched is None else replace(fetched, lane=lane, turn=turn)
    if not table.put(session, RENDER, subject, payload, at=at, station_id=asset.station_id, place=place):
        table.put_again(session, RENDER, subject, at=at, place=place)


def _form(path: Path, declared_mime: str) -> tuple[str, str]:
    """Ending and type by content; what is no medium is kept as plain bytes."""
    try:
        sniffed = pipeline.sniff_file(path)
    except store_errors.MediaFailure:
        return "bin", "application/octet-stream"
    return sniffed.extension, sniffed.mime


def _explain(work: Work, task: _Task, fault: contract.MediaError) -> Outcome:
    """What the provider's fault means: another try, or the end."""
    if isinstance(fault, contract.MediaMismatch):
        return _explain_damage(work, task, fault)
    if not fault.is_retryable:
        return _fail(work, task.asset_id, fault.code)
    logger.warning("asset %s could not be fetched: %s %s", task.asset_id, fault.code, fault.reason)
    asked_s: float = getattr(fault, "after_s", 0.0)
    pause_s = max(asked_s if asked_s > BELIEVED_FROM_S else 0.0, rules.fetch_pause_s(work.attempts))
    # The provider cannot have counted what never reached it: a line that is down uses up nothing of the budget.
    counted_at = None if isinstance(fault, contract.MediaNotReached) else task.channel.id
    return _put_off(work, task.asset_id, fault.code, pause_s, channel_id=counted_at)


def _explain_damage(work: Work, task: _Task, fault: contract.MediaMismatch) -> Outcome:
    """It came, but not as announced: a few tries, then it is damaged at the provider."""
    with db.reading() as session:
        damaged = int(session.get_one(Asset, task.asset_id).facts.get("damaged", 0)) + 1
    reason = EMPTY if fault.reason == "empty" else DAMAGED
    if damaged >= rules.MOST_DAMAGED:
        return _fail(work, task.asset_id, reason)
    with work.transaction() as session:
        asset = media.lock_asset(session, task.asset_id)
        if asset is not None:
            asset.facts = {**asset.facts, "damaged": damaged}
    return _put_off(work, task.asset_id, fault.code, rules.fetch_pause_s(damaged))


def _put_off(work: Work, asset_id: int, reason: str, pause_s: float, *, channel_id: int | None = None) -> Outcome:
    """Try again after a pause, unless the provider will have forgotten the file by then.

    With `channel_id` the fault was the provider's and counts against the number's budget.
    """
    at = clock.now()
    retry_at = at + timedelta(seconds=pause_s)
    with work.transaction() as session:
        if channel_id is not None:
            channels.note_media_fault(session, channel_id, at=at)
        asset = media.lock_asset(session, asset_id)
        if asset is None:
            return Skipped("erased")
        if asset.expires_at is not None and retry_at >= asset.expires_at:
            media.mark_failed(session, asset, GONE, at=at)
            return GiveUp(GONE)
        media.put_off(session, asset, reason, retry_at=retry_at, at=at)
    return RetryLater(reason, pause_s)


def _fail(work: Work, asset_id: int, reason: str) -> Outcome:
    with work.transaction() as session:
        asset = media.lock_asset(session, asset_id)
        if asset is not None:
            media.mark_failed(session, asset, reason, at=clock.now())
    return GiveUp(reason)
