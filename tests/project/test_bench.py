"""The measurements' runner: what is judged good, what is written, what the exit status says."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench import __main__ as runner
from bench import copies_search, wall_page
from bench.figures import judge, keep, not_measured, table
from tests.servers import Postgres


def test_a_ratio_past_its_limit_is_not_ok() -> None:
    assert judge("rendition", 3.0, "s", bare=2.0, limit=1.5).ok
    assert not judge("rendition", 3.2, "s", bare=2.0, limit=1.5).ok


def test_where_more_is_better_the_limit_is_the_least_allowed() -> None:
    assert judge("webhooks", 800, "1/s", limit=500, more_is_better=True).ok
    assert not judge("webhooks", 400, "1/s", limit=500, more_is_better=True).ok


def test_the_table_says_which_figure_is_past_its_limit() -> None:
    lines = table([judge("good", 1, "s", limit=2), judge("bad", 3, "s", limit=2), not_measured("lost", "no disk")])

    good, bad, lost = lines.splitlines()[1:]
    assert "PAST" not in good
    assert bad.endswith("PAST ITS LIMIT")
    assert lost.endswith("NOT MEASURED")


def test_figures_are_kept_with_the_agreed_fields(tmp_path: Path) -> None:
    keep([judge("good", 1, "s", bare=2, limit=2)], tmp_path / "var" / "bench.json")

    (row,) = json.loads((tmp_path / "var" / "bench.json").read_text())
    assert list(row) == ["name", "figure", "unit", "bare", "ratio", "limit", "ok"]
    assert row["ratio"] == 0.5


def _write(top: Path, **bodies: str) -> None:
    folder = top / "bench"
    folder.mkdir()
    for name, body in bodies.items():
        lines = ["from bench.figures import judge", "", "def run():", f"    {body}"]
        (folder / f"{name}.py").write_text("\n".join(lines) + "\n")


def test_one_broken_measurement_does_not_hide_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path, aa_breaks="raise OSError('no space')", bb_works="return [judge('works', 1, 's')]")

    status = runner.main(["bench"], top=tmp_path)

    rows = json.loads((tmp_path / "var" / "bench.json").read_text())
    assert status == 1
    assert [row["ok"] for row in rows] == [False, True]
    assert "NOT MEASURED" in capsys.readouterr().out


def test_only_one_is_run_when_it_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path, cc_breaks="raise OSError('no space')", dd_works="return [judge('works', 1, 's')]")

    assert runner.main(["bench", "dd_works"], top=tmp_path) == 0
    assert runner.main(["bench", "unknown"], top=tmp_path) == 2
    assert "dd_works" in capsys.readouterr().err


def test_rows_with_the_same_fields_are_figures_too(tmp_path: Path) -> None:
    fields = "'name': 'row', 'figure': 2, 'unit': 's', 'bare': 1, 'ratio': 2, 'limit': 3, 'ok': True"
    _write(tmp_path, ee_rows=f"return [{{{fields}}}]", ff_short="return [{'name': 'half'}]")

    assert runner.main(["bench", "ee_rows"], top=tmp_path) == 0
    assert runner.main(["bench", "ff_short"], top=tmp_path) == 1


@pytest.mark.parametrize("engine", ["SQLite", "PostgreSQL"])
@pytest.mark.parametrize("measured", [wall_page, copies_search])
def test_what_is_measured_at_a_million_can_be_filled_and_asked(
    measured: ModuleType, engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Rows are written past the models there: a column more must be one more in the statements."""
    if engine == "SQLite":
        places: dict[str, Any] = {"urls": [f"sqlite:///{tmp_path}/{number}.db" for number in range(2)]}
    else:
        server: Postgres = request.getfixturevalue("postgres_server")
        places = {"urls": [server.create_database() for _ in range(2)]}
    if measured is wall_page:
        places["folder"] = tmp_path

    figures = measured.compare(engine, **places, sizes=(600, 1200), times=1)

    assert figures
    assert all(one.figure is not None for one in figures)
