"""Writes about campaigns: setting them up, entering cards, asking for exports."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from desk import clock, db
from desk.contests import queries, rules
from desk.contests.forms import CampaignForm
from desk.contests.models import Campaign, Entry, Export
from desk.errors import Conflict, NotFound
from desk.jobs import table
from desk.live import audit, log
from desk.media import storage
from desk.wall import actions as wall
from desk.wall.models import Card


class CampaignChanged(Conflict):
    """Somebody else changed the campaign since this page was opened."""

    code = "contests.campaign_changed"
    message = "Somebody else has changed this campaign in the meantime."


def add_campaign(session: Session, station_id: int, form: CampaignForm, *, by: int | None, at: datetime) -> Campaign:
    """Open a campaign; messages that come from now on enter by themselves."""
    campaign = Campaign(
        station_id=station_id,
        name=form.name,
        keywords=form.keywords,
        hue=form.hue,
        icon=form.icon,
        opens_at=form.opens_at,
        closes_at=form.closes_at,
        created_by_id=by,
        created_at=at,
    )
    session.add(campaign)
    session.flush()
    _announce(session, campaign, "campaign.add", by=by, at=at)
    return campaign


def add_campaign_once(
    session: Session, station_id: int, name: str, *, keywords: str, hue: int, icon: str, at: datetime
) -> Campaign:
    """Bring back the station's campaign of this name, or open it, from yesterday on and without an end."""
    found = session.execute(
        select(Campaign).where(Campaign.station_id == station_id, Campaign.name == name)
    ).scalar_one_or_none()
    if found is not None:
        return found
    form = CampaignForm(name, keywords, hue, icon, at - timedelta(days=1), None)
    return add_campaign(session, station_id, form, by=None, at=at)


def change_campaign(
    session: Session, station_id: int, campaign_id: int, form: CampaignForm, *, version: int, by: int, at: datetime
) -> Campaign:
    """Change a campaign. Raises NotFound, CampaignChanged if `version` is not the present one."""
    changed = session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.station_id == station_id, Campaign.version == version)
        .values(
            name=form.name,
            keywords=form.keywords,
            hue=form.hue,
            icon=form.icon,
            opens_at=form.opens_at,
            closes_at=form.closes_at,
            version=Campaign.version + 1,
        )
        .returning(Campaign.id)
    ).scalar_one_or_none()
    campaign = queries.load_campaign(session, station_id, campaign_id)
    if changed is None:
        raise CampaignChanged(queries.view_campaign(campaign, at=at))
    session.refresh(campaign)
    _announce(session, campaign, "campaign.change", by=by, at=at)
    return campaign


def enter_if_matching(session: Session, card: Card, text: str, *, sent_at: datetime, at: datetime) -> Campaign | None:
    """Enter a card that has just been placed into the first campaign it fits; None if it fits none.

    The newest campaign with keywords comes before one that takes everything. May be repeated.
    """
    open_now = session.execute(
        select(Campaign)
        .where(Campaign.station_id == card.station_id, Campaign.opens_at <= sent_at)
        .order_by(Campaign.keywords == "", Campaign.id.desc())
    ).scalars()
    for campaign in open_now:
        if rules.is_open(campaign.opens_at, campaign.closes_at, sent_at) and rules.matches(campaign.keywords, text):
            if _enter(session, campaign.id, card, found_by="keyword", at=at):
                wall.put_in_campaign(session, card, campaign.id, by=None, at=at)
            return campaign
    return None


def follow_card(
    session: Session, card: Card, before: int | None, after: int | None, by: int | None, at: datetime
) -> None:
    """Keep entries in step when a card is put into a campaign or taken out of it by hand."""
    if before is not None and before != after:
        session.execute(
            update(Entry)
            .where(Entry.campaign_id == before, Entry.card_id == card.id, Entry.removed_at.is_(None))
            .values(removed_at=at)
        )
        _tell_count(session, before, at=at)
    if after is not None:
        queries.load_campaign(session, card.station_id, after)
        _enter(session, after, card, found_by="hand", at=at)


def _enter(session: Session, campaign_id: int, card: Card, *, found_by: str, at: datetime) -> bool:
    """Give the card its number in the campaign; a card that comes back gets its old one. False if it is in."""
    existing = session.execute(
        select(Entry).where(Entry.campaign_id == campaign_id, Entry.card_id == card.id)
    ).scalar_one_or_none()
    if existing is not None:
        came_back = existing.removed_at is not None
        existing.removed_at = None
        if came_back:
            _tell_count(session, campaign_id, at=at)
        return came_back
    number = session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id)
        .values(entries=Campaign.entries + 1)
        .returning(Campaign.entries)
    ).scalar_one()
    session.add(
        Entry(
            station_id=card.station_id,
            campaign_id=campaign_id,
            card_id=card.id,
            listener_id=card.listener_id,
            number=number,
            found_by=found_by,
            at=at,
        )
    )
    session.flush()
    audit.record(
        session, card.station_id, "entry.add", f"card:{card.id}", by=None, at=at, details={"campaign": campaign_id}
    )
    _tell_count(session, campaign_id, at=at)
    return True


