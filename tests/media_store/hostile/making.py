"""What the builders share: the description of a hostile file, the trap it aims at, and the bricks of file formats."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

UNSUPPORTED, CORRUPT, BOMB, EMPTY = "media.unsupported", "media.corrupt", "media.bomb", "media.empty"
NO_AUDIO, TOO_LONG, TOO_LARGE, TRUNCATED = "media.no_audio", "media.too_long", "media.too_large", "media.truncated"
LIMITS, OK = "media.limits", "ok"


@dataclass(frozen=True)
class Trap:
    """What a hostile file tries to reach: a file next door and a listening address; and good files to twist."""

    canary: Path
    url: str
    good: Path

    def read(self, name: str) -> bytes:
        """A good file's content."""
        return (self.good / name).read_bytes()


@dataclass(frozen=True)
class Hostile:
    """`make` returns the content, or None if it wrote to the path itself; `kind` is what the sender called it."""

    make: Callable[[Trap, Path], bytes | None]
    outcome: frozenset[str]
    kind: str = "document"
    is_slow: bool = False


def hostile(make: Callable[[Trap], bytes], *outcome: str, kind: str = "audio", is_slow: bool = False) -> Hostile:
    return Hostile(lambda trap, _: make(trap), frozenset(outcome), kind, is_slow)


def written(make: Callable[[Path], None], *outcome: str, kind: str = "audio", is_slow: bool = False) -> Hostile:
    """For files too large or too odd to be bytes in memory."""

    def build(_: Trap, path: Path) -> None:
        make(path)

    return Hostile(build, frozenset(outcome), kind, is_slow)


def box(name: bytes, *content: bytes, size: int | None = None) -> bytes:
    """An MP4 box; `size` is what it claims, by default the truth. Source: ISO/IEC 14496-12, 4.2."""
    body = b"".join(content)
    return struct.pack(">I4s", len(body) + 8 if size is None else size & 0xFFFFFFFF, name) + body


FTYP = box(b"ftyp", b"isom\0\0\2\0isomiso2mp41")
MOVING_BOXES = (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"edts", b"udta")


def rewritten(data: bytes, change: dict[bytes, Callable[[bytes], bytes]]) -> bytes:
    """An MP4 with the content of some boxes replaced and all sizes made right again."""
    out, at = b"", 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        size = size or len(data) - at
        content = data[at + 8 : at + size]
        if name in change:
            content = change[name](content)
        elif name in MOVING_BOXES:
            content = rewritten(content, change)
        out, at = out + box(name, content), at + size
    return out


def element(ident: int, content: bytes = b"", size: int | None = None) -> bytes:
    """A Matroska element with an 8-byte size; `size` is what it claims. Source: RFC 8794."""
    width = (ident.bit_length() + 7) // 8
    claimed = len(content) if size is None else size
    return ident.to_bytes(width, "big") + (claimed | 1 << 56).to_bytes(8, "big") + content


UNKNOWN_SIZE = (1 << 56) - 1


def ogg_crc(page: bytes) -> int:
    crc = 0
    for byte in page:
        crc = (crc << 8 & 0xFFFFFFFF) ^ OGG_TABLE[crc >> 24 ^ byte]
    return crc


def _ogg_table() -> list[int]:
    table = []
    for index in range(256):
        value = index << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
        table.append(value)
    return table


OGG_TABLE = _ogg_table()


def ogg_page(
    content: bytes, *, number: int, granule: int = 0, flags: int = 0, serial: int = 7, lacing: bytes | None = None
) -> bytes:
    """One page holding one packet of up to 65,024 bytes. Source: RFC 3533, section 6."""
    full, rest = divmod(len(content), 255)
    table = lacing if lacing is not None else b"\xff" * full + bytes([rest])
    head = struct.pack("<4sBBqIII", b"OggS", 0, flags, granule, serial, number, 0) + bytes([len(table)]) + table
    crc = ogg_crc(head + content)
    return head[:22] + struct.pack("<I", crc) + head[26:] + content


def opus_head(*, channels: int = 1, skip: int = 312, gain: int = 0, family: int = 0, mapping: bytes = b"") -> bytes:
    return struct.pack("<8sBBHIhB", b"OpusHead", 1, channels, skip, 48_000, gain, family) + mapping


OPUS_TAGS = struct.pack("<8sI4sI", b"OpusTags", 4, b"test", 0)
OPUS_SILENCE = b"\xf8\xff\xfe"  # 20 ms, CELT, mono


def opus_stream(head: bytes, *, packets: int = 60, serial: int = 7, packet: bytes = OPUS_SILENCE) -> bytes:
    """A whole stream of 20 ms packets, one to a page."""
    pages = [ogg_page(head, number=0, flags=2, serial=serial), ogg_page(OPUS_TAGS, number=1, serial=serial)]
    for number in range(packets):
        flags = 4 if number == packets - 1 else 0
        pages.append(ogg_page(packet, number=number + 2, granule=960 * (number + 1), flags=flags, serial=serial))
    return b"".join(pages)


def wav(
    samples: bytes, *, tag: int = 1, channels: int = 1, rate_hz: int = 48_000, bits: int = 16, **claimed: int
) -> bytes:
    """A WAV; `claimed` may lie about `riff`, `fmt` and `data` sizes and about `align`."""
    align = claimed.get("align", channels * bits // 8 & 0xFFFF)
    rate = rate_hz * channels * bits // 8 & 0xFFFFFFFF
    form = struct.pack("<HHIIHH", tag, channels, rate_hz, rate, align, bits)
    body = b"WAVEfmt " + struct.pack("<I", claimed.get("fmt", len(form))) + form
    body += b"data" + struct.pack("<I", claimed.get("data", len(samples))) + samples
    return b"RIFF" + struct.pack("<I", claimed.get("riff", len(body))) + body


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width_px: int, height_px: int, pixels: bytes, *, extra: bytes = b"", bits: int = 1) -> bytes:
    """Grey, `pixels` are the raw rows with their filter bytes; `extra` chunks stand before them."""
    head = struct.pack(">IIBBBBB", width_px, height_px, bits, 0, 0, 0, 0)
    body = png_chunk(b"IHDR", head) + extra + png_chunk(b"IDAT", zlib.compress(pixels, 1)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def sparse(head: bytes, size: int) -> Callable[[Path], None]:
    """A file that is all hole behind its head: large to read, nothing on the disk."""

    def make(path: Path) -> None:
        with path.open("wb") as file:
            file.write(head)
            file.truncate(size)

    return make
