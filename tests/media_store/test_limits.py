"""What is longer or larger than the limits is refused with its reason before anything of it is decoded."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from media_store import length, runner
from media_store.errors import TooLarge, TooLong
from media_store.runner import Tools
from tests.media_store.conftest import Render
from tests.media_store.films import amr
from tests.media_store.material import ffmpeg, sine, video, voice_note, write_wav

MINUTES = 31
LOOPS = str(MINUTES * 6 - 1)  # of ten seconds, once more than looped


@pytest.fixture
def only_looking(tmp_path: Path) -> Tools:
    """Tools that read and count, and fail at anything that would decode."""
    real, script = runner.default_tools(), tmp_path / "bin" / "ffmpeg"
    script.parent.mkdir()
    script.write_text(
        f'#!/bin/sh\ncase "$*" in *-version*|*"-c copy -f null -") exec {real.ffmpeg} "$@";; esac\n'
        'echo "asked to decode" >&2\nexit 3\n'
    )
    script.chmod(0o755)
    return Tools(str(script), real.ffprobe)


def ten_seconds(folder: Path) -> Path:
    return write_wav(folder / "ten.wav", sine(10, -20, hz=440))


def looped(source: Path, path: Path, *options: str) -> Path:
    """The same packets again and again: hours of sound cost nothing to make."""
    ffmpeg("-stream_loop", LOOPS, "-i", source, "-c", "copy", *options, path)
    return path


def wav(folder: Path) -> Path:
    path = folder / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 1, 8000, 0, "NONE", ""))
        file.writeframes(np.tile(np.arange(124, 132, dtype=np.uint8), MINUTES * 60 * 1000).tobytes())
    return path


def mp3_without_a_table(folder: Path) -> Path:
    """Its length can only be guessed from its first frames."""
    path = folder / "long.mp3"
    ffmpeg("-i", ten_seconds(folder), "-c:a", "libmp3lame", "-b:a", "32k", "-write_xing", "0", "-id3v2_version", "0",
           path)  # fmt: skip
    path.write_bytes(path.read_bytes() * (MINUTES * 6))
    return path


def adts(folder: Path) -> Path:
    path = folder / "long.aac"
    ffmpeg("-i", ten_seconds(folder), "-c:a", "aac", "-b:a", "32k", path)
    path.write_bytes(path.read_bytes() * (MINUTES * 6))
    return path


def amr_telephone(folder: Path) -> Path:
    return amr(folder / "long.amr", MINUTES * 60)


def voice(folder: Path) -> Path:
    return looped(voice_note(folder / "ten.ogg", sine(10, -20)), folder / "long.ogg")


def m4a(folder: Path) -> Path:
    short = folder / "ten.m4a"
    ffmpeg("-i", ten_seconds(folder), "-c:a", "aac", short)
    return looped(short, folder / "long.m4a")


def recording_without_a_length(folder: Path) -> Path:
    short = folder / "ten.webm"
    ffmpeg("-i", ten_seconds(folder), "-c:a", "libopus", "-b:a", "16k", short)
    return looped(short, folder / "long.webm", "-live", "1")


@pytest.mark.parametrize(
    "build", [wav, mp3_without_a_table, adts, amr_telephone, voice, m4a, recording_without_a_length]
)
def test_sound_over_half_an_hour_is_refused_before_it_is_decoded(
    build: Callable[[Path], Path], only_looking: Tools, tmp_path: Path, render: Render
) -> None:
    path = build(tmp_path)
    before = path.stat()

    with pytest.raises(TooLong) as refusal:
        render(path, kind="audio", tools=only_looking, publish=pytest.fail)

    assert refusal.value.message.startswith("Longer than 30 minutes.")
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def test_a_film_over_ten_minutes_is_refused_before_it_is_decoded(
    only_looking: Tools, tmp_path: Path, render: Render
) -> None:
    path = tmp_path / "long.mp4"
    ffmpeg("-stream_loop", "610", "-i", video(tmp_path / "s.mp4", seconds=1, size="64x48", rate=5), "-c", "copy", path)

    with pytest.raises(TooLong) as refusal:
        render(path, kind="video", tools=only_looking, publish=pytest.fail)

    assert refusal.value.message.startswith("Longer than 10 minutes.")


def test_a_film_over_a_hundred_megabytes_is_refused_before_it_is_decoded(
    only_looking: Tools, tmp_path: Path, render: Render
) -> None:
    path = video(tmp_path / "large.mp4", seconds=1, size="64x48")
    size = path.stat().st_size
    with path.open("ab") as file:  # a box nobody reads, and no bytes on the disk
        file.write((100_000_000).to_bytes(4, "big") + b"free")
        file.truncate(size + 100_000_000)

    with pytest.raises(TooLarge) as refusal:
        render(path, kind="video", tools=only_looking, publish=pytest.fail)

    assert refusal.value.message.startswith("Larger than 100 MB.")


def test_what_claims_too_much_but_holds_less_is_played(tmp_path: Path, render: Render) -> None:
    """A recorder that died leaves a header that claims half an hour; what is there counts."""
    path = wav(tmp_path)
    path.write_bytes(path.read_bytes()[:1_200_000])

    result = render(path, kind="audio")

    assert result.facts.duration_s == pytest.approx(150, abs=0.5)


def test_a_length_left_open_refuses_nobody(tmp_path: Path, render: Render) -> None:
    """Who writes a film piece by piece does not know its length, and may say so with all bits set."""
    path = tmp_path / "pieces.mp4"
    pieces = ("-c", "copy", "-movflags", "frag_keyframe+empty_moov")
    ffmpeg("-i", video(tmp_path / "s.mp4", seconds=2, size="64x48"), *pieces, path)
    content = bytearray(path.read_bytes())
    for name in (b"mvhd", b"mdhd"):
        at = content.find(name)
        while at >= 0:
            content[at + 20 : at + 24] = b"\xff" * 4  # ISO/IEC 14496-12, 8.2.2.3: "cannot be determined"
            at = content.find(name, at + 1)
    path.write_bytes(content)

    result = render(path, kind="video")

    assert result.facts.duration_s == pytest.approx(2, abs=0.1)
    assert "truncated" not in result.facts.flags


def test_a_cut_film_is_played_whatever_its_whole_would_last(tmp_path: Path, render: Render) -> None:
    short, whole, cut = (tmp_path / name for name in ("s.mp4", "whole.mkv", "cut.mkv"))
    video(short, seconds=1, size="64x48", rate=5, has_sound=False)
    ffmpeg("-stream_loop", "610", "-i", short, "-c", "copy", whole)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 100])

    result = render(cut, kind="video")

    assert result.facts.duration_s == pytest.approx(6, abs=3)
    assert "truncated" in result.facts.flags


def test_a_half_hour_is_not_too_long(only_looking: Tools, tmp_path: Path) -> None:
    length.refuse_too_long(looped_half_hour(tmp_path), "ogg", only_looking)


def looped_half_hour(folder: Path) -> Path:
    path = folder / "half.ogg"
    ffmpeg("-stream_loop", "179", "-i", voice_note(folder / "ten.ogg", sine(9.99, -20)), "-c", "copy", path)
    return path
