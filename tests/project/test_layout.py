"""The house stands as described: what lies at the top, how rooms are named, how long things get."""

from __future__ import annotations

import ast
import re
import statistics

import pytest

from tests.conftest import LONG_FILES
from tests.project.tree import PACKAGES, TOP, imports_any, list_files, list_modules, parse

ORDERED = {"app.py", "pyproject.toml", "desk", "media_store", "templates", "tests", "docker"}
USUAL = {
    ".ci",
    ".editorconfig",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "bench",
    "docs",
    "requirements-dev.lock",
    "requirements.lock",
    "setup",
}
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "misc", "common", "manager", "tools", "stuff", "base"}
TEXT = {".py", ".md", ".toml", ".html", ".js", ".css", ".sh", ".yaml", ".yml", ".conf", ".json", ".po", ".lock", ""}
# spelled in parts, so that this file does not name them itself
PLACES_OF_A_MACHINE = ("/wo" + "rk/", "/ro" + "ot/", "/opt/" + "wheels", "/opt/" + "pypi")
REGISTRY_HOSTS = ("pypi" + ".org", "python" + "hosted.org", "registry." + "npmjs", "deb." + "debian.org")


def test_the_top_level_holds_what_was_ordered_and_the_usual_files() -> None:
    top = {name.split("/")[0] for name in list_files()}

    assert top >= ORDERED
    assert top <= ORDERED | USUAL


def test_the_door_is_a_few_lines() -> None:
    lines = (TOP / "app.py").read_text().splitlines()
    kinds = {type(node) for node in parse("app.py").body}

    assert len(lines) <= 15
    assert not kinds & {ast.FunctionDef, ast.ClassDef, ast.If, ast.For, ast.While, ast.Try}


def test_no_file_has_a_name_that_says_nothing() -> None:
    said = [name for name in list_modules() if name.rsplit("/", 1)[-1].removesuffix(".py") in NAMES_THAT_SAY_NOTHING]

    assert not said


def test_each_module_says_what_it_owns() -> None:
    silent = [name for name in list_modules() if parse(name).body and not ast.get_docstring(parse(name))]

    assert not silent


def _read_by_people() -> list[str]:
    """Modules whose length is a matter of comfort; a migration is one straight list."""
    return [name for name in list_modules() if not name.startswith("desk/migrations/versions/")]


def test_no_file_outgrows_a_comfortable_read() -> None:
    long = {name: count for name in _read_by_people() if (count := len((TOP / name).read_text().splitlines())) > 700}

    assert not long


def test_functions_are_short() -> None:
    lengths = [
        (node.end_lineno or 0) - node.lineno + 1
        for name in _read_by_people()
        for node in ast.walk(parse(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert statistics.median(lengths) <= 12
    assert statistics.quantiles(lengths, n=20)[-1] <= 50
    assert max(lengths) <= 110


@pytest.mark.parametrize("room", ["models", "rules", "queries"])
def test_rooms_keep_their_promises_about_what_they_never_hold(room: str) -> None:
    never = {
        "models": ("flask", "requests", "desk.web", "desk.clock"),
        "rules": ("flask", "sqlalchemy", "requests", "random", "secrets", "desk.clock", "desk.db", "desk.web"),
        "queries": ("flask", "requests", "desk.web"),
    }[room]
    rooms = [name for name in list_modules("desk") if name.count("/") == 2 and name.endswith(f"/{room}.py")]

    assert not [name for name in rooms if imports_any(name, *never)]


def _texts() -> list[tuple[str, str]]:
    names = [name for name in list_files() if name[name.rfind(".") :] in TEXT or "." not in name.rsplit("/", 1)[-1]]
    names = [name for name in names if "/vendor/" not in name]
    return [(name, (TOP / name).read_text(encoding="utf-8", errors="replace")) for name in names]


def test_no_file_names_a_place_of_one_machine_or_a_registry() -> None:
    found = [
        (name, place) for name, text in _texts() for place in (*PLACES_OF_A_MACHINE, *REGISTRY_HOSTS) if place in text
    ]

    assert not found


def test_nothing_is_left_to_do_later() -> None:
    marks = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")

    assert not [
        (name, mark[0]) for name, text in _texts() if name.split("/")[0] in PACKAGES for mark in marks.finditer(text)
    ]


def test_files_that_begin_first_are_there() -> None:
    assert [name for name in LONG_FILES if not (TOP / "tests" / name).exists()] == []
