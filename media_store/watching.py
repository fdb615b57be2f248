"""Who looks on while a file is worked on: whether the work is still wanted, and how far it is.

A caller opens `watched` around its work; the children of that work are ended within half a second when it is no longer
wanted, and say how many seconds of sound or pictures they have done. Without a watch nothing is different.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

LOOK_S = 0.5
TELL_OPTIONS = ("-progress", "pipe:2", "-stats_period", "1")  # for ffmpeg, where it takes long
_DONE = re.compile(rb"out_time_us=(\d+)")


class Stopped(Exception):
    """The work is no longer wanted; its children are dead."""


@dataclass(frozen=True)
class Watch:
    """`is_wanted` is asked often and must answer from memory; `tell_done_s` gets seconds of the original."""

    is_wanted: Callable[[], bool]
    tell_done_s: Callable[[float], None] = lambda _done_s: None


_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Children started inside are watched by `watch`. Raises Stopped when they were ended for it."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def look() -> None:
    """Raise Stopped unless the work is still wanted."""
    watch = _watch.get()
    if watch is not None and not watch.is_wanted():
        raise Stopped


def read_progress(block: bytes) -> None:
    """Pass on how far a child is, if a piece of its log says so."""
    watch = _watch.get()
    if watch is not None and (found := _DONE.findall(block)):
        watch.tell_done_s(int(found[-1]) / 1_000_000)
