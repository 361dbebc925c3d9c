"""Whose name is it? Public references and old names, from files to the ledger.

The tables are those of HGNC of 2018 and of cBioPortal of 2025. What a symbol of 2018 means is known
from the NCBI gene id that both give it.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from tests.conftest import REPOSITORY
from tests.end_to_end.conftest import Omics

TRUTH = REPOSITORY.parent / "shared" / "truth"
HGNC_2018 = TRUTH / "hgnc" / "hgnc_complete_set_2018-04.txt"
GENES_2025 = TRUTH / "cbioportal_genes" / "gene_info_2025-10-07.txt"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not TRUTH.exists(), reason="../shared/truth is not on this machine"),
]

#: Reported name, dataset, and the molecule it means.
NAMES = [
    ("IL-6", "genes", "hgnc:6018"),
    ("NKX2-5", "genes", "hgnc:2488"),
    ("KRT-18", "genes", "hgnc:6430"),
    ("C1orf112", "genes", "hgnc:25565"),
    ("mir-21", "genes", "hgnc:31586"),
    ("Il6", "mouse", "ensembl:ENSMUSG00000025746"),
    ("Trp53", "mouse", "ensembl:ENSMUSG00000059552"),
    ("IL-6", "mouse", "ensembl:ENSMUSG00000025746"),
    ("NAD+", "small", "inchikey:BAWFJGJZGIEFAR-NNYOXOHSSA-N"),
    ("NADH", "small", "inchikey:BOPGDPNILDQYTO-NNYOXOHSSA-N"),
    ("Vitamin B-12", "small", "inchikey:RMRCNWBMXRMIRW-BYFNXCQMSA-M"),
    ("Cholesterol", "small", "inchikey:HVYWMOMLDIMFJA-DPAQBDIFSA-N"),
]
HUMAN = ["TP53", "EGFR", "MYC", "BRCA1", "GAPDH", "ACTB", "ALB", "INS", "TNF", "KRAS"]
MOUSE = {
    "Trp53": "ENSMUSG00000059552", "Il6": "ENSMUSG00000025746", "Tnf": "ENSMUSG00000024401",
    "Gapdh": "ENSMUSG00000057666", "Actb": "ENSMUSG00000029580", "Alb": "ENSMUSG00000029368",
}  # fmt: skip
METABOLITES = """\
refmet_id, refmet_name, super_class, main_class, sub_class, formula, inchi_key, kegg_id
RM0000001,NAD+,Nucleic acids,Purines,Purine nucleotides,C21H27N7O14P2,\
BAWFJGJZGIEFAR-NNYOXOHSSA-N,C00003
RM0000002,NADH,Nucleic acids,Purines,Purine nucleotides,C21H29N7O14P2,\
BOPGDPNILDQYTO-NNYOXOHSSA-N,C00004
RM0000003,Vitamin B12,Organoheterocyclic compounds,Tetrapyrroles,Cobalamins,C63H88CoN14O14P,\
RMRCNWBMXRMIRW-BYFNXCQMSA-M,C05776
RM0000004,Cholesterol,Sterol Lipids,Sterols,Cholesterol,C27H46O,HVYWMOMLDIMFJA-DPAQBDIFSA-N,C00187
"""


class Renamed(NamedTuple):
    """A gene that had another symbol in 2018, with its ids in both tables."""

    symbol: str
    entrez: str
    hgnc_then: str
    hgnc_now: str


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def renamed() -> list[Renamed]:
    """The genes whose symbol differs between the two tables."""
    now = {row["entrez_id"]: row for row in _table(GENES_2025)}
    return [
        Renamed(
            row["symbol"], row["entrez_id"], row["hgnc_id"], now[row["entrez_id"]]["hgnc_id"]
        )
        for row in _table(HGNC_2018)
        if row["status"] == "Approved"
        and row["entrez_id"] in now
        and now[row["entrez_id"]]["symbol"] != row["symbol"]
    ]  # fmt: skip


def _matrix(names: list[str], feature: str) -> str:
    rows = [f"{name}\t{i}.5\t{i}.25\n" for i, name in enumerate(names, start=1)]
    return f"{feature}\tA\tB\n" + "".join(rows)


@pytest.fixture(scope="module")
def built(
    omics: Omics,
    marts: psycopg.Connection[Any],
    renamed: list[Renamed],
    tmp_path_factory: pytest.TempPathFactory,
) -> psycopg.Connection[Any]:
    """Old symbols, human, mouse and small molecules, resolved once."""
    place = tmp_path_factory.mktemp("identity")
    files = {
        "transcriptomics/renamed.tsv": _matrix([gene.symbol for gene in renamed], "gene"),
        "transcriptomics/genes.tsv": _matrix(
            [*HUMAN, "PG", "1-Mar", *(n for n, d, _ in NAMES if d == "genes")], "gene"
        ),
        "transcriptomics/mouse.tsv": _matrix([*MOUSE, "IL-6"], "gene"),
        "metabolomics/small.tsv": _matrix([n for n, d, _ in NAMES if d == "small"], "metabolite"),
        "features/refmet.csv": METABOLITES,
        "features/mouse.tsv": "Gene stable ID\tGene name\n"
        + "".join(f"{number}\t{symbol}\n" for symbol, number in MOUSE.items()),
    }
    for name, text in files.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(text)
    omics("load", "--dir", str(place))
    omics("load", "features", "--file", str(HGNC_2018), "--file", str(GENES_2025))
    omics("build")
    return marts


def _ledger(built: psycopg.Connection[Any], dataset: str) -> dict[str, dict[str, Any]]:
    """The decisions on the names of one dataset."""
    cursor = built.execute(
        "select n.reported_name, n.status, n.method, n.warning, n.candidates, f.canonical_id,"
        " f.feature_type, f.name, f.taxon, f.identifiers"
        " from marts.dataset_features as r join marts.datasets as d using (dataset_id)"
        " join marts.feature_names as n using (feature_name_id)"
        " join marts.features as f on n.feature_id = f.feature_id where d.name = %s",
        (dataset,),
    )
    columns = [column.name for column in cursor.description or []]
    return {row[0]: dict(zip(columns, row, strict=True)) for row in cursor.fetchall()}


def test_renamed_symbols_are_the_right_gene_or_warned_about(
    built: psycopg.Connection[Any], renamed: list[Renamed]
) -> None:
    assert len(renamed) == 1274
    ledger = _ledger(built, "renamed")
    right, silently_another = 0, []
    for gene in renamed:
        row = ledger[gene.symbol]
        if row["status"] != "mapped":
            continue
        # The strictest reading: the gene that holds the NCBI id today.
        today = {gene.hgnc_now.lower(), f"ncbigene:{gene.entrez}"} - {""}
        if row["canonical_id"] in today or (
            not gene.hgnc_now and gene.entrez in (row["identifiers"].get("ncbigene") or [])
        ):
            right += 1
        elif row["warning"] is None:
            silently_another.append((gene, row["canonical_id"]))
    assert right >= 1240
    assert silently_another == []


def test_a_symbol_that_was_handed_on_says_to_whom(built: psycopg.Connection[Any]) -> None:
    row = _ledger(built, "renamed")["LINC01297"]
    assert row["warning"] == (
        "also the name of ncbigene:106146148 in hgnc 2018-04-06, which is PSLNR (hgnc:54405)"
    )


@pytest.mark.parametrize(("name", "dataset", "molecule"), NAMES)
def test_a_name_is_the_molecule_it_means(
    built: psycopg.Connection[Any], name: str, dataset: str, molecule: str
) -> None:
    row = _ledger(built, dataset)[name]
    assert (row["status"], row["canonical_id"]) == ("mapped", molecule), row


def test_a_gene_is_never_taken_for_a_lipid(built: psycopg.Connection[Any]) -> None:
    # Plakoglobin, by an alias of 2018; in a column of lipids the same letters are a class.
    row = _ledger(built, "genes")["PG"]
    assert (row["feature_type"], row["name"], row["method"]) == ("gene", "JUP", "alias")


def test_what_a_spreadsheet_spoiled_is_refused_with_what_it_may_have_been(
    built: psycopg.Connection[Any],
) -> None:
    row = _ledger(built, "genes")["1-Mar"]
    assert (row["status"], row["canonical_id"]) == ("rejected", None)
    assert set(row["candidates"]) == {"hgnc:26077", "hgnc:26189"}


def test_mouse_and_man_are_never_one(built: psycopg.Connection[Any]) -> None:
    species = {
        dataset: {row["taxon"] for row in _ledger(built, dataset).values() if row["canonical_id"]}
        for dataset in ("genes", "mouse", "renamed")
    }
    assert species == {
        "genes": {"NCBITaxon:9606"},
        "mouse": {"NCBITaxon:10090"},
        "renamed": {"NCBITaxon:9606"},
    }
    (shared,) = built.execute(
        "select count(*) from (select feature_id from marts.feature_names"
        " where feature_type = 'gene' group by feature_id"
        " having count(distinct taxon) > 1) as merged"
    ).fetchone() or (None,)
    assert shared == 0


def test_mapping_neither_adds_nor_loses_a_row(
    built: psycopg.Connection[Any], renamed: list[Renamed]
) -> None:
    rows = dict(built.execute("select name, n_features from marts.datasets").fetchall())
    assert rows["renamed"] == len(renamed)
    assert rows["mouse"] == len(MOUSE) + 1
    assert built.execute(
        "select count(*) - count(distinct (feature_type, reported_name, context))"
        " from marts.feature_names"
    ).fetchone() == (0,)
