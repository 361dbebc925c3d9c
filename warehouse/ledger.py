"""The ledger of runs, schema `ops`: what ran, how it ended, and what it counted."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse import builds, exits, lock

if TYPE_CHECKING:
    import psycopg

_STATUS = {
    exits.DONE: "done",
    exits.PARTIAL: "partial",
    exits.LOCKED: "locked",
}


def ensure_ops(conn: psycopg.Connection) -> None:
    """Make the schema `ops` and its tables if they are missing."""
    text = Path(__file__).with_name("ops.sql").read_text(encoding="utf-8")
    # "if not exists" still fails when two sessions make the same thing at once.
    with conn.transaction():
        lock.lock_transaction(conn, "ops")
        conn.execute(text.encode())
        builds.ensure_undo(conn)


def start_run(conn: psycopg.Connection, command: str, args: Mapping[str, Any]) -> str:
    """Write down that a run began.

    The session holds a lock named after the run until `finish_run`: a run whose row says `running`
    while nobody holds its lock is dead, see `mark_dead_runs`.

    Args:
        conn: An autocommit connection that stays open for the run.
        command: The command, as typed after `omics`.
        args: Its arguments, without secrets.

    Returns:
        The id of the run.
    """
    from psycopg.types.json import Jsonb

    run_id = str(uuid.uuid4())
    lock.try_lock(conn, _lock_name(run_id))
    conn.execute(
        "insert into ops.runs (run_id, command, arguments, status, pid, host, version)"
        " values (%s, %s, %s, 'running', %s, %s, %s)",
        (run_id, command, Jsonb(dict(args)), os.getpid(), socket.gethostname(), _version()),
    )
    return run_id


def finish_run(
    conn: psycopg.Connection,
    run_id: str,
    *,
    exit_code: int,
    counts: Mapping[str, Any],
    durations: Mapping[str, float],
    message: str | None = None,
) -> None:
    """Write down how a run ended.

    Args:
        conn: The connection that the run was started on.
        run_id: The run.
        exit_code: See `warehouse.exits`; the status follows from it.
        counts: What it counted, for example files landed and quarantined.
        durations: Seconds for each of its steps.
        message: What went wrong, if something did.
    """
    from psycopg.types.json import Jsonb

    conn.execute(
        "update ops.runs set status = %s, exit_code = %s, finished_at = clock_timestamp(),"
        " counts = %s, durations = %s, message = %s where run_id = %s",
        (
            _STATUS.get(exit_code, "failed"),
            exit_code,
            Jsonb(dict(counts)),
            Jsonb(dict(durations)),
            message,
            run_id,
        ),
    )
    lock.unlock(conn, _lock_name(run_id))


def mark_dead_runs(conn: psycopg.Connection) -> list[str]:
    """Mark as `crashed` the runs that say `running` but whose session is gone.

    Returns:
        The ids of the runs that were marked.
    """
    running = conn.execute("select run_id::text from ops.runs where status = 'running'").fetchall()
    dead = [run_id for (run_id,) in running if lock.holder_of(conn, _lock_name(run_id)) is None]
    if dead:
        conn.execute(
            "update ops.runs set status = 'crashed', finished_at = clock_timestamp(),"
            " message = 'its session ended without a word'"
            " where run_id = any(%s::uuid[]) and status = 'running'",
            (dead,),
        )
    return dead


def _lock_name(run_id: str) -> str:
    return f"run:{run_id}"


def _version() -> str | None:
    try:
        return version("omics-warehouse")
    except PackageNotFoundError:
        # Run from a checkout that was not installed.
        return None
