"""What a command prints: tables and progress for people, JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from typing import Any


def print_json(value: Any) -> None:
    """Prints one JSON document to standard output."""
    sys.stdout.write(json.dumps(value, default=_plain, ensure_ascii=False, indent=2) + "\n")


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)


def say(text: str = "") -> None:
    """Prints a line for people; markup characters in it are only text."""
    _console().print(text, markup=False, highlight=False, soft_wrap=True)


def warn(text: str) -> None:
    """Prints a line to standard error."""
    sys.stderr.write(text + "\n")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Prints a table; numbers stand right, and cells are only text."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title, style="bold"), title_justify="left", header_style="bold")
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(
            row[index] is None or isinstance(row[index], int | float) for row in rows
        )
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    _console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


def _console() -> Any:
    from rich.console import Console

    # Elsewhere than on a terminal, lines are not cut to 80 columns: logs are read by grep.
    width = None if sys.stdout.isatty() else 160
    return Console(width=width)


class _BarProgress:
    """A progress bar on a terminal."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._task: Any = None

    def begin(self, files: int) -> None:
        self._task = self._bar.add_task("reading", total=files)

    def advance(self, path: str) -> None:
        self._bar.advance(self._task)

    def stage(self, text: str) -> None:
        if self._task is not None:
            self._bar.update(self._task, description=text)


class _LineProgress:
    """Plain lines, one for every tenth of the files and every stage."""

    def __init__(self) -> None:
        self._files = 0
        self._done = 0

    def begin(self, files: int) -> None:
        self._files = files
        if files:
            warn(f"reading {files:,} files")

    def advance(self, path: str) -> None:
        self._done += 1
        tenth = max(1, self._files // 10)
        if self._files >= 100 and self._done % tenth == 0:
            warn(f"  {self._done:,} of {self._files:,} files")

    def stage(self, text: str) -> None:
        warn(f"  {text}")


@contextmanager
def load_progress(*, quiet: bool) -> Iterator[Any]:
    """Shows how a load gets on: a bar on a terminal, lines elsewhere, nothing when quiet."""
    from loaders.load import SilentProgress

    if quiet:
        yield SilentProgress()
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        ) as bar:
            yield _BarProgress(bar)
    else:
        yield _LineProgress()
