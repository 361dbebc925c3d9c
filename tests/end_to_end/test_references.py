"""Releases of references: planned, landed side by side, pinned; what the plan says comes true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.end_to_end.conftest import Omics

HEADER = (
    "hgnc_id\tsymbol\tname\tlocus_group\tstatus\talias_symbol\tprev_symbol\tdate_modified\t"
    "ensembl_gene_id\n"
)


def gene(number: int, symbol: str, *, alias: str = "", previous: str = "", day: int = 1) -> str:
    """A row of HGNC's table, approved."""
    return (
        f"HGNC:{number}\t{symbol}\t{symbol} gene\tprotein-coding gene\tApproved\t{alias}\t"
        f"{previous}\t2025-01-{day:02}\tENSG{number:011}\n"
    )


OLD = HEADER + "".join(
    [
        gene(1, "KEEP1", alias="K1"),
        gene(2, "OLD2"),
        gene(3, "MERGE3"),
        gene(4, "SPLIT4"),
        gene(5, "FIVE5", alias="MINE|LONE"),
        gene(6, "SIX6", alias="SHARED"),
        gene(7, "GONE7"),
    ]
)
NEW = HEADER + "".join(
    [
        gene(1, "KEEP1", alias="K1", previous="MERGE3", day=20),
        gene(2, "NEW2", previous="OLD2"),
        gene(5, "FIVE5", alias="LONE|SHARED"),
        gene(6, "SIX6", alias="SHARED|MINE"),
        gene(8, "EIGHT8", previous="SPLIT4"),
        gene(9, "NINE9", previous="SPLIT4"),
    ]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases of one reference, and a sheet of one's own."""
    place = tmp_path_factory.mktemp("references")
    (place / "old.txt").write_text(OLD)
    (place / "new.txt").write_text(NEW)
    (place / "ours.csv").write_text(
        "feature_type,id,name,synonyms\nmetabolite,,House mix,HM1\nmetabolite,,Other mix,HM2\n"
    )
    return place


def used(omics: Omics) -> dict[str, str]:
    """File that is used of each reference."""
    said = json.loads(omics("features", "list", "--json").stdout)
    return {r["reference"]: Path(r["path"]).name for r in said["releases"] if r["is_used"]}


def changes(plan: dict[str, Any]) -> dict[str, set[str]]:
    """Names of what changes, by kind."""
    found: dict[str, set[str]] = {}
    for change in plan["changes"]:
        found.setdefault(change["change"], set()).add(change["name"] or change["name_before"])
    return found


def test_releases_from_plan_to_pin(
    omics: Omics, marts: psycopg.Connection[Any], folder: Path
) -> None:
    files = [argument for name in ("old.txt", "ours.csv") for argument in ("--file", name)]
    files = [str(folder / a) if not a.startswith("--") else a for a in files]
    assert "no reference is landed" in omics("features", "list").stdout
    omics("load", "features", *files)
    assert used(omics) == {"hgnc": "old.txt", "custom:ours": "ours.csv"}
    omics("build", "--select", "+int_reference_releases")

    # Said before anything is landed.
    planned = json.loads(
        omics("plan", "features", "--file", str(folder / "new.txt"), "--json").stdout
    )
    (step,) = planned["releases"]
    assert (step["before"]["released_on"], step["after"]["released_on"]) == (
        "2025-01-01",
        "2025-01-20",
    )
    assert (step["is_used"], step["reason"]) == (True, "newest")
    assert changes(planned) == {
        "renamed": {"NEW2"},
        "merged": {"MERGE3"},
        "split": {"SPLIT4"},
        "removed": {"GONE7"},
        "newly ambiguous": {"SHARED", "SPLIT4"},
        "now another molecule": {"MINE"},
        "added": {"EIGHT8", "NINE9"},
    }
    split = next(c for c in planned["changes"] if c["change"] == "split")
    assert split["others"] == ["hgnc:8", "hgnc:9"]
    assert used(omics)["hgnc"] == "old.txt"

    # Landed beside the old one, and used at the next build.
    omics("load", "features", "--file", str(folder / "new.txt"))
    assert used(omics)["hgnc"] == "new.txt"
    waiting = json.loads(omics("plan", "features", "--json").stdout)
    assert changes(waiting) == changes(planned)
    before = marts.execute("select fingerprint from intermediate.int_reference_releases").fetchone()
    omics("build", "--select", "int_reference_releases")
    after = marts.execute("select fingerprint from intermediate.int_reference_releases").fetchone()
    assert before != after
    assert json.loads(omics("plan", "features", "--json").stdout)["releases"] == []

    # The pin brings the old one back, and holds it.
    omics("features", "pin", "hgnc", "2025-01-01")
    assert used(omics)["hgnc"] == "old.txt"
    omics("build", "--select", "int_reference_releases")
    pinned = marts.execute("select fingerprint from intermediate.int_reference_releases").fetchone()
    assert pinned == before
    (folder / "newer.txt").write_text(NEW.replace("2025-01-20", "2025-06-01"))
    held = json.loads(
        omics("plan", "features", "--file", str(folder / "newer.txt"), "--json").stdout
    )
    assert [(s["is_used"], s["reason"]) for s in held["releases"]] == [
        (False, "another release is pinned")
    ]
    omics("load", "features", "--file", str(folder / "newer.txt"))
    assert used(omics)["hgnc"] == "old.txt"
    omics("features", "unpin", "hgnc")
    assert used(omics)["hgnc"] == "newer.txt"


def test_a_file_that_is_replaced_by_an_older_release_is_used(omics: Omics, folder: Path) -> None:
    sheet = folder / "ours.csv"
    sheet.write_text(
        "feature_type,id,name,synonyms\nmetabolite,,House mix,HM1|HM2\nmetabolite,,Third mix,HM3\n"
    )
    planned = json.loads(omics("plan", "features", "--file", str(sheet), "--json").stdout)
    ours = [s for s in planned["releases"] if s["after"]["reference"] == "custom:ours"]
    assert [(s["is_used"], s["after"]["path"]) for s in ours] == [(True, str(sheet))]
    assert "Other mix" in changes(planned)["removed"]
    omics("load", "features", "--file", str(sheet))
    said = json.loads(omics("features", "list", "--json").stdout)["releases"]
    ours = [(r["is_used"], r["n_entities"], r["reason"]) for r in said if "ours" in r["reference"]]
    assert ours == [(True, 2, "newest"), (False, 2, "its file was replaced by another version")]


def test_wrong_pins_say_what_there_is(omics: Omics) -> None:
    wrong = omics("features", "pin", "hgnc", "1999-01-01", codes=(1,)).stderr
    assert "2025-01-20" in wrong
    assert "hgnc" in omics("features", "pin", "refseq", "1", codes=(1,)).stderr
    assert "not pinned" in omics("features", "unpin", "hgnc", codes=(1,)).stderr


def test_a_plan_of_an_unknown_table_says_why(omics: Omics, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("a,b\n1,x\n2,y\n")
    said = omics("plan", "features", "--file", str(tmp_path / "odd.csv"), codes=(2,)).stdout
    assert "unknown_reference" in said


def test_reported_names_that_would_resolve_differently_are_listed(
    omics: Omics, marts: psycopg.Connection[Any], folder: Path, tmp_path: Path
) -> None:
    omics("build", "--select", "int_reference_releases")
    marts.execute("create schema if not exists marts")
    marts.execute(
        "create table marts.feature_names (feature_type text, reported_name text);"
        "insert into marts.feature_names values ('gene', 'OLD2'), ('gene', 'shared'), "
        "('gene', 'KEEP1'), ('protein', 'LONE'), ('gene', 'ENSG00000000002.4'), ('gene', 'NOBODY'),"
        "('metabolite', 'OLD2'), ('gene', 'HGNC:7')"
    )
    (tmp_path / "back.txt").write_text(OLD.replace("2025-01-01", "2026-01-01"))
    back = ("plan", "features", "--file", str(tmp_path / "back.txt"))
    planned = json.loads(omics(*back, "--json").stdout)
    found = {n["reported_name"]: (n["before"], n["after"]) for n in planned["reported_names"]}
    # From the new release back to the old one. A metabolite is never looked up among genes.
    assert found == {
        "OLD2": (["hgnc:2"], ["hgnc:2"]),
        "ENSG00000000002.4": (["hgnc:2"], ["hgnc:2"]),
        "shared": (["hgnc:5", "hgnc:6"], ["hgnc:6"]),
        "HGNC:7": ([], ["hgnc:7"]),
    }
    assert "2 reported names would resolve differently" in omics(*back).stdout
