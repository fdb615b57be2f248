"""Odd but real forms of film: turned over, in fields, of ten bits and full range, with sound that comes late or stops.

What must come out: the picture as the camera meant it, in colours and steps of time as recorded, in every browser.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from media_store import frames, runner, video
from media_store.video import Way
from tests.media_store.conftest import Render
from tests.media_store.films import (
    X264,
    combs,
    flash_and_tone,
    four_corners,
    frame_at,
    measure_sync,
    needs_encoder,
    set_matrix,
)
from tests.media_store.material import corners, ffmpeg

IN_STEP_MS = 40.0
BAR = "color=black:s=160x120:r=50:d=0.8[b];color=white:s=30x120:r=50:d=0.8[w];[b][w]overlay=x='t*150'"
FIELDS = ("-flags", "+ilme+ildct", "-x264opts", "tff=1")
X265 = ("-c:v", "libx265", "-preset", "ultrafast")


def looked_at(path: Path) -> video.Container:
    return video.probe_container(path, "mov", runner.default_tools())


def playable(path: Path, folder: Path) -> Path:
    return video.make_playable(path, "mov", looked_at(path), work=folder, tools=runner.default_tools()).path


@pytest.mark.parametrize(
    ("matrix", "size", "seen"),
    [
        ((-1, 0, 0, 1), (160, 120), "GRWB"),
        ((1, 0, 0, -1), (160, 120), "BWRG"),
        ((0, 1, 1, 0), (120, 160), "RBGW"),
        ((0, -1, -1, 0), (120, 160), "WGBR"),
    ],
    ids=["left for right", "top for bottom", "turned and mirrored", "turned back and mirrored"],
)
def test_a_mirrored_film_is_made_anew_for_browsers_that_only_turn(
    matrix: tuple[int, int, int, int], size: tuple[int, int], seen: str, tmp_path: Path, render: Render
) -> None:
    path = set_matrix(four_corners(tmp_path / "v.mp4"), *matrix)
    assert video.choose(looked_at(path)) is Way.TRANSCODE

    result = render(path, kind="video")

    made = looked_at(result.paths["playable"])
    assert (made.rotation_deg, made.is_mirrored) == (0, False)
    assert (made.width_px, made.height_px) == (result.facts.width_px, result.facts.height_px) == size
    assert corners(frame_at(result.paths["playable"], 0.5, tmp_path / "f.png")) == seen
    with Image.open(result.paths["poster"]) as poster:
        assert (poster.size, corners(poster)) == (size, seen)


@pytest.mark.parametrize("matrix", [(1, 0, 0, 1), (-1, 0, 0, -1), (0, 1, -1, 0), (0, -1, 1, 0)])
def test_a_film_that_is_only_turned_is_still_repacked(matrix: tuple[int, int, int, int], tmp_path: Path) -> None:
    assert video.choose(looked_at(set_matrix(four_corners(tmp_path / "v.mp4"), *matrix))) is Way.REMUX


def test_a_film_in_fields_is_shown_without_combs(tmp_path: Path, render: Render) -> None:
    path, whole = tmp_path / "fields.mp4", tmp_path / "whole.mp4"
    ffmpeg("-f", "lavfi", "-i", f"{BAR},tinterlace=interleave_top", *X264, *FIELDS, path)
    ffmpeg("-f", "lavfi", "-i", BAR.replace("r=50", "r=25"), *X264, whole)
    combed = combs(frame_at(path, 0.4, tmp_path / "f.png"))
    assert combed > 5

    result = render(path, kind="video")

    assert looked_at(result.paths["playable"]).fps == pytest.approx(25)
    assert combs(frame_at(result.paths["playable"], 0.4, tmp_path / "f.png")) < combed / 5
    with Image.open(result.paths["poster"]) as poster:
        assert (poster.size, combs(poster) < combed / 5) == ((160, 120), True)
    assert video.choose(looked_at(whole)) is Way.REMUX


def test_odd_edges_of_finer_colour_become_even(tmp_path: Path) -> None:
    finer = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p")
    path = four_corners(tmp_path / "odd.mp4", *finer, width_px=161, height_px=121)

    made = looked_at(playable(path, tmp_path))

    assert (made.width_px, made.height_px, made.pixel_format) == (160, 120, "yuv420p")
    assert (looked_at(path).width_px, looked_at(path).height_px) == (161, 121)


@pytest.mark.parametrize(
    ("options", "way"),
    [
        (("-c:v", "libx264", "-pix_fmt", "yuvj420p"), Way.REMUX),
        (("-c:v", "libx264", "-pix_fmt", "yuv420p10le"), Way.TRANSCODE),
        (("-vf", "scale=out_range=full", "-c:v", "libx264", "-pix_fmt", "yuv420p10le", "-color_range", "pc"),
         Way.TRANSCODE),
        ((*X265, "-x265-params", "log-level=none", "-pix_fmt", "yuv420p10le"), Way.TRANSCODE),
        ((*X265, "-x265-params", "log-level=none:range=full", "-pix_fmt", "yuvj420p"), Way.TRANSCODE),
    ],
    ids=["full range", "ten bits", "ten bits of full range", "HEVC of ten bits", "HEVC of full range"],
)  # fmt: skip
def test_colours_come_out_as_recorded(options: tuple[str, ...], way: Way, tmp_path: Path) -> None:
    if "libx265" in options:
        needs_encoder("libx265")
    path = four_corners(tmp_path / "v.mp4", *options)
    recorded = np.asarray(frame_at(path, 0.4, tmp_path / "f.png"), dtype=int)

    made = playable(path, tmp_path)

    assert (video.choose(looked_at(path)), looked_at(path).is_hdr) == (way, False)
    assert looked_at(made).pixel_format in ("yuv420p", "yuvj420p")
    shown = np.asarray(frame_at(made, 0.4, tmp_path / "f.png"), dtype=int)
    assert np.abs(shown - recorded).mean() < 3


@pytest.mark.parametrize("late", [False, True], ids=["stops early", "begins late"])
def test_sound_shorter_than_the_pictures_is_not_called_incomplete(late: bool, tmp_path: Path, render: Render) -> None:
    source, path = flash_and_tone(tmp_path / "s.mp4"), tmp_path / "v.mp4"
    part = "atrim=start=0.7" if late else "atrim=end=1.3"
    ffmpeg("-i", source, "-map", "0", "-c:v", "copy", "-c:a", "aac", "-af", part, path)

    result = render(path, kind="video", skip={"poster", "scrub", "broadcast", "peaks", "peaks_fine"})

    assert "truncated" not in result.facts.flags
    assert result.facts.duration_s == pytest.approx(2.0, abs=0.1)
    assert result.made["preview"].duration_s == pytest.approx(1.3, abs=0.1)
    sync = measure_sync(result.paths["playable"])
    assert sync.off_ms <= IN_STEP_MS


def test_of_several_sounds_the_first_is_taken_everywhere(tmp_path: Path, render: Render) -> None:
    path = tmp_path / "v.mp4"
    ffmpeg("-i", flash_and_tone(tmp_path / "s.mp4"), "-f", "lavfi", "-i", "anoisesrc=d=2", "-map", "0", "-map", "1",
           "-map", "1", "-c:v", "copy", "-c:a", "aac", path)  # fmt: skip

    result = render(path, kind="video", skip={"poster", "scrub", "broadcast", "peaks", "peaks_fine"})

    made = looked_at(result.paths["playable"])
    assert (looked_at(path).streams, made.streams) == (4, 2)
    assert measure_sync(result.paths["playable"]).off_ms <= IN_STEP_MS
    assert result.facts.cue_in_s == pytest.approx(1.0, abs=0.4)


def test_a_long_film_of_a_single_key_frame_in_the_dark_has_a_poster_that_shows_something(tmp_path: Path) -> None:
    path, tools = tmp_path / "v.mp4", runner.default_tools()
    dark = "color=black:s=320x180:r=10:d=2[b];testsrc2=s=320x180:r=10:d=11[s];[b][s]concat=n=2:v=1"
    ffmpeg("-f", "lavfi", "-i", dark, *X264, "-g", "9999", "-sc_threshold", "0", path)
    container = replace(looked_at(path), fps=1000.0)  # more to decode than is spent on stills

    made = frames.make_stills(path, "mov", container, work=tmp_path, tools=tools)

    assert made.strip.frames == frames.FRAMES
    with Image.open(made.poster.path) as poster:
        assert np.asarray(poster.convert("L")).std() > frames.FLAT_SPREAD
