"""What the command line calls: plan, apply, reconcile, status, for Notion and Pinecone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sync import engine, reading, state
from sync.engine import Progress, TargetReport, silent
from warehouse.budget import Blocked
from warehouse.verdicts import CallFailed, Stopped, redact

if TYPE_CHECKING:
    import psycopg

    from sync.embedders import Embedder
    from sync.options import Options
    from sync.state import Target

#: In the order of publishing: pages tell when Pinecone took their entity, so it goes first, and a
#: second apply finds nothing to put right.
SERVICES = ("pinecone", "notion")


@dataclass
class SyncReport:
    """What one command did.

    Attributes:
        targets: One report for each target.
        skipped: Services that are off, with the reason.
        unready: Services that are on and lack a setting, and requests that name nothing, with the
            reason.
    """

    targets: list[TargetReport] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    unready: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """Failed if a target failed, partial if something is left, else done."""
        found = {report.status for report in self.targets} | {"partial" for _ in self.unready}
        return next((word for word in ("failed", "partial") if word in found), "done")


def skipped_services(
    options: Options, services: Sequence[str], *, notion_enabled: bool
) -> dict[str, str]:
    """Services among those asked for that are not set up, with the reason."""
    reasons = {}
    if "notion" in services:
        if not notion_enabled:
            reasons["notion"] = "ENABLE_NOTION_SYNC is false"
        elif not options.notion_token:
            reasons["notion"] = "NOTION_TOKEN is not set"
        elif not options.notion_parent:
            reasons["notion"] = "NOTION_PARENT_PAGE is not set"
    if "pinecone" in services and not options.pinecone_key:
        reasons["pinecone"] = "PINECONE_API_KEY is not set"
    return reasons


def plan(
    conn: psycopg.Connection[Any],
    options: Options,
    *,
    services: Sequence[str] = SERVICES,
    notion_enabled: bool = True,
) -> SyncReport:
    """Compares the marts with the ledger; calls no service and changes nothing but the schema.

    Args:
        conn: An autocommit connection.
        options: Options.
        services: notion, pinecone or both.
        notion_enabled: ENABLE_NOTION_SYNC.
    """
    state.ensure(conn)
    report = SyncReport(skipped=skipped_services(options, services, notion_enabled=notion_enabled))
    for service in services:
        if service in report.skipped:
            continue
        for target, fill in _wanted(conn, options, service):
            counted = engine.plan_target(
                conn,
                target.target_id,
                fill,
                create_only=options.create_only and service == "notion",
            )
            report.targets.append(TargetReport(target.target_id, planned=counted))
    report.unready |= _unknown(conn, options, services, report)
    return report


def apply(
    conn: psycopg.Connection[Any],
    options: Options,
    *,
    services: Sequence[str] = SERVICES,
    notion_enabled: bool = True,
    progress: Progress = silent,
) -> SyncReport:
    """Publishes what changed. Two at once share the work.

    Args:
        conn: An autocommit connection that stays open.
        options: Options.
        services: notion, pinecone or both.
        notion_enabled: ENABLE_NOTION_SYNC.
        progress: Told how it gets on.
    """
    state.ensure(conn)
    report = SyncReport(skipped=skipped_services(options, services, notion_enabled=notion_enabled))
    with state.working(conn) as worker:
        problem: Exception | None = None
        for service in SERVICES:
            if service in report.skipped or service not in services:
                continue
            publish = _apply_pinecone if service == "pinecone" else _apply_notion
            try:
                report.targets += publish(conn, options, worker, progress)
            except Exception as error:
                # One service in trouble is no reason to leave the other out.
                problem = problem or error
        if problem is not None:
            raise problem
    report.unready |= _unknown(conn, options, services, report)
    return report


def _unknown(
    conn: psycopg.Connection[Any], options: Options, services: Sequence[str], report: SyncReport
) -> dict[str, str]:
    """What pages are asked for that the marts do not know."""
    from sync.notion.asked import unknown_names

    if "notion" not in services or "notion" in report.skipped:
        return {}
    return unknown_names(conn, options)


@contextmanager
def run_of(
    conn: psycopg.Connection[Any], options: Options, target_id: str, mode: str, worker: str
) -> Iterator[tuple[int, TargetReport]]:
    """A run in the ledger around a block; the block fills in the report."""
    run_id = state.start_run(conn, target_id, mode, worker)
    report = TargetReport(target_id, status="failed")
    try:
        yield run_id, report
    except BaseException as error:
        report.message = redact(f"{type(error).__name__}: {error}", options.secrets)
        raise
    finally:
        if not conn.closed:
            state.finish_run(
                conn, run_id, report.status, {**report.planned, **report.states}, report.message
            )


def _wanted(
    conn: psycopg.Connection[Any], options: Options, service: str
) -> Iterator[tuple[Target, Any]]:
    """The targets of a service, each with what fills the table `wanted`."""
    if service == "pinecone":
        for target in _pinecone_targets(conn, options):
            kind = target.entity_type
            yield target, lambda kind=kind: reading.want_documents(conn, kind)
        return
    from sync.notion.publishing import wanted_targets

    yield from wanted_targets(conn, options)


def _pinecone_targets(conn: psycopg.Connection[Any], options: Options) -> list[Target]:
    from sync.embedders import spec_of
    from sync.vectors import target_of

    spec = spec_of(options.embedder)
    kinds = set(reading.document_types(conn))
    kinds |= {target.entity_type for target in state.targets(conn, "pinecone")}
    return [
        target_of(options.pinecone_index, kind, spec)
        for kind in reading.ENTITY_TYPES
        if kind in kinds
    ]


def _apply_pinecone(
    conn: psycopg.Connection[Any], options: Options, worker: str, progress: Progress
) -> list[TargetReport]:
    from sync.embedders import make_embedder
    from sync.embedders.cache import ensure_embedder

    embedder = make_embedder(options)
    ensure_embedder(conn, embedder.spec)
    reports = []
    for wanted in _pinecone_targets(conn, options):
        target = state.ensure_target(conn, wanted)
        with run_of(conn, options, target.target_id, "apply", worker) as (run_id, report):
            done = _apply_vectors(conn, target, embedder, options, worker, run_id, progress)
            report.__dict__.update(done.__dict__)
        reports.append(report)
    return reports


def _apply_vectors(
    conn: psycopg.Connection[Any],
    target: Target,
    embedder: Embedder,
    options: Options,
    worker: str,
    run_id: int,
    progress: Progress,
) -> TargetReport:
    from sync.vectors import VectorSender

    sender = VectorSender(conn, target, embedder, options, run_id=run_id)
    try:
        report = engine.apply_target(
            conn,
            target,
            sender,
            lambda: reading.want_documents(conn, target.entity_type),
            worker=worker,
            run_id=run_id,
            options=options,
            progress=progress,
        )
        unfinished = {"pending", "inflight", "ambiguous", "retry", "deleting"}
        verified = not (report.message or "").startswith("unverified")
        if (
            not target.is_live
            and report.status != "failed"
            and verified
            and not unfinished & set(report.states)
        ):
            _switch(conn, target, sender)
    finally:
        sender.close()
    return report


def _switch(conn: psycopg.Connection[Any], target: Target, sender: Any) -> None:
    """Lets search read a namespace that is complete, and empties those it replaces."""
    for older in state.go_live(conn, target):
        same_index = older.target_id.split(":")[1] == target.target_id.split(":")[1]
        if same_index and older.container:
            sender.prepare()
            sender.delete_namespace(older.container)
        state.retire(conn, older.target_id)


def _apply_notion(
    conn: psycopg.Connection[Any], options: Options, worker: str, progress: Progress
) -> list[TargetReport]:
    from sync.notion.publishing import apply_notion

    return apply_notion(conn, options, worker, progress)


def status(conn: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """What is out there, for people: one entry for each target."""
    state.ensure(conn)
    found = []
    for target in state.targets(conn):
        row = conn.execute(
            "select status, finished_at, message from sync.runs where target_id = %s"
            " order by run_id desc limit 1",
            (target.target_id,),
        ).fetchone()
        found.append(
            {
                "target": target.target_id,
                "live": target.is_live or target.service == "notion",
                "states": state.counts(conn, target.target_id),
                "last_run": row[0] if row else None,
                "finished_at": row[1] if row else None,
                "message": row[2] if row else None,
            }
        )
    return found


def reconcile(
    conn: psycopg.Connection[Any],
    options: Options,
    *,
    services: Sequence[str] = SERVICES,
    notion_enabled: bool = True,
    progress: Progress = silent,
) -> SyncReport:
    """Compares the ledger with what is really out there, then applies.

    Rebuilds a ledger that was lost, removes duplicates, deletes what has no row any more (within
    the guard), and sends again what has vanished. What people added is counted and left alone.
    """
    state.ensure(conn)
    report = SyncReport(skipped=skipped_services(options, services, notion_enabled=notion_enabled))
    remarks: dict[str, str] = {}
    with state.working(conn) as worker:
        if "pinecone" in services and "pinecone" not in report.skipped:
            remarks |= _reconcile_pinecone(conn, options, worker)
        if "notion" in services and "notion" not in report.skipped:
            remarks |= _reconcile_notion(conn, options, worker)
    applied = apply(
        conn, options, services=services, notion_enabled=notion_enabled, progress=progress
    )
    for each in applied.targets:
        parts = [remarks.get(each.target_id), each.message]
        each.message = "; ".join(part for part in parts if part) or None
    return applied


def _remark(counted: dict[str, int]) -> str | None:
    words = {
        "relinked": "{} found again and linked",
        "doubles": "{} removed that were one too many",
        "vanished": "{} had vanished",
    }
    parts = [text.format(counted[key]) for key, text in words.items() if counted.get(key)]
    foreign = counted.get("foreign", 0)
    if foreign:
        parts.append(f"{foreign} page{'s' * (foreign > 1)} or vectors that are not ours left alone")
    return ", ".join(parts) or None


def _reconcile_pinecone(
    conn: psycopg.Connection[Any], options: Options, worker: str
) -> dict[str, str]:
    from sync.embedders import make_embedder
    from sync.embedders.cache import ensure_embedder
    from sync.reconciling import reconcile_vectors
    from sync.vectors import VectorSender

    embedder = make_embedder(options)
    ensure_embedder(conn, embedder.spec)
    remarks = {}
    for wanted in _pinecone_targets(conn, options):
        target = state.ensure_target(conn, wanted)
        state.release_dead_workers(conn, target.target_id)
        with run_of(conn, options, target.target_id, "reconcile", worker) as (run_id, report):
            sender = VectorSender(conn, target, embedder, options, run_id=run_id)
            try:
                sender.prepare()
                counted = reconcile_vectors(conn, target, sender)
                report.planned, report.status = counted, "done"
                report.message = _remark(counted)
            except Stopped as stop:
                report.message = str(stop)
            finally:
                sender.close()
        if report.message:
            remarks[target.target_id] = report.message
    return remarks


def _reconcile_notion(
    conn: psycopg.Connection[Any], options: Options, worker: str
) -> dict[str, str]:
    from sync.notion.publishing import published_types, target_of
    from sync.notion.schema import ensure_source
    from sync.reconciling import reconcile_pages
    from warehouse.notion.api import NotionApi

    remarks = {}
    with NotionApi(conn, options.notion) as api:
        for kind in published_types(conn, options):
            target = state.ensure_target(conn, target_of(kind))
            state.release_dead_workers(conn, target.target_id)
            with run_of(conn, options, target.target_id, "reconcile", worker) as (_, report):
                try:
                    target = ensure_source(conn, api, target, str(options.notion_parent))
                    counted = reconcile_pages(conn, api, target)
                    report.planned, report.status = counted, "done"
                    report.message = _remark(counted)
                except (Stopped, Blocked, CallFailed) as problem:
                    report.message = str(problem)
            if report.message:
                remarks[target.target_id] = report.message
    return remarks


def pull(conn: psycopg.Connection[Any], options: Options) -> SyncReport:
    """Reads back what people wrote on the pages, since the last time.

    Args:
        conn: An autocommit connection that stays open.
        options: Options.
    """
    from sync.notion.narrative import pull_target
    from warehouse.notion.api import NotionApi

    state.ensure(conn)
    report = SyncReport(skipped=skipped_services(options, ["notion"], notion_enabled=True))
    if report.skipped:
        return report
    with state.working(conn) as worker, NotionApi(conn, options.notion) as api:
        for target in state.targets(conn, "notion"):
            if target.container is None:
                continue
            with run_of(conn, options, target.target_id, "pull", worker) as (run_id, each):
                try:
                    each.planned = pull_target(conn, api, target, run_id)
                    each.status = "done"
                except (Stopped, Blocked, CallFailed) as problem:
                    each.message = str(problem)
            report.targets.append(each)
    return report
