"""The dbt models as assets: one step does ``omics build``, whatever part of them is asked for."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets

from omics.building import Built
from omics.dbt import PROJECT_FOLDER, run_dbt
from omics.orchestration.landing import OTHER_FOLDERS
from omics.orchestration.outcomes import WAIT_SECONDS, step
from warehouse import exits
from warehouse.errors import OmicsError
from warehouse.settings import Settings, get_settings

#: Where dagster-dbt notes which node of dbt an asset or a check is.
NODE = "dagster_dbt/unique_id"

_CHECK_PASSED = {"pass": True, "success": True, "warn": False, "fail": False, "error": False}


def manifest_of(settings: Settings) -> Mapping[str, Any]:
    """Returns dbt's manifest of the project as it is now.

    Dagster reads its definitions in every process, and dbt takes seconds to parse: the manifest is
    kept until a file of the project changes.
    """
    project = settings.root / PROJECT_FOLDER
    folder = settings.warehouse_dir / "dagster"
    kept = folder / f"manifest-{_state_of(project)}.json"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as target:
            done = run_dbt(
                settings,
                ["parse", "--write-json", "--target-path", target, "--no-partial-parse"],
                environment={},
                quiet=True,
            )
            if done.return_code != exits.DONE:
                raise OmicsError(
                    f"dbt does not understand its project:\n{done.output}", where=project
                )
            for old in folder.glob("manifest-*.json"):
                old.unlink(missing_ok=True)
            (Path(target) / "manifest.json").replace(kept)
    manifest: Mapping[str, Any] = json.loads(kept.read_text("utf-8"))
    return manifest


def _state_of(project: Path) -> str:
    state = hashlib.sha256()
    for folder in ("models", "macros", "seeds", "tests"):
        for path in sorted((project / folder).rglob("*")):
            if path.is_file():
                found = path.stat()
                state.update(f"{path}:{found.st_size}:{found.st_mtime_ns}\n".encode())
    state.update((project / "dbt_project.yml").read_bytes())
    return state.hexdigest()[:16]


def mart_assets(
    manifest: Mapping[str, Any], landing: Sequence[dg.AssetKey], retries: dg.RetryPolicy
) -> dg.AssetsDefinition:
    """Returns the step that builds and tests the models.

    Seeds are left out: every command copies a changed one by itself.

    Args:
        manifest: dbt's manifest.
        landing: Tables that a load may write; whatever reads one waits for the last load, too.
        retries: How often to try again.
    """

    def build(context: Any) -> Iterator[Any]:
        from omics.loading import run_build
        from omics.preparing import prepare
        from warehouse.connection import connect

        definition = context.assets_def
        names = {spec.metadata[NODE].split(".")[-1]: spec.key for spec in definition.specs}
        wanted = [name for name, key in names.items() if key in context.selected_asset_keys]
        # Everything is asked for by naming nothing: only such a build can clear "stale".
        arguments = [] if len(wanted) == len(names) else ["--select", *wanted]
        with connect(get_settings()) as conn:
            prepare(conn)
            built = run_build(conn, arguments, wait=WAIT_SECONDS, quiet=True)
        context.log.info(click.unstyle(built.dbt.output))
        yield from _tested(context, built)
        if built.exit_code != exits.DONE:
            raise dg.Failure(
                f"{built.message}; the marts are as they were before",
                metadata={
                    "exit_code": built.exit_code,
                    "rows_restored": built.rows_restored or 0,
                    **{result.name: result.message or "" for result in built.dbt.failed},
                },
                # What passes by itself was tried again within the build.
                allow_retries=False,
            )
        selected = {
            spec.metadata[NODE]: spec.key
            for spec in definition.specs
            if spec.key in context.selected_asset_keys
        }
        # In the order that they were built in: Dagster wants no asset before what it reads.
        for result in built.dbt.results:
            if result.node_id in selected:
                rows = {} if result.rows_affected is None else {"rows": result.rows_affected}
                yield dg.MaterializeResult(
                    asset_key=selected[result.node_id],
                    metadata={"seconds": result.seconds, **rows},
                )

    return dbt_assets(
        manifest=manifest,
        select="resource_type:model",
        name="build",
        dagster_dbt_translator=_Translator(frozenset(landing)),
        retry_policy=retries,
    )(step(build))


class _Translator(DagsterDbtTranslator):
    """Groups the models by layer, and has those that read landing wait for the last load, too."""

    def __init__(self, landed: frozenset[dg.AssetKey]) -> None:
        super().__init__()
        self._landed = landed

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """Returns what a model is as an asset."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        if not unique_id.startswith("model."):
            return spec
        reads_landing = any(dep.asset_key in self._landed for dep in spec.deps)
        return spec.replace_attributes(
            # The first part of a key is the schema: staging, intermediate or marts.
            group_name=spec.key.path[0],
            deps=[*spec.deps, *([OTHER_FOLDERS] if reads_landing else [])],
        )


def _tested(context: Any, built: Built) -> Iterator[dg.AssetCheckResult]:
    results = {result.node_id: result for result in built.dbt.results}
    for spec in context.assets_def.check_specs:
        result = results.get(spec.metadata[NODE])
        if result is None or result.status not in _CHECK_PASSED:
            continue
        if spec.key not in context.selected_asset_check_keys:
            continue
        warned = result.status == "warn"
        yield dg.AssetCheckResult(
            check_name=spec.name,
            asset_key=spec.asset_key,
            passed=_CHECK_PASSED[result.status],
            severity=dg.AssetCheckSeverity.WARN if warned else dg.AssetCheckSeverity.ERROR,
            metadata={"failures": result.failures or 0, "message": result.message or ""},
        )
