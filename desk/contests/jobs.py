"""Makes exports: the snapshot is read, written aside, stored, and only then becomes visible in one step."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from desk import clock, db, settings, translations
from desk.contests import actions, archive, queries
from desk.contests.models import Campaign, Export
from desk.jobs.outcomes import Done, GiveUp, Outcome, RetryLater, Skipped
from desk.jobs.work import Work, job
from desk.media import storage
from desk.people.models import Person, Station
from media_store import keys
from media_store.errors import ObjectMissing, StoreUnavailable

TELL_EVERY_S = 1.0
KINDS = {
    "text": "Text", "voice": "Voice note", "audio": "Audio file", "image": "Photo", "video": "Video",
    "sticker": "Sticker", "document": "Document", "location": "Place", "contacts": "Contact",
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
        heading = _heading(session.get_one(Station, export.station_id), session.get_one(Campaign, export.campaign_id),
                           session.get_one(Person, export.by_person_id))  # fmt: skip
        campaign_id, station_id, total = export.campaign_id, export.station_id, export.total
    aside = settings.current().data_dir / "tmp"
    aside.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=aside, prefix="export-") as folder:
            return _make(work, export_id, campaign_id, station_id, total, heading, Path(folder))
    except StoreUnavailable as fault:
        return RetryLater(fault.code)
    except ObjectMissing:
        return GiveUp("contests.file_missing")
    except archive.DamagedFile:
        return GiveUp("contests.file_damaged")


def _make(
    work: Work, export_id: int, campaign_id: int, station_id: int, total: int, heading: archive.Heading, folder: Path
) -> Outcome:
    told = [time.monotonic() - TELL_EVERY_S]

    def progress(done: int) -> None:
        if time.monotonic() - told[0] < TELL_EVERY_S:
            return
        told[0] = time.monotonic()
        with work.transaction() as session:
            actions.mark_running(session, export_id, done, max(total, done), at=clock.now())

    path = folder / "export.zip"
    # One read transaction over all pieces: the table and the media are of one moment. It is short of locks on both
    # engines (a snapshot), and read completely before media is copied.
    with db.reading() as session:
        entries = list(queries.iterate_entries(session, campaign_id))
    rows = archive.write_archive(path, heading, entries, storage.current(), work_dir=folder, progress=progress)
    key = keys.new_key("exports", str(station_id), extension="zip")
    with path.open("rb") as stream:
        sha256 = storage.current().put(key, stream, content_type="application/zip")
    with work.transaction() as session:
        actions.publish_export(
            session, export_id, key=key, sha256=sha256, size_bytes=path.stat().st_size, rows=rows, at=clock.now()
        )
    return Done()


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
