"""docs/dependencies.md names every package the locks install, with its licence; the locks name no host."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock", "setup/ffmpeg.lock", "setup/postgres.lock")
# of a station's packages none may oblige us to publish under its own terms
REFUSED = ("AGPL", "SSPL", "BUSL", "GPL-2.0", "GPL-3.0")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _locked(lock: str) -> set[str]:
    return {_normal(name) for name in re.findall(r"^([\w.-]+)==", (TOP / lock).read_text(), re.M)}


def _section(title: str) -> list[list[str]]:
    page = (TOP / "docs" / "dependencies.md").read_text(encoding="utf-8")
    section = page.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def _names(rows: list[list[str]]) -> set[str]:
    return {_normal(name.strip()) for row in rows for name in row[0].split(",")}


def _declared(names: list[str]) -> set[str]:
    return {_normal(re.split(r"[\[<>=;~! ]", name, maxsplit=1)[0]) for name in names}


def test_every_package_a_station_installs_is_explained() -> None:
    explained = _names(_section("The desk itself")) | _names(_section("What these bring along"))

    assert _locked("requirements.lock") == explained


def test_every_declared_dependency_has_a_reason_of_its_own() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())

    assert _declared(project["project"]["dependencies"]) == _names(_section("The desk itself"))
    assert _declared(project["dependency-groups"]["dev"]) == _names(_section("For tests and upkeep"))


def test_each_row_is_filled() -> None:
    for title in ("The desk itself", "What these bring along", "For tests and upkeep"):
        for row in _section(title):
            assert all(row), row


def test_no_package_of_a_station_has_a_licence_that_binds_the_desk() -> None:
    rows = [(row[0], row[2]) for row in _section("The desk itself")]
    rows += [(row[0], row[1]) for row in _section("What these bring along")]

    for name, licence in rows:
        assert not any(word in licence.replace("LGPL", "lesser") for word in REFUSED), f"{name}: {licence}"


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_carry_hashes_and_name_no_host(lock: str) -> None:
    text = (TOP / lock).read_text()

    assert "://" not in text
    assert "--index-url" not in text
    for block in re.split(r"\n(?=\S)", text):
        if "==" in block and not block.startswith("#"):
            assert "--hash=sha256:" in block, block.splitlines()[0]


def test_the_dev_lock_pins_the_same_versions_as_a_station_runs() -> None:
    pins = {lock: set(re.findall(r"^([\w.-]+==[^ ;\\]+)", (TOP / lock).read_text(), re.M)) for lock in LOCKS}

    assert pins["requirements.lock"] <= pins["requirements-dev.lock"]


def test_the_licence_is_the_whole_apache_licence() -> None:
    text = (TOP / "LICENSE").read_text()

    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
