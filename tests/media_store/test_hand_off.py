"""What leaves for playout, read byte by byte against the tables of the standards, by readers that are not ours.

`BEXT` (EBU Tech 3285 v2) and `CART` (AES46-2002) name every byte of the two chunks; a file of the whole pipeline must
fill them without gap or overlap. wavinfo and ffprobe read the same files and must find the same.
"""

from __future__ import annotations

import json
import struct
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from wavinfo import WavInfoReader

from media_store import loudness, pipeline, runner
from tests.media_store.conftest import Render, Result, renderer
from tests.media_store.material import RATE_HZ, Samples, clicks_over_quiet_speech, hiss, silence, speech, voice_note

BEXT = (
    (0, 256, "description", "s"), (256, 32, "originator", "s"), (288, 32, "reference", "s"), (320, 10, "date", "s"),
    (330, 8, "time", "s"), (338, 8, "since_midnight", "<Q"), (346, 2, "version", "<H"), (348, 64, "umid", "raw"),
    (412, 2, "loudness", "<h"), (414, 2, "range", "<h"), (416, 2, "true_peak", "<h"), (418, 2, "momentary", "<h"),
    (420, 2, "short_term", "<h"), (422, 180, "reserved", "raw"),
)  # fmt: skip
CART = (
    (0, 4, "version", "s"), (4, 64, "title", "s"), (68, 64, "artist", "s"), (132, 64, "cut_id", "s"),
    (196, 64, "client_id", "s"), (260, 64, "category", "s"), (324, 64, "classification", "s"),
    (388, 64, "out_cue", "s"), (452, 10, "start_date", "s"), (462, 8, "start_time", "s"), (470, 10, "end_date", "s"),
    (480, 8, "end_time", "s"), (488, 64, "producer", "s"), (552, 64, "producer_version", "s"), (616, 64, "user", "s"),
    (680, 4, "level", "<i"), (684, 64, "timers", "raw"), (748, 276, "reserved", "raw"), (1024, 1024, "url", "raw"),
)  # fmt: skip
CANARY = "+49 171 5550123"


def chunks_of(content: bytes) -> dict[bytes, bytes]:
    """A walk over RIFF chunks that insists on sizes and padding."""
    assert (content[:4], content[8:12]) == (b"RIFF", b"WAVE")
    assert struct.unpack_from("<I", content, 4)[0] == len(content) - 8
    found, at = {}, 12
    while at < len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        assert name not in found
        found[name] = content[at + 8 : at + 8 + size]
        at += 8 + size + (size & 1)
    assert at == len(content)
    return found


def read_table(body: bytes, table: tuple[tuple[int, int, str, str], ...]) -> dict[str, Any]:
    """Every field by name; text must be plain ASCII up to its first NUL and nothing after it."""
    found, expected = {}, 0
    for offset, size, name, form in table:
        assert offset == expected, "the table has a gap"
        expected += size
        raw = body[offset : offset + size]
        if form == "s":
            text, _, rest = raw.partition(b"\0")
            assert rest.strip(b"\0") == b"", f"{name} holds something behind its end"
            found[name] = text.decode("ascii")
        else:
            found[name] = raw if form == "raw" else struct.unpack(form, raw)[0]
    return found


def timers_in(raw: bytes) -> dict[str, int]:
    pairs = [struct.unpack_from("<4sI", raw, at) for at in range(0, 64, 8)]
    assert all(frame == 0 for name, frame in pairs if name == bytes(4))
    return {name.decode("ascii"): frame for name, frame in pairs if name != bytes(4)}


def probed(path: Path) -> dict[str, Any]:
    command = [runner.default_tools().ffprobe, "-v", "error", "-of", "json", "-show_streams", "-show_format", str(path)]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {**answer["format"], **answer["streams"][0], "tags": answer["format"].get("tags", {})}


def pcm_of(path: Path, filters: str = "anull") -> np.ndarray:
    command = [runner.default_tools().ffmpeg, "-v", "error", "-i", str(path), "-af", filters, "-f", "s32le", "-"]
    return np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, dtype="<i4").reshape(-1, 2)


def sound() -> Samples:
    return np.concatenate([silence(1.5), speech(3.5, -30), silence(2)]) + hiss(7, -75)


