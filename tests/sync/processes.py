"""Workers in processes of their own, to be killed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from sync.options import Options
from tests.conftest import REPOSITORY
from warehouse import connection
from warehouse.settings import Settings

Conn = psycopg.Connection[Any]
WORKER = Path(__file__).with_name("worker.py")


def start_worker(settings: Settings, service: str, options: Options) -> subprocess.Popen[bytes]:
    """Begins an apply in a process of its own."""
    given = {
        name: getattr(options, name)
        for name in (
            "notion_token", "notion_parent", "notion_url", "notion_per_second", "pinecone_key",
            "pinecone_host", "linger", "timeout", "probe_waits", "verify_seconds",
        )
    }  # fmt: skip
    return subprocess.Popen(
        [
            sys.executable,
            str(WORKER),
            connection.database_url(settings),
            json.dumps({"services": [service], **given}),
        ],
        cwd=REPOSITORY,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.DEVNULL,
    )


def wait_until(until: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Waits until something has happened while a worker works."""
    deadline = time.monotonic() + 60
    while not until():
        assert process.poll() is None, "the worker ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def killed(process: subprocess.Popen[bytes], conn: Conn) -> Iterator[None]:
    """Kills a worker at the end of the block, and waits until Postgres knows that it is gone."""
    try:
        yield
    finally:
        process.kill()
        process.wait()
    deadline = time.monotonic() + 30
    gone = "select count(*) = 0 from pg_stat_activity where application_name = 'omics worker'"
    while conn.execute(gone + " and datname = current_database()").fetchone() != (True,):
        assert time.monotonic() < deadline
        time.sleep(0.01)
