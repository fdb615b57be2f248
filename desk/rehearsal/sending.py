"""A listener sends: messages and their media into the ledger and the outbox, in one commit.

Also what comes back to the station: statuses, in rank order. Who sends what is decided by
`control`, `phone`, `morning` and `burst`; how it reaches the desk by `delivery`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from . import filekinds, people
from .config import RehearsalConfig, Station
from .ledger import Ledger
from .payloads import error_entry, message_value, new_id_values, status_value
from .people import Listener
from .salt import salted

WINDOW_S = 24 * 3600  # provider's customer service window
RANKS = ("accepted", "sent", "delivered", "read", "played")


@dataclass(frozen=True)
class Content:
    """What one message says: type and the object under that key."""

    type: str
    body: Any
    errors: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Posting:
    """How a message is posted: due_at may lie ahead, sent_at behind; repeats = further deliveries."""

    sent_at: float | None = None
    due_at: float | None = None
    repeats: int = 0
    context: dict[str, Any] | None = None


@dataclass(frozen=True)
class KeptFile:
    """A file the server can hand out: where it lies, and the salt its bytes are varied with."""

    path: Path
    file_name: str
    kind: filekinds.FileKind
    salt: str = ""
    faulty: str = ""

    def read(self) -> bytes:
        return salted(self.path.read_bytes(), self.salt)


class Sender:
    """Writes to one ledger for the stations of one configuration; `wake` tells the delivery."""

    def __init__(self, config: RehearsalConfig, ledger: Ledger, wake: Callable[[], None]) -> None:
        self.config = config
        self.ledger = ledger
        self.wake = wake

    # -- people ---------------------------------------------------------------

    def introduce(self, listener: Listener) -> None:
        """Make a listener of the cast known; a known name stays as it is."""
        with self.ledger.writing():
            self._insert(listener)

    def listener(self, name: str) -> Listener:
        """The sender of that name, invented if unknown."""
        with self.ledger.writing():
            found = self._find("name", name)
            if found is None:
                found = Listener(name=name, phone=people.invented_phone(name), bsuid=people.invented_bsuid(name))
                self._insert(found)
                found = self._find("name", name) or found
            return found

    def change_number(self, station: Station, name: str) -> Listener:
        """The listener gets a new phone and with it a new BSUID; the station is told both ways."""
        old = self.listener(name)
        now = time.time()
        with self.ledger.writing() as db:
            number = int(self.ledger.note("numbers_changed", 0)) + 1
            self.ledger.keep_note("numbers_changed", number)
            fresh = f"{name}#{number}"
            attempt = 0
            while self._find("phone", people.invented_phone(fresh, attempt)):
                attempt += 1
            new = replace(old, phone=people.invented_phone(fresh, attempt), bsuid=people.invented_bsuid(fresh))
            db.execute("UPDATE listener SET phone = ?, bsuid = ? WHERE name = ?", (new.phone, new.bsuid, name))
            for value in new_id_values(station, old, new, people.new_wamid(old.address), int(now)):
                self.ledger.post(station.slug, "messages", new.bsuid, value, due_at=now, now=now, repeats=0)
        self.wake()
        return new

    def find_recipient(self, to: str | None, recipient: str | None) -> Listener | None:
        """The listener a send request means: phone in `to` wins over the BSUID in `recipient`."""
        if to:
            return self._find("phone", "".join(sign for sign in to if sign.isdigit()))
        return self._find("bsuid", recipient or "")

    def _find(self, column: str, value: str) -> Listener | None:
        row = self.ledger.row(f"SELECT * FROM listener WHERE {column} = ?", value)  # noqa: S608  our own names
        return None if row is None else listener_of(row)

    def _insert(self, listener: Listener) -> None:
        if self._find("name", listener.name):
            return
        attempt = 0
        while self._find("phone", listener.phone):
            attempt += 1
            listener = replace(listener, phone=people.invented_phone(listener.name, attempt))
        self.ledger.db.execute(
            "INSERT INTO listener (name, phone, bsuid, username, shows_phone, reads) VALUES (?, ?, ?, ?, ?, ?)",
            (listener.name, listener.phone, listener.bsuid, listener.username, listener.shows_phone, listener.reads),
        )

    # -- media ----------------------------------------------------------------

    def keep_bytes(self, data: bytes, file_name: str, kind: filekinds.FileKind) -> KeptFile:
        """Write uploaded bytes into the data folder, named by their digest."""
        folder = self.config.data_dir / "media"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / hashlib.sha256(data).hexdigest()
        if not path.exists():
            part = folder / f"{path.name}.{secrets.token_hex(4)}.part"
            part.write_bytes(data)
            part.replace(path)
        return KeptFile(path, file_name, kind)

    def add_media(
        self, station: Station, file: KeptFile, *, from_station: bool, at: float | None = None
    ) -> dict[str, Any]:
        """Give the file a media id. Returns id, mime_type and sha256 (base64) as a webhook carries them."""
        data = file.read()
        digest = hashlib.sha256(data).digest()
        media_id = "59" + str(secrets.randbelow(10**14)).zfill(14)
        with self.ledger.writing() as db:
            db.execute(
                "INSERT INTO media"
                " (id, station, path, salt, mime, file_name, sha256, bytes, from_station, created_at, faulty)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (media_id, station.slug, str(file.path), file.salt, file.kind.mime, file.file_name, digest.hex(),
                 len(data), from_station, at or time.time(), file.faulty),
            )  # fmt: skip
        return {"mime_type": file.kind.mime, "sha256": base64.b64encode(digest).decode(), "id": media_id}

    def media_content(self, station: Station, file: KeptFile, caption: str | None = None) -> Content:
        """The message content for a file, by its kind; over 100 MB the provider sends an error instead."""
        if file.path.stat().st_size > filekinds.INBOUND_LIMIT_BYTES:
            fault = error_entry(131052, "Media file size too big", "Max file size we currently support: 100MB.")
            return Content("unsupported", {"type": "media_placeholder"}, errors=(fault,))
        body: dict[str, Any] = {}
        if caption and file.kind.type in ("image", "video", "document"):
            body["caption"] = caption
        if file.kind.type == "document":
            body["filename"] = file.file_name
        body.update(self.add_media(station, file, from_station=False))
        if file.kind.type == "audio":
            body["voice"] = file.kind.is_voice
        if file.kind.type == "sticker":
            body["animated"] = filekinds.is_animated(file.path.read_bytes())
        return Content(file.kind.type, body)

    # -- messages -------------------------------------------------------------

    def send(self, station: Station, listener: Listener, content: Content, posting: Posting | None = None) -> str:
        """Post one message of a listener to the station. Returns its provider id."""
        posting = posting or Posting()
        now = time.time()
        sent_at = posting.sent_at or now
        wamid = people.new_wamid(listener.address)
        message: dict[str, Any] = {"id": wamid, "timestamp": str(int(sent_at)), "type": content.type}
        if posting.context:
            message = {"context": posting.context, **message}
        message[content.type] = content.body
        if content.errors:
            message["errors"] = list(content.errors)
        value = message_value(station, listener, message)
        with self.ledger.writing() as db:
            self._keep(db, wamid, station, listener, content, posting.context, sent_at, from_station=False)
            due_at = posting.due_at or now
            self.ledger.post(station.slug, "messages", wamid, value, due_at=due_at, now=now, repeats=posting.repeats)
        self.wake()
        return wamid

    def accept_from_station(
        self,
        station: Station,
        listener: Listener,
        content: Content,
        context: dict[str, Any] | None,
        callback_data: str | None,
    ) -> str:
        """Keep a message the station sent and return its id; statuses are posted separately."""
        wamid = people.new_wamid(listener.address, outgoing=True)
        with self.ledger.writing() as db:
            self._keep(db, wamid, station, listener, content, context, time.time(), from_station=True)
            db.execute("UPDATE message SET callback_data = ? WHERE id = ?", (callback_data, wamid))
        return wamid

    def _keep(
        self, db: sqlite3.Connection, wamid: str, station: Station, listener: Listener, content: Content,
        context: dict[str, Any] | None, sent_at: float, *, from_station: bool,
    ) -> None:  # fmt: skip
        body = {"body": content.body, "errors": list(content.errors)}
        db.execute(
            "INSERT INTO message"
            " (id, station, listener, from_station, type, content, context_id, status, sent_at, change)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 'accepted', ?, ?)",
            (wamid, station.slug, listener.name, from_station, content.type, json.dumps(body),
             (context or {}).get("id"), sent_at, self.ledger.next_change()),
        )  # fmt: skip

    def post_statuses(self, wamid: str, steps: list[tuple[str, float]], error: dict[str, Any] | None = None) -> None:
        """Post statuses of an outgoing message at the given delays in seconds, in this order."""
        row = self.ledger.row("SELECT * FROM message WHERE id = ?", wamid)
        if row is None:
            return
        station, listener = self.config.station(row["station"]), self.listener(row["listener"])
        if station is None:
            return
        now = time.time()
        with self.ledger.writing():
            for status, delay_s in steps:
                due_at = now + delay_s
                value = status_value(
                    station, listener, wamid, status, int(due_at), callback_data=row["callback_data"], error=error
                )
                self.ledger.post(station.slug, "statuses", wamid, value, due_at=due_at, now=now, repeats=0)
        self.wake()

    def content_of(self, wamid: str) -> Content | None:
        """What a message says; None if unknown."""
        row = self.ledger.row("SELECT type, content FROM message WHERE id = ?", wamid)
        if row is None:
            return None
        kept = json.loads(row["content"])
        return Content(row["type"], kept["body"], tuple(kept["errors"]))

    def raise_status(self, wamid: str, status: str) -> None:
        """Show a higher status on a message of either side; a lower one changes nothing."""
        with self.ledger.writing() as db:
            row = self.ledger.row("SELECT status FROM message WHERE id = ?", wamid)
            if row is None or not _is_higher(status, row["status"]):
                return
            db.execute(
                "UPDATE message SET status = ?, change = ? WHERE id = ?", (status, self.ledger.next_change(), wamid)
            )

    def closes_at(self, station: Station, listener: Listener) -> float | None:
        """When the service window closes; None if the listener never wrote."""
        row = self.ledger.row(
            "SELECT max(sent_at) AS last FROM message WHERE station = ? AND listener = ? AND NOT from_station"
            " AND type NOT IN ('reaction', 'system')",
            station.slug,
            listener.name,
        )
        return None if row is None or row["last"] is None else float(row["last"]) + WINDOW_S


def _is_higher(new: str, old: str) -> bool:
    if new == "failed" or old == "failed":
        return new != old
    return RANKS.index(new) > RANKS.index(old)


def listener_of(row: sqlite3.Row) -> Listener:
    return Listener(
        name=row["name"],
        phone=row["phone"],
        bsuid=row["bsuid"],
        username=row["username"],
        shows_phone=bool(row["shows_phone"]),
        reads=bool(row["reads"]),
    )
