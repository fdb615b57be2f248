"""Whatever space a picture's colours are in, what leaves is sRGB: checked pixel by pixel against arithmetic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.media_store import colours
from tests.media_store.conftest import Render

# Eight-bit tables, chroma and WebP's own colours cost a little; a profile that is left out costs 15 and more.
TOLERANCE = 5
ALL = ("thumb", "card", "web", "large")
Colour = tuple[int, ...]


def assert_colour(render: Render, path: Path, expected: Colour, tolerance: int = TOLERANCE) -> None:
    result = render(path, kind="image")
    for profile in ALL:
        with Image.open(result.paths[profile]) as made:
            assert "icc_profile" not in made.info
            assert made.mode == "RGB"
            found = made.getpixel((made.width // 2, made.height // 2))
        assert np.abs(np.subtract(found, expected)).max() <= tolerance, (profile, found, expected)  # type: ignore[arg-type]


def save(path: Path, mode: str, colour: Colour | int, profile: bytes | None) -> Path:
    options = {} if profile is None else {"icc_profile": profile}
    if path.suffix == ".jpg":
        options |= {"quality": 98, "subsampling": 0}
    elif path.suffix == ".avif":
        options |= {"quality": 98, "subsampling": "4:4:4"}
    Image.new(mode, (200, 150), colour).save(path, **options)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "avif"])
@pytest.mark.parametrize("colour", [(230, 90, 60), (60, 200, 90), (250, 20, 20)])
def test_a_wide_telephone_photo_keeps_its_looks(extension: str, colour: Colour, tmp_path: Path, render: Render) -> None:
    profile = colours.rgb_profile(colours.DISPLAY_P3, 2.2)
    path = save(tmp_path / f"p3.{extension}", "RGB", colour, profile)

    assert_colour(render, path, colours.in_srgb(colour, colours.DISPLAY_P3, 2.2))


def test_a_wide_heic_photo_keeps_its_looks(tmp_path: Path, render: Render) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    path, colour = tmp_path / "p3.heic", (230, 90, 60)
    picture = Image.new("RGB", (200, 150), colour)
    picture.info["icc_profile"] = colours.rgb_profile(colours.DISPLAY_P3, 2.2)
    pillow_heif.from_pillow(picture).save(path, quality=98, chroma=444)

    assert_colour(render, path, colours.in_srgb(colour, colours.DISPLAY_P3, 2.2))


def test_a_camera_photo_in_adobe_rgb_is_not_pale(tmp_path: Path, render: Render) -> None:
    colour, profile = (120, 200, 90), colours.rgb_profile(colours.ADOBE_RGB, colours.ADOBE_GAMMA)
    path = save(tmp_path / "adobe.jpg", "RGB", colour, profile)
    expected = colours.in_srgb(colour, colours.ADOBE_RGB, colours.ADOBE_GAMMA)
    assert np.abs(np.subtract(colour, expected)).max() > 3 * TOLERANCE

    assert_colour(render, path, expected)


def test_a_few_colours_by_number_are_converted_too(tmp_path: Path, render: Render) -> None:
    colour, profile = (60, 200, 90), colours.rgb_profile(colours.DISPLAY_P3, 2.2)
    path = tmp_path / "palette.png"
    Image.new("RGB", (200, 150), colour).quantize(4).save(path, icc_profile=profile)

    assert_colour(render, path, colours.in_srgb(colour, colours.DISPLAY_P3, 2.2))


def test_inks_become_light_by_their_profile(tmp_path: Path, render: Render) -> None:
    path = save(tmp_path / "inks.jpg", "CMYK", (255, 0, 0, 0), colours.ink_profile())

    assert_colour(render, path, colours.lab_in_srgb(colours.CYAN_LAB), tolerance=8)


def test_inks_without_a_profile_become_light_by_the_simple_rule(tmp_path: Path, render: Render) -> None:
    path = save(tmp_path / "inks.jpg", "CMYK", (0, 255, 0, 128), None)

    assert_colour(render, path, (127, 0, 127))


def test_a_grey_picture_is_as_bright_as_its_profile_says(tmp_path: Path, render: Render) -> None:
    path = save(tmp_path / "grey.jpg", "L", 64, colours.grey_profile(1.0))
    level = round(255 * float(colours.encoded(np.array(64 / 255))))
    assert level > 130

    assert_colour(render, path, (level,) * 3)


def test_a_name_does_not_make_a_profile_srgb(tmp_path: Path, render: Render) -> None:
    path = save(tmp_path / "linear.png", "RGB", (64, 64, 64), colours.rgb_profile(colours.SRGB, 1.0, "sRGB linear"))
    level = round(255 * float(colours.encoded(np.array(64 / 255))))

    assert_colour(render, path, (level,) * 3)


@pytest.mark.parametrize("profile", [
    b"not a profile at all" * 20, colours.rgb_profile(colours.DISPLAY_P3, 2.2)[:200], colours.grey_profile(1.0),
    b"\0" * 132, colours.ink_profile(),
], ids=["words", "cut", "of grey", "zeros", "of inks"])  # fmt: skip
def test_a_profile_that_cannot_be_used_changes_nothing(profile: bytes, tmp_path: Path, render: Render) -> None:
    path = save(tmp_path / "broken.jpg", "RGB", (200, 120, 40), profile)

    assert_colour(render, path, (200, 120, 40))
