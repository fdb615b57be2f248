"""Writes about campaigns: setting them up, entering cards, asking for exports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
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

UNFINISHED = ("queued", "running")
MOST_AT_ONCE = 100


class EntriesChanged(Exception):
    """An entry was withdrawn while the export was made; it has to be made again without it."""


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

    The newest campaign with keywords comes before one that takes everything. May be repeated: a card that was in
    any campaign before stays where people put it.
    """
    if session.execute(select(Entry.id).where(Entry.card_id == card.id).limit(1)).first() is not None:
        return None
    open_then = session.execute(
        select(Campaign)
        .where(
            Campaign.station_id == card.station_id,
            Campaign.opens_at <= sent_at,
            or_(Campaign.closes_at.is_(None), Campaign.closes_at > sent_at),
        )
        .order_by(Campaign.keywords == "", Campaign.id.desc())
    ).scalars()
    fitting = next((campaign for campaign in open_then if rules.matches(campaign.keywords, text)), None)
    if fitting is not None:
        enter_by_rule(session, card, fitting.id, by=None, at=at)
        wall.put_in_campaign(session, card, fitting.id, by=None, at=at)
    return fitting


def enter_by_rule(session: Session, card: Card, campaign_id: int, *, by: int | None, at: datetime) -> None:
    """Give a card its number in a campaign whose words it holds. May be repeated; the wall is not told."""
    _enter(session, campaign_id, card, found_by="keyword", by=by, at=at)


def follow_card(
    session: Session, card: Card, before: int | None, after: int | None, by: int | None, at: datetime
) -> None:
    """Keep entries in step when a card is put into a campaign or taken out of it, by hand or by an undo."""
    if before is not None and after is not None:
        hold_still(session, (before, after))
    if before is not None and before != after:
        _take_out(session, before, card, by=by, at=at)
    if after is not None:
        queries.load_campaign(session, card.station_id, after)
        _enter(session, after, card, found_by="hand", by=by, at=at)


def hold_still(session: Session, campaign_ids: Sequence[int]) -> None:
    """Lock campaigns between which a card goes, always in one order: two who go opposite ways wait for each other."""
    of_both = select(Campaign.id).where(Campaign.id.in_(campaign_ids)).order_by(Campaign.id)
    session.execute(of_both.with_for_update()).all()


def follow_withdrawal(session: Session, card: Card, at: datetime) -> None:
    """A card that may not be used any more leaves its campaign, and exports that hold it cannot be fetched again.

    The wall also tells of consent that was refused or withdrawn: refusing air does not end a part in a contest,
    withdrawing does (desk.contests.queries.iterate_entries leaves such entries out while the withdrawal stands).
    """
    if card.withdrawn_at is None and card.consent != "withdrawn":
        return
    entries = session.execute(select(Entry.campaign_id).where(Entry.card_id == card.id)).scalars()
    for campaign_id in sorted(entries):
        if card.withdrawn_at is not None:
            _take_out(session, campaign_id, card, by=None, at=at)
        # Unfinished ones are locked, too: publish_export then waits for this commit and sees the withdrawal.
        made = select(Export).where(Export.campaign_id == campaign_id, Export.state.in_((*UNFINISHED, "ready")))
        for export in session.execute(made.with_for_update()).scalars():
            if export.state == "ready":
                _expire(session, export, "contests.entry_withdrawn", at=at)


def _take_out(session: Session, campaign_id: int, card: Card, *, by: int | None, at: datetime) -> None:
    """End an entry; it keeps its number in case it comes back."""
    taken: Any = session.execute(
        update(Entry)
        .where(Entry.campaign_id == campaign_id, Entry.card_id == card.id, Entry.removed_at.is_(None))
        .values(removed_at=at)
    )
    if taken.rowcount:
        _count_taken_out(session, campaign_id, 1)
        _tell_entry(session, campaign_id, card, "entry.remove", by=by, at=at)


def _count_taken_out(session: Session, campaign_id: int, more: int) -> None:
    session.execute(update(Campaign).where(Campaign.id == campaign_id).values(taken_out=Campaign.taken_out + more))


def _enter(session: Session, campaign_id: int, card: Card, *, found_by: str, by: int | None, at: datetime) -> None:
    """Give the card its number in the campaign; a card that comes back gets its old one. May be repeated."""
    existing = session.execute(
        select(Entry).where(Entry.campaign_id == campaign_id, Entry.card_id == card.id)
    ).scalar_one_or_none()
    if existing is not None and existing.removed_at is None:
        return
    if existing is not None:
        existing.removed_at = None
        _count_taken_out(session, campaign_id, -1)
    else:
        _add_entry(session, campaign_id, card, found_by=found_by, at=at)
    _tell_entry(session, campaign_id, card, "entry.add", by=by, at=at)


def _add_entry(session: Session, campaign_id: int, card: Card, *, found_by: str, at: datetime) -> None:
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


