"""Commands for backups: taking one while the desk works, bringing one back while it does not."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from desk import backups, clock, opening
from desk.cli.run import ready_house
from desk.cli.say import fail, json_option, say


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@json_option
def backup(folder: Path, as_json: bool) -> None:
    """Write database and media into FOLDER, or bring the backup there up to date. Keys are not part of it."""
    ready_house()
    try:
        made, copied = backups.back_up(folder, at=clock.now())
    except OSError as fault:
        fail(f"The backup was not finished: {fault.strerror}.", code="backups.not_written")
    document = {"folder": str(folder), **asdict(made), **copied.as_json()}
    text = (
        f"The backup of {made.media_objects} files and {made.database_bytes} bytes of database is in {folder}.\n"
        "The keys are not in it: keep DESK_SECRET_KEY (or the folder 'keys' of the data folder) somewhere else."
    )
    say(
        document,
        as_json=as_json,
        text="\n".join([text, *(f"Damaged, not in it: {one['key']}" for one in copied.faults)]),
    )
    if copied.faults:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--force", "is_forced", is_flag=True, help="Put it in the place of what this desk holds now.")
@json_option
def restore(folder: Path, is_forced: bool, as_json: bool) -> None:
    """Bring a backup back, erase again what was erased since, and bring the database up to date."""
    opening.open_house()
    restored = backups.restore(folder, is_forced=is_forced, at=clock.now())
    again = restored.replayed
    text = (
        f"The backup of {restored.backup.made_at} is back. {restored.media_copied} files were copied, "
        f"{again.messages} messages and {again.people} people erased again."
    )
    say(restored.as_json(), as_json=as_json, text=text)
    if not again.is_done:
        raise click.exceptions.Exit(1)


COMMANDS = (backup, restore)
