"""Pictures that are larger, longer or deeper than they look."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image

from tests.media_store.hostile.making import (
    BOMB,
    CORRUPT,
    LIMITS,
    OK,
    TOO_LARGE,
    Hostile,
    Trap,
    hostile,
    png,
    png_chunk,
    sparse,
    written,
)


def jpeg_claiming(width_px: int, height_px: int) -> bytes:
    """A frame header of that size and no picture behind it."""
    frame = struct.pack(">HBHHB", 17, 8, height_px, width_px, 3) + b"\1\x11\0\2\x11\0\3\x11\0"
    return b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xc0" + frame + b"\xff\xd9"


def large_jpeg_of_little(_: Trap) -> bytes:
    """63 megapixels in a few hundred kilobytes: just within the limit, so it is decoded."""
    file = io.BytesIO()
    Image.new("L", (9000, 7000), 128).save(file, "JPEG", quality=20)
    return file.getvalue()


def jpeg_of_many_scans(scans: int) -> bytes:
    """A progressive picture that goes over its pixels again and again."""
    file = io.BytesIO()
    Image.new("L", (2000, 2000), 128).save(file, "JPEG", progressive=True, quality=20)
    data = file.getvalue()
    start = data.rindex(b"\xff\xda")
    return data[:start] + data[start:-2] * (scans - data.count(b"\xff\xda") + 1) + data[-2:]


def palette_of_64_megapixels() -> bytes:
    """The most that is accepted, in the form that costs most: 2.6 s of processor time, from 60 kB."""
    file = io.BytesIO()
    picture = Image.new("P", (8000, 8000))
    picture.putpalette(bytes(range(256)) * 3)
    picture.save(file, "PNG", transparency=0)
    return file.getvalue()


def exif_that_bites_its_tail(trap: Trap) -> bytes:
    """A directory whose next directory is itself, with an entry that points far outside."""
    entry = struct.pack("<HHII", 0x0112, 4, 0x7FFFFFFF, 0x7FFFFFF0)
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + struct.pack("<I", 8)
    data = trap.read("photo.jpg")
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


def gif_of_many_frames(count: int, width_px: int = 1, height_px: int = 1) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", width_px, height_px, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"!\xf9\4\4\1\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    return head + frame * count + b";"


def webp(chunks: bytes, *, claimed: int | None = None) -> bytes:
    size = len(chunks) + 4 if claimed is None else claimed
    return b"RIFF" + struct.pack("<I", size) + b"WEBP" + chunks


def webp_chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def int24(value: int) -> bytes:
    return struct.pack("<I", value)[:3]


def canvas(width_px: int, height_px: int) -> bytes:
    return webp_chunk(b"VP8X", b"\x02\0\0\0" + int24(width_px - 1) + int24(height_px - 1))


def sticker_of_many_frames(count: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGBA", (16, 16), (200, 30, 30, 255)).save(file, "WEBP", lossless=True)
    frame = file.getvalue()[12:]
    one = webp_chunk(b"ANMF", int24(0) + int24(0) + int24(15) + int24(15) + int24(40) + b"\0" + frame)
    return webp(canvas(16, 16) + webp_chunk(b"ANIM", bytes(6)) + one * count)


def avif_claiming(width_px: int, height_px: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "AVIF")
    data = file.getvalue()
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width_px, height_px) + data[at + 8 :]


def with_chunk(chunk: bytes) -> bytes:
    return png(16, 16, bytes(3 * 16), extra=chunk)


FILES: dict[str, Hostile] = {
    "400 megapixel png": hostile(lambda _: png(20_000, 20_000, bytes(2501 * 20_000)), BOMB, kind="image"),
    "png of two billion pixels on a side": hostile(lambda _: png(0x7FFFFFFF, 0x7FFFFFFF, b""), BOMB, kind="image"),
    "png without area": hostile(lambda _: png(0, 0, b""), CORRUPT, kind="image"),
    "png that unfolds beyond its size": hostile(lambda _: png(8, 8, bytes(100_000_000)), OK, CORRUPT, kind="image"),
    "png text that unfolds": hostile(
        lambda _: with_chunk(png_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(80_000_000)))), OK, CORRUPT, kind="image"
    ),
    "png profile that unfolds": hostile(
        lambda _: with_chunk(png_chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(80_000_000)))), OK, CORRUPT, kind="image"
    ),
    "png of 50,000 notes": hostile(
        lambda _: with_chunk(png_chunk(b"tEXt", b"k\0v") * 50_000), OK, CORRUPT, kind="image"
    ),
    "png chunk that claims 2 GB": hostile(
        lambda _: png(8, 8, b"", extra=b"\x7f\xff\xff\xfftEXtk\0v"), CORRUPT, kind="image"
    ),
    "jpeg of 4 gigapixels": hostile(lambda _: jpeg_claiming(65_500, 65_500), BOMB, kind="image"),
    "jpeg with nothing behind its head": hostile(lambda _: jpeg_claiming(640, 480), CORRUPT, OK, kind="image"),
    "jpeg of 63 megapixels in one colour": hostile(large_jpeg_of_little, OK, kind="image"),
    "jpeg of 400 scans": hostile(lambda _: jpeg_of_many_scans(400), BOMB, kind="image"),
    "jpeg of 40 scans": hostile(lambda _: jpeg_of_many_scans(40), OK, kind="image"),
    "png of 64 megapixels and a palette": hostile(lambda _: palette_of_64_megapixels(), OK, kind="image", is_slow=True),
    "jpeg with a directory that bites its tail": hostile(exif_that_bites_its_tail, OK, kind="image"),
    "gif of 4 gigapixels": hostile(lambda _: gif_of_many_frames(1, 65_535, 65_535), BOMB, kind="image"),
    "gif of 10,000 frames": hostile(lambda _: gif_of_many_frames(10_000), OK, BOMB, kind="image"),
    "gif without an end": hostile(lambda _: gif_of_many_frames(3)[:-1] + b",\0\0", OK, CORRUPT, kind="image"),
    "webp of 268 megapixels": hostile(
        lambda trap: webp(canvas(16_384, 16_384) + trap.read("photo.webp")[12:]), BOMB, CORRUPT, kind="image"
    ),
    "webp that claims 4 GB": hostile(
        lambda trap: webp(trap.read("photo.webp")[12:], claimed=0xFFFFFFF6), OK, CORRUPT, kind="image"
    ),
    "webp that claims nothing": hostile(
        lambda trap: webp(trap.read("photo.webp")[12:], claimed=4), OK, CORRUPT, kind="image"
    ),
    "sticker of 10,000 frames": hostile(lambda _: sticker_of_many_frames(10_000), BOMB, kind="sticker"),
    "sticker whose frame lies outside": hostile(
        lambda _: sticker_of_many_frames(2).replace(int24(15) + int24(15) + int24(40), int24(9999) * 2 + int24(40)),
        CORRUPT,
        OK,
        kind="sticker",
    ),
    "sticker over 1 MB": written(sparse(webp(b""), 1_200_000), TOO_LARGE, kind="sticker"),
    "avif of 900 megapixels": hostile(lambda _: avif_claiming(30_000, 30_000), BOMB, CORRUPT, kind="image"),
    "avif without area": hostile(lambda _: avif_claiming(0, 0), CORRUPT, kind="image"),
    "heic of nothing": hostile(
        lambda _: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400), CORRUPT, LIMITS, kind="image"
    ),
    "photo over 25 MB": written(sparse(b"\x89PNG\r\n\x1a\n", 30_000_000), TOO_LARGE, kind="image"),
}
