# ruff: noqa: E501 (tables of notes and formulas read better whole)
"""Make the cast's samples: spoken notes, sung greetings, photos, clips, stickers.

Run by hand when the cast changes; the results are committed beside this file. Needs
espeak-ng, sox, ffmpeg, a Chromium to draw the pictures, numpy, Pillow and (for the one HEIC)
pillow-heif. The pictures are our own drawings; give their folder as the argument.
The singing is a source-filter voice: pulses with vibrato through three vowel resonances.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import tomllib
import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

HERE = Path(__file__).parent
SAMPLES = HERE / "samples"
RATE_HZ = 24_000
Sound = NDArray[np.float64]

# vowel: formant frequencies in Hz of a grown voice (f1, f2, f3); a child's lie a quarter higher
VOWELS = {
    "a": (760, 1250, 2550), "e": (480, 1950, 2600), "i": (310, 2200, 2950), "o": (470, 850, 2450),
    "u": (330, 750, 2300), "ü": (310, 1650, 2200), "ö": (430, 1480, 2250),
}  # fmt: skip
# (semitones above the first note, beats, vowel, consonant before it: h hiss, t stop, m hum, none)
TUNES: dict[str, tuple[float, list[tuple[int, float, str, str]]]] = {
    "birthday": (0.46, [
        (0, .75, "u", "t"), (0, .25, "e", "t"), (2, 1, "u", "t"), (0, 1, "a", "t"), (5, 1, "i", "h"), (4, 2, "ü", "t"),
        (0, .75, "u", "t"), (0, .25, "e", "t"), (2, 1, "u", "t"), (0, 1, "a", "t"), (7, 1, "i", "h"), (5, 2, "ü", "t"),
        (0, .75, "u", "t"), (0, .25, "e", "t"), (12, 1, "u", "t"), (9, 1, "a", "t"), (5, 1, "i", "m"), (4, 1, "e", "h"), (2, 1.6, "a", "t"),
        (10, .75, "u", "t"), (10, .25, "e", "t"), (9, 1, "u", "t"), (5, 1, "a", "t"), (7, 1, "i", "h"), (5, 2.6, "ü", "t"),
    ]),
    "jakob": (0.42, [
        *[(0, 1, "u", "h"), (2, 1, "e", "t"), (4, 1, "a", "m"), (0, 1, "o", "t")] * 2,
        *[(4, 1, "e", "h"), (5, 1, "ü", "t"), (7, 2, "u", "t")] * 2,
        *[(7, .5, "ö", "h"), (9, .5, "u", "t"), (7, .5, "i", "h"), (5, .5, "e", "t"), (4, 1, "o", "t"), (0, 1, "e", "m")] * 2,
        *[(0, 1, "i", "t"), (-5, 1, "a", "t"), (0, 2, "o", "m")] * 2,
    ]),
    "voegel": (0.44, [
        (0, 1.5, "a", ""), (4, .5, "e", "m"), (7, 1, "ö", "h"), (12, 1, "e", "t"), (9, 1, "i", "h"), (12, .5, "o", "h"), (9, .5, "a", "m"),
        (7, 2, "a", "t"), (5, 1.5, "a", ""), (7, .5, "e", "m"), (4, 1, "ö", "h"), (0, 1, "e", "t"), (2, 2, "a", "t"), (0, 2.4, "e", "m"),
    ]),
}  # fmt: skip


def run(*command: str | Path, feed: bytes | None = None) -> bytes:
    return subprocess.run([str(part) for part in command], input=feed, capture_output=True, check=True).stdout


def write_wav(path: Path, sound: Sound) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())


def read_wav(path: Path) -> Sound:
    raw = run("ffmpeg", "-v", "error", "-i", path, "-f", "s16le", "-ac", "1", "-ar", str(RATE_HZ), "-")
    return np.frombuffer(raw, "<i2").astype(np.float64) / 32768


# ---------------------------------------------------------------- sound


def shaped_noise(count: int, slope: float, seed: int) -> Sound:
    """Noise whose power falls with frequency to the given slope; peak about 1."""
    random = np.random.default_rng(seed)
    spectrum = np.fft.rfft(random.standard_normal(count))
    frequency = np.maximum(np.fft.rfftfreq(count, 1 / RATE_HZ), 30)
    noise = np.fft.irfft(spectrum / frequency**slope, count)
    scaled: Sound = noise / np.abs(noise).max()
    return scaled


def resonate(sound: Sound, centre_hz: float, width_hz: float) -> Sound:
    """One formant: a resonance applied in the frequency domain."""
    frequency = np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
    gain = 1 / np.sqrt((1 - (frequency / centre_hz) ** 2) ** 2 + (frequency * width_hz / centre_hz**2) ** 2)
    out: Sound = np.fft.irfft(np.fft.rfft(sound) * gain, len(sound))
    return out


def room(sound: Sound, tail_s: float, share: float, seed: int) -> Sound:
    """A little of the room the phone lies in."""
    count = int(RATE_HZ * tail_s)
    echo = np.random.default_rng(seed).standard_normal(count) * np.exp(-np.arange(count) / (count / 5))
    size = len(sound) + count
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(echo, size), size)
    out: Sound = np.pad(sound, (0, count)) + wet / max(np.abs(wet).max(), 1e-9) * np.abs(sound).max() * share
    return out


def as_recorded(sound: Sound, sounds: str, seed: int) -> Sound:
    """The same voice as different people record it: level in peak, noise, overdrive."""
    sound = room(sound / max(np.abs(sound).max(), 1e-9), 0.28, 0.22 if sounds == "kitchen" else 0.12, seed)
    lead = np.zeros(int(RATE_HZ * 0.35))
    sound = np.concatenate([lead, sound, lead[: int(RATE_HZ * 0.2)]])
    hiss, rumble = shaped_noise(len(sound), 0.4, seed), shaped_noise(len(sound), 1.4, seed + 1)
    if sounds == "quiet":
        return sound * 0.035 + hiss * 0.0025
    if sounds == "loud":
        return np.tanh(sound * 6) * 0.99 + hiss * 0.006
    if sounds == "car":
        return sound * 0.5 + rumble * 0.16 + hiss * 0.02
    if sounds == "kitchen":
        return sound * 0.5 + hiss * 0.012 + rumble * 0.02
    return sound * 0.55 + hiss * 0.004


def speak(text: str, voice: list[Any], folder: Path) -> Sound:
    variant, pitch, words_per_minute = voice
    path = folder / "speech.wav"
    run("espeak-ng", "-v", f"de+{variant}", "-p", str(pitch), "-s", str(words_per_minute), "-g", "3", "-w", path, text)
    warm = folder / "warm.wav"
    run("sox", path, "-r", str(RATE_HZ), warm, "highpass", "90", "treble", "-3", "3500", "equalizer", "250", "1q", "2")
    return read_wav(warm)


def sing(tune: str, first_note: int, singers: int, child: bool, seed: int) -> Sound:
    beat_s, notes = TUNES[tune]
    voices = [_one_voice(notes, beat_s, first_note, child, seed + number, singers > 1) for number in range(singers)]
    whole = np.zeros(max(map(len, voices)))
    for voice in voices:
        whole[: len(voice)] += voice
    return whole


def _one_voice(
    notes: list[tuple[int, float, str, str]], beat_s: float, first_note: int, child: bool, seed: int, is_choir: bool
) -> Sound:
    """One singer: gliding pitch with late vibrato, breath, vowels that melt into one another."""
    random = np.random.default_rng(seed)
    beat_s *= 1 + random.normal(0, 0.004 if is_choir else 0.03)
    lengths = [int(beats * beat_s * RATE_HZ) for _, beats, _, _ in notes]
    count, starts = sum(lengths), np.cumsum([0, *lengths[:-1]])
    pitch, level = np.zeros(count), np.zeros(count)
    for (step, _, _, consonant), start, length in zip(notes, starts, lengths, strict=True):
        pitch[start : start + length] = first_note + step + random.normal(0, 0.18)
        level[start : start + length] = _note_level(length, consonant, random)
    glide = np.ones(int(0.045 * RATE_HZ)) / int(0.045 * RATE_HZ)
    pitch = np.convolve(np.pad(pitch, len(glide), mode="edge"), glide, "same")[len(glide) : -len(glide)]
    time_s = np.arange(count) / RATE_HZ
    vibrato = 0.28 * np.sin(2 * np.pi * (5.1 + random.normal(0, 0.25)) * time_s + random.uniform(0, 6))
    drift = np.interp(time_s, np.linspace(0, time_s[-1], 40), random.normal(0, 0.1, 40))
    hertz = 440 * 2 ** ((pitch + vibrato * np.clip(level, 0, 1) + drift - 69) / 12)
    source = _pulses(hertz) + random.standard_normal(count) * 0.02
    out = np.zeros(count)
    stretch = 1.24 if child else 1.08 if first_note >= 57 else 1.0
    for vowel in VOWELS:
        share = _vowel_share(vowel, notes, starts, lengths, count)
        if share.any():
            out += _through_mouth(source, vowel, stretch) * share
    out = out * level + _consonants(notes, starts, count, random)
    delay = np.zeros(int(abs(random.normal(0, 0.018 if is_choir else 0)) * RATE_HZ))
    sung: Sound = np.concatenate([delay, out / np.abs(out).max()])
    return sung


def _note_level(length: int, consonant: str, random: np.random.Generator) -> Sound:
    level = np.ones(length) * random.uniform(0.82, 1)
    attack, release = int(0.05 * RATE_HZ), int(0.07 * RATE_HZ)
    floor = 0.45 if consonant == "m" else 0.05
    level[:attack] *= np.linspace(floor, 1, attack)
    level[-release:] *= np.linspace(1, floor, release)
    return level


def _pulses(hertz: Sound) -> Sound:
    """Glottal source: harmonics falling 12 dB an octave, none above the band."""
    phase = 2 * np.pi * np.cumsum(hertz) / RATE_HZ
    out = np.zeros(len(hertz))
    for number in range(1, 26):
        out += np.where(hertz * number < 6500, np.sin(number * phase) / number**1.6, 0)
    return out


def _vowel_share(vowel: str, notes: list[Any], starts: Any, lengths: list[int], count: int) -> Sound:
    share = np.zeros(count)
    for (_, _, sung, _), start, length in zip(notes, starts, lengths, strict=True):
        if sung == vowel:
            share[start : start + length] = 1
    soft = np.hanning(int(0.08 * RATE_HZ))
    out: Sound = np.convolve(share, soft / soft.sum(), "same")
    return out


def _through_mouth(source: Sound, vowel: str, stretch: float) -> Sound:
    out = np.zeros(len(source))
    for centre_hz, width_hz, share in zip(VOWELS[vowel], (80, 100, 140), (1.0, 0.55, 0.3), strict=True):
        out += resonate(source, centre_hz * stretch, width_hz) * share
    scaled: Sound = out / np.abs(out).max()
    return scaled


def _consonants(notes: list[Any], starts: Any, count: int, random: np.random.Generator) -> Sound:
    out = np.zeros(count)
    for (_, _, _, consonant), start in zip(notes, starts, strict=True):
        length = int({"t": 0.03, "h": 0.07}.get(consonant, 0) * RATE_HZ)
        if length and start + length < count:
            burst = np.diff(random.standard_normal(length + 1)) * np.hanning(length)
            out[start : start + length] += burst * (0.16 if consonant == "t" else 0.07)
    return out


def bells(seconds: float) -> Sound:
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    out = np.zeros(len(time_s))
    for number, (strike_s, tone_hz) in enumerate([(0.2, 392), (1.1, 330), (2.0, 392), (2.9, 262), (3.8, 330)]):
        since = np.clip(time_s - strike_s, 0, None)
        for ratio, share, fall_s in [
            (0.5, 0.5, 3),
            (1, 1, 2.2),
            (1.19, 0.7, 1.6),
            (1.5, 0.4, 1.2),
            (2, 0.6, 0.9),
            (2.66, 0.3, 0.5),
        ]:
            ring = np.sin(2 * np.pi * tone_hz * ratio * since + number) * np.exp(-since / fall_s) * share
            out += ring * (time_s >= strike_s)
    scaled: Sound = out / np.abs(out).max() * 0.6
    return scaled


def encode(sound: Sound, target: Path, folder: Path) -> None:
    wav = folder / "take.wav"
    write_wav(wav, sound)
    codec = {
        ".ogg": ["-c:a", "libopus", "-b:a", "26k", "-application", "voip", "-ar", "16000"],
        ".mp3": ["-c:a", "libmp3lame", "-b:a", "64k"],
        ".m4a": ["-c:a", "aac", "-b:a", "56k"],
        ".wav": ["-ar", "16000", "-c:a", "pcm_s16le"],
    }.get(target.suffix)
    if codec is None:  # old phones' AMR needs an encoder that is seldom there: sox has one
        run("sox", wav, "-r", "8000", "-c", "1", "-t", "amr-nb", target)
        return
    run("ffmpeg", "-v", "error", "-y", "-i", wav, "-ac", "1", *codec, target)


# ---------------------------------------------------------------- pictures


def draw_svg(svg: Path, width_px: int, height_px: int, folder: Path) -> Image.Image:
    """A drawing as pixels, filling the frame."""
    page, shot = folder / "page.html", folder / "shot.png"
    style = "html,body{margin:0;background:#fff}img{display:block;width:100vw;height:100vh;object-fit:cover}"
    page.write_text(f'<!doctype html><style>{style}</style><img src="{svg.resolve().as_uri()}">', encoding="utf-8")
    run("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={width_px},{height_px}",
        f"--screenshot={shot}", page.as_uri())  # fmt: skip
    return Image.open(shot).convert("RGB")


def as_photo(drawing: Image.Image, seed: int) -> Image.Image:
    """Grain, a soft lens and darker corners, as a phone's camera leaves them."""
    random = np.random.default_rng(seed)
    soft = np.asarray(drawing.filter(ImageFilter.GaussianBlur(1.1)), dtype=np.float64)
    height, width = soft.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    corners = 1 - 0.2 * (x**2 + y**2) ** 1.4 / 2
    coarse = Image.fromarray((random.random((height // 3, width // 3)) * 255).astype(np.uint8)).resize((width, height))
    light = 1 + 0.05 * np.sin(x * 1.3 + y * 2 + seed)
    grain = (np.asarray(coarse, dtype=np.float64) - 128) / 128 * 5 + random.normal(0, 1.6, (height, width))
    photo = soft * (corners * light)[..., None] + grain[..., None]
    return Image.fromarray(np.clip(photo, 0, 255).astype(np.uint8))


def clip(photo: Image.Image, sound: Sound, target: Path, seconds: float, size: tuple[int, int], folder: Path) -> None:
    """A short film: a slow move across the picture, with sound, as phones write it (moov first)."""
    still, wav = folder / "still.png", folder / "clip.wav"
    photo.save(still)
    write_wav(wav, sound[: int(seconds * RATE_HZ)])
    width, height = size
    move = (
        f"scale={width * 2}:{height * 2}:force_original_aspect_ratio=increase,crop={width * 2}:{height * 2},"
        f"zoompan=z='1.05+0.18*on/{int(seconds * 24)}':x='(iw-iw/zoom)*(0.5+0.4*sin(on/40))':y='(ih-ih/zoom)*0.5'"
        f":d=1:s={width}x{height}:fps=24,noise=alls=4:allf=t,format=yuv420p"
    )
    run("ffmpeg", "-v", "error", "-y", "-loop", "1", "-framerate", "24", "-t", str(seconds), "-i", still, "-i", wav, "-vf", move,
        "-c:v", "libx264", "-profile:v", "main", "-preset", "slow", "-b:v", "260k", "-maxrate", "400k", "-bufsize", "600k",
        "-c:a", "aac", "-b:a", "48k", "-ac", "1", "-shortest", "-movflags", "+faststart", target)  # fmt: skip


def sun_sticker() -> Image.Image:
    big = Image.new("RGBA", (1024, 1024), (0, 0, 0, 0))
    draw = ImageDraw.Draw(big)
    for number in range(12):
        angle = number * np.pi / 6
        tip = (512 + 470 * np.cos(angle), 512 + 470 * np.sin(angle))
        sides = [(512 + 330 * np.cos(angle + turn), 512 + 330 * np.sin(angle + turn)) for turn in (-0.17, 0.17)]
        draw.polygon([tip, *sides], fill=(249, 192, 76, 255))
    draw.ellipse((212, 212, 812, 812), fill=(255, 214, 96, 255), outline=(255, 255, 255, 255), width=22)
    for x in (410, 614):
        draw.ellipse((x - 34, 420, x + 34, 500), fill=(60, 42, 10, 255))
    draw.arc((380, 430, 644, 690), 25, 155, fill=(60, 42, 10, 255), width=30)
    return big.resize((512, 512), Image.Resampling.LANCZOS)


def heart_frames() -> list[Image.Image]:
    frames = []
    for number in range(10):
        grow = 1 + 0.12 * np.sin(number / 10 * 2 * np.pi)
        turn = np.linspace(0, 2 * np.pi, 120)
        x = 256 + 12.5 * grow * 16 * np.sin(turn) ** 3
        y = 246 - 12.5 * grow * (13 * np.cos(turn) - 5 * np.cos(2 * turn) - 2 * np.cos(3 * turn) - np.cos(4 * turn))
        frame = Image.new("RGBA", (512, 512), (0, 0, 0, 0))
        outline = [tuple(point) for point in zip(x, y, strict=True)]
        ImageDraw.Draw(frame).polygon(outline, fill=(240, 150, 202, 255), outline=(255, 255, 255, 255), width=10)
        frames.append(frame)
    return frames


def make_stickers(drawings: Path, folder: Path) -> None:
    radio = draw_svg(drawings / "sticker-radio.svg", 1024, 1024, folder).resize((512, 512), Image.Resampling.LANCZOS)
    mask = Image.new("L", (512, 512), 0)
    ImageDraw.Draw(mask).rounded_rectangle((4, 4, 508, 508), 90, fill=255)
    radio.putalpha(mask)
    radio.save(SAMPLES / "sticker-radio.webp", quality=80)
    sun_sticker().save(SAMPLES / "sticker-sonne.webp", quality=85)
    frames = heart_frames()
    frames[0].save(
        SAMPLES / "sticker-herz-bewegt.webp", save_all=True, append_images=frames[1:], duration=80, loop=0, quality=70
    )


def make_pictures(cast: dict[str, Any], drawings: Path, folder: Path) -> dict[str, Image.Image]:
    photos = {}
    for seed, row in enumerate(cast["picture"]):
        name = Path(row["file"]).stem
        photos[name] = as_photo(draw_svg(drawings / f"{name}.svg", 1600, 1200, folder), seed)
        photos[name].save(SAMPLES / row["file"], quality=76, optimize=True, progressive=seed % 2 == 0)
    return photos


def make_heic(photo: Image.Image) -> None:
    from pillow_heif import from_pillow

    data = io.BytesIO()
    from_pillow(photo.resize((1440, 1080))).save(data, quality=60)
    (SAMPLES / "IMG_2041.heic").write_bytes(data.getvalue())


# ---------------------------------------------------------------- all of it


def make_sounds(cast: dict[str, Any], folder: Path) -> dict[str, Sound]:
    voices = {row["name"]: row["voice"] for row in cast["listener"]}
    for seed, row in enumerate(cast["voice"]):
        spoken = as_recorded(speak(row["say"], voices[row["by"]], folder), row["sounds"], seed)
        encode(spoken, SAMPLES / row["file"], folder)
    songs = {}
    for seed, row in enumerate(cast["song"], start=100):
        sung = sing(row["tune"], row["pitch"], row["singers"], row.get("child", False), seed)
        songs[row["file"]] = as_recorded(sung, row.get("sounds", "clean"), seed)
        encode(songs[row["file"]], SAMPLES / row["file"], folder)
    encode(bells(6), SAMPLES / "Kirchenglocken am Morgen.wav", folder)
    encode(songs["o95-song-02.ogg"][: 10 * RATE_HZ], SAMPLES / "gesang-alt.amr", folder)
    return songs


def make_clips(photos: dict[str, Image.Image], songs: dict[str, Sound], folder: Path) -> None:
    outside = shaped_noise(RATE_HZ * 20, 1.0, 7) * 0.08
    wide, tall = (848, 480), (480, 848)
    clip(photos["erster-schnee"], outside, SAMPLES / "clip-schnee.mp4", 6, wide, folder)
    clip(photos["laternen"], songs["rw-song-03.ogg"], SAMPLES / "clip-laternen.mp4", 10, wide, folder)
    clip(photos["kinderchor"], songs["rw-song-01.ogg"], SAMPLES / "clip-chor.mp4", 12, wide, folder)
    clip(photos["hund-herbst"], songs["o95-song-04.mp3"], SAMPLES / "clip-hund.mp4", 8, wide, folder)
    clip(photos["torte"], songs["rw-song-05.ogg"], SAMPLES / "clip-hochkant.mp4", 9, tall, folder)


def main() -> None:
    SAMPLES.mkdir(exist_ok=True)
    cast = tomllib.loads((HERE / "cast.toml").read_text(encoding="utf-8"))
    drawings = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        songs = make_sounds(cast, folder)
        photos = make_pictures(cast, drawings, folder)
        make_clips(photos, songs, folder)
        make_heic(photos["weihnachtsmarkt"])
        make_stickers(drawings, folder)


if __name__ == "__main__":
    main()
