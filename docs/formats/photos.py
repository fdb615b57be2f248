"""Every form of photo: four quarters of known colours, so that a turn or a wrong colour shows.

What the colours must come out as is arithmetic on the profile's primaries (tests/media_store/colours.py).
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image

from docs.formats.measuring import Outcome, Row, Table, kilobytes, off_by, seconds, work_through
from tests.media_store import colours
from tests.media_store.hostile.making import png_chunk
from tests.media_store.test_pictures import TURNED_BACK

pillow_heif.register_heif_opener()

QUARTERS = ((200, 50, 40), (50, 180, 70), (50, 60, 200), (190, 190, 190))
SIZE, TELEPHONE = (2016, 1512), (4032, 3024)
MOVING, FRAME_MS = 12, 80
MOVING_S = MOVING * FRAME_MS / 1000
ORIENTATION_TAG = 0x0112
P3 = colours.rgb_profile(colours.DISPLAY_P3, 2.2)
ADOBE = colours.rgb_profile(colours.ADOBE_RGB, colours.ADOBE_GAMMA)
Colours = tuple[tuple[int, ...], ...]
GREY = tuple((round(0.299 * r + 0.587 * g + 0.114 * b),) * 3 for r, g, b in QUARTERS)
HALF = tuple(tuple((255 + 127 * (value - 255) / 255 + 0.5).__floor__() for value in colour) for colour in QUARTERS)
FROM_P3 = tuple(colours.in_srgb(colour, colours.DISPLAY_P3, 2.2) for colour in QUARTERS)
FROM_ADOBE = tuple(colours.in_srgb(colour, colours.ADOBE_RGB, colours.ADOBE_GAMMA) for colour in QUARTERS)

WORDS = f"""Each picture has four quarters of known colours among soft shapes and noise, {SIZE[0]} × {SIZE[1]} pixels \
({TELEPHONE[0]} × {TELEPHONE[1]} of a
telephone). *Colours off by* is the largest distance of any channel of any quarter of the large form from what the
profile says by arithmetic, of 255; a picture turned or mirrored wrongly would be off by over 100. What leaves is sRGB
without any metadata (tests/media_store/test_metadata.py looks for every kind). Original sizes are as stored."""
COLUMNS: Row = (
    "sent as",
    "found to be",
    "original",
    "thumb",
    "card",
    "large",
    "for the web",
    "moving",
    "colours off by",
)
COLUMNS += ("CPU",)


@dataclass(frozen=True)
class Photo:
    """How the file is written from the picture, and what its quarters must be shown as."""

    write: Callable[[Image.Image, Path], None]
    expected: Colours = QUARTERS
    size: tuple[int, int] = SIZE


def saved(form: str, mode: str = "RGB", **options: Any) -> Callable[[Image.Image, Path], None]:
    return lambda image, path: image.convert(mode).save(path, form, **options)


def turned(orientation: int) -> Photo:
    tags = Image.Exif()
    tags[ORIENTATION_TAG] = orientation
    turn = TURNED_BACK[orientation]

    def write(image: Image.Image, path: Path) -> None:
        (image if turn is None else image.transpose(turn)).save(path, "JPEG", quality=90, exif=tags)

    return Photo(write)


def _palette(image: Image.Image, path: Path) -> None:
    image.quantize(256).save(path, "PNG")


def _half_clear(image: Image.Image, path: Path) -> None:
    image.putalpha(127)
    image.save(path, "PNG")


def _sixteen_bit(image: Image.Image, path: Path) -> None:
    """Colours of 16 bit, which Pillow does not write. Source: PNG, 11.2.2: type 2 is RGB."""
    rows = (np.asarray(image).astype(">u2") * 257).reshape(image.height, -1).view(np.uint8)
    filtered = np.pad(rows, ((0, 0), (1, 0))).tobytes()
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", *image.size, 16, 2, 0, 0, 0))
    body = png_chunk(b"IDAT", zlib.compress(filtered, 1)) + png_chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + body)


def _two_pictures(image: Image.Image, path: Path) -> None:
    """As telephones add a second picture that brightens the first on better screens."""
    image.save(path, "MPO", save_all=True, append_images=[image.convert("L").convert("RGB")], quality=90)


def _with_a_film(image: Image.Image, path: Path) -> None:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=90)
    path.write_bytes(content.getvalue() + b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(2_000_000))


def _heic(image: Image.Image, path: Path) -> None:
    pillow_heif.from_pillow(image).save(path, quality=70)


def _telephone_heic(image: Image.Image, path: Path) -> None:
    image.info["icc_profile"] = P3
    pillow_heif.from_pillow(image).save(path, quality=70)


def _heic_of_ten_bit(image: Image.Image, path: Path) -> None:
    samples = (np.asarray(image).astype("<u2") * 257).tobytes()
    pillow_heif.encode("RGB;16", image.size, samples, path, quality=70, save_to_10bit=True)


def _moving(form: str) -> Callable[[Image.Image, Path], None]:
    """A white bar walks down the middle, where no colour is looked at."""

    def write(image: Image.Image, path: Path) -> None:
        frames = []
        for number in range(MOVING):
            frame = image.resize((480, 360))
            frame.paste((255, 255, 255), (235, number * 30, 245, number * 30 + 30))
            frames.append(frame)
        frames[0].save(path, form, save_all=True, append_images=frames[1:], duration=FRAME_MS, loop=0)

    return write


PHOTOS_SENT: dict[str, Photo] = {
    "JPEG of a telephone": Photo(saved("JPEG", quality=85), size=TELEPHONE),
    "JPEG baseline": Photo(saved("JPEG", quality=90)),
    "JPEG progressive": Photo(saved("JPEG", quality=90, progressive=True)),
    "JPEG grey": Photo(saved("JPEG", "L", quality=90), GREY),
    "JPEG CMYK": Photo(saved("JPEG", "CMYK", quality=95)),
    "JPEG in Display P3": Photo(saved("JPEG", quality=95, icc_profile=P3), FROM_P3),
    "JPEG in Adobe RGB": Photo(saved("JPEG", quality=95, icc_profile=ADOBE), FROM_ADOBE),
    "JPEG with a second picture (MPO)": Photo(_two_pictures),
    "JPEG with a film behind it": Photo(_with_a_film),
    **{f"JPEG, EXIF orientation {number}": turned(number) for number in TURNED_BACK},
    "PNG 8 bit": Photo(saved("PNG", compress_level=1)),
    "PNG 16 bit": Photo(_sixteen_bit),
    "PNG grey": Photo(saved("PNG", "L"), GREY),
    "PNG with a palette": Photo(_palette),
    "PNG half transparent": Photo(_half_clear, HALF),
    "PNG, moving (shown still)": Photo(_moving("PNG")),
    "WebP lossy": Photo(saved("WEBP", quality=80)),
    "WebP lossless": Photo(saved("WEBP", lossless=True, method=0)),
    "GIF": Photo(saved("GIF", "P")),
    "GIF, moving": Photo(_moving("GIF")),
    "HEIC of a telephone, Display P3": Photo(_telephone_heic, FROM_P3, size=TELEPHONE),
    "HEIC": Photo(_heic),
    "HEIC 10 bit": Photo(_heic_of_ten_bit),
    "AVIF": Photo(saved("AVIF", quality=70, speed=9)),
}


def rows(folder: Path) -> Iterator[Row]:
    path = folder / "photo"
    for name, photo in PHOTOS_SENT.items():
        photo.write(picture(*photo.size), path)
        outcome = work_through(path, folder, declared="image")
        with Image.open(path) as sent:
            original = f"{sent.width} × {sent.height}, {kilobytes(path.stat().st_size)}"
        colours_off = str(off(outcome, photo.expected)) if outcome.made else outcome.refused
        forms = outcome.sizes("thumb", "card", "large", "web")
        yield (name, outcome.facts.mime, original, *forms, _moving_form(outcome), colours_off, seconds(outcome.cpu_s))


def _moving_form(outcome: Outcome) -> str:
    made = outcome.made.get("animation")
    return "–" if made is None else f"{outcome.sizes('animation')[0]}, {off_by(made.duration_s, MOVING_S)}"


def picture(width_px: int, height_px: int) -> Image.Image:
    """The four quarters, with the noise of a telephone's sensor."""
    pixels = np.empty((height_px, width_px, 3))
    for number, colour in enumerate(QUARTERS):
        down, across = divmod(number, 2)
        rows_, columns = (slice(half * edge // 2, (half + 1) * edge // 2)
                          for half, edge in ((down, height_px), (across, width_px)))  # fmt: skip
        pixels[rows_, columns] = colour
    pixels += _texture(height_px, width_px)[..., None]
    return Image.fromarray(pixels.clip(0, 255).round().astype(np.uint8))


def _texture(height_px: int, width_px: int) -> NDArray[np.float64]:
    """Soft shapes everywhere but where colours are looked at, and noise over all."""
    y, x = np.mgrid[0:height_px, 0:width_px]
    shapes = 20 * np.sin(x / 23) * np.cos(y / 17) + 20 * np.cos(x / 90 + y / 70)
    is_middle = (abs(y * 4 / height_px % 2 - 1) < 0.3) & (abs(x * 4 / width_px % 2 - 1) < 0.3)
    noise: NDArray[np.float64] = np.random.default_rng(4).normal(0, 4, (height_px, width_px))
    return noise + np.where(is_middle, 0, shapes)


def off(outcome: Outcome, expected: Colours) -> int:
    """The largest distance of a channel, each quarter averaged over its middle."""
    with Image.open(outcome.made["large"].path) as made:
        pixels = np.asarray(made.convert("RGB")).astype(float)
    height, width = pixels.shape[:2]
    far = 0.0
    for number, colour in enumerate(expected):
        y, x = height * (1 + 2 * (number // 2)) // 4, width * (1 + 2 * (number % 2)) // 4
        patch = pixels[y - height // 16 : y + height // 16, x - width // 16 : x + width // 16]
        far = max(far, float(np.abs(patch.mean(axis=(0, 1)) - colour).max()))
    return round(far)


PHOTOS = Table("Photos", WORDS, COLUMNS, rows)
