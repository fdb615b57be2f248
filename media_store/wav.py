"""The broadcast WAV: our own writer for bext version 2, cart and INFO around PCM that someone else writes.

Owns the byte layout and the reading back of files we wrote. Knows nothing of loudness beyond the five figures that go
into bext, and nothing of ffmpeg: `begin` leaves the file open behind the header, the tool appends samples to the same
handle, `finish` patches sizes and figures. No second copy of the audio is ever made.
Sources: EBU Tech 3285 v2 (bext), AES46-2002 (cart), Microsoft RIFF (INFO).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from media_store.errors import Corrupt, TooLarge

APPLICATION = "Hoererpult"
RATE_HZ = 48_000
BITS = 24
CHANNELS = 2
BLOCK_BYTES = CHANNELS * BITS // 8

BEXT_BYTES = 602  # EBU Tech 3285 v2, before CodingHistory
BEXT_LOUDNESS_OFFSET = 412
UNKNOWN_LOUDNESS = 0x7FFF
CART_BYTES = 2048  # AES46, before TagText
CART_TIMER_OFFSET = 684
CART_TIMERS = 8
LEVEL_REFERENCE = 0x8000  # the value of digital full scale
MP2_BITS_PER_S = 384_000
MP2_FRAME_SAMPLES = 1152
MP2_FRAME_BYTES = MP2_FRAME_SAMPLES * MP2_BITS_PER_S // 8 // RATE_HZ
LARGEST_RIFF_BYTES = 0xFFFFFFFF  # beyond it the file would have to be RF64; the 30 min limit stays far below

_TRANSLITERATED = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "–": "-", "—": "-", "’": "'"}
    | {"„": '"', "“": '"', "”": '"', "…": "..."}
)


@dataclass(frozen=True)
class BroadcastLabels:
    """What the station's file says of itself. `originated_at` is aware and written as given, in its own zone.

    `reference` is unique per file (EBU R 99 where the station has a country and organisation code).
    `start_on`/`end_on` bound the days on which playout may use it; None means always.
    """

    title: str
    artist: str
    originator: str
    reference: str
    originated_at: datetime
    description: str = ""
    category: str = ""
    classification: str = ""
    cut_id: str = ""
    client_id: str = ""
    out_cue: str = ""
    user_text: str = ""
    genre: str = ""
    comment: str = ""
    start_on: str = "1900-01-01"
    end_on: str = "9999-12-31"


@dataclass(frozen=True)
class BextLoudness:
    """The five figures of bext v2, in LUFS, LU and dBTP. None is written as unknown."""

    integrated_lufs: float | None = None
    range_lu: float | None = None
    true_peak_dbtp: float | None = None
    max_momentary_lufs: float | None = None
    max_short_term_lufs: float | None = None

    def packed(self) -> bytes:
        """Ten bytes: int16 little-endian, hundredths."""
        figures = (
            self.integrated_lufs,
            self.range_lu,
            self.true_peak_dbtp,
            self.max_momentary_lufs,
            self.max_short_term_lufs,
        )
        return struct.pack("<5h", *(_hundredths(figure) for figure in figures))


@dataclass(frozen=True)
class Timers:
    """Points in sample frames from the start of the audio, by four-letter cart name (`AUDs`, `AUDe`, `SEGs`, ...)."""

    frames: dict[str, int] = field(default_factory=dict)

    def packed(self) -> bytes:
        """Eight pairs of name and uint32; unused ones are zero."""
        if len(self.frames) > CART_TIMERS:
            raise ValueError("a cart chunk has eight timers")
        pairs = [struct.pack("<4sI", name.encode("ascii").ljust(4), at) for name, at in self.frames.items()]
        return b"".join(pairs).ljust(CART_TIMERS * 8, b"\0")


@dataclass(frozen=True)
class Layout:
    """Where the patchable places of an open file are, as byte offsets."""

    bext_at: int
    cart_at: int
    data_at: int
    fact_at: int | None = None


def _hundredths(figure: float | None) -> int:
    if figure is None:
        return UNKNOWN_LOUDNESS
    return max(-0x8000, min(UNKNOWN_LOUDNESS - 1, round(figure * 100)))


def plain_line(text: str, most: int = 250) -> str:
    """One line without control characters, for tags that take every letter."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())[:most]


