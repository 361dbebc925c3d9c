"""Services that a search may ask: in threads, to a deadline, and left alone when they are down."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]

T = TypeVar("T")

#: Failures in a row after which a service is not asked for a while, by any process.
BREAKER = 3

#: Seconds for which it is left alone then.
PAUSE = 60.0


class Unavailable(Exception):
    """A service gave no answer that can be used; the message says why."""


@dataclass
class Asked(Generic[T]):
    """A call on its way in a thread of its own.

    The thread is a daemon: a call that never ends keeps no process alive.
    """

    call: Callable[[], T]
    _done: threading.Event = field(default_factory=threading.Event, init=False)
    _value: list[T] = field(default_factory=list, init=False)
    _error: list[BaseException] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        """Sets out at once."""
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self._value.append(self.call())
        except BaseException as error:
            self._error.append(error)
        finally:
            self._done.set()

    def result(self, seconds: float) -> T:
        """What came back.

        Args:
            seconds: How long to wait for it.

        Raises:
            Unavailable: It did not come in time.
            Exception: What the call raised.
        """
        if not self._done.wait(seconds):
            raise Unavailable("no answer in time")
        if self._error:
            raise self._error[0]
        return self._value[0]


def blocked(conn: Conn, service: str) -> str | None:
    """Why a service is not asked now; none where it is.

    It failed several times in a row, or it asked publishing for a pause.
    """
    row = None
    for table, until in (("sync.search_services", "open_until"), ("ops.budgets", "blocked_until")):
        there = conn.execute("select to_regclass(%s) is not null", (table,)).fetchone()
        if row is None and there and there[0]:
            row = conn.execute(
                f"select reason from {table}"  # noqa: S608 - our own names
                f" where service = %s and {until} > clock_timestamp()".encode(),
                (service,),
            ).fetchone()
    return None if row is None else f"left alone for a while: {row[0] or 'it failed before'}"


def failed(conn: Conn, service: str, reason: str) -> None:
    """Counts a failure; the last one in a row opens the breaker."""
    _note(
        conn,
        "insert into sync.search_services as held (service, failures, reason)"
        " values (%(service)s, 1, %(reason)s) on conflict (service) do update set"
        " failures = held.failures + 1, reason = excluded.reason,"
        " open_until = case when held.failures + 1 >= %(breaker)s"
        " then clock_timestamp() + make_interval(secs => %(pause)s) end",
        {"service": service, "reason": reason[:500], "breaker": BREAKER, "pause": PAUSE},
    )


def went_well(conn: Conn, service: str) -> None:
    """Forgets earlier failures."""
    _note(
        conn,
        "delete from sync.search_services where service = %(service)s",
        {"service": service},
    )


def _note(conn: Conn, query: str, parameters: Mapping[str, Any]) -> None:
    import psycopg

    try:
        conn.execute(query.encode(), parameters)
    except psycopg.Error:
        # A search may be made by someone who cannot write; then the next one asks again.
        return
