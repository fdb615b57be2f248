"""Sounds, pictures and videos made at the start of a run from tables that state the truth; none is shipped.

Tones come from numpy, so that what they hold is known to the sample; ffmpeg only wraps them. `SIGNALS` gives for each
the loudness and true peak that EBU Tech 3341 and BS.1770 demand of a meter, with the tolerance of 0.1 they allow.
"""

from __future__ import annotations

import subprocess
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from media_store import runner

RATE_HZ = 48_000
Samples = NDArray[np.float64]


@dataclass(frozen=True)
class Signal:
    """`left` is one channel; stereo files carry it twice. Figures are what dual mono reads."""

    left: Callable[[], Samples]
    seconds: float
    loudness_lufs: float | None
    true_peak_dbtp: float | None = None
    range_lu: float | None = None


def sine(seconds: float, dbfs: float, hz: float = 1000.0, phase_deg: float = 0.0) -> Samples:
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return 10 ** (dbfs / 20) * np.sin(2 * np.pi * hz * t + np.radians(phase_deg))


def faded(samples: Samples, seconds: float = 0.1) -> Samples:
    """Fade both ends in and out."""
    ramp = np.minimum(np.arange(samples.size) / (seconds * RATE_HZ), 1.0)
    return samples * ramp * ramp[::-1]


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE_HZ))


def hiss(seconds: float, dbfs: float) -> Samples:
    return 10 ** (dbfs / 20) * np.random.default_rng(3).normal(0, 1, round(seconds * RATE_HZ))


def speech(seconds: float, dbfs: float = -20.0) -> Samples:
    """Syllables of harmonics over a little noise: nearer to a voice than any tone."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.4 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    voice = np.sum([np.sin(k * phase) / k for k in range(1, 10)], axis=0)
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * t) + 0.4, 0, 1)
    return 10 ** (dbfs / 20) * voice * syllables + hiss(seconds, -60)


def clicks_over_quiet_speech() -> Samples:
    samples = speech(8, -45)
    samples[RATE_HZ :: 2 * RATE_HZ] = 0.95
    return samples


SIGNALS: dict[str, Signal] = {
    "sine -23 dBFS": Signal(lambda: sine(5, -23), 5, -23.0, -23.0),
    "gated -36 -23 -36": Signal(
        lambda: np.concatenate([sine(10, -36), sine(60, -23), sine(10, -36)]), 80, -23.0, -23.0
    ),
    "range -20 -30": Signal(lambda: np.concatenate([sine(20, -20), sine(20, -30)]), 40, None, -20.0, 10.0),
    # sample peak -9.0: only an oversampling meter sees the true one; faded, because a hard edge rings in any resampler
    "quarter rate": Signal(lambda: faded(sine(3, -6.0206, hz=RATE_HZ / 4, phase_deg=45)), 3, None, -6.0),
}


def write_wav(path: Path, *channels: Samples) -> Path:
    """24-bit PCM, so that the file's own rounding stays below every tolerance."""
    whole = np.clip(np.rint(np.stack(channels, axis=1) * 8388607), -8388608, 8388607).astype("<i4")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(3)
        file.setframerate(RATE_HZ)
        file.writeframes(whole.view(np.uint8).reshape(-1, 4)[:, :3].tobytes())
    return path


def ffmpeg(*arguments: str | Path) -> None:
    """For making material only."""
    command = [runner.default_tools().ffmpeg, "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def voice_note(path: Path, samples: Samples, *options: str) -> Path:
    """OGG/Opus mono, as messengers send it."""
    source = write_wav(path.with_suffix(".src.wav"), samples)
    ffmpeg("-i", source, "-c:a", "libopus", "-b:a", "32k", *options, path)
    source.unlink()
    return path


def video(path: Path, *, size: str = "320x240", seconds: float = 2, has_sound: bool = True, rate: int = 25) -> Path:
    sound = ["-f", "lavfi", "-i", f"sine=440:duration={seconds}"] if has_sound else []
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    codecs += ["-c:a", "aac"] if has_sound else []
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}", *sound, *codecs, path)
    return path


def picture(width_px: int = 640, height_px: int = 480) -> Image.Image:
    """Upper left red, upper right green, lower left blue, lower right white: shows every turn and mirror."""
    pixels = np.full((height_px, width_px, 3), 255, dtype=np.uint8)
    pixels[: height_px // 2, : width_px // 2] = (220, 20, 20)
    pixels[: height_px // 2, width_px // 2 :] = (20, 200, 20)
    pixels[height_px // 2 :, : width_px // 2] = (20, 20, 220)
    return Image.fromarray(pixels)


def corners(image: Image.Image) -> str:
    """The four quarters by name: red, green, blue, white, row by row."""
    rgb = image.convert("RGB")
    names = []
    for y in (0.25, 0.75):
        for x in (0.25, 0.75):
            values = rgb.getpixel((int(rgb.width * x), int(rgb.height * y)))
            assert isinstance(values, tuple)
            names.append("W" if min(values) > 150 else "RGB"[int(np.argmax(values))])
    return "".join(names)
