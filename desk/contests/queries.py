"""Reads about campaigns, entries and exports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from desk import clock, sealing
from desk.contests import rules
from desk.contests.models import Campaign, Entry, Export
from desk.conversations.models import Message
from desk.errors import NotFound
from desk.listeners.actions import address_about
from desk.listeners.models import Address, Listener
from desk.media.models import Asset, Rendition
from desk.wall.models import Card, ConsentRecord

CHUNK = 200
PROFILES = ("broadcast", "large", "playable", "animation", "still")  # no metadata of the phone in any of them


def load_campaign(session: Session, station_id: int, campaign_id: int) -> Campaign:
    """A campaign of this station. Raises NotFound, also for one of another station."""
    found = session.execute(
        select(Campaign).where(Campaign.id == campaign_id, Campaign.station_id == station_id)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such campaign.", code="contests.no_campaign")
    return found


def list_campaigns(session: Session, station_id: int, *, most: int = 200) -> list[Campaign]:
    """Campaigns of a station, newest first."""
    return list(
        session.execute(
            select(Campaign).where(Campaign.station_id == station_id).order_by(Campaign.id.desc()).limit(most)
        ).scalars()
    )


def view_campaign(campaign: Campaign, *, at: datetime) -> dict[str, Any]:
    """A campaign as pages get it."""
    is_open = rules.is_open(campaign.opens_at, campaign.closes_at, at)
    return {
        "id": campaign.id,
        "name": campaign.name,
        "keywords": campaign.keywords,
        "hue": campaign.hue,
        "icon": campaign.icon,
        "opens_at": clock.iso(campaign.opens_at),
        "closes_at": clock.iso(campaign.closes_at),
        "state": "open" if is_open else "planned" if at < campaign.opens_at else "closed",
        "entries": campaign.entries - campaign.taken_out,
        "last_number": campaign.entries,
        "version": campaign.version,
    }


def badges(session: Session, campaign_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Campaigns as cards show them; one statement."""
    rows = session.execute(select(Campaign).where(Campaign.id.in_(campaign_ids))).scalars()
    return {row.id: _badge(row) for row in rows}


def has_campaign(session: Session, station_id: int, campaign_id: int) -> bool:
    """Whether a card of the station may be put into this campaign."""
    wanted = select(Campaign.id).where(Campaign.id == campaign_id, Campaign.station_id == station_id)
    return session.execute(wanted).first() is not None


def list_choices(session: Session, station_id: int) -> list[dict[str, Any]]:
    """The campaigns a person may filter the wall by or put a card into, newest first."""
    return [_badge(campaign) for campaign in list_campaigns(session, station_id)]


def _badge(campaign: Campaign) -> dict[str, Any]:
    return {"id": campaign.id, "name": campaign.name, "hue": campaign.hue, "icon": campaign.icon}


def list_entry_cards(
    session: Session, campaign_id: int, *, before_number: int | None = None, most: int = 60, is_for_jury: bool = False
) -> list[tuple[int, int]]:
    """(number, card id) of entries, newest first, from below `before_number` on; or only what lies before the jury."""
    wanted = select(Entry.number, Entry.card_id).where(Entry.campaign_id == campaign_id, Entry.removed_at.is_(None))
    if before_number is not None:
        wanted = wanted.where(Entry.number < before_number)
    if is_for_jury:
        wanted = wanted.join(Card, Card.id == Entry.card_id).where(Card.is_for_jury)
    rows = session.execute(wanted.order_by(Entry.number.desc()).limit(most)).all()
    return [(row.number, row.card_id) for row in rows]


