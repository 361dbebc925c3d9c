"""What the handlers of all marts share: one row, its dataset, and how an answer is put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from psycopg import sql

from warehouse.errors import OmicsError
from warehouse.lineage.model import Explanation, Origin, Row, Subject, Value
from warehouse.lineage.origins import CURRENT, file_version
from warehouse.lineage.tables import first

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]

#: Rows of files and sheets that are shown for what many rows agree on; the others are counted.
SHOWN = 5


def row_of(conn: Conn, mart: str, key: Mapping[str, object]) -> dict[str, Any]:
    """Returns one row of a mart.

    Raises:
        OmicsError: There is none.
    """
    query = sql.SQL("select * from marts.{} where {} limit 1").format(
        sql.Identifier(mart),
        sql.SQL(" and ").join(
            sql.SQL("{} is not distinct from %s").format(sql.Identifier(column))
            if value is None
            else sql.SQL("{} = %s").format(sql.Identifier(column))
            for column, value in key.items()
        ),
    )
    import psycopg

    try:
        row = first(conn, query, list(key.values()))
    except psycopg.DataError:
        # A text where an id is expected finds nothing, like any other wrong key.
        row = None
    if row is None:
        shown = ", ".join(f"{name} = {value or 'null'}" for name, value in key.items())
        raise OmicsError(
            f"no row of {mart} has {shown}",
            where=f"marts.{mart}",
            expected="a row of the current marts",
            fix="omics build, if files were loaded since",
        )
    return row


def of_dataset(conn: Conn, dataset_id: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """A dataset and the file version that it was built from."""
    dataset = row_of(conn, "datasets", {"dataset_id": dataset_id})
    return dataset, file_version(conn, dataset["source_file_id"], load_id=dataset["load_id"])


def subject_of_dataset(dataset: Row) -> Subject:
    """Returns the subject for a row with the id and name of a dataset."""
    return Subject("datasets", {"dataset_id": dataset["dataset_id"]}, dataset["name"])


def name_parts(name: str | None) -> tuple[str, ...]:
    """The name, then the texts of the columns that it was put together from."""
    if not name:
        return ()
    parts = [part.strip() for part in name.split("|")]
    return (name, *parts) if len(parts) > 1 else (name,)


def found(
    title: str,
    origins: list[Origin] | tuple[Origin, ...],
    *,
    decisions: list[dict[str, Any]] | list[Row] | tuple[Row, ...] = (),
    value: Value | None = None,
    related: list[Subject] | tuple[Subject, ...] = (),
    notes: list[str] | tuple[str, ...] = (),
) -> Explanation:
    """What a handler knows; `explain` adds the row and its key."""
    subject = Subject("", {}, title)
    return Explanation(
        subject, {}, tuple(origins), tuple(decisions), value, tuple(related), tuple(notes)
    )


def state_notes(file: Row) -> list[str]:
    """Returns what is unusual about the state of a file version."""
    said = {
        "superseded": "a newer version of the file took its place; no mart row rests on this one",
        "removed": "the file was removed; no mart row rests on it",
        "source_missing": "the file has gone from its folder; its rows stay until load --prune",
        "quarantined": f"the file is in quarantine and was not loaded: {file['reason']}",
    }
    return [] if file["status"] == CURRENT[0] else [said[file["status"]]]
