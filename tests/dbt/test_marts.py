"""What stands in the marts after one build, compared with what was landed."""

from __future__ import annotations

import math
import statistics
import subprocess
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.dbt.landing import Matrix, Results, create_landing, land
from warehouse import connection
from warehouse.settings import Settings

LIPIDS = Matrix(
    rows=[
        ("PC 34:1", ["1.5", "2.5", None, "4.25"]),
        (" PC 34:1", ["1", "1", "1", "1"]),
        ("TG 52:2", ["0", "1e3", "1e-400", "-0.5"]),
        ("CE 18:1", [None, None, None, None]),
        ("SM 36:1", ["Infinity", "7", "1e400", "9"]),
        ("CON__keratin", ["5", "5", "5", "5"]),
        ("REV__x", ["5", "5", "5", "5"]),
    ],
    flags={"CON__keratin": "is_contaminant", "REV__x": "is_decoy"},
    annotations={"PC 34:1": {"m/z": "760.58"}},
    rejects=[(9, "S2", "n.n.")],
)
ZEROS = Matrix(rows=[("P1", ["0", "3"]), ("P2", ["0", "0"])], files={"zero_is_missing": True})
#: One dataset's names are accessions, another has them in a column: two ways to read a name.
ACCESSIONS = Matrix(rows=[(name, ["1", "2"]) for name in ("P04637", "P68871", "P38398")])
SPOTS = Matrix(
    rows=[(name, ["1", "2"]) for name in ("P04637", "spot 2", "spot 3")],
    annotations={
        "P04637": {"Accession": "P38398"},
        "spot 2": {"Accession": "P68871"},
        "spot 3": {"Accession": "P04637"},
    },
)
GENES = Results(
    {
        "drug vs control": [
            {"reported_name": "TP53", "log2_fold_change": "1.5", "p_value": "1e-400"},
            {"reported_name": "1-Mar", "log2_fold_change": "Infinity", "result_flag": "one side"},
        ],
        "old vs young": [{"reported_name": "TP53", "fold_change": "0.5", "p_value": None}],
    },
    contrast={"adjust_method": "BH", "statistic_type": "Wald"},
)


@pytest.fixture(scope="module", autouse=True)
def built(
    module_settings: Settings,
    marts: psycopg.Connection[Any],
    dbt: Callable[..., Any],
) -> None:
    """One build of a few landings, an unfinished load among them."""
    create_landing(marts)
    land(marts, "lipidomics", "/data/lipids.v2.csv.gz", LIPIDS, minute=1)
    land(marts, "proteomics", "/data/p.xlsx", ZEROS, minute=2)
    land(marts, "transcriptomics", "/data/genes.tsv", GENES, minute=3)
    land(marts, "metabolomics", "/data/half.csv", LIPIDS, minute=4, finished=False)
    land(marts, "metabolomics", "/data/none.csv", Matrix(), minute=5)
    land(marts, "proteomics", "/data/accessions.csv", ACCESSIONS, minute=6)
    land(marts, "proteomics", "/data/spots.csv", SPOTS, minute=7)
    marts.execute(
        "insert into ops.quarantine (quarantine_id, source_path, reason_code, seen) "
        "values ('abc', '/data/broken.csv', 'undecided_roles', 'two columns')"
    )
    dbt(module_settings, "run")


def _rows(marts: psycopg.Connection[Any], query: str) -> list[tuple[Any, ...]]:
    return marts.execute(query).fetchall()


def test_names_that_are_accessions_and_accessions_beside_names_do_not_meet(
    marts: psycopg.Connection[Any],
) -> None:
    # Their contexts were one, so that each name was in the ledger twice and no fact was built.
    assert _rows(
        marts,
        "select d.name, count(*), count(distinct f.feature_name_id), min(n.context) "
        "from marts.datasets as d inner join marts.dataset_features as f using (dataset_id) "
        "inner join marts.feature_names as n using (feature_name_id) "
        "where d.name in ('accessions', 'spots') group by d.name order by d.name",
    ) == [
        ("accessions", 3, 3, "uniprot"),
        ("spots", 3, 3, "by uniprot|P04637"),
    ]


