"""Locks in Postgres: held by a session, gone with it, seen by every user of the server."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from warehouse.errors import OmicsError

if TYPE_CHECKING:
    import psycopg

# Part of every key, so that they do not meet those of another program in the same database.
_NAMESPACE = "omics-warehouse:"

_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, as far as this role may see it.

    Attributes:
        pid: Process of the server that serves the holder.
        application_name: What the holder calls itself: `omics` and its own process by default.
        since: When it connected.
        client: Machine it connected from; none for a local socket.
    """

    pid: int
    application_name: str
    since: datetime | None
    client: str | None

    def __str__(self) -> str:
        """One line for a message."""
        name = self.application_name or "an unnamed session"
        since = f", connected {self.since:%Y-%m-%d %H:%M:%S %Z}" if self.since else ""
        client = f" from {self.client}" if self.client else ""
        return f"{name}{client} (server process {self.pid}{since})"


class LockHeld(OmicsError):
    """Another session holds the lock.

    Attributes:
        name: Name of the lock.
        holder: Who holds it; none if it was let go in the meantime.
    """

    def __init__(self, name: str, holder: Holder | None) -> None:
        super().__init__(
            f"another run holds the lock {name!r}: {holder or 'it was let go just now'}",
            expected="one such run at a time",
            fix="wait for it to end and try again",
        )
        self.name = name
        self.holder = holder


def lock_key(name: str) -> int:
    """The number Postgres knows a lock by: 64 bits, signed.

    Examples:
        >>> lock_key("load") == lock_key("load") != lock_key("build")
        True
    """
    digest = hashlib.sha256(f"{_NAMESPACE}{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


@contextmanager
def advisory_lock(
    conn: psycopg.Connection, name: str, *, wait_seconds: float = 0.0
) -> Iterator[None]:
    """Hold the lock `name` as long as the block runs, or as long as the process lives.

    Args:
        conn: An autocommit connection that stays open for the block: the lock is the session's.
        name: Name of the lock. Not meant to be taken twice at once by one session.
        wait_seconds: How long to wait for another holder.

    Raises:
        LockHeld: Another session has it, and still had it when the waiting was over.
    """
    import psycopg

    deadline = time.monotonic() + wait_seconds
    while not try_lock(conn, name):
        if time.monotonic() >= deadline:
            raise LockHeld(name, holder_of(conn, name))
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        # A lost connection let go of the lock already; what broke it is the error to see.
        with suppress(psycopg.OperationalError):
            unlock(conn, name)


def try_lock(conn: psycopg.Connection, name: str) -> bool:
    """Take the lock if it is free; whether it was."""
    row = conn.execute("select pg_try_advisory_lock(%s)", (lock_key(name),)).fetchone()
    return bool(row and row[0])


def unlock(conn: psycopg.Connection, name: str) -> None:
    """Let go of a lock that this session holds."""
    conn.execute("select pg_advisory_unlock(%s)", (lock_key(name),))


def lock_transaction(conn: psycopg.Connection, name: str) -> None:
    """Wait for the lock `name`, hold it until the transaction ends, and see what was made before.

    For "create … if not exists", which two sessions at once run into. The lock alone is not enough:
    a session remembers that a name was not there, and hears of the other's work when it next locks
    a table. Without the second query two loads that began together failed in 3 of 9 tries.
    """
    conn.execute("select pg_advisory_xact_lock(%s)", (lock_key(name),))
    conn.execute("select from pg_namespace limit 1")


def holder_of(conn: psycopg.Connection, name: str) -> Holder | None:
    """Who holds the lock now, in this database."""
    key = lock_key(name) & 0xFFFFFFFFFFFFFFFF
    row = conn.execute(
        """
        select locks.pid, coalesce(sessions.application_name, ''), sessions.backend_start,
            host(sessions.client_addr)
        from pg_locks as locks
        left join pg_stat_activity as sessions on sessions.pid = locks.pid
        where locks.locktype = 'advisory' and locks.granted and locks.objsubid = 1
            and locks.classid = %s::oid and locks.objid = %s::oid
            and locks.database = (select oid from pg_database where datname = current_database())
        """,
        (key >> 32, key & 0xFFFFFFFF),
    ).fetchone()
    return Holder(*row) if row else None
