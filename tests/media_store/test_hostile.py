"""Files that lie about what they are: refused with words, and nothing outside their folder is opened.

Each disguise carries the path of a canary file or the address of a listening socket; the canary's content may be in no
rendition, its time of access may not change where the file system keeps it, and nobody may knock at the socket.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from media_store import runner
from media_store.errors import Corrupt, Empty, LimitsExceeded, MediaFailure, TimedOut, Unsupported
from media_store.runner import Limits
from tests.media_store.conftest import Render
from tests.media_store.material import silence, sine, speech, video, voice_note, write_wav

DISGUISES: dict[str, Callable[[Path, str], str]] = {
    "hls": lambda canary, _: f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{canary}\n#EXT-X-ENDLIST\n",
    "hls over http": lambda _, url: f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{url}/a.ts\n#EXT-X-ENDLIST\n",
    "concat": lambda canary, _: f"ffconcat version 1.0\nfile {canary.name}\n",
    "concat, absolute": lambda canary, _: f"ffconcat version 1.0\nfile '{canary}'\n",
    "dash": lambda _, url: (
        f"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static'>"
        f"<Period><AdaptationSet mimeType='video/mp4'><Representation id='1'><BaseURL>{url}/v.mp4</BaseURL>"
        f"</Representation></AdaptationSet></Period></MPD>"
    ),
    "sdp": lambda _, url: (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
    ),
    "svg": lambda canary, _: f"<svg xmlns='http://www.w3.org/2000/svg'><image href='file://{canary}'/></svg>",
    "text": lambda canary, _: "Just some words, nothing else.\n" * 20,
    "subfile": lambda canary, _: f"subfile,,start,0,end,0,,:{canary}",
}
NAMES = ("x.mp4", "x.ogg", "x.jpg", "x.mp3", "-i.wav")


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "canary.wav", sine(1, -10))


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_playlist_under_any_name_is_refused(
    disguise: str, name: str, canary: Path, listening: socket.socket, render: Render
) -> None:
    path = canary.with_name(name)
    path.write_text(DISGUISES[disguise](canary, f"http://127.0.0.1:{listening.getsockname()[1]}"))
    before = canary.stat().st_atime_ns

    with pytest.raises(Unsupported) as refusal:
        render(path, kind="video")

    assert refusal.value.message.startswith("This kind of file cannot be played here.")
    assert canary.stat().st_atime_ns == before
    with pytest.raises(BlockingIOError):
        listening.accept()


@pytest.mark.parametrize("demuxer", sorted(runner.DEMUXERS))
@pytest.mark.parametrize("disguise", ["hls", "concat", "concat, absolute", "dash", "sdp"])
def test_past_the_sniffing_no_pinned_demuxer_follows_a_playlist(
    disguise: str, demuxer: str, canary: Path, listening: socket.socket
) -> None:
    """The second wall alone: what if a head fooled the first."""
    path = canary.with_name("x.mp4")
    path.write_text(DISGUISES[disguise](canary, f"http://127.0.0.1:{listening.getsockname()[1]}"))
    out = canary.with_name("out.f32")
    command = [runner.default_tools().ffmpeg, *runner.input_options(demuxer, path), "-f", "f32le", f"file:{out}"]

    with pytest.raises(MediaFailure):
        runner.run(command, limits=runner.PROBE_LIMITS)

    assert not out.exists() or out.stat().st_size == 0
    with pytest.raises(BlockingIOError):
        listening.accept()


def test_without_the_pinned_demuxer_such_a_playlist_would_be_read(canary: Path) -> None:
    """Shows that the disguises above are real: the bare tool does follow one."""
    path, out = canary.with_name("x.mp4"), canary.with_name("out.f32")
    path.write_text(DISGUISES["concat"](canary, ""))
    command = [runner.default_tools().ffmpeg, "-nostdin", "-i", f"file:{path}", "-f", "f32le", f"file:{out}"]

    runner.run(command, limits=runner.PROBE_LIMITS)

    assert out.stat().st_size > 100_000


@pytest.mark.parametrize("extension", ["ogg", "mp4", "jpg"])
def test_zero_bytes_are_called_empty(extension: str, tmp_path: Path, render: Render) -> None:
    path = tmp_path / f"x.{extension}"
    path.write_bytes(b"")

    with pytest.raises(Empty) as refusal:
        render(path, kind="audio")

    assert (refusal.value.code, refusal.value.message) == ("media.empty", "The file is empty. Ask for it again.")


@pytest.mark.parametrize(
    "content",
    [
        b"OggS",
        b"OggS" + bytes(24) + b"OpusHead" + bytes(300),
        b"\0\0\0\x18ftypisom" + bytes(200),
        b"\x1aE\xdf\xa3" + bytes(200),
        b"RIFF\x24\0\0\0WAVEfmt " + bytes(40),
        b"ID3\x03\0\0\0\0\0\0" + bytes(200),
        b"fLaC" + bytes(200),
        b"#!AMR\n" + b"\xff" * 100,
        b"caff" + bytes(100),
    ],
)
def test_a_head_with_nothing_behind_it_fails_in_words(content: bytes, tmp_path: Path, render: Render) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(content)

    with pytest.raises(MediaFailure) as refusal:
        render(path, kind="audio")

    assert refusal.value.code.startswith("media.")
    assert "/" not in refusal.value.message
    assert str(tmp_path) not in str(refusal.value)


def test_half_a_voice_note_is_kept_and_said_to_be_incomplete(tmp_path: Path, render: Render) -> None:
    whole, path = voice_note(tmp_path / "w.ogg", speech(6)), tmp_path / "half.ogg"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    result = render(path, kind="voice")

    assert "truncated" in result.facts.flags
    assert result.facts.duration_s is not None
    assert 1.0 < result.facts.duration_s < 4.5
    assert set(result.made) == {"preview", "peaks", "broadcast", "peaks_fine"}


def test_a_whole_voice_note_is_not_called_incomplete(tmp_path: Path, render: Render) -> None:
    assert "truncated" not in render(voice_note(tmp_path / "w.ogg", speech(2)), kind="voice").facts.flags


def test_a_flipped_bit_does_not_stop_a_note(tmp_path: Path, render: Render) -> None:
    path = voice_note(tmp_path / "bit.ogg", speech(3))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x55
    path.write_bytes(content)

    assert "preview" in render(path, kind="voice").made


def test_a_document_that_is_no_medium_is_only_kept(tmp_path: Path, render: Render) -> None:
    path = tmp_path / "cv.pdf"
    path.write_bytes(b"%PDF-1.7\n")

    result = render(path, kind="document")

    assert (result.facts.kind, result.made) == ("document", {})


def test_an_absolute_reference_inside_an_mp4_is_not_followed(tmp_path: Path) -> None:
    options = runner.input_options("mov", tmp_path / "x.mp4")

    assert options[options.index("-enable_drefs") + 1] == "0"
    assert options[options.index("-use_absolute_path") + 1] == "0"


class TestLimits:
    """Each limit ends the child and is told as what it is; the next job runs."""

    def ffmpeg(self, *arguments: str | Path) -> list[str]:
        return [runner.default_tools().ffmpeg, "-nostdin", *map(str, arguments)]

    def test_too_slow(self, tmp_path: Path) -> None:
        endless = self.ffmpeg("-re", "-f", "lavfi", "-i", "anullsrc", "-f", "null", "-")

        with pytest.raises(TimedOut):
            runner.run(endless, limits=Limits(runner.GIB, 20, 1000, 0.5))

    def test_too_much_processor_time(self) -> None:
        busy = self.ffmpeg("-f", "lavfi", "-i", "mandelbrot=s=1920x1080", "-f", "null", "-")

        with pytest.raises(LimitsExceeded):
            runner.run(busy, limits=Limits(2 * runner.GIB, 1, 1000, 30))

    def test_too_large_a_file(self, tmp_path: Path) -> None:
        large = self.ffmpeg("-f", "lavfi", "-i", "anullsrc=d=60", "-f", "f32le", tmp_path / "out")

        with pytest.raises(LimitsExceeded):
            runner.run(large, limits=Limits(runner.GIB, 20, 100_000, 30))

        assert (tmp_path / "out").stat().st_size <= 100_000

    def test_too_much_memory(self, tmp_path: Path) -> None:
        path = video(tmp_path / "v.mp4", size="1920x1080", seconds=0.2)
        hungry = self.ffmpeg(*runner.input_options("mov", path), "-vf", "scale=8000:8000", "-f", "null", "-")

        with pytest.raises(LimitsExceeded):
            runner.run(hungry, limits=Limits(300_000_000, 20, 1000, 30))

    def test_a_plain_failure_is_corrupt_and_names_no_path(self, tmp_path: Path) -> None:
        with pytest.raises(Corrupt) as refusal:
            runner.run(self.ffmpeg(*runner.input_options("wav", tmp_path / "absent.wav")), limits=runner.PROBE_LIMITS)

        assert str(tmp_path) not in str(refusal.value)

    def test_the_next_file_is_none_the_worse(self, tmp_path: Path, render: Render) -> None:
        bad = tmp_path / "bad.ogg"
        bad.write_bytes(b"OggS")
        with pytest.raises(MediaFailure):
            render(bad)

        assert "preview" in render(voice_note(tmp_path / "good.ogg", silence(1)), kind="voice").made
