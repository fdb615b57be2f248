"""Waveform peaks at every resolution, read by a reader that knows nothing but audiowaveform's tables."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from media_store import peaks
from media_store.peaks import Drawing
from tests.media_store.conftest import Render
from tests.media_store.material import RATE_HZ, sine, speech, voice_note


@dataclass(frozen=True)
class Read:
    """A binary file as the format's own page describes it."""

    version: int
    flags: int
    sample_rate: int
    samples_per_pixel: int
    length: int
    channels: int
    pairs: list[tuple[int, int]]


def read_dat(data: bytes) -> Read:
    """By offsets, one field after the other; nothing of ours is asked."""
    version, flags = struct.unpack_from("<i", data, 0)[0], struct.unpack_from("<I", data, 4)[0]
    rate, per_pixel = struct.unpack_from("<i", data, 8)[0], struct.unpack_from("<i", data, 12)[0]
    length, channels = struct.unpack_from("<I", data, 16)[0], struct.unpack_from("<i", data, 20)[0]
    form, width = ("<bb", 2) if flags & 1 else ("<hh", 4)
    pairs = [struct.unpack_from(form, data, 24 + at * width) for at in range(length)]
    assert len(data) == 24 + length * width * channels
    return Read(version, flags, rate, per_pixel, length, channels, pairs)


def drawing_of(pairs: object, samples_per_pixel: int = peaks.FINEST) -> Drawing:
    return Drawing(np.array(pairs, dtype=np.float32), samples_per_pixel)


def test_the_editors_file_follows_the_format_to_the_byte(tmp_path: Path, render: Render) -> None:
    result = render(voice_note(tmp_path / "n.ogg", speech(2)), kind="voice")

    found = read_dat(result.paths["peaks_fine"].read_bytes())

    assert (found.version, found.flags, found.sample_rate, found.channels) == (2, 0, RATE_HZ, 1)
    assert found.samples_per_pixel == 120
    assert found.length == pytest.approx(2 * 400, abs=20)
    assert all(low <= high for low, high in found.pairs)
    assert max(max(-low, high) for low, high in found.pairs) > 1000


def test_both_resolutions_draw_the_same_sound(tmp_path: Path, render: Render) -> None:
    result = render(voice_note(tmp_path / "n.ogg", speech(2)), kind="voice")

    fine = read_dat(result.paths["peaks_fine"].read_bytes())
    pane = json.loads(result.paths["peaks"].read_bytes())

    for at in range(fine.length // 4):
        quarter = fine.pairs[4 * at : 4 * at + 4]
        lowest, highest = min(low for low, _ in quarter), max(high for _, high in quarter)
        assert pane["data"][2 * at : 2 * at + 2] == [int(lowest / 256), int(highest / 256)]


def test_values_are_truncated_toward_zero() -> None:
    drawing = drawing_of([[-0.999, 0.999], [-0.0039, 0.0039], [0, 0]])

    assert json.loads(peaks.to_json(drawing))["data"] == [-127, 127, 0, 0, 0, 0]
    assert read_dat(peaks.to_dat(drawing)).pairs == [(-32735, 32735), (-127, 127), (0, 0)]


def test_full_scale_stays_within_sixteen_bits() -> None:
    assert read_dat(peaks.to_dat(drawing_of([[-1.5, 1.5]]))).pairs == [(-32768, 32767)]


def test_the_last_partial_pixel_counts() -> None:
    samples = np.zeros(481, dtype=np.float32)
    samples[480] = 0.5

    drawing = peaks.measure_pairs([samples])

    assert drawing.pairs.tolist() == [[0, 0]] * 4 + [[0.5, 0.5]]
    assert peaks.coarser(drawing, 480).pairs.tolist() == [[0, 0], [0.5, 0.5]]


def test_blocks_join_without_a_seam(tmp_path: Path) -> None:
    samples = np.linspace(-1, 1, peaks.BLOCK_SAMPLES + 700, dtype=np.float32)
    (tmp_path / "two-blocks.f32").write_bytes(samples.tobytes())

    pairs = peaks.measure_pairs(peaks.read_pcm(tmp_path / "two-blocks.f32")).pairs

    assert len(pairs) == (peaks.BLOCK_SAMPLES + 700) // peaks.FINEST + 1
    assert pairs[peaks.BLOCK_SAMPLES // peaks.FINEST, 0] == samples[peaks.BLOCK_SAMPLES]


def test_what_is_no_number_does_not_spoil_the_drawing() -> None:
    samples = sine(0.1, -6).astype(np.float32)
    samples[100] = np.nan

    pairs = peaks.measure_pairs([samples]).pairs

    assert np.isfinite(pairs).all()
    assert pairs.max() > 0.4


def test_the_gain_is_drawn_and_the_ceiling_held() -> None:
    assert peaks.raised(drawing_of([[-0.1, 0.5]]), 20.0, 0.8).pairs.tolist() == [
        [pytest.approx(-0.8), pytest.approx(0.8)]
    ]


@pytest.mark.parametrize(
    ("minutes", "pane", "fine"), [(0.5, 480, 120), (5, 480, 120), (8, 960, 240), (20, 1920, 480), (30, 3840, 960)]
)
def test_a_long_sound_is_drawn_coarser_and_its_files_stay_small(minutes: float, pane: int, fine: int) -> None:
    drawing = Drawing(np.tile(np.array([[-0.5, 0.5]], np.float32), (int(minutes * 60 * 400), 1)), peaks.FINEST)

    shown, edited = peaks.for_pane(drawing), peaks.for_editor(drawing)

    assert (shown.samples_per_pixel, edited.samples_per_pixel) == (pane, fine)
    assert len(peaks.to_json(shown)) <= 300_000
    assert len(peaks.to_dat(edited)) <= 480_024


def test_fewer_pixels_than_bars_still_fill_the_card() -> None:
    bars = peaks.bars(drawing_of([[-0.5, 0.2], [-0.1, 1.0]]))

    assert list(bars) == [128] * 28 + [255] * 28


def test_no_samples_draw_a_flat_line(tmp_path: Path) -> None:
    (tmp_path / "empty.f32").write_bytes(b"")

    drawing = peaks.measure_pairs(peaks.read_pcm(tmp_path / "empty.f32"))

    assert peaks.bars(drawing) == bytes(56)
    assert read_dat(peaks.to_dat(peaks.for_editor(drawing))).length == 0
    assert json.loads(peaks.to_json(peaks.for_pane(drawing)))["data"] == []
