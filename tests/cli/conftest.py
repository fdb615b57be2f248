"""The command `desk` on an embedded data folder: in this process for most, as a process of its own for a few."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from desk import db
from desk.cli import main
from desk.settings import Settings
from tests.intake.fixtures import graph, provider

__all__ = ["graph", "provider"]
BESIDE = Path(sys.executable).with_name("desk")


@dataclass
class Command:
    """Runs `desk` with the settings of a data folder."""

    environment: dict[str, str]

    def __call__(self, *arguments: str | Path) -> Result:
        return CliRunner().invoke(main, [str(one) for one in arguments], env=self.environment)

    def json(self, *arguments: str | Path, status: int = 0) -> Any:
        """The one document a command prints; its exit status must be as expected."""
        result = self(*arguments, "--json")
        assert result.exit_code == status, result.output
        return json.loads(result.stdout)

    def process(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """The same through the installed command, as an operator types it."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("DESK_")}
        return subprocess.run(
            [str(BESIDE), *map(str, arguments)], env=clean | self.environment, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip


@pytest.fixture
def desk(settings: Settings) -> Iterator[Command]:
    yield Command(
        {"DESK_MODE": "rehearsal", "DESK_DATA_DIR": str(settings.data_dir), "DESK_BIND": "127.0.0.1:8080",
         "DESK_LOG_LEVEL": "ERROR", "DESK_SETTINGS_FILE": "", "DESK_DATABASE_URL": ""}
    )  # fmt: skip
    with suppress(RuntimeError):  # not every command opens the house
        db.current().dispose()
