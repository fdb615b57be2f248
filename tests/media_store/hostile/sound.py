"""Sound that lies about its length, its rate, its channels and its packets."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from tests.media_store.hostile.making import (
    CORRUPT,
    LIMITS,
    NO_AUDIO,
    OK,
    OPUS_TAGS,
    TOO_LONG,
    UNSUPPORTED,
    Hostile,
    Trap,
    hostile,
    ogg_page,
    opus_head,
    opus_stream,
    sparse,
    wav,
    written,
)

SECOND = bytes(96_000)
ANY_WAV = (OK, CORRUPT, NO_AUDIO)


def tone() -> bytes:
    return (8000 * np.sin(np.arange(48_000) / 20)).astype("<i2").tobytes()


def floats(value: float) -> bytes:
    samples = np.sin(np.arange(48_000) / 20).astype("<f4")
    samples[::7] = value
    return wav(samples.tobytes(), tag=3, bits=32)


def opus_pages_with_wrong_sums() -> bytes:
    """Every page under another stream's number than its sum was made for."""
    return opus_stream(opus_head()).replace(b"\x07\0\0\0", b"\x08\0\0\0")


def opus_in_tiny_pages(_: Trap) -> bytes:
    return opus_stream(opus_head(), packets=10_000)


def opus_chained(_: Trap) -> bytes:
    return b"".join(opus_stream(opus_head(channels=1 + number % 2), packets=5, serial=number) for number in range(200))


def opus_side_by_side(_: Trap) -> bytes:
    """Two hundred streams that all begin at once."""
    return b"".join(ogg_page(opus_head(), number=0, flags=2, serial=number) for number in range(200)) + opus_stream(
        opus_head(), serial=0
    )


def opus_leaping(granule: int) -> bytes:
    """The time stands, then leaps."""
    whole = opus_stream(opus_head(), packets=20)
    return whole + ogg_page(b"\xf8\xff\xfe", number=30, granule=granule, flags=4)


def opus_tags(tags: bytes) -> bytes:
    return ogg_page(opus_head(), number=0, flags=2) + ogg_page(tags, number=1) + ogg_page(b"\xf8\xff\xfe", number=2)


def page_that_promises_more(trap: Trap) -> bytes:
    return opus_stream(opus_head(), packets=30) + ogg_page(b"x", number=32, granule=99_999, lacing=b"\xff" * 255)


def vorbis_after_opus(trap: Trap) -> bytes:
    return trap.read("voice.ogg") + trap.read("music.ogg") + trap.read("voice.ogg")


def flac(*, rate_hz: int = 48_000, total: int = 0, blocks: tuple[int, int] = (4096, 4096), rest: bytes = b"") -> bytes:
    """A FLAC head. Source: RFC 9639, section 8.2."""
    packed = rate_hz << 44 | 0 << 41 | 15 << 36 | total
    info = struct.pack(">HH", *blocks) + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    return b"fLaC\0\0\0\x22" + info + rest


def flac_lying(total: int) -> Hostile:
    def make(trap: Trap) -> bytes:
        data = trap.read("sound.flac")
        packed = int.from_bytes(data[18:26], "big") >> 36 << 36 | total
        return data[:18] + packed.to_bytes(8, "big") + data[26:]

    return hostile(make, OK, TOO_LONG)


def id3(size: int, content: bytes = b"", *, version: int = 3) -> bytes:
    sevens = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3" + bytes([version, 0, 0]) + sevens + content


def id3_that_unfolds(trap: Trap) -> bytes:
    """A compressed frame of 80 MB."""
    packed = zlib.compress(bytes(80_000_000))
    frame = b"TXXX" + struct.pack(">IH", len(packed) + 4, 0x0080) + struct.pack(">I", 80_000_000) + packed
    return id3(len(frame), frame) + trap.read("music.mp3")


def id3_with_a_lying_picture(trap: Trap) -> bytes:
    frame = b"APIC" + struct.pack(">IH", 0x7FFFFFFF, 0) + b"\0image/png\0\3\0" + bytes(200)
    return id3(len(frame), frame) + trap.read("music.mp3")


def xing_lying(trap: Trap) -> bytes:
    data = bytearray(trap.read("music.mp3"))
    at = max(data.find(b"Xing"), data.find(b"Info"))
    struct.pack_into(">III", data, at + 4, 3, 0xFFFFFFFF, 0xFFFFFFFF)
    return bytes(data)


