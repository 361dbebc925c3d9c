"""A refresh skips its build only if nothing that the marts rest on has changed: without dbt."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from loaders.load import LoadReport, LoadRequest
from loaders.notion.load import NotionReport
from omics import refresh
from omics.dbt import DbtRun, NodeResult
from omics.preparing import prepare
from omics.unchanged import (
    Verdict,
    declared_sources,
    inputs_before,
    inputs_of,
    mark_after,
    verdict,
)
from tests.conftest import REPOSITORY
from warehouse.builds import begin_build, keep_build, undo_build
from warehouse.connection import connect
from warehouse.settings import Settings

Conn = psycopg.Connection[Any]

#: What dbt says of a build in which all passed.
PASSED = DbtRun(
    0, (NodeResult("model.omics.facts", "model", "success", 0.1, None, None, None, "marts"),)
)

PIN = """
insert into ops.reference_pins (reference, content, sha256) values ('genes', 'names', 'abc')
"""
LOADED = "insert into raw_lipidomics._dlt_loads values ('1', 's', 0, now(), '')"
RAN = "insert into ops.runs (run_id, command, status) values (gen_random_uuid(), 'x', 'done')"
GONE = "insert into ops.dataset_states (dataset_key, state) values ('a', 'source_missing')"


@dataclass(frozen=True)
class Warehouse:
    """A copy of the project, its database with two marts, and builds without dbt."""

    settings: Settings
    conn: Conn

    def build(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """A build that passes; `meanwhile` is called while dbt would be at work."""
        inputs = inputs_before(self.settings, self.conn)
        self.begin()
        meanwhile()
        keep_build(self.conn, mark_after(self.conn, inputs, PASSED))

    def begin(self) -> None:
        """A build begins."""
        begin_build(self.conn, str(uuid.uuid4()), complete=True)

    def verdict(self, **settings: Any) -> Verdict:
        """What the next refresh finds."""
        self.conn.execute("select pg_stat_force_next_flush()")
        return verdict(self.settings.model_copy(update=settings), self.conn)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what dbt reads."""
    root = tmp_path_factory.mktemp("project")
    ignored = shutil.ignore_patterns("target", "logs")
    shutil.copytree(REPOSITORY / "dbt_project", root / "dbt_project", ignore=ignored)
    shutil.copy(REPOSITORY / "profiles.yml", root / "profiles.yml")
    return root


@pytest.fixture
def warehouse(module_settings: Settings, project: Path) -> Iterator[Warehouse]:
    """A warehouse whose last build passed."""
    with connect(module_settings) as conn:
        prepare(conn)
        conn.execute("drop schema if exists marts cascade")
        conn.execute("create schema marts")
        conn.execute("create table marts.facts as select n from generate_series(1, 9) as n")
        conn.execute("create view marts.readable as select n from marts.facts")
        made = Warehouse(module_settings.model_copy(update={"root": project}), conn)
        made.build()
        yield made
        conn.execute(
            "delete from ops.reference_pins; delete from ops.dataset_states;"
            " delete from raw_features.lipid_rules"
        )


