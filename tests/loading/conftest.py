"""Fixtures of the loading tests: a prepared database and short ways to load and look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from loaders.load import LoadReport, LoadRequest, load, prepare
from loaders.model import OMICS_TYPES
from warehouse.connection import connect
from warehouse.ledger import finish_run, start_run
from warehouse.settings import Settings


@pytest.fixture
def conn(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a database in which files can be loaded."""
    with connect(settings) as opened:
        prepare(opened)
        yield opened


@pytest.fixture
def load_folder(settings: Settings, conn: psycopg.Connection[Any]) -> Callable[..., LoadReport]:
    """Loads a folder and returns the report."""

    def run(folder: Path | str, **options: Any) -> LoadReport:
        request = LoadRequest(folder=str(folder), **options)
        return _load(settings, conn, request)

    return run


@pytest.fixture
def load_files(settings: Settings, conn: psycopg.Connection[Any]) -> Callable[..., LoadReport]:
    """Loads single files and returns the report."""

    def run(*files: Path, **options: Any) -> LoadReport:
        return _load(settings, conn, LoadRequest(files=tuple(map(str, files)), **options))

    return run


def _load(settings: Settings, conn: psycopg.Connection[Any], request: LoadRequest) -> LoadReport:
    run_id = start_run(conn, "load", {})
    report = load(settings, conn, request, run_id=run_id)
    finish_run(conn, run_id, exit_code=0, counts=report.counts, durations=report.durations)
    return report


@pytest.fixture
def current(conn: psycopg.Connection[Any]) -> Callable[[], dict[str, tuple[int, str]]]:
    """Returns the current datasets: key to number of feature rows and first quantities."""

    def look() -> dict[str, tuple[int, str]]:
        found: dict[str, tuple[int, str]] = {}
        for omics_type in OMICS_TYPES:
            rows = conn.execute(CURRENT_SQL.format(schema=f"raw_{omics_type}")).fetchall()
            found |= {key: (count, first) for key, count, first in rows}
        return found

    return look


#: The visibility rule, written again on purpose: loaders and staging are checked against it.
CURRENT_SQL = """
with visible as (
    select f.* from {schema}.files as f
    join {schema}._dlt_loads as l on l.load_id = f._dlt_load_id and l.status = 0
    where f.status = 'loaded'
),
newest as (
    select distinct on (dataset_key) * from visible order by dataset_key, loaded_at desc
)
select n.dataset_key, count(r.file_id), min(r.quantities)
from newest as n
left join {schema}.feature_rows as r
    on r.file_id = n.file_id and r._dlt_load_id = n._dlt_load_id
where not exists (
    select 1 from ops.dataset_states as s
    where s.dataset_key = n.dataset_key and s.state = 'removed' and s.since >= n.loaded_at
)
group by n.dataset_key
"""
