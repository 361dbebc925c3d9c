"""Reads a reference from text or bytes, as a load would, and gives its rows as dictionaries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loaders.features.read import read_file
from loaders.features.tables import TABLES
from loaders.landing_tables import arrow_schema
from loaders.model import Counts, ReadOptions, SourceFile, TablesHeader

WRITTEN = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
_SCHEMAS = {table.name: arrow_schema(table) for table in TABLES}


@dataclass(frozen=True)
class Read:
    """One table of a reference, read to its end."""

    header: TablesHeader
    release: dict[str, Any]
    entities: dict[str, dict[str, Any]]
    names: list[tuple[str, str, str]]
    xrefs: set[tuple[str, str]]
    rejects: list[dict[str, Any]]
    counts: Counts

    def names_of(self, canonical_id: str) -> set[tuple[str, str]]:
        """Names of a molecule with their kinds."""
        return {(name, kind) for owner, name, kind in self.names if owner == canonical_id}

    def xrefs_of(self, canonical_id: str) -> set[str]:
        """Ids of a molecule elsewhere."""
        return {other for owner, other in self.xrefs if owner == canonical_id}


def source_of(path: Path) -> SourceFile:
    """The file as a load hands it over."""
    return SourceFile(str(path), path, path.stat().st_size, WRITTEN)


def read_path(path: Path, *, reject_limit: float = 0.5) -> list[Read]:
    """Reads a file; the limit of rejects is wide, for short files are made to hold some."""
    readings = read_file(source_of(path), options=ReadOptions(reject_limit=reject_limit))
    return [_finished(reading) for reading in readings]


def read_text(folder: Path, text: str | bytes, *, name: str = "file.txt") -> Read:
    """Writes a file and reads its only table."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    (found,) = read_path(path)
    return found


def _finished(reading: Any) -> Read:
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in _SCHEMAS}
    for name, table in reading.batches():
        # What cannot be landed must fail here too.
        assert table.column_names == _SCHEMAS[name].names[1:], name
        rows[name] += table.cast(_SCHEMAS[name].remove(0)).to_pylist()
    (release,) = rows["releases"]
    entities = {row["canonical_id"]: row for row in rows["entities"]}
    assert len(entities) == len(rows["entities"]) == release["n_entities"]
    names = [(row["canonical_id"], row["name"], row["kind"]) for row in rows["names"]]
    assert len(set(names)) == len(names), "a name is landed once"
    counts = reading.counts()
    assert counts.rows_read == (
        counts.rows_landed + counts.rows_rejected + sum(counts.rows_skipped_by_rule.values())
    )
    return Read(
        header=reading.header,
        release=release,
        entities=entities,
        names=names,
        xrefs={(r["canonical_id"], f"{r['prefix']}:{r['local_id']}") for r in rows["xrefs"]},
        rejects=reading.rejects().to_pylist(),
        counts=counts,
    )