def load_export(session: Session, station_id: int, export_id: int) -> Export:
    """An export of this station. Raises NotFound, also for one of another station."""
    found = session.execute(
        select(Export).where(Export.id == export_id, Export.station_id == station_id)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound("This export is not there, or not any more.", code="contests.no_export")
    return found


def list_exports(session: Session, station_id: int, campaign_id: int, *, most: int = 20) -> list[Export]:
    """Exports of a campaign, newest first."""
    return list(
        session.execute(
            select(Export)
            .where(Export.station_id == station_id, Export.campaign_id == campaign_id)
            .order_by(Export.id.desc())
            .limit(most)
        ).scalars()
    )


def view_export(export: Export) -> dict[str, Any]:
    """An export as pages get it; `url` only once it is complete."""
    return {
        "id": export.id,
        "campaign_id": export.campaign_id,
        "state": export.state,
        "done": export.done,
        "total": export.total,
        "bytes": export.bytes,
        "sha256": export.sha256,
        "reason": export.reason,
        "created_at": clock.iso(export.created_at),
        "ready_at": clock.iso(export.ready_at),
        "expires_at": clock.iso(export.expires_at),
        "url": f"/exports/{export.id}/download" if export.state == "ready" else None,
    }


@dataclass(frozen=True)
class EntryFile:
    """One file of an entry as it goes into an export."""

    key: str
    sha256: str
    bytes: int
    profile: str
    mime: str
    original_sha256: str


@dataclass(frozen=True)
class EntryRow:
    """One entry with everything an export tells about it."""

    number: int
    card_id: int
    sent_at: datetime
    received_at: datetime
    first_name: str
    alias: str
    place: str
    number_masked: str
    kind: str
    text: str
    state: str
    consent: str
    consent_at: datetime | None
    duration_s: float | None
    loudness_lufs: float | None
    is_forwarded: bool
    found_by: str
    is_media_missing: bool
    files: tuple[EntryFile, ...]


def iterate_entries(session: Session, campaign_id: int, *, at: datetime) -> Iterator[EntryRow]:
    """Every entry of a campaign that may be handed on, by number, read in pieces of 200 (five statements each).

    Entries whose sender withdrew are left out; so are what a blocked sender wrote and sent. Numbers inside texts and
    names are masked. It is one snapshot if the session's transaction is one.
    """
    last = 0
    while True:
        rows = session.execute(
            select(Entry, Card, Message, Listener)
            .join(Card, Card.id == Entry.card_id)
            .join(Message, Message.id == Card.message_id)
            .join(Listener, Listener.id == Card.listener_id)
            .where(Entry.number > last, *_may_be_handed_on(campaign_id))
            .order_by(Entry.number)
            .limit(CHUNK)
        ).all()
        if not rows:
            return
        last = rows[-1].Entry.number
        assets, renditions = _files(session, [row.Message.id for row in rows])
        numbers = _masked_numbers(session, [row.Listener.id for row in rows])
        consents = _consents(session, [row.Card.id for row in rows])
        for entry, card, message, listener in rows:
            is_blocked = listener.blocked_until is not None and listener.blocked_until > at
            own = [] if is_blocked else assets.get(message.id, [])
            yield EntryRow(
                number=entry.number,
                card_id=card.id,
                sent_at=message.sent_at,
                received_at=message.received_at,
                first_name=rules.mask_numbers(listener.first_name),
                alias=rules.mask_numbers(listener.alias),
                place=rules.mask_numbers(listener.place),
                number_masked=numbers.get(listener.id, ""),
                kind=card.kind,
                text="" if is_blocked else rules.mask_numbers(message.text),
                state=card.state,
                consent=card.consent,
                consent_at=consents.get(card.id) if card.consent == "given" else None,
                duration_s=next((asset.duration_s for asset in own if asset.duration_s), None),
                loudness_lufs=next((asset.loudness_lufs for asset in own if asset.loudness_lufs is not None), None),
                is_forwarded=message.is_forwarded or message.is_frequently_forwarded,
                found_by=entry.found_by,
                is_media_missing=any(asset.id not in renditions for asset in own),
                files=tuple(_file(one, asset) for asset in own for one in renditions.get(asset.id, [])),
            )


def _may_be_handed_on(campaign_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        Entry.campaign_id == campaign_id,
        Entry.removed_at.is_(None),
        Card.withdrawn_at.is_(None),
        Card.consent != "withdrawn",
    )


def exportable_numbers(session: Session, campaign_id: int) -> set[int]:
    """Numbers of the entries that may be handed on now."""
    rows = select(Entry.number).join(Card, Card.id == Entry.card_id).where(*_may_be_handed_on(campaign_id))
    return set(session.execute(rows).scalars())


def _file(rendition: Rendition, asset: Asset) -> EntryFile:
    return EntryFile(
        rendition.key, rendition.sha256, rendition.bytes, rendition.profile, rendition.mime, asset.original_sha256 or ""
    )


def _files(session: Session, message_ids: Sequence[int]) -> tuple[dict[int, list[Asset]], dict[int, list[Rendition]]]:
    assets: dict[int, list[Asset]] = {}
    for asset in session.execute(select(Asset).where(Asset.message_id.in_(message_ids)).order_by(Asset.id)).scalars():
        assets.setdefault(asset.message_id, []).append(asset)
    ids = [asset.id for own in assets.values() for asset in own]
    renditions: dict[int, list[Rendition]] = {}
    wanted = select(Rendition).where(Rendition.asset_id.in_(ids), Rendition.profile.in_(PROFILES))
    for rendition in session.execute(wanted.order_by(Rendition.id)).scalars():
        renditions.setdefault(rendition.asset_id, []).append(rendition)
    return assets, renditions


def _masked_numbers(session: Session, listener_ids: Sequence[int]) -> dict[int, str]:
    rows = session.execute(
        select(Address).where(
            Address.listener_id.in_(set(listener_ids)), Address.kind.in_(("phone", "wa_id")), Address.is_current
        )
    ).scalars()
    return {
        row.listener_id: rules.mask_number(sealing.unseal(row.value_sealed, address_about(row.station_id, row.lookup)))
        for row in rows
    }


def _consents(session: Session, card_ids: Sequence[int]) -> dict[int, datetime]:
    rows = session.execute(
        select(ConsentRecord.card_id, func.max(ConsentRecord.at))
        .where(ConsentRecord.card_id.in_(card_ids), ConsentRecord.act.in_(("given", "give")))
        .group_by(ConsentRecord.card_id)
    ).all()
    return {row[0]: row[1] for row in rows}
