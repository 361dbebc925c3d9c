"""What is saved before it is touched comes back, whatever way a build touched it."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
import pytest

from warehouse.builds import begin_build, keep_build, marts_state, undo_build
from warehouse.ledger import ensure_ops
from warehouse.status import status_of


@pytest.fixture
def marts(conn: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """Two marts that were built before, and a view over one of them."""
    ensure_ops(conn)
    conn.execute("create schema marts")
    conn.execute("create table marts.datasets as select 1 as dataset_id, 'old' as name")
    conn.execute(
        "create table marts.facts as select d as dataset_id, r as row_number, 'old' as name"
        " from generate_series(1, 3) as d, generate_series(1, 4) as r"
    )
    conn.execute("create view marts.readable as select f.name from marts.facts as f")
    return conn


def facts(conn: psycopg.Connection[Any]) -> list[Any]:
    return conn.execute(
        "select dataset_id, row_number, name from marts.facts order by 1, 2, 3"
    ).fetchall()


def replace(conn: psycopg.Connection[Any], dataset: int, name: str) -> None:
    """What a model does: save, delete, insert, in one transaction."""
    with conn.transaction():
        conn.execute(
            "select ops.remember('facts', array['dataset_id'], %s)", (f"select {dataset}",)
        )
        conn.execute("delete from marts.facts where dataset_id = %s", (dataset,))
        conn.execute("insert into marts.facts values (%s, 1, %s)", (dataset, name))


def make_anew(conn: psycopg.Connection[Any]) -> None:
    """What dbt does in a full refresh: another table takes the name."""
    conn.execute("alter table marts.facts rename to facts__dbt_backup")
    conn.execute(
        "create table marts.facts as select 9 as dataset_id, 9 as row_number, 'new' as name"
    )
    conn.execute("select ops.set_aside('facts__dbt_backup', 'facts')")
    conn.execute("create view marts.readable as select f.name from marts.facts as f")


def begin(conn: psycopg.Connection[Any]) -> None:
    begin_build(conn, str(uuid.uuid4()), complete=True)


def test_rows_come_back_whatever_was_done_to_them(marts: psycopg.Connection[Any]) -> None:
    before = facts(marts)
    begin(marts)
    replace(marts, 2, "new")
    replace(marts, 2, "newer")
    replace(marts, 7, "of a dataset that was not there")
    assert facts(marts) != before
    assert undo_build(marts, ["a_test"]) == 4
    assert facts(marts) == before
    state = marts_state(marts)
    assert (state.is_stale, state.failed, state.rows_restored) == (True, ("a_test",), 4)
    begin(marts)
    replace(marts, 2, "new")
    keep_build(marts)
    assert not marts_state(marts).is_stale
    assert (2, 1, "new") in facts(marts)


def test_a_table_made_anew_comes_back_with_its_views(marts: psycopg.Connection[Any]) -> None:
    before = facts(marts)
    begin(marts)
    replace(marts, 1, "new")
    make_anew(marts)
    # A retry: neither is the first touch any more.
    marts.execute("drop view marts.readable")
    make_anew(marts)
    replace(marts, 9, "newest")
    undo_build(marts, [])
    assert facts(marts) == before
    assert marts.execute("select count(*) from marts.readable").fetchone() == (12,)


def test_a_build_that_was_killed_counts_as_part_of_the_next(
    marts: psycopg.Connection[Any],
) -> None:
    before = facts(marts)
    begin(marts)
    replace(marts, 1, "killed")
    assert marts_state(marts).cut_off
    begin(marts)
    replace(marts, 1, "again")
    replace(marts, 3, "again")
    undo_build(marts, ["x"])
    assert facts(marts) == before
    statuses = marts.execute("select status from ops.builds order by started_at").fetchall()
    assert statuses == [("cut_off",), ("failed",)]


def test_killed_between_two_renames(marts: psycopg.Connection[Any]) -> None:
    before = facts(marts)
    begin(marts)
    marts.execute("alter table marts.facts rename to facts__dbt_backup")
    marts.execute("create table marts.facts (like marts.facts__dbt_backup)")
    undo_build(marts, [])
    assert facts(marts) == before
    assert marts.execute("select count(*) from marts.readable").fetchone() == (12,)


def test_a_first_build_that_fails_has_nothing_to_go_back_to(
    conn: psycopg.Connection[Any],
) -> None:
    ensure_ops(conn)
    begin(conn)
    conn.execute("create schema marts")
    conn.execute("create table marts.facts as select 1 as dataset_id, 1 as row_number, 'x' as name")
    replace(conn, 1, "new")
    undo_build(conn, ["x"])
    assert facts(conn) == [(1, 1, "new")]
    state = marts_state(conn)
    assert (state.is_stale, state.good_at, state.rows_restored) == (True, None, None)


def test_the_holder_of_the_lock_is_known_to_dbt(conn: psycopg.Connection[Any]) -> None:
    from warehouse.lock import advisory_lock

    ensure_ops(conn)
    (none,) = conn.execute("select ops.build_lock_holder()").fetchone() or ()
    with advisory_lock(conn, "build"):
        (holder,) = conn.execute("select ops.build_lock_holder()").fetchone() or ()
    assert (none, holder) == (None, conn.info.backend_pid)


def test_a_refresh_that_is_unlike_the_others_is_told(conn: psycopg.Connection[Any]) -> None:
    ensure_ops(conn)
    for minutes, seconds, rows in ((50, 10, 100), (40, 11, 0), (30, 9, 120), (20, 10, 110)):
        conn.execute(
            "insert into ops.runs (run_id, command, status, started_at, finished_at, counts,"
            " durations) values (gen_random_uuid(), 'refresh', 'done', now() - %s::interval,"
            " now() - %s::interval + %s::interval, jsonb_build_object('rows_landed', %s::int),"
            " jsonb_build_object('build', %s::int))",
            (f"{minutes} min", f"{minutes} min", f"{seconds} s", rows, seconds),
        )
    assert status_of(conn)["drift"] == []
    conn.execute(
        "insert into ops.runs (run_id, command, status, started_at, finished_at, counts, durations)"
        " values (gen_random_uuid(), 'refresh', 'done', now() - interval '1 min', now(),"
        " '{\"rows_landed\": 12}', '{\"build\": 55}')"
    )
    told = " ".join(status_of(conn)["drift"])
    assert "took 60 s" in told
    assert "step build took 55 s; usually 10 s" in told
    assert "rows landed: 12; usually 110" in told


def test_a_refresh_that_had_nothing_to_build_is_compared_with_its_like(
    conn: psycopg.Connection[Any],
) -> None:
    ensure_ops(conn)
    for number in range(12):
        is_skipped = number % 4 != 3
        conn.execute(
            "insert into ops.runs (run_id, command, status, started_at, finished_at, counts,"
            " durations) values (gen_random_uuid(), 'refresh', 'done', now() - %(ago)s::interval,"
            " now() - %(ago)s::interval + %(took)s::interval, %(counts)s::jsonb,"
            " jsonb_build_object('build', %(build)s::int))",
            {
                "ago": f"{60 - number} min",
                "took": "2 s" if is_skipped else "40 s",
                "counts": '{"build_skipped": 1}' if is_skipped else "{}",
                "build": 0 if is_skipped else 38,
            },
        )
        assert status_of(conn)["drift"] == []
    conn.execute(
        "insert into ops.runs (run_id, command, status, started_at, finished_at, counts)"
        " values (gen_random_uuid(), 'refresh', 'done', now() - interval '1 min',"
        " now() - interval '40 s', '{\"build_skipped\": 1}')"
    )
    assert status_of(conn)["drift"] == [
        "the last refresh took 20 s; the median of 9 before it is 2 s"
    ]
