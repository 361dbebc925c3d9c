"""The commands ``omics sync …``, and what refresh and load publish at their end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from omics import output
from warehouse import exits

if TYPE_CHECKING:
    import psycopg

    from sync.publish import SyncReport
    from warehouse.settings import Settings

_ROLLED_BACK = (
    "USE_POSTGRES_AS_SOT is false: Notion's properties win, and nothing is put right over them"
)


def sync_command(
    action: str,
    service: str | None,
    *,
    allow_mass_delete: bool,
    as_json: bool,
    signature_components: str | None = None,
    features: str | None = None,
) -> int:
    """Plans, applies, reconciles or pulls, and prints what was done.

    Args:
        action: plan, apply, reconcile or pull.
        service: notion or pinecone; both when left out.
        allow_mass_delete: Delete although much would vanish at once.
        as_json: For machines.
        signature_components: Signatures whose components get pages, instead of what the settings
            ask for.
        features: Features that get pages, in the same way.
    """
    from omics.preparing import prepare
    from sync import publish
    from sync.options import options_of
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    settings = get_settings()
    options = replace(options_of(settings), allow_mass_delete=allow_mass_delete)
    if signature_components is not None:
        options = replace(options, signature_components=signature_components)
    if features is not None:
        options = replace(options, features=features)
    services = [service] if service else list(publish.SERVICES)
    with connect(settings) as conn:
        prepare(conn)
        if action == "pull":
            report = publish.pull(conn, options)
        elif action == "plan":
            report = publish.plan(
                conn, options, services=services, notion_enabled=settings.enable_notion_sync
            )
        else:
            applies = action == "apply"
            act = publish.apply if applies else publish.reconcile
            with sync_progress(quiet=as_json) as progress:
                report = act(
                    conn,
                    options,
                    services=services,
                    notion_enabled=settings.enable_notion_sync
                    if applies
                    else writes_notion(settings),
                    progress=progress,
                )
    if action == "reconcile":
        _explain_rollback(settings, report)
    if as_json:
        output.print_json(sync_document(report) | {"exit_code": exit_code_of(report)})
    else:
        print_sync(report)
    return exit_code_of(report)


def status_command(*, as_json: bool) -> int:
    """Shows what is published and how the last runs ended."""
    from omics.preparing import prepare
    from sync import publish
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    with connect(get_settings()) as conn:
        prepare(conn)
        found = publish.status(conn)
    if as_json:
        output.print_json(found)
    elif not found:
        output.say("Nothing is published yet: omics sync plan")
    else:
        output.print_table(
            "Published",
            ("target", "live", "items", "last run", "ended", "message"),
            [
                (
                    entry["target"],
                    entry["live"],
                    ", ".join(f"{number} {word}" for word, number in entry["states"].items()),
                    entry["last_run"],
                    entry["finished_at"],
                    entry["message"],
                )
                for entry in found
            ],
        )
    return exits.DONE


def publish_after(
    settings: Settings, conn: psycopg.Connection[Any], services: Sequence[str]
) -> SyncReport | None:
    """Publishes after a build; none where no service is set up.

    Args:
        settings: Settings.
        conn: An autocommit connection that stays open.
        services: What to publish to, as far as it is on.
    """
    from sync import publish
    from sync.options import options_of

    options = options_of(settings)
    on = settings.enable_notion_sync
    off = publish.skipped_services(options, services, notion_enabled=on)
    wanted = [service for service in services if service not in off]
    unready = {"notion": off["notion"]} if on and "notion" in off else {}
    if not wanted:
        return publish.SyncReport(unready=unready) if unready else None
    report = publish.apply(conn, options, services=wanted, notion_enabled=on)
    report.unready |= unready
    return report


def writes_notion(settings: Settings) -> bool:
    """Whether sync may change pages that are there: it is on, and Postgres owns the fields."""
    return settings.enable_notion_sync and settings.use_postgres_as_sot


def _explain_rollback(settings: Settings, report: SyncReport) -> None:
    if "notion" in report.skipped and settings.enable_notion_sync and not writes_notion(settings):
        report.skipped["notion"] = _ROLLED_BACK


def exit_code_of(report: SyncReport) -> int:
    """1 if a target failed, 2 if something is left for a retry, else 0."""
    return {"failed": exits.FAILED, "partial": exits.PARTIAL}.get(report.status, exits.DONE)


def sync_document(report: SyncReport) -> dict[str, Any]:
    """Returns a sync report for machines."""
    return {
        "status": report.status,
        "skipped": report.skipped,
        "unready": report.unready,
        "targets": [
            {
                "target": target.target_id,
                "status": target.status,
                "planned": target.planned,
                "states": target.states,
                "message": target.message,
                "seconds": target.seconds,
            }
            for target in report.targets
        ],
    }


def print_sync(report: SyncReport) -> None:
    """Prints a sync report for people."""
    if report.targets:
        words = list(dict.fromkeys(word for target in report.targets for word in target.planned))
        output.print_table(
            "Sync",
            ("target", *words, "status"),
            [
                (target.target_id, *(target.planned.get(w) for w in words), target.status)
                for target in report.targets
            ],
        )
    for target in report.targets:
        if target.message:
            output.say(f"{target.target_id}: {target.message}")
    for service, reason in report.skipped.items():
        output.say(f"{service} is off: {reason}")
    for service, reason in report.unready.items():
        output.say(f"{service} is on and cannot be used: {reason}")


@contextmanager
def sync_progress(*, quiet: bool) -> Iterator[Any]:
    """Shows how publishing gets on: a bar for each target on a terminal, lines elsewhere."""
    import sys

    from sync.engine import silent

    if quiet:
        yield silent
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        tasks: dict[str, Any] = {}
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=Console(stderr=True),
            transient=True,
        ) as bar:

            def show(target: str, done: int, total: int) -> None:
                if target not in tasks:
                    tasks[target] = bar.add_task(target, total=total)
                bar.update(tasks[target], completed=done, total=max(done, total))

            yield show
    else:

        def tell(target: str, done: int, total: int) -> None:
            if done >= total or done % max(1, total // 10) == 0:
                output.warn(f"  {target}: {done:,} of {max(done, total):,}")

        yield tell
