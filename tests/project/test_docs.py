"""What the pages for people promise is there: commands, files, links."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from docs.formats.films import FILMS_SENT
from docs.formats.others import OTHERS_SENT
from docs.formats.photos import PHOTOS_SENT
from docs.formats.sounds import MORE_FORMS
from docs.formats.stickers import STICKERS_SENT
from tests.media_store.hostile.table import corpus
from tests.media_store.test_inputs import FORMS
from tests.project.tree import TOP, list_files

PROMISED = ("run", "test", "bench", "faults", "soak", "docs-pictures", "docs-media", "docs-hostile-media")
PROMISED += ("locks", "lint", "unit")
PAGES = tuple(name for name in list_files() if name.endswith(".md") and "/vendor/" not in name)


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text(), re.M))


@pytest.mark.parametrize("target", PROMISED)
def test_make_knows_every_promised_command(target: str) -> None:
    assert target in _targets()


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_only_commands_that_exist(page: str) -> None:
    named = set(re.findall(r"`make ([a-z-]+)", (TOP / page).read_text(encoding="utf-8")))

    assert named <= _targets()


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", (TOP / page).read_text(encoding="utf-8"))
    local = [link for link in links if not re.match(r"[a-z]+:", link)]

    assert not [link for link in local if not (TOP / page).parent.joinpath(link).exists()]


def test_every_format_that_is_measured_stands_in_the_table() -> None:
    page = (TOP / "docs" / "media.md").read_text(encoding="utf-8")
    measured = [*FORMS, *MORE_FORMS, *PHOTOS_SENT, *FILMS_SENT, *STICKERS_SENT, *OTHERS_SENT]

    assert [name for name in measured if f"| {name} |" not in page] == []


def test_every_hostile_file_stands_in_the_list() -> None:
    page = (TOP / "docs" / "hostile-media.md").read_text(encoding="utf-8")

    assert [name for name in corpus() if f"| {name.replace(': ', ' | ', 1)} |" not in page] == []


def test_the_check_of_a_change_is_make_test() -> None:
    script = TOP / ".ci" / "run"

    assert os.access(script, os.X_OK)
    assert script.read_text().rstrip().endswith("make --no-print-directory test")


@pytest.mark.parametrize("script", ["setup/bootstrap.sh", "setup/lock.sh"])
def test_set_up_is_plain_shell(script: str) -> None:
    text = (TOP / script).read_text()

    checked = subprocess.run(["sh", "-n", str(TOP / script)], capture_output=True, text=True)

    assert checked.returncode == 0, checked.stderr
    assert not re.search(r"\[\[ |<<<|^\s*(function|source|local) ", text, re.M)
