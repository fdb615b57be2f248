"""What a video shows in a few hundred bytes, so that a copy of it is known again.

Two frames a second of its first three quarters of a minute, 64 x 64 grey, are made into hashes by `picture_print`;
frames of one colour (a black beginning) are left out. Made from the playable form, which is small and whole, in a
confined process of its own; its sound has a print of its own in `sound_print`. Comparing is `likeness`'s matter.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from media_store import picture_print, runner
from media_store.errors import MediaFailure
from media_store.picture_print import GREY_PX, LEAST_CONTRAST, Grey
from media_store.runner import POSTER_LIMITS, Tools
from media_store.scatter import lowest

RATE_PER_S = 2
LONGEST_S = 45
KEYS = 32
FORM = b"F1"


@dataclass(frozen=True)
class FilmPrint:
    """`hashes`: one of 64 bits per half second, 0 where there is nothing to be seen."""

    hashes: tuple[int, ...]

    @property
    def keys(self) -> tuple[int, ...]:
        """What the search is told: up to 32 parts of hashes, the same ones for copies that were cut elsewhere."""
        parts = {key for number in self.hashes if number for key in picture_print.bands(number)}
        return lowest(np.array(sorted(parts), dtype=np.int64), KEYS)

    def to_bytes(self) -> bytes:
        return FORM + struct.pack(f"<{len(self.hashes)}Q", *self.hashes)

    @classmethod
    def from_bytes(cls, stored: bytes) -> FilmPrint:
        """Raises ValueError for anything `to_bytes` did not write."""
        count, rest = divmod(len(stored) - len(FORM), 8)
        if stored[: len(FORM)] != FORM or rest or count < 1:
            raise ValueError("no print of a film")
        return cls(struct.unpack_from(f"<{count}Q", stored, len(FORM)))


def take_print(playable: Path, *, work: Path, tools: Tools) -> FilmPrint | None:
    """The print of an MP4 of ours; None if all of it is of one colour or nothing can be decoded any more.

    Decodes up to 45 s: about a second of CPU for 30 s of 720p. `work` is an empty folder of the caller's.
    """
    out = work / "frames.grey"
    command = [tools.ffmpeg, "-hide_banner", "-nostats", *runner.input_options("mov", playable)]
    picked = f"fps={RATE_PER_S},scale={GREY_PX}:{GREY_PX}:flags=area,format=gray"
    command += ["-map", "0:V:0", "-t", str(LONGEST_S), "-vf", picked, "-f", "rawvideo", "-y", f"file:{out}"]
    try:
        runner.run(command, limits=POSTER_LIMITS, cwd=work)
        pixels = np.fromfile(out, dtype=np.uint8)
    except (MediaFailure, FileNotFoundError):
        return None
    whole = len(pixels) // GREY_PX**2 * GREY_PX**2
    return of_frames(pixels[:whole].reshape(-1, GREY_PX, GREY_PX).astype(np.float32))


def of_frames(frames: Grey) -> FilmPrint | None:
    """The print of grey frames, two per second, shape (frames, 64, 64); bars that never change are cut away."""
    if not len(frames):
        return None
    box = picture_print.inner_box(frames.max(axis=0))
    inner = frames if box is None else frames[:, box[0], box[1]]
    hashes = tuple(picture_print.hash_of(one) if one.std() >= LEAST_CONTRAST else 0 for one in inner)
    return FilmPrint(hashes) if any(hashes) else None
