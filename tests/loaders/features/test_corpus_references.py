"""Public reference files are read with the counted numbers."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.loaders.features.reading import Read, read_path

SHARED = Path(__file__).parents[3].parent / "shared"
MANIFEST = SHARED / "corpus" / "manifest.csv"
TRUTH = SHARED / "truth"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not MANIFEST.exists(), reason="../shared/corpus is not on this machine"),
]

#: Manifest id to what its table becomes: canonical id of a spot check, and its column.
PREFIX = {"R01": "", "R03": "uniprot:", "R05": None, "R06": "lipidmaps:", "R09": "chebi:"}
PREFIX["R10"] = "ensembl:"


def _row(identifier: str) -> dict[str, str]:
    with MANIFEST.open(newline="", encoding="utf-8") as stream:
        return next(row for row in csv.DictReader(stream) if row["id"] == identifier)


def _read(identifier: str) -> tuple[dict[str, str], Read]:
    row = _row(identifier)
    (read,) = read_path(MANIFEST.parent / row["relpath"], reject_limit=0.05)
    return row, read


@pytest.mark.parametrize("identifier", sorted(PREFIX))
def test_every_row_is_counted(identifier: str) -> None:
    row, read = _read(identifier)
    assert read.counts.rows_read == int(row["n_rows"])
    # One row for each pair of gene and synonym: repeated ids are one molecule.
    unmatched = read.counts.rows_read - read.counts.rows_landed
    if identifier == "R05":
        assert unmatched == 67
        assert len(read.entities) == 487
    else:
        repeated = int(row["duplicate_feature_ids"])
        assert len(read.entities) == read.counts.rows_landed - repeated
        assert unmatched == (1 if identifier == "R06" else 0)


@pytest.mark.parametrize("identifier", ["R01", "R03", "R06", "R09", "R10"])
@pytest.mark.parametrize("spot", ["spot1", "spot2"])
def test_spot_values(identifier: str, spot: str) -> None:
    row, read = _read(identifier)
    prefix = PREFIX[identifier]
    canonical = f"{prefix}{row[f'{spot}_feature']}".replace("HGNC:", "hgnc:")
    wanted = row[f"{spot}_value"]
    if row[f"{spot}_sample"] == "mass":
        assert f'"mass": "{wanted}' in read.entities[canonical]["annotations"]
    elif row[f"{spot}_sample"] == "Gene names":
        names = {name for name, kind in read.names_of(canonical) if kind == "alias"}
        assert names == set(wanted.split())
    else:
        assert (wanted, "approved") in read.names_of(canonical)


def test_converted_names_lead_to_their_refmet_ids() -> None:
    row, read = _read("R05")
    for spot in ("spot1", "spot2"):
        owner = f"refmet:{row[f'{spot}_value']}"
        assert (row[f"{spot}_feature"], "synonym") in read.names_of(owner)


def test_the_row_that_is_no_lipid_is_rejected_with_its_text() -> None:
    _, read = _read("R06")
    (reject,) = read.rejects
    assert reject["raw_text"].startswith("NONL")
    assert (reject["row_number"], reject["column_name"]) == (11544, "lm_id")


def test_the_complete_set_of_hgnc() -> None:
    (read,) = read_path(TRUTH / "hgnc" / "hgnc_complete_set_2018-04.txt", reject_limit=0.05)
    assert read.counts.rows_read == read.counts.rows_landed == len(read.entities) == 42_483
    status = [entity["status"] for entity in read.entities.values()]
    assert (status.count("active"), status.count("withdrawn")) == (41_316, 1_167)
    assert read.release["released_on"].startswith("2018-04")
    assert ("MARCH7", "approved") in read.names_of("hgnc:17393")
    # As the file of the truth counts them: previous symbols that are another gene's symbol today.
    approved = {name for _, name, kind in read.names if kind == "approved"}
    active = {i for i, entity in read.entities.items() if entity["status"] == "active"}
    taken = {
        name for owner, name, kind in read.names
        if kind == "previous" and owner in active and name in approved
    }  # fmt: skip
    assert len(taken) == 227


@pytest.mark.parametrize(("released", "rows"), [("2021-03-11", 40_886), ("2025-10-07", 44_852)])
def test_the_gene_tables_of_cbioportal(released: str, rows: int) -> None:
    (read,) = read_path(TRUTH / "cbioportal_genes" / f"gene_info_{released}.txt")
    assert read.counts.rows_read == len(read.entities) == rows
    assert read.release["released_on"] == released
    assert ("TP53", "approved") in read.names_of("ncbigene:7157")
    assert "hgnc:11998" in read.xrefs_of("ncbigene:7157")
