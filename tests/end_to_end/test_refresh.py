"""Refresh, build and plain dbt as users run them, and what they leave behind."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import REPOSITORY
from tests.end_to_end.conftest import Omics, runner
from tests.loading.files import write_lipids, write_results, write_unreadable
from warehouse import exits
from warehouse.connection import connect, database_url
from warehouse.settings import Settings

#: Columns that tell when and by which load, not what; everything else must be equal. The build key
#: is a hash of the load, among others.
LOAD_COLUMNS = {
    "first_loaded_at", "updated_at", "loaded_at", "load_id", "finished_at", "started_at", "run_id",
    "build_key",
}  # fmt: skip
#: One row per load: two ways to the same content load a different number of times.
PER_LOAD = {"loads", "source_files"}


def content(conn: psycopg.Connection[Any], *, root: str = "") -> dict[str, list[str]]:
    """Returns every mart as sorted JSON rows without load times."""
    tables = conn.execute(
        "select table_name from information_schema.tables where table_schema = 'marts' order by 1"
    ).fetchall()
    found = {}
    for (table,) in tables:
        if table in PER_LOAD:
            continue
        rows = conn.execute(
            f"select to_jsonb(t) - %s::text[] from marts.{table} as t",
            (sorted(LOAD_COLUMNS),),
        ).fetchall()
        found[table] = sorted(json.dumps(row, sort_keys=True) for (row,) in rows)
    return found


def differences(
    found: dict[str, list[str]], expected: dict[str, list[str]]
) -> dict[str, dict[str, list[str]]]:
    """Tell the rows that only one of two states of the marts has, by mart; none if equal."""
    told = {}
    for mart in sorted({*found, *expected}):
        have, want = Counter(found.get(mart, [])), Counter(expected.get(mart, []))
        if have != want:
            told[mart] = {
                "found": sorted((have - want).elements()),
                "expected": sorted((want - have).elements()),
            }
    return told


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few files of two types and one that cannot be read."""
    root = tmp_path_factory.mktemp("results")
    for number in range(6):
        write_lipids(root / "lipidomics" / f"{number}.csv", seed=number, rows=20 + number)
    write_results(root / "transcriptomics" / "treated.csv")
    write_unreadable(root / "lipidomics" / "photo.csv")
    return root


@pytest.fixture(scope="module")
def refreshed(folder: Path, omics: Omics) -> dict[str, Any]:
    """The report of a first refresh of the folder."""
    finished = omics("refresh", "--dir", str(folder), "--json", codes=(exits.PARTIAL,))
    document: dict[str, Any] = json.loads(finished.stdout)
    return document


def test_a_refresh_tells_what_it_did_and_records_it(
    refreshed: dict[str, Any], marts: psycopg.Connection[Any]
) -> None:
    assert refreshed["exit_code"] == exits.PARTIAL
    assert refreshed["counts"]["datasets_loaded"] == 7
    assert refreshed["counts"]["files_quarantined"] == 1
    (run,) = marts.execute(
        "select command, status, exit_code, counts ->> 'datasets_loaded' from ops.runs "
        "where run_id = %s",
        (refreshed["run_id"],),
    ).fetchall()
    assert run == ("refresh", "partial", 2, "7")
    (results,) = marts.execute(
        "select count(*), count(*) filter (where status in ('error', 'fail')) "
        "from ops.run_results where run_id = %s",
        (refreshed["run_id"],),
    ).fetchall()
    assert results[0] > 20
    assert results[1] == 0


def test_the_query_of_the_first_document_answers(refreshed: dict[str, Any], omics: Omics) -> None:
    answer = omics("psql", "-A", "-t", "-c", "SELECT name, omics_type FROM datasets;").stdout
    assert answer.count("|lipidomics") == 6
    assert answer.count("|transcriptomics") == 1


def test_env_exports_reach_the_database_with_psql(
    refreshed: dict[str, Any], omics: Omics, module_settings: Settings
) -> None:
    if shutil.which("psql") is None:
        pytest.skip("no psql on this machine's path")
    exports = omics("env").stdout
    command = (
        f'{exports}\npsql {module_settings.database_name} -A -t -c "SELECT name FROM datasets;"'
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    shell = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=True, env=clean
    )
    assert len(shell.stdout.split()) == 7


@dataclass(frozen=True)
class Increments:
    """A second database with the same files, built in two steps: by ``omics``, by plain dbt."""

    omics: Omics
    dbt: Callable[[str], None]
    conn: psycopg.Connection[Any]


