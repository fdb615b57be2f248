"""The broadcast WAV, checked byte by byte with a reader that shares nothing with the writer."""

from __future__ import annotations

import io
import struct
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from media_store import runner, wav
from media_store.errors import Corrupt


def chunks_of(content: bytes) -> dict[bytes, bytes]:
    """An independent walk over RIFF chunks that insists on sizes and padding."""
    assert content[:4] == b"RIFF"
    assert content[8:12] == b"WAVE"
    assert struct.unpack_from("<I", content, 4)[0] == len(content) - 8
    found, at = {}, 12
    while at < len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        found[name] = content[at + 8 : at + 8 + size]
        at += 8 + size + (size & 1)
    assert at == len(content)
    return found


def text_at(body: bytes, offset: int, size: int) -> str:
    return body[offset : offset + size].rstrip(b"\0").decode("ascii")


@pytest.fixture
def content(labels: wav.BroadcastLabels, tmp_path: Path) -> bytes:
    path = tmp_path / "b.wav"
    with path.open("wb+") as file:
        layout = wav.begin(file, labels, "opus mono")
        file.write(bytes(6 * 4800))
        loudness = wav.BextLoudness(-23.04, 5.1, -1.3, -18.76, None)
        frames = wav.finish(file, layout, loudness, wav.Timers({"AUDs": 480, "AUDe": 4320}))
    assert frames == 4800
    return path.read_bytes()


def test_chunks_come_in_the_stated_order(content: bytes) -> None:
    assert list(chunks_of(content)) == [b"bext", b"fmt ", b"cart", b"LIST", b"data"]


def test_the_format_is_plain_pcm_of_sixteen_bytes(content: bytes) -> None:
    assert struct.unpack("<HHIIHH", chunks_of(content)[b"fmt "]) == (1, 2, 48000, 288000, 6, 24)


def test_bext_fields_lie_where_tech_3285_puts_them(content: bytes) -> None:
    bext = chunks_of(content)[b"bext"]

    assert text_at(bext, 0, 256) == "Gruesse an Joerg"
    assert text_at(bext, 256, 32) == "Radio Rheinwelle"
    assert text_at(bext, 288, 32) == "DEXXX000000000001073005123456789"
    assert text_at(bext, 320, 10) == "2026-11-21"
    assert text_at(bext, 330, 8) == "07:30:05"
    low, high = struct.unpack_from("<II", bext, 338)
    assert high << 32 | low == (7 * 3600 + 30 * 60 + 5) * 48000
    assert struct.unpack_from("<H", bext, 346) == (2,)
    assert bext[348:412] == bytes(64)
    assert struct.unpack_from("<5h", bext, 412) == (-2304, 510, -130, -1876, 0x7FFF)
    assert bext[422:602] == bytes(180)
    assert bext[602:] == b"A=PCM,F=48000,W=24,M=stereo,T=Hoererpult;src=opus mono\r\n"


def test_cart_fields_lie_where_aes46_puts_them(content: bytes) -> None:
    cart = chunks_of(content)[b"cart"]

    assert len(cart) == 2048
    assert cart[:4] == b"0101"
    assert text_at(cart, 4, 64) == "Gruesse an Joerg"
    assert text_at(cart, 68, 64) == "Ada aus Koeln"
    assert text_at(cart, 132, 64) == "DEXXX000000000001073005123456789"
    assert text_at(cart, 260, 64) == "Hoerer"
    assert text_at(cart, 388, 64) == "bis morgen"
    assert cart[452:470] == b"1900-01-0100:00:00"
    assert cart[470:488] == b"9999-12-3123:59:59"
    assert text_at(cart, 488, 64) == "Hoererpult"
    assert struct.unpack_from("<i", cart, 680) == (0x8000,)
    assert struct.unpack_from("<4sI4sI", cart, 684) == (b"AUDs", 480, b"AUDe", 4320)
    assert cart[700:748] == bytes(48)
    assert cart[748:1024] == bytes(276)


def test_info_holds_title_artist_and_date(content: bytes) -> None:
    info = chunks_of(content)[b"LIST"]

    assert info[:4] == b"INFO"
    assert b"INAM\x11\0\0\0Gruesse an Joerg\0\0IART" in info
    assert b"ICRD\x0b\0\0\x002026-11-21\0\0" in info


def test_another_program_reads_the_labels(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "labels.wav"
    path.write_bytes(content)

    command = [runner.default_tools().ffprobe, "-v", "error", "-show_entries", "format_tags:format=duration", path]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert "duration=0.1" in told
    assert "TAG:title=Gruesse an Joerg" in told
    assert "TAG:originator_reference=DEXXX000000000001073005123456789" in told


def test_long_and_strange_text_is_cut_and_transliterated() -> None:
    assert wav.plain_ascii("Łódź – „Größe“\nnext", 14) == b'??d? - "Groess'
    assert wav.plain_ascii("\0null", 32) == b"\0null" or wav.plain_ascii("\0null", 32) == b"null"


def test_a_label_never_spills_into_the_next_field(tmp_path: Path) -> None:
    labels = wav.BroadcastLabels("T" * 500, "A" * 500, "O" * 99, "R" * 99, datetime(2026, 1, 2, tzinfo=UTC))

    assert len(wav.cart_body(labels, wav.Timers())) == 2048
    assert wav.bext_body(labels, "x" * 500, wav.BextLoudness())[320:330] == b"2026-01-02"


def test_reading_back_gives_what_was_written(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "again.wav"
    path.write_bytes(content)

    found = wav.read(path)

    assert found.frames == 4800
    assert found.chunks[b"bext"] == chunks_of(content)[b"bext"]


def test_a_wav_of_another_make_is_not_taken_for_ours(tmp_path: Path) -> None:
    path = tmp_path / "other.wav"
    path.write_bytes(
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8) + b"data\0\0\0\0"
    )

    with pytest.raises(Corrupt):
        wav.read(path)


def test_more_than_eight_timers_are_refused() -> None:
    with pytest.raises(ValueError, match="eight"):
        wav.Timers({f"MRK{n}": n for n in range(9)}).packed()


def test_the_header_is_written_once_and_patched_in_place(labels: wav.BroadcastLabels) -> None:
    file = io.BytesIO()

    layout = wav.begin(file, labels, "opus mono")

    assert file.tell() == layout.data_at
    assert file.getvalue()[layout.data_at - 8 : layout.data_at - 4] == b"data"
