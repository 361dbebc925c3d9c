"""How much time a search still has, and how a step is kept within it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]

#: A step is not begun with less than this.
_LEAST = 0.02


@dataclass(frozen=True)
class Deadline:
    """A moment by which an answer is due.

    Attributes:
        seconds: From the beginning on.
        clock: How time is told.
        began: When it began.
    """

    seconds: float
    clock: Callable[[], float] = field(default=time.monotonic, compare=False)
    began: float = field(default=-1.0)

    def __post_init__(self) -> None:
        """Begins now, unless it is told when."""
        if self.began < 0:
            object.__setattr__(self, "began", self.clock())

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        return self.clock() - self.began

    @property
    def remaining(self) -> float:
        """Seconds that are left; never below zero."""
        return max(0.0, self.seconds - self.spent)

    def share(self, fraction: float) -> float:
        """A part of what is left."""
        return self.remaining * fraction


class _Paced:
    """A connection whose statements all together end in time.

    Postgres limits each statement, so the limit is drawn in as time goes by.
    """

    def __init__(self, conn: Conn, seconds: float) -> None:
        self._conn = conn
        self._until = time.monotonic() + seconds
        self._limit = float("inf")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._conn, name)

    def execute(self, query: Any, *given: Any, **named: Any) -> Any:
        """Runs a statement within what is left.

        Raises:
            QueryCanceled: Nothing is left, or it took longer.
        """
        import psycopg

        left = self._until - time.monotonic()
        if left <= 0:
            raise psycopg.errors.QueryCanceled("the time is up")
        if left < 0.7 * self._limit:
            self._limit = max(_LEAST, left)
            self._conn.execute(
                "select set_config('statement_timeout', %s, true)",
                (f"{self._limit * 1000:.0f}ms",),
            )
        return self._conn.execute(query, *given, **named)


@contextmanager
def limited(conn: Conn, seconds: float) -> Iterator[Conn]:
    """A transaction whose statements all together end after so many seconds.

    Args:
        conn: An autocommit connection.
        seconds: How long they may take.

    Yields:
        The connection to use inside.
    """
    with conn.transaction():
        yield cast("Conn", _Paced(conn, max(_LEAST, seconds)))
