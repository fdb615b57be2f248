"""A morning's messages at a whole running desk, all heard and judged by a few producers by keys alone, and its sums.

The producers (tests.browser.producer) sit in browsers of their own; here stand what is sent, and what it must come to:
nothing lost, nothing left, nothing judged unheard, next to nothing judged twice. The test has a short form, `make soak
ONLY=heard_morning` the 4,000 messages of a morning.
"""

from __future__ import annotations

import json
import queue
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from typing import Any

import psutil

from desk.rehearsal import client
from tests import servers, serving
from tests.browser.producer import Verdict
from tests.serving import Desk

DOUBLE_LIMIT = 0.005
SOUNDING = ("voice", "audio", "video")
TEAM = ("Lea Vogt", "Mehmet Aydın", "Svenja Kurz", "Anna Brandt")
START_LIMIT_S = 180.0
AFTER_LIMIT_S = 3600.0
STOP_LIMIT_S = 60.0


@dataclass(frozen=True)
class Plan:
    """What comes and who judges. `shares`: kinds by weight; `hear_s` of each sound; `look_s` at everything else."""

    items: int
    minutes: float
    shares: Mapping[str, int]
    producers: int
    hear_s: float
    look_s: float
    failing_media_rate: float = 0.03
    repeat_rate: float = 0.05
    seed: int = 4000
    browsers: Sequence[str] = ()  # names to prefer to the Chromium that people have
    size: Mapping[str, int] = field(default_factory=lambda: {"width": 1280, "height": 720})


