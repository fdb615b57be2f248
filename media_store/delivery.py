"""What a station wants of every sound: its level, how the ends are cut, which further formats it takes.

Plain values with the names under which renditions remember them: two stations with the same wishes get the same bytes,
and a rendition made under other wishes is known by its `settings`. How a wish is met stands in `audio`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from media_store import recipes
from media_store.loudness import AudioTarget

FORMATS = tuple(recipe.profile for recipe in recipes.HAND_OFFS)
LONGEST_HANDLE_MS = 5_000
HIGHEST_LUFS, LOWEST_LUFS = -9.0, -31.0
HIGHEST_DBTP, LOWEST_DBTP = -1.0, -9.0


@dataclass(frozen=True)
class Handles:
    """How much of the quiet is kept before the first and after the last sound of the air copy."""

    before_ms: int = 250
    after_ms: int = 500


@dataclass(frozen=True)
class Delivery:
    """A station's wishes. `handles` None: the air copy is as long as the original. `formats`: extra profiles."""

    target: AudioTarget = field(default_factory=AudioTarget)
    handles: Handles | None = Handles()
    formats: frozenset[str] = frozenset()

    def settings(self) -> Mapping[str, str]:
        """By profile: which wishes shaped its bytes, short and readable."""
        level = f"{self.target.loudness_lufs:g}LUFS {self.target.true_peak_dbtp:g}dBTP"
        ends = "whole" if self.handles is None else f"{self.handles.before_ms}+{self.handles.after_ms}ms"
        # the ends shape the level too: what is cut off is not measured
        return {recipe.profile: f"{level} {ends}" for recipe in recipes.SOUND}


def extra_profiles(names: Collection[str]) -> frozenset[str]:
    """Those of `names` that are formats we make."""
    return frozenset(names) & frozenset(FORMATS)
