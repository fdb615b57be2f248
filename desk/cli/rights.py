"""Commands for the rights of a listener: everything that is kept about a person, and erasing it."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy.orm import Session

from desk import clock, db
from desk.cli.run import ready_house
from desk.cli.say import fail, json_option, say, table
from desk.errors import NotFound
from desk.people import queries as people
from desk.privacy import answering, erasing, subjects
from desk.privacy.subjects import NobodyThere, Subject

PROVIDER_ID = click.option("--provider-id", help="The provider's id of a message (wamid).")
CARD = click.option("--card", "card_id", type=int, help="The id of a card.")
LISTENER = click.option("--listener", "listener_id", type=int, help="The id of a listener.")
BY = click.option("--by", "email", help="E-mail of the person in whose name it is done; default: the operator.")


@click.command()
@PROVIDER_ID
@LISTENER
@CARD
@BY
@click.option("--locale", type=click.Choice(["de", "en"]), help="Language of the page; default the station's.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@json_option
def access(
    provider_id: str | None, listener_id: int | None, card_id: int | None, email: str | None, locale: str | None,
    file: Path, as_json: bool,
) -> None:  # fmt: skip
    """Write everything kept about a person into FILE (ZIP): JSON, a page to read, all their files."""
    _only_one(provider_id, listener_id, card_id)
    ready_house()
    with db.reading() as session:
        subject = _find(session, provider_id, listener_id, card_id)
        by = _person(session, email)
    try:
        made = answering.answer(subject, file, by=by, at=clock.now(), locale=locale)
    except answering.DamagedFile as fault:
        fail(f"A stored file is damaged, so the answer was not written: {fault}.", code="privacy.file_damaged")
    except OSError as fault:
        fail(f"{file} cannot be written: {fault.strerror}.", code="privacy.not_written")
    text = f"{made.items} messages and {made.files} files are in {file}. Hand it over, then delete it."
    say(made.as_json(), as_json=as_json, text=text)


@click.command()
@PROVIDER_ID
@LISTENER
@CARD
@click.option("--reason", required=True, help="Why; kept with the case. No names, please.")
@BY
@json_option
def erase(
    provider_id: str | None, listener_id: int | None, card_id: int | None, reason: str, email: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Erase one message, or a person with everything, for good. Broken off, it is simply run again."""
    _only_one(provider_id, listener_id, card_id)
    if not reason.strip():
        fail("Give a reason.", code="invalid")
    ready_house()
    with db.reading() as session:
        by = _person(session, email)
        if provider_id is not None and _is_gone(session, provider_id):
            document: dict[str, object] = {"ok": True, "case": None, "subject": None, "steps": []}
            say(document, as_json=as_json, text="It was erased before and is not in this database.")
            return
        subject = _find(session, provider_id, listener_id, card_id)
    report = erasing.erase(subject, reason=reason.strip(), by=by, at=clock.now())
    rows = [{"step": one.name, "done": "yes" if one.is_done else "NO", **one.proof} for one in report.steps]
    say(report.as_json(), as_json=as_json, text=table(rows, ("step", "done")))
    if not report.is_done:
        if not as_json:
            fail("Not everything is gone yet. Run the command again.", code="privacy.not_finished")
        raise click.exceptions.Exit(1)


def _only_one(*given: object) -> None:
    if sum(one is not None for one in given) != 1:
        fail("Give one of --provider-id, --listener and --card.", code="invalid")


def _find(session: Session, provider_id: str | None, listener_id: int | None, card_id: int | None) -> Subject:
    if provider_id is not None:
        return subjects.of_provider_id(session, provider_id)
    return subjects.of_listener(session, listener_id) if listener_id else subjects.of_card(session, card_id or 0)


def _is_gone(session: Session, provider_id: str) -> bool:
    """Erased, and no tombstone here: this database was restored from a time before the message came."""
    try:
        subjects.of_provider_id(session, provider_id)
    except NobodyThere:
        return subjects.was_erased(session, provider_id)
    return False


def _person(session: Session, email: str | None) -> int | None:
    if email is None:
        return None
    person = people.find_person(session, email)
    if person is None:
        raise NotFound(f"There is no person with the address {email}.", code="people.no_person")
    return person.id


COMMANDS = (access, erase)
