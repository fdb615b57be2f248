"""Reads about assets: what a card shows of a file, and which object an address of the media room means.

A failure is a code on the asset; its sentence is an English message id that the page translates
(`reason_text` with `reason_facts`), since one event goes to people of several languages.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Select, bindparam, select
from sqlalchemy.orm import Session

from desk import clock
from desk.channels import contract
from desk.errors import NotFound
from desk.media import rules
from desk.media.models import Asset, Rendition, Transcript
from media_store import errors as media_errors
from media_store.quality import remarks

ORIGINAL = "original"
PLACES = ("cue_in_s", "cue_out_s", "air_in_s", "air_out_s")  # seconds of the original; None for what has no sound


def _channel_messages(kind: type[contract.MediaError] = contract.MediaError) -> dict[str, str]:
    found = {kind.code: kind.message}
    for narrower in kind.__subclasses__():
        found |= _channel_messages(narrower)
    return found


STOPPED = "media.stopped"
BROKE_OFF = "The work on this file broke off each time, so it was given up. The original is kept."
OF_BLOCKED = {
    rules.LEFT: "The sender is blocked. The file stays with the provider until that ends.",
    rules.FORGOTTEN: "The sender was blocked when this file came, and the provider did not keep it. Ask for it again.",
}
REASONS: Mapping[str, str] = {**_channel_messages(), **media_errors.MESSAGES, **OF_BLOCKED, STOPPED: BROKE_OFF}
UNKNOWN_REASON = "The file could not be made usable. The operators see why."


def reason_text(code: str | None) -> str | None:
    """The English sentence for a failure's code; None if there is no failure."""
    return None if code is None else REASONS.get(code, UNKNOWN_REASON)


def level_note(facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """Why a sound is not at the station's level: code, English sentence and its figures; None if it is."""
    note = facts.get("level_note")
    text = None if note is None else media_errors.LEVEL_NOTES.get(note["code"])
    return None if note is None or text is None else {"code": note["code"], "text": text, "facts": note["facts"]}


@dataclass(frozen=True)
class ProfileView:
    """One stored form of a file: the original or a rendition."""

    name: str
    mime: str
    bytes: int
    sha256: str
    key: str

    def as_json(self) -> dict[str, Any]:
        return {"mime": self.mime, "bytes": self.bytes, "sha256": self.sha256}


@dataclass(frozen=True)
class AssetView:
    """A file as a card shows it. `peaks`: 56 bars, one byte each; None until measured."""

    id: int
    message_id: int
    kind: str
    state: str
    reason: str | None
    reason_facts: Mapping[str, Any]
    retry_at: datetime | None
    progress: int | None
    duration_s: float | None
    peaks: bytes | None
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    flags: tuple[str, ...]
    facts: Mapping[str, Any]
    width_px: int | None
    height_px: int | None
    file_name: str | None
    profiles: Mapping[str, ProfileView]
    scrub: Mapping[str, int] | None = None
    transcript: Transcript | None = None
    is_covered: bool | None = None

    @property
    def cover(self) -> str | None:
        """Why it lies covered on screens; None if it does not."""
        is_sensitive, is_document = (self.facts.get(mark) is True for mark in ("sensitive", "document_like"))
        return rules.cover_of(self.is_covered, is_sensitive=is_sensitive, is_document=is_document)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            "state": self.state,
            "reason": self.reason,
            "reason_text": reason_text(self.reason),
            "reason_facts": dict(self.reason_facts),
            "may_retry": self.state == "failed" and rules.may_retry(self.reason, is_stored=ORIGINAL in self.profiles),
            "retry_at": clock.iso(self.retry_at),
            "progress": self.progress,
            "duration_s": self.duration_s,
            "peaks": base64.b64encode(self.peaks).decode() if self.peaks else None,
            "loudness_lufs": self.loudness_lufs,
            "true_peak_dbtp": self.true_peak_dbtp,
            "flags": list(self.flags),
            "quality": remarks(self.flags, self.facts.get("flag_figures") or {}),
            "voice_kind": self.facts.get("voice_kind"),
            "transcript": self._transcript(),
            **{name: self.facts.get(name) for name in ("gain_db", *PLACES)},
            "level_note": level_note(self.facts),
            "width_px": self.width_px,
            "height_px": self.height_px,
            "file_name": self.file_name,
            "scrub": dict(self.scrub) if self.scrub else None,
            "blurhash": self.facts.get("blurhash"),
            "document_like": bool(self.facts.get("document_like")),
            "sensitive": self.facts.get("sensitive"),
            "cover": self.cover,
            "profiles": {name: profile.as_json() for name, profile in self.profiles.items()},
        }

    def _transcript(self) -> dict[str, Any] | None:
        """None for what has no voice; 'off' where nobody asked for the words."""
        if self.kind not in ("voice", "audio"):
            return None
        said = self.transcript
        if said is None:
            return {"state": "off", "language": None, "text": "", "words": []}
        return {"state": said.state, "language": said.language, "text": said.text, "words": list(said.words)}


