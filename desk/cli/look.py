"""Commands that look: cards, deliveries, jobs, files. They show what the desk knows, without numbers of listeners."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import clock, db
from desk.channels.models import Channel
from desk.cli import explain
from desk.cli.run import ready_house
from desk.cli.say import fail, json_option, say, table
from desk.conversations import queries as conversations
from desk.conversations.models import Message
from desk.errors import NotFound
from desk.intake import actions as intake_actions
from desk.intake import backfilling
from desk.intake import queries as intake
from desk.jobs import table as job_table
from desk.jobs.models import Job
from desk.media import storage
from desk.media.models import Asset, Rendition
from desk.people import queries as people
from desk.people.models import Station
from desk.wall import queries as wall
from desk.wall.models import Card


@click.group()
def card() -> None:
    """Cards of the wall."""


@card.command("show")
@click.argument("card_id", required=False, type=int, metavar="ID")
@click.option("--provider-id", help="The provider's id of the message (wamid).")
@click.option(
    "--save",
    nargs=2,
    type=(str, click.Path(path_type=Path)),
    metavar="PROFILE FILE",
    help="Write the original or a rendition of the card's file.",
)
@json_option
def show_card(card_id: int | None, provider_id: str | None, save: tuple[str, Path] | None, as_json: bool) -> None:
    """Show one card with its media."""
    if (card_id is None) == (provider_id is None):
        fail("Give either the card's ID or --provider-id.", code="invalid")
    ready_house()
    with db.reading() as session:
        found = _load(session, card_id, provider_id)
        document = _document(session, found, provider_id)
        wanted = _object(session, found, save[0]) if save else None
    if save and wanted is not None:
        with storage.current().open(wanted) as source, save[1].open("wb") as target:
            shutil.copyfileobj(source, target)
    say(document, as_json=as_json)


def _load(session: Session, card_id: int | None, provider_id: str | None) -> Card:
    found = session.get(Card, card_id) if card_id is not None else _find_by_provider_id(session, provider_id or "")
    if found is None:
        raise NotFound("There is no such card.", code="wall.no_card")
    if session.get_one(Message, found.message_id).erased_at is not None:
        raise NotFound("This card was erased.", code="wall.erased")
    return found


def _find_by_provider_id(session: Session, provider_id: str) -> Card | None:
    """The id is looked for in every channel: it says itself not which one it came by."""
    for channel_id in session.execute(select(Channel.id).order_by(Channel.id)).scalars():
        message = conversations.find_by_provider_id(session, channel_id, provider_id)
        if message is not None:
            return wall.find_card_of(session, message.id)
    return None


def _document(session: Session, found: Card, provider_id: str | None) -> dict[str, Any]:
    view = wall.view_card(session, found, at=clock.now())
    station = session.get_one(Station, found.station_id)
    return {
        "id": found.id,
        "station": station.slug,
        "provider_id": provider_id or conversations.provider_id_of(view.message),
        "kind": found.kind,
        "state": found.state,
        "version": found.version,
        "text": view.message.text,
        "listener": {key: view.as_json()["listener"][key] for key in ("alias", "first_name", "place")},
        "consent": found.consent,
        "vetted": found.vetted_sha256 is not None,
        "received_at": clock.iso(view.message.received_at),
        "sent_at": clock.iso(view.message.sent_at),
        "campaign": view.campaign,
        "media": [_media(session, asset) for asset in _assets(session, found)],
    }


def _assets(session: Session, found: Card) -> list[Asset]:
    return list(session.execute(select(Asset).where(Asset.message_id == found.message_id).order_by(Asset.id)).scalars())


def _media(session: Session, asset: Asset) -> dict[str, Any]:
    renditions = session.execute(select(Rendition).where(Rendition.asset_id == asset.id).order_by(Rendition.id))
    names = ("profile", "mime", "bytes", "sha256", "duration_s", "loudness_lufs", "true_peak_dbtp", "width_px",
             "height_px", "recipe_version", "original_sha256")  # fmt: skip
    original = None
    if asset.original_sha256:
        original = {"sha256": asset.original_sha256, "bytes": asset.original_bytes, "mime": asset.original_mime}
    return {
        "id": asset.id,
        "kind": asset.kind,
        "state": asset.state,
        "reason": asset.reason,
        "duration_s": asset.duration_s,
        "original": original,
        "renditions": [{name: getattr(one, name) for name in names} for one in renditions.scalars()],
    }


def _object(session: Session, found: Card, profile: str) -> str:
    for asset in _assets(session, found):
        if profile == "original" and asset.original_key:
            return asset.original_key
        rendition = session.execute(
            select(Rendition).where(Rendition.asset_id == asset.id, Rendition.profile == profile)
        ).scalar_one_or_none()
        if rendition is not None:
            return rendition.key
    raise NotFound(f"This card has no file of the kind {profile}.", code="media.no_profile")


@card.command("list")
@click.option("--station", "slug")
@click.option("--state")
@click.option("--kind")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@json_option
def list_cards(slug: str | None, state: str | None, kind: str | None, limit: int, as_json: bool) -> None:
    """List the newest cards."""
    ready_house()
    with db.reading() as session:
        wanted = select(Card).order_by(Card.placed_at.desc(), Card.id.desc()).limit(limit)
        if slug:
            wanted = wanted.where(Card.station_id == people.load_station(session, slug).id)
        if state:
            wanted = wanted.where(Card.state == state)
        if kind:
            wanted = wanted.where(Card.kind == kind)
        slugs = {one.id: one.slug for one in people.list_stations(session)}
        cards = list(session.execute(wanted).scalars())
        media: dict[int, list[str]] = {}
        for piece in range(0, len(cards), 500):
            ids = [one.message_id for one in cards[piece : piece + 500]]
            for asset in session.execute(select(Asset).where(Asset.message_id.in_(ids))).scalars():
                media.setdefault(asset.message_id, []).append(asset.state)
    rows = [
        {
            "id": one.id, "station": slugs[one.station_id], "kind": one.kind, "state": one.state,
            "version": one.version, "received_at": clock.iso(one.placed_at), "consent": one.consent,
            "vetted": one.vetted_sha256 is not None, "media": media.get(one.message_id, []),
        }
        for one in cards
    ]  # fmt: skip
    say(rows, as_json=as_json, text=table(rows, ("id", "station", "kind", "state", "received_at", "consent", "media")))


@click.group()
def delivery() -> None:
    """What providers delivered, and what became of it."""


@delivery.command("list")
@click.option("--set-aside", is_flag=True, help="Only what could not be used and waits for a person.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
def list_deliveries(set_aside: bool, limit: int, as_json: bool) -> None:
    """List deliveries, newest first; never their content."""
    ready_house()
    with db.reading() as session:
        rows = [one.as_json() for one in intake.list_deliveries(session, only_set_aside=set_aside, limit=limit)]
    say(
        rows,
        as_json=as_json,
        text=table(rows, ("id", "channel", "state", "items", "set_aside", "received_at", "reason")),
    )


@delivery.command("replay")
@click.argument("delivery_id", type=int, metavar="ID")
@json_option
def replay(delivery_id: int, as_json: bool) -> None:
    """Read a delivery once more; what is on the wall already stays as it is."""
    ready_house()
    with db.transaction() as session:
        intake_actions.replay_delivery(session, delivery_id, at=clock.now())
    say({"id": delivery_id, "replayed": True}, as_json=as_json, text="The delivery is read again.")


@click.group()
def job() -> None:
    """Work that is waiting, running or given up."""


@job.command("list")
@click.option("--state", type=click.Choice(["ready", "running", "done", "dead", "skipped"]))
@click.option("--kind")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
def list_jobs(state: str | None, kind: str | None, limit: int, as_json: bool) -> None:
    """List jobs, newest first."""
    ready_house()
    with db.reading() as session:
        wanted = select(Job).order_by(Job.id.desc()).limit(limit)
        if state:
            wanted = wanted.where(Job.state == state)
        if kind:
            wanted = wanted.where(Job.kind == kind)
        rows = [
            {
                "id": one.id, "kind": one.kind, "subject": one.subject, "state": one.state, "attempts": one.attempts,
                "run_at": clock.iso(one.run_at), "reason": one.last_error,
            }
            for one in session.execute(wanted).scalars()
        ]  # fmt: skip
    say(rows, as_json=as_json, text=table(rows, ("id", "kind", "subject", "state", "attempts", "run_at", "reason")))


@job.command("retry")
@click.argument("job_id", required=False, type=int, metavar="ID")
@click.option("--dead", "all_dead", is_flag=True, help="All that were given up.")
@click.option("--reason", help="Of these only the ones with this reason.")
@json_option
def retry(job_id: int | None, all_dead: bool, reason: str | None, as_json: bool) -> None:
    """Try a job again, or all that were given up."""
    if (job_id is None) == (not all_dead):
        fail("Give either a job's ID or --dead.", code="invalid")
    ready_house()
    with db.transaction() as session:
        wanted = select(Job).where(Job.id == job_id) if job_id else select(Job).where(Job.state == "dead")
        if reason:
            wanted = wanted.where(Job.last_error == reason)
        found = list(session.execute(wanted).scalars())
        changed = sum(job_table.put_again(session, one.kind, one.subject, at=clock.now()) for one in found)
    if job_id is not None and not changed:
        raise NotFound("There is no such job, or it is running.", code="jobs.no_job")
    say({"retried": changed}, as_json=as_json, text=f"{changed} jobs are tried again.")


@click.group()
def media() -> None:
    """Files."""


@media.command("probe")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def probe(file: Path, as_json: bool) -> None:
    """Explain a file in plain words, as the desk would treat it."""
    found = explain.explain(file)
    say(explain.as_document(found), as_json=as_json, text=explain.as_text(found))
    if found.failure is not None:
        raise click.exceptions.Exit(1)


@media.command("backfill")
@click.option("--dry-run", is_flag=True, help="Only count what is missing; nothing is queued.")
@json_option
def backfill(dry_run: bool, as_json: bool) -> None:
    """Have renditions made that are missing or older than today's recipes; the keeper does it, behind live work.

    It goes on by itself and may be asked for again: then it shows how far it is.
    """
    ready_house()
    if dry_run:
        found = backfilling.survey().as_json()
        say(found, as_json=as_json, text=f"{found['files']} of {found['checked']} files lack something.")
        return
    with db.transaction() as session:
        run = backfilling.last_run(session)
        mark = backfilling.mark_of(session)
        if run is None or run.recipes != mark or run.finished_at is not None:
            backfilling.begin(session, mark, at=clock.now())
        document = backfilling.progress(session)
    text = f"{document['checked']} files looked at, {document['queued']} to be made anew, {document['in_flight']} left."
    say(document, as_json=as_json, text=text)


COMMANDS = (card, delivery, job, media)
