"""CSV: a table that everything opens, with the provenance as comment lines above the header."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from warehouse.export.model import PROVENANCE, Exported


def write_csv(exported: Exported, path: Path) -> None:
    """Writes the dataset.

    Every comment line begins with ``#``; the loaders of this project skip those. Numbers have the
    fewest digits that give the same number again; a missing value is an empty cell.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {line}\n" for line in _comments(exported))
        file.write(_line([*exported.rows, *_columns(exported)]))
        texts = list(exported.rows.values())
        for at, numbers in enumerate(_numbers(exported)):
            file.write(_line([*(column[at] for column in texts), *map(_digits, numbers)]))


def _line(cells: Iterable[str | None]) -> str:
    return ",".join(map(_cell, cells)) + "\n"


def _cell(text: str | None) -> str:
    """A cell, in quotes where it needs them.

    Python's writer would leave ``#`` bare, and whoever skips comment lines would cut the row there.
    """
    if not text:
        return ""
    if any(character in text for character in '",#\n\r') or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text


def _comments(exported: Exported) -> Iterator[str]:
    yield f"{PROVENANCE}: exported dataset; the next lines tell where it comes from"
    for name, value in exported.provenance.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield f"{name}: {' '.join(text.split())}"


def _columns(exported: Exported) -> list[str]:
    return list(exported.matrix.assays if exported.matrix is not None else exported.statistics)


def _numbers(exported: Exported) -> Iterator[Any]:
    if exported.matrix is not None:
        for row in exported.matrix.values:
            yield row.tolist()
    else:
        columns = list(exported.statistics.values())
        for at in range(exported.n_rows):
            yield [column[at] for column in columns]


def _digits(number: float | None) -> str:
    if number is None or number != number:
        return ""
    # A whole number needs no point; counts stay counts.
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
