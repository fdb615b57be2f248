"""Whatever a phone, a mail or a web recorder sends becomes preview, peaks and a broadcast file, whatever its name.

Every file holds the same three seconds of a tone whose loudness is known, so duration and level can be told from the
table; all are sent as documents under a name and type that lie. Tolerances: a lossy codec moves a tone by up to half a
unit, and frames of up to 120 ms round a length up.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from media_store import loudness, runner, wav
from media_store.errors import Unsupported
from tests.media_store.conftest import Render, Result
from tests.media_store.material import ffmpeg, sine, write_wav

SECONDS = 3.0
TONE_LUFS = -20.0
LOSSY_LU = 0.5
FRAME_S = 0.13
LIES = ("holiday.jpg", "report.pdf", "song.mp4", "-x.wav", "list.m3u8", "no ending")


@dataclass(frozen=True)
class Form:
    """How ffmpeg makes the file, what it is found to be, and how near its level comes to the tone's."""

    extension: str
    options: tuple[str, ...]
    mime: str
    kind: str = "audio"
    tolerance_lu: float = LOSSY_LU


STEREO = ("-af", "pan=stereo|c0=c0|c1=c0")  # -ac 2 would take 3 dB off


def opus(rate_hz: int, channels: int) -> Form:
    bit_rate = "16k" if rate_hz < 16_000 else "32k"
    wide = STEREO if channels == 2 else ()
    return Form("ogg", (*wide, "-ar", str(rate_hz), "-c:a", "libopus", "-b:a", bit_rate), "audio/ogg")


FORMS = {
    "opus 8 kHz mono": opus(8000, 1),
    "opus 12 kHz mono": opus(12000, 1),
    "opus 16 kHz mono": opus(16000, 1),
    "opus 24 kHz stereo": opus(24000, 2),
    "opus 48 kHz mono": opus(48000, 1),
    "opus 48 kHz stereo": opus(48000, 2),
    "m4a mono": Form("m4a", ("-c:a", "aac"), "audio/mp4"),
    "m4a 44.1 kHz stereo": Form("m4a", ("-c:a", "aac", "-ar", "44100", *STEREO), "audio/mp4"),
    "mp4 with sound only": Form("mp4", ("-c:a", "aac", "-brand", "isom"), "audio/mp4"),
    "aac without container": Form("aac", ("-c:a", "aac", "-f", "adts"), "audio/aac"),
    "mp3 22 kHz mono": Form("mp3", ("-c:a", "libmp3lame", "-ar", "22050"), "audio/mpeg"),
    "mp3 without a tag": Form("mp3", ("-c:a", "libmp3lame", "-id3v2_version", "0", "-write_xing", "0"), "audio/mpeg"),
    "3gp with aac": Form("3gp", ("-c:a", "aac", "-ar", "16000"), "audio/3gpp"),
    "wav 8 kHz 8 bit": Form("wav", ("-c:a", "pcm_u8", "-ar", "8000"), "audio/wav"),
    "wav telephone law": Form("wav", ("-c:a", "pcm_alaw", "-ar", "8000"), "audio/wav"),
    "wav 44.1 kHz 16 bit": Form("wav", ("-c:a", "pcm_s16le", "-ar", "44100", *STEREO), "audio/wav", tolerance_lu=0.1),
    "wav 96 kHz float": Form("wav", ("-c:a", "pcm_f32le", "-ar", "96000", *STEREO), "audio/wav", tolerance_lu=0.1),
    "wav with long lengths": Form("wav", ("-c:a", "pcm_s16le", "-rf64", "always"), "audio/wav", tolerance_lu=0.1),
    "flac 24 bit stereo": Form("flac", ("-c:a", "flac", "-sample_fmt", "s32", *STEREO), "audio/flac", tolerance_lu=0.1),
    "webm of a recorder": Form("webm", ("-c:a", "libopus", "-b:a", "48k"), "audio/webm"),
    "webm with no length": Form("webm", ("-c:a", "libopus", "-live", "1"), "audio/webm"),
}


@pytest.fixture(scope="module")
def tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("tone") / "tone.wav", sine(SECONDS, TONE_LUFS))


