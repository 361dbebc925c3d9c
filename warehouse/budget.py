"""One budget of calls per service, kept in Postgres, so that all workers together stay below it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

#: Seconds to wait after a refusal that names no time.
DEFAULT_PAUSE = 5.0

#: Refusals in a row after which a run gives up: a used-up quota never clears.
BREAKER = 6


class Blocked(Exception):
    """The service asked for a longer pause than a run waits.

    Attributes:
        seconds: How long the pause still lasts.
        reason: What the service said.
    """

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(f"{reason}; not before {seconds:.0f} s from now")
        self.seconds = seconds
        self.reason = reason


@dataclass
class Budget:
    """Gives each call its turn.

    Attributes:
        conn: An autocommit connection.
        service: Whose budget.
        per_second: Calls per second over all workers; 0 sets no pace.
        patience: Seconds that a pause asked for by the service is waited for.
        sleep: How to wait.
    """

    conn: psycopg.Connection[Any]
    service: str
    per_second: float
    patience: float = 90.0
    sleep: Callable[[float], None] = field(default=time.sleep)
    _refusals: int = field(default=0, init=False)

    def throttled(self, wait: float | None, message: str) -> None:
        """The service refused a call for its rate: no worker calls before the time it names.

        Raises:
            Blocked: It has refused every call for a while, as when a monthly quota is used up.
        """
        self._refusals += 1
        seconds = DEFAULT_PAUSE if wait is None else wait
        reason = f"{self.service} refuses for its rate: {message}"
        self.block(seconds, reason)
        if self._refusals >= BREAKER:
            raise Blocked(seconds, f"{self._refusals} refusals in a row, perhaps a quota: {reason}")

    def went_well(self) -> None:
        """A call was answered."""
        self._refusals = 0

    def take_turn(self) -> None:
        """Waits until a call may be made.

        Each call books the next free moment, so that calls of several workers never bunch.

        Raises:
            Blocked: The service asked for a pause that is longer than `patience`.
        """
        step = 1.0 / self.per_second if self.per_second > 0 else 0.0
        self.conn.execute(
            "insert into ops.budgets (service) values (%s) on conflict do nothing",
            (self.service,),
        )
        while True:
            row = self.conn.execute(
                """
                update ops.budgets set
                    next_at = greatest(next_at, clock_timestamp(), blocked_until)
                        + make_interval(secs => %s)
                where service = %s
                    and coalesce(blocked_until <= clock_timestamp(), true)
                returning extract(epoch from next_at - make_interval(secs => %s)
                    - clock_timestamp())::float8
                """,
                (step, self.service, step),
            ).fetchone()
            if row is not None:
                if row[0] > 0:
                    self.sleep(float(row[0]))
                if not self._pause():
                    return
            self._wait_out()

    def _pause(self) -> tuple[float, str] | None:
        row = self.conn.execute(
            "select extract(epoch from blocked_until - clock_timestamp())::float8,"
            " coalesce(reason, 'the service asked for a pause') from ops.budgets"
            " where service = %s and blocked_until > clock_timestamp()",
            (self.service,),
        ).fetchone()
        return (float(row[0]), str(row[1])) if row else None

    def _wait_out(self) -> None:
        pause = self._pause()
        if pause is None:
            return
        if pause[0] > self.patience:
            raise Blocked(*pause)
        self.sleep(pause[0])

    def block(self, seconds: float, reason: str) -> None:
        """Lets no worker call for so many seconds."""
        self.conn.execute(
            "insert into ops.budgets (service, blocked_until, reason)"
            " values (%(service)s, clock_timestamp() + make_interval(secs => %(wait)s), %(reason)s)"
            " on conflict (service) do update set"
            " blocked_until = greatest(ops.budgets.blocked_until, excluded.blocked_until),"
            " reason = excluded.reason",
            {"service": self.service, "wait": seconds, "reason": reason},
        )
