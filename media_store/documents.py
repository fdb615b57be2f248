"""Whether a picture looks like a paper with writing: a medical letter, an identity card, a receipt, a screenshot.

A suggestion that covers the picture until a person looks, never a verdict. It reads no word: it counts places where
something like ink stands in rows on something like paper, at 320 pixels, in about 5 ms. A few large words (a sign, a
caption) are too little; gravel, leaves and knitting are as fine, but lie dark and bright alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK_PX = 16
Bytes = NDArray[np.uint8]
Numbers = NDArray[np.float32]
Marks = NDArray[np.bool_]

# Of one block. Where they come from: the papers and photos of tests/media_store/papers.py, and some two dozen real
# photos. Ink stands out from paper by a tenth of the scale; most of a block is paper, so the middle value lies near
# one end; writing changes between the two at least at every eighth pixel; paper and ink have little colour.
LEAST_SPAN = 0.10
MOST_OFF_PAPER = 0.38
LEAST_CHANGES = 0.13
LEAST_INK = 0.04
MOST_COLOUR = 0.32
NEIGHBOURS = 5  # of nine with the block itself: writing is never alone

# Of the picture: least written, least rows, most off paper; one line is enough. The purer paper and ink stand apart,
# the less of them is needed, and little writing must lie in rows; the printed grounds of identity cards blur the two.
# Found with 113 public scans of receipts, letters, passports and cards, of which 110 are marked, and 1171 photos, of
# which 51 are; a miss shows what is private, a false mark costs a key press.
ENOUGH = (
    (0.06, 0.0, 0.20),
    (0.035, 0.25, 0.24),
    (0.11, 0.0, 0.29),
)
FEWEST_BLOCKS = 3


@dataclass(frozen=True)
class Writing:
    """Shares 0 to 1. `written`: of the blocks, with writing on them; `rows`: how much its strokes lie in one direction;
    `off_paper`: how far the middle value of written blocks is from their paper."""

    written: float
    rows: float
    off_paper: float

    @property
    def is_document(self) -> bool:
        return any(
            self.written >= written and self.rows >= rows and self.off_paper <= off_paper
            for written, rows, off_paper in ENOUGH
        )


def looks_like_document(pixels: Bytes) -> bool:
    """Whether a picture of about 320 pixels (rows, columns, RGB) looks like a paper with writing."""
    return measure_writing(pixels).is_document


def measure_writing(pixels: Bytes) -> Writing:
    """The figures behind `looks_like_document`."""
    if min(pixels.shape[:2]) < BLOCK_PX:
        return Writing(0.0, 0.0, 0.0)
    grey = _grey(pixels)
    written, off_paper = _written_blocks(pixels, grey)
    if np.count_nonzero(written) < FEWEST_BLOCKS:
        return Writing(float(written.mean()), 0.0, 0.0)
    return Writing(float(written.mean()), _order(grey, written), float(off_paper[written].mean()))


def _grey(pixels: Bytes) -> Bytes:
    """Rec. 601 luma in whole numbers."""
    red, green, blue = (pixels[..., channel].astype(np.uint16) for channel in range(3))
    return ((red * 77 + green * 150 + blue * 29) >> 8).astype(np.uint8)


def _spread(pixels: Bytes) -> Bytes:
    """How far the channels of each point lie apart. Channel by channel: along an axis of three it takes 2 ms more."""
    red, green, blue = (pixels[..., channel] for channel in range(3))
    highest = np.maximum(np.maximum(red, green), blue)
    return np.asarray(highest - np.minimum(np.minimum(red, green), blue))


def _blocks(plane: Bytes) -> Bytes:
    """Shape (rows of blocks, columns of blocks, 16, 16); what is left over at the edges is left out."""
    rows, columns = plane.shape[0] // BLOCK_PX, plane.shape[1] // BLOCK_PX
    whole = plane[: rows * BLOCK_PX, : columns * BLOCK_PX]
    return np.ascontiguousarray(whole.reshape(rows, BLOCK_PX, columns, BLOCK_PX).swapaxes(1, 2))


def _written_blocks(pixels: Bytes, grey: Bytes) -> tuple[Marks, Numbers]:
    """Which blocks look written on, and how far each block's middle value is from its nearer end (0 to 0.5)."""
    blocks = _blocks(grey)
    ordered = np.sort(blocks.reshape(*blocks.shape[:2], -1), axis=2)
    dark, middle, bright = (ordered[..., place].astype(np.float32) for place in (12, 128, 243))  # 5, 50, 95 %
    span = np.maximum(bright - dark, 1)
    off_paper = np.minimum(bright - middle, middle - dark) / span  # paper may be bright or, on a screen, dark
    is_bright = blocks > ((bright + dark) / 2).astype(np.uint8)[..., None, None]
    share = np.count_nonzero(is_bright, axis=(2, 3)) / BLOCK_PX**2
    down = np.count_nonzero(is_bright[..., 1:, :] != is_bright[..., :-1, :], axis=(2, 3))
    across = np.count_nonzero(is_bright[..., :, 1:] != is_bright[..., :, :-1], axis=(2, 3))
    spread = _blocks(_spread(pixels))[..., ::2, ::2].mean(axis=(2, 3), dtype=np.float32)
    marks = (
        (span > LEAST_SPAN * 255)
        & (off_paper < MOST_OFF_PAPER)
        & ((down + across) / (2 * BLOCK_PX * (BLOCK_PX - 1)) > LEAST_CHANGES)
        & (np.minimum(share, 1 - share) > LEAST_INK)
        & (spread < MOST_COLOUR * np.maximum(bright, 1))
    )
    return marks & (_neighbours(marks) >= NEIGHBOURS), off_paper


def _neighbours(marks: Marks) -> NDArray[np.intp]:
    rows, columns = marks.shape
    padded = np.pad(marks.astype(np.intp), 1)
    shifted = [padded[y : y + rows, x : x + columns] for y in range(3) for x in range(3)]
    return np.asarray(sum(shifted[1:], shifted[0]))


def _order(grey: Bytes, written: Marks) -> float:
    """How much the strokes of the written blocks run in one direction, 0 to 1; 0 if they rather stand than lie.

    The mean over blocks of the structure tensor's direction, each block counted alike. Bare trees stand.
    """
    smooth = grey.astype(np.float32)
    smooth = smooth[1:] + smooth[:-1]
    smooth = smooth[:, 1:] + smooth[:, :-1]
    down, across = smooth[2:, 1:-1] - smooth[:-2, 1:-1], smooth[1:-1, 2:] - smooth[1:-1, :-2]
    xx, yy, xy = (_sums(product, written.shape)[written] for product in (across**2, down**2, across * down))
    strength = np.maximum(xx + yy, 1)
    lying, leaning = ((yy - xx) / strength).mean(), (2 * xy / strength).mean()
    return float(np.hypot(lying, leaning)) if lying > 0 else 0.0


def _sums(plane: Numbers, shape: tuple[int, ...]) -> Numbers:
    rows, columns = shape
    whole = np.zeros((rows * BLOCK_PX, columns * BLOCK_PX), np.float32)
    part = plane[: whole.shape[0], : whole.shape[1]]
    whole[: part.shape[0], : part.shape[1]] = part
    return np.asarray(whole.reshape(rows, BLOCK_PX, columns, BLOCK_PX).sum(axis=(1, 3)))
