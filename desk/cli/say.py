"""How commands speak: one JSON document with --json, else lines for people."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NoReturn, TypeVar

import click

from desk import clock

WISH = "desk.as_json"
Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """Add --json to a command; it arrives as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def say(document: Any, *, as_json: bool, text: str | None = None) -> None:
    """Print a result: the document as JSON, or its text for people."""
    if as_json or text is None:
        click.echo(json.dumps(document, ensure_ascii=False, indent=None if as_json else 2, default=_plain))
    else:
        click.echo(text)


def table(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    """Rows as aligned columns, with a heading."""
    cells = [[str(column) for column in columns]]
    cells += [["" if row.get(column) is None else str(_plain(row[column])) for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    return "\n".join("  ".join(value.ljust(width) for value, width in zip(line, widths, strict=True)) for line in cells)


class Progress:
    """How far a long command is, on standard error: one line that changes on a terminal, else one every 10 s."""

    def __init__(self, total: int, total_bytes: int = 0, *, is_shown: bool) -> None:
        self._total, self._total_bytes, self._is_shown = total, total_bytes, is_shown
        self._is_terminal = sys.stderr.isatty()
        self._every_s = 0.5 if self._is_terminal else 10.0
        self._began = self._shown = time.monotonic()

    def show(self, done: int, done_bytes: int = 0) -> None:
        now = time.monotonic()
        if not self._is_shown or now - self._shown < self._every_s:
            return
        self._shown = now
        line = f"{done} of {self._total} objects"
        if done_bytes:
            line += f", {done_bytes / 1e6:.0f} MB copied at {done_bytes / 1e6 / (now - self._began):.1f} MB/s"
        click.echo(f"\r{line}\033[K" if self._is_terminal else line, err=True, nl=not self._is_terminal)

    def end(self) -> None:
        """Leave the line that changed."""
        if self._is_shown and self._is_terminal and self._shown > self._began:
            click.echo(err=True)


def fail(message: str, *, code: str = "failed") -> NoReturn:
    """End with status 1 and one sentence on standard error (JSON if --json was asked for)."""
    if wants_json():
        click.echo(json.dumps({"error": {"code": code, "message": message}}, ensure_ascii=False))
    click.echo(message, err=True)
    sys.exit(1)


def note_wish(context: click.Context, args: Sequence[str]) -> None:
    """Remember whether the answer is wanted as JSON, before anything of the command line is understood."""
    context.meta[WISH] = "--json" in args


def wants_json() -> bool:
    context = click.get_current_context(silent=True)
    return bool(context is not None and context.meta.get(WISH))


def _plain(value: Any) -> Any:
    return clock.iso(value) if isinstance(value, datetime) else str(value)
