"""Silence at both ends is found, and no first syllable is ever cut: not its burst, not its breath."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_store import edges
from media_store.edges import Edges
from tests.media_store.material import RATE_HZ, Samples, hiss, silence, sine, speech

FRAME_S = 0.01
BEGINS_S = 1.0
NOISE_DBFS = (None, -70.0, -60.0, -50.0, -45.0, -35.0)


def placed(sound: Samples, *, noise_dbfs: float | None, before_s: float = BEGINS_S, after_s: float = 1.5) -> Samples:
    """A sound in a recording that begins before and ends after it, over even noise."""
    whole = np.concatenate([silence(before_s), sound, silence(after_s)])
    return whole if noise_dbfs is None else whole + hiss(len(whole) / RATE_HZ, noise_dbfs)


def found(samples: Samples) -> Edges:
    blocks = np.split(samples.astype(np.float32), range(RATE_HZ, len(samples), RATE_HZ))
    return edges.find_edges(edges.measure_levels(blocks), len(samples) / RATE_HZ)


def noise_burst(seconds: float, dbfs: float) -> Samples:
    return 10 ** (dbfs / 20) * np.random.default_rng(7).normal(0, 1, round(seconds * RATE_HZ))


def plosive(dbfs: float) -> Samples:
    """A burst of 8 ms, 12 ms of nothing, then the vowel: pa, ta, ka."""
    return np.concatenate([noise_burst(0.008, dbfs), silence(0.012), speech(3)])


def fricative(dbfs: float) -> Samples:
    """150 ms of f or s before the vowel, rising softly."""
    sharp = np.diff(noise_burst(0.15, 0.0), prepend=0.0)
    sharp *= 10 ** (dbfs / 20) / sharp.std()
    return np.concatenate([sharp * np.linspace(0.2, 1, sharp.size), speech(3)])


def soft_onset(fade_s: float) -> Samples:
    """A hummed m, fading in over 50 dB."""
    hum = sine(3, -17, hz=150)
    return hum * 10 ** (np.minimum(np.arange(hum.size) / RATE_HZ / fade_s - 1, 0) * 50 / 20)


@pytest.mark.parametrize("noise_dbfs", NOISE_DBFS)
@pytest.mark.parametrize("dbfs", [-18, -26, -32])
def test_the_burst_of_a_plosive_is_never_cut(dbfs: float, noise_dbfs: float | None) -> None:
    assert found(placed(plosive(dbfs), noise_dbfs=noise_dbfs)).cue_in_s <= BEGINS_S


@pytest.mark.parametrize("noise_dbfs", NOISE_DBFS)
@pytest.mark.parametrize("dbfs", [-30, -36, -42])
def test_a_breathed_consonant_is_never_cut(dbfs: float, noise_dbfs: float | None) -> None:
    assert found(placed(fricative(dbfs), noise_dbfs=noise_dbfs)).cue_in_s <= BEGINS_S


@pytest.mark.parametrize("noise_dbfs", NOISE_DBFS)
@pytest.mark.parametrize("fade_s", [0.1, 0.3, 0.8])
def test_a_soft_onset_is_kept_from_where_it_comes_out_of_the_noise(fade_s: float, noise_dbfs: float | None) -> None:
    audible_dbfs = -20 - 50 if noise_dbfs is None else noise_dbfs
    audible_s = BEGINS_S + fade_s * max(0.0, (audible_dbfs + 70) / 50)

    assert found(placed(soft_onset(fade_s), noise_dbfs=noise_dbfs)).cue_in_s <= audible_s


@pytest.mark.parametrize("noise_dbfs", [None, -70.0, -60.0, -50.0])
def test_silence_at_both_ends_is_found_closely(noise_dbfs: float | None) -> None:
    cut = found(placed(speech(3), noise_dbfs=noise_dbfs))

    assert cut.cue_in_s == pytest.approx(BEGINS_S - edges.LEAD_S, abs=2 * FRAME_S)
    assert cut.cue_out_s == pytest.approx(BEGINS_S + 3 + edges.TAIL_S, abs=0.15)  # the last syllable ends before


def test_a_fading_last_word_is_kept_as_far_as_it_can_be_heard() -> None:
    fading = speech(2) * 10 ** (-np.linspace(0, 30, 2 * RATE_HZ) / 20)

    assert found(placed(fading, noise_dbfs=-60)).cue_out_s >= BEGINS_S + 2 - 0.15


def test_a_swelling_song_begins_with_its_softest_note() -> None:
    song = sine(6, -20, hz=220) * 10 ** (np.minimum(np.arange(6 * RATE_HZ) / RATE_HZ / 4 - 1, 0) * 25 / 20)

    assert found(song) == Edges(0.0, 6.0)


def test_a_knock_against_the_telephone_is_no_first_word() -> None:
    recording = placed(speech(3), noise_dbfs=-60, before_s=2.0)
    recording[RATE_HZ // 2 : RATE_HZ // 2 + 240] += 0.3

    assert found(recording).cue_in_s == pytest.approx(2.0 - edges.LEAD_S, abs=2 * FRAME_S)


def test_a_single_shout_of_a_moment_is_kept() -> None:
    cut = found(placed(sine(0.05, -15), noise_dbfs=-70))

    assert cut.cue_in_s < BEGINS_S < BEGINS_S + 0.05 < cut.cue_out_s


@pytest.mark.parametrize("samples", [silence(3), hiss(3, -30), sine(3, -20), sine(0.15, -20), np.zeros(0)])
def test_where_nothing_stands_out_nothing_is_cut(samples: Samples) -> None:
    cut = found(samples)

    assert cut == Edges(0.0, len(samples) / RATE_HZ)


def test_numbers_that_are_none_spoil_nothing() -> None:
    recording = placed(speech(3), noise_dbfs=None)
    recording[10], recording[-10] = np.nan, np.inf

    assert found(recording).cue_out_s > BEGINS_S + 3


@settings(deadline=None)
@given(
    cue_in_s=st.floats(0, 60), length_s=st.floats(0, 60), rest_s=st.floats(0, 60),
    before_ms=st.integers(0, 5000), after_ms=st.integers(0, 5000),
)  # fmt: skip
def test_the_air_copy_holds_the_sound_its_handles_and_a_second(
    cue_in_s: float, length_s: float, rest_s: float, before_ms: int, after_ms: int
) -> None:
    cue_out_s = cue_in_s + length_s
    frames = round((cue_out_s + rest_s) * RATE_HZ)

    air = edges.air_stretch(Edges(cue_in_s, cue_out_s), frames, before_ms, after_ms)

    assert 0 <= air.first <= air.until <= frames
    assert air.first <= max(0, round((cue_in_s - before_ms / 1000) * RATE_HZ))
    assert air.until >= min(frames, round((cue_out_s + after_ms / 1000) * RATE_HZ))
    assert air.duration_s >= min(edges.SHORTEST_AIR_S, frames / RATE_HZ) - 1e-9


def test_hiss_is_told_from_a_voice_and_from_a_tone() -> None:
    def is_hiss(samples: Samples) -> bool:
        return edges.is_steady_hiss(edges.measure_levels([samples.astype(np.float32)]))

    assert is_hiss(hiss(3, -50))
    assert not is_hiss(sine(3, -50))
    assert not is_hiss(speech(3, -50))
    assert not is_hiss(silence(3))
    assert not is_hiss(placed(speech(3), noise_dbfs=-40))
