"""Copies are known again and strangers are not taken for copies: a table of pairs whose truth the code knows.

The short form of the table; `make bench ONLY=likeness` runs the whole of it and prints each sort of pair.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from media_store import film_print, likeness, picture_print, runner, scatter, sound_print
from media_store.film_print import FilmPrint
from media_store.likeness import VideoPrint, Why
from media_store.picture_print import PicturePrint
from media_store.sound_print import SoundPrint
from tests.media_store import look_alikes
from tests.media_store.conftest import Render
from tests.media_store.look_alikes import ADULTS, Pair, speech
from tests.media_store.material import video, voice_note


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return look_alikes.all_pairs(is_short=True)


def test_copies_are_found_and_strangers_are_not_taken_for_them(pairs: list[Pair]) -> None:
    whole = look_alikes.tally(pairs)

    assert whole.pairs >= 120
    assert whole.same >= 50
    assert whole.pairs - whole.same >= 50
    assert whole.precision >= 0.98, look_alikes.table(pairs)
    assert whole.recall >= 0.9, look_alikes.table(pairs)


@pytest.mark.parametrize(
    "sort",
    [
        "sound: two children, one song",
        "sound: two children, one playback",
        "sound: one jingle, other message",
        "sound: silence and noise",
        "picture: mirrored",
        "picture: two landscapes",
        "video: one stage, two children",
        "video: one picture, other sound",
        "video: other pictures, one sound",
    ],
)
def test_what_only_resembles_is_not_the_same(pairs: list[Pair], sort: str) -> None:
    some = [pair for pair in pairs if pair.sort == sort]

    assert some
    assert not [pair.name for pair in some if pair.is_taken_for_same]


def test_comparing_says_the_same_in_both_directions(pairs: list[Pair]) -> None:
    for pair in pairs[::7]:
        there, back = look_alikes.compare(pair.one, pair.other), look_alikes.compare(pair.other, pair.one)

        assert there.why is back.why
        assert there.score == pytest.approx(back.score, abs=0.01)
        assert there.offset_s == pytest.approx(-back.offset_s, abs=0.2)


def test_where_a_cut_copy_begins_is_told() -> None:
    voice = speech(ADULTS[0], 3, 6.0)
    whole, later = sound_print.take_print([voice]), sound_print.take_print([look_alikes.cut(voice, 1.5, 0)])
    assert whole is not None
    assert later is not None

    assert likeness.compare_sounds(whole, later).offset_s == pytest.approx(-1.5, abs=0.1)


def test_a_common_beginning_is_told_apart_from_a_copy() -> None:
    opening = look_alikes.jingle()
    one, other = (
        sound_print.take_print([np.concatenate([opening, speech(speaker, n, 5.0)])]) for n, speaker in enumerate(ADULTS)
    )
    assert one is not None
    assert other is not None

    assert likeness.compare_sounds(one, other).why in (Why.ONLY_A_PART, Why.DIFFERENT, Why.TOO_LITTLE)


def test_a_print_does_not_depend_on_the_blocks_it_is_read_in() -> None:
    voice = speech(ADULTS[1], 4, 4.0)
    whole, parts = sound_print.take_print([voice]), sound_print.take_print(np.array_split(voice, 7))
    assert whole is not None
    assert parts is not None

    assert np.bitwise_count(whole.words ^ parts.words).sum() <= 2  # rounding of sums in another order
    assert len({*whole.keys} & {*parts.keys}) >= 28


def test_silence_too_little_and_one_colour_have_no_print() -> None:
    assert sound_print.take_print([]) is None
    assert sound_print.take_print([look_alikes.silence(5)]) is None
    assert sound_print.take_print([speech(ADULTS[0], 1, 0.8)]) is None
    assert picture_print.take_picture_print(bytes(3 * 40 * 30), 40, 30) is None
    assert film_print.of_frames(np.zeros((6, 64, 64), dtype=np.float32)) is None
    assert likeness.compare_videos(VideoPrint(None, None), VideoPrint(None, None)).why is Why.TOO_LITTLE


def test_prints_come_back_from_their_bytes() -> None:
    sound = sound_print.take_print([speech(ADULTS[0], 2, 3.0)])
    picture = look_alikes.print_of(look_alikes.screenshot(look_alikes.scene(1), (0, 0, 0)))
    film = film_print.of_frames(look_alikes.film(1, 3.0))
    assert sound is not None
    assert picture is not None
    assert film is not None

    assert SoundPrint.from_bytes(sound.to_bytes()).to_bytes() == sound.to_bytes()
    assert len(picture.faces) == 2
    assert PicturePrint.from_bytes(picture.to_bytes()).to_bytes() == picture.to_bytes()
    assert FilmPrint.from_bytes(film.to_bytes()) == film
    assert 4 <= len(sound.keys) <= sound_print.KEYS
    assert len(film.keys) <= film_print.KEYS
    for kind in (SoundPrint, PicturePrint, FilmPrint):
        with pytest.raises(ValueError, match="no print"):
            kind.from_bytes(b"\x00" * 40)


def test_sets_with_much_in_common_choose_the_same_numbers() -> None:
    numbers = np.arange(1000, dtype=np.int64)

    assert scatter.lowest(numbers, 20) == scatter.lowest(np.concatenate([numbers[::-1], numbers]), 20)
    assert len({*scatter.lowest(numbers, 20)} & {*scatter.lowest(numbers[:900], 20)}) >= 14


def test_a_pictures_neighbours_of_one_bit_are_searched_too() -> None:
    taken = look_alikes.print_of(look_alikes.scene(2))
    assert taken is not None

    assert {*taken.keys} <= {*taken.near_keys}
    assert len(taken.near_keys) <= 17 * len(taken.keys)


def test_two_photos_of_one_place_from_a_few_steps_apart_are_two() -> None:
    one = look_alikes.scene(4)
    corners = (90, 0, 0, 600, 800, 555, 778, 45)  # what stands in the corners after a step to the side
    other = one.transform(one.size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)
    other = other.rotate(1.5, Image.Resampling.BICUBIC).crop((20, 20, 780, 580))
    a, b = look_alikes.print_of(one), look_alikes.print_of(other)
    assert a is not None
    assert b is not None

    found = likeness.compare_pictures(a, b)

    assert found.score > 0.7  # they do look alike
    assert not found.is_same


def test_a_films_print_is_taken_from_its_file(tmp_path: Path) -> None:
    film = video(tmp_path / "film.mp4", size="320x240", seconds=3)
    (tmp_path / "work").mkdir()

    taken = film_print.take_print(film, work=tmp_path / "work", tools=runner.default_tools())
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    broken = film_print.take_print(tmp_path / "broken.mp4", work=tmp_path / "work", tools=runner.default_tools())

    assert taken is not None
    assert 5 <= len(taken.hashes) <= 7
    assert broken is None


def test_the_pipeline_takes_prints_along(tmp_path: Path, render: Render) -> None:
    voice, image = speech(ADULTS[0], 7, 4.0), look_alikes.scene(9)
    note = render(voice_note(tmp_path / "note.ogg", voice.astype(np.float64)), kind="voice").facts
    image.save(tmp_path / "photo.jpg", quality=70)
    photo = render(tmp_path / "photo.jpg").facts
    of_voice, of_image = sound_print.take_print([voice]), look_alikes.print_of(image)
    assert note.sound_print is not None
    assert photo.picture_print is not None
    assert of_voice is not None
    assert of_image is not None

    assert likeness.compare_sounds(SoundPrint.from_bytes(note.sound_print), of_voice).is_same
    assert likeness.compare_pictures(PicturePrint.from_bytes(photo.picture_print), of_image).is_same
    assert note.picture_print is None
    assert photo.sound_print is None
