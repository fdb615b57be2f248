"""Which renditions there are, as data: kind, profile, form, version. Raising a version makes older ones missing.

A rendition is known by the hash of its original, its profile and its recipe version. How each is made stands in
`audio`, `images` and `video`; which of them a stored original still lacks is answered by `missing`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Recipe:
    """One wanted form. Not wanted if the facts carry a flag in `not_if`, or lack one in `only_if`."""

    profile: str
    mime: str
    extension: str
    version: int
    not_if: frozenset[str] = frozenset()
    only_if: frozenset[str] = frozenset()

    def is_wanted(self, flags: Collection[str]) -> bool:
        return self.not_if.isdisjoint(flags) and self.only_if <= set(flags)


@dataclass(frozen=True)
class PictureForm:
    """A picture's edge and encoding. 1920 as the largest lets phones' 12 and 48 MP decode at half scale."""

    longest_edge_px: int
    encoder: str
    options: Mapping[str, int | bool]


@dataclass(frozen=True)
class Made:
    """A finished file, ready to be kept. It lies in the working directory until `publish` returns."""

    profile: str
    path: Path
    mime: str
    extension: str
    bytes: int
    sha256: str
    recipe_version: int
    duration_s: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None


Publish = Callable[[Made], None]

NO_SOUND = frozenset({"no_sound", "sound_damaged"})
SILENT = frozenset({"silent"})

PREVIEW = Recipe("preview", "audio/mpeg", "mp3", 1, not_if=NO_SOUND)
PEAKS = Recipe("peaks", "application/json", "json", 1, not_if=NO_SOUND)
BROADCAST = Recipe("broadcast", "audio/wav", "wav", 1, not_if=NO_SOUND | SILENT)
CUT = Recipe("cut", "audio/wav", "wav", 1)
THUMB = Recipe("thumb", "image/webp", "webp", 1)
CARD = Recipe("card", "image/webp", "webp", 1)
LARGE = Recipe("large", "image/jpeg", "jpg", 1)
PLAYABLE = Recipe("playable", "video/mp4", "mp4", 1)
POSTER = Recipe("poster", "image/jpeg", "jpg", 1)
STILL = Recipe("still", "image/webp", "webp", 1)
ANIMATION = Recipe("animation", "image/webp", "webp", 1, only_if=frozenset({"animated"}))

SOUND = (PREVIEW, PEAKS, BROADCAST)
RECIPES: Mapping[str, tuple[Recipe, ...]] = {
    "voice": SOUND,
    "audio": SOUND,
    "image": (THUMB, CARD, LARGE),
    "video": (PLAYABLE, POSTER, *SOUND),
    "sticker": (STILL, ANIMATION),
    "document": (),
}

_WEBP = {"quality": 80, "method": 4}
PICTURE_FORMS: Mapping[str, PictureForm] = {
    "thumb": PictureForm(320, "WEBP", _WEBP),
    "card": PictureForm(1280, "WEBP", _WEBP),
    "large": PictureForm(1920, "JPEG", {"quality": 82, "progressive": True, "optimize": True}),
    "still": PictureForm(512, "WEBP", _WEBP),
    "animation": PictureForm(512, "WEBP", {"quality": 75, "method": 2}),
}


def missing(kind: str, present: Mapping[str, int], flags: Collection[str] = ()) -> tuple[str, ...]:
    """Profiles that an original of this kind still needs: wanted minus present in at least the current version."""
    return tuple(
        recipe.profile
        for recipe in RECIPES[kind]
        if recipe.is_wanted(flags) and present.get(recipe.profile, 0) < recipe.version
    )


def describe(
    recipe: Recipe,
    path: Path,
    *,
    duration_s: float | None = None,
    width_px: int | None = None,
    height_px: int | None = None,
    loudness_lufs: float | None = None,
    true_peak_dbtp: float | None = None,
) -> Made:
    """Hash a finished file and say what it is."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Made(
        recipe.profile,
        path,
        recipe.mime,
        recipe.extension,
        path.stat().st_size,
        digest,
        recipe.version,
        duration_s,
        width_px,
        height_px,
        loudness_lufs,
        true_peak_dbtp,
    )
