"""Pairs of sounds, pictures and videos with the truth about them, made by code; none is shipped.

Originals come from numpy (voices of syllables and formants, singers of one melody, landscapes of noise) and, where it
is installed, from espeak-ng. Copies are made of them as people make them: encoded again by ffmpeg, cut, louder, in a
screenshot. Strangers are what a listener's desk really gets: another child with the same song, the same jingle before
another message, the next landscape. Each pair says whether it is one thing. A mirrored picture is not: what is written
in it reads backwards, and precision goes first.
"""

from __future__ import annotations

import io
import itertools
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from media_store import film_print, likeness, picture_print, runner, sound_print
from media_store.film_print import FilmPrint
from media_store.likeness import Likeness, VideoPrint
from media_store.picture_print import PicturePrint
from media_store.sound_print import SoundPrint

RATE_HZ = 48_000
LOW_HZ = 16_000
Samples = NDArray[np.float32]
Print = SoundPrint | PicturePrint | VideoPrint | None


@dataclass(frozen=True)
class Pair:
    """Two prints, what sort of pair they are, and whether they are of one thing."""

    sort: str
    name: str
    is_same: bool
    one: Print
    other: Print

    @property
    def is_taken_for_same(self) -> bool:
        """What the desk would say: found by its keys, then compared."""
        return is_found(self.one, self.other) and compare(self.one, self.other).is_same


def compare(one: Print, other: Print) -> Likeness:
    match one, other:
        case SoundPrint(), SoundPrint():
            return likeness.compare_sounds(one, other)
        case PicturePrint(), PicturePrint():
            return likeness.compare_pictures(one, other)
        case VideoPrint(), VideoPrint():
            return likeness.compare_videos(one, other)
    return Likeness(likeness.Why.TOO_LITTLE, 0.0)


def is_found(one: Print, other: Print) -> bool:
    """Whether a search with the first one's keys would come upon the second."""
    match one, other:
        case SoundPrint(), SoundPrint():
            return len({*one.keys} & {*other.keys}) >= likeness.LEAST_COMMON_KEYS["sound"]
        case PicturePrint(), PicturePrint():
            return len({*one.near_keys} & {*other.keys}) >= likeness.LEAST_COMMON_KEYS["picture"]
        case VideoPrint(), VideoPrint():
            return is_found(one.sound, other.sound) or _is_film_found(one.film, other.film)
    return False


def _is_film_found(one: FilmPrint | None, other: FilmPrint | None) -> bool:
    if one is None or other is None:
        return False
    return len({*one.keys} & {*other.keys}) >= likeness.LEAST_COMMON_KEYS["film"]


# --- voices -------------------------------------------------------------------------------------------------------

VOWELS = (
    (730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410), (440, 1020, 2240),
)  # fmt: skip
MELODY = (0, 0, 7, 7, 9, 9, 7, 5, 5, 4, 4, 2, 2, 0)  # a nursery rhyme everybody knows


@dataclass(frozen=True)
class Speaker:
    """A throat: pitch in hertz, how long the mouth is (formants times this), how it wavers."""

    pitch_hz: float
    mouth: float
    seed: int


def speech(speaker: Speaker, text: int, seconds: float = 9.0, pace: float = 4.5) -> Samples:
    """Syllables; `text` decides which, the speaker how they sound."""
    words = np.random.default_rng(text)
    count = int(seconds * pace)
    lengths = words.uniform(0.6, 1.4, count) / pace
    accents = words.uniform(0.8, 1.3, count)
    pitches = speaker.pitch_hz * accents
    return _voice(speaker, pitches, lengths, words.integers(0, len(VOWELS), count), vibrato=0.01, hiss=0.25)


