"""Waveform peaks in the audiowaveform format, and the few bars a card shows.

Works on float PCM that we decoded ourselves, read once in blocks; never starts a program.
Levels are taken after the gain and below the limiter's ceiling, so the wall draws what airs.
Source: audiowaveform's data format, JSON version 2, 8 bit: value = 16-bit value / 256, truncated toward zero.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
SAMPLES_PER_PIXEL = 480  # 100 pairs a second
BARS = 56
BLOCK_PIXELS = 6_000  # one minute at a time: 12 MB, whatever the length

Samples = NDArray[np.float32]


def read_pcm(path: Path) -> Iterator[Samples]:
    """Mono float samples at 48 kHz, a minute at a time. Read, not mapped: mapped pages would count as ours."""
    with path.open("rb") as file:
        while len(block := np.fromfile(file, dtype="<f4", count=BLOCK_PIXELS * SAMPLES_PER_PIXEL)):
            yield block


def measure_pairs(blocks: Iterable[Samples], *, gain_db: float = 0.0, ceiling: float = 1.0) -> Samples:
    """Lowest and highest value per pixel, shape (pixels, 2), -1..1. The last partial pixel is included.

    Every block but the last holds whole pixels.
    """
    pairs = np.concatenate([np.zeros((0, 2), dtype=np.float32), *(_pairs_of(block) for block in blocks)])
    np.nan_to_num(pairs, copy=False)  # a decoder may leave a NaN; it must not spoil the whole drawing
    drawn: Samples = np.clip(pairs * np.float32(10 ** (gain_db / 20)), -ceiling, ceiling)
    return drawn


def _pairs_of(block: Samples) -> Samples:
    whole = len(block) // SAMPLES_PER_PIXEL * SAMPLES_PER_PIXEL
    rows = block[:whole].reshape(-1, SAMPLES_PER_PIXEL)
    pairs = np.stack((rows.min(axis=1), rows.max(axis=1)), axis=1)
    rest = block[whole:]
    return np.concatenate([pairs, [[rest.min(), rest.max()]]], dtype=np.float32) if len(rest) else pairs


def to_json(pairs: NDArray[np.float32]) -> bytes:
    """audiowaveform JSON v2. `data` is min, max, min, max, ... as int8."""
    sixteen = np.clip(np.trunc(pairs * np.float32(32768)), -32768, 32767)
    eight = np.trunc(sixteen / 256).astype(np.int8)
    head = {
        "version": 2,
        "channels": 1,
        "sample_rate": RATE_HZ,
        "samples_per_pixel": SAMPLES_PER_PIXEL,
        "bits": 8,
        "length": len(pairs),
    }
    return json.dumps({**head, "data": eight.ravel().tolist()}, separators=(",", ":")).encode()


def bars(pairs: NDArray[np.float32], count: int = BARS) -> bytes:
    """The card's small picture: `count` heights 0..255, the loudest bar 255; all zero for silence or no audio.

    Fewer pixels than bars repeat; a note of a tenth of a second still fills the card.
    """
    heights = np.abs(pairs).max(axis=1) if len(pairs) else np.zeros(1, dtype=np.float32)
    edges = np.linspace(0, len(heights), count + 1)
    first = np.minimum(edges[:-1].astype(int), len(heights) - 1)
    until = np.maximum(np.ceil(edges[1:]).astype(int), first + 1)
    tallest = np.array([heights[a:b].max() for a, b in zip(first, until, strict=True)])
    highest = float(tallest.max())
    if highest < 1 / 256:
        return bytes(count)
    return np.rint(tallest / highest * 255).astype(np.uint8).tobytes()
