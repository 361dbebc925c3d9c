"""A build of the marts: all of it passes, or the marts stay as they were."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omics.dbt import DbtRun, NodeResult, build_arguments, run_dbt
from warehouse import exits

if TYPE_CHECKING:
    import psycopg

    from warehouse.marks import Mark
    from warehouse.settings import Settings

#: What goes away by itself: lost connections, a server that starts or is full for a moment, locks.
#: A test that fails or SQL that is wrong does so again.
_TRANSIENT = re.compile(
    r"server closed the connection|connection (?:was |has been )?(?:closed|refused|reset|timed out)"
    r"|could not connect|terminating connection|connection to server .* failed"
    r"|SSL connection has been closed|the database system is (?:starting up|shutting down"
    r"|in recovery mode)|too many clients|remaining connection slots"
    r"|deadlock detected|could not serialize access|lock timeout|could not obtain lock"
    r"|tuple concurrently (?:updated|deleted)|out of shared memory",
    re.IGNORECASE,
)

#: Arguments of dbt that leave something out.
_SELECTING = {
    "-s", "--select", "-m", "--models", "--model", "--exclude", "--selector",
    "--resource-type", "--resource-types", "--exclude-resource-type", "--exclude-resource-types",
}  # fmt: skip

_FAILED = ("error", "fail", "runtime error")


@dataclass(frozen=True)
class Built:
    """How a build ended.

    Attributes:
        dbt: The results of dbt; those of a retry stand in the place of what failed before.
        retried: What failed at first and was tried again.
        rows_restored: Rows of the marts put back because it failed; none where it passed.
    """

    dbt: DbtRun
    retried: tuple[str, ...] = ()
    rows_restored: int | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of this project."""
        return self.dbt.exit_code

    @property
    def message(self) -> str | None:
        """What failed, or None when nothing did."""
        return failure_message(self.dbt)


def build(
    settings: Settings,
    conn: psycopg.Connection[Any],
    run_id: str,
    extra: Sequence[str] = (),
    *,
    quiet: bool = False,
    before_keeping: Callable[[], object] | None = None,
) -> Built:
    """Builds the marts; what failed for a reason that passes is tried once more.

    Args:
        settings: Settings of the warehouse.
        conn: An autocommit connection that holds the lock `build`.
        run_id: The run in the ledger.
        extra: Further arguments for ``dbt build``.
        quiet: Keep dbt's output instead of printing it.
        before_keeping: Called when all passed, while the rows from before can still be read.

    Returns:
        How it ended. Unless all passed, the marts are as they were before.
    """
    from omics.unchanged import inputs_before, mark_after
    from warehouse.builds import begin_build, keep_build, undo_build
    from warehouse.connection import pg_environment

    environment = {**pg_environment(settings, database=conn.info.dbname), "OMICS_BUILD": run_id}
    # Before anything is read, so that what is committed meanwhile is another thing than this.
    inputs = None if extra else inputs_before(settings, conn)
    begin_build(conn, run_id, complete=is_complete(extra))
    retried: tuple[str, ...] = ()
    done: DbtRun | None = None
    mark: Mark | None = None
    try:
        done = run_dbt(settings, build_arguments(extra), environment=environment, quiet=quiet)
        again = retry_arguments(done, extra)
        if again is not None:
            retried = tuple(result.name for result in done.failed) or ("dbt",)
            second = run_dbt(settings, again, environment=environment, quiet=quiet)
            done = combined(done, second)
        if done.return_code == 0:
            if before_keeping is not None:
                before_keeping()
            mark = mark_after(conn, inputs, done)
    finally:
        # Also when this process is being stopped: the marts are not left in the middle.
        restored = None
        if not conn.closed:
            if done is not None and done.return_code == 0:
                keep_build(conn, mark)
            else:
                # No results at all: this process was told to stop while dbt was at work.
                stopped = ["it was stopped before its end"]
                names = [r.name for r in done.failed] if done is not None else stopped
                restored = undo_build(conn, names)
    return Built(done, retried, restored)


def is_complete(extra: Sequence[str]) -> bool:
    """Whether a build with these arguments builds and tests everything."""
    return not any(word.split("=")[0] in _SELECTING for word in extra)


def retry_arguments(done: DbtRun, extra: Sequence[str]) -> list[str] | None:
    """Returns the arguments of the one retry, or None where it would fail in the same way.

    Args:
        done: The first attempt.
        extra: What it was asked for beyond ``dbt build``.
    """
    if done.return_code == 0:
        return None
    if not done.results:
        return build_arguments(extra) if _TRANSIENT.search(done.output) else None
    failed = done.failed
    if not failed or not all(_TRANSIENT.search(result.message or "") for result in failed):
        return None
    unfinished = [r.name for r in done.results if r.status in (*_FAILED, "skipped")]
    full = [word for word in extra if word in ("--full-refresh", "-f")]
    return ["build", *full, "--select", *unfinished, "--exclude-resource-type", "unit_test"]


def combined(first: DbtRun, second: DbtRun) -> DbtRun:
    """Returns one run of two: the results of the second stand in the place of the first's."""
    results: dict[str, NodeResult] = {result.node_id: result for result in first.results}
    results.update((result.node_id, result) for result in second.results)
    return DbtRun(
        return_code=second.return_code,
        results=tuple(results.values()),
        output=first.output + second.output,
        seconds=round(first.seconds + second.seconds, 3),
        arguments=first.arguments,
    )


def failure_message(built: DbtRun) -> str | None:
    """Returns the names of what failed, or None when nothing did."""
    if built.failed:
        return "failed: " + ", ".join(result.name for result in built.failed)
    return "dbt failed before it ran a node" if built.return_code != exits.DONE else None


def store_results(conn: psycopg.Connection[Any], run_id: str, built: DbtRun) -> None:
    """Writes dbt's results to ``ops.run_results`` with one copy."""
    with (
        conn.transaction(),
        conn.cursor() as cursor,
        cursor.copy(
            "copy ops.run_results (run_id, node_id, node_type, status, execution_seconds, "
            "rows_affected, failures, message) from stdin"
        ) as copy,
    ):
        for result in built.results:
            copy.write_row(
                (
                    run_id,
                    result.node_id,
                    result.node_type,
                    result.status,
                    result.seconds,
                    result.rows_affected,
                    result.failures,
                    result.message,
                )
            )
