"""The demo files say what docs/examples.md says of them, and tell one story."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from loaders.discovery import FoundFile, find_in_folder
from loaders.model import ReadOptions, SourceFile, Unreadable
from loaders.reading.read import read_file

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples"
SAMPLES = [f"{group}_{donor}" for group in ("Vehicle", "Statin") for donor in (1, 2, 3, 4)]

#: file, part: shape, features, assays, values, rejected rows
EXPECTED = {
    ("lipidomics/hepatocyte_lipids.csv", ""): ("matrix", 98, 8, 781, 0),
    ("lipidomics/medium_lipids_samples_in_rows.csv", ""): ("matrix", 46, 8, 368, 0),
    ("lipidomics/partner_lab_lipids_mol_percent.csv", ""): ("matrix", 82, 8, 656, 2),
    ("metabolomics/hepatocyte_metabolites.xlsx", "sheet=Polar metabolites"): (
        "matrix",
        54,
        8,
        429,
        0,
    ),
    ("metabolomics/hepatocyte_metabolites.xlsx", "sheet=Sterols and bile acids"): (
        "matrix",
        41,
        8,
        324,
        0,
    ),
    ("proteomics/hepatocyte_proteinGroups.txt", ""): ("matrix", 94, 8, 740, 0),
    ("proteomics/statin_vs_vehicle_limma.tsv", ""): ("result_table", 89, 0, 534, 0),
    ("transcriptomics/hepatocyte_gene_counts.tsv", ""): ("matrix", 120, 8, 960, 0),
    ("transcriptomics/statin_vs_vehicle_deseq2.csv.gz", ""): ("result_table", 120, 0, 705, 0),
}
SIGNATURES = "signatures/liver_signatures.csv"
QUARANTINED = "inbox/secreted_factors.csv"
#: Reference tables: name of the reference, molecules
REFERENCES = {
    "features/hgnc_subset_2018-04-06.tsv": ("hgnc", 53),
    "features/uniprot_subset_2018-03-14.tsv": ("uniprot", 47),
    "features/liver_genes_and_proteins.csv": ("custom:liver_genes_and_proteins", 113),
    "features/metabolites.csv": ("custom:metabolites", 59),
}


#: Sheet: kind of its rows, rows.
SHEETS = {
    "programs/programs.csv": ("program", 1),
    "programs/experiments.csv": ("experiment", 1),
    "programs/datasets.csv": ("dataset", 7),
    "programs/samples.csv": ("sample", 8),
}


def _found() -> dict[str, FoundFile]:
    return {
        Path(file.path).relative_to(EXAMPLES).as_posix(): file
        for file in find_in_folder(str(EXAMPLES))
    }


def _source(file: FoundFile) -> SourceFile:
    return SourceFile(file.path, Path(file.path), file.size, file.modified_at)


@cache
def _read(name: str) -> dict[str, tuple[Any, Any, list[dict[str, Any]]]]:
    """Header, counts and rows of each part of one file, its type declared by its folder."""
    file = _found()[name]
    read = {}
    for reading in read_file(_source(file), declared_omics_type=file.source, options=ReadOptions()):
        rows = [row for batch in reading.batches() for row in batch.to_pylist()]
        read[reading.header.part] = (reading.header, reading.counts(), rows)
    return read


def _log2_effect(name: str, feature: str, part: str = "") -> float:
    """Mean log2 of the statin samples minus that of the vehicle samples."""
    import math

    header, _, rows = _read(name)[part]
    row = next(row for row in rows if row["reported_name"] == feature)
    values = row["quantities"].strip("{}").split(",")
    means = []
    for group in ("Statin", "Vehicle"):
        logs = [
            math.log2(float(value))
            for assay, value in zip(header.assays, values, strict=True)
            if assay.name.startswith(group) and value != "NULL"
        ]
        means.append(sum(logs) / len(logs))
    return means[0] - means[1]


def test_the_folder_holds_these_files_and_no_other() -> None:
    assert set(_found()) == {name for name, _ in EXPECTED} | {
        QUARANTINED,
        SIGNATURES,
        *REFERENCES,
        *SHEETS,
    }


def test_signatures_are_read_as_documented() -> None:
    from loaders.signatures import read as signatures

    (reading,) = signatures.read_file(_source(_found()[SIGNATURES]), options=ReadOptions())
    tables = dict(reading.batches())
    names = [row["set_name"] for row in tables["components"].to_pylist()]
    assert {name: names.count(name) for name in names} == {"Statin response": 26, "Acute phase": 11}
    assert reading.rejects().num_rows == 0


@pytest.mark.parametrize(("name", "part"), sorted(EXPECTED))
def test_a_file_is_read_as_documented(name: str, part: str) -> None:
    header, counts, _ = _read(name)[part]
    assert header.omics_type == name.split("/")[0]
    assert (
        header.shape,
        counts.rows_landed,
        len(header.assays),
        counts.n_values,
        counts.rows_rejected,
    ) == EXPECTED[name, part]
    if header.shape == "matrix":
        assert sorted(assay.name for assay in header.assays) == sorted(SAMPLES)
        assert header.value_scale == "linear"


@pytest.mark.parametrize("name", REFERENCES)
def test_references_are_told_by_their_columns(name: str) -> None:
    from loaders.features import read as references

    source = _source(_found()[name])
    (reading,) = references.read_file(source, options=ReadOptions())
    releases = [table for kind, table in reading.batches() if kind == "releases"]
    (release,) = releases[0].to_pylist()
    assert (release["reference"], release["n_entities"]) == REFERENCES[name]
    assert reading.counts().rows_landed == REFERENCES[name][1]
    assert references.recognise(source, ReadOptions())


def test_references_know_the_names_of_the_study() -> None:
    """Most names that the files report are found, so that the demo shows resolved ones."""
    from loaders.features import read as references

    known: set[str] = set()
    for name in REFERENCES:
        (reading,) = references.read_file(_source(_found()[name]), options=ReadOptions())
        for kind, table in reading.batches():
            if kind == "names":
                known.update(table.column("name").to_pylist())
            elif kind == "xrefs":
                known.update(table.column("local_id").to_pylist())
            elif kind == "entities":
                ids = table.column("canonical_id").to_pylist()
                known.update(i.partition(":")[2] for i in ids)
    for name, part, least in (
        ("metabolomics/hepatocyte_metabolites.xlsx", "sheet=Polar metabolites", 54),
        ("proteomics/hepatocyte_proteinGroups.txt", "", 45),
        ("transcriptomics/hepatocyte_gene_counts.tsv", "", 50),
    ):
        _, _, rows = _read(name)[part]
        found = [r for r in rows if known & set(r["reported_name"].split(";"))]
        assert len(found) >= least, name


def test_one_file_is_refused_with_a_question_that_source_answers() -> None:
    file = _found()[QUARANTINED]
    assert file.source is None
    with pytest.raises(Unreadable) as refusal:
        read_file(_source(file), declared_omics_type=None, options=ReadOptions())
    assert refusal.value.reason_code == "undecided_omics_type"
    assert refusal.value.question
    (answered,) = read_file(_source(file), declared_omics_type="proteomics", options=ReadOptions())
    assert answered.header.omics_type == "proteomics"


def test_flags_that_the_demo_shows_are_set() -> None:
    _, _, proteins = _read("proteomics/hepatocyte_proteinGroups.txt")[""]
    assert sum(row["is_contaminant"] for row in proteins) == 3
    assert "P04637;P04637-2" in {row["reported_name"] for row in proteins}
    _, _, lipids = _read("lipidomics/hepatocyte_lipids.csv")[""]
    standards = {row["reported_name"] for row in lipids if row["is_internal_standard"]}
    assert standards == {"PC 33:1(d7)", "CE 18:1(d7)"}


def test_labels_of_the_transposed_file_are_kept() -> None:
    header, _, _ = _read("lipidomics/medium_lipids_samples_in_rows.csv")[""]
    labels: set[str] = {json.dumps(dict(assay.attributes)) for assay in header.assays}
    assert labels == {'{"Label": "vehicle"}', '{"Label": "statin"}'}


def test_the_missing_adjusted_p_values_stay_missing() -> None:
    _, _, rows = _read("transcriptomics/statin_vs_vehicle_deseq2.csv.gz")[""]
    assert sum(row["adjusted_p_value"] is None for row in rows) == 6
    assert sum(row["log2_fold_change"] is None for row in rows) == 2


def test_the_files_tell_one_story() -> None:
    """A tour over several marts only makes sense where the same effect shows in each of them."""
    effects: Mapping[str, float] = {
        "HMGCR transcript": _log2_effect(
            "transcriptomics/hepatocyte_gene_counts.tsv", "ENSG00000113161"
        ),
        "HMGCR protein": _log2_effect("proteomics/hepatocyte_proteinGroups.txt", "P04035"),
        "mevalonate": -_log2_effect(
            "metabolomics/hepatocyte_metabolites.xlsx", "Mevalonate", "sheet=Polar metabolites"
        ),
        "lathosterol": -_log2_effect(
            "metabolomics/hepatocyte_metabolites.xlsx",
            "Lathosterol",
            "sheet=Sterols and bile acids",
        ),
        "CE 18:1": -_log2_effect("lipidomics/hepatocyte_lipids.csv", "CE 18:1"),
        "CE 18:1, partner": -_log2_effect(
            "lipidomics/partner_lab_lipids_mol_percent.csv", "CE 18:1"
        ),
    }
    assert all(effect > 0.5 for effect in effects.values()), effects


def test_the_reject_limit_is_what_lets_the_partner_file_load() -> None:
    file = _found()["lipidomics/partner_lab_lipids_mol_percent.csv"]
    strict = replace(ReadOptions(), reject_limit=0.0)
    (reading,) = read_file(_source(file), declared_omics_type=file.source, options=strict)
    with pytest.raises(Unreadable) as refusal:
        list(reading.batches())
    assert refusal.value.reason_code == "too_many_rejects"


@pytest.mark.parametrize("name", sorted(SHEETS))
def test_a_sheet_is_read_as_documented(name: str) -> None:
    from loaders.programs import read

    (reading,) = read.read_file(_source(_found()[name]), options=ReadOptions())
    rows = [row for _, batch in reading.batches() for row in batch.to_pylist()]
    assert (rows[0]["kind"], len(rows)) == SHEETS[name]
    assert reading.counts().rows_rejected == 0
