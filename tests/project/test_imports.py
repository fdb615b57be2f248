"""Imports keep their direction. The layers themselves are contracts in pyproject.toml; here are the finer promises."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest

from tests.project.tree import TOP, imports_any, list_imports, list_modules

EDGES = ("desk/factory.py", "desk/wsgi.py", "desk/cli/", "desk/cli.py", "desk/web/", "desk/keeper")
# who alone may know a library; everyone else asks them
ONLY = {
    "boto3": ("media_store/stores/",),
    "botocore": ("media_store/stores/",),
    "pydub": ("media_store/",),
    "PIL": ("media_store/",),
    "pi_heif": ("media_store/",),
    "huey": ("desk/jobs/", "desk/cli/"),
    "socketio": ("desk/web/", "desk/live/", "docker/"),
    "xlsxwriter": ("desk/reports/", "desk/privacy/", "desk/contests/"),
    "argon2": ("desk/people/", "desk/sealing.py"),
}


def _room_files() -> list[str]:
    return [name for name in list_modules("desk") if not name.startswith(EDGES)]


def test_every_room_has_its_place_in_the_order() -> None:
    contracts = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    placed = set(re.findall(r"desk\.(\w+)", " ".join(contracts[0]["layers"])))
    rooms = {name.split("/")[1].removesuffix(".py") for name in list_modules("desk")} - {"__init__"}

    assert rooms <= placed


def test_only_views_know_the_web() -> None:
    wrong = [
        name
        for name in _room_files()
        if imports_any(name, "desk.web") and not name.endswith("/views.py") and "/views/" not in name
    ]

    assert not wrong


def test_only_the_factory_knows_the_views() -> None:
    wrong = []
    for name in list_modules("desk"):
        rooms = {imported.split(".")[1] for imported in list_imports(name) if _is_views(imported)}
        here = name.split("/")[1]
        if rooms - {here} and not name.startswith("desk/factory"):
            wrong.append((name, rooms))

    assert not wrong


def _is_views(imported: str) -> bool:
    parts = imported.split(".")
    return len(parts) >= 3 and parts[0] == "desk" and parts[2] == "views"


def test_the_rehearsal_knows_the_desk_only_over_http() -> None:
    wrong = [
        (name, imported)
        for name in list_modules("desk")
        if name.startswith("desk/rehearsal/")
        for imported in list_imports(name)
        if imported.split(".")[0] in ("desk", "media_store")
        and imported not in ("desk",)
        and not imported.startswith("desk.rehearsal")
    ]

    assert not wrong


def test_the_rehearsal_is_imported_by_the_command_alone() -> None:
    wrong = [
        name
        for name in list_modules()
        if imports_any(name, "desk.rehearsal") and not name.startswith(("desk/rehearsal/", "desk/cli"))
    ]

    assert not wrong


@pytest.mark.parametrize("library", sorted(ONLY))
def test_a_library_is_known_in_one_place(library: str) -> None:
    outside = [
        name
        for name in list_modules()
        if imports_any(name, library) and not name.startswith((*ONLY[library], "desk/rehearsal/"))
    ]

    assert not outside


def test_product_code_never_imports_tests() -> None:
    assert not [name for name in list_modules() if imports_any(name, "tests", "bench", "pytest")]


def test_a_command_starts_without_what_it_seldom_needs() -> None:
    """Every `desk …` waits for what it imports: the web, the queue's clients and S3's are read where they are used."""
    asked = "import sys, desk.cli; print(*{'flask', 'huey', 'redis', 'psycopg', 'boto3', 'argon2'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", asked], cwd=TOP, check=True, capture_output=True, text=True)

    assert done.stdout.split() == ["argon2"]
