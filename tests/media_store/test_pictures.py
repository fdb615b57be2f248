"""Photos and stickers come out upright, bare of metadata and in the stated sizes."""

from __future__ import annotations

import os
import signal
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from media_store import images, pipeline
from media_store.errors import Bomb, Corrupt, MediaFailure, TimedOut, TooLarge, Truncated
from tests.media_store.conftest import Render, Result
from tests.media_store.material import corners, picture

UPRIGHT = "RGBW"
PHOTO = {"thumb", "card", "web", "large"}
TURNED_BACK = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def bomb_png(path: Path, width_px: int, height_px: int) -> Path:
    """A small file that declares an enormous picture of zeros."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width_px, height_px, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width_px // 8 + 1) * height_px), 9)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("orientation", TURNED_BACK)
@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "avif"])
def test_every_orientation_comes_out_upright(orientation: int, extension: str, tmp_path: Path, render: Render) -> None:
    turn, tags = TURNED_BACK[orientation], Image.Exif()
    tags[0x0112] = orientation
    stored = picture().transpose(turn) if turn is not None else picture()
    path = tmp_path / f"p.{extension}"
    stored.save(path, exif=tags)

    result = render(path, kind="image")

    assert set(result.paths) == PHOTO
    assert_upright(result)


@pytest.mark.parametrize("orientation", TURNED_BACK)
def test_a_heic_photo_is_turned_once_and_not_twice(orientation: int, tmp_path: Path, render: Render) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    turn, tags, path = TURNED_BACK[orientation], Image.Exif(), tmp_path / "p.heic"
    tags[0x0112] = orientation
    stored = picture().transpose(turn) if turn is not None else picture()
    # as telephones write it: the container says how to turn, and EXIF says it again
    pillow_heif.encode("RGB", stored.size, stored.tobytes(), path, exif=tags.tobytes())
    assert (b"irot" in path.read_bytes() or b"imir" in path.read_bytes()) == (orientation != 1)

    assert_upright(render(path, kind="image"))


def test_a_heic_photo_is_turned_by_its_container_alone(tmp_path: Path, render: Render) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    path, tags = tmp_path / "p.heic", Image.Exif()
    tags[0x0112] = 1
    pillow_heif.encode("RGB", (640, 480), picture().tobytes(), path, exif=tags.tobytes())
    upright, lying = (b"\x01\x12\x00\x03\x00\x00\x00\x01\x00" + bytes([value]) for value in (1, 6))
    assert path.read_bytes().count(upright) == 1
    path.write_bytes(path.read_bytes().replace(upright, lying))

    assert_upright(render(path, kind="image"))


def assert_upright(result: Result) -> None:
    assert (result.facts.width_px, result.facts.height_px) == (640, 480)
    for path in result.paths.values():
        with Image.open(path) as made:
            assert (made.width > made.height, corners(made), made.getexif()) == (True, UPRIGHT, {})


def test_sizes_and_forms_are_the_stated_ones(tmp_path: Path, render: Render) -> None:
    path = tmp_path / "big.jpg"
    picture(4032, 3024).save(path)

    result = render(path, kind="image")

    assert list(result.made) == ["thumb", "card", "web", "large"]
    assert (result.facts.kind, result.facts.width_px, result.facts.height_px) == ("image", 4032, 3024)
    sizes = {}
    for profile, made_path in result.paths.items():
        with Image.open(made_path) as made:
            sizes[profile] = (made.format, *made.size)
            assert made.size == (result.made[profile].width_px, result.made[profile].height_px)
    assert sizes == {
        "thumb": ("WEBP", 320, 240),
        "card": ("WEBP", 1280, 960),
        "web": ("JPEG", 1600, 1200),
        "large": ("JPEG", 1920, 1440),
    }


def test_a_small_picture_is_not_blown_up(tmp_path: Path, render: Render) -> None:
    path = tmp_path / "small.png"
    picture(64, 48).save(path)

    assert {made.width_px for made in render(path).made.values()} == {64}


def test_one_row_of_pixels_survives(tmp_path: Path, render: Render) -> None:
    path = tmp_path / "line.png"
    picture(5000, 2).crop((0, 0, 5000, 1)).save(path)

    assert render(path).made["thumb"].height_px == 1


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16", "CMYK"])
def test_every_colour_mode_becomes_a_photo(mode: str, tmp_path: Path, render: Render) -> None:
    path = tmp_path / ("m.jpg" if mode == "CMYK" else "m.png")
    grey = picture(100, 80).convert("L")
    stored = grey.convert("I;16") if mode == "I;16" else picture(100, 80).convert(mode)
    stored.save(path)

    with Image.open(render(path).paths["large"]) as made:
        assert made.mode == "RGB"


def test_transparency_is_laid_on_white(tmp_path: Path, render: Render) -> None:
    path = tmp_path / "clear.png"
    Image.new("RGBA", (50, 50), (255, 0, 0, 0)).save(path)

    with Image.open(render(path).paths["large"]) as made:
        assert min(made.convert("RGB").getpixel((25, 25))) > 250  # type: ignore[type-var, arg-type]


def test_heic_sent_as_a_document_is_a_photo(tmp_path: Path, render: Render) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "IMG_0001.HEIC"
    pillow_heif.from_pillow(picture()).save(path)

    result = render(path, kind="document")

    assert (result.facts.kind, result.facts.mime) == ("image", "image/heic")
    assert (result.facts.width_px, result.facts.height_px) == (640, 480)
    with Image.open(result.paths["large"]) as made:
        assert (made.format, corners(made)) == ("JPEG", UPRIGHT)


def test_avif_and_gif_are_photos_too(tmp_path: Path, render: Render) -> None:
    for extension in ("avif", "gif"):
        path = tmp_path / f"p.{extension}"
        picture().save(path)
        with Image.open(render(path).paths["card"]) as made:
            assert corners(made) == UPRIGHT


def test_the_same_picture_is_recognised_and_another_is_not(tmp_path: Path, render: Render) -> None:
    for name, quality in (("a.jpg", 95), ("b.jpg", 40)):
        picture().save(tmp_path / name, quality=quality)
    picture().transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "c.jpg")

    one, again, other = (int(render(tmp_path / name).facts.dhash or "", 16) for name in ("a.jpg", "b.jpg", "c.jpg"))

    assert (one ^ again).bit_count() <= 6
    assert (one ^ other).bit_count() > 6


def test_the_blurhash_has_its_form_and_its_colour(tmp_path: Path, render: Render) -> None:
    path = tmp_path / "red.png"
    Image.new("RGB", (40, 30), (200, 0, 0)).save(path)

    blurhash = render(path).facts.blurhash or ""

    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
    mean = 0
    for letter in blurhash[2:6]:
        mean = mean * 83 + digits.index(letter)
    assert len(blurhash) == 4 + 2 * 12
    assert mean == 200 << 16


def test_half_a_jpeg_is_shown_as_far_as_it_goes(tmp_path: Path, render: Render) -> None:
    whole, path = tmp_path / "w.jpg", tmp_path / "half.jpg"
    picture(2000, 1500).save(whole)
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    result = render(path)

    assert result.facts.flags == ("truncated",)
    assert set(result.made) == PHOTO


@pytest.mark.parametrize("form", [{"format": "JPEG"}, {"format": "JPEG", "progressive": True}, {"format": "PNG"}])
def test_a_picture_cut_right_behind_its_head_is_refused(tmp_path: Path, render: Render, form: dict[str, Any]) -> None:
    path = tmp_path / "cut.bin"
    picture(2000, 1500).save(path, **form)
    whole = path.read_bytes()
    head = whole.find(b"IDAT") if form["format"] == "PNG" else whole.find(b"\xff\xda")
    path.write_bytes(whole[: head + 40])

    with pytest.raises(Truncated):
        render(path)


def test_an_image_bomb_is_refused_before_it_unfolds(tmp_path: Path, render: Render) -> None:
    path = bomb_png(tmp_path / "bomb.png", 20_000, 20_000)
    assert path.stat().st_size < 60_000

    with pytest.raises(Bomb) as refusal:
        render(path)

    assert refusal.value.code == "media.bomb"
    assert refusal.value.message == "The picture claims an enormous size and was not opened."


def test_too_many_bytes_are_refused(tmp_path: Path, render: Render) -> None:
    path = tmp_path / "fat.jpg"
    picture().save(path)
    with path.open("ab") as file:
        file.truncate(26_000_000)

    with pytest.raises(TooLarge, match="too_large"):
        render(path)


@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0 nothing", b"\x89PNG\r\n\x1a\n" + bytes(100), b"GIF89a"])
def test_a_head_without_a_picture_is_corrupt(content: bytes, tmp_path: Path, render: Render) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(content)

    with pytest.raises(Corrupt):
        render(path)


class TestStickers:
    def moving(self, path: Path, frames: int = 4, edge_px: int = 128) -> Path:
        pictures = [picture(edge_px, edge_px).rotate(90 * n).convert("RGBA") for n in range(frames)]
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=80, loop=0)
        return path

    def test_a_moving_sticker_has_a_still_and_an_animation(self, tmp_path: Path, render: Render) -> None:
        result = render(self.moving(tmp_path / "s.webp"), kind="sticker")

        assert list(result.made) == ["still", "animation"]
        assert (result.facts.kind, result.facts.flags) == ("sticker", ("animated",))
        with Image.open(result.paths["animation"]) as made:
            assert made.n_frames == 4
        assert result.made["animation"].duration_s == pytest.approx(0.32)

    def test_a_still_sticker_keeps_its_transparency(self, tmp_path: Path, render: Render) -> None:
        path = tmp_path / "s.webp"
        Image.new("RGBA", (100, 100), (0, 0, 255, 0)).save(path)

        result = render(path, kind="sticker")

        assert list(result.made) == ["still"]
        with Image.open(result.paths["still"]) as made:
            assert made.mode == "RGBA"

    def test_more_than_three_hundred_frames_are_refused(self, tmp_path: Path, render: Render) -> None:
        path = tmp_path / "s.webp"
        pictures = [Image.new("RGB", (8, 8), (n * 67 % 256, n % 256, 0)) for n in range(301)]
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=20, lossless=True)

        with pytest.raises(Bomb):
            render(path, kind="sticker")


class TestMovingPhotos:
    def gif(self, path: Path, frames: int, edge_px: int = 96) -> Path:
        pictures = [picture(edge_px, edge_px).rotate(90 * n).convert("RGB") for n in range(frames)]
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=70, loop=0, comment=b"made by")
        return path

    def test_a_gif_has_a_still_in_every_size_and_a_silent_film(self, tmp_path: Path, render: Render) -> None:
        result = render(self.gif(tmp_path / "g.gif", 5), kind="image")

        assert set(result.made) == PHOTO | {"animation"}
        assert (result.facts.kind, result.facts.flags) == ("image", ("animated",))
        with Image.open(result.paths["card"]) as still, Image.open(result.paths["animation"]) as film:
            assert corners(still) == UPRIGHT
            assert (still.n_frames, film.n_frames, film.info["loop"]) == (1, 5, 0)
        assert result.made["animation"].duration_s == pytest.approx(0.35)

    def test_a_gif_with_one_picture_is_a_photo(self, tmp_path: Path, render: Render) -> None:
        result = render(self.gif(tmp_path / "g.gif", 1), kind="image")

        assert (set(result.made), result.facts.flags) == (PHOTO, ())

    def test_a_gif_beyond_the_limits_is_shown_still_and_says_so(self, tmp_path: Path, render: Render) -> None:
        path = tmp_path / "long.gif"
        pictures = [Image.new("P", (8, 8), n % 200) for n in range(301)]
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=20, optimize=False)

        result = render(path, kind="image")

        assert (set(result.made), result.facts.flags) == (PHOTO, ("animated", "frozen"))

    def test_all_pictures_of_a_film_together_stay_small(self, tmp_path: Path, render: Render) -> None:
        path = tmp_path / "wide.gif"
        pictures = [Image.new("P", (500, 500), n) for n in range(110)]
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=20, optimize=False)

        made = render(path, kind="image").made["animation"]

        assert made.width_px is not None
        assert made.width_px**2 * 110 <= 25_000_000


class TestChild:
    """One confined process serves many pictures and takes nothing else down with it."""

    @pytest.fixture
    def photo(self, tmp_path: Path) -> Path:
        path = tmp_path / "p.jpg"
        picture().save(path)
        return path

    def pid(self) -> int:
        return images._current[0].process.pid

    def test_it_serves_one_picture_after_the_other(self, photo: Path, render: Render) -> None:
        render(photo)
        before = self.pid()
        render(photo)

        assert self.pid() == before

    def test_a_bad_picture_does_not_cost_the_next_one(self, photo: Path, tmp_path: Path, render: Render) -> None:
        bad = tmp_path / "bad.png"
        bad.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))

        with pytest.raises(MediaFailure):
            render(bad)

        assert set(render(photo).made) == PHOTO

    def test_killed_from_outside_it_is_replaced(self, photo: Path, render: Render) -> None:
        render(photo)
        os.kill(self.pid(), signal.SIGKILL)
        images._current[0].process.wait()

        assert set(render(photo).made) == PHOTO

    def test_too_slow_it_is_killed_and_replaced(
        self, photo: Path, render: Render, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        render(photo)
        process = images._current[0].process
        with monkeypatch.context() as patience:
            patience.setattr(images, "CHILD_LIMITS", replace(images.CHILD_LIMITS, timeout_s=0.3))
            os.kill(process.pid, signal.SIGSTOP)

            with pytest.raises(TimedOut):
                render(photo)

        assert process.returncode == -signal.SIGKILL
        assert set(render(photo).made) == PHOTO

    def test_it_is_replaced_after_its_number_of_jobs(
        self, photo: Path, render: Render, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        images.close_child()
        monkeypatch.setattr(images, "JOBS_PER_CHILD", 1)
        render(photo)
        before = self.pid()
        render(photo)

        assert self.pid() != before

    def test_a_forked_worker_starts_its_own(self, photo: Path, render: Render, tmp_path: Path) -> None:
        render(photo)
        before = self.pid()
        fork = os.fork()
        if fork == 0:  # the child of the test: nothing of pytest may run here
            status = 1
            try:
                found = pipeline.probe(photo)
                status = 0 if (found.width_px, images._current[0].process.pid != before) == (640, True) else 2
                images.close_child()
            finally:
                os._exit(status)

        assert os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]) == 0
        assert self.pid() == before
        assert set(render(photo).made) == PHOTO

    def test_it_ends_when_its_input_ends(self, photo: Path, render: Render) -> None:
        render(photo)
        child = images._current.pop()
        child.drop_pipes()

        assert child.process.wait(10) == 0

    def test_it_sees_none_of_our_environment(self, photo: Path, render: Render) -> None:
        images.close_child()
        render(photo)
        environment = Path(f"/proc/{self.pid()}/environ")
        if not environment.exists():
            pytest.skip("no /proc here")

        names = {entry.split(b"=")[0] for entry in environment.read_bytes().split(b"\0") if entry}

        assert names <= {b"PATH", b"LANG", b"LC_CTYPE", *(name.encode() for name in images.KEEP_MEMORY)}

    def test_its_memory_is_limited(self, photo: Path, render: Render) -> None:
        render(photo)
        limits = Path(f"/proc/{self.pid()}/limits")
        if not limits.exists():
            pytest.skip("no /proc here")

        told = {line[:26].strip(): line[26:].split()[0] for line in limits.read_text().splitlines()}

        assert told["Max address space"] == str(1024**3)
        assert told["Max core file size"] == "0"
        assert told["Max open files"] == "64"
