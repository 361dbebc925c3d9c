"""Column roles that users gave, remembered by the kind of file: the next one loads by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from loaders.model import Remembered
from warehouse.errors import OmicsError

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class KeptMapping:
    """One remembered mapping, as ``omics mappings`` shows it."""

    mapping_id: str
    header_fingerprint: str
    kind: Mapping[str, object]
    given_for: str
    created_at: datetime


def remember(
    conn: psycopg.Connection[Any],
    entries: Sequence[tuple[Remembered, str]],
    *,
    run_id: str,
) -> int:
    """Keeps mappings that have read a file; a later one for the same header replaces the earlier.

    Args:
        conn: Connection in autocommit mode.
        entries: Mapping and the path of the file that it read.
        run_id: Run in which it was given.

    Returns:
        How many are kept.
    """
    from psycopg.types.json import Jsonb

    with conn.transaction():
        for entry, path in entries:
            conn.execute(
                "update ops.mappings set forgotten_at = now() where forgotten_at is null "
                "and header_fingerprint = %s and mapping_id <> %s",
                (entry.fingerprint, entry.mapping_id),
            )
            conn.execute(
                "insert into ops.mappings (mapping_id, header_fingerprint, kind, given_for, run_id)"
                " values (%s, %s, %s, %s, %s) on conflict (mapping_id) do update set "
                "header_fingerprint = excluded.header_fingerprint, kind = excluded.kind, "
                "given_for = excluded.given_for, run_id = excluded.run_id, "
                "created_at = now(), forgotten_at = null",
                (entry.mapping_id, entry.fingerprint, Jsonb(dict(entry.kind)), path, run_id),
            )
    return len(entries)


def remembered(conn: psycopg.Connection[Any]) -> tuple[Remembered, ...]:
    """Returns what readers need of the mappings that are remembered, the newest first."""
    return tuple(
        Remembered(kept.mapping_id, kept.header_fingerprint, kept.kind) for kept in listed(conn)
    )


def listed(conn: psycopg.Connection[Any]) -> list[KeptMapping]:
    """Returns the remembered mappings, the newest first."""
    rows = conn.execute(
        "select mapping_id, header_fingerprint, kind, given_for, created_at from ops.mappings "
        "where forgotten_at is null order by created_at desc, mapping_id"
    ).fetchall()
    return [KeptMapping(*row) for row in rows]


def find(conn: psycopg.Connection[Any], identifier: str) -> KeptMapping:
    """Returns one remembered mapping by the beginning of its id.

    Raises:
        OmicsError: No mapping or more than one fits.
    """
    fitting = [kept for kept in listed(conn) if kept.mapping_id.startswith(identifier)]
    if len(fitting) == 1:
        return fitting[0]
    raise OmicsError(
        "no such mapping is remembered" if not fitting else f"{len(fitting)} mappings fit",
        where=identifier,
        expected="the id of one mapping, or its beginning",
        fix="list them with: omics mappings list",
    )


def forget(conn: psycopg.Connection[Any], identifier: str) -> KeptMapping:
    """Forgets one mapping: files that it read stay as they are, later files are asked about again.

    Raises:
        OmicsError: No mapping or more than one fits.
    """
    kept = find(conn, identifier)
    conn.execute(
        "update ops.mappings set forgotten_at = now() where mapping_id = %s", (kept.mapping_id,)
    )
    return kept
