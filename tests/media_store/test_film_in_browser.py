"""What we make of a film plays in a real browser: upright, in its shape, as long as it was, at its own times."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from media_store import runner, video
from tests.media_store.films import X264, flash_and_tone, four_corners, needs_encoder
from tests.media_store.material import ffmpeg

pytestmark = pytest.mark.browser
# Colours of the four quarters at a time, as names, and what the browser says of the film.
LOOK = """async ([film, at_s]) => {
  const bytes = Uint8Array.from(atob(film), (sign) => sign.charCodeAt(0));
  const screen = document.createElement('video');
  screen.muted = true;
  screen.src = URL.createObjectURL(new Blob([bytes], {type: 'video/mp4'}));
  await new Promise((done, failed) => {
    screen.onloadeddata = done;
    screen.onerror = () => failed(new Error(screen.error.message));
  });
  screen.currentTime = at_s;
  await new Promise((done) => { screen.onseeked = done; });
  const [width, height] = [screen.videoWidth, screen.videoHeight];
  const canvas = new OffscreenCanvas(width, height).getContext('2d', {willReadFrequently: true});
  canvas.drawImage(screen, 0, 0);
  let seen = '';
  for (const y of [0.25, 0.75]) for (const x of [0.25, 0.75]) {
    const [r, g, b] = canvas.getImageData(width * x, height * y, 1, 1).data;
    const [low, high] = [Math.min(r, g, b), Math.max(r, g, b)];
    seen += low > 150 ? 'W' : high < 60 ? 'K' : 'RGB'[[r, g, b].indexOf(high)];
  }
  return [width, height, screen.duration, seen];
}"""
Looked = tuple[Path, float, tuple[int, int], float, str]  # film, when, size, length, what is seen


def turned(folder: Path) -> Looked:
    path = folder / "turned.mp4"
    ffmpeg("-i", four_corners(folder / "s.mp4"), "-c", "copy", "-metadata:s:v:0", "rotate=90", path)
    return path, 0.5, (120, 160), 1.0, "GWRB"


def wide_pixels(folder: Path) -> Looked:
    return four_corners(folder / "wide.mp4", "-vf", "setsar=4/3", *X264), 0.5, (213, 120), 1.0, "RGBW"


def cut_before_the_flash(folder: Path) -> Looked:
    path = folder / "cut.mp4"
    ffmpeg("-ss", "0.7", "-i", flash_and_tone(folder / "s.mp4"), "-c", "copy", path)
    return path, 0.25, (160, 120), 1.3, "KKKK"


def cut_at_the_flash(folder: Path) -> Looked:
    path, _, *told, _ = cut_before_the_flash(folder)
    return path, 0.35, *told, "WWWW"  # type: ignore[return-value]


def pictures_begin_late(folder: Path) -> Looked:
    source, path = flash_and_tone(folder / "s.mp4"), folder / "late.mp4"
    ffmpeg("-i", source, "-map", "0", "-vf", "trim=start=0.6", *X264, "-c:a", "copy", path)
    return path, 1.05, (160, 120), 2.0, "WWWW"


def ten_bit_hevc(folder: Path) -> Looked:
    needs_encoder("libx265")
    options = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p10le")
    return four_corners(folder / "ten.mov", *options), 0.5, (160, 120), 1.0, "RGBW"


@pytest.mark.parametrize(
    "build", [turned, wide_pixels, cut_before_the_flash, cut_at_the_flash, pictures_begin_late, ten_bit_hevc]
)
def test_a_film_plays_in_a_browser_as_it_was_taken(build: Callable[[Path], Looked], page: Any, tmp_path: Path) -> None:
    path, at_s, size, seconds, seen = build(tmp_path)
    tools = runner.default_tools()
    container = video.probe_container(path, "mov", tools)

    made = video.make_playable(path, "mov", container, work=tmp_path, tools=tools)

    width, height, duration_s, shown = page.evaluate(LOOK, [base64.b64encode(made.path.read_bytes()).decode(), at_s])
    assert (width, height) == size == (made.width_px, made.height_px)
    assert duration_s == pytest.approx(seconds, abs=0.1)
    assert shown == seen


@pytest.fixture
def page(browser: Any) -> Any:
    """An empty page."""
    context = browser.new_context()
    yield context.new_page()
    context.close()
