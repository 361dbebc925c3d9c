"""Keeps dbt's seed tables equal to their CSV files, so that plain ``dbt run`` finds them.

``dbt run`` builds models and no seeds, and ``dbt build`` writes every seed again each time. Here a
seed is copied only when its file has changed since; the hash of the file stands in the table's
comment.
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.errors import OmicsError
from warehouse.lock import lock_transaction

if TYPE_CHECKING:
    import psycopg

#: Schema of the seeds, as dbt_project.yml says it.
SCHEMA = "intermediate"
_COMMENT = "omics seed "


def ensure_seeds(conn: psycopg.Connection[Any], folder: Path) -> list[str]:
    """Copies the seeds whose CSV has changed since they were last copied.

    Args:
        conn: Connection in autocommit mode.
        folder: Folder of the CSV files and of the yml that gives the type of every column.

    Returns:
        Names of the seeds that were copied.

    Raises:
        OmicsError: A column has no type, or a value does not fit its type.
    """
    files = {path.stem: path for path in sorted(folder.glob("*.csv"))}
    if not files:
        return []
    hashes = {
        name: hashlib.sha256(path.read_bytes() + repr(_types_text(folder)).encode()).hexdigest()
        for name, path in files.items()
    }
    known = dict(
        conn.execute(
            "select c.relname, obj_description(c.oid, 'pg_class') from pg_class as c "
            "join pg_namespace as n on n.oid = c.relnamespace "
            "where n.nspname = %s and c.relkind = 'r' and c.relname = any(%s)",
            (SCHEMA, list(files)),
        ).fetchall()
    )
    changed = [name for name in files if known.get(name) != _COMMENT + hashes[name]]
    if not changed:
        return []
    types = _column_types(folder)
    with conn.transaction():
        # Two first commands at once would race in "create schema if not exists".
        lock_transaction(conn, "seeds")
        conn.execute(f"create schema if not exists {SCHEMA}")
        for name in changed:
            _copy(conn, name, files[name], types.get(name, {}), hashes[name])
    return changed


def _types_text(folder: Path) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yml"))]


def _column_types(folder: Path) -> dict[str, dict[str, str]]:
    import yaml

    types: dict[str, dict[str, str]] = {}
    for text in _types_text(folder):
        for seed in (yaml.safe_load(text) or {}).get("seeds", []):
            types[seed["name"]] = seed.get("config", {}).get("column_types", {})
    return types


def _copy(
    conn: psycopg.Connection[Any], name: str, path: Path, types: dict[str, str], digest: str
) -> None:
    from psycopg import sql

    text = path.read_text(encoding="utf-8")
    header = next(csv.reader(text.splitlines()))
    untyped = [column for column in header if column not in types]
    if untyped:
        raise OmicsError(
            what=f"no type is declared for column {', '.join(untyped)} of seed {name}",
            where=str(path),
            expected="config.column_types of the seed names every column",
            fix=f"declare them in the yml beside {path.name}",
        )
    table = sql.Identifier(SCHEMA, name)
    wanted = [(column, _canonical_type(conn, types[column])) for column in header]
    found = conn.execute(
        "select a.attname, format_type(a.atttypid, null) from pg_attribute as a "
        "where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped "
        "order by a.attnum",
        (f"{SCHEMA}.{name}",),
    ).fetchall()
    if found == wanted:
        conn.execute(sql.SQL("truncate {}").format(table))
    else:
        # Views over a seed of another shape are made again by the next build.
        conn.execute(sql.SQL("drop table if exists {} cascade").format(table))
        conn.execute(
            sql.SQL("create table {} ({})").format(
                table,
                sql.SQL(", ").join(
                    sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind))
                    for column, kind in wanted
                ),
            )
        )
    with (
        conn.cursor() as cursor,
        cursor.copy(
            sql.SQL("copy {} from stdin with (format csv, header true)").format(table)
        ) as copy,
    ):
        copy.write(text)
    conn.execute(sql.SQL("comment on table {} is {}").format(table, sql.Literal(_COMMENT + digest)))
    conn.execute(sql.SQL("analyze {}").format(table))


def _canonical_type(conn: psycopg.Connection[Any], kind: str) -> str:
    row = conn.execute("select format_type(to_regtype(%s), null)", (kind,)).fetchone()
    if row is None or row[0] is None:
        raise OmicsError(
            what=f"unknown type {kind}",
            where="dbt_project/seeds",
            expected="a type of Postgres, such as text or double precision",
            fix="correct config.column_types of the seed",
        )
    return str(row[0])
