"""Stills of a video: a poster that is not black, and a strip of ten frames to look through it with the mouse.

One process makes both: it seeks to ten points evenly spread and decodes the key frame before each, which costs about
as much as a single still. Only where key frames are too far apart, as in short clips, the pictures in between are
decoded too, within a stated budget. Which of the ten shows something is decided on grey miniatures, on plain values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from media_store import recipes, runner, video
from media_store.errors import Corrupt, MediaFailure
from media_store.recipes import Made
from media_store.runner import POSTER_LIMITS, Tools
from media_store.video import BARE, Container

FRAMES = 10
CELL_PX = (160, 284)  # 16:9 across, and the same upright
POSTER_PX = (640, 1280)
MINI_PX = (32, 18)
MOST_DECODED_PX = 600_000_000  # two seconds of one core; 16 s at 1280 × 720 and 30 fps
SEEKING_FROM_PX = 60_000_000  # less than this is decoded sooner than sought
USUAL_FPS = 30.0
FLAT_SPREAD = 10.0  # of 255; sensor noise in the dark stays below 5
DARK, BRIGHT = 32, 224
TELLING_SHARE = 0.6  # of what the frames in the middle show; a fade has reached it when it is nearly over

Minis = NDArray[np.uint8]


@dataclass(frozen=True)
class Strip:
    """The form of a scrub strip: `frames` pictures from left to right in `columns` places of one size."""

    frames: int
    columns: int
    width_px: int
    height_px: int


@dataclass(frozen=True)
class Stills:
    """What `make_stills` leaves in the working folder."""

    poster: Made
    scrub: Made
    strip: Strip


@dataclass(frozen=True)
class _Take:
    """Frames of one process: files of candidates for the poster by place, a miniature of each, and the strip."""

    candidates: list[Path]
    minis: Minis  # (frames, 18, 32)
    sprite: Path


@dataclass(frozen=True)
class _Shot:
    """What is to be photographed, with everything the commands need."""

    path: Path
    demuxer: str
    container: Container
    work: Path
    tools: Tools

    @property
    def step_s(self) -> float:
        return max(0.001, (self.container.duration_s or 0.0) / FRAMES)

    @property
    def decoded_px(self) -> float:
        """How much decoding all of it means."""
        size = (self.container.width_px or 0) * (self.container.height_px or 0)
        return FRAMES * self.step_s * (self.container.fps or USUAL_FPS) * size

    @property
    def cell(self) -> tuple[int, int]:
        return video.fit(self.container.width_px or CELL_PX[0], self.container.height_px or CELL_PX[1], *CELL_PX)

    @property
    def poster(self) -> tuple[int, int]:
        return video.fit(self.container.width_px or POSTER_PX[0], self.container.height_px or POSTER_PX[1], *POSTER_PX)


def make_stills(path: Path, demuxer: str, container: Container, *, work: Path, tools: Tools) -> Stills:
    """Make poster and strip. A file that breaks off has fewer frames, at least one. Raises Corrupt if there is none."""
    shot = _Shot(path, demuxer, container, work, tools)
    take = _take(shot)
    shown = take if shows_something(take.minis) else _beginning(shot) or take
    width, height = shot.poster
    best = shown.candidates[choose_poster(shown.minis)]
    poster = recipes.describe(recipes.POSTER, best, width_px=width, height_px=height)
    cell_width, cell_height = shot.cell
    strip = Strip(len(take.candidates), FRAMES, cell_width, cell_height)
    scrub = recipes.describe(recipes.SCRUB, take.sprite, width_px=cell_width * FRAMES, height_px=cell_height)
    return Stills(poster, scrub, strip)


def _take(shot: _Shot) -> _Take:
    """The cheapest way that gives ten different frames; failing that, what there is."""
    sought = None
    if shot.decoded_px >= SEEKING_FROM_PX:
        sought = _tried(_seek_key_frames, shot)
        if sought is not None and (not has_repeats(sought.minis) or shot.decoded_px > MOST_DECODED_PX):
            return sought
    return _tried(_decode_all, shot) or sought or _only_first(shot)


def _tried(way: Callable[[_Shot], _Take | None], shot: _Shot) -> _Take | None:
    """None also for what a file would not stand, or a machine with much to do: there is a cheaper way after it."""
    try:
        return way(shot)
    except MediaFailure:
        return None


def _seek_key_frames(shot: _Shot) -> _Take | None:
    """Ten inputs, one key frame of each; None unless all ten are there. One thread each: ten decoders are open."""
    options = runner.input_options(shot.demuxer, shot.path, threads=1)
    inputs, graph = [], []
    for place in range(FRAMES):
        at_s = (place + 0.5) * shot.step_s
        inputs += ["-noaccurate_seek", "-ss", f"{at_s:.3f}", "-skip_frame", "nokey", *options]
        graph.append(f"[{place}:V:0]trim=end_frame=1,setpts=0,{_large(shot)},split[p{place}][c{place}]")
        graph.append(f"[c{place}]{_small(shot)}[s{place}]")
    row = "".join(f"[s{place}]" for place in range(FRAMES))
    graph.append(f"{row}hstack=inputs={FRAMES},{_split_off_minis()}")
    files = [shot.work / f"sought-{place}.jpg" for place in range(FRAMES)]
    outputs = [word for place, file in enumerate(files) for word in _jpeg(f"[p{place}]", file, "1")]
    sprite = shot.work / "sought.jpg"
    minis = _run(shot, inputs, graph, outputs, sprite)
    return None if minis is None else _Take(files, minis, sprite)


def _decode_all(shot: _Shot) -> _Take | None:
    """One pass from the beginning, without the frames no other depends on; None if nothing could be decoded."""
    inputs = ["-skip_frame", "noref", *runner.input_options(shot.demuxer, shot.path)]
    pick = f"select='gte(t,(selected_n+0.5)*{shot.step_s:.4f})'"
    return _in_order(shot, inputs, pick, "full")


def _beginning(shot: _Shot) -> _Take | None:
    """As much as the budget allows, where that is not all: a film of a single key frame may well begin in the dark."""
    if shot.decoded_px <= MOST_DECODED_PX:
        return None
    affordable_s = (shot.container.duration_s or 0.0) * MOST_DECODED_PX / shot.decoded_px
    return _tried(_decode_all, replace(shot, container=replace(shot.container, duration_s=affordable_s)))


def _only_first(shot: _Shot) -> _Take:
    """Whatever comes first. Raises Corrupt if nothing does, or what the tool says is in its way."""
    inputs = runner.input_options(shot.demuxer, shot.path)
    first = _in_order(shot, inputs, "trim=end_frame=1", "first")
    if first is None:
        raise Corrupt("no frame could be decoded")
    return first


def _in_order(shot: _Shot, inputs: list[str], pick: str, name: str) -> _Take | None:
    graph = [f"[0:V:0]{pick},{_large(shot)},split[p][c]", f"[c]{_small(shot)},tile={FRAMES}x1,{_split_off_minis()}"]
    outputs = _jpeg("[p]", shot.work / f"{name}-%d.jpg", str(FRAMES), "-start_number", "0")
    sprite = shot.work / f"{name}.jpg"
    minis = _run(shot, inputs, graph, outputs, sprite)
    files = [file for place in range(FRAMES) if (file := shot.work / f"{name}-{place}.jpg").exists()]
    return _Take(files, minis[: len(files)], sprite) if files and minis is not None else None


def _large(shot: _Shot) -> str:
    width, height = shot.poster
    # one of two fields is enough for a still, and needs no neighbours
    field = ["field=top"] if shot.container.is_interlaced else []
    return ",".join([*field, *video.shown_as(shot.container, width, height, shot.tools), "format=yuvj420p"])


def _small(shot: _Shot) -> str:
    width, height = shot.cell
    return f"scale={width}:{height}"


def _split_off_minis() -> str:
    return f"split[strip][m];[m]scale={MINI_PX[0] * FRAMES}:{MINI_PX[1]}:flags=area,format=gray[minis]"


def _jpeg(source: str, file: Path, frames: str, *more: str) -> list[str]:
    alone = [] if more else ["-update", "1"]
    # one thread each: a dozen encoders with stacks of their own do not fit beside ten decoders of 3840 × 2160
    form = ["-threads", "1", "-q:v", "4", "-flags:v", "+bitexact", *BARE, "-f", "image2", *alone, *more]
    return ["-map", source, "-frames:v", frames, "-fps_mode", "passthrough", *form, "-y", f"file:{file}"]


def _run(shot: _Shot, inputs: list[str], graph: list[str], outputs: list[str], sprite: Path) -> Minis | None:
    """Miniatures of all places, with strip and candidates in the working folder; None unless all were made."""
    command = [shot.tools.ffmpeg, "-hide_banner", "-nostats", *inputs, "-filter_complex_threads", "1"]
    command += ["-filter_complex", ";".join(graph), *outputs]
    command += _jpeg("[strip]", sprite, "1")
    command += ["-map", "[minis]", "-frames:v", "1", "-f", "rawvideo", "pipe:1"]
    answer = runner.run(command, limits=POSTER_LIMITS, cwd=shot.work, read_stdout=True).stdout
    width, height = MINI_PX
    if len(answer) != width * height * FRAMES or not sprite.exists():
        return None
    return np.frombuffer(answer, dtype=np.uint8).reshape(height, FRAMES, width).swapaxes(0, 1)


def has_repeats(minis: Minis) -> bool:
    """Whether two neighbours are the very same picture: one key frame for both. Pure."""
    return bool((minis[1:] == minis[:-1]).all(axis=(1, 2)).any())


def choose_poster(minis: Minis) -> int:
    """The first frame that shows something: neither black, nor white, nor of one colour, nor half faded in. Pure.

    If all are flat, the least flat; if all are alike, as in a wholly black video, the first.
    """
    spread, shows = minis.std(axis=(1, 2)), _shows(minis)
    if not shows.any():
        return int(np.argmax(spread))
    enough = shows & (spread >= TELLING_SHARE * np.median(spread[shows]))
    return int(np.argmax(enough))


def shows_something(minis: Minis) -> bool:
    """Whether any of them is a picture at all. Pure."""
    return bool(_shows(minis).any())


def _shows(minis: Minis) -> NDArray[np.bool_]:
    low, high = np.percentile(minis, (10, 90), axis=(1, 2))
    shows: NDArray[np.bool_] = (minis.std(axis=(1, 2)) >= FLAT_SPREAD) & (high > DARK) & (low < BRIGHT)
    return shows
