"""Commands that set a house up: stations, people, channels."""

from __future__ import annotations

import json
from pathlib import Path

import click
from sqlalchemy import select

from desk import clock, db, sealing
from desk.channels import actions as channels
from desk.channels import queries as channel_queries
from desk.channels.models import Channel
from desk.cli.run import ready_house
from desk.cli.say import fail, json_option, say, table
from desk.errors import NotFound
from desk.people import actions, queries, rules
from desk.people.models import Station
from desk.shows import actions as shows


@click.group()
def station() -> None:
    """Stations of the house."""


@station.command("add")
@click.argument("slug")
@click.argument("name")
@click.option("--locale", type=click.Choice(["de", "en"]), default="de", show_default=True)
@json_option
def add_station(slug: str, name: str, locale: str, as_json: bool) -> None:
    """Add a station; does nothing if the short name is there already."""
    ready_house()
    with db.transaction() as session:
        added = actions.add_station(session, slug, name, at=clock.now(), locale=locale)
        document = {"id": added.id, "slug": added.slug, "name": added.name}
    say(document, as_json=as_json, text=f"Station {slug} is there.")


@station.command("list")
@json_option
def list_stations(as_json: bool) -> None:
    """List the stations."""
    ready_house()
    with db.reading() as session:
        rows = [
            {"id": one.id, "slug": one.slug, "name": one.name, "timezone": one.timezone, "consent": one.consent_mode}
            for one in queries.list_stations(session)
        ]
    say(rows, as_json=as_json, text=table(rows, ("id", "slug", "name", "timezone", "consent")))


@station.command("show-add")
@click.argument("slug")
@click.argument("name")
@click.option("--weekdays", default="1111100", show_default=True, help="Monday first, 1 for a day with the show.")
@click.option("--from", "starts", default="06:00", show_default=True)
@click.option("--to", "ends", default="10:00", show_default=True)
@json_option
def add_show(slug: str, name: str, weekdays: str, starts: str, ends: str, as_json: bool) -> None:
    """Add a show with its days and local times."""
    ready_house()
    with db.transaction() as session:
        one = queries.load_station(session, slug)
        show = shows.add_show(
            session, one.id, name, weekdays=weekdays, starts_minute=_minute(starts), ends_minute=_minute(ends),
            by=None, at=clock.now(),
        )  # fmt: skip
        document = {"id": show.id, "name": show.name}
    say(document, as_json=as_json, text=f"Show {name} is there.")


def _minute(text: str) -> int:
    hours, _, minutes = text.partition(":")
    if not (hours.isdecimal() and minutes.isdecimal() and int(hours) <= 24 and int(minutes) < 60):
        fail(f"{text} is no time of day such as 06:00.", code="invalid")
    return int(hours) * 60 + int(minutes)


@click.group()
def person() -> None:
    """People and how they sign in."""


@person.command("add")
@click.argument("email")
@click.argument("name")
@click.option("--station", "slug", help="Station at which the roles hold.")
@click.option("--role", "roles", multiple=True, type=click.Choice(rules.ROLES), help="May be given several times.")
@click.option("--operator", is_flag=True, help="May look after the machine; sees no content.")
@json_option
def add_person(email: str, name: str, slug: str | None, roles: tuple[str, ...], operator: bool, as_json: bool) -> None:
    """Add a person, or give one more roles."""
    if roles and not slug:
        fail("Roles need --station.", code="invalid")
    ready_house()
    at = clock.now()
    with db.transaction() as session:
        added = actions.add_person(session, email, name, at=at)
        added.is_operator = added.is_operator or operator
        if slug:
            one = queries.load_station(session, slug)
            for role in roles:
                actions.give_role(session, added, one, role, by=None, at=at)
        document = {"id": added.id, "email": added.email, "name": added.name, "roles": list(roles)}
    say(document, as_json=as_json, text=f"{name} is there. A sign-in link: desk person link {email}")


