"""Whether a voice speaks or sings: a suggestion with its confidence, for sorting only.

Who sings holds notes: the pitch stays near one height for a fifth of a second and longer, again and again, vibrato
included; who speaks glides through every syllable. Decided on the course of `pitch` alone.
Checked on made material alone (scales and songs from formulas, synthetic speech, noise, tones), never on recordings of
people: nothing may be hidden or refused because of it, and slow, drawling speech may be taken for song. The
confidence says how far from the border the share of held sound lies; it is not a probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from media_store import pitch
from media_store.pitch import Course, Flags

HELD_FRAMES = 11  # 220 ms
HELD_SEMITONES = 0.75  # standard deviation; a vibrato of one semitone each way has 0.71
LEAST_VOICED_SHARE = 0.35
LEAST_ACTIVE_S = 0.5
STIFF_SEMITONES = 0.1  # no voice keeps one pitch that exactly: a tone or a hum
BORDER = 0.57  # held share: synthetic speech 0.03-0.40 (drawled 0.64), made song 0.88-1.00
MOST_CONFIDENCE = 0.95


@dataclass(frozen=True)
class VoiceKind:
    """`kind` with a confidence of 0.5 (could be either) to 0.95."""

    kind: Literal["speech", "song"]
    confidence: float


def suggest(course: Course) -> VoiceKind | None:
    """Say whether the voice of this pitch speaks or sings; None if there is hardly any voice."""
    active = int(course.is_active.sum())
    if active * pitch.HOP_S < LEAST_ACTIVE_S or course.is_voiced.sum() < LEAST_VOICED_SHARE * active:
        return None
    held = is_held(course)
    if held.sum() > active / 2 and float(np.std(course.height[held])) < STIFF_SEMITONES:
        return None
    return judge(float(held.sum()) / active)


def judge(held_share: float) -> VoiceKind:
    """Speech or song by the share of sound that is held.

    >>> judge(0.15)
    VoiceKind(kind='speech', confidence=0.83)
    """
    is_song = held_share > BORDER
    distance = (held_share - BORDER) / (1 - BORDER) if is_song else (BORDER - held_share) / BORDER
    return VoiceKind("song" if is_song else "speech", round(0.5 + distance * (MOST_CONFIDENCE - 0.5), 2))


def is_held(course: Course) -> Flags:
    """Frames that belong to a stretch of one note: voiced throughout, and hardly leaving its height."""
    whole = sliding_window_view(course.is_voiced, HELD_FRAMES, axis=1).all(axis=2)
    steady = sliding_window_view(course.height, HELD_FRAMES, axis=1).std(axis=2) < HELD_SEMITONES
    starts = whole & steady
    held = np.zeros_like(course.is_voiced)
    for step in range(HELD_FRAMES):
        held[:, step : step + starts.shape[1]] |= starts
    return held
