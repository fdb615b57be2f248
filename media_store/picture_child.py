"""The confined process that reads listeners' pictures. Started by `images`, never imported by it.

A program of its own: it reads one request per line as JSON, answers one line per finished rendition and one for the
whole, and ends when its input ends. The files of a request come with it, already open: this process may open none but
its own program's. It knows Pillow and nothing else of this package; forms and limits come with the request. Output
pixels are new: orientation applied, colours in sRGB, no metadata carried over.
"""

from __future__ import annotations

import io
import json
import math
import os
import socket
import struct
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, BinaryIO, TypeVar

from PIL import Image, ImageChops, ImageCms, ImageFile, UnidentifiedImageError

LARGEST_PIXELS = 64_000_000
LARGEST_ANIMATED_PIXELS = 100_000_000
MOST_FRAMES = 300
MOST_FILES = 16
START_OF_SCAN = b"\xff\xda"
MOST_SCANS = 40  # each goes over all pixels again; encoders make ten, a thumbnail brings as many
MOST_MOVING_PIXELS = 25_000_000  # of all frames as they are saved: 100 MB in memory
SMALL_EDGE = 320
LEAST_SEEN = 0.02  # of a picture without its end; of less nothing can be made out
LIKE_THE_END = 2  # of 255
BANDS_FROM_PIXELS = 16_000_000  # larger pictures are never there a second time in another mode
BAND_PIXELS = 2_000_000
LANCZOS_REACH = 3  # pixels of the result to either side
PREMULTIPLIED = {"RGBA": "RGBa", "LA": "La"}
AVERAGED_IN = {"P": "RGBA", "PA": "RGBA", "1": "RGBA"}  # numbers of colours cannot be averaged
WHITE = (255, 255, 255)
ORIENTATION_TAG = 0x0112
BROKEN_METADATA = (OSError, SyntaxError, ValueError, KeyError, TypeError, IndexError, struct.error)
SHORTEST_FRAME_MS = 20

Json = dict[str, Any]
Edge = TypeVar("Edge", int, float)
Say = Callable[[Json], None]

Image.MAX_IMAGE_PIXELS = LARGEST_PIXELS
warnings.simplefilter("error", Image.DecompressionBombWarning)
SRGB = ImageCms.createProfile("sRGB")
LIKE_SRGB = 2  # of 255: what two profiles of the same colours differ by through rounding
PROBES = Image.new("RGB", (16, 1))
PROBES.putdata([(r, g, b) for r in (20, 128, 235) for g in (40, 200) for b in (0, 255)] + [(90, 90, 90)] * 4)


class Refused(Exception):
    """The picture is not taken; `args` are the code of media_store.errors and a detail for the log."""


def main() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # nothing a library prints may look like an answer

    def say(answer: Json) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    with socket.socket(fileno=0) as asking:
        for request, files in requests(asking):
            say(answer_to(request, say))
            for file in files:
                with suppress(OSError):  # what could not be written out was told before
                    file.close()


def requests(asking: socket.socket) -> Iterator[tuple[Json, list[BinaryIO]]]:
    """Each request with its files: where it names one by number, the open file is put in."""
    while True:
        text, numbers = b"", list[int]()
        while not text.endswith(b"\n"):
            block, received, _, _ = socket.recv_fds(asking, 65536, MOST_FILES)
            if not block:
                return
            text += block
            numbers += received
        request = json.loads(text)
        files: list[BinaryIO] = [os.fdopen(numbers[0], "rb"), *(os.fdopen(number, "wb") for number in numbers[1:])]
        for place, name in [(request, "path"), (request, "small"), *((form, "out") for form in request["forms"])]:
            if name in place:
                place[name] = files[place[name]]
        yield request, files


def answer_to(request: Json, say: Say) -> Json:
    """Do one request; every way a picture can be bad becomes an answer."""
    try:
        return {"done": process(request, say)}
    except Refused as refusal:
        code, detail = refusal.args
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        code, detail = "media.bomb", str(bomb)
    except MemoryError:
        code, detail = "media.limits", "out of memory"
    except UnidentifiedImageError:
        code, detail = "media.corrupt", "not readable in the stated format"
    except Exception as fault:  # noqa: BLE001  the edge of this process: decoders raise what they like
        code, detail = "media.corrupt", f"{type(fault).__name__}"
    return {"failed": code, "detail": detail}


