"""How plans, loads and builds look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from omics import output

if TYPE_CHECKING:
    from loaders.load import LoadReport
    from loaders.plan import LoadPlan
    from omics.building import Built

#: Longer lists are cut in the terminal; --json gives all of it.
_SHOWN = 40

_ACTION_ORDER = ("new", "changed", "moved", "removed", "quarantined", "unsupported", "unchanged")


def print_plan(plan: LoadPlan) -> None:
    """Prints what a load would do, the uneventful files as a number only."""
    counts = plan.counts()
    eventful = [
        file
        for action in _ACTION_ORDER
        if action != "unchanged"
        for file in plan.files
        if file.action == action
    ]
    if eventful:
        _print_cut(
            "Plan",
            ("action", "source", "file", "detail"),
            [(f.action, f.source or "by content", f.path, f.detail) for f in eventful],
        )
    summary = ", ".join(f"{counts[a]:,} {a}" for a in _ACTION_ORDER if counts.get(a))
    output.say(summary or "no files")


def print_load(report: LoadReport) -> None:
    """Prints what a load did, with every refusal and its question."""
    counts = report.counts
    seconds = sum(report.durations.values())
    output.say(
        f"loaded {counts['files_loaded']:,} files: {counts['datasets_loaded']:,} datasets, "
        f"{counts['rows_landed']:,} rows, {counts['values']:,} values in {seconds:.1f} s"
    )
    rest = [
        (counts["files_unchanged"], "unchanged"),
        (counts["files_missing"], "gone from their folder (datasets stay until --prune)"),
        (counts["datasets_removed"], "datasets removed"),
        (counts["rows_rejected"], "rows rejected (marts.rejected_rows tells why)"),
        (report.still_quarantined, "still in quarantine, unchanged"),
    ]
    for count, text in rest:
        if count:
            output.say(f"  {count:,} {text}")
    if report.mappings:
        output.say(
            f"  remembered the column roles ({', '.join(report.mappings)}): files of this kind "
            "now load by themselves; see: omics mappings list"
        )
    if report.refused:
        _print_cut(
            "Quarantined",
            ("file", "reason", "place", "seen", "expected"),
            [(path, r.reason_code, r.place, r.seen, r.expected) for path, r in report.refused],
        )
        output.say("next: omics quarantine show FILE tells the question and how to answer it")


def print_build(built: Built) -> None:
    """Prints a build in a few lines; dbt's own output only when it failed before it began."""
    done = built.dbt
    if built.retried:
        output.say(f"tried once more: {', '.join(built.retried)}")
    if not done.results:
        if done.output:
            output.say(done.output.rstrip())
        output.say(f"dbt ended with code {done.return_code} and no results")
    else:
        models = sum(1 for r in done.results if r.node_type == "model" and r.status == "success")
        tests = [r for r in done.results if r.node_type in ("test", "unit_test")]
        passed = sum(1 for r in tests if r.status in ("pass", "success"))
        output.say(
            f"built {models} models, {passed} of {len(tests)} tests passed in {done.seconds:.1f} s"
        )
        for result in [*done.failed, *done.warned]:
            output.say(f"  {result.status}: {result.name}: {(result.message or '').strip()}")
    if built.rows_restored is not None:
        output.say("the marts are as they were before this build, and marked stale: omics status")


def _print_cut(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    output.print_table(title, columns, rows[:_SHOWN])
    if len(rows) > _SHOWN:
        output.say(f"… and {len(rows) - _SHOWN:,} more; --json prints all")
