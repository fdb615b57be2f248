"""Finds files that lack what today's recipes and their station ask for, and has it made behind everybody's back.

Renditions, prints, and what a station switched on after the files had come: transcripts, the look for nudity.
Recipes and stations' wishes together have a mark. When it changes, the keeper walks all files once, a bounded step at a
time, and never has more than a few jobs in flight; they stand behind all live work. What was made stays in use until
the new is whole. A run can be broken off anywhere and goes on where it was; a second run finds nothing left.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desk import clock, db
from desk.conversations.models import Message
from desk.intake.fetching import RENDER
from desk.intake.models import Backfill
from desk.intake.transcribing import put_transcription
from desk.jobs import line, table
from desk.jobs.models import Job
from desk.media import covers, prints, rules, transcripts, wishes
from desk.media.models import Asset, Rendition
from desk.people.models import Station
from desk.wall.models import Card
from media_store import recipes
from media_store.delivery import Delivery

STEP_FILES = 200
MOST_IN_FLIGHT = 16
# Beside the profiles: what is measured is older than today's; copies cannot be found; what was switched on since.
FACTS, PRINT, SENSITIVE, TRANSCRIPT = "facts", "print", "sensitive", "transcript"
EXTRAS = frozenset({SENSITIVE, TRANSCRIPT})


@dataclass(frozen=True)
class Lacking:
    """A file and what is missing of it."""

    asset_id: int
    station_id: int
    kind: str
    size_bytes: int
    profiles: tuple[str, ...]


@dataclass(frozen=True)
class Survey:
    """What a walk over all files found."""

    mark: str
    checked: int
    files: int
    missing: Mapping[str, Mapping[str, int]]

    def as_json(self) -> dict[str, Any]:
        return {"recipes": self.mark, "checked": self.checked, "files": self.files, "missing": self.missing}


def mark_of(session: Session) -> str:
    """Stands for all recipes, what is measured and every station's wishes; another mark means there may be work."""
    made = sorted((kind, one.profile, one.version) for kind, of_kind in recipes.RECIPES.items() for one in of_kind)
    wanted = {
        station.id: (*_settings(wishes.wishes_of(station)), station.transcribes, station.checks_sensitive)
        for station in session.execute(select(Station).order_by(Station.id)).scalars()
    }
    return hashlib.sha256(json.dumps([recipes.FACTS_VERSION, made, wanted]).encode()).hexdigest()[:16]


def _settings(wish: Delivery) -> tuple[object, ...]:
    return sorted(wish.settings().items()), sorted(wish.formats)


def find_lacking(session: Session, after_id: int, most: int) -> tuple[int, int, list[Lacking]]:
    """Look at the next files: the id to go on from (0 at the end), how many there were, and what is missing of them.

    Only what is ready and shown: what failed would fail again, what was withdrawn or erased is left alone.
    """
    assets = session.execute(
        select(Asset)
        .join(Message, Message.id == Asset.message_id)
        .outerjoin(Card, Card.message_id == Asset.message_id)
        .where(Asset.id > after_id, Asset.state == "ready", Asset.original_key.is_not(None))
        .where(Message.revoked_at.is_(None), Card.withdrawn_at.is_(None))
        .order_by(Asset.id)
        .limit(most)
    ).scalars().all()  # fmt: skip
    missing = _missing_of(session, assets)
    found = [
        Lacking(asset.id, asset.station_id, asset.kind, asset.original_bytes or 0, missing[asset.id])
        for asset in assets
        if missing[asset.id]
    ]
    return (assets[-1].id if len(assets) == most else 0), len(assets), found


def missing_of(session: Session, asset: Asset) -> tuple[str, ...]:
    """What a file lacks just now: a job asks again when its turn has come."""
    return _missing_of(session, [asset])[asset.id]


def _missing_of(session: Session, assets: Sequence[Asset]) -> dict[int, tuple[str, ...]]:
    made = _renditions(session, [asset.id for asset in assets])
    stations = {asset.station_id: session.get_one(Station, asset.station_id) for asset in assets}
    unprinted = prints.find_unprinted(session, assets, at=clock.now())
    unwritten = transcripts.find_unwritten(session, assets)
    return {
        asset.id: (
            *_renditions_missing(asset, made.get(asset.id, ()), wishes.wishes_of(stations[asset.station_id])),
            *((PRINT,) if asset.id in unprinted else ()),
            *((SENSITIVE,) if covers.is_unchecked(stations[asset.station_id], asset) else ()),
            *((TRANSCRIPT,) if asset.id in unwritten else ()),
        )
        for asset in assets
    }


def _renditions(session: Session, asset_ids: Sequence[int]) -> dict[int, list[tuple[str, int, str]]]:
    rows = session.execute(
        select(Rendition.asset_id, Rendition.profile, Rendition.recipe_version, Rendition.settings)
        .join(Asset, Asset.id == Rendition.asset_id)
        .where(Rendition.asset_id.in_(asset_ids), Rendition.original_sha256 == Asset.original_sha256)
    )
    made: dict[int, list[tuple[str, int, str]]] = {}
    for asset_id, profile, version, settings in rows:
        made.setdefault(asset_id, []).append((profile, version, settings))
    return made


def _renditions_missing(asset: Asset, made: Sequence[tuple[str, int, str]], wish: Delivery) -> tuple[str, ...]:
    present = recipes.up_to_date(made, wish.settings())
    flags = asset.facts.get("flags") or ()
    missing = recipes.missing(asset.kind, present, flags, wanted=wish.formats)
    is_measured = asset.facts.get("version", 0) >= recipes.FACTS_VERSION or not recipes.RECIPES[asset.kind]
    return missing if is_measured else (FACTS, *missing)


