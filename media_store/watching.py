"""Who looks on while a file is worked on: whether the work is still wanted, and how far it is.

A caller opens `watched` around its work; the children of that work are ended within half a second when it is no longer
wanted, and long ones say how far they are. Without a watch nothing is different.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

LOOK_S = 0.5
TELL_OPTIONS = ("-progress", "pipe:2", "-stats_period", "1")  # for ffmpeg, where it takes long
_LENGTH = re.compile(rb"Duration: (\d+):(\d\d):(\d\d\.\d+)")
_DONE = re.compile(rb"out_time_us=(\d+)")


class Stopped(Exception):
    """The work is no longer wanted; its children are dead."""


@dataclass(frozen=True)
class Watch:
    """`is_wanted` is asked often and must answer from memory; `tell_share` gets how much of a long step is done."""

    is_wanted: Callable[[], bool]
    tell_share: Callable[[float], None] = lambda _share: None


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


class Progress:
    """Reads off ffmpeg's log how much of its input is done, and tells who looks on."""

    def __init__(self) -> None:
        self._length_s: float | None = None

    def read(self, block: bytes) -> None:
        """Take in a piece of the log."""
        watch = _watch.get()
        if watch is None:
            return
        if self._length_s is None and (found := _LENGTH.search(block)):
            self._length_s = int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])
        if self._length_s and (done := _DONE.findall(block)):
            watch.tell_share(min(1.0, int(done[-1]) / 1_000_000 / self._length_s))
