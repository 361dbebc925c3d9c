"""Builds of the marts: one that fails leaves the marts as they were before it.

The work is done in Postgres, by functions that dbt's models call too: see `builds.sql`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg

    from warehouse.marks import Mark


@dataclass(frozen=True)
class MartsState:
    """What the marts hold.

    Attributes:
        good_at: When the last complete build passed; none if none did.
        stale_since: When a build failed after that; none if the marts are up to date.
        failed: What failed in it.
        cut_off: A build was killed, so that the marts hold part of what it made.
        rows_restored: Rows that were put back when it failed; none if there was nothing before.
    """

    good_at: datetime | None
    stale_since: datetime | None
    failed: tuple[str, ...]
    cut_off: bool
    rows_restored: int | None

    @property
    def is_stale(self) -> bool:
        """Whether newer content was loaded and could not be built."""
        return self.stale_since is not None


def ensure_undo(conn: psycopg.Connection) -> None:
    """Make the tables and functions of `builds.sql` when they are missing or another version."""
    text = Path(__file__).with_name("builds.sql").read_text(encoding="utf-8")
    mark = f"rows of the marts before the build that is running; {_digest(text)}"
    row = conn.execute(
        "select obj_description(to_regnamespace('marts_undo'), 'pg_namespace')"
    ).fetchone()
    if row is not None and row[0] == mark:
        return
    conn.execute(text.encode())
    conn.execute(f"comment on schema marts_undo is '{mark}'".encode())


def begin_build(conn: psycopg.Connection, run_id: str, *, complete: bool) -> None:
    """Open a build: from now on, what it touches is saved first.

    Args:
        conn: An autocommit connection that holds the lock `build`.
        run_id: The run that builds.
        complete: Whether all models and tests run; only then can it make the marts up to date.
    """
    conn.execute("select ops.begin_build(%s::uuid, 'omics', %s)", (run_id, complete))


def keep_build(conn: psycopg.Connection, mark: Mark | None = None) -> None:
    """Close the open build as good: what was saved is let go.

    Args:
        conn: An autocommit connection that holds the lock `build`.
        mark: What it read and left, if a later refresh may rest on it.
    """
    from psycopg.types.json import Jsonb

    with conn.transaction():
        if mark is not None:
            conn.execute(
                "insert into ops.build_marks (build_id, inputs, outputs, schemas)"
                " select build_id, %s, %s, %s from ops.builds where status = 'open'",
                (Jsonb(dict(mark.inputs)), Jsonb(dict(mark.outputs)), list(mark.schemas)),
            )
        conn.execute("select ops.keep_build()")


def undo_build(conn: psycopg.Connection, failed: Sequence[str]) -> int:
    """Close the open build as failed, and put the marts back in one transaction.

    Args:
        conn: An autocommit connection that holds the lock `build`.
        failed: Names of the models and tests that failed.

    Returns:
        Number of rows that were put back.
    """
    row = conn.execute("select ops.undo_build(%s)", (list(failed),)).fetchone()
    return int(row[0]) if row else 0


def marts_state(conn: psycopg.Connection) -> MartsState:
    """What the marts hold now."""
    row = conn.execute(
        "with good as (select max(finished_at) as at from ops.builds"
        " where status = 'good' and is_complete)"
        " select good.at, bad.finished_at, bad.failed, bad.rows_restored,"
        " exists (select from ops.undo_tables) and ops.build_lock_holder() is null"
        " from good left join lateral (select finished_at, failed, rows_restored from ops.builds"
        " where status = 'failed' and finished_at > coalesce(good.at, '-infinity')"
        " order by finished_at desc limit 1) as bad on true"
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate gives one row
    good_at, stale_since, failed, restored, cut_off = row
    return MartsState(good_at, stale_since, tuple(failed or ()), bool(cut_off), restored)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
