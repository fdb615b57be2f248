"""What the tables of docs/media.md share: one file worked through as a worker would, what it cost, cells and rows.

The pipeline is the product's own, with what every station gets; times are CPU seconds of this machine, and those of
the process that reads pictures count with the rest.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bench._cpu import used
from media_store import loudness, pipeline, runner
from media_store.errors import MediaFailure
from media_store.recipes import Made

LABELS = pipeline.BroadcastLabels("Ton", "Ada", "Radio", "DE0", datetime(2026, 11, 22, tzinfo=UTC))
Row = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """One kind of file: a heading, what the files are and what was measured, and the rows. `-:` aligns to the right."""

    title: str
    words: str
    columns: Row
    rows: Callable[[Path], Iterator[Row]]
    first_figure: int = 2

    def written(self, folder: Path) -> str:
        aligned = ("---:" if number >= self.first_figure else "---" for number in range(len(self.columns)))
        lines = [line(self.columns), line(aligned), *(line(row) for row in self.rows(folder))]
        return f"## {self.title}\n\n{self.words}\n\n" + "\n".join(lines) + "\n"


def line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


@dataclass
class Outcome:
    """What became of one file. `made` has paths that stay until the next file; `refused` is the failure's code."""

    facts: pipeline.Facts = field(default_factory=lambda: pipeline.Facts("", ""))
    made: dict[str, Made] = field(default_factory=dict)
    refused: str = ""
    cpu_s: float = 0.0

    def sizes(self, *profiles: str) -> Row:
        return tuple(size(self.made.get(profile)) for profile in profiles)


def work_through(original: Path, folder: Path, *, declared: str, formats: tuple[str, ...] = ()) -> Outcome:
    """Make everything of a file, below this folder."""
    outcome, kept = Outcome(), folder / "kept"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()

    def keep(made: Made) -> None:
        outcome.made[made.profile] = replace(made, path=Path(shutil.copy(made.path, kept / made.path.name)))

    before_s = _used_s()
    try:
        outcome.facts = pipeline.make_renditions(
            original,
            declared_kind=declared,
            is_voice=False,
            work_dir=folder,
            target=pipeline.AudioTarget(),
            labels=LABELS,
            publish=keep,
            original_sha256=hashlib.sha256(original.read_bytes()).hexdigest(),
            formats=formats,
        )
    except MediaFailure as failure:
        outcome.refused = failure.code
    outcome.cpu_s = _used_s() - before_s
    return outcome


def _used_s() -> float:
    """Of this process, its dead children, and the one that lives on from picture to picture."""
    alive = (one.cpu_times() for one in psutil.Process().children(recursive=True))
    return used() + sum(times.user + times.system for times in alive)


def measured_again(outcome: Outcome) -> loudness.Loudness:
    """Loudness and true peak of the finished broadcast file."""
    made = outcome.made.get("broadcast")
    if made is None:
        return loudness.Loudness(None, 0.0, None)
    return loudness.measure_file(made.path, "wav", runner.default_tools())


# --- cells ------------------------------------------------------------------------------------------------------------


def size(made: Made | None) -> str:
    if made is None:
        return "–"
    edges = f"{made.width_px} × {made.height_px}, " if made.width_px else ""
    return f"{edges}{kilobytes(made.bytes)}"


def kilobytes(count: int) -> str:
    return f"{count / 1000:.0f} kB" if count >= 10_000 else f"{count / 1000:.1f} kB"


def lufs(figure: float | None) -> str:
    return "undefined" if figure is None else _minus(f"{figure:.1f} LUFS")


def dbtp(figure: float | None) -> str:
    return "–" if figure is None else _minus(f"{figure:.1f} dBTP")


def off_by(found_s: float | None, true_s: float) -> str:
    return "–" if found_s is None else _minus(f"{round((found_s - true_s) * 1000):+d} ms").replace("+0 ", "0 ")


def _minus(figure: str) -> str:
    return figure.replace("-", "−")


def seconds(figure_s: float) -> str:
    return f"{figure_s:.2f} s"
