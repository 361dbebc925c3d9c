"""What the files of a plan would change, row by row, before anything is written.

Files are read as a load reads them and compared with what is landed of their datasets now. Names
are as reported: what they are taken for, and the scores, follow when the marts are built.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loaders.model import DatasetReading, ReadOptions, SourceFile, Unreadable
from loaders.plan import READING, LoadPlan, PlannedFile
from loaders.sources import sources

if TYPE_CHECKING:
    import psycopg

    from loaders.discovery import FoundFile

#: Names shown of each kind of change; the others are counted.
_EXAMPLES = 5

_STATISTICS = (
    "log2_fold_change",
    "std_error",
    "statistic",
    "p_value",
    "adjusted_p_value",
    "mean_abundance",
)

Key = tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """What a load would do to one dataset, or to a file that holds none.

    Attributes:
        path: The file.
        part: Part of the file, empty where it has one.
        change: added, removed, changed, unchanged; quarantined; or described, for sheets,
            references and signatures, of which only rows are counted.
        omics_type: Omics type, or the source of a file without datasets.
        counts: Rows and columns added, removed and changed.
        examples: Some of their names.
        detail: A sentence, where there is something to say.
    """

    path: str
    part: str
    change: str
    omics_type: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    detail: str = ""


def preview_plan(
    conn: psycopg.Connection[Any],
    plan: LoadPlan,
    local: Callable[[FoundFile], Path],
    options: ReadOptions,
    *,
    tolerance: float,
    prune: bool,
) -> list[Preview]:
    """Reads every file that the plan would read, and compares it with what is landed.

    Args:
        conn: A connection.
        plan: What a load would do.
        local: Gives the file on this machine.
        options: How files are read.
        tolerance: Share of a number up to which it counts as unchanged.
        prune: Whether datasets of files that have gone would be removed.
    """
    found: list[Preview] = []
    for planned in plan.files:
        if planned.action in READING:
            found += _preview_file(conn, planned, local, options, tolerance)
        elif planned.action == "removed":
            for part, omics_type, rows in _landed_parts(conn, planned.path):
                found.append(
                    Preview(
                        planned.path,
                        part,
                        "removed" if prune else "unchanged",
                        omics_type,
                        {"rows_removed": rows} if prune else {},
                        detail=""
                        if prune
                        else "the file has gone; its dataset stays until --prune",
                    )
                )
    return found


def _preview_file(
    conn: psycopg.Connection[Any],
    planned: PlannedFile,
    local: Callable[[FoundFile], Path],
    options: ReadOptions,
    tolerance: float,
) -> list[Preview]:
    from loaders.reading.read import read_file
    from loaders.sources import reader_of, recognise

    file = planned.file
    if file is None:
        return []
    known = sources().get(planned.source or "")
    try:
        members = tuple(SourceFile(m.path, local(m), m.size, m.modified_at) for m in file.members)
        place = members[0].local.parent if members else local(file)
        source = SourceFile(file.path, place, file.size, file.modified_at, members)
        named = planned.source if known is not None and not known.is_omics else None
        if planned.source is None and not members:
            named, _ = recognise(source, options)
        if named is not None:
            parts = reader_of(named).read_file(source, options=options)
            return [_described(file.path, named, part) for part in parts]
        readings = read_file(source, declared_omics_type=planned.source, options=options)
        parts_read = {reading.header.part for reading in readings}
        found = [_compare(conn, file.path, reading, tolerance) for reading in readings]
        found += [
            Preview(file.path, part, "removed", omics_type, {"rows_removed": rows})
            for part, omics_type, rows in _landed_parts(conn, file.path)
            if part not in parts_read
        ]
    except Unreadable as refusal:
        return [
            Preview(
                file.path,
                "",
                "quarantined",
                planned.source,
                detail=f"{refusal.reason_code}: {refusal.seen}; expected {refusal.expected}",
            )
        ]
    return found


def _described(path: str, source_name: str, part: Any) -> Preview:
    rows = sum(table.num_rows for _, table in part.batches())
    return Preview(path, part.header.part, "described", source_name, {"rows": rows})


def _compare(
    conn: psycopg.Connection[Any], path: str, reading: DatasetReading, tolerance: float
) -> Preview:
    header = reading.header
    before = _landed(conn, path, header.part)
    if before is None:
        for _ in reading.batches():
            pass
        counts = reading.counts()
        return Preview(
            path,
            header.part,
            "added",
            header.omics_type,
            {
                "rows_added": counts.rows_landed,
                "rows_rejected": counts.rows_rejected,
                "values": counts.n_values,
                "columns_added": len(header.assays) or len(header.contrasts),
            },
        )
    rows, columns = before
    now_columns = [assay.source_column for assay in header.assays] or [
        contrast.name for contrast in header.contrasts
    ]
    names: dict[str, list[str]] = {}
    counted: Counter[str] = Counter()

    def note(kind: str, name: str) -> None:
        counted[kind] += 1
        if counted[kind] <= _EXAMPLES:
            names.setdefault(kind, []).append(name)

    for key, values in _read_rows(reading):
        former = rows.pop(key, None)
        if former is None:
            note("rows_added", key[-2])
        elif _differ(former, values, tolerance):
            note("rows_changed", key[-2])
    for key in rows:
        note("rows_removed", key[-2])
    for kind, listed in (
        ("columns_added", [name for name in now_columns if name not in columns]),
        ("columns_removed", [name for name in columns if name not in now_columns]),
    ):
        for name in listed:
            note(kind, name)
    rejected = reading.counts().rows_rejected
    if rejected:
        counted["rows_rejected"] = rejected
    changed = any(kind != "rows_rejected" for kind in counted)
    return Preview(
        path,
        header.part,
        "changed" if changed else "unchanged",
        header.omics_type,
        dict(counted),
        names,
    )


def _read_rows(reading: DatasetReading) -> Iterator[tuple[Key, tuple[str | None, ...]]]:
    """Rows as the landing tables name them: contrast, name and place among equal names."""
    contrasts = [contrast.name for contrast in reading.header.contrasts]
    seen: Counter[Key] = Counter()
    for table in reading.batches():
        for row in table.to_pylist():
            name = str(row["reported_name"])
            if "quantities" in row:
                key: Key = (name,)
                values: tuple[str | None, ...] = (row["quantities"],)
            else:
                key = (contrasts[row["contrast_position"] - 1], name)
                values = tuple(row.get(column) for column in _STATISTICS)
            seen[key] += 1
            yield (*key, str(seen[key])), values


def _landed(
    conn: psycopg.Connection[Any], path: str, part: str
) -> tuple[dict[Key, tuple[str | None, ...]], list[str]] | None:
    """Rows of the newest visible version of a dataset, and its columns; none if there is none."""
    for source in sources().values():
        if not source.is_omics:
            continue
        schema = source.schema
        version = conn.execute(
            f"select f.file_id, f._dlt_load_id, f.shape from {schema}.files as f"  # noqa: S608 - constants
            f" join {schema}._dlt_loads as l on l.load_id = f._dlt_load_id and l.status = 0"
            " where f.source_path = %s and f.part = %s and f.status = 'loaded'"
            " order by f.loaded_at desc limit 1",
            (path, part),
        ).fetchone()
        if version is None:
            continue
        file_id, load_id, shape = version
        given = {"file": file_id, "load": load_id}
        of_file = "r.file_id = %(file)s and r._dlt_load_id = %(load)s"
        if shape == "matrix":
            columns = conn.execute(
                f"select r.source_column from {schema}.assays as r where {of_file}"  # noqa: S608 - constants
                " order by r.position",
                given,
            ).fetchall()
            landed = conn.execute(
                f"select r.reported_name, r.quantities from {schema}.feature_rows as r"  # noqa: S608 - constants
                f" where {of_file} order by r.row_number",
                given,
            )
            rows: list[tuple[Key, tuple[str | None, ...]]] = [
                ((name,), (quantities,)) for name, quantities in landed
            ]
        else:
            columns = conn.execute(
                f"select r.name from {schema}.contrasts as r where {of_file} order by r.position",  # noqa: S608 - constants
                given,
            ).fetchall()
            names = [name for (name,) in columns]
            landed = conn.execute(
                f"select r.contrast_position, r.reported_name, {', '.join(_STATISTICS)}"  # noqa: S608 - constants
                f" from {schema}.result_rows as r where {of_file}"
                " order by r.contrast_position, r.row_number",
                given,
            )
            rows = [
                ((names[position - 1], name), tuple(values)) for position, name, *values in landed
            ]
        seen: Counter[Key] = Counter()
        numbered: dict[Key, tuple[str | None, ...]] = {}
        for key, values in rows:
            seen[key] += 1
            numbered[(*key, str(seen[key]))] = values
        return numbered, [name for (name,) in columns]
    return None


def _landed_parts(conn: psycopg.Connection[Any], path: str) -> list[tuple[str, str, int]]:
    """Parts of a file that are landed: part, omics type and rows of the newest version of each."""
    found: list[tuple[str, str, int]] = []
    for source in sources().values():
        if source.is_omics:
            found += conn.execute(
                f"select distinct on (f.part) f.part, f.omics_type, f.rows_landed"  # noqa: S608 - constants
                f" from {source.schema}.files as f join {source.schema}._dlt_loads as l"
                " on l.load_id = f._dlt_load_id and l.status = 0"
                " left join ops.dataset_states as s on s.dataset_key = f.dataset_key"
                " where f.source_path = %s and f.status = 'loaded'"
                " and not coalesce(s.state = 'removed' and s.since >= f.loaded_at, false)"
                " order by f.part, f.loaded_at desc",
                (path,),
            ).fetchall()
    return found


def _differ(former: tuple[str | None, ...], now: tuple[str | None, ...], tolerance: float) -> bool:
    """Whether texts of numbers, or arrays of them, differ by more than the tolerance."""
    if former == now:
        return False
    for left, right in zip(former, now, strict=True):
        ones, others = _numbers(left), _numbers(right)
        if len(ones) != len(others):
            return True
        for a, b in zip(ones, others, strict=True):
            if a == b:
                continue
            if a is None or b is None or not abs(a - b) <= tolerance * min(abs(a), abs(b)):
                return True
    return False


def _numbers(text: str | None) -> list[float | None]:
    if text is None:
        return [None]
    found: list[float | None] = []
    for piece in text.strip("{}").split(","):
        try:
            found.append(float(piece))
        except ValueError:
            found.append(None)
    return found