@pytest.fixture(scope="module")
def increments(
    folder: Path, module_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Increments]:
    """Loads the folder in any order, some files twice, with a build after the first few."""
    settings = module_settings.model_copy(
        update={"database": f"{module_settings.database}_increments"}
    )
    target = tmp_path_factory.mktemp("increments")
    omics = runner(settings, target)
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(settings),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target),
    }

    def dbt(verb: str) -> None:
        finished = subprocess.run(
            [sys.executable, "-m", "dbt.cli.main", verb, "--project-dir", "dbt_project"],
            cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert finished.returncode == 0, finished.stdout[-3000:]

    files = sorted(str(path) for path in folder.rglob("*.csv") if path.name != "photo.csv")
    random.Random(7).shuffle(files)  # noqa: S311 - an order, nothing secret
    with connect(settings) as conn:
        omics("load", *(word for path in files[:5] for word in ("--file", path)))
        omics("build")
        omics("load", *(word for path in files[3:] for word in ("--file", path)))
        omics("load", "--dir", str(folder), codes=(exits.PARTIAL,))
        dbt("run")
        yield Increments(omics, dbt, conn)
    with connect(module_settings) as conn:
        conn.execute(f'drop database "{settings.database}" with (force)'.encode())


def test_any_order_twice_and_by_increments_equal_one_full_build(
    refreshed: dict[str, Any], increments: Increments, marts: psycopg.Connection[Any]
) -> None:
    assert differences(content(increments.conn), content(marts)) == {}


def test_plain_dbt_tests_what_plain_dbt_ran(increments: Increments) -> None:
    increments.dbt("test")


def test_a_build_records_itself(increments: Increments) -> None:
    (run,) = increments.conn.execute(
        "select status, exit_code, finished_at is not null, (select count(*) "
        "from ops.run_results as r where r.run_id = b.run_id and r.node_type = 'model') > 20 "
        "from ops.runs as b where command = 'build' order by started_at limit 1"
    ).fetchall()
    assert run == ("done", 0, True, True)


def test_the_analyst_reads_marts_and_nothing_else(
    refreshed: dict[str, Any], marts: psycopg.Connection[Any]
) -> None:
    with marts.transaction(force_rollback=True):
        marts.execute("set local role analyst")
        (count,) = marts.execute("select count(*) from datasets").fetchall()
        assert count[0] == 7
        (values,) = marts.execute("select count(*) from measurements").fetchall()
        assert values[0] > 0
    for statement in (
        "select * from raw_lipidomics.files",
        "select * from ops.runs",
        "select * from staging.stg_lipidomics__files",
        "select * from intermediate.int_dataset_versions",
        "delete from marts.datasets",
        "update marts.datasets set name = 'x'",
        "insert into marts.datasets default values",
        "create table marts.x (a int)",
        "create table public.x (a int)",
        "create schema x",
        "select pg_read_file('postgresql.conf')",
    ):
        assert code_as_analyst(marts, statement) == INSUFFICIENT_PRIVILEGE, statement


INSUFFICIENT_PRIVILEGE = "42501"


def code_as_analyst(conn: psycopg.Connection[Any], statement: str) -> str | None:
    """Returns the error code that a statement of the analyst ends with."""
    try:
        with conn.transaction(force_rollback=True):
            conn.execute("set local role analyst")
            conn.execute(statement.encode())
    except psycopg.Error as error:
        return error.sqlstate
    return None


def test_edits_and_removals_by_increments_equal_a_full_build(
    folder: Path, increments: Increments
) -> None:
    # The last test here: it changes the folder.
    root, conn = folder / "lipidomics", increments.conn
    before = features_of_lipids(conn)
    assert before == [20, 21, 22, 23, 24, 25]
    write_lipids(root / "5.csv", rows=19, seed=5)
    (root / "0.csv").unlink()
    (root / "1.csv").rename(root / "elsewhere.csv")
    write_results(folder / "transcriptomics" / "new.csv", rows=12)
    increments.omics("refresh", "--dir", str(folder), "--prune", codes=(exits.PARTIAL,))
    assert features_of_lipids(conn) == [19, 21, 22, 23, 24]
    (results,) = conn.execute("select count(*) from marts.contrasts").fetchall()
    assert results == (2,)
    # The rows that the edit removed have left the marts; the old versions are still in raw. The
    # moved file was read again at its new place.
    (old,) = conn.execute("select count(*) from raw_lipidomics.feature_rows").fetchall()
    assert old[0] == sum(before) + 19 + 21
    by_increments = content(conn)
    increments.omics("build", "--full-refresh")
    assert differences(by_increments, content(conn)) == {}


def features_of_lipids(conn: psycopg.Connection[Any]) -> list[int]:
    """Number of features of each lipidomics dataset, sorted."""
    rows = conn.execute(
        "select n_features from marts.datasets where omics_type = 'lipidomics' order by 1"
    ).fetchall()
    return [count for (count,) in rows]
