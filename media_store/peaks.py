"""Waveform peaks in the audiowaveform format, and the few bars a card shows.

Works on float PCM that we decoded ourselves, mapped from the file and read once in blocks; never starts a program.
Levels are taken after the gain and below the limiter's ceiling, so the wall draws what airs.
Source: audiowaveform's data format, JSON version 2, 8 bit: value = 16-bit value / 256, truncated toward zero.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
SAMPLES_PER_PIXEL = 480  # 100 pairs a second
BARS = 56
BLOCK_PIXELS = 6_000  # one minute at a time: 12 MB, whatever the length

Samples = NDArray[np.float32]


def open_pcm(path: Path) -> Samples:
    """Map mono float samples at 48 kHz without reading them. An empty file gives an empty array."""
    if path.stat().st_size < 4:
        return np.zeros(0, dtype=np.float32)
    mapped: Samples = np.memmap(path, dtype="<f4", mode="r")
    return mapped


def measure_pairs(samples: Samples, *, gain_db: float = 0.0, ceiling: float = 1.0) -> NDArray[np.float32]:
    """Lowest and highest value per pixel, shape (pixels, 2), -1..1. The last partial pixel is included."""
    pixels = -(-len(samples) // SAMPLES_PER_PIXEL)
    pairs = np.zeros((pixels, 2), dtype=np.float32)
    for first in range(0, pixels, BLOCK_PIXELS):
        block = samples[first * SAMPLES_PER_PIXEL : (first + BLOCK_PIXELS) * SAMPLES_PER_PIXEL]
        whole = len(block) // SAMPLES_PER_PIXEL
        rows = block[: whole * SAMPLES_PER_PIXEL].reshape(whole, SAMPLES_PER_PIXEL)
        pairs[first : first + whole] = np.stack((rows.min(axis=1), rows.max(axis=1)), axis=1)
        rest = block[whole * SAMPLES_PER_PIXEL :]
        if len(rest):
            pairs[first + whole] = rest.min(), rest.max()
    np.nan_to_num(pairs, copy=False)  # a decoder may leave a NaN; it must not spoil the whole drawing
    drawn: Samples = np.clip(pairs * np.float32(10 ** (gain_db / 20)), -ceiling, ceiling)
    return drawn


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
