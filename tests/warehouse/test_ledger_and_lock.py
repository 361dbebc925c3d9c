"""The run ledger and the locks: one at a time, and the dead are found."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import psycopg
import pytest

from warehouse import connection, exits, ledger
from warehouse.lock import LockHeld, advisory_lock, holder_of, lock_key
from warehouse.settings import Settings


def test_a_second_holder_is_refused_and_told_who_holds_it(
    settings: Settings, conn: psycopg.Connection
) -> None:
    with (
        connection.connect(settings, application_name="omics refresh") as other,
        advisory_lock(conn, "load"),
    ):
        with pytest.raises(LockHeld, match="omics") as caught, advisory_lock(other, "load"):
            pytest.fail("two hold it")
        assert caught.value.name == "load"
        assert caught.value.holder is not None
        assert caught.value.holder.pid == conn.info.backend_pid
        assert caught.value.holder.since is not None
        with advisory_lock(other, "something else"):
            pass
    assert holder_of(conn, "load") is None


def test_waiting_ends_when_the_holder_is_done(settings: Settings, conn: psycopg.Connection) -> None:
    with connection.connect(settings) as other:
        released = threading.Event()

        def hold() -> None:
            with advisory_lock(other, "load"):
                taken.set()
                released.wait(5)

        taken = threading.Event()
        holder = threading.Thread(target=hold)
        holder.start()
        taken.wait(5)
        threading.Timer(0.2, released.set).start()
        with advisory_lock(conn, "load", wait_seconds=10):
            pass
        holder.join()


def test_a_lock_goes_with_its_session(settings: Settings, conn: psycopg.Connection) -> None:
    other = connection.connect(settings)
    with advisory_lock(other, "load"):
        other.close()
        with advisory_lock(conn, "load", wait_seconds=5):
            pass


def test_an_error_inside_lets_go(conn: psycopg.Connection) -> None:
    with pytest.raises(ValueError, match="inside"), advisory_lock(conn, "load"):
        raise ValueError("inside")
    assert holder_of(conn, "load") is None


@pytest.mark.parametrize("name", ["", "load", "ü" * 300])
def test_keys_fit_postgres(name: str) -> None:
    assert -(2**63) <= lock_key(name) < 2**63


def test_keys_of_either_sign_find_their_holder(conn: psycopg.Connection) -> None:
    signs = set()
    for number in range(20):
        name = f"lock {number}"
        signs.add(lock_key(name) < 0)
        with advisory_lock(conn, name):
            assert holder_of(conn, name) is not None
    assert signs == {True, False}


@pytest.mark.parametrize(
    ("exit_code", "status"),
    [
        (exits.DONE, "done"),
        (exits.FAILED, "failed"),
        (exits.PARTIAL, "partial"),
        (exits.USAGE, "failed"),
        (exits.LOCKED, "locked"),
    ],
)
def test_a_run_is_written_down(conn: psycopg.Connection, exit_code: int, status: str) -> None:
    ledger.ensure_ops(conn)
    run_id = ledger.start_run(conn, "load", {"dir": "a b"})
    ledger.finish_run(
        conn, run_id, exit_code=exit_code, counts={"landed": 3}, durations={"load": 0.5}
    )
    row = conn.execute(
        "select status, exit_code, arguments, counts, durations, finished_at >= started_at"
        " from ops.runs where run_id = %s",
        (run_id,),
    ).fetchone()
    assert row == (status, exit_code, {"dir": "a b"}, {"landed": 3}, {"load": 0.5}, True)
    assert ledger.mark_dead_runs(conn) == []


def test_a_run_whose_session_is_gone_is_marked(
    settings: Settings, conn: psycopg.Connection
) -> None:
    ledger.ensure_ops(conn)
    alive = ledger.start_run(conn, "load", {})
    with connection.connect(settings) as other:
        dead = ledger.start_run(other, "load", {})
        assert ledger.mark_dead_runs(conn) == []
    with advisory_lock(conn, f"run:{dead}", wait_seconds=5):
        # The server has seen that the session is gone.
        pass
    assert ledger.mark_dead_runs(conn) == [dead]
    assert conn.execute("select run_id::text, status from ops.runs order by status").fetchall() == [
        (dead, "crashed"),
        (alive, "running"),
    ]


def test_the_schema_is_made_once_by_many(settings: Settings, conn: psycopg.Connection) -> None:
    errors: list[BaseException] = []

    def make() -> None:
        try:
            with connection.connect(settings) as other:
                ledger.ensure_ops(other)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    declared = [
        name
        for path in Path(ledger.__file__).parent.glob("*.sql")
        for name in re.findall(
            r"^create table if not exists ops\.(\w+)", path.read_text(), re.MULTILINE
        )
    ]
    assert {"runs", "run_results", "quarantine", "dataset_states"} <= set(declared)
    tables = conn.execute(
        "select table_name from information_schema.tables where table_schema = 'ops'"
    ).fetchall()
    assert sorted(name for (name,) in tables) == sorted(declared)
