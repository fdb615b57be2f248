"""Voices from formulas whose truth is known: speech-like syllables, sung tunes, noise of a stated level beside them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.media_store.material import RATE_HZ, Samples

SCALE = (0, 2, 4, 5, 7, 9, 11, 12)
TUNE = (0, 0, 7, 7, 9, 9, 7, 5, 5, 4, 4, 2, 2, 0)
FORMANTS = ((500.0, 150.0, 1.0), (1500.0, 250.0, 0.6), (2600.0, 400.0, 0.4))  # centre, width, height


def voiced(pitch_hz: Samples) -> Samples:
    """Twenty harmonics under three formants, on a given course of pitch."""
    phase, middle = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ, float(np.median(pitch_hz))
    sound = np.zeros_like(pitch_hz)
    for harmonic in range(1, 21):
        height = 0.05 + sum(top * np.exp(-(((harmonic * middle - hz) / width) ** 2)) for hz, width, top in FORMANTS)
        sound += height / harmonic * np.sin(harmonic * phase)
    return sound


def sung(
    notes: tuple[int, ...] = SCALE, *, lowest_hz: float = 220, note_s: float = 0.5, vibrato: float = 0.4
) -> Samples:
    """A tune with `vibrato` semitones of it each way, 5.5 times a second; notes are joined by short slides."""
    courses, heights = [], []
    for note in notes:
        t = np.arange(round(note_s * RATE_HZ)) / RATE_HZ
        semitones = note + vibrato * np.sin(2 * np.pi * 5.5 * t) * np.clip(t / 0.15, 0, 1)
        courses.append(lowest_hz * 2 ** (semitones / 12))
        heights.append(np.clip(np.minimum(t / 0.04, (note_s - t) / 0.05), 0, 1))
    slide = np.hanning(2401) / np.hanning(2401).sum()
    course = np.convolve(np.pad(np.concatenate(courses), 1200, mode="edge"), slide, "valid")
    return levelled(voiced(course) * np.concatenate(heights))


def spoken(seconds: float, seed: int = 1) -> Samples:
    """Syllables that glide and differ in length, breathy consonants and pauses between; silence at both ends."""
    chance, parts = np.random.default_rng(seed), [np.zeros(RATE_HZ // 5)]
    while sum(map(len, parts)) < (seconds - 0.4) * RATE_HZ:
        t = np.linspace(0, 1, int(chance.uniform(0.09, 0.24) * RATE_HZ))
        glide = chance.uniform(-4, 4) * t + chance.uniform(0, 1) * np.sin(np.pi * t)
        course = chance.uniform(95, 150) * 2 ** (glide / 12)
        parts.append(voiced(course) * np.sqrt(np.hanning(len(t))) * chance.uniform(0.4, 1))
        consonant = int(chance.uniform(0.03, 0.1) * RATE_HZ)
        parts.append(chance.normal(0, 0.05, consonant) * chance.uniform(0, 1) * np.hanning(consonant))
        if chance.random() < 0.15:
            parts.append(np.zeros(int(chance.uniform(0.1, 0.35) * RATE_HZ)))
    return levelled(np.concatenate([*parts, np.zeros(RATE_HZ // 5)]))


def levelled(samples: Samples, peak: float = 0.3) -> Samples:
    return samples / np.abs(samples).max() * peak


def white(samples: int) -> Samples:
    return np.random.default_rng(7).normal(0, 1, samples)


def pink(samples: int) -> Samples:
    """Equal power in every octave from 20 Hz; what lies below is not heard."""
    spectrum: NDArray[np.complex128] = np.fft.rfft(white(samples))
    hz = np.fft.rfftfreq(samples, 1 / RATE_HZ)
    spectrum *= np.where(hz < 20, 0, 1 / np.sqrt(np.maximum(hz, 1)))
    sound = np.fft.irfft(spectrum, samples)
    return sound / sound.std()


def power_while_sounding(samples: Samples) -> float:
    """Mean power of the hundredths of a second that are within 10 dB of the mean: pauses do not count."""
    power = (samples[: len(samples) // 480 * 480].reshape(-1, 480) ** 2).mean(axis=1)
    return float(power[power > 0.1 * power.mean()].mean())


def with_noise(samples: Samples, noise: Samples, snr_db: float) -> Samples:
    """The voice with noise at a known distance below it."""
    scale = np.sqrt(power_while_sounding(samples) / np.mean(noise**2) / 10 ** (snr_db / 10))
    both = samples + noise * scale
    return both / max(1.0, np.abs(both).max() * 1.01)
