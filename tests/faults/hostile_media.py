"""Every hostile file of the corpus, the slow ones too, one after the other in one process, as a worker meets them.

What is counted: files that ended otherwise than stated, knocks at a listening address, files left behind; what is
timed: the longest; how much the process has grown, and how large its children became. The same without the slow ones
runs in tests/media_store; docs/hostile_media.py writes down what became of each.
"""

from __future__ import annotations

import os
import select
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import Figure, judge
from media_store import images, pipeline
from media_store.errors import MediaFailure
from media_store.recipes import Made
from tests.media_store.hostile.damaged import make_good_files
from tests.media_store.hostile.making import OK, Hostile, Trap
from tests.media_store.hostile.table import PARTS
from tests.media_store.material import sine, write_wav

LONGEST_S = 15.0
LONGEST_SLOW_S = 120.0  # 17 minutes of silence are read at over forty times their speed
MOST_GROWTH_MB = 150.0
LARGEST_CHILD_MB = 1074.0  # the address space each may have
LOOKED_AT_EVERY_S = 0.01
LABELS = pipeline.BroadcastLabels("Gruß", "Ada", "Radio", "DEFAULTS", datetime(2026, 11, 21, tzinfo=UTC))


@dataclass(frozen=True)
class Met:
    """One file and what became of it: 'ok' or the code of a failure, how many forms were made, and what it cost."""

    family: str
    name: str
    file: Hostile
    outcome: str
    forms: int
    took_s: float
    has_left_something: bool

    @property
    def is_as_stated(self) -> bool:
        return self.outcome in self.file.outcome


@dataclass(frozen=True)
class Round:
    """All files of the corpus, met one after the other."""

    met: list[Met]
    child_mb: dict[str, float]
    knocks: int
    grown_mb: float


def run() -> Sequence[Figure]:
    found = meet_all()
    otherwise = [f"{one.family}: {one.name}: {one.outcome}" for one in found.met if not one.is_as_stated]
    left_behind = [f"{one.family}: {one.name}" for one in found.met if one.has_left_something]
    for name in otherwise + left_behind:
        print(name)
    longest, slowest = (max(one.took_s for one in found.met if one.file.is_slow is slow) for slow in (False, True))
    return [
        judge("hostile files that end otherwise than stated", len(otherwise), "files", limit=0),
        judge("hostile files that knock at an address", found.knocks, "knocks", limit=0),
        judge("hostile files that leave something behind", len(left_behind), "files", limit=0),
        judge("longest hostile file", longest, "s", limit=LONGEST_S),
        judge("longest of those known as slow", slowest, "s", limit=LONGEST_SLOW_S),
        judge("largest child over hostile files", max(found.child_mb.values()), "MB", limit=LARGEST_CHILD_MB),
        judge(f"growth over {len(found.met)} hostile files", found.grown_mb, "MB", limit=MOST_GROWTH_MB),
    ]


def meet_all() -> Round:
    """Work through the whole corpus, family by family; the child that reads pictures is a new one for each."""
    met: list[Met] = []
    child_mb: dict[str, float] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        top = Path(folder)
        (top / "good").mkdir()
        (top / "work").mkdir()
        make_good_files(top / "good")
        port = server.getsockname()[1]
        trap = Trap(write_wav(top / "canary.wav", sine(1, -10)), f"http://127.0.0.1:{port}", top / "good")
        before = _resident_mb()
        for family, files in PARTS.items():
            with _watching_children() as largest:
                met += [_meet(family, name, file, trap, top) for name, file in files.items()]
                images.close_child()
            child_mb[family] = largest[0]
        return Round(met, child_mb, len(select.select([server], [], [], 0)[0]), _resident_mb() - before)


def _meet(family: str, name: str, file: Hostile, trap: Trap, top: Path) -> Met:
    path, work = top / "x.bin", top / "work"
    content = file.make(trap, path)
    if content is not None:
        path.write_bytes(content)
    made: list[Made] = []
    started = time.monotonic()
    outcome = _outcome(path, file.kind, work, made)
    took_s = time.monotonic() - started
    path.unlink()
    return Met(family, name, file, outcome, len(made), took_s, bool(list(work.iterdir())))


def _outcome(path: Path, kind: str, work: Path, made: list[Made]) -> str:
    try:
        pipeline.make_renditions(
            path,
            declared_kind=kind,
            is_voice=False,
            work_dir=work,
            target=pipeline.AudioTarget(),
            labels=LABELS,
            publish=made.append,
            original_sha256="0" * 64,
        )
    except MediaFailure as failure:
        return failure.code
    return OK


@contextmanager
def _watching_children() -> Iterator[list[float]]:
    """The largest any child of this process becomes, in megabytes: each keeps its own highest mark while it lives."""
    largest, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(LOOKED_AT_EVERY_S):
            for child in _children(Path("/proc/self")):
                largest[0] = max(largest[0], _highest_mb(child))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield largest
    finally:
        done.set()
        watcher.join()


def _children(process: Path) -> Iterator[Path]:
    for listed in process.glob("task/*/children"):
        with suppress(OSError):  # a thread that has just ended
            for pid in listed.read_text().split():
                yield Path("/proc", pid)
                yield from _children(Path("/proc", pid))


def _highest_mb(process: Path) -> float:
    with suppress(OSError, StopIteration):  # it has just ended
        if (process / "cmdline").read_bytes() == Path("/proc/self/cmdline").read_bytes():
            return 0.0  # before its program is started it is still a part of this process
        lines = (process / "status").read_text().splitlines()
        return float(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024 / 1e6
    return 0.0


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
