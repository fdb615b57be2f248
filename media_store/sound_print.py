"""What a recording sounds like in a few hundred bytes, so that a copy of it is known again.

Two things are taken from float PCM that was decoded here: words, 32 bits each, of how the spectrum changes from one
moment to the next (they tell whether two recordings are one), and keys, a fixed number of pairs of spectral peaks
(they find candidates among many). Both live between 300 and 3000 Hz, which every telephone codec leaves alone.
Comparing is `likeness`'s matter. Nothing here starts a program or knows who is speaking.
Sources: Haitsma and Kalker, A Highly Robust Audio Fingerprinting System (2002), for the words; Wang, An Industrial-
Strength Audio Search Algorithm (2003), for pairs of peaks.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from media_store.scatter import lowest

RATE_HZ = 48_000
DECIMATION = 6  # to 8 kHz: nothing above 3.4 kHz survives a telephone
LOW_RATE_HZ = RATE_HZ // DECIMATION
WINDOW = 1024  # 128 ms
HOP = 256  # 32 ms
WORD_S = 2 * HOP / LOW_RATE_HZ  # every second frame keeps a word
LONGEST_S = 300.0  # of a longer one the beginning is kept
SHORTEST_S = 1.2  # too little to tell one "yes" from another
LOWEST_HZ, HIGHEST_HZ = 300.0, 3000.0
BANDS = 33
LAG = 4  # frames between the two moments a word compares: 128 ms, one window
FAINTEST_DB = -40.0  # power of a window; hiss at -80 dBFS lies below
QUIET_DB = 32.0  # below the loud parts: pauses hold noise, which no copy keeps
LEAST_WORDS = 12
KEYS = 32
PEAK_FRAMES, PEAK_BINS = 5, 8  # half the neighbourhood in which a peak is the highest
PAIR_FRAMES, PAIR_BINS, PAIRS_PER_PEAK = 48, 96, 6
TAPS_PER_PHASE = 4
FRAMES_AT_ONCE = 256  # spectra of five minutes at once would be a quarter of a gigabyte
FORM = b"S1"

Words = NDArray[np.uint32]
Spectrum = NDArray[np.float32]


@dataclass(frozen=True)
class SoundPrint:
    """`words`: one per 64 ms, 0 where nothing is to be heard. `keys`: up to 32 numbers of 32 bits for the search."""

    duration_s: float
    words: Words
    keys: tuple[int, ...]

    def to_bytes(self) -> bytes:
        head = FORM + struct.pack("<fHB", self.duration_s, len(self.words), len(self.keys))
        return head + self.words.astype("<u4").tobytes() + np.array(self.keys, dtype="<u4").tobytes()

    @classmethod
    def from_bytes(cls, stored: bytes) -> SoundPrint:
        """Raises ValueError for anything `to_bytes` did not write."""
        if stored[:2] != FORM or len(stored) < 9:
            raise ValueError("no print of a sound")
        duration_s, words, keys = struct.unpack_from("<fHB", stored, 2)
        numbers = np.frombuffer(stored, dtype="<u4", offset=9)
        if len(numbers) != words + keys:
            raise ValueError("a print of a sound was cut")
        return cls(duration_s, numbers[:words].astype(np.uint32), tuple(int(key) for key in numbers[words:]))


def take_print(blocks: Iterable[NDArray[np.float32]]) -> SoundPrint | None:
    """The print of mono samples at 48 kHz; None for silence and for anything too short or too even to be known again.

    Blocks may have any length. Of more than five minutes only the first five are read. About 10 ms for 17 s.
    """
    low = np.concatenate([np.zeros(0, dtype=np.float32), *_decimated(_first(blocks))])
    duration_s = len(low) / LOW_RATE_HZ
    if duration_s < SHORTEST_S:
        return None
    power = _power(low)
    del low
    words = _words(power)
    keys = _keys(power)
    if np.count_nonzero(words) < LEAST_WORDS or not keys:
        return None
    return SoundPrint(round(duration_s, 3), words, keys)


def _first(blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    left = round(LONGEST_S * RATE_HZ)
    for block in blocks:
        yield np.nan_to_num(block[:left])
        left -= len(block)
        if left <= 0:
            return


@functools.cache
def _filter() -> NDArray[np.float32]:
    """Low pass at 3.6 kHz, split into the phases of the decimation: shape (4, 6)."""
    taps = DECIMATION * TAPS_PER_PHASE
    n = np.arange(taps) - (taps - 1) / 2
    ideal = np.sinc(2 * 3600 / RATE_HZ * n) * np.hamming(taps)
    return np.asarray((ideal / ideal.sum()).reshape(TAPS_PER_PHASE, DECIMATION), dtype=np.float32)


def _decimated(blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """48 to 8 kHz, by plain sums: a matrix product this thin is handed to threads that cost more than they save."""
    kept = np.zeros((TAPS_PER_PHASE - 1) * DECIMATION, dtype=np.float32)
    for block in blocks:
        samples = np.concatenate([kept, block])
        count = len(samples) // DECIMATION - (TAPS_PER_PHASE - 1)
        if count <= 0:
            kept = samples
            continue
        kept = samples[count * DECIMATION :].copy()
        phases = samples[: (count + TAPS_PER_PHASE - 1) * DECIMATION].reshape(-1, DECIMATION).T.copy()
        low = np.zeros(count, dtype=np.float32)
        for tap, weights in enumerate(_filter()):
            for phase, weight in zip(phases, weights, strict=True):
                low += phase[tap : tap + count] * weight
        yield low


def _power(low: NDArray[np.float32]) -> Spectrum:
    """Power per frame and bin between the two edges, shape (frames, bins)."""
    frames = np.lib.stride_tricks.sliding_window_view(low, WINDOW)[::HOP]
    first, last = round(LOWEST_HZ * WINDOW / LOW_RATE_HZ), round(HIGHEST_HZ * WINDOW / LOW_RATE_HZ)
    window = np.hanning(WINDOW).astype(np.float32)
    power = np.empty((len(frames), last - first), dtype=np.float32)
    for at in range(0, len(frames), FRAMES_AT_ONCE):
        spectrum = np.fft.rfft(frames[at : at + FRAMES_AT_ONCE] * window, axis=1)[:, first:last]
        power[at : at + FRAMES_AT_ONCE] = np.square(spectrum.real) + np.square(spectrum.imag)
    return power


@functools.cache
def _band_edges() -> NDArray[np.intp]:
    hz = np.geomspace(LOWEST_HZ, HIGHEST_HZ, BANDS + 1)  # the lowest band is two bins wide
    return np.rint((hz - LOWEST_HZ) * WINDOW / LOW_RATE_HZ).astype(np.intp)


def _words(power: Spectrum) -> Words:
    """Per kept moment 32 signs: whether the step from one band to the next grows or shrinks.

    Signs of the step itself, 16 bands of each, were tried: they hold on to a copy a little longer, but two children
    who sing one melody in one key share half of them.
    """
    edges = _band_edges()
    energy = np.log(np.add.reduceat(power, edges[:-1], axis=1) + np.float32(1e-9))
    step = energy[:, 1:] - energy[:, :-1]
    grows = (step[LAG:] > step[:-LAG])[::2]
    weights = np.uint32(1) << np.arange(32, dtype=np.uint32)
    words: Words = (grows.astype(np.uint32) * weights).sum(axis=1, dtype=np.uint32)
    level = 10 * np.log10(power.sum(axis=1) + 1e-9)[LAG // 2 :: 2][: len(words)]
    if len(level):
        words[words == 0] = 1
        words[level < max(np.percentile(level, 95) - QUIET_DB, FAINTEST_DB)] = 0
    return words


def _highest(values: Spectrum, reach: int, axis: int) -> Spectrum:
    """Highest of each value's neighbours within `reach` along an axis, in steps that double."""
    pad = [(0, 0), (0, 0)]
    pad[axis] = (reach, reach)
    wide = np.pad(values, pad, constant_values=-np.inf)
    length, span = values.shape[axis], 1
    while span < 2 * reach + 1:
        step = min(span, 2 * reach + 1 - span)
        until = wide.shape[axis] - step
        wide = np.maximum(np.take(wide, range(until), axis), np.take(wide, range(step, step + until), axis))
        span += step
    return np.take(wide, range(length), axis)


