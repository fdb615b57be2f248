"""Files that are to differ are made ahead of their messages, a few at once, in the order in which they are due.

What is still to be made stands in the ledger beside the message, so this goes on after kill -9; until then `delivery`
leaves the message alone, since a webhook says which sha256 its file has. What was made is kept like an upload, in the
data folder, and goes with it. How one file is made is the matter of `variety`.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .filekinds import file_kind
from .ledger import Ledger
from .sending import KeptFile, Sender

VARIED = frozenset({".ogg", ".mp3", ".m4a", ".jpg", ".mp4"})  # stickers and documents stay as they are
AT_ONCE = 2
COMMITTED_AT_ONCE = 8
TAKES_S = {"voice": 0.15, "song": 0.15, "picture": 0.05, "clip": 0.55}  # of one processor; the rest is not made

log = logging.getLogger("desk.rehearsal")


def takes_s(items: int, shares: Mapping[str, int]) -> float:
    """About how long the files of so many messages are made, by kinds with their weights."""
    each_s = sum(TAKES_S.get(kind, 0.0) * share for kind, share in shares.items()) / sum(shares.values())
    return items * each_s / AT_ONCE


def order(ledger: Ledger, wamid: str, media_id: str, due_at: float) -> None:
    """Hold the message back until its file is made; in the transaction that posts it."""
    ledger.db.execute("INSERT INTO unmade (message, media, due_at) VALUES (?, ?, ?)", (wamid, media_id, due_at))


class Making:
    """One thread that hands out the work and writes down what was made; `wake` may be called from anywhere."""

    def __init__(self, sender: Sender, made: Callable[[], None]) -> None:
        self._sender = sender
        self._made = made  # tells the delivery
        self._wake = threading.Event()
        self._stopping = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True, name="making").start()

    def stop(self) -> None:
        self._stopping.set()
        self.wake()

    def wake(self) -> None:
        self._wake.set()

    def _run(self) -> None:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="making") as makers:
            while not self._stopping.is_set():
                self._wake.clear()
                rows = self._next()
                if not rows:
                    self._wake.wait()
                    continue
                self._keep(list(zip(rows, makers.map(self._make, rows), strict=True)))
                self._made()

    def _next(self) -> list[sqlite3.Row]:
        return self._sender.ledger.rows(
            "SELECT unmade.message, media.*, message.type FROM unmade JOIN media ON media.id = unmade.media"
            " JOIN message ON message.id = unmade.message ORDER BY unmade.due_at LIMIT ?",
            COMMITTED_AT_ONCE,
        )

    def _make(self, row: sqlite3.Row) -> KeptFile | None:
        """The file as another person would send it; None if it cannot be made: then the sample itself is sent."""
        from . import variety  # reads numpy and Pillow, which only this needs

        try:
            data = variety.varied(Path(row["path"]), row["salt"])
        except variety.NotMade as error:
            log.warning("%s: sent as it is: %s", row["file_name"], error)
            return None
        return self._sender.keep_bytes(data, row["file_name"], file_kind(row["file_name"]))

    def _keep(self, made: list[tuple[sqlite3.Row, KeptFile | None]]) -> None:
        """Media, message and webhook tell of the new file; the message may go."""
        with self._sender.ledger.writing() as db:
            for row, kept in made:
                if kept is not None:
                    _replace(db, row, kept.path)
                db.execute("DELETE FROM unmade WHERE message = ?", (row["message"],))


def _replace(db: sqlite3.Connection, row: sqlite3.Row, path: Path) -> None:
    data = path.read_bytes()
    digest = hashlib.sha256(data).digest()
    db.execute(
        "UPDATE media SET path = ?, salt = '', sha256 = ?, bytes = ? WHERE id = ?",
        (str(path), digest.hex(), len(data), row["id"]),
    )
    told = base64.b64encode(digest).decode()
    db.execute(
        "UPDATE message SET content = json_set(content, '$.body.sha256', ?) WHERE id = ?", (told, row["message"])
    )
    db.execute(
        "UPDATE outbox SET value = json_set(value, ?, ?) WHERE subject = ? AND lane = 'messages'",
        (f"$.messages[0].{row['type']}.sha256", told, row["message"]),
    )
