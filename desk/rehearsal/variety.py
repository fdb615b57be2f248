"""Every file as if another person had made it: a sample of the cast in another voice, another order, another view.

The same sample and the same salt give the same bytes, in any process with the same programs. Voices and songs get
another pitch and pace, their phrases another order, a length of their own and the hush of another room; photos are cut,
turned, mirrored and lit otherwise; films both. What a sample is (spoken or sung, its codec and container) it stays.
When files are made, and what becomes of them, is the matter of `making`; other bytes alone come from `salt`.
"""

from __future__ import annotations

import functools
import io
import math
import os
import random
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .salt import salted

TIMEOUT_S = 120
RATE_HZ = 16_000  # as the samples were recorded
FRAME_S = 0.02
PHRASE_S = 1.2  # about how far apart a sound is cut, each time in the quietest moment near
FADE_S = 0.012
PITCH, PACE = (0.92, 1.4), (0.78, 1.28)  # each by itself; a man's voice is still one of more than 75 Hz
UNEVEN = (0.97, 1.03)  # of each phrase against the others
LENGTH = (0.88, 1.12)  # of the sample's
SHORTEST_S, LONGEST_S = 7.3, 14.6  # as the cast's
HUSH_DB = (-52.0, -42.0)  # below the sound
BEFORE_S, AFTER_S = (0.2, 0.4), (0.25, 0.5)  # when nothing is said yet or any more
LOUDER_DB = (0.0, 2.5)
PEAK = 0.92
OVERDRIVEN, OVERDRIVE_DB = 0.97, 4  # recorded too loud, and again
SHOWN = (0.55, 0.85)  # of each side
TILT_DEGREES = 8.0
SLANT = 0.08  # how far a corner may stray, of a side
FIELDS, BEND = 3, 0.07  # across and down; how far what is between them may stray, of what is shown
LIGHTS = ("#ffd696", "#fff0d7", "#faaa78", "#ffbecd", "#bed7ff", "#3c2846", "#1e2d3c")  # and shadows
DISC_PX = 96
PHOTO_EDGE_PX = 1080
FILM_EDGE_PX, FILM_RATE = 480, 12

ENCODERS = {
    ".ogg": ("-c:a", "libopus", "-b:a", "26k", "-application", "voip", "-compression_level", "1"),
    ".mp3": ("-c:a", "libmp3lame", "-b:a", "64k"),
    ".m4a": ("-c:a", "aac", "-b:a", "56k", "-movflags", "+faststart"),
}
FILM_ENCODER = (
    "-c:v", "libx264", "-preset", "ultrafast", "-crf", "30", "-threads", "1", "-pix_fmt", "yuv420p",
    "-c:a", "aac", "-b:a", "48k", "-movflags", "+faststart",
)  # fmt: skip

Sound = NDArray[np.float32]
Point = tuple[float, float]
Box = tuple[int, int, int, int]


class NotMade(Exception):
    """A program could not make the file."""


def varied(sample: Path, salt: str) -> bytes:
    """Another one of this sample's kind; of kinds that are not varied the sample with its salt. Raises NotMade."""
    chance = random.Random(f"variety:{sample.name}:{salt}")
    if sample.suffix in ENCODERS:
        return _sound(sample, chance)
    if sample.suffix == ".jpg":
        return _photo(sample, chance)
    if sample.suffix == ".mp4":
        return _film(sample, chance)
    return salted(sample.read_bytes(), salt)


# --- sounds -------------------------------------------------------------------------------------------------------


def _sound(sample: Path, chance: random.Random) -> bytes:
    sound, filters, _ = _retold(_pcm(sample), chance)
    return _made(sample.suffix, sound, "-af", filters, *ENCODERS[sample.suffix])


@functools.lru_cache(maxsize=64)
def _pcm(sample: Path) -> Sound:
    wanted = ("-vn", "-f", "s16le", "-ac", "1", "-ar", str(RATE_HZ), "pipe:1")
    return np.frombuffer(_ffmpeg("-i", str(sample), *wanted), "<i2").astype(np.float32) / np.float32(32768)


def _retold(sound: Sound, chance: random.Random) -> tuple[Sound, str, float]:
    """Its phrases in another order, the filters that give it another pitch and pace, and how much longer it then is."""
    pitch, pace = _between(PITCH, chance), _between(PACE, chance)
    length_s = len(sound) / RATE_HZ
    wanted_s = min(max(length_s * _between(LENGTH, chance), SHORTEST_S), LONGEST_S)
    before, after = (round(chance.uniform(*edges) * pace * RATE_HZ) for edges in (BEFORE_S, AFTER_S))
    retold = _in_other_order(sound, round(wanted_s * pace * RATE_HZ) - before - after, chance)
    tempo = pace / pitch  # what is played faster is higher and quicker at once
    filters = f"asetrate={round(RATE_HZ * pitch)},aresample={RATE_HZ},atempo={tempo:.4f}"
    if np.abs(sound).max() >= OVERDRIVEN:
        filters += f",volume={OVERDRIVE_DB}dB,aformat=sample_fmts=s16"
    return _in_a_room(np.pad(retold, (before, after)), chance), filters, wanted_s / length_s