def song(speaker: Speaker, *, key_hz: float, beat_s: float, lyrics: int = 1) -> Samples:
    """The melody, sung by a child: every one hits notes and beats a little beside, in its own way."""
    own = np.random.default_rng(speaker.seed)
    notes = np.array(MELODY) + own.normal(0, 0.25, len(MELODY))
    lengths = beat_s * np.where(np.arange(len(MELODY)) % 7 == 6, 2.0, 1.0) * own.uniform(0.85, 1.15, len(MELODY))
    vowels = np.random.default_rng(lyrics).integers(0, len(VOWELS), len(MELODY))
    return _voice(speaker, key_hz * 2 ** (notes / 12), lengths, vowels, vibrato=0.02, hiss=0.1)


def _voice(
    speaker: Speaker,
    pitches_hz: NDArray[np.float64],
    lengths_s: NDArray[np.float64],
    vowels: NDArray[np.int64],
    *,
    vibrato: float,
    hiss: float,
) -> Samples:
    own = np.random.default_rng(speaker.seed + 7)
    sizes = np.maximum(1, np.rint(lengths_s * LOW_HZ)).astype(int)
    at = np.repeat(np.arange(len(sizes)), sizes)
    within = np.concatenate([np.linspace(0, 1, size, endpoint=False) for size in sizes])
    t = np.arange(at.size) / LOW_HZ
    wobble = 1 + vibrato * np.sin(2 * np.pi * (5 + own.uniform(-1, 1)) * t + own.uniform(0, 6))
    phase = 2 * np.pi * np.cumsum(pitches_hz[at] * wobble * (1 + 0.06 * np.sin(np.pi * within))) / LOW_HZ
    loud = np.sin(np.pi * within) ** 0.6 * own.uniform(0.5, 1.0, len(sizes))[at]
    formants = np.array(VOWELS)[vowels] * speaker.mouth * own.uniform(0.95, 1.05, (len(sizes), 3))
    voiced = np.zeros(at.size)
    for harmonic in range(1, int(4000 / pitches_hz.min()) + 1):
        hz = pitches_hz * harmonic
        gain = sum(1 / (1 + ((hz - formants[:, f]) / (60 + 40 * f)) ** 2) for f in range(3)) * (hz < 4000)
        voiced += (gain / harmonic**0.3)[at] * np.sin(harmonic * phase)
    consonants = own.normal(0, 1, at.size) * np.exp(-((within / 0.12) ** 2)) * hiss
    low = 0.2 * (voiced * loud + consonants) + own.normal(0, 0.0015, at.size)
    low *= 0.5 / np.abs(low).max()
    return np.interp(np.arange(low.size * 3) / 3, np.arange(low.size), low).astype(np.float32)


def jingle(seconds: float = 3.0) -> Samples:
    """The station's own: three chords, the same before every message."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    chords = [(392, 494, 587), (440, 554, 659), (523, 659, 784)]
    third = np.minimum((t / seconds * 3).astype(int), 2)
    tones = sum(np.sin(2 * np.pi * np.array([chord[k] for chord in chords])[third] * t) for k in range(3))
    return (0.15 * tones * (0.3 + 0.7 * np.exp(-((t % (seconds / 3)) * 3)))).astype(np.float32)


def playback(seconds: float) -> Samples:
    """Music from a telephone beside the singer: drums and a bass line, the same for all who sing to it."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    beat = t % 0.5
    drums = np.random.default_rng(99).normal(0, 1, t.size) * np.exp(-beat * 30) * 0.3
    bass = np.sin(2 * np.pi * 110 * 2 ** (np.array([0, 5, 7, 0])[(t / 2).astype(int) % 4] / 12) * t)
    lead = np.sin(2 * np.pi * 660 * 2 ** (np.array([0, 3, 7, 5, 2])[(t / 0.5).astype(int) % 5] / 12) * t)
    return (0.2 * (drums + bass + 0.5 * lead)).astype(np.float32)


def read_aloud(text: str, *, pitch: int, voice: str = "de") -> Samples | None:
    """A speech synthesiser's voice, where one is installed."""
    if shutil.which("espeak-ng") is None:
        return None
    command = ["espeak-ng", "-v", voice, "-p", str(pitch), "--stdout", text]
    spoken = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout
    return _decode(spoken, "wav")


# --- what happens to sounds on their way --------------------------------------------------------------------------


