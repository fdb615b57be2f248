"""Three hundred connected walls: how long an event needs to each of them, against bare broadcasts to as many.

The desk runs as `desk serve` runs it. Three written messages a second come in through the webhook while four sessions
give 20 verdicts a second over HTTP, for DESK_WALLS_S (40) seconds. The time of an event counts from the transaction
that made it, before its commit, to the client; that of a message's own events from the moment its delivery came, for
which the bar is that of bench.arrival. Media work is left out: it would be the figure then. DESK_WALLS says
how many.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from bench.figures import Figure, judge
from desk.rehearsal import client
from tests import servers, serving
from tests.serving import STATION, TOP, Colleague, Desk

WALLS = int(os.environ.get("DESK_WALLS", "300"))
WINDOW_S = float(os.environ.get("DESK_WALLS_S", "40"))
EACH = 10  # walls of one session, the most the desk allows
PROCESSES = 3
ITEMS_PER_S, VERDICTS_PER_S, JUDGES, CARDS = 3, 20, 4, 60
P95_LIMIT_MS = 150.0
ARRIVED_LIMIT_MS = 1000.0  # bench.arrival's, for a text
SETTLED_LIMIT_S = 120.0


@dataclass(frozen=True)
class Seen:
    """What all walls received: the numbers they hold at the end, and every event's way in ms, ascending.

    `arrived_ms` are the ways of the events of messages, from their deliveries.
    """

    seqs: list[int]
    taken_ms: list[float]
    arrived_ms: list[float]
    gaps: int
    closed: int
    compressed: int

    def at(self, share: float) -> float:
        return _at(self.taken_ms, share)


def _at(ascending: Sequence[float], share: float) -> float:
    return ascending[min(len(ascending) - 1, int(len(ascending) * share))]


class Walls:
    """The clients' processes."""

    def __init__(self, shares: Sequence[dict[str, Any]]) -> None:
        command = [sys.executable, "-m", "bench._wall_clients"]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": TOP}
        self._processes = [subprocess.Popen(command, **pipes) for _ in shares]
        for process, share in zip(self._processes, shares, strict=True):
            self._tell(process, json.dumps(share))
        try:
            self.open = sum(one["open"] for one in self._hear())
        except ValueError:
            self.stop()
            raise RuntimeError("not all walls could be opened") from None

    def begin(self) -> None:
        """From here on counts."""
        for process in self._processes:
            self._tell(process, "begin")
        self._hear()

    def end(self) -> Seen:
        for process in self._processes:
            self._tell(process, "end")
        said = self._hear()
        print(f"walls: clients needed {sum(one['cpu_s'] for one in said):.1f} s of CPU", file=sys.stderr)
        return Seen(
            seqs=[seq for one in said for seq in one["seqs"]],
            taken_ms=sorted(taken for one in said for taken in one["taken_ms"]),
            arrived_ms=sorted(taken for one in said for taken in one["arrived_ms"]),
            gaps=sum(one["gaps"] for one in said),
            closed=sum(one["closed"] for one in said),
            compressed=sum(one["compressed"] for one in said),
        )

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
            process.wait(30)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def _tell(self, process: subprocess.Popen[str], line: str) -> None:
        assert process.stdin is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()

    def _hear(self) -> list[dict[str, Any]]:
        heard = []
        for process in self._processes:
            assert process.stdout is not None
            heard.append(json.loads(process.stdout.readline()))
        return heard


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="desk-walls-") as folder:
        settings = {"DESK_MAX_SOCKETS": str(WALLS + 40)}
        with serving.running(Path(folder) / "desk", settings=settings) as desk:
            ours, last, events_per_s = _measure_desk(desk)
        bare = _measure_bare(events_per_s)
    name = f"{WALLS} connected walls"
    return [
        judge(f"{name}: event to client, p95", ours.at(0.95), "ms", limit=P95_LIMIT_MS),
        judge(f"{name}: event to client, p95 against bare", ours.at(0.95), "ms", bare=bare.at(0.95)),
        judge(f"{name}: event to client, p50", ours.at(0.5), "ms", bare=bare.at(0.5)),
        judge(f"{name}: event to client, longest", ours.at(1), "ms", bare=bare.at(1)),
        judge(f"{name}: delivery to client, p95", _at(ours.arrived_ms, 0.95), "ms", limit=ARRIVED_LIMIT_MS),
        judge(f"{name}: events a second", events_per_s, ""),
        judge(f"{name}: closed or not at the last number", ours.closed + sum(seq != last for seq in ours.seqs), "",
              limit=0),
        judge(f"{name}: gaps that had to be asked for", ours.gaps, "", limit=0),
    ]  # fmt: skip


# --- the desk -----------------------------------------------------------------------------------------------------


