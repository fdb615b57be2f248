"""Voice notes and sound files become a preview, peaks and a broadcast file at station level."""

from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from media_store import audio, loudness, pipeline, runner, wav
from media_store.delivery import Handles
from media_store.errors import NoAudio, TooLong
from media_store.recipes import Made
from tests.media_store.conftest import Render, Result
from tests.media_store.material import (
    RATE_HZ,
    clicks_over_quiet_speech,
    ffmpeg,
    hiss,
    silence,
    sine,
    speech,
    voice_note,
    write_wav,
)

OPUS_TOLERANCE_LU = 0.2  # the codec itself moves the level a little; the station's own limit is 0.5


def measured(path: Path) -> loudness.Loudness:
    return loudness.measure_file(path, "wav", runner.default_tools())


def probed(path: Path) -> dict[str, str]:
    command = [runner.default_tools().ffprobe, "-v", "error", "-of", "json", "-show_streams", "-show_format", path]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {**answer["format"], **answer["streams"][0]}


def samples_of(path: Path) -> np.ndarray:
    """Both channels of one of our files as integers."""
    found = wav.read(path)
    data = path.read_bytes()[found.data_at : found.data_at + found.data_bytes]
    padded = np.zeros((len(data) // 3, 4), dtype=np.uint8)
    padded[:, 1:] = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3)
    return (padded.view("<i4").ravel() >> 8).reshape(-1, 2)


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return voice_note(tmp_path / "note.ogg", speech(4))


@pytest.fixture
def result(note: Path, render: Render) -> Result:
    return render(note, kind="voice")


def test_what_can_be_heard_first_is_published_first(result: Result) -> None:
    assert list(result.made) == ["preview", "peaks", "broadcast", "peaks_fine"]


def test_the_broadcast_file_is_at_station_level(result: Result) -> None:
    found = measured(result.paths["broadcast"])

    assert found.integrated_lufs == pytest.approx(-23.0, abs=0.5)
    assert found.true_peak_dbtp is not None
    assert found.true_peak_dbtp <= -1.0
    assert result.made["broadcast"].loudness_lufs == pytest.approx(found.integrated_lufs, abs=0.1)


def test_the_broadcast_file_is_48_khz_24_bit_and_the_same_on_both_sides(result: Result) -> None:
    told = probed(result.paths["broadcast"])
    channels = samples_of(result.paths["broadcast"])

    assert (told["codec_name"], told["sample_rate"], told["channels"]) == ("pcm_s24le", "48000", 2)
    assert np.array_equal(channels[:, 0], channels[:, 1])
    assert np.abs(channels).max() > 1000


def test_the_header_tells_the_level_that_was_measured(result: Result) -> None:
    bext = wav.read(result.paths["broadcast"]).chunks[b"bext"]
    lufs, _, peak, momentary, short_term = struct.unpack_from("<5h", bext, 412)

    assert lufs == round((result.made["broadcast"].loudness_lufs or 0) * 100)
    assert peak == round((result.made["broadcast"].true_peak_dbtp or 0) * 100)
    assert lufs <= short_term <= momentary < 0
    assert bext.endswith(b"src=opus mono\r\n")


def test_the_preview_is_mp3_that_every_browser_plays(result: Result) -> None:
    told = probed(result.paths["preview"])

    assert (told["codec_name"], told["channels"], told["bit_rate"]) == ("mp3", 1, "96000")
    assert float(told["duration"]) == pytest.approx(4.0, abs=0.1)
    assert result.made["preview"].mime == "audio/mpeg"


def test_the_facts_tell_the_source(result: Result) -> None:
    facts = result.facts

    assert (facts.kind, facts.mime) == ("voice", "audio/ogg")
    assert facts.duration_s == pytest.approx(4.0, abs=0.05)
    assert facts.loudness_lufs is not None
    assert facts.gain_db == pytest.approx(-23.0 - facts.loudness_lufs, abs=0.01)
    assert facts.peaks56 is not None
    assert (len(facts.peaks56), max(facts.peaks56)) == (56, 255)


def test_peaks_follow_the_format_and_show_what_airs(result: Result) -> None:
    document = json.loads(result.paths["peaks"].read_bytes())
    heard = np.abs(samples_of(result.paths["broadcast"])).max() / 8388608

    assert {k: document[k] for k in ("version", "channels", "sample_rate", "samples_per_pixel", "bits")} == {
        "version": 2,
        "channels": 1,
        "sample_rate": 48000,
        "samples_per_pixel": 480,
        "bits": 8,
    }
    assert len(document["data"]) == 2 * document["length"]
    assert document["length"] == -(-wav.read(result.paths["broadcast"]).frames // 480)
    assert max(map(abs, document["data"])) == pytest.approx(heard * 128, abs=1)


def test_a_second_run_gives_the_same_bytes(note: Path, render: Render, result: Result) -> None:
    before = {profile: made.sha256 for profile, made in result.made.items()}

    again = render(note, kind="voice")

    assert {profile: made.sha256 for profile, made in again.made.items()} == before
    assert again.facts == result.facts


def test_profiles_that_are_there_are_not_made_again(note: Path, render: Render) -> None:
    assert list(render(note, kind="voice", skip={"preview", "broadcast", "peaks_fine"}).made) == ["peaks"]
    assert list(render(note, kind="voice", skip={"peaks"}).made) == ["preview", "broadcast", "peaks_fine"]


@pytest.mark.parametrize(
    ("extension", "options"),
    [
        ("mp3", ["-c:a", "libmp3lame"]),
        ("m4a", ["-c:a", "aac"]),
        ("aac", ["-c:a", "aac", "-f", "adts"]),
        ("flac", ["-c:a", "flac"]),
        ("caf", ["-c:a", "pcm_s16be"]),
        ("webm", ["-c:a", "libopus"]),
        ("3gp", ["-c:a", "aac"]),
        ("wav", ["-c:a", "pcm_f32le", "-ac", "2"]),
    ],
)
def test_every_accepted_sound_reaches_station_level(
    extension: str, options: list[str], tmp_path: Path, render: Render
) -> None:
    source = write_wav(tmp_path / "s.wav", speech(2))
    path = tmp_path / f"sound.{extension}"
    ffmpeg("-i", source, *options, path)

    result = render(path, kind="audio")

    assert result.facts.kind == "audio"
    assert result.facts.mime.startswith("audio/")
    assert result.made["broadcast"].loudness_lufs == pytest.approx(-23.0, abs=0.5)


def test_a_station_may_have_another_level(note: Path, render: Render) -> None:
    result = render(note, kind="voice", target=pipeline.AudioTarget(-16.0, -2.0))

    found = measured(result.paths["broadcast"])
    assert found.integrated_lufs == pytest.approx(-16.0, abs=0.5)
    assert found.true_peak_dbtp is not None
    assert found.true_peak_dbtp <= -2.0


def test_a_quiet_note_is_raised_and_said_to_be_quiet(tmp_path: Path, render: Render) -> None:
    result = render(voice_note(tmp_path / "q.ogg", sine(3, -45)), kind="voice")

    assert "quiet" in result.facts.flags
    assert result.made["broadcast"].loudness_lufs == pytest.approx(-23.0, abs=0.5)


def test_the_gain_is_capped_at_thirty(tmp_path: Path, render: Render) -> None:
    result = render(voice_note(tmp_path / "vq.ogg", sine(3, -56)), kind="voice")

    assert "very_quiet" in result.facts.flags
    assert "off_target" not in result.facts.flags
    assert result.facts.gain_db == 30.0


def test_silence_is_said_and_has_no_broadcast_file(tmp_path: Path, render: Render) -> None:
    result = render(voice_note(tmp_path / "silence.ogg", silence(2)), kind="voice")

    assert "silent" in result.facts.flags
    assert list(result.made) == ["preview", "peaks", "peaks_fine"]
    assert result.facts.peaks56 == bytes(56)
    assert result.facts.loudness_lufs is None


def test_hiss_alone_counts_as_silence(tmp_path: Path, render: Render) -> None:
    result = render(write_wav(tmp_path / "hiss.wav", hiss(2, -68)), kind="audio")

    assert "silent" in result.facts.flags
    assert "broadcast" not in result.made


def test_clicks_are_held_back_and_the_speech_still_comes_up(tmp_path: Path, render: Render) -> None:
    result = render(write_wav(tmp_path / "clicks.wav", clicks_over_quiet_speech()), kind="audio")

    found = measured(result.paths["broadcast"])
    assert "limited" in result.facts.flags
    assert found.true_peak_dbtp is not None
    assert found.true_peak_dbtp <= -1.0
    assert wav.read(result.paths["broadcast"]).frames == 8 * RATE_HZ


def test_the_shortest_word_is_levelled_too(tmp_path: Path, render: Render) -> None:
    result = render(write_wav(tmp_path / "ja.wav", sine(0.3, -20)), kind="audio")

    assert "short" in result.facts.flags
    assert result.facts.gain_db == pytest.approx(-3.0, abs=0.3)
    assert result.facts.loudness_lufs is None, "the measure is undefined under 0.4 s"
    assert result.made["broadcast"].loudness_lufs is None
    assert result.facts.level_note is not None
    assert result.facts.level_note.code == "level.undefined"


def test_too_loud_a_recording_is_said_to_distort(tmp_path: Path, render: Render) -> None:
    clipped = np.clip(sine(2, 6), -0.9999, 0.9999)

    assert "clipped" in render(write_wav(tmp_path / "loud.wav", clipped), kind="audio").facts.flags


def test_cue_points_leave_the_pauses_out_and_the_words_in(tmp_path: Path, render: Render) -> None:
    path = write_wav(tmp_path / "c.wav", np.concatenate([silence(1.5), sine(2, -20), silence(2)]))

    facts = render(path, kind="audio").facts

    assert facts.cue_in_s is not None
    assert facts.cue_out_s is not None
    assert 1.2 <= facts.cue_in_s <= 1.5
    assert 3.5 <= facts.cue_out_s <= 3.9


def test_a_note_that_starts_at_once_has_its_cue_at_zero(result: Result) -> None:
    assert result.facts.cue_in_s == 0.0


@pytest.mark.parametrize("handles", [None, Handles(250, 500), Handles(0, 0)])
def test_the_cart_timers_are_the_cue_points_within_the_air_copy(
    handles: Handles | None, tmp_path: Path, render: Render
) -> None:
    path = write_wav(tmp_path / "c.wav", np.concatenate([silence(1.5), sine(2, -20), silence(2)]))

    result = render(path, kind="audio", handles=handles)
    facts, found = result.facts, wav.read(result.paths["broadcast"])

    air_in_s, air_out_s = facts.air_in_s or 0, facts.air_out_s or 0
    expected = [round(((cue_s or 0) - air_in_s) * RATE_HZ) for cue_s in (facts.cue_in_s, facts.cue_out_s)]
    assert struct.unpack_from("<4sI4sI", found.chunks[b"cart"], 684) == (b"AUDs", expected[0], b"AUDe", expected[1])
    assert found.frames == round((air_out_s - air_in_s) * RATE_HZ)
    if handles is None:
        assert (air_in_s, air_out_s) == (0.0, 5.5)
    else:
        kept = ((facts.cue_in_s or 0) - air_in_s, air_out_s - (facts.cue_out_s or 0))
        assert kept == pytest.approx((handles.before_ms / 1000, handles.after_ms / 1000))


def test_stereo_is_heard_on_one_channel_without_getting_louder(tmp_path: Path, render: Render) -> None:
    one = sine(3, -23)

    facts = render(write_wav(tmp_path / "st.wav", one, one), kind="audio").facts

    assert facts.loudness_lufs == pytest.approx(-23.0, abs=0.1)


def test_longer_than_thirty_minutes_is_refused_by_what_it_declares(tmp_path: Path, render: Render) -> None:
    path = tmp_path / "long.m4a"
    once = tmp_path / "once.m4a"
    ffmpeg("-f", "lavfi", "-i", "sine=440:sample_rate=8000:duration=10", "-c:a", "aac", "-b:a", "8k", once)
    ffmpeg("-stream_loop", "185", "-i", once, "-c", "copy", path)

    with pytest.raises(TooLong) as refusal:
        render(path, kind="audio")

    assert refusal.value.code == "media.too_long"
    assert refusal.value.message == "Longer than 30 minutes. Ask for a shorter one."


def test_longer_than_allowed_is_refused_by_what_is_in_it(
    tmp_path: Path, render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loudness, "LONGEST_AUDIO_S", 60.0)  # thirty real minutes would take ten seconds to decode

    with pytest.raises(TooLong) as refusal:
        render(voice_note(tmp_path / "long.ogg", sine(62, -20)), kind="voice")

    assert refusal.value.message == "Longer than 1 minutes. Ask for a shorter one."


def test_an_mp4_with_neither_sound_nor_pictures_has_no_audio(tmp_path: Path, render: Render) -> None:
    path, words = tmp_path / "t.mp4", tmp_path / "words.srt"
    words.write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n")
    ffmpeg("-i", words, "-c:s", "mov_text", path)

    with pytest.raises(NoAudio):
        render(path, kind="audio")


def test_a_failure_to_keep_stops_the_work_and_leaves_nothing(note: Path, render: Render) -> None:
    class Full(Exception):
        pass

    def publish(made: Made) -> None:
        raise Full

    with pytest.raises(Full):
        render(note, kind="voice", publish=publish)


class TestCut:
    """A producer's in and out points become a file of their own."""

    @pytest.fixture
    def broadcast(self, tmp_path: Path, render: Render) -> Path:
        return render(write_wav(tmp_path / "tone.wav", sine(4, -23)), kind="audio").paths["broadcast"]

    def test_it_has_the_length_between_the_points(self, broadcast: Path, tmp_path: Path) -> None:
        made = audio.make_cut(broadcast, 1.0, 2.5, 100, 200, tmp_path / "cut.wav")

        assert wav.read(made.path).frames == 72_000
        assert (made.profile, made.duration_s) == ("cut", 1.5)

    def test_its_ends_are_faded_and_its_middle_is_the_same_bytes(self, broadcast: Path, tmp_path: Path) -> None:
        made = audio.make_cut(broadcast, 1.0, 2.5, 100, 200, tmp_path / "cut.wav")

        whole, cut = samples_of(broadcast), samples_of(made.path)
        assert np.array_equal(cut[4800:-9600], whole[48_000 + 4800 : 120_000 - 9600])
        assert np.abs(cut[:240]).max() < np.abs(whole).max() * 0.1
        assert np.abs(cut[-240:]).max() < np.abs(whole).max() * 0.1
        assert np.abs(cut[4320:4800]).max() > np.abs(whole).max() * 0.8

    def test_it_keeps_the_labels_and_tells_its_own_level(self, broadcast: Path, tmp_path: Path) -> None:
        made = audio.make_cut(broadcast, 1.0, 2.5, 0, 0, tmp_path / "cut.wav")

        before, after = wav.read(broadcast).chunks, wav.read(made.path).chunks
        assert after[b"bext"][:412] == before[b"bext"][:412]
        assert struct.unpack_from("<h", after[b"bext"], 412) == (round((made.loudness_lufs or 0) * 100),)
        assert struct.unpack_from("<4sI4sI", after[b"cart"], 684) == (b"AUDs", 0, b"AUDe", 72_000)
        assert made.loudness_lufs == pytest.approx(-23.0, abs=0.2)

    def test_points_past_the_end_and_long_fades_are_brought_in(self, broadcast: Path, tmp_path: Path) -> None:
        made = audio.make_cut(broadcast, 3.5, 99.0, 5000, 5000, tmp_path / "cut.wav")

        assert made.duration_s == 0.5

    def test_it_may_be_made_twice(self, broadcast: Path, tmp_path: Path) -> None:
        first = audio.make_cut(broadcast, 1.0, 2.5, 100, 200, tmp_path / "cut.wav")

        assert audio.make_cut(broadcast, 1.0, 2.5, 100, 200, tmp_path / "cut.wav").sha256 == first.sha256

    def test_nothing_between_the_points_is_refused(self, broadcast: Path, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="cue points"):
            audio.make_cut(broadcast, 2.0, 2.0, 0, 0, tmp_path / "cut.wav")

        assert not (tmp_path / "cut.wav").exists()

    def test_sixteen_bits_and_back_lose_less_than_one_step(self) -> None:
        values = np.array([-8388608, -129, -1, 0, 1, 127, 128, 8388607], dtype="<i4")
        pcm24 = values.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()

        sixteen = np.frombuffer(audio.to_16_bit(pcm24), dtype="<i2")

        assert sixteen.tolist() == [-32768, -1, 0, 0, 0, 0, 1, 32767]
        assert audio.to_16_bit(audio.to_24_bit(sixteen.tobytes())) == sixteen.tobytes()
