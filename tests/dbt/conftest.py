"""dbt runs on databases with made-up landings; each is built once and read by many tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import REPOSITORY
from warehouse import connection
from warehouse.settings import Settings

PROJECT = REPOSITORY / "dbt_project"

DbtRunner = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def dbt_target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of what dbt writes, shared so that the project is parsed once."""
    return tmp_path_factory.mktemp("dbt target")


@pytest.fixture(scope="session")
def dbt(dbt_target: Path) -> DbtRunner:
    """Runs one dbt command on the database of some settings and fails with what dbt said.

    In the process that `omics` runs dbt in, which is a quarter faster, but as plain dbt: it opens
    and closes its builds itself.
    """

    def run(settings: Settings, *arguments: str, check: bool = True) -> Any:
        finished = subprocess.run(
            [
                sys.executable, "-m", "omics.dbt_process", str(dbt_target / "results.json"),
                "--no-use-colors", "--no-write-json", "--log-level-file", "info", *arguments,
                "--project-dir", str(PROJECT), "--profiles-dir", str(REPOSITORY),
                "--target-path", str(dbt_target), "--log-path", str(dbt_target),
            ],
            cwd=REPOSITORY,
            env={**os.environ, **connection.pg_environment(settings), "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        assert not check or finished.returncode == 0, finished.stdout[-6000:] + finished.stderr
        return finished

    return run


@pytest.fixture(scope="session")
def manifest(dbt: DbtRunner, server_settings: Settings, dbt_target: Path) -> dict[str, Any]:
    """The project as dbt understands it."""
    written = dbt_target / "manifest.json"
    if not written.exists():
        dbt(server_settings, "--quiet", "--write-json", "parse")
    understood: dict[str, Any] = json.loads(written.read_text())
    return understood


@pytest.fixture(scope="module")
def marts(module_settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """An autocommit connection to the database of the module."""
    with connection.connect(module_settings) as opened:
        yield opened
