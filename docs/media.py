"""`make docs-media`: measures what comes out of every format that listeners send, into docs/media.md.

Each kind of file has a module in docs/formats that makes its files and rows. Everything goes through the pipeline a
worker uses, one file after the other; times are CPU seconds of this machine.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import media_store  # noqa: F401  first: it says how many threads numpy may use
from docs.formats.films import FILMS
from docs.formats.others import OTHERS
from docs.formats.photos import PHOTOS
from docs.formats.sounds import SOUNDS
from docs.formats.stickers import STICKERS
from media_store import images

PAGE = Path(__file__).resolve().parent / "media.md"
HEAD = """# What comes in, what comes out

Written by `make docs-media`: files of every format go through the pipeline, and what comes out is measured. Sizes are
pixels and kilobytes of the finished forms; CPU is everything a station gets by default, on one core, children included.
What is made to do harm stands in [hostile-media.md](hostile-media.md).

"""


def main() -> int:
    parts = []
    with tempfile.TemporaryDirectory() as name:
        for table in (SOUNDS, PHOTOS, FILMS, STICKERS, OTHERS):
            folder = Path(name, table.title)
            folder.mkdir()
            parts.append(table.written(folder))
            print(f"{table.title}: {parts[-1].count(chr(10))} lines")
    images.close_child()
    PAGE.write_text(HEAD + "\n".join(parts), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