def test_datasets_are_named_and_counted(marts: psycopg.Connection[Any]) -> None:
    assert _rows(
        marts,
        "select name, omics_type, data_shape, n_features, n_assays, n_values, n_contaminants, "
        "n_contrasts from marts.datasets order by name",
    ) == [
        ("accessions", "proteomics", "matrix", 3, 2, 6, 0, 0),
        ("genes", "transcriptomics", "result_table", 2, 0, 0, 0, 2),
        ("lipids.v2", "lipidomics", "matrix", 7, 4, 23, 1, 0),
        ("none", "metabolomics", "matrix", 0, 0, 0, 0, 0),
        ("p", "proteomics", "matrix", 2, 2, 1, 0, 0),
        ("spots", "proteomics", "matrix", 3, 2, 6, 0, 0),
    ]


def test_an_unfinished_load_is_invisible(marts: psycopg.Connection[Any]) -> None:
    for table in ("datasets", "source_files", "loads", "dataset_features"):
        text = _rows(marts, f"select coalesce(string_agg(t::text, ''), '') from marts.{table} t")
        assert "half" not in text[0][0]
    assert _rows(marts, "select count(*) from marts.loads") == [(6,)]


def test_statistics_equal_those_of_python(marts: psycopg.Connection[Any]) -> None:
    found = _rows(
        marts, "select abundances, n_observed, mean, median, sd from marts.dataset_features"
    )
    assert len(found) == 15
    for abundances, n_observed, mean, median, sd in found:
        values = [v for v in abundances if v is not None and math.isfinite(v)]
        assert n_observed == len(values)
        assert mean == (pytest.approx(statistics.fmean(values)) if values else None)
        assert median == (pytest.approx(statistics.median(values)) if values else None)
        expected = pytest.approx(statistics.stdev(values)) if len(values) > 1 else None
        assert sd == expected


def test_numbers_out_of_range_do_not_stop_the_build(marts: psycopg.Connection[Any]) -> None:
    query = "select abundances from marts.dataset_features where reported_name = '{}'"
    assert _rows(marts, query.format("TG 52:2")) == [([0.0, 1000.0, 0.0, -0.5],)]
    assert _rows(marts, query.format("SM 36:1")) == [([math.inf, 7.0, math.inf, 9.0],)]


def test_zeros_are_gaps_where_the_file_says_so(marts: psycopg.Connection[Any]) -> None:
    query = (
        "select f.abundances from marts.dataset_features f join marts.datasets d "
        "using (dataset_id) where d.name = 'p' order by row_number"
    )
    assert _rows(marts, query) == [([None, 3.0],), ([None, None],)]


def test_spellings_that_differ_in_blanks_are_one_feature(marts: psycopg.Connection[Any]) -> None:
    query = (
        "select count(*), count(distinct feature_id) from marts.feature_names "
        "where btrim(reported_name) = 'PC 34:1'"
    )
    assert _rows(marts, query) == [(2, 1)]
    assert _rows(
        marts,
        "select feature_type, name from marts.features where name in ('PC 34:1', 'TP53') "
        "order by 2",
    ) == [("lipid", "PC 34:1"), ("gene", "TP53")]


def test_measurements_are_the_arrays_unfolded(marts: psycopg.Connection[Any]) -> None:
    expected = {
        (dataset, row, position): value
        for dataset, row, abundances in _rows(
            marts,
            "select dataset_id, row_number, abundances from marts.dataset_features "
            "where not is_contaminant and not is_decoy",
        )
        for position, value in enumerate(abundances, start=1)
    }
    found = {
        (dataset, row, position): value
        for dataset, row, position, value in _rows(
            marts,
            "select m.dataset_id, m.row_number, a.position, m.abundance from marts.measurements m "
            "join marts.assays a using (dataset_id, assay_id)",
        )
    }
    assert found == expected
    assert _rows(marts, "select count(*) from marts.measurements") == [(len(expected),)]


def test_assays_are_summarised(marts: psycopg.Connection[Any]) -> None:
    assert _rows(
        marts,
        "select a.position, a.name, a.n_observed, a.median_abundance, a.n_zeros, a.n_negatives "
        "from marts.assays a join marts.datasets d using (dataset_id) "
        "where d.name = 'lipids.v2' order by position",
    ) == [
        (1, "S1", 5, 1.5, 1, 0),
        (2, "S2", 6, 5.0, 0, 0),
        (3, "S3", 4, 3.0, 1, 0),
        (4, "S4", 6, 4.625, 0, 1),
    ]


