"""The command ``omics diff``: what a run changed in the marts."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from omics import output
from warehouse import exits
from warehouse.errors import OmicsError

if TYPE_CHECKING:
    import psycopg

    from warehouse.changes import DatasetChange, RunChanges
    from warehouse.settings import Settings

_SHOWN = 40


def recorded_changes(
    settings: Settings, conn: psycopg.Connection[Any], run_id: str
) -> tuple[dict[str, int], str | None]:
    """Records what the open build changed; the counts, and what went wrong, if anything did.

    The marts passed their tests by then: not being able to tell their difference fails nothing.
    """
    import psycopg

    from warehouse.changes import record_changes

    try:
        return record_changes(conn, run_id, settings.diff_tolerance), None
    except psycopg.Error as error:
        return {}, f"what changed could not be recorded: {error}"


def diff_command(run: str | None, *, as_json: bool) -> int:
    """Prints what one run changed, by default the last one that built."""
    from omics.preparing import prepare
    from warehouse.changes import changes_of
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    with connect(get_settings()) as conn:
        prepare(conn)
        found = changes_of(conn, run)
    if found is None:
        raise OmicsError(
            f"no run is {run!r}" if run else "no build has passed yet",
            where="ops.runs",
            expected="the id of a run, or its beginning",
            fix="omics status lists the last runs" if run else "omics refresh",
        )
    if as_json:
        output.print_json(asdict(found))
    else:
        _print(found)
    return exits.DONE


def _print(found: RunChanges) -> None:
    output.say(f"{found.command} {found.run_id}, {found.started_at:%Y-%m-%d %H:%M:%S %Z}")
    if not found.datasets and not found.marts:
        output.say("nothing in the marts is another since that run")
        return
    if found.datasets:
        output.print_table(
            "Datasets: rows added, removed, changed",
            ("dataset", "type", "", "features", "results", "scores", "also changed"),
            [
                (
                    dataset.name or dataset.dataset_id,
                    dataset.omics_type,
                    dataset.change,
                    *(_three(dataset, kind) for kind in ("features", "results", "scores")),
                    ", ".join(dataset.columns),
                )
                for dataset in found.datasets[:_SHOWN]
            ],
        )
        if len(found.datasets) > _SHOWN:
            output.say(f"… and {len(found.datasets) - _SHOWN:,} more; --json prints all")
        for dataset in found.datasets[:_SHOWN]:
            for words, names in sorted(dataset.examples.items()):
                if dataset.change == "changed":
                    output.say(
                        f"  {dataset.name}: {words.replace('_', ' ')}: {', '.join(names)}"
                        + (" …" if dataset.counts[words] > len(names) else "")
                    )
    if found.marts:
        output.print_table(
            "Other marts: rows added, removed, changed",
            ("mart", "added", "removed", "changed"),
            [(mart, *counts.values()) for mart, counts in found.marts.items()],
        )


def _three(dataset: DatasetChange, kind: str) -> str:
    counts = [dataset.counts[f"{kind}_{change}"] for change in ("added", "removed", "changed")]
    return " ".join(f"{sign}{count:,}" for sign, count in zip("+-~", counts, strict=True) if count)
