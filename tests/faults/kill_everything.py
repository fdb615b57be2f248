"""kill -9 of every process of a desk while messages come in: nothing lost, nothing twice, nothing left behind.

500 mixed messages and the four files of the proof arrive and two replies go out while web, worker, keeper and the
rehearsal number are killed one after the other and at last the supervisor; then the desk is started again and counted.
tests/browser/test_crash.py runs the same in short.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from bench.figures import Figure, judge
from desk.rehearsal import client
from tests import servers, serving
from tests.serving import STATION, Colleague, Desk

ITEMS, PER_MINUTE, SETTLED_LIMIT_S = 500, 600.0, 1800.0
LEA = "Lea Vogt"
STATED_ENDS = {"ready", "failed"}
REPLY_ENDS = {"accepted", "sent", "delivered", "read", "played", "unsure", "failed"}


@dataclass(frozen=True)
class Stock:
    """What was found after the restart; every list and count but `sent` and `answered` should be empty or nought."""

    sent: int
    lost: list[str]
    twice: list[str]
    strays: int
    unexplained_media: list[Any]
    dead_jobs: list[Any]
    set_aside: list[Any]
    answered: int
    replies_twice: list[str]
    open_replies: list[Any]
    temporary: list[str]
    leftovers: list[str]
    is_audit_whole: bool
    back_s: float
    settled_s: float

    def as_faults(self) -> dict[str, int]:
        return {
            "messages lost": len(self.lost),
            "messages on two cards": len(self.twice),
            "cards nobody sent": self.strays,
            "media without a stated end": len(self.unexplained_media),
            "jobs given up": len(self.dead_jobs),
            "items set aside": len(self.set_aside),
            "replies sent twice": len(self.replies_twice),
            "replies without an end": len(self.open_replies),
            "temporary files left": len(self.temporary),
            "processes left behind": len(self.leftovers),
            "audit chain broken": int(not self.is_audit_whole),
        }


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="desk-faults-") as folder:
        stock = kill_everything(Path(folder), items=ITEMS, per_minute=PER_MINUTE, limit_s=SETTLED_LIMIT_S)
    rows = [judge(f"kill everything: {name}", count, "", limit=0) for name, count in stock.as_faults().items()]
    rows.append(judge("kill everything: messages and files sent", stock.sent, "", limit=ITEMS + 4, more_is_better=True))
    rows.append(judge("kill everything: replies that arrived", stock.answered, "", limit=1, more_is_better=True))
    rows.append(judge("kill everything: ready again after the start", stock.back_s, "s", limit=60.0))
    rows.append(
        judge("kill everything: all media settled after the start", stock.settled_s, "s", limit=limit_of_media())
    )
    return rows


def limit_of_media() -> float:
    """Two seconds a message: on two cores a voice note's renditions take about one."""
    return ITEMS * 2.0


def kill_everything(folder: Path, *, items: int, per_minute: float, limit_s: float) -> Stock:
    """Send, kill each process in turn, start again, count."""
    desk = Desk(folder / "desk", serving.two_free_ports())
    files = serving.make_files(folder / "files")
    try:
        desk.start()
        ids = [desk.send("Ida Kern", file=file, is_voice=name == "voice") for name, file in files.items()]
        lea = Colleague.by_link(desk, desk.links()[LEA])
        ids += client.burst(desk.number, items, per_minute, seed=7, station=STATION, repeat_rate=0.1).ids
        replies = _break(desk, lea, len(ids))
        leftovers = _await_end_of_family(desk)
        started_s = time.monotonic()
        desk.start()
        back_s = time.monotonic() - started_s
        servers.wait_until(lambda: _is_settled(desk), "the end of all work", limit_s=limit_s)
        settled_s = time.monotonic() - started_s
        threads = [one["body"].get("body") for one in desk.thread("Ida Kern") if not one["mine"]]
        is_audit_whole = bool(desk.command("audit", "verify")["ok"])
    finally:
        desk.stop()
    return _count(desk, ids, replies, threads, leftovers, is_audit_whole, (back_s, settled_s))