@person.command("link")
@click.argument("email")
@click.option("--station", "slug", help="Station the person starts at.")
@json_option
def link(email: str, slug: str | None, as_json: bool) -> None:
    """Make a one-time sign-in link, good for a day."""
    settings = ready_house()
    with db.transaction() as session:
        found = queries.find_person(session, email)
        if found is None:
            raise NotFound(f"There is no person with the address {email}.", code="people.no_person")
        one = queries.load_station(session, slug) if slug else None
        token = actions.make_link(session, found, at=clock.now(), station=one)
    url = f"{settings.public_url}/signin/link/{token}"
    say({"url": url}, as_json=as_json, text=url)


@person.command("password")
@click.argument("email")
@click.password_option()
@json_option
def password(email: str, password: str, as_json: bool) -> None:
    """Set a person's password."""
    ready_house()
    with db.transaction() as session:
        found = queries.find_person(session, email)
        if found is None:
            raise NotFound(f"There is no person with the address {email}.", code="people.no_person")
        actions.set_password(session, found, password)
    say({"ok": True}, as_json=as_json, text="The password is set.")


@click.group()
def channel() -> None:
    """Numbers and addresses at providers."""


@channel.command("add")
@click.argument("slug")
@click.argument("kind", type=click.Choice(["whatsapp_cloud"]))
@click.option("--name", default="WhatsApp", show_default=True)
@click.option("--number-id", required=True, help="The provider's id of the number (phone_number_id).")
@click.option("--display-number", default="", help="The number as listeners know it.")
@click.option(
    "--secrets-file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON with app_secrets (list), verify_token and access_token; not kept open anywhere.",
)
@click.option("--api-version", default="v25.0", show_default=True)
@json_option
def add_channel(
    slug: str, kind: str, name: str, number_id: str, display_number: str, secrets_file: Path, api_version: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Connect a number to a station."""
    settings = ready_house()
    with db.transaction() as session:
        added = channels.add_channel(
            session, queries.load_station(session, slug), kind, name=name, number_id=number_id,
            display_number=display_number, secrets=json.loads(secrets_file.read_text(encoding="utf-8")),
            settings={"api_version": api_version}, at=clock.now(),
        )  # fmt: skip
        document = {"id": added.id, "webhook_url": f"{settings.public_url}/webhooks/{added.public_id}"}
    say(document, as_json=as_json, text=f"Enter this address at the provider: {document['webhook_url']}")


@channel.command("list")
@json_option
def list_channels(as_json: bool) -> None:
    """List the channels with their webhook addresses; never their secrets."""
    settings = ready_house()
    with db.reading() as session:
        found = session.execute(select(Channel, Station).join(Station).order_by(Channel.id)).all()
    rows = [
        {
            "id": one.id, "station": of.slug, "kind": one.kind, "name": one.name, "verified_at": one.verified_at,
            "last_delivery_at": one.last_delivery_at, "webhook_url": f"{settings.public_url}/webhooks/{one.public_id}",
        }
        for one, of in found
    ]  # fmt: skip
    say(rows, as_json=as_json, text=table(rows, ("id", "station", "kind", "name", "last_delivery_at", "webhook_url")))


@channel.command("check")
@click.argument("channel_id", type=int, metavar="ID")
@json_option
def check(channel_id: int, as_json: bool) -> None:
    """Ask the provider about a number: token, right, registration."""
    ready_house()
    with db.reading() as session:
        found = session.get(Channel, channel_id)
        if found is None:
            raise NotFound(f"There is no channel {channel_id}.", code="channels.no_channel")
        adapter = channel_queries.open_adapter(found)
    report = adapter.check()
    document = {"ok": report.is_ok, "problem": report.problem, "details": report.details}
    say(document, as_json=as_json, text="The number answers." if report.is_ok else None)
    if not report.is_ok:
        raise click.exceptions.Exit(1)


def secrets_of(found: Channel) -> dict[str, object]:
    """Open a channel's secrets; for the rehearsal number's configuration only."""
    opened: dict[str, object] = sealing.unseal_json(found.secrets_sealed, f"channel:{found.public_id}")
    return opened


COMMANDS = (station, person, channel)
