"""Increments, a full refresh and any order of loading give the same marts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.dbt.landing import Matrix, Results, create_landing, land, land_many, set_state
from warehouse import connection
from warehouse.builds import begin_build
from warehouse.settings import Settings

EDITED_1 = Matrix(rows=[("PC 34:1", ["1", "2"]), ("only in the old version", ["3", "4"])])
EDITED_2 = Matrix(rows=[("PC 34:1", ["1", "2.5"]), ("PE 36:2", ["5", None])])
EMPTIED = Matrix(rows=[("was here", ["1", "2"])])
GENES = Results({"a vs b": [{"reported_name": "TP53", "log2_fold_change": "1", "p_value": "0.5"}]})
FLIPPED = Results({"a vs b": [{"reported_name": "EGFR", "log2_fold_change": "-1"}]})
PLAIN = Matrix(rows=[("glucose", ["1", "2", "3"])], rejects=[(3, "S1", "?")])

#: Columns that tell when and by which load something came: the order of loading may show there.
LOAD_COLUMNS = {
    "load_id", "run_id", "first_loaded_at", "updated_at", "loaded_at", "finished_at", "n_datasets",
    "source_file_version_id", "build_key",
}  # fmt: skip

KILLED_RUN = "00000000-0000-0000-0000-00000000dead"

#: One row per version or load, which differ when loads happened differently.
HISTORY = {"source_files", "loads"}


def _marts(settings: Settings, *, leave_out: set[str] | None = None) -> dict[str, list[str]]:
    """Every row of every mart as sorted text, without the columns that are left out."""
    found = {}
    with connection.connect(settings) as conn:
        for (table,) in conn.execute(
            "select table_name from information_schema.tables where table_schema = 'marts'"
        ).fetchall():
            columns = [
                name
                for (name,) in conn.execute(
                    "select column_name from information_schema.columns "
                    "where table_schema = 'marts' and table_name = %s order by column_name",
                    [table],
                )
                if name not in (leave_out or ())
            ]
            found[table] = [
                text
                for (text,) in conn.execute(
                    f"select row({', '.join(columns)})::text from marts.{table} order by 1"
                )
            ]
    return found


def _built(settings: Settings, dbt: Callable[..., Any], *arguments: str) -> dict[str, list[str]]:
    dbt(settings, *arguments)
    return _marts(settings)


def _unfinished(conn: psycopg.Connection[Any]) -> list[str]:
    return [str(row) for row in conn.execute("select * from ops.unfinished").fetchall()]


@pytest.fixture(scope="module")
def increments(
    module_settings: Settings, marts: psycopg.Connection[Any], dbt: Callable[..., Any]
) -> dict[str, dict[str, list[str]]]:
    """The marts after each of four builds."""
    create_landing(marts)
    after = {}
    land(marts, "lipidomics", "/d/edited.csv", EDITED_1, minute=1)
    land(marts, "metabolomics", "/d/emptied.csv", EMPTIED, minute=2)
    land(marts, "metabolomics", "/d/removed.csv", PLAIN, minute=3)
    land(marts, "transcriptomics", "/d/genes.csv", GENES, minute=4)
    land(marts, "proteomics", "/d/flipped.csv", PLAIN, minute=5)
    after["first"] = _built(module_settings, dbt, "run")

    land(marts, "lipidomics", "/d/edited.csv", EDITED_2, minute=11)
    land(marts, "metabolomics", "/d/emptied.csv", Matrix(), minute=12)
    land(marts, "proteomics", "/d/flipped.csv", FLIPPED, minute=13)
    land(marts, "lipidomics", "/d/late.csv", PLAIN, minute=14, finished=False)
    set_state(marts, "/d/removed.csv", "removed", minute=15)
    set_state(marts, "/d/genes.csv", "source_missing", minute=15)
    after["second"] = _built(module_settings, dbt, "build", "--exclude-resource-type", "unit_test")

    # Some models only, and a build that is killed after `datasets`: neither makes the documents.
    land(marts, "metabolomics", "/d/partial.csv", PLAIN, minute=17)
    after["partial"] = _built(module_settings, dbt, "run", "--exclude", "documents")
    land(marts, "metabolomics", "/d/killed.csv", PLAIN, minute=18)
    begin_build(marts, KILLED_RUN, complete=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OMICS_BUILD", KILLED_RUN)
        after["killed"] = _built(module_settings, dbt, "run", "--exclude", "documents")
    after["unfinished"] = {"ops.unfinished": _unfinished(marts)}

    land(marts, "lipidomics", "/d/edited.csv", EDITED_2, minute=21)
    land(marts, "proteomics", "/d/new.csv", PLAIN, minute=22)
    land(marts, "metabolomics", "/d/removed.csv", PLAIN, minute=23)
    after["third"] = _built(module_settings, dbt, "run")
    after["full"] = _built(module_settings, dbt, "run", "--full-refresh")
    return after


def _names(found: dict[str, list[str]], mart: str) -> str:
    return "\n".join(found[mart])


def test_an_edited_file_replaces_its_dataset(increments: dict[str, Any]) -> None:
    assert "only in the old version" in _names(increments["first"], "dataset_features")
    for mart in ("dataset_features", "features", "feature_names"):
        assert "only in the old version" not in _names(increments["second"], mart)
        assert "PE 36:2" in _names(increments["second"], mart) or mart == "features"


def test_a_dataset_without_rows_loses_its_old_rows(increments: dict[str, Any]) -> None:
    assert "was here" not in _names(increments["second"], "dataset_features")
    assert "was here" not in _names(increments["second"], "features")
    assert "emptied" in _names(increments["second"], "datasets")


def test_a_dataset_may_change_its_shape(increments: dict[str, Any]) -> None:
    assert "EGFR" in _names(increments["second"], "differential_results")
    assert "glucose" not in _names(increments["second"], "dataset_features")


def test_a_removed_dataset_leaves_and_may_return(increments: dict[str, Any]) -> None:
    assert "/d/removed.csv" not in _names(increments["second"], "datasets")
    assert not increments["second"]["rejected_rows"]
    assert "/d/removed.csv" in _names(increments["third"], "datasets")


def test_a_missing_source_keeps_its_dataset(increments: dict[str, Any]) -> None:
    assert "source_missing" in _names(increments["second"], "datasets")
    assert "TP53" in _names(increments["second"], "differential_results")


def test_an_unfinished_load_stays_invisible(increments: dict[str, Any]) -> None:
    assert "late" not in _names(increments["second"], "datasets")


@pytest.mark.parametrize("name", ["partial", "killed"])
def test_marts_that_a_build_did_not_come_to_follow(increments: dict[str, Any], name: str) -> None:
    """Also those that are made from `datasets`, which says what is built."""
    assert f"/d/{name}.csv" in _names(increments[name], "datasets")
    assert f"{name} is a metabolomics dataset" not in _names(increments["killed"], "documents")
    assert f"{name} is a metabolomics dataset" in _names(increments["third"], "documents")


def test_only_what_was_called_built_is_left_to_finish(
    increments: dict[str, Any], marts: psycopg.Connection[Any]
) -> None:
    assert len(increments["unfinished"]["ops.unfinished"]) == 2
    assert _unfinished(marts) == []


def test_a_full_refresh_changes_nothing(increments: dict[str, Any]) -> None:
    for mart, rows in increments["third"].items():
        assert increments["full"][mart] == rows, mart


def test_order_and_number_of_loads_do_not_matter(
    increments: dict[str, Any],
    module_settings: Settings,
    settings: Settings,
    dbt: Callable[..., Any],
) -> None:
    with connection.connect(settings) as conn:
        create_landing(conn)
        land(conn, "proteomics", "/d/flipped.csv", FLIPPED, minute=1)
        land(conn, "metabolomics", "/d/removed.csv", PLAIN, minute=2)
        land(conn, "proteomics", "/d/new.csv", PLAIN, minute=3)
        land(conn, "transcriptomics", "/d/genes.csv", GENES, minute=4)
        land(conn, "lipidomics", "/d/edited.csv", EDITED_2, minute=5)
        land(conn, "metabolomics", "/d/emptied.csv", Matrix(), minute=6)
        set_state(conn, "/d/genes.csv", "source_missing", minute=7)
        land(conn, "metabolomics", "/d/partial.csv", PLAIN, minute=8)
        land(conn, "metabolomics", "/d/killed.csv", PLAIN, minute=9)
    dbt(settings, "run")
    once = _marts(settings, leave_out=LOAD_COLUMNS)
    many = _marts(module_settings, leave_out=LOAD_COLUMNS)
    for mart in set(many) - HISTORY:
        assert once[mart] == many[mart], mart


def test_one_new_file_is_read_through_the_index(
    increments: dict[str, Any], marts: psycopg.Connection[Any]
) -> None:
    land_many(marts, datasets=300, rows=40, assays=3)
    marts.execute("analyze")
    plan = "\n".join(
        line
        for (line,) in marts.execute(
            "explain select r.row_number from intermediate.int_feature_rows_unioned r "
            "where r.file_id = any(array(select file_id from raw_lipidomics.files limit 1))"
        )
    )
    assert "Index Scan" in plan
    assert "feature_rows_file_id" in plan
    assert "Seq Scan on feature_rows" not in plan.split("SubPlan")[0] or "rows=1 " in plan
