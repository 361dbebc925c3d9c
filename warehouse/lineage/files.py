"""Rows about files themselves: versions, loads, rejects, releases of references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warehouse.lineage.common import SHOWN, found, of_dataset, state_notes, subject_of_dataset
from warehouse.lineage.model import Explanation, Row, Subject
from warehouse.lineage.origins import file_version, origin_of
from warehouse.lineage.tables import rows

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]


def file(conn: Conn, row: Row) -> Explanation:
    """A file version, with what else is known of its path."""
    others = rows(
        conn,
        "select f.source_file_version_id, f.status, f.part, f.loaded_at, d.dataset_id, d.name "
        "from marts.source_files as f left join marts.datasets as d "
        "on f.source_file_id = d.source_file_id and f.load_id = d.load_id "
        "where f.path = %s order by f.loaded_at desc nulls first, f.part",
        (row["path"],),
    )
    related = [subject_of_dataset(other) for other in others if other["dataset_id"] is not None]
    related += [
        Subject(
            "source_files",
            {"source_file_version_id": other["source_file_version_id"]},
            f"{row['path']} {other['part'] or ''} ({other['status']})",
        )
        for other in others
        if other["source_file_version_id"] != row["source_file_version_id"]
    ]
    way = "quarantine" if row["load_id"] is None else "file"
    if way == "file" and row["omics_type"] is None:
        way = "definition"
    origin = origin_of(conn, "source_files", way, row, role="is the file")
    title = row["path"] + (f"#{row['part']}" if row["part"] else "")
    return found(title, [origin], related=related, notes=state_notes(row))


def load(conn: Conn, row: Row) -> Explanation:
    """A load brought files."""
    files = rows(
        conn,
        "select * from marts.source_files where source_name = %s and load_id = %s "
        "order by path, part limit %s",
        (row["source_name"], row["load_id"], SHOWN),
    )
    origins = [
        origin_of(
            conn,
            "loads",
            "definition" if file["omics_type"] is None else "file",
            file,
            role="was loaded",
        )
        for file in files
    ]
    left_out = row["n_files"] - len({file["path"] for file in files})
    notes = [f"{left_out:,} more files were loaded"] if left_out > 0 else []
    return found(f"{row['source_name']} load {row['load_id']}", origins, notes=notes)


def reject(conn: Conn, row: Row) -> Explanation:
    """A reject is a cell or row of a file."""
    related = []
    if row["dataset_id"] is not None:
        dataset, file = of_dataset(conn, row["dataset_id"])
        related.append(subject_of_dataset(dataset))
        way = "file"
    else:
        file = file_version(conn, row["source_file_id"])
        way = "definition"
    origin = origin_of(
        conn,
        "rejected_rows",
        way,
        file,
        role="holds it",
        landing="rejected_rows",
        matching={
            name: row[name] for name in ("row_number", "column_name", "raw_text", "reason_code")
        },
        row_number=row["row_number"],
        wanted=(row["raw_text"],),
    )
    if not origin.raw and way == "definition":
        # A row of a sheet that was landed, and refers to what is not there.
        origin = origin_of(
            conn,
            "rejected_rows",
            "sheet",
            file,
            role="holds it",
            landing="records",
            matching={"row_number": row["row_number"]},
            row_number=row["row_number"],
            wanted=(row["raw_text"],),
        )
    title = f"{row['reason_code']} in row {row['row_number']} of {file['path']}"
    return found(title, [origin], related=related, notes=state_notes(file))


def release(conn: Conn, row: Row) -> Explanation:
    """A release is a file, or part of this project."""
    title = f"{row['reference']} {row['content']} {row['version'] or ''}".rstrip()
    if row["path"] is None:
        return found(title, [], notes=["part of this project: it rests on no file"])
    released = rows(
        conn,
        "select file_id, load_id from intermediate.int_reference_releases "
        "where reference_release_id = %s",
        (row["reference_release_id"],),
    )
    origins = [
        origin_of(
            conn,
            "reference_releases",
            "reference",
            file_version(conn, one["file_id"], load_id=one["load_id"]),
            role="is the release",
            landing="releases",
        )
        for one in released
    ]
    return found(title, origins, notes=[] if row["is_used"] else [f"not used: {row['reason']}"])
