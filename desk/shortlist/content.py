"""What of a card would go to air, and the hash that stands for it: its sound, or the words to be read out.

Sound is the `broadcast` rendition of the message's file; its content hash is what a vetting names. A message without
sound is read out by the presenter; there the hash covers the words and the originals of its pictures. Which rendition
exists is the room media's matter.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk.media.models import Asset, Rendition
from desk.media.rules import ON_THE_WAY
from media_store.delivery import FORMATS

AIR_PROFILE = "broadcast"
HEARABLE = ("preview", "broadcast", "playable")  # what a producer may listen to in order to vet
SOUNDING = ("voice", "audio", "video")


@dataclass(frozen=True)
class Content:
    """`sha256` None: not ready. `asset` None: read out. `renditions` by profile, those of its present original.

    `pictures` are hashes under which a page may name something that is read out: its words came with these files.
    """

    sha256: str | None
    asset: Asset | None
    renditions: Mapping[str, Rendition]
    pictures: frozenset[str] = frozenset()

    @property
    def is_sound(self) -> bool:
        return self.asset is not None

    def is_named_by(self, sha256: str) -> bool:
        """Whether a page that shows or plays these bytes means the present content."""
        heard = {made.sha256 for profile, made in self.renditions.items() if profile in HEARABLE}
        return self.sha256 is not None and sha256 in {self.sha256} | heard | self.pictures

    @property
    def duration_s(self) -> float | None:
        if self.asset is None:
            return None
        made = self.renditions.get(AIR_PROFILE)
        return made.duration_s if made is not None and made.duration_s else self.asset.duration_s

    @property
    def air_span_s(self) -> tuple[float, float] | None:
        """Where in the whole sound, as the other forms hold it, the air copy lies; None while there is none."""
        made = self.renditions.get(AIR_PROFILE)
        if made is None or made.duration_s is None:
            return None
        return made.begins_s, made.begins_s + made.duration_s

    @property
    def formats(self) -> tuple[str, ...]:
        """Further formats the station takes of exactly this copy for air; one made under other wishes is none of it."""
        air = self.renditions.get(AIR_PROFILE)
        return tuple(
            profile
            for profile in FORMATS
            if air is not None and profile in self.renditions and self.renditions[profile].settings == air.settings
        )

    @property
    def peaks(self) -> str | None:
        """56 bars, one byte each, in base64."""
        if self.asset is None or self.asset.peaks is None:
            return None
        return base64.b64encode(self.asset.peaks).decode()

    @property
    def air_peaks(self) -> str | None:
        """Those of the bars that lie in the air copy: what the studio plays is what it draws."""
        if self.asset is None or self.asset.peaks is None or self.air_span_s is None or not self.asset.duration_s:
            return self.peaks
        bars = self.asset.peaks
        first, until = (at_s / self.asset.duration_s * len(bars) for at_s in self.air_span_s)
        first_bar = min(int(first), len(bars) - 1)
        return base64.b64encode(bars[first_bar : max(first_bar + 1, round(until))]).decode()

    def media_json(self) -> dict[str, Any] | None:
        """The file as the headphone player of the pages takes it."""
        if self.asset is None:
            return None
        return {
            "id": self.asset.id,
            "kind": self.asset.kind,
            "state": self.asset.state,
            "duration_s": self.asset.duration_s or self.duration_s,
            "air_in_s": self.air_span_s[0] if self.air_span_s else None,
            "air_out_s": self.air_span_s[1] if self.air_span_s else None,
            "peaks": self.peaks,
            "loudness_lufs": self.asset.loudness_lufs,
            "profiles": {
                profile: {"mime": made.mime, "bytes": made.bytes, "sha256": made.sha256}
                for profile, made in self.renditions.items()
                if profile in HEARABLE
            },
        }


def content_of(text: str, assets: Sequence[Asset], renditions: Mapping[int, Mapping[str, Rendition]]) -> Content:
    """What would go to air of a message with this text and these files."""
    for asset in assets:
        if asset.kind not in SOUNDING:
            continue
        made = _present(asset, renditions.get(asset.id, {}))
        air = made.get(AIR_PROFILE)
        if air is not None:
            return Content(air.sha256, asset, made)
        if asset.state in ON_THE_WAY:
            return Content(None, asset, made)
    if any(asset.state in ON_THE_WAY for asset in assets):
        return Content(None, None, {})
    originals = [asset.original_sha256 or "" for asset in assets]
    pictures = {made.sha256 for asset in assets for made in _present(asset, renditions.get(asset.id, {})).values()}
    return Content(words_hash(text, originals), None, {}, frozenset(pictures | set(filter(None, originals))))


def _present(asset: Asset, renditions: Mapping[str, Rendition]) -> dict[str, Rendition]:
    """Renditions of the original as it is now; those of an earlier one are not of this content."""
    return {name: made for name, made in renditions.items() if made.original_sha256 == asset.original_sha256}


def words_hash(text: str, originals: Collection[str]) -> str:
    """Hash of a message that is read out: its words and the hashes of what came with it."""
    return hashlib.sha256("\n".join([text, *sorted(originals)]).encode()).hexdigest()


def list_contents(session: Session, texts: Mapping[int, str]) -> dict[int, Content]:
    """The content of each message, by message id; `texts` maps the id to its words. Two statements."""
    if not texts:
        return {}
    assets: dict[int, list[Asset]] = {message_id: [] for message_id in texts}
    for asset in session.execute(select(Asset).where(Asset.message_id.in_(texts)).order_by(Asset.id)).scalars():
        assets[asset.message_id].append(asset)
    ids = [asset.id for found in assets.values() for asset in found]
    made: dict[int, dict[str, Rendition]] = {}
    for rendition in session.execute(select(Rendition).where(Rendition.asset_id.in_(ids))).scalars():
        made.setdefault(rendition.asset_id, {})[rendition.profile] = rendition
    return {message_id: content_of(text, assets[message_id], made) for message_id, text in texts.items()}
