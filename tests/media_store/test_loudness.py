"""The meter says what the standards say, and the gain follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from media_store import loudness, runner
from media_store.errors import NoAudio
from media_store.loudness import AudioTarget, Decoded, Loudness, plan
from tests.media_store.material import SIGNALS, hiss, silence, sine, write_wav

TOLERANCE = 0.1  # EBU Tech 3341: LU; and the meter prints one decimal


def measure(path: Path) -> Decoded:
    return loudness.decode_and_measure(path, "wav", path.with_suffix(".f32"), runner.default_tools())


@pytest.mark.parametrize("name", SIGNALS)
def test_reference_signals_read_as_the_standards_demand(name: str, tmp_path: Path) -> None:
    signal = SIGNALS[name]
    samples = signal.left()

    found = measure(write_wav(tmp_path / "s.wav", samples, samples))

    assert found.duration_s == pytest.approx(signal.seconds)
    if signal.loudness_lufs is not None:
        assert found.loudness.integrated_lufs == pytest.approx(signal.loudness_lufs, abs=TOLERANCE)
    if signal.true_peak_dbtp is not None:
        assert found.loudness.true_peak_dbtp == pytest.approx(signal.true_peak_dbtp, abs=TOLERANCE)
    if signal.range_lu is not None:
        assert found.loudness.range_lu == pytest.approx(signal.range_lu, abs=TOLERANCE)


def test_a_mono_file_is_measured_as_it_sounds_on_two_speakers(tmp_path: Path) -> None:
    found = measure(write_wav(tmp_path / "mono.wav", sine(5, -23)))

    assert found.loudness.integrated_lufs == pytest.approx(-23.0, abs=TOLERANCE)


def test_a_plain_mono_meter_reads_three_less(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "mono.wav", sine(5, -23))
    command = [runner.default_tools().ffmpeg, "-hide_banner", "-nostats", *runner.input_options("wav", path)]

    log = runner.run([*command, "-af", "ebur128", "-f", "null", "-"], limits=runner.AUDIO_LIMITS).stderr

    assert loudness.read_meter(log).integrated_lufs == pytest.approx(-26.0, abs=TOLERANCE)


def test_silence_has_no_loudness_and_no_peak(tmp_path: Path) -> None:
    found = measure(write_wav(tmp_path / "silence.wav", silence(2)))

    assert found.loudness.integrated_lufs is None
    assert found.loudness.true_peak_dbtp is None


def test_a_clip_shorter_than_one_block_is_measured_in_a_loop(tmp_path: Path) -> None:
    found = measure(write_wav(tmp_path / "ja.wav", sine(0.3, -20)))

    assert found.loudness.integrated_lufs is None
    assert found.looped_lufs == pytest.approx(-20.0, abs=0.3)  # the seam of the loop adds a little
    assert "short" in plan(found, AudioTarget()).flags


def test_maxima_come_from_whole_windows_only(tmp_path: Path) -> None:
    found = measure(write_wav(tmp_path / "s.wav", sine(5, -23)))

    assert found.loudness.max_momentary_lufs == pytest.approx(-23.0, abs=TOLERANCE)
    assert found.loudness.max_short_term_lufs == pytest.approx(-23.0, abs=TOLERANCE)


def test_a_meter_that_never_spoke_means_no_audio() -> None:
    with pytest.raises(NoAudio):
        loudness.read_meter("Input #0, ogg\n")


def decoded(lufs: float | None, peak: float | None, seconds: float = 10.0) -> Decoded:
    return Decoded(Path("x"), seconds, Loudness(lufs, 1.0, peak), None, "opus mono")


@pytest.mark.parametrize(
    ("lufs", "peak", "gain_db", "is_limited", "flags"),
    [
        (-20.0, -6.0, -3.0, False, ()),
        (-23.0, -1.0, 0.0, False, ()),
        (-33.0, -5.0, 10.0, True, ()),
        (-50.0, -40.0, 27.0, False, ("quiet",)),
        (-58.0, -40.0, 30.0, False, ("very_quiet",)),
        (-60.0, -50.0, None, False, ("silent",)),
        (None, None, None, False, ("silent",)),
        (-5.0, 4.6, -18.0, False, ()),
    ],
)
def test_the_gain_follows_from_the_measurement(
    lufs: float | None, peak: float | None, gain_db: float | None, is_limited: bool, flags: tuple[str, ...]
) -> None:
    planned = plan(decoded(lufs, peak), AudioTarget())

    assert (planned.gain_db, planned.is_limited, planned.flags) == (gain_db, is_limited, flags)


def test_hiss_is_not_lifted_to_station_level(tmp_path: Path) -> None:
    planned = plan(measure(write_wav(tmp_path / "hiss.wav", hiss(3, -68))), AudioTarget())

    assert planned.gain_db is None
    assert planned.flags == ("silent",)


def test_far_then_near_is_called_uneven() -> None:
    far = tuple((t / 10, -50.0, -50.0) for t in range(31, 60))
    near = tuple((t / 10, -18.0, -18.0) for t in range(60, 90))
    clip = Decoded(Path("x"), 9.0, Loudness(-20.0, 20.0, -6.0, far + near), None, "opus mono")

    assert plan(clip, AudioTarget()).flags == ("uneven",)
