"""Whether two prints are of one recording, one picture, one video. Pure comparison, the same in both directions.

Precision goes first: a doubtful pair is not the same. Two people who sing one song, two photos of one place, one
jingle before two messages are different things; a mirrored picture is, too. The thresholds stand between what copies
and strangers measure on the table of pairs in the tests. Prints are made in `sound_print`, `picture_print` and
`film_print`; finding candidates among many is the matter of whoever keeps them.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from media_store import picture_print
from media_store.film_print import RATE_PER_S, FilmPrint
from media_store.picture_print import SMALL_PX, Face, Grey, PicturePrint
from media_store.sound_print import WORD_S, SoundPrint, Words

# keys that two prints must have in common before it is worth comparing them
LEAST_COMMON_KEYS = {"sound": 2, "picture": 1, "film": 1}

WORD_BITS = 32
MOST_WRONG = 0.34  # share of bits; copies measure 0 to 0.34, strangers 0.38 and more
MOST_WRONG_IN_A_PART = 0.42
PARTS = 4
LEAST_OVERLAP_S = 1.0
LEAST_OF_SHORTER = 0.6  # of what is to be heard in it; less and both only begin with the same jingle
LEAST_OF_LONGER = 0.4  # less and one is a quotation from the other

MOST_HASH_BITS = 18  # of 64; copies measure up to 16, strangers 14 and more, half of them 24
SIDE_PX = 24
# Correlation of details. Whole pictures: copies of photos measure 0.90 and more, much cut ones 0.79; of two photos of
# one castle, taken a few steps apart, a fifth reach 0.73 to 0.83 and one 0.91. Cut out of a frame, as in a screenshot,
# copies measure 0.73 and more, strangers up to 0.60.
LEAST_ALIKE = 0.8
LEAST_ALIKE_IN_FRAME = 0.7
SHARES = (1.0, 0.95, 0.9, 0.85, 0.8)  # how much of one picture the other may show
SHIFT_PX = 0.9

MOST_BITS = 10.0  # mean difference of frames' hashes, of 64, where the pictures alone decide
MOST_BITS_WITH_SOUND = 16.0
LEAST_MOVEMENT_BITS = 3.0  # a stage that stays the same says nothing about who is on it
LEAST_FRAMES = 3
SOUND_SLACK = 2  # half seconds between what sound and pictures say about where one begins in the other


class Why(StrEnum):
    """What made the decision."""

    SAME = "same"
    DIFFERENT = "different"
    ONLY_A_PART = "only a part is the same"
    TOO_LITTLE = "too little to tell"


@dataclass(frozen=True)
class Likeness:
    """`score`: 1 for a perfect copy, about 0 for strangers; only a measure to choose among several that are the same.

    `offset_s`: how much later the same moment comes in the other one; 0 for pictures.
    """

    why: Why
    score: float
    offset_s: float = 0.0

    @property
    def is_same(self) -> bool:
        return self.why is Why.SAME


# --- sound --------------------------------------------------------------------------------------------------------


def compare_sounds(one: SoundPrint, other: SoundPrint) -> Likeness:
    """Whether two recordings are one, cut, encoded and levelled as they may be."""
    shorter, longer = sorted((one, other), key=lambda print_: np.count_nonzero(print_.words))
    heard_in_shorter, heard_in_longer = (int(np.count_nonzero(print_.words)) for print_ in (shorter, longer))
    least = max(round(LEAST_OVERLAP_S / WORD_S), round(LEAST_OF_SHORTER * heard_in_shorter))
    offset = _best_offset(shorter.words, longer.words, least)
    if offset is None:
        return Likeness(Why.TOO_LITTLE, 0.0)
    wrong, is_heard = _wrong_bits(shorter.words, longer.words, offset)
    error = float(wrong[is_heard].mean()) / WORD_BITS
    offset_s = offset * WORD_S if shorter is one else -offset * WORD_S
    score = round(max(0.0, 1 - 2 * error), 4)
    if error > MOST_WRONG:
        return Likeness(Why.DIFFERENT, score, offset_s)
    parts = [part.mean() / WORD_BITS for part in np.array_split(wrong[is_heard], PARTS)]
    is_quotation = np.count_nonzero(is_heard) < LEAST_OF_LONGER * heard_in_longer
    if max(parts) > MOST_WRONG_IN_A_PART or is_quotation:
        return Likeness(Why.ONLY_A_PART, score, offset_s)
    return Likeness(Why.SAME, score, offset_s)


def _best_offset(shorter: Words, longer: Words, least: int) -> int | None:
    """Where the first word of one lies in the other so that most bits agree; None if they never overlap enough.

    All offsets at once: agreeing bits are a correlation of signs, summed over the 32 bits before going back.
    """
    size = 1 << (len(shorter) + len(longer) - 1).bit_length()
    one, other = np.fft.rfft(_signs(shorter), size), np.fft.rfft(_signs(longer), size)
    product = other * one.conj()
    agreeing = np.fft.irfft(product[:-1].sum(axis=0), size)  # agreeing minus disagreeing bits
    common = np.rint(np.fft.irfft(product[-1], size))
    common[common < least] = 0
    if not common.any():
        return None
    found = int(np.argmax(np.where(common > 0, agreeing / np.maximum(common, 1), -np.inf)))
    return found if found < len(longer) else found - size


def _signs(words: Words) -> NDArray[np.float32]:
    """Bits as -1 and 1, 0 where nothing is heard; the last of the 33 rows says where something is."""
    is_heard = words != 0
    bits = (words[None, :] >> np.arange(WORD_BITS, dtype=np.uint32)[:, None]) & np.uint32(1)
    signs = (bits.astype(np.float32) * 2 - 1) * is_heard
    return np.concatenate([signs, is_heard[None, :].astype(np.float32)])


def _wrong_bits(shorter: Words, longer: Words, offset: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Differing bits per common word, and which of these words are heard in both."""
    start, until = max(0, -offset), min(len(shorter), len(longer) - offset)
    here, there = shorter[start:until], longer[start + offset : until + offset]
    return np.bitwise_count(here ^ there), (here != 0) & (there != 0)