def process(request: Json, say: Say) -> Json:
    """Make every wanted form of one picture and say what it is."""
    with open_picture(request["path"], request["format"]) as picture:
        frames = getattr(picture, "n_frames", 1) if request["format"] in ("WEBP", "GIF", "AVIF") else 1
        facts: Json = {"width_px": picture.width, "height_px": picture.height, "frames": frames}
        if request["op"] == "probe":
            return facts
        if request["op"] == "look":
            picture.draft("RGB", fitted_size(picture.size, SMALL_EDGE))
            return facts | seen_small(fitted(picture.convert("RGB"), SMALL_EDGE), request)
        if request["op"] == "sticker":
            return facts | make_sticker(picture, frames, request, say)
        return facts | make_photo(picture, frames, request, say)


def open_picture(file: BinaryIO, picture_format: str) -> Image.Image:
    """Open with the one format the head of the file announced, and refuse by size before anything is decoded."""
    if picture_format == "HEIF":
        from pi_heif import register_heif_opener

        register_heif_opener(thumbnails=False)
    file.seek(0)
    if picture_format == "JPEG":
        if (scans := file.read().count(START_OF_SCAN)) > MOST_SCANS:
            raise Refused("media.bomb", f"{scans} scans")
        file.seek(0)
    picture = Image.open(file, formats=(picture_format,))
    if picture.width * picture.height > LARGEST_PIXELS:
        raise Refused("media.bomb", f"{picture.width} x {picture.height}")
    if picture.width < 1 or picture.height < 1:
        raise Refused("media.corrupt", "no area")
    return picture


def make_photo(picture: Image.Image, frames: int, request: Json, say: Say) -> Json:
    """Photo: decode once near the largest size, then each form from a larger one; the smallest is told first."""
    forms = [form for form in request["forms"] if form["profile"] != "animation"]
    edge = max(int(form["edge"]) for form in forms)
    width, height = picture.size  # before draft mode makes it smaller
    decoded, is_truncated = decode(picture, request, edge)
    # formats that turn pictures themselves have nothing left to turn
    turn = 1 if request["format"] == "HEIF" else orientation_of(decoded)
    whole = turned(flattened(fitted(decoded, edge), decoded.info.get("icc_profile")), turn)
    scaled = scaled_down(whole, [int(form["edge"]) for form in forms])
    for form in sorted(forms, key=lambda form: int(form["edge"])):
        if not form.get("skip"):
            save(scaled[int(form["edge"])], form, say)
    flags = ["truncated"] if is_truncated else []
    if frames > 1 and not is_truncated:
        flags += moving_flags(picture, frames, request["forms"], say)
    return seen_small(fitted(scaled[min(scaled)], SMALL_EDGE), request) | {
        "width_px": height if turn in SIDEWAYS else width,
        "height_px": width if turn in SIDEWAYS else height,
        "flags": flags,
    }


def scaled_down(whole: Image.Image, edges: list[int]) -> dict[int, Image.Image]:
    """The picture within each edge, each made from the smallest that is half as large again: near sizes blur it."""
    scaled = {max(edges): whole}
    for edge in sorted(edges, reverse=True)[1:]:
        source = min((larger for larger in scaled if larger * 2 >= edge * 3), default=max(edges))
        scaled[edge] = fitted(scaled[source], edge)
    return scaled


def moving_flags(picture: Image.Image, frames: int, forms: list[Json], say: Say) -> list[str]:
    """A photo that moves (GIF): its animation too, unless it is so long that only the still is worth its time."""
    if frames > MOST_FRAMES or picture.width * picture.height * frames > LARGEST_ANIMATED_PIXELS:
        return ["animated", "frozen"]
    for form in forms:
        if form["profile"] == "animation" and not form.get("skip"):
            save_animation(picture, form, say)
    return ["animated"]


def seen_small(small: Image.Image, request: Json) -> Json:
    """What is learnt from the picture at 320 pixels; the pixels themselves go to `request["small"]`, bare RGB rows."""
    with request["small"] as file:
        file.write(small.tobytes())
    return {
        "small_width_px": small.width,
        "small_height_px": small.height,
        "dhash": difference_hash(small),
        "blurhash": blur_hash(small),
    }


