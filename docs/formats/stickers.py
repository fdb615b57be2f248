"""Stickers: a disc on nothing, still and moving, as messengers send them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from docs.formats.measuring import Row, Table, kilobytes, off_by, seconds, size, work_through

EDGE_PX = 512
FRAMES, FRAME_MS = 24, 50
SECONDS = FRAMES * FRAME_MS / 1000
WORDS = f"""A disc of {EDGE_PX} pixels on a transparent ground; the moving ones have {FRAMES} pictures and last \
{SECONDS:g} s. They stand
still on the card until somebody plays them, and then go round in silence. *Ground*: what the still's corner is."""
COLUMNS = ("sent as", "found to be", "original", "still", "moving", "pictures", "length off by", "ground", "CPU")
Write = Callable[[Path], None]


def _disc(turned: int) -> Image.Image:
    frame = Image.new("RGBA", (EDGE_PX, EDGE_PX), (0, 0, 0, 0))
    draw = ImageDraw.Draw(frame)
    draw.ellipse((30, 30, 482, 482), fill=(240, 190, 30, 255))
    draw.pieslice((60, 60, 452, 452), turned * 360 // FRAMES, turned * 360 // FRAMES + 60, fill=(180, 30, 60, 255))
    return frame


def still(**options: Any) -> Write:
    return lambda path: _disc(0).save(path, "WEBP", **options)


def moving(**options: Any) -> Write:
    frames = [_disc(number) for number in range(FRAMES)]
    return lambda path: frames[0].save(
        path, "WEBP", save_all=True, append_images=frames[1:], duration=FRAME_MS, loop=0, **options
    )


STICKERS_SENT: dict[str, tuple[str, Write]] = {
    "sticker": ("sticker", still(quality=80)),
    "sticker without loss": ("sticker", still(lossless=True)),
    "moving sticker": ("sticker", moving(quality=70)),
    "moving sticker without loss": ("sticker", moving(lossless=True)),
    "moving WebP sent as a photo": ("image", moving(quality=70)),
    "moving WebP sent as a document": ("document", moving(quality=70)),
}


def rows(folder: Path) -> Iterator[Row]:
    path = folder / "sticker"
    for name, (declared, write) in STICKERS_SENT.items():
        write(path)
        outcome = work_through(path, folder, declared=declared)
        made = outcome.made.get("animation")
        original = f"{EDGE_PX} × {EDGE_PX}, {kilobytes(path.stat().st_size)}"
        length = off_by(made.duration_s, SECONDS) if made else "–"
        figures = (str(_frames(made.path)) if made else "1", length, _ground(outcome.made["still"].path))
        facts = f"{outcome.facts.kind}, {outcome.facts.mime}"
        yield (name, facts, original, size(outcome.made["still"]), size(made), *figures, seconds(outcome.cpu_s))


def _frames(path: Path) -> int:
    with Image.open(path) as image:
        return int(getattr(image, "n_frames", 1))


def _ground(path: Path) -> str:
    with Image.open(path) as image:
        return "transparent" if image.convert("RGBA").getpixel((0, 0))[3] == 0 else "filled"  # type: ignore[index]


STICKERS = Table("Stickers", WORDS, COLUMNS, rows)
