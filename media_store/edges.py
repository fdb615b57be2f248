"""Where the sound of a clip begins and ends, and which stretch of it goes to air.

Works on float PCM we decoded ourselves. Only what is certainly quiet counts as silence: a first syllable must never
be cut, so a breath too much is kept rather than a consonant lost. The momentary meter is no help here: its window of
400 ms hides a burst of 20 ms. Who cuts, and whether at all, is `audio`'s and `loudness`' matter.

A frame of 10 ms sounds if it stands out of the clip's quietest stretch, in the whole band or in that of hissing
consonants. Sounding frames with short gaps form a run; a run that is over in a moment and stands alone is a knock
against the telephone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
FRAME = 480  # 10 ms
QUIET_FRAMES = 20  # the quietest 200 ms are the floor
ABOVE_FLOOR_DB = 6.0
NEVER_SILENT_DB = 26.0  # what lies less than this below the clip's level is sound, whatever the floor
DEEPEST_DB = 55.0  # below the level; under it even a digital silence has no use for a lower threshold
LOUDEST_SHARE = 0.95  # the level: what 95 % of the frames stay below
GAP_FRAMES = 30  # within a run: the closure of a plosive, a short breath
KNOCK_FRAMES = 6  # of sounding frames; less than a syllable
LEAD_S = 0.1
TAIL_S = 0.2
SHORTEST_AIR_S = 1.0
HISS_LAG = 3  # a difference over three samples passes 4 to 12 kHz and stops what rumbles
NOTHING_DB = -120.0
STEADY_DB = 4.0  # between the quietest 200 ms and nearly the loudest 10 ms; white noise has 1
HISSING_DB = -3.0  # of the hissing band against the whole one; white noise has +3, a voice -10 and less

Levels = NDArray[np.float32]


@dataclass(frozen=True)
class Edges:
    """First and last sound of a clip in seconds, with a little air around; the whole clip where it begins at once."""

    cue_in_s: float
    cue_out_s: float


@dataclass(frozen=True)
class Stretch:
    """Sample frames [first, until) of the decoded clip."""

    first: int
    until: int

    @property
    def duration_s(self) -> float:
        return (self.until - self.first) / RATE_HZ


def measure_levels(blocks: Iterable[NDArray[np.float32]]) -> tuple[Levels, Levels]:
    """Level of each 10 ms in dBFS: of the whole band, and of the hissing one. Blocks but the last hold whole frames."""
    whole: list[Levels] = []
    hiss: list[Levels] = []
    for block in blocks:
        sound = np.nan_to_num(block, posinf=1.0, neginf=-1.0)
        whole.append(_levels(sound))
        hiss.append(_levels(np.diff(sound, prepend=np.zeros(1, np.float32)) if len(sound) < HISS_LAG else _hiss(sound)))
    empty: Levels = np.zeros(0, np.float32)
    return np.concatenate([empty, *whole]), np.concatenate([empty, *hiss])


def _hiss(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    found = np.empty_like(sound)
    found[:HISS_LAG] = 0
    np.subtract(sound[HISS_LAG:], sound[:-HISS_LAG], out=found[HISS_LAG:])
    return found


def _levels(sound: NDArray[np.float32]) -> Levels:
    rest = len(sound) % FRAME
    padded = np.concatenate([sound, np.zeros(FRAME - rest, np.float32)]) if rest else sound
    rows = padded.reshape(-1, FRAME)
    power = np.einsum("ij,ij->i", rows, rows) / FRAME
    if rest:
        power[-1] *= FRAME / rest
    decibels: Levels = (10 * np.log10(np.maximum(power, 10 ** (NOTHING_DB / 10)))).astype(np.float32)
    return decibels


def find_edges(levels: tuple[Levels, Levels], duration_s: float) -> Edges:
    """First and last sound. A clip in which nothing stands out is sound from end to end."""
    whole, hiss = levels
    if len(whole) < QUIET_FRAMES:
        return Edges(0.0, duration_s)
    level = float(np.quantile(whole, LOUDEST_SHARE))
    deepest = level - DEEPEST_DB
    sounding = whole > max(min(_floor(whole) + ABOVE_FLOOR_DB, level - NEVER_SILENT_DB), deepest)
    sounding |= hiss > max(_floor(hiss) + ABOVE_FLOOR_DB, deepest)
    runs = _runs(sounding)
    if not runs:
        return Edges(0.0, duration_s)
    lasting = [run for run in runs if sounding[run[0] : run[1]].sum() > KNOCK_FRAMES] or runs
    cue_in_s = lasting[0][0] * FRAME / RATE_HZ - LEAD_S
    cue_out_s = lasting[-1][1] * FRAME / RATE_HZ + TAIL_S
    return Edges(round(max(0.0, cue_in_s), 3), round(duration_s if cue_out_s > duration_s - LEAD_S else cue_out_s, 3))


def is_steady_hiss(levels: tuple[Levels, Levels]) -> bool:
    """Whether a clip is nothing but even noise: hardly louder at its loudest than at its quietest, and hissing."""
    whole, hiss = levels
    if len(whole) < 2 * QUIET_FRAMES:
        return False
    floor = _floor(whole)
    if floor <= NOTHING_DB:
        return False
    return float(np.quantile(whole, LOUDEST_SHARE)) - floor < STEADY_DB and _floor(hiss) - floor > HISSING_DB


def _floor(levels: Levels) -> float:
    """Level of the quietest 200 ms."""
    power = 10 ** (levels.astype(np.float64) / 10)
    sums = np.cumsum(np.concatenate([[0.0], power]))
    quietest = float((sums[QUIET_FRAMES:] - sums[:-QUIET_FRAMES]).min()) / QUIET_FRAMES
    return float(10 * np.log10(max(quietest, 10 ** (NOTHING_DB / 10))))


def _runs(sounding: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches of frames [first, until) that sound, gaps of up to 300 ms bridged."""
    at = np.flatnonzero(sounding)
    if not len(at):
        return []
    breaks = np.flatnonzero(np.diff(at) > GAP_FRAMES)
    firsts = np.concatenate([at[:1], at[breaks + 1]])
    lasts = np.concatenate([at[breaks], at[-1:]])
    return [(int(first), int(last) + 1) for first, last in zip(firsts, lasts, strict=True)]


def air_stretch(edges: Edges | None, frames: int, before_ms: int, after_ms: int) -> Stretch:
    """What goes to air of a clip of so many frames: from the first to the last sound, with handles of the quiet.

    At least a second where the clip has one: players and listeners need it. None: the whole clip.
    """
    if edges is None:
        return Stretch(0, frames)
    first = max(0, round((edges.cue_in_s - before_ms / 1000) * RATE_HZ))
    until = min(frames, round((edges.cue_out_s + after_ms / 1000) * RATE_HZ))
    lacking = round(SHORTEST_AIR_S * RATE_HZ) - (until - first)
    if lacking > 0:
        until = min(frames, until + lacking)
        first = max(0, min(first, until - round(SHORTEST_AIR_S * RATE_HZ)))
    return Stretch(first, until)
