"""Memory and temporary room of the longest files there may be: half an hour of sound, a hundred megabytes of film.

Each is worked on in a process of its own, as a worker would. Counted are that process above what it needs when idle,
its largest child, and the most that ever lay in the working folder at once. tests/media_store/test_memory.py runs the
same with five minutes. Called with a file and a folder it is that process.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import wave
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bench.figures import Figure, judge
from media_store import pipeline, runner
from media_store.errors import MediaFailure
from media_store.recipes import Made

TOP = Path(__file__).resolve().parents[2]
MB = 1e6
PYTHON_LIMIT_MB = 80.0  # above idle, whatever the length
CHILD_LIMIT_MB = {"audio": 300.0, "video": 600.0}  # far below the address space a child may have
# Per second of sound: float PCM 192 kB, the broadcast file 288 kB, the preview 12 kB; and the original's own copy.
ROOM_PER_S_MB = 0.192 + 0.288 + 0.012
ROOM_SPARE_MB = 60.0
SAMPLED_EVERY_S = 0.05


@dataclass(frozen=True)
class Need:
    """What one file took: megabytes of the process above idle, of its largest child, and of the working folder."""

    python_mb: float
    child_mb: float
    room_mb: float
    left_over: list[str]
    profiles: list[str]
    reason: str | None


def run() -> list[Figure]:
    """Figures for two sounds and two films."""
    with tempfile.TemporaryDirectory(prefix="desk-memory-") as name:
        folder = Path(name)
        rows: list[Figure] = []
        for title, build, seconds in (
            ("30 min WAV 24 bit 48 kHz stereo", lambda: long_wav(folder, 1795, 3, 48_000), 1795.0),
            ("30 min WAV 16 bit 44.1 kHz stereo", lambda: long_wav(folder, 1795, 2, 44_100), 1795.0),
            ("100 MB film, repacked", lambda: large_film(folder, "1280x720", 3_500, 200), 200.0),
            ("100 MB film, encoded anew", lambda: large_film(folder, "1920x1080", 18_000, 40), 40.0),
        ):
            path = build()
            rows += judged(title, measure(path), path, seconds)
            path.unlink()
    return rows


def judged(title: str, need: Need, path: Path, seconds: float) -> list[Figure]:
    kind = "audio" if path.suffix == ".wav" else "video"
    room_mb = seconds * ROOM_PER_S_MB + ROOM_SPARE_MB
    if kind == "video":
        room_mb += path.stat().st_size / MB  # the playable form lies there too
    return [
        judge(f"{title}: Python above idle", need.python_mb, "MB", limit=PYTHON_LIMIT_MB),
        judge(f"{title}: largest child", need.child_mb, "MB", limit=CHILD_LIMIT_MB[kind]),
        judge(f"{title}: temporary room", need.room_mb, "MB", limit=room_mb),
        judge(f"{title}: files left over", len(need.left_over), "", limit=0),
        judge(f"{title}: renditions", len(need.profiles), "", limit=3 if kind == "audio" else 6, more_is_better=True),
    ]


def long_wav(folder: Path, seconds: int, sample_bytes: int, rate_hz: int) -> Path:
    """Two channels of a slowly breathing tone, written block by block."""
    path = folder / "long.wav"
    t = np.arange(rate_hz) / rate_hz
    second = 0.2 * np.sin(2 * np.pi * 220 * t) * (0.6 + 0.4 * np.sin(2 * np.pi * t))
    whole = np.repeat(np.rint(second * 2 ** (8 * sample_bytes - 1)).astype("<i4"), 2)
    block = whole.view(np.uint8).reshape(-1, 4)[:, :sample_bytes].tobytes()
    with wave.open(str(path), "wb") as file:
        file.setparams((2, sample_bytes, rate_hz, 0, "NONE", ""))
        for _ in range(seconds):
            file.writeframesraw(block)
    return path


def large_film(folder: Path, size: str, kilobits: int, seconds: int) -> Path:
    """Four seconds of noise over a test picture with a tone, again and again."""
    short, path = folder / "short.mp4", folder / "large.mp4"
    rate = ["-b:v", f"{kilobits}k", "-minrate", f"{kilobits}k", "-maxrate", f"{kilobits}k", "-bufsize", f"{kilobits}k"]
    tool("-f", "lavfi", "-i", f"testsrc2=s={size}:r=30:d=4,noise=alls=40:allf=t", "-f", "lavfi", "-i",
         "sine=330:duration=4", "-c:v", "libx264", "-preset", "ultrafast", "-g", "30", *rate, "-pix_fmt", "yuv420p",
         "-c:a", "aac", short)  # fmt: skip
    tool("-stream_loop", str(seconds // 4 - 1), "-i", short, "-c", "copy", path)
    short.unlink()
    if path.stat().st_size > 100 * MB:
        raise RuntimeError(f"{path.stat().st_size} bytes are more than is worked on")
    return path


def tool(*arguments: str | Path) -> None:
    command = [runner.default_tools().ffmpeg, "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


def measure(path: Path) -> Need:
    """Work on a file in a process of its own and watch its folder meanwhile."""
    with tempfile.TemporaryDirectory(prefix="work-", dir=path.parent) as name:
        work, done = Path(name), threading.Event()
        most: list[float] = [0.0]
        watcher = threading.Thread(target=_watch, args=(work, done, most))
        watcher.start()
        command = [sys.executable, "-m", "tests.faults.media_memory", str(path), name]
        try:
            answer = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=True)
        finally:
            done.set()
            watcher.join()
        found = json.loads(answer.stdout)
        return Need(room_mb=most[0], left_over=[one.name for one in work.iterdir()], **found)


def _watch(work: Path, done: threading.Event, most: list[float]) -> None:
    while not done.wait(SAMPLED_EVERY_S):
        most[0] = max(most[0], held(work) / MB)


def held(folder: Path) -> int:
    """Bytes on the disk below a folder; the original is linked, not copied, and not counted."""
    total = 0
    for root, folders, names in os.walk(folder):
        if "in" in folders:
            folders.remove("in")
        for name in names:
            try:
                total += os.stat(os.path.join(root, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def _resident_mb(field: str) -> float:
    status = Path("/proc/self/status").read_text()
    return float(next(line for line in status.splitlines() if line.startswith(field)).split()[1]) * 1024 / MB


def work_on(path: Path, work: Path) -> dict[str, object]:
    """Make everything of one file in this process; what that took. A worker that idles has worked before."""
    warm = long_wav(work, 1, 2, 48_000)
    _make_all(warm, work)
    warm.unlink()
    Path("/proc/self/clear_refs").write_text("5")  # forget the highest so far
    idle_mb = _resident_mb("VmRSS")
    made, reason = _make_all(path, work)
    return {
        "python_mb": _resident_mb("VmHWM") - idle_mb,
        "child_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / MB,
        "profiles": [one.profile for one in made],
        "reason": reason,
    }


def _make_all(path: Path, work: Path) -> tuple[list[Made], str | None]:
    made: list[Made] = []
    labels = pipeline.BroadcastLabels("t", "a", "o", "r", datetime(2026, 11, 21, tzinfo=UTC))
    try:
        pipeline.make_renditions(
            path,
            declared_kind=None,
            is_voice=False,
            work_dir=work,
            target=pipeline.AudioTarget(),
            labels=labels,
            publish=made.append,
            original_sha256="0" * 64,
        )
    except MediaFailure as fault:
        return made, str(fault)
    return made, None


if __name__ == "__main__":
    print(json.dumps(work_on(Path(sys.argv[1]), Path(sys.argv[2]))))
