"""The poster of a film shows something, the strip shows all of it, and neither costs what decoding all of it would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from media_store import frames, runner, video
from media_store.frames import Stills
from tests.media_store.films import X264
from tests.media_store.material import ffmpeg

ACROSS = 10
LEAD_IN = "color=black:s=320x180:r=25:d={black}[b];testsrc2=s=320x180:r=25:d={shown}[s];[b][s]concat=n=2:v=1"


def film(path: Path, graph: str, *options: str) -> Path:
    ffmpeg("-f", "lavfi", "-i", graph, *X264, *options, path)
    return path


def stills_of(path: Path) -> Stills:
    tools = runner.default_tools()
    container = video.probe_container(path, "mov", tools)
    return frames.make_stills(path, "mov", container, work=path.parent, tools=tools)


def grey(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))


@pytest.mark.parametrize(
    "graph",
    [
        LEAD_IN.format(black=2, shown=4),
        LEAD_IN.format(black=2, shown=0.5),
        LEAD_IN.format(black=2, shown=4).replace("black", "white"),
        LEAD_IN.format(black=2, shown=4).replace("black", "0x2040c0"),
        "testsrc2=s=320x180:r=25:d=6,fade=in:st=0.5:d=3",
        "testsrc2=s=320x180:r=25:d=6,drawbox=c=white:t=fill:enable='lt(mod(t,2),0.4)'",
    ],
    ids=["black lead-in", "mostly black", "white lead-in", "blue lead-in", "fade-in", "flashes"],
)
def test_the_poster_shows_something(graph: str, tmp_path: Path) -> None:
    poster = grey(stills_of(film(tmp_path / "v.mp4", graph)).poster.path)

    assert poster.std() > 35, "the test picture itself has 62, a plain one none"
    assert 40 < poster.mean() < 200


def test_the_poster_of_a_wholly_black_film_is_black(tmp_path: Path) -> None:
    made = stills_of(film(tmp_path / "v.mp4", "color=black:s=320x180:r=25:d=3"))

    assert grey(made.poster.path).max() < 10
    assert made.strip.frames == ACROSS


def test_the_strip_is_spread_evenly_over_the_whole_film(tmp_path: Path) -> None:
    """The film grows brighter by the second; a key frame comes but once, so everything is decoded."""
    path = film(tmp_path / "v.mp4", "color=black:s=320x180:r=25:d=5,geq=lum='20+T*42':cb=128:cr=128", "-g", "999")

    made = stills_of(path)

    assert (made.strip.frames, made.strip.columns) == (10, 10)
    strip = grey(made.scrub.path)
    assert strip.shape == (made.strip.height_px, made.strip.width_px * ACROSS) == (90, 1600)
    levels = [float(cell.mean()) for cell in np.split(strip, ACROSS, axis=1)]
    assert np.diff(levels) == pytest.approx(np.full(9, np.diff(levels).mean()), abs=4)
    assert levels == sorted(levels)


def test_key_frames_are_sought_where_there_are_enough(tmp_path: Path) -> None:
    """Large enough that decoding all of it would cost; a second apart, key frames tell the ten places apart."""
    path = film(tmp_path / "v.mp4", "color=black:s=640x360:r=25:d=14,geq=lum='20+T*15':cb=128:cr=128", "-g", "25")

    made = stills_of(path)

    assert made.scrub.path.name == "sought.jpg"
    levels = [float(cell.mean()) for cell in np.split(grey(made.scrub.path), ACROSS, axis=1)]
    assert levels == sorted(set(levels))
    assert levels[-1] - levels[0] > 150


def test_a_film_that_breaks_off_has_a_strip_of_what_is_there(tmp_path: Path) -> None:
    path = film(tmp_path / "v.mp4", "testsrc2=s=640x360:r=25:d=14", "-g", "25", "-movflags", "+faststart")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])

    made = stills_of(path)

    assert 3 <= made.strip.frames < ACROSS
    assert grey(made.poster.path).std() > 35


def test_a_film_of_one_frame_has_a_poster_and_a_strip_of_one(tmp_path: Path) -> None:
    made = stills_of(film(tmp_path / "v.mp4", "testsrc2=s=320x180:r=25:d=1", "-frames:v", "1"))

    assert (made.strip.frames, made.strip.columns) == (1, 10)


def miniatures(*levels: tuple[int, int]) -> frames.Minis:
    """Frames of two halves, dark and bright."""
    made = np.zeros((len(levels), 18, 32), dtype=np.uint8)
    for place, (left, right) in enumerate(levels):
        made[place, :, :16], made[place, :, 16:] = left, right
    return made


@pytest.mark.parametrize(
    ("levels", "best"),
    [
        ([(10, 200), (10, 220)], 0),
        ([(0, 0), (255, 255), (90, 90), (20, 180)], 3),
        ([(0, 30), (0, 60), (10, 150), (10, 220), (10, 220)], 2),
        ([(0, 0), (0, 0)], 0),
        ([(0, 4), (0, 9), (0, 6)], 1),
    ],
)
def test_the_first_frame_that_shows_something_is_chosen(levels: list[tuple[int, int]], best: int) -> None:
    assert frames.choose_poster(miniatures(*levels)) == best