def test_nothing_changed_and_the_time_of_the_build_is_told(warehouse: Warehouse) -> None:
    (built_at,) = warehouse.conn.execute("select max(finished_at) from ops.builds").fetchone() or ()
    assert warehouse.verdict() == Verdict(unchanged_since=built_at)
    # Asking, building nothing and running on changes nothing.
    prepare(warehouse.conn)
    assert warehouse.verdict() == Verdict(unchanged_since=built_at)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (LOADED, "raw_lipidomics._dlt_loads"),
        ("insert into raw_features.lipid_rules values (true, 'x', 'y')", "raw_features.lipid_ru"),
        (PIN, "ops.reference_pins"),
        (GONE, "ops.dataset_states"),
        ("insert into sync.embedders values ('e', 'p', 'm', 5, true)", None),
        ("insert into sync.narratives values ('dataset', 'a', 'p', 't', 'h')", "sync.narratives"),
        ("delete from intermediate.taxa where ctid = '(0,1)'", "intermediate.taxa"),
        ("update marts.facts set n = 0 where n = 1", "marts.facts"),
        ("delete from marts.facts", "marts.facts"),
        ("drop view marts.readable", "marts.readable"),
        ("create or replace view marts.readable as select n + 1 as n from marts.facts", "marts.re"),
        ("revoke select on marts.facts from current_user", "marts.facts"),
        ("select pg_stat_reset()", "counters of the server"),
        (RAN, None),
    ],
)
def test_what_is_written_leads_to_a_build_and_the_build_ends_it(
    warehouse: Warehouse, statement: str, named: str | None
) -> None:
    with warehouse.conn.transaction():
        warehouse.conn.execute("truncate sync.narratives, sync.embedders cascade")
    warehouse.build()
    warehouse.conn.execute(statement.encode())
    for _ in range(2):
        # A second question finds it too: only a build that passed ends it.
        found = warehouse.verdict()
        if named is None:
            assert found.because is None
        else:
            assert named in (found.because or "")
            assert found.unchanged_since is None
    warehouse.build()
    assert warehouse.verdict().because is None


def test_a_commit_during_the_build_belongs_to_the_next(warehouse: Warehouse) -> None:
    warehouse.build(lambda: warehouse.conn.execute(LOADED))
    assert "_dlt_loads" in (warehouse.verdict().because or "")


def test_a_transaction_that_is_open_when_the_build_begins_belongs_to_the_next(
    warehouse: Warehouse, module_settings: Settings
) -> None:
    with connect(module_settings) as other:
        with other.transaction():
            other.execute(LOADED)
            warehouse.build()
            # Nothing has come of it so far, and it cannot be told that nothing will.
            assert "another session is at work" in (warehouse.verdict().because or "")
        other.execute("select pg_stat_force_next_flush()")
    assert "_dlt_loads" in (warehouse.verdict().because or "")
    warehouse.build()
    assert warehouse.verdict().because is None


def test_an_edit_of_the_project_leads_to_a_build(warehouse: Warehouse, project: Path) -> None:
    for name in (
        "dbt_project/models/marts/datasets.sql",
        "dbt_project/macros/undo.sql",
        "dbt_project/seeds/taxa.csv",
        "dbt_project/dbt_project.yml",
        "profiles.yml",
    ):
        path = project / name
        sound = path.read_bytes()
        path.write_bytes(sound + b"\n")
        named = warehouse.verdict().because
        path.write_bytes(sound)
        assert named == f"changed: {name.split('/')[0]}"
        assert warehouse.verdict().because is None
    # Also in a folder that is called like one that dbt makes.
    for folder in ("marts", "logs"):
        added = project / "dbt_project" / "models" / folder / "added.sql"
        added.parent.mkdir(exist_ok=True)
        added.write_text("select 1 as n")
        assert warehouse.verdict().because == "changed: dbt_project"
        added.unlink()
    # What dbt itself writes is no edit.
    for folder in ("target", "logs"):
        (project / "dbt_project" / folder).mkdir()
        (project / "dbt_project" / folder / "made.sql").write_text("select 1")
    assert warehouse.verdict().because is None


