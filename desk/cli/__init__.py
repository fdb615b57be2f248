"""The command `desk`: everything an operator does without a browser.

Each module holds the commands of one matter. `--json` prints exactly one JSON document; the exit status is 0 only
when it worked. Refusals are printed as one sentence on standard error.
"""

from __future__ import annotations

import sys

import click

from desk.cli import keep, look, rehearse, run, set_up
from desk.cli.say import fail
from desk.errors import DeskError
from desk.settings import SettingsFault
from media_store.errors import MediaStoreError


class Desk(click.Group):
    """The group that turns every refusal into one sentence."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except SettingsFault as fault:
            fail(str(fault), code="settings")
        except DeskError as error:
            fail(_sentence(error), code=error.code)
        except MediaStoreError as error:
            fail(str(error), code=error.code)


def _sentence(error: DeskError) -> str:
    fields = getattr(error, "fields", {})
    return " ".join([error.message, *fields.values()])


@click.group(cls=Desk, context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": None})
@click.version_option(package_name="hoererpult")
def main() -> None:
    """Hörerpult, the listener-participation desk. Settings come from the environment: see docs/settings.md."""


for module in (run, set_up, look, keep, rehearse):
    for command in module.COMMANDS:
        main.add_command(command)


if __name__ == "__main__":
    sys.exit(main())
