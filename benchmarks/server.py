"""A Postgres server of the benchmark's own, gone when it ends."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse import connection, server
from warehouse.settings import Settings


@contextmanager
def embedded_server() -> Iterator[Settings]:
    """Starts an embedded server with the product's own configuration in a temporary folder."""
    root = Path(tempfile.mkdtemp(prefix="omics-bench-"))
    settings = Settings(root=root)
    server.start(settings)
    try:
        yield settings
    finally:
        server.stop(settings)
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def database(base: Settings, name: str = "bench") -> Iterator[Settings]:
    """Gives an empty database and drops it afterwards.

    All benchmarks use the same name, one after the other: dbt parses the whole project again when
    the connection differs from that of the last command.
    """
    settings = base.model_copy(update={"database": name})
    connection.ensure_database(settings)
    try:
        yield settings
    finally:
        with connection.connect(base, database="postgres") as conn:
            conn.execute(f'drop database if exists "{name}" with (force)'.encode())


def environment(settings: Settings) -> dict[str, str]:
    """Variables that make the command line use this database.

    Two databases at once have dbt target folders of their own, for the same reason.
    """
    return {
        "DATABASE_URL": connection.database_url(settings),
        "DBT_TARGET_PATH": str(settings.root / "target" / settings.database),
    }
