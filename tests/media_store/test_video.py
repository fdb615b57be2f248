"""Videos become something every browser plays, a picture, and a sound clip of their own."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from media_store import runner, video
from media_store.errors import TooLarge, TooLong, Truncated, Unsupported
from media_store.video import Container, Way
from tests.media_store.conftest import Render
from tests.media_store.material import ffmpeg
from tests.media_store.material import video as make_video

PHONE = Container(20.0, "h264", "aac", "yuv420p", 848, 480, 30.0, 1_500_000, 0, is_hdr=False, streams=2)


def streams(path: Path) -> dict[str, dict[str, Any]]:
    command = [runner.default_tools().ffprobe, "-v", "error", "-of", "json", "-show_streams", path]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {stream["codec_type"]: stream for stream in answer["streams"]}


def starts_with_its_index(path: Path) -> bool:
    """Whether the MP4 can be played while it is still loading."""
    content = path.read_bytes()
    return 0 < content.find(b"moov") < content.find(b"mdat")


@pytest.mark.parametrize(
    ("found", "way"),
    [
        (PHONE, Way.REMUX),
        (replace(PHONE, audio_codec=None), Way.REMUX),
        (replace(PHONE, rotation_deg=-90), Way.REMUX),
        (replace(PHONE, pixel_format="yuvj420p"), Way.REMUX),
        (replace(PHONE, audio_codec="amr_nb"), Way.REMUX_NEW_SOUND),
        (replace(PHONE, video_codec="hevc"), Way.TRANSCODE),
        (replace(PHONE, pixel_format="yuv420p10le"), Way.TRANSCODE),
        (replace(PHONE, width_px=1920, height_px=1080), Way.TRANSCODE),
        (replace(PHONE, width_px=480, height_px=1920), Way.TRANSCODE),
        (replace(PHONE, fps=60.0), Way.TRANSCODE),
        (replace(PHONE, bit_rate=17_000_000), Way.TRANSCODE),
        (replace(PHONE, rotation_deg=13), Way.TRANSCODE),
    ],
)
def test_only_what_every_browser_plays_is_repacked(found: Container, way: Way) -> None:
    assert video.choose(found) is way


@pytest.mark.parametrize(
    ("found", "failure", "message"),
    [
        (replace(PHONE, duration_s=601.0), TooLong, "Longer than 10 minutes. Ask for a shorter one."),
        (replace(PHONE, width_px=8192), TooLarge, "Larger than 4096 × 4096. Ask for a smaller one."),
        (replace(PHONE, streams=5), Unsupported, None),
    ],
)
def test_limits_are_said_in_words(found: Container, failure: type[Exception], message: str | None) -> None:
    with pytest.raises(failure) as refusal:
        video.refuse_over_limits(found, 1_000_000)

    assert message is None or getattr(refusal.value, "message") == message  # noqa: B009


def test_more_than_a_hundred_megabytes_are_refused() -> None:
    with pytest.raises(TooLarge):
        video.refuse_over_limits(PHONE, 100_000_001)


def test_a_phone_video_gets_all_its_renditions(tmp_path: Path, render: Render) -> None:
    result = render(make_video(tmp_path / "v.mp4"), kind="video")

    assert list(result.made) == ["poster", "scrub", "playable", "preview", "peaks", "broadcast", "peaks_fine"]
    assert (result.facts.kind, result.facts.mime) == ("video", "video/mp4")
    assert (result.facts.width_px, result.facts.height_px) == (320, 240)
    assert result.facts.duration_s == pytest.approx(2.0, abs=0.1)
    assert result.made["broadcast"].loudness_lufs == pytest.approx(-23.0, abs=0.5)
    assert starts_with_its_index(result.paths["playable"])


def test_repacking_keeps_the_pictures_as_they_are(tmp_path: Path, render: Render) -> None:
    path = make_video(tmp_path / "v.mp4")

    playable = render(path, kind="video").paths["playable"]

    assert digest_of_pictures(playable) == digest_of_pictures(path)


def digest_of_pictures(path: Path) -> str:
    command = [runner.default_tools().ffmpeg, "-v", "error", "-i", path, "-map", "0:v", "-f", "md5", "-"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_poster_is_a_picture_of_it(tmp_path: Path, render: Render) -> None:
    result = render(make_video(tmp_path / "v.mp4", size="848x480"), kind="video")

    with Image.open(result.paths["poster"]) as poster:
        assert poster.format == "JPEG"
        assert poster.size == (result.made["poster"].width_px, result.made["poster"].height_px) == (640, 362)


@pytest.mark.parametrize(
    ("extension", "options"),
    [
        ("webm", ["-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"]),
        ("mov", ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p", "-c:a", "pcm_s16le"]),
        ("3gp", ["-c:v", "h263", "-s", "352x288", "-c:a", "aac"]),
    ],
)
def test_what_not_every_browser_plays_is_transcoded(
    extension: str, options: list[str], tmp_path: Path, render: Render
) -> None:
    source, path = make_video(tmp_path / "s.mp4", seconds=1), tmp_path / f"v.{extension}"
    ffmpeg("-i", source, *options, path)

    found = streams(render(path, kind="video").paths["playable"])

    assert (found["video"]["codec_name"], found["video"]["pix_fmt"]) == ("h264", "yuv420p")
    assert (found["audio"]["codec_name"], found["audio"]["sample_rate"]) == ("aac", "48000")


def test_large_and_fast_pictures_come_down(tmp_path: Path, render: Render) -> None:
    result = render(make_video(tmp_path / "v.mp4", size="1920x1080", rate=60, seconds=0.5), kind="video")

    found = streams(result.paths["playable"])["video"]
    assert (found["width"], found["height"], found["avg_frame_rate"]) == (1280, 720, "30/1")
    assert (result.made["playable"].width_px, result.made["playable"].height_px) == (1280, 720)
    assert (result.facts.width_px, result.facts.height_px) == (1920, 1080)


def test_a_turned_video_tells_the_size_it_is_shown_in(tmp_path: Path, render: Render) -> None:
    source, path = make_video(tmp_path / "s.mp4", seconds=1), tmp_path / "turned.mp4"
    ffmpeg("-i", source, "-c", "copy", "-metadata:s:v:0", "rotate=90", path)

    result = render(path, kind="video")

    assert (result.facts.width_px, result.facts.height_px) == (240, 320)
    with Image.open(result.paths["poster"]) as poster:
        assert poster.size == (240, 320)


def test_a_video_without_sound_is_no_error(tmp_path: Path, render: Render) -> None:
    result = render(make_video(tmp_path / "mute.mp4", has_sound=False), kind="video")

    assert result.facts.flags == ("no_sound",)
    assert list(result.made) == ["poster", "scrub", "playable"]


def test_a_cover_does_not_make_a_song_a_video(tmp_path: Path, render: Render) -> None:
    cover, path = tmp_path / "cover.jpg", tmp_path / "song.m4a"
    Image.new("RGB", (100, 100), "red").save(cover)
    ffmpeg("-f", "lavfi", "-i", "sine=440:duration=2", "-i", cover, "-map", "0", "-map", "1", "-c:v", "copy",
           "-disposition:v:0", "attached_pic", path)  # fmt: skip

    result = render(path, kind="audio")

    assert result.facts.kind == "audio"
    assert list(result.made) == ["preview", "peaks", "broadcast", "peaks_fine"]


def test_a_video_cut_before_its_index_is_said_to_be_incomplete(tmp_path: Path, render: Render) -> None:
    whole, path = make_video(tmp_path / "w.mp4"), tmp_path / "half.mp4"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    with pytest.raises(Truncated) as refusal:
        render(path, kind="video")

    assert refusal.value.message == "Part of the file is missing, and nothing in it can be used. Ask for it again."


def test_a_video_cut_behind_its_index_is_kept_as_far_as_it_goes(tmp_path: Path, render: Render) -> None:
    source, whole = make_video(tmp_path / "s.mp4", seconds=6), tmp_path / "w.mp4"
    ffmpeg("-i", source, "-c", "copy", "-movflags", "+faststart", whole)
    path = tmp_path / "half.mp4"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    result = render(path, kind="video")

    assert "truncated" in result.facts.flags
    assert result.facts.duration_s is not None
    assert 1.0 < result.facts.duration_s < 5.0
    assert "playable" in result.made


def test_an_enormous_frame_is_refused(tmp_path: Path, render: Render) -> None:
    path = tmp_path / "huge.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=8192x8192:r=1:d=1", "-c:v", "libx264", "-preset", "ultrafast",
           "-frames:v", "1", path)  # fmt: skip

    with pytest.raises(TooLarge):
        render(path, kind="video")


def test_the_last_frame_of_a_very_short_clip_is_there(tmp_path: Path, render: Render) -> None:
    result = render(make_video(tmp_path / "v.mp4", seconds=0.2, has_sound=False), kind="video")

    assert "truncated" not in result.facts.flags
    assert set(result.made) == {"poster", "scrub", "playable"}
