"""The commands that change the warehouse: load, build, refresh."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from omics import output
from warehouse import exits
from warehouse.errors import OmicsError

if TYPE_CHECKING:
    import psycopg

    from loaders.load import LoadReport, LoadRequest
    from omics.building import Built
    from sync.publish import SyncReport


def load_command(request: LoadRequest, *, create_page: bool, as_json: bool) -> int:
    """Loads, prints what was done, and returns the exit code."""
    from omics.preparing import prepare
    from omics.publishing import print_sync, publish_after, sync_document
    from omics.reports import print_build, print_load
    from omics.searching import index_after
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    settings = get_settings()
    built: Built | None = None
    published: SyncReport | None = None
    with connect(settings) as conn:
        prepare(conn)
        report = run_load(conn, request, command="load", quiet=as_json)
        if create_page or (settings.enable_dual_write and settings.enable_notion_sync):
            # A page shows what the marts say, so they are brought up to date first.
            built = run_build(conn, [], wait=request.wait_seconds, quiet=True)
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
    from omics.known_names import print_known_names, read_known_names
    from omics.preparing import prepare
    from omics.reports import print_build
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    with connect(get_settings()) as conn:
        prepare(conn)
        built = run_build(conn, arguments, wait=wait, quiet=as_json)
        known = read_known_names(conn)
    if as_json:
        output.print_json(build_document(built) | {"known_names": known.document()})
    else:
        print_build(built)
        print_known_names(known)
    return built.exit_code


def run_build(
    conn: psycopg.Connection[Any], arguments: list[str], *, wait: float, quiet: bool
) -> Built:
    """Builds within a run of its own in the ledger."""
    from loaders.lipids.step import normalise_new_names
    from loaders.load import SilentProgress
    from omics.building import build, store_results
    from omics.changes import recorded_changes
    from omics.searching import index_after
    from warehouse.ledger import finish_run, start_run
    from warehouse.lock import advisory_lock
    from warehouse.settings import get_settings

    def tell(problem: str | None) -> None:
        if problem is not None:
            output.warn(problem)

    settings = get_settings()
    with advisory_lock(conn, "build", wait_seconds=wait):
        run_id = start_run(conn, "build", {"arguments": arguments})
        exit_code, message = exits.FAILED, None
        counts: dict[str, int] = {}
        durations: dict[str, float] = {}
        try:
            # A load that was killed at its very end has left names that no one has read.
            normalise_new_names(conn, settings, SilentProgress())
            built = build(
                settings,
                conn,
                run_id,
                arguments,
                quiet=quiet,
                before_keeping=lambda: tell(recorded_changes(settings, conn, run_id)[1]),
            )
            store_results(conn, run_id, built.dbt)
            if built.exit_code == exits.DONE:
                index_after(settings, conn)
            exit_code, message = built.exit_code, built.message
            counts, durations = built.dbt.counts, {"build": built.dbt.seconds}
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
    return built


def build_document(built: Built) -> dict[str, Any]:
    """Returns a build for machines."""
    return {
        "exit_code": built.exit_code,
        "seconds": built.dbt.seconds,
        "counts": built.dbt.counts,
        "failed": [{"name": r.name, "message": r.message} for r in built.dbt.failed],
        "warned": [{"name": r.name, "message": r.message} for r in built.dbt.warned],
        "retried": list(built.retried),
        "rows_restored": built.rows_restored,
        "output": built.dbt.output if built.exit_code else "",
    }


def refresh_command(request: LoadRequest, *, only_plan: bool, as_json: bool) -> int:
    """Runs the scheduled refresh and prints one summary."""
    from omics.known_names import KnownNames, print_known_names, read_known_names
    from omics.refresh import dry_run, refresh
    from omics.refresh_reports import print_dry_run, print_refresh, refresh_document
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    settings = get_settings()
    if only_plan:
        with connect(settings) as conn:
            print_dry_run(dry_run(settings, conn, request), as_json=as_json)
        return exits.DONE
    with (
        _stopped_politely(),
        connect(settings) as conn,
        output.load_progress(quiet=as_json) as progress,
    ):
        report = refresh(settings, conn, request, progress=progress)
        known = read_known_names(conn) if report.verdict is not None else KnownNames()
    if as_json:
        output.print_json(refresh_document(report) | {"known_names": known.document()})
    else:
        print_refresh(report)
        print_known_names(known)
    return report.exit_code


@contextmanager
def _stopped_politely() -> Iterator[None]:
    """Lets a run that a scheduler ends (SIGTERM) put the marts back and say so in the ledger."""
    import signal

    def stop(number: int, frame: object) -> None:
        raise OmicsError("stopped by a signal (SIGTERM)", fix="run it again: it goes on from there")

    former = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
