"""Voice notes to all their renditions, against two bare ffmpeg commands that decode, measure and encode alike.

CPU seconds of this process and its children, user and system; bare and ours take turns, the median counts. The bare
commands write the same float PCM, 24-bit stereo WAV and MP3 and meter both passes, without limits, peaks, header or
hashes: what is ours to pay for is the rest. Of a note of 35 s also how much faster than it plays, and what the peaks
cost against its decoding.
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
from bench.figures import Figure, judge
from media_store import peaks, pipeline, runner
from media_store.recipes import Made

LIMITS = {35: 1.15, 17: 1.15, 6: 1.4, 2: 1.4}  # by seconds of sound: what starts with every note weighs on short ones
ROUNDS = 7
LEAST_SPEED = 40.0  # seconds of sound a second of one core
PEAKS_LIMIT = 0.03
METER = "ebur128=peak=true:dualmono=true"


def run() -> list[dict[str, Any]]:
    """Rows: ratios of CPU seconds by length, how fast the longest is, and the peaks' share."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seconds, limit in LIMITS.items():
            bare_s, ours_s = compare_note(folder, seconds)
            title = f"voice note {seconds} s, original to all renditions"
            rows.append(judge(title, ours_s, "CPU s", bare=bare_s, limit=limit))
            if seconds == max(LIMITS):
                speed = seconds / ours_s
                rows.append(judge(f"voice note {seconds} s, times as fast as it plays", speed, "x",
                                  limit=LEAST_SPEED, more_is_better=True))  # fmt: skip
                rows.append(peaks_share(folder))
    return [asdict(row) for row in rows]


def compare_note(folder: Path, seconds: int) -> tuple[float, float]:
    note = make_note(folder, seconds)
    digest = hashlib.sha256(note.read_bytes()).hexdigest()
    return compared(lambda: bare_commands(note, folder), lambda: all_renditions(note, digest, folder), ROUNDS)


def peaks_share(folder: Path) -> Figure:
    """All drawings of the longest note against its decoding; the PCM is what the bare command left."""
    note, pcm = make_note(folder, max(LIMITS)), folder / "bare.f32"
    decode_s, peaks_s = compared(lambda: bare_decode(note, pcm), lambda: draw_peaks(pcm), ROUNDS)
    return judge("voice note 35 s, peaks against decoding", peaks_s, "CPU s", bare=decode_s, limit=PEAKS_LIMIT)


def draw_peaks(pcm: Path) -> None:
    drawing = peaks.raised(peaks.measure_pairs(peaks.read_pcm(pcm)), 3.0, 0.8)
    peaks.to_json(peaks.for_pane(drawing))
    peaks.to_dat(peaks.for_editor(drawing))
    peaks.bars(drawing)


def make_note(folder: Path, seconds: int) -> Path:
    """Speech-like sound: syllables of harmonics with pauses, over a little noise; as OGG/Opus mono."""
    rng = np.random.default_rng(17)
    t = np.arange(seconds * 48_000) / 48_000
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


def bare_decode(note: Path, pcm: Path) -> None:
    decode = f"aresample=48000,aformat=sample_fmts=flt:channel_layouts=mono,{METER}"
    tool(["-i", str(note), "-af", decode, "-c:a", "pcm_f32le", "-f", "f32le", str(pcm)])


def bare_commands(note: Path, folder: Path) -> None:
    pcm, broadcast, preview = folder / "bare.f32", folder / "bare.wav", folder / "bare.mp3"
    bare_decode(note, pcm)
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
