"""Plain words about a recording: figures against clips of known noise and clipping, and no word where none is due."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from media_store import edges, peaks, quality
from media_store.errors import FLAGS
from media_store.quality import Heard
from tests.media_store import voices
from tests.media_store.conftest import Render
from tests.media_store.material import RATE_HZ, Samples, ffmpeg, silence, sine, voice_note, write_wav

SNR_TOLERANCE_DB = 3.0


@functools.cache
def the_voice(name: str) -> Samples:
    made = {
        "spoken": lambda: voices.spoken(6),
        "sung": voices.sung,
        "sung low": lambda: voices.sung(lowest_hz=110, note_s=0.8),
    }
    return made[name]()


CLEAN: dict[str, Callable[[], Samples]] = {
    "spoken": lambda: the_voice("spoken"),
    "spoken by another": lambda: voices.spoken(4, seed=5),
    "spoken loudly": lambda: voices.levelled(the_voice("spoken"), 0.9),
    "spoken quietly": lambda: voices.levelled(the_voice("spoken"), 0.05),
    "spoken with a long pause": lambda: np.concatenate([the_voice("spoken"), silence(2), the_voice("spoken")]),
    "silence around": lambda: np.concatenate([silence(1), the_voice("spoken"), silence(1)]),
    "a little noise": lambda: voices.with_noise(the_voice("spoken"), voices.pink(len(the_voice("spoken"))), 25),
    "sung": lambda: the_voice("sung"),
    "sung without a pause": lambda: voices.sung(vibrato=0.8, note_s=0.8),
    "sung low": lambda: voices.sung(lowest_hz=110, note_s=0.7),
    "sung fast": lambda: voices.sung(voices.TUNE * 2, note_s=0.25),
    "one short word": lambda: voices.spoken(1.2, seed=3),
}


def heard(path: Path, samples: Samples) -> Heard:
    path.write_bytes(samples.astype("<f4").tobytes())
    drawing = peaks.measure_pairs(peaks.read_pcm(path))
    levels, _ = edges.measure_levels(peaks.read_pcm(path))
    return quality.listen(path, len(samples) / RATE_HZ, peaks.coarser(drawing, quality.PIECE).pairs, levels)


def words_for(path: Path, samples: Samples) -> tuple[str, ...]:
    return quality.flags_of(heard(path, samples), len(samples) / RATE_HZ)


@pytest.mark.parametrize("noise", [voices.white, voices.pink])
@pytest.mark.parametrize("snr_db", [5, 10, 15, 20, 30, 40])
@pytest.mark.parametrize("name", ["spoken", "sung", "sung low"])
def test_the_noise_is_measured_within_three_decibels(
    name: str, snr_db: float, noise: Callable[[int], Samples], tmp_path: Path
) -> None:
    voice = the_voice(name)

    measured = heard(tmp_path / "x.f32", voices.with_noise(voice, noise(len(voice)), snr_db)).snr_db

    assert measured is not None
    assert measured == pytest.approx(snr_db, abs=SNR_TOLERANCE_DB)


@pytest.mark.parametrize("peak", [1.0, 0.4])
@pytest.mark.parametrize("drive_db", [3, 6, 12, 20])
def test_the_clipped_share_is_measured_wherever_the_limit_was(drive_db: float, peak: float, tmp_path: Path) -> None:
    driven = voices.levelled(the_voice("spoken"), 10 ** (drive_db / 20))
    truth = float((np.abs(driven) >= 1).mean())
    in_16_bits = np.round(np.clip(driven, -1, 1) * peak * 32767) / 32768

    found = heard(tmp_path / "x.f32", in_16_bits)

    assert found.clipped_share == pytest.approx(truth, rel=0.15, abs=0.0005)
    assert ("clipped" in quality.flags_of(found, 6)) == (truth >= 0.001)


def test_a_lossy_copy_of_a_clipped_recording_is_still_called_overloaded(tmp_path: Path, render: Render) -> None:
    driven = np.clip(voices.levelled(the_voice("spoken"), 10 ** (12 / 20)), -1, 1)

    facts = render(voice_note(tmp_path / "n.ogg", driven), kind="voice").facts

    assert "clipped" in facts.flags
    assert 1 <= facts.flag_figures["clipped"]["percent"] <= 100 * float((np.abs(driven) >= 1).mean())


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_recording_gets_no_word(name: str, tmp_path: Path) -> None:
    assert words_for(tmp_path / "x.f32", CLEAN[name]()) == ()


@pytest.mark.parametrize("name", ["spoken", "sung", "silence around"])
def test_a_clean_recording_gets_no_word_after_a_lossy_coder_either(name: str, tmp_path: Path) -> None:
    note = voice_note(tmp_path / "n.ogg", CLEAN[name](), "-application", "voip")
    ffmpeg("-i", note, "-f", "f32le", "-ar", RATE_HZ, tmp_path / "x.raw")
    decoded = np.fromfile(tmp_path / "x.raw", dtype="<f4").astype(float)

    assert words_for(tmp_path / "x.f32", decoded) == ()


def test_a_recording_that_starts_or_stops_in_full_sound_is_cut_off(tmp_path: Path) -> None:
    whole, path = the_voice("sung"), tmp_path / "x.f32"
    first, last = RATE_HZ // 4, len(whole) - RATE_HZ // 4

    assert words_for(path, whole[first:]) == ("cut_start",)
    assert words_for(path, whole[:last]) == ("cut_end",)
    assert words_for(path, whole[first:last]) == ("cut_start", "cut_end")


def test_a_recording_trimmed_close_to_its_first_sound_is_not_cut_off(tmp_path: Path) -> None:
    close = the_voice("sung")[RATE_HZ // 4 :].copy()
    close[: quality.PIECE] *= np.linspace(0, 1, quality.PIECE) ** 6  # a plosive is there within 10 ms

    assert words_for(tmp_path / "x.f32", close) == ()


def test_noise_alone_is_noisy_and_not_cut_off(tmp_path: Path) -> None:
    found = heard(tmp_path / "x.f32", voices.white(3 * RATE_HZ) * 0.05)

    assert quality.flags_of(found, 3.0) == ("noisy",)
    assert quality.figures(found, 3.0, -30.0)["noisy"]["snr_db"] == 0


@pytest.mark.parametrize("samples", [silence(2), silence(0.001), silence(0)])
def test_silence_has_no_noise_and_no_edges(samples: Samples, tmp_path: Path) -> None:
    assert heard(tmp_path / "x.f32", samples) == Heard(0.0, None, False, False)


@pytest.mark.parametrize(("seconds", "words"), [(0.3, ("short",)), (1.0, ()), (180.0, ()), (181.0, ("long",))])
def test_length_is_remarked(seconds: float, words: tuple[str, ...]) -> None:
    assert quality.flags_of(Heard(0.0, 40.0, False, False), seconds) == words


def test_a_remark_is_code_sentence_and_figures_the_gravest_first() -> None:
    found = Heard(0.034, 8.4, False, True)
    flags = ("quiet", "limited", *quality.flags_of(found, 0.4))

    remarks = quality.remarks(flags, quality.figures(found, 0.4, -45.2))

    assert [one["code"] for one in remarks] == ["cut_end", "clipped", "quiet", "noisy", "short"]
    assert [one["text"] % one["facts"] for one in remarks] == [
        "The end is cut off: it stops in full sound.",
        "Overloaded: 3 per cent of the recording is clipped.",
        "Recorded too quietly, at -45 LUFS.",
        "Noisy: the voice stands only 8 dB above the noise.",
        "Very short: 4 tenths of a second.",
    ]


def test_every_code_has_a_sentence_whose_figures_are_there() -> None:
    figures = quality.figures(Heard(0.1, 3.0, True, True), 0.5, -40.0)

    for code in quality.CODES:
        assert FLAGS[code] % figures.get(code, {})


def test_facts_carry_the_words_and_their_figures(tmp_path: Path, render: Render) -> None:
    voice = the_voice("spoken")
    noisy = voices.with_noise(voice, voices.white(len(voice)), 8)

    facts = render(write_wav(tmp_path / "n.wav", noisy), kind="audio").facts

    assert "noisy" in facts.flags
    assert facts.flag_figures["noisy"]["snr_db"] == pytest.approx(8, abs=SNR_TOLERANCE_DB)


def test_silence_gets_one_word_alone(tmp_path: Path, render: Render) -> None:
    facts = render(write_wav(tmp_path / "s.wav", silence(2)), kind="audio").facts

    assert [one["code"] for one in quality.remarks(facts.flags, facts.flag_figures)] == ["silent"]
    assert facts.voice_kind is None


def test_a_tone_at_full_scale_is_not_overloaded(tmp_path: Path) -> None:
    assert heard(tmp_path / "x.f32", sine(2, 0)).clipped_share == 0.0


def test_a_sentence_without_its_figures_is_left_out() -> None:
    assert [one["code"] for one in quality.remarks(("clipped", "cut_end"), {})] == ["cut_end"]
