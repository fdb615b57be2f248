"""What a file is, by its first bytes alone; names and declared types are not believed.

The answer names the one demuxer or picture format that may read the file, so no tool ever guesses. Text of any sort,
and with it every playlist (HLS, concat, DASH, SDP, SVG), is refused here and never reaches a tool.
Whether an MP4 holds pictures or only sound is not in its head: `pipeline.probe` looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from media_store.errors import Empty, Unsupported

HEAD_BYTES = 64

HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"}
AVIF_BRANDS = {b"avif", b"avis"}


class Kind(StrEnum):
    """What the head of a file can tell."""

    VOICE = "voice"  # OGG with Opus, as messengers record it
    AUDIO = "audio"
    IMAGE = "image"
    VIDEO_OR_AUDIO = "video_or_audio"  # a container; ask the probe


@dataclass(frozen=True)
class Sniffed:
    """`demuxer` is ffmpeg's name, or None for pictures; `picture_format` is Pillow's, or None for sound."""

    kind: Kind
    demuxer: str | None
    picture_format: str | None
    mime: str
    extension: str


def _sound(demuxer: str, mime: str, extension: str, kind: Kind = Kind.AUDIO) -> Sniffed:
    return Sniffed(kind, demuxer, None, mime, extension)


def _picture(picture_format: str, mime: str, extension: str) -> Sniffed:
    return Sniffed(Kind.IMAGE, None, picture_format, mime, extension)


VOICE_NOTE = _sound("ogg", "audio/ogg", "ogg", Kind.VOICE)
OGG = _sound("ogg", "audio/ogg", "ogg")
MP3 = _sound("mp3", "audio/mpeg", "mp3")
AAC = _sound("aac", "audio/aac", "aac")
FLAC = _sound("flac", "audio/flac", "flac")
WAV = _sound("wav", "audio/wav", "wav")

PREFIXES: tuple[tuple[bytes, Sniffed], ...] = (
    (b"\x1aE\xdf\xa3", _sound("matroska", "video/webm", "webm", Kind.VIDEO_OR_AUDIO)),
    (b"#!AMR", _sound("amr", "audio/amr", "amr")),
    (b"ID3", MP3),
    (b"fLaC", FLAC),
    (b"caff", _sound("caf", "audio/x-caf", "caf")),
    (b"\xff\xd8\xff", _picture("JPEG", "image/jpeg", "jpg")),
    (b"\x89PNG\r\n\x1a\n", _picture("PNG", "image/png", "png")),
    (b"GIF87a", _picture("GIF", "image/gif", "gif")),
    (b"GIF89a", _picture("GIF", "image/gif", "gif")),
)

LONG_WAVE = (b"RF64", b"BW64")  # EBU Tech 3306, ITU-R BS.2088: a WAV whose lengths have 64 bits
RIFF_FORMS = {
    b"WAVE": WAV,
    b"WEBP": _picture("WEBP", "image/webp", "webp"),
}

MOV_BRANDS = {
    b"M4A ": _sound("mov", "audio/mp4", "m4a", Kind.VIDEO_OR_AUDIO),
    b"M4B ": _sound("mov", "audio/mp4", "m4a", Kind.VIDEO_OR_AUDIO),
    b"qt  ": _sound("mov", "video/quicktime", "mov", Kind.VIDEO_OR_AUDIO),
}


def sniff(head: bytes) -> Sniffed:
    """Decide by content what may read this file.

    `head` is the first 64 bytes or more. Raises Empty for no bytes at all and Unsupported for anything not in the
    table. Source: the file formats' own signatures; brands from ISO/IEC 14496-12 and 23008-12.
    """
    if not head:
        raise Empty("zero bytes")
    for prefix, sniffed in PREFIXES:
        if head.startswith(prefix):
            return sniffed
    found = _sniff_containers(head) or _sniff_frames(head)
    if found is None:
        raise Unsupported("no known signature")
    return found


def id3_bytes(head: bytes) -> int:
    """Length of the ID3 tag a file begins with, 0 if there is none. Source: ID3v2.4, sections 3.1 and 6.2."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    has_footer = head[5] & 0x10 != 0
    size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    return 10 + size + (10 if has_footer else 0)


def sniff_behind_id3(head: bytes) -> Sniffed:
    """What stands behind an ID3 tag: taggers put it before FLAC and AAC as well; anything else is taken for MP3."""
    return FLAC if head.startswith(b"fLaC") else AAC if _sniff_frames(head) is AAC else MP3


def _sniff_containers(head: bytes) -> Sniffed | None:
    if head[:4] == b"OggS":
        return VOICE_NOTE if head[28:36] == b"OpusHead" else OGG
    if head[:4] == b"RIFF":
        return RIFF_FORMS.get(head[8:12])
    if head[:4] in LONG_WAVE and head[8:12] == b"WAVE":
        return WAV
    if head[4:8] == b"ftyp":
        return _sniff_brand(head[8:12], compatible=head[16:])
    return None


def _sniff_brand(brand: bytes, compatible: bytes) -> Sniffed:
    is_any_heif = brand in (b"mif1", b"msf1")  # says only "a picture"; the codec is among the compatible brands
    if brand in AVIF_BRANDS or (is_any_heif and any(avif in compatible for avif in AVIF_BRANDS)):
        return _picture("AVIF", "image/avif", "avif")
    if brand in HEIF_BRANDS:
        return _picture("HEIF", "image/heic", "heic")
    if brand.startswith(b"3g"):
        return _sound("mov", "video/3gpp", "3gp", Kind.VIDEO_OR_AUDIO)
    return MOV_BRANDS.get(brand, _sound("mov", "video/mp4", "mp4", Kind.VIDEO_OR_AUDIO))


def _sniff_frames(head: bytes) -> Sniffed | None:
    """MPEG audio has no magic, only a sync word of 11 set bits; the layer bits tell MP3 from ADTS AAC."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0xF6 == 0xF0:
        return AAC
    has_layer = head[1] & 0x06 != 0
    return MP3 if has_layer and head[2] >> 4 != 0xF and head[2] & 0x0C != 0x0C else None
