"""The samples are there, small, and what their names say; recordings become voice notes."""

from __future__ import annotations

import json
import random
import re
import subprocess
from pathlib import Path

import pytest

from desk.rehearsal.cast import SAMPLES, read_cast
from desk.rehearsal.morning import backlog
from desk.rehearsal.recording import NotARecording, voice_note
from desk.rehearsal.salt import salted
from desk.rehearsal.words import catalogue

TOTAL_LIMIT_BYTES = 8_000_000
PACKAGE = SAMPLES.parent.parent


def _probe(path: Path) -> dict[str, object]:
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(path)]
    document: dict[str, object] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return document


def test_every_sample_of_the_cast_is_there_and_all_are_small() -> None:
    named = {sample.file for samples in read_cast().samples.values() for sample in samples}

    assert named == {path.name for path in SAMPLES.iterdir()}
    assert sum(path.stat().st_size for path in SAMPLES.iterdir()) < TOTAL_LIMIT_BYTES


def test_spoken_and_sung_notes_are_opus_mono() -> None:
    notes = [sample for kind in ("voice", "song") for sample in read_cast().samples[kind] if sample.is_voice]

    for note in notes:
        head = note.path.read_bytes()[:64]
        at = head.index(b"OpusHead")
        assert head[at + 9] == 1, note.file


def test_every_line_of_the_cast_can_be_filled() -> None:
    cast = read_cast()
    for slug in cast.stations:
        assert len(backlog(cast, slug, random.Random(1))) >= 40
        for line in (*cast.texts[slug], *cast.emoji[slug]):
            assert "{" not in cast.filled(line, cast.players_of(slug)[0], random.Random(1))


@pytest.mark.parametrize("codec", ["libopus", "aac"])
def test_a_browsers_recording_becomes_a_voice_note(tmp_path: Path, codec: str) -> None:
    recording = tmp_path / ("take.webm" if codec == "libopus" else "take.m4a")
    tone = ["-f", "lavfi", "-i", "sine=frequency=300:duration=2:sample_rate=48000", "-ac", "2", "-c:a", codec]
    subprocess.run(["ffmpeg", "-v", "error", *tone, str(recording)], check=True)

    note = tmp_path / "note.ogg"
    note.write_bytes(voice_note(recording.read_bytes()))

    (stream,) = _probe(note)["streams"]  # type: ignore[misc]
    assert (stream["codec_name"], stream["channels"]) == ("opus", 1)
    assert float(_probe(note)["format"]["duration"]) == pytest.approx(2, abs=0.1)  # type: ignore[index]


def test_what_is_no_recording_is_said_so() -> None:
    with pytest.raises(NotARecording):
        voice_note(b"no sound in here")


@pytest.mark.parametrize("file", ["rw-voice-01.ogg", "torte.jpg", "clip-schnee.mp4", "sticker-sonne.webp"])
def test_salt_changes_the_bytes_and_leaves_the_sound_and_picture(tmp_path: Path, file: str) -> None:
    data = (SAMPLES / file).read_bytes()
    twin = tmp_path / file
    twin.write_bytes(salted(data, "abc123"))

    def decoded(path: Path) -> bytes:
        command = ["ffmpeg", "-v", "error", "-xerror", "-i", str(path), "-f", "md5", "-"]
        return subprocess.run(command, capture_output=True, check=True).stdout

    assert twin.read_bytes() != data
    assert decoded(twin) == decoded(SAMPLES / file)
    assert salted(data, "") == data


def test_every_word_of_the_phone_has_its_german() -> None:
    page = (PACKAGE / "templates" / "phone.html").read_text(encoding="utf-8")
    scripts = "".join(path.read_text(encoding="utf-8") for path in (PACKAGE / "static").glob("*.js"))
    asked = set(re.findall(r'_\("([^"]+)"\)', page)) | set(re.findall(r"_\('([^']+)'\)", page))
    asked |= set(re.findall(r'\bt\("([^"]+)"', scripts))

    assert asked
    assert asked - set(catalogue("de")) == set()
