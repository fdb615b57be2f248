"""The rehearsal house: two invented stations on a number that is ours, and the commands of their listeners.

Refuses to do anything outside rehearsal mode.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import clock, db
from desk.channels import actions as channels
from desk.channels.models import Channel
from desk.cli.run import ready_house
from desk.cli.say import fail, json_option, say
from desk.cli.set_up import secrets_of
from desk.contests import actions as contests
from desk.people import actions as people
from desk.people import queries as people_queries
from desk.people.models import Station
from desk.rehearsal import client
from desk.settings import Settings
from desk.shows import actions as shows

STATIONS = (
    # slug, name, mark, hue, number id, account id, number
    ("rheinwelle", "Radio Rheinwelle", "RW", 16, "390000000000017", "280000000000042", "4915790009000"),
    ("oldie95", "Oldie 95", "O95", 3, "390000000000095", "280000000000095", "4915790009500"),
)
SHOWS = {"rheinwelle": "Der Rheinwelle-Morgen", "oldie95": "Oldie-Café"}
PEOPLE = (
    # e-mail, name, hue, roles
    ("lea@rehearsal.example", "Lea Vogt", 14, ("producer",)),
    ("mehmet@rehearsal.example", "Mehmet Aydın", 10, ("producer",)),
    ("jonas@rehearsal.example", "Jonas Berg", 16, ("presenter",)),
    ("svenja@rehearsal.example", "Svenja Kurz", 2, ("editor",)),
    ("anna@rehearsal.example", "Anna Brandt", 20, ("service",)),
    ("paula@rehearsal.example", "Paula Richter", 6, ("privacy", "auditor")),
    ("omar@rehearsal.example", "Omar Haddad", 8, ("admin",)),
)
SINGING = "ständchen, geburtstag, geburtstagskind, singen, singt, gesungen, gratulieren, glückwunsch"
SNOW = "schnee, schneit, geschneit, eingeschneit, schneemann, flocken"
CAMPAIGNS = {
    # name, keywords, hue, icon
    "rheinwelle": (
        ("Ständchen-Woche", SINGING, 21, "note"),
        ("Erster Schnee", SNOW, 13, "snow"),
        ("Stau-Melder", "stau, unfall, sperrung", 2, "car"),
    ),
    "oldie95": (("Wunschkonzert", "wunsch, wünsche, wünschen", 5, "note"),),
}


def prepare(settings: Settings) -> Path:
    """Make the rehearsal house ready and write the number's configuration; returns its path. May be repeated."""
    _only_in_rehearsal(settings)
    at = clock.now()
    with db.transaction() as session:
        stations = [_station(session, settings, *row) for row in STATIONS]
        for email, name, hue, roles in PEOPLE:
            person = people.add_person(session, email, name, at=at, hue=hue)
            for station in session.execute(select(Station)).scalars():
                for role in roles:
                    people.give_role(session, person, station, role, by=None, at=at)
    path = settings.data_dir / "rehearsal" / "config.json"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    config = {
        "bind": settings.rehearsal_bind,
        "data_dir": str(path.parent),
        "desk_public_url": settings.public_url,
        "morning": os.environ.get("DESK_REHEARSAL_MORNING", "1") != "0",
        "stations": stations,
    }
    part = path.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(json.dumps(config), encoding="utf-8")
    part.replace(path)
    db.current().dispose()
    return path


def _station(
    session: Session, settings: Settings, slug: str, name: str, mark: str, hue: int, number_id: str, account: str,
    number: str,
) -> dict[str, Any]:  # fmt: skip
    at = clock.now()
    station = people.add_station(session, slug, name, at=at, mark=mark, hue=hue)
    shows.add_show(session, station.id, SHOWS[slug], weekdays="1111111", starts_minute=0, ends_minute=1440,
                   by=None, at=at)  # fmt: skip
    for title, keywords, campaign_hue, icon in CAMPAIGNS[slug]:
        contests.add_campaign_once(session, station.id, title, keywords=keywords, hue=campaign_hue, icon=icon, at=at)
    channel = session.execute(select(Channel).where(Channel.number_id == number_id)).scalar_one_or_none()
    if channel is None:
        kept = {name: secrets.token_hex(20) for name in ("verify_token", "access_token")}
        channel = channels.add_channel(
            session, station, "whatsapp_cloud", name="WhatsApp (Probe)", number_id=number_id,
            display_number=f"+{number}", secrets={**kept, "app_secrets": [secrets.token_hex(20)]},
            settings={}, at=at,
        )  # fmt: skip
    # The address may move with PORT; everything else of a channel stays as it was made.
    channel.settings = {
        "graph_base_url": f"http://{settings.rehearsal_bind}", "api_version": "v25.0",
        "allowed_hosts": [settings.rehearsal_bind],
    }  # fmt: skip
    opened: Any = secrets_of(channel)
    return {
        "slug": slug, "phone_number_id": number_id, "waba_id": account, "display_phone_number": number,
        "webhook_url": f"http://{settings.bind}/webhooks/{channel.public_id}",
        "app_secret": opened["app_secrets"][0], "verify_token": opened["verify_token"],
        "access_token": opened["access_token"],
    }  # fmt: skip


