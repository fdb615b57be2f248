"""Every good kind of file cut in half, and with one bit in a thousand turned."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

from media_store import runner
from tests.media_store.hostile.making import (
    CORRUPT,
    LIMITS,
    NO_AUDIO,
    OK,
    TOO_LONG,
    TRUNCATED,
    Hostile,
    Trap,
    hostile,
)

TONE = ("-f", "lavfi", "-i", "sine=330:duration=1")
TALL, SMALL = "testsrc2=s=96x128:r=10:d=1", "testsrc2=s=128x96:r=10:d=1"
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")

# name: what ffmpeg is asked for
SOUNDS: dict[str, tuple[str, ...]] = {
    "voice.ogg": (*TONE, "-c:a", "libopus", "-b:a", "24k"),
    "music.ogg": (*TONE, "-c:a", "flac", "-f", "ogg"),
    "music.m4a": (*TONE, "-c:a", "aac"),
    "music.mp3": (*TONE, "-c:a", "libmp3lame"),
    "other.mp3": (*TONE, "-ac", "2", "-ar", "22050", "-c:a", "libmp3lame"),
    "mono.aac": (*TONE, "-c:a", "aac"),
    "stereo.aac": (*TONE, "-ac", "2", "-ar", "22050", "-c:a", "aac"),
    "sound.wav": TONE,
    "sound.flac": TONE,
    "sound.caf": TONE,
    "sound.webm": (*TONE, "-c:a", "libopus"),
}
FILMS: dict[str, tuple[str, ...]] = {
    "film.mp4": ("-f", "lavfi", "-i", SMALL, *TONE, *X264, "-c:a", "aac"),
    "fast.mp4": ("-f", "lavfi", "-i", SMALL, *TONE, *X264, "-c:a", "aac", "-movflags", "+faststart"),
    "film.3gp": ("-f", "lavfi", "-i", SMALL.replace("128x96", "176x144"), "-c:v", "h263", "-an"),
    "film.mkv": ("-f", "lavfi", "-i", SMALL, *TONE, *X264, "-c:a", "libopus"),
    "huge.mp4": ("-f", "lavfi", "-i", "color=s=8192x8192:d=0.1:r=10", "-frames:v", "1", *X264, "-threads", "2"),
    "small.h264": ("-f", "lavfi", "-i", SMALL, *X264),
    "tall.h264": ("-f", "lavfi", "-i", TALL, *X264),
}
PICTURES = ("photo.jpg", "photo.png", "photo.webp", "photo.gif", "photo.avif")
TO_BE_DAMAGED = [
    *("voice.ogg", "music.m4a", "music.mp3", "mono.aac", "sound.wav", "sound.flac", "sound.caf", "sound.webm"),
    *("film.mp4", "film.3gp", "film.mkv", *PICTURES, "moving.webp"),
]
ANY_DAMAGE = (OK, CORRUPT, NO_AUDIO, TRUNCATED, LIMITS, TOO_LONG, "media.bomb", "media.too_large")
NEED_THEIR_END = {"music.m4a": TRUNCATED, "film.mp4": TRUNCATED, "film.3gp": TRUNCATED}  # the index comes last


def make_good_files(folder: Path) -> None:
    """Everything the damaged and some of the hostile files are made from; about two seconds."""
    for name, asked in (SOUNDS | FILMS).items():
        _ffmpeg(*asked, str(folder / name))
    both = (folder / "small.h264").read_bytes() + (folder / "tall.h264").read_bytes()
    (folder / "both.h264").write_bytes(both)
    _ffmpeg("-i", str(folder / "both.h264"), "-c", "copy", str(folder / "resized.mp4"))
    pixels = np.random.default_rng(2).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    picture = Image.fromarray(np.repeat(np.repeat(pixels, 2, axis=0), 2, axis=1))
    for name in PICTURES:
        picture.save(folder / name)
    frames = [picture.rotate(30 * turn) for turn in range(4)]
    frames[0].save(folder / "moving.webp", save_all=True, append_images=frames[1:], duration=80)


def _ffmpeg(*arguments: str) -> None:
    command = [runner.default_tools().ffmpeg, "-v", "error", "-nostdin", "-y", *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def halved(name: str) -> Hostile:
    def make(trap: Trap) -> bytes:
        data = trap.read(name)
        return data[: len(data) // 2]

    outcome = (NEED_THEIR_END[name],) if name in NEED_THEIR_END else (OK, CORRUPT, TRUNCATED, NO_AUDIO)
    return hostile(make, *outcome, kind=kind_of(name))


def rotten(name: str) -> Hostile:
    """The first 64 bytes are left, so that the file still gets past the sniffing."""

    def make(trap: Trap) -> bytes:
        data = np.frombuffer(trap.read(name), np.uint8).copy()
        chance = np.random.default_rng(len(name))
        places = chance.integers(64, data.size, max(4, data.size // 125))
        data[places] ^= 1 << chance.integers(0, 8, places.size, dtype=np.uint8)
        return data.tobytes()

    return hostile(make, *ANY_DAMAGE, kind=kind_of(name))


def kind_of(name: str) -> str:
    if name == "moving.webp":
        return "sticker"
    return "image" if name.startswith("photo") else "video" if name.startswith(("film", "fast")) else "audio"


FILES: dict[str, Hostile] = {
    **{f"half of {name}": halved(name) for name in TO_BE_DAMAGED},
    **{f"rotten {name}": rotten(name) for name in TO_BE_DAMAGED},
}
