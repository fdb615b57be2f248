"""Made pictures with the truth about them: papers that cover themselves, and photos that must not.

Papers: letters, forms, receipts, identity cards, screenshots of text; lying at angles on tables, in uneven light, with
sensor noise. Photos: landscapes, snow, skies, faces, walls, stripes, signs, captions, light at night. Every picture is
drawn from its number alone, so that a table of them is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Random = np.random.Generator
Pixels = NDArray[np.uint8]
EDGE_PX = 320
LETTER_WORDS = """
Sehr geehrte Damen und Herren wir danken für die Überweisung Ihrer Patientin Befund Diagnose unauffällig Kontrolle in
sechs Wochen Röntgen Blutdruck Versicherung Nummer Konto Betrag Frist bis zum Antrag Bescheid Anlage mit freundlichen
Grüßen Praxis am Markt Telefon Sprechstunde täglich nach Vereinbarung der die das und oder aber nicht
"""
WORDS = LETTER_WORDS.split()


def noise(rng: Random, width: int, height: int, roughness: float) -> NDArray[np.float32]:
    """Clouds, ground, leaves: random pictures whose strength falls with the frequency to the power of `roughness`."""
    wide, high = max(2, width // 2), max(1, height // 2)  # twice the last edge and more: nobody sees the difference
    fx, fy = np.fft.rfftfreq(wide), np.fft.fftfreq(high)
    strength = 1 / np.maximum(np.hypot(fx[None, :], fy[:, None]), 1 / max(wide, high)) ** roughness
    made = np.fft.irfft2(strength * np.exp(2j * np.pi * rng.random((high, fx.size))), s=(high, wide))
    flat = ((made - made.min()) / (np.ptp(made) + 1e-9)).astype(np.float32)
    return np.asarray(Image.fromarray(flat).resize((width, height), Image.Resampling.BILINEAR))


def between(rng: Random, low: tuple[int, ...], high: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(rng.integers(a, max(a + 1, b))) for a, b in zip(low, high, strict=True))


def textured(rng: Random, size: tuple[int, int], colour: tuple[int, ...], depth: float, rough: float) -> Image.Image:
    clouds = noise(rng, *size, rough)[..., None] - 0.5
    return Image.fromarray((np.array(colour) * (1 + depth * clouds)).clip(0, 255).astype(np.uint8))


def font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(4, round(size)))


def sentence(rng: Random, words: int) -> str:
    return " ".join(rng.choice(WORDS, words))


# --- papers -----------------------------------------------------------------------------------------------------


def letter(rng: Random) -> Image.Image:
    """A page of running text with a head, an address and paragraphs of uneven lengths."""
    width, height = 840, 1188
    page = Image.new("RGB", (width, height), between(rng, (235, 233, 225), (256, 256, 256)))
    draw, size, y = ImageDraw.Draw(page), int(rng.integers(15, 22)), 70
    draw.text((90, y), sentence(rng, 3), font=font(size * 1.8), fill=between(rng, (0, 0, 0), (90, 90, 160)))
    y += 110
    while y < height - 110:
        paragraph = int(rng.integers(2, 8))
        for line in range(paragraph):
            words = sentence(rng, 9 if line + 1 < paragraph else 4)
            draw.text((90, y), words, font=font(size), fill=(35, 35, 40))
            y += int(size * 1.5)
        y += size
    return page


def form(rng: Random) -> Image.Image:
    """A finding with ruled rows, names on the left and figures on the right."""
    page = Image.new("RGB", (840, int(rng.integers(700, 1188))), between(rng, (235, 235, 228), (256, 256, 256)))
    draw, y, step = ImageDraw.Draw(page), 60, int(rng.integers(34, 54))
    draw.text((70, 20), sentence(rng, 3), font=font(30), fill=(20, 20, 90))
    while y < page.height - step:
        draw.line((60, y, 780, y), fill=(120, 120, 120), width=2)
        draw.text((70, y + step * 0.2), sentence(rng, 2), font=font(step * 0.5), fill=(30, 30, 30))
        draw.text((520, y + step * 0.2), f"{rng.random() * 300:.1f} mg/dl", font=font(step * 0.5), fill=(30, 30, 30))
        y += step
    return page


def receipt(rng: Random) -> Image.Image:
    page = Image.new("RGB", (420, int(rng.integers(800, 1300))), between(rng, (228, 228, 222), (252, 252, 250)))
    draw, y = ImageDraw.Draw(page), 40
    while y < page.height - 60:
        draw.text((30, y), sentence(rng, 2)[:18], font=font(24), fill=(60, 60, 70))
        draw.text((310, y), f"{rng.random() * 40:5.2f}", font=font(24), fill=(60, 60, 70))
        y += 36
    return page


def identity_card(rng: Random) -> Image.Image:
    """Pastel ground with guilloche, a head line, a portrait and rows of names and values."""
    width, height = 860, 542
    colour = between(rng, (190, 195, 195), (235, 240, 245))
    ground = np.array(textured(rng, (width, height), colour, 0.12, 1.8))
    y, x = np.mgrid[0:height, 0:width]
    ground = (ground + 5 * np.sin(x / 9 + 6 * np.sin(y / 60))[..., None]).clip(0, 255).astype(np.uint8)
    card = Image.fromarray(ground)
    draw = ImageDraw.Draw(card)
    draw.text((40, 22), "BUNDESREPUBLIK " + sentence(rng, 2).upper(), font=font(32), fill=(40, 50, 90))
    draw.rectangle((40, 110, 270, 410), fill=between(rng, (150, 150, 150), (200, 200, 200)))
    draw.ellipse((95, 160, 215, 330), fill=between(rng, (150, 110, 90), (230, 190, 170)))
    draw.ellipse((90, 140, 220, 215), fill=between(rng, (20, 15, 10), (120, 90, 60)))
    for row in range(7):
        top = 105 + row * 54
        draw.text((310, top), sentence(rng, 2), font=font(15), fill=(90, 95, 110))
        draw.text((310, top + 18), sentence(rng, 2).upper(), font=font(27), fill=(25, 25, 30))
    for row in range(2):
        code = "".join(rng.choice(list("ABDEKMNPRSTU0123456789<<<<"), 34))
        draw.text((40, 440 + row * 44), code, font=font(33), fill=(30, 30, 35))
    return card


def screenshot(rng: Random) -> Image.Image:
    """A letter or table on a telephone's screen, by day or by night."""
    is_dark = rng.random() < 0.35
    paper, ink = ((24, 26, 30), (225, 225, 228)) if is_dark else ((252, 252, 252), (30, 30, 34))
    page = Image.new("RGB", (720, int(rng.integers(1180, 1560))), paper)
    draw, y, size = ImageDraw.Draw(page), 20, int(rng.integers(24, 32))
    draw.text((30, y), "07:42", font=font(26), fill=ink)
    y += 90
    draw.text((36, y), sentence(rng, 3), font=font(size * 1.4), fill=ink)
    y += size * 3
    while y < page.height - 120:
        for _ in range(int(rng.integers(2, 7))):
            draw.text((36, y), sentence(rng, 5), font=font(size), fill=ink)
            y += int(size * 1.45)
        y += size
    return page