def decode(picture: Image.Image, request: Json, edge: int) -> tuple[Image.Image, bool]:
    """Decode, JPEG at the smallest scale that still holds `edge`; True if the end was missing.

    Such a picture is decoded a second time as far as it goes, and refused if that is nowhere.
    """
    target = fitted_size(picture.size, edge)
    picture.draft("RGB", target)
    try:
        picture.load()
    except OSError as fault:
        if "truncated" not in str(fault).lower():
            raise
    else:
        return picture, False
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        again = open_picture(request["path"], request["format"])
        again.draft("RGB", target)
        again.load()
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    if seen_share(again) < LEAST_SEEN:
        raise Refused("media.truncated", "hardly anything was decoded")
    return again, True


def seen_share(pixels: Image.Image) -> float:
    """How much of a picture without its end is there, 0..1: all that is not of the colour of its last pixel.

    What a decoder did not reach is one plain colour to the last pixel, whichever that is in each format.
    """
    few = flattened(pixels.resize(fitted_size(pixels.size, SMALL_EDGE), Image.Resampling.NEAREST), None)
    end = few.getpixel((few.width - 1, few.height - 1))
    other = ImageChops.difference(few, Image.new("RGB", few.size, end)).convert("L")
    return sum(other.histogram()[LIKE_THE_END + 1 :]) / (few.width * few.height)


def orientation_of(picture: Image.Image) -> int:
    """1 to 8 as EXIF counts; 1 for none or nonsense."""
    try:
        value = picture.getexif().get(ORIENTATION_TAG, 1)
    except BROKEN_METADATA:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = frozenset({5, 6, 7, 8})


def turned(pixels: Image.Image, turn: int) -> Image.Image:
    return pixels.transpose(TURNS[turn]) if turn in TURNS else pixels


