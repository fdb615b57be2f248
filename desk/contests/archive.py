"""Writes the files of an export: the table as XLSX and CSV, the media as a ZIP with a manifest.

Cells never become formulas; names inside the archive are made of entry numbers; the manifest names every file with
its SHA-256, so that anybody can check the archive with `sha256sum -c`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter

from desk.contests import rules
from desk.contests.queries import EntryFile, EntryRow
from media_store.stores.contract import Store

BLOCK_BYTES = 1 << 20
EXTENSIONS = {
    "audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "image/jpeg": "jpg", "image/webp": "webp",
    "image/png": "png", "video/mp4": "mp4",
}  # fmt: skip


@dataclass(frozen=True)
class Heading:
    """What the archive says about itself."""

    station: str
    campaign: str
    made_at: datetime
    zone: ZoneInfo
    columns: tuple[str, ...]
    kinds: dict[str, str]
    states: dict[str, str]
    consents: dict[str, str]


def columns_of(row: EntryRow, heading: Heading, files: list[str]) -> list[Any]:
    """One entry's cells in the order of the columns: number, moments in station time, person, figures, files."""
    return [
        row.number,
        row.sent_at.astimezone(heading.zone),
        row.received_at.astimezone(heading.zone),
        row.first_name or row.alias,
        row.place,
        row.number_masked,
        heading.kinds.get(row.kind, row.kind),
        row.text,
        heading.states.get(row.state, row.state),
        heading.consents.get(row.consent, row.consent),
        row.consent_at.astimezone(heading.zone) if row.consent_at else None,
        round(row.duration_s, 1) if row.duration_s is not None else None,
        round(row.loudness_lufs, 1) if row.loudness_lufs is not None else None,
        int(row.is_forwarded),
        "\n".join(files),
    ]


COLUMNS = (
    "Number", "Sent", "Received", "First name", "Place", "Phone (masked)", "Kind", "Text", "State", "Consent",
    "Consent given", "Length in s", "Loudness in LUFS", "Forwarded", "Files",
)  # fmt: skip


def write_archive(
    path: Path,
    heading: Heading,
    entries: Iterable[EntryRow],
    store: Store,
    *,
    work_dir: Path,
    progress: Callable[[int], None],
) -> int:
    """Write the whole archive to `path`; returns the number of entries.

    Media is copied through, never held whole; `progress` gets the number of entries done. Raises ObjectMissing or
    StoreUnavailable of the store: an archive that lacks a file is not made.
    """
    sums: list[tuple[str, str]] = []
    listed: list[dict[str, Any]] = []
    table = _Table(work_dir, heading)
    count = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, strict_timestamps=False) as archive:
        for row in entries:
            names = []
            for index, file in enumerate(row.files):
                name = _name(row, file, index)
                sums.append((_copy(archive, store, file, name), name))
                listed.append(_listing(row, file, name))
                names.append(name)
            table.add(columns_of(row, heading, names))
            count += 1
            progress(count)
        for name, content in table.files():
            sums.append((hashlib.sha256(content).hexdigest(), name))
            archive.writestr(zipfile.ZipInfo(name, _stamp(heading)), content, zipfile.ZIP_DEFLATED)
        about = _about(heading, count, listed)
        sums.append((hashlib.sha256(about).hexdigest(), "manifest.json"))
        archive.writestr(zipfile.ZipInfo("manifest.json", _stamp(heading)), about, zipfile.ZIP_DEFLATED)
        lines = "".join(f"{digest}  {name}\n" for digest, name in sums)
        archive.writestr(zipfile.ZipInfo("SHA256SUMS", _stamp(heading)), lines, zipfile.ZIP_DEFLATED)
    return count


def _name(row: EntryRow, file: EntryFile, index: int) -> str:
    more = f"-{index + 1}" if index else ""
    return f"media/{rules.entry_stem(row.number, row.kind)}{more}.{EXTENSIONS.get(file.mime, 'bin')}"


def _copy(archive: zipfile.ZipFile, store: Store, file: EntryFile, name: str) -> str:
    digest = hashlib.sha256()
    with store.open(file.key) as source, archive.open(name, "w", force_zip64=True) as target:
        while block := source.read(BLOCK_BYTES):
            digest.update(block)
            target.write(block)
    if digest.hexdigest() != file.sha256:
        raise DamagedFile(name)
    return digest.hexdigest()


class DamagedFile(Exception):
    """A stored file is not what was stored; the export is not made, because it could not be trusted."""


def _listing(row: EntryRow, file: EntryFile, name: str) -> dict[str, Any]:
    return {
        "entry": row.number,
        "file": name,
        "bytes": file.bytes,
        "sha256": file.sha256,
        "made_as": file.profile,
        "original_sha256": file.original_sha256,
    }


def _about(heading: Heading, count: int, listed: list[dict[str, Any]]) -> bytes:
    document = {
        "station": heading.station,
        "campaign": heading.campaign,
        "made_at": heading.made_at.astimezone(heading.zone).isoformat(),
        "entries": count,
        "numbers": "masked",
        "files": listed,
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _stamp(heading: Heading) -> tuple[int, int, int, int, int, int]:
    local = heading.made_at.astimezone(heading.zone)
    return (local.year, local.month, local.day, local.hour, local.minute, local.second)


class _Table:
    """The same rows as XLSX (every text cell typed as text) and as CSV (UTF-8 with BOM, semicolons)."""

    def __init__(self, work_dir: Path, heading: Heading) -> None:
        self._path = work_dir / "entries.xlsx"
        self._book = xlsxwriter.Workbook(
            str(self._path),
            {"constant_memory": True, "tmpdir": str(work_dir), "strings_to_formulas": False, "strings_to_urls": False,
             "strings_to_numbers": False, "remove_timezone": True},
        )  # fmt: skip
        self._sheet = self._book.add_worksheet("Entries")
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        bold = self._book.add_format({"bold": True})
        self._csv = io.StringIO(newline="")
        self._writer = csv.writer(self._csv, delimiter=";")
        self._writer.writerow(heading.columns)
        for column, title in enumerate(heading.columns):
            self._sheet.write_string(0, column, title, bold)
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(1, 2, 19)
        self._sheet.set_column(7, 7, 60)
        self._rows = 0

    def add(self, cells: list[Any]) -> None:
        self._rows += 1
        for column, value in enumerate(cells):
            match value:
                case None:
                    continue
                case datetime():
                    self._sheet.write_datetime(self._rows, column, value.replace(tzinfo=None), self._moment)
                case int() | float():
                    self._sheet.write_number(self._rows, column, value)
                case _:
                    self._sheet.write_string(self._rows, column, rules.safe_cell(str(value)))
        self._writer.writerow([_plain(value) for value in cells])

    def files(self) -> list[tuple[str, bytes]]:
        self._book.close()
        return [
            ("entries.xlsx", self._path.read_bytes()),
            ("entries.csv", b"\xef\xbb\xbf" + self._csv.getvalue().encode("utf-8", "replace")),
        ]


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return rules.safe_cell(value) if isinstance(value, str) else str(value)
