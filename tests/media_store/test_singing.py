"""Speech or song, as a suggestion: made voices only, and nothing said where there is no voice."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from media_store import pitch, singing
from media_store.singing import VoiceKind
from tests.media_store import voices
from tests.media_store.conftest import Render
from tests.media_store.material import RATE_HZ, Samples, ffmpeg, silence, sine, voice_note

TEXT = "Guten Morgen, hier ist Nia aus Köln. Ich höre euch jeden Tag, und meine Tochter auch. Bis bald!"


def suggested(path: Path, samples: Samples) -> VoiceKind | None:
    path.write_bytes(samples.astype("<f4").tobytes())
    return singing.suggest(pitch.follow(path, len(samples) / RATE_HZ))


@pytest.mark.parametrize(
    "make",
    [
        lambda: voices.sung(),
        lambda: voices.sung(vibrato=0.0),
        lambda: voices.sung(vibrato=0.9),
        lambda: voices.sung(note_s=0.3),
        lambda: voices.sung(lowest_hz=110, note_s=0.8),
        lambda: voices.sung(lowest_hz=440),
        lambda: voices.sung(voices.TUNE, note_s=0.35),
        lambda: voices.with_noise(voices.sung(), voices.pink(4 * RATE_HZ), 10),
    ],
    ids=["scale", "no vibrato", "wide vibrato", "quick", "low", "high", "tune", "over noise"],
)
def test_a_sung_tune_is_suggested_as_song(make: Callable[[], Samples], tmp_path: Path) -> None:
    found = suggested(tmp_path / "x.f32", make())

    assert found is not None
    assert found.kind == "song"
    assert found.confidence >= 0.7


@pytest.mark.parametrize("seed", range(6))
def test_gliding_syllables_are_suggested_as_speech(seed: int, tmp_path: Path) -> None:
    found = suggested(tmp_path / "x.f32", voices.spoken(6, seed))

    assert found is not None
    assert found.kind == "speech"
    assert found.confidence >= 0.6


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
@pytest.mark.parametrize(("voice", "speed"), [("de", "160"), ("de+m3", "180"), ("de+f3", "150"), ("en", "160")])
def test_a_speech_synthesiser_is_suggested_as_speech(voice: str, speed: str, tmp_path: Path) -> None:
    subprocess.run(["espeak-ng", "-v", voice, "-s", speed, "-w", tmp_path / "e.wav", TEXT], check=True)
    ffmpeg("-i", tmp_path / "e.wav", "-f", "f32le", "-ar", RATE_HZ, "-ac", 1, tmp_path / "e.raw")

    found = suggested(tmp_path / "x.f32", np.fromfile(tmp_path / "e.raw", dtype="<f4").astype(float))

    assert found is not None
    assert found.kind == "speech"


@pytest.mark.parametrize(
    "make",
    [
        lambda: silence(3),
        lambda: silence(0),
        lambda: voices.white(3 * RATE_HZ) * 0.1,
        lambda: voices.pink(3 * RATE_HZ) * 0.1,
        lambda: sine(3, -20, hz=440),
        lambda: sine(3, -20, hz=50),
        lambda: voices.spoken(0.8),
    ],
    ids=["silence", "nothing", "white noise", "pink noise", "tone", "hum", "a short word"],
)
def test_where_there_is_no_voice_nothing_is_suggested(make: Callable[[], Samples], tmp_path: Path) -> None:
    assert suggested(tmp_path / "x.f32", make()) is None


@pytest.mark.parametrize(
    ("share", "kind", "confidence"), [(0.0, "speech", 0.95), (0.57, "speech", 0.5), (1.0, "song", 0.95)]
)
def test_the_confidence_grows_with_the_distance_from_the_border(share: float, kind: str, confidence: float) -> None:
    assert singing.judge(share) == VoiceKind(kind, confidence)  # type: ignore[arg-type]


def test_half_an_hour_is_looked_at_in_as_few_windows_as_ten_seconds(tmp_path: Path) -> None:
    path = tmp_path / "long.f32"
    with path.open("wb") as file:
        file.truncate(1800 * RATE_HZ * 4)
        for start_s in (0, 899, 1790):
            file.seek(start_s * RATE_HZ * 4)
            file.write(voices.sung(note_s=1.25).astype("<f4").tobytes())

    found = singing.suggest(pitch.follow(path, 1800.0))

    assert found is not None
    assert found.kind == "song"


def test_the_suggestion_stands_among_the_facts(tmp_path: Path, render: Render) -> None:
    facts = render(voice_note(tmp_path / "n.ogg", voices.sung()), kind="voice").facts

    assert facts.voice_kind is not None
    assert facts.voice_kind.kind == "song"
