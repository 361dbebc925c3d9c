"""Questions to the database, their answers as dictionaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from warehouse.errors import OmicsError

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql


def rows(
    conn: psycopg.Connection[Any],
    query: str | sql.Composed,
    values: Sequence[Any] | Mapping[str, Any] = (),
) -> list[dict[str, Any]]:
    """Returns the rows of a query.

    Raises:
        OmicsError: The marts are not built, or this role may not read what is asked for.
    """
    import psycopg
    from psycopg.rows import dict_row

    try:
        with conn.cursor(row_factory=dict_row) as cursor:
            cursor.execute(query, values)
            return cursor.fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise OmicsError(
            f"the marts are not built: {_first_line(error)}",
            where=f"database {conn.info.dbname}",
            expected="tables that `omics load` and `omics build` make",
            fix="omics build",
        ) from None
    except psycopg.errors.InsufficientPrivilege as error:
        raise OmicsError(
            f"this role may not read where rows come from: {_first_line(error)}",
            where=f"role {conn.info.user}",
            expected="a role that reads raw schemas, intermediate and ops beside marts",
            fix="ask with the role that loads",
        ) from None


def first(
    conn: psycopg.Connection[Any],
    query: str | sql.Composed,
    values: Sequence[Any] | Mapping[str, Any] = (),
) -> dict[str, Any] | None:
    """Returns the first row of a query, or None."""
    return next(iter(rows(conn, query, values)), None)


def exists(conn: psycopg.Connection[Any], table: str) -> bool:
    """Whether there is such a table or view."""
    found = conn.execute("select to_regclass(%s) is not null", (table,)).fetchone()
    return bool(found and found[0])


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
