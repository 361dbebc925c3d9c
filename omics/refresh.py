"""The scheduled command: load, freshness, build, sync; one row in ``ops.runs``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omics.dbt import PROJECT_FOLDER, DbtRun, build_arguments, run_dbt
from warehouse import exits

if TYPE_CHECKING:
    import psycopg

    from loaders.load import LoadReport, LoadRequest, Progress
    from loaders.notion.load import NotionReport
    from sync.publish import SyncReport
    from warehouse.settings import Settings


@dataclass
class RefreshReport:
    """What a refresh did."""

    run_id: str
    exit_code: int = exits.DONE
    load: LoadReport | None = None
    notion: NotionReport | None = None
    stale_sources: list[str] = field(default_factory=list)
    build: DbtRun | None = None
    sync: SyncReport | None = None
    durations: dict[str, float] = field(default_factory=dict)
    message: str | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Counts of the load and of the build."""
        counts = dict(self.load.counts) if self.load else {}
        if self.notion is not None:
            counts |= self.notion.counts
        counts["stale_sources"] = len(self.stale_sources)
        if self.build is not None:
            counts |= self.build.counts
            counts["failed_nodes"] = len(self.build.failed)
        if self.sync is not None:
            counts["published"] = sum(target.sent for target in self.sync.targets)
        return counts


def refresh(
    settings: Settings,
    conn: psycopg.Connection[Any],
    request: LoadRequest,
    *,
    progress: Progress | None = None,
    quiet: bool = True,
    extra: Sequence[str] = (),
) -> RefreshReport:
    """Runs the scheduled refresh.

    Args:
        settings: Settings of the warehouse.
        conn: Autocommit connection that stays open: it holds the lock.
        request: What to load.
        progress: Told how loading gets on.
        quiet: Keep dbt's output for the report instead of printing it.
        extra: Further arguments for ``dbt build``.

    Returns:
        What was done; the exit code says how it ended.

    Raises:
        LockHeld: Another refresh, load or build is running.
    """
    from loaders.load import load
    from omics.notion import notion_message, read_before_build
    from omics.preparing import prepare
    from omics.publishing import publish_after
    from omics.searching import index_after
    from warehouse.connection import pg_environment
    from warehouse.ledger import finish_run, start_run
    from warehouse.lock import LockHeld, advisory_lock

    prepare(conn)
    with advisory_lock(conn, "refresh", wait_seconds=request.wait_seconds):
        run_id = start_run(conn, "refresh", {"dir": request.folder, "files": list(request.files)})
        report = RefreshReport(run_id)
        try:
            began = time.monotonic()
            report.load = load(settings, conn, request, run_id=run_id, progress=progress)
            report.durations["load"] = round(time.monotonic() - began, 3)
            began = time.monotonic()
            report.notion = read_before_build(settings, conn, run_id)
            if report.notion is not None:
                report.durations["notion"] = round(time.monotonic() - began, 3)
            report.stale_sources = stale_sources(settings, conn)
            environment = pg_environment(settings, database=conn.info.dbname)
            with advisory_lock(conn, "build", wait_seconds=request.wait_seconds):
                report.build = run_dbt(
                    settings, build_arguments(extra), environment=environment, quiet=quiet
                )
            report.durations["build"] = report.build.seconds
            store_results(conn, run_id, report.build)
            if report.build.return_code == 0:
                began = time.monotonic()
                index_after(settings, conn)
                report.durations["index"] = round(time.monotonic() - began, 3)
                began = time.monotonic()
                report.sync = publish_after(settings, conn, ("notion", "pinecone"))
                if report.sync is not None:
                    report.durations["sync"] = round(time.monotonic() - began, 3)
            report.exit_code = _exit_code(report)
            report.message = (
                failure_message(report.build)
                or notion_message(report.notion)
                or sync_message(report.sync)
            )
        except LockHeld as held:
            report.exit_code, report.message = exits.LOCKED, str(held)
            raise
        except BaseException as error:
            report.exit_code = exits.FAILED
            report.message = f"{type(error).__name__}: {error}"
            raise
        finally:
            if not conn.closed:
                finish_run(
                    conn,
                    run_id,
                    exit_code=report.exit_code,
                    counts=report.counts,
                    durations=report.durations,
                    message=report.message,
                )
    return report


def failure_message(build: DbtRun) -> str | None:
    """Returns the names of what failed, or None when nothing did."""
    if build.failed:
        return "failed: " + ", ".join(result.name for result in build.failed)
    return "dbt failed before it ran a node" if build.return_code != 0 else None


def sync_message(sync: SyncReport | None) -> str | None:
    """Returns why something is not published yet, or None."""
    messages = [
        f"{target.target_id}: {target.message}"
        for target in (sync.targets if sync else ())
        if target.status != "done" and target.message
    ]
    return "; ".join(messages) or None


def _exit_code(report: RefreshReport) -> int:
    if report.build is None or report.build.return_code != 0:
        return exits.FAILED
    complete = report.load is not None and report.load.is_complete
    complete = complete and not (report.notion is not None and report.notion.left)
    # What could not be published waits in the outbox: the marts are fine.
    complete = complete and (report.sync is None or report.sync.status == "done")
    return exits.DONE if complete else exits.PARTIAL


def stale_sources(settings: Settings, conn: psycopg.Connection[Any]) -> list[str]:
    """Returns the sources that hold data but had no finished load for longer than they may.

    The limit is that of ``dbt source freshness``, read from the file where the source declares it;
    asking Postgres directly saves a second start of dbt, about five seconds of every refresh.
    """
    from psycopg import sql

    from loaders.sources import sources

    stale = []
    for source in (source for source in sources().values() if source.is_omics):
        row = conn.execute(
            sql.SQL(
                "select max(inserted_at) < now() - %s::interval from {}._dlt_loads where status = 0"
            ).format(sql.Identifier(source.schema)),
            (_freshness_limit(settings, source.name),),
        ).fetchone()
        if row is not None and row[0]:
            stale.append(source.name)
    return stale


def _freshness_limit(settings: Settings, omics_type: str) -> str:
    """Returns the interval after which dbt warns that nothing new came into a source."""
    import yaml

    folder = settings.root / PROJECT_FOLDER / "models" / "staging" / omics_type
    declared = yaml.safe_load((folder / f"_{omics_type}__sources.yml").read_text("utf-8"))
    tables = declared["sources"][0]["tables"]
    files = next(table for table in tables if table["name"] == "files")
    limit = (files.get("config") or files)["freshness"]["warn_after"]
    return f"{limit['count']} {limit['period']}"


def store_results(conn: psycopg.Connection[Any], run_id: str, build: DbtRun) -> None:
    """Writes dbt's results to ``ops.run_results`` with one copy."""
    with (
        conn.transaction(),
        conn.cursor() as cursor,
        cursor.copy(
            "copy ops.run_results (run_id, node_id, node_type, status, execution_seconds, "
            "rows_affected, failures, message) from stdin"
        ) as copy,
    ):
        for result in build.results:
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
