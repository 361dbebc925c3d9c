"""Sheets in dbt: what they link, which sample an assay measured, and which rows are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.dbt.landing import Matrix, create_landing, land, land_sheet
from tests.dbt.signature_landing import land_signatures
from tests.dbt.test_increments import LOAD_COLUMNS, _marts
from warehouse import connection
from warehouse.lineage.explain import explain
from warehouse.settings import Settings

ASSAYS = ("X1.a", "s 2", "Blank_1", "twin", "nobody")
MATRIX = Matrix(rows=[("PC 34:1", ["1", "2", "3", "4", "5"])], assays=ASSAYS)
LABELLED = Matrix(rows=[("glucose", ["1", "2"])], assays=("A", "B"))
OTHER = Matrix(rows=[("TP53", ["1", "2"])], assays=("run1", "run2"))

PROGRAMS = [("program", {"code": "P1", "name": "Statins", "disease": ["NASH"]})]
EXPERIMENTS = [
    ("experiment", {"code": "E1", "name": "Livers", "program": ["statins"], "organism": ["mouse"],
                    "signatures": ["statin  RESPONSE", "never seen", "twice"]}),
    ("experiment", {"code": "E2", "name": "Cells", "program": ["P1", "unheard of"],
                    "signatures": ["sr-2"]}),
]  # fmt: skip
SIGNATURES = {"Statin response": [("TP53", 1, 1)], "Second": [("TP53", 1, 1)],
              "Twice": [("TP53", 1, 1)], "Other": [("TP53", 1, 1)]}  # fmt: skip
SAID = {"Statin response": {"experiment": "cells; nobody's"}, "Second": {"short_id": "SR-2"},
        "Other": {"short_id": "twice"}}  # fmt: skip
DATASETS = [
    ("dataset", {"files": ["../lipids/a.csv"], "name": "Liver lipids", "experiment": ["livers"],
                 "value_scale": "linear", "unit": "pmol"}),
    ("dataset", {"files": ["*/b.csv"], "experiment": ["E2"]}),
    ("dataset", {"files": ["a.csv"], "name": "said twice"}),
    ("dataset", {"files": ["gone.csv"], "name": "not loaded"}),
    ("dataset", {"files": ["../proteins/c.csv"], "experiment": ["E9"]}),
]  # fmt: skip
SAMPLES = [
    ("sample", {"name": "1-A", "experiment": "E1", "study_variable": "case", "sex": "f"}),
    ("sample", {"name": "S.2", "experiment": "E1", "study_variable": "control", "batch": "b1"}),
    ("sample", {"name": "blank 1", "experiment": "E1", "sample_type": "blank"}),
    ("sample", {"name": "Twin.", "experiment": "E1"}),
    ("sample", {"name": "TWIN", "experiment": "E1"}),
    ("sample", {"name": "unused", "experiment": "E1"}),
    ("assay", {"name": "P", "experiment": "E2", "names": ["run1.raw"], "run_order": "1"}),
    ("assay", {"name": "P", "experiment": "E2", "names": ["run2.raw"], "run_order": "2"}),
]
EDITED = [*SAMPLES[:1], ("sample", {**SAMPLES[1][1], "study_variable": "vehicle"}), *SAMPLES[2:]]


def _land_all(conn: psycopg.Connection[Any], order: list[int], samples: list[Any]) -> None:
    create_landing(conn)
    steps: list[Callable[[int], Any]] = [
        lambda m: land(conn, "lipidomics", "/data/lipids/a.csv", MATRIX, minute=m),
        lambda m: land(conn, "metabolomics", "/data/labelled/l.csv", LABELLED, minute=m),
        lambda m: land(conn, "proteomics", "/data/proteins/b.csv", OTHER, minute=m),
        lambda m: land_sheet(conn, "/data/programs/programs.csv", PROGRAMS, minute=m),
        lambda m: land_sheet(conn, "/data/programs/experiments.csv", EXPERIMENTS, minute=m),
        lambda m: land_sheet(conn, "/data/programs/datasets.csv", DATASETS, minute=m),
        lambda m: land_sheet(conn, "/data/programs/samples.csv", samples, minute=m),
    ]
    for minute, step in enumerate(order, start=1):
        steps[step](minute)
    land_signatures(conn, "/data/signatures/s.csv", SIGNATURES, minute=12, fields=SAID)
    conn.execute(
        "update raw_metabolomics.assays set attributes = case name when 'A' then "
        """'{"Label": "case", "Tissue": "liver", "Species": "rat"}' """
        """else '{"Label": "control"}' end"""
    )


@pytest.fixture(scope="module")
def built(
    module_settings: Settings, marts: psycopg.Connection[Any], dbt: Callable[..., Any]
) -> psycopg.Connection[Any]:
    """The marts of one study, its sheets loaded after its results."""
    _land_all(marts, [0, 1, 2, 3, 4, 5, 6], SAMPLES)
    dbt(module_settings, "build", "--exclude-resource-type", "unit_test")
    return marts


def _rows(conn: psycopg.Connection[Any], query: str) -> list[tuple[Any, ...]]:
    return conn.execute(query).fetchall()


def test_programs_experiments_and_datasets_are_linked(built: psycopg.Connection[Any]) -> None:
    assert _rows(
        built,
        "select p.name, e.name, d.name from marts.datasets as d "
        "join marts.experiment_datasets using (dataset_id) "
        "join marts.experiments as e using (experiment_id) "
        "join marts.program_datasets using (dataset_id) "
        "join marts.programs as p using (program_id) order by 3",
    ) == [("Statins", "Livers", "Liver lipids"), ("Statins", "Cells", "b")]


def test_experiments_and_signatures_name_each_other(built: psycopg.Connection[Any]) -> None:
    assert _rows(
        built,
        "select e.name, s.name from marts.experiment_signatures "
        "join marts.experiments as e using (experiment_id) "
        "join marts.signatures as s using (signature_id) order by 1, 2",
    ) == [("Cells", "Second"), ("Cells", "Statin response"), ("Livers", "Statin response")]
    for experiment, signature in built.execute("select * from marts.experiment_signatures"):
        key = {"experiment_id": experiment, "signature_id": signature}
        paths = {
            origin.file["path"] for origin in explain(built, "experiment_signatures", key).origins
        }
        assert paths == {"/data/signatures/s.csv", "/data/programs/experiments.csv"}


def test_a_sheet_describes_its_dataset(built: psycopg.Connection[Any]) -> None:
    assert _rows(
        built,
        "select name, unit, value_scale, organism, scale_evidence ->> 'by' from marts.datasets "
        "where name = 'Liver lipids'",
    ) == [("Liver lipids", "pmol", "linear", ["mouse"], "sheet")]


def test_names_are_matched_one_to_one_and_never_guessed(built: psycopg.Connection[Any]) -> None:
    assert _rows(
        built,
        "select a.name, s.name, a.study_variable, a.batch, s.sample_type "
        "from marts.assays as a join marts.datasets as d using (dataset_id) "
        "left join marts.samples as s using (sample_id) "
        "where d.name = 'Liver lipids' order by a.position",
    ) == [
        ("X1.a", "1-A", "case", None, "study"),
        ("s 2", "S.2", "control", "b1", "study"),
        ("Blank_1", "blank 1", None, None, "blank"),
        ("twin", None, None, None, None),
        ("nobody", None, None, None, None),
    ]


def test_runs_of_one_sample_are_told_apart(built: psycopg.Connection[Any]) -> None:
    assert _rows(
        built,
        "select a.name, s.name, a.run_order from marts.assays as a join marts.samples as s "
        "using (sample_id) where a.name like 'run%' order by 1",
    ) == [("run1", "P", 1), ("run2", "P", 2)]


def test_labels_of_a_file_make_samples(built: psycopg.Connection[Any]) -> None:
    assert _rows(
        built,
        "select s.name, a.study_variable, s.organism_part from marts.assays as a "
        "join marts.samples as s using (sample_id) where s.dataset_id is not null order by 1",
    ) == [("A", "case", "liver"), ("B", "control", None)]


def test_a_file_may_name_the_organism_of_its_dataset(built: psycopg.Connection[Any]) -> None:
    assert _rows(
        built, "select organism, sample_type from marts.datasets where omics_type = 'metabolomics'"
    ) == [(["rat"], ["liver"])]


def test_what_did_not_match_is_reported(built: psycopg.Connection[Any]) -> None:
    assert _rows(
        built,
        "select check_name, status, value from marts.dataset_quality "
        "join marts.datasets as d using (dataset_id) where d.name = 'Liver lipids' "
        "and check_name in ('assays_without_sample', 'ambiguous_assay_names', "
        "'samples_without_assay', 'sample_name_collisions') order by 1",
    ) == [
        ("ambiguous_assay_names", "fail", 1),
        ("assays_without_sample", "fail", 2),
        ("sample_name_collisions", "fail", 2),
        ("samples_without_assay", "warn", 3),
    ]


def test_faults_of_sheets_are_rejects_with_their_line(built: psycopg.Connection[Any]) -> None:
    assert _rows(
        built,
        "select regexp_replace(f.path, '.*/', ''), r.row_number, r.reason_code, r.raw_text "
        "from marts.rejected_rows as r join marts.source_files as f using (source_file_id) "
        "where r.source_name = 'programs' order by 1, 2, 3",
    ) == [
        ("datasets.csv", 4, "two_rows_for_one_file", "a.csv"),
        ("datasets.csv", 5, "no_such_file", "gone.csv"),
        ("datasets.csv", 6, "no_such_file", "../proteins/c.csv"),
        ("datasets.csv", 6, "unknown_experiment", "E9"),
        ("experiments.csv", 2, "ambiguous_signature", "twice"),
        ("experiments.csv", 2, "unknown_signature", "never seen"),
        ("experiments.csv", 3, "unknown_program", "unheard of"),
    ]


def test_an_edit_rebuilds_what_it_concerns_and_equals_a_full_refresh(
    built: psycopg.Connection[Any],
    module_settings: Settings,
    settings: Settings,
    dbt: Callable[..., Any],
) -> None:
    before = dict(_rows(built, "select name, build_key from marts.datasets"))
    land_sheet(built, "/data/programs/samples.csv", EDITED, minute=20)
    dbt(module_settings, "run")
    after = dict(_rows(built, "select name, build_key from marts.datasets"))
    # The samples of E1 changed; so did the sheet, but nothing of what it says of E2.
    assert {name for name in after if after[name] != before[name]} == {"Liver lipids"}
    assert _rows(built, "select study_variable from marts.assays where name = 's 2'") == [
        ("vehicle",)
    ]
    increments = _marts(module_settings)
    dbt(module_settings, "run", "--full-refresh")
    assert _marts(module_settings) == increments
    with connection.connect(settings) as conn:
        _land_all(conn, [6, 5, 4, 3, 2, 1, 0], EDITED)
    dbt(settings, "run")
    left_out = LOAD_COLUMNS | {"source_file_id"}
    first, other = (_marts(each, leave_out=left_out) for each in (module_settings, settings))
    for mart in set(first) - {"source_files", "loads"}:
        assert first[mart] == other[mart], mart
