"""The mark 'looks like a document' against made papers and photos whose truth is known.

The table's pictures are not those the limits were found with: other numbers, so other words, angles and lights.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from media_store import documents
from tests.media_store import papers
from tests.media_store.conftest import Render

PAPERS_EACH, PHOTOS_EACH = 6, 3
LEAST_PRECISION, LEAST_RECALL = 0.93, 0.90  # over 24 of each kind: 0.94 and 0.99
LONGEST_S = 0.010


def marked(kind: str, pictures: int) -> int:
    return sum(documents.looks_like_document(papers.small(kind, number)) for number in range(pictures))


def test_papers_are_marked_and_photos_are_not() -> None:
    found = {kind: marked(kind, PAPERS_EACH) for kind in papers.PAPERS}
    wrong = {kind: marked(kind, PHOTOS_EACH) for kind in papers.PHOTOS}

    recall = sum(found.values()) / (PAPERS_EACH * len(found))
    precision = sum(found.values()) / (sum(found.values()) + sum(wrong.values()))
    assert recall >= LEAST_RECALL, found
    assert precision >= LEAST_PRECISION, wrong
    assert min(found.values()) >= PAPERS_EACH / 2, found  # no kind of paper is lost


@pytest.mark.parametrize(
    ("written", "rows", "off_paper", "is_document"),
    [
        (0.114, 0.118, 0.289, True),  # a card whose printed ground is nearly as dark as its letters
        (0.050, 0.330, 0.129, True),  # a receipt on a table, far away
        (0.067, 0.000, 0.244, False),  # dry grass
        (0.063, 0.010, 0.250, False),  # a camouflaged lorry
        (0.031, 0.418, 0.260, False),  # the ropes of a parachute
    ],
)
def test_the_purer_the_paper_the_less_writing_is_enough(
    written: float, rows: float, off_paper: float, *, is_document: bool
) -> None:
    assert documents.Writing(written, rows, off_paper).is_document is is_document


def test_the_mark_costs_less_than_ten_milliseconds() -> None:
    letter = papers.small("letter", 0)
    documents.looks_like_document(letter)
    started = time.process_time()
    for _ in range(10):
        documents.looks_like_document(letter)

    assert (time.process_time() - started) / 10 < LONGEST_S


@pytest.mark.parametrize("shape", [(1, 320, 3), (15, 15, 3), (16, 16, 3), (320, 1, 3), (33, 320, 3)])
def test_narrow_pictures_are_judged_too(shape: tuple[int, ...]) -> None:
    assert not documents.looks_like_document(np.full(shape, 200, dtype=np.uint8))


@pytest.mark.parametrize(("kind", "is_paper"), [("letter", True), ("landscape", False)])
def test_the_mark_is_among_the_facts_of_a_photo(kind: str, is_paper: bool, tmp_path: Path, render: Render) -> None:
    path = tmp_path / "p.png"
    Image.fromarray(papers.small(kind, 1)).save(path)

    assert render(path, kind="image").facts.document_like is is_paper
