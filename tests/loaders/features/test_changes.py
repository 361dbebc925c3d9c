"""Two public releases are compared: what differs is what was counted independently."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from loaders.features.changes import Comparing, Comparison
from loaders.features.read import read_file
from loaders.features.releases import Release, find, verdict
from loaders.model import ReadOptions
from tests.loaders.features.reading import source_of
from warehouse.errors import OmicsError

TABLES = Path(__file__).parents[3].parent / "shared" / "truth" / "cbioportal_genes"


def compare(conn: psycopg.Connection[Any], before: Path, after: Path) -> Comparison:
    """Compares two files that are landed nowhere."""
    with conn.transaction():
        both = Comparing(conn)
        for side, path in (("before", before), ("after", after)):
            (reading,) = read_file(source_of(path), options=ReadOptions())
            both.add_read(side, "reference", reading)
        return both.compare()


@pytest.mark.corpus
@pytest.mark.skipif(not TABLES.exists(), reason="../shared/truth is not on this machine")
def test_genes_renamed_between_two_releases_of_cbioportal(
    conn: psycopg.Connection[Any],
) -> None:
    found = compare(conn, TABLES / "gene_info_2021-03-11.txt", TABLES / "gene_info_2025-10-07.txt")
    counts = found.counts("reference")
    assert counts["renamed"] == 613
    # Every gene that one table has and the other has not is said to have come or gone.
    ids = [
        {line.split("\t")[0] for line in (TABLES / name).read_text().splitlines()[1:]}
        for name in ("gene_info_2021-03-11.txt", "gene_info_2025-10-07.txt")
    ]
    gone = sum(counts[kind] for kind in ("merged", "split", "withdrawn", "removed"))
    assert (gone, counts["added"]) == (len(ids[0] - ids[1]), len(ids[1] - ids[0]))
    renamed = {c.name_before: c.name for c in found.changes if c.change == "renamed"}
    assert renamed["SLC22A18"] == "SLC67A1"
    assert not found.has_ledger


def test_the_same_release_twice_differs_in_nothing(
    conn: psycopg.Connection[Any], tmp_path: Path
) -> None:
    path = tmp_path / "genes.tsv"
    path.write_text("Gene stable ID\tGene name\nENSG00000136244\tIL6\nENSG00000141510\tTP53\n")
    assert compare(conn, path, path).changes == ()


def test_species_are_never_compared_with_each_other(
    conn: psycopg.Connection[Any], tmp_path: Path
) -> None:
    human, both = tmp_path / "human.tsv", tmp_path / "both.tsv"
    header = "Gene stable ID\tGene name\tGene Synonym\n"
    human.write_text(f"{header}ENSG00000141510\tTP53\tP53\nENSG00000136244\tIL6\t\n")
    both.write_text(human.read_text() + "ENSMUSG00000059552\tTrp53\tP53\n")
    found = compare(conn, human, both)
    assert [(c.change, c.name) for c in found.changes] == [("added", "Trp53")]


def release(label: str, **other: Any) -> Release:
    """A release of one table of HGNC."""
    values: dict[str, Any] = {
        "reference": "hgnc",
        "content": "genes",
        "taxon": "NCBITaxon:9606",
        "version": None,
        "released_on": date.fromisoformat(label),
        "is_dated_by_content": True,
        "modified_at": datetime(2026, 1, 1, tzinfo=UTC),
        "path": f"/data/{label}.txt",
        "sha256": label.replace("-", "") * 8,
        "file_id": None,
        "load_id": None,
        "n_entities": 1,
    }
    return Release(**values | other)


@pytest.mark.parametrize(
    ("landed", "expected"),
    [
        ([], True),
        ([release("2024-01-01")], True),
        ([release("2026-01-01")], False),
        ([release("2026-01-01", is_dated_by_content=False)], True),
        ([release("2026-01-01", is_current=False)], True),
        # The new file takes the place of the newer one.
        ([release("2026-01-01", path="/data/2025-01-01.txt")], True),
        ([release("2024-01-01", is_pinned=True)], False),
        ([release("2025-01-01", is_pinned=True), release("2026-01-01")], True),
        ([release("2026-01-01", content="withdrawn")], True),
        ([release("2026-01-01", taxon="")], True),
    ],
)
def test_which_release_would_be_used(landed: list[Release], expected: bool) -> None:
    assert verdict(release("2025-01-01"), landed)[0] is expected


def test_a_release_is_found_by_version_date_hash_or_name() -> None:
    first = release("2024-01-01", version="110")
    landed = [first, release("2025-01-01"), release("2026-01-01", content="withdrawn")]
    for wanted in ("110", "2024-01-01", "20240101", "2024-01-01.txt", "/data/2024-01-01.txt"):
        assert find(landed, "hgnc", wanted) == [first]
    assert find(landed, "hgnc/withdrawn", "2026-01-01") == [landed[2]]
    with pytest.raises(OmicsError, match="is no release of hgnc/genes"):
        find(landed, "hgnc/genes", "2026-01-01")
    with pytest.raises(OmicsError, match="fits several"):
        find([first, release("2025-01-01", version="110")], "hgnc", "110")
