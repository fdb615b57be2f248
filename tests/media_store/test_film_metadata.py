"""Where a film was taken, and by whom, is in none of its renditions, repacked or encoded anew.

Canaries lie in every place cameras and telephones write to: boxes beside the film, tracks of data along it, names of
streams and chapters, and the pictures' own stream.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from media_store.errors import NoAudio
from tests.media_store.conftest import Render
from tests.media_store.material import ffmpeg, video

CANARY = "CANARY4711"
PLACE = "+50.7340+007.0980+061.0/"
NEEDLES = tuple(word.encode(form) for word in (CANARY, PLACE[:8]) for form in ("utf-8", "utf-16-le", "utf-16-be"))
LOCI_PLACE = struct.pack(">3i", *(round(degrees * 65536) for degrees in (7.098, 50.734, 61.0)))
XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
SEI = "086f3693-b7b3-4f2c-9653-21492feee5b8"
DATA_TRACK = b"gpmd"  # a camera's telemetry, one point per second

CODECS = {"repacked": ["-c", "copy"], "encoded anew": ["-c:v", "mpeg4", "-c:a", "copy"]}


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), name) + body


def location_boxes() -> bytes:
    """udta with QuickTime's place, 3GPP's place, title and author, and an XMP packet."""
    text = PLACE.encode()
    quicktime = box(b"\xa9xyz", struct.pack(">HH", len(text), 0x15C7) + text)
    loci = box(b"loci", bytes(4) + b"\x15\xc7" + CANARY.encode() + b"\0\0" + LOCI_PLACE + b"earth\0\0")
    words = b"".join(
        box(name, bytes(4) + b"\x15\xc7" + CANARY.encode() + b"\0") for name in (b"titl", b"auth", b"dscp")
    )
    id3 = box(b"ID32", bytes(4) + b"\x15\xc7" + b"ID3\x04\0\0\0\0\0\x1aTIT2\0\0\0\x10\0\0\x03" + CANARY.encode())
    return box(b"udta", quicktime + loci + words + box(b"XMP_", CANARY.encode()) + id3)


def with_boxes(path: Path) -> Path:
    """Boxes into the index, which lies last in what ffmpeg writes, and an XMP packet behind all."""
    content = path.read_bytes()
    at = content.rindex(b"moov") - 4
    moov = content[at + 8 :] + location_boxes()
    xmp = box(b"uuid", XMP + f"<x:xmpmeta>{CANARY} {PLACE}</x:xmpmeta>".encode())
    path.write_bytes(content[:at] + box(b"moov", moov) + xmp)
    return path


def with_words_everywhere(folder: Path, codecs: list[str]) -> Path:
    """Tags of file and streams, chapters, Apple's keys, telemetry as a track, and words in the pictures' own stream."""
    source, chapters, captions = video(folder / "s.mp4", seconds=1, size="160x120"), folder / "c.txt", folder / "c.srt"
    chapters.write_text(f";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=900\ntitle={CANARY}\n")
    captions.write_text(f"1\n00:00:00,000 --> 00:00:00,900\n{CANARY} {PLACE}\n")
    tagged, path = folder / "t.mp4", folder / "v.mp4"
    ffmpeg("-i", source, "-c", "copy", "-bsf:v", f"h264_metadata=sei_user_data={SEI}+{CANARY}", tagged)
    tags = {"title": CANARY, "location": PLACE, "com.apple.quicktime.location.ISO6709": PLACE,
            "com.apple.quicktime.make": CANARY, "com.android.version": CANARY}  # fmt: skip
    words = [part for name, value in tags.items() for part in ("-metadata", f"{name}={value}")]
    words += [part for at in "va" for part in (f"-metadata:s:{at}:0", f"handler_name={CANARY}")]
    ffmpeg("-i", tagged, "-i", chapters, "-i", captions, "-map", "0", "-map", "2", "-map_chapters", "1", *codecs,
           "-c:s", "mov_text", *words, "-movflags", "use_metadata_tags", path)  # fmt: skip
    path.write_bytes(path.read_bytes().replace(b"tx3g", DATA_TRACK))
    return with_boxes(path)


@pytest.mark.parametrize("way", CODECS)
def test_no_rendition_of_a_film_tells_where_or_by_whom(way: str, tmp_path: Path, render: Render) -> None:
    path = with_words_everywhere(tmp_path, CODECS[way])
    content = path.read_bytes()
    planted = content.count(CANARY.encode())
    assert planted >= 14 + (way == "repacked"), "the last one is in the pictures themselves"
    assert LOCI_PLACE in content

    result = render(path, kind="video")

    assert {"playable", "poster", "scrub", "preview", "peaks", "broadcast"} <= set(result.made)
    for profile, made in result.paths.items():
        found = made.read_bytes()
        assert not [needle for needle in (*NEEDLES, LOCI_PLACE, XMP) if needle in found], profile
    kept = result.paths["playable"].read_bytes()
    assert kept.count(b"trak") == 2, "pictures and sound, and no track of data"


def test_a_film_whose_place_is_all_it_has_is_no_film(tmp_path: Path, render: Render) -> None:
    """A track of data alone has neither pictures nor sound."""
    captions, path = tmp_path / "c.srt", tmp_path / "v.mp4"
    captions.write_text(f"1\n00:00:00,000 --> 00:00:00,900\n{CANARY}\n")
    ffmpeg("-i", captions, "-c:s", "mov_text", path)

    with pytest.raises(NoAudio):
        render(path, kind="video")