def _between(edges: tuple[float, float], chance: random.Random) -> float:
    """Any factor between the two, as often below one as its inverse above."""
    return math.exp(chance.uniform(math.log(edges[0]), math.log(edges[1])))


def _in_other_order(sound: Sound, samples: int, chance: random.Random) -> Sound:
    """Phrases until so many samples are there; each comes again only after all others."""
    phrases = np.split(sound, _pauses(sound, chance))
    told: list[Sound] = []
    left: list[Sound] = []
    missing = samples
    while missing > 0:
        left = left or chance.sample(phrases, len(phrases))
        told.append(_uneven(left.pop()[: missing + 1], chance))
        missing -= len(told[-1])
    return np.concatenate(told)


def _pauses(sound: Sound, chance: random.Random) -> list[int]:
    """Where to cut: the quietest moments near to places that differ each time."""
    frame = round(FRAME_S * RATE_HZ)
    level = np.square(sound[: len(sound) // frame * frame]).reshape(-1, frame).mean(axis=1)
    count = max(4, round(len(sound) / RATE_HZ / PHRASE_S))
    step = len(level) / count
    places = [step * (number + chance.uniform(-0.2, 0.2)) for number in range(1, count)]
    near = [(int(place - step * 0.28), int(place + step * 0.28) + 1) for place in places]
    return [(first + int(np.argmin(level[first:until]))) * frame for first, until in near]


def _uneven(phrase: Sound, chance: random.Random) -> Sound:
    """A phrase a little slower or quicker than the others, faded where it was cut."""
    count = round(len(phrase) * _between(UNEVEN, chance))
    spoken = np.interp(np.linspace(0, len(phrase) - 1, count), np.arange(len(phrase)), phrase).astype(np.float32)
    fade = np.linspace(0, 1, min(round(FADE_S * RATE_HZ), count // 2), dtype=np.float32)
    spoken[: len(fade)] *= fade
    spoken[count - len(fade) :] *= fade[::-1]
    return spoken


def _in_a_room(sound: Sound, chance: random.Random) -> Sound:
    noise = np.random.default_rng(chance.getrandbits(64)).standard_normal(len(sound), dtype=np.float32)
    level = float(np.sqrt(np.square(sound).mean()))
    heard = sound + noise * level * 10 ** (chance.uniform(*HUSH_DB) / 20)
    gain = min(10 ** (chance.uniform(*LOUDER_DB) / 20), PEAK / float(np.abs(heard).max()))
    louder: Sound = heard * np.float32(gain)
    return louder


# --- photos -------------------------------------------------------------------------------------------------------


def _photo(sample: Path, chance: random.Random) -> bytes:
    with Image.open(sample) as photo:
        corners, shown = _view(photo.size, chance)
        scale = min(1.0, PHOTO_EDGE_PX / max(shown))
        size = (round(shown[0] * scale), round(shown[1] * scale))
        seen = photo.transform(size, Image.Transform.MESH, _mesh(size, corners, chance), Image.Resampling.BILINEAR)
    lit = seen.point([value for _ in range(3) for value in _light(chance)])
    _put_lights(lit, chance)
    out = io.BytesIO()
    lit.save(out, "JPEG", quality=chance.randint(70, 84))
    return out.getvalue()


def _view(size: tuple[int, int], chance: random.Random) -> tuple[list[Point], tuple[float, float]]:
    """Corners of a tilted, slanted, maybe mirrored part, row by row, and its size."""
    shown = size[0] * chance.uniform(*SHOWN), size[1] * chance.uniform(*SHOWN)
    turn = math.radians(chance.uniform(-TILT_DEGREES, TILT_DEGREES))
    cos, sin = math.cos(turn), math.sin(turn)
    side = -1 if chance.random() < 0.5 else 1
    reach = (shown[0] * cos + shown[1] * abs(sin)) / 2, (shown[1] * cos + shown[0] * abs(sin)) / 2
    left, top = (chance.uniform(half, max(half, whole - half)) for half, whole in zip(reach, size, strict=True))
    corners = []
    for x, y in ((-side, -1), (side, -1), (-side, 1), (side, 1)):
        across = x * shown[0] / 2 + chance.uniform(-SLANT, SLANT) * size[0]
        down = y * shown[1] / 2 + chance.uniform(-SLANT, SLANT) * size[1]
        corner = (left + across * cos - down * sin, top + across * sin + down * cos)
        corners.append((min(max(corner[0], 0), size[0] - 1), min(max(corner[1], 0), size[1] - 1)))
    return corners, shown


def _mesh(size: tuple[int, int], corners: list[Point], chance: random.Random) -> list[tuple[Box, tuple[float, ...]]]:
    """Fields of the new picture with the corners of what is seen in each: things stand nearer or farther apart."""
    at = np.arange(FIELDS + 1) / FIELDS
    across, down = np.meshgrid(at, at, indexing="ij")
    inside = (across % 1 > 0) & (down % 1 > 0)
    bends = np.random.default_rng(chance.getrandbits(64)).uniform(-BEND, BEND, (2, *across.shape))
    across, down = across + bends[0] * inside, down + bends[1] * inside
    first, second, third, fourth = (np.array(corner)[:, None, None] for corner in corners)
    spots = (first * (1 - across) + second * across) * (1 - down) + (third * (1 - across) + fourth * across) * down
    columns, rows = ([round(edge * place) for place in at] for edge in size)
    return [
        (
            (columns[x], rows[y], columns[x + 1], rows[y + 1]),
            tuple(float(v) for spot in ((x, y), (x, y + 1), (x + 1, y + 1), (x + 1, y)) for v in spots[:, *spot]),
        )
        for x in range(FIELDS)
        for y in range(FIELDS)
    ]


def _light(chance: random.Random) -> list[int]:
    """The values of one colour in another light."""
    gamma, gain, lift = chance.uniform(0.85, 1.18), chance.uniform(0.88, 1.08), chance.uniform(-8, 12)
    return [min(255, max(0, round(255 * gain * (value / 255) ** gamma + lift))) for value in range(256)]


def _put_lights(photo: Image.Image, chance: random.Random) -> None:
    """Lights and shadows out of focus in front of it: what tells two views of one thing most apart."""
    for _ in range(chance.randint(8, 14)):
        edge = round(chance.uniform(0.1, 0.32) * min(photo.size))
        spot = round(chance.uniform(0, photo.width) - edge / 2), round(chance.uniform(0, photo.height) - edge / 2)
        strength = chance.uniform(0.45, 0.85)
        disc = _disc().resize((edge, edge), Image.Resampling.BILINEAR).point([round(v * strength) for v in range(256)])
        photo.paste(chance.choice(LIGHTS), spot, disc)


@functools.cache
def _disc() -> Image.Image:
    disc = Image.new("L", (DISC_PX, DISC_PX))
    ImageDraw.Draw(disc).ellipse((2, 2, DISC_PX - 3, DISC_PX - 3), fill=255)
    return disc


# --- films --------------------------------------------------------------------------------------------------------


def _film(sample: Path, chance: random.Random) -> bytes:
    sound, filters, stretch = _retold(_pcm(sample), chance)
    across, down = chance.uniform(*SHOWN), chance.uniform(*SHOWN)
    left, top = chance.uniform(0, 1 - across), chance.uniform(0, 1 - down)
    seen = [
        f"fps={FILM_RATE}",
        f"crop=iw*{across:.4f}:ih*{down:.4f}:iw*{left:.4f}:ih*{top:.4f}",
        f"scale={FILM_EDGE_PX}:{FILM_EDGE_PX}:force_original_aspect_ratio=decrease:force_divisible_by=2"
        ":flags=fast_bilinear",
        *(["hflip"] if chance.random() < 0.5 else []),
        f"lutyuv=y=val*{chance.uniform(0.88, 1.06):.3f}+{chance.uniform(0, 14):.1f}"
        f":u=val+{chance.uniform(-7, 7):.1f}:v=val+{chance.uniform(-7, 7):.1f}",
        f"setpts=PTS*{stretch:.4f}",
    ]
    return _made(
        ".mp4", sound, "-threads", "1", "-skip_loop_filter", "all", "-i", str(sample), "-map", "1:v:0", "-map", "0:a:0",
        "-vf", ",".join(seen), "-af", filters, *FILM_ENCODER,
    )  # fmt: skip


# --- the program --------------------------------------------------------------------------------------------------


def _made(suffix: str, sound: Sound, *arguments: str) -> bytes:
    """The file that ffmpeg writes of this sound; nothing in it tells when or by which run it was made."""
    raw = (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
    source = ("-f", "s16le", "-ac", "1", "-ar", str(RATE_HZ), "-i", "pipe:0")
    exact = ("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact", "-flags:v", "+bitexact")
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
        out = Path(folder) / f"out{suffix}"
        _ffmpeg(*source, *arguments, *exact, str(out), feed=raw)
        return out.read_bytes()


def _ffmpeg(*arguments: str, feed: bytes = b"") -> bytes:
    command = [os.environ.get("FFMPEG_BINARY") or "ffmpeg", "-v", "error", "-nostdin", "-y", *arguments]
    try:
        return subprocess.run(command, input=feed, capture_output=True, timeout=TIMEOUT_S, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise NotMade(str(error)) from error
