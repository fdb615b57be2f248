"""Voices on the way to air: real bytes in the store, renditions that name them, ears that heard them."""

from __future__ import annotations

import hashlib
import io
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk.media import storage
from desk.media.models import Asset, Rendition
from desk.onair import actions
from desk.shortlist.models import Slot
from desk.wall import actions as wall
from desk.wall.models import Card
from media_store import keys
from tests.desk_fixtures import SIX
from tests.wall.builders import a_card, a_listener, an_asset

FORMS = {"preview": ("audio/mpeg", "mp3"), "broadcast": ("audio/wav", "wav"), "peaks": ("application/json", "json")}
FURTHER = {"mp2": ("audio/wav", "wav"), "flac": ("audio/flac", "flac")}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def a_voice(
    session: Session, station_id: int, *, first_name: str = "Ada", words: str = "Grüße", duration_s: float = 10.0,
    **values: Any,
) -> tuple[Card, Asset]:  # fmt: skip
    """A finished voice note on the wall, its sound in the store."""
    listener = a_listener(session, station_id, first_name, **values)
    card = a_card(session, station_id, kind="voice", text="", listener=listener)
    original = f"original of {card.id}: {words}".encode()
    asset = an_asset(
        session,
        card.message_id,
        station_id,
        state="ready",
        duration_s=duration_s,
        peaks=bytes(range(56)),
        original_sha256=digest(original),
        original_key=keep(original, "ogg", "audio/ogg"),
        original_mime="audio/ogg",
        original_bytes=len(original),
    )
    for profile in FORMS:
        render(session, asset, profile, f"{profile} of {card.id}: {words}".encode())
    return card, asset


def keep(content: bytes, extension: str, mime: str) -> str:
    key = keys.new_key("7", extension=extension)
    storage.current().put(key, io.BytesIO(content), content_type=mime)
    return key


def render(session: Session, asset: Asset, profile: str, content: bytes) -> Rendition:
    """Make or make anew a rendition of what the asset's original is now."""
    mime, extension = (FORMS | FURTHER)[profile]
    made = session.execute(
        select(Rendition).where(Rendition.asset_id == asset.id, Rendition.profile == profile)
    ).scalar_one_or_none()
    if made is None:
        made = Rendition(station_id=asset.station_id, asset_id=asset.id, profile=profile, recipe_version=0)
        session.add(made)
    made.mime, made.key = mime, keep(content, extension, mime)
    made.bytes, made.sha256 = len(content), digest(content)
    made.duration_s, made.original_sha256 = asset.duration_s, asset.original_sha256 or ""
    made.recipe_version += 1
    made.created_at = SIX
    session.flush()
    return made


def sound_of(session: Session, asset: Asset, profile: str = "broadcast") -> str:
    return session.execute(
        select(Rendition.sha256).where(Rendition.asset_id == asset.id, Rendition.profile == profile)
    ).scalar_one()


def hear(
    session: Session, card: Card, asset: Asset, by: int, *, to_s: float | None = None, at: datetime = SIX
) -> float:
    """`by` listens to the preview from its beginning."""
    end_s = asset.duration_s or 0.0
    return actions.note_listened(
        session, card.station_id, card.id, asset.id, sound_of(session, asset, "preview"), 0.0,
        end_s if to_s is None else to_s, by=by, at=at,
    )  # fmt: skip


def shortlist(session: Session, card: Card, by: int, *, at: datetime = SIX) -> Slot:
    wall.move_card(session, card.station_id, card.id, to="shortlisted", version=card.version, by=by, at=at)
    return session.execute(select(Slot).where(Slot.card_id == card.id)).scalar_one()


def a_cart(
    session: Session, station_id: int, by: int, *, at: datetime = SIX, **values: Any
) -> tuple[Slot, Card, Asset]:
    """A voice that may go to air: shortlisted, with consent, heard and vetted."""
    card, asset = a_voice(session, station_id, **values)
    slot = shortlist(session, card, by, at=at)
    wall.set_consent(session, station_id, card.id, "given", by=by, at=at)
    hear(session, card, asset, by, at=at)
    actions.vet(session, station_id, card.id, sound_of(session, asset), by=by, at=at)
    return slot, card, asset
