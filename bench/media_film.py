"""A film to what a browser plays, against bare ffmpeg with the same arguments: repacked, and encoded anew.

CPU seconds of this process and its child, user and system; bare and ours take turns, the median counts. What is ours
to pay for is the confinement, the strip of the pictures' own stream, and hash and length of the result.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench._cpu import compared
from bench.figures import judge
from bench.media_voice import tool
from media_store import runner, video
from media_store.video import Way

REPACKED_ROUNDS, ENCODED_ROUNDS = 9, 3
REPACKED_LIMIT, ENCODED_LIMIT = 1.3, 1.05
BARE = ["-map", "0:V:0", "-map", "0:a:0?", "-map_metadata", "-1", "-map_chapters", "-1", "-movflags", "+faststart"]


def run() -> list[dict[str, Any]]:
    """Two rows: the ratios of CPU seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [
            row(folder, "20 s, 480 lines, repacked", make_film(folder, "848x480", 20, 1_500), Way.REMUX),
            row(folder, "6 s, 1080 lines, encoded anew", make_film(folder, "1920x1080", 6, 8_000), Way.TRANSCODE),
        ]


def make_film(folder: Path, size: str, seconds: int, kilobits: int) -> Path:
    path = folder / f"{size}.mp4"
    picture = f"testsrc2=s={size}:r=30:d={seconds},noise=alls=12:allf=t"
    tool(["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=330:duration={seconds}", "-c:v", "libx264",
          "-preset", "veryfast", "-b:v", f"{kilobits}k", "-maxrate", f"{kilobits}k", "-bufsize", f"{kilobits}k",
          "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)])  # fmt: skip
    return path


def row(folder: Path, title: str, path: Path, way: Way) -> dict[str, Any]:
    tools = runner.default_tools()
    container = video.probe_container(path, "mov", tools)
    if video.choose(container) is not way:
        raise RuntimeError(f"not the work that is compared: {video.choose(container)}")
    codecs = ["-c", "copy"] if way is Way.REMUX else bare_codecs()
    rounds, limit = (REPACKED_ROUNDS, REPACKED_LIMIT) if way is Way.REMUX else (ENCODED_ROUNDS, ENCODED_LIMIT)
    bare_s, ours_s = compared(
        lambda: tool(["-i", str(path), *BARE, *codecs, str(folder / "bare.mp4")]),
        lambda: (video.make_playable(path, "mov", container, work=folder, tools=tools), None)[1],
        rounds,
    )
    return asdict(judge(f"film of {title}", ours_s, "CPU s", bare=bare_s, limit=limit))


def bare_codecs() -> list[str]:
    fit = "scale='min(1280,iw)':'min(1280,ih)':force_original_aspect_ratio=decrease:force_divisible_by=2"
    encode = ["-vf", f"{fit},format=yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-maxrate", "3M"]
    return [*encode, "-bufsize", "6M", "-threads", "2", "-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000"]
