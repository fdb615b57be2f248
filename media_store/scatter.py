"""Chooses a few of many numbers so that two sets with much in common choose the same ones.

Source: the bottom-k sketch (Cohen and Kaplan, 2007): the k lowest of the numbers, scattered by a fixed function.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def lowest(numbers: NDArray[np.int64], count: int) -> tuple[int, ...]:
    """The `count` lowest scattered values of these numbers, each once, in rising order; 32 bits each."""
    scattered = np.sort(_scattered(np.unique(numbers)))[:count]
    return tuple(int(number) for number in scattered)


def _scattered(numbers: NDArray[np.int64]) -> NDArray[np.uint32]:
    """One to one on 32 bits. Source: the finalizer of MurmurHash3."""
    h = numbers.astype(np.uint32)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))