def _tool(arguments: Sequence[str], given: bytes) -> bytes:
    command = [runner.default_tools().ffmpeg, "-v", "error", "-nostdin", *arguments]
    command.remove("-nostdin")
    return subprocess.run(command, input=given, capture_output=True, check=True, timeout=60).stdout


def _decode(given: bytes, form: str) -> Samples:
    raw = _tool(["-f", form, "-i", "pipe:", "-ar", "48000", "-ac", "1", "-f", "f32le", "pipe:"], given)
    return np.frombuffer(raw, dtype="<f4").copy()


def encoded(samples: Samples, codec: str, rate: str, form: str, *more: str) -> Samples:
    """Through a codec and back."""
    pcm = ["-f", "f32le", "-ar", "48000", "-ac", "1", "-i", "pipe:"]
    return _decode(
        _tool([*pcm, "-c:a", codec, "-b:a", rate, *more, "-f", form, "pipe:"], samples.astype("<f4").tobytes()), form
    )


def telephone(samples: Samples) -> Samples:
    """AMR where an encoder is there, else its elder brother GSM, else the band alone."""
    for codec, rate, form in (("libopencore_amrnb", "12.2k", "amr"), ("libgsm", "13k", "gsm")):
        if codec in _encoders():
            return encoded(samples, codec, rate, form, "-ar", "8000")
    return encoded(samples, "pcm_mulaw", "64k", "wav", "-ar", "8000")


@cache
def _encoders() -> str:
    return _tool(["-hide_banner", "-encoders"], b"").decode()


def cut(samples: Samples, start_s: float, end_s: float) -> Samples:
    return samples[round(start_s * RATE_HZ) : len(samples) - round(end_s * RATE_HZ)]


def noisy(samples: Samples, snr_db: float, seed: int = 5) -> Samples:
    power = float(np.sqrt(np.square(samples).mean())) * 10 ** (-snr_db / 20)
    return samples + np.random.default_rng(seed).normal(0, power, len(samples)).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE_HZ), dtype=np.float32)


def hiss(seconds: float, seed: int, level: float = 0.05) -> Samples:
    return np.random.default_rng(seed).normal(0, level, round(seconds * RATE_HZ)).astype(np.float32)


Change = Callable[[Samples], Samples]
SOUND_COPIES: dict[str, Change] = {
    "opus 16k": lambda x: encoded(x, "libopus", "16k", "ogg"),
    "cut 2.1 s and 1.3 s": lambda x: cut(x, 2.13, 1.3),
    "telephone": telephone,
    "quieter 26 dB": lambda x: x * np.float32(0.05),
    "noise 10 dB": lambda x: noisy(x, 10),
    "mp3 64k": lambda x: encoded(x, "libmp3lame", "64k", "mp3"),
    "opus 24k": lambda x: encoded(x, "libopus", "24k", "ogg"),
    "cut 0.5 s, opus 16k": lambda x: encoded(cut(x, 0.517, 0.0), "libopus", "16k", "ogg"),
    "cut 1 s and 3 s, mp3": lambda x: encoded(cut(x, 1.007, 3.0), "libmp3lame", "64k", "mp3"),
    "silence round it": lambda x: np.concatenate([silence(1.77), x, silence(2)]),
    "overloaded": lambda x: np.clip(x * 6, -1, 1),
    "noise 20 dB, opus 16k": lambda x: encoded(noisy(x, 20), "libopus", "16k", "ogg"),
}
SHORT_COPIES = 4

CHILDREN = (Speaker(300, 1.25, 11), Speaker(280, 1.2, 12), Speaker(320, 1.3, 13), Speaker(260, 1.15, 14))
ADULTS = (Speaker(120, 1.0, 21), Speaker(210, 1.12, 22))
SENTENCES = (
    "Guten Morgen liebe Hörer, hier ist die Anna aus Köln, ich wünsche euch allen einen schönen Tag. Macht so weiter.",
    "Hallo zusammen, auf der A drei ist wieder Stau, zwischen Leverkusen und Langenfeld geht gerade überhaupt nichts.",
    "Liebe Oma, alles Gute zum Geburtstag, wir denken an dich und freuen uns auf Sonntag, bis dann, dein Jonas.",
)


