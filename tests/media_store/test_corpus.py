"""The whole hostile corpus, one file after the other in one process, as a worker meets them.

Whatever a file does, the same must hold: it ends in the stated class and in time, it reads nothing but itself, knocks
nowhere, leaves nothing behind, takes no memory with it, and the next good file is made as ever.
"""

from __future__ import annotations

import os
import resource
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from media_store.errors import MediaFailure
from tests.media_store.conftest import Render
from tests.media_store.hostile.damaged import make_good_files
from tests.media_store.hostile.making import Trap
from tests.media_store.hostile.table import corpus
from tests.media_store.material import picture, sine, write_wav

LONGEST_S = 15.0
LARGEST_CHILD_BYTES = 700_000_000  # of all children together; making the 8192 x 8192 film alone takes 560
MOST_GROWTH_BYTES = 150_000_000
FILES = corpus()
QUICK = [name for name, file in FILES.items() if not file.is_slow]


@pytest.fixture(scope="module")
def listening() -> Iterator[list[socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", tcp.getsockname()[1]))
        for one in (tcp, udp):
            one.setblocking(False)
        yield [tcp, udp]


@pytest.fixture(scope="module")
def trap(tmp_path_factory: pytest.TempPathFactory, listening: list[socket.socket]) -> Trap:
    good = tmp_path_factory.mktemp("good")
    make_good_files(good)
    return Trap(good / "canary.wav", f"http://127.0.0.1:{listening[0].getsockname()[1]}", good)


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "canary.wav", sine(1, -10))


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def outcome_of(path: Path, kind: str, render: Render) -> str:
    try:
        render(path, kind=kind)
    except MediaFailure as failure:
        is_told_plainly = "/" not in failure.message and str(path.parent) not in str(failure)
        return failure.code if is_told_plainly else f"a path in the words: {failure}"
    return "ok"


def seen(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file beside the working and the kept folder: size and time of change."""
    files = [one for one in folder.rglob("*") if one.relative_to(folder).parts[0] not in ("work", "kept")]
    return {str(one): (one.stat().st_size, one.stat().st_mtime_ns) for one in files if one.is_file()}


def knocks(listening: list[socket.socket]) -> int:
    heard, _, _ = select.select(listening, [], [], 0)
    return len(heard)


@pytest.mark.parametrize("name", QUICK)
def test_no_file_does_harm(
    name: str, trap: Trap, canary: Path, listening: list[socket.socket], tmp_path: Path, render: Render
) -> None:
    file, path = FILES[name], tmp_path / "x.bin"
    content = file.make(replace(trap, canary=canary), path)
    if content is not None:
        path.write_bytes(content)
    before, opened, grown = seen(tmp_path), canary.stat().st_atime_ns, resident_bytes()

    started = time.monotonic()
    outcome = outcome_of(path, file.kind, render)
    took_s = time.monotonic() - started

    assert outcome in file.outcome
    assert took_s < LONGEST_S
    assert seen(tmp_path) == before
    assert canary.stat().st_atime_ns == opened
    assert knocks(listening) == 0
    assert resident_bytes() - grown < MOST_GROWTH_BYTES
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < LARGEST_CHILD_BYTES
    picture(40, 30).save(tmp_path / "next.png")
    assert "thumb" in render(tmp_path / "next.png", kind="image").made


@pytest.mark.parametrize(("name", "kind"), [("voice.ogg", "voice"), ("film.mkv", "video"), ("moving.webp", "sticker")])
def test_after_all_of_them_good_files_are_made_as_ever(name: str, kind: str, trap: Trap, render: Render) -> None:
    result = render(trap.good / name, kind=kind)

    assert result.facts.kind == kind
    assert {"voice": "broadcast", "video": "playable", "sticker": "animation"}[kind] in result.made


@pytest.mark.parametrize("kind", ["voice", "image", "video", "document"])
def test_a_pipe_is_not_waited_for(kind: str, tmp_path: Path, render: Render) -> None:
    os.mkfifo(tmp_path / "x.ogg")

    assert outcome_of(tmp_path / "x.ogg", kind, render) == ("ok" if kind == "document" else "media.unsupported")


def test_a_folder_is_no_file(tmp_path: Path, render: Render) -> None:
    (tmp_path / "x.jpg").mkdir()

    assert outcome_of(tmp_path / "x.jpg", "image", render) == "media.unsupported"


def test_a_link_is_as_good_or_bad_as_what_it_leads_to(canary: Path, tmp_path: Path, render: Render) -> None:
    (tmp_path / "good.wav").symlink_to(canary)
    (tmp_path / "bad.wav").symlink_to("/etc/passwd")
    (tmp_path / "endless.wav").symlink_to("/dev/zero")

    assert outcome_of(tmp_path / "good.wav", "audio", render) == "ok"
    assert outcome_of(tmp_path / "bad.wav", "audio", render) == "media.unsupported"
    assert outcome_of(tmp_path / "endless.wav", "audio", render) == "media.unsupported"


@pytest.mark.parametrize("name", ["-i.wav", "concat:a|b.wav", "%d.wav", "a\nb.wav", "‮gpj.wav", "a'b;c$(d).wav"])
def test_a_name_is_never_used(name: str, canary: Path, tmp_path: Path, render: Render) -> None:
    path = canary.rename(tmp_path / name)

    assert outcome_of(path, "audio", render) == "ok"


def test_the_corpus_is_no_smaller_than_promised() -> None:
    assert len(FILES) >= 60