def survey() -> Survey:
    """Walk all files and only count; writes nothing."""
    with db.reading() as session:
        mark = mark_of(session)
    checked = files = 0
    missing: dict[str, dict[str, int]] = {}
    for count, found in _walk():
        checked, files = checked + count, files + len(found)
        for one in found:
            for profile in one.profiles:
                of_kind = missing.setdefault(one.kind, {})
                of_kind[profile] = of_kind.get(profile, 0) + 1
    return Survey(mark, checked, files, missing)


def _walk() -> Iterator[tuple[int, list[Lacking]]]:
    after_id = 0
    while True:
        with db.reading() as session:
            after_id, count, found = find_lacking(session, after_id, STEP_FILES)
        yield count, found
        if not after_id:
            return


def last_run(session: Session) -> Backfill | None:
    return session.execute(select(Backfill).order_by(Backfill.id.desc()).limit(1)).scalar_one_or_none()


def begin(session: Session, mark: str, *, at: datetime) -> Backfill:
    """Begin a run from the first file; one that was on its way with other recipes is over."""
    before = last_run(session)
    if before is not None and before.finished_at is None:
        before.finished_at = at
    run = Backfill(recipes=mark, next_id=0, checked=0, queued=0, started_at=at)
    session.add(run)
    session.flush()
    return run


def step() -> int:
    """The keeper's duty: one bounded step of the run, if there is one and it has room; returns how many it queued."""
    at = clock.now()
    with db.reading() as session:
        mark, run = mark_of(session), last_run(session)
        if run is not None and run.recipes == mark and run.finished_at is not None:
            return 0
        room = MOST_IN_FLIGHT - line.count_backfill(session)
        after_id = run.next_id if run is not None and run.recipes == mark else 0
        if room <= 0:
            return 0
        next_id, count, found = find_lacking(session, after_id, STEP_FILES)
    if len(found) > room:  # not all at once: what is left is met again at the next step
        next_id, found = found[room - 1].asset_id, found[:room]
        with db.reading() as session:
            count = _count_between(session, after_id, next_id)
    with db.transaction() as session:
        return _note_step(session, mark, after_id, next_id, count, found, at)


def _count_between(session: Session, after_id: int, until_id: int) -> int:
    wanted = select(func.count()).select_from(Asset).where(Asset.id > after_id, Asset.id <= until_id)
    return session.execute(wanted).scalar_one()


def _note_step(
    session: Session, mark: str, after_id: int, next_id: int, count: int, found: Sequence[Lacking], at: datetime
) -> int:
    run = last_run(session)
    if run is None or run.recipes != mark:
        run = begin(session, mark, at=at)
    elif run.next_id != after_id or run.finished_at is not None:
        return 0  # another keeper was faster
    queued = sum(_queue(session, one, mark, at) for one in found)
    run.checked, run.queued, run.next_id = run.checked + count, run.queued + queued, next_id
    if not next_id:
        run.finished_at = at
    return queued


def _queue(session: Session, lacking: Lacking, mark: str, at: datetime) -> bool:
    """Have what one file lacks made; what is said in it is written down after everything else was made."""
    if lacking.profiles != (TRANSCRIPT,):
        return _queue_rendering(session, lacking, mark, at)
    asset = session.get(Asset, lacking.asset_id)
    return asset is not None and put_transcription(session, asset, at=at, tier=line.BACKFILL)


def _queue_rendering(session: Session, lacking: Lacking, mark: str, at: datetime) -> bool:
    """Unless the file is being worked on, or has failed with the very same recipes.

    A look for nudity that gave no answer is not asked for again either, until somebody changes a switch.
    """
    subject = f"asset:{lacking.asset_id}"
    job = session.execute(select(Job).where(Job.kind == RENDER, Job.subject == subject)).scalar_one_or_none()
    payload = {"asset_id": lacking.asset_id, "recipes": mark}
    place = line.Place(rules.lane_of(lacking.kind, lacking.size_bytes), tier=line.BACKFILL)
    if job is None:
        return table.put(session, RENDER, subject, payload, at=at, station_id=lacking.station_id, place=place)
    ended = ("dead", "skipped", "done") if EXTRAS.issuperset(lacking.profiles) else ("dead", "skipped")
    has_been_tried = job.state in ended and job.payload.get("recipes") == mark
    if job.state in ("ready", "running") or has_been_tried:
        return False
    return bool(table.put_again(session, RENDER, subject, at=at, payload=payload, place=place))


def progress(session: Session) -> dict[str, Any]:
    """Where the last run stands, for the doctor and the command."""
    run = last_run(session)
    in_flight = line.count_backfill(session)
    if run is None:
        return {"recipes": mark_of(session), "checked": 0, "queued": 0, "in_flight": in_flight, "state": "not begun"}
    return {
        "recipes": run.recipes,
        "checked": run.checked,
        "queued": run.queued,
        "in_flight": in_flight,
        "state": "walking" if run.finished_at is None else "making" if in_flight else "done",
        "started_at": clock.iso(run.started_at),
        "finished_at": clock.iso(run.finished_at),
    }


def collect(session: Session, *, at: datetime) -> list[GaugeMetricFamily]:
    """How much the run still has to look at and has in hand, as gauges of the desk."""
    run = last_run(session)
    is_walking = run is not None and run.finished_at is None
    newest = session.execute(select(func.max(Asset.id))).scalar() if is_walking else None
    left = max(0, (newest or 0) - run.next_id) if run is not None else 0
    files = GaugeMetricFamily("desk_backfill_files_left", "Files the backfill has not looked at yet, at most.")
    files.add_metric([], left if is_walking else 0)
    jobs = GaugeMetricFamily("desk_backfill_jobs", "Jobs of the backfill that wait or run.")
    jobs.add_metric([], line.count_backfill(session))
    return [files, jobs]
