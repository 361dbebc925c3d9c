"""Reads sheets that a test writes, or files of the corpus."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from loaders.model import Counts, ReadOptions, SourceFile, TablesHeader
from loaders.programs import read


@dataclass(frozen=True)
class Read:
    """One sheet, read to its end; fields and attributes as Python values."""

    header: TablesHeader
    records: list[dict[str, Any]]
    rejects: list[dict[str, Any]]
    counts: Counts


def read_sheets(path: Path) -> list[Read]:
    """Reads every sheet of a file and checks its books."""
    found = []
    for reading in read.read_file(source_of(path), options=ReadOptions()):
        rows = [row for _, batch in reading.batches() for row in batch.to_pylist()]
        for row in rows:
            row["fields"] = json.loads(row["fields"])
            row["attributes"] = json.loads(row["attributes"])
        counts = reading.counts()
        rejects = reading.rejects().to_pylist()
        assert counts.rows_landed == len(rows)
        assert counts.rows_read == (
            counts.rows_landed + counts.rows_rejected + sum(counts.rows_skipped_by_rule.values())
        )
        found.append(Read(reading.header, rows, rejects, counts))
    return found


def source_of(path: Path) -> SourceFile:
    """Describes a local file as a loader does."""
    return SourceFile(str(path), path, path.stat().st_size, datetime.now(UTC))


@pytest.fixture
def sheet(tmp_path: Path) -> Callable[..., Read]:
    """Writes a text of commas and reads it as the only sheet of its file."""

    def made(text: str, name: str = "table.csv") -> Read:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        (only,) = read_sheets(path)
        return only

    return made