@dataclass
class Seat:
    """One producer's process and what it said so far."""

    process: subprocess.Popen[str]
    verdicts: list[Verdict] = field(default_factory=list)
    done: dict[str, Any] = field(default_factory=dict)
    said: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def listen(self) -> None:
        """Keep every line as it comes; in a thread of its own."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            what = json.loads(line)
            if "verdict" in what:
                self.verdicts.append(Verdict(**what["verdict"]))
            elif "done" in what:
                self.done = what["done"]
            self.said.put(what)
        self.said.put({})


@dataclass
class Sums:
    """What the morning came to: each message is judged, by itself or under another of the same listener (`under`), or
    it is counted in the mood bar.

    `waits_s`: from the listener's phone to the verdict, by kind; these and `heard_s` ascend.
    """

    received: int
    kinds: Counter[str]
    counted: int
    under: int
    in_both: list[str]
    seen: int
    judged: int
    doubled: list[str]
    overruled: list[str]
    unseen: int
    unheard: list[str]
    lost: list[str]
    twice: list[str]
    left: int
    not_ready: list[str]
    set_aside: list[str]
    keys: int
    put_off: int
    undone: int
    waits_s: dict[str, list[float]]
    heard_s: list[float]
    took_s: float
    cpu_s: dict[str, float]
    faults: list[str]

    def lines(self) -> list[str]:
        """The sums as a station reads them."""
        waits = [
            f"  {kind}: {len(all_s)}, p50 {share_of(all_s, 0.5):.1f} s, p95 {share_of(all_s, 0.95):.1f} s, "
            f"longest {all_s[-1]:.1f} s"
            for kind, all_s in sorted(self.waits_s.items())
        ]
        return [
            f"received {self.received}, in the mood bar {self.counted}, seen {self.seen}, judged {self.judged} "
            f"and {self.under} under another of their listener, "
            f"double-judged {len(self.doubled)}, lost {len(self.lost)}, left {self.left}",
            f"{self.keys} keys, {self.keys / max(1, self.judged):.2f} an item; put off {self.put_off}, taken back "
            f"{self.undone}, judged as it changed under the finger {self.unseen}; {self.took_s:.0f} s in all",
            f"heard of a sound: p50 {share_of(self.heard_s, 0.5):.1f} s, longest {share_of(self.heard_s, 1):.1f} s",
            "seconds of processor: " + ", ".join(f"{name} {used_s:.0f}" for name, used_s in self.cpu_s.items()),
            "from sending to verdict, by kind:",
            *waits,
        ]

    def check(self) -> None:
        """AssertionError with the sums if anything was lost, left, judged unheard or too often."""
        wrong = {
            "lost": self.lost, "on two cards": self.twice, "left": self.left, "unheard": self.unheard,
            "files not ready": self.not_ready, "set aside": self.set_aside, "faults of the pages": self.faults,
            "not seen": self.received - self.counted - self.under - self.seen, "in the bar and judged": self.in_both,
        }  # fmt: skip
        assert not any(wrong.values()), f"{wrong}\n" + "\n".join(self.lines())
        assert self.judged + self.under + self.counted == self.received, "\n".join(self.lines())
        most = max(1, DOUBLE_LIMIT * self.received)
        assert len(self.doubled) <= most, f"{self.doubled}\n" + "\n".join(self.lines())
        assert len(self.overruled) <= most, f"{self.overruled}\n" + "\n".join(self.lines())
        assert self.unseen <= most, "\n".join(self.lines())


def share_of(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def work_off(desk: Desk, plan: Plan, *, follow: Callable[[float, list[Seat]], None] = lambda _s, _seats: None) -> Sums:
    """The whole of it on an empty desk; `follow` is called about once a second with the time and who sits there."""
    with ExitStack() as stack:
        seats = [_take_seat(desk, plan, link, stack) for link in _links(desk, plan.producers)]
        for seat in seats:
            assert seat.said.get(timeout=START_LIMIT_S) == {"ready": True}, "a producer could not begin"
        sent = client.burst(
            desk.number, plan.items, plan.items / plan.minutes, seed=plan.seed, repeat_rate=plan.repeat_rate,
            failing_media_rate=plan.failing_media_rate, station=serving.STATION, shares=plan.shares, call_outs=True,
            is_varied=True,
        )  # fmt: skip
        start_s = time.monotonic() + sent.lasts_s - plan.minutes * 60  # before that the files are made

        def is_over() -> bool:
            follow(time.monotonic() - start_s, seats)
            ended = [seat for seat in seats if seat.process.poll() is not None]
            if ended:
                raise RuntimeError(f"a producer ended with status {ended[0].process.returncode}")
            return client.fetch_state(desk.number)["waiting"] == 0 and _count(desk, OPEN_WORK) == _count(desk, NEW) == 0

        limit_s = plan.minutes * 60 + AFTER_LIMIT_S
        servers.wait_until(is_over, "the last verdict", limit_s=limit_s, every_s=0.5)
        took_s = time.monotonic() - start_s
        cpu_s = _cpu(desk, seats)
        for seat in seats:
            seat.tell("end")
        for seat in seats:
            assert seat.process.wait(STOP_LIMIT_S) == 0
            servers.wait_until(lambda seat=seat: bool(seat.done), "a producer's last word")  # type: ignore[misc]
    return add_up(desk, sent.ids, seats, took_s, cpu_s)


OPEN_WORK = "SELECT count(*) FROM job WHERE state IN ('ready', 'running') AND kind IN ('read_delivery', 'fetch_media', 'make_renditions')"  # noqa: E501
TWO_VERDICTS = """
    SELECT card_id FROM card_act WHERE act IN ('move', 'jury') AND undone_at IS NULL AND by_person_id IS NOT NULL
    GROUP BY card_id HAVING count(DISTINCT by_person_id) > 1
"""
NEW = "SELECT count(*) FROM card WHERE state = 'new' AND NOT is_for_jury AND withdrawn_at IS NULL AND under_id IS NULL"
# under a card that was judged, and yet not
FORGOTTEN = """
    SELECT count(*) FROM card JOIN card AS head ON head.id = card.under_id
    WHERE card.state = 'new' AND head.state <> 'new' AND NOT head.is_for_jury
"""


def _links(desk: Desk, producers: int) -> list[str]:
    links = desk.links()
    return [links[name] for name in TEAM[:producers]]


def _take_seat(desk: Desk, plan: Plan, link: str, stack: ExitStack) -> Seat:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.browser.producer"],
        cwd=serving.TOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    stack.callback(_end, process)
    seat = Seat(process)
    seat.tell(json.dumps({"address": desk.address, "link": link, "hear_s": plan.hear_s, "look_s": plan.look_s,
                          "size": plan.size, "browsers": plan.browsers}))  # fmt: skip
    threading.Thread(target=seat.listen, daemon=True).start()
    return seat


def _end(process: subprocess.Popen[str]) -> None:
    """What still runs is ended; its pipes are closed."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _cpu(desk: Desk, seats: Sequence[Seat]) -> dict[str, float]:
    """Seconds of the processor by who used them, the programs they have ended among them."""
    families = {part: desk.part(part) for part in serving.PARTS}
    top = [psutil.Process(seat.process.pid) for seat in seats]
    families["producers"] = [one for first in top for one in (first, *first.children(recursive=True))]
    used: dict[str, float] = {}
    for name, family in families.items():
        used[name] = 0.0
        for one in {found.pid: found for found in family}.values():
            with suppress(psutil.NoSuchProcess):
                used[name] += sum(one.cpu_times()[:4])
    return used


