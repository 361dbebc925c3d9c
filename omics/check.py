"""``omics check``: reads files and tells what a load would make of them; writes nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omics import output

if TYPE_CHECKING:
    from loaders.discovery import FoundFile
    from loaders.model import DatasetReading, ReadOptions, TablesReading

#: Rejected cells shown per dataset; the others are counted.
_REJECTS_SHOWN = 5
#: What is printed of a file that would go to quarantine.
_REFUSAL = (
    "reason_code",
    "place",
    "seen",
    "expected",
    "question",
    "nearest_format",
    "differs",
)


def check_paths(paths: Sequence[str], *, source: str | None) -> list[dict[str, Any]]:
    """Reads every file below the paths and describes each dataset found, or the refusal.

    Args:
        paths: Files, folders or addresses.
        source: Source given by the user, or None to find out.

    Returns:
        One record per dataset, or per file that cannot be read.

    Raises:
        OmicsError: A path does not exist.
    """
    from loaders.discovery import find_in_folder, is_url
    from loaders.groups import find_named, grouped
    from loaders.model import ReadOptions
    from warehouse.settings import get_settings

    settings = get_settings()
    options = ReadOptions(
        reject_limit=settings.reject_limit,
        max_unpacked_bytes=settings.max_unpacked_bytes,
        star_strand=settings.star_strand,
    )
    records: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="omics-check-") as spool:
        for path in paths:
            is_folder = not is_url(path) and Path(path).is_dir()
            found = grouped(find_in_folder(path)) if is_folder else find_named([path])
            for file in found:
                records.extend(_check(file, Path(spool), source or file.source, options))
    return records


def _check(
    file: FoundFile, spool: Path, declared: str | None, options: ReadOptions
) -> list[dict[str, Any]]:
    from loaders.discovery import fetch
    from loaders.model import SourceFile, Unreadable
    from loaders.reading.read import read_file
    from loaders.sources import reader_of, recognise, sources

    known = sources().get(declared or "")
    if declared is not None and (known is None or not known.is_readable):
        return [
            {
                "path": file.path,
                "status": "not loadable",
                "reason_code": "source_not_supported",
                "seen": f"a file of source '{declared}'",
            }
        ]
    try:
        members = tuple(
            SourceFile(m.path, fetch(m, spool), m.size, m.modified_at) for m in file.members
        )
        local = spool if members else fetch(file, spool)
        source = SourceFile(file.path, local, file.size, file.modified_at, members)
        named = declared if known is not None and not known.is_omics else None
        if declared is None and not members:
            named, _ = recognise(source, options)
        if named is None:
            try:
                readings = read_file(source, declared_omics_type=declared, options=options)
                return [_describe(file.path, reading) for reading in readings]
            except Unreadable:
                # As a load does it: a sheet beside results is told by its content.
                named = None
                if declared == file.source and not members:
                    named = recognise(source, options)[0]
                if named is None:
                    raise
        parts = reader_of(named).read_file(source, options=options)
        return [_describe_part(file.path, named, part) for part in parts]
    except Unreadable as refusal:
        return [
            {
                "path": file.path,
                "status": "quarantined",
                "reason_code": refusal.reason_code,
                "place": refusal.place,
                "seen": refusal.seen,
                "expected": refusal.expected,
                "question": refusal.question,
                "nearest_format": refusal.nearest_format,
                "differs": refusal.differs,
            }
        ]


def _describe(path: str, reading: DatasetReading) -> dict[str, Any]:
    for _ in reading.batches():
        pass
    counts, header, rejects = reading.counts(), reading.header, reading.rejects()
    return {
        "path": path,
        "status": "readable",
        "part": header.part,
        "format": header.format,
        "omics_type": header.omics_type,
        "omics_type_evidence": header.omics_type_evidence,
        "shape": header.shape,
        "feature_type": header.feature_type,
        "features": counts.rows_landed,
        "assays": len(header.assays),
        "contrasts": len(header.contrasts),
        "values": counts.n_values,
        "quantity": header.quantity,
        "unit": header.unit,
        "value_scale": header.value_scale,
        "scale_evidence": header.scale_evidence,
        "zero_is_missing": header.zero_is_missing,
        "rows_read": counts.rows_read,
        "rows_rejected": counts.rows_rejected,
        "rows_skipped_by_rule": counts.rows_skipped_by_rule,
        "rejects": rejects.slice(0, _REJECTS_SHOWN).to_pylist(),
        "role_evidence": header.role_evidence,
    }


def _describe_part(path: str, source_name: str, reading: TablesReading) -> dict[str, Any]:
    landed: dict[str, int] = {}
    for table, rows in reading.batches():
        landed[table] = landed.get(table, 0) + rows.num_rows
    counts, header = reading.counts(), reading.header
    return {
        "path": path,
        "status": "readable",
        "part": header.part,
        "format": header.format,
        "source": source_name,
        "shape": header.kind,
        "rows_by_table": landed,
        "rows_read": counts.rows_read,
        "rows_landed": counts.rows_landed,
        "rows_rejected": counts.rows_rejected,
        "rows_skipped_by_rule": counts.rows_skipped_by_rule,
        "rejects": reading.rejects().slice(0, _REJECTS_SHOWN).to_pylist(),
        "role_evidence": header.evidence,
    }


def print_checks(records: Sequence[dict[str, Any]]) -> None:
    """Prints readable datasets as one table, and each refusal with its question."""
    readable = [record for record in records if record["status"] == "readable"]
    tables = [record for record in readable if "rows_by_table" in record]
    datasets = [record for record in readable if "rows_by_table" not in record]
    if tables:
        output.print_table(
            "Readable, not results",
            ("file", "part", "format", "source", "holds", "rows", "rejected"),
            [
                (
                    r["path"],
                    r["part"],
                    r["format"],
                    r["source"],
                    r["shape"],
                    ", ".join(f"{count:,} {name}" for name, count in r["rows_by_table"].items()),
                    r["rows_rejected"],
                )
                for r in tables
            ],
        )
    if datasets:
        output.print_table(
            "Readable",
            (
                "file",
                "part",
                "format",
                "type",
                "shape",
                "features",
                "assays",
                "values",
                "scale",
                "rejected",
            ),
            [
                (
                    r["path"],
                    r["part"],
                    r["format"],
                    r["omics_type"],
                    r["shape"],
                    r["features"],
                    r["assays"] or r["contrasts"],
                    r["values"],
                    r["value_scale"],
                    r["rows_rejected"],
                )
                for r in datasets
            ],
        )
    for record in readable:
        for reject in record["rejects"]:
            output.say(
                f"rejected: {record['path']} row {reject['row_number']}, "
                f"column {reject['column_name']}: {reject['raw_text']!r}: {reject['message']}"
            )
    for record in records:
        if record["status"] == "readable":
            continue
        output.say(f"{record['status']}: {record['path']}")
        for label in _REFUSAL:
            if record.get(label):
                output.say(f"  {label + ':':<16}{record[label]}")
