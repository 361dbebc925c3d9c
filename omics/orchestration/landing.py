"""Loading as assets: one job's worth for each source, and one for what no folder decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltTranslator
from dagster_dlt.translator import DltResourceTranslatorData

from loaders.discovery import source_from_folders
from loaders.landing import declare
from loaders.load import LoadReport, LoadRequest
from loaders.notion.tables import SOURCE as NOTION
from loaders.sources import Source, sources
from omics.orchestration.outcomes import WAIT_SECONDS, complete_check, completeness, step
from warehouse.settings import Settings, get_settings

#: What is loaded after the folders that name a source: files whose content has to decide.
OTHER_FOLDERS = dg.AssetKey(["landing", "other_folders"])

_QUESTION = "Every file was read and no row rejected; see omics status and omics quarantine list."

_FOLDER = {
    "folder": dg.Field(
        dg.Noneable(str),
        default_value=None,
        is_required=False,
        description="Folder or address to load; left out, what OMICS_DATA_DIR holds of it.",
    )
}


def files_key(source: Source) -> dg.AssetKey:
    """Returns the key of a source's first table, which stands for the load as a whole."""
    return dg.AssetKey([source.schema, source.tables[0].name])


def landing_specs(source: Source) -> list[dg.AssetSpec]:
    """Returns one asset per landing table, with the keys that dbt's sources have."""
    translator = DagsterDltTranslator()
    landed = [
        translator.get_asset_spec(
            DltResourceTranslatorData(resource=resource, pipeline=None)
        ).replace_attributes(
            key=dg.AssetKey([source.schema, resource.name]),
            # The default is an asset for the files themselves, which nobody tells Dagster about.
            deps=[],
            description=f"Landing table {source.schema}.{resource.name}.",
            group_name="landing",
            kinds={"dlt", "postgres"},
        )
        for resource in declare(source).selected_resources.values()
    ]
    # dlt's own record of finished loads: staging shows no row without it.
    loads = dg.AssetSpec(
        dg.AssetKey([source.schema, "_dlt_loads"]),
        description=f"Finished loads of {source.schema}.",
        group_name="landing",
        kinds={"dlt", "postgres"},
    )
    return [*landed, loads]


def load_assets(source: Source, retries: dg.RetryPolicy) -> dg.AssetsDefinition:
    """Returns the step that does ``omics load SOURCE`` for the folders named after the source."""
    specs = landing_specs(source)

    def load(context: Any) -> Iterator[Any]:
        given = context.op_execution_context.op_config["folder"]
        folders = [given] if given else folders_of(get_settings(), source.name)
        reports = list(_load(context, folders, source.name))
        yield from _landed(specs, files_key(source), reports)

    return dg.multi_asset(
        name=f"load_{source.name}",
        specs=specs,
        check_specs=[complete_check(files_key(source), _QUESTION)],
        config_schema=_FOLDER,
        retry_policy=retries,
    )(step(load))


def other_folders_asset(retries: dg.RetryPolicy) -> dg.AssetsDefinition:
    """Returns the step that does ``omics load`` for the whole folder.

    What the steps of the sources have loaded is known by then and not opened again. It comes after
    them because sheets of programs may say what a file is, and because it takes the locks of all.
    """
    spec = dg.AssetSpec(
        OTHER_FOLDERS,
        description="Files below folders that name no source: content decides where each lands.",
        deps=[files_key(source) for source in sources().values()],
        group_name="landing",
        kinds={"dlt", "postgres"},
    )

    def load(context: Any) -> Iterator[Any]:
        given = context.op_execution_context.op_config["folder"]
        folder = given or str(get_settings().results_folder)
        yield from _landed([spec], OTHER_FOLDERS, list(_load(context, [folder], None)))

    return dg.multi_asset(
        name="load_other_folders",
        specs=[spec],
        check_specs=[complete_check(OTHER_FOLDERS, _QUESTION)],
        config_schema=_FOLDER,
        retry_policy=retries,
    )(step(load))


def notion_assets(retries: dg.RetryPolicy) -> dg.AssetsDefinition:
    """Returns the step that does ``omics load notion``."""
    specs = landing_specs(NOTION)
    key = files_key(NOTION)

    def load(context: Any) -> Iterator[Any]:
        from omics.notion import run_notion_load
        from omics.preparing import prepare
        from warehouse.connection import connect

        with connect(get_settings()) as conn:
            prepare(conn)
            report = run_notion_load(conn, wait=WAIT_SECONDS, tell=context.log.info)
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key, metadata=report.counts)
        yield completeness(key, is_complete=not report.left, metadata=report.left)

    return dg.multi_asset(
        name="load_notion",
        specs=specs,
        check_specs=[complete_check(key, "Every database and page was read to its end.")],
        retry_policy=retries,
    )(step(load))


def freshness_checks() -> dg.AssetChecksDefinition:
    """Returns the checks that warn of sources without a load for longer than they may."""
    omics_sources = [source for source in sources().values() if source.is_omics]
    specs = [
        dg.AssetCheckSpec(
            "fresh",
            asset=files_key(source),
            description="The last finished load is younger than dbt's `warn_after` allows.",
        )
        for source in omics_sources
    ]

    def check(context: Any) -> Iterator[Any]:
        from omics.preparing import prepare
        from omics.refresh import stale_sources
        from warehouse.connection import connect

        settings = get_settings()
        with connect(settings) as conn:
            prepare(conn)
            stale = stale_sources(settings, conn)
        for source, spec in zip(omics_sources, specs, strict=True):
            if spec.key in context.selected_asset_check_keys:
                yield dg.AssetCheckResult(
                    check_name=spec.name,
                    asset_key=spec.asset_key,
                    passed=source.name not in stale,
                    severity=dg.AssetCheckSeverity.WARN,
                )

    return dg.multi_asset_check(name="freshness", specs=specs, can_subset=True)(step(check))


def folders_of(settings: Settings, source: str) -> list[str]:
    """Returns the folders of the default folder whose name tells this source, none being fine.

    Only those at its top: a folder further down is found by the load of everything that follows.
    """
    root = settings.results_folder
    if not root.is_dir():
        return []
    return [
        str(folder)
        for folder in sorted(root.iterdir())
        if folder.is_dir() and source_from_folders([Path(folder).name])[0] == source
    ]


def _load(context: Any, folders: Sequence[str], source: str | None) -> Iterator[LoadReport]:
    from omics.loading import run_load
    from omics.preparing import prepare
    from warehouse.connection import connect

    with connect(get_settings()) as conn:
        prepare(conn)
        for folder in folders:
            context.log.info(f"loading {folder}")
            request = LoadRequest(folder=folder, source=source, wait_seconds=WAIT_SECONDS)
            yield run_load(conn, request, command="load", quiet=True)


def _landed(
    specs: Iterable[dg.AssetSpec], key: dg.AssetKey, reports: Sequence[LoadReport]
) -> Iterator[Any]:
    counts: dict[str, int] = {}
    for report in reports:
        for name, number in report.counts.items():
            counts[name] = counts.get(name, 0) + number
    refused = {
        Path(path).name: f"{refusal.reason_code}: {refusal.question}"
        for report in reports
        for path, refusal in report.refused
    }
    for spec in specs:
        # A source without a folder is up to date as well, and what follows must not wait for it.
        yield dg.MaterializeResult(asset_key=spec.key, metadata=counts)
    yield completeness(
        key, is_complete=all(report.is_complete for report in reports), metadata=refused
    )
