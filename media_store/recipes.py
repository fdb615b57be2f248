"""Which renditions there are, as data: kind, profile, form, version. Raising a version makes older ones missing.

A rendition is known by the hash of its original, its profile and its recipe version. How each is made stands in
`audio`, `images` and `video`; which of them a stored original still lacks is answered by `missing`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Recipe:
    """One wanted form. Not wanted if the facts carry a flag in `not_if`, or lack one in `only_if`.

    `is_extra`: made only for those who ask for it by its profile; costs nobody else anything.
    """

    profile: str
    mime: str
    extension: str
    version: int
    not_if: frozenset[str] = frozenset()
    only_if: frozenset[str] = frozenset()
    is_extra: bool = False

    def is_wanted(self, flags: Collection[str], wanted: Collection[str] = ()) -> bool:
        if self.is_extra and self.profile not in wanted:
            return False
        return self.not_if.isdisjoint(flags) and self.only_if <= set(flags)


@dataclass(frozen=True)
class PictureForm:
    """A picture's edge and encoding. 1920 as the largest lets phones' 12 and 48 MP decode at half scale."""

    longest_edge_px: int
    encoder: str
    options: Mapping[str, int | bool]


@dataclass(frozen=True)
class Made:
    """A finished file, ready to be kept. It lies in the working directory until `publish` returns.

    `settings` says which of the station's wishes shaped its bytes (`delivery`); empty if none did. `begins_s` is where
    in the original's sound it begins; what is whole begins at 0.
    """

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
    settings: str = ""
    begins_s: float = 0.0


Publish = Callable[[Made], None]

# What is measured of an original, all together. Raise it when a figure is new or comes out otherwise: then files are
# worked through again, even if every rendition is there.
FACTS_VERSION = 2  # 2: several voices

NO_SOUND = frozenset({"no_sound", "sound_damaged"})
SILENT = frozenset({"silent"})

PREVIEW = Recipe("preview", "audio/mpeg", "mp3", 1, not_if=NO_SOUND)
PEAKS = Recipe("peaks", "application/json", "json", 2, not_if=NO_SOUND)  # 2: a long sound's file stays small
PEAKS_FINE = Recipe("peaks_fine", "application/octet-stream", "dat", 1, not_if=NO_SOUND)
BROADCAST = Recipe("broadcast", "audio/wav", "wav", 1, not_if=NO_SOUND | SILENT)
FLAC = Recipe("flac", "audio/flac", "flac", 1, not_if=NO_SOUND | SILENT, is_extra=True)
MP3 = Recipe("mp3", "audio/mpeg", "mp3", 1, not_if=NO_SOUND | SILENT, is_extra=True)
MP2 = Recipe("mp2", "audio/wav", "wav", 1, not_if=NO_SOUND | SILENT, is_extra=True)
CUT = Recipe("cut", "audio/wav", "wav", 1)
THUMB = Recipe("thumb", "image/webp", "webp", 1)
CARD = Recipe("card", "image/webp", "webp", 1)
LARGE = Recipe("large", "image/jpeg", "jpg", 1)
WEB = Recipe("web", "image/jpeg", "jpg", 1)  # to be taken away for the station's site
PLAYABLE = Recipe("playable", "video/mp4", "mp4", 2)  # 2: nothing left in the pictures' own stream
POSTER = Recipe("poster", "image/jpeg", "jpg", 2)  # 2: not black
SCRUB = Recipe("scrub", "image/jpeg", "jpg", 1)
STILL = Recipe("still", "image/webp", "webp", 1)
ANIMATION = Recipe("animation", "image/webp", "webp", 1, only_if=frozenset({"animated"}), not_if=frozenset({"frozen"}))

HAND_OFFS = (FLAC, MP3, MP2)
SOUND = (PREVIEW, PEAKS, BROADCAST, PEAKS_FINE, *HAND_OFFS)
RECIPES: Mapping[str, tuple[Recipe, ...]] = {
    "voice": SOUND,
    "audio": SOUND,
    "image": (THUMB, CARD, LARGE, WEB, ANIMATION),
    "video": (PLAYABLE, POSTER, SCRUB, *SOUND),
    "sticker": (STILL, ANIMATION),
    "document": (),
}

_WEBP = {"quality": 80, "method": 4}
PICTURE_FORMS: Mapping[str, PictureForm] = {
    "thumb": PictureForm(320, "WEBP", _WEBP),
    "card": PictureForm(1280, "WEBP", _WEBP),
    "large": PictureForm(1920, "JPEG", {"quality": 82, "progressive": True, "optimize": True}),
    "web": PictureForm(1600, "JPEG", {"quality": 85, "progressive": True, "optimize": True}),
    "still": PictureForm(512, "WEBP", _WEBP),
    "animation": PictureForm(512, "WEBP", {"quality": 75, "method": 2}),
}


def missing(
    kind: str, present: Mapping[str, int], flags: Collection[str] = (), *, wanted: Collection[str] = ()
) -> tuple[str, ...]:
    """Profiles that an original of this kind still needs: wanted minus present in at least the current version.

    `wanted` are the extra profiles the station asks for. Leave out of `present` what was made under other wishes of
    the station: `up_to_date` does.
    """
    return tuple(
        recipe.profile
        for recipe in RECIPES[kind]
        if recipe.is_wanted(flags, wanted) and present.get(recipe.profile, 0) < recipe.version
    )


def up_to_date(made: Iterable[tuple[str, int, str]], settings: Mapping[str, str]) -> dict[str, int]:
    """Versions by profile of those renditions, given as (profile, version, settings), that follow these settings.

    `settings` by profile as `delivery.Delivery.settings` gives them; a profile that is not in it follows none.
    """
    return {profile: version for profile, version, made_by in made if made_by == settings.get(profile, "")}


def describe(
    recipe: Recipe,
    path: Path,
    *,
    duration_s: float | None = None,
    width_px: int | None = None,
    height_px: int | None = None,
    loudness_lufs: float | None = None,
    true_peak_dbtp: float | None = None,
    settings: str = "",
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
        settings,
    )
