"""The optional check for nudity: absent it says nothing, and whatever it does, a picture is not lost over it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from media_store import sensitive
from media_store.images import SmallPicture
from media_store.sensitive import Judge, Judgement
from tests.media_store.conftest import Render
from tests.media_store.material import ffmpeg

ENGINE = Path(__file__).with_name("tiny_engine.py")
RED, GREEN, BLUE, GREY = (250, 0, 0), (0, 250, 0), (0, 0, 250), (60, 60, 60)
Colour = tuple[int, int, int]


@pytest.fixture
def judge() -> Iterator[Judge]:
    judge = Judge(ENGINE, package=None)
    yield judge
    judge.close()


def small(folder: Path, colour: Colour) -> SmallPicture:
    path = folder / "small.rgb"
    path.write_bytes(np.full((24, 32, 3), colour, dtype=np.uint8).tobytes())
    return SmallPicture(path, 32, 24)


def photo(folder: Path, colour: Colour) -> Path:
    path = folder / "photo.png"
    Image.new("RGB", (64, 48), colour).save(path)
    return path


@pytest.mark.parametrize(("colour", "is_sensitive"), [(RED, True), (GREY, False)])
def test_a_photo_carries_what_the_engine_says(
    colour: Colour, is_sensitive: bool, tmp_path: Path, render: Render, judge: Judge
) -> None:
    assert render(photo(tmp_path, colour), kind="image", judge=judge).facts.sensitive is is_sensitive


def test_the_picture_of_a_film_is_checked_too(tmp_path: Path, render: Render, judge: Judge) -> None:
    path = tmp_path / "film.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=160x120:d=1", "-pix_fmt", "yuv420p", path)

    facts = render(path, kind="video", judge=judge).facts

    assert facts.sensitive is True
    assert facts.blurhash is not None


def test_nobody_asked_nothing_is_said(tmp_path: Path, render: Render) -> None:
    assert render(photo(tmp_path, RED), kind="image").facts.sensitive is None


def test_without_the_engine_a_photo_is_a_photo_and_not_checked(tmp_path: Path, render: Render) -> None:
    absent = Judge(ENGINE, package="no_such_engine")

    result = render(photo(tmp_path, RED), kind="image", judge=absent)

    assert not absent.is_available
    assert result.facts.sensitive is None
    assert "large" in result.made


@pytest.mark.parametrize("colour", [GREEN, BLUE], ids=["answers nonsense", "dies"])
def test_an_engine_in_trouble_costs_no_picture(colour: Colour, tmp_path: Path, render: Render, judge: Judge) -> None:
    result = render(photo(tmp_path, colour), kind="image", judge=judge)

    assert result.facts.sensitive is None
    assert "large" in result.made
    assert judge.judge(small(tmp_path, RED)) == Judgement(pytest.approx(250 / 255))


def test_one_engine_serves_many_pictures(tmp_path: Path, judge: Judge) -> None:
    judge.judge(small(tmp_path, RED))
    assert judge._child is not None
    pid = judge._child.process.pid
    judge.judge(small(tmp_path, GREY))

    assert judge._child.process.pid == pid


def test_a_forked_worker_starts_its_own_engine(tmp_path: Path, judge: Judge) -> None:
    judge.judge(small(tmp_path, RED))
    fork = os.fork()
    if fork == 0:  # nothing of pytest may run here
        status = 1
        try:
            status = 0 if judge._child is None and judge.judge(small(tmp_path, RED)) is not None else 2
            judge.close()
        finally:
            os._exit(status)

    assert os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]) == 0
    assert judge.judge(small(tmp_path, GREY)) is not None


def test_the_real_engine_answers_where_it_is_installed(tmp_path: Path) -> None:
    pytest.importorskip(sensitive.PACKAGE)
    judge = Judge()

    judgement = judge.judge(small(tmp_path, GREY))

    judge.close()
    assert judgement is not None
    assert judgement.score < 0.5