def _break(desk: Desk, lea: Colleague, sent: int) -> list[str]:
    """Kill each part, at even steps of what has been delivered; a reply is on its way at two of them.

    The worker is killed twice: its parent alone, whose children must end by themselves, and all of it in one blow.
    """
    replies = ["Antwort vor dem ersten Schlag", "Antwort vor dem letzten Schlag"]
    steps = ["web", "worker", "keeper", "number", "worker"]
    for number, name in enumerate(steps, start=1):
        servers.wait_until(
            lambda due=sent * number // 7: _delivered(desk) >= due, f"a {name} in the middle of its work"
        )
        if number in (1, len(steps)):
            _answer(desk, lea, replies[0 if number == 1 else 1])
        hit = desk.part(name)
        desk.kill(hit[:1] if number == 2 else hit)
        servers.wait_until(lambda part=name: bool(desk.part(part)), f"the {name} started again")
    desk.family()
    desk.kill(desk.family()[:1])
    return replies


def _answer(desk: Desk, lea: Colleague, text: str) -> None:
    """A reply to the listener of the four files; asked again with the same key while the web is coming back."""

    def is_answered() -> bool:
        with suppress(requests.ConnectionError, requests.Timeout):
            cards = lea.get("/api/v1/cards", text="Ida")["cards"]
            if cards:
                lea.post(
                    f"/api/v1/cards/{cards[0]['id']}/replies",
                    {"text": text, "idempotency_key": text[-20:].replace(" ", "-")},
                )
            return bool(cards)
        return False

    servers.wait_until(is_answered, "a reply written")


def _delivered(desk: Desk) -> int:
    with suppress(client.Unreachable, client.Refused):
        return int(client.fetch_state(desk.number)["delivered"])
    return -1


def _await_end_of_family(desk: Desk) -> list[str]:
    """The children of a killed supervisor notice and end by themselves; who does not is a leftover."""
    if desk.process is not None:
        desk.process.wait()
    with suppress(TimeoutError):
        servers.wait_until(lambda: not desk.leftovers(), "the end of every process", limit_s=60)
    return desk.leftovers()


def _is_settled(desk: Desk) -> bool:
    """Nothing waits at the provider, no job is open; read from the file, so that waiting costs the desk nothing."""
    if client.fetch_state(desk.number)["waiting"]:
        return False
    with closing(sqlite3.connect(f"file:{desk.data_dir / 'desk.db'}?mode=ro", uri=True, timeout=30)) as database:
        (still_open,) = database.execute("SELECT count(*) FROM job WHERE state IN ('ready', 'running')").fetchone()
    return bool(still_open == 0)


def _count(
    desk: Desk,
    ids: Sequence[str],
    replies: Sequence[str],
    arrived: Sequence[str],
    leftovers: list[str],
    is_audit_whole: bool,
    took_s: tuple[float, float],
) -> Stock:
    found = desk.inventory(ids)
    media = [one for entry in found["found"].values() for one in entry["media"]]
    is_explained: Callable[[Any], bool] = lambda one: one["state"] == "ready" or bool(one["reason"])  # noqa: E731
    return Stock(
        sent=len(ids),
        lost=[one for one, entry in found["found"].items() if not entry["cards"]],
        twice=[one for one, entry in found["found"].items() if len(entry["cards"]) > 1],
        strays=max(0, found["cards"] - len(ids)),
        unexplained_media=[one for one in media if one["state"] not in STATED_ENDS or not is_explained(one)],
        dead_jobs=found["dead"],
        set_aside=found["set_aside"],
        answered=sum(text in arrived for text in replies),
        replies_twice=[text for text in replies if arrived.count(text) > 1],
        open_replies=[row for row in found["replies"] if row[1] not in REPLY_ENDS],
        temporary=found["temporary"],
        leftovers=leftovers,
        is_audit_whole=is_audit_whole,
        back_s=took_s[0],
        settled_s=took_s[1],
    )