def _tell_count(session: Session, campaign_id: int, *, at: datetime) -> None:
    campaign = session.get_one(Campaign, campaign_id, populate_existing=True)
    payload = {"campaign": queries.view_campaign(campaign, at=at)}
    log.record(session, campaign.station_id, "campaign.changed", payload, audience="campaign.read", at=at)


def _announce(session: Session, campaign: Campaign, act: str, *, by: int | None, at: datetime) -> None:
    audit.record(session, campaign.station_id, act, f"campaign:{campaign.id}", by=by, at=at)
    payload = {"campaign": queries.view_campaign(campaign, at=at)}
    log.record(session, campaign.station_id, "campaign.changed", payload, audience="campaign.read", at=at)


def ask_for_export(session: Session, station_id: int, campaign_id: int, *, by: int, at: datetime) -> Export:
    """Have a worker make a snapshot of the entries. One that is being made for the same person is not doubled."""
    campaign = queries.load_campaign(session, station_id, campaign_id)
    running = session.execute(
        select(Export).where(
            Export.campaign_id == campaign.id, Export.by_person_id == by, Export.state.in_(("queued", "running"))
        )
    ).scalar_one_or_none()
    if running is not None:
        return running
    export = Export(
        station_id=station_id,
        campaign_id=campaign.id,
        by_person_id=by,
        created_at=at,
        total=queries.count_entries(session, campaign.id),
    )
    session.add(export)
    session.flush()
    table.put(
        session, "make_export", f"export:{export.id}", {"export_id": export.id}, at=at, station_id=station_id,
        priority=table.PICTURE,
    )  # fmt: skip
    audit.record(
        session, station_id, "export.ask", f"export:{export.id}", by=by, at=at, details={"campaign": campaign.id}
    )
    tell_export(session, export, at=at)
    return export


def tell_export(session: Session, export: Export, *, at: datetime) -> None:
    """Tell the editors' pages how far an export is."""
    payload = {"export": queries.view_export(export)}
    log.record(session, export.station_id, "export.changed", payload, audience="export.masked", at=at)


def mark_running(session: Session, export_id: int, done: int, total: int, *, at: datetime) -> Export:
    export = session.get_one(Export, export_id)
    export.state, export.done, export.total = "running", done, total
    tell_export(session, export, at=at)
    return export


def publish_export(
    session: Session, export_id: int, *, key: str, sha256: str, size_bytes: int, rows: int, at: datetime
) -> Export:
    """The file is complete and stored: from this commit on it can be fetched."""
    export = session.get_one(Export, export_id)
    export.state, export.done, export.total = "ready", rows, rows
    export.key, export.sha256, export.bytes = key, sha256, size_bytes
    export.ready_at, export.expires_at = at, at + rules.EXPORT_LIFE
    audit.record(
        session, export.station_id, "export.ready", f"export:{export.id}", by=export.by_person_id, at=at,
        details={"rows": rows, "sha256": sha256},
    )  # fmt: skip
    tell_export(session, export, at=at)
    return export


def give_up_export(session: Session, payload: dict[str, Any], reason: str, at: datetime) -> None:
    """No try will help: the editor's page says so."""
    export = session.get_one(Export, payload["export_id"])
    export.state, export.reason = "failed", reason
    tell_export(session, export, at=at)


def note_fetch(session: Session, station_id: int, export_id: int, *, by: int, at: datetime) -> Export:
    """Record that somebody fetches an export. Raises NotFound for a foreign, unfinished or expired one."""
    export = queries.load_export(session, station_id, export_id)
    if export.state != "ready" or export.key is None or (export.expires_at is not None and export.expires_at <= at):
        raise NotFound("This export is not there, or not any more.", code="contests.no_export")
    export.fetched += 1
    audit.record(session, station_id, "export.fetch", f"export:{export.id}", by=by, at=at)
    return export


def expire_exports_now() -> int:
    """Take exports away whose time is over: the rows first, then the files. May be repeated."""
    at = clock.now()
    with db.transaction() as session:
        gone = list(
            session.execute(select(Export).where(Export.state == "ready", Export.expires_at <= at).limit(100)).scalars()
        )
        keys = [export.key for export in gone if export.key]
        for export in gone:
            export.state = "expired"
            tell_export(session, export, at=at)
    for key in keys:
        storage.current().delete(key)
    return len(keys)
