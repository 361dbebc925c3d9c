"""What happens to datasets without a new version: gone, pruned, replaced in part, half-loaded."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from loaders.sources import Source, sources

if TYPE_CHECKING:
    import psycopg


def mark_missing(
    conn: psycopg.Connection[Any], gone: Iterable[str], present: Iterable[str], *, run_id: str
) -> None:
    """Marks datasets whose file has gone, and unmarks those whose file is there again.

    Args:
        conn: Connection in autocommit mode.
        gone: Paths that are no longer there.
        present: Paths that are.
        run_id: Run that looked.
    """
    missing, there = list(gone), list(present)
    with conn.transaction():
        if missing:
            conn.execute(
                f"insert into ops.dataset_states (dataset_key, source_path, state, since, run_id) "  # noqa: S608 - schema names are constants
                f"select k.dataset_key, max(k.source_path), 'source_missing', now(), %s::uuid "
                f"from ({_visible_keys()}) as k "
                "left join ops.dataset_states as s on s.dataset_key = k.dataset_key "
                "where k.source_path = any(%s) "
                # A sheet that an earlier version held and a later one dropped stays removed.
                "and not coalesce(s.state = 'removed' and s.since >= k.loaded_at, false) "
                "group by k.dataset_key "
                "on conflict (dataset_key) do update set state = 'source_missing', "
                "since = excluded.since, run_id = excluded.run_id "
                "where ops.dataset_states.state <> 'source_missing'",
                (run_id, missing),
            )
        conn.execute(
            "delete from ops.dataset_states "
            "where state = 'source_missing' and source_path = any(%s)",
            (there,),
        )


def prune(conn: psycopg.Connection[Any], gone: Iterable[str], *, run_id: str) -> int:
    """Removes the datasets of files that have gone from the marts; ``raw_*`` keeps their rows.

    Returns:
        Number of datasets removed.
    """
    paths = list(gone)
    if not paths:
        return 0
    cursor = conn.execute(
        f"insert into ops.dataset_states (dataset_key, source_path, state, since, run_id) "  # noqa: S608 - schema names are constants
        f"select distinct k.dataset_key, k.source_path, 'removed', now(), %s::uuid "
        f"from ({_visible_keys()}) as k where k.source_path = any(%s) "
        "on conflict (dataset_key) do update set state = 'removed', since = now(), "
        "run_id = excluded.run_id where ops.dataset_states.state <> 'removed'",
        (run_id, paths),
    )
    return cursor.rowcount


def retire_replaced_parts(conn: psycopg.Connection[Any], *, run_id: str) -> int:
    """Removes datasets that the newest version of their file no longer holds (a deleted sheet).

    Runs after each load and before the next, so that a load killed in between is made good.

    Returns:
        Number of datasets removed.
    """
    cursor = conn.execute(
        f"""
        insert into ops.dataset_states (dataset_key, source_path, state, since, run_id)
        select k.dataset_key, k.source_path, 'removed', p.newest, %s::uuid
        from (
            select distinct on (dataset_key) dataset_key, source_path, loaded_at as newest
            from ({_visible_keys()}) as v order by dataset_key, loaded_at desc
        ) as k
        join (
            select source_path, max(loaded_at) as newest
            from ({_visible_keys()}) as v group by source_path
        ) as p on p.source_path = k.source_path and p.newest > k.newest
        on conflict (dataset_key) do update
        set state = 'removed', since = excluded.since, run_id = excluded.run_id
        where ops.dataset_states.since < excluded.since
        """,  # noqa: S608 - schema names are constants
        (run_id,),
    )
    return cursor.rowcount


def sweep_unfinished(conn: psycopg.Connection[Any], source: Source) -> int:
    """Deletes the rows of loads that never finished; no reader has ever seen them.

    Call it only while holding the lock of the source: the rows of a load that is under way look
    just the same.

    Returns:
        Number of rows deleted.
    """
    schema = source.schema
    deleted = 0
    for table in source.tables:
        cursor = conn.execute(
            f"delete from {schema}.{table.name} as r where not exists "  # noqa: S608 - names are constants
            f"(select 1 from {schema}._dlt_loads as l "
            "where l.load_id = r._dlt_load_id and l.status = 0)"
        )
        deleted += cursor.rowcount
    return deleted


def discard(
    conn: psycopg.Connection[Any], source: Source, file_ids: Iterable[int], load_ids: Iterable[str]
) -> None:
    """Deletes rows that left a reader before their file turned out to be unreadable."""
    ids = list(file_ids)
    if not ids:
        return
    schema = source.schema
    for table in source.tables:
        conn.execute(
            f"delete from {schema}.{table.name} where file_id = any(%s) and _dlt_load_id = any(%s)",  # noqa: S608 - names are constants
            (ids, list(load_ids)),
        )


_NEVER_SEARCHED = ("quantities", "annotations", "attributes", "role_evidence", "raw_text")


def refresh_statistics(conn: psycopg.Connection[Any], source: Source) -> None:
    """Tells the planner about the new rows.

    Without it the first build after a large load went through nested loops: staging joins every
    table with ``files`` and ``_dlt_loads``, and one wrong guess of 1 row made a query of 2 s run
    for more than 8 minutes.
    """
    from psycopg import sql

    for table in source.tables:
        # Long texts that no query searches take a third of the time.
        columns = [name for name in table.column_names if name not in _NEVER_SEARCHED]
        conn.execute(
            sql.SQL("analyze {} ({})").format(
                sql.Identifier(source.schema, table.name),
                sql.SQL(", ").join(map(sql.Identifier, [*columns, "_dlt_load_id"])),
            )
        )
    conn.execute(sql.SQL("analyze {}").format(sql.Identifier(source.schema, "_dlt_loads")))


def latest_load(conn: psycopg.Connection[Any]) -> datetime | None:
    """Returns the time of the newest finished load, or None."""
    union = " union all ".join(
        f"select max(inserted_at) as at from {source.schema}._dlt_loads where status = 0"  # noqa: S608 - schema names are constants
        for source in sources().values()
    )
    row = conn.execute(f"select max(at) from ({union}) as loads").fetchone()  # noqa: S608 - as above
    return row[0] if row else None


def _visible_keys() -> str:
    one = (
        "select f.dataset_key, f.source_path, f.loaded_at from {schema}.files as f "
        "where f.status = 'loaded' and exists (select 1 from {schema}._dlt_loads as l "
        "where l.load_id = f._dlt_load_id and l.status = 0)"
    )
    return " union all ".join(one.format(schema=source.schema) for source in sources().values())
