"""What Postgres already holds of each file. Local state is never asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loaders.sources import sources

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class KnownFile:
    """The newest landed version of a file.

    Attributes:
        path: Path or URL it was read from.
        key_base: Dataset key without the part; stays the same when the file is moved.
        sha256: Hash of its bytes.
        signature: Cheap change mark of the file when it was read.
        size: Size in bytes.
        sources: Sources that hold what it brought.
        is_missing: True while the file is gone from its folder.
        is_one_of_many: True for a format with one file per sample, which others may come to join.
    """

    path: str
    key_base: str
    sha256: str
    signature: str
    size: int
    sources: tuple[str, ...]
    is_missing: bool
    is_one_of_many: bool = False


@dataclass(frozen=True)
class RefusedFile:
    """A file that could not be read when it was last seen.

    ``may_be_answered`` is ``yes`` where, since then, a user said what the columns of some kind of
    file are.
    """

    quarantine_id: str
    path: str
    sha256: str
    signature: str
    reader_version: str
    reason_code: str
    omics_type: str
    may_be_answered: str = ""


def _current_files_sql() -> str:
    # Visible and not removed: the rule of staging, so that loaders and marts agree on what is held
    one = """
        select f.source_path, f.dataset_key, f.part, f.sha256, f.stat_signature, f.size_bytes,
               f.format,
               '{name}' as source_name, f.loaded_at, f._dlt_load_id
        from {schema}.files as f
        where f.status = 'loaded'
          and exists (select 1 from {schema}._dlt_loads as l
                      where l.load_id = f._dlt_load_id and l.status = 0)"""
    union = "\n        union all".join(
        one.format(name=source.name, schema=source.schema) for source in sources().values()
    )
    return f"""
    with visible as ({union}
    ),
    ranked as (
        select visible.*, max(loaded_at) over (partition by source_path) as newest_of_path,
               max(loaded_at) over (partition by dataset_key) as newest_of_key
        from visible
    )
    select r.source_path,
           min(case when r.part = '' then r.dataset_key
                    else left(r.dataset_key, -(length(r.part) + 1)) end) as key_base,
           min(r.sha256), min(r.stat_signature), min(r.size_bytes),
           array_agg(distinct r.source_name),
           bool_or(coalesce(s.state = 'source_missing', false)),
           array_agg(distinct r.format)
    from ranked as r
    left join ops.dataset_states as s on s.dataset_key = r.dataset_key
    where r.loaded_at = r.newest_of_path
      and r.loaded_at = r.newest_of_key  -- else the file has moved away from this path
      and not coalesce(s.state = 'removed' and s.since >= r.loaded_at, false)
    group by r.source_path
    """  # noqa: S608 - schema names come from the constant tuple of sources


def known_files(conn: psycopg.Connection[Any]) -> dict[str, KnownFile]:
    """Returns the newest landed version of every file, by path."""
    from loaders.formats.registry import one_file_per_sample

    one_of_many = one_file_per_sample()
    rows = conn.execute(_current_files_sql()).fetchall()
    return {
        row[0]: KnownFile(
            path=row[0],
            key_base=row[1],
            sha256=row[2],
            signature=row[3] or "",
            size=int(row[4]),
            sources=tuple(row[5]),
            is_missing=bool(row[6]),
            is_one_of_many=not one_of_many.isdisjoint(row[7] or ()),
        )
        for row in rows
    }


def refused_files(conn: psycopg.Connection[Any]) -> dict[str, RefusedFile]:
    """Returns the files that stand in quarantine, by path."""
    rows = conn.execute(
        "select distinct on (source_path) quarantine_id, source_path, sha256, stat_signature, "
        "reader_version, reason_code, omics_type, "
        "case when mapping_stub is not null and exists (select from ops.mappings as m "
        "where m.forgotten_at is null and m.created_at > quarantine.last_seen_at) "
        "then 'yes' end "
        "from ops.quarantine where resolved_at is null "
        "order by source_path, last_seen_at desc"
    ).fetchall()
    found = (RefusedFile(*(value or "" for value in row)) for row in rows)
    return {refused.path: refused for refused in found}
