"""From a file id to everything known of the file, its load, its reading and a row in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from psycopg import sql

from warehouse.errors import OmicsError
from warehouse.lineage.model import Origin, Place, RawRow, Row
from warehouse.lineage.routes import routes, unit_and_meaning
from warehouse.lineage.tables import first, rows

if TYPE_CHECKING:
    import psycopg

#: States of a file version whose rows stand in the marts.
CURRENT = ("loaded", "source_missing")

#: Landed rows that are shown of one place: a result row with many contrasts has one for each.
_RAW_LIMIT = 20

#: Columns of a landed `files` row that hold JSON as text.
_EVIDENCE = ("omics_type_evidence", "scale_evidence", "role_evidence", "rows_skipped_by_rule")


def file_version(
    conn: psycopg.Connection[Any], file_id: int, *, load_id: str | None = None
) -> dict[str, Any]:
    """Returns the row of `marts.source_files`, the current one where a file was read twice.

    Raises:
        OmicsError: There is none: marts and landing disagree.
    """
    found = first(
        conn,
        "select * from marts.source_files where source_file_id = %s "
        "and (%s::text is null or load_id = %s) "
        "order by status = any(%s) desc, loaded_at desc nulls last limit 1",
        (file_id, load_id, load_id, list(CURRENT)),
    )
    if found is None:
        raise OmicsError(
            f"no file version has the id {file_id}",
            where="marts.source_files",
            expected="a row for every file that a mart names",
            fix="omics build",
        )
    return found


def origin_of(
    conn: psycopg.Connection[Any],
    mart: str,
    way: str,
    file: Row,
    *,
    role: str,
    landing: str | None = None,
    matching: Mapping[str, object] | None = None,
    row_number: int | None = None,
    wanted: Iterable[object] = (),
) -> Origin:
    """Returns what a mart row rests on in one file version.

    Args:
        conn: Connection that reads marts, raw schemas and `ops`.
        mart: Mart of the row.
        way: Way of the row in `marts.yml`.
        file: Row of `marts.source_files`.
        role: What the file says about the row.
        landing: Landing table of the row; None where the whole file is meant.
        matching: Columns of the landing table that tell the row, beside file and load.
        row_number: Number of the row in the file, where it has one.
        wanted: Texts of the row, by which its place can be told in the file.
    """
    source = file["source_name"]
    reading: dict[str, Any] = {}
    load = run = None
    raw: tuple[RawRow, ...] = ()
    if file["load_id"] is not None:
        at = {"file_id": file["source_file_id"], "_dlt_load_id": file["load_id"]}
        found = landed(conn, source, "files", at)
        reading = _parsed(found[0].columns) if found else {}
        load = first(
            conn,
            "select * from marts.loads where source_name = %s and load_id = %s",
            (source, file["load_id"]),
        )
        if landing is not None:
            raw = landed(conn, source, landing, {**at, **(matching or {})})
    if file["run_id"] is not None:
        run = first(conn, "select * from ops.runs where run_id::text = %s::text", (file["run_id"],))
    place = None
    if row_number is not None:
        unit, means = unit_and_meaning(
            orientation=_orientation(reading), sheet="sheet=" in (file["part"] or "")
        )
        texts = tuple(str(text) for text in wanted if text not in (None, ""))
        place = Place(row_number, unit, means, texts)
    models = routes()[mart].models(way, source)
    return Origin(role, models, file, load, run, reading, place, raw)


def landed(
    conn: psycopg.Connection[Any], source: str, table: str, matching: Mapping[str, object]
) -> tuple[RawRow, ...]:
    """Returns rows of a landing table, reached by the index on its file id.

    Args:
        conn: Connection that reads raw schemas.
        source: Name of the source.
        table: Landing table.
        matching: Columns and their values, `file_id` among them; None matches null.
    """
    schema = f"raw_{source}"
    query = sql.SQL("select * from {} where {} limit {}").format(
        sql.Identifier(schema, table),
        sql.SQL(" and ").join(
            sql.SQL("{} is not distinct from %s").format(sql.Identifier(name))
            if value is None
            else sql.SQL("{} = %s").format(sql.Identifier(name))
            for name, value in matching.items()
        ),
        sql.Literal(_RAW_LIMIT),
    )
    found = rows(conn, query, list(matching.values()))
    return tuple(RawRow(f"{schema}.{table}", row) for row in found)


def record_origins(
    conn: psycopg.Connection[Any],
    mart: str,
    records: Sequence[Row],
    *,
    role: str,
    way: str = "sheet",
) -> tuple[Origin, ...]:
    """Returns the origins of rows of sheets.

    Args:
        conn: Connection that reads marts and raw schemas.
        mart: Mart of the row that rests on them.
        records: Their `source_file_id`, `row_number` and `fields`.
        role: What the sheets say about the row.
        way: Way in `marts.yml`.
    """
    files = {
        file_id: file_version(conn, file_id)
        for file_id in dict.fromkeys(record["source_file_id"] for record in records)
    }
    return tuple(
        origin_of(
            conn,
            mart,
            way,
            files[record["source_file_id"]],
            role=role,
            landing="records",
            matching={"row_number": record["row_number"]},
            row_number=record["row_number"],
            wanted=_texts(record["fields"]),
        )
        for record in records
    )


def _texts(fields: object) -> list[str]:
    if not isinstance(fields, Mapping):
        return []
    return [value for value in fields.values() if isinstance(value, str)]


def _parsed(row: Row) -> dict[str, Any]:
    """The landed row with its evidence taken apart; text that is no JSON stays text."""
    parsed = dict(row)
    for name in _EVIDENCE:
        text = parsed.get(name)
        if isinstance(text, str):
            try:
                parsed[name] = json.loads(text)
            except ValueError:
                parsed[name] = text
    return parsed


def _orientation(reading: Mapping[str, Any]) -> str | None:
    """How a matrix is laid out, as its reader noted; other shapes have records of one kind."""
    if reading.get("shape") != "matrix":
        return "records"
    evidence = reading.get("role_evidence")
    said = evidence.get("orientation") if isinstance(evidence, Mapping) else None
    return str(said) if said else None
