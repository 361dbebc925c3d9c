"""Two moments of a table are told apart by every change of it, and by nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.conftest import OTHER_SERVER
from warehouse import server
from warehouse.builds import begin_build, keep_build, undo_build
from warehouse.connection import connect
from warehouse.ledger import ensure_ops
from warehouse.marks import (
    CannotTell,
    Mark,
    kept_mark,
    relations_read,
    relations_written,
    server_state,
    settled,
)
from warehouse.settings import Settings

Conn = psycopg.Connection[Any]
READ = ["raw.rows", "raw.seen"]


@pytest.fixture
def tables(module_settings: Settings) -> Iterator[Conn]:
    """A table that is read, one behind a view that is read, and a mart over the first."""
    with connect(module_settings) as conn:
        fill(conn)
        yield conn
        conn.execute("drop schema raw, marts cascade")
        conn.execute("drop table if exists public.elsewhere")
        conn.execute("drop function if exists public.double")
        database = f'"{conn.info.dbname}"'
        conn.execute(f"alter role current_user in database {database} reset all".encode())


def fill(conn: Conn) -> None:
    conn.execute("create schema raw")
    conn.execute("create table raw.rows as select n from generate_series(1, 9) as n")
    conn.execute("create table raw.behind as select n from generate_series(1, 9) as n")
    conn.execute("create view raw.nearer as select n from raw.behind")
    conn.execute("create view raw.seen as select n from raw.nearer")
    conn.execute("create schema marts")
    conn.execute("create table marts.facts as select n from raw.rows")
    conn.execute("create view marts.readable as select n from marts.facts")
    conn.execute("create view marts.direct as select n from raw.rows")


def state(conn: Conn) -> tuple[dict[str, str], dict[str, str]]:
    """Both halves of a mark, with everything counted."""
    conn.execute("select pg_stat_force_next_flush()")
    read = relations_read(conn, READ) | server_state(conn)
    return read, relations_written(conn, ["marts"], read)


@pytest.mark.parametrize(
    "statement",
    [
        "insert into raw.rows values (10)",
        "update raw.rows set n = n where n = 1",
        "delete from raw.rows where n = 1",
        "truncate raw.rows",
        "alter table raw.rows add column m integer",
        "alter table raw.behind rename column n to m",
        # Behind two views.
        "insert into raw.behind values (10)",
        "create or replace view raw.nearer as select n + 1 as n from raw.behind",
        "begin; drop table raw.rows cascade; create table raw.rows (n integer); commit",
        "begin; insert into raw.rows values (10); rollback",
        "select pg_stat_reset()",
        "select pg_stat_reset_single_table_counters('raw.rows'::regclass)",
        "alter role current_user in database {} set timezone = 'Asia/Tokyo'",
    ],
)
def test_what_changes_an_input_shows(tables: Conn, statement: str) -> None:
    before, _ = state(tables)
    tables.execute(statement.format(f'"{tables.info.dbname}"').encode())
    after, _ = state(tables)
    assert after != before


@pytest.mark.parametrize(
    "statement",
    [
        "insert into marts.facts values (10)",
        "update marts.facts set n = 0 where n = 1",
        "delete from marts.facts where n = 1",
        "truncate marts.facts",
        "drop view marts.readable",
        "create or replace view marts.readable as select n * 2 as n from marts.facts",
        "alter table marts.facts rename column n to m",
        "create table marts.others (n integer)",
        "grant select on marts.facts to public",
        "revoke usage on schema marts from public; grant usage on schema marts to public",
        "create function public.double(n integer) returns integer language sql as 'select 2 * n'",
        "vacuum full marts.facts",
    ],
)
def test_what_changes_an_output_shows(tables: Conn, statement: str) -> None:
    _, before = state(tables)
    for part in statement.split("; "):
        tables.execute(part.encode())
    _, after = state(tables)
    assert after != before


@pytest.mark.parametrize(
    "statement",
    [
        "select count(*) from raw.rows, raw.seen, marts.readable",
        "analyze",
        "vacuum",
        "vacuum (freeze, analyze)",
        "create index on raw.rows (n)",
        "create table public.elsewhere as select 1 as n",
        "select * from raw.rows for update",
        "comment on schema marts is 'up to date'",
        "checkpoint",
    ],
)
def test_what_changes_nothing_does_not_show(tables: Conn, statement: str) -> None:
    before = state(tables)
    tables.execute(statement.encode())
    assert state(tables) == before


@pytest.mark.parametrize(
    ("statement", "because"),
    [
        ("create table raw.child () inherits (raw.rows)", "inherit"),
        (
            "drop table raw.rows cascade; create table raw.rows (n int) partition by list (n)",
            "neither table nor view",
        ),
        (
            "create function raw.hidden() returns bigint language sql as"
            " 'select count(*) from marts.facts';"
            " create or replace view raw.nearer as select raw.hidden()::int as n",
            "functions of its own",
        ),
        ("drop view raw.seen", "is not there"),
        ("alter role current_user in database {} set track_counts = off", "track_counts"),
        (
            "create table raw.more (n int); create view marts.stray as select n from raw.more",
            "more",
        ),
    ],
)
def test_where_rows_may_change_unseen_nothing_is_told(
    tables: Conn, statement: str, because: str
) -> None:
    tables.execute(statement.format(f'"{tables.info.dbname}"').encode())
    with pytest.raises(CannotTell, match=because):
        state(tables)


@pytest.fixture
def other(module_settings: Settings, tables: Conn) -> Iterator[Conn]:
    """A second session."""
    with connect(module_settings) as opened:
        yield opened


def test_rows_that_are_committed_and_not_yet_counted_are_waited_for(
    tables: Conn, other: Conn
) -> None:
    other.execute("insert into raw.rows values (10)")
    before, _ = state(tables)
    # Within a second after it sent its counters, a session keeps what it does to itself.
    other.execute("insert into raw.rows values (11)")
    hidden, _ = state(tables)
    assert not settled(tables, seconds=0)
    other.close()
    assert settled(tables, seconds=5)
    after, _ = state(tables)
    assert before == hidden != after


def test_a_transaction_that_is_open_is_seen_once_it_ends(tables: Conn, other: Conn) -> None:
    with other.transaction():
        other.execute("insert into raw.rows values (10)")
        before, _ = state(tables)
        assert not settled(tables, seconds=0)
    other.close()
    assert settled(tables, seconds=5)
    after, _ = state(tables)
    assert after != before


@pytest.mark.skipif(bool(OTHER_SERVER), reason="stops the server's processes")
def test_a_crash_of_the_server_shows(
    new_root: Callable[[str], Settings], kill_a_connection: Callable[[Settings], None]
) -> None:
    settings = new_root("crashing")
    server.start(settings)
    with connect(settings) as conn:
        before = server_state(conn)
    kill_a_connection(settings)
    with connect(settings) as conn:
        after = server_state(conn)
    assert after != before
    server.stop(settings)
    server.start(settings)
    with connect(settings) as conn:
        assert server_state(conn) == after


def test_any_later_build_leaves_no_mark(conn: Conn) -> None:
    ensure_ops(conn)
    mark = Mark({"raw.rows": "1"}, {"marts.facts": "2"}, ("marts",))

    def begin(*, complete: bool = True) -> None:
        begin_build(conn, str(uuid.uuid4()), complete=complete)

    def build() -> None:
        begin()
        keep_build(conn, mark)
        kept = kept_mark(conn)
        assert kept is not None
        assert kept.mark == mark

    build()
    begin()
    undo_build(conn, ["a_test"])
    assert kept_mark(conn) is None
    build()
    begin(complete=False)
    keep_build(conn)
    assert kept_mark(conn) is None
    build()
    # Killed: nobody closes it.
    begin()
    assert kept_mark(conn) is None
    build()
    # As plain dbt begins one.
    conn.execute("select ops.begin_build(null, 'dbt', true)")
    conn.execute("select ops.keep_build()")
    assert kept_mark(conn) is None
    build()
