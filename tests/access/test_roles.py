"""The documented table of roles is the table the desk works by."""

from __future__ import annotations

from pathlib import Path

from desk.people.rules import ROLES
from desk.web.access import permissions

PAGE = Path(__file__).resolve().parents[2] / "docs" / "roles.md"


def test_the_documented_table_is_the_one_in_force() -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.read_text("utf-8").splitlines()]
    head = next(row for row in rows if row[0] == "permission")
    documented = {
        row[0].strip("`"): frozenset(role for role, cell in zip(head[2:], row[2:], strict=True) if cell == "yes")
        for row in rows
        if row[0].startswith("`")
    }

    assert documented == permissions()
    assert set(head[2:]) == {*ROLES, "operator"}


def test_every_permission_says_what_it_means() -> None:
    rows = [line.split("|") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]

    assert all(len(row[2].strip()) > 5 for row in rows)
