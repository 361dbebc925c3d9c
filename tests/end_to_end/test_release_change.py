"""A new release of a reference changes what its plan says and nothing else; a pin takes it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.dbt.test_increments import _marts
from tests.end_to_end.conftest import Omics
from tests.end_to_end.test_references import NEW, OLD
from warehouse.settings import Settings

#: What tells of the run or of the release's own bookkeeping and not of any molecule.
BOOKKEEPING = {
    "load_id", "run_id", "first_loaded_at", "updated_at", "loaded_at", "finished_at", "n_datasets",
    "fingerprint", "build_key",
}  # fmt: skip
#: Lists of what was loaded: a second release is one row more.
HISTORY = {"reference_releases", "source_files", "loads"}

TOUCHED = ("KEEP1", "OLD2", "MERGE3", "SPLIT4", "FIVE5", "MINE", "LONE", "SHARED", "SIX6", "GONE7")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases, a dataset of names that differ between them, and one of names that do not."""
    place = tmp_path_factory.mktemp("releases")
    for name in ("transcriptomics", "features"):
        (place / name).mkdir()
    (place / "features" / "old.txt").write_text(OLD)
    (place / "new.txt").write_text(NEW)
    rows = [f"{name}\t{i}.5\t{i}.25\n" for i, name in enumerate(TOUCHED, start=1)]
    (place / "transcriptomics" / "touched.tsv").write_text("gene\tA\tB\n" + "".join(rows))
    (place / "transcriptomics" / "same.tsv").write_text(
        "gene\tA\tB\nKEEP1\t1.5\t2\nFIVE5\t3\t4.25\nSIX6\t5\t1.5\nK1\t2\t7\n"
    )
    return place


def ledger(marts: psycopg.Connection[Any]) -> dict[tuple[str, str], list[str]]:
    """What every reported name of a gene may be: its molecule, or the ones it is torn between."""
    rows = marts.execute(
        "select n.feature_type, n.reported_name, n.status, f.canonical_id, n.candidates"
        " from marts.feature_names as n join marts.features as f using (feature_id)"
    ).fetchall()
    return {
        (kind, name): sorted(candidates) if status == "ambiguous" else [identity or "nobody"]
        for kind, name, status, identity, candidates in rows
    }


def without_bookkeeping(settings: Settings) -> dict[str, list[str]]:
    """Every mart, but for what tells of runs and loads."""
    found = _marts(settings, leave_out=BOOKKEEPING)
    return {mart: rows for mart, rows in found.items() if mart not in HISTORY}


def identity_keys(marts: psycopg.Connection[Any]) -> dict[str, str]:
    """Datasets with what their rows were taken for."""
    return dict(marts.execute("select name, identity_key from marts.datasets").fetchall())


def test_only_what_the_plan_says_changes_and_a_pin_restores_it(
    omics: Omics, marts: psycopg.Connection[Any], module_settings: Settings, folder: Path
) -> None:
    omics("load", "--dir", str(folder / "transcriptomics"))
    omics("load", "features", "--file", str(folder / "features" / "old.txt"))
    omics("build")
    first, before, keys = without_bookkeeping(module_settings), ledger(marts), identity_keys(marts)
    assert before["gene", "OLD2"] == ["hgnc:2"]

    new = str(folder / "new.txt")
    planned = json.loads(omics("plan", "features", "--file", new, "--json").stdout)
    announced = {
        name["reported_name"]: (sorted(name["before"]), sorted(name["after"]))
        for name in planned["reported_names"]
    }
    omics("load", "features", "--file", new)
    built = json.loads(omics("build", "--json").stdout)
    after = ledger(marts)
    changed = {
        name: (before[kind, name], found)
        for (kind, name), found in after.items()
        if found != before[kind, name]
    }
    # Every change was announced, with what it was and what it is; the plan also lists names that
    # mean the same molecule under a new name.
    assert changed == {
        "MERGE3": (["hgnc:3"], ["hgnc:1"]),
        "SPLIT4": (["hgnc:4"], ["hgnc:8", "hgnc:9"]),
        "MINE": (["hgnc:5"], ["hgnc:6"]),
        "SHARED": (["hgnc:6"], ["hgnc:5", "hgnc:6"]),
        "GONE7": (["hgnc:7"], ["nobody"]),
    }
    assert {name: found for name, found in announced.items() if name in changed} == {
        **changed, "GONE7": (["hgnc:7"], []),
    }  # fmt: skip
    unchanged = set(announced) - set(changed)
    assert all(announced[name][0] == announced[name][1] for name in unchanged), announced
    # Only the dataset of those names was built again.
    now = identity_keys(marts)
    assert {name for name in now if now[name] != keys[name]} == {"touched"}
    names_of = {names["dataset"]: names["known"] for names in built["known_names"]["datasets"]}
    assert names_of == {"same": 1.0, "touched": pytest.approx(0.7)}

    omics("features", "pin", "hgnc", "2025-01-01")
    omics("build")
    restored = without_bookkeeping(module_settings)
    assert {mart for mart in first if restored[mart] != first[mart]} == set()
    assert identity_keys(marts) == keys
