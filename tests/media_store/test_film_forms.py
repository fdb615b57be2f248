"""Every form of film a telephone sends becomes one that every browser plays: upright, in step, as long as it was."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from media_store import runner, video
from media_store.recipes import Made
from media_store.runner import Tools
from media_store.video import Way
from tests.media_store.conftest import Render, Result
from tests.media_store.films import X264, amr, flash_and_tone, four_corners, frame_at, measure_sync, needs_encoder
from tests.media_store.material import corners, ffmpeg

IN_STEP_MS = 40.0  # EBU R 37: sound at most 40 ms early
LENGTH_S = 0.1
VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "500k", "-c:a", "libopus")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=30")


def looked_at(path: Path) -> video.Container:
    """What a browser would read off a file of ours."""
    return video.probe_container(path, "mov", runner.default_tools())


def streams(path: Path) -> dict[str, dict[str, Any]]:
    command = [runner.default_tools().ffprobe, "-v", "error", "-of", "json", "-show_streams", "-count_packets", path]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {stream["codec_type"]: stream for stream in answer["streams"]}


def assert_plays_everywhere(result: Result, *, seconds: float) -> video.Container:
    """As long as it was, and in a form every browser plays."""
    made = replace(result.made["playable"], path=result.paths["playable"])
    assert (result.facts.duration_s, made.duration_s) == (pytest.approx(seconds, abs=LENGTH_S),) * 2
    assert "truncated" not in result.facts.flags
    return assert_plays(made)


def assert_plays(made: Made) -> video.Container:
    """H.264 4:2:0 8 bit and AAC or nothing, its index first, its own declarations as we state them."""
    content, found = made.path.read_bytes(), looked_at(made.path)
    assert (found.video_codec, found.audio_codec in ("aac", None)) == ("h264", True)
    assert found.pixel_format in ("yuv420p", "yuvj420p")
    assert 0 < content.find(b"moov") < content.find(b"mdat")
    assert (found.width_px, found.height_px) == (made.width_px, made.height_px)
    assert found.duration_s == pytest.approx(made.duration_s, abs=0.01)
    return found


Built = tuple[Path, Way, float, float]  # file, what is decided, seconds, when the flash comes


def plain(folder: Path) -> Built:
    return flash_and_tone(folder / "v.mp4"), Way.REMUX, 2.0, 1.0


def cut_between_key_frames(folder: Path) -> Built:
    path = folder / "cut.mp4"
    ffmpeg("-ss", "0.7", "-i", flash_and_tone(folder / "s.mp4"), "-c", "copy", path)
    return path, Way.REMUX, 1.3, 0.3


def sound_begins_late(folder: Path) -> Built:
    """Flash and tone keep their times; only the first half second has no sound at all."""
    source, path = flash_and_tone(folder / "s.mp4"), folder / "late.mp4"
    ffmpeg("-i", source, "-ss", "0.5", "-i", source, "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac",
           "-af", "asetpts=PTS+0.5/TB", path)  # fmt: skip
    return path, Way.REMUX, 2.0, 1.0


def pictures_begin_late(folder: Path) -> Built:
    source, path = flash_and_tone(folder / "s.mp4"), folder / "late.mp4"
    ffmpeg("-i", source, "-map", "0", "-vf", "trim=start=0.6", "-c:v", "libx264", "-preset", "ultrafast", "-c:a",
           "copy", path)  # fmt: skip
    return path, Way.REMUX, 2.0, 1.0


def pcm_in_quicktime(folder: Path) -> Built:
    return flash_and_tone(folder / "v.mov", "-c:a", "pcm_s16le"), Way.REMUX_NEW_SOUND, 2.0, 1.0


def hevc_cut_between_key_frames(folder: Path) -> Built:
    needs_encoder("libx265")
    path = folder / "cut.mp4"
    ffmpeg("-ss", "0.7", "-i", flash_and_tone(folder / "s.mp4", *X265), "-c", "copy", path)
    return path, Way.TRANSCODE, 1.3, 0.3


def webm_with_a_hole_in_its_sound(folder: Path) -> Built:
    """A recorder in a browser sends nothing while the microphone is blocked."""
    path = folder / "hole.webm"
    ffmpeg("-i", flash_and_tone(folder / "s.mp4"), *VP8, "-af", "aselect='not(between(t,0.3,0.8))'", path)
    return path, Way.TRANSCODE, 2.0, 1.0


def ten_bit(folder: Path) -> Built:
    return flash_and_tone(folder / "v.mp4", "-pix_fmt", "yuv420p10le"), Way.TRANSCODE, 2.0, 1.0


def a_hundred_and_twenty_a_second(folder: Path) -> Built:
    return flash_and_tone(folder / "v.mp4", "-r", "120"), Way.TRANSCODE, 2.0, 1.0


@pytest.mark.parametrize(
    "build",
    [plain, cut_between_key_frames, sound_begins_late, pictures_begin_late, pcm_in_quicktime,
     hevc_cut_between_key_frames, webm_with_a_hole_in_its_sound, ten_bit, a_hundred_and_twenty_a_second],
)  # fmt: skip
def test_pictures_and_sound_stay_in_step(build: Callable[[Path], Built], tmp_path: Path) -> None:
    path, way, seconds, flash_s = build(tmp_path)
    demuxer, tools = "matroska" if path.suffix == ".webm" else "mov", runner.default_tools()
    container = video.probe_container(path, demuxer, tools)
    assert video.choose(container) is way

    made = video.make_playable(path, demuxer, container, work=tmp_path, tools=tools)

    found = assert_plays(made)
    assert (container.duration_s, made.duration_s) == (pytest.approx(seconds, abs=LENGTH_S),) * 2
    sync = measure_sync(made.path)
    assert sync.off_ms <= IN_STEP_MS
    assert sync.flash_s == pytest.approx(flash_s, abs=IN_STEP_MS / 1000)
    assert found.fps <= video.PLAYABLE_FPS


def test_an_old_telephones_film_is_transcoded_with_its_sound(tmp_path: Path, render: Render) -> None:
    path = tmp_path / "v.3gp"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=176x144:r=15:d=1", "-i", amr(tmp_path / "s.amr", 1), "-c:v", "h263",
           "-c:a", "copy", path)  # fmt: skip

    result = render(path, kind="video")

    assert_plays_everywhere(result, seconds=1.0)
    assert result.facts.mime == "video/3gpp"
    assert {"preview", "broadcast"} <= set(result.made)


def test_a_browsers_recording_that_does_not_say_how_long_it_is(tmp_path: Path, render: Render) -> None:
    source, path = flash_and_tone(tmp_path / "s.webm", *VP8), tmp_path / "piped.webm"
    ffmpeg("-i", source, "-c", "copy", "-live", "1", path)
    assert streams(path)["video"].get("duration") is None

    result = render(path, kind="video", skip={"preview", "peaks", "broadcast"})

    assert_plays_everywhere(result, seconds=2.0)
    assert result.facts.scrub is not None
    assert result.facts.scrub.frames == 10


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
@pytest.mark.parametrize(("turn_deg", "seen"), [(90, "GWRB"), (180, "WBGR"), (270, "BRWG")])
def test_a_turned_film_is_seen_upright(codec: str, turn_deg: int, seen: str, tmp_path: Path, render: Render) -> None:
    still, path = four_corners(tmp_path / "s.mp4", "-c:v", codec, "-pix_fmt", "yuv420p"), tmp_path / "turned.mp4"
    ffmpeg("-i", still, "-c", "copy", "-metadata:s:v:0", f"rotate={turn_deg}", path)
    upright = (160, 120) if turn_deg == 180 else (120, 160)

    result = render(path, kind="video")

    found = assert_plays_everywhere(result, seconds=1.0)
    assert (found.width_px, found.height_px) == (result.facts.width_px, result.facts.height_px) == upright
    assert found.rotation_deg % 360 == (turn_deg if codec == "libx264" else 0)
    with Image.open(result.paths["poster"]) as poster, Image.open(result.paths["scrub"]) as strip:
        assert (poster.size, corners(poster)) == (upright, seen)
        cell = strip.crop((strip.width // 10 * 4, 0, strip.width // 10 * 5, strip.height))
        assert corners(cell) == seen
    assert corners(frame_at(result.paths["playable"], 0.5, tmp_path / "f.png")) == seen


@pytest.mark.parametrize(("codec", "stored"), [("libx264", (160, 120)), ("mpeg4", (212, 120))])
def test_a_film_with_wide_pixels_keeps_its_shape(
    codec: str, stored: tuple[int, int], tmp_path: Path, render: Render
) -> None:
    path = four_corners(tmp_path / "wide.mp4", "-vf", "setsar=4/3", "-c:v", codec, "-pix_fmt", "yuv420p")

    result = render(path, kind="video")

    assert_plays_everywhere(result, seconds=1.0) if codec == "mpeg4" else None
    assert (result.facts.width_px, result.facts.height_px) == (213, 120)
    found = streams(result.paths["playable"])["video"]
    assert (found["width"], found["height"]) == stored
    with Image.open(result.paths["poster"]) as poster:
        assert poster.size == (212, 120)


def test_odd_sizes_become_even(tmp_path: Path, render: Render) -> None:
    path = four_corners(tmp_path / "odd.webm", *VP8, width_px=161, height_px=121)

    found = assert_plays_everywhere(render(path, kind="video"), seconds=1.0)

    assert (found.width_px, found.height_px) == (160, 120)


def test_a_film_of_uneven_rate_keeps_its_frames_and_their_times(tmp_path: Path, render: Render) -> None:
    path = tmp_path / "uneven.webm"
    pick = "select='if(lt(t,0.7),1,if(lt(t,1.4),not(mod(n,3)),not(mod(n,5))))'"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:r=30:d=2", "-vf", pick, "-fps_mode", "vfr", *VP8, path)
    frames = streams(path)["video"]["nb_read_packets"]
    assert int(frames) < 40

    result = render(path, kind="video")

    assert_plays_everywhere(result, seconds=1.9)
    assert streams(result.paths["playable"])["video"]["nb_read_packets"] == frames


@pytest.mark.parametrize(("size", "expected"), [("1920x1080", (1280, 720)), ("1080x1920", (720, 1280))])
def test_high_definition_comes_down_to_720_lines(
    size: str, expected: tuple[int, int], tmp_path: Path, render: Render
) -> None:
    path = tmp_path / "hd.mp4"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:r=30:d=0.2", *X264, path)

    found = assert_plays_everywhere(render(path, kind="video"), seconds=0.2)

    assert (found.width_px, found.height_px) == expected


def hdr_film(path: Path, transfer: str) -> Path:
    needs_encoder("libx265")
    tags = ("-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_trc", transfer)
    return four_corners(path, *X265, "-pix_fmt", "yuv420p10le", *tags)


@pytest.mark.parametrize("transfer", ["arib-std-b67", "smpte2084"])
def test_high_dynamic_range_is_brought_to_what_every_screen_shows(
    transfer: str, tmp_path: Path, render: Render
) -> None:
    result = render(hdr_film(tmp_path / "hdr.mp4", transfer), kind="video")

    has_zscale = runner.has_filter(runner.default_tools(), "zscale")
    assert_plays_everywhere(result, seconds=1.0)
    assert ("hdr" in result.facts.flags) is not has_zscale
    if has_zscale:
        assert streams(result.paths["playable"])["video"]["color_transfer"] == "bt709"


def test_high_dynamic_range_that_does_not_name_its_colours_is_played_too(tmp_path: Path, render: Render) -> None:
    needs_encoder("libx265")
    path = four_corners(tmp_path / "hdr.mp4", *X265, "-pix_fmt", "yuv420p10le", "-color_trc", "arib-std-b67")

    assert_plays_everywhere(render(path, kind="video"), seconds=1.0)


def test_without_the_filter_for_it_high_dynamic_range_is_said_to_look_pale(tmp_path: Path, render: Render) -> None:
    real, lacking = runner.default_tools(), tmp_path / "bin" / "ffmpeg"
    lacking.parent.mkdir()
    lacking.write_text(
        f'#!/bin/sh\ncase "$*" in *-filters*) {real.ffmpeg} "$@" | grep -v zscale; exit;; esac\n'
        f'exec {real.ffmpeg} "$@"\n'
    )
    lacking.chmod(0o755)

    result = render(
        hdr_film(tmp_path / "hdr.mp4", "arib-std-b67"), kind="video", tools=Tools(str(lacking), real.ffprobe)
    )

    assert_plays_everywhere(result, seconds=1.0)
    assert result.facts.flags == ("hdr", "no_sound")


def test_a_film_of_sound_alone_is_a_sound(tmp_path: Path, render: Render) -> None:
    path = tmp_path / "sound.mp4"
    ffmpeg("-i", flash_and_tone(tmp_path / "s.mp4"), "-map", "0:a", "-c", "copy", path)

    result = render(path, kind="video")

    assert (result.facts.kind, result.facts.mime) == ("audio", "audio/mp4")
    assert {"preview", "peaks", "broadcast"} <= set(result.made)
    assert not {"poster", "scrub", "playable"} & set(result.made)
    assert result.facts.duration_s == pytest.approx(2.0, abs=LENGTH_S)