def ground_for(rng: Random, size: tuple[int, int]) -> Image.Image:
    """A table, a blanket, a stone floor: what papers lie on when they are photographed."""
    low, high = (40, 30, 20), (200, 170, 150)
    ground = np.array(textured(rng, size, between(rng, low, high), 0.6, float(rng.uniform(1.0, 2.0))), dtype=float)
    if rng.random() < 0.5:  # grain of wood
        grain = noise(rng, size[0], 1, 1.0)[0][None, :, None] - 0.5
        ground *= 1 + 0.35 * grain
    return Image.fromarray(ground.clip(0, 255).astype(np.uint8))


def photographed(rng: Random, page: Image.Image) -> Image.Image:
    """The page at an angle on a ground, seen a little from the side, in a light that falls off."""
    is_upright = page.height > page.width
    size = (720, 960) if is_upright else (960, 720)
    scene = ground_for(rng, size)
    fill = float(rng.uniform(0.72, 1.1))
    scale = min(size[0] * fill / page.width, size[1] * fill / page.height)
    sheet = page.resize((round(page.width * scale), round(page.height * scale)), Image.Resampling.LANCZOS)
    sheet = seen_from_the_side(rng, sheet.convert("RGBA"))
    sheet = sheet.rotate(float(rng.uniform(-24, 24)), Image.Resampling.BICUBIC, expand=True)
    at = tuple((whole - part) // 2 + int(rng.integers(-40, 41)) for whole, part in zip(size, sheet.size, strict=True))
    scene.paste(sheet, (at[0], at[1]), sheet)
    return scene


def seen_from_the_side(rng: Random, sheet: Image.Image) -> Image.Image:
    width, height = sheet.size
    d = rng.uniform(0, 0.08, 8) * np.tile((width, height), 4)
    corners = [(d[0], d[1]), (width - d[2], d[3]), (width - d[4], height - d[5]), (d[6], height - d[7])]
    rows, values = [], []
    for (x, y), (u, v) in zip(corners, [(0, 0), (width, 0), (width, height), (0, height)], strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    coefficients = np.linalg.solve(np.array(rows, dtype=float), np.array(values, dtype=float))
    return sheet.transform(sheet.size, Image.Transform.PERSPECTIVE, list(coefficients), Image.Resampling.BICUBIC)


# --- photos -----------------------------------------------------------------------------------------------------


def landscape(rng: Random) -> Image.Image:
    width, height = 800, 600
    sky = np.linspace(0, 1, height)[:, None, None] * np.array([60, 40, 10]) + between(
        rng, (90, 130, 180), (180, 210, 250)
    )
    pixels = np.broadcast_to(sky, (height, width, 3)).copy()
    for layer in range(4):
        line = height * (0.35 + 0.15 * layer) + 90 * (noise(rng, width, 1, 1.8)[0] - 0.5)
        mask = np.arange(height)[:, None] > line[None, :]
        ground = np.array(between(rng, (20, 50, 15), (110, 140, 70))) * (
            0.6 + 0.8 * noise(rng, width, height, 0.9)[..., None]
        )
        pixels[mask] = ground[mask]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def snow(rng: Random) -> Image.Image:
    width, height = 800, 600
    pixels = 205 + 50 * (noise(rng, width, height, 1.4)[..., None] - 0.3) + np.array([0, 3, 9])
    scene = Image.fromarray(np.broadcast_to(pixels, (height, width, 3)).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(scene)
    for _ in range(int(rng.integers(3, 30))):  # bare trees
        x, foot, tall = rng.integers(0, width), rng.integers(250, 560), rng.integers(60, 320)
        draw.line((x, foot, x + rng.integers(-12, 12), foot - tall), fill=(50, 45, 45), width=int(rng.integers(2, 9)))
        for _ in range(int(rng.integers(4, 14))):
            y = foot - rng.random() * tall
            draw.line((x, y, x + rng.integers(-60, 60), y - rng.integers(5, 50)), fill=(70, 62, 60), width=2)
    return scene


def sky(rng: Random) -> Image.Image:
    clouds = noise(rng, 800, 600, float(rng.uniform(1.4, 2.2)))[..., None]
    blue = np.array(between(rng, (60, 110, 190), (150, 180, 240)))
    return Image.fromarray((blue * (1 - clouds) + 250 * clouds).clip(0, 255).astype(np.uint8))


def face(rng: Random) -> Image.Image:
    scene = textured(rng, (600, 800), between(rng, (30, 30, 30), (220, 220, 220)), 0.8, 2.0)
    scene = scene.filter(ImageFilter.GaussianBlur(6))
    draw, skin = ImageDraw.Draw(scene), between(rng, (90, 60, 45), (240, 200, 180))
    draw.ellipse((60, 560, 540, 1100), fill=between(rng, (20, 20, 20), (250, 250, 250)))
    draw.ellipse((130, 60, 470, 420), fill=between(rng, (15, 10, 5), (200, 160, 90)))
    draw.ellipse((170, 150, 430, 590), fill=skin)
    for x in (240, 360):
        draw.ellipse((x - 30, 320, x + 30, 348), fill=(245, 245, 245))
        draw.ellipse((x - 13, 320, x + 13, 346), fill=(50, 35, 25))
        draw.line((x - 36, 295, x + 36, 290), fill=(40, 28, 20), width=9)
    draw.arc((240, 430, 360, 510), 15, 165, fill=(150, 60, 60), width=10)
    return scene.filter(ImageFilter.GaussianBlur(2))


def sign(rng: Random) -> Image.Image:
    """A place-name sign before a landscape: words, but few and large."""
    scene = landscape(rng)
    board = Image.new("RGB", (460, 260), between(rng, (220, 180, 20), (255, 215, 60)))
    draw = ImageDraw.Draw(board)
    draw.rectangle((6, 6, 453, 253), outline=(20, 20, 20), width=6)
    draw.text((40, 50), str(rng.choice(WORDS)), font=font(70), fill=(15, 15, 15))
    draw.text((40, 160), str(rng.choice(WORDS)), font=font(48), fill=(15, 15, 15))
    scene.paste(board.rotate(float(rng.uniform(-5, 5)), expand=True), (int(rng.integers(20, 300)), 150))
    return scene


def caption(rng: Random) -> Image.Image:
    """A picture with a saying under it, as families forward them."""
    scene = rng.choice([landscape, sky, face])(rng).resize((800, 800))  # type: ignore[arg-type]
    draw = ImageDraw.Draw(scene)
    for row in range(int(rng.integers(1, 4))):
        draw.text(
            (60, 560 + row * 75), sentence(rng, 3), font=font(58), fill="white", stroke_width=4, stroke_fill="black"
        )
    return scene


def wall(rng: Random) -> Image.Image:
    """Bricks, or windows of a high-rise: rows without words."""
    high, wide = int(rng.integers(24, 70)), int(rng.integers(60, 140))
    scene = Image.new("RGB", (800, 600), between(rng, (150, 145, 140), (215, 210, 205)))
    draw, is_brick = ImageDraw.Draw(scene), rng.random() < 0.5
    for row, y in enumerate(range(-high, 620, high)):
        for x in range(-wide, 820, wide):
            left = x + (wide // 2 if is_brick and row % 2 else 0)
            gap = 4 if is_brick else wide // 4
            fill = (
                between(rng, (110, 45, 35), (190, 90, 70)) if is_brick else between(rng, (30, 40, 50), (120, 140, 160))
            )
            draw.rectangle((left, y, left + wide - gap, y + high - (4 if is_brick else high // 3)), fill=fill)
    return mixed(rng, scene.rotate(float(rng.uniform(-8, 8)), expand=False))


def stripes(rng: Random) -> Image.Image:
    """Blinds, water, a ploughed field: lines in one direction only."""
    y, x = np.mgrid[0:600, 0:800]
    turn = float(rng.uniform(-0.5, 0.5))
    bend = 30 * noise(rng, 800, 600, 2.0)
    wave = np.sin((y * np.cos(turn) + x * np.sin(turn) + bend) * 2 * np.pi / float(rng.uniform(12, 50)))
    colour = np.array(between(rng, (60, 80, 90), (200, 210, 220)) if rng.random() < 0.5 else (215, 215, 210))
    return mixed(rng, Image.fromarray((colour * (0.85 + 0.2 * wave[..., None])).clip(0, 255).astype(np.uint8)))


def leaves(rng: Random) -> Image.Image:
    """Leaves, gravel, fur: fine structure without order; half of them grey."""
    colour = between(rng, (40, 60, 20), (220, 200, 190)) if rng.random() < 0.5 else (int(rng.integers(110, 230)),) * 3
    return textured(rng, (800, 600), colour, 2.0, float(rng.uniform(0.4, 1.1)))


def night(rng: Random) -> Image.Image:
    scene = textured(rng, (800, 600), (18, 18, 26), 0.9, 1.6)
    draw = ImageDraw.Draw(scene)
    for _ in range(int(rng.integers(30, 260))):
        x, y, r = rng.integers(0, 800), rng.integers(60, 600), rng.integers(1, 9)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=between(rng, (180, 140, 60), (255, 255, 220)))
    return scene


def white_things(rng: Random) -> Image.Image:
    """Plates, a cake, washing, a white room: bright, hardly any colour, few edges."""
    scene = textured(rng, (800, 600), between(rng, (200, 200, 196), (245, 245, 245)), 0.12, 2.0)
    draw = ImageDraw.Draw(scene)
    for _ in range(int(rng.integers(2, 12))):
        x, y, r = rng.integers(0, 700), rng.integers(0, 500), rng.integers(30, 190)
        draw.ellipse(
            (x, y, x + r * 2, y + r), fill=between(rng, (180, 175, 170), (255, 255, 255)), outline=(150, 148, 145)
        )
    return scene.filter(ImageFilter.GaussianBlur(1.5))


def drawing(rng: Random) -> Image.Image:
    """A child's drawing on white paper: lines of colour, no rows."""
    scene = Image.new("RGB", (800, 600), (250, 249, 245))
    draw = ImageDraw.Draw(scene)
    for _ in range(int(rng.integers(10, 40))):
        points = [(int(p[0]), int(p[1])) for p in rng.integers(0, (800, 600), (int(rng.integers(2, 6)), 2))]
        draw.line(
            points, fill=between(rng, (20, 20, 20), (255, 220, 220)), width=int(rng.integers(3, 14)), joint="curve"
        )
    return scene


def mixed(rng: Random, scene: Image.Image) -> Image.Image:
    ground = textured(rng, scene.size, (230, 230, 230), 0.5, 1.3)
    return Image.fromarray((np.array(scene, dtype=float) * np.array(ground) / 235).clip(0, 255).astype(np.uint8))


PAPERS: dict[str, Callable[[Random], Image.Image]] = {
    "letter": letter,
    "form": form,
    "receipt": receipt,
    "identity card": identity_card,
    "screenshot": screenshot,
}
PHOTOS: dict[str, Callable[[Random], Image.Image]] = {
    "landscape": landscape,
    "snow": snow,
    "sky": sky,
    "face": face,
    "sign": sign,
    "caption": caption,
    "wall": wall,
    "stripes": stripes,
    "leaves": leaves,
    "night": night,
    "white things": white_things,
    "drawing": drawing,
}


def small(kind: str, number: int) -> Pixels:
    """Picture `number` of a kind as the desk would have it at 320 pixels: light, noise and compression included."""
    rng = np.random.default_rng([number, *kind.encode()])
    if kind in PAPERS:
        scene = PAPERS[kind](rng)
        if kind != "screenshot":
            scene = photographed(rng, scene)
    else:
        scene = PHOTOS[kind](rng)
    if kind != "screenshot":
        scene = lit(rng, scene)
    scene.thumbnail((EDGE_PX, EDGE_PX), Image.Resampling.LANCZOS)
    return np.asarray(scene, dtype=np.uint8)


def lit(rng: Random, scene: Image.Image) -> Image.Image:
    """Light from one side, a warm or cold lamp, a soft lens, grain."""
    scene.thumbnail((640, 640), Image.Resampling.BILINEAR)
    scene = scene.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.0))))
    height, width = scene.height, scene.width
    y, x = np.mgrid[0:height, 0:width]
    across, down = rng.uniform(-0.35, 0.35, 2)
    light = float(rng.uniform(0.75, 1.0)) * (1 + across * (x / width - 0.5) + down * (y / height - 0.5))
    lamp = 1 + np.array([1, 0, -1]) * float(rng.uniform(-0.03, 0.09))
    grain = rng.normal(0, float(rng.uniform(2, 9)), (height, width, 1))
    pixels = np.array(scene.convert("RGB"), dtype=float) * light[..., None] * lamp + grain
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
