"""Whether a voice speaks or sings: a suggestion with its confidence, for sorting only.

Who sings holds notes: the pitch stays near one height for a fifth of a second and longer, again and again, vibrato
included; who speaks glides through every syllable. A bounded number of windows is looked at, whatever the length.
Checked on made material alone (scales and songs from formulas, synthetic speech, noise, tones), never on recordings of
people: nothing may be hidden or refused because of it, and slow, drawling speech may be taken for song. The
confidence says how far from the border the share of held sound lies; it is not a probability.
Source of the idea: autocorrelation pitch at 8 kHz and the steadiness of neighbouring frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from media_store import pcm

MOST_WINDOWS = 3
WINDOW = 96_000  # samples: 2 s
DECIMATION = 6  # to 8 kHz
RATE_HZ = pcm.RATE_HZ // DECIMATION
FRAME, HOP = 320, 160  # 40 ms every 20 ms
FFT = 640  # circular correlation is right for all lags of a frame
SHORTEST_LAG, LONGEST_LAG = RATE_HZ // 800, RATE_HZ // 75  # voices between 75 and 800 Hz
VOICED_FROM = 0.6  # of the correlation at lag nought
OCTAVE_SHARE = 0.9  # the first peak this near to the highest is the period, not one of its multiples
ACTIVE_SHARE = 0.05  # of the mean energy of what is loud
HELD_FRAMES = 11  # 220 ms
HELD_SEMITONES = 0.75  # standard deviation; a vibrato of one semitone each way has 0.71
LEAST_VOICED_SHARE = 0.35
LEAST_ACTIVE_S = 0.5
STIFF_SEMITONES = 0.1  # no voice keeps one pitch that exactly: a tone or a hum
BORDER = 0.57  # held share: synthetic speech 0.03-0.40 (drawled 0.64), made song 0.88-1.00
MOST_CONFIDENCE = 0.95

Floats = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class VoiceKind:
    """`kind` with a confidence of 0.5 (could be either) to 0.95."""

    kind: Literal["speech", "song"]
    confidence: float


def suggest(path: Path, duration_s: float) -> VoiceKind | None:
    """Say whether the voice in a file of our own PCM speaks or sings; None if there is hardly any voice."""
    starts = pcm.spread(int(duration_s * pcm.RATE_HZ), WINDOW, MOST_WINDOWS, least_step=WINDOW)
    sound = pcm.read_windows(path, starts, WINDOW)
    frames = _frames(_decimated(sound))
    is_active = _active(np.einsum("wij,wij->wi", frames, frames))
    height, is_voiced = _pitch(frames)
    is_voiced &= is_active
    active = int(is_active.sum())
    if active * HOP < LEAST_ACTIVE_S * RATE_HZ or is_voiced.sum() < LEAST_VOICED_SHARE * active:
        return None
    is_held = _held(height, is_voiced)
    if is_held.sum() > active / 2 and float(np.std(height[is_held])) < STIFF_SEMITONES:
        return None
    return judge(float(is_held.sum()) / active)


def judge(held_share: float) -> VoiceKind:
    """Speech or song by the share of sound that is held.

    >>> judge(0.15)
    VoiceKind(kind='speech', confidence=0.83)
    """
    is_song = held_share > BORDER
    distance = (held_share - BORDER) / (1 - BORDER) if is_song else (BORDER - held_share) / BORDER
    return VoiceKind("song" if is_song else "speech", round(0.5 + distance * (MOST_CONFIDENCE - 0.5), 2))


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


def _held(height: Floats, is_voiced: Flags) -> Flags:
    """Frames that belong to a stretch of one note: voiced throughout, and hardly leaving its height."""
    whole = sliding_window_view(is_voiced, HELD_FRAMES, axis=1).all(axis=2)
    steady = sliding_window_view(height, HELD_FRAMES, axis=1).std(axis=2) < HELD_SEMITONES
    starts = whole & steady
    held = np.zeros_like(is_voiced)
    for step in range(HELD_FRAMES):
        held[:, step : step + starts.shape[1]] |= starts
    return held
