"""No child outlives its worker: when it is killed, its ffmpeg and its picture process are gone within a second."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from media_store import runner, walls
from media_store.walls import Reach

pytestmark = pytest.mark.skipif(shutil.which("setpriv") is None, reason="children are tethered by setpriv, on Linux")
TOP = Path(__file__).resolve().parents[2]
GONE_WITHIN_S = 1.0
STARTED_WITHIN_S = 30.0

FFMPEG = """
from media_store import runner
sound = ["-re", "-f", "lavfi", "-i", "anullsrc", "-t", "600", "-f", "null", "-"]
runner.run([runner.default_tools().ffmpeg, "-nostdin", "-v", "error", *sound], limits=runner.AUDIO_LIMITS)
"""
# started by a thread that has ended long before: what ties the child must be the process, not who asked
PICTURES = """
import threading, time
from media_store import images
asking = threading.Thread(target=images._ready_child)
asking.start()
asking.join()
time.sleep(600)
"""


def children_of(pid: int) -> list[int]:
    children: list[int] = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # threads end between being listed and being read
            children += map(int, (thread / "children").read_text().split())
    return children


def is_there(pid: int, name: str) -> bool:
    """Whether it runs and is what it should become; one that only waits to be counted is gone."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return f"({name}" in said and said.rpartition(") ")[2][0] != "Z"


def until(holds: Callable[[], bool], within_s: float) -> bool:
    end = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@contextmanager
def worker(code: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", code], cwd=TOP, stderr=subprocess.DEVNULL) as started:
        try:
            yield started
        finally:
            started.kill()


@pytest.mark.parametrize(("code", "name"), [(FFMPEG, "ffmpeg"), (PICTURES, "python")])
def test_a_child_ends_with_a_killed_worker(code: str, name: str) -> None:
    with worker(code) as killed:
        assert until(lambda: any(is_there(pid, name) for pid in children_of(killed.pid)), STARTED_WITHIN_S)
        children = children_of(killed.pid)

        killed.send_signal(signal.SIGKILL)

        assert until(lambda: not any(is_there(pid, name) for pid in children), GONE_WITHIN_S)


def test_the_picture_process_ends_by_itself_when_nobody_can_ask_any_more() -> None:
    from media_store import images

    child = images.PictureChild()

    child.asking.close()

    assert child.process.wait(STARTED_WITHIN_S) == 0
    child.close()


def test_a_child_lives_on_when_the_thread_that_asked_for_it_has_ended() -> None:
    started: list[subprocess.Popen[bytes]] = []
    asking = threading.Thread(target=lambda: started.append(walls.start(["cat"], Reach(), stdin=subprocess.PIPE)))
    asking.start()
    asking.join()
    gc.collect()
    (child,) = started

    # it hangs on a thread of its own: once that ended it would hang on the first, or be dead
    assert str(child.pid) not in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    with child:
        child.communicate(b"", timeout=STARTED_WITHIN_S)

    assert child.returncode == 0


def test_the_threads_that_stay_end_with_their_children() -> None:
    def threads() -> int:
        return len(os.listdir("/proc/self/task"))

    before = threads()
    for _ in range(5):
        runner.run(["true"], limits=runner.PROBE_LIMITS)

    assert until(lambda: threads() <= before, STARTED_WITHIN_S)
