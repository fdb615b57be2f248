"""The one place that starts programs: it finds them, confines them and reads what they say."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

import pytest

from media_store import runner
from media_store.errors import Corrupt, NoAudio, ToolsMissing, Truncated
from media_store.runner import Limits

SMALL = Limits(runner.GIB, 5, 1_000_000, 10)


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-c", code]


def test_this_machine_has_everything_that_is_needed() -> None:
    found = runner.check()

    assert found.missing == ()
    assert found.version
    assert found.confinement.limits in ("prlimit", "ulimit")


def test_a_setting_comes_before_environment_and_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("set", "env"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("FFMPEG_BINARY", str(tmp_path / "env"))

    assert runner.find_tools(str(tmp_path / "set")).ffmpeg == str(tmp_path / "set")
    assert runner.find_tools().ffmpeg == str(tmp_path / "env")


def test_absent_tools_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FFMPEG_BINARY", "/nowhere/ffmpeg")

    with pytest.raises(ToolsMissing) as missing:
        runner.find_tools()

    assert missing.value.message.endswith("ffmpeg.")


@pytest.mark.parametrize(("version", "is_enough"), [("5.1.9-0+deb12u1", True), ("4.4.2", False), ("n8.1", True)])
def test_an_old_version_is_not_enough(version: str, is_enough: bool) -> None:
    assert runner._version_is_enough(version) is is_enough


def test_a_demuxer_that_is_not_on_the_list_is_never_used(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="concat"):
        runner.input_options("concat", tmp_path / "x")


def test_the_path_is_absolute_and_can_be_no_option(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    assert runner.input_options("ogg", Path("-y"))[-1] == f"file:{tmp_path}/-y"


def test_a_child_sees_a_small_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_SECRET_KEY", "canary")

    told = runner.run(python("import os; print(sorted(os.environ))"), limits=SMALL, read_stdout=True).stdout

    assert b"DESK_SECRET_KEY" not in told
    assert b"HOME" not in told


def test_a_child_is_nice_and_has_a_group_of_its_own() -> None:
    code = "import os; print(os.nice(0), os.getpgid(0) == os.getpid() or os.getsid(0) != int(os.getppid()))"

    niceness = int(runner.run(python(code), limits=SMALL, read_stdout=True).stdout.split()[0])

    assert niceness >= min(19, os.nice(0) + 10)


def test_only_the_end_of_a_long_log_is_kept() -> None:
    noisy = python("import sys; sys.stderr.write('x' * 1000000 + 'the end')")

    log = runner.run(noisy, limits=SMALL).stderr

    assert log.endswith("the end")
    assert len(log) <= runner.STDERR_RING_BYTES


def test_grandchildren_end_with_a_child_that_is_too_slow(tmp_path: Path) -> None:
    pipe = tmp_path / "held"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    code = f"""
import os, time
if os.fork() == 0:
    held = os.open({str(pipe)!r}, os.O_WRONLY)
    os.write(held, b'held')
time.sleep(60)
"""

    with pytest.raises(runner.TimedOut):
        runner.run(python(code), limits=Limits(runner.GIB, 5, 1000, 5.0))

    assert os.read(reader, 4) == b"held", "there was a grandchild"
    # the pipe hangs up when its last writer is gone, however long the system takes to bury it
    waiting = select.poll()
    waiting.register(reader, select.POLLIN)
    assert waiting.poll(30_000) == [(reader, select.POLLHUP)]
    os.close(reader)


@pytest.mark.parametrize(
    ("words", "failure"),
    [("Stream map '0:a:0' matches no streams.", NoAudio), ("[mov] moov atom not found", Truncated)],
)
def test_what_the_tool_says_in_words_is_understood(words: str, failure: type[Exception]) -> None:
    with pytest.raises(failure):
        runner.run(python(f"import sys; sys.exit({words!r})"), limits=SMALL)


def test_a_title_is_not_taken_for_the_tools_word() -> None:
    with pytest.raises(Corrupt):
        runner.run(python("import sys; sys.exit('    title : No space left on device')"), limits=SMALL)


def test_without_prlimit_the_shell_sets_what_it_can(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    empty_path = tmp_path / "bin"
    empty_path.mkdir()
    for name in ("sh", "nice"):
        (empty_path / name).symlink_to(f"/usr/bin/{name}")
    monkeypatch.setenv("PATH", str(empty_path))
    runner._prlimit.cache_clear()
    try:
        assert runner.confinement().limits == "ulimit"
        code = "import resource as r; print(r.getrlimit(r.RLIMIT_CPU)[0], r.getrlimit(r.RLIMIT_CORE)[0])"
        assert runner.run(python(code), limits=SMALL, read_stdout=True).stdout.split() == [b"5", b"0"]
    finally:
        monkeypatch.undo()
        runner._prlimit.cache_clear()


def test_paths_are_taken_out_of_a_tools_sentence() -> None:
    assert runner.scrub("file:/srv/desk/tmp/abc.ogg: Invalid data") == "<file>: Invalid data"
