"""A photo of 12 MP to its four sizes, against bare Pillow in one process doing the same with draft mode.

The bare side decodes at half scale and saves the same four files with the same settings, and no more. Ours adds the
confined process, orientation, colours, hashes and the private folder. A batch is measured, because the process serves
many pictures: its start is paid once a batch, and it ends with it so that its CPU time is counted.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench._cpu import compared
from bench.figures import judge
from media_store import images, pipeline
from media_store.recipes import PICTURE_FORMS, Made

BATCH = 20
ROUNDS = 3
LIMIT = 1.15
FORMS = ("large", "web", "card", "thumb")


def run() -> list[dict[str, Any]]:
    """One row: the ratio of CPU seconds for a photo."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo = make_photo(folder)
        digest = hashlib.sha256(photo.read_bytes()).hexdigest()
        images.close_child()
        bare_s, ours_s = compared(lambda: bare_batch(photo, folder), lambda: our_batch(photo, digest, folder), ROUNDS)
    name = "photo 12 MP, original to all sizes"
    return [asdict(judge(name, ours_s / BATCH, "CPU s", bare=bare_s / BATCH, limit=LIMIT))]


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


def our_batch(photo: Path, digest: str, folder: Path) -> None:
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
    images.close_child()
