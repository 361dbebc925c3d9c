"""The scheduled command: load, source freshness, build, sync; one row in ``ops.runs``.

Where nothing changed since the last build, there is none: see :mod:`omics.unchanged`.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from omics.building import Built
from omics.dbt import PROJECT_FOLDER
from warehouse import exits

if TYPE_CHECKING:
    import psycopg

    from loaders.load import LoadReport, LoadRequest, Progress
    from loaders.notion.load import NotionReport
    from omics.unchanged import Verdict
    from sync.publish import SyncReport
    from warehouse.journal import Journal
    from warehouse.settings import Settings


@dataclass
class RefreshReport:
    """What a refresh did."""

    run_id: str
    exit_code: int = exits.FAILED
    notion: NotionReport | None = None
    load: LoadReport | None = None
    stale_sources: list[str] = field(default_factory=list)
    # Whether there had to be a build, and why.
    verdict: Verdict | None = None
    built: Built | None = None
    changes: dict[str, int] = field(default_factory=dict)
    sync: SyncReport | None = None
    durations: dict[str, float] = field(default_factory=dict)
    message: str | None = None
    log: str | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def unchanged_since(self) -> datetime | None:
        """When the build passed that another one would only have repeated; none if one was made."""
        return self.verdict.unchanged_since if self.verdict is not None else None

    @property
    def is_up_to_date(self) -> bool:
        """Whether the marts hold everything that was loaded."""
        if self.built is None:
            return self.unchanged_since is not None
        return self.built.exit_code == exits.DONE

    @property
    def counts(self) -> dict[str, int]:
        """Counts of the load, of the build and of what was published."""
        counts = dict(self.load.counts) if self.load else {}
        if self.notion is not None:
            counts |= self.notion.counts
        counts["stale_sources"] = len(self.stale_sources)
        if self.built is not None:
            counts |= self.built.dbt.counts
            counts["failed_nodes"] = len(self.built.dbt.failed)
            counts["retried_nodes"] = len(self.built.retried)
            if self.built.rows_restored is not None:
                counts["rows_restored"] = self.built.rows_restored
        if self.unchanged_since is not None:
            counts["build_skipped"] = 1
        counts |= self.changes
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
    from omics.preparing import prepare
    from warehouse.journal import Journal
    from warehouse.ledger import finish_run, start_run
    from warehouse.lock import LockHeld, advisory_lock

    prepare(conn)
    with advisory_lock(conn, "refresh", wait_seconds=request.wait_seconds):
        arguments = {"dir": request.folder, "files": list(request.files), "prune": request.prune}
        run_id = start_run(conn, "refresh", arguments)
        journal = Journal(settings.log_folder, run_id)
        report = RefreshReport(run_id, durations=journal.durations, log=str(journal.path))
        journal.write("run_began", **arguments)
        try:
            _steps(settings, conn, request, report, journal, progress, quiet, extra)
            report.exit_code = _exit_code(report)
            report.message = _message(report)
        except LockHeld as held:
            report.exit_code, report.message = exits.LOCKED, str(held)
            raise
        except BaseException as error:
            report.exit_code = exits.FAILED
            report.message = _without_secrets(settings, f"{type(error).__name__}: {error}")
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
            _tell(settings, report, journal)
    return report


def _steps(
    settings: Settings,
    conn: psycopg.Connection[Any],
    request: LoadRequest,
    report: RefreshReport,
    journal: Journal,
    progress: Progress | None,
    quiet: bool,
    extra: Sequence[str],
) -> None:
    from loaders.load import load
    from omics.building import build, store_results
    from omics.notion import read_before_build
    from omics.publishing import publish_after
    from omics.searching import index_after
    from warehouse.changes import no_changes
    from warehouse.lock import advisory_lock

    # First of all, because its properties may win in the marts (USE_POSTGRES_AS_SOT=false).
    with journal.step("notion") as counted:
        report.notion = read_before_build(settings, conn, report.run_id)
        counted["status"] = "off" if report.notion is None else "read"
    with journal.step("load") as counted:
        report.load = load(settings, conn, request, run_id=report.run_id, progress=progress)
        counted |= report.load.counts
    for path, refusal in report.load.refused:
        journal.write("file_quarantined", file=path, reason=refusal.reason_code)
    with journal.step("freshness") as counted:
        report.stale_sources = stale_sources(settings, conn)
        counted["stale_sources"] = report.stale_sources
    with (
        journal.step("build") as counted,
        advisory_lock(conn, "build", wait_seconds=request.wait_seconds),
    ):
        report.verdict = _verdict(settings, conn, report, extra)
        if report.verdict.unchanged_since is not None:
            report.changes = no_changes()
            counted["skipped"] = f"nothing changed since {report.verdict.unchanged_since}"
        else:
            report.built = build(
                settings,
                conn,
                report.run_id,
                extra,
                quiet=quiet,
                before_keeping=lambda: _record_changes(settings, conn, report),
            )
            store_results(conn, report.run_id, report.built.dbt)
            counted |= report.built.dbt.counts
            counted["because"] = report.verdict.because
            counted["retried"] = list(report.built.retried)
            counted["rows_restored"] = report.built.rows_restored
    if report.built is not None:
        for result in [*report.built.dbt.failed, *report.built.dbt.warned]:
            journal.write("node", name=result.name, status=result.status, message=result.message)
    if report.is_up_to_date:
        with journal.step("index"):
            index_after(settings, conn)
        with journal.step("sync") as counted:
            report.sync = publish_after(settings, conn, ("pinecone", "notion"))
            counted["status"] = report.sync.status if report.sync else "off"


def _verdict(
    settings: Settings,
    conn: psycopg.Connection[Any],
    report: RefreshReport,
    extra: Sequence[str],
) -> Verdict:
    """Whether there has to be a build after what this refresh has read."""
    from omics.unchanged import Verdict, change_by_load, verdict

    because = f"asked for: {' '.join(extra)}" if extra else None
    if report.notion is not None:
        because = because or "Notion was read"
    because = because or change_by_load(report.load)
    return Verdict(because=because) if because is not None else verdict(settings, conn)


def _record_changes(
    settings: Settings, conn: psycopg.Connection[Any], report: RefreshReport
) -> None:
    from omics.changes import recorded_changes

    report.changes, problem = recorded_changes(settings, conn, report.run_id)
    if problem is not None:
        report.warnings.append(problem)


def _tell(settings: Settings, report: RefreshReport, journal: Journal) -> None:
    """Closes the log, and tells whom the settings name."""
    from warehouse.notify import is_wanted, notify

    ended = {
        "exit_code": report.exit_code,
        "message": report.message,
        "counts": report.counts,
        "durations": report.durations,
        "stale_sources": report.stale_sources,
    }
    for warning in report.warnings:
        journal.write("warning", message=warning)
    if is_wanted(settings, report.exit_code):
        words = _STATUS_WORDS.get(report.exit_code, "failed")
        detail = f": {report.message}" if report.message else ""
        message = {
            "text": f"omics refresh on {socket.gethostname()} {words}{detail}",
            "run_id": report.run_id,
            "host": socket.gethostname(),
            "log": report.log,
            **ended,
        }
        problems = notify(settings, message)
        report.warnings += problems
        for problem in problems:
            journal.write("warning", message=problem)
    journal.write("run_ended", **ended)


_STATUS_WORDS = {
    exits.DONE: "is done",
    exits.PARTIAL: "is done, with something left to look at",
    exits.LOCKED: "did not run: another run holds the lock",
}


def _without_secrets(settings: Settings, text: str) -> str:
    for secret in settings.secrets:
        text = text.replace(secret, "***")
    return text


def _message(report: RefreshReport) -> str | None:
    from omics.notion import notion_message

    build = report.built.message if report.built else None
    return build or notion_message(report.notion) or sync_message(report.sync)


def sync_message(sync: SyncReport | None) -> str | None:
    """Returns why something is not published yet, or None."""
    messages = [
        f"{target.target_id}: {target.message}"
        for target in (sync.targets if sync else ())
        if target.status != "done" and target.message
    ]
    messages += [f"{name}: {reason}" for name, reason in (sync.unready if sync else {}).items()]
    return "; ".join(messages) or None


def _exit_code(report: RefreshReport) -> int:
    if not report.is_up_to_date:
        return exits.FAILED
    complete = report.load is not None and report.load.is_complete
    complete = complete and not (report.notion is not None and report.notion.left)
    # What could not be published waits in the outbox: the marts are fine.
    complete = complete and (report.sync is None or report.sync.status == "done")
    return exits.DONE if complete else exits.PARTIAL


def dry_run(
    settings: Settings, conn: psycopg.Connection[Any], request: LoadRequest
) -> dict[str, Any]:
    """Returns what a refresh would do now; loads, builds and publishes nothing.

    Args:
        settings: Settings of the warehouse.
        conn: An autocommit connection.
        request: What would be loaded.
    """
    from loaders.load import plan_load
    from omics.notion import is_read
    from omics.preparing import prepare
    from omics.unchanged import Verdict, change_by_plan, verdict
    from sync import publish
    from sync.options import options_of
    from warehouse.builds import marts_state
    from warehouse.lock import holder_of

    prepare(conn)
    planned = plan_load(settings, conn, request)
    because = "Notion is read" if is_read(settings) else None
    because = because or change_by_plan(planned, conn, prune=request.prune)
    holder = holder_of(conn, "refresh") or holder_of(conn, "build")
    built = conn.execute("select to_regclass('marts.documents')").fetchone() != (None,)
    options = options_of(settings)
    on = settings.enable_notion_sync
    sync = publish.plan(conn, options, notion_enabled=on) if built else None
    return {
        "plan": planned,
        "build": Verdict(because=because) if because is not None else verdict(settings, conn),
        "stale_sources": stale_sources(settings, conn),
        "marts": marts_state(conn),
        "notion_first": not settings.use_postgres_as_sot and settings.enable_notion_sync,
        "sync": sync,
        "lock_holder": str(holder) if holder else None,
    }


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
