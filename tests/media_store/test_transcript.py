"""What is said, with the time of every word: the agreement with an engine, its walls, and the real one where it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from media_store import runner, transcript, walls
from media_store.errors import LimitsExceeded
from media_store.transcript import Engine, EngineFailed, NotSetUp, Transcript, Word
from tests.media_store.material import ffmpeg, sine, write_wav

DOUBLE = (sys.executable, "-I", str(Path(__file__).with_name("speaking_engine.py")))
GOOD: list[dict[str, Any]] = [
    {"language": "de", "confidence": 0.98},
    {"words": [["Guten", 0.1, 0.4], ["Morgen", 0.5, 0.9]]},
    {"done": True},
]


def engine_saying(folder: Path, *lines: dict[str, Any] | str) -> Engine:
    folder.mkdir(exist_ok=True)
    (folder / "answer.jsonl").write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines))
    return transcript.find_engine(folder, folder, command=DOUBLE)


@pytest.fixture
def preview(tmp_path: Path) -> Path:
    path = tmp_path / "preview.mp3"
    ffmpeg("-i", write_wav(tmp_path / "s.wav", sine(1, -20)), "-ac", 1, "-b:a", "96k", path)
    return path


def heard(preview: Path, engine: Engine) -> Transcript:
    work = preview.parent / "work"
    work.mkdir(exist_ok=True)
    try:
        return transcript.transcribe(preview, engine, work, runner.default_tools())
    finally:
        assert list(work.iterdir()) == [], "nothing of the sound stays behind"


def test_words_come_with_their_times(tmp_path: Path, preview: Path) -> None:
    found = heard(preview, engine_saying(tmp_path / "model", *GOOD))

    assert (found.language, found.confidence, found.text) == ("de", 0.98, "Guten Morgen")
    assert found.words == (Word("Guten", 0.1, 0.4), Word("Morgen", 0.5, 0.9))


def test_the_engine_is_given_the_whole_sound_at_sixteen_kilohertz(tmp_path: Path, preview: Path) -> None:
    told = heard(preview, engine_saying(tmp_path / "model", '{"words": [["{seconds}", 0, 1]]}', {"done": True}))

    assert float(told.text) == pytest.approx(1.0, abs=0.1)


def test_where_nobody_speaks_there_are_no_words(tmp_path: Path, preview: Path) -> None:
    found = heard(preview, engine_saying(tmp_path / "model", {"language": None, "confidence": 0.0}, {"done": True}))

    assert found == Transcript(None, 0.0, ())


def test_the_engine_has_no_network(tmp_path: Path, preview: Path) -> None:
    if walls.standing().network != "seccomp":
        pytest.skip("this machine builds no such wall")

    assert heard(preview, engine_saying(tmp_path / "model", {"reach": "network"}, {"done": True})).text == "refused"


def test_the_engine_reads_no_other_files(tmp_path: Path, preview: Path) -> None:
    if walls.standing().files is None:
        pytest.skip("this machine builds no such wall")
    (tmp_path / "secret").write_text("key")

    told = heard(preview, engine_saying(tmp_path / "model", {"reach": str(tmp_path / "secret")}, {"done": True}))

    assert told.text == "refused"


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (GOOD[0], GOOD[1]),
        ("what?", {"done": True}),
        ({"language": 7}, {"done": True}),
        ({"words": [["Guten", 0.1]]}, {"done": True}),
        ({"words": [["Guten", "soon", 0.2]]}, {"done": True}),
        (GOOD[0], {"end": 3}),
    ],
    ids=["nothing", "no end", "no JSON", "no language", "half a word", "no time", "crash"],
)
def test_an_engine_that_breaks_the_agreement_is_not_believed(
    lines: tuple[dict[str, Any] | str, ...], tmp_path: Path, preview: Path
) -> None:
    with pytest.raises(EngineFailed):
        heard(preview, engine_saying(tmp_path / "model", *lines))


def test_an_engine_that_cannot_work_is_not_set_up(tmp_path: Path, preview: Path) -> None:
    with pytest.raises(NotSetUp) as told:
        heard(preview, engine_saying(tmp_path / "model", {"failed": "model"}))

    assert told.value.facts == {"missing": "model"}


def test_times_stay_within_the_sound_and_words_within_reason() -> None:
    lines = [{"words": [["a\u202e\x00b", -1, 99], ["x" * 500, 3, 2], ["  ", 0, 1]]}, {"done": True}]

    found = transcript.read_lines(lines, 5.0)

    assert found.words == (Word("ab", 0.0, 5.0), Word("x" * 80, 3.0, 3.0))


def test_more_words_than_anyone_can_say_are_refused() -> None:
    with pytest.raises(LimitsExceeded):
        transcript.read_lines([{"words": [["la", 0, 1]] * 12_001}, {"done": True}], 10.0)


def test_without_an_engine_it_is_not_set_up(tmp_path: Path) -> None:
    if _own_engine_is_there():
        pytest.skip("the engine is installed here")

    with pytest.raises(NotSetUp) as told:
        transcript.find_engine(tmp_path, tmp_path)

    assert told.value.message == "Transcripts are not set up on this machine."


def test_a_folder_that_is_not_there_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(NotSetUp) as told:
        transcript.find_engine(tmp_path / "gone", tmp_path, command=DOUBLE)

    assert told.value.facts == {"missing": "model"}


def test_weights_of_other_bytes_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package, part, _ in transcript.WEIGHT_PARTS:
        (tmp_path / package / "data").mkdir(parents=True)
        (tmp_path / package / "__init__.py").touch()
        (tmp_path / package / "data" / part).write_bytes(b"other")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(NotSetUp):
        transcript.join_weights(tmp_path / "cache")

    assert not list((tmp_path / "cache").rglob("model.bin"))


def test_a_check_starts_the_engine(tmp_path: Path) -> None:
    transcript.check(engine_saying(tmp_path / "model", *GOOD))

    with pytest.raises((NotSetUp, EngineFailed)):
        transcript.check(Engine((sys.executable, "-c", "raise SystemExit(1)"), tmp_path))


def _own_engine_is_there() -> bool:
    import importlib.util

    return importlib.util.find_spec("faster_whisper") is not None


def _real_engine(cache: Path) -> Engine:
    """Engine and model of this machine; DESK_TRANSCRIPT_PROGRAM may name an interpreter that has the engine."""
    model = os.environ.get("DESK_TRANSCRIPT_MODEL")
    command = os.environ.get("DESK_TRANSCRIPT_PROGRAM", "").split()
    try:
        return transcript.find_engine(Path(model) if model else None, cache, command=command)
    except NotSetUp:
        pytest.skip("no engine and model on this machine")


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_the_real_engine_understands_german(tmp_path: Path) -> None:
    engine = _real_engine(tmp_path / "cache")
    said = "Guten Morgen zusammen. Meine Tochter und ich hören euch jeden Tag. Vielen Dank und bis bald."
    subprocess.run(["espeak-ng", "-v", "de", "-s", "150", "-w", tmp_path / "e.wav", said], check=True)
    ffmpeg("-i", tmp_path / "e.wav", "-ar", 48_000, "-b:a", "96k", tmp_path / "e.mp3")

    found = heard(tmp_path / "e.mp3", engine)

    assert found.language == "de"
    assert {"guten", "tochter", "dank"} <= {word.text.strip(".,").lower() for word in found.words}
    assert all(one.start_s <= two.start_s for one, two in zip(found.words, found.words[1:], strict=False))
