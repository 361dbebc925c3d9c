"""A source without a new load for too long is named by the refresh."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from loaders.load import prepare
from omics.refresh import stale_sources
from tests.conftest import REPOSITORY
from warehouse.connection import connect
from warehouse.settings import Settings


@pytest.fixture
def loads(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A database in which the last load of each source is of a given age."""
    with connect(settings) as conn:
        prepare(conn)
        yield conn


def last_load(conn: psycopg.Connection[Any], omics_type: str, age: str) -> None:
    conn.execute(
        f"insert into raw_{omics_type}._dlt_loads values ('1', 's', 0, now() - %s::interval, '')",
        (age,),
    )


def test_a_source_is_stale_after_the_limit_that_dbt_declares(
    loads: psycopg.Connection[Any], settings: Settings
) -> None:
    last_load(loads, "lipidomics", "29 days")
    last_load(loads, "proteomics", "31 days")
    project = settings.model_copy(update={"root": REPOSITORY})
    # A source that never had a load is empty, not stale.
    assert stale_sources(project, loads) == ["proteomics"]
