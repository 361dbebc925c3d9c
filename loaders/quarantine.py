"""Files that could not be read: kept with place, reason and question until they can be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from loaders.discovery import FoundFile
from loaders.model import Unreadable
from warehouse.errors import OmicsError

if TYPE_CHECKING:
    import psycopg

_COLUMNS = (
    "quarantine_id",
    "source_path",
    "source_root",
    "sha256",
    "size_bytes",
    "modified_at",
    "stat_signature",
    "omics_type",
    "reader_version",
    "reason_code",
    "place",
    "seen",
    "expected",
    "question",
    "nearest_format",
    "differs",
    "mapping_stub",
    "rows_read",
    "run_id",
)


@dataclass(frozen=True)
class Quarantined:
    """One refused file, as ``omics quarantine`` shows it."""

    quarantine_id: str
    source_path: str
    omics_type: str | None
    reason_code: str
    place: str
    seen: str
    expected: str
    question: str
    nearest_format: str | None
    differs: str | None
    mapping_stub: str | None
    size_bytes: int
    first_seen_at: datetime
    last_seen_at: datetime


def quarantine_id(path: str, sha256: str) -> str:
    """Returns the id of a refused file version: 12 hexadecimal digits."""
    return hashlib.sha256(f"{path}\0{sha256}".encode()).hexdigest()[:12]


def store(
    conn: psycopg.Connection[Any],
    refusals: Iterable[tuple[FoundFile, str | None, str, Unreadable]],
    *,
    reader_version: str,
    run_id: str,
) -> int:
    """Writes refusals; an older refusal of the same file is closed by the newer one.

    Args:
        conn: Connection in autocommit mode.
        refusals: File, declared omics type, hash and refusal.
        reader_version: Version of the readers that refused.
        run_id: Run that met them.

    Returns:
        How many were written.
    """
    rows = [
        (
            quarantine_id(file.path, sha256),
            file.path,
            file.root,
            sha256,
            file.size,
            file.modified_at,
            file.signature,
            declared,
            reader_version,
            refusal.reason_code,
            _clean(refusal.place),
            _clean(refusal.seen),
            _clean(refusal.expected),
            _clean(refusal.question),
            refusal.nearest_format,
            _clean(refusal.differs),
            _clean(refusal.mapping_stub),
            refusal.rows_read,
            run_id,
        )
        for file, declared, sha256, refusal in refusals
    ]
    if not rows:
        return 0
    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute(
            "update ops.quarantine set resolved_at = now() "
            "where resolved_at is null and source_path = any(%s) and quarantine_id <> all(%s)",
            ([row[1] for row in rows], [row[0] for row in rows]),
        )
        updates = ", ".join(
            f"{name} = excluded.{name}" for name in _COLUMNS[1:] if name != "mapping_stub"
        )
        cursor.executemany(
            f"insert into ops.quarantine ({', '.join(_COLUMNS)}, first_seen_at, last_seen_at) "  # noqa: S608 - names are constants
            f"values ({', '.join(['%s'] * len(_COLUMNS))}, now(), now()) "
            f"on conflict (quarantine_id) do update set {updates}, "
            # Roles that do not fit are no reason to forget the columns: the content is the same.
            "mapping_stub = case when excluded.reason_code = 'mapping_does_not_fit' "
            "then coalesce(excluded.mapping_stub, quarantine.mapping_stub) "
            "else excluded.mapping_stub end, "
            "last_seen_at = now(), resolved_at = null",
            rows,
        )
    return len(rows)


def resolve(conn: psycopg.Connection[Any], paths: Iterable[str]) -> int:
    """Closes the refusals of files that have been loaded or have gone; returns how many."""
    cursor = conn.execute(
        "update ops.quarantine set resolved_at = now() "
        "where resolved_at is null and source_path = any(%s)",
        (list(paths),),
    )
    return cursor.rowcount


def listed(conn: psycopg.Connection[Any]) -> list[Quarantined]:
    """Returns the files in quarantine, by path."""
    return _select(conn, "where resolved_at is null order by source_path", ())


def find(conn: psycopg.Connection[Any], identifier: str) -> Quarantined:
    """Returns one refused file by the beginning of its id or by its path.

    Raises:
        OmicsError: No file or more than one fits.
    """
    rows = _select(
        conn,
        "where resolved_at is null and (quarantine_id like %s or source_path = %s "
        "or source_path like %s) order by source_path",
        (_like(identifier) + "%", identifier, "%/" + _like(identifier)),
    )
    if len(rows) == 1:
        return rows[0]
    raise OmicsError(
        what="no such file in quarantine" if not rows else f"{len(rows)} files fit",
        where=identifier,
        expected="an id, or the path of one file",
        fix="list them with: omics quarantine list",
    )


def _select(
    conn: psycopg.Connection[Any], condition: str, values: tuple[Any, ...]
) -> list[Quarantined]:
    cursor = conn.execute(
        "select quarantine_id, source_path, omics_type, reason_code, place, seen, expected, "  # noqa: S608 - conditions are constants of this module
        "question, nearest_format, differs, mapping_stub, size_bytes, first_seen_at, last_seen_at "
        f"from ops.quarantine {condition}",
        values,
    )
    return [Quarantined(*row) for row in cursor.fetchall()]


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _clean(text: str | None) -> str | None:
    # Postgres text cannot hold NUL, and a refused binary file may well show one.
    return None if text is None else text.replace("\0", "\ufffd")
