"""Refreshes that fail, are killed or meet: the marts hold what passed, and the ledger says so."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.end_to_end.project import Project, change_everything, checksums, copy_project, stamps
from tests.end_to_end.test_refresh import content, differences
from warehouse import exits
from warehouse.lock import holder_of
from warehouse.settings import Settings

KILLS = 10

#: Done, or done with a row that was rejected.
FINE = (exits.DONE, exits.PARTIAL)

PLANTED_TEST = "select 1 as planted from {{ ref('datasets') }} limit 1\n"

#: Fails once, in the way of two sessions that wait for each other: a sequence is not rolled back.
FLAKY_TEST = "select 1 as planted where public.fails_once()\n"
FLAKY_FUNCTION = """
create sequence public.attempts;
create function public.fails_once() returns boolean language plpgsql as $$
begin
    if nextval('public.attempts') = 1 then
        raise exception using errcode = '40P01', message = 'deadlock detected';
    end if;
    return false;
end
$$
"""


@pytest.fixture(scope="module")
def project(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose data have been refreshed once."""
    made = copy_project(tmp_path_factory.mktemp("project"), module_settings)
    made.omics("refresh")
    return made


@pytest.fixture(scope="module")
def conn(project: Project) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the project's database."""
    with project.connect() as opened:
        yield opened


def last_run(conn: psycopg.Connection[Any]) -> dict[str, Any]:
    """The newest refresh in the ledger."""
    cursor = conn.execute(
        "select run_id::text, status, exit_code, message, counts, finished_at is not null as ended"
        " from ops.runs where command = 'refresh' order by started_at desc limit 1"
    )
    row = cursor.fetchone()
    assert row is not None
    assert cursor.description is not None
    return dict(zip([column.name for column in cursor.description], row, strict=True))


def remark_on_marts(conn: psycopg.Connection[Any]) -> str:
    row = conn.execute(
        "select obj_description(to_regnamespace('marts'), 'pg_namespace')"
    ).fetchone()
    assert row is not None
    return str(row[0])


def saved_tables(conn: psycopg.Connection[Any]) -> list[Any]:
    return conn.execute(
        "select relname from pg_class where relnamespace = 'marts_undo'::regnamespace"
    ).fetchall()


def test_a_refresh_in_which_nothing_changed_does_not_build_and_says_so(project: Project) -> None:
    with project.connect() as opened:
        before = stamps(opened)
        state = opened.execute("select max(finished_at) from ops.builds").fetchone()
        built = last_run(opened)
    planned = json.loads(project.omics("refresh", "--dry-run", "--json"))
    assert planned["build"]["because"] is None
    told = json.loads(project.omics("refresh", "--json"))
    assert told["build"]["because"] is None
    assert (datetime.fromisoformat(told["build"]["unchanged_since"]),) == state
    printed = project.omics("refresh")
    assert "nothing changed since the build of " in printed
    with project.connect() as opened:
        assert stamps(opened) == before
        run = last_run(opened)
        builds = opened.execute("select count(*) from ops.builds").fetchone()
    assert (run["status"], run["exit_code"], builds) == ("done", exits.DONE, (1,))
    assert run["counts"]["build_skipped"] == 1
    assert run["counts"]["diff_datasets_added"] == 0
    assert "build_skipped" not in built["counts"]
    for named in ((), (run["run_id"],)):
        diff = json.loads(project.omics("diff", *named, "--json"))
        assert (diff["run_id"], diff["datasets"], diff["marts"]) == (run["run_id"], [], {})
    (log,) = (project.root / ".warehouse" / "logs").glob("*.jsonl")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [
        event
        for event in events
        if event["run_id"] == run["run_id"] and event["event"] == "step_ended"
    ]
    assert [step["step"] for step in steps] == [
        "notion", "load", "freshness", "build", "index", "sync",
    ]  # fmt: skip
    assert steps[3]["skipped"].startswith("nothing changed since ")


def test_a_build_in_which_nothing_changed_writes_no_row_and_another_at_once_is_told_who_is_at_work(
    project: Project, conn: psycopg.Connection[Any]
) -> None:
    before = stamps(conn)
    assert len(before) >= 30
    # Of no matter for the marts, but it is for the refresh to build and not to know that.
    first = project.start("refresh", OMICS_DBT_THREADS="3")
    while (holder := holder_of(conn, "refresh")) is None:
        assert first.poll() is None, "the first refresh ended before it took its lock"
        time.sleep(0.02)
    began = time.monotonic()
    second = project.start("refresh")
    _, told = second.communicate()
    waited = time.monotonic() - began
    assert first.poll() is None, "the first refresh was done before the second was refused"
    assert second.returncode == exits.LOCKED
    assert f"omics {first.pid}" in told
    assert f"server process {holder.pid}" in told
    first.communicate()
    assert first.returncode == exits.DONE
    assert waited < 60
    assert stamps(conn) == before
    assert remark_on_marts(conn).startswith("up to date, built ")


def test_a_dry_run_writes_nothing(project: Project, conn: psycopg.Connection[Any]) -> None:
    runs = conn.execute("select count(*) from ops.runs").fetchone()
    shown = json.loads(project.omics("refresh", "--dry-run", "--json"))
    assert shown["plan"]["counts"]["unchanged"] == 8
    assert shown["marts"]["stale_since"] is None
    assert conn.execute("select count(*) from ops.runs").fetchone() == runs


