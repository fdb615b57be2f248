"""People from formulas: glottal pulses through the resonances of a mouth, of any pitch, size and temper, alone or not.

Unlike `voices`, whose formants stand still, these speak in syllables of changing vowels, in phrases that fall, with
breath and pauses; several of them take turns, talk at once, or greet in chorus. What is true of each is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tests.media_store.material import RATE_HZ, Samples

COARSE_HZ = 16_000
VOWELS = {  # of a grown man
    "a": (760, 1250, 2550), "e": (480, 1950, 2600), "i": (310, 2200, 2950), "o": (470, 850, 2450), "u": (330, 750, 2300)
}  # fmt: skip
WIDTHS_HZ = (80, 100, 140)


@dataclass(frozen=True)
class Person:
    """Usual pitch, size of the mouth (1 a man, 1.3 a child), semitones of a phrase's arch and from word to word."""

    pitch_hz: float = 115
    size: float = 1.0
    arch: float = 3.0
    jumps: float = 1.0
    syllable_s: float = 0.17
    breath: float = 0.02
    is_creaky: bool = False
    is_whispering: bool = False


MAN = Person()
WOMAN = Person(205, 1.16)
CHILD = Person(300, 1.3, 4.0, 1.5, 0.2)
SMALL_CHILD = Person(350, 1.38, 4.5, 2.0, 0.22)


def lively(person: Person) -> Person:
    """The same with a wide intonation: more than an octave between lowest and highest."""
    return replace(person, arch=9.0, jumps=3.0, syllable_s=0.15)


def talk(person: Person, seconds: float, seed: int = 0) -> Samples:
    """Phrases of syllables with pauses between, at 48 kHz; begins and ends in silence."""
    return _fine(_talk(person, seconds, np.random.default_rng(seed)))


def in_turn(turns: list[tuple[Person, float]], seed: int = 0, pause_s: float = 0.25) -> Samples:
    """One after the other, each for some seconds."""
    chance, pause = np.random.default_rng(seed), np.zeros(round(pause_s * COARSE_HZ))
    return _fine(np.concatenate([part for who, seconds in turns for part in (_talk(who, seconds, chance), pause)]))


def at_once(people: list[Person], seconds: float, seed: int = 0, heights: tuple[float, ...] = ()) -> Samples:
    """All of them talk at the same time, each their own words."""
    sounds = [_talk(who, seconds, np.random.default_rng(seed * 10 + place)) for place, who in enumerate(people)]
    return _fine(_mixed(sounds, heights))


def in_chorus(people: list[Person], seconds: float, seed: int = 0) -> Samples:
    """All of them say the same words, nearly together."""
    sounds = []
    for place, who in enumerate(people):
        late = np.zeros(round(0.03 * place * COARSE_HZ))
        sounds.append(np.concatenate([late, _talk(who, seconds, np.random.default_rng(seed))]))
    return _fine(_mixed(sounds, ()))


def _mixed(sounds: list[Samples], heights: tuple[float, ...]) -> Samples:
    whole = np.zeros(max(map(len, sounds)))
    for sound, height in zip(sounds, heights or (1.0,) * len(sounds), strict=True):
        whole[: len(sound)] += height * sound
    return whole