@pytest.fixture(scope="module")
def note(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tags = [part for tag in ("title", "artist", "comment", "location") for part in ("-metadata", f"{tag}={CANARY}")]
    return voice_note(tmp_path_factory.mktemp("hand-off") / "note.ogg", sound(), *tags)


@pytest.fixture(scope="module")
def handed(note: Path, labels: pipeline.BroadcastLabels) -> Result:
    return renderer(note.parent, labels)(note, kind="voice", formats={"flac", "mp3", "mp2"})


def test_every_byte_of_bext_is_as_tech_3285_has_it(handed: Result) -> None:
    content = handed.paths["broadcast"].read_bytes()
    body = chunks_of(content)[b"bext"]
    made = handed.made["broadcast"]

    found = read_table(body[:602], BEXT)
    measured = loudness.measure_file(handed.paths["broadcast"], "wav", runner.default_tools())

    assert (found["description"], found["originator"]) == ("Gruesse an Joerg", "Radio Rheinwelle")
    assert found["reference"] == "DEXXX000000000001073005123456789"
    assert (found["date"], found["time"]) == ("2026-11-21", "07:30:05")
    assert found["since_midnight"] == (7 * 3600 + 30 * 60 + 5) * RATE_HZ
    assert found["version"] == 2
    assert found["umid"] == bytes(64)
    assert found["reserved"] == bytes(180)
    assert found["loudness"] == round((made.loudness_lufs or 0) * 100)
    assert found["loudness"] / 100 == pytest.approx(measured.integrated_lufs, abs=0.1)
    assert found["true_peak"] / 100 == pytest.approx(measured.true_peak_dbtp, abs=0.1)
    assert found["momentary"] / 100 == pytest.approx(measured.max_momentary_lufs, abs=0.1)
    assert found["short_term"] / 100 == pytest.approx(measured.max_short_term_lufs, abs=0.1)
    assert found["range"] / 100 == pytest.approx(measured.range_lu, abs=0.15)  # rounded twice
    assert body[602:] == b"A=PCM,F=48000,W=24,M=stereo,T=Hoererpult;src=opus mono\r\n"


def test_every_byte_of_cart_is_as_aes46_has_it(handed: Result) -> None:
    content = handed.paths["broadcast"].read_bytes()
    chunks = chunks_of(content)
    frames = len(chunks[b"data"]) // 6

    found = read_table(chunks[b"cart"], CART)
    timers = timers_in(found["timers"])

    assert len(chunks[b"cart"]) == 2048
    assert found["version"] == "0101"
    assert (found["title"], found["artist"], found["category"]) == ("Gruesse an Joerg", "Ada aus Koeln", "Hoerer")
    assert found["cut_id"] == "DEXXX000000000001073005123456789"
    assert (found["client_id"], found["classification"], found["user"]) == ("", "", "")
    assert found["out_cue"] == "bis morgen"
    assert (found["start_date"], found["start_time"]) == ("1900-01-01", "00:00:00")
    assert (found["end_date"], found["end_time"]) == ("9999-12-31", "23:59:59")
    assert found["producer"] == "Hoererpult"
    assert found["level"] == 0x8000
    assert found["reserved"] == bytes(276)
    assert found["url"] == bytes(1024)
    assert set(timers) == {"AUDs", "AUDe"}
    assert 0 < timers["AUDs"] < timers["AUDe"] < frames
    assert timers["AUDs"] == round(0.25 * RATE_HZ)
    assert frames - timers["AUDe"] == round(0.5 * RATE_HZ)


def test_the_format_and_the_order_of_chunks_are_what_playout_reads(handed: Result) -> None:
    chunks = chunks_of(handed.paths["broadcast"].read_bytes())

    assert list(chunks) == [b"bext", b"fmt ", b"cart", b"LIST", b"data"]
    assert struct.unpack("<HHIIHH", chunks[b"fmt "]) == (1, 2, 48000, 288000, 6, 24)
    assert len(chunks[b"data"]) % 6 == 0
    assert chunks[b"LIST"][:4] == b"INFO"


@pytest.mark.parametrize("profile", ["broadcast", "mp2"])
def test_another_reader_finds_the_same(profile: str, handed: Result) -> None:
    read = WavInfoReader(str(handed.paths[profile]))
    made = handed.made[profile]

    assert read.bext.version == 2
    assert read.bext.description == "Gruesse an Joerg"
    assert read.bext.originator == "Radio Rheinwelle"
    assert read.bext.originator_ref == "DEXXX000000000001073005123456789"
    assert (read.bext.originator_date, read.bext.originator_time) == ("2026-11-21", "07:30:05")
    assert read.bext.loudness_value == pytest.approx(made.loudness_lufs, abs=0.01)
    assert read.bext.max_true_peak == pytest.approx(made.true_peak_dbtp, abs=0.01)
    assert read.bext.coding_history.startswith("A=PCM,F=48000,W=24,M=stereo,T=Hoererpult;src=opus mono\r\n")
    assert (read.info.title, read.info.artist) == ("Gruesse an Joerg", "Ada aus Koeln")
    assert read.info.created_date == "2026-11-21"
    assert (read.fmt.channel_count, read.fmt.sample_rate) == (2, 48000)


def test_ffprobe_reads_the_broadcast_file(handed: Result) -> None:
    told = probed(handed.paths["broadcast"])

    assert (told["codec_name"], told["channels"], told["sample_rate"]) == ("pcm_s24le", 2, "48000")
    assert float(told["duration"]) == pytest.approx(handed.made["broadcast"].duration_s, abs=0.001)
    assert told["tags"]["title"] == "Gruesse an Joerg"
    assert told["tags"]["originator_reference"] == "DEXXX000000000001073005123456789"
    assert told["tags"]["coding_history"].startswith("A=PCM,F=48000")


def test_unknown_loudness_is_written_as_unknown(tmp_path: Path, render: Render) -> None:
    result = render(voice_note(tmp_path / "ja.ogg", speech(0.3)), kind="voice")

    found = read_table(chunks_of(result.paths["broadcast"].read_bytes())[b"bext"][:602], BEXT)

    assert [found[name] for name in ("loudness", "range", "momentary", "short_term")] == [0x7FFF] * 4


def test_nothing_is_made_that_was_not_asked_for(note: Path, render: Render) -> None:
    assert {"flac", "mp3", "mp2"}.isdisjoint(render(note, kind="voice").made)
    assert {"flac", "mp3", "mp2"} & set(render(note, kind="voice", formats={"mp2", "wma"}).made) == {"mp2"}


def test_a_format_asked_for_later_is_the_only_thing_made(note: Path, render: Render, handed: Result) -> None:
    there = set(handed.made) - {"flac"}

    again = render(note, kind="voice", formats={"flac", "mp3", "mp2"}, skip=there)

    assert {profile: made.sha256 for profile, made in again.made.items()} == {"flac": handed.made["flac"].sha256}
    assert again.facts == handed.facts


def test_flac_holds_the_same_samples(handed: Result) -> None:
    told = probed(handed.paths["flac"])

    assert (told["codec_name"], told["bits_per_raw_sample"], told["channels"]) == ("flac", "24", 2)
    assert np.array_equal(pcm_of(handed.paths["flac"]), pcm_of(handed.paths["broadcast"]))
    assert handed.made["flac"].loudness_lufs == handed.made["broadcast"].loudness_lufs
    assert handed.made["flac"].bytes < handed.made["broadcast"].bytes


@pytest.mark.parametrize("profile", ["flac", "mp3"])
def test_tags_say_what_the_broadcast_file_says_in_its_own_spelling(profile: str, handed: Result) -> None:
    tags = {name.lower(): text for name, text in probed(handed.paths[profile])["tags"].items()}

    assert (tags["title"], tags["artist"], tags["date"]) == ("Grüße an Jörg", "Ada aus Köln", "2026-11-21")
    assert tags["publisher"] == "Radio Rheinwelle"
    assert set(tags) <= {"title", "artist", "date", "publisher", "genre", "comment"}


def test_mp3_is_192_kbit_stereo(handed: Result) -> None:
    told = probed(handed.paths["mp3"])

    assert (told["codec_name"], told["channels"], told["sample_rate"]) == ("mp3", 2, "48000")
    assert int(told["bit_rate"]) == pytest.approx(192_000, rel=0.05)  # the tag counts into it
    assert float(told["duration"]) == pytest.approx(handed.made["broadcast"].duration_s, abs=0.06)


def test_mp2_lies_in_a_wav_with_the_same_labels(handed: Result) -> None:
    content = handed.paths["mp2"].read_bytes()
    chunks = chunks_of(content)
    frames = len(chunks[b"data"]) // 1152

    assert list(chunks) == [b"bext", b"fmt ", b"fact", b"cart", b"LIST", b"data"]
    assert struct.unpack("<HHIIHHH", chunks[b"fmt "][:18]) == (0x50, 2, 48000, 48000, 1152, 0, 22)
    assert struct.unpack("<HIHHHHII", chunks[b"fmt "][18:]) == (2, 384_000, 1, 0, 1, 0x10, 0, 0)
    assert len(chunks[b"data"]) == frames * 1152
    assert struct.unpack("<I", chunks[b"fact"]) == (frames * 1152,)
    assert chunks[b"bext"][602:].endswith(b"A=MPEG1L2,F=48000,B=384,W=16,M=stereo,T=Hoererpult\r\n")
    assert read_table(chunks[b"cart"], CART)["artist"] == "Ada aus Koeln"
    assert set(timers_in(chunks[b"cart"][684:748])) == {"AUDs", "AUDe"}
    # MPEG-1 layer II, no checksum, 384 kbit/s, 48 kHz, stereo: in each frame
    heads = [struct.unpack_from(">I", chunks[b"data"], at * 1152)[0] for at in range(frames)]
    assert {head & 0xFFFFFCC0 for head in heads} == {0xFFFDE400}


def test_ffprobe_reads_the_mp2(handed: Result) -> None:
    told = probed(handed.paths["mp2"])

    assert (told["codec_name"], told["channels"], told["sample_rate"]) == ("mp2", 2, "48000")
    assert told["bit_rate"] == "384000"
    assert float(told["duration"]) == pytest.approx(handed.made["broadcast"].duration_s, abs=0.05)
    assert told["tags"]["title"] == "Gruesse an Joerg"


def test_lossy_files_stay_at_the_level_and_below_their_lower_peak(tmp_path: Path, render: Render) -> None:
    note = voice_note(tmp_path / "clicks.ogg", clicks_over_quiet_speech(), "-b:a", "96k")

    result = render(note, kind="voice", formats={"mp3", "mp2"})

    assert (result.made["broadcast"].true_peak_dbtp or 0) > -2.0, "else there is nothing to hold back"
    for profile, demuxer in (("mp3", "mp3"), ("mp2", "wav")):
        measured = loudness.measure_file(result.paths[profile], demuxer, runner.default_tools())
        assert measured.true_peak_dbtp is not None
        assert measured.true_peak_dbtp <= -1.5
        assert measured.integrated_lufs == pytest.approx(-23.0, abs=0.6)
        assert result.made[profile].loudness_lufs == pytest.approx(measured.integrated_lufs, abs=0.1)


def test_all_formats_hold_the_same_stretch(handed: Result) -> None:
    sounds = {profile: pcm_of(handed.paths[profile])[:, 0] / 2**31 for profile in ("broadcast", "flac", "mp3", "mp2")}
    base = sounds["broadcast"]

    for profile, samples in sounds.items():
        assert handed.made[profile].begins_s == handed.facts.air_in_s
        length = min(samples.size, base.size)
        spectrum = np.fft.rfft(base[:length]) * np.conj(np.fft.rfft(samples[:length]))
        shift = int(np.argmax(np.fft.irfft(spectrum)))
        assert min(shift, length - shift) <= 0.03 * RATE_HZ, f"{profile} is shifted by {shift} samples"


def test_no_file_says_more_than_its_labels(handed: Result) -> None:
    for profile, path in handed.paths.items():
        content = path.read_bytes()
        for needle in (CANARY.encode(), CANARY.encode("utf-16-le"), b"171 5550123", b"note.ogg", b"/tmp"):
            assert needle not in content, profile


def test_control_characters_in_a_label_break_nothing(note: Path, render: Render, labels: Any) -> None:
    odd = replace(labels, title="a\0b\nc=d;e\\", artist="\u202e=x")

    result = render(note, kind="voice", formats={"flac", "mp3", "mp2"}, labels=odd)

    assert probed(result.paths["mp3"])["tags"]["title"] == "ab c=d;e\\"
    assert isinstance(odd, pipeline.BroadcastLabels)


def test_wishes_are_remembered_by_every_form_they_shaped(handed: Result) -> None:
    for profile in ("preview", "peaks", "broadcast", "flac", "mp3", "mp2"):
        assert handed.made[profile].settings == "-23LUFS -1dBTP 250+500ms"
