"""Which renditions are wanted, and that words for every failure and flag exist."""

from __future__ import annotations

import string

import pytest

from media_store import errors, keys, recipes
from media_store.errors import BadKey


def test_everything_is_missing_at_first() -> None:
    assert recipes.missing("voice", {}) == ("preview", "peaks", "broadcast", "peaks_fine")
    assert recipes.missing("image", {}) == ("thumb", "card", "large", "web")
    assert recipes.missing("document", {}) == ()


def test_what_is_there_in_its_version_is_not_missing() -> None:
    assert recipes.missing("voice", {"preview": 1, "peaks": 2}) == ("broadcast", "peaks_fine")


def test_an_older_version_is_missing_again() -> None:
    assert recipes.missing("voice", {"preview": 0, "peaks": 2, "broadcast": 1, "peaks_fine": 1}) == ("preview",)


def test_what_cannot_be_made_is_not_missing() -> None:
    assert recipes.missing("voice", {}, {"silent"}) == ("preview", "peaks", "peaks_fine")
    assert recipes.missing("video", {}, {"no_sound"}) == ("playable", "poster", "scrub")
    assert recipes.missing("sticker", {}) == ("still",)
    assert recipes.missing("sticker", {}, {"animated"}) == ("still", "animation")


def test_every_picture_recipe_has_its_form() -> None:
    wanted = {recipe.profile for kind in ("image", "sticker") for recipe in recipes.RECIPES[kind]}

    assert wanted == set(recipes.PICTURE_FORMS)


def test_codes_are_unique_and_every_message_can_be_filled() -> None:
    assert len(errors.MESSAGES) == len(errors.FAILURES)
    for failure in errors.FAILURES:
        assert failure(minutes="30", limit="25 MB", missing="ffmpeg").message
        assert failure.template[0] in string.ascii_uppercase
        assert failure.template.endswith(".")


def test_the_stable_codes_are_these() -> None:
    assert {code for code in errors.MESSAGES if code.startswith("media.")} == {
        "media.unsupported", "media.empty", "media.corrupt", "media.truncated", "media.no_audio", "media.too_long",
        "media.too_large", "media.bomb", "media.timeout", "media.limits", "media.tools_missing",
        "media.interrupted",
    }  # fmt: skip


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "../a", "a/../b", ".sums/a", "a/.part-x", "a\0b", "a b", "ä", "a" * 600, "-x"]
)
def test_only_our_own_keys_are_taken(key: str) -> None:
    with pytest.raises(BadKey):
        keys.check(key)


def test_new_keys_are_valid_and_differ() -> None:
    one, other = (keys.new_key("7", "2026", "11", extension="ogg") for _ in range(2))

    assert keys.check(one) != keys.check(other)
    assert one.startswith("7/2026/11/")


def test_a_rendition_stands_beside_its_original_and_names_its_content() -> None:
    assert keys.rendition_key("7/2026/11/abc.ogg", "broadcast", 1, "f" * 64, "wav") == (
        "7/2026/11/abc.broadcast-1-ffffffffffff.wav"
    )
