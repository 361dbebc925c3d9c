"""Seeds are copied when their CSV changes, and found by plain `dbt run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from omics.seeds import ensure_seeds
from warehouse.errors import OmicsError

YML = """
seeds:
  - name: limits
    config:
      column_types: {check_name: text, warn_above: double precision}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "_seeds.yml").write_text(YML)
    (tmp_path / "limits.csv").write_text('check_name,warn_above\n"a, b",0.5\nnone,\n')
    return tmp_path


def _rows(conn: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return conn.execute("select * from intermediate.limits order by check_name").fetchall()


def test_a_seed_is_copied_once_and_again_when_its_file_changes(
    conn: psycopg.Connection[Any], folder: Path
) -> None:
    assert ensure_seeds(conn, folder) == ["limits"]
    assert _rows(conn) == [("a, b", 0.5), ("none", None)]
    assert ensure_seeds(conn, folder) == []
    (folder / "limits.csv").write_text("check_name,warn_above\nother,2\n")
    assert ensure_seeds(conn, folder) == ["limits"]
    assert _rows(conn) == [("other", 2.0)]


def test_a_seed_of_another_shape_replaces_the_table(
    conn: psycopg.Connection[Any], folder: Path
) -> None:
    ensure_seeds(conn, folder)
    conn.execute("create view intermediate.on_top as select * from intermediate.limits")
    (folder / "_seeds.yml").write_text(YML.replace("double precision", "integer"))
    (folder / "limits.csv").write_text("check_name,warn_above\nother,2\n")
    assert ensure_seeds(conn, folder) == ["limits"]
    assert _rows(conn) == [("other", 2)]


def test_a_seed_that_dbt_wrote_is_taken_over(conn: psycopg.Connection[Any], folder: Path) -> None:
    conn.execute("create schema intermediate")
    conn.execute("create table intermediate.limits (check_name text, warn_above float8)")
    conn.execute("insert into intermediate.limits values ('old', 1)")
    assert ensure_seeds(conn, folder) == ["limits"]
    assert _rows(conn) == [("a, b", 0.5), ("none", None)]


def test_a_column_without_type_is_refused(conn: psycopg.Connection[Any], folder: Path) -> None:
    (folder / "_seeds.yml").write_text("seeds: [{name: limits, config: {column_types: {}}}]")
    with pytest.raises(OmicsError, match="no type is declared for column check_name, warn_above"):
        ensure_seeds(conn, folder)
