"""The command ``omics load notion``, and what a refresh reads of Notion before it builds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from omics import output
from warehouse import exits

if TYPE_CHECKING:
    import psycopg

    from loaders.notion.load import NotionReport
    from warehouse.settings import Settings


def load_notion_command(*, reread: bool, wait: float, as_json: bool) -> int:
    """Reads Notion, prints what was landed, and returns the exit code."""
    from loaders.notion.load import access_of
    from omics.preparing import prepare
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    settings = get_settings()
    # Before a server is started for it: Notion may be off.
    access_of(settings)
    with connect(settings) as conn:
        prepare(conn)
        report = run_notion_load(
            conn, reread=reread, wait=wait,
            tell=(lambda _: None) if as_json else lambda text: output.warn(f"  {text}"),
        )  # fmt: skip
    exit_code = exits.PARTIAL if report.left else exits.DONE
    if as_json:
        output.print_json(notion_document(report) | {"exit_code": exit_code})
    else:
        print_notion(report)
        if report.landed:
            output.say("They reach the marts with the next build: omics build")
    return exit_code


def run_notion_load(
    conn: psycopg.Connection[Any],
    *,
    reread: bool = False,
    wait: float = 0.0,
    tell: Callable[[str], None] = lambda text: None,
) -> NotionReport:
    """Reads Notion within a run of its own in the ledger."""
    from loaders.notion.load import access_of, load_notion
    from warehouse.ledger import finish_run, start_run
    from warehouse.lock import LockHeld
    from warehouse.settings import get_settings

    settings = get_settings()
    access = access_of(settings)
    run_id = start_run(conn, "load", {"source": "notion", "reread": reread})
    exit_code, message = exits.FAILED, None
    counts: dict[str, int] = {}
    try:
        report = load_notion(
            settings, conn, access, run_id=run_id, reread=reread, wait_seconds=wait, tell=tell
        )
        exit_code = exits.PARTIAL if report.left else exits.DONE
        counts, message = report.counts, notion_message(report)
    except LockHeld as held:
        exit_code, message = exits.LOCKED, str(held)
        raise
    except BaseException as error:
        message = f"{type(error).__name__}: {error}"
        raise
    finally:
        if not conn.closed:
            finish_run(
                conn, run_id, exit_code=exit_code, counts=counts, durations={}, message=message
            )
    return report


def is_read(settings: Settings) -> bool:
    """Whether a refresh reads Notion: it is on, and there is a token."""
    return settings.enable_notion_sync and settings.notion_token is not None


def read_before_build(
    settings: Settings, conn: psycopg.Connection[Any], run_id: str
) -> NotionReport | None:
    """What a refresh reads of Notion; none where Notion is off or has no token.

    A Notion that cannot be read keeps no file from the marts: what was read before still counts.
    """
    from loaders.notion.load import NotionReport, access_of, load_notion
    from warehouse.errors import OmicsError
    from warehouse.lock import LockHeld

    if not is_read(settings):
        return None
    try:
        return load_notion(settings, conn, access_of(settings), run_id=run_id)
    except LockHeld:
        raise
    except OmicsError as error:
        return NotionReport(left={"Notion": error.what})


def notion_message(report: NotionReport | None) -> str | None:
    """Why something of Notion was not read, or None."""
    if report is None or not report.left:
        return None
    return "; ".join(f"{title}: {reason}" for title, reason in report.left.items())


def notion_document(report: NotionReport) -> dict[str, Any]:
    """A reading of Notion for machines."""
    return {
        "counts": report.counts,
        "databases": report.data_sources,
        "left": report.left,
        "load_ids": report.load_ids,
    }


def print_notion(report: NotionReport) -> None:
    """A reading of Notion for people."""
    if not report.data_sources and not report.left:
        output.say(
            "No database is shared with the integration: share them (Connections in their menu)."
        )
        return
    if report.data_sources:
        output.print_table(
            "Notion", ("database", "pages landed"), list(report.data_sources.items())
        )
    output.say(f"{report.looked_at:,} pages looked at, {report.landed:,} new or changed")
    for title, reason in report.left.items():
        output.say(f"not read to the end: {title}: {reason}")
