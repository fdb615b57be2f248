"""The command `desk`: everything an operator does without a browser.

Each module holds the commands of one matter. `--json` prints exactly one JSON document; the exit status is 0 only
when it worked. Refusals are printed as one sentence on standard error.
"""

from __future__ import annotations

import sys

import click

from desk.cli import back_up, keep, look, rehearse, rights, run, set_up
from desk.cli.say import fail, note_wish, say, wants_json
from desk.errors import DeskError
from desk.settings import SettingsFault
from media_store.errors import MediaStoreError


class Desk(click.Group):
    """The group that turns every refusal into one sentence."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        note_wish(ctx, args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except click.UsageError as fault:
            if wants_json():
                say({"error": {"code": "usage", "message": fault.format_message()}}, as_json=True)
            raise
        except SettingsFault as fault:
            fail(str(fault), code="settings")
        except DeskError as error:
            fail(_sentence(error), code=error.code)
        except MediaStoreError as error:
            fail(error.message, code=error.code)


def _sentence(error: DeskError) -> str:
    fields = getattr(error, "fields", {})
    return " ".join([error.message, *fields.values()])


@click.group(cls=Desk, context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": None})
@click.version_option(package_name="hoererpult")
def main() -> None:
    """Hörerpult, the listener-participation desk. Settings come from the environment: see docs/settings.md."""


for module in (run, set_up, look, keep, rights, back_up, rehearse):
    for command in module.COMMANDS:
        main.add_command(command)


if __name__ == "__main__":
    sys.exit(main())