def check(result: Result) -> None:
    """All that a usable sound has, whatever it came as."""
    facts, made = result.facts, result.made
    assert facts.duration_s is not None
    assert {"preview", "peaks", "broadcast"} <= set(made)
    assert made["preview"].duration_s == facts.duration_s
    document = json.loads(result.paths["peaks"].read_bytes())
    assert document["length"] * document["samples_per_pixel"] / 48_000 == pytest.approx(facts.duration_s, abs=0.011)
    assert facts.peaks56 is not None
    assert max(facts.peaks56) == 255
    found = loudness.measure_file(result.paths["broadcast"], "wav", runner.default_tools())
    assert found.integrated_lufs == pytest.approx(-23.0, abs=0.55)  # 0.5, and half a step of the meter
    assert found.true_peak_dbtp is not None
    assert found.true_peak_dbtp <= -1.0
    assert made["broadcast"].duration_s == pytest.approx(wav.read(result.paths["broadcast"]).frames / 48_000, abs=0.001)
    assert facts.level_note is None


@pytest.mark.parametrize("name", FORMS)
def test_a_document_that_is_a_sound_is_treated_as_one(name: str, tone: Path, tmp_path: Path, render: Render) -> None:
    form = FORMS[name]
    made, lie = tmp_path / f"made.{form.extension}", tmp_path / LIES[list(FORMS).index(name) % len(LIES)]
    ffmpeg("-i", tone, *form.options, made)
    made.rename(lie)

    result = render(lie, kind="document")

    assert (result.facts.kind, result.facts.mime) == (form.kind, form.mime)
    assert result.facts.duration_s == pytest.approx(SECONDS, abs=FRAME_S)
    assert result.facts.loudness_lufs == pytest.approx(TONE_LUFS, abs=form.tolerance_lu)
    check(result)


@pytest.mark.parametrize("name", ["flac 24 bit stereo", "aac without container"])
def test_a_tag_before_the_sound_hides_nothing(name: str, tone: Path, tmp_path: Path, render: Render) -> None:
    """Taggers put ID3 in front of FLAC and AAC, too; a cover in it may be of any size."""
    form, plain, tagged = FORMS[name], tmp_path / f"plain.{FORMS[name].extension}", tmp_path / "tagged"
    ffmpeg("-i", tone, *form.options, plain)
    size = bytes(70_000 >> shift & 0x7F for shift in (21, 14, 7, 0))
    tagged.write_bytes(b"ID3\x03\0\0" + size + bytes(70_000) + plain.read_bytes())

    result = render(tagged, kind="document")

    assert (result.facts.kind, result.facts.mime) == (form.kind, form.mime)
    assert result.facts.duration_s == pytest.approx(SECONDS, abs=FRAME_S)


def test_a_codec_nobody_here_knows_is_no_damage(tone: Path, tmp_path: Path, render: Render) -> None:
    path = tmp_path / "new.mov"
    ffmpeg("-i", tone, "-c:a", "pcm_s16le", path)
    path.write_bytes(path.read_bytes().replace(b"sowt", b"zzzz"))

    with pytest.raises(Unsupported):
        render(path, kind="audio")


def amr_narrow_band(path: Path, frames: int) -> Path:
    """A legal stream of 12.2 kbit/s frames. No encoder is at hand: the bits are drawn, so it is a murmur, no tone."""
    draw = random.Random(5)
    body = b"".join(b"\x3c" + draw.randbytes(30) + bytes([draw.randrange(256) & 0xF0]) for _ in range(frames))
    path.write_bytes(b"#!AMR\n" + body)
    return path


@pytest.mark.parametrize("is_in_3gp", [False, True])
def test_the_telephones_own_codec_is_read(is_in_3gp: bool, tmp_path: Path, render: Render) -> None:
    path = amr_narrow_band(tmp_path / "voice.amr", 150)
    if is_in_3gp:
        ffmpeg("-i", path, "-c", "copy", tmp_path / "in.3gp")
        path = (tmp_path / "in.3gp").rename(tmp_path / "photo.png")

    result = render(path, kind="document")

    assert (result.facts.kind, result.facts.mime) == ("audio", "audio/3gpp" if is_in_3gp else "audio/amr")
    assert result.facts.duration_s == pytest.approx(3.0, abs=0.03)
    check(result)


def test_a_voice_note_stays_a_voice_note(tone: Path, tmp_path: Path, render: Render) -> None:
    ffmpeg("-i", tone, *FORMS["opus 16 kHz mono"].options, tmp_path / "note.ogg")

    result = render(tmp_path / "note.ogg", kind="voice", is_voice=True)

    assert result.facts.kind == "voice"
    check(result)