def test_results_keep_their_contrast_and_flags(marts: psycopg.Connection[Any]) -> None:
    assert _rows(
        marts,
        "select c.name, r.row_number, r.log2_fold_change, r.p_value, r.result_flag "
        "from marts.differential_results r join marts.contrasts c using (dataset_id, contrast_id) "
        "order by c.position, r.row_number",
    ) == [
        ("drug vs control", 2, 1.5, 0.0, None),
        ("drug vs control", 3, None, None, "one side; infinite_fold_change"),
        ("old vs young", 2, -1.0, None, None),
    ]


def test_quality_says_what_is_wrong(marts: psycopg.Connection[Any]) -> None:
    found = {
        (name, check): status
        for name, check, status in _rows(
            marts,
            "select d.name, q.check_name, q.status from marts.dataset_quality q "
            "join marts.datasets d using (dataset_id)",
        )
    }
    assert len(found) == 6 * 32
    assert found["lipids.v2", "negative_on_linear_scale"] == "fail"
    assert found["lipids.v2", "rejected_rows"] == "fail"
    assert found["lipids.v2", "duplicate_features"] == "warn"
    assert found["lipids.v2", "p_values_zero"] == "not_applicable"
    assert found["genes", "excel_mangled_names"] == "fail"
    assert found["genes", "p_values_zero"] == "warn"
    assert found["p", "missing_in_worst_assay"] == "warn"
    statuses = dict(_rows(marts, "select name, quality_status from marts.datasets"))
    assert statuses == {
        "lipids.v2": "fail",
        "genes": "fail",
        "p": "warn",
        "none": "not_applicable",
        "accessions": "pass",
        "spots": "pass",
    }


def test_every_row_resolves_to_a_file(marts: psycopg.Connection[Any]) -> None:
    for table in ("dataset_features", "assays", "differential_results", "contrasts", "datasets"):
        assert _rows(
            marts,
            f"select count(*) from marts.{table} t where not exists (select 1 from "
            "marts.source_files f where f.source_file_id = t.source_file_id "
            "and path like '/data%')",
        ) == [(0,)]
    assert _rows(
        marts,
        "select path, status, reason from marts.source_files where status <> 'loaded'",
    ) == [("/data/broken.csv", "quarantined", "undecided_roles; seen: two columns")]
    assert _rows(marts, "select row_number, column_name, raw_text from marts.rejected_rows") == [
        (9, "S2", "n.n.")
    ]


def test_the_analyst_reads_marts_and_nothing_else(
    marts: psycopg.Connection[Any], module_settings: Settings
) -> None:
    tables = [
        (schema, name)
        for schema, name in _rows(
            marts,
            "select schemaname, tablename from pg_tables where schemaname !~ '^pg_' "
            "and schemaname <> 'information_schema' union all select schemaname, viewname "
            "from pg_views where schemaname !~ '^pg_' and schemaname <> 'information_schema'",
        )
    ]
    assert {schema for schema, _ in tables} >= {"marts", "staging", "intermediate", "ops"}
    with connection.connect(module_settings) as analyst:
        analyst.execute("set role analyst")
        for schema, name in tables:
            if schema == "marts":
                analyst.execute(f'select * from "{schema}"."{name}" limit 1')
            else:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    analyst.execute(f'select * from "{schema}"."{name}" limit 1')
        for statement in (
            "delete from marts.datasets",
            "update marts.datasets set name = 'x'",
            "insert into marts.features default values",
            "truncate marts.assays",
            "drop table marts.assays",
            "create table marts.mine (a int)",
            "create table public.mine (a int)",
            "create temporary table mine (a int)",
            "create schema mine",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                analyst.execute(statement)


def test_a_table_made_later_can_be_read_too(
    marts: psycopg.Connection[Any], module_settings: Settings
) -> None:
    marts.execute("create table marts.made_later as select 1 as a")
    try:
        with connection.connect(module_settings) as analyst:
            analyst.execute("set role analyst")
            assert analyst.execute("select a from marts.made_later").fetchone() == (1,)
    finally:
        marts.execute("drop table marts.made_later")


def test_all_data_and_unit_tests_pass(
    module_settings: Settings, dbt: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    dbt(module_settings, "test")
