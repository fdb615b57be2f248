"""Answers a person's request for access: one ZIP with everything as JSON, as a page to read, and all files.

Written aside and put in its place whole. What stands in it is desk.privacy.queries' matter.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from desk import clock, db, translations
from desk.live import audit
from desk.media import storage
from desk.people.models import Station
from desk.privacy import queries, subjects
from desk.privacy.models import PrivacyCase
from desk.privacy.queries import KeptFile
from desk.privacy.subjects import Subject

TEMPLATES = Path(__file__).resolve().parent.parent.parent / "templates" / "privacy"
BLOCK_BYTES = 1 << 20
# The defaults of the house, as the person is told them; days, None: as long as stated in words.
PERIODS = (
    {"what": "raw deliveries", "days": 14},
    {"what": "items that were not chosen or were rejected", "days": 30},
    {"what": "items that were chosen and not aired", "days": 90},
    {"what": "aired items", "days": 90},
    {"what": "exports", "days": 7},
    {"what": "identity, after the last item or message", "days": 30},
    {"what": "the record of consent, reduced to ids", "days": 3 * 365},
    {"what": "the audit, which holds no content", "days": 365},
)


class DamagedFile(Exception):
    """A stored file is not what was stored; an answer with other bytes would be wrong."""


@dataclass(frozen=True)
class Answer:
    """What was handed over."""

    case_id: int
    subject: str
    file: Path
    items: int
    files: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": True, "case": self.case_id, "subject": self.subject, "file": str(self.file), "items": self.items,
            "files": self.files, "sha256": self.sha256,
        }  # fmt: skip


def answer(subject: Subject, file: Path, *, by: int | None, at: datetime, locale: str | None = None) -> Answer:
    """Write everything kept about the person behind a subject to `file`; audited. May be repeated.

    `locale` is the language of the page, the station's if None. Raises DamagedFile, ObjectMissing.
    """
    with db.reading() as session:
        person = subjects.of_listener(session, subjects.listener_of(session, subject))
        station = session.get_one(Station, person.station_id)
        document = _document(session, station, person, at)
        files = queries.list_files(session, person.message_ids)
    part = file.with_name(f"{file.name}.part")
    try:
        _write(part, document, files, station, locale or station.locale)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    case_id = _record(person, sha256, by=by, at=at)
    return Answer(case_id, person.name, file, len(document["items"]), len(files), sha256)


def _document(session: Any, station: Station, person: Subject, at: datetime) -> dict[str, Any]:
    items = queries.list_items(session, person.message_ids)
    return {
        "made_at": clock.iso(at),
        "station": {"name": station.name, "slug": station.slug},
        "person": queries.describe_person(session, person.listener_ids),
        "items": items,
        "recipients": queries.recipients(session, station, items),
        "retention": [dict(one) for one in PERIODS],
        "source": "The person sent these messages to the station by messenger; names and ids came with them.",
        "rights": ["rectification", "erasure", "restriction", "objection", "complaint to a supervisory authority"],
        "privilege": [],
    }


def _write(part: Path, document: dict[str, Any], files: Sequence[KeptFile], station: Station, locale: str) -> None:
    sums: list[str] = []
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        page = render(document, [one.name for one in files], station, locale)
        style = (TEMPLATES / "access.css").read_text(encoding="utf-8")
        text = json.dumps(document, ensure_ascii=False, indent=1)
        for name, content in (("access.json", text), ("index.html", page), ("access.css", style)):
            archive.writestr(name, content)
            sums.append(f"{hashlib.sha256(content.encode()).hexdigest()}  {name}\n")
        for one in files:
            _copy(archive, one)
            sums.append(f"{one.sha256}  {one.name}\n")
        archive.writestr("SHA256SUMS", "".join(sums))


def _copy(archive: zipfile.ZipFile, one: KeptFile) -> None:
    digest = hashlib.sha256()
    info = zipfile.ZipInfo(one.name)
    with storage.current().open(one.key) as source, archive.open(info, "w", force_zip64=True) as target:
        while block := source.read(BLOCK_BYTES):
            digest.update(block)
            target.write(block)
    if digest.hexdigest() != one.sha256:
        raise DamagedFile(one.name)


def render(document: dict[str, Any], files: Sequence[str], station: Station, locale: str) -> str:
    """The answer as a page to read, without scripts, in a language of the desk."""
    words = translations.dictionary(locale)
    zone = ZoneInfo(station.timezone)

    def say(text: str) -> str:
        found = words.get(text, text)
        return found if isinstance(found, str) else text

    def moment(value: str | None) -> str:
        return f"{datetime.fromisoformat(value).astimezone(zone):%d.%m.%Y %H:%M}" if value else "–"

    # autoescape always: everything in it was written by strangers
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("access.html").render(
        answer=document, files=files, locale=locale, _=say, moment=moment
    )


def _record(person: Subject, sha256: str, *, by: int | None, at: datetime) -> int:
    with db.transaction() as session:
        case = PrivacyCase(
            station_id=person.station_id, kind="access", subject=person.name, by_person_id=by, opened_at=at,
            finished_at=clock.now(), proof={"sha256": sha256, "messages": len(person.message_ids)}, reason="",
        )  # fmt: skip
        session.add(case)
        session.flush()
        audit.record(session, person.station_id, "privacy.access", person.name, by=by, at=at, details={"case": case.id})
        return case.id
