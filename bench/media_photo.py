"""A photo of 12 MP to its four sizes, against bare Pillow with draft mode and against libvips, doing the same.

The bare sides decode at half scale and save the same four files with the same settings, and no more. Ours adds the
confined process, orientation, colours, hashes and the private folder. A batch is measured, because the process serves
many pictures: its start is paid once a batch, and it ends with it so that its CPU time is counted. The most memory it
held is what the kernel says of the largest child.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from bench._cpu import compared
from bench.figures import judge
from media_store import images, pipeline
from media_store.recipes import PICTURE_FORMS, Made

try:
    import pyvips
except ImportError:  # no wheel is published of it: `.venv/bin/pip install "pyvips[binary]"` builds it
    pyvips = None

BATCH = 20
ROUNDS = 5
LIMIT = 1.1
VIPS_LIMIT = 1.3
MEMORY_LIMIT_MB = 100.0
FORMS = ("large", "web", "card", "thumb")


def run() -> list[dict[str, Any]]:
    """Ratios of CPU seconds for a photo, and the memory it takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo = make_photo(folder)
        digest = hashlib.sha256(photo.read_bytes()).hexdigest()
        images.close_child()

        def ours() -> None:
            our_batch(photo, digest, folder)

        bare_s, ours_s = compared(lambda: bare_batch(photo, folder), ours, ROUNDS)
        memory_mb = child_memory_mb(photo, digest, folder)
        vips = compared(lambda: vips_batch(photo, folder), ours, ROUNDS) if pyvips else None
    name = "photo 12 MP, original to all sizes"
    rows = [
        judge(name, ours_s / BATCH, "CPU s", bare=bare_s / BATCH, limit=LIMIT),
        judge(f"{name}, memory of the child", memory_mb, "MB", limit=MEMORY_LIMIT_MB),
    ]
    if vips is not None:
        vips_s, again_s = vips
        rows.append(judge(f"{name}, against libvips", again_s / BATCH, "CPU s", bare=vips_s / BATCH, limit=VIPS_LIMIT))
    return [asdict(row) for row in rows]


def make_photo(folder: Path) -> Path:
    """Soft shapes with sensor noise, 4032 x 3024, lying on its side as telephones store them."""
    rng = np.random.default_rng(12)
    y, x = np.mgrid[0:3024, 0:4032]
    shapes = [128 + 100 * np.sin(x / 90) * np.cos(y / 70), 128 + 90 * np.cos(x / 200 + y / 150), x * 255 / 4032]
    pixels = np.stack(shapes, axis=-1) + rng.normal(0, 6, (3024, 4032, 1))
    photo, tags = folder / "photo.jpg", Image.Exif()
    tags[0x0112] = 6
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(photo, quality=90, exif=tags)
    return photo


def bare_batch(photo: Path, folder: Path) -> None:
    for _ in range(BATCH):
        with Image.open(photo) as picture:
            picture.draft("RGB", (1920, 1440))
            current = picture.resize((1920, 1440), Image.Resampling.LANCZOS)
            current = current.transpose(Image.Transpose.ROTATE_270)
        for profile in FORMS:
            form, sized = PICTURE_FORMS[profile], current
            if max(current.size) > form.longest_edge_px:
                size = (form.longest_edge_px * 3 // 4, form.longest_edge_px)
                sized = current.resize(size, Image.Resampling.LANCZOS)
            if profile != "web":  # too near the next size to make it from
                current = sized
            sized.save(folder / f"bare-{profile}", format=form.encoder, **form.options)


def vips_batch(photo: Path, folder: Path) -> None:
    """The same sizes from the same larger ones: libvips decodes small, turns and scales by itself."""
    for _ in range(BATCH):
        whole = pyvips.Image.thumbnail(str(photo), 1920, height=1920, size="down").copy_memory()
        current = whole
        for profile in FORMS:
            form, sized = PICTURE_FORMS[profile], current
            if profile != "large":
                sized = current.thumbnail_image(form.longest_edge_px, height=form.longest_edge_px).copy_memory()
            if profile != "web":
                current = sized
            out, quality = str(folder / f"vips-{profile}"), form.options["quality"]
            if form.encoder == "WEBP":
                sized.webpsave(out, Q=quality, effort=form.options["method"], keep="none")
            else:
                sized.jpegsave(out, Q=quality, interlace=True, optimize_coding=True, keep="none")


def child_memory_mb(photo: Path, digest: str, folder: Path) -> float:
    """The most the process that reads pictures held; asked of itself while it lives, for a fork counts its parent."""
    our_photos(photo, digest, folder)
    (child,) = psutil.Process().children()
    status = Path(f"/proc/{child.pid}/status").read_text(encoding="ascii")
    images.close_child()
    return float(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024 / 1e6


def our_batch(photo: Path, digest: str, folder: Path) -> None:
    our_photos(photo, digest, folder)
    images.close_child()


def our_photos(photo: Path, digest: str, folder: Path) -> None:
    labels = pipeline.BroadcastLabels("", "", "", "", datetime(2026, 11, 21, tzinfo=UTC))
    for _ in range(BATCH):
        made: list[Made] = []
        facts = pipeline.make_renditions(
            photo,
            declared_kind="image",
            is_voice=False,
            work_dir=folder,
            target=pipeline.AudioTarget(),
            labels=labels,
            publish=made.append,
            original_sha256=digest,
        )
        if len(made) != len(FORMS) or (facts.width_px, facts.height_px) != (3024, 4032):
            raise RuntimeError("not the work that is compared")
