"""A voice note of 17 s to all its renditions, against two bare ffmpeg commands that decode, measure and encode alike.

CPU seconds of this process and its children, user and system; bare and ours take turns, the median counts. The bare
commands write the same float PCM, 24-bit stereo WAV and MP3 and meter both passes, without limits, peaks, header or
hashes: what is ours to pay for is the rest.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench._cpu import compared
from bench.figures import judge
from media_store import pipeline, runner
from media_store.recipes import Made

SECONDS = 17
ROUNDS = 9
LIMIT = 1.25
METER = "ebur128=peak=true:dualmono=true"


def run() -> list[dict[str, Any]]:
    """One row: the ratio of CPU seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        note = make_note(folder)
        digest = hashlib.sha256(note.read_bytes()).hexdigest()
        bare_s, ours_s = compared(
            lambda: bare_commands(note, folder), lambda: all_renditions(note, digest, folder), ROUNDS
        )
    return [asdict(judge("voice note 17 s, original to all renditions", ours_s, "CPU s", bare=bare_s, limit=LIMIT))]


def make_note(folder: Path) -> Path:
    """Speech-like sound: syllables of harmonics with pauses, over a little noise; as OGG/Opus mono."""
    rng = np.random.default_rng(17)
    t = np.arange(SECONDS * 48_000) / 48_000
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.4 * t)
    voice = sum(np.sin(2 * np.pi * np.cumsum(pitch * k) / 48_000) / k for k in range(1, 12))
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * t) + 0.3, 0, 1) * (np.sin(2 * np.pi * 0.23 * t) > -0.7)
    samples = 0.08 * voice * syllables + rng.normal(0, 0.002, t.size)
    raw, note = folder / "note.f32", folder / "note.ogg"
    raw.write_bytes(samples.astype("<f4").tobytes())
    tool(["-f", "f32le", "-ar", "48000", "-ac", "1", "-i", str(raw), "-c:a", "libopus", "-b:a", "24k", str(note)])
    raw.unlink()
    return note


def tool(arguments: list[str]) -> None:
    command = [runner.default_tools().ffmpeg, "-hide_banner", "-nostdin", "-nostats", "-v", "info", "-y", *arguments]
    subprocess.run(command, check=True, capture_output=True)


def bare_commands(note: Path, folder: Path) -> None:
    pcm, broadcast, preview = folder / "bare.f32", folder / "bare.wav", folder / "bare.mp3"
    decode = f"aresample=48000,aformat=sample_fmts=flt:channel_layouts=mono,{METER}"
    tool(["-i", str(note), "-af", decode, "-c:a", "pcm_f32le", "-f", "f32le", str(pcm)])
    graph = f"[0:a]volume=-3dB:precision=float,{METER},asplit=2[a][b];[a]pan=stereo|c0=c0|c1=c0[m]"
    encode = ["-map", "[m]", "-c:a", "pcm_s24le", str(broadcast)]
    encode += ["-map", "[b]", "-c:a", "libmp3lame", "-b:a", "96k", "-compression_level", "7", str(preview)]
    tool(["-f", "f32le", "-ar", "48000", "-ac", "1", "-i", str(pcm), "-filter_complex", graph, *encode])


def all_renditions(note: Path, digest: str, folder: Path) -> None:
    made: list[Made] = []
    facts = pipeline.make_renditions(
        note,
        declared_kind="voice",
        is_voice=True,
        work_dir=folder,
        target=pipeline.AudioTarget(),
        labels=pipeline.BroadcastLabels("Gruß", "Ada", "Radio", "DEBENCH", datetime(2026, 11, 21, tzinfo=UTC)),
        publish=made.append,
        original_sha256=digest,
    )
    if [one.profile for one in made] != ["preview", "peaks", "broadcast", "peaks_fine"] or "limited" in facts.flags:
        raise RuntimeError(f"not the work that is compared: {facts.flags}")