# asked with every change of a card: made once, because building a statement costs more than running it
_ids: BindParameter[Any] = bindparam("ids", expanding=True)
_ASSETS = (
    select(Asset, Transcript)
    .outerjoin(Transcript, Transcript.asset_id == Asset.id)
    .where(Asset.message_id.in_(_ids))
    .order_by(Asset.id)
)
_RENDITIONS = select(Rendition).where(Rendition.asset_id.in_(_ids))


def list_assets(session: Session, message_ids: Sequence[int]) -> dict[int, list[AssetView]]:
    """The files of these messages, in the order they were sent; messages without files are left out.

    Two statements.
    """
    if not message_ids:
        return {}
    rows = session.execute(_ASSETS, {"ids": message_ids}).all()
    renditions: dict[int, list[Rendition]] = {}
    if rows:
        ids = [row.Asset.id for row in rows]
        for rendition in session.execute(_RENDITIONS, {"ids": ids}).scalars():
            renditions.setdefault(rendition.asset_id, []).append(rendition)
    found: dict[int, list[AssetView]] = {}
    for asset, said in rows:
        view = view_asset(asset, renditions.get(asset.id, []), said)
        found.setdefault(asset.message_id, []).append(view)
    return found


def being_made(station_id: int) -> Select[int]:
    """Ids of the messages of which a file is being fetched or worked on; not those that wait for another attempt."""
    of_station = select(Asset.message_id).where(Asset.station_id == station_id, Asset.state.in_(rules.ON_THE_WAY))
    return of_station.where(Asset.retry_at.is_(None))


def view_asset(asset: Asset, renditions: Sequence[Rendition], transcript: Transcript | None = None) -> AssetView:
    return AssetView(
        id=asset.id,
        message_id=asset.message_id,
        kind=asset.kind,
        state=asset.state,
        reason=asset.reason,
        reason_facts=asset.facts.get("reason_facts") or {},
        retry_at=asset.retry_at,
        progress=asset.progress_percent,
        duration_s=asset.duration_s,
        peaks=asset.peaks,
        loudness_lufs=asset.loudness_lufs,
        true_peak_dbtp=asset.true_peak_dbtp,
        flags=tuple(asset.facts.get("flags") or ()),
        facts=asset.facts,
        width_px=asset.width_px,
        height_px=asset.height_px,
        file_name=asset.file_name,
        profiles=_profiles(asset, renditions),
        scrub=asset.facts.get("scrub"),
        transcript=transcript,
        is_covered=asset.is_covered,
    )


def _profiles(asset: Asset, renditions: Sequence[Rendition]) -> dict[str, ProfileView]:
    profiles = {one.profile: ProfileView(one.profile, one.mime, one.bytes, one.sha256, one.key) for one in renditions}
    if asset.original_key is not None and asset.original_sha256 is not None:
        profiles[ORIGINAL] = ProfileView(
            ORIGINAL, asset.original_mime or "", asset.original_bytes or 0, asset.original_sha256, asset.original_key
        )
    return profiles


def load_asset(session: Session, station_id: int, asset_id: int) -> Asset:
    """An asset of this station. Raises NotFound, also for another station's."""
    asset = session.execute(
        select(Asset).where(Asset.id == asset_id, Asset.station_id == station_id)
    ).scalar_one_or_none()
    if asset is None:
        raise NotFound(code="media.no_asset")
    return asset


# (session, message_id, at) -> whether its files may be seen by nobody now; rooms above add theirs in `follows`
is_hidden: list[Callable[[Session, int, datetime], bool]] = []


def load_shown_asset(session: Session, station_id: int, asset_id: int, *, at: datetime) -> Asset:
    """An asset that may be shown at this moment. Raises NotFound, also for what was withdrawn."""
    asset = load_asset(session, station_id, asset_id)
    if any(hides(session, asset.message_id, at) for hides in is_hidden):
        raise NotFound(code="media.no_asset")
    return asset


def load_profile(session: Session, asset: Asset, name: str) -> ProfileView:
    """One stored form of an asset. Raises NotFound while it is not there."""
    renditions = session.execute(
        select(Rendition).where(Rendition.asset_id == asset.id, Rendition.profile == name)
    ).scalars()
    found = _profiles(asset, list(renditions)).get(name)
    if found is None:
        raise NotFound(code="media.no_profile")
    return found
