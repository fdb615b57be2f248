"""Makes exports: the snapshot is read, written aside, stored, and only then becomes visible in one step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from desk import clock, db, translations
from desk.contests import actions, archive, queries
from desk.contests.models import Campaign, Export
from desk.jobs.outcomes import Done, GiveUp, Outcome, RetryLater, Skipped
from desk.jobs.table import LeaseLost
from desk.jobs.work import Work, job
from desk.media import storage
from desk.media.workplace import workplace
from desk.people.models import Person, Station
from media_store import keys
from media_store.errors import ObjectMissing, StoreUnavailable

TELL_EVERY_S = 1.0
KINDS = {
    "text": "Text", "voice": "Voice note", "audio": "Audio file", "image": "Photo", "video": "Video",
    "sticker": "Sticker", "document": "Document", "location": "Place", "contacts": "Contact",
    "button": "Answer", "interactive": "Answer", "order": "Order", "unknown": "Unknown message",
}  # fmt: skip
STATES = {
    "new": "New", "shortlisted": "Shortlisted", "planned": "Planned", "in_studio": "In studio", "on_air": "On air",
    "aired": "Aired", "rejected": "Rejected",
}  # fmt: skip
CONSENTS = {
    "unknown": "Not asked", "asked": "Asked", "given": "Given", "refused": "Refused", "withdrawn": "Withdrawn",
}  # fmt: skip


@job("make_export", tries=5, on_dead=actions.give_up_export)
def make_export(work: Work) -> Outcome:
    """Make the archive of one export. A second run starts from nothing and publishes once."""
    export_id = int(work.payload["export_id"])
    with db.reading() as session:
        export = session.get(Export, export_id)
        if export is None or export.state in ("ready", "expired"):
            return Skipped("made_already")
        left_behind = export.key
        heading = _heading(session.get_one(Station, export.station_id), session.get_one(Campaign, export.campaign_id),
                           session.get_one(Person, export.by_person_id))  # fmt: skip
        order = _Order(export_id, export.campaign_id, export.station_id, heading)
    try:
        if left_behind is not None:
            storage.current().delete(left_behind)
        with workplace(f"export-{export_id}") as folder:
            return _make(work, order, folder)
    except StoreUnavailable as fault:
        return _come_back(work, export_id, fault.code)
    except actions.EntriesChanged:
        return RetryLater("contests.entries_changed", 0.0)
    except ObjectMissing:
        return GiveUp("contests.file_missing")
    except archive.DamagedFile:
        return GiveUp("contests.file_damaged")


@dataclass(frozen=True)
class _Order:
    """What is to be made."""

    export_id: int
    campaign_id: int
    station_id: int
    heading: archive.Heading


def _come_back(work: Work, export_id: int, reason: str) -> Outcome:
    if not work.is_last_try:
        with work.transaction() as session:
            actions.hold_up_export(session, export_id, reason, at=clock.now())
    return RetryLater(reason)


def _make(work: Work, order: _Order, folder: Path) -> Outcome:
    entries = _read_entries(order)
    path = folder / "export.zip"
    progress = _progress(work, order.export_id, len(entries))
    progress(0)
    archive.write_archive(path, order.heading, entries, storage.current(), work_dir=folder, progress=progress)
    key = keys.new_key("exports", str(order.station_id), extension="zip")
    with work.transaction() as session:
        actions.note_key(session, order.export_id, key)
    with path.open("rb") as stream:
        sha256 = storage.current().put(key, stream, content_type="application/zip")
    numbers = [row.number for row in entries]
    try:
        with work.transaction() as session:
            actions.publish_export(
                session, order.export_id, sha256=sha256, size_bytes=path.stat().st_size, numbers=numbers, at=clock.now()
            )
    except LeaseLost:  # another worker makes it under a key of its own
        storage.current().delete(key)
        raise
    return Done()


def _read_entries(order: _Order) -> list[queries.EntryRow]:
    """All rows of one moment, read before any media is copied: a snapshot kept open for minutes hinders the database.

    SQLite's read transaction is a snapshot by itself; PostgreSQL has to be asked for one.
    """
    with db.reading() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        return list(queries.iterate_entries(session, order.campaign_id, at=clock.now()))


def _progress(work: Work, export_id: int, total: int) -> Callable[[int], None]:
    """Tells the pages at most once a second; a worker that lost its job stops there."""
    next_at = 0.0

    def tell(done: int) -> None:
        nonlocal next_at
        if time.monotonic() < next_at:
            return
        next_at = time.monotonic() + TELL_EVERY_S
        with work.transaction() as session:
            actions.mark_running(session, export_id, done, total, at=clock.now())

    return tell


def _heading(station: Station, campaign: Campaign, person: Person) -> archive.Heading:
    words = translations.dictionary(person.locale or station.locale)

    def say(text: str) -> str:
        found = words.get(text, text)
        return found if isinstance(found, str) else text

    return archive.Heading(
        station=station.name,
        campaign=campaign.name,
        made_at=clock.now(),
        zone=ZoneInfo(station.timezone),
        columns=tuple(say(title) for title in archive.COLUMNS),
        kinds={code: say(text) for code, text in KINDS.items()},
        states={code: say(text) for code, text in STATES.items()},
        consents={code: say(text) for code, text in CONSENTS.items()},
    )