def _measure_desk(desk: Desk) -> tuple[Seen, int, float]:
    client.burst(desk.number, CARDS * 2, 6000, seed=300, station=STATION, shares={"text": 1})
    links = _links(desk, JUDGES + WALLS // EACH)
    judges = [Colleague.by_link(desk, link) for link in links[:JUDGES]]
    servers.wait_until(lambda: _new(judges[0]) >= CARDS, "cards to judge", limit_s=SETTLED_LIMIT_S)
    _settle(desk, judges[0])  # what happens while a wall opens it asks for, as it should: no gap
    piles = _piles(judges[0])
    shares = [share for number in range(PROCESSES) if (share := links[JUDGES + number :: PROCESSES])]
    common = {"data_dir": str(desk.data_dir), "port": desk.port, "each": EACH}
    walls = Walls([{**common, "links": share} for share in shares])
    try:
        if walls.open != WALLS:
            raise RuntimeError(f"{walls.open} walls are open")
        print(f"walls: {walls.open} open", file=sys.stderr, flush=True)
        walls.begin()
        before, used_s = _last(judges[0]), _cpu_s(desk)
        verdicts = _load(desk, judges, piles)
        print("walls: of a core used " + ", ".join(
            f"{part} {(now_s - used_s[part]) / WINDOW_S:.0%}" for part, now_s in _cpu_s(desk).items()
        ), file=sys.stderr)  # fmt: skip
        after = _settle(desk, judges[0])
        seen = walls.end()
    finally:
        walls.stop()
    if verdicts < WINDOW_S * VERDICTS_PER_S * 0.95:
        raise RuntimeError(f"only {verdicts} verdicts in {WINDOW_S:g} s")
    return seen, after, (after - before) / WINDOW_S


def _cpu_s(desk: Desk) -> dict[str, float]:
    return {part: sum(sum(one.cpu_times()[:2]) for one in desk.part(part)) for part in serving.PARTS}


def _links(desk: Desk, count: int) -> list[str]:
    command = [sys.executable, "-m", "bench._sign_in_links", str(count)]
    done = subprocess.run(command, cwd=TOP, env=desk.environment(), capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return [f"{desk.address}/signin/link/{token}" for token in json.loads(done.stdout)]


def _new(judge_one: Colleague) -> int:
    return int(judge_one.get("/api/v1/cards", limit=1)["counts"]["state"].get("new", 0))


def _last(judge_one: Colleague) -> int:
    return int(judge_one.get("/api/v1/cards", limit=1)["seq"])


def _piles(judge_one: Colleague) -> list[list[dict[str, Any]]]:
    """The cards to judge, dealt to the judges."""
    cards = judge_one.get("/api/v1/cards", state="new", limit=CARDS)["cards"]
    return [cards[number::JUDGES] for number in range(JUDGES)]


def _load(desk: Desk, judges: Sequence[Colleague], piles: Sequence[list[dict[str, Any]]]) -> int:
    """Messages and verdicts at their pace until the window is over; returns how many verdicts were given."""
    given: list[int] = []
    client.burst(desk.number, int(WINDOW_S * ITEMS_PER_S), ITEMS_PER_S * 60, seed=301, station=STATION,
                 shares={"text": 1})  # fmt: skip
    starts_s = time.monotonic()
    hands = [
        threading.Thread(target=_judge, args=(colleague, pile, starts_s + number / VERDICTS_PER_S, given))
        for number, (colleague, pile) in enumerate(zip(judges, piles, strict=True))
    ]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    return len(given)


def _judge(colleague: Colleague, pile: list[dict[str, Any]], starts_s: float, given: list[int]) -> None:
    """Reject, shortlist one in twelve, and bring each back when its turn comes again."""
    for number in range(int(WINDOW_S * VERDICTS_PER_S / JUDGES)):
        time.sleep(max(0.0, starts_s + number * JUDGES / VERDICTS_PER_S - time.monotonic()))
        card = pile[number % len(pile)]
        verdict = "new" if card["state"] != "new" else "shortlisted" if number % 12 == 0 else "rejected"
        try:
            answer = colleague.post(f"/api/v1/cards/{card['id']}/move", {"version": card["version"], "to": verdict})
            given.append(card["id"])
        except RuntimeError as refused:
            if " 409 " not in str(refused):
                raise
            answer = colleague.get(f"/api/v1/cards/{card['id']}")  # it changed meanwhile, as by a verdict on its flood
        pile[number % len(pile)] = answer["card"]


def _settle(desk: Desk, judge_one: Colleague) -> int:
    """Wait until nothing more happens; returns the last number."""
    servers.wait_until(lambda: client.fetch_state(desk.number)["waiting"] == 0, "the last webhook")
    seen = [-1]

    def is_still() -> bool:
        seen.append(_last(judge_one))
        return seen[-1] == seen[-2]

    servers.wait_until(is_still, "the last event", every_s=1.0)
    return seen[-1]


# --- the bare tool ------------------------------------------------------------------------------------------------


def _measure_bare(events_per_s: float) -> Seen:
    """The same clients at a server that only broadcasts, as many events of a card's size at the same pace."""
    port = servers.free_port()
    with _bare_server(port):
        share, rest = divmod(WALLS, PROCESSES)
        common = {"data_dir": "", "port": port, "links": None}
        walls = Walls([{**common, "each": share + (number < rest)} for number in range(PROCESSES)])
        try:
            walls.begin()
            with requests.Session() as session:
                starts_s = time.monotonic()
                for number in range(int(WINDOW_S / 2 * events_per_s)):
                    time.sleep(max(0.0, starts_s + number / events_per_s - time.monotonic()))
                    event = {"seq": number + 1, "kind": "card.changed", "payload": {"card": {"text": "x" * 1400}},
                             "at": datetime.now(UTC).isoformat(timespec="milliseconds")}  # fmt: skip
                    session.post(f"http://127.0.0.1:{port}/broadcast", json=event, timeout=30).raise_for_status()
            time.sleep(2)
            return walls.end()
        finally:
            walls.stop()


@contextlib.contextmanager
def _bare_server(port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "1", "--threads", str(WALLS + 40),
               "--worker-connections", "1000", "-b", f"127.0.0.1:{port}", "--log-level", "error",
               "bench._bare_sockets:app"]  # fmt: skip
    process = subprocess.Popen(command, cwd=TOP, env={**os.environ})
    try:
        servers.wait_until(lambda: servers.listens(port), "the bare server")
        yield
    finally:
        process.kill()  # it would wait for its open sockets
        process.wait(30)
