"""Commands that keep and move: the store, exports, the audit."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from desk import clock, copying, db, settings
from desk.cli.run import ready_house
from desk.cli.say import Progress, fail, json_option, say
from desk.contests import actions as contests
from desk.contests import queries as contest_queries
from desk.errors import NotFound
from desk.jobs import work
from desk.jobs.models import Job
from desk.live import audit as chain
from desk.media import storage
from desk.people import queries as people
from media_store.stores import open_store
from media_store.stores.contract import Store


@click.group()
def store() -> None:
    """The media store."""


def _open(url: str) -> Store:
    given = settings.current()
    if url == given.store_url:
        return storage.current()
    return open_store(url, endpoint_url=given.s3_endpoint_url, region=given.s3_region)


@store.command("copy")
@click.argument("source")
@click.argument("target")
@click.option("--prefix", default="", help="Only keys that begin with this.")
@click.option("--quick", is_flag=True, help="Believe the digest of what is there already, do not read it again.")
@click.option("--repair", is_flag=True, help="Write objects anew that are damaged in TARGET.")
@click.option("--prune", is_flag=True, help="Delete from TARGET what SOURCE has not (any more).")
@click.option("--parallel", type=click.IntRange(1, 32), default=copying.WORKERS, show_default=True)
@json_option
def copy(
    source: str, target: str, prefix: str, quick: bool, repair: bool, prune: bool, parallel: int, as_json: bool
) -> None:
    """Copy all objects of store SOURCE to TARGET (file:/… or s3://…) and read each back to compare its SHA-256.

    May be broken off and started again: what is there is not copied twice. Nothing in SOURCE changes.
    """
    ready_house()
    taken_from = _open(source)
    progress = Progress(*copying.measure_store(taken_from, prefix), is_shown=not as_json)
    report = copying.copy_store(
        taken_from, _open(target), prefix=prefix, trusts_present=quick, repairs=repair, workers=parallel,
        notice=lambda report: progress.show(report.seen, report.bytes),
    )  # fmt: skip
    progress.end()
    if prune and not report.seen:
        fail("SOURCE is empty, so nothing is deleted in TARGET. Is the address right?", code="store.empty_source")
    pruned = copying.prune_store(taken_from, _open(target), prefix) if prune else 0
    text = f"{report.copied} copied, {report.present} were there, {report.bytes} bytes, {pruned} deleted."
    _answer(report.as_json() | {"pruned": pruned}, text, as_json)


@store.command("check")
@click.option(
    "--orphans-after", type=click.FloatRange(0), default=24, show_default=True, metavar="HOURS",
    help="Objects that no row names count when they are older than this.",
)  # fmt: skip
@json_option
def check(orphans_after: float, as_json: bool) -> None:
    """Compare the store with the database, byte by byte: names what is missing, damaged or orphaned."""
    ready_house()
    progress = Progress(*copying.measure_store(storage.current()), is_shown=not as_json)
    report = copying.check_store(
        storage.current(), at=clock.now(), orphans_after=timedelta(hours=orphans_after),
        notice=lambda report: progress.show(report.objects),
    )  # fmt: skip
    progress.end()
    _answer(report.as_json(), f"{report.objects} objects, {len(report.faults)} faults.", as_json)


def _answer(document: dict[str, Any], text: str, as_json: bool) -> None:
    """Print a report; its faults, one a line, and status 1 if there are any."""
    faults = document["faults"]
    say(document, as_json=as_json, text="\n".join([text, *(f"{one['fault']}: {one['key']}" for one in faults)]))
    if faults:
        raise click.exceptions.Exit(1)


@click.command()
@click.option("--station", "slug", required=True)
@click.option("--campaign", "campaign_id", type=int, required=True)
@click.option("--by", "email", required=True, help="E-mail of the editor in whose name it is made.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@json_option
def export(slug: str, campaign_id: int, email: str, file: Path, as_json: bool) -> None:
    """Write the entries of a campaign as a ZIP with XLSX, CSV, media and manifest."""
    ready_house()
    with db.transaction() as session:
        station = people.load_station(session, slug)
        person = people.find_person(session, email)
        if person is None:
            raise NotFound(f"There is no person with the address {email}.", code="people.no_person")
        if not people.has_any_role(session, person.id, station.id, ("editor", "privacy")):
            fail("Exports are for editors of the station.", code="desk.not_allowed")
        asked = contests.ask_for_export(session, station.id, campaign_id, by=person.id, at=clock.now())
        export_id, station_id, person_id = asked.id, station.id, person.id
        job_id = session.execute(select(Job.id).where(Job.subject == f"export:{export_id}")).scalar_one()
    work.run(job_id)
    made = copying.wait_for_export(export_id)
    if made.state != "ready":
        fail(f"The export was not made: {made.reason}.", code="contests.export_failed")
    with db.transaction() as session:
        contests.note_fetch(session, station_id, export_id, by=person_id, at=clock.now())
    copying.save(storage.current(), made.key or "", file)
    document = contest_queries.view_export(made) | {"file": str(file)}
    say(document, as_json=as_json, text=f"{made.done} entries in {file}.")


@click.group()
def audit() -> None:
    """The audit chain."""


@audit.command("verify")
@json_option
def verify(as_json: bool) -> None:
    """Walk every station's chain; names the first row that does not hold."""
    ready_house()
    with db.reading() as session:
        stations = {one.id: one.slug for one in people.list_stations(session)}
        faults = {slug: chain.verify(session, station_id) for station_id, slug in stations.items()}
    rows = [
        {"station": slug, "ok": fault is None, "seq": fault.seq if fault else None, "says": fault.says if fault else ""}
        for slug, fault in faults.items()
    ]
    healthy = all(row["ok"] for row in rows)
    say({"ok": healthy, "stations": rows}, as_json=as_json, text="The audit holds." if healthy else None)
    if not healthy:
        raise click.exceptions.Exit(1)


COMMANDS = (store, export, audit)
