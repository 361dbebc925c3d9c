"""Runs the command line as users do, against a database of the module's own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import REPOSITORY
from warehouse.connection import connect, database_url
from warehouse.settings import Settings

Omics = Callable[..., subprocess.CompletedProcess[str]]


def runner(settings: Settings, target: Path) -> Omics:
    """Returns a function that runs ``omics`` with this database and its own dbt target folder."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(settings),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target / "logs"),
    }

    def run(*arguments: str, codes: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        finished = subprocess.run(
            [sys.executable, "-m", "omics.cli", *arguments],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode in codes, finished.stdout[-4000:] + finished.stderr[-4000:]
        return finished

    return run


@pytest.fixture(scope="module")
def omics(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Omics:
    """Runs a command against the module's database."""
    return runner(module_settings, tmp_path_factory.mktemp("target"))


@pytest.fixture(scope="module")
def marts(module_settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the module's database."""
    with connect(module_settings) as conn:
        yield conn
