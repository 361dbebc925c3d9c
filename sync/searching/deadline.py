"""How much time a search still has, and how a step is kept within it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

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


@contextmanager
def limited(conn: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """A transaction whose statements each end after so many seconds."""
    with conn.transaction():
        conn.execute(
            "select set_config('statement_timeout', %s, true)",
            (f"{max(_LEAST, seconds) * 1000:.0f}ms",),
        )
        yield
