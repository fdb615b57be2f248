"""What a telephone writes into a file about its owner is in no rendition. Canaries in every hidden place."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from media_store import pipeline
from tests.media_store import colours
from tests.media_store.conftest import Render, Result
from tests.media_store.material import ffmpeg, picture, sine, video, voice_note, write_wav

CANARY = "CANARY4711"


JPEG_PARTS = {0xE0, 0xDB, 0xC0, 0xC2, 0xC4, 0xDA, 0xDD}  # JFIF, tables, frame, Huffman, scan, restart interval
WEBP_PARTS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}
POSITION = (50.0, 44.0, 47.11)


def canaries_in(result: Result) -> list[str]:
    needles = [
        CANARY.encode(),
        CANARY.encode("utf-16-le"),
        CANARY.encode("utf-16-be"),
        b"Exif\0\0",
        b"http://ns.adobe.com",
        b"Photoshop 3.0",
        b"ICC_PROFILE",
        struct.pack(">II", 4711, 100),  # the seconds of the position, as EXIF writes them
        struct.pack("<II", 4711, 100),
    ]
    return [
        profile
        for profile, path in result.paths.items()
        for content in [path.read_bytes()]
        if any(needle in content for needle in needles)
    ]


def assert_bare(result: Result) -> None:
    """No canary, and beyond that: no part in any file that could hold one."""
    assert canaries_in(result) == []
    for path in result.paths.values():
        content = path.read_bytes()
        if path.suffix == ".jpg":
            assert set(jpeg_parts(content)) <= JPEG_PARTS
            assert content.endswith(b"\xff\xd9")
        else:
            assert set(webp_parts(content)) <= WEBP_PARTS
            assert len(content) == 8 + struct.unpack("<I", content[4:8])[0]


def jpeg_parts(content: bytes) -> Iterator[int]:
    """Markers up to the last scan; what lies between scans are tables again."""
    at = 2
    while at < len(content) and content[at + 1] != 0xD9:
        marker = content[at + 1]
        yield marker
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
        while marker == 0xDA and not (content[at] == 0xFF and content[at + 1] not in (0, *range(0xD0, 0xD8))):
            at += 1


def webp_parts(content: bytes) -> Iterator[bytes]:
    at = 12
    while at < len(content):
        size = struct.unpack("<I", content[at + 4 : at + 8])[0]
        yield content[at : at + 4]
        at += 8 + size + size % 2


def tagged_exif() -> Image.Exif:
    """Everywhere a telephone can write: texts, a user comment in UTF-16, maker note, position, a preview picture."""
    tags = Image.Exif()
    for tag in (0x010E, 0x010F, 0x0110, 0x0131, 0x013B, 0x8298):  # description, maker, model, software, artist, rights
        tags[tag] = CANARY
    tags[0x9C9B] = CANARY.encode("utf-16-le")  # title as Windows writes it
    details = tags.get_ifd(0x8769)
    details[0x9286] = b"UNICODE\0" + CANARY.encode("utf-16-be")
    details[0x927C] = b"Apple iOS\0" + CANARY.encode()
    details[0xA420] = details[0xA431] = CANARY  # picture id, serial number of the camera
    tags.get_ifd(0x8825).update({1: "N", 2: POSITION, 3: "E", 4: (7.0, 5.0, 47.11), 29: CANARY})
    preview = io.BytesIO()
    picture(160, 120).save(preview, "JPEG", comment=CANARY.encode())
    tags.get_ifd(1).update({0x0103: 6, 0x0201: 0, 0x0202: len(preview.getvalue())})
    return tags


def xmp() -> bytes:
    packet = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF>{CANARY}</r:RDF></x:xmpmeta>'
    return packet.encode()


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def press_agency_block() -> bytes:
    """IPTC-IIM inside a Photoshop block: byline and caption."""
    records = b"".join(
        bytes([0x1C, 2, number]) + struct.pack(">H", len(CANARY)) + CANARY.encode() for number in (80, 120, 90)
    )
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records + bytes(len(records) % 2)
    return segment(0xED, b"Photoshop 3.0\0" + block)


def tagged_jpeg(path: Path) -> None:
    plain = io.BytesIO()
    picture().save(plain, "JPEG", exif=tagged_exif(), xmp=xmp(), comment=CANARY.encode())
    preview = io.BytesIO()
    picture(80, 60).save(preview, "JPEG", comment=CANARY.encode())
    more = press_agency_block()
    more += segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 40 + xmp())
    more += segment(0xE0, b"JFXX\0\x10" + preview.getvalue())  # a preview of its own
    more += segment(0xE2, b"MPF\0" + CANARY.encode()) + segment(0xEB, b"JP" + CANARY.encode())
    more += segment(0xFE, CANARY.encode("utf-16-le"))
    content = plain.getvalue()
    path.write_bytes(content[:2] + more + content[2:])


def tagged_png(path: Path) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", CANARY)
    text.add_text("Raw profile type exif", CANARY * 20, zip=True)
    text.add_itxt("XML:com.adobe.xmp", xmp().decode())
    text.add_itxt("Autor", CANARY, "de", "Verfasser", zip=True)
    text.add(b"teXT", CANARY.encode())  # a part nobody knows
    picture().save(path, pnginfo=text, exif=tagged_exif(), icc_profile=named_profile())


def tagged_gif(path: Path) -> None:
    frames = [picture(64, 64), picture(64, 64).rotate(90)]
    frames[0].save(path, save_all=True, append_images=frames[1:], comment=CANARY.encode(), xmp=xmp())
    content = path.read_bytes()
    note = b"!\xff\x0bXMP DataXMP" + xmp() + b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    path.write_bytes(content[:-1] + b"!\xfe" + bytes([len(CANARY)]) + CANARY.encode() + b"\0" + note + b";")


def named_profile() -> bytes:
    return colours.rgb_profile(colours.DISPLAY_P3, 2.2, f"Display of {CANARY}")


WRITERS: dict[str, Callable[[Path], None]] = {
    "jpg": tagged_jpeg,
    "png": tagged_png,
    "gif": tagged_gif,
    "webp": lambda path: picture().save(path, exif=tagged_exif(), xmp=xmp(), icc_profile=named_profile()),
    "avif": lambda path: picture().save(path, exif=tagged_exif(), xmp=xmp(), icc_profile=named_profile()),
}


@pytest.mark.parametrize("extension", WRITERS)
def test_no_photo_keeps_what_the_camera_wrote(extension: str, tmp_path: Path, render: Render) -> None:
    path = tmp_path / f"p.{extension}"
    WRITERS[extension](path)
    with path.open("ab") as file:
        file.write(b"trailing film of a moving photo " + CANARY.encode())
    assert path.read_bytes().count(CANARY.encode()) > 2

    result = render(path, kind="image")

    assert {"thumb", "card", "web", "large"} <= set(result.made)
    assert ("animation" in result.made) == (extension == "gif")
    assert_bare(result)


def test_no_heic_keeps_what_the_camera_wrote(tmp_path: Path, render: Render) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "p.heic"
    shown = picture()
    shown.info["icc_profile"] = named_profile()
    pillow_heif.from_pillow(shown).save(path, exif=tagged_exif().tobytes(), xmp=xmp())
    assert path.read_bytes().count(CANARY.encode()) > 2

    assert_bare(render(path, kind="image"))


def test_the_canaries_would_be_seen(tmp_path: Path) -> None:
    for extension, write in WRITERS.items():
        path = tmp_path / f"p.{extension}"
        write(path)
        seen = Result(pipeline.Facts("image", ""), paths={"original": path})

        assert canaries_in(seen) == ["original"]
    kept = {"original": tmp_path / "p.jpg"}
    with pytest.raises(AssertionError):
        assert_bare(Result(pipeline.Facts("image", ""), paths=kept))


def test_no_sticker_keeps_its_makers_words(tmp_path: Path, render: Render) -> None:
    path, frames = tmp_path / "s.webp", [picture(64, 64), picture(64, 64).rotate(90)]
    frames[0].save(path, save_all=True, append_images=frames[1:], xmp=CANARY.encode(), exif=tagged_exif())
    assert CANARY.encode() in path.read_bytes()

    result = render(path, kind="sticker")

    assert set(result.made) == {"still", "animation"}
    assert_bare(result)


@pytest.mark.parametrize(
    ("extension", "options"),
    [("mp3", ["-c:a", "libmp3lame", "-id3v2_version", "3", "-write_id3v1", "1"]), ("m4a", ["-c:a", "aac"]),
     ("flac", ["-c:a", "flac"]), ("wav", ["-c:a", "pcm_s16le", "-write_bext", "1"])],
)  # fmt: skip
def test_no_sound_keeps_its_tags(extension: str, options: list[str], tmp_path: Path, render: Render) -> None:
    source, path = write_wav(tmp_path / "s.src.wav", sine(1, -20)), tmp_path / f"s.{extension}"
    tags = [f"{tag}={CANARY}" for tag in ("title", "artist", "comment", "location", "description")]
    ffmpeg("-i", source, *(part for tag in tags for part in ("-metadata", tag)), *options, path)
    assert CANARY.encode() in path.read_bytes()

    assert canaries_in(render(path, kind="audio")) == []


def test_no_voice_note_keeps_its_comment(tmp_path: Path, render: Render) -> None:
    path = voice_note(tmp_path / "v.ogg", sine(1, -20), "-metadata", f"comment={CANARY}")
    assert CANARY.encode() in path.read_bytes()

    assert canaries_in(render(path, kind="voice")) == []


@pytest.mark.parametrize("is_transcoded", [False, True])
def test_no_video_keeps_place_name_or_chapters(is_transcoded: bool, tmp_path: Path, render: Render) -> None:
    source, chapters, path = video(tmp_path / "s.mp4", seconds=1), tmp_path / "c.txt", tmp_path / "v.mp4"
    chapters.write_text(f";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=900\ntitle={CANARY}\n")
    tags = [
        "-metadata",
        f"title={CANARY}",
        "-metadata",
        f"comment={CANARY}",
        "-metadata",
        "location=+50.7340+007.0980/",
    ]
    tags += ["-metadata:s:v:0", f"handler_name={CANARY}", "-metadata:s:a:0", f"handler_name={CANARY}"]
    codec = ["-c:v", "mpeg4", "-c:a", "copy"] if is_transcoded else ["-c", "copy"]
    ffmpeg("-i", source, "-i", chapters, "-map", "0", "-map_chapters", "1", *codec, *tags,
           "-movflags", "use_metadata_tags", path)  # fmt: skip
    assert CANARY.encode() in path.read_bytes()

    result = render(path, kind="video")

    assert {"playable", "poster", "preview", "broadcast"} <= set(result.made)
    assert canaries_in(result) == []
    assert b"+50.7340" not in result.paths["playable"].read_bytes()
