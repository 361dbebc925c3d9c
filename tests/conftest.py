"""The Postgres that tests use: an embedded one of their own, or `OMICS_TEST_DATABASE_URL`."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import pytest
from pydantic import SecretStr

from warehouse import connection, server
from warehouse.settings import Settings, get_settings

if TYPE_CHECKING:
    import psycopg

REPOSITORY = Path(__file__).resolve().parent.parent

OTHER_SERVER = os.environ.get("OMICS_TEST_DATABASE_URL")


def pytest_report_header() -> str:
    """Say which server the results are about."""
    if OTHER_SERVER:
        return f"postgres: {connection.redacted(OTHER_SERVER)} (OMICS_TEST_DATABASE_URL)"
    return "postgres: embedded, in a temporary folder (OMICS_TEST_DATABASE_URL names another)"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests record of themselves as ``summary``, such as seeds and counts."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, ()):
            for name, said in getattr(report, "user_properties", ()):
                if name == "summary" and report.when == "call":
                    terminalreporter.write_line(f"{report.nodeid.split('::')[0]}: {said}")


#: Files that take longest: begun last, one of them ran alone for six minutes.
FIRST = (
    "tests/end_to_end/test_corpus.py",
    "tests/end_to_end/test_refresh_failures.py",
    "tests/loading/test_crashes.py",
    "tests/end_to_end/",
    "tests/dbt/",
    "tests/analysts/",
    "tests/search/",
    "tests/sync/test_volume.py",
    "tests/sync/test_histories.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that all processes end together."""

    def turn(item: pytest.Item) -> int:
        path = item.nodeid.split("::")[0]
        return next((n for n, start in enumerate(FIRST) if path.startswith(start)), len(FIRST))

    items.sort(key=turn)


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> Iterator[None]:
    """No setting of whoever runs the tests reaches them, and no tool calls home."""
    with pytest.MonkeyPatch.context() as patch:
        names = {str(field.validation_alias) for field in Settings.model_fields.values()}
        for name in names | {name for name in os.environ if name.startswith(("PG", "OMICS_"))}:
            patch.delenv(name, raising=False)
        patch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
        patch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        get_settings.cache_clear()
        yield
        get_settings.cache_clear()


@pytest.fixture(scope="session")
def server_settings(
    tmp_path_factory: pytest.TempPathFactory, clean_environment: None
) -> Iterator[Settings]:
    """Settings of the server that the whole run shares; use `settings` for a database."""
    root = tmp_path_factory.mktemp("the warehouse")
    if OTHER_SERVER:
        yield Settings(root=root, database_url=SecretStr(OTHER_SERVER))
        return
    settings = Settings(root=root)
    server.start(settings)
    with connection.connect(settings, database="postgres") as conn:
        # Nothing here has to survive a power cut.
        conn.execute("alter system set fsync = off")
        conn.execute("select pg_reload_conf()")
    yield settings
    server.stop(settings)
    shutil.rmtree(settings.warehouse_dir)


@pytest.fixture
def settings(server_settings: Settings) -> Iterator[Settings]:
    """Settings with a database of this test's own, which is made at its first use."""
    with own_database(server_settings, f"test_{uuid.uuid4().hex[:12]}") as own:
        yield own


@pytest.fixture(scope="session")
def module_database() -> str:
    """Name of the database of a module; one after the other has it.

    dbt parses the whole project anew for a database of another name, which takes it 7 s.
    """
    return f"test_{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def module_settings(server_settings: Settings, module_database: str) -> Iterator[Settings]:
    """Settings with a database that the tests of one module share."""
    with own_database(server_settings, module_database) as own:
        yield own


@pytest.fixture(scope="session")
def module_target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of what dbt writes for the databases of modules."""
    return tmp_path_factory.mktemp("target")


@pytest.fixture
def conn(settings: Settings) -> Iterator[psycopg.Connection]:
    """An autocommit connection to this test's database."""
    with connection.connect(settings) as opened:
        yield opened


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """Environment for programs that are started: this test's database, whatever the folder."""
    return {**os.environ, "DATABASE_URL": connection.database_url(settings)}


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The public files beside the checkout."""
    # Resolved, as loading resolves the folders it is given: the place may be a link.
    folder = (REPOSITORY.parent / "shared" / "corpus").resolve()
    if not folder.is_dir():
        pytest.skip(f"the public files are not here: {folder}")
    return folder


@contextmanager
def own_database(base: Settings, name: str) -> Iterator[Settings]:
    """Settings with a database of this name, which is dropped at the end."""
    update: dict[str, object] = {"database": name}
    if base.database_url is not None:
        parts = urlsplit(base.database_url.get_secret_value())
        update["database_url"] = SecretStr(urlunsplit(parts._replace(path=f"/{name}")))
    yield base.model_copy(update=update)
    with connection.connect(base, database="postgres") as conn:
        conn.execute(f'drop database if exists "{name}" with (force)')
