"""Writes the archive of an export: the media, the table as XLSX and CSV, a manifest, and SHA256SUMS.

Cells never become formulas; names inside the archive are made of entry numbers; the manifest names every file with
its SHA-256, and anybody can check the unpacked archive with `sha256sum -c SHA256SUMS`. What stands in the cells is
desk.contests.queries' matter, where the archive is kept desk.contests.jobs'.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterable
from contextlib import closing
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
    "Consent since", "Length in s", "Loudness in LUFS", "Forwarded", "Files",
)  # fmt: skip


def write_archive(
    path: Path,
    heading: Heading,
    entries: Iterable[EntryRow],
    store: Store,
    *,
    work_dir: Path,
    progress: Callable[[int], None],
) -> None:
    """Write the whole archive to `path`.

    Media is copied through in blocks, never held whole; `progress` gets the number of entries done. Raises
    ObjectMissing or StoreUnavailable of the store, DamagedFile: an archive that lacks a file is not made.
    """
    with closing(_Table(work_dir, heading)) as table, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as opened:
        archive = _Archive(opened, _stamp(heading))
        listed: list[dict[str, Any]] = []
        without_media: list[int] = []
        count = 0
        for count, row in enumerate(entries, start=1):
            names = [_name(row, file, index) for index, file in enumerate(row.files)]
            for name, file in zip(names, row.files, strict=True):
                archive.copy(store, file, name)
                listed.append(_listing(row, file, name))
            if row.is_media_missing:
                without_media.append(row.number)
            table.add(columns_of(row, heading, names))
            progress(count)
        for name, content in table.files():
            archive.add(name, content)
        archive.add("manifest.json", _about(heading, count, listed, without_media))
        archive.add_sums()


def _name(row: EntryRow, file: EntryFile, index: int) -> str:
    more = f"-{index + 1}" if index else ""
    return f"media/{rules.entry_stem(row.number, row.kind)}{more}.{EXTENSIONS.get(file.mime, 'bin')}"


class DamagedFile(Exception):
    """A stored file is not what was stored; the export is not made, because it could not be trusted."""


class _Archive:
    """A ZIP that remembers the digest of everything put into it."""

    def __init__(self, opened: zipfile.ZipFile, stamp: tuple[int, int, int, int, int, int]) -> None:
        self._zip, self._stamp = opened, stamp
        self._sums: dict[str, str] = {}

    def add(self, name: str, content: bytes) -> None:
        self._note(name, hashlib.sha256(content).hexdigest())
        self._zip.writestr(zipfile.ZipInfo(name, self._stamp), content, zipfile.ZIP_DEFLATED)

    def copy(self, store: Store, file: EntryFile, name: str) -> None:
        """Stored as it is: media does not get smaller. Raises DamagedFile if the bytes are not the noted ones."""
        digest = hashlib.sha256()
        info = zipfile.ZipInfo(name, self._stamp)
        with store.open(file.key) as source, self._zip.open(info, "w", force_zip64=True) as target:
            while block := source.read(BLOCK_BYTES):
                digest.update(block)
                target.write(block)
        if digest.hexdigest() != file.sha256:
            raise DamagedFile(name)
        self._note(name, file.sha256)

    def add_sums(self) -> None:
        lines = "".join(f"{digest}  {name}\n" for name, digest in self._sums.items())
        self._zip.writestr(zipfile.ZipInfo("SHA256SUMS", self._stamp), lines, zipfile.ZIP_DEFLATED)

    def _note(self, name: str, digest: str) -> None:
        if name in self._sums:
            raise ValueError(f"two files of an export would be called {name}")
        self._sums[name] = digest


def _listing(row: EntryRow, file: EntryFile, name: str) -> dict[str, Any]:
    return {
        "entry": row.number,
        "file": name,
        "bytes": file.bytes,
        "sha256": file.sha256,
        "made_as": file.profile,
        "original_sha256": file.original_sha256,
    }


def _about(heading: Heading, count: int, listed: list[dict[str, Any]], without_media: list[int]) -> bytes:
    document = {
        "station": heading.station,
        "campaign": heading.campaign,
        "made_at": heading.made_at.astimezone(heading.zone).isoformat(),
        "entries": count,
        "numbers": "masked",
        "entries_whose_media_is_not_ready": without_media,
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
        # Everything in quotes: a program that splits at commas must not find a formula behind one.
        self._writer = csv.writer(self._csv, delimiter=";", quoting=csv.QUOTE_ALL)
        self._writer.writerow(heading.columns)
        for column, title in enumerate(heading.columns):
            self._sheet.write_string(0, column, title, bold)
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(1, 2, 19)
        self._sheet.set_column(7, 7, 60)
        self._rows = 0
        self._is_closed = False

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

    def close(self) -> None:
        """Let go of the files beneath, also in the middle. May be repeated."""
        if not self._is_closed:
            self._is_closed = True
            self._book.close()

    def files(self) -> list[tuple[str, bytes]]:
        self.close()
        return [
            ("entries.xlsx", self._path.read_bytes()),
            ("entries.csv", b"\xef\xbb\xbf" + self._csv.getvalue().encode("utf-8", "replace")),
        ]


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return rules.safe_csv_cell(value) if isinstance(value, str) else str(value)
