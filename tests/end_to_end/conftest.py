"""Runs the command line as users do, against a database of the module's own."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import REPOSITORY
from warehouse.connection import connect, database_url
from warehouse.settings import Settings, get_settings

Omics = Callable[..., subprocess.CompletedProcess[str]]


#: Commands that end the process they run in, or print through a program they start.
_OF_THEIR_OWN = {"psql", "build", "refresh", "start", "stop"}


def runner(settings: Settings, target: Path) -> Omics:
    """Returns a function that runs ``omics`` with this database and its own dbt target folder.

    Most commands run in the process of the test: importing all again costs two to three seconds a
    time. The command line as a process is what ``build``, ``refresh`` and the tests of loading
    start.
    """
    own = {
        "DATABASE_URL": database_url(settings),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target / "logs"),
        "OMICS_LOG_DIR": str(target / "logs"),
    }

    def run(*arguments: str, codes: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        if arguments[0] in _OF_THEIR_OWN:
            finished = subprocess.run(
                [sys.executable, "-m", "omics.cli", *arguments],
                cwd=REPOSITORY,
                env={**os.environ, **own},
                capture_output=True,
                text=True,
                check=False,
            )
        else:
            finished = _run_here(arguments, own)
        assert finished.returncode in codes, finished.stdout[-4000:] + finished.stderr[-4000:]
        return finished

    return run


def _run_here(
    arguments: tuple[str, ...], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    from omics import cli

    printed, errors = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(errors),
    ):
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.chdir(REPOSITORY)
        get_settings.cache_clear()
        try:
            code = cli.run(list(arguments))
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        finally:
            get_settings.cache_clear()
    return subprocess.CompletedProcess(arguments, code, printed.getvalue(), errors.getvalue())


@pytest.fixture(scope="module")
def omics(module_settings: Settings, module_target: Path) -> Omics:
    """Runs a command against the module's database."""
    return runner(module_settings, module_target)


@pytest.fixture(scope="module")
def marts(module_settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the module's database."""
    with connect(module_settings) as conn:
        yield conn
