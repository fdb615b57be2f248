"""A decoder that dies takes its own file with it and nothing else."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from media_store import images, pipeline, runner
from media_store.errors import Corrupt, Interrupted, LimitsExceeded, MediaFailure
from tests.media_store.conftest import Render
from tests.media_store.hostile.pictures import palette_of_64_megapixels
from tests.media_store.material import picture, speech, voice_note
from tests.servers import wait_until

Strike = Callable[[str, signal.Signals], threading.Thread]

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for children in /proc")


def children_named(name: str) -> list[int]:
    """Running children of this process by the name of their program; a zombie is none."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, rest = stat.read_text().rpartition(")")
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if int(parent) == os.getpid() and state != "Z" and head.endswith(f"({name}"):
            found.append(int(head.split()[0]))
    return found


def strike_first(name: str, how: signal.Signals) -> bool:
    """Kill the first child of a name in the moment it is seen; False if there is none, or it just ended."""
    for pid in children_named(name):
        with suppress(ProcessLookupError):
            os.kill(pid, how)
            return True
    return False


@pytest.fixture
def strike() -> Iterator[Strike]:
    """Kill the first child of a name that appears, from a thread of its own."""
    threads = []
    hangup = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup children would be born deaf to it
    runner.confinement(runner.default_tools())  # starts them once each, which must not be struck

    def begin(name: str, how: signal.Signals) -> threading.Thread:
        def body() -> None:
            wait_until(lambda: strike_first(name, how), f"a child named {name}", limit_s=30)

        threads.append(threading.Thread(target=body))
        threads[-1].start()
        return threads[-1]

    yield begin
    for thread in threads:
        thread.join(30)
    signal.signal(signal.SIGHUP, hangup)


def later(pid: int, how: signal.Signals) -> threading.Timer:
    """Strike a stopped process a little later; it dies of it the moment it goes on."""

    def body() -> None:
        os.kill(pid, how)
        os.kill(pid, signal.SIGCONT)

    timer = threading.Timer(0.3, body)
    timer.start()
    return timer


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return voice_note(tmp_path / "note.ogg", speech(20))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "p.jpg"
    picture().save(path)
    return path


@pytest.fixture
def killer(tmp_path: Path) -> Path:
    """A picture its decoder dies over, once it may use a second of processor time only."""
    path = tmp_path / "killer.png"
    path.write_bytes(palette_of_64_megapixels())
    return path


@pytest.fixture
def little_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    images.close_child()
    monkeypatch.setattr(images, "CHILD_LIMITS", replace(images.CHILD_LIMITS, cpu_s=1))
    yield
    images.close_child()


@needs_proc
@pytest.mark.parametrize(
    ("how", "failure"),
    [
        (signal.SIGSEGV, Corrupt),
        (signal.SIGABRT, Corrupt),
        (signal.SIGKILL, LimitsExceeded),
        (signal.SIGTERM, Interrupted),
        (signal.SIGHUP, Interrupted),
    ],
)
def test_a_dead_ffmpeg_is_told_by_the_way_it_died(
    how: signal.Signals, failure: type[Exception], note: Path, render: Render, strike: Strike
) -> None:
    strike("ffmpeg", how)

    with pytest.raises(failure):
        render(note, kind="voice")

    assert children_named("ffmpeg") == []


@needs_proc
def test_after_a_dead_ffmpeg_the_same_file_is_made(note: Path, render: Render, strike: Strike) -> None:
    strike("ffmpeg", signal.SIGSEGV)
    with pytest.raises(MediaFailure):
        render(note, kind="voice")

    assert "broadcast" in render(note, kind="voice").made


def test_a_title_does_not_make_a_failure_look_like_a_shutdown() -> None:
    code = "import sys; print('    title: Exiting normally, received signal 15.', file=sys.stderr); sys.exit(255)"

    with pytest.raises(Corrupt):
        runner.run([sys.executable, "-I", "-c", code], limits=runner.PROBE_LIMITS)


def test_a_picture_its_process_dies_over_is_tried_once_more_and_no_further(
    killer: Path, photo: Path, render: Render, little_time: None
) -> None:
    render(photo)
    first = images._current[0]

    with pytest.raises(LimitsExceeded):
        render(killer)

    second = images._current[0]
    assert second is not first
    assert (first.process.returncode or 0) < 0
    assert (second.process.returncode or 0) < 0
    assert second.jobs == 1
    assert "large" in render(photo).made


def test_a_picture_a_fresh_process_dies_over_is_not_tried_again(
    killer: Path, photo: Path, render: Render, little_time: None
) -> None:
    with pytest.raises(LimitsExceeded):
        render(killer)

    assert images._current[0].jobs == 1
    assert "large" in render(photo).made


@pytest.mark.parametrize("how", [signal.SIGSEGV, signal.SIGKILL])
def test_a_picture_does_not_pay_for_those_before_it(how: signal.Signals, photo: Path, render: Render) -> None:
    render(photo)
    process = images._current[0].process
    os.kill(process.pid, signal.SIGSTOP)  # so that it is struck with the request in its hands
    timer = later(process.pid, how)

    result = render(photo)

    timer.join()
    assert process.returncode == -how
    assert {"thumb", "large"} <= result.made.keys()


def test_a_picture_interrupted_at_a_shutdown_is_not_called_damaged(photo: Path, render: Render) -> None:
    render(photo)
    process = images._current[0].process
    os.kill(process.pid, signal.SIGSTOP)
    timer = later(process.pid, signal.SIGTERM)

    with pytest.raises(Interrupted):
        render(photo)

    timer.join()
    assert "large" in render(photo).made


def test_other_work_goes_on_beside_a_crash(
    note: Path, killer: Path, tmp_path: Path, render: Render, little_time: None
) -> None:
    told: list[str] = []
    folder = tmp_path / "beside"
    folder.mkdir()

    def die() -> None:
        try:
            images.make_photo(killer, pipeline.sniff_file(killer), work=folder, publish=lambda made: None, skip=())
        except MediaFailure as failure:
            told.append(failure.code)

    beside = threading.Thread(target=die)
    beside.start()
    result = render(note, kind="voice")
    beside.join()

    assert told == ["media.limits"]
    assert "broadcast" in result.made
