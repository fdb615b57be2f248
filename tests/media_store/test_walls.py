"""The walls around a child: whatever stands on this machine must hold, and must not touch the process that built it."""

from __future__ import annotations

import os
import platform
import re
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from media_store import images, runner, sniff, walls
from media_store.errors import Corrupt
from media_store.runner import Limits
from media_store.walls import Reach
from tests.media_store.material import picture, sine, write_wav

SMALL = Limits(runner.GIB, 5, 1_000_000, 10)
INTERPRETER = (Path(sys.base_prefix), Path(sys.prefix))

needs_network_wall = pytest.mark.skipif(walls.standing().network is None, reason="no wall against network here")
needs_seccomp = pytest.mark.skipif(walls.standing().network != "seccomp", reason="no seccomp here")
needs_file_wall = pytest.mark.skipif(walls.standing().files is None, reason="no Landlock here")


def told_by(code: str, reach: Reach | None = None) -> str:
    """What a walled child prints, or the last line of its complaint."""
    command = [sys.executable, "-I", "-c", code]
    with walls.start(command, reach, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
        out, _ = child.communicate(timeout=20)
    return out.decode().strip().rsplit("\n", 1)[-1]


@pytest.fixture
def tcp() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        yield server


@needs_network_wall
def test_a_child_reaches_no_listening_port(tcp: socket.socket) -> None:
    code = f"import socket; socket.create_connection(('127.0.0.1', {tcp.getsockname()[1]}), 5)"

    with pytest.raises(Corrupt, match="Error"):
        runner.run([sys.executable, "-I", "-c", code], limits=SMALL)

    with pytest.raises(BlockingIOError):
        tcp.accept()


@needs_network_wall
def test_a_child_sends_no_datagram(udp: socket.socket) -> None:
    code = f"""
import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {udp.getsockname()[1]}))"""

    with pytest.raises(Corrupt, match="Error"):
        runner.run([sys.executable, "-I", "-c", code], limits=SMALL)

    with pytest.raises(BlockingIOError):
        udp.recv(1)


@needs_seccomp
def test_a_child_reaches_no_local_socket_either(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        assert "PermissionError" in told_by("import socket; socket.socket(socket.AF_UNIX)")


@needs_seccomp
@pytest.mark.parametrize("call", ["ptrace", "io_uring_setup", "unshare", "bpf", "mount"])
def test_other_ways_around_are_closed_too(call: str) -> None:
    number = walls.REFUSED_CALLS[call][list(walls.AUDIT_ARCHES).index(platform.machine())]
    code = f"""
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall({number}, *[ctypes.c_long(0)] * 5), errno.errorcode[ctypes.get_errno()])"""

    assert told_by(code) == "-1 EACCES"


@needs_seccomp
def test_a_new_user_namespace_cannot_be_had_by_clone() -> None:
    number = walls.CLONE[list(walls.AUDIT_ARCHES).index(platform.machine())]
    code = f"""
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
told = libc.syscall({number}, ctypes.c_long(0x10000000 | 17), None, None, None, None)
print(told, ctypes.get_errno() == errno.EACCES)"""

    assert told_by(code) == "-1 True"


@needs_seccomp
def test_threads_and_children_of_its_own_work_as_ever() -> None:
    code = """
import os, threading
done = []
thread = threading.Thread(target=done.append, args=('thread',))
thread.start(); thread.join()
print(done, os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)[1])"""

    assert told_by(code) == "['thread'] 0"


@needs_file_wall
def test_a_child_opens_only_what_it_was_given(tmp_path: Path) -> None:
    given, other, folder = tmp_path / "in" / "a", tmp_path / "in" / "b", tmp_path / "out"
    given.parent.mkdir()
    folder.mkdir()
    given.write_text("given")
    other.write_text("canary")
    code = f"""
def tried(work):
    try:
        return work()
    except PermissionError:
        return 'refused'
print([tried(lambda: open({str(given)!r}).read()), tried(lambda: open({str(other)!r}).read()),
    tried(lambda: open({str(given)!r}, 'a').write('x')), tried(lambda: open({str(folder / "new")!r}, 'w').write('x')),
    tried(lambda: open('/etc/passwd').read()), tried(lambda: open({str(tmp_path / "new")!r}, 'w'))])"""

    told = told_by(code, Reach(reads=(given,), writes=(folder,), programs=INTERPRETER))

    assert told == "['given', 'refused', 'refused', 1, 'refused', 'refused']"


@needs_file_wall
def test_a_playlist_that_came_past_everything_else_opens_nothing(tmp_path: Path) -> None:
    """The pinned demuxer taken away on purpose: ffmpeg follows the list and stands before a wall."""
    canary, out = write_wav(tmp_path / "canary.wav", sine(1, -10)), tmp_path / "out" / "x.f32"
    out.parent.mkdir()
    playlist = tmp_path / "x.mp4"
    playlist.write_text("ffconcat version 1.0\nfile canary.wav\n")
    command = [runner.default_tools().ffmpeg, "-nostdin", "-i", f"file:{playlist}", "-f", "f32le", f"file:{out}"]
    subprocess.run([*command, "-y"], check=True, capture_output=True, timeout=30)
    assert out.stat().st_size > 100_000, "without a wall it is read"
    out.unlink()

    with pytest.raises(Corrupt, match=r"ermission denied|rror"):
        runner.run(command, limits=runner.PROBE_LIMITS)

    assert not out.exists() or out.stat().st_size == 0
    assert canary.exists()


@needs_file_wall
def test_what_a_child_may_open_is_read_off_its_command_line(tmp_path: Path) -> None:
    ffmpeg = runner.default_tools().ffmpeg
    command = [ffmpeg, *runner.input_options("ogg", tmp_path / "a"), "-f", "mp3", f"file:{tmp_path}/out/x.mp3"]

    reach = runner.reach_of(command)

    assert reach is not None
    assert (reach.reads, reach.writes) == ((tmp_path / "a",), (tmp_path / "out",))


@needs_seccomp
def test_the_process_for_pictures_stands_behind_the_same_walls(tmp_path: Path) -> None:
    picture().save(tmp_path / "x.png")

    images.probe_picture(tmp_path / "x.png", sniff.sniff((tmp_path / "x.png").read_bytes()))

    status = Path(f"/proc/{images._current[0].process.pid}/status").read_text()
    assert "Seccomp:\t2" in status
    assert "NoNewPrivs:\t1" in status


@needs_file_wall
def test_the_process_for_pictures_can_open_no_picture_by_itself(tmp_path: Path) -> None:
    picture().save(tmp_path / "x.png")

    assert walls.suits((*images.CHILD_COMMAND, "--only-load"), images.INTERPRETER), "it finds its own program"
    assert "PermissionError" in told_by(f"open({str(tmp_path / 'x.png')!r})", images.INTERPRETER)


def test_the_walls_stand_around_the_child_alone(tcp: socket.socket, tmp_path: Path) -> None:
    told_by("pass", Reach(programs=INTERPRETER))

    def look() -> None:
        with socket.create_connection(tcp.getsockname(), 5):
            (tmp_path / "x").write_text("open")

    look()
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert (tmp_path / "x").read_text() == "open"


def test_children_started_side_by_side_are_each_confined() -> None:
    answers: list[str] = []
    code = "import socket; socket.socket()"
    threads = [threading.Thread(target=lambda: answers.append(told_by(code))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    expected = "PermissionError" if walls.standing().network == "seccomp" else ""
    assert len(answers) == 8
    assert all(expected in answer for answer in answers)


def test_a_fork_in_the_middle_of_a_start_hinders_nobody() -> None:
    with walls._starting:
        fork = os.fork()
        if fork == 0:  # nothing of pytest may run here
            status = 1
            try:
                status = 0 if told_by("print('runs')") == "runs" else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]) == 0


def test_nothing_else_in_this_package_starts_a_program() -> None:
    package = Path(walls.__file__).parent
    starts = re.compile(r"Popen\(|subprocess\.(run|call|check_\w+)\(|os\.(system|popen|exec\w*|\w*spawn\w*)\(")
    starting = {path.name for path in package.rglob("*.py") if starts.search(path.read_text(encoding="utf-8"))}

    assert starting == {"walls.py"}


def test_a_program_that_does_not_exist_is_told_as_such() -> None:
    with pytest.raises(FileNotFoundError):
        walls.start(["/nowhere/at/all"], Reach())


def test_the_filter_is_whole_for_each_machine_in_the_table() -> None:
    for machine in walls.AUDIT_ARCHES:
        program = walls._seccomp_program(machine)
        steps = list(struct.iter_unpack("=HBBI", program))
        assert steps[-1] == (walls.RETURN, 0, 0, walls.REFUSE)
        assert all(at + 1 + jump < len(steps) for at, (_, jump, _, _) in enumerate(steps) if jump)
        assert sum(jump > 0 for _, jump, _, _ in steps) >= len(walls.REFUSED_CALLS)
    assert walls._seccomp_program("riscv64") == b""


@pytest.fixture
def fresh() -> Iterator[Callable[[], None]]:
    """Try the walls anew; forgotten again afterwards."""

    def forget() -> None:
        for cached in (walls.standing, walls.suits, walls._landlock_version, walls._unshare, walls._tether):
            cached.cache_clear()

    yield forget
    forget()


def test_where_nothing_stands_it_is_said_and_children_still_run(
    monkeypatch: pytest.MonkeyPatch, fresh: Callable[[], None]
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    fresh()

    assert walls.standing() == walls.Standing(None, None)
    assert "NETWORK OPEN" in str(runner.confinement())
    assert "OTHER FILES READABLE" in str(runner.confinement())
    assert told_by("print('runs')", Reach()) == "runs"


def test_without_seccomp_an_empty_network_is_tried(
    monkeypatch: pytest.MonkeyPatch, fresh: Callable[[], None], udp: socket.socket
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    fresh()
    if walls.standing().network is None:
        pytest.skip("no unshare here either")

    assert walls.standing().network == "unshare"
    code = f"""
import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {udp.getsockname()[1]}))"""
    assert "unreachable" in told_by(code)
    with pytest.raises(BlockingIOError):
        udp.recv(1)
