"""Five minutes of sound need no more memory than a second, and leave nothing behind, even after kill -9.

Half an hour of sound and a hundred megabytes of film are measured the same way by `make faults`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from media_store import pipeline
from media_store.length import LONGEST_AUDIO_S
from tests.faults import media_memory
from tests.faults.media_memory import CHILD_LIMIT_MB, PYTHON_LIMIT_MB, ROOM_PER_S_MB, ROOM_SPARE_MB

LIMIT_S = 60.0
WARM_BYTES = 1_000_000  # the worker warms itself up with a second of sound


def test_five_minutes_of_sound_keep_to_the_bounds(tmp_path: Path) -> None:
    path = media_memory.long_wav(tmp_path, 300, 2, 44_100)

    need = media_memory.measure(path)

    assert need.reason is None
    assert {"preview", "peaks", "broadcast"} <= set(need.profiles)
    assert need.python_mb <= PYTHON_LIMIT_MB
    assert need.child_mb <= CHILD_LIMIT_MB["audio"]
    assert need.room_mb <= 300 * ROOM_PER_S_MB + ROOM_SPARE_MB
    assert need.left_over == []


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_what_a_killed_worker_left_is_swept(tmp_path: Path) -> None:
    path, work = media_memory.long_wav(tmp_path, int(LONGEST_AUDIO_S) - 5, 1, 8_000), tmp_path / "work"
    work.mkdir()
    command = [sys.executable, "-m", "tests.faults.media_memory", str(path), str(work)]
    with subprocess.Popen(command, cwd=media_memory.TOP, stdout=subprocess.DEVNULL) as worker:
        until(lambda: media_memory.held(work) > WARM_BYTES)
        worker.send_signal(signal.SIGKILL)
    (left,) = work.iterdir()
    os.utime(left, (0, 0))
    young = work / "media-young"
    young.mkdir()

    assert pipeline.sweep(work) == 1

    assert list(work.iterdir()) == [young]


def until(holds: Callable[[], bool], *, within_s: float = LIMIT_S) -> None:
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)
