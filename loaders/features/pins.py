"""Pins: which release of a reference is held, whatever else is landed. Kept in ``ops``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

    from loaders.features.releases import Release


def pin(conn: psycopg.Connection[Any], release: Release) -> None:
    """Holds one table of a reference at a release; a pin that is there moves.

    The content of the file is remembered, not its place: a pin outlives a move of the file, and a
    warehouse that is built anew from the same files.
    """
    conn.execute(
        "insert into ops.reference_pins (reference, content, taxon, sha256, file_id, version) "
        "values (%s, %s, %s, %s, %s, %s) on conflict (reference, content, taxon) do update set "
        "sha256 = excluded.sha256, file_id = excluded.file_id, version = excluded.version, "
        "pinned_at = now()",
        (
            release.reference,
            release.content,
            release.taxon,
            release.sha256,
            release.file_id,
            release.label,
        ),
    )


def unpin(conn: psycopg.Connection[Any], reference: str, content: str | None = None) -> list[str]:
    """Lets the newest release be used again.

    Returns:
        The tables that were pinned, as reference and content.
    """
    rows = conn.execute(
        "delete from ops.reference_pins where reference = %s and (%s::text is null or content = %s)"
        " returning reference || ' ' || content",
        (reference, content, content),
    ).fetchall()
    return sorted(row[0] for row in rows)


def pins_without_release(
    conn: psycopg.Connection[Any], releases: list[Release]
) -> list[dict[str, Any]]:
    """Returns pins whose release is not landed here, so that they hold nothing."""
    landed = {(r.reference, r.content, r.taxon, r.sha256) for r in releases}
    rows = conn.execute(
        "select reference, content, taxon, sha256, version from ops.reference_pins order by 1, 2, 3"
    ).fetchall()
    return [
        {"reference": row[0], "content": row[1], "taxon": row[2], "version": row[4]}
        for row in rows
        if row[:4] not in landed
    ]
