"""Rows about what names mean: the ledger, and the molecules that names were taken for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from warehouse.lineage.common import SHOWN, found, name_parts, of_dataset, subject_of_dataset
from warehouse.lineage.model import Explanation, Origin, Row, Subject
from warehouse.lineage.origins import file_version, landed, origin_of
from warehouse.lineage.tables import rows

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]


def decisions_on(conn: Conn, fact: Row, *, feature_type: str | None = None) -> tuple[Row, ...]:
    """Returns the ledger's row for the reported name of a fact or of a component.

    Args:
        conn: Connection that reads marts.
        fact: Row with `feature_name_id`, or with `feature_id` and `reported_name`.
        feature_type: Type of the name, where the row has no `feature_name_id`.
    """
    if fact.get("feature_name_id") is not None:
        return tuple(
            rows(
                conn,
                "select * from marts.feature_names where feature_name_id = %s",
                (fact["feature_name_id"],),
            )
        )
    return tuple(
        rows(
            conn,
            "select * from marts.feature_names "
            "where feature_id = %s and reported_name = %s and feature_type = %s",
            (fact["feature_id"], fact["reported_name"], feature_type),
        )
    )


def feature(conn: Conn, row: Row) -> Explanation:
    """A feature rests on the rows that report it and the references that know it."""
    names = rows(
        conn,
        "select * from marts.feature_names where feature_id = %s order by reported_name, context",
        (row["feature_id"],),
    )
    if not names:
        # Some features only stand for one member of a group.
        names = rows(
            conn,
            "select * from marts.feature_names where %s = any(member_feature_ids) "
            "order by reported_name, context",
            (row["feature_id"],),
        )
    origins, related, left_out = _uses(conn, "features", names)
    notes = [f"{left_out:,} more of its names are not shown"] if left_out else []
    origins += _reference_rows(conn, row["canonical_id"])
    return found(row["name"], origins, decisions=names[:SHOWN], related=related, notes=notes)


def _reference_rows(conn: Conn, canonical_id: str | None) -> list[Origin]:
    """Rows of the references in use that know a molecule."""
    if canonical_id is None:
        return []
    known = rows(
        conn,
        "select file_id, load_id, reference_id, name from intermediate.int_reference_entities "
        "where canonical_id = %s and is_used order by reference, file_id, reference_id limit %s",
        (canonical_id, SHOWN),
    )
    origins = []
    for entity in known:
        file = file_version(conn, entity["file_id"], load_id=entity["load_id"])
        landed_rows = landed(
            conn,
            "features",
            "entities",
            {
                "file_id": entity["file_id"],
                "_dlt_load_id": entity["load_id"],
                "canonical_id": entity["reference_id"],
            },
        )
        number = landed_rows[0].columns["row_number"] if landed_rows else None
        origins.append(
            origin_of(
                conn,
                "features",
                "reference",
                file,
                role="knows the molecule",
                landing="entities",
                matching={"canonical_id": entity["reference_id"]},
                row_number=number,
                wanted=(entity["name"], entity["reference_id"].partition(":")[2]),
            )
        )
    return origins


def feature_name(conn: Conn, row: Row) -> Explanation:
    """A name rests on the rows that report it."""
    origins, related, _ = _uses(conn, "feature_names", [row])
    title = f"{row['reported_name']} ({row['feature_type']})"
    return found(title, origins, decisions=[row], related=related)


def _uses(
    conn: Conn, mart: str, names: list[dict[str, Any]] | list[Row]
) -> tuple[list[Origin], list[Subject], int]:
    """A few rows of files that report the names, and how many names were not looked at."""
    origins: list[Origin] = []
    related: list[Subject] = []
    for place, name in enumerate(names):
        if len(origins) >= SHOWN:
            return origins, related, len(names) - place
        for table, shape, landing in (
            ("dataset_features", "matrix", "feature_rows"),
            ("differential_results", "result_table", "result_rows"),
        ):
            reporting = rows(
                conn,
                sql.SQL(
                    "select f.dataset_id, f.row_number, d.name from marts.{} as f "
                    "inner join marts.datasets as d on f.dataset_id = d.dataset_id "
                    "where f.feature_id = %s and f.feature_name_id = %s limit %s"
                ).format(sql.Identifier(table)),
                (name["feature_id"], name["feature_name_id"], SHOWN),
            )
            for fact in reporting[: SHOWN - len(origins)]:
                _, file = of_dataset(conn, fact["dataset_id"])
                origins.append(
                    origin_of(
                        conn,
                        mart,
                        shape,
                        file,
                        role="reports the name",
                        landing=landing,
                        matching={"row_number": fact["row_number"]},
                        row_number=fact["row_number"],
                        wanted=name_parts(name["reported_name"]),
                    )
                )
                related.append(subject_of_dataset(fact))
        origins += _components(conn, name, SHOWN - len(origins))
    return origins, list({str(one.key): one for one in related}.values()), 0


def _components(conn: Conn, name: Row, limit: int) -> list[Origin]:
    """Lines of signatures that name it.

    A component is read as the names of every kind of dataset, so the one that a name stems from may
    itself mean another feature.
    """
    start = (
        "select c.row_number, c.position, c.source_file_id, g.name "
        "from marts.signature_components as c "
        "inner join marts.signatures as g on c.signature_id = g.signature_id "
        "where c.reported_name = %(name)s "
    )
    end = " order by g.name, c.position limit %(limit)s"
    values = {
        "name": name["reported_name"],
        "feature": name["feature_id"],
        "limit": max(limit, 0),
    }
    naming = rows(conn, f"{start} and c.feature_id = %(feature)s {end}", values)
    if not naming and limit == SHOWN:
        # No row of a dataset and no index leads there: all components are looked at.
        naming = rows(conn, start + end, values)
    return [
        origin_of(
            conn,
            "signature_components",
            "signature",
            file_version(conn, one["source_file_id"]),
            role="names it as a component",
            landing="components",
            matching={
                "row_number": one["row_number"],
                "set_name": one["name"],
                "position": one["position"],
            },
            row_number=one["row_number"],
            wanted=name_parts(name["reported_name"]),
        )
        for one in naming
    ]