def _fine(sound: Samples, peak: float = 0.3) -> Samples:
    """At 48 kHz, at a usual level."""
    fine = np.fft.irfft(np.fft.rfft(sound), len(sound) * RATE_HZ // COARSE_HZ)
    fine += np.random.default_rng(3).normal(0, 1e-4 * np.abs(fine).max(), len(fine))
    whole: Samples = fine / max(np.abs(fine).max(), 1e-12) * peak
    return whole


def _talk(person: Person, seconds: float, chance: np.random.Generator) -> Samples:
    count = round(seconds * COARSE_HZ)
    pitch, level, shares = np.full(count, person.pitch_hz), np.zeros(count), np.zeros((len(VOWELS), count))
    at, end = round(0.1 * COARSE_HZ), count - round(0.1 * COARSE_HZ)
    while at < end:
        at = _phrase(person, chance, at, end, pitch, level, shares) + round(chance.uniform(0.2, 0.5) * COARSE_HZ)
    pitch = _soft(pitch, 0.02)
    voice = _source(person, pitch, chance)
    soft = np.stack([_soft(share, 0.03) for share in shares])
    sound = sum(_through_mouth(voice, name, person.size) * share for name, share in zip(VOWELS, soft, strict=True))
    hiss = np.diff(chance.normal(0, 0.05, count + 1)) * (_soft((level == 0).astype(float), 0.01) * 0.3)
    spoken: Samples = sound * _soft(level, 0.012) + hiss * _soft(level, 0.2)
    return spoken


def _phrase(
    person: Person, chance: np.random.Generator, at: int, end: int, pitch: Samples, level: Samples, shares: Samples
) -> int:
    """Write one phrase of three to nine syllables; where it ends."""
    syllables, register = int(chance.integers(3, 10)), chance.normal(0, person.jumps / 2)
    for number in range(syllables):
        length = round(person.syllable_s * chance.uniform(0.6, 1.5) * COARSE_HZ)
        until = min(at + length, end)
        if until <= at:
            break
        place = number / max(1, syllables - 1)
        course = register + person.arch * (0.5 - place) + chance.normal(0, person.jumps)
        glide = np.linspace(0, chance.normal(0, person.jumps), until - at)
        pitch[at:until] = person.pitch_hz * 2 ** ((course + glide) / 12)
        gap = round(chance.choice([0.0, 0.03, 0.06]) * COARSE_HZ)
        level[at : max(at + 1, until - gap)] = chance.uniform(0.5, 1)
        shares[chance.integers(len(VOWELS)), at:until] = 1
        at = until
    return at


def _source(person: Person, pitch: Samples, chance: np.random.Generator) -> Samples:
    """Pulses that open slowly and close fast, never quite alike; breath instead of them for a whisper."""
    breath = chance.normal(0, 1, len(pitch))
    if person.is_whispering:
        return breath
    wobble = np.repeat(chance.normal(0, 0.006, len(pitch) // 80 + 1), 80)[: len(pitch)]
    phase = np.cumsum(pitch * (1 + wobble)) / COARSE_HZ
    place = phase % 1
    flow = np.where(
        place < 0.6, 0.5 - 0.5 * np.cos(np.pi * place / 0.6), 0.5 + 0.5 * np.cos(np.pi * (place - 0.6) / 0.25)
    )
    flow = np.where(place > 0.85, 0, flow)
    if person.is_creaky:
        flow = flow * np.where(phase.astype(int) % 2, 0.55, 1)
    pulses: Samples = np.diff(flow, prepend=0) * COARSE_HZ / pitch + person.breath * breath
    return pulses


def _through_mouth(source: Samples, vowel: str, size: float) -> Samples:
    hz = np.fft.rfftfreq(len(source), 1 / COARSE_HZ)
    gain = np.zeros(len(hz))
    for middle, width, height in zip(VOWELS[vowel], WIDTHS_HZ, (1.0, 0.55, 0.3), strict=True):
        tuned = middle * size
        gain += height / np.sqrt((1 - (hz / tuned) ** 2) ** 2 + (hz * width / tuned**2) ** 2)
    out = np.fft.irfft(np.fft.rfft(source) * gain, len(source))
    voiced: Samples = out / out.std()
    return voiced


def _soft(course: Samples, seconds: float) -> Samples:
    """Rounded off by a triangle of this width: two moving means."""
    half = max(2, round(seconds * COARSE_HZ / 2))
    for _ in range(2):
        sums = np.cumsum(np.pad(course, (half // 2 + 1, half - half // 2), mode="edge"))
        course = (sums[half : half + len(course)] - sums[: len(course)]) / half
    return course
