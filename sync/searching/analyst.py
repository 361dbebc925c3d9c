"""Queries that someone else wrote, a model for example: as role `analyst`, read only, with caps.

`set role` alone would not do: a query can call `set_config('role', 'none')` and then have another
query run by `query_to_xml`. Postgres refuses any change of role inside a function that runs with
the rights of its owner, so queries run in one that `analyst` owns. It opens the query as a cursor,
which takes one statement, and no COPY, DO or SET. The transaction is read only and is always rolled
back, the time limit is set before the query begins, and the connection is closed after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from warehouse.errors import OmicsError

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]

#: Rows and bytes of an answer, and seconds of a query.
MOST_ROWS, MOST_BYTES, MOST_SECONDS = 500, 1_000_000, 10.0

_VERSION = "1"

_FUNCTION = """
create or replace function sync.as_analyst(query text, most_rows integer, most_bytes integer)
returns setof json
language plpgsql
security definer
set search_path = marts, pg_temp
as $body$
declare
    entry record;
    line json;
    given integer := 0;
    size bigint := 0;
begin
    for entry in execute query loop
        line := row_to_json(entry);
        given := given + 1;
        size := size + octet_length(line::text);
        if size > most_bytes then
            raise exception 'the answer has more than % bytes: select fewer or shorter columns',
                most_bytes using errcode = 'program_limit_exceeded';
        end if;
        return next line;
        exit when given > most_rows;
    end loop;
end
$body$
"""


@dataclass(frozen=True)
class Rows:
    """What a query gave.

    Attributes:
        rows: The first rows, as mappings of column to value.
        was_cut: Whether there were more.
    """

    rows: tuple[Mapping[str, Any], ...]
    was_cut: bool


def prepare(conn: Conn) -> None:
    """Makes the function, unless this version of it is there.

    Raises:
        OmicsError: There is no role `analyst`, or this user may not give it a function.
    """
    import psycopg

    row = conn.execute(
        "select obj_description(to_regprocedure('sync.as_analyst(text, integer, integer)'))"
    ).fetchone()
    if row is not None and row[0] == f"version {_VERSION}":
        return
    try:
        with conn.transaction():
            conn.execute("create schema if not exists sync")
            conn.execute("grant create on schema sync to analyst")
            conn.execute(_FUNCTION.encode())
            signature = "sync.as_analyst(text, integer, integer)"
            conn.execute(f"revoke all on function {signature} from public".encode())
            conn.execute(f"comment on function {signature} is 'version {_VERSION}'".encode())
            conn.execute(f"alter function {signature} owner to analyst".encode())
            conn.execute(f"grant execute on function {signature} to current_user".encode())
            conn.execute("revoke create on schema sync from analyst")
    except psycopg.Error as error:
        raise OmicsError(
            f"queries cannot be run as role analyst: {str(error).splitlines()[0]}",
            where="sync.as_analyst",
            expected="a role `analyst`, and the right to make it the owner of a function",
            fix="run omics build, or ask an administrator: grant analyst to this user",
        ) from None


def run(conn: Conn, query: str, *, most_rows: int = 200, seconds: float = MOST_SECONDS) -> Rows:
    """Runs one query.

    Args:
        conn: An autocommit connection of its own, which is closed afterwards by whoever made it.
        query: One statement that gives rows.
        most_rows: Rows to give, `MOST_ROWS` at most.
        seconds: Time for it, `MOST_SECONDS` at most.

    Raises:
        OmicsError: It is refused, wrong, or took too long; the message is that of Postgres.
    """
    import psycopg

    most = max(1, min(most_rows, MOST_ROWS))
    prepare(conn)
    try:
        with conn.transaction(force_rollback=True):
            conn.execute("set transaction read only")
            conn.execute(
                "select set_config('statement_timeout', %s, true)",
                (f"{min(seconds, MOST_SECONDS) * 1000:.0f}ms",),
            )
            conn.execute("select set_config('work_mem', '16MB', true)")
            found = conn.execute(
                "select * from sync.as_analyst(%s, %s, %s)",
                (query.replace("\0", ""), most, MOST_BYTES),
            ).fetchall()
    except psycopg.errors.QueryCanceled:
        raise OmicsError(
            f"the query took more than {min(seconds, MOST_SECONDS):g} s",
            where="query",
            expected="one that ends in time",
            fix="narrow it down with where, or group less",
        ) from None
    except psycopg.Error as error:
        raise OmicsError(
            str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__,
            where="query",
            expected="one select over marts",
        ) from None
    rows = tuple(dict(row[0]) for row in found)
    return Rows(rows[:most], len(rows) > most)
