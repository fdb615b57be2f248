"""Whether several people speak, in turn or at once: a suggestion for sorting, and silent when unsure.

Who take turns are told by two heights of pitch that lie far apart with next to nothing between, each kept for half a
second and longer, with a pause where one gives way to the other. One person's intonation, however wide, passes
through the middle; a song's notes are held and `singing` knows them; a pitch taken for its octave jumps within a word.
Who speak at once are told by `overlap`. Not heard are turns of two voices of like height, choirs, and who is in the
room far behind. Somebody who imitates another voice for whole sentences is taken for two. Checked on made voices alone.
"""

from __future__ import annotations

import math

import numpy as np

from media_store import overlap, pitch, singing
from media_store.pitch import Course, Flags, Floats

LEAST_APART_SEMITONES = 8.0
LEAST_APART_SPREADS = 4.0  # of one height; two halves of one wide intonation lie 2.5 apart
LEAST_SPREAD_SEMITONES = 0.3
MIDDLE = (0.35, 0.65)  # of the way from one height to the other
MOST_IN_THE_MIDDLE = 0.1  # of all voiced time
LEAST_SHARE = 0.15
LEAST_S = 1.0  # of either voice
TURN_FRAMES = 20  # of voiced sound without the other: half a second and more with its consonants
LEAST_IN_TURNS = 0.65  # of what a voice says
WITHOUT_PAUSE_FRAMES = 3
MOST_WITHOUT_PAUSE_HZ = 0.7  # changes within a word, a second of voiced sound
MOST_HELD = 0.75  # song is 0.86 and more
STIFF_SEMITONES = 0.05  # from frame to frame: instruments and signals


def are_several(course: Course) -> bool:
    """Whether two people can be told apart by their pitch; nothing is said of song."""
    if singing.is_held(course).sum() > MOST_HELD * course.is_active.sum():
        return False
    return take_turns(course) or overlap.are_at_once(course)


def take_turns(course: Course) -> bool:
    """Whether one height of pitch gives way to another, far from it, and the other way round."""
    border = _border(np.sort(course.height[course.is_voiced]))
    if border is None:
        return False
    is_high = course.height >= border
    return _keep_apart(course, is_high) and not _is_stiff(course, is_high)


def _border(heights: Floats) -> float | None:
    """The height between two voices; None unless there are two. Where it parts them best, by least variance."""
    least = max(math.ceil(LEAST_S / pitch.HOP_S), math.ceil(LEAST_SHARE * len(heights)))
    if len(heights) < 2 * least:
        return None
    sums, squares = np.cumsum(heights, dtype=float), np.cumsum(heights.astype(float) ** 2)
    below = np.arange(1, len(heights))
    within = squares[-1] - sums[:-1] ** 2 / below - (sums[-1] - sums[:-1]) ** 2 / (len(heights) - below)
    first_high = int(np.argmin(within)) + 1
    low, high = heights[:first_high], heights[first_high:]
    if min(len(low), len(high)) < least or not _are_apart(low, high):
        return None
    return float(high[0])


def _are_apart(low: Floats, high: Floats) -> bool:
    bottom, apart = float(np.median(low)), float(np.median(high) - np.median(low))
    spread = max(LEAST_SPREAD_SEMITONES, math.sqrt((float(low.var()) + float(high.var())) / 2))
    if apart < LEAST_APART_SEMITONES or apart < LEAST_APART_SPREADS * spread:
        return False
    both = np.concatenate([low, high])
    is_between = (both > bottom + MIDDLE[0] * apart) & (both < bottom + MIDDLE[1] * apart)
    return float(is_between.mean()) <= MOST_IN_THE_MIDDLE


def _keep_apart(course: Course, is_high: Flags) -> bool:
    """Whether both keep talking for a while, and seldom give way to each other within a word.

    What a window's edge cuts short tells nothing of how long it was.
    """
    kept, scraps, abrupt = [0, 0], [0, 0], 0
    for voiced, high in zip(course.is_voiced, is_high, strict=True):
        places = np.flatnonzero(voiced)
        changes = np.flatnonzero(np.diff(high[places])) + 1
        abrupt += int((places[changes] - places[changes - 1] <= WITHOUT_PAUSE_FRAMES).sum())
        turns = [turn for turn in np.split(places, changes) if len(turn)]
        for number, turn in enumerate(turns):
            side = int(high[turn[0]])
            if len(turn) >= TURN_FRAMES:
                kept[side] += len(turn)
            elif 0 < number < len(turns) - 1:
                scraps[side] += len(turn)
    if abrupt > MOST_WITHOUT_PAUSE_HZ * int(course.is_voiced.sum()) * pitch.HOP_S:
        return False
    return all(turn and turn >= LEAST_IN_TURNS * (turn + scrap) for turn, scrap in zip(kept, scraps, strict=True))


def _is_stiff(course: Course, is_high: Flags) -> bool:
    """Whether one of the two hardly moves from frame to frame, as no voice does."""
    steps = np.abs(np.diff(course.height, axis=1))
    follows = course.is_voiced[:, 1:] & course.is_voiced[:, :-1] & (is_high[:, 1:] == is_high[:, :-1])
    sides = (follows & (is_high[:, 1:] == side) for side in (False, True))
    return any(float(np.median(steps[side])) < STIFF_SEMITONES for side in sides if side.any())
