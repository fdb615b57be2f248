"""What a picture looks like in about a thousand bytes, so that a copy of it is known again.

Begins with the small picture that the confined process has made; from there on it is arithmetic on our own pixels.
Frames round the picture (a screenshot's bars) are cut away, the rest is kept as a tiny grey picture, which
decides, and as hashes of itself and of its middle, which find candidates. Film frames get the same hash. Mirrored
pictures and other photos of the same scene are no copies. Comparing is `likeness`'s matter.
Source of the hash: the 64 lowest coefficients of a cosine transform against their median ("pHash", Zauner 2010).
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
GREY_PX = 64  # what everything begins with, stretched to a square
SMALL_PX = 36  # what is kept
HASH_PX = 32
LEAST_CONTRAST = 4.0  # standard deviation of grey values under which a picture is one colour
FRAME_STEP = 6  # grey values a frame's row may stray from its own middle
FRAME_SHARE = 0.7  # of its values; the rest may be a clock, a name, a button
MIDDLES = (1.0, 0.9, 0.8)  # shares of the picture whose hashes are kept, for copies that were cut
BANDS, BAND_BITS = 4, 16
FORM = b"P1"
FACE_BYTES = 3 * 8 + SMALL_PX**2

Grey = NDArray[np.float32]


@dataclass(frozen=True)
class Face:
    """One way to see a picture. `small`: 36 x 36 grey values. `hashes`: of the whole, of its middle 0.9 and 0.8."""

    small: NDArray[np.uint8]
    hashes: tuple[int, ...]


@dataclass(frozen=True)
class PicturePrint:
    """A picture as it came and, if there are bars round it, without them."""

    faces: tuple[Face, ...]

    @property
    def keys(self) -> tuple[int, ...]:
        """What the search is told about this picture: four parts of 16 bits of each hash, numbered by part."""
        return tuple(sorted({key for face in self.faces for number in face.hashes for key in bands(number)}))

    @property
    def near_keys(self) -> tuple[int, ...]:
        """What to search for: the keys, and all that differ from them by a bit. Finds all within 7 bits of 64."""
        flips = (0, *(1 << bit for bit in range(BAND_BITS)))
        return tuple(sorted({key ^ flip for key in self.keys for flip in flips}))

    def to_bytes(self) -> bytes:
        parts = (struct.pack("<3Q", *face.hashes) + face.small.tobytes() for face in self.faces)
        return FORM + b"".join(parts)

    @classmethod
    def from_bytes(cls, stored: bytes) -> PicturePrint:
        """Raises ValueError for anything `to_bytes` did not write."""
        count, rest = divmod(len(stored) - len(FORM), FACE_BYTES)
        if stored[: len(FORM)] != FORM or rest or not 1 <= count <= 2:
            raise ValueError("no print of a picture")
        return cls(tuple(_read_face(stored, len(FORM) + place * FACE_BYTES) for place in range(count)))


def _read_face(stored: bytes, at: int) -> Face:
    small = np.frombuffer(stored, dtype=np.uint8, count=SMALL_PX**2, offset=at + 24).reshape(SMALL_PX, SMALL_PX)
    return Face(small, struct.unpack_from("<3Q", stored, at))


def take_picture_print(rgb: bytes, width_px: int, height_px: int) -> PicturePrint | None:
    """The print of a picture given as rows of red, green and blue bytes; None for one of a single colour."""
    colours = np.frombuffer(rgb, dtype=np.uint8).reshape(height_px, width_px, 3).astype(np.float32)
    return of_grey(resized(colours @ LUMA, GREY_PX))


def of_grey(pixels: Grey) -> PicturePrint | None:
    """The print of grey values 0 to 255, stretched to 64 x 64; None for a single colour."""
    inner = within_frame(pixels)
    if inner.std() < LEAST_CONTRAST:
        return None
    return PicturePrint(tuple(_face(one) for one in ((pixels,) if inner is pixels else (pixels, inner))))


def _face(pixels: Grey) -> Face:
    small = np.clip(np.rint(resized(pixels, SMALL_PX)), 0, 255).astype(np.uint8)
    return Face(small, tuple(hash_of(_middle(pixels, share)) for share in MIDDLES))


def bands(number: int) -> tuple[int, ...]:
    """A hash in four parts that the search can look up, each with its place above its bits."""
    mask = (1 << BAND_BITS) - 1
    return tuple((band << BAND_BITS) | (number >> (BAND_BITS * band) & mask) for band in range(BANDS))


def within_frame(pixels: Grey) -> Grey:
    """The picture without bars of one colour at its edges; itself if there are none or hardly anything is inside."""
    box = inner_box(pixels)
    return pixels if box is None else pixels[box]


def inner_box(pixels: Grey) -> tuple[slice, slice] | None:
    """Rows and columns that are no bar at an edge."""
    top, bottom = _bar(pixels), len(pixels) - _bar(pixels[::-1])
    left, right = _bar(pixels.T), len(pixels.T) - _bar(pixels.T[::-1])
    is_all = top == left == 0 and (bottom, right) == pixels.shape
    if is_all or min(bottom - top, right - left) < GREY_PX // 4:
        return None
    return slice(top, bottom), slice(left, right)


def _bar(rows: Grey) -> int:
    """How many rows at the top are a bar: nearly all values of each close to those of the first."""
    first = np.median(rows[0])
    is_bar = (np.abs(rows - first) <= FRAME_STEP).mean(axis=1) >= FRAME_SHARE
    return len(rows) if is_bar.all() else int(np.argmin(is_bar))


def _middle(pixels: Grey, share: float) -> Grey:
    off_y, off_x = (round(size * (1 - share) / 2) for size in pixels.shape)
    return pixels[off_y : pixels.shape[0] - off_y, off_x : pixels.shape[1] - off_x]


def resized(pixels: Grey, edge: int) -> Grey:
    """A square of `edge` pixels, each the mean of the area it covers."""
    vertical, horizontal = (areas(0.0, float(size), size, edge) for size in pixels.shape)
    return np.asarray(vertical @ pixels @ horizontal.T, dtype=np.float32)


def areas(start: float, end: float, size: int, edge: int) -> Grey:
    """Weights that average [start, end) of a line of `size` pixels into `edge` parts, shape (edge, size)."""
    edges = np.linspace(start, end, edge + 1)
    low, high = edges[:-1, None], edges[1:, None]
    pixel = np.arange(size)[None, :]
    cover = np.clip(np.minimum(high, pixel + 1) - np.maximum(low, pixel), 0, None)
    weights: Grey = (cover / cover.sum(axis=1, keepdims=True)).astype(np.float32)
    return weights


@functools.cache
def _cosines() -> Grey:
    """The eight lowest cosines over 32 pixels, shape (8, 32)."""
    k, n = np.arange(8)[:, None], np.arange(HASH_PX)[None, :]
    return np.cos(np.pi * k * (2 * n + 1) / (2 * HASH_PX)).astype(np.float32)


def hash_of(pixels: Grey) -> int:
    """64 bits: copies differ in few, different pictures in about half."""
    square = resized(pixels, HASH_PX)
    waves = (_cosines() @ square @ _cosines().T).ravel()
    above = waves > np.median(waves[1:])
    above[0] = False  # the mean brightness says nothing about what is shown
    return int.from_bytes(np.packbits(above).tobytes(), "big")