def sound_pairs(*, is_short: bool = False) -> Iterator[Pair]:
    """Copies and strangers among sounds."""
    originals = _originals(is_short=is_short)
    prints = {name: sound_print.take_print([samples]) for name, samples in originals.items()}
    copies = dict(itertools.islice(SOUND_COPIES.items(), SHORT_COPIES if is_short else None))
    for (name, samples), (copy, change) in itertools.product(originals.items(), copies.items()):
        changed = sound_print.take_print([change(samples)])
        yield Pair(f"sound: {copy}", f"{name} / {copy}", True, prints[name], changed)
    for one, other in itertools.combinations(prints, 2):
        yield Pair(f"sound: {_relation(one, other)}", f"{one} / {other}", False, prints[one], prints[other])
    yield from _jingle_pairs(originals)
    yield from _noise_pairs()


def _originals(*, is_short: bool) -> dict[str, Samples]:
    """By name; the part before the colon is what two of them may have in common."""
    found = {
        f"song: child {n}": song(child, key_hz=262 * (1 + 0.06 * n), beat_s=0.45 + 0.04 * n)
        for n, child in enumerate(CHILDREN[: 3 if is_short else None])
    }
    found["song: child 0 again"] = song(Speaker(300, 1.25, 31), key_hz=262, beat_s=0.45)
    # to the same playback, in the same key and time
    for n, child in enumerate(CHILDREN[1:3]):
        voice = song(child, key_hz=262, beat_s=0.45)
        found[f"playback: child {n}"] = (voice + playback(30)[: len(voice)]).astype(np.float32)
    for (n, speaker), text in itertools.product(enumerate(ADULTS), range(1 if is_short else 3)):
        found[f"adult {n}: text {text}"] = speech(speaker, text)
    if not is_short:
        for (n, sentence), pitch in itertools.product(enumerate(SENTENCES), (35, 75)):
            spoken = read_aloud(sentence, pitch=pitch)
            if spoken is not None:
                found[f"synthetic {pitch}: text {n}"] = spoken
    return found


def _relation(one: str, other: str) -> str:
    groups = {name.partition(":")[0] for name in (one, other)}
    if groups == {"song"}:
        return "two children, one song"
    if groups == {"playback"}:
        return "two children, one playback"
    return "one voice, other text" if len(groups) == 1 else "other voice"


def _jingle_pairs(originals: dict[str, Samples]) -> Iterator[Pair]:
    opened = {
        name: sound_print.take_print([np.concatenate([jingle(), samples])]) for name, samples in originals.items()
    }
    names = [name for name in opened if name.startswith(("song", "adult"))]
    for one, other in itertools.pairwise(names):
        yield Pair("sound: one jingle, other message", f"{one} / {other}", False, opened[one], opened[other])
    alone = sound_print.take_print([jingle()])
    yield Pair("sound: one jingle, other message", "the jingle alone", False, alone, opened[names[0]])


def _noise_pairs() -> Iterator[Pair]:
    clips = {"silence": silence(6), "hiss 1": hiss(6, 1), "hiss 2": hiss(6, 2), "faint hiss": hiss(6, 3, 0.0005)}
    clips["hum"] = np.sin(2 * np.pi * 50 * np.arange(6 * RATE_HZ) / RATE_HZ).astype(np.float32) * np.float32(0.1)
    clips["other silence"] = silence(9)
    prints = {name: sound_print.take_print([samples]) for name, samples in clips.items()}
    for one, other in itertools.combinations(prints, 2):
        yield Pair("sound: silence and noise", f"{one} / {other}", False, prints[one], prints[other])


# --- pictures -----------------------------------------------------------------------------------------------------


