"""One database with the example files, loaded and built once, which many tests only read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.conftest import REPOSITORY, own_database
from tests.end_to_end.conftest import Omics, runner
from warehouse.connection import connect, database_url
from warehouse.settings import Settings


@pytest.fixture(scope="session")
def example_settings(
    server_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """Settings of the database that holds the example files as `make demo` leaves them."""
    with own_database(server_settings, f"test_{uuid.uuid4().hex[:12]}") as settings:
        run = runner(settings, tmp_path_factory.mktemp("target"))
        # 2: one example is meant to be quarantined.
        run("refresh", "--dir", str(REPOSITORY / "examples"), codes=(2,))
        yield settings


@pytest.fixture(scope="session")
def omics(example_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Omics:
    """Runs a command against that database."""
    return runner(example_settings, tmp_path_factory.mktemp("target of commands"))


@pytest.fixture
def example_marts(example_settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A connection to that database; tests only read through it."""
    with connect(example_settings) as conn:
        conn.execute("set default_transaction_read_only = on")
        yield conn


@contextmanager
def copied(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a copy of a database, which goes at the end."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with connect(settings, database="postgres") as admin:
        # A template must have no guests.
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s",
            (settings.database_name,),
        )
        admin.execute(f'create database "{name}" template "{settings.database_name}"')
    try:
        with connect(settings, database=name) as conn:
            yield conn
    finally:
        with connect(settings, database="postgres") as admin:
            admin.execute(f'drop database if exists "{name}" with (force)')


@pytest.fixture(scope="session")
def example_environment(example_settings: Settings) -> dict[str, str]:
    """Environment for programs that are started: that database, as `omics env` would say it."""
    found = subprocess.run(
        [sys.executable, "-m", "omics.cli", "env", "--json"],
        env={**os.environ, "DATABASE_URL": database_url(example_settings)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {**os.environ, **json.loads(found.stdout)}
