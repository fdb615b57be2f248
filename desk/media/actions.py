"""Writes about listeners' files: an asset from its announcement to its renditions.

Every step is one short transaction of whoever does the work (intake's jobs); each tells the wall through
`signals.changed`. Trouble with a file is a code on the asset: it never hides the message.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from desk import db, sealing
from desk.channels import contract
from desk.live import audit
from desk.media import prints, rules, signals
from desk.media.models import Asset, Rendition
from media_store.pipeline import Facts
from media_store.recipes import FACTS_VERSION, Made

LONGEST_REASON = 60
MEASURED = ("duration_s", "width_px", "height_px", "loudness_lufs", "true_peak_dbtp", "peaks")
LASTING = frozenset({"truncated"})  # seen only while the pictures of a video are made


class OfMessage(Protocol):
    """The message a file belongs to, as far as this room needs it."""

    id: Any
    station_id: Any
    kind: Any
    sent_at: Any
    received_at: Any


def add_asset(session: Session, message: OfMessage, media: contract.IncomingMedia, *, at: datetime) -> Asset:
    """A file was announced: it waits to be fetched."""
    asset = _new_asset(message, rules.kind_of(message.kind, media.mime), "waiting", at)
    asset.is_voice = media.is_voice
    asset.expires_at = rules.expires_at(message.sent_at, message.received_at)
    asset.declared_mime = media.mime[:120] or None
    asset.declared_sha256 = media.sha256.hex() if media.sha256 else None
    asset.file_name = rules.clean_file_name(media.file_name)
    session.add(asset)
    session.flush()
    asset.provider_media_sealed = sealing.seal(media.provider_media_id, _about(asset))
    return asset


def add_lost_asset(session: Session, message: OfMessage, *, at: datetime) -> Asset:
    """The provider says it holds no file for this message: nothing is to be fetched, and the card says so."""
    asset = _new_asset(message, rules.kind_of(message.kind, ""), "failed", at)
    asset.reason = contract.MediaGone.code
    session.add(asset)
    session.flush()
    return asset


def _new_asset(message: OfMessage, kind: str, state: str, at: datetime) -> Asset:
    return Asset(
        station_id=message.station_id,
        message_id=message.id,
        kind=kind,
        is_voice=False,
        state=state,
        facts={},
        created_at=at,
    )


def _about(asset: Asset) -> str:
    return f"asset:{asset.id}"


def provider_media_id(asset: Asset) -> str | None:
    """The provider's id of a file, opened; None if there is nothing to fetch."""
    if asset.provider_media_sealed is None:
        return None
    return sealing.unseal(asset.provider_media_sealed, _about(asset))


def lock_asset(session: Session, asset_id: int) -> Asset | None:
    """The asset as it stands now, its row locked; None if it was erased."""
    return session.get(Asset, asset_id, with_for_update=True, populate_existing=True)


def begin_fetch(session: Session, asset: Asset, *, at: datetime) -> None:
    """Somebody is fetching it now."""
    asset.state = "fetching"
    asset.retry_at = None
    _tell(session, asset, at)


def put_off(session: Session, asset: Asset, reason: str, *, retry_at: datetime, at: datetime) -> None:
    """It could not be fetched this time; the desk tries again at `retry_at`."""
    asset.state = "waiting"
    asset.reason = reason[:LONGEST_REASON]
    asset.retry_at = retry_at
    _tell(session, asset, at)


def leave_with_provider(session: Session, asset: Asset, *, at: datetime) -> None:
    """Nobody is to see what its sender sends: it is not fetched until that is over."""
    asset.state = "waiting"
    asset.reason = rules.LEFT
    asset.retry_at = None
    _tell(session, asset, at)


def fetch_at_last(session: Session, asset: Asset, *, at: datetime) -> bool:
    """That is over: it waits to be fetched; False if the provider has forgotten it meanwhile, and the card says so."""
    if asset.expires_at is not None and at >= asset.expires_at:
        mark_failed(session, asset, rules.FORGOTTEN, at=at)
        return False
    asset.reason = None
    _tell(session, asset, at)
    return True


def keep_original(
    session: Session, asset: Asset, key: str, sha256: str, size_bytes: int, mime: str, *, at: datetime
) -> None:
    """The original lies in the store under `key`. Originals are write-once: a second one is refused by the caller."""
    asset.original_key = key
    asset.original_sha256 = sha256
    asset.original_bytes = size_bytes
    asset.original_mime = mime[:60]
    asset.state = "processing"
    asset.reason = asset.retry_at = None
    asset.progress_percent = 0
    audit.record(session, asset.station_id, "media.keep", f"asset:{asset.id}", by=None, at=at)
    _tell(session, asset, at)