def _tell_entry(session: Session, campaign_id: int, card: Card, act: str, *, by: int | None, at: datetime) -> None:
    audit.record(session, card.station_id, act, f"card:{card.id}", by=by, at=at, details={"campaign": campaign_id})
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
    running = (
        session.execute(
            select(Export)
            .where(Export.campaign_id == campaign.id, Export.by_person_id == by, Export.state.in_(UNFINISHED))
            .order_by(Export.id)
        )
        .scalars()
        .first()
    )
    if running is not None:
        return running
    export = Export(
        station_id=station_id,
        campaign_id=campaign.id,
        by_person_id=by,
        created_at=at,
        total=campaign.entries - campaign.taken_out,
    )
    session.add(export)
    session.flush()
    table.put(
        session, "make_export", f"export:{export.id}", {"export_id": export.id}, at=at, station_id=station_id,
        priority=table.LINE,
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
    """The worker has packed so many entries."""
    export = session.get_one(Export, export_id)
    export.state, export.done, export.total, export.reason = "running", done, total, None
    tell_export(session, export, at=at)
    return export


def hold_up_export(session: Session, export_id: int, reason: str, *, at: datetime) -> Export:
    """Something this needs is down: the worker comes back, and the page says what it waits for."""
    export = session.get_one(Export, export_id)
    export.state, export.done, export.reason = "queued", 0, reason
    tell_export(session, export, at=at)
    return export


def note_key(session: Session, export_id: int, key: str) -> None:
    """Remember where the file will lie before it is stored, so that an end in the middle leaves no orphan."""
    session.get_one(Export, export_id).key = key


def publish_export(
    session: Session, export_id: int, *, sha256: str, size_bytes: int, numbers: Sequence[int], at: datetime
) -> Export:
    """The file is complete and stored: from this commit on it can be fetched.

    Raises EntriesChanged if an entry in it (`numbers`) was withdrawn while it was made.
    """
    export = session.get_one(Export, export_id, with_for_update=True)
    if not set(numbers) <= queries.exportable_numbers(session, export.campaign_id):
        raise EntriesChanged
    export.state, export.done, export.total, export.reason = "ready", len(numbers), len(numbers), None
    export.sha256, export.bytes = sha256, size_bytes
    export.ready_at, export.expires_at = at, at + rules.EXPORT_LIFE
    audit.record(
        session, export.station_id, "export.ready", f"export:{export.id}", by=export.by_person_id, at=at,
        details={"rows": len(numbers), "sha256": sha256},
    )  # fmt: skip
    tell_export(session, export, at=at)
    return export


def give_up_export(session: Session, payload: dict[str, Any], reason: str, at: datetime) -> None:
    """No try will help: the editor's page says so."""
    export = session.get_one(Export, payload["export_id"])
    export.state, export.reason = "failed", reason
    tell_export(session, export, at=at)


def note_fetch(session: Session, station_id: int, export_id: int, *, by: int, at: datetime) -> Export:
    """Record that somebody fetches an export. Raises NotFound for a foreign, unfinished or expired one alike."""
    export = queries.load_export(session, station_id, export_id)
    if export.state != "ready" or export.key is None or (export.expires_at is not None and export.expires_at <= at):
        raise NotFound("This export is not there, or not any more.", code="contests.no_export")
    export.fetched += 1
    audit.record(session, station_id, "export.fetch", f"export:{export.id}", by=by, at=at)
    return export


def expire_exports_now() -> int:
    """Take exports away whose time is over: the rows first, then the files. May be repeated; returns the files."""
    at = clock.now()
    with db.transaction() as session:
        over = select(Export).where(Export.state == "ready", Export.expires_at <= at).limit(MOST_AT_ONCE)
        for export in session.execute(over).scalars():
            _expire(session, export, None, at=at)
    return _delete_files()


def _expire(session: Session, export: Export, reason: str | None, *, at: datetime) -> None:
    """From this commit on the export cannot be fetched; the keeper deletes its file."""
    export.state, export.reason = "expired", reason
    audit.record(session, export.station_id, "export.expire", f"export:{export.id}", by=None, at=at)
    tell_export(session, export, at=at)


def expire_exports_with(session: Session, card_id: int, *, at: datetime) -> int:
    """Take away every finished export of the campaigns a card was ever in; returns how many."""
    campaigns = select(Entry.campaign_id).where(Entry.card_id == card_id)
    made = select(Export).where(Export.campaign_id.in_(campaigns), Export.state == "ready").with_for_update()
    found = list(session.execute(made).scalars())
    for export in found:
        _expire(session, export, "contests.entry_withdrawn", at=at)
    return len(found)


def _delete_files() -> int:
    """Delete the files of exports that are over; a key stays noted until its file is gone."""
    over = select(Export.id, Export.key).where(Export.state.in_(("expired", "failed")), Export.key.is_not(None))
    with db.reading() as session:
        rows = [(row.id, str(row.key)) for row in session.execute(over.limit(MOST_AT_ONCE))]
    for export_id, key in rows:
        storage.current().delete(key)
        with db.transaction() as session:
            session.execute(update(Export).where(Export.id == export_id, Export.key == key).values(key=None))
    return len(rows)
