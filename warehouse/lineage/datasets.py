"""Rows of what a dataset holds: matrix rows, single values, results, assays, contrasts, checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from warehouse.lineage.common import (
    found,
    name_parts,
    of_dataset,
    row_of,
    state_notes,
    subject_of_dataset,
)
from warehouse.lineage.model import Explanation, Origin, Row, Subject, Value
from warehouse.lineage.names import decisions_on
from warehouse.lineage.origins import file_version, origin_of, record_origins
from warehouse.lineage.sheets import sample_rows, sheet_rows_of_dataset
from warehouse.lineage.tables import rows

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]


def dataset(conn: Conn, row: Row) -> Explanation:
    """A dataset stands in a file; sheets may describe it."""
    file = file_version(conn, row["source_file_id"], load_id=row["load_id"])
    origins = [origin_of(conn, "datasets", "file", file, role="holds the dataset")]
    described, left_out = sheet_rows_of_dataset(conn, row["dataset_id"])
    origins += record_origins(conn, "program_datasets", described, role="describes it")
    related = [
        Subject(mart, {column: one["id"]}, one["name"])
        for mart, pairs, column in (
            ("programs", "program_datasets", "program_id"),
            ("experiments", "experiment_datasets", "experiment_id"),
        )
        for one in rows(
            conn,
            sql.SQL(
                "select e.{0} as id, e.name from marts.{1} as p inner join marts.{2} as e "
                "on p.{0} = e.{0} where p.dataset_id = %s order by e.name"
            ).format(sql.Identifier(column), sql.Identifier(pairs), sql.Identifier(mart)),
            (row["dataset_id"],),
        )
    ]
    notes = [f"{left_out:,} more rows of sheets name it"] if left_out else []
    notes += state_notes(file)
    return found(row["name"], origins, related=related, notes=notes)


def feature_row(conn: Conn, row: Row) -> Explanation:
    """A row of a matrix stands in a line of its file."""
    return _matrix_row(conn, row, "dataset_features", None)


def measurement(conn: Conn, row: Row) -> Explanation:
    """A measurement is one cell of a row."""
    assay = row_of(conn, "assays", {"dataset_id": row["dataset_id"], "assay_id": row["assay_id"]})
    fact = row_of(
        conn,
        "dataset_features",
        {"dataset_id": row["dataset_id"], "row_number": row["row_number"]},
    )
    return _matrix_row(conn, fact, "measurements", assay)


def _matrix_row(conn: Conn, fact: Row, mart: str, assay: Row | None) -> Explanation:
    dataset, file = of_dataset(conn, fact["dataset_id"])
    origin = origin_of(
        conn,
        mart,
        "file",
        file,
        role="holds the row",
        landing="feature_rows",
        matching={"row_number": fact["row_number"]},
        row_number=fact["row_number"],
        wanted=name_parts(fact["reported_name"]),
    )
    title = f"{fact['reported_name']} in {dataset['name']}"
    value = None
    if assay is not None:
        title = f"{fact['reported_name']} in {assay['name']} of {dataset['name']}"
        value = _value(origin, fact, assay)
    return found(
        title,
        [origin],
        decisions=decisions_on(conn, fact),
        value=value,
        related=[subject_of_dataset(dataset)],
        notes=[*_flag_notes(fact), *_zero_notes(dataset, value), *state_notes(file)],
    )


def _value(origin: Origin, fact: Row, assay: Row) -> Value:
    position = assay["position"]
    literal = next((row.columns.get("quantities") for row in origin.raw), None)
    # Digits and NULL only: what readers land needs no quotes.
    cells = str(literal).strip("{}").split(",") if literal else []
    landed = cells[position - 1] if position <= len(cells) else None
    abundances = fact["abundances"] or []
    return Value(
        assay["name"],
        assay["source_column"],
        position,
        None if landed == "NULL" else landed,
        abundances[position - 1] if position <= len(abundances) else None,
    )


def result(conn: Conn, row: Row) -> Explanation:
    """A result stands in a line of a result table."""
    dataset, file = of_dataset(conn, row["dataset_id"])
    contrast = row_of(
        conn,
        "contrasts",
        {"dataset_id": row["dataset_id"], "contrast_id": row["contrast_id"]},
    )
    origin = origin_of(
        conn,
        "differential_results",
        "file",
        file,
        role="holds the row",
        landing="result_rows",
        matching={
            "row_number": row["row_number"],
            "contrast_position": contrast["position"],
        },
        row_number=row["row_number"],
        wanted=name_parts(row["reported_name"]),
    )
    return found(
        f"{row['reported_name']} in {contrast['name']} of {dataset['name']}",
        [origin],
        decisions=decisions_on(conn, row),
        related=[
            subject_of_dataset(dataset),
            Subject(
                "contrasts",
                {"dataset_id": row["dataset_id"], "contrast_id": row["contrast_id"]},
                contrast["name"],
            ),
        ],
        notes=[*_flag_notes(row), *state_notes(file)],
    )


def assay(conn: Conn, row: Row) -> Explanation:
    """An assay is a column of its file; a sheet may describe its sample."""
    dataset, file = of_dataset(conn, row["dataset_id"])
    origins = [
        origin_of(
            conn,
            "assays",
            "file",
            file,
            role="holds the column",
            landing="assays",
            matching={"position": row["position"]},
        )
    ]
    related = [subject_of_dataset(dataset)]
    if row["sample_id"] is not None:
        sample = row_of(conn, "samples", {"sample_id": row["sample_id"]})
        related.append(Subject("samples", {"sample_id": row["sample_id"]}, sample["name"]))
        if sample["dataset_id"] is None:
            origins += sample_rows(conn, row["sample_id"])[0]
    return found(
        f"{row['name']} of {dataset['name']}", origins, related=related, notes=state_notes(file)
    )


def contrast(conn: Conn, row: Row) -> Explanation:
    """A contrast is named by its file, or worked out from groups of assays."""
    dataset, file = of_dataset(conn, row["dataset_id"])
    derived = row["is_derived"]
    origin = origin_of(
        conn,
        "contrasts",
        "derived" if derived else "file",
        file,
        role="holds the assays that are compared" if derived else "holds the contrast",
        landing="assays" if derived else "contrasts",
        matching=None if derived else {"position": row["position"]},
    )
    notes = ["worked out from two groups of assays; the file has no such contrast"]
    return found(
        f"{row['name']} of {dataset['name']}",
        [origin],
        related=[subject_of_dataset(dataset)],
        notes=[*(notes if derived else []), *state_notes(file)],
    )


def derived_result(conn: Conn, row: Row) -> Explanation:
    """A derived result rests on the row of a matrix."""
    key = {"dataset_id": row["dataset_id"], "row_number": row["row_number"]}
    fact = row_of(conn, "dataset_features", key)
    contrast_key = {"dataset_id": row["dataset_id"], "contrast_id": row["contrast_id"]}
    contrast = row_of(conn, "contrasts", contrast_key)
    explained = _matrix_row(conn, fact, "derived_results", None)
    return found(
        f"{fact['reported_name']} in {contrast['name']}",
        explained.origins,
        decisions=explained.decisions,
        related=[*explained.related, Subject("contrasts", contrast_key, contrast["name"])],
        notes=["worked out from the quantities of the row", *explained.notes],
    )


def quality(conn: Conn, row: Row) -> Explanation:
    """A check rests on all rows of a dataset."""
    dataset, file = of_dataset(conn, row["dataset_id"])
    origin = origin_of(
        conn, "dataset_quality", dataset["data_shape"], file, role="holds what was checked"
    )
    return found(
        f"{row['check_name']} of {dataset['name']}",
        [origin],
        related=[subject_of_dataset(dataset)],
        notes=["worked out from all rows of the dataset", *state_notes(file)],
    )


def _flag_notes(fact: Row) -> list[str]:
    said = {
        "is_contaminant": "the file marks the row as a contaminant",
        "is_decoy": "the file marks the row as a decoy",
        "is_internal_standard": "the row is an internal standard",
    }
    return [note for flag, note in said.items() if fact[flag]]


def _zero_notes(dataset: Row, value: Value | None) -> list[str]:
    if value is None or value.landed is None or value.abundance is not None:
        return []
    if dataset["zero_is_missing"]:
        return ["a zero of this file means not measured, so it is null in the marts"]
    return []
