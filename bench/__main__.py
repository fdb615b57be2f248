"""`python -m bench bench|soak|faults [NAME]`: run measurements, print a table, keep var/KIND.json.

Each kind has a folder; each module in it is one measurement: its file name is its name, and `run()` returns Figures
(or rows with the same fields). A measurement that breaks is a line of the table like one past its limit, and the
others still run. The exit status is 0 only when every figure is within its limit.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import media_store  # noqa: F401  first: it says how many threads numpy may use
from bench.figures import Figure, as_figure, keep, not_measured, table

TOP = Path(__file__).resolve().parent.parent
FOLDERS = {"bench": "bench", "soak": "bench/soak", "faults": "tests/faults"}


def list_measurements(folder: Path) -> dict[str, Path]:
    """The measurements in a folder by name: every module that has `run()` at its top level."""
    paths = sorted(folder.glob("*.py"))
    return {path.stem: path for path in paths if re.search(r"^def run\(", path.read_text(encoding="utf-8"), re.M)}


def run_one(name: str, path: Path) -> Sequence[Figure]:
    start_s = time.perf_counter()
    try:
        figures: Sequence[Figure] = [as_figure(row) for row in _load(name, path).run()]
    except Exception as fault:  # noqa: BLE001  # one broken measurement must not hide the others
        traceback.print_exc()
        figures = [not_measured(name, f"{type(fault).__name__}: {str(fault)[:80]}")]
    print(f"{name}: {time.perf_counter() - start_s:.1f} s", file=sys.stderr)
    return figures


def _load(name: str, path: Path) -> Any:
    """Import a measurement from its file, under a name pickling and multiprocessing can find again."""
    spec = importlib.util.spec_from_file_location(f"measurement_{name}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def main(words: list[str], *, top: Path = TOP) -> int:
    if not 1 <= len(words) <= 2 or words[0] not in FOLDERS:
        print("usage: python -m bench bench|soak|faults [NAME]", file=sys.stderr)
        return 2
    kind, found = words[0], list_measurements(top / FOLDERS[words[0]])
    if len(words) == 2:
        if words[1] not in found:
            print(f"no measurement {words[1]!r}; there are: {', '.join(found) or 'none'}", file=sys.stderr)
            return 2
        found = {words[1]: found[words[1]]}
    figures = [figure for name, path in found.items() for figure in run_one(name, path)]
    print(f"{kind} on {datetime.now(UTC).date()}, {_machine()}")
    print(table(figures))
    keep(figures, top / "var" / f"{kind}.json")
    return 0 if figures and all(figure.ok for figure in figures) else 1


def _machine() -> str:
    return f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
