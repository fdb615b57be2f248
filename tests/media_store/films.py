"""Films whose picture and sound are known: a white flash and a tone begin together, four corners say what is upright.

Made by ffmpeg at the start of a test; `Sync` reads back where the flash and the tone are in what was made of them.
"""

from __future__ import annotations

import re
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from media_store import runner
from tests.media_store.material import ffmpeg, picture

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
FLASH_S = 1.0
FLASH = f"color=black:s=160x120:r=30:d=2,drawbox=c=white:t=fill:enable='between(t,{FLASH_S - 0.01},{FLASH_S + 0.19})'"
TONE = f"aevalsrc='if(between(t,{FLASH_S},{FLASH_S + 0.2}),sin(2*PI*1000*t),0)':d=2:s=48000"


def needs_encoder(name: str) -> None:
    """Skip where this ffmpeg cannot make the material; what is tested needs the decoder alone."""
    listed = subprocess.run(
        [runner.default_tools().ffmpeg, "-hide_banner", "-encoders"], capture_output=True, text=True
    )
    if f" {name} " not in listed.stdout:
        pytest.skip(f"this ffmpeg has no encoder {name}")


def flash_and_tone(path: Path, *codecs: str) -> Path:
    """Two seconds, black and silent but for a flash with a tone at `FLASH_S`; key frames every 1.5 s."""
    ffmpeg("-f", "lavfi", "-i", FLASH, "-f", "lavfi", "-i", TONE, *X264, "-bf", "2", "-g", "45", "-c:a", "aac", *codecs,
           path)  # fmt: skip
    return path


def four_corners(path: Path, *options: str, width_px: int = 160, height_px: int = 120, rate: int = 25) -> Path:
    """One second, silent, with the four colours of `material.picture` in its corners."""
    still = path.with_suffix(".png")
    picture(width_px, height_px).save(still)
    ffmpeg("-loop", "1", "-framerate", str(rate), "-t", "1", "-i", still, *(options or X264), path)
    return path


def set_matrix(path: Path, a: int, b: int, c: int, d: int, *, width_px: int = 160, height_px: int = 120) -> Path:
    """Write a display matrix into the track's header: where x and y go; what would be negative is moved back.

    Source: ISO/IEC 14496-12, 8.3.2: nine numbers of 16.16 bits, the last column of 2.30, 40 bytes into version 0.
    """
    content = bytearray(path.read_bytes())
    at = content.find(b"tkhd") + 4 + 40
    x, y = -min(0, a) * width_px - min(0, c) * height_px, -min(0, b) * width_px - min(0, d) * height_px
    sixteenth = 1 << 16
    numbers = (a * sixteenth, b * sixteenth, 0, c * sixteenth, d * sixteenth, 0, x * sixteenth, y * sixteenth, 1 << 30)
    content[at : at + 36] = struct.pack(">9i", *numbers)
    path.write_bytes(content)
    return path


def combs(image: Image.Image) -> float:
    """How much every second line differs from its neighbours; 0 for upright edges in one piece."""
    grey = np.asarray(image.convert("L"), dtype=float)
    return float(np.abs(2 * grey[1:-1] - grey[:-2] - grey[2:]).mean())


def amr(path: Path, seconds: float) -> Path:
    """AMR at 12.2 kbit/s, 50 frames a second; ffmpeg reads but does not write it, and what it says is noise.

    Source: RFC 4867, 5: magic, then frames of a header byte (mode 7, good) and 31 bytes.
    """
    noise = np.random.default_rng(5).integers(0, 256, (round(seconds * 50), 32), dtype=np.uint8)
    noise[:, 0] = 0x3C
    path.write_bytes(b"#!AMR\n" + noise.tobytes())
    return path


def frame_at(path: Path, at_s: float, out: Path) -> Image.Image:
    """One picture as a player shows it, pixels as they are."""
    ffmpeg("-ss", f"{at_s}", "-i", path, "-frames:v", "1", "-update", "1", out)
    with Image.open(out) as image:
        return image.convert("RGB")


@dataclass(frozen=True)
class Sync:
    """Where flash and tone begin on a player's clock, edit lists and delays heeded."""

    flash_s: float
    tone_s: float

    @property
    def off_ms(self) -> float:
        return abs(self.flash_s - self.tone_s) * 1000


def measure_sync(path: Path) -> Sync:
    """Decode both streams with their times and find the first flash and the first tone."""
    return Sync(_first_flash(path), _first_tone(path))


def _first_flash(path: Path) -> float:
    graph = "scale=2:2,format=gray,signalstats,metadata=print:key=lavfi.signalstats.YAVG"
    log = _decoded(path, "-map", "0:v:0", "-vf", graph, "-f", "null", "-").stderr.decode()
    seen = re.findall(r"pts_time:([\d.-]+)[^\n]*\n[^\n]*YAVG=([\d.]+)", log)
    return next(float(at) for at, level in seen if float(level) > 128)


def _first_tone(path: Path) -> float:
    form = ["-af", "aresample=48000:async=1:first_pts=0", "-ac", "1", "-f", "f32le", "-"]
    sound = np.abs(np.frombuffer(_decoded(path, "-map", "0:a:0", *form).stdout, dtype="<f4"))
    return float(np.argmax(sound > 0.1)) / 48_000


def _decoded(path: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [runner.default_tools().ffmpeg, "-nostats", "-nostdin", "-copyts", "-i", str(path), *arguments]
    return subprocess.run(command, check=True, capture_output=True, timeout=60)
