"""Loads that are killed, or run at the same time, leave what a clean run leaves."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from loaders.landing_tables import FILES, TABLES
from loaders.load import LoadReport
from tests.conftest import REPOSITORY
from tests.loading.files import write_lipids
from warehouse import exits
from warehouse.connection import connect
from warehouse.lock import advisory_lock, holder_of
from warehouse.settings import Settings

Current = Callable[[], dict[str, tuple[int, str]]]
Load = Callable[..., LoadReport]

FILES_PER_LOAD = 200
KILLS = 10


def start(
    *arguments: str, environment: dict[str, str], keep: bool = False
) -> subprocess.Popen[bytes]:
    """Starts a command; ``keep`` keeps what it prints for ``communicate``."""
    target = subprocess.PIPE if keep else subprocess.DEVNULL
    return subprocess.Popen(
        [sys.executable, "-m", "omics.cli", *arguments],
        cwd=REPOSITORY,
        env=environment,
        stdout=target,
        stderr=target,
    )


def omics(*arguments: str, environment: dict[str, str]) -> int:
    """Runs a command to its end and returns its exit code; what it printed is shown on failure."""
    process = start(*arguments, environment=environment, keep=True)
    output, errors = process.communicate()
    print(output.decode(), errors.decode())  # noqa: T201 - shown when the test fails
    return process.returncode


def rows_of(version: int) -> int:
    """Rows of each file of a version: other than in the versions before and after it."""
    return 5 + version % 3


def write_version(folder: Path, version: int) -> None:
    for number in range(FILES_PER_LOAD):
        write_lipids(
            folder / "lipidomics" / f"{number:03}.csv",
            rows=rows_of(version),
            assays=3,
            seed=number + 997 * version,
        )


def test_ten_killed_loads_each_run_again_equal_a_clean_one(
    tmp_path: Path,
    conn: psycopg.Connection[Any],
    environment: dict[str, str],
    load_folder: Load,
    current: Current,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # For the loads in this process only: reading processes cost more than such small files.
    monkeypatch.setattr("loaders.pool.MIN_FILES_FOR_WORKERS", FILES_PER_LOAD + 1)
    seed = time.time_ns() % 10**6
    chance = random.Random(seed)  # noqa: S311 - moments to kill at, nothing secret
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    write_version(tmp_path, 0)
    began = time.monotonic()
    assert omics("load", "--dir", str(tmp_path), environment=environment) == exits.DONE
    usual = time.monotonic() - began
    killed = version = 0
    while killed < KILLS:
        version += 1
        assert version <= 3 * KILLS, "the kills came too late to say anything"
        write_version(tmp_path, version)
        process = start("load", "--dir", str(tmp_path), environment=environment)
        try:
            process.wait(timeout=chance.uniform(0.25, 1.0) * usual)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
        # Whatever the moment: what is visible is a complete version of every file, old or new.
        assert {count for count, _ in current().values()} <= {
            rows_of(version - 1),
            rows_of(version),
        }
        # In this process, which spares a start; the killed one's lock may last a moment.
        again = load_folder(tmp_path, wait_seconds=30)
        assert again.is_complete
        if again.counts["files_loaded"] == 0:
            # All was done by then, for the first load was a slow one: the next kills come earlier.
            usual *= 0.7
        seen = current()
        assert len(seen) == FILES_PER_LOAD
        assert {count for count, _ in seen.values()} == {rows_of(version)}
    assert unfinished_rows(conn) == 0
    statuses = dict(
        conn.execute("select status, count(*) from ops.runs group by status").fetchall()
    )
    assert statuses.get("running", 0) == 0
    after_kills = current()
    assert omics("load", "--dir", str(tmp_path), "--reread", environment=environment) == 0
    assert current() == after_kills


def test_rows_of_an_unfinished_load_are_invisible_and_swept(
    tmp_path: Path, conn: psycopg.Connection[Any], load_folder: Load, current: Current
) -> None:
    write_lipids(tmp_path / "lipidomics" / "a.csv")
    assert load_folder(tmp_path).is_complete
    before = current()
    for table in TABLES:
        names = ", ".join(name for name in table.column_names if name != "loaded_at")
        names = names if table is not FILES else f"{names}, loaded_at"
        values = names.replace("loaded_at", "loaded_at + interval '1 hour'")
        conn.execute(
            f"insert into raw_lipidomics.{table.name} ({names}, _dlt_load_id) "
            f"select {values}, 'unfinished' from raw_lipidomics.{table.name}"
        )
    assert unfinished_rows(conn) > 0
    assert current() == before
    conn.execute(
        "insert into ops.runs (run_id, command, status) "
        "values (gen_random_uuid(), 'load', 'running')"
    )
    assert load_folder(tmp_path).is_complete
    assert unfinished_rows(conn) == 0
    assert current() == before


def test_two_loads_at_once_make_no_duplicate(
    tmp_path: Path, conn: psycopg.Connection[Any], environment: dict[str, str], current: Current
) -> None:
    write_version(tmp_path, 0)
    arguments = ("load", "--dir", str(tmp_path))
    runs = [start(*arguments, environment=environment, keep=True) for _ in range(2)]
    waiting = start(*arguments, "--wait", "60", environment=environment, keep=True)
    codes = []
    for run in runs:
        output, errors = run.communicate()
        print(output.decode(), errors.decode())  # noqa: T201 - shown when the test fails
        codes.append(run.returncode)
        if run.returncode == exits.LOCKED:
            assert b"another run holds the lock" in errors
    output, errors = waiting.communicate()
    print(output.decode(), errors.decode())  # noqa: T201 - shown when the test fails
    assert set(codes) <= {exits.DONE, exits.LOCKED}
    assert waiting.returncode == exits.DONE
    (held,) = conn.execute(
        "select count(*), count(distinct file_id) from raw_lipidomics.files"
    ).fetchall()
    assert held == (FILES_PER_LOAD, FILES_PER_LOAD)
    assert len(current()) == FILES_PER_LOAD


def test_loads_of_two_sources_do_not_wait_for_each_other(
    tmp_path: Path, settings: Settings, load_folder: Load, environment: dict[str, str]
) -> None:
    write_lipids(tmp_path / "lipidomics" / "a.csv")
    with connect(settings) as other, advisory_lock(other, "load:proteomics"):
        assert load_folder(tmp_path, source="lipidomics").is_complete
        assert omics("load", "--dir", str(tmp_path), environment=environment) == exits.LOCKED


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_killed_load_leaves_no_process_behind(
    tmp_path: Path, conn: psycopg.Connection[Any], environment: dict[str, str], workers: str
) -> None:
    write_version(tmp_path, 0)
    process = start(
        "load", "--dir", str(tmp_path), environment=environment | {"OMICS_WORKERS": workers}
    )
    # Killed while it reads: it holds its lock, and its readers, if it uses any, are there.
    readers = 2 if workers == "2" and Path("/proc/self/stat").exists() else 0
    children: list[int] = []
    while process.poll() is None and not (has_begun(conn) and len(children) >= readers):
        time.sleep(0.02)
        children = descendants(process.pid)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "it was done before it could be killed"
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and any(alive(pid) for pid in children):
        time.sleep(0.1)
    assert [pid for pid in children if alive(pid)] == []


def has_begun(conn: psycopg.Connection[Any]) -> bool:
    """Whether a load holds its lock."""
    return holder_of(conn, "load:lipidomics") is not None


def unfinished_rows(conn: psycopg.Connection[Any]) -> int:
    total = 0
    for table in TABLES:
        (row,) = conn.execute(
            f"select count(*) from raw_lipidomics.{table.name} as r where not exists "
            "(select 1 from raw_lipidomics._dlt_loads as l where l.load_id = r._dlt_load_id)"
        ).fetchall()
        total += row[0]
    return total


def descendants(pid: int) -> list[int]:
    """Processes below a process, from /proc; empty where there is none."""
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            child = int(entry.parent.name)
            found += [child, *descendants(child)]
    return found


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
