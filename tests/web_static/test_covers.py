"""Placeholders, covers and things that move, in a real browser under the desk's policy: nothing loads before it may."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

from media_store import picture_child

pytestmark = pytest.mark.browser

MEDIA = {"id": 7, "kind": "image", "cover": "document", "sensitive": None, "blurhash": None}


def halves() -> Image.Image:
    """Left red, right blue."""
    picture = Image.new("RGB", (64, 48), (200, 20, 20))
    picture.paste((20, 20, 200), (32, 0, 64, 48))
    return picture


def test_the_placeholder_shows_the_colours_where_they_are(bench: Any) -> None:
    points = bench.run(
        """const { blurred } = await load('blurhash');
        const canvas = blurred(args[0]);
        const at = (x) => [...canvas.getContext('2d').getImageData(x, 7, 1, 1).data];
        return [at(2), at(17)];""",
        picture_child.blur_hash(halves()),
    )

    (left, right) = points
    assert left[0] > 150 > 80 > left[2]
    assert right[2] > 150 > 80 > right[0]
    assert left[3] == right[3] == 255


@pytest.mark.parametrize("text", [None, "", "L", "L" * 27, "ä" * 28, "L" * 200])
def test_what_is_no_placeholder_draws_nothing(bench: Any, text: str | None) -> None:
    assert bench.run("const b = await load('blurhash'); return b.blurred(args[0])", text) is None


def test_a_veil_says_why_and_asks_for_no_file(bench: Any) -> None:
    asked: list[str] = []
    bench.page.on("request", lambda request: asked.append(request.url))
    words = bench.run(
        """const c = await load('covers');
        const box = c.veiled(args[0]);
        document.body.append(box);
        return [box.textContent, box.querySelectorAll('img, video, canvas').length];""",
        MEDIA | {"blurhash": picture_child.blur_hash(halves())},
    )

    assert words[0].startswith("Looks like a document")
    assert words[1] == 1, "the canvas alone"
    assert not [url for url in asked if "/media/" in url]


def test_one_look_opens_one_file_for_this_page_and_a_second_covers_it(bench: Any) -> None:
    states = bench.run(
        """const c = await load('covers');
        const told = []; c.covers.addEventListener('change', (event) => told.push(event.detail.id));
        document.body.append(c.veiled(args[0]));
        const other = { ...args[0], id: 8 }, states = [[c.isCovered(args[0]), c.isCovered(other)]];
        document.querySelector('[data-look]').click();
        states.push([c.isCovered(args[0]), c.isCovered(other), c.isLookedAt(args[0])]);
        c.look(7);
        states.push([c.isCovered(args[0])], told, [c.isCovered({ ...args[0], cover: null })]);
        return states;""",
        MEDIA,
    )

    assert states == [[True, True], [False, True, True], [True], [7, 7], [False]]


def test_one_thing_moves_at_a_time_and_only_when_asked(bench: Any) -> None:
    states = bench.run(
        """const m = await load('moving');
        const one = { id: 1, profiles: { animation: {} } }, two = { id: 2, profiles: { animation: {} } };
        const seen = () => [m.isMoving(one), m.isMoving(two)];
        const states = [m.moves(one), m.moves({ profiles: {} }), seen()];
        m.toggleMoving(one); states.push(seen());
        m.toggleMoving(two); states.push(seen());
        m.stopMoving(); states.push(seen());
        return states;"""
    )

    assert states == [True, False, [False, False], [True, False], [False, True], [False, False]]
