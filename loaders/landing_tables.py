"""The landing tables of every ``raw_<omics>`` schema, said once, and how any of them is made.

From this one description come the DDL and the Arrow schema that dlt copies. Tables are made before
the first load, so that dbt finds every source even when only one omics type has been loaded, and so
that the index on ``file_id`` exists from the start: a refresh that adds one file must find its rows
without reading the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from loaders.model import STATISTICS
from warehouse.lock import lock_transaction

if TYPE_CHECKING:
    import psycopg
    import pyarrow as pa

_SQL_TYPES = {
    "text": "varchar",
    "bigint": "bigint",
    "bool": "boolean",
    "timestamp": "timestamp with time zone",
}


@dataclass(frozen=True)
class LandingTable:
    """A landing table: its name and its columns in order, each with its dlt data type."""

    name: str
    columns: tuple[tuple[str, str], ...]
    is_fact: bool = False

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns in landing order."""
        return tuple(name for name, _ in self.columns)


def texts(*names: str) -> tuple[tuple[str, str], ...]:
    """Returns columns of text."""
    return tuple((name, "text") for name in names)


FILES = LandingTable(
    "files",
    (
        ("file_id", "bigint"),
        *texts("dataset_key", "part", "source_path", "source_root", "sha256"),
        ("size_bytes", "bigint"),
        ("modified_at", "timestamp"),
        *texts("stat_signature", "omics_type", "omics_type_evidence"),
        *texts("format", "format_fingerprint", "reader_version", "shape", "feature_type"),
        *texts("quantity", "unit", "value_scale", "scale_evidence"),
        ("zero_is_missing", "bool"),
        ("zero_count", "bigint"),
        *texts("software", "role_evidence"),
        ("rows_read", "bigint"),
        ("rows_landed", "bigint"),
        ("rows_rejected", "bigint"),
        ("rows_skipped", "bigint"),
        ("rows_skipped_by_rule", "text"),
        ("n_assays", "bigint"),
        ("n_values", "bigint"),
        *texts("status", "reason", "run_id"),
        ("loaded_at", "timestamp"),
    ),
)
ASSAYS = LandingTable(
    "assays",
    (
        ("file_id", "bigint"),
        ("position", "bigint"),
        *texts("name", "source_column", "attributes"),
    ),
)
_FLAGS = (("is_contaminant", "bool"), ("is_decoy", "bool"), ("is_internal_standard", "bool"))
FEATURE_ROWS = LandingTable(
    "feature_rows",
    (
        ("file_id", "bigint"),
        ("row_number", "bigint"),
        *texts("reported_name", "annotations", "quantities"),
        *_FLAGS,
    ),
    is_fact=True,
)
CONTRASTS = LandingTable(
    "contrasts",
    (
        ("file_id", "bigint"),
        ("position", "bigint"),
        *texts("name", "numerator", "denominator", "tool", "adjust_method", "statistic_type"),
        *texts("columns"),
    ),
)
RESULT_ROWS = LandingTable(
    "result_rows",
    (
        ("file_id", "bigint"),
        ("contrast_position", "bigint"),
        ("row_number", "bigint"),
        *texts("reported_name", "annotations", *STATISTICS, "result_flag"),
        *_FLAGS,
    ),
    is_fact=True,
)
REJECTED_ROWS = LandingTable(
    "rejected_rows",
    (
        ("file_id", "bigint"),
        ("row_number", "bigint"),
        *texts("column_name", "raw_text", "reason_code", "message"),
    ),
)

TABLES = (FILES, ASSAYS, FEATURE_ROWS, CONTRASTS, RESULT_ROWS, REJECTED_ROWS)

#: dlt's own table of finished loads; staging reads it, so it must exist before the first load.
_LOADS_DDL = (
    "load_id varchar not null, schema_name varchar, status bigint not null, "
    "inserted_at timestamp with time zone not null, schema_version_hash varchar"
)


@cache
def arrow_schema(table: LandingTable) -> pa.Schema:
    """Returns the Arrow schema of a landing table, without dlt's load id."""
    import pyarrow as pa

    types: dict[str, Any] = {
        "text": pa.string(),
        "bigint": pa.int64(),
        "bool": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
    }
    return pa.schema(
        [pa.field(name, types[kind], nullable=name != "file_id") for name, kind in table.columns]
    )


def table_of_rows(name: str, rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """Returns rows of one of `TABLES` as an Arrow table.

    Args:
        name: Name of the table.
        rows: Values in the order of its columns.
    """
    import pyarrow as pa

    schema = arrow_schema(next(table for table in TABLES if table.name == name))
    columns = zip(*rows, strict=True)
    return pa.Table.from_arrays(
        [pa.array(values, type=kind) for values, kind in zip(columns, schema.types, strict=True)],
        schema=schema,
    )


def ddl(schema: str, tables: Sequence[LandingTable]) -> list[str]:
    """Returns the statements that make one landing schema; running them again changes nothing.

    Columns that a newer version of this project added to a table are added to one that is there.
    """
    statements = [f"create schema if not exists {schema}"]
    for table in tables:
        columns = ", ".join(
            f"{name} {_SQL_TYPES[kind]}{' not null' if name == 'file_id' else ''}"
            for name, kind in table.columns
        )
        statements.append(
            f"create table if not exists {schema}.{table.name} "
            f"({columns}, _dlt_load_id varchar not null)"
        )
        added = ", ".join(
            f"add column if not exists {name} {_SQL_TYPES[kind]}"
            for name, kind in table.columns
            if name != "file_id"
        )
        statements.append(f"alter table {schema}.{table.name} {added}")
        statements.append(
            f"create index if not exists {table.name}_file_id on {schema}.{table.name} (file_id)"
        )
    statements.append(f"create table if not exists {schema}._dlt_loads ({_LOADS_DDL})")
    return statements


def ensure_landing_tables(
    conn: psycopg.Connection[Any], schemas: Mapping[str, Sequence[LandingTable]]
) -> None:
    """Makes landing schemas and completes those of an earlier version; else a no-op.

    Args:
        conn: Connection in autocommit mode to the warehouse.
        schemas: Landing tables by schema.
    """
    wanted = {
        (schema, table.name, column)
        for schema, tables in schemas.items()
        for table in tables
        for column in table.column_names
    }
    wanted |= {(schema, "_dlt_loads", "load_id") for schema in schemas}
    found = conn.execute(
        "select n.nspname, c.relname, a.attname from pg_attribute as a "
        "join pg_class as c on c.oid = a.attrelid join pg_namespace as n on n.oid = c.relnamespace "
        "where n.nspname = any(%s) and c.relkind in ('r', 'p') and a.attnum > 0 "
        "and not a.attisdropped",
        (list(schemas),),
    ).fetchall()
    missing = wanted - set(found)
    if not missing:
        return
    with conn.transaction():
        # Two first loads at once would race in "create schema if not exists".
        lock_transaction(conn, "landing tables")
        for schema in sorted({schema for schema, _, _ in missing}):
            for statement in ddl(schema, schemas[schema]):
                conn.execute(statement)
