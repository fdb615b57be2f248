"""Commands that keep and move: the store, exports, the audit."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy import select

from desk import clock, copying, db, settings
from desk.cli.run import ready_house
from desk.cli.say import fail, json_option, say
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
@json_option
def copy(source: str, target: str, prefix: str, as_json: bool) -> None:
    """Copy all objects from one store to another (file:/… or s3://…); may be broken off and started again."""
    ready_house()
    report = copying.copy_store(_open(source), _open(target), prefix=prefix)
    document = report.as_json()
    say(document, as_json=as_json, text=f"{report.copied} copied, {report.present} were there, {report.bytes} bytes.")


@store.command("check")
@json_option
def check(as_json: bool) -> None:
    """Compare every original and rendition of the database with the store, byte by byte."""
    ready_house()
    with db.reading() as session:
        faults, count = copying.check_store(session, storage.current())
    document = {"ok": not faults, "objects": count, "faults": faults}
    say(document, as_json=as_json, text=f"{count} objects, {len(faults)} faults." if not faults else None)
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
