"""What a telephone writes into a file about its owner is in no rendition. Canaries in every hidden place."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from tests.media_store.conftest import Render, Result
from tests.media_store.material import ffmpeg, picture, sine, video, voice_note, write_wav

CANARY = "CANARY4711"


def canaries_in(result: Result) -> list[str]:
    needles = [
        CANARY.encode(),
        CANARY.encode("utf-16-le"),
        CANARY.encode("utf-16-be"),
        b"Exif\0\0",
        b"http://ns.adobe.com",
    ]
    return [
        profile
        for profile, path in result.paths.items()
        for content in [path.read_bytes()]
        if any(needle in content for needle in needles)
    ]


def tagged_exif() -> Image.Exif:
    tags = Image.Exif()
    tags[0x010E] = CANARY  # description
    tags[0x010F] = CANARY  # maker
    tags.get_ifd(0x8825).update({1: "N", 2: (50.0, 44.0, 1.0), 3: "E", 4: (7.0, 5.0, 1.0), 29: CANARY})  # GPS
    tags.get_ifd(0x8769)[0x927C] = CANARY.encode()  # maker note
    return tags


def text_chunks() -> PngImagePlugin.PngInfo:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", CANARY)
    text.add_itxt("XML:com.adobe.xmp", f"<x:xmpmeta>{CANARY}</x:xmpmeta>")
    return text


@pytest.mark.parametrize(
    ("extension", "options"),
    [
        ("jpg", {"comment": CANARY.encode(), "xmp": f"<x>{CANARY}</x>".encode()}),
        ("png", {"pnginfo": text_chunks()}),
        ("webp", {"xmp": f"<x>{CANARY}</x>".encode()}),
        ("avif", {"xmp": f"<x>{CANARY}</x>".encode()}),
    ],
)
def test_no_photo_keeps_what_the_camera_wrote(
    extension: str, options: dict[str, object], tmp_path: Path, render: Render
) -> None:
    path = tmp_path / f"p.{extension}"
    picture().save(path, exif=tagged_exif(), **options)  # type: ignore[arg-type]
    with path.open("ab") as file:
        file.write(b"trailing film of a moving photo " + CANARY.encode())
    assert CANARY.encode() in path.read_bytes()

    result = render(path, kind="image")

    assert len(result.made) == 3
    assert canaries_in(result) == []


def test_no_heic_keeps_what_the_camera_wrote(tmp_path: Path, render: Render) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "p.heic"
    pillow_heif.from_pillow(picture()).save(path, exif=tagged_exif().tobytes(), xmp=CANARY.encode())
    assert CANARY.encode() in path.read_bytes()

    assert canaries_in(render(path, kind="image")) == []


def test_no_sticker_keeps_its_makers_words(tmp_path: Path, render: Render) -> None:
    path, frames = tmp_path / "s.webp", [picture(64, 64), picture(64, 64).rotate(90)]
    frames[0].save(path, save_all=True, append_images=frames[1:], xmp=CANARY.encode(), exif=tagged_exif())
    assert CANARY.encode() in path.read_bytes()

    result = render(path, kind="sticker")

    assert set(result.made) == {"still", "animation"}
    assert canaries_in(result) == []


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
