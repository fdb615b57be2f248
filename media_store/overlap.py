"""Whether two voices sound at once: what is left when one pitch is taken out has a pitch of its own.

A voice repeats itself; the sound less itself one period earlier is hardly more than breath, unless somebody else
speaks. Then the rest repeats in another period, which is no multiple and no fraction of the first, and goes on like
that from one moment to the next, gliding as voices do; the notes of instruments stand still.
Source of the method: cancellation by a comb filter (A. de Cheveigné, 1993), worked out on the autocorrelation alone.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from media_store import pitch
from media_store.pitch import Course, Flags, Floats

FRAME, HOP = 640, 320  # 80 ms every 40 ms: long enough to part two pitches
FFT = 1024
SHORTEST_LAG, LONGEST_LAG = 16, 106  # 500 to 75 Hz
FARTHEST_LAG = 3 * LONGEST_LAG + 12
EMPHASIS = 0.9  # lifts the upper harmonics: a low voice's lowest would outweigh the rest
PERIODIC_FROM = 0.25
LEFT_OVER = (0.15, 0.75)  # of the power; less is breath, more is no voice at all
REST_PERIODIC_FROM = 0.5
KIN = np.array([1 / 5, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 1, 1.5, 2, 3, 4, 5])  # of the first period, in its multiples
KIN_WITHIN = 0.08
STEADY_OCTAVES = 0.1
LEAST_GLIDE_OCTAVES = 0.006  # median from frame to frame: music, and a voice over music, stay below
LEAST_SHARE = 0.07  # of what sounds; single voices 0.00 to 0.02, two at once 0.05 to 0.6

Lags = NDArray[np.intp]


def are_at_once(course: Course) -> bool:
    """Whether two voices go on side by side for a while."""
    frames, is_active = _frames(course)
    active = int(is_active.sum())
    if not active:
        return False
    first, second = np.zeros(is_active.shape), np.zeros(is_active.shape)
    first[is_active], second[is_active] = _two_periods(frames[is_active])
    are_two = (second > 0)[:, 1:] & (second > 0)[:, :-1]
    steps = [np.abs(np.diff(np.log2(np.maximum(periods, 1.0)), axis=1)) for periods in (first, second)]
    goes_on = are_two & (steps[0] < STEADY_OCTAVES) & (steps[1] < STEADY_OCTAVES)
    if goes_on.sum() < LEAST_SHARE * active:
        return False
    return min(float(np.median(step[goes_on])) for step in steps) >= LEAST_GLIDE_OCTAVES


def _frames(course: Course) -> tuple[Floats, Flags]:
    """Shape (windows, frames, samples) of every second window, and which of them sound."""
    plain = course.sound[::2]
    sound = plain.copy()
    sound[:, 1:] -= EMPHASIS * plain[:, :-1]
    frames = sliding_window_view(sound, FRAME, axis=1)[:, ::HOP]
    per_frame = HOP // pitch.HOP
    return frames, course.is_active[::2, 1::per_frame][:, : frames.shape[1]]


def _two_periods(frames: Floats) -> tuple[Floats, Floats]:
    """The period of each frame in samples, and that of what is left without it; 0 where there is none."""
    spectrum = np.fft.rfft(frames - frames.mean(axis=1, keepdims=True), FFT, axis=1)
    lags = np.arange(FARTHEST_LAG)
    correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, axis=1)[:, :FARTHEST_LAG]
    ratio = correlation / np.maximum(correlation[:, :1], 1e-12) * (FRAME / (FRAME - lags))
    at = _first_peak(ratio[:, SHORTEST_LAG - 1 : LONGEST_LAG + 2], pitch.OCTAVE_SHARE) + SHORTEST_LAG - 1
    height = np.take_along_axis(ratio, at[:, None], axis=1)[:, 0]
    rest = _without(ratio, at) / np.maximum(2 * (1 - height), 1e-3)[:, None]
    other = _first_peak(rest, 1.0)
    other_height = np.take_along_axis(rest, other[:, None], axis=1)[:, 0]
    kin = np.abs((other + SHORTEST_LAG - 1)[:, None] / at[:, None] - KIN)
    is_other = (other_height > REST_PERIODIC_FROM) & (kin > KIN_WITHIN * KIN).all(axis=1)
    is_other &= (height > PERIODIC_FROM) & (1 - height > LEFT_OVER[0]) & (1 - height < LEFT_OVER[1])
    first, second = _fine(ratio, at), _fine(rest, other) + SHORTEST_LAG - 1
    return first, np.where(is_other, second, 0.0)


def _first_peak(ratio: Floats, share: float) -> Lags:
    """The first peak that has this share of the highest; edges are none."""
    middle = ratio[:, 1:-1]
    is_peak = (middle >= ratio[:, :-2]) & (middle >= ratio[:, 2:])
    highest = np.where(is_peak, middle, -1.0).max(axis=1, keepdims=True)
    first: Lags = (is_peak & (middle >= share * highest)).argmax(axis=1) + 1
    return first


def _without(ratio: Floats, at: Lags) -> Floats:
    """The autocorrelation, from one below the shortest lag to one above the longest, of the sound less itself."""
    lags = np.arange(SHORTEST_LAG - 1, LONGEST_LAG + 2)
    later, earlier = lags + at[:, None], np.abs(lags - at[:, None])
    rest: Floats = 2 * ratio[:, lags] - np.take_along_axis(ratio, later, 1) - np.take_along_axis(ratio, earlier, 1)
    return rest


def _fine(ratio: Floats, at: Lags) -> Floats:
    """Where between two lags the peak lies, by a parabola through three points."""
    left, top, right = (np.take_along_axis(ratio, (at + step)[:, None], axis=1)[:, 0] for step in (-1, 0, 1))
    bend = np.minimum(left - 2 * top + right, -1e-9)
    fine: Floats = at + np.clip((left - right) / (2 * bend), -1, 1)
    return fine
