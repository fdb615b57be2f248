"""Files made to do harm, each with what must come of it. All of them are built here; none is kept or fetched.

`corpus()` is the whole table. A file's `outcome` is 'ok' or the code of a failure; several where the build of ffmpeg or
a decoder may tell them apart differently. What a file may never do is the same for all and stands in test_corpus.
"""

from __future__ import annotations

from tests.media_store.hostile import containers, damaged, disguises, pictures, sound
from tests.media_store.hostile.making import Hostile

PARTS = {
    "disguised": disguises.FILES,
    "picture": pictures.FILES,
    "sound": sound.FILES,
    "container": containers.FILES,
    "damaged": damaged.FILES,
}


def corpus() -> dict[str, Hostile]:
    """Every file by its full name."""
    return {f"{part}: {name}": file for part, files in PARTS.items() for name, file in files.items()}
