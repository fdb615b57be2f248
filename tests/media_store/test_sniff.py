"""What a file is, is decided by its first bytes."""

from __future__ import annotations

import pytest

from media_store.errors import Empty, Unsupported
from media_store.sniff import Kind, sniff

KNOWN = [
    (b"OggS" + bytes(24) + b"OpusHead", Kind.VOICE, "ogg", None),
    (b"OggS" + bytes(24) + b"\x01vorbis", Kind.AUDIO, "ogg", None),
    (b"\0\0\0\x20ftypisom", Kind.VIDEO_OR_AUDIO, "mov", None),
    (b"\0\0\0\x20ftyp3gp5", Kind.VIDEO_OR_AUDIO, "mov", None),
    (b"\0\0\0\x20ftypM4A ", Kind.VIDEO_OR_AUDIO, "mov", None),
    (b"\0\0\0\x20ftypheic", Kind.IMAGE, None, "HEIF"),
    (b"\0\0\0\x20ftypmif1", Kind.IMAGE, None, "HEIF"),
    (b"\0\0\0\x20ftypmif1\0\0\0\0mif1avifmiaf", Kind.IMAGE, None, "AVIF"),
    (b"\0\0\0\x20ftypavif", Kind.IMAGE, None, "AVIF"),
    (b"\x1aE\xdf\xa3", Kind.VIDEO_OR_AUDIO, "matroska", None),
    (b"RIFF\0\0\0\0WAVE", Kind.AUDIO, "wav", None),
    (b"RF64\xff\xff\xff\xffWAVE", Kind.AUDIO, "wav", None),
    (b"BW64\xff\xff\xff\xffWAVE", Kind.AUDIO, "wav", None),
    (b"RIFF\0\0\0\0WEBP", Kind.IMAGE, None, "WEBP"),
    (b"#!AMR\n", Kind.AUDIO, "amr", None),
    (b"ID3\x03", Kind.AUDIO, "mp3", None),
    (b"\xff\xfb\x90\x00", Kind.AUDIO, "mp3", None),
    (b"\xff\xf1\x50\x80", Kind.AUDIO, "aac", None),
    (b"fLaC", Kind.AUDIO, "flac", None),
    (b"caff", Kind.AUDIO, "caf", None),
    (b"\xff\xd8\xff\xe0", Kind.IMAGE, None, "JPEG"),
    (b"\x89PNG\r\n\x1a\n", Kind.IMAGE, None, "PNG"),
    (b"GIF89a", Kind.IMAGE, None, "GIF"),
]


@pytest.mark.parametrize(("head", "kind", "demuxer", "picture_format"), KNOWN)
def test_a_known_head_names_the_one_reader(
    head: bytes, kind: Kind, demuxer: str | None, picture_format: str | None
) -> None:
    found = sniff(head)

    assert (found.kind, found.demuxer, found.picture_format) == (kind, demuxer, picture_format)


@pytest.mark.parametrize(
    "head",
    [
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd",
        b"ffconcat version 1.0\nfile secret.wav",
        b"<?xml version='1.0'?><MPD>",
        b"<svg xmlns='http://www.w3.org/2000/svg'>",
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n",
        b"[playlist]\nFile1=x",
        b"\xef\xbb\xbf#EXTM3U",
        b"%PDF-1.7",
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"RIFF\0\0\0\0AVI LIST",
        b"II*\0",
        b"8BPS",
        b"SIMPLE  =                    T",
        b"\0\0\0\x0cjP  \r\n\x87\n",
        b"\xff\xff\xff\xff",
        b"\xff",
    ],
)
def test_text_and_foreign_formats_are_refused(head: bytes) -> None:
    with pytest.raises(Unsupported) as refusal:
        sniff(head)

    assert refusal.value.code == "media.unsupported"


def test_no_bytes_are_called_empty() -> None:
    with pytest.raises(Empty):
        sniff(b"")