def test_a_build_that_fails_on_a_test_leaves_every_mart_as_it_was(
    project: Project, conn: psycopg.Connection[Any], tmp_path: Path
) -> None:
    before = checksums(conn)
    change_everything(project, seed=1)
    planted = project.dbt / "tests" / "assert_planted.sql"
    planted.write_text(PLANTED_TEST)
    notes = tmp_path / "notes.json"
    try:
        printed = project.omics(
            "refresh", "--prune", codes=(exits.FAILED,), OMICS_NOTIFY_COMMAND=f"cat > '{notes}'"
        )
    finally:
        planted.unlink()
    assert "assert_planted" in printed
    assert checksums(conn) == before
    assert saved_tables(conn) == []
    run = last_run(conn)
    assert (run["status"], run["exit_code"]) == ("failed", exits.FAILED)
    assert run["message"] == "failed: assert_planted"
    # It had been built: most marts were another before they were put back.
    assert run["counts"]["rows_restored"] > 100
    assert remark_on_marts(conn).startswith("stale since ")
    assert "assert_planted" in remark_on_marts(conn)
    status = json.loads(project.omics("status", "--json"))
    assert status["marts"]["failed"] == ["assert_planted"]
    told = json.loads(notes.read_text())
    assert told["run_id"] == run["run_id"]
    assert "failed: assert_planted" in told["text"]
    (log,) = (project.root / ".warehouse" / "logs").glob("*.jsonl")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    own = [event for event in events if event["run_id"] == run["run_id"]]
    assert [event["step"] for event in own if event["event"] == "step_ended"] == [
        "notion", "load", "freshness", "build",
    ]  # fmt: skip
    assert own[-1]["event"] == "run_ended"
    assert own[-1]["exit_code"] == exits.FAILED


def test_a_model_that_fails_leaves_every_mart_as_it_was(
    project: Project, conn: psycopg.Connection[Any]
) -> None:
    before = checksums(conn)
    model = project.dbt / "models" / "marts" / "documents.sql"
    sound = model.read_text()
    # One of the last to be built: the facts stand by then.
    model.write_text(
        sound.replace(
            "from all_chunks\n", "from all_chunks where 1 / length(left(all_chunks.title, 0)) = 1\n"
        )
    )
    try:
        printed = project.omics("build", codes=(exits.FAILED,))
    finally:
        model.write_text(sound)
    assert "documents" in printed
    assert "division by zero" in printed
    assert checksums(conn) == before
    assert saved_tables(conn) == []


def test_what_fails_for_a_moment_is_tried_once_more_and_the_changes_are_told(
    project: Project, conn: psycopg.Connection[Any]
) -> None:
    before = checksums(conn)
    change_everything(project, seed=1)
    conn.execute(FLAKY_FUNCTION.encode())
    planted = project.dbt / "tests" / "assert_flaky.sql"
    planted.write_text(FLAKY_TEST)
    try:
        printed = project.omics("refresh", "--prune", codes=FINE)
    finally:
        planted.unlink()
    assert "tried once more: assert_flaky" in printed
    assert remark_on_marts(conn).startswith("up to date, built ")
    after = checksums(conn)
    for mart in ("programs", "dataset_features", "signatures", "signature_scores", "documents"):
        assert after[mart] != before[mart], mart
    run = last_run(conn)
    assert run["counts"]["retried_nodes"] == 1
    told = json.loads(project.omics("diff", "--json"))
    assert told["run_id"] == run["run_id"]
    found = {
        (dataset["name"], dataset["change"]): dataset["counts"] for dataset in told["datasets"]
    }
    # 12 rows became 11, of which all numbers are others; one of nine rows could not be read.
    lipids = found["Lipids", "changed"]
    assert (lipids["features_removed"], lipids["features_changed"]) == (1, 11)
    assert found["new_1", "added"]["features_added"] == 8
    assert found["1", "removed"]["features_removed"] == 12
    assert "datasets" not in told["marts"]
    assert told["marts"]["programs"] == {"added": 1, "removed": 0, "changed": 1}
    # A new component leaves no score of the signature as it was.
    assert sum(counts["scores_changed"] for counts in found.values()) > 0


@pytest.mark.slow
def test_ten_killed_refreshes_and_a_run_equal_a_clean_build(
    project: Project, conn: psycopg.Connection[Any]
) -> None:
    seed = time.time_ns() % 10**6
    chance = random.Random(seed)  # noqa: S311 - moments to kill at, nothing secret
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    # What the runs before took, and the start of the command.
    (usual,) = conn.execute(
        "select avg(extract(epoch from finished_at - started_at))::float8 + 2 from ops.runs"
        " where command = 'refresh' and not counts ? 'build_skipped'"
    ).fetchone() or (30.0,)
    killed = 0
    left: set[Any] = set()
    for number in range(KILLS):
        change_everything(project, seed=2 + number)
        process = project.start("refresh", "--prune")
        try:
            process.communicate(timeout=chance.uniform(0.1, 0.95) * usual)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            killed += 1
            # Not all: one killed before it began, or while it was leaving, broke no run off.
            left |= {
                run_id
                for (run_id,) in conn.execute(
                    "select run_id from ops.runs where command = 'refresh' and status = 'running'"
                ).fetchall()
            }
    assert len(left) >= KILLS // 2, "the kills came too early or too late to say anything"
    # The last one killed may hold its lock for a moment.
    project.omics("refresh", "--prune", "--wait", "60", codes=FINE)
    ended = dict(
        conn.execute("select run_id, status from ops.runs where command = 'refresh'").fetchall()
    )
    assert "running" not in ended.values()
    crashed = {run_id for run_id, status in ended.items() if status == "crashed"}
    assert left <= crashed
    assert len(crashed) <= killed
    assert last_run(conn)["status"] in ("done", "partial")
    assert saved_tables(conn) == []
    assert remark_on_marts(conn).startswith("up to date, built ")
    after_kills = content(conn)
    project.omics("build", "--full-refresh")
    assert differences(after_kills, content(conn)) == {}
