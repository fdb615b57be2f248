"""Our own float PCM on disk, looked at in a bounded number of windows, however long it is.

Mono, 48 kHz, little-endian float32, as `loudness` decodes it. Read, never mapped: mapped pages would count as ours.
What the windows tell is decided in `quality` and `singing`; reading it whole is `peaks.read_pcm`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
BYTES = 4

Samples = NDArray[np.float32]


def read_windows(path: Path, starts: Sequence[int], length: int) -> Samples:
    """Windows of `length` samples from each start, shape (windows, length); past the end there is silence."""
    windows = np.zeros((len(starts), length), dtype=np.float32)
    with path.open("rb") as file:
        for row, start in zip(windows, starts, strict=True):
            file.seek(start * BYTES)
            found = np.fromfile(file, dtype="<f4", count=length)
            row[: len(found)] = found
    # looking for a NaN takes a tenth of the time of replacing what is none
    return windows if np.isfinite(windows.sum()) else np.nan_to_num(windows, copy=False, posinf=0, neginf=0)


def spread(samples: int, length: int, most: int, *, least_step: int) -> list[int]:
    """Starts of at most `most` windows, spread evenly and at least `least_step` apart; one if only one fits."""
    room = max(0, samples - length)
    count = min(most, room // least_step + 1)
    return np.linspace(0, room, count).astype(int).tolist() if count > 1 else [0]
