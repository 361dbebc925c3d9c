"""The commands that change the warehouse: load, build, refresh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omics import output
from warehouse import exits

if TYPE_CHECKING:
    from loaders.load import LoadReport, LoadRequest
    from omics.dbt import DbtRun
    from sync.publish import SyncReport


def load_command(request: LoadRequest, *, create_page: bool, as_json: bool) -> int:
    """Loads, prints what was done, and returns the exit code."""
    from omics.dbt import build_arguments, run_dbt
    from omics.preparing import prepare
    from omics.publishing import print_sync, publish_after, sync_document
    from omics.reports import print_build, print_load
    from omics.searching import index_after
    from warehouse.connection import connect, pg_environment
    from warehouse.lock import advisory_lock
    from warehouse.settings import get_settings

    settings = get_settings()
    built: DbtRun | None = None
    published: SyncReport | None = None
    with connect(settings) as conn:
        prepare(conn)
        report = run_load(conn, request, command="load", quiet=as_json)
        if create_page or settings.enable_dual_write:
            # A page shows what the marts say, so they are brought up to date first.
            environment = pg_environment(settings, database=conn.info.dbname)
            with advisory_lock(conn, "build", wait_seconds=request.wait_seconds):
                built = run_dbt(settings, build_arguments(), environment=environment, quiet=True)
            if built.exit_code == exits.DONE:
                index_after(settings, conn)
                published = publish_after(settings, conn, ("notion",))
    exit_code = exits.DONE if report.is_complete else exits.PARTIAL
    if built is not None and built.exit_code != exits.DONE:
        exit_code = built.exit_code
    if published is not None and published.status != "done":
        exit_code = max(exit_code, exits.PARTIAL) if exit_code != exits.FAILED else exit_code
    if as_json:
        document = load_document(report) | {"exit_code": exit_code}
        if published is not None:
            document["sync"] = sync_document(published)
        output.print_json(document)
        return exit_code
    print_load(report)
    if built is not None:
        print_build(built)
    if published is not None:
        print_sync(published)
    if create_page and not settings.enable_notion_sync:
        output.say("No page was made: Notion is off (ENABLE_NOTION_SYNC=false).")
    return exit_code


def run_load(conn: Any, request: LoadRequest, *, command: str, quiet: bool) -> LoadReport:
    """Loads within a run of its own in the ledger."""
    from loaders.load import load
    from warehouse.ledger import finish_run, start_run
    from warehouse.lock import LockHeld
    from warehouse.settings import get_settings

    arguments = {
        "source": request.source,
        "dir": request.folder,
        "files": list(request.files),
        "prune": request.prune,
    }
    run_id = start_run(conn, command, arguments)
    exit_code, message = exits.FAILED, None
    counts: dict[str, int] = {}
    durations: dict[str, float] = {}
    try:
        with output.load_progress(quiet=quiet) as progress:
            report = load(get_settings(), conn, request, run_id=run_id, progress=progress)
        counts, durations = report.counts, report.durations
        exit_code = exits.DONE if report.is_complete else exits.PARTIAL
    except LockHeld as held:
        exit_code, message = exits.LOCKED, str(held)
        raise
    except BaseException as error:
        message = f"{type(error).__name__}: {error}"
        raise
    finally:
        if not conn.closed:
            finish_run(
                conn,
                run_id,
                exit_code=exit_code,
                counts=counts,
                durations=durations,
                message=message,
            )
    return report


def load_document(report: LoadReport) -> dict[str, Any]:
    """Returns a load report for machines."""
    return {
        "counts": report.counts,
        "durations": report.durations,
        "load_ids": report.load_ids,
        "refused": [
            {
                "path": path,
                "reason_code": refusal.reason_code,
                "place": refusal.place,
                "seen": refusal.seen,
                "expected": refusal.expected,
                "question": refusal.question,
                "nearest_format": refusal.nearest_format,
                "differs": refusal.differs,
            }
            for path, refusal in report.refused
        ],
        "missing": report.missing,
        "mappings": report.mappings,
    }


def build_command(arguments: list[str], *, wait: float, as_json: bool) -> int:
    """Runs dbt build under the build lock."""
    from loaders.lipids.step import normalise_new_names
    from loaders.load import SilentProgress
    from omics.dbt import build_arguments, run_dbt
    from omics.preparing import prepare
    from omics.refresh import failure_message, store_results
    from omics.reports import print_build
    from omics.searching import index_after
    from warehouse.connection import connect, pg_environment
    from warehouse.ledger import finish_run, start_run
    from warehouse.lock import advisory_lock
    from warehouse.settings import get_settings

    settings = get_settings()
    with connect(settings) as conn:
        prepare(conn)
        with advisory_lock(conn, "build", wait_seconds=wait):
            run_id = start_run(conn, "build", {"arguments": arguments})
            # A load that was killed at its very end has left names that no one has read.
            normalise_new_names(conn, settings, SilentProgress())
            environment = pg_environment(settings, database=conn.info.dbname)
            built = run_dbt(
                settings, build_arguments(arguments), environment=environment, quiet=as_json
            )
            store_results(conn, run_id, built)
            # What was built is searchable even where a test failed: an index is never ahead.
            index_after(settings, conn)
            finish_run(
                conn,
                run_id,
                exit_code=built.exit_code,
                counts=built.counts,
                durations={"build": built.seconds},
                message=failure_message(built),
            )
    if as_json:
        output.print_json(build_document(built))
    else:
        print_build(built)
    return built.exit_code


def build_document(built: DbtRun) -> dict[str, Any]:
    """Returns a build for machines."""
    return {
        "exit_code": built.exit_code,
        "seconds": built.seconds,
        "counts": built.counts,
        "failed": [{"name": r.name, "message": r.message} for r in built.failed],
        "warned": [{"name": r.name, "message": r.message} for r in built.warned],
        "output": built.output if built.exit_code else "",
    }


def refresh_command(request: LoadRequest, *, as_json: bool) -> int:
    """Runs the scheduled refresh and prints one summary."""
    from omics.notion import notion_document, print_notion
    from omics.publishing import print_sync, sync_document
    from omics.refresh import refresh
    from omics.reports import print_build, print_load
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    settings = get_settings()
    with (
        connect(settings) as conn,
        output.load_progress(quiet=as_json) as progress,
    ):
        report = refresh(settings, conn, request, progress=progress)
    if as_json:
        document: dict[str, Any] = {
            "run_id": report.run_id,
            "exit_code": report.exit_code,
            "message": report.message,
            "durations": report.durations,
            "counts": report.counts,
            "stale_sources": report.stale_sources,
        }
        if report.load is not None:
            document["load"] = load_document(report.load)
        if report.notion is not None:
            document["notion"] = notion_document(report.notion)
        if report.build is not None:
            document["build"] = build_document(report.build)
        if report.sync is not None:
            document["sync"] = sync_document(report.sync)
        output.print_json(document)
        return report.exit_code
    if report.load is not None:
        print_load(report.load)
    if report.notion is not None:
        print_notion(report.notion)
    if report.build is not None:
        print_build(report.build)
    if report.sync is not None:
        print_sync(report.sync)
    for source in report.stale_sources:
        output.say(f"stale: nothing new was loaded into {source} for a while")
    output.say(f"run {report.run_id} ended with exit code {report.exit_code}")
    return report.exit_code
