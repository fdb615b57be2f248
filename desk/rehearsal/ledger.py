"""The rehearsal server's memory: one SQLite file that survives kill -9.

Owns listeners, media, messages in both directions, the files still to be made, and the outbox
of webhooks not yet answered with 200. Writes go through `writing()`, one at a time; what is decided with the
rows stands in `sending`, `delivery` and `graph`. Moments are Unix seconds.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS listener (
  name TEXT PRIMARY KEY, phone TEXT NOT NULL UNIQUE, bsuid TEXT NOT NULL UNIQUE,
  username TEXT, shows_phone INTEGER NOT NULL, reads INTEGER NOT NULL, seen_at REAL NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS media (
  id TEXT PRIMARY KEY, station TEXT NOT NULL, path TEXT NOT NULL, salt TEXT NOT NULL, mime TEXT NOT NULL,
  file_name TEXT, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, from_station INTEGER NOT NULL, created_at REAL NOT NULL,
  faulty TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS message (
  id TEXT PRIMARY KEY, station TEXT NOT NULL, listener TEXT NOT NULL, from_station INTEGER NOT NULL,
  type TEXT NOT NULL, content TEXT NOT NULL, context_id TEXT, callback_data TEXT,
  status TEXT NOT NULL, sent_at REAL NOT NULL, change INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS message_thread ON message (station, listener, change);
CREATE TABLE IF NOT EXISTS outbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, station TEXT NOT NULL, lane TEXT NOT NULL, subject TEXT NOT NULL,
  value TEXT NOT NULL, due_at REAL NOT NULL, created_at REAL NOT NULL, repeats INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0, done_at REAL);
CREATE TABLE IF NOT EXISTS unmade (message TEXT PRIMARY KEY, media TEXT NOT NULL, due_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS unmade_due ON unmade (due_at);
CREATE INDEX IF NOT EXISTS outbox_due ON outbox (station, lane, due_at) WHERE done_at IS NULL;
CREATE INDEX IF NOT EXISTS outbox_subject ON outbox (subject) WHERE done_at IS NULL;
"""


class Ledger:
    """Connections per thread to one file; use `writing()` for every change."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._write_lock = threading.RLock()
        self.db.executescript(_TABLES)

    @property
    def db(self) -> sqlite3.Connection:
        """This thread's connection, for reading."""
        if not hasattr(self._local, "db"):
            db = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            self._local.db = db
            self._open.append(db)
        found: sqlite3.Connection = self._local.db
        return found

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, committed at the end and rolled back on an error; may be nested."""
        with self._write_lock:
            if self.db.in_transaction:
                yield self.db
                return
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
            except BaseException:
                self.db.execute("ROLLBACK")
                raise
            self.db.execute("COMMIT")

    def close(self) -> None:
        for db in self._open:
            db.close()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self.db.execute(sql, values).fetchone()
        return found

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        return self.db.execute(sql, values).fetchall()

    def note(self, name: str, default: Any = None) -> Any:
        """A small remembered value, any JSON."""
        found = self.row("SELECT value FROM note WHERE name = ?", name)
        return default if found is None else json.loads(found["value"])

    def keep_note(self, name: str, value: Any) -> None:
        with self.writing() as db:
            db.execute("INSERT OR REPLACE INTO note (name, value) VALUES (?, ?)", (name, json.dumps(value)))

    def next_change(self) -> int:
        """Number of the next visible change to a thread; call inside `writing()`."""
        number = int(self.note("change", 0)) + 1
        self.keep_note("change", number)
        return number

    def post(
        self, station: str, lane: str, subject: str, value: dict[str, Any], *, due_at: float, now: float, repeats: int
    ) -> None:
        """Put a webhook value into the outbox; subject keeps the order of what concerns one message."""
        self.db.execute(
            "INSERT INTO outbox (station, lane, subject, value, due_at, created_at, repeats)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (station, lane, subject, json.dumps(value), due_at, now, repeats),
        )
