"""The documentation's pictures: those that pages show are there, each can be taken again, together they stay small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.project.tree import TOP, list_files

PICTURES = TOP / "docs" / "pictures"
MOST_BYTES = 3_000_000
PAGES = [name for name in list_files() if name.endswith(".md")]


def _taken() -> set[str]:
    """The names in docs/pictures.py's list, which is what `make docs-pictures` takes."""
    return set(re.findall(r'^    Picture\("([\w-]+)"', (TOP / "docs" / "pictures.py").read_text(), re.M))


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_a_page_shows_is_there(page: str) -> None:
    shown = re.findall(r"""(?:\]\(|src=["'])([^)"'\s]+\.png)""", (TOP / page).read_text(encoding="utf-8"))

    assert [name for name in shown if not (TOP / page).parent.joinpath(name).exists()] == []


def test_every_picture_can_be_taken_again() -> None:
    assert {path.stem for path in PICTURES.glob("*")} == _taken()


def test_all_pictures_together_stay_small() -> None:
    assert sum(Path(path).stat().st_size for path in PICTURES.glob("*")) <= MOST_BYTES