# --- pictures -----------------------------------------------------------------------------------------------------


def compare_pictures(one: PicturePrint, other: PicturePrint) -> Likeness:
    """Whether two pictures are one, scaled, cut by up to a fifth, framed and encoded as they may be."""
    if _hash_bits(one, other) > MOST_HASH_BITS:
        return Likeness(Why.DIFFERENT, 0.0)
    whole = _alike(one.faces[0], other.faces[0])
    pairs = list(itertools.product(one.faces, other.faces))[1:]
    framed = max((_alike(a, b) for a, b in pairs), default=0.0)
    is_same = whole >= LEAST_ALIKE or framed >= LEAST_ALIKE_IN_FRAME
    return Likeness(Why.SAME if is_same else Why.DIFFERENT, round(max(0.0, whole, framed), 4))


def _hash_bits(one: PicturePrint, other: PicturePrint) -> int:
    """The smallest difference between any two hashes: a glance that spares the comparison of most strangers."""
    ours, theirs = ([number for face in print_.faces for number in face.hashes] for print_ in (one, other))
    return min((a ^ b).bit_count() for a in ours for b in theirs)


def _alike(one: Face, other: Face) -> float:
    """Best correlation of one whole with a part of the other, either way."""
    a, b = one.small.astype(np.float32), other.small.astype(np.float32)
    return max(_best_part(a, b), _best_part(b, a))


def _best_part(pixels: Grey, whole: Grey) -> float:
    square = _windows()[0][0]
    wanted = _details(square @ whole @ square.T).ravel()
    best = -1.0
    for window in _windows():
        parts = np.einsum("nij,mkj->nmik", window @ pixels, window)
        best = max(best, float((_details(parts).reshape(-1, SIDE_PX**2) @ wanted).max()))
    return best


@functools.cache
def _windows() -> tuple[Grey, ...]:
    """For each share the ways to lay it into a line of pixels, each as weights, shape (places, 24, 36)."""
    found = []
    for share in SHARES:
        slack = SMALL_PX * (1 - share)
        starts = np.linspace(0, slack, round(slack / SHIFT_PX) + 1)
        found.append(np.stack([picture_print.areas(at, at + SMALL_PX * share, SMALL_PX, SIDE_PX) for at in starts]))
    return tuple(found)


