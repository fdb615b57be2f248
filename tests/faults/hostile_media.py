"""Every hostile file of the corpus, the slow ones too, one after the other in one process, as a worker meets them.

What is counted: files that ended otherwise than stated, knocks at a listening address, files left behind; what is
timed: the longest; and how much the process has grown. The same without the slow ones runs in tests/media_store.
"""

from __future__ import annotations

import os
import select
import socket
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import Figure, judge
from media_store import images, pipeline
from media_store.errors import MediaFailure
from tests.media_store.hostile.damaged import make_good_files
from tests.media_store.hostile.making import Hostile, Trap
from tests.media_store.hostile.table import corpus
from tests.media_store.material import sine, write_wav

LONGEST_S = 15.0
LONGEST_SLOW_S = 120.0  # 17 minutes of silence are read at over forty times their speed
MOST_GROWTH_MB = 150.0
LABELS = pipeline.BroadcastLabels("Gruß", "Ada", "Radio", "DEFAULTS", datetime(2026, 11, 21, tzinfo=UTC))


@dataclass
class Tally:
    """What went wrong, by name, and what it cost."""

    otherwise: list[str] = field(default_factory=list)
    left_behind: list[str] = field(default_factory=list)
    longest_s: float = 0.0
    longest_slow_s: float = 0.0


def run() -> Sequence[Figure]:
    tally = Tally()
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
        for name, file in corpus().items():
            _meet(name, file, trap, top, tally)
        knocks = len(select.select([server], [], [], 0)[0])
        grown = _resident_mb() - before
    images.close_child()
    for name in tally.otherwise + tally.left_behind:
        print(name)
    return [
        judge("hostile files that end otherwise than stated", len(tally.otherwise), "files", limit=0),
        judge("hostile files that knock at an address", knocks, "knocks", limit=0),
        judge("hostile files that leave something behind", len(tally.left_behind), "files", limit=0),
        judge("longest hostile file", tally.longest_s, "s", limit=LONGEST_S),
        judge("longest of those known as slow", tally.longest_slow_s, "s", limit=LONGEST_SLOW_S),
        judge(f"growth over {len(corpus())} hostile files", grown, "MB", limit=MOST_GROWTH_MB),
    ]


def _meet(name: str, file: Hostile, trap: Trap, top: Path, tally: Tally) -> None:
    path, work = top / "x.bin", top / "work"
    content = file.make(trap, path)
    if content is not None:
        path.write_bytes(content)
    started = time.monotonic()
    outcome = _outcome(path, file.kind, work)
    took_s = time.monotonic() - started
    if file.is_slow:
        tally.longest_slow_s = max(tally.longest_slow_s, took_s)
    else:
        tally.longest_s = max(tally.longest_s, took_s)
    if outcome not in file.outcome:
        tally.otherwise.append(f"{name}: {outcome}")
    if list(work.iterdir()):
        tally.left_behind.append(name)
    path.unlink()


def _outcome(path: Path, kind: str, work: Path) -> str:
    try:
        pipeline.make_renditions(
            path,
            declared_kind=kind,
            is_voice=False,
            work_dir=work,
            target=pipeline.AudioTarget(),
            labels=LABELS,
            publish=lambda made: None,
            original_sha256="0" * 64,
        )
    except MediaFailure as failure:
        return failure.code
    return "ok"


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