def _cloud(rng: np.random.Generator, height: int, width: int, roughness: float) -> NDArray[np.float64]:
    """Noise as nature makes it: the lower the frequency, the stronger."""
    hz = np.sqrt(np.fft.fftfreq(height)[:, None] ** 2 + np.fft.rfftfreq(width)[None] ** 2)
    hz[0, 0] = 1
    waves = rng.normal(size=hz.shape) + 1j * rng.normal(size=hz.shape)
    field = np.fft.irfft2(waves / hz**roughness, s=(height, width))
    centred: NDArray[np.float64] = (field - field.mean()) / field.std()
    return centred


def landscape(seed: int, width: int = 800, height: int = 600) -> Image.Image:
    """Sky above three ridges: all of them look alike from afar."""
    rng = np.random.default_rng(seed)
    y = np.linspace(0, 1, height)[:, None] * np.ones((1, width))
    pixels = np.stack([110 + 60 * y, 150 + 40 * y, 225 + 10 * y], axis=-1)
    pixels += 12 * np.clip(_cloud(rng, height, width, 1.8), 0, 3)[..., None]
    for ridge, colour in enumerate(((90, 110, 140), (70, 110, 80), (50, 80, 40))):
        line = 0.45 + 0.15 * ridge + rng.uniform(-0.04, 0.04) + 0.05 * _cloud(rng, 1, width, 1.3)[0]
        ground = np.array(colour) + rng.uniform(-15, 15, 3) + 18 * _cloud(rng, height, width, 1.2)[..., None]
        pixels = np.where((y > line[None])[..., None], ground, pixels)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def scene(seed: int, width: int = 800, height: int = 600) -> Image.Image:
    """A room full of things."""
    rng = np.random.default_rng(seed)
    wall = 110 + 35 * _cloud(rng, height, width, 1.6)[..., None] + rng.uniform(-40, 40, 3)
    image = Image.fromarray(np.clip(wall, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(14):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        wide, high = rng.uniform(20, 150, 2)
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape([x - wide, y - high, x + wide, y + high], fill=tuple(int(v) for v in rng.uniform(0, 255, 3)))
    return image.filter(ImageFilter.GaussianBlur(1.5))


def letter(seed: int, width: int = 600, height: int = 800) -> Image.Image:
    """A page of writing, as children send it."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (width, height), (235, 232, 225))
    draw, y = ImageDraw.Draw(image), 60.0
    while y < height - 60:
        x, end = 50.0, width - 50 if rng.random() < 0.7 else rng.uniform(200, width - 100)
        while x < end:
            word = rng.uniform(12, 80)
            draw.rectangle([x, y, min(x + word, end), y + 8], fill=(60, 60, 70))
            x += word + 10
        y += 52 if rng.random() < 0.15 else 22
    return image


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def trimmed(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    """Without these shares of its width and height."""
    width, height = image.size
    return image.crop((int(left * width), int(top * height), int((1 - right) * width), int((1 - bottom) * height)))


def screenshot(image: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """On a telephone, between a clock and a button."""
    screen = Image.new("RGB", (720, 1560), colour)
    shown = image.resize((720, image.height * 720 // image.width))
    screen.paste(shown, (0, (1560 - shown.height) // 2))
    draw = ImageDraw.Draw(screen)
    for box in ((30, 25, 110, 45), (600, 25, 690, 45), (330, 1480, 390, 1540)):
        draw.rectangle(box, fill=(128, 128, 128))
    return screen


PICTURE_COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG 30": lambda i: jpeg(i, 30),
    "a third as wide, JPEG 60": lambda i: jpeg(i.resize((i.width // 3, i.height // 3)), 60),
    "cut 3 % all round": lambda i: jpeg(trimmed(i, 0.03, 0.03, 0.03, 0.03), 75),
    "cut 8 % all round": lambda i: jpeg(trimmed(i, 0.08, 0.08, 0.08, 0.08), 75),
    "screenshot, dark": lambda i: jpeg(screenshot(i, (0, 0, 0)), 80),
    "white border": lambda i: jpeg(ImageOps.expand(i, 60, "white"), 80),
    "cut 10 % at the top": lambda i: jpeg(trimmed(i, 0, 0.1, 0, 0), 75),
    "cut 7 to 10 % askew": lambda i: trimmed(i, 0.07, 0.1, 0.08, 0.05),
    "brighter": lambda i: jpeg(ImageEnhance.Brightness(i).enhance(1.25), 80),
    "less contrast": lambda i: ImageEnhance.Contrast(i).enhance(0.7),
    "screenshot, light": lambda i: jpeg(screenshot(i, (250, 250, 250)), 80),
    "black and white": lambda i: i.convert("L"),
    "blurred": lambda i: i.filter(ImageFilter.GaussianBlur(2)),
}
SHORT_PICTURE_COPIES = 6


def print_of(image: Image.Image) -> PicturePrint | None:
    """As the pipeline makes it, from a picture of 320 pixels."""
    small = image.convert("RGB")
    small.thumbnail((320, 320))
    return picture_print.take_picture_print(small.tobytes(), *small.size)


def picture_pairs(*, is_short: bool = False) -> Iterator[Pair]:
    """Copies and strangers among pictures."""
    makers = (landscape, scene, letter)
    originals = {f"{make.__name__} {n}": make(n) for make in makers for n in range(2 if is_short else 5)}
    prints = {name: print_of(image) for name, image in originals.items()}
    copies = dict(itertools.islice(PICTURE_COPIES.items(), SHORT_PICTURE_COPIES if is_short else None))
    for (name, image), (copy, change) in itertools.product(originals.items(), copies.items()):
        yield Pair(f"picture: {copy}", f"{name} / {copy}", True, prints[name], print_of(change(image)))
    for one, other in itertools.combinations(prints, 2):
        is_near = one.split()[0] == other.split()[0]
        sort = f"picture: two {one.split()[0]}s" if is_near else "picture: quite another"
        yield Pair(sort, f"{one} / {other}", False, prints[one], prints[other])
    for name, image in originals.items():
        yield Pair("picture: mirrored", name, False, prints[name], print_of(ImageOps.mirror(image)))
    plain = [print_of(Image.new("RGB", (400, 300), colour)) for colour in ("black", "black", "white")]
    for one, other in itertools.combinations(plain, 2):
        yield Pair("picture: one colour", "plain", False, one, other)


# --- videos -------------------------------------------------------------------------------------------------------


def film(seed: int, seconds: float = 12.0, *, start_s: float = 0.0) -> NDArray[np.float32]:
    """A telephone panning over a scene: frames of 64 x 64 grey, as many a second as a print takes."""
    wide = scene(seed, 1600, 600).convert("L")
    frames = []
    for step in range(round(seconds * film_print.RATE_PER_S)):
        x = int(40 * (start_s + step / film_print.RATE_PER_S)) % 800
        frames.append(np.asarray(wide.crop((x, 0, x + 800, 600)).resize((64, 64), Image.Resampling.BOX)))
    return np.stack(frames).astype(np.float32)


def stage(child: int, seconds: float = 10.0) -> NDArray[np.float32]:
    """A camera on a stand before a school's stage; who stands there changes little of the picture."""
    back = scene(500).convert("L").resize((64, 64), Image.Resampling.BOX)
    frames = []
    for step in range(round(seconds * film_print.RATE_PER_S)):
        frame = back.copy()
        x = 28 + child * 4 + int(2 * np.sin(step + child))
        ImageDraw.Draw(frame).ellipse([x, 26, x + 8, 50], fill=90 + 40 * child)
        frames.append(np.asarray(frame))
    return np.stack(frames).astype(np.float32)


def _video(frames: NDArray[np.float32], samples: Samples | None) -> VideoPrint:
    sound = None if samples is None else sound_print.take_print([samples])
    return VideoPrint(film_print.of_frames(frames), sound)


def _letterboxed(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bars above and below, as a portrait player draws them."""
    boxed = np.zeros_like(frames)
    for frame, box in zip(frames, boxed, strict=True):
        shown = Image.fromarray(frame.astype(np.uint8)).resize((64, 36), Image.Resampling.BOX)
        box[14:50] = np.asarray(shown)
    return boxed


def video_pairs() -> Iterator[Pair]:
    """Copies and strangers among videos, with sound and without."""
    black = np.zeros((2, 64, 64), dtype=np.float32)
    for n, speaker in enumerate((*ADULTS, *CHILDREN[:2])):
        frames, voice = film(600 + n), speech(speaker, 40 + n, 12.0)
        own, mute = _video(frames, voice), _video(frames, None)
        late, late_voice = np.concatenate([black, frames]), np.concatenate([silence(1.0), voice])
        shorter = film(600 + n, 8.0, start_s=2.25)
        shorter_voice = cut(voice, 2.25, max(0.0, len(voice) / RATE_HZ - 10.25))
        yield Pair("video: black first frames", f"{n}", True, own, _video(late, late_voice))
        yield Pair("video: shorter", f"{n}", True, own, _video(shorter, shorter_voice))
        yield Pair("video: without its sound", f"{n}", True, own, mute)
        yield Pair("video: silent, shorter", f"{n}", True, mute, _video(shorter, None))
        yield Pair("video: in bars, noisy", f"{n}", True, own, _video(_letterboxed(frames), noisy(voice, 15)))
        other = film(700 + n)
        yield Pair("video: other pictures, one sound", f"{n}", False, own, _video(other, voice))
        yield Pair("video: one picture, other sound", f"{n}", False, own, _video(frames, speech(speaker, 80 + n, 12.0)))
        yield Pair("video: quite another", f"{n}", False, own, _video(other, speech(speaker, 90 + n)))
        yield Pair("video: quite another, silent", f"{n}", False, mute, _video(other, None))
    sung = [_video(stage(n), song(child, key_hz=262, beat_s=0.45)) for n, child in enumerate(CHILDREN)]
    for one, other_ in itertools.combinations(sung, 2):
        yield Pair("video: one stage, two children", "stage", False, one, other_)
    dark = [VideoPrint(film_print.of_frames(np.zeros((8, 64, 64), dtype=np.float32)), None) for _ in range(2)]
    yield Pair("video: black and silent", "dark", False, dark[0], dark[1])


def all_pairs(*, is_short: bool = False) -> list[Pair]:
    return [*sound_pairs(is_short=is_short), *picture_pairs(is_short=is_short), *video_pairs()]


# --- the table ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tally:
    """How a sort of pairs came out."""

    pairs: int = 0
    right: int = 0
    found: int = 0
    taken: int = 0
    same: int = 0

    @property
    def precision(self) -> float:
        return self.found / self.taken if self.taken else 1.0

    @property
    def recall(self) -> float:
        return self.found / self.same if self.same else 1.0


def tally(pairs: Sequence[Pair]) -> Tally:
    """`found`: copies that were recognised; `taken`: everything that was taken for a copy."""
    taken = [pair for pair in pairs if pair.is_taken_for_same]
    right = sum(pair.is_taken_for_same == pair.is_same for pair in pairs)
    return Tally(
        len(pairs), right, sum(pair.is_same for pair in taken), len(taken), sum(pair.is_same for pair in pairs)
    )


def table(pairs: Sequence[Pair]) -> str:
    """One line per sort of pair: the truth, how many, how many right, and which are wrong."""
    lines = [f"{'sort of pair':<42} {'truth':<9} {'right':>5} {'of':>5}"]
    for sort in dict.fromkeys(pair.sort for pair in pairs):
        some = [pair for pair in pairs if pair.sort == sort]
        wrong = [pair.name for pair in some if pair.is_taken_for_same != pair.is_same]
        truth = "same" if some[0].is_same else "different"
        right = len(some) - len(wrong)
        lines.append(f"{sort:<42} {truth:<9} {right:>5} {len(some):>5}  {', '.join(wrong)[:90]}".rstrip())
    whole = tally(pairs)
    lines.append(f"{whole.pairs} pairs, precision {whole.precision:.4f}, recall {whole.recall:.4f}")
    return "\n".join(lines)
