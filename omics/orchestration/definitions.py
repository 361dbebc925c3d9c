"""What Dagster loads: ``dagster dev -m omics.orchestration.definitions``."""

from __future__ import annotations

from typing import Any

import dagster as dg

from loaders.sources import sources
from omics.orchestration import landing
from omics.orchestration.marts import manifest_of, mart_assets
from omics.orchestration.outcomes import RETRIES
from omics.orchestration.publishing import PUBLISHED, publishing_assets
from warehouse.settings import Settings, get_settings

#: Every hour at seven minutes past, as in docs/schedules/crontab.
CRON = "7 * * * *"


def build_definitions(settings: Settings, *, retries: dg.RetryPolicy = RETRIES) -> dg.Definitions:
    """Returns assets, checks, jobs, schedules and the sensor.

    Args:
        settings: Where the project is, and whether Notion is on.
        retries: How often each step is tried again.
    """
    manifest = manifest_of(settings)
    loads = {source.name: landing.load_assets(source, retries) for source in sources().values()}
    if settings.enable_notion_sync and settings.notion_token is not None:
        loads["notion"] = landing.notion_assets(retries)
    rest = landing.other_folders_asset(retries)
    landed = [key for load in loads.values() for key in load.keys]
    marts = mart_assets(manifest, landed, retries)
    published = [publishing_assets(name, manifest, marts, retries) for name in PUBLISHED]

    refresh = dg.define_asset_job(
        "refresh",
        dg.AssetSelection.all(),
        description="Everything in its order, as omics refresh does it.",
    )
    load_jobs = {
        name: dg.define_asset_job(
            f"load_{name}_job",
            dg.AssetSelection.assets(load),
            description=f"omics load {name}, on any machine that reaches its folder.",
        )
        for name, load in {**loads, "other_folders": rest}.items()
    }
    build = dg.define_asset_job(
        "build_and_publish",
        dg.AssetSelection.assets(marts, *published),
        description="omics build, then omics sync apply where that is set up.",
    )
    return dg.Definitions(
        assets=[*loads.values(), rest, marts, *published],
        asset_checks=[landing.freshness_checks()],
        jobs=[refresh, *load_jobs.values(), build],
        schedules=[
            # None of them runs until somebody turns it on: a copy on a laptop loads nothing.
            dg.ScheduleDefinition(name="refresh_hourly", job=refresh, cron_schedule=CRON),
            *(
                dg.ScheduleDefinition(name=f"load_{name}_hourly", job=job, cron_schedule=CRON)
                for name, job in load_jobs.items()
            ),
        ],
        sensors=[_build_after_load([*load_jobs.values()], build)],
    )


def _build_after_load(load_jobs: list[Any], build: Any) -> Any:
    """Where sources are loaded by jobs of their own, each that ends asks for a build."""

    def ask(context: Any) -> Any:
        return dg.RunRequest(run_key=context.dagster_run.run_id)

    ask.__annotations__ = {}
    return dg.run_status_sensor(
        dg.DagsterRunStatus.SUCCESS,
        name="build_after_load",
        monitored_jobs=load_jobs,
        request_job=build,
    )(ask)


def _defs() -> dg.Definitions:
    return build_definitions(get_settings())


#: Asked by Dagster when it needs them: importing this module parses no project.
defs = dg.definitions(_defs)
