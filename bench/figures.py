"""What a measurement returns, how it is printed and kept, and when a run counts as failed.

Owns the shape of var/bench.json, var/soak.json and var/faults.json: a list of
{name, figure, unit, bare, ratio, limit, ok}. What is measured stands in bench, bench/soak and tests/faults.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured figure, ready to be judged.

    figure and bare are in unit; bare is what the bare tool needs for the same work (None where there is none), ratio
    is figure / bare. limit is what may not be passed: the ratio where there is one, else the figure. With
    more_is_better the limit is the least allowed. ok is False past the limit, and where nothing could be measured.
    """

    name: str
    figure: float | None
    unit: str
    bare: float | None
    ratio: float | None
    limit: float | None
    ok: bool


def judge(
    name: str,
    figure: float,
    unit: str,
    *,
    bare: float | None = None,
    limit: float | None = None,
    more_is_better: bool = False,
) -> Figure:
    """Make a Figure from what was measured; see there for what limit applies to."""
    ratio = figure / bare if bare else None
    judged = figure if ratio is None else ratio
    ok = limit is None or (judged >= limit if more_is_better else judged <= limit)
    return Figure(name, round(figure, 4), unit, _rounded(bare), _rounded(ratio), limit, ok)


def as_figure(row: Figure | Mapping[str, Any]) -> Figure:
    """A row with the fields of a Figure as one; TypeError for a field too many or too few."""
    return row if isinstance(row, Figure) else Figure(**row)


def not_measured(name: str, reason: str) -> Figure:
    """A measurement that broke: no figure, and not ok."""
    return Figure(f"{name}: {reason}", None, "", None, None, None, ok=False)


def table(figures: Sequence[Figure]) -> str:
    """The figures as lines of text; what is past its limit says so at the line's end."""
    head = ("name", "figure", "unit", "bare", "ratio", "limit", "")
    rows = [head, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(_line(row, widths) for row in rows)


def keep(figures: Sequence[Figure], path: Path) -> None:
    """Write the figures as one JSON list, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n", encoding="utf-8")
    beside.replace(path)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _row(figure: Figure) -> tuple[str, ...]:
    numbers = (figure.figure, figure.bare, figure.ratio, figure.limit)
    shown, bare, ratio, limit = ("" if number is None else f"{number:,.4g}" for number in numbers)
    verdict = "" if figure.ok else ("PAST ITS LIMIT" if figure.figure is not None else "NOT MEASURED")
    return figure.name, shown, figure.unit, bare, ratio, limit, verdict


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    left = {0, 2, 6}
    numbered = enumerate(zip(row, widths, strict=True))
    cells = [cell.ljust(width) if n in left else cell.rjust(width) for n, (cell, width) in numbered]
    return "  ".join(cells).rstrip()