def _peaks(level: Spectrum, floor: np.float32) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Frame and bin of what is highest in its neighbourhood, in the order of time; a slab of frames at once."""
    found = [np.zeros((0, 2), dtype=np.intp)]
    for at in range(0, len(level), FRAMES_AT_ONCE):
        first, until = max(0, at - PEAK_FRAMES), at + FRAMES_AT_ONCE + PEAK_FRAMES
        slab = level[first:until]
        highest = _highest(_highest(slab, PEAK_FRAMES, 0), PEAK_BINS, 1)
        spots = np.argwhere((slab >= highest) & (slab > floor)) + np.array([first, 0])
        found.append(spots[(spots[:, 0] >= at) & (spots[:, 0] < at + FRAMES_AT_ONCE)])
    spots = np.concatenate(found)
    return spots[:, 0], spots[:, 1]


def _keys(power: Spectrum) -> tuple[int, ...]:
    """32 pairs of peaks, chosen by `scatter`: copies choose the same ones without knowing each other.

    Works in `power` itself: of five minutes each copy would be 13 MB.
    """
    power += np.float32(1e-9)
    level = np.log(power, out=power)
    floor = np.float32(np.percentile(level.max(axis=1), 95) - 6.0)  # 26 dB
    frames, bins = _peaks(level, floor)
    pairs: list[NDArray[np.int64]] = []
    for ahead in range(1, PAIRS_PER_PEAK + 1):
        after, pitch = frames[ahead:] - frames[:-ahead], bins[ahead:] - bins[:-ahead]
        near = (after > 1) & (after <= PAIR_FRAMES) & (np.abs(pitch) <= PAIR_BINS)
        # steps of two frames and two bins: half a step of difference is what another encoder makes of a peak
        low, gap, rise = bins[:-ahead][near] // 2, after[near] // 2, (pitch[near] + PAIR_BINS) // 2
        pairs.append((low.astype(np.int64) << 16) | (rise.astype(np.int64) << 8) | gap)
    return lowest(np.concatenate(pairs), KEYS)
