"""Waveform peaks in the audiowaveform format at two resolutions, and the few bars a card shows.

Works on float PCM that we decoded ourselves, read once in blocks; never starts a program. Measured once at the finest
resolution; every coarser one is drawn from that. Levels are taken after the gain and below the limiter's ceiling, so
the wall draws what airs. The pane gets JSON, the editor the binary form; long sounds get fewer pixels a second, so
that neither file grows beyond a few hundred kilobytes.
Source: audiowaveform's data format, version 2; 8-bit value = 16-bit value / 256, truncated toward zero.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
FINEST = 120  # samples a pixel: 400 pairs a second
PANE = 480  # 100 pairs a second
PANE_MOST = 30_000  # pairs: five minutes; 240 kB of JSON
FINE_MOST = 120_000  # pairs: five minutes; 480 kB
BARS = 56
BLOCK_SAMPLES = 10 * RATE_HZ  # ten seconds at a time: 2 MB and as much for each step of work, whatever the length

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Drawing:
    """Lowest and highest value per pixel, shape (pixels, 2), -1..1, and how many samples a pixel stands for."""

    pairs: Samples
    samples_per_pixel: int


def read_pcm(path: Path) -> Iterator[Samples]:
    """Mono float samples at 48 kHz, ten seconds at a time. Read, not mapped: mapped pages would count as ours."""
    with path.open("rb") as file:
        while len(block := np.fromfile(file, dtype="<f4", count=BLOCK_SAMPLES)):
            yield block


def measure_pairs(blocks: Iterable[Samples]) -> Drawing:
    """Measure at the finest resolution. The last partial pixel is included; every block but the last is whole."""
    pairs = np.concatenate([np.zeros((0, 2), dtype=np.float32), *(_pairs_of(block) for block in blocks)])
    np.nan_to_num(pairs, copy=False)  # a decoder may leave a NaN; it must not spoil the whole drawing
    return Drawing(pairs, FINEST)


def _pairs_of(block: Samples) -> Samples:
    whole = len(block) // FINEST * FINEST
    rows = block[:whole].reshape(-1, FINEST)
    pairs = np.stack((rows.min(axis=1), rows.max(axis=1)), axis=1)
    rest = block[whole:]
    return np.concatenate([pairs, [[rest.min(), rest.max()]]], dtype=np.float32) if len(rest) else pairs


def raised(drawing: Drawing, gain_db: float, ceiling: float = 1.0) -> Drawing:
    """As it looks after the gain, held below the limiter's ceiling."""
    pairs: Samples = np.clip(drawing.pairs * np.float32(10 ** (gain_db / 20)), -ceiling, ceiling)
    return Drawing(pairs, drawing.samples_per_pixel)


def coarser(drawing: Drawing, samples_per_pixel: int) -> Drawing:
    """The same with fewer pixels; `samples_per_pixel` is a multiple of what it has."""
    times = samples_per_pixel // drawing.samples_per_pixel
    if times == 1 or not len(drawing.pairs):
        return Drawing(drawing.pairs, samples_per_pixel)
    starts = np.arange(0, len(drawing.pairs), times)
    lowest = np.minimum.reduceat(drawing.pairs[:, 0], starts)
    highest = np.maximum.reduceat(drawing.pairs[:, 1], starts)
    return Drawing(np.stack((lowest, highest), axis=1), samples_per_pixel)


def for_pane(drawing: Drawing) -> Drawing:
    """A hundred pixels a second, fewer for what is longer than five minutes."""
    return coarser(drawing, _fitting(drawing, PANE, PANE_MOST))


def for_editor(drawing: Drawing) -> Drawing:
    """Four hundred pixels a second, fewer for what is longer than five minutes."""
    return coarser(drawing, _fitting(drawing, FINEST, FINE_MOST))


def _fitting(drawing: Drawing, samples_per_pixel: int, most: int) -> int:
    samples = len(drawing.pairs) * drawing.samples_per_pixel
    while samples > most * samples_per_pixel:
        samples_per_pixel *= 2
    return samples_per_pixel


def _sixteen_bits(pairs: Samples) -> Samples:
    sixteen: Samples = np.clip(np.trunc(pairs * np.float32(32768)), -32768, 32767)
    return sixteen


def to_json(drawing: Drawing) -> bytes:
    """audiowaveform JSON v2, 8 bit. `data` is min, max, min, max, ..."""
    eight = np.trunc(_sixteen_bits(drawing.pairs) / 256).astype(np.int8)
    head = {
        "version": 2,
        "channels": 1,
        "sample_rate": RATE_HZ,
        "samples_per_pixel": drawing.samples_per_pixel,
        "bits": 8,
        "length": len(drawing.pairs),
    }
    return json.dumps({**head, "data": eight.ravel().tolist()}, separators=(",", ":")).encode()


def to_dat(drawing: Drawing) -> bytes:
    """audiowaveform binary v2, 16 bit: a head of 24 bytes, then min and max of each pixel, little-endian."""
    head = struct.pack("<iIiiIi", 2, 0, RATE_HZ, drawing.samples_per_pixel, len(drawing.pairs), 1)
    return head + _sixteen_bits(drawing.pairs).astype("<i2").tobytes()


def bars(drawing: Drawing, count: int = BARS) -> bytes:
    """The card's small picture: `count` heights 0..255, the loudest bar 255; all zero for silence or no audio.

    Fewer pixels than bars repeat; a note of a tenth of a second still fills the card.
    """
    pairs = drawing.pairs
    heights = np.abs(pairs).max(axis=1) if len(pairs) else np.zeros(1, dtype=np.float32)
    edges = np.linspace(0, len(heights), count + 1)
    first = np.minimum(edges[:-1].astype(int), len(heights) - 1)
    until = np.maximum(np.ceil(edges[1:]).astype(int), first + 1)
    tallest = np.array([heights[a:b].max() for a, b in zip(first, until, strict=True)])
    highest = float(tallest.max())
    if highest < 1 / 256:
        return bytes(count)
    return np.rint(tallest / highest * 255).astype(np.uint8).tobytes()