def test_settings_that_dbt_sees_lead_to_a_build(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert warehouse.verdict(use_postgres_as_sot=False).because == "changed: settings of dbt"
    assert warehouse.verdict(feature_documents=True).because == "changed: settings of dbt"
    assert warehouse.verdict(pinecone_index="another").because is None
    monkeypatch.setenv("OMICS_WHATEVER", "1")
    monkeypatch.setenv("OMICS_BUILD", str(uuid.uuid4()))
    assert warehouse.verdict().because is None
    monkeypatch.setenv("DBT_FULL_REFRESH", "true")
    assert warehouse.verdict().because == "changed: settings of dbt"


def test_builds_that_do_not_pass_or_are_not_complete_prove_nothing(warehouse: Warehouse) -> None:
    warehouse.begin()
    undo_build(warehouse.conn, ["a_test"])
    assert "did not pass" in (warehouse.verdict().because or "")
    warehouse.build()
    assert warehouse.verdict().because is None
    # Killed.
    warehouse.begin()
    assert "did not pass" in (warehouse.verdict().because or "")
    # A part, by omics or by plain dbt.
    begin_build(warehouse.conn, str(uuid.uuid4()), complete=False)
    keep_build(warehouse.conn)
    assert "not one of everything" in (warehouse.verdict().because or "")
    warehouse.build()
    assert warehouse.verdict().because is None


def test_what_is_not_understood_leads_to_a_build(warehouse: Warehouse, project: Path) -> None:
    declared = project / "dbt_project" / "models" / "odd.yml"
    for text in ("sources: [{tables: [{name: x}]}]", "sources: [", "sources: [7]"):
        declared.write_text(text)
        assert inputs_before(warehouse.settings, warehouse.conn) is None
        assert "odd.yml" in (warehouse.verdict().because or "")
        # Without a mark of what it read, a build proves nothing for later.
        warehouse.build()
        declared.unlink()
        assert "did not pass" in (warehouse.verdict().because or "")
        warehouse.build()
    warehouse.conn.execute(b"create view marts.stray as select run_id from ops.runs")
    warehouse.build()
    assert warehouse.verdict().unchanged_since is None


def test_sources_may_have_other_schemas_and_names() -> None:
    text = b"sources: [{name: a, schema: B, tables: [{name: t}, {name: u, identifier: v}]}]"
    assert declared_sources({"models/x.yml": text}) == ['"B"."t"', '"B"."v"']
    # The same word as a setting of all sources.
    assert declared_sources({"dbt_project.yml": b"sources: {omics: {+enabled: true}}"}) == []


def test_all_that_staging_reads_is_known(warehouse: Warehouse) -> None:
    read = inputs_of(warehouse.settings, warehouse.conn)
    for name in ("raw_lipidomics.feature_rows", "raw_notion.pages", "raw_features.lipid_names"):
        assert name in read
    # Seeds, and what stands behind views.
    assert {"intermediate.taxa", "sync.notion_pages", "sync.items"} <= read.keys()
    # Has a row more after every refresh, and no model reads it.
    assert "ops.runs" not in read


@pytest.mark.parametrize(
    ("report", "extra", "because"),
    [
        ({}, (), None),
        ({}, ("--full-refresh",), "asked for: --full-refresh"),
        ({"notion": NotionReport()}, (), "Notion was read"),
        ({"load": LoadReport(planned={"new": 1})}, (), "files are new, changed or moved, or"),
        ({"load": LoadReport(planned={"moved": 1})}, (), "files are new, changed or moved, or"),
        ({"load": LoadReport(load_ids=["1"])}, (), "files are new, changed or moved, or"),
        ({"load": LoadReport(removed_datasets=1)}, (), "datasets were removed"),
        ({"load": LoadReport(planned={"unchanged": 9}, still_quarantined=1)}, (), None),
    ],
)
def test_what_the_refresh_itself_did_comes_first(
    warehouse: Warehouse, report: dict[str, Any], extra: tuple[str, ...], because: str | None
) -> None:
    made = refresh.RefreshReport("run", **{"load": LoadReport(), **report})
    found = refresh._verdict(warehouse.settings, warehouse.conn, made, extra)
    assert (found.because or "").startswith(because or "")
    assert (found.unchanged_since is not None) == (because is None)


def test_a_dry_run_says_whether_there_would_be_a_build(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    request = LoadRequest(folder=str(tmp_path))
    assert refresh.dry_run(warehouse.settings, warehouse.conn, request)["build"].because is None
    (tmp_path / "new.csv").write_text("a,b\n1,2\n")
    found = refresh.dry_run(warehouse.settings, warehouse.conn, request)["build"]
    assert found.because == "files are new, changed or moved"
