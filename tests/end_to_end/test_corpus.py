"""Public files of the field's tools: each is in the marts with the counted numbers, or refused.

The manifest beside the files holds counts made independently of this project. No file is known by
its name here: a row that counts quantities must be in the marts with all of them, unless it says
itself that its owner must choose what is read.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.end_to_end.conftest import Omics
from tests.end_to_end.lineage import keys_of, lost_facts, unresolved
from warehouse.lineage.routes import routes


@pytest.fixture(scope="module")
def truth(corpus: Path) -> list[dict[str, str]]:
    """Manifest rows of matrices and result tables."""
    with (corpus / "manifest.csv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    folders = ("lipidomics", "metabolomics", "proteomics", "transcriptomics")
    return [row for row in rows if row["relpath"].split("/")[0] in folders]


@pytest.fixture(scope="module")
def loaded(corpus: Path, omics: Omics, marts: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """The corpus, loaded and built once."""
    omics("load", "--dir", str(corpus), codes=(0, 2))
    omics("build", codes=(0, 2))
    return marts


def test_every_file_has_the_counted_numbers_or_a_true_refusal(
    loaded: psycopg.Connection[Any], truth: list[dict[str, str]], corpus: Path
) -> None:
    lines, wrong = [], []
    for row in truth:
        datasets = find_datasets(loaded, corpus, row)
        if not datasets:
            reason = refusal(loaded, corpus, row)
            lines.append(f"{row['id']:4} refused  {reason}")
            if not reason:
                wrong.append(f"{row['id']}: neither loaded nor refused")
            elif not may_be_refused(row):
                wrong.append(f"{row['id']}: refused: {reason}")
            continue
        problems = [problems_of(loaded, dataset, row) for dataset in datasets]
        best = min(problems, key=len)
        lines.append(f"{row['id']:4} {'WRONG ' + '; '.join(best) if best else 'equal'}")
        wrong += [f"{row['id']}: {problem}" for problem in best]
    print("\n".join(lines))  # noqa: T201 - the table is what one reads when this fails
    assert wrong == []


def test_rows_read_are_landed_rejected_or_skipped_in_every_file(
    loaded: psycopg.Connection[Any],
) -> None:
    unequal = loaded.execute(
        """
        select path, rows_read, rows_landed, rows_rejected, rows_skipped
        from marts.source_files
        where status <> 'quarantined' and rows_read <> rows_landed + rows_rejected + coalesce(
            (select sum(value::bigint) from jsonb_each_text(rows_skipped)), 0
        )
        """
    ).fetchall()
    assert unequal == []


def test_other_sources_are_loaded_or_refused_with_a_reason(
    loaded: psycopg.Connection[Any], corpus: Path
) -> None:
    rows = loaded.execute(
        "select path, status, reason from marts.source_files where path like any(%s)",
        ([f"{corpus}/{name}/%" for name in ("signatures", "features", "programs")],),
    ).fetchall()
    assert rows
    assert {status for _, status, _ in rows} <= {"quarantined", "loaded"}
    assert all(reason for _, status, reason in rows if status == "quarantined")


def test_references_are_landed_row_by_row(loaded: psycopg.Connection[Any], corpus: Path) -> None:
    with (corpus / "manifest.csv").open(newline="", encoding="utf-8") as handle:
        wanted = {
            f"{corpus}/{row['relpath']}": int(row["n_rows"])
            for row in csv.DictReader(handle)
            if row["relpath"].startswith("features/")
        }
    rows = loaded.execute(
        "select path, rows_read from marts.source_files "
        "where source_name = 'features' and status = 'loaded'"
    ).fetchall()
    assert dict(rows) == wanted
    landed = loaded.execute(
        """
        select r.reference, r.n_entities, count(*), count(distinct e.canonical_id)
        from intermediate.int_reference_releases as r
        inner join staging.stg_features__entities as e using (file_id, load_id)
        group by r.reference, r.n_entities
        """
    ).fetchall()
    assert len(landed) == len(wanted)
    assert all(said == count == different for _, said, count, different in landed)


def test_mapping_adds_and_loses_no_row(loaded: psycopg.Connection[Any]) -> None:
    unequal = loaded.execute(
        """
        with landed as (
            select file_id, load_id, count(*) as n
            from (
                select file_id, load_id from intermediate.int_feature_rows_unioned
                union all
                select file_id, load_id from intermediate.int_result_rows_unioned
            ) as landed_rows
            group by file_id, load_id
        ),
        built as (
            select dataset_id, count(*) as n
            from (
                select dataset_id from marts.dataset_features
                union all
                select dataset_id from marts.differential_results
            ) as facts
            group by dataset_id
        )
        select datasets.name, landed.n, built.n
        from marts.datasets as datasets
        left join landed
            on datasets.source_file_id = landed.file_id and datasets.load_id = landed.load_id
        left join built on datasets.dataset_id = built.dataset_id
        where landed.n is distinct from built.n
        """
    ).fetchall()
    assert unequal == []


def test_every_name_has_one_decision_and_every_decision_a_feature(
    loaded: psycopg.Connection[Any],
) -> None:
    assert loaded.execute(
        "select count(*) - count(distinct (feature_type, reported_name, context)),"
        " count(*) filter (where feature_id is null) from marts.feature_names"
    ).fetchone() == (0, 0)
    lost = loaded.execute(
        "select count(*) from (select feature_id, feature_name_id from marts.dataset_features"
        " union select feature_id, feature_name_id from marts.differential_results) as facts"
        " left join marts.features using (feature_id)"
        " left join marts.feature_names using (feature_name_id)"
        " where facts.feature_id is not null and (features.feature_id is null"
        " or feature_names.feature_name_id is null)"
    ).fetchone()
    assert lost == (0,)


def test_every_fact_has_its_file_its_load_and_its_landed_row(
    loaded: psycopg.Connection[Any],
) -> None:
    assert lost_facts(loaded) == {}


@pytest.mark.parametrize("mart", sorted(routes()))
def test_rows_of_every_dataset_and_mart_lead_to_a_file(
    loaded: psycopg.Connection[Any], mart: str
) -> None:
    # One row of each dataset; where rows are of no dataset, three hundred spread over all. A walk
    # over every hundredth of 230,000 features took six minutes and said the same.
    one_per = "dataset_id" if "dataset_id" in routes()[mart].key else None
    (count,) = loaded.execute(f"select count(*) from marts.{mart}").fetchone() or (0,)
    keys = keys_of(loaded, mart, one_per=one_per, every=1 if one_per else 1 + count // 300)
    _, wrong = unresolved(loaded, mart, keys)
    assert wrong == []


def may_be_refused(row: dict[str, str]) -> bool:
    """Whether the row counts no quantities, or says that only the owner can say which."""
    return row["n_samples"] == "0" or "caller must choose" in row["ambiguity"]


def find_datasets(
    conn: psycopg.Connection[Any], corpus: Path, row: dict[str, str]
) -> list[dict[str, Any]]:
    folder = "/".join(row["relpath"].split(" | ")[0].split("/")[:2])
    cursor = conn.execute(
        """
        select d.dataset_id, d.omics_type, d.data_shape, d.n_features, d.n_assays, d.n_values
        from marts.datasets as d
        where d.dataset_id in (
            select dataset_id from intermediate.int_dataset_versions
            where is_current and dataset_key like %s
        )
        """,
        (f"{corpus}/{folder}/%",),
    )
    names = [column.name for column in cursor.description or []]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


def refusal(conn: psycopg.Connection[Any], corpus: Path, row: dict[str, str]) -> str:
    folder = "/".join(row["relpath"].split(" | ")[0].split("/")[:2])
    found = conn.execute(
        "select coalesce(reason, '') from marts.source_files "
        "where status = 'quarantined' and path like %s",
        (f"{corpus}/{folder}/%",),
    ).fetchall()
    return "; ".join(sorted({reason for (reason,) in found}))


def problems_of(
    conn: psycopg.Connection[Any], dataset: dict[str, Any], row: dict[str, str]
) -> list[str]:
    problems = []
    if dataset["omics_type"] != row["omics_type"]:
        problems.append(f"omics type {dataset['omics_type']}, not {row['omics_type']}")
    wanted = {"n_features": "n_features", "n_values": "n_numeric_values"}
    if dataset["data_shape"] == "matrix":
        wanted["n_assays"] = "n_samples"
    for ours, theirs in wanted.items():
        if dataset[ours] != int(row[theirs]):
            problems.append(f"{ours} {dataset[ours]}, not {row[theirs]}")
    for spot in ("spot1", "spot2"):
        feature, sample = row[f"{spot}_feature"], row[f"{spot}_sample"]
        value = float(row[f"{spot}_numeric"])
        find = values_of_matrix if dataset["data_shape"] == "matrix" else values_of_results
        values = find(conn, dataset["dataset_id"], feature, sample)
        if value not in values:
            problems.append(f"{feature} in {sample} is {values or 'not found'}, not {value}")
    return problems


def values_of_matrix(
    conn: psycopg.Connection[Any], dataset_id: str, feature: str, sample: str
) -> list[float]:
    assays = conn.execute(
        "select position, name, source_column from marts.assays where dataset_id = %s "
        "order by position",
        (dataset_id,),
    ).fetchall()
    numbered = re.fullmatch(r".* \[sample #(\d+)\]", sample)
    positions = [
        position
        for position, name, column in assays
        if (numbered and position == int(numbered[1]))
        or sample in (name, column)
        or re.search(rf"(^|[^\w-]){re.escape(sample)}([^\w-]|$)", column or "")
    ]
    rows = conn.execute(
        "select reported_name, annotations, abundances from marts.dataset_features "
        "where dataset_id = %s order by row_number",
        (dataset_id,),
    ).fetchall()
    ordinal = re.fullmatch(r"(.*) \[feature #(\d+)\]", feature)
    if ordinal:
        rows = [row for row in rows[int(ordinal[2]) - 1 : int(ordinal[2])] if row[0] == ordinal[1]]
    else:
        rows = [row for row in rows if same_feature(row[0], row[1], feature)]
    return [abundances[position - 1] for _, _, abundances in rows for position in positions]


def same_feature(reported: str, annotations: dict[str, Any] | None, feature: str) -> bool:
    if reported == feature:
        return True
    # The manifest joins the columns that name a feature by "|", or as "sequence {modifications}".
    modified = re.fullmatch(r"(.*) (?:\{(.*)\}|\((.*)\))", feature)
    parts = [part for part in modified.groups() if part] if modified else feature.split("|")
    held = {reported, *reported.split("|"), *map(str, (annotations or {}).values())}
    return set(parts) <= {text.strip() for text in held}


#: Statistic columns of the marts; the header a file uses for one stands in the contrast.
STATISTICS = (
    "log2_fold_change",
    "std_error",
    "statistic",
    "p_value",
    "adjusted_p_value",
    "mean_abundance",
    "log_odds",
)


def values_of_results(
    conn: psycopg.Connection[Any], dataset_id: str, feature: str, sample: str
) -> Sequence[float]:
    rows = conn.execute(
        f"select {', '.join(STATISTICS)} from marts.differential_results "
        "where dataset_id = %s and reported_name = %s",
        (dataset_id, feature),
    ).fetchall()
    return [value for row in rows for value in row if value is not None]
