"""What a producer should know of a recording before listening, in plain words with figures. For sorting, never hiding.

Measured on the float PCM that is there anyway: the clipped share (flat tops; in lossy files what overshoots full
scale), the distance of voice and noise, sound that begins or ends at full level. `loudness` adds what it decided
about the level, `speakers` who speaks. The sentences stand in `errors.FLAGS`, once; `remarks` brings codes, sentences
and figures together.
The figures are checked on made clips of known noise and clipping. Music without any pause may read as noisy.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from media_store import pcm
from media_store.errors import FLAGS

# Codes of FLAGS that tell about a recording, a picture or a film, the gravest first.
CODES = (
    *("silent", "truncated", "sound_damaged", "no_sound"),
    *("cut_start", "cut_end", "clipped", "very_quiet", "quiet", "noisy"),
    *("uneven", "short", "long", "several_voices", "frozen", "hdr"),
)
SHORT_S = 1.0
LONG_S = 180.0
CLIPPED_SHARE = 0.001
NOISY_DB = 15.0
MOST_SNR_DB = 60.0  # above, a gate or digital silence is all that is measured

PIECE = 480  # samples: 10 ms
FLAT_FROM = 0.97  # of the highest value on its side
FLAT_STEP = 1 / 16384  # of the highest value: equal within two steps of 16 bits
FLAT_LEAST = 0.1  # quieter crests are flattened by 16 bits alone
OVER_PIECE = 1.05  # a lossy coder overshoots a little with clean sound, too
OVER_FROM = 0.9  # clipped tops come back as ripples around full scale
MOST_PIECES = 300

NOISE_WINDOW = 4096  # 85 ms: the harmonics of a voice stand apart, and noise shows between them
MOST_NOISE_WINDOWS = 64
WEIGHTS = np.hanning(NOISE_WINDOW).astype(np.float32)
LOWEST_HZ, HIGHEST_HZ = 30.0, 20_000.0
BANDS = 20
NARROWEST_BAND = 12  # spectral lines
QUIETEST_THIRD = 3
QUIET_MOMENTS_PERCENT = 15.0
GATE = 0.1  # of the mean power: pauses do not count towards the level of a voice

EDGE_PIECES = 2  # 20 ms; one more at the end, where the last may be hardly begun
EDGE_SHARE = 0.25  # of the power while it sounds: 6 dB below
EDGE_RISE = 4.0  # 6 dB from the first piece to the second: a sound that begins there, trimmed close
EDGE_SNR_DB = 10.0  # noise is there from the first moment to the last, and tells nothing

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Heard:
    """What was measured. `clipped_share` 0..1; `snr_db` None if there is only silence, at most 60."""

    clipped_share: float
    snr_db: float | None
    starts_at_full_level: bool
    ends_at_full_level: bool


def listen(path: Path, duration_s: float, pairs: Floats, levels: Floats) -> Heard:
    """Measure a file of our own PCM. `pairs`: lowest and highest value, `levels`: dBFS, both per 10 ms."""
    samples = int(duration_s * pcm.RATE_HZ)
    snr_db = measure_snr(path, samples)
    starts, ends = _edges(levels) if snr_db is not None and snr_db >= EDGE_SNR_DB else (False, False)
    return Heard(measure_clipping(path, pairs), snr_db, starts, ends)


def flags_of(heard: Heard, duration_s: float) -> tuple[str, ...]:
    """Codes that follow from what was measured. Pure."""
    noticed = {
        "cut_start": heard.starts_at_full_level,
        "cut_end": heard.ends_at_full_level,
        "clipped": heard.clipped_share >= CLIPPED_SHARE,
        "noisy": heard.snr_db is not None and heard.snr_db < NOISY_DB,
        "short": duration_s < SHORT_S,
        "long": duration_s > LONG_S,
    }
    return tuple(code for code, is_so in noticed.items() if is_so)


def figures(heard: Heard, duration_s: float, loudness_lufs: float | None) -> dict[str, dict[str, int]]:
    """The figures of each sentence by its code, as whole numbers."""
    level = {} if loudness_lufs is None else {"lufs": round(loudness_lufs)}
    return {
        "clipped": {"percent": max(1, round(100 * heard.clipped_share))},
        "noisy": {"snr_db": max(0, round(heard.snr_db or 0))},
        "short": {"tenths": max(1, round(10 * duration_s))},
        "long": {"minutes": int(duration_s // 60)},
        "quiet": level,
        "very_quiet": level,
    }


def remarks(flags: Collection[str], figures_of: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Code, English sentence and its figures for everything that was noticed about a file.

    A sentence whose figures are not known (measured by an earlier version) is left out.
    """
    noticed = [(code, dict(figures_of.get(code, {}))) for code in CODES if code in flags]
    return [
        {"code": code, "text": FLAGS[code], "facts": figures}
        for code, figures in noticed
        if figures or "%(" not in FLAGS[code]
    ]


