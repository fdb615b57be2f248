"""Settings are documented, checked all at once, and told through the command; what differs in a process of its own."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from desk.settings import FIELDS, SettingsFault, load_settings
from tests.cli.conftest import Command

TABLE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
ROW = re.compile(r"\| `(\w+)` \| (.+?) \| (.+?) \|")


def test_the_documented_settings_are_the_real_ones() -> None:
    documented = [match.groups() for match in ROW.finditer(TABLE.read_text(encoding="utf-8"))]

    assert documented == [(one.name, f"`{one.default}`" if one.default else "–", one.says) for one in FIELDS]


def test_every_fault_is_listed_at_once() -> None:
    wrong = {
        "DESK_MODE": "party", "DESK_BIND": "nowhere", "DESK_PUBLIC_URL": "ftp://x", "DESK_STORE_URL": "floppy:",
        "DESK_DATABASE_URL": "mysql://x", "DESK_QUEUE_URL": "pigeons:", "DESK_WORKERS": "two",
        "DESK_SECRET_KEY": "short",
    }  # fmt: skip

    with pytest.raises(SettingsFault) as caught:
        load_settings(wrong)

    for name in wrong:
        assert any(name in fault for fault in caught.value.faults), name


def test_the_command_lists_the_faults_too_and_fails(desk: Command) -> None:
    wrong = Command(desk.environment | {"DESK_WORKERS": "two", "DESK_STORE_URL": "floppy:"})

    error = wrong.json("station", "list", status=1)["error"]

    assert error["code"] == "settings"
    assert "DESK_WORKERS" in error["message"]
    assert "DESK_STORE_URL" in error["message"]


def test_production_does_not_start_without_a_key(desk: Command) -> None:
    keyless = Command(desk.environment | {"DESK_MODE": "production"})

    assert "DESK_SECRET_KEY" in keyless.json("doctor", status=1)["error"]["message"]


def test_the_installed_command_answers_with_one_document(desk: Command) -> None:
    added = desk.process("station", "add", "elbwelle", "Elbwelle", "--json")
    missing = desk.process("card", "show", "7", "--json")

    assert (added.returncode, missing.returncode) == (0, 1)
    assert json.loads(added.stdout)["slug"] == "elbwelle"
    assert len(desk.json("station", "list")) == 1
    assert json.loads(missing.stdout)["error"]["code"] == "wall.no_card"
    assert desk.process("erase", "--json").returncode == 2


def test_the_rehearsal_number_exists_in_rehearsal_alone(desk: Command) -> None:
    serious = Command(desk.environment | {"DESK_MODE": "production", "DESK_SECRET_KEY": "k" * 32})

    refused = serious.json("simulate", "send", "--station", "rheinwelle", "--from", "Ada", "--text", "Hallo", status=1)

    assert refused["error"]["code"] == "rehearsal.refused"
