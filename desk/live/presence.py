"""Who is on a station's wall, and which card each looks at or listens to: kept in memory alone, never in the database.

Each web process knows its own sockets; where Redis is configured, processes tell one another. Screens hear of changes
once a second at most, of one person's moves every five seconds (DESIGN.md §7). Who is allowed to be here, and which
screens hear of it, is desk.web.sockets' matter. Losing all of this loses nothing: pages say again where they are.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import redis

MOVE_EVERY_S = 5.0
STEP_S = 1.0
REPEAT_S = 15.0  # so often a process says all it knows, for those that started since
LOST_S = 40.0  # a process not heard for so long is gone, and so is everybody it told of
CHANNEL = "desk:presence"

logger = logging.getLogger(__name__)
Entry = dict[str, Any]  # {key, id, name, initials, hue, card, listens}
Tell = Callable[[int, dict[str, Any]], None]


@dataclass
class _Here:
    """One open page: where it was last said to be, and where it is by now."""

    station_id: int
    person: dict[str, Any]
    said: tuple[int | None, bool] = (None, False)
    now: tuple[int | None, bool] = (None, False)
    said_at: float = field(default=float("-inf"))

    def entry(self, key: str) -> Entry:
        return {"key": key, **self.person, "card": self.said[0], "listens": self.said[1]}


class Presence:
    """The open pages of this process and, through Redis, of the others. `tell(station_id, changes)` reaches screens."""

    def __init__(self, tell: Tell, redis_url: str | None = None) -> None:
        self._tell = tell
        self._mine = secrets.token_hex(8)
        self._own: dict[str, _Here] = {}
        self._others: dict[str, tuple[float, dict[int, dict[str, Entry]]]] = {}
        self._shown: dict[int, dict[str, Entry]] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._line = redis.Redis.from_url(redis_url) if redis_url else None
        self._published_at = float("-inf")
        self._is_running = False

    # --- pages ---

    def move(self, key: str, station_id: int, person: dict[str, Any], card_id: int | None, listens: bool) -> None:
        """A page is here, at this card (None: at none in particular). The first one sets the clockwork going."""
        with self._lock:
            here = self._own.setdefault(key, _Here(station_id, person))
            here.now = (card_id, listens and card_id is not None)
            is_first, self._is_running = not self._is_running, True
        if is_first:
            self._start()

    def leave(self, key: str) -> None:
        with self._lock:
            self._own.pop(key, None)

    def list_here(self, station_id: int) -> list[Entry]:
        """Who is at a station's wall, as screens were told last."""
        with self._lock:
            return list(self._shown.get(station_id, {}).values())

    # --- time ---

    def step(self, now_s: float) -> None:
        """Tell screens what changed since the last step; called once a second."""
        with self._lock:
            for here in self._own.values():
                if here.said_at < 0 or (here.now != here.said and now_s - here.said_at >= MOVE_EVERY_S):
                    here.said, here.said_at = here.now, now_s
            current = self._gather(now_s)
            changes = {
                station_id: told
                for station_id in current.keys() | self._shown.keys()
                if (told := _changes(self._shown.get(station_id, {}), current.get(station_id, {})))
            }
            self._shown = current
            own = self._own_by_station()
        for station_id, told in changes.items():
            self._tell(station_id, told)
        if self._line is not None and (changes or now_s - self._published_at >= REPEAT_S):
            self._published_at = now_s
            self._line.publish(CHANNEL, json.dumps({"from": self._mine, "stations": own}))

    def hear(self, said: bytes | str, now_s: float) -> None:
        """Another process says who is with it."""
        told = json.loads(said)
        if told["from"] == self._mine:
            return
        stations = {int(station_id): entries for station_id, entries in told["stations"].items()}
        with self._lock:
            self._others[told["from"]] = (now_s, stations)

    def _own_by_station(self) -> dict[int, dict[str, Entry]]:
        found: dict[int, dict[str, Entry]] = {}
        for key, here in self._own.items():
            found.setdefault(here.station_id, {})[key] = here.entry(key)
        return found

    def _gather(self, now_s: float) -> dict[int, dict[str, Entry]]:
        found = self._own_by_station()
        for process, (heard_at, stations) in list(self._others.items()):
            if now_s - heard_at > LOST_S:
                del self._others[process]
                continue
            for station_id, entries in stations.items():
                found.setdefault(station_id, {}).update(entries)
        return found

    # --- threads ---

    def _start(self) -> None:
        threading.Thread(target=self._run, name="presence", daemon=True).start()
        if self._line is not None:
            threading.Thread(target=self._listen, name="presence-line", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(STEP_S):
            try:
                self.step(time.monotonic())
            except Exception:  # same edge as the relay: a passing fault must not end it
                logger.exception("presence could not be told and is told again")

    def _listen(self) -> None:
        assert self._line is not None
        while not self._stopping.is_set():
            try:
                with self._line.pubsub(ignore_subscribe_messages=True) as line:  # type: ignore[no-untyped-call]
                    line.subscribe(CHANNEL)
                    while not self._stopping.is_set():
                        said = line.get_message(timeout=STEP_S)
                        if said is not None:
                            self.hear(said["data"], time.monotonic())
            except Exception:  # as above; the line to Redis comes back by itself
                logger.exception("the line to the other processes broke and is opened again")
                self._stopping.wait(STEP_S)


def _changes(before: dict[str, Entry], after: dict[str, Entry]) -> dict[str, Any]:
    """{changed, gone}; empty if nothing did."""
    changed = [entry for key, entry in after.items() if before.get(key) != entry]
    gone = [key for key in before if key not in after]
    return {"changed": changed, "gone": gone} if changed or gone else {}