def amr_garbage(_: Trap) -> bytes:
    return b"#!AMR\n" + np.random.default_rng(5).integers(0, 256, 5_000, dtype=np.uint8).tobytes()


FILES: dict[str, Hostile] = {
    "wav that claims 4 GB": hostile(lambda _: wav(tone(), data=0xFFFFFFFF, riff=0xFFFFFFFF), OK),
    "wav that claims nothing": hostile(lambda _: wav(tone(), data=0), *ANY_WAV),
    "wav with a head of 4 GB": hostile(lambda _: wav(tone(), fmt=0xFFFFFFFF), CORRUPT, LIMITS, NO_AUDIO),
    "wav of 0 Hz": hostile(lambda _: wav(SECOND, rate_hz=0), CORRUPT, NO_AUDIO),
    "wav of 1 Hz": hostile(lambda _: wav(bytes(40), rate_hz=1), *ANY_WAV),
    "wav of 4 GHz": hostile(lambda _: wav(SECOND, rate_hz=0xFFFFFFFF), *ANY_WAV, LIMITS),
    "wav of 384 kHz": hostile(lambda _: wav(tone(), rate_hz=384_000), OK),
    "wav without channels": hostile(lambda _: wav(SECOND, channels=0, align=2), CORRUPT, NO_AUDIO),
    "wav of 64 channels": hostile(lambda _: wav(tone() * 8, channels=64), *ANY_WAV),
    "wav of 65,535 channels": hostile(lambda _: wav(SECOND * 2, channels=65_535), CORRUPT, NO_AUDIO, LIMITS),
    "wav of 0 bits": hostile(lambda _: wav(SECOND, bits=0, align=2), *ANY_WAV, UNSUPPORTED),
    "wav of 65,535 bits": hostile(lambda _: wav(SECOND, bits=65_535), CORRUPT, NO_AUDIO, UNSUPPORTED),
    "wav in blocks of nothing": hostile(lambda _: wav(SECOND, align=0), *ANY_WAV),
    "wav of an unknown codec": hostile(lambda _: wav(SECOND, tag=0xBEEF), CORRUPT, NO_AUDIO, UNSUPPORTED),
    "wav that says it is mp3": hostile(lambda _: wav(SECOND, tag=0x55), *ANY_WAV),
    "wav of no numbers": hostile(lambda _: floats(float("nan")), CORRUPT),
    "wav of infinite numbers": hostile(lambda _: floats(float("inf")), CORRUPT),
    "wav of numbers beyond measure": hostile(lambda _: floats(3e38), CORRUPT),
    "wav with 20,000 chunks": hostile(
        lambda _: wav(b"")[:12] + b"junk\0\0\0\0" * 20_000 + wav(tone())[12:], OK, CORRUPT, NO_AUDIO
    ),
    "wav of 64 bits size": hostile(lambda _: b"RF64" + wav(tone())[4:], CORRUPT),
    "wav of 100 MB in silence": written(sparse(wav(b"", data=0xFFFFFFFF), 100_000_000), OK, is_slow=True),
    "wav of an hour at 8 kHz": written(sparse(wav(b"", rate_hz=8000, bits=8), 29_000_000), NO_AUDIO, TOO_LONG),
    "opus in 10,000 tiny pages": hostile(opus_in_tiny_pages, OK, is_slow=True),
    "opus in 200 links of a chain": hostile(opus_chained, OK, CORRUPT),
    "opus of 200 streams side by side": hostile(opus_side_by_side, OK, CORRUPT, NO_AUDIO),
    "opus with wrong sums": hostile(lambda _: opus_pages_with_wrong_sums(), OK, CORRUPT, NO_AUDIO),
    "opus that leaps a century": hostile(lambda _: opus_leaping(48_000 * 86_400 * 36_525), OK, TOO_LONG),
    "opus that leaps to the end of time": hostile(lambda _: opus_leaping(2**62), OK, TOO_LONG),
    "opus that leaps before its start": hostile(lambda _: opus_leaping(-5), OK),
    "opus without channels": hostile(lambda _: opus_stream(opus_head(channels=0)), CORRUPT, NO_AUDIO),
    "opus of 255 channels": hostile(lambda _: opus_stream(opus_head(channels=255)), CORRUPT, NO_AUDIO),
    "opus whose channels lead nowhere": hostile(
        lambda _: opus_stream(opus_head(channels=8, family=1, mapping=b"\1\0" + b"\xfe" * 8)), CORRUPT, NO_AUDIO
    ),
    "opus raised by 127 dB": hostile(lambda _: opus_stream(opus_head(gain=32_767)), OK),
    "opus that skips all it has": hostile(lambda _: opus_stream(opus_head(skip=65_535), packets=10), OK, NO_AUDIO),
    "opus tags of 4 GB": hostile(lambda _: opus_tags(b"OpusTags\xff\xff\xff\xff"), OK, CORRUPT, NO_AUDIO),
    "opus tags of a million entries": hostile(
        lambda _: opus_tags(OPUS_TAGS[:-4] + b"\xff\xff\xff\x7f" + b"\1\0\0\0x" * 9000), OK, CORRUPT, NO_AUDIO
    ),
    "opus of garbage": hostile(
        lambda _: opus_stream(opus_head(), packet=b"\xff\xff\xff\xff\xff"), OK, CORRUPT, NO_AUDIO
    ),
    "a page that promises more": hostile(page_that_promises_more, OK),
    "vorbis amid opus": hostile(vorbis_after_opus, OK, CORRUPT),
    "flac that claims 16 days": flac_lying(2**36 - 1),
    "flac that claims one sample": flac_lying(1),
    "flac of 0 Hz": hostile(lambda _: flac(rate_hz=0, rest=bytes(5000)), CORRUPT, NO_AUDIO),
    "flac in blocks of nothing": hostile(lambda _: flac(blocks=(0, 0), rest=bytes(5000)), CORRUPT, NO_AUDIO),
    "flac with a picture of 16 MB that is not there": hostile(
        lambda _: flac(rest=b"\x86\xff\xff\xff" + bytes(100)), CORRUPT, NO_AUDIO
    ),
    "mp3 behind 20 MB of tag": hostile(lambda trap: id3(20_000_000, bytes(20_000_000)) + trap.read("music.mp3"), OK),
    "mp3 with a tag of 256 MB that is not there": hostile(
        lambda trap: id3(2**28 - 1) + trap.read("music.mp3"), CORRUPT, NO_AUDIO, OK
    ),
    "mp3 with a tag that unfolds": hostile(id3_that_unfolds, OK, CORRUPT, LIMITS),
    "mp3 with a lying picture": hostile(id3_with_a_lying_picture, OK, CORRUPT),
    "mp3 behind 10,000 tags": hostile(lambda trap: id3(0) * 10_000 + trap.read("music.mp3"), OK, CORRUPT, NO_AUDIO),
    "mp3 that claims 4 billion frames": hostile(xing_lying, OK, TOO_LONG),
    "aac that changes in the middle": hostile(lambda trap: trap.read("mono.aac") + trap.read("stereo.aac"), OK),
    "mp3 that changes in the middle": hostile(
        lambda trap: trap.read("music.mp3") + trap.read("other.mp3") + trap.read("music.mp3"), OK
    ),
    "aac of garbage": hostile(
        lambda _: b"\xff\xf1\x50\x80\x02\x1f\xfc" + b"\xff\xf1\x50\x80\x02\x1f\xfc\xaa" * 500, OK, CORRUPT, NO_AUDIO
    ),
    "amr of garbage": hostile(amr_garbage, OK, CORRUPT, NO_AUDIO),
    "amr of empty frames": hostile(lambda _: b"#!AMR\n" + b"\x7c" * 5000, OK, CORRUPT, NO_AUDIO),
    "wide amr with narrow frames": hostile(lambda _: b"#!AMR-WB\n" + (b"\x3c" + bytes(31)) * 50, OK, CORRUPT, NO_AUDIO),
    "caf that claims less than nothing": hostile(
        lambda _: b"caff\0\1\0\0desc" + struct.pack(">qd4sIIIII", -1, 48_000.0, b"lpcm", 0, 2, 1, 1, 16) + bytes(500),
        CORRUPT,
        NO_AUDIO,
        OK,
    ),
    "caf of endless rate": hostile(
        lambda _: (
            b"caff\0\1\0\0desc"
            + struct.pack(">qd4sIIIII", 32, float("inf"), b"lpcm", 0, 2, 1, 1, 16)
            + b"data"
            + struct.pack(">qI", -1, 0)
            + SECOND
        ),
        CORRUPT,
        NO_AUDIO,
        OK,
        LIMITS,
    ),
}
