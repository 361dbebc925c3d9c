"""The Dagster definition, materialised in this process over the project's examples."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from loaders.load import LoadRequest
from omics.refresh import refresh
from tests.conftest import REPOSITORY
from tests.end_to_end.test_refresh import content
from warehouse import exits
from warehouse.connection import connect, database_url
from warehouse.lock import advisory_lock
from warehouse.settings import Settings, get_settings

_MISSING = [
    name
    for name in ("dagster", "dagster_dbt", "dagster_dlt")
    if importlib.util.find_spec(name) is None
]

# Dagster, dagster-dbt and what they bring warn about each other, which is not ours to mend.
pytestmark = pytest.mark.filterwarnings("default")

installed = pytest.mark.skipif(
    bool(_MISSING),
    reason="the extra `dagster` is not installed: "
    "pip install -e '.[dagster]' -c constraints-dagster.txt",
)


@dataclass(frozen=True)
class Orchestra:
    """The definitions, and one run of everything."""

    definitions: Any
    settings: Settings
    run: Any
    conn: psycopg.Connection[Any]

    @property
    def graph(self) -> Any:
        """The assets."""
        return self.definitions.resolve_asset_graph()


@pytest.fixture(scope="module")
def here(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings as every function of the project finds them: this database, the examples."""
    target = tmp_path_factory.mktemp("dagster")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "DATABASE_URL": database_url(module_settings),
            "OMICS_DATA_DIR": str(REPOSITORY / "examples"),
            "OMICS_LOG_DIR": str(target / "logs"),
            "DBT_TARGET_PATH": str(target),
            "DBT_LOG_PATH": str(target),
            "DAGSTER_HOME": str(target),
        }.items():
            patch.setenv(name, value)
        # What Dagster would report home, it does not.
        (target / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", "utf-8")
        patch.chdir(REPOSITORY)
        get_settings.cache_clear()
        yield get_settings()
    get_settings.cache_clear()


@pytest.fixture(scope="module")
def orchestra(here: Settings) -> Iterator[Orchestra]:
    """Runs the job `refresh` once."""
    import dagster as dg

    from omics.orchestration.definitions import build_definitions

    definitions = build_definitions(here, retries=dg.RetryPolicy(max_retries=1, delay=0))
    with dg.DagsterInstance.ephemeral() as instance, connect(here) as conn:
        run = definitions.resolve_job_def("refresh").execute_in_process(
            instance=instance, raise_on_error=False
        )
        yield Orchestra(definitions, here, run, conn)


def _key(name: str) -> Any:
    import dagster as dg

    return dg.AssetKey(name.split("/"))


def _materialised(run: Any) -> set[str]:
    return {
        event.event_specific_data.materialization.asset_key.to_user_string()
        for event in run.get_asset_materialization_events()
    }


def _checks(run: Any, name: str) -> dict[str, bool]:
    return {
        found.asset_key.to_user_string(): found.passed
        for found in run.get_asset_check_evaluations()
        if found.check_name == name
    }


def _steps(run: Any, kind: str) -> list[str]:
    return [event.step_key for event in run.all_events if event.event_type_value == kind]


def _upstream(orchestra: Orchestra, name: str) -> set[str]:
    graph = orchestra.graph
    found: set[Any] = set()
    waiting = [_key(name)]
    while waiting:
        parents = graph.get(waiting.pop()).parent_keys - found
        found |= parents
        waiting += parents
    return {key.to_user_string() for key in found}


@installed
def test_a_run_of_everything_fills_the_marts(orchestra: Orchestra) -> None:
    assert orchestra.run.success
    datasets = orchestra.conn.execute(
        "select omics_type, count(*) from marts.datasets group by 1 order by 1"
    ).fetchall()
    assert datasets == [
        ("lipidomics", 3), ("metabolomics", 2), ("proteomics", 2), ("transcriptomics", 2),
    ]  # fmt: skip
    # The features of the seven matrices of docs/examples.md.
    (rows,) = orchestra.conn.execute("select count(*) from marts.dataset_features").fetchall()
    assert rows == (98 + 46 + 82 + 54 + 41 + 94 + 120,)


@installed
def test_the_marts_are_those_of_a_refresh(orchestra: Orchestra, module_settings: Settings) -> None:
    name = f"{module_settings.database}_refreshed"
    settings = module_settings.model_copy(update={"database": name})
    url = SecretStr(database_url(settings))
    try:
        with connect(settings) as conn:
            report = refresh(
                orchestra.settings.model_copy(update={"database_url": url}),
                conn,
                LoadRequest(folder=str(REPOSITORY / "examples")),
            )
            by_refresh = _content(conn)
    finally:
        with connect(module_settings) as conn:
            conn.execute(f'drop database "{name}" with (force)'.encode())
    assert report.exit_code == exits.PARTIAL
    assert _content(orchestra.conn) == by_refresh


def _content(conn: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """The marts; two columns of reference releases are made from the ids of loads."""
    of_load = r'"(?:fingerprint|reference_release_id)": "[\w-]+", '
    found = content(conn)
    found["reference_releases"] = sorted(
        re.sub(of_load, "", row) for row in found["reference_releases"]
    )
    return found


@installed
def test_every_step_is_in_the_ledger_as_if_typed(orchestra: Orchestra) -> None:
    runs = orchestra.conn.execute(
        "select command, arguments ->> 'source', status, exit_code, "
        "(counts ->> 'files_quarantined')::int from ops.runs "
        "where started_at <= (select min(started_at) from ops.runs where command = 'build')"
    ).fetchall()
    assert sorted(runs, key=str) == sorted(
        [
            ("load", "programs", "done", 0, 0),
            ("load", "features", "done", 0, 0),
            ("load", "signatures", "done", 0, 0),
            # Two rows of one example cannot be read, and one file asks a question.
            ("load", "lipidomics", "partial", 2, 0),
            ("load", "metabolomics", "done", 0, 0),
            ("load", "proteomics", "done", 0, 0),
            ("load", "transcriptomics", "done", 0, 0),
            ("load", None, "partial", 2, 1),
            ("build", None, "done", 0, None),
        ],
        key=str,
    )


@installed
def test_the_last_load_opens_only_what_no_folder_decided(orchestra: Orchestra) -> None:
    (counts,) = orchestra.conn.execute(
        "select counts ->> 'files_new', counts ->> 'files_unchanged', counts ->> 'files_moved', "
        "counts ->> 'files_missing' from ops.runs "
        "where command = 'load' and arguments ->> 'source' is null"
    ).fetchall()
    examples = [path for path in (REPOSITORY / "examples").rglob("*.*") if path.is_file()]
    assert counts == ("1", str(len(examples) - 1), "0", "0")


@installed
def test_what_is_left_for_a_person_warns_and_stops_nothing(orchestra: Orchestra) -> None:
    complete = _checks(orchestra.run, "complete")
    assert [name for name, passed in complete.items() if not passed] == [
        "raw_lipidomics/files", "landing/other_folders",
    ]  # fmt: skip
    (warned,) = [
        found
        for found in orchestra.run.get_asset_check_evaluations()
        if found.asset_key == _key("landing/other_folders")
    ]
    assert warned.severity.value == "WARN"
    assert "secreted_factors.csv" in warned.metadata


@installed
def test_sources_are_fresh_and_the_tests_of_dbt_are_checks(orchestra: Orchestra) -> None:
    fresh = _checks(orchestra.run, "fresh")
    assert fresh == {
        f"raw_{name}/files": True
        for name in ("lipidomics", "metabolomics", "proteomics", "transcriptomics")
    }
    tested = {
        found.check_name: found.passed for found in orchestra.run.get_asset_check_evaluations()
    }
    recorded = dict(
        orchestra.conn.execute(
            "select split_part(node_id, '.', 3), status from ops.run_results "
            "where node_type = 'test'"
        ).fetchall()
    )
    of_dbt = tested.keys() & recorded.keys()
    assert len(of_dbt) > 40
    assert all(tested[name] for name in of_dbt)


@installed
def test_lineage_leads_from_marts_to_landing(orchestra: Orchestra) -> None:
    upstream = _upstream(orchestra, "marts/dataset_features")
    assert {"raw_lipidomics/feature_rows", "raw_lipidomics/files"} <= upstream
    assert "landing/other_folders" in upstream
    assert not any(name.startswith(("notion/", "pinecone/")) for name in upstream)
    assert orchestra.graph.get(_key("pinecone/vectors")).parent_keys == {_key("marts/documents")}
    assert _key("marts/programs") in orchestra.graph.get(_key("notion/pages")).parent_keys
    # Every landing table that dbt reads is one that a load writes; lipid names and Notion's pages,
    # which is off here, have no step of their own.
    graph = orchestra.graph
    unmade = {
        key.to_user_string()
        for key in graph.get_all_asset_keys()
        if key.path[0].startswith("raw_") and not graph.get(key).is_materializable
    }
    assert all(name.startswith(("raw_notion/", "raw_features/lipid_")) for name in unmade)


@installed
def test_loads_come_first_and_each_of_them_alone(orchestra: Orchestra) -> None:
    order = _steps(orchestra.run, "STEP_START")
    loads = [name for name in order if name.startswith("load_")]
    assert len(loads) == 8
    assert loads[-1] == "load_other_folders"
    assert order.index("load_other_folders") < order.index("build")
    job = orchestra.definitions.resolve_job_def("load_lipidomics_job")
    assert {key.path[0] for key in job.asset_layer.selected_asset_keys} == {"raw_lipidomics"}


@installed
def test_nothing_is_published_where_nothing_is_set_up(orchestra: Orchestra) -> None:
    assert not orchestra.settings.enable_notion_sync
    made = _materialised(orchestra.run)
    assert "marts/documents" in made
    assert not made & {"notion/pages", "pinecone/vectors"}
    assert {"publish_notion", "publish_pinecone"} <= set(_steps(orchestra.run, "STEP_SUCCESS"))


@installed
def test_schedules_are_those_of_the_crontab_and_off_until_turned_on(orchestra: Orchestra) -> None:
    lines = (REPOSITORY / "docs" / "schedules" / "crontab").read_text("utf-8").splitlines()
    (line,) = (line for line in lines if line and not line.startswith("#"))
    cron = " ".join(line.split()[:5])
    schedules = list(orchestra.definitions.schedules)
    assert {schedule.cron_schedule for schedule in schedules} == {cron}
    assert {schedule.job.name for schedule in schedules} == {
        "refresh", "load_programs_job", "load_features_job", "load_signatures_job",
        "load_lipidomics_job", "load_metabolomics_job", "load_proteomics_job",
        "load_transcriptomics_job", "load_other_folders_job",
    }  # fmt: skip
    assert {schedule.default_status.value for schedule in schedules} == {"STOPPED"}


@installed
def test_every_step_is_tried_again_with_growing_pauses(here: Settings) -> None:
    from omics.orchestration.definitions import defs

    steps = [assets.op for assets in defs().assets]
    assert len(steps) == 11
    for step in steps:
        assert step.retry_policy.max_retries == 3
        assert [step.retry_policy.calculate_delay(n) for n in (1, 2, 3)] == [60, 180, 420]


@installed
def test_a_lock_that_is_held_is_tried_again_and_then_fails(
    orchestra: Orchestra, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dagster as dg

    monkeypatch.setattr("omics.orchestration.landing.WAIT_SECONDS", 0.0)
    job = orchestra.definitions.resolve_job_def("load_lipidomics_job")
    with dg.DagsterInstance.ephemeral() as instance:
        with advisory_lock(orchestra.conn, "load:lipidomics"):
            run = job.execute_in_process(instance=instance, raise_on_error=False)
        assert not run.success
        assert len(_steps(run, "STEP_RESTARTED")) == 1
        assert not _materialised(run)
        freed = job.execute_in_process(instance=instance, raise_on_error=False)
    assert freed.success
    statuses = orchestra.conn.execute(
        "select status, exit_code from ops.runs where arguments ->> 'source' = 'lipidomics' "
        "order by started_at desc limit 3"
    ).fetchall()
    # Once more, the two rows that cannot be read are known: nothing is new, nothing is rejected.
    assert statuses[1:] == [("locked", 75)] * 2
    assert statuses[0] == ("done", 0)


@installed
def test_a_load_that_ended_asks_for_a_build(orchestra: Orchestra) -> None:
    import dagster as dg

    (sensor,) = orchestra.definitions.sensors
    assert sensor.job_name == "build_and_publish"
    with dg.DagsterInstance.ephemeral() as instance:
        run = orchestra.definitions.resolve_job_def("load_programs_job").execute_in_process(
            instance=instance
        )
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor.name,
            dagster_instance=instance,
            dagster_run=run.dagster_run,
            dagster_event=run.get_run_success_event(),
        )
        asked = sensor(context)
    assert asked.run_key == run.run_id


@installed
def test_a_folder_in_another_place_is_given_in_the_config(
    orchestra: Orchestra, tmp_path: Path
) -> None:
    empty = tmp_path / "lipids"
    empty.mkdir()
    job = orchestra.definitions.resolve_job_def("load_lipidomics_job")
    config = {"ops": {"load_lipidomics": {"config": {"folder": str(empty)}}}}
    assert job.execute_in_process(run_config=config).success
    (row,) = orchestra.conn.execute(
        "select arguments ->> 'dir' from ops.runs order by started_at desc limit 1"
    ).fetchall()
    assert row == (str(empty),)
    config["ops"]["load_lipidomics"]["config"]["folder"] = str(empty / "gone")
    failed = job.execute_in_process(run_config=config, raise_on_error=False)
    assert not failed.success
    (message,) = [
        event.event_specific_data.user_failure_data.description
        for event in failed.all_events
        if event.event_type_value == "STEP_FAILURE"
    ]
    assert "folder not found" in message
    assert "fix:" in message


@installed
def test_a_failed_build_fails_at_once_and_says_what(orchestra: Orchestra) -> None:
    job = orchestra.definitions.resolve_job_def("build_and_publish")
    model = "marts/programs"
    # A row that the build wants to put right, and a table that refuses it.
    orchestra.conn.execute("update marts.programs set description = 'spoiled'")
    orchestra.conn.execute(
        "create function public.refuse() returns trigger language plpgsql "
        "as $$ begin raise exception 'not today'; end $$"
    )
    orchestra.conn.execute(
        "create trigger refuse before delete or insert on marts.programs "
        "for each statement execute function public.refuse()"
    )
    try:
        failed = job.execute_in_process(asset_selection=[_key(model)], raise_on_error=False)
    finally:
        orchestra.conn.execute("drop trigger refuse on marts.programs")
        orchestra.conn.execute("drop function public.refuse()")
    assert not failed.success
    assert not _materialised(failed)
    assert not _steps(failed, "STEP_RESTARTED")
    (failure,) = [
        event.event_specific_data.user_failure_data
        for event in failed.all_events
        if event.event_type_value == "STEP_FAILURE"
    ]
    assert failure.description == "failed: programs; the marts are as they were before"
    assert "not today" in failure.metadata["programs"].value
    (run,) = orchestra.conn.execute(
        "select command, exit_code, arguments ->> 'arguments' from ops.runs "
        "order by started_at desc limit 1"
    ).fetchall()
    assert run == ("build", 1, '["--select", "programs"]')
    # A part of the graph can be built alone, and is all that is said to be built.
    mended = job.execute_in_process(asset_selection=[_key(model)], raise_on_error=False)
    assert mended.success
    assert _materialised(mended) == {model}
    (spoiled,) = orchestra.conn.execute(
        "select count(*) from marts.programs where description = 'spoiled'"
    ).fetchall()
    assert spoiled == (0,)


@installed
def test_it_publishes_and_reads_back_where_that_is_on(
    orchestra: Orchestra, monkeypatch: pytest.MonkeyPatch
) -> None:
    from omics.orchestration.definitions import build_definitions
    from tests.standins.__main__ import settings_for
    from tests.standins.notion import NotionStandIn
    from tests.standins.pinecone import PineconeStandIn

    targets = {"notion/pages", "pinecone/vectors"}
    with NotionStandIn() as notion, PineconeStandIn() as pinecone:
        for name, value in settings_for(notion, pinecone).items():
            monkeypatch.setenv(name, value)
        get_settings.cache_clear()
        try:
            definitions = build_definitions(get_settings())
            publish = definitions.resolve_job_def("build_and_publish")
            run = publish.execute_in_process(asset_selection=[_key(name) for name in targets])
            assert _materialised(run) == targets
            assert _checks(run, "complete") == dict.fromkeys(targets, True)
            assert "marts/programs" not in _materialised(run)
            read = definitions.resolve_job_def("load_notion_job").execute_in_process()
            assert {"raw_notion/pages", "raw_notion/data_sources"} <= _materialised(read)
        finally:
            monkeypatch.undo()
            get_settings.cache_clear()
    (pages,) = orchestra.conn.execute(
        "select count(distinct page_id), (select count(*) from marts.datasets) "
        "from raw_notion.pages"
    ).fetchall()
    # Pages of at least the datasets, their program and its experiment.
    assert pages[0] >= pages[1] + 2


@pytest.mark.parametrize("missing", ["dagster", "dagster_dbt", "dagster_dlt"])
def test_without_the_extra_it_says_what_to_install(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from warehouse.errors import OmicsError\n"
        "try:\n    import omics.orchestration.definitions\n"
        "except OmicsError as error:\n    print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    assert missing.replace("_", "-") in said
    assert "pip install -e '.[dagster]' -c constraints-dagster.txt" in said


def test_its_pins_are_those_of_everything_else_but_one() -> None:
    ours, theirs = (
        dict(
            line.split(" ;")[0].split("==")
            for line in (REPOSITORY / name).read_text("utf-8").splitlines()
            if "==" in line and not line.startswith("#") and "python_full_version" not in line
        )
        for name in ("constraints.txt", "constraints-dagster.txt")
    )
    assert ours.keys() <= theirs.keys()
    assert {name for name in ours if ours[name] != theirs[name]} == {"coloredlogs"}
    assert {"dagster", "dagster-dbt", "dagster-dlt"} <= theirs.keys() - ours.keys()