def measure_clipping(path: Path, pairs: Floats) -> float:
    """Share of samples that were cut off at a limit, whatever that limit is; 0 if none.

    In lossless sound: three and more equal values in a row at the very top or bottom. A lossy coder makes ripples of
    them, which overshoot full scale; then the share is a lower bound. At most 300 pieces of 10 ms are looked at.
    """
    if not len(pairs):
        return 0.0
    bottom, top = float(pairs[:, 0].min()), float(pairs[:, 1].max())
    suspects = np.flatnonzero((pairs[:, 1] >= FLAT_FROM * top) | (pairs[:, 0] <= FLAT_FROM * bottom))
    if max(-bottom, top) >= OVER_PIECE:
        suspects = np.flatnonzero(np.abs(pairs).max(axis=1) >= OVER_PIECE)
    seen = suspects if len(suspects) <= MOST_PIECES else suspects[:: len(suspects) // MOST_PIECES + 1]
    pieces = pcm.read_windows(path, (seen * PIECE).tolist(), PIECE)
    if max(-bottom, top) >= OVER_PIECE:
        clipped = max(_flat(pieces, bottom, top), float((np.abs(pieces) >= OVER_FROM).mean()))
    else:
        clipped = _flat(pieces, bottom, top)
    return clipped * len(suspects) / len(pairs)


def _flat(pieces: Floats, bottom: float, top: float) -> float:
    """Share of samples in level runs at the limits."""
    steps = np.abs(np.diff(pieces, axis=1)) <= FLAT_STEP * max(-bottom, top)
    is_extreme = np.zeros(pieces.shape, dtype=bool)
    if top >= FLAT_LEAST:
        is_extreme |= pieces >= FLAT_FROM * top
    if -bottom >= FLAT_LEAST:
        is_extreme |= pieces <= FLAT_FROM * bottom
    steps &= is_extreme[:, 1:] & is_extreme[:, :-1]
    middles = steps[:, 1:] & steps[:, :-1]
    runs = np.zeros(pieces.shape, dtype=bool)
    for at in range(3):
        runs[:, at : at + middles.shape[1]] |= middles
    return float(runs.mean())


def measure_snr(path: Path, samples: int) -> float | None:
    """Power of the voice while it sounds over the power of the steady noise, in dB; None for silence.

    Noise is what remains in the quietest moments of each band, between the harmonics: no pause is needed. Within 3 dB
    of the truth from 5 to 40 dB for voices over white and pink noise; music fills its own gaps and reads too low.
    """
    starts = pcm.spread(samples, NOISE_WINDOW, MOST_NOISE_WINDOWS, least_step=NOISE_WINDOW // 4)
    windows = pcm.read_windows(path, starts, NOISE_WINDOW) * WEIGHTS
    spectrum = np.fft.rfft(windows, axis=1)
    power: Floats = spectrum.real**2 + spectrum.imag**2
    noise = sum((_floor(power[:, first:until]) for first, until in _bands()), start=0.0)
    total = power[:, _line(LOWEST_HZ) : _line(HIGHEST_HZ)].sum(axis=1)
    above = np.maximum(total - noise, 0)
    voice = above[above > GATE * above.mean()]
    if not total.any():
        return None
    if noise <= 0:
        return MOST_SNR_DB
    ratio = float(voice.mean()) / noise if len(voice) else 0.0
    return min(MOST_SNR_DB, 10 * math.log10(max(ratio, 1e-3)))


def _line(hz: float) -> int:
    return round(hz * NOISE_WINDOW / pcm.RATE_HZ)


def _bands() -> list[tuple[int, int]]:
    """Edges in spectral lines, wider towards the top, none narrower than a dozen lines."""
    edges = [_line(LOWEST_HZ)]
    for wanted in np.geomspace(_line(LOWEST_HZ), _line(HIGHEST_HZ), BANDS + 1)[1:]:
        if round(wanted) - edges[-1] >= NARROWEST_BAND:
            edges.append(round(wanted))
    return list(pairwise(edges))


def _floor(band: Floats) -> float:
    """Noise power of a band: the quietest third of its lines in its quiet moments, brought to the whole band."""
    lines: int = band.shape[1]
    third = max(1, lines // QUIETEST_THIRD)
    lowest = np.sort(band, axis=1)[:, :third].mean(axis=1)
    quiet = float(np.percentile(lowest, QUIET_MOMENTS_PERCENT))
    return quiet / _lowest_of_noise(lines, third) * lines


def _lowest_of_noise(lines: int, third: int) -> float:
    """Mean of the lowest `third` of `lines` values of noise with mean one: order statistics of the exponential."""
    steps = 1 / np.arange(lines, lines - third, -1)
    return float(np.cumsum(steps).mean())


def _edges(levels: Floats) -> tuple[bool, bool]:
    """Whether it begins, and whether it ends, as loud as it is while it sounds."""
    if len(levels) < 10 * EDGE_PIECES:
        return False, False
    power = 10 ** (levels / 10)
    sounding = float(power[power > GATE * power.mean()].mean())
    first, last = float(power[:EDGE_PIECES].mean()), float(power[-EDGE_PIECES - 1 :].mean())
    is_begun = power[1] <= EDGE_RISE * power[0]
    return bool(is_begun and first >= EDGE_SHARE * sounding), last >= EDGE_SHARE * sounding
