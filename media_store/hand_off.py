"""Further formats of the air copy for stations whose playout does not take the broadcast WAV: FLAC, MP3 and MP2.

Each is encoded from our own finished broadcast file, so that all of them hold the same stretch at the same level.
Lossy ones are limited a little lower, because coding adds peaks, and measured as they come out. Tags say what the
broadcast file says: the labels, and nothing else of a listener.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from media_store import loudness, recipes, runner, wav
from media_store.errors import Corrupt
from media_store.loudness import AudioTarget, Loudness
from media_store.recipes import Made, Recipe
from media_store.runner import AUDIO_LIMITS, Tools

LOSSY_DBTP = -2.0
MP3_BIT_RATE = "192k"


@dataclass(frozen=True)
class Asked:
    """A finished broadcast file, what it says of itself and how loud it is."""

    broadcast: Path
    labels: wav.BroadcastLabels
    source: str
    loudness: Loudness
    target: AudioTarget


def make_flac(asked: Asked, timers: wav.Timers, work: Path, tools: Tools) -> Made:
    """The same samples, bit for bit."""
    path = work / "air.flac"
    command = [*_read(asked, tools), *_tags(asked.labels), "-c:a", "flac", "-compression_level", "5"]
    runner.run([*command, "-f", "flac", "-y", f"file:{path}"], limits=AUDIO_LIMITS, cwd=work)
    return _described(recipes.FLAC, path, asked, asked.loudness)


def make_mp3(asked: Asked, timers: wav.Timers, work: Path, tools: Tools) -> Made:
    """192 kbit/s, joint stereo."""
    path = work / "air.mp3"
    command = [*_read(asked, tools), *_held_back(asked), *_tags(asked.labels), "-id3v2_version", "3"]
    command += ["-c:a", "libmp3lame", "-b:a", MP3_BIT_RATE, "-f", "mp3", "-y", f"file:{path}"]
    runner.run(command, limits=AUDIO_LIMITS, cwd=work)
    return _described(recipes.MP3, path, asked, loudness.measure_file(path, "mp3", tools))


def make_mp2(asked: Asked, timers: wav.Timers, work: Path, tools: Tools) -> Made:
    """384 kbit/s in a WAV of our own writing, with bext and cart like the broadcast file."""
    path = work / "air-mp2.wav"
    with path.open("wb+") as file:
        layout = wav.begin(file, asked.labels, asked.source, is_mp2=True)
        command = [*_read(asked, tools), *_held_back(asked), "-map_metadata", "-1", "-c:a", "mp2"]
        command += ["-b:a", str(wav.MP2_BITS_PER_S), "-fflags", "+bitexact", "-f", "mp2", "pipe:1"]
        runner.run(command, limits=AUDIO_LIMITS, cwd=work, stdout_to=file)
        if wav.finish(file, layout, wav.BextLoudness(), timers) == 0:
            raise Corrupt("no frames reached the MP2 file")
        measured = loudness.measure_file(path, "wav", tools)
        wav.finish(file, layout, bext_loudness(measured), timers)
    return _described(recipes.MP2, path, asked, measured)


MAKERS: Mapping[str, Callable[[Asked, wav.Timers, Path, Tools], Made]] = {
    "flac": make_flac,
    "mp3": make_mp3,
    "mp2": make_mp2,
}


def bext_loudness(measured: Loudness) -> wav.BextLoudness:
    """The five figures for a file's header; a range is known from the first whole short-term window on."""
    return wav.BextLoudness(
        measured.integrated_lufs,
        measured.range_lu if measured.max_short_term_lufs is not None else None,
        measured.true_peak_dbtp,
        measured.max_momentary_lufs,
        measured.max_short_term_lufs,
    )


def _read(asked: Asked, tools: Tools) -> list[str]:
    return [
        *(tools.ffmpeg, "-hide_banner", "-nostats"),
        *runner.input_options("wav", asked.broadcast),
        *("-map", "0:a:0"),
    ]


def _held_back(asked: Asked) -> list[str]:
    """The limiter for lossy coding, where it is needed."""
    ceiling_dbtp = min(LOSSY_DBTP, asked.target.true_peak_dbtp)
    peak = asked.loudness.true_peak_dbtp
    return ["-af", loudness.limiter_of(ceiling_dbtp)] if peak is not None and peak > ceiling_dbtp else []


def _tags(labels: wav.BroadcastLabels) -> list[str]:
    """The labels as tags in their own spelling; whatever else the input carries is left out."""
    fields = {
        "title": labels.title,
        "artist": labels.artist,
        "date": labels.originated_at.strftime("%Y-%m-%d"),
        "publisher": labels.originator,
        "genre": labels.genre,
        "comment": labels.comment,
    }
    said = [part for name, text in fields.items() if text for part in ("-metadata", f"{name}={wav.plain_line(text)}")]
    return ["-map_metadata", "-1", "-map_chapters", "-1", *said, "-fflags", "+bitexact", "-flags:a", "+bitexact"]


def _described(recipe: Recipe, path: Path, asked: Asked, measured: Loudness) -> Made:
    return recipes.describe(
        recipe,
        path,
        duration_s=round(wav.read(asked.broadcast).frames / wav.RATE_HZ, 3),
        loudness_lufs=measured.integrated_lufs,
        true_peak_dbtp=measured.true_peak_dbtp,
    )
