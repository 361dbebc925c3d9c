"""Rows of signatures, their components and scores, and of the tables that scores are made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from psycopg import sql

from warehouse.lineage.common import (
    SHOWN,
    found,
    name_parts,
    of_dataset,
    row_of,
    state_notes,
    subject_of_dataset,
)
from warehouse.lineage.model import Explanation, Origin, Row, Subject
from warehouse.lineage.names import decisions_on
from warehouse.lineage.origins import file_version, origin_of
from warehouse.lineage.sheets import entity_origins
from warehouse.lineage.tables import first, rows

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]


def signature(conn: Conn, row: Row) -> Explanation:
    """A signature stands where its file defines it."""
    origin = _definition(conn, "signatures", row["signature_id"])
    return found(row["name"], [origin], notes=state_notes(origin.file))


def program(conn: Conn, row: Row) -> Explanation:
    """The file of a signature names its program."""
    of = row_of(conn, "signatures", {"signature_id": row["signature_id"]})
    named = row_of(conn, "programs", {"program_id": row["program_id"]})
    origin = _definition(conn, "program_signatures", row["signature_id"])
    return found(
        f"{of['name']} in {named['name']}",
        [origin],
        related=[
            _subject(of),
            Subject("programs", {"program_id": row["program_id"]}, named["name"]),
        ],
        notes=state_notes(origin.file),
    )


def experiment(conn: Conn, row: Row) -> Explanation:
    """The file of a signature names its experiment, or the sheet of the experiment names it."""
    of = row_of(conn, "signatures", {"signature_id": row["signature_id"]})
    named = row_of(conn, "experiments", {"experiment_id": row["experiment_id"]})
    origin = _definition(conn, "experiment_signatures", row["signature_id"])
    return found(
        f"{of['name']} in {named['name']}",
        [origin, *entity_origins(conn, "experiment_signatures", row["experiment_id"])],
        related=[
            _subject(of),
            Subject("experiments", {"experiment_id": row["experiment_id"]}, named["name"]),
        ],
        notes=state_notes(origin.file),
    )


def component(conn: Conn, row: Row) -> Explanation:
    """A component stands in a line of the file of its signature."""
    of = row_of(conn, "signatures", {"signature_id": row["signature_id"]})
    file = file_version(conn, row["source_file_id"])
    origin = origin_of(
        conn,
        "signature_components",
        "signature",
        file,
        role="names it",
        landing="components",
        matching={
            "row_number": row["row_number"],
            "set_name": of["name"],
            "position": row["position"],
        },
        row_number=row["row_number"],
        wanted=name_parts(row["reported_name"]),
    )
    return found(
        f"{row['reported_name']} of {of['name']}",
        [origin],
        decisions=decisions_on(conn, row, feature_type=row["feature_type"]),
        related=[_subject(of)],
        notes=state_notes(file),
    )


def meaning(conn: Conn, row: Row) -> Explanation:
    """What components mean in one kind of dataset rests on the lines that name them."""
    of = row_of(conn, "signatures", {"signature_id": row["signature_id"]})
    file = file_version(conn, of["source_file_id"])
    naming = rows(
        conn,
        "select c.row_number, c.position, c.reported_name, n.feature_name_id "
        "from marts.feature_names as n inner join marts.signature_components as c "
        "on n.reported_name = c.reported_name "
        "where n.feature_id = %s and n.feature_type = %s and n.context = %s "
        "and c.signature_id = %s order by c.position limit %s",
        (row["feature_id"], row["feature_type"], row["context"], row["signature_id"], SHOWN),
    )
    origins = [
        origin_of(
            conn,
            "signature_features",
            "signature",
            file,
            role="names it",
            landing="components",
            matching={
                "row_number": one["row_number"],
                "set_name": of["name"],
                "position": one["position"],
            },
            row_number=one["row_number"],
            wanted=name_parts(one["reported_name"]),
        )
        for one in naming
    ]
    decisions = [decision for one in naming for decision in decisions_on(conn, one)]
    feature = Subject("features", {"feature_id": row["feature_id"]}, "the feature")
    return found(
        f"a feature of {of['name']}",
        origins,
        decisions=decisions,
        related=[_subject(of), feature],
        notes=state_notes(file),
    )


def score(mart: str) -> Callable[[Conn, Row], Explanation]:
    """A score rests on all rows of its dataset and on the whole signature."""

    def explained(conn: Conn, row: Row) -> Explanation:
        dataset, file = of_dataset(conn, row["dataset_id"])
        of = row_of(conn, "signatures", {"signature_id": row["signature_id"]})
        origins = [
            origin_of(conn, mart, dataset["data_shape"], file, role="holds what is scored"),
            _definition(conn, mart, row["signature_id"]),
        ]
        related = [subject_of_dataset(dataset), _subject(of), *_observation(row)]
        notes = [f"method {row['method']}"]
        if row["null_reason"]:
            notes.append(f"there is no score: {row['null_reason']}")
        return found(f"{of['name']} in {dataset['name']}", origins, related=related, notes=notes)

    return explained


def cohort(conn: Conn, row: Row) -> Explanation:
    """A cohort is made of all scores of a signature."""
    of = row_of(conn, "signatures", {"signature_id": row["signature_id"]})
    scored = rows(
        conn,
        "select distinct dataset_id from marts.signature_scores where signature_id = %s "
        "and method = %s and score is not null order by dataset_id limit %s",
        (row["signature_id"], row["method"], SHOWN),
    )
    return found(
        f"scores of {of['name']} by {row['method']}",
        [_definition(conn, "signature_cohorts", row["signature_id"])],
        related=[
            _subject(of),
            *(subject_of_dataset(of_dataset(conn, one["dataset_id"])[0]) for one in scored),
        ],
        notes=["made of its scores in all datasets"],
    )


def observation(conn: Conn, row: Row) -> Explanation:
    """What is scored, an assay or a contrast, rests on all rows of its dataset."""
    dataset, file = of_dataset(conn, row["dataset_id"])
    origin = origin_of(
        conn, "scored_observations", dataset["data_shape"], file, role="holds what is scored"
    )
    related = [subject_of_dataset(dataset), *_observation(row)]
    return found(f"an observation of {dataset['name']}", [origin], related=related)


def ranks(mart: str) -> Callable[[Conn, Row], Explanation]:
    """Ranks of a feature rest on the rows of the dataset that report it."""

    def explained(conn: Conn, row: Row) -> Explanation:
        dataset, file = of_dataset(conn, row["dataset_id"])
        shape = dataset["data_shape"]
        table, landing = {
            "matrix": ("dataset_features", "feature_rows"),
            "result_table": ("differential_results", "result_rows"),
        }[shape]
        reporting = rows(
            conn,
            sql.SQL(
                "select distinct row_number, reported_name from marts.{} "
                "where dataset_id = %s and (feature_id = %s or %s = any(member_feature_ids)) "
                "order by row_number limit %s"
            ).format(sql.Identifier(table)),
            (row["dataset_id"], row["feature_id"], row["feature_id"], SHOWN),
        )
        origins = [
            origin_of(
                conn,
                mart,
                shape,
                file,
                role="holds the row",
                landing=landing,
                matching={"row_number": fact["row_number"]},
                row_number=fact["row_number"],
                wanted=name_parts(fact["reported_name"]),
            )
            for fact in reporting
        ]
        feature = Subject("features", {"feature_id": row["feature_id"]}, "the feature")
        related = [subject_of_dataset(dataset), feature]
        return found(f"ranks of a feature in {dataset['name']}", origins, related=related)

    return explained


def _definition(conn: Conn, mart: str, signature_id: object) -> Origin:
    of = row_of(conn, "signatures", {"signature_id": signature_id})
    # Where Notion is first, the mart may have another name than the file.
    landed = first(
        conn,
        "select name from intermediate.int_signature_sets_landed where signature_id = %s",
        (signature_id,),
    )
    name = landed["name"] if landed else of["name"]
    return origin_of(
        conn,
        mart,
        "signature",
        file_version(conn, of["source_file_id"]),
        role="defines the signature",
        landing="sets",
        matching={"row_number": of["row_number"], "name": name},
        row_number=of["row_number"],
        wanted=(name,),
    )


def _subject(of: Mapping[str, Any]) -> Subject:
    return Subject("signatures", {"signature_id": of["signature_id"]}, of["name"])


def _observation(row: Row) -> list[Subject]:
    return [
        Subject(mart, {"dataset_id": row["dataset_id"], column: row[column]}, f"what is {told}")
        for mart, column, told in (
            ("contrasts", "contrast_id", "compared"),
            ("assays", "assay_id", "measured"),
        )
        if row[column] is not None
    ]
