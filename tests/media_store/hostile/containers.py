"""MP4 and Matroska whose boxes lie, nest, multiply, point elsewhere or leap in time."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from tests.media_store.hostile.making import (
    CORRUPT,
    FTYP,
    LIMITS,
    NO_AUDIO,
    OK,
    TOO_LARGE,
    TOO_LONG,
    TRUNCATED,
    UNKNOWN_SIZE,
    Hostile,
    Trap,
    box,
    element,
    hostile,
    rewritten,
    sparse,
    written,
)

BROKEN = (CORRUPT, TRUNCATED, NO_AUDIO, LIMITS)
EBML_HEAD = element(0x1A45DFA3, element(0x4282, b"matroska"))
SEGMENT, CLUSTER, TIMESTAMP, SIMPLE_BLOCK, VOID = 0x18538067, 0x1F43B675, 0xE7, 0xA3, 0xEC
TRACKS, TRACK, NUMBER, TYPE, CODEC = 0x1654AE6B, 0xAE, 0xD7, 0x83, 0x86
ENCODINGS, ENCODING, COMPRESSION, ALGORITHM = 0x6D80, 0x6240, 0x5034, 0x4254
TAGS, TAG, SIMPLE_TAG = 0x1254C367, 0x7373, 0x67C8
ATTACHMENTS, ATTACHED, FILE_NAME, FILE_TYPE, FILE_DATA = 0x1941A469, 0x61A7, 0x466E, 0x4660, 0x465C


def nested(name: bytes, depth: int) -> bytes:
    out = b""
    for _ in range(depth):
        out = box(name, out)
    return out


def pointing_outside(trap: Trap) -> bytes:
    """Sound whose samples are said to lie in another file."""
    place = f"file://{trap.canary}".encode() + b"\0"
    reference = struct.pack(">II", 0, 2) + box(b"url ", bytes(4), place) + box(b"alis", bytes(4), place)
    return rewritten(trap.read("music.m4a"), {b"dref": lambda _: reference})


def with_table(name: bytes, content: bytes, source: str = "music.m4a") -> Hostile:
    """A good file with one of its tables replaced."""
    outcome = (OK, *BROKEN, TOO_LONG)
    return hostile(lambda trap: rewritten(trap.read(source), {name: lambda _: content}), *outcome)


def endless_edits(_: bytes) -> bytes:
    edit = struct.pack(">IiHH", 1, 0, 1, 0)
    return box(b"elst", struct.pack(">II", 0, 1_500), edit * 1_500)


def with_time_scale(trap: Trap) -> bytes:
    return rewritten(trap.read("music.m4a"), {b"mdhd": lambda content: content[:12] + bytes(4) + content[16:]})


def matroska(*content: bytes, size: int | None = None) -> bytes:
    return EBML_HEAD + element(SEGMENT, b"".join(content), size)


def pcm_track(extra: bytes = b"") -> bytes:
    audio = element(0xE1, element(0xB5, struct.pack(">d", 48_000.0)) + element(0x9F, b"\1") + element(0x6264, b"\x10"))
    parts = element(NUMBER, b"\1") + element(TYPE, b"\2") + element(CODEC, b"A_PCM/INT/LIT") + audio + extra
    return element(TRACKS, element(TRACK, parts))


def block(content: bytes, *, flags: int = 0x80, at: int = 0) -> bytes:
    return element(SIMPLE_BLOCK, b"\x81" + struct.pack(">hB", at, flags) + content)


def cluster(*blocks: bytes, at: int = 0, size: int | None = None) -> bytes:
    return element(CLUSTER, element(TIMESTAMP, at.to_bytes(8, "big")) + b"".join(blocks), size)


SOUND = bytes(range(256)) * 4


def lying_laces(_: Trap) -> bytes:
    """A block of 256 frames whose sizes add up to far more than there is."""
    laces = b"\xff" + b"\x40\xff" + b"\xbf" * 200
    return matroska(pcm_track(), *(cluster(block(laces + SOUND, flags=0x86)) for _ in range(20)))


def block_that_unfolds(_: Trap) -> bytes:
    packing = element(ENCODINGS, element(ENCODING, element(COMPRESSION, element(ALGORITHM, b"\0"))))
    return matroska(pcm_track(packing), cluster(block(zlib.compress(bytes(300_000_000)))))


def unknown_sizes(_: Trap) -> bytes:
    clusters = (cluster(block(SOUND * 4), at=40 * number, size=UNKNOWN_SIZE) for number in range(50))
    return matroska(pcm_track(), *clusters, size=UNKNOWN_SIZE)


def nested_tags(_: Trap) -> bytes:
    out = b""
    for _depth in range(2000):
        out = element(SIMPLE_TAG, out)
    return matroska(element(TAGS, element(TAG, out)), pcm_track(), cluster(block(SOUND * 8)))


def attachments(trap: Trap) -> bytes:
    one = element(FILE_NAME, b"../../../etc/cron.d/x") + element(FILE_TYPE, b"application/x-truetype-font")
    files = element(ATTACHED, one + element(FILE_DATA, bytes(1000))) * 300
    return matroska(pcm_track(), element(ATTACHMENTS, files), cluster(block(SOUND * 8)))


def leaping(_: Trap) -> bytes:
    years_ms = 5 * 365 * 86_400_000
    return matroska(pcm_track(), cluster(block(SOUND * 8)), cluster(block(SOUND * 8), at=years_ms))


def leaping_film(trap: Trap) -> bytes:
    """The last picture of ten stays for two days."""
    times = struct.pack(">IIIIII", 0, 2, 9, 1024, 1, 0x7FFFFFFF)
    return rewritten(trap.read("film.mp4"), {b"stts": lambda _: times})


def back_and_forth(_: Trap) -> bytes:
    return matroska(pcm_track(), *(cluster(block(SOUND), at=(number * 7919) % 1000) for number in range(300)))


def hole_behind_moov(path: Path) -> None:
    sparse(FTYP + box(b"moov", box(b"mvhd", bytes(100)), size=90_000_000), 90_000_000)(path)


FILES: dict[str, Hostile] = {
    "mp4 without an index": hostile(lambda trap: FTYP + box(b"mdat", bytes(50_000)), TRUNCATED, CORRUPT, kind="video"),
    "mp4 with two heads and no body": hostile(lambda _: FTYP * 2, *BROKEN, kind="video"),
    "box of size 0 in the index": hostile(lambda _: FTYP + box(b"moov", box(b"trak", size=0)), *BROKEN, kind="video"),
    "box of size 1 and no long size": hostile(lambda _: FTYP + b"\0\0\0\1moov", *BROKEN, kind="video"),
    "box smaller than its head": hostile(lambda _: FTYP + box(b"moov", size=3) * 50, *BROKEN, kind="video"),
    "box of less than nothing": hostile(lambda _: FTYP + box(b"moov", bytes(99), size=-1), *BROKEN, kind="video"),
    "box of 2^63 bytes": hostile(
        lambda _: FTYP + b"\0\0\0\1moov" + struct.pack(">q", 2**63 - 1) + bytes(500), *BROKEN, kind="video"
    ),
    "index of 90 MB that is a hole": written(hole_behind_moov, *BROKEN, kind="video"),
    "index inside index, 10,000 deep": hostile(lambda _: FTYP + nested(b"moov", 10_000), *BROKEN, kind="video"),
    "tracks inside tracks": hostile(lambda _: FTYP + box(b"moov", nested(b"trak", 5000)), *BROKEN, kind="video"),
    "100,000 tracks": hostile(lambda _: FTYP + box(b"moov", box(b"trak") * 100_000), *BROKEN, kind="video"),
    "100,000 free boxes": hostile(lambda trap: FTYP + box(b"free") * 100_000 + trap.read("music.m4a"), OK, CORRUPT),
    "samples in another file": hostile(pointing_outside, *BROKEN, OK),
    "four billion samples": with_table(b"stts", struct.pack(">IIII", 0, 1, 0xFFFFFFFF, 0xFFFFFFFF)),
    "table of four billion entries": with_table(b"stsz", struct.pack(">III", 0, 0, 0xFFFFFFFF)),
    "samples of 2 GB each": with_table(b"stsz", struct.pack(">III", 0, 0x7FFFFFFF, 1000)),
    "samples beyond the end": with_table(b"stco", struct.pack(">III", 0, 1, 0x7FFFFFFF)),
    "samples in no chunk": with_table(b"stsc", struct.pack(">IIIII", 0, 1, 0, 0, 0)),
    "no sample at all": with_table(b"stsz", struct.pack(">III", 0, 0, 0)),
    "1,500 edits": hostile(
        lambda trap: rewritten(trap.read("music.m4a"), {b"edts": endless_edits}), OK, *BROKEN, TOO_LONG
    ),
    "time scale of nothing": hostile(with_time_scale, OK, *BROKEN),
    "8192 x 8192 film": hostile(lambda trap: trap.read("huge.mp4"), TOO_LARGE, kind="video"),
    "film that leaps two days": hostile(leaping_film, OK, *BROKEN, TOO_LONG, kind="video"),
    "film that changes its size": hostile(lambda trap: trap.read("resized.mp4"), OK, kind="video"),
    "film cut behind its index": hostile(lambda trap: trap.read("fast.mp4")[:9000], OK, *BROKEN, kind="video"),
    "matroska of a head alone": hostile(lambda _: EBML_HEAD, *BROKEN, kind="video"),
    "matroska with lying laces": hostile(lying_laces, OK, *BROKEN),
    "matroska block that unfolds": hostile(block_that_unfolds, OK, *BROKEN, TOO_LONG),
    "matroska of unknown sizes": hostile(unknown_sizes, OK, *BROKEN),
    "matroska with a void of 2^56 bytes": hostile(
        lambda _: matroska(element(VOID, bytes(100), size=2**56 - 2), pcm_track()), *BROKEN
    ),
    "matroska of 100,000 voids": hostile(
        lambda _: matroska(element(VOID) * 100_000, pcm_track(), cluster(block(SOUND * 8))), OK, *BROKEN
    ),
    "matroska tags 2,000 deep": hostile(nested_tags, OK, *BROKEN),
    "matroska with 300 attachments": hostile(attachments, OK, *BROKEN),
    "matroska that leaps five years": hostile(leaping, OK, *BROKEN, TOO_LONG),
    "matroska that goes back and forth": hostile(back_and_forth, OK, *BROKEN),
}