def add_rendition(session: Session, asset: Asset, made: Made, key: str, *, at: datetime) -> str | None:
    """A finished file lies in the store; takes the place of an older one of the same profile.

    Returns the key of the older one if that object is not named any more.
    """
    values = {
        "station_id": asset.station_id,
        "mime": made.mime,
        "key": key,
        "bytes": made.bytes,
        "sha256": made.sha256,
        "duration_s": made.duration_s,
        "width_px": made.width_px,
        "height_px": made.height_px,
        "loudness_lufs": made.loudness_lufs,
        "true_peak_dbtp": made.true_peak_dbtp,
        "recipe_version": made.recipe_version,
        "settings": made.settings,
        "begins_s": made.begins_s,
        "original_sha256": asset.original_sha256,
        "created_at": at,
    }
    identity = {"asset_id": asset.id, "profile": made.profile}
    db.insert_if_absent(
        session, Rendition.metadata.tables["rendition"], values | identity, unique=["asset_id", "profile"]
    )
    rendition = session.execute(
        select(Rendition).where(Rendition.asset_id == asset.id, Rendition.profile == made.profile)
    ).scalar_one()
    replaced = rendition.key if rendition.key != key else None
    for name, value in values.items():
        setattr(rendition, name, value)
    _tell(session, asset, at)
    return replaced


def set_progress(session: Session, asset: Asset, percent: int, *, at: datetime) -> None:
    """How much of the work on a file is done, 0 to 100."""
    asset.state = "processing"
    asset.reason = asset.retry_at = None
    asset.progress_percent = percent
    _tell(session, asset, at)


def hold_up(session: Session, asset: Asset, reason: str, *, retry_at: datetime, at: datetime) -> None:
    """Its original is there, but the house cannot work on it just now."""
    asset.reason = reason[:LONGEST_REASON]
    asset.retry_at = retry_at
    _tell(session, asset, at)


def set_facts(session: Session, asset: Asset, facts: Facts, *, at: datetime, is_partial: bool = False) -> None:
    """Everything about the file is known and made: it is ready. Its kind is now what the bytes are.

    `is_partial`: not everything was made this time, so what is not among the facts stays as it was known.
    """
    before = {name: getattr(asset, name) for name in MEASURED} if is_partial else {}
    facts_before = asset.facts if is_partial else {}
    asset.kind = facts.kind
    asset.duration_s, asset.width_px, asset.height_px = facts.duration_s, facts.width_px, facts.height_px
    asset.loudness_lufs, asset.true_peak_dbtp = facts.loudness_lufs, facts.true_peak_dbtp
    asset.peaks = facts.peaks56
    asset.original_mime = facts.mime[:60]
    asset.facts = {
        "gain_db": facts.gain_db,
        "flags": list(facts.flags),
        "flag_figures": facts.flag_figures,
        "voice_kind": asdict(facts.voice_kind) if facts.voice_kind else None,
        "cue_in_s": facts.cue_in_s,
        "cue_out_s": facts.cue_out_s,
        "air_in_s": facts.air_in_s,
        "air_out_s": facts.air_out_s,
        "level_note": _note(facts),
        "dhash": facts.dhash,
        "blurhash": facts.blurhash,
        "document_like": facts.document_like,
        "sensitive": facts.sensitive,
        "scrub": asdict(facts.scrub) if facts.scrub else asset.facts.get("scrub"),
    }
    for name, known in before.items():
        if getattr(asset, name) is None:
            setattr(asset, name, known)
    asset.facts = _completed(asset.facts, facts_before)
    asset.state = "ready"
    asset.reason = asset.retry_at = asset.progress_percent = None
    prints.keep(session, asset, prints.of_facts(facts))
    _tell(session, asset, at)
    for told in signals.ready:
        told(session, asset, at)


def _completed(new: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """New facts, with those of before where nothing was learnt this time."""
    known = {name: value for name, value in before.items() if new.get(name) is None and name != "reason_facts"}
    flags = list(new["flags"])
    flags += [flag for flag in before.get("flags") or () if flag in LASTING and flag not in flags]
    return {**new, **known, "flags": flags, "version": FACTS_VERSION, prints.TRIED: True}


def _note(facts: Facts) -> dict[str, Any] | None:
    note = facts.level_note
    return None if note is None else {"code": note.code, "facts": dict(note.facts)}


def set_covered(session: Session, message_id: int, is_covered: bool | None) -> None:
    """What a person decided about the files of a message; the card they stand on tells the screens."""
    session.execute(update(Asset).where(Asset.message_id == message_id).values(is_covered=is_covered))


def mark_failed(
    session: Session,
    asset: Asset,
    reason: str,
    *,
    at: datetime,
    retry_at: datetime | None = None,
    reason_facts: dict[str, Any] | None = None,
) -> None:
    """Nothing more is tried by itself; `reason` is a stable code, `reason_facts` fill its sentence."""
    asset.state = "failed"
    asset.reason = reason[:LONGEST_REASON]
    asset.retry_at = retry_at
    asset.progress_percent = None
    asset.facts = {**asset.facts, "reason_facts": reason_facts or {}}
    audit.record(
        session, asset.station_id, "media.fail", f"asset:{asset.id}", by=None, at=at, details={"reason": reason}
    )
    _tell(session, asset, at)


def _tell(session: Session, asset: Asset, at: datetime) -> None:
    session.flush()
    for told in signals.changed:
        told(session, asset.message_id, at)
