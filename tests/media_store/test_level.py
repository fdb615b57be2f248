"""Every clip of a second and more reaches its station's level, or says which figure it reached and why.

What is claimed is measured again on the finished file, so that the claim and the check share the meter only.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from media_store import errors, loudness, pipeline, runner
from media_store.loudness import AudioTarget, Decoded, Levelled, LevelNote, Loudness, Plan, explain
from tests.media_store.conftest import Render, Result
from tests.media_store.material import (
    RATE_HZ,
    Samples,
    clicks_over_quiet_speech,
    hiss,
    silence,
    sine,
    speech,
    write_wav,
)

TOLERANCE_LU = 0.5  # EBU R 128
METER_STEP = 0.1  # the meter prints one decimal


def claps_over_speech() -> Samples:
    samples = speech(6, -40)
    clap = hiss(0.02, -6) * np.exp(-np.arange(960) / 200)
    for at in range(RATE_HZ // 2, 6 * RATE_HZ - 960, RATE_HZ):
        samples[at : at + 960] += clap
    return samples


def far_then_near() -> Samples:
    return np.concatenate([speech(4, -48), speech(4, -18)]) + hiss(8, -70)


def clipped() -> Samples:
    return np.clip(speech(4, -2), -0.5, 0.5) * 2


def sung_scale() -> Samples:
    """Eight notes of 0.8 s with overtones, one after the other."""
    notes = [220 * 2 ** (step / 12) for step in (0, 2, 4, 5, 7, 9, 11, 12)]
    return np.concatenate(
        [sine(0.8, -20, hz=hz) + sine(0.8, -28, hz=2 * hz) + sine(0.8, -34, hz=3 * hz) for hz in notes]
    )


def speech_in_the_middle() -> Samples:
    return np.concatenate([silence(2), speech(1.2, -30), silence(3)]) + hiss(6.2, -72)


# samples, and the code of the note where the target cannot be reached
CLIPS: dict[str, tuple[Callable[[], Samples], str | None]] = {
    "speech": (lambda: speech(4), None),
    "speech over noise": (lambda: speech(4, -30) + hiss(4, -50), None),
    "far then near": (far_then_near, None),
    "clipped": (clipped, None),
    "sung scale": (sung_scale, None),
    "claps over speech": (claps_over_speech, None),
    "clicks over quiet speech": (clicks_over_quiet_speech, None),
    "speech in the middle": (speech_in_the_middle, None),
    "a second": (lambda: speech(1.0, -33), None),
    "a whisper": (lambda: speech(3, -52), None),
    "too quiet": (lambda: speech(3, -20) * 10 ** (-34 / 20), "level.capped"),
    "hiss": (lambda: hiss(4, -50), "level.noise"),
}


@pytest.fixture
def levelled(tmp_path: Path, render: Render) -> Callable[..., Result]:
    def make(samples: Samples, target: AudioTarget) -> Result:
        return render(write_wav(tmp_path / "clip.wav", np.clip(samples, -1, 1)), kind="audio", target=target)

    return make


def measured(result: Result) -> Loudness:
    return loudness.measure_file(result.paths["broadcast"], "wav", runner.default_tools())


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_reaches_the_target_or_says_why_not(name: str, levelled: Callable[..., Result]) -> None:
    make, reason = CLIPS[name]

    result = levelled(make(), AudioTarget())
    found, note = measured(result), result.facts.level_note

    assert found.integrated_lufs is not None
    assert found.true_peak_dbtp is not None
    assert found.true_peak_dbtp <= -1.0
    assert result.facts.gain_db is not None
    assert result.facts.gain_db <= loudness.MOST_GAIN_DB
    assert (None if note is None else note.code) == reason
    if note is None:
        assert found.integrated_lufs == pytest.approx(-23.0, abs=TOLERANCE_LU + METER_STEP / 2)
    else:
        assert note.facts["reached"] == pytest.approx(found.integrated_lufs, abs=METER_STEP)
        assert note.facts["gain_db"] == pytest.approx(result.facts.gain_db, abs=0.05)


@pytest.mark.parametrize(
    "target", [AudioTarget(-16, -1), AudioTarget(-14, -1), AudioTarget(-24, -2), AudioTarget(-31, -3)]
)
@pytest.mark.parametrize("name", ["speech", "clipped", "sung scale"])
def test_every_level_a_station_may_choose_is_reached(
    name: str, target: AudioTarget, levelled: Callable[..., Result]
) -> None:
    result = levelled(CLIPS[name][0](), target)
    found = measured(result)

    assert result.facts.level_note is None
    assert found.integrated_lufs == pytest.approx(target.loudness_lufs, abs=TOLERANCE_LU + METER_STEP / 2)
    assert found.true_peak_dbtp is not None
    assert found.true_peak_dbtp <= target.true_peak_dbtp


def test_peaks_that_leave_no_room_are_the_reason_given(levelled: Callable[..., Result]) -> None:
    samples = speech(4, -24)
    samples[::2400] = 0.99  # a click every 50 ms: no limiter brings what lies between to the level of music

    result = levelled(samples, AudioTarget(-9.0, -9.0))
    note = result.facts.level_note

    assert note is not None
    assert note.code == "level.peaks"
    assert note.facts["reached"] == pytest.approx(measured(result).integrated_lufs, abs=METER_STEP)
    assert note.facts["reached"] < -9.5
    assert "off_target" in result.facts.flags


@pytest.mark.parametrize("seconds", [0.1, 0.3, 0.39])
def test_under_a_gating_block_loudness_is_undefined_and_the_gain_is_right(
    seconds: float, levelled: Callable[..., Result]
) -> None:
    result = levelled(sine(seconds, -20), AudioTarget())

    assert result.facts.loudness_lufs is None
    assert result.made["broadcast"].loudness_lufs is None
    assert result.facts.gain_db == pytest.approx(-3.0, abs=0.4)  # the seam of the loop adds a little
    assert result.facts.level_note is not None
    assert result.facts.level_note.code == "level.undefined"


def test_from_a_gating_block_on_it_is_defined(levelled: Callable[..., Result]) -> None:
    result = levelled(sine(0.45, -20), AudioTarget())

    assert result.made["broadcast"].loudness_lufs == pytest.approx(-23.0, abs=TOLERANCE_LU)
    assert result.facts.level_note is None


@pytest.mark.parametrize(("samples", "code"), [(silence(2), "level.silence"), (hiss(3, -68), "level.silent")])
def test_silence_has_no_level_and_no_copy_for_air(samples: Samples, code: str, levelled: Callable[..., Result]) -> None:
    result = levelled(samples, AudioTarget())

    assert "broadcast" not in result.made
    assert result.facts.gain_db is None
    assert (result.facts.cue_in_s, result.facts.air_in_s) == (None, None)
    assert result.facts.level_note is not None
    assert result.facts.level_note.code == code


def test_the_level_is_that_of_what_airs(levelled: Callable[..., Result]) -> None:
    result = levelled(speech_in_the_middle(), AudioTarget())

    made = result.made["broadcast"]
    assert made.duration_s == pytest.approx(0.1 + 0.25 + 1.2 + 0.2 + 0.5, abs=0.2)
    assert made.loudness_lufs == pytest.approx(measured(result).integrated_lufs, abs=METER_STEP)
    assert result.made["preview"].duration_s == pytest.approx(6.2, abs=0.01)
    assert made.begins_s == result.facts.air_in_s


def test_the_handles_are_the_original_sound_faded_only_where_it_was_cut(tmp_path: Path, render: Render) -> None:
    path = write_wav(tmp_path / "clip.wav", speech_in_the_middle())

    whole = _left(render(path, kind="audio", handles=None))
    cut = render(path, kind="audio")
    air = _left(cut)

    first = round((cut.facts.air_in_s or 0) * RATE_HZ)
    same = whole[first : first + air.size]
    inner = slice(loudness.FADE_FRAMES, air.size - loudness.FADE_FRAMES)
    # both are at the target; the meter's step of 0.1 dB is about one percent
    assert np.abs(air[inner] - same[inner]).max() <= 0.02 * np.abs(same).max()
    assert abs(int(air[0])) <= 1
    assert abs(int(air[-1])) <= np.abs(same).max() / 100


def _left(result: Result) -> np.ndarray:
    content = result.paths["broadcast"].read_bytes()
    data = content[content.index(b"data") + 8 :]
    words = np.frombuffer(data[: len(data) // 6 * 6], dtype=np.uint8).reshape(-1, 2, 3)[:, 0]
    padded = np.zeros((len(words), 4), dtype=np.uint8)
    padded[:, 1:] = words
    return padded.view("<i4").ravel() >> 8


@pytest.mark.parametrize(
    ("level", "reached", "gain_db", "planned", "code"),
    [
        (-20.0, -23.0, -3.0, Plan(-3.0, False, ()), None),
        (-20.0, -23.5, -3.0, Plan(-3.0, False, ()), None),
        (-58.0, -28.0, 30.0, Plan(30.0, False, ("very_quiet",)), "level.capped"),
        (-50.0, -38.0, 12.0, Plan(12.0, False, (), 12.0, True), "level.noise"),
        (-40.0, -24.1, 25.0, Plan(17.0, True, ()), "level.peaks"),
        (-65.0, None, 0.0, Plan(None, False, ("silent",)), "level.silent"),
        (None, None, 0.0, Plan(None, False, ("silent",)), "level.silence"),
    ],
)
def test_the_reason_follows_from_what_was_done(
    level: float | None, reached: float | None, gain_db: float, planned: Plan, code: str | None
) -> None:
    decoded = Decoded(Path("x"), 5.0, Loudness(level, 1.0, -6.0), None, "opus mono")

    note = explain(decoded, planned, Levelled(Loudness(reached, 1.0, -1.3), gain_db, False, 1), AudioTarget())

    assert (None if note is None else note.code) == code
    if note is not None:
        assert errors.LEVEL_NOTES[note.code] % note.facts


def test_every_reason_has_a_sentence_that_its_facts_fill() -> None:
    facts = {"reached": -24.1, "target": -23.0, "gain_db": 12.0, "peak": -1.0, "lufs": -65.0}

    for template in errors.LEVEL_NOTES.values():
        sentence = template % LevelNote("x", facts).facts
        assert sentence.endswith(".")
        assert "%" not in sentence


def test_facts_of_a_silent_file_are_none_and_not_the_meters_floor(levelled: Callable[..., Result]) -> None:
    facts = levelled(silence(1), pipeline.AudioTarget()).facts

    assert (facts.loudness_lufs, facts.true_peak_dbtp, facts.gain_db) == (None, None, None)
