"""How a refresh, and what it would do, look in a terminal and for machines."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from omics import output

if TYPE_CHECKING:
    from omics.refresh import RefreshReport
    from omics.unchanged import Verdict
    from warehouse.builds import MartsState


def print_refresh(report: RefreshReport) -> None:
    """Prints what a refresh did, step by step."""
    from omics.notion import print_notion
    from omics.publishing import print_sync
    from omics.reports import print_build, print_load

    if report.notion is not None:
        print_notion(report.notion)
    if report.load is not None:
        print_load(report.load)
    if report.built is not None:
        print_build(report.built)
    if report.unchanged_since is not None:
        print_unchanged(report.unchanged_since)
    if report.changes:
        changed = ", ".join(
            f"{count:,} {name.removeprefix('diff_').replace('_', ' ')}"
            for name, count in report.changes.items()
            if count
        )
        output.say(f"changed: {changed or 'nothing'} (omics diff)")
    if report.sync is not None:
        print_sync(report.sync)
    for source in report.stale_sources:
        output.say(f"stale: nothing new was loaded into {source} for a while")
    for warning in report.warnings:
        output.say(f"warning: {warning}")
    output.say(f"run {report.run_id} ended with exit code {report.exit_code}; log: {report.log}")


def refresh_document(report: RefreshReport) -> dict[str, Any]:
    """Returns a refresh for machines."""
    from omics.loading import build_document, load_document
    from omics.notion import notion_document
    from omics.publishing import sync_document

    document: dict[str, Any] = {
        "run_id": report.run_id,
        "exit_code": report.exit_code,
        "message": report.message,
        "durations": report.durations,
        "counts": report.counts,
        "stale_sources": report.stale_sources,
        "changes": report.changes,
        "log": report.log,
        "warnings": report.warnings,
    }
    if report.load is not None:
        document["load"] = load_document(report.load)
    if report.verdict is not None:
        document["build"] = verdict_document(report.verdict)
    if report.built is not None:
        document["build"] |= build_document(report.built)
    if report.notion is not None:
        document["notion"] = notion_document(report.notion)
    if report.sync is not None:
        document["sync"] = sync_document(report.sync)
    return document


def print_unchanged(since: datetime) -> None:
    """Prints that there was no build, because of the one at that time."""
    output.say(
        f"nothing changed since the build of {_time(since)}: "
        "the marts are as they were, and dbt was not run"
    )


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """Returns whether there is a build, and why, for machines."""
    return {
        "skipped": verdict.unchanged_since is not None,
        "unchanged_since": verdict.unchanged_since,
        "because": verdict.because,
    }


def print_dry_run(found: dict[str, Any], *, as_json: bool) -> None:
    """Prints what a refresh would do."""
    from omics.publishing import print_sync, sync_document
    from omics.reports import print_plan

    plan, sync = found["plan"], found["sync"]
    verdict: Verdict = found["build"]
    if as_json:
        output.print_json(
            {
                **found,
                "plan": {
                    "counts": plan.counts(),
                    "files": [
                        {"path": f.path, "action": f.action, "source": f.source, "detail": f.detail}
                        for f in plan.files
                    ],
                },
                "build": verdict_document(verdict),
                "sync": sync_document(sync) if sync is not None else None,
            }
        )
        return
    print_plan(plan)
    state: MartsState = found["marts"]
    output.say(f"marts: {state_words(state)}")
    if verdict.unchanged_since is not None:
        output.say("build: none, because nothing has changed since the last one")
    else:
        output.say(f"build: yes; {verdict.because}")
    if found["notion_first"]:
        output.say("Notion is read first: USE_POSTGRES_AS_SOT is false")
    for source in found["stale_sources"]:
        output.say(f"stale: nothing new was loaded into {source} for a while")
    if sync is not None:
        print_sync(sync)
        if sync.targets:
            output.say("(as the marts are now; what is loaded first comes on top)")
    if found["lock_holder"]:
        output.say(f"now running: {found['lock_holder']}; a refresh would end with code 75")
    output.say("nothing was written")


def state_words(state: MartsState) -> str:
    """Says in one line what the marts hold."""
    good = _time(state.good_at) if state.good_at else None
    if state.cut_off:
        return "a build was cut off; they hold part of it until the next build"
    if state.stale_since is not None:
        return (
            f"STALE since {_time(state.stale_since)}: the build failed "
            f"({', '.join(state.failed) or 'dbt did not start'}); "
            + (f"content of {good}" if good else "no build has passed yet")
        )
    return f"up to date, built {good}" if good else "never built"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}"