def invitation(settings: Settings) -> str:
    """One sign-in link per role and the address of the listener's phone, as lines to read."""
    lines = ["", "Sign in by opening one of these links (each works once):"]
    with db.transaction() as session:
        station = people_queries.load_station(session, STATIONS[0][0])
        for email, name, _hue, roles in PEOPLE:
            person = people_queries.find_person(session, email)
            if person is not None:
                token = people.make_link(session, person, at=clock.now(), station=station)
                lines.append(f"  {roles[0]:<10} {name:<14} {settings.public_url}/signin/link/{token}")
    lines += ["", f"The listener's phone: http://{settings.rehearsal_bind}/phone", "Stop with Ctrl-C."]
    return "\n".join(lines)


def _only_in_rehearsal(settings: Settings) -> None:
    if not settings.is_rehearsal:
        fail("The rehearsal number exists only with DESK_MODE=rehearsal.", code="rehearsal.refused")


@click.group()
def simulate() -> None:
    """Be a listener of the rehearsal stations."""


@simulate.command("send")
@click.option("--station", "slug", required=True)
@click.option("--from", "sender", required=True, help="Any name; known ones are the cast's.")
@click.option("--file", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--caption")
@click.option("--text")
@click.option("--voice", "is_voice", is_flag=True, help="The file was recorded in the messenger.")
@json_option
def send(
    slug: str, sender: str, file: Path | None, caption: str | None, text: str | None, is_voice: bool, as_json: bool
) -> None:
    """A listener sends a text or a file; prints the provider's id of the message."""
    if not text and file is None:
        fail("Give --text or --file.", code="invalid")
    provider_id = _ask(lambda base: client.send(base, slug, sender, text, file, caption, is_voice))
    say({"provider_id": provider_id}, as_json=as_json, text=provider_id)


@simulate.command("post")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--station", "slug", default=STATIONS[0][0], show_default=True)
@json_option
def post(file: Path, slug: str, as_json: bool) -> None:
    """Post a payload, signed as the provider signs it; prints the status of the answer."""
    settings = ready_house()
    _only_in_rehearsal(settings)
    with db.reading() as session:
        station = people_queries.load_station(session, slug)
        channel = session.execute(select(Channel).where(Channel.station_id == station.id)).scalars().first()
        if channel is None:
            fail(f"Station {slug} has no channel.", code="channels.no_channel")
        opened: Any = secrets_of(channel)
        url = f"http://{settings.bind}/webhooks/{channel.public_id}"
    status = client.post_payload(url, opened["app_secrets"][0], file.read_bytes())
    say({"status": status}, as_json=as_json, text=str(status))
    if not 200 <= status < 300:
        raise click.exceptions.Exit(1)


@simulate.command("burst")
@click.option("--items", type=click.IntRange(1, 100_000), required=True)
@click.option("--per-minute", type=click.FloatRange(1, 60_000), required=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--station", "slug")
@click.option("--call-outs", is_flag=True, help="As on a busy morning: four call-outs, each answered by a flood.")
@click.option(
    "--varied/--same",
    "is_varied",
    default=None,
    help="Each file as if another person had made it, or the cast's few over and over; the default with call-outs.",
)
@json_option
def burst(
    items: int, per_minute: float, seed: int, slug: str | None, call_outs: bool, is_varied: bool | None, as_json: bool
) -> None:
    """Send many mixed messages; goes on in the rehearsal number after this returns."""
    varied = call_outs if is_varied is None else is_varied
    plan = _ask(
        lambda base: client.burst(base, items, per_minute, seed, station=slug, call_outs=call_outs, is_varied=varied)
    )
    document = {"items": len(plan.ids), "lasts_s": plan.lasts_s, "provider_ids": plan.ids}
    say(document, as_json=as_json, text=f"{len(plan.ids)} messages within {plan.lasts_s:.0f} s.")


def _ask(what: Any) -> Any:
    settings = ready_house()
    _only_in_rehearsal(settings)
    try:
        return what(f"http://{settings.rehearsal_bind}")
    except client.Refused as refused:
        fail(str(refused), code="rehearsal.refused")
    except client.Unreachable:
        fail("The rehearsal number does not run. Start it with: make run", code="rehearsal.unreachable")


COMMANDS = (simulate,)
