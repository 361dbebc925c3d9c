"""The doctor: what is wrong comes with a fix, and no secret comes with either."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from warehouse import connection, ledger
from warehouse.doctor import Check, run_checks
from warehouse.lock import advisory_lock
from warehouse.settings import Settings


def _by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_a_fresh_warehouse_is_well(settings: Settings) -> None:
    # The root of the test's server is no checkout.
    checks = [check for check in run_checks(settings) if check.name != "dbt project"]
    assert [check for check in checks if not check.ok] == []
    assert settings.database in _by_name(checks)["Postgres"].detail


def test_everything_wrong_says_what_to_do(tmp_path: Path) -> None:
    settings = Settings(
        root=tmp_path,
        database_url=SecretStr("postgresql://me:hunter2@127.0.0.1:1/d"),
        enable_notion_sync=True,
        pinecone_api_key=SecretStr("hunter2"),
    )
    checks = run_checks(settings)
    wrong = [check for check in checks if not check.ok]
    assert {check.name for check in wrong} == {
        "Postgres",
        "ENABLE_NOTION_SYNC",
        "dbt project",
    }
    assert all(check.fix for check in wrong)
    assert "hunter2" not in repr(checks)
    assert _by_name(checks)["PINECONE_API_KEY"].detail == "set"


def test_dual_write_without_sync_is_told(settings: Settings) -> None:
    lonely = settings.model_copy(update={"enable_dual_write": True})
    assert not _by_name(run_checks(lonely))["ENABLE_DUAL_WRITE"].ok


def test_crashed_runs_and_holders_are_told(settings: Settings, conn: psycopg.Connection) -> None:
    ledger.ensure_ops(conn)
    with connection.connect(settings) as other:
        run_id = ledger.start_run(other, "load", {})
        with advisory_lock(conn, "load"):
            checks = _by_name(run_checks(settings))
            assert checks["runs"].ok
            assert "omics" in checks["locks"].detail
    with advisory_lock(conn, f"run:{run_id}", wait_seconds=5):
        pass
    assert "1 crashed" in _by_name(run_checks(settings))["runs"].detail
    run_id = ledger.start_run(conn, "load", {})
    ledger.finish_run(conn, run_id, exit_code=0, counts={}, durations={})
    assert _by_name(run_checks(settings))["runs"].ok


def test_a_search_path_that_may_not_be_set_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.ensure_database(settings)
    with psycopg.connect(connection.database_url(settings), autocommit=True) as conn:
        conn.execute(f"alter database {settings.database} reset search_path")
    monkeypatch.setattr(connection, "_ensure_search_path", lambda connection: None)
    check = _by_name(run_checks(settings))["search_path"]
    assert not check.ok
    assert "alter database" in check.fix