def plain_ascii(text: str, most: int) -> bytes:
    """Transliterate for fields whose encoding no two programs agree on; cut to `most` bytes.

    >>> plain_ascii("Grüße, Łódź", 32)
    b'Gruesse, ??d?'
    """
    return plain_line(text.translate(_TRANSLITERATED), most=len(text) * 2).encode("ascii", errors="replace")[:most]


def _fixed(text: str, size: int) -> bytes:
    return plain_ascii(text, size).ljust(size, b"\0")


def chunk(name: bytes, body: bytes) -> bytes:
    """Id, size, body, and a pad byte after an odd body."""
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def bext_body(labels: BroadcastLabels, source: str, loudness: BextLoudness, *, is_mp2: bool = False) -> bytes:
    """EBU Tech 3285 v2, 602 bytes and the coding history. `source` names the received codec, e.g. `opus mono`."""
    at = labels.originated_at
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    samples_since_midnight = int((at - midnight).total_seconds() * RATE_HZ)
    history = coding_history(source, is_mp2=is_mp2)
    body = b"".join(
        (
            _fixed(labels.description or labels.title, 256),
            _fixed(labels.originator, 32),
            _fixed(labels.reference, 32),
            at.strftime("%Y-%m-%d").encode(),
            at.strftime("%H:%M:%S").encode(),
            struct.pack("<QH", samples_since_midnight, 2),
            bytes(64),  # no UMID
            loudness.packed(),
            bytes(180),
        )
    )
    return body + history.encode("ascii")


def coding_history(source: str, *, is_mp2: bool = False) -> str:
    """One line for each coding the sound went through in our hands, the latest last."""
    history = f"A=PCM,F={RATE_HZ},W={BITS},M=stereo,T={APPLICATION};src={plain_ascii(source, 40).decode()}\r\n"
    if is_mp2:
        history += f"A=MPEG1L2,F={RATE_HZ},B={MP2_BITS_PER_S // 1000},W=16,M=stereo,T={APPLICATION}\r\n"
    return history


def cart_body(labels: BroadcastLabels, timers: Timers) -> bytes:
    """AES46-2002, 2048 bytes and no tag text."""
    return b"".join(
        (
            b"0101",
            _fixed(labels.title, 64),
            _fixed(labels.artist, 64),
            _fixed(labels.cut_id or labels.reference, 64),
            _fixed(labels.client_id, 64),
            _fixed(labels.category, 64),
            _fixed(labels.classification, 64),
            _fixed(labels.out_cue, 64),
            _fixed(labels.start_on, 10) + b"00:00:00",
            _fixed(labels.end_on, 10) + b"23:59:59",
            _fixed(APPLICATION, 64),
            _fixed("1.0", 64),
            _fixed(labels.user_text, 64),
            struct.pack("<i", LEVEL_REFERENCE),
            timers.packed(),
            bytes(276),
            bytes(1024),  # URL
        )
    )


def info_body(labels: BroadcastLabels) -> bytes:
    """LIST/INFO with the fields that have something to say."""
    fields = (
        (b"INAM", labels.title),
        (b"IART", labels.artist),
        (b"ICMT", labels.comment),
        (b"ICRD", labels.originated_at.strftime("%Y-%m-%d")),
        (b"IGNR", labels.genre),
        (b"ISFT", APPLICATION),
    )
    return b"INFO" + b"".join(chunk(name, plain_ascii(text, 250) + b"\0") for name, text in fields if text)


def format_body() -> bytes:
    """Sixteen bytes, tag 1. Tag 0xFFFE, which ffmpeg writes for 24 bit, is not read by Rivendell."""
    return struct.pack("<HHIIHH", 1, CHANNELS, RATE_HZ, RATE_HZ * BLOCK_BYTES, BLOCK_BYTES, BITS)


