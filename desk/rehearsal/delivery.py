"""Webhooks out: handshake, signature, order, repeats and retries, from the outbox.

One thread per station and lane (messages, statuses), so that a flood of messages does not
hold back a status; a message waits until `making` has its file. Delivery is at least once: a
row is done only after a 200. What is due stands in the ledger, so nothing is lost when this
process dies.
"""

from __future__ import annotations

import json
import logging
import random
import secrets
import sqlite3
import threading
import time

import requests

from . import faults
from .config import Station
from .ledger import Ledger
from .payloads import envelope, signature
from .sending import Sender

LANES = ("messages", "statuses")
KEEP_TRYING_S = 7 * 24 * 3600  # provider: retries for up to 7 days, then the update is dropped
KEEP_DONE_S = 24 * 3600
LONGEST_PAUSE_S = 30.0
TIMEOUT_S = 20.0
BATCH_LIMIT = 5
USER_AGENT = "facebookexternalua"

log = logging.getLogger("desk.rehearsal")


def pause_s(attempts: int) -> float:
    """Wait before the next try: at once at first, then twice as long each time."""
    return min(0.1 * float(2**attempts), LONGEST_PAUSE_S)


def post_signed(session: requests.Session, url: str, app_secret: str, body: bytes) -> int:
    """POST the bytes with their signature. Returns the status, 0 if nobody answered."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "X-Hub-Signature-256": signature(body, app_secret),
    }
    try:
        answer = session.post(url, data=body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False)
    except requests.RequestException:
        return 0
    return answer.status_code


def shake_hands(session: requests.Session, station: Station) -> bool:
    """The verification GET: true if the desk answers with our challenge and nothing else."""
    challenge = str(secrets.randbelow(10**10))
    asked = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": station.verify_token}
    try:
        answer = session.get(
            station.webhook_url,
            params=asked,
            timeout=TIMEOUT_S,
            allow_redirects=False,
            headers={"User-Agent": USER_AGENT},
        )
    except requests.RequestException:
        return False
    return answer.status_code == 200 and answer.text == challenge


class Delivery:
    """The threads that empty the outbox. `wake` may be called from anywhere."""

    def __init__(self, stations: tuple[Station, ...], ledger: Ledger) -> None:
        self._stations = stations
        self._ledger = ledger
        self._wakes = {(station.slug, lane): threading.Event() for station in stations for lane in LANES}
        self._verified = {station.slug: threading.Event() for station in stations}
        self._was_down: set[str] = set()  # stations whose desk did not answer at the last try
        self._stopping = threading.Event()
        self.sender: Sender | None = None

    def start(self) -> None:
        with self._ledger.writing() as db:
            db.execute("DELETE FROM outbox WHERE done_at < ?", (time.time() - KEEP_DONE_S,))
        for station in self._stations:
            threading.Thread(target=self._verify, args=(station,), daemon=True, name=f"verify-{station.slug}").start()
            for lane in LANES:
                name = f"{lane}-{station.slug}"
                threading.Thread(target=self._run, args=(station, lane), daemon=True, name=name).start()

    def stop(self) -> None:
        self._stopping.set()
        self.wake()

    def wake(self) -> None:
        for event in self._wakes.values():
            event.set()

    def is_verified(self, slug: str) -> bool:
        return self._verified[slug].is_set()

    def wait_until_verified(self, slug: str, timeout_s: float | None = None) -> bool:
        return self._verified[slug].wait(timeout_s)

    def _verify(self, station: Station) -> None:
        """Repeat the handshake until the desk is up; nothing is sent to it before."""
        with requests.Session() as session:
            tries = 0
            while not self._stopping.is_set() and not shake_hands(session, station):
                tries += 1
                if tries % 20 == 0:
                    log.warning("%s: the webhook address has not answered the handshake yet", station.slug)
                self._stopping.wait(min(0.25 * tries, 2.0))
        self._verified[station.slug].set()

    def _run(self, station: Station, lane: str) -> None:
        self._verified[station.slug].wait()
        wake = self._wakes[station.slug, lane]
        chance = random.Random(f"{station.slug}:{lane}")
        with requests.Session() as session:
            while not self._stopping.is_set():
                wake.clear()
                rows = self._take(station, lane, chance)
                if rows:
                    self._deliver(session, station, rows, chance)
                else:
                    wake.wait(self._next_due_s(station, lane))

    def _take(self, station: Station, lane: str, chance: random.Random) -> list[sqlite3.Row]:
        """Due rows for one POST: usually one, now and then a few; never two of the same message."""
        if faults.standing(self._ledger, "hold_webhooks"):
            return []
        limit = chance.randint(2, BATCH_LIMIT) if chance.random() < 0.15 else 1
        rows = self._ledger.rows(
            "SELECT * FROM outbox AS o WHERE station = ? AND lane = ? AND done_at IS NULL AND due_at <= ?"
            " AND NOT EXISTS (SELECT 1 FROM unmade WHERE message = o.subject) AND NOT EXISTS"
            " (SELECT 1 FROM outbox AS e WHERE e.subject = o.subject AND e.seq < o.seq AND e.done_at IS NULL)"
            " ORDER BY due_at, seq LIMIT ?",
            station.slug, lane, time.time(), limit,
        )  # fmt: skip
        return rows if not any(row["repeats"] for row in rows) else rows[:1]

    def _next_due_s(self, station: Station, lane: str) -> float:
        row = self._ledger.row(
            "SELECT min(due_at) AS due FROM outbox AS o WHERE station = ? AND lane = ? AND done_at IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM unmade WHERE message = o.subject)",
            station.slug,
            lane,
        )
        if row is None or row["due"] is None:
            return 5.0
        return min(max(float(row["due"]) - time.time(), 0.02), 5.0)

    def _deliver(
        self, session: requests.Session, station: Station, rows: list[sqlite3.Row], chance: random.Random
    ) -> None:
        body = envelope(station, [json.loads(row["value"]) for row in rows], chance)
        status = post_signed(session, station.webhook_url, station.app_secret, body)
        if status == 200:
            self._mark_done(station, rows)
        else:
            self._put_back(station, rows, status)

    def _mark_done(self, station: Station, rows: list[sqlite3.Row]) -> None:
        """Count the delivery; repeats are due again soon, and after an outage everything that waited is due now."""
        now = time.time()
        with self._ledger.writing() as db:
            for row in rows:
                if row["repeats"]:
                    db.execute(
                        "UPDATE outbox SET repeats = repeats - 1, due_at = ? WHERE seq = ?", (now + 0.3, row["seq"])
                    )
                else:
                    db.execute("UPDATE outbox SET done_at = ?, value = '' WHERE seq = ?", (now, row["seq"]))
            if station.slug in self._was_down:
                self._was_down.discard(station.slug)
                db.execute(
                    "UPDATE outbox SET due_at = ?"
                    " WHERE station = ? AND done_at IS NULL AND attempts > 0 AND due_at > ?",
                    (now, station.slug, now),
                )
            self._show_ticks(rows)

    def _show_ticks(self, rows: list[sqlite3.Row]) -> None:
        if self.sender is None:
            return
        for row in rows:
            if row["lane"] == "messages":
                self.sender.raise_status(row["subject"], "delivered")

    def _put_back(self, station: Station, rows: list[sqlite3.Row], status: int) -> None:
        """Try again later, the later the more often it failed; after 7 days give up, as the provider does."""
        now = time.time()
        with self._ledger.writing() as db:
            for row in rows:
                given_up_at = now if now - row["created_at"] > KEEP_TRYING_S else None
                db.execute(
                    "UPDATE outbox SET attempts = attempts + 1, due_at = ?, done_at = ? WHERE seq = ?",
                    (now + pause_s(row["attempts"]), given_up_at, row["seq"]),
                )
        log.info("%s: webhook answered %s, %s put back", station.slug, status or "nothing", len(rows))
        if status in (0, 502, 503, 504):
            self._was_down.add(station.slug)
        if status == 0:
            self._stopping.wait(0.5)
