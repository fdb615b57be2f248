"""The queue as a doorbell: it carries job ids and nothing else, and may be flushed at any time without loss.

The queue itself (desk.jobs.queues) is opened at the first ring: most commands never ring. Wake-ups leave the request
by a thread of their own, because a slow or absent queue must not delay an answer; the keeper's sweep finds what was
never announced.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from desk import db

if TYPE_CHECKING:
    from huey import Huey
    from huey.api import TaskWrapper

logger = logging.getLogger(__name__)
TASK = "desk.jobs.work.run_job"
TOGETHER_FROM = 25  # priority of deliveries and messages: quick jobs, which may share a wake-up
MOST_TOGETHER = 16
GATHER_S = 0.01
FIRST_IN_LINE = 0  # instead of a job's id: whichever stands first in line (desk.jobs.line)


class Doorbell:
    """Rings from a thread of its own; ringing never blocks and never raises."""

    def __init__(self, queue_url: str) -> None:
        self._queue_url = queue_url
        self._opening = threading.Lock()
        self._waiting: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._start = threading.Lock()

    @cached_property
    def _opened(self) -> tuple[Huey, TaskWrapper]:
        from desk.jobs import queues

        huey = queues.open_queue(self._queue_url)
        return huey, huey.task(name="run_job")(_ring_only)

    @property
    def huey(self) -> Huey:
        with self._opening:
            return self._opened[0]

    @property
    def task(self) -> TaskWrapper:
        """The one task there is: the jobs of a wake-up."""
        with self._opening:
            return self._opened[1]

    def ring(self, job_id: int, priority: int) -> None:
        self._waiting.put((job_id, priority))
        with self._start:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
                self._thread.start()

    def forget_thread(self) -> None:
        """After a fork: the thread of the parent does not live here, a new one starts at the next ring."""
        self._thread = None
        self._waiting = queue.SimpleQueue()

    def _run(self) -> None:
        while True:
            for priority, job_ids in self._gather().items():
                try:
                    self.huey.enqueue(self.task.s(job_ids[0] if len(job_ids) == 1 else job_ids, priority=priority))
                except Exception as fault:  # noqa: BLE001 - any engine's fault: the sweep brings the jobs in seconds
                    logger.warning("%s wake-ups were not taken by the queue: %s", len(job_ids), type(fault).__name__)

    def _gather(self) -> dict[int, list[int]]:
        """What is waiting to be rung for, by priority: quick jobs together in one wake-up, long ones apart.

        In a burst a wake-up per job costs more than storing the deliveries themselves.
        """
        first = self._waiting.get()
        if first[1] < TOGETHER_FROM:
            return {first[1]: [first[0]]}
        time.sleep(GATHER_S)
        gathered = {first[1]: [first[0]]}
        while sum(map(len, gathered.values())) < MOST_TOGETHER:
            try:
                job_id, priority = self._waiting.get_nowait()
            except queue.Empty:
                break
            if priority < TOGETHER_FROM:
                self._waiting.put((job_id, priority))
                break
            gathered.setdefault(priority, []).append(job_id)
        return gathered


def _ring_only(job_ids: int | list[int]) -> None:
    """Run the jobs of one wake-up, in the worker. Any that is lost on the way is brought back by the sweep."""
    from desk.jobs import work

    for job_id in [job_ids] if isinstance(job_ids, int) else job_ids:
        if job_id == FIRST_IN_LINE:
            work.run_first()
        else:
            work.run(job_id)


_current: Doorbell | None = None


def use(doorbell: Doorbell | None) -> None:
    """Make this the doorbell of the process; None leaves everything to the sweep."""
    global _current
    _current = doorbell


def current() -> Doorbell | None:
    return _current


def wake(job_id: int, priority: int) -> None:
    if _current is not None:
        _current.ring(job_id, priority)


def count_pending() -> int | None:
    """How many wake-ups wait in the queue; None if there is no queue or it does not answer."""
    if _current is None:
        return None
    try:
        return int(_current.huey.pending_count())
    except Exception as fault:  # noqa: BLE001 - any engine's fault: the next look comes in half a second
        logger.warning("the queue does not answer: %s", type(fault).__name__)
        return None


def ring_for_line(waiting: int, priority: int) -> int:
    """Ring for work in line, unless enough wake-ups wait in the queue already; returns how many were added."""
    pending = count_pending() if waiting else None
    missing = 0 if pending is None else max(0, waiting - pending)
    for _ in range(missing):
        wake(FIRST_IN_LINE, priority)
    return missing


def wake_after_commit(session: Session, job_id: int, priority: int) -> None:
    session.info.setdefault("wake", []).append((job_id, priority))
    db.after_commit(session, "wake", _wake_all)


def _wake_all(session: Session) -> None:
    for job_id, priority in session.info.pop("wake", []):
        wake(job_id, priority)