def flattened(pixels: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB in sRGB on white, whatever came in."""
    if pixels.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in pixels.info:
        pixels = on_white(pixels)
    elif pixels.mode.startswith("I") or pixels.mode == "F":
        pixels = eight_bit(pixels)
    if pixels.mode in ("P", "1"):  # numbers of colours, not colours
        pixels = pixels.convert("RGB")
    converted = in_srgb(pixels, profile) if profile else None
    if converted is not None:
        return converted
    return pixels if pixels.mode == "RGB" else pixels.convert("RGB")


def on_white(pixels: Image.Image) -> Image.Image:
    pixels = pixels.convert("RGBA")
    ground = Image.new("RGB", pixels.size, WHITE)
    ground.paste(pixels, mask=pixels.getchannel("A"))
    return ground


def eight_bit(pixels: Image.Image) -> Image.Image:
    """Sixteen-bit grey to eight; a plain convert would clip at 255."""
    return pixels.convert("I").point(lambda value: value * (1 / 256)).convert("L")


def in_srgb(pixels: Image.Image, profile: bytes) -> Image.Image | None:
    """Convert from an embedded profile; None if it is broken, does not fit, or already is sRGB."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        change = ImageCms.buildTransform(source, SRGB, pixels.mode, "RGB")
        if pixels.mode == "RGB" and is_no_change(change):
            return None
        return ImageCms.applyTransform(pixels, change)
    except (ImageCms.PyCMSError, *BROKEN_METADATA):
        return None


def is_no_change(change: ImageCms.ImageCmsTransform) -> bool:
    """Whether it leaves a few telling colours as they are. A profile's name says little: 'sRGB linear' is none."""
    after = ImageCms.applyTransform(PROBES, change)
    if after is None:
        return False
    return all(abs(one - other) <= LIKE_SRGB for one, other in zip(PROBES.tobytes(), after.tobytes(), strict=True))


def fitted_size(size: tuple[int, int], edge: int) -> tuple[int, int]:
    """Largest size of the same shape within `edge`; never larger than it is, never under one pixel."""
    scale = min(1.0, edge / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def fitted(pixels: Image.Image, edge: int, mode: str | None = None) -> Image.Image:
    """The picture within `edge`; `mode` is what it is averaged in: its own, or colours where it has only numbers."""
    size = fitted_size(pixels.size, edge)
    if size == pixels.size:
        return pixels if mode is None else pixels.convert(mode)  # a copy: the next frame takes the same place
    if mode is None:
        mode = AVERAGED_IN.get(pixels.mode, "I" if pixels.mode.startswith("I;16") else pixels.mode)
    if pixels.width * pixels.height < BANDS_FROM_PIXELS:
        return in_mode(pixels, mode).resize(size, Image.Resampling.LANCZOS)
    return fitted_in_bands(pixels, size, mode)


def in_mode(pixels: Image.Image, mode: str) -> Image.Image:
    return pixels if pixels.mode == mode else pixels.convert(mode)


def fitted_in_bands(pixels: Image.Image, size: tuple[int, int], mode: str) -> Image.Image:
    """The same pixels as in one go, but only a band across the longer side is ever there in `mode`."""
    side = 0 if pixels.width > pixels.height else 1
    length, breadth = pixels.size[side], pixels.size[1 - side]
    scale = length / size[side]
    reach = math.ceil(LANCZOS_REACH * scale) + 1  # what lies beside a band counts into its edge
    step = max(1, int(BAND_PIXELS / breadth / scale))
    whole: Image.Image | None = None
    for begin in range(0, size[side], step):
        end = min(begin + step, size[side])
        first = max(0, math.floor(begin * scale) - reach)
        last = min(length, math.ceil(end * scale) + reach)
        band = in_mode(in_mode(pixels.crop(along(side, first, last, breadth)), mode), PREMULTIPLIED.get(mode, mode))
        left, top, right, bottom = along(side, begin * scale - first, min(end * scale, length) - first, breadth)
        made = (end - begin, size[1]) if side == 0 else (size[0], end - begin)
        # left to right, then down: left to itself, Pillow takes whichever is faster for each band, which shows
        narrow = band.resize((made[0], band.height), Image.Resampling.LANCZOS, box=(left, 0, right, band.height))
        small = in_mode(narrow.resize(made, Image.Resampling.LANCZOS, box=(0, top, made[0], bottom)), mode)
        if whole is None:
            whole = Image.new(small.mode, size)
            whole.info = small.info
        whole.paste(small, (begin, 0) if side == 0 else (0, begin))
    assert whole is not None  # no side is under one pixel
    return whole


def along(side: int, begin: Edge, end: Edge, breadth: int) -> tuple[Edge | int, Edge | int, Edge | int, Edge | int]:
    """A box of the whole breadth, from left (0) or from above (1)."""
    return (begin, 0, end, breadth) if side == 0 else (0, begin, breadth, end)


def save(pixels: Image.Image, form: Json, say: Say) -> None:
    """Write one form; nothing of the original's metadata is passed on."""
    pixels.info = {}
    pixels.save(form["out"], format=form["encoder"], **form["options"])
    form["out"].flush()
    say({"made": form["profile"], "width_px": pixels.width, "height_px": pixels.height})


def make_sticker(picture: Image.Image, frames: int, request: Json, say: Say) -> Json:
    """Sticker: the first frame still, and all frames again if it moves. Transparency is kept."""
    if frames > MOST_FRAMES or picture.width * picture.height * frames > LARGEST_ANIMATED_PIXELS:
        raise Refused("media.bomb", f"{frames} frames")
    by_profile = {form["profile"]: form for form in request["forms"]}
    still = fitted(picture, by_profile["still"]["edge"], "RGBA")
    if not by_profile["still"].get("skip"):
        save(still, by_profile["still"], say)
    if frames > 1 and not by_profile["animation"].get("skip"):
        save_animation(picture, by_profile["animation"], say)
    flags = ["animated"] if frames > 1 else []
    return seen_small(fitted(on_white(still), SMALL_EDGE), request) | {"flags": flags}


def save_animation(picture: Image.Image, form: Json, say: Say) -> None:
    pixels, durations_ms = [], []
    for frame, duration_ms in moving(picture, moving_edge(picture, form["edge"])):
        pixels.append(frame)
        durations_ms.append(duration_ms)
    pixels[0].save(
        form["out"],
        format=form["encoder"],
        save_all=True,
        append_images=pixels[1:],
        duration=durations_ms,
        loop=0,
        **form["options"],
    )
    form["out"].flush()
    made = {"made": form["profile"], "width_px": pixels[0].width, "height_px": pixels[0].height}
    say(made | {"duration_s": sum(durations_ms) / 1000})


def moving_edge(picture: Image.Image, edge: int) -> int:
    """The edge within which all frames together stay under MOST_MOVING_PIXELS, `edge` at most."""
    width, height = fitted_size(picture.size, edge)
    share = MOST_MOVING_PIXELS / (width * height * getattr(picture, "n_frames", 1))
    return max(width, height) if share >= 1 else max(1, int(max(width, height) * math.sqrt(share)))


def moving(picture: Image.Image, edge: int) -> Iterator[tuple[Image.Image, int]]:
    for index in range(getattr(picture, "n_frames", 1)):
        picture.seek(index)
        frame = fitted(picture, edge, "RGBA")
        frame.info = {}
        yield frame, max(SHORTEST_FRAME_MS, int(picture.info.get("duration") or 100))


def difference_hash(pixels: Image.Image) -> str:
    """dHash 8x8 as 16 hex digits: equal pictures 0 bits apart, the same picture again at most 6."""
    grey = pixels.convert("L").resize((9, 8), Image.Resampling.LANCZOS).tobytes()
    bits = 0
    for row in range(8):
        for column in range(8):
            bits = bits << 1 | (grey[row * 9 + column + 1] > grey[row * 9 + column])
    return f"{bits:016x}"


BASE83 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
BLUR_X, BLUR_Y = 4, 3
LINEAR = [v / 255 / 12.92 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in range(256)]


def blur_hash(pixels: Image.Image) -> str:
    """BlurHash 4x3 of the picture at 32 pixels, a placeholder until it is loaded. Source: woltapp/blurhash."""
    tiny = pixels.resize(fitted_size(pixels.size, 32), Image.Resampling.BOX)
    rows = [blur_row(tiny, j) for j in range(tiny.height)]
    factors = [blur_factor(rows, x, y, tiny.size) for y in range(BLUR_Y) for x in range(BLUR_X)]
    mean, rest = factors[0], factors[1:]
    strongest = max(abs(value) for factor in rest for value in factor)
    step = max(0, min(82, math.floor(strongest * 166 - 0.5)))
    scale = (step + 1) / 166
    head = base83((BLUR_X - 1) + (BLUR_Y - 1) * 9, 1) + base83(step, 1)
    red, green, blue = (to_srgb_byte(value) for value in mean)
    return head + base83(red << 16 | green << 8 | blue, 4) + "".join(base83(quantised(f, scale), 2) for f in rest)


Colour = tuple[float, float, float]


def blur_row(tiny: Image.Image, j: int) -> list[Colour]:
    """One row against the four horizontal waves, per channel."""
    width = tiny.width
    row = tiny.tobytes()[j * width * 3 : (j + 1) * width * 3]
    red, green, blue = ([LINEAR[value] for value in row[channel::3]] for channel in range(3))
    waves = [[math.cos(math.pi * x * i / width) for i in range(width)] for x in range(BLUR_X)]
    return [(dot(wave, red), dot(wave, green), dot(wave, blue)) for wave in waves]


def blur_factor(rows: list[list[Colour]], x: int, y: int, size: tuple[int, int]) -> Colour:
    wave = [math.cos(math.pi * y * j / size[1]) for j in range(size[1])]
    scale = (1 if (x, y) == (0, 0) else 2) / (size[0] * size[1])
    red, green, blue = (dot(wave, [row[x][channel] for row in rows]) * scale for channel in range(3))
    return red, green, blue


def dot(one: list[float], other: list[float]) -> float:
    return sum(map(float.__mul__, one, other))


def to_srgb_byte(value: float) -> int:
    value = max(0.0, min(1.0, value))
    return round((value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055) * 255)


def quantised(factor: Colour, scale: float) -> int:
    result = 0
    for value in factor:
        root = math.copysign(math.sqrt(abs(value / scale)), value)
        result = result * 19 + max(0, min(18, math.floor(root * 9 + 9.5)))
    return result


def base83(value: int, length: int) -> str:
    return "".join(BASE83[value // 83 ** (length - place - 1) % 83] for place in range(length))


if __name__ == "__main__" and sys.argv[1:] != ["--only-load"]:
    main()
