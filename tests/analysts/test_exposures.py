"""The register of what reads the marts, compared with the code that does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from psycopg import sql

from tests.analysts.conftest import copied
from tests.conftest import REPOSITORY
from warehouse.export.reading import read_dataset
from warehouse.report.content import build
from warehouse.report.reading import Limits, Marts
from warehouse.settings import Settings

MODELS = REPOSITORY / "dbt_project" / "models" / "marts"
EXPOSURES: dict[str, dict[str, Any]] = {
    exposure["name"]: exposure
    for exposure in yaml.safe_load((MODELS / "_exposures.yml").read_text("utf-8"))["exposures"]
}
MARTS = {path.stem for path in MODELS.rglob("*.sql")}


def _declared(exposure: dict[str, Any]) -> set[str]:
    return {
        name
        for reference in exposure["depends_on"]
        for name in re.findall(r"^ref\('(\w+)'\)$", reference)
    }


def _read_in(place: str) -> set[str]:
    """Marts whose names stand in a file, a folder or a function."""
    where, _, function = place.partition("::")
    path = REPOSITORY / where
    assert path.exists(), f"{where} is gone; correct reads_in"
    files = [path] if path.is_file() else sorted([*path.rglob("*.py"), *path.rglob("*.yml")])
    found: set[str] = set()
    for file in files:
        text = file.read_text("utf-8")
        if file.suffix == ".yml":
            found |= set(_values_of(yaml.safe_load(text), "mart"))
            continue
        tree: ast.AST = ast.parse(text)
        if function:
            tree = next(
                node
                for node in ast.walk(tree)
                if isinstance(node, ast.FunctionDef) and node.name == function
            )
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(re.findall(r"\bmarts\.(\w+)", node.value)) | {node.value}
    return found & MARTS


def _values_of(held: Any, key: str) -> Iterator[str]:
    if isinstance(held, dict):
        for name, value in held.items():
            if name == key and isinstance(value, str):
                yield value
            yield from _values_of(value, key)
    elif isinstance(held, list):
        for value in held:
            yield from _values_of(value, key)


@pytest.mark.parametrize("name", sorted(EXPOSURES))
def test_an_exposure_names_what_its_code_reads(name: str) -> None:
    exposure = EXPOSURES[name]
    read = set().union(*(_read_in(place) for place in exposure["meta"]["reads_in"]))
    assert _declared(exposure) == read, (
        "what reads the marts and its entry in _exposures.yml differ: lineage would be wrong"
    )


def test_whatever_sync_reads_is_declared() -> None:
    places = [place for e in EXPOSURES.values() for place in e["meta"]["reads_in"]]
    declared = set().union(
        *(
            _declared(exposure)
            for exposure in EXPOSURES.values()
            if any(place.startswith("sync/") for place in exposure["meta"]["reads_in"])
        )
    )
    assert any(place.startswith("sync/") for place in places)
    named = {
        name
        for file in (REPOSITORY / "sync").rglob("*.py")
        for name in re.findall(r"\bmarts\.(\w+)", file.read_text("utf-8"))
    }
    assert named & MARTS <= declared


def _run(name: str, conn: psycopg.Connection[Any]) -> None:
    if name == "report":
        build(Marts(conn, Limits()))
    else:
        for dataset in ("Hepatocyte lipids", "statin_vs_vehicle_limma"):
            read_dataset(conn, dataset)


@pytest.mark.parametrize("name", ["report", "export"])
def test_an_exposure_needs_each_of_its_marts_and_no_other(
    name: str, example_settings: Settings
) -> None:
    """Run by a role that may read these marts only, and then without each of them in turn."""
    declared = _declared(EXPOSURES[name])
    with copied(example_settings) as conn:
        role = sql.Identifier(f"reader_{conn.info.dbname}")
        conn.execute(sql.SQL("create role {}").format(role))
        try:
            conn.execute(sql.SQL("grant usage on schema marts to {}").format(role))
            for mart in declared:
                conn.execute(
                    sql.SQL("grant select on marts.{} to {}").format(sql.Identifier(mart), role)
                )
            conn.execute(sql.SQL("set role {}").format(role))
            _run(name, conn)
            for mart in sorted(declared):
                table = sql.Identifier(mart)
                conn.execute("reset role")
                conn.execute(sql.SQL("revoke select on marts.{} from {}").format(table, role))
                conn.execute(sql.SQL("set role {}").format(role))
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    _run(name, conn)
                conn.execute("reset role")
                conn.execute(sql.SQL("grant select on marts.{} to {}").format(table, role))
        finally:
            conn.execute("reset role")
            conn.execute(sql.SQL("drop owned by {}").format(role))
            conn.execute(sql.SQL("drop role {}").format(role))


def test_every_exposure_is_described() -> None:
    for name, exposure in EXPOSURES.items():
        assert len(exposure["description"]) > 40, name
        assert exposure["owner"]["name"], name


def test_reads_in_names_files_of_the_project() -> None:
    for exposure in EXPOSURES.values():
        for place in exposure["meta"]["reads_in"]:
            assert not Path(place).is_absolute()