def _details(squares: Grey) -> Grey:
    """What is left of squares without their soft light and shade, which all landscapes share; of length one."""
    wide = np.pad(squares, [(0, 0)] * (squares.ndim - 2) + [(2, 2), (2, 2)], mode="edge")
    rows = np.sum([wide[..., row : row + SIDE_PX, :] for row in range(5)], axis=0)
    soft = np.sum([rows[..., column : column + SIDE_PX] for column in range(5)], axis=0) / np.float32(25)
    sharp = squares - soft
    sharp = sharp - sharp.mean(axis=(-2, -1), keepdims=True)
    length = np.sqrt(np.square(sharp).sum(axis=(-2, -1), keepdims=True))
    details: Grey = sharp / (length + np.float32(1e-6))
    return details


# --- films --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class VideoPrint:
    """A video's pictures and its sound; None for what it has not, or not enough of."""

    film: FilmPrint | None
    sound: SoundPrint | None


def compare_videos(one: VideoPrint, other: VideoPrint) -> Likeness:
    """Whether two videos are one. Sound in both has to agree, and the pictures with it; else pictures decide alone."""
    if one.sound is not None and other.sound is not None:
        heard = compare_sounds(one.sound, other.sound)
        if not heard.is_same or one.film is None or other.film is None:
            return heard
        seen = _film_error(one.film, other.film, near=round(heard.offset_s * RATE_PER_S))
        is_same = seen is not None and seen[0] <= MOST_BITS_WITH_SOUND
        return heard if is_same else Likeness(Why.DIFFERENT, 0.0)
    if one.film is None or other.film is None:
        return Likeness(Why.TOO_LITTLE, 0.0)
    return _compare_films(one.film, other.film, is_mute_copy=(one.sound is None) is not (other.sound is None))


def _compare_films(one: FilmPrint, other: FilmPrint, *, is_mute_copy: bool) -> Likeness:
    found = _film_error(one, other)
    if found is None:
        return Likeness(Why.TOO_LITTLE, 0.0)
    error, offset = found
    is_still = min(_movement(one), _movement(other)) < LEAST_MOVEMENT_BITS
    why = Why.SAME if error <= MOST_BITS and not (is_still and is_mute_copy) else Why.DIFFERENT
    return Likeness(why, round(max(0.0, 1 - error / 32), 4), offset / RATE_PER_S)


def _film_error(one: FilmPrint, other: FilmPrint, near: int | None = None) -> tuple[float, int] | None:
    """Lowest mean difference of frames seen in both, in bits, and at which offset; None if too few are.

    `near`: the offset that the sound tells; others but its neighbours are not looked at.
    """
    a, b = np.array(one.hashes, dtype=np.uint64), np.array(other.hashes, dtype=np.uint64)
    seen = int(min(np.count_nonzero(a), np.count_nonzero(b)))
    least = max(1, min(LEAST_FRAMES, seen)) if near is not None else max(LEAST_FRAMES, round(LEAST_OF_SHORTER * seen))
    offsets = range(-len(a) + 1, len(b)) if near is None else range(near - SOUND_SLACK, near + SOUND_SLACK + 1)
    errors = [(error, offset) for offset in offsets if (error := _frame_error(a, b, offset, least)) is not None]
    return min(errors, key=lambda found: (found[0], abs(found[1]))) if errors else None


def _frame_error(a: NDArray[np.uint64], b: NDArray[np.uint64], offset: int, least: int) -> float | None:
    start, until = max(0, -offset), min(len(a), len(b) - offset)
    if until - start < least:
        return None
    here, there = a[start:until], b[start + offset : until + offset]
    is_seen = (here != 0) & (there != 0)
    if np.count_nonzero(is_seen) < least:
        return None
    return float(np.bitwise_count(here ^ there)[is_seen].mean())


def _movement(film: FilmPrint) -> float:
    """Mean difference of frames a second apart, in bits."""
    hashes = np.array([number for number in film.hashes if number], dtype=np.uint64)
    if len(hashes) <= RATE_PER_S:
        return 0.0
    return float(np.bitwise_count(hashes[RATE_PER_S:] ^ hashes[:-RATE_PER_S]).mean())
