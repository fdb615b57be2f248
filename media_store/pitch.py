"""The course of a voice's pitch, frame by frame, in a bounded number of windows of our own PCM, however long it is.

Followed once and asked by two: `singing` looks for held notes, `speakers` for two heights that are apart. What is loud
enough to tell anything is said beside it. Source of the method: autocorrelation at 8 kHz, unbiased, the first peak
that is nearly the highest; no period longer than 1/75 s is looked for, so that no multiple of a low voice's is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from media_store import pcm

MOST_WINDOWS = 5
WINDOW = 96_000  # samples: 2 s
DECIMATION = 6  # to 8 kHz
RATE_HZ = pcm.RATE_HZ // DECIMATION
FRAME, HOP = 320, 160  # 40 ms every 20 ms
HOP_S = HOP / RATE_HZ
FFT = 640  # circular correlation is right for all lags of a frame
SHORTEST_LAG, LONGEST_LAG = RATE_HZ // 800, RATE_HZ // 75  # voices between 75 and 800 Hz
VOICED_FROM = 0.6  # of the correlation at lag nought
OCTAVE_SHARE = 0.9  # the first peak this near to the highest is the period, not one of its multiples
ACTIVE_SHARE = 0.05  # of the mean energy of what is loud

Floats = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Course:
    """By window and frame of 20 ms: semitones above an arbitrary note, whether there is a pitch, whether it is loud.

    `sound` is what it was taken from, by window, at 8 kHz.
    """

    height: Floats
    is_voiced: Flags
    is_active: Flags
    sound: Floats


def follow(path: Path, duration_s: float) -> Course:
    """Follow the pitch in a file of our own PCM; 1.3 ms for each of the windows. What is not loud is not voiced."""
    starts = pcm.spread(int(duration_s * pcm.RATE_HZ), WINDOW, MOST_WINDOWS, least_step=WINDOW)
    sound = _decimated(pcm.read_windows(path, starts, WINDOW))
    frames = _frames(sound)
    is_active = _active(np.einsum("wij,wij->wi", frames, frames))
    height, is_voiced = _pitch(frames)
    return Course(height, is_voiced & is_active, is_active, sound)


def _decimated(sound: Floats) -> Floats:
    """Means of six samples: crude, but above 800 Hz nothing is asked of it. Added up by column, a third of the time."""
    total: Floats = sound[:, ::DECIMATION].copy()
    for column in range(1, DECIMATION):
        total += sound[:, column::DECIMATION]
    total /= np.float32(DECIMATION)
    return total


def _frames(sound: Floats) -> Floats:
    """Shape (windows, frames, samples), each without its mean."""
    frames = sliding_window_view(sound, FRAME, axis=1)[:, ::HOP]
    level: Floats = frames - frames.mean(axis=2, keepdims=True)
    return level


def _active(energy: Floats) -> Flags:
    """Frames in which something sounds; pauses say nothing about how somebody speaks."""
    if not energy.any():
        return np.zeros(energy.shape, dtype=bool)
    loud = energy[energy > 0.1 * energy.mean()].mean()
    found: Flags = energy > ACTIVE_SHARE * loud
    return found


def _pitch(frames: Floats) -> tuple[Floats, Flags]:
    """Semitones above an arbitrary note, and whether there is a pitch at all; shape (windows, frames)."""
    spectrum = np.fft.rfft(frames, FFT, axis=2)
    lags = np.arange(LONGEST_LAG + 2)
    correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, axis=2)[:, :, : len(lags)]
    ratio = correlation / np.maximum(correlation[:, :, :1], 1e-12) * (FRAME / (FRAME - lags))
    middle = ratio[:, :, SHORTEST_LAG:-1]
    highest = middle.max(axis=2)
    is_peak = (middle >= ratio[:, :, SHORTEST_LAG - 1 : -2]) & (middle >= ratio[:, :, SHORTEST_LAG + 1 :])
    is_peak &= middle >= OCTAVE_SHARE * highest[:, :, None]
    first = is_peak.argmax(axis=2) + SHORTEST_LAG
    period = first + _between(ratio, first)
    is_voiced: Flags = (highest > VOICED_FROM) & is_peak.any(axis=2)
    return (-12 * np.log2(period)).astype(np.float32), is_voiced


def _between(ratio: Floats, at: NDArray[np.intp]) -> Floats:
    """Where between two lags the peak lies, by a parabola through three points."""
    left, top, right = (np.take_along_axis(ratio, (at + step)[:, :, None], axis=2)[:, :, 0] for step in (-1, 0, 1))
    bend = np.minimum(left - 2 * top + right, -1e-9)
    shift: Floats = np.clip((left - right) / (2 * bend), -1, 1)
    return shift
