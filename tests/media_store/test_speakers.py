"""Several voices: a table of made recordings whose truth is known, and nothing said of one person, song or music."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from media_store import pitch, quality, speakers
from tests.media_store import voices
from tests.media_store.conftest import Render
from tests.media_store.material import RATE_HZ, Samples, ffmpeg, silence, sine, voice_note
from tests.media_store.people import CHILD, MAN, SMALL_CHILD, WOMAN, at_once, in_chorus, in_turn, lively, talk

CAST = Path(__file__).resolve().parents[2] / "desk" / "rehearsal" / "cast" / "samples"
SEEDS = (1,)
LEAST_PRECISION = 0.98
LEAST_RECALL_OF_TURNS = 0.8
LEAST_RECALL_AT_ONCE = 0.6
DIALOGUES = {"man, child": (MAN, CHILD), "man, small child": (MAN, SMALL_CHILD), "man, woman": (MAN, WOMAN)}
Make = Callable[[], Samples]


def marked(samples: Samples, path: Path) -> bool:
    path.write_bytes(samples.astype("<f4").tobytes())
    return speakers.are_several(pitch.follow(path, len(samples) / RATE_HZ))


def decoded(source: Path, folder: Path) -> Samples:
    ffmpeg("-i", source, "-f", "f32le", "-ar", RATE_HZ, "-ac", 1, folder / "decoded.raw")
    return np.fromfile(folder / "decoded.raw", dtype="<f4").astype(float)


def melody_over_bass(beat_s: float) -> Samples:
    """Plucked notes: a low one and a high one in turn, as an accompaniment has them."""
    t, parts = np.arange(round(beat_s * RATE_HZ)) / RATE_HZ, []
    for number in range(round(7 / beat_s)):
        hz = (110.0 if number % 2 else 440.0) * 2 ** (voices.SCALE[number * 5 % 8] / 12)
        parts.append(sum(np.sin(2 * np.pi * hz * k * t) / k**1.5 for k in range(1, 9)) * np.exp(-3 * t / beat_s))
    return voices.levelled(np.concatenate(parts))


def chord(seconds: float) -> Samples:
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    notes = (sum(np.sin(2 * np.pi * hz * k * t) / k**1.5 for k in range(1, 9)) for hz in (131.0, 165.0, 196.0))
    return voices.levelled(np.sum(list(notes), axis=0), 0.2)


def one_person(seed: int) -> dict[str, Make]:
    people_alone = {"man": MAN, "woman": WOMAN, "child": CHILD, "low man": replace(MAN, pitch_hz=85)}
    return {
        **{name: lambda who=who: talk(who, 7, seed) for name, who in people_alone.items()},
        **{f"lively {name}": lambda who=who: talk(lively(who), 7, seed) for name, who in people_alone.items()},
        "very wide": lambda: talk(replace(WOMAN, arch=14, jumps=4), 7, seed),
        "creaky": lambda: talk(replace(MAN, is_creaky=True), 7, seed),
        "woman with a creak at the end": lambda: in_turn(
            [(WOMAN, 1.2), (replace(WOMAN, pitch_hz=100, is_creaky=True), 0.5)] * 4, seed, pause_s=0.0
        ),
        "breathy": lambda: talk(replace(WOMAN, breath=0.3), 7, seed),
        "whisper": lambda: talk(replace(MAN, is_whispering=True), 7, seed),
        "a cry of joy": lambda: in_turn(
            [(WOMAN, 4), (replace(WOMAN, pitch_hz=470, syllable_s=0.5, arch=1, jumps=0.5), 0.9), (WOMAN, 3)], seed
        ),
        "calm, then awake": lambda: in_turn([(WOMAN, 3), (replace(WOMAN, pitch_hz=270), 3)], seed),
        "over noise": lambda: voices.with_noise(talk(lively(WOMAN), 7, seed), voices.pink(7 * RATE_HZ), 5),
        "over music": lambda: talk(MAN, 7, seed)[: 7 * RATE_HZ] + melody_over_bass(0.4)[: 7 * RATE_HZ] * 0.5,
        "over a chord": lambda: talk(lively(WOMAN), 6, seed) + chord(6.0),
        "speech of another make": lambda: voices.spoken(7, seed),
    }


def no_speech() -> dict[str, Make]:
    tunes = {"scale": voices.SCALE, "tune": voices.TUNE, "octaves": (0, 12) * 4, "wide": (0, 0, 14, 14) * 2}
    return {
        **{f"sung {name}": lambda tune=tune: voices.sung(tune, note_s=0.6) for name, tune in tunes.items()},
        "sung quickly": lambda: voices.sung((0, 14, 2, 12) * 6, note_s=0.2),
        "music": lambda: melody_over_bass(0.4),
        "quick music": lambda: melody_over_bass(0.15),
        "a chord": lambda: chord(4.0),
        "noise": lambda: voices.pink(5 * RATE_HZ) * 0.1,
        "two tones": lambda: np.concatenate([sine(1, -20, hz=120), sine(1, -20, hz=400)] * 3),
        "silence": lambda: silence(3),
        "nothing": lambda: silence(0),
    }


def two_people(seed: int) -> dict[str, Make]:
    made: dict[str, Make] = {}
    for name, (a, b) in DIALOGUES.items():
        made |= {
            f"{name} in turn": lambda a=a, b=b: in_turn([(a, 2), (b, 2)] * 2, seed),
            f"{name} once": lambda a=a, b=b: in_turn([(a, 5), (b, 4)], seed),
            f"{name} in noise": lambda a=a, b=b: voices.with_noise(
                in_turn([(a, 2), (b, 2)] * 2, seed), voices.pink(9 * RATE_HZ), 15
            ),
        }
    return made


def all_at_once(seed: int) -> dict[str, Make]:
    return {
        "man and child at once": lambda: at_once([MAN, CHILD], 6, seed),
        "a child behind a man": lambda: at_once([MAN, CHILD], 6, seed, (1.0, 0.5)),
        "man and woman at once": lambda: at_once([MAN, WOMAN], 6, seed),
        "parents' greeting": lambda: in_chorus([MAN, WOMAN], 5, seed),
        "father's and child's greeting": lambda: in_chorus([MAN, CHILD], 5, seed),
    }


def test_who_is_marked_is_several_and_who_takes_turns_is_mostly_marked(tmp_path: Path) -> None:
    """The table: precision over all of it, and what is found of turns and of voices at once."""
    path, wrongly, turns, together = tmp_path / "x.f32", [], [], []
    for seed in SEEDS:
        wrongly += [name for name, make in one_person(seed).items() if marked(make(), path)]
        turns += [marked(make(), path) for make in two_people(seed).values()]
        together += [marked(make(), path) for make in all_at_once(seed).values()]
    wrongly += [name for name, make in no_speech().items() if marked(make(), path)]
    right = sum(turns) + sum(together)

    assert right / (right + len(wrongly)) >= LEAST_PRECISION, wrongly
    assert sum(turns) >= LEAST_RECALL_OF_TURNS * len(turns)
    assert sum(together) >= LEAST_RECALL_AT_ONCE * len(together)


@pytest.mark.parametrize("name", ["rw-voice-01", "rw-voice-05", "rw-voice-06", "o95-voice-08", "rw-song-02"])
def test_the_rehearsals_single_speakers_and_singers_are_not_marked(name: str, tmp_path: Path) -> None:
    assert not marked(decoded(CAST / f"{name}.ogg", tmp_path), tmp_path / "x.f32")


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_two_voices_of_a_speech_synthesiser_are_marked_and_each_alone_is_not(tmp_path: Path) -> None:
    said = {
        ("en+m3", "30"): "Good morning, this is dad speaking. And who are you, little one?",
        ("en+f4", "99"): "I am Lina and I am six years old. I want a song with a dog.",
    }
    parts = []
    for (voice, height), text in said.items():
        command = ["espeak-ng", "-v", voice, "-p", height, "-w", tmp_path / "e.wav", text]
        subprocess.run(command, check=True)
        parts.append(decoded(tmp_path / "e.wav", tmp_path))

    assert marked(np.concatenate(parts * 2), tmp_path / "x.f32")
    assert [marked(np.concatenate([part] * 3), tmp_path / "x.f32") for part in parts] == [False, False]


def test_who_imitates_another_for_whole_sentences_is_taken_for_two(tmp_path: Path) -> None:
    """The method's limit, stated: there is nothing but the pitch to go by."""
    imitating = in_turn([(MAN, 3), (replace(MAN, pitch_hz=240), 2.5), (MAN, 2)], 1)

    assert marked(imitating, tmp_path / "x.f32")


def test_father_and_child_get_their_word_among_the_facts(tmp_path: Path, render: Render) -> None:
    note = voice_note(tmp_path / "n.ogg", in_turn([(MAN, 2), (CHILD, 2)] * 2, 1))

    facts = render(note, kind="voice").facts

    assert facts.flags == ("several_voices",)
    assert quality.remarks(facts.flags, facts.flag_figures) == [
        {"code": "several_voices", "text": "Several voices: more than one person seems to speak.", "facts": {}}
    ]


def test_the_same_father_alone_gets_no_word(tmp_path: Path, render: Render) -> None:
    assert render(voice_note(tmp_path / "n.ogg", talk(MAN, 6, 1)), kind="voice").facts.flags == ()