def mp2_format_body() -> bytes:
    """Forty bytes: tag 0x0050 and what MPEG audio adds: layer II, bit rate, stereo, no emphasis, MPEG-1.

    Source: EBU Tech 3285 Supplement 1, MPEG1WAVEFORMAT.
    """
    plain = struct.pack("<HHIIHH", 0x0050, CHANNELS, RATE_HZ, MP2_BITS_PER_S // 8, MP2_FRAME_BYTES, 0)
    return plain + struct.pack("<HHIHHHHII", 22, 0x0002, MP2_BITS_PER_S, 0x0001, 0, 1, 0x0010, 0, 0)


def begin(
    file: BinaryIO, labels: BroadcastLabels, source: str, timers: Timers | None = None, *, is_mp2: bool = False
) -> Layout:
    """Write everything before the samples with zero sizes and unknown loudness; leave the file behind it."""
    file.write(b"RIFF\0\0\0\0WAVE")
    bext_at, fact_at = file.tell() + 8, None
    file.write(chunk(b"bext", bext_body(labels, source, BextLoudness(), is_mp2=is_mp2)))
    file.write(chunk(b"fmt ", mp2_format_body() if is_mp2 else format_body()))
    if is_mp2:
        fact_at = file.tell() + 8
        file.write(chunk(b"fact", bytes(4)))
    cart_at = file.tell() + 8
    file.write(chunk(b"cart", cart_body(labels, timers or Timers())))
    file.write(chunk(b"LIST", info_body(labels)))
    file.write(b"data\0\0\0\0")
    data_at = file.tell()
    file.flush()
    return Layout(bext_at, cart_at, data_at, fact_at)


def finish(file: BinaryIO, layout: Layout, loudness: BextLoudness, timers: Timers | None = None) -> int:
    """Patch sizes, loudness and timers after the samples are written. Returns the number of sample frames.

    May be repeated. Raises TooLarge past 4 GiB, where RIFF sizes end.
    """
    end = file.seek(0, os.SEEK_END)
    data_bytes = end - layout.data_at
    if end > LARGEST_RIFF_BYTES:
        raise TooLarge(limit="4 GB")
    if data_bytes % 2:
        end += file.write(b"\0")
    _patch(file, 4, struct.pack("<I", end - 8))
    _patch(file, layout.data_at - 4, struct.pack("<I", data_bytes))
    _patch(file, layout.bext_at + BEXT_LOUDNESS_OFFSET, loudness.packed())
    if timers is not None:
        _patch(file, layout.cart_at + CART_TIMER_OFFSET, timers.packed())
    frames = data_bytes // BLOCK_BYTES
    if layout.fact_at is not None:
        frames = data_bytes // MP2_FRAME_BYTES * MP2_FRAME_SAMPLES
        _patch(file, layout.fact_at, struct.pack("<I", frames))
    file.flush()
    return frames


def _patch(file: BinaryIO, offset: int, value: bytes) -> None:
    file.seek(offset)
    file.write(value)


@dataclass(frozen=True)
class BroadcastFile:
    """One of our own files, as found: header chunks by name and where the samples lie."""

    chunks: dict[bytes, bytes]
    data_at: int
    data_bytes: int

    @property
    def frames(self) -> int:
        return self.data_bytes // BLOCK_BYTES


def read(path: Path) -> BroadcastFile:
    """Read the header of a file that `begin` and `finish` wrote. Raises Corrupt for any other layout."""
    with path.open("rb") as file:
        chunks: dict[bytes, bytes] = {}
        for name, at, size in _walk(file):
            if name == b"data":
                if chunks.get(b"fmt ") != format_body():
                    raise Corrupt("not a broadcast file of ours")
                return BroadcastFile(chunks, at, size)
            chunks[name] = file.read(size)
    raise Corrupt("no samples in the broadcast file")


def _walk(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Chunk names with offset and size of their bodies, the file placed at each body."""
    if file.read(12)[8:] != b"WAVE":
        raise Corrupt("no WAVE header")
    while len(head := file.read(8)) == 8:
        size = struct.unpack("<I", head[4:])[0]
        at = file.tell()
        yield head[:4], at, size
        file.seek(at + size + size % 2)


def rewrite_header(file: BinaryIO, source: BroadcastFile) -> Layout:
    """Begin a new file that says of itself what `source` says; loudness and timers are patched by `finish`."""
    file.write(b"RIFF\0\0\0\0WAVE")
    places: dict[bytes, int] = {}
    for name in (b"bext", b"fmt ", b"cart", b"LIST"):
        places[name] = file.tell() + 8
        file.write(chunk(name, source.chunks[name]))
    file.write(b"data\0\0\0\0")
    return Layout(places[b"bext"], places[b"cart"], file.tell())


def utc_labels(title: str, *, artist: str = "", originator: str = APPLICATION, reference: str = "") -> BroadcastLabels:
    """Labels for a file about which nothing more is known than its title."""
    return BroadcastLabels(title, artist, originator, reference, datetime.now(UTC))
