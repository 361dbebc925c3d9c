"""Rows that sheets describe: programs, experiments, samples, and what belongs to what."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from warehouse.lineage.common import SHOWN, found, of_dataset, row_of, subject_of_dataset
from warehouse.lineage.model import Explanation, Origin, Row, Subject
from warehouse.lineage.origins import origin_of, record_origins
from warehouse.lineage.tables import first, rows

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]


def sheet_rows_of_dataset(conn: Conn, dataset_id: object) -> tuple[list[dict[str, Any]], int]:
    """Rows of sheets that name a file of the dataset: those that describe it come first."""
    naming = rows(
        conn,
        "select distinct r.kind, r.sheet_path, r.source_file_id, r.row_number, r.fields "
        "from intermediate.int_sheet_files_resolved as f "
        "inner join intermediate.int_sheet_records as r on f.record_id = r.record_id "
        "where f.dataset_id = %s and f.outcome = 'found' "
        "order by r.kind, r.sheet_path, r.row_number",
        (dataset_id,),
    )
    naming.sort(key=lambda record: record["kind"] != "dataset")
    return naming[:SHOWN], len(naming) - len(naming[:SHOWN])


def entity(mart: str, column: str) -> Callable[[Conn, Row], Explanation]:
    """A program or experiment is described by rows of sheets."""

    def explained(conn: Conn, row: Row) -> Explanation:
        records = _entity_rows(conn, row[column])
        origins = record_origins(conn, mart, records[:SHOWN], role="describes it")
        notes = ["each fact is taken from the first row that gives it"] if records[1:] else []
        return found(row["name"], origins, notes=notes)

    return explained


def entity_origins(conn: Conn, mart: str, entity_id: object) -> tuple[Origin, ...]:
    """The rows of sheets that describe a program or an experiment."""
    records = _entity_rows(conn, entity_id)[:SHOWN]
    return record_origins(conn, mart, records, role="describes it")


def _entity_rows(conn: Conn, entity_id: object) -> list[dict[str, Any]]:
    return rows(
        conn,
        "select r.source_file_id, r.row_number, r.fields "
        "from intermediate.int_sheet_entities as e "
        "cross join lateral unnest(e.record_ids) with ordinality as of (record_id, place) "
        "inner join intermediate.int_sheet_records as r on of.record_id = r.record_id "
        "where e.entity_id = %s order by of.place",
        (entity_id,),
    )


def sample(conn: Conn, row: Row) -> Explanation:
    """A sample is described by sheets, or by the file of its dataset."""
    related: list[Subject] = []
    if row["experiment_id"] is not None:
        experiment = row_of(conn, "experiments", {"experiment_id": row["experiment_id"]})
        related.append(
            Subject("experiments", {"experiment_id": row["experiment_id"]}, experiment["name"])
        )
    if row["dataset_id"] is None:
        origins, left_out = sample_rows(conn, row["sample_id"])
        notes = [f"{left_out:,} more rows describe it"] if left_out else []
        return found(row["name"], origins, related=related, notes=notes)
    dataset, file = of_dataset(conn, row["dataset_id"])
    place = first(
        conn,
        "select position from intermediate.int_assay_samples "
        "where dataset_id = %s and sample_id = %s order by position limit 1",
        (row["dataset_id"], row["sample_id"]),
    )
    origin = origin_of(
        conn,
        "samples",
        "file",
        file,
        role="describes it",
        landing="assays",
        matching={"position": place["position"]} if place else None,
    )
    return found(row["name"], [origin], related=[*related, subject_of_dataset(dataset)])


def sample_rows(conn: Conn, sample_id: object) -> tuple[list[Origin], int]:
    """Returns rows of sheets that describe a sample, and how many more there are."""
    records = rows(
        conn,
        "select source_file_id, row_number, fields from intermediate.int_sheet_sample_rows "
        "where sample_id = %s and not is_duplicate order by sheet_path, row_number",
        (sample_id,),
    )
    origins = record_origins(conn, "samples", records[:SHOWN], role="describes the sample")
    return list(origins), len(records) - len(records[:SHOWN])


def link_of_dataset(mart: str, column: str, kind: str) -> Callable[[Conn, Row], Explanation]:
    """What a dataset belongs to is said by the rows that name the dataset and the other."""

    def explained(conn: Conn, row: Row) -> Explanation:
        dataset, file = of_dataset(conn, row["dataset_id"])
        described = row_of(conn, kind, {column: row[column]})
        records, left_out = sheet_rows_of_dataset(conn, row["dataset_id"])
        origins = [
            origin_of(conn, "datasets", "file", file, role="holds the dataset"),
            *record_origins(conn, mart, records, role="names the dataset"),
            *record_origins(
                conn, mart, _entity_rows(conn, row[column])[:1], role=f"describes the {kind[:-1]}"
            ),
        ]
        notes = [f"{left_out:,} more rows of sheets name the dataset"] if left_out else []
        if row.get("is_direct") is False:
            notes.append("the dataset belongs to it through its experiment")
        return found(
            f"{dataset['name']} in {described['name']}",
            origins,
            related=[
                subject_of_dataset(dataset),
                Subject(kind, {column: row[column]}, described["name"]),
            ],
            notes=notes,
        )

    return explained


def program_of_experiment(conn: Conn, row: Row) -> Explanation:
    """The row of an experiment names its program."""
    pair = [
        (kind, column, row_of(conn, kind, {column: row[column]}))
        for kind, column in (("experiments", "experiment_id"), ("programs", "program_id"))
    ]
    origins = [
        origin
        for (kind, column, _) in pair
        for origin in record_origins(
            conn,
            "program_experiments",
            _entity_rows(conn, row[column])[:SHOWN],
            role=f"describes the {kind[:-1]}",
        )
    ]
    return found(
        " in ".join(entity["name"] for _, _, entity in pair),
        origins,
        related=[
            Subject(kind, {column: row[column]}, entity["name"]) for kind, column, entity in pair
        ],
    )