def add_up(desk: Desk, ids: Sequence[str], seats: Sequence[Seat], took_s: float, cpu_s: dict[str, float]) -> Sums:
    """Count every message that was sent, by what the desk has and by what was pressed."""
    found = desk.inventory(ids)
    by_id = found["found"]
    cards = {str(card): one["kind"] for one in by_id.values() for card in one["cards"]}
    counted = {str(card) for one in by_id.values() if one["in_bar"] == 1 for card in one["cards"]}
    twice = [one for one, what in by_id.items() if len(what["cards"]) > 1 or what["in_bar"] > 1]
    pressed: dict[str, set[int]] = defaultdict(set)
    verdicts = [(number, one) for number, seat in enumerate(seats) for one in seat.verdicts]
    for number, one in verdicts:
        pressed[one.card].add(number)
    under = _under(desk) - pressed.keys()
    surprised = {one.card for _, one in verdicts if one.is_unseen}
    heard = {one.card for _, one in verdicts if one.heard_s}
    known = heard | surprised | under
    placed_ms = _placed(desk)
    waits_s: dict[str, list[float]] = defaultdict(list)
    for card, kind in cards.items():
        first_ms = min((one.at_ms for _, one in verdicts if one.card == card), default=None)
        if first_ms is not None:
            waits_s[kind].append((first_ms - placed_ms[card]) / 1000)
    return Sums(
        received=len([one for one in by_id.values() if one["cards"]]),
        kinds=Counter(cards.values()),
        counted=len(counted),
        under=len(cards.keys() & under),
        in_both=sorted(counted & pressed.keys()),
        seen=len((cards.keys() - under) & {card for seat in seats for card in seat.done["seen"]}),
        judged=len(cards.keys() & pressed.keys()),
        doubled=sorted(card for card, who in pressed.items() if len(who) > 1),
        overruled=_overruled(desk),
        unseen=sum(one.is_unseen for _, one in verdicts),
        unheard=sorted(card for card, kind in cards.items() if kind in SOUNDING and card not in known),
        lost=[one for one, what in by_id.items() if not what["cards"]],
        twice=twice,
        left=_count(desk, NEW)
        + _count(desk, FORGOTTEN)
        + sum(int(re.sub(r"\D", "", seat.done["left"]) or 0) for seat in seats),
        not_ready=[one for one, what in by_id.items() if any(file["state"] != "ready" for file in what["media"])],
        set_aside=[*found["set_aside"], *(str(one) for one in found["dead"])],
        keys=sum(seat.done["keys"] for seat in seats),
        put_off=sum(seat.done["put_off"] for seat in seats),
        undone=sum(seat.done["undone"] for seat in seats),
        waits_s={kind: sorted(all_s) for kind, all_s in waits_s.items()},
        heard_s=sorted(one.heard_s for _, one in verdicts if one.heard_s),
        took_s=took_s,
        cpu_s=cpu_s,
        faults=[fault for seat in seats for fault in seat.done["faults"]],
    )


def _count(desk: Desk, question: str) -> int:
    with closing(_database(desk)) as database:
        return int(database.execute(question).fetchone()[0])


def _placed(desk: Desk) -> dict[str, float]:
    with closing(_database(desk)) as database:
        return {str(card): float(placed_ms) for card, placed_ms in database.execute("SELECT id, placed_at FROM card")}


def _under(desk: Desk) -> set[str]:
    """Cards that were judged with another of the same listener."""
    with closing(_database(desk)) as database:
        return {str(card) for (card,) in database.execute("SELECT id FROM card WHERE under_id IS NOT NULL")}


def _overruled(desk: Desk) -> list[str]:
    """Cards on which verdicts of two people stand."""
    with closing(_database(desk)) as database:
        return [str(card) for (card,) in database.execute(TWO_VERDICTS)]


def _database(desk: Desk) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{desk.data_dir / 'desk.db'}?mode=ro", uri=True, timeout=30)
