"""Makes the renditions of a stored original and publishes each the moment it is whole.

The work is media_store's; here the original is brought from the store into a folder of its own, finished files are
stored and recorded, and what the file turned out to be is written on the asset. A worker that lost its lease writes
nothing more.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import clock, db
from desk.conversations.models import Message
from desk.errors import Unavailable
from desk.intake import backfilling
from desk.intake.fetching import RENDER
from desk.intake.removing import put_removal
from desk.intake.transcribing import put_transcription
from desk.jobs import line
from desk.jobs.outcomes import Done, GiveUp, Outcome, RetryLater, Skipped
from desk.jobs.table import LeaseLost
from desk.jobs.work import LIVE_FIRST, Work, job
from desk.listeners.models import Listener
from desk.media import actions as media
from desk.media import covers, queries, rules, storage, workplace
from desk.media import wishes as wish
from desk.media.models import Asset, Rendition
from desk.people.models import Station
from desk.wall import queries as wall
from desk.wall.models import Card
from media_store import errors as store_errors
from media_store import keys, pipeline, recipes
from media_store.delivery import Delivery
from media_store.pipeline import BroadcastLabels, Facts, Made
from media_store.sensitive import Judge
from media_store.watching import Stopped, Watch, watched

logger = logging.getLogger(__name__)
STORE_PAUSE_S = 20.0
LIVE_FIRST_PAUSE_S = 5.0
PROGRESS_EVERY_S = 3.0
MOST_PERCENT, PLAYABLE_PERCENT = 95, 75
BLOCK_BYTES = 1024 * 1024
LOOKED_AT = ("poster", "scrub")  # made of a video when it is looked at for nudity
NAMELESS = ("refused", "withdrawn")
CATEGORY = "Hörer"  # the cart's category, by which playout sorts


class OriginalDamaged(store_errors.StoreUnavailable):
    """The store gave other bytes than it was given."""


@dataclass(frozen=True)
class _Task:
    """One original with everything its renditions need, copied out of the database.

    `is_remake`: the file is ready and is only made anew; whatever happens, it stays as ready as it is.
    """

    asset_id: int
    key: str
    sha256: str
    declared_kind: str
    is_voice: bool
    wishes: Delivery
    judge: Judge | None
    labels: BroadcastLabels
    present: dict[str, int]
    kind: str
    size_bytes: int
    is_remake: bool


def _given_up(session: Session, payload: dict[str, Any], reason: str, at: datetime) -> None:
    asset = media.lock_asset(session, payload["asset_id"])
    if asset is not None and asset.state not in ("failed", "ready"):
        media.mark_failed(session, asset, reason if reason.startswith(("media.", "store.")) else queries.STOPPED, at=at)


@job(RENDER, tries=8, on_dead=_given_up)
def make_renditions(work: Work) -> Outcome:
    """Make what is missing of one original. Run again it makes only what is not there."""
    task = _begin(work)
    if not isinstance(task, _Task):
        return task
    needs_bytes = rules.room_needed_bytes(task.kind, task.size_bytes)
    watch = Watch(lambda: not work.unwanted.is_set(), _share_teller(work, task))
    try:
        with workplace.workplace(f"render-{task.asset_id}", needs_bytes=needs_bytes) as folder, watched(watch):
            original = folder / "original"
            _bring(task, original)
            facts = pipeline.make_renditions(
                original,
                declared_kind=task.declared_kind,
                is_voice=task.is_voice,
                work_dir=folder,
                target=task.wishes.target,
                handles=task.wishes.handles,
                formats=task.wishes.formats,
                labels=task.labels,
                publish=_publisher(work, task),
                original_sha256=task.sha256,
                skip=frozenset(task.present),
                judge=task.judge,
            )
    except Stopped:
        return RetryLater(LIVE_FIRST, LIVE_FIRST_PAUSE_S, is_counted=False)
    except store_errors.Interrupted:  # counted: a file that makes its child look so must not go on for ever
        return RetryLater("interrupted", STORE_PAUSE_S)
    except (store_errors.StoreUnavailable, store_errors.ToolsMissing) as fault:
        return _hold_up(work, task, fault.code)
    except store_errors.MediaStoreError as fault:
        return _fail(work, task, fault)
    except OSError as fault:
        if work.unwanted.is_set():  # an erasure takes the folder away under the worker's feet
            return Skipped("erased")
        logger.warning("asset %s: no room to work, %s", task.asset_id, fault.strerror)
        return _hold_up(work, task, store_errors.StoreUnavailable.code)
    return _finish(work, task, facts)


def _hold_up(work: Work, task: _Task, reason: str) -> Outcome:
    """The house is the reason: it is tried again for as long as it takes, and the card says so."""
    at = clock.now()
    with work.transaction() as session:
        asset = media.lock_asset(session, task.asset_id)
        if asset is None:
            return Skipped("erased")
        if not task.is_remake:
            media.hold_up(session, asset, reason, retry_at=at + timedelta(seconds=STORE_PAUSE_S), at=at)
    return RetryLater(reason, STORE_PAUSE_S, is_counted=False)


def _begin(work: Work) -> _Task | Outcome:
    at = clock.now()
    with work.transaction() as session:
        asset = media.lock_asset(session, work.payload["asset_id"])
        if asset is None:
            return Skipped("erased")
        message = session.get_one(Message, asset.message_id)
        if asset.original_key is None or asset.original_sha256 is None:
            return Skipped("no_original")
        if message.revoked_at is not None:
            return Skipped("withdrawn")
        missing = backfilling.missing_of(session, asset) if asset.state == "ready" else ()
        if asset.state == "ready" and "recipes" in work.payload and not missing:
            return Skipped("not_wanted")  # what the backfill found missing was made meanwhile, or switched off
        task = _task(session, asset, message, missing)
        if not task.is_remake:
            media.set_progress(session, asset, asset.progress_percent or 0, at=at)
    return task


def _task(session: Session, asset: Asset, message: Message, missing: Collection[str]) -> _Task:
    station = session.get_one(Station, asset.station_id)
    listener = session.get_one(Listener, message.listener_id)
    rows = session.execute(
        select(Rendition.profile, Rendition.recipe_version, Rendition.settings).where(
            Rendition.asset_id == asset.id, Rendition.original_sha256 == asset.original_sha256
        )
    )
    wanted = {recipe.profile: recipe.version for made_of in recipes.RECIPES.values() for recipe in made_of}
    wishes = wish.wishes_of(station)
    made = recipes.up_to_date([(row.profile, row.recipe_version, row.settings) for row in rows], wishes.settings())
    present = {profile: version for profile, version in made.items() if version >= wanted.get(profile, 0)}
    # Facts are measured along with what is made: if they are missing or old, nothing may be left out. Nor of pictures,
    # which are quick.
    if backfilling.SENSITIVE in missing:
        present = {profile: version for profile, version in present.items() if profile not in LOOKED_AT}
    may_leave_out = asset.facts.get("version", 0) >= recipes.FACTS_VERSION and asset.kind not in ("image", "sticker")
    return _Task(
        asset_id=asset.id,
        key=asset.original_key or "",
        sha256=asset.original_sha256 or "",
        declared_kind="document" if message.kind == "document" else asset.kind,
        is_voice=asset.is_voice,
        wishes=wishes,
        judge=covers.judge_of(station),
        labels=_labels(station, listener, asset, message, wall.find_card_of(session, message.id)),
        present=present if may_leave_out else {},
        kind=asset.kind,
        size_bytes=asset.original_bytes or 0,
        is_remake=asset.state == "ready",
    )


def _labels(station: Station, listener: Listener, asset: Asset, message: Message, card: Card | None) -> BroadcastLabels:
    """What the broadcast file says of itself: alias or first name, never more.

    Consent covers the first name, and no file leaves the house for air without it; whose consent is refused or taken
    back stands under the alias only.
    """
    may_be_named = card is not None and card.consent not in NAMELESS
    name = (listener.first_name if may_be_named else "") or listener.alias
    sent_at = message.sent_at.astimezone(ZoneInfo(station.timezone))
    return BroadcastLabels(
        title=f"{name} {sent_at:%d.%m. %H:%M}",
        artist=name,
        originator=station.name,
        reference=f"{station.slug.upper()[:12]}{asset.id:010d}",
        originated_at=sent_at,
        category=CATEGORY,
        classification="voice" if asset.is_voice else asset.kind,
        start_on=f"{sent_at:%Y-%m-%d}",
    )


def _bring(task: _Task, original: Path) -> None:
    """Copy the original out of the store and see that it is the one that was stored."""
    digest = hashlib.sha256()
    with storage.current().open(task.key) as stream, original.open("wb") as file:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != task.sha256:
        raise OriginalDamaged("other bytes than were stored")


def _publisher(work: Work, task: _Task) -> Callable[[Made], None]:
    """Stores one finished file, then records it; the first usable one is on the card at once."""
    published: list[str] = []

    def publish(made: Made) -> None:
        key = keys.rendition_key(task.key, made.profile, made.recipe_version, made.sha256, made.extension)
        with made.path.open("rb") as stream:
            storage.current().put(key, stream, content_type=made.mime)
        published.append(made.profile)
        try:
            is_recorded = _record(work, task, made, key, published)
        except LeaseLost:
            _remove_if_erased(task.asset_id, key)
            raise
        if not is_recorded:
            _remove_if_erased(task.asset_id, key)
            raise LeaseLost(f"asset {task.asset_id} was erased")

    return publish


def _record(work: Work, task: _Task, made: Made, key: str, published: list[str]) -> bool:
    """Write down a finished file. One it takes the place of goes a little later: somebody may be listening to it."""
    at = clock.now()
    with work.transaction() as session:
        asset = media.lock_asset(session, task.asset_id)
        if asset is None:
            return False
        replaced = media.add_rendition(session, asset, made, key, at=at)
        if replaced is not None:
            put_removal(session, asset, replaced, at=at)
        if not task.is_remake:
            media.set_progress(session, asset, _percent(asset.kind, published), at=at)
    return True


def _share_teller(work: Work, task: _Task) -> Callable[[float], None]:
    """Tells the card how far a long transcoding is, every few seconds."""
    told_at = time.monotonic()

    def tell(share: float) -> None:
        nonlocal told_at
        if task.is_remake or time.monotonic() - told_at < PROGRESS_EVERY_S:
            return
        told_at = time.monotonic()
        with suppress(Unavailable), work.transaction() as session:  # the database is busy: the next figure comes soon
            asset = media.lock_asset(session, task.asset_id)
            if asset is not None:
                percent = max(asset.progress_percent or 0, round(MOST_PERCENT - PLAYABLE_PERCENT * (1 - share)))
                media.set_progress(session, asset, percent, at=clock.now())

    return tell


def _remove_if_erased(asset_id: int, key: str) -> None:
    """Take back what was stored too late. While the asset is there its new worker stores the same bytes under this
    key: then it stays."""
    with db.reading() as session:
        is_there = session.get(Asset, asset_id) is not None
    if not is_there:
        storage.current().delete(key)


def _percent(kind: str, published: Collection[str]) -> int:
    """How far it is, by what is there. A video's pictures may take longer than all the rest together.

    >>> _percent("voice", ["preview"]), _percent("video", ["poster"]), _percent("video", ["playable"])
    (24, 5, 75)
    """
    wanted = [recipe.profile for recipe in recipes.RECIPES.get(kind, ()) if not recipe.is_extra]
    heavy = PLAYABLE_PERCENT if "playable" in wanted else 0
    light = (MOST_PERCENT - heavy) / max(1, len(wanted) - (heavy > 0))
    return min(MOST_PERCENT, round(sum(heavy if profile == "playable" else light for profile in published)))


def _finish(work: Work, task: _Task, facts: Facts) -> Outcome:
    with work.transaction() as session:
        asset = media.lock_asset(session, task.asset_id)
        if asset is None:
            return Skipped("erased")
        media.set_facts(session, asset, facts, at=clock.now(), is_partial=bool(task.present))
        put_transcription(session, asset, at=clock.now(), tier=line.BACKFILL if task.is_remake else line.LIVE)
    return Done()


def _fail(work: Work, task: _Task, fault: store_errors.MediaStoreError) -> Outcome:
    """Nothing can be made of this file; the original stays, and so does what was made of it before.

    A file that is in use and cannot be made anew is nothing a person has to deal with: it is noted and left.
    """
    if task.is_remake:
        logger.warning("asset %s was not made anew: %s", task.asset_id, fault.code)
        return Skipped(fault.code)
    with work.transaction() as session:
        asset = media.lock_asset(session, task.asset_id)
        if asset is not None:
            facts = {name: str(value) for name, value in fault.facts.items()}
            media.mark_failed(session, asset, fault.code, at=clock.now(), reason_facts=facts)
    return GiveUp(fault.code)
