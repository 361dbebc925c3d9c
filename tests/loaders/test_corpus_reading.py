"""Real public files are read with the counted numbers, or refused with a reason: never wrongly."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from loaders.discovery import FoundFile, find_in_folder
from loaders.groups import grouped
from loaders.model import (
    OMICS_TYPES,
    Counts,
    DatasetHeader,
    ReadOptions,
    SourceFile,
    Unreadable,
)
from loaders.reading.read import read_file

CORPUS = (Path(__file__).parents[2].parent / "shared" / "corpus").resolve()
MANIFEST = CORPUS / "manifest.csv"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not MANIFEST.exists(), reason="../shared/corpus is not on this machine"),
]

#: Ids that must load; any other may also be refused, with a reason.
COVERED = [
    *(
        "P01",
        "P02",
        "P03",
        "P06",
        "P08",
        "P09",
        "P11",
        "P12",
        "P14",
        "P16",
        "P17",
        "P19",
        "P21",
        "P22",
        "P24",
        "P26",
        "P28",
        "P30",
        "P33",
        "L01",
        "L02",
        "L04",
        "L06",
        "L07",
        "L08",
        "L10",
        "L11",
        "L14",
        "M14",
        "M01",
        "M12",
        "M15",
        "M16",
        "M18",
        "M19",
        "M20",
        "M22",
        "M23",
        "M24",
        "M25",
        "T01",
        "T03",
        "T05",
        "T09",
        "T11",
        "T13",
        "T14",
        "T16",
        "T18",
        "T20",
        "T23",
        "T27",
        "T29",
    ),
]


def _manifest() -> list[dict[str, str]]:
    if not MANIFEST.exists():
        return []
    with MANIFEST.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _files(entry: dict[str, str]) -> list[FoundFile]:
    folders = sorted(CORPUS.glob(f"*/{entry['id']}"))
    return [file for folder in folders for file in grouped(find_in_folder(str(folder)))]


CASES = [(entry, file) for entry in _manifest() for file in _files(entry)]


@dataclass(frozen=True)
class Dataset:
    """One dataset, read to its end."""

    header: DatasetHeader
    rows: list[dict[str, object]]
    counts: Counts
    n_rejects: int


def _source(file: FoundFile) -> SourceFile:
    members = tuple(_source(member) for member in file.members)
    return SourceFile(file.path, Path(file.path), file.size, file.modified_at, members)


def _read(file: FoundFile) -> list[Dataset]:
    source = _source(file)
    folder = Path(file.path).relative_to(CORPUS).parts[0]
    declared = folder if folder in OMICS_TYPES else None
    found = []
    for reading in read_file(source, declared_omics_type=declared, options=ReadOptions()):
        rows = [row for batch in reading.batches() for row in batch.to_pylist()]
        rejects = len({row["row_number"] for row in reading.rejects().to_pylist()})
        found.append(Dataset(reading.header, rows, reading.counts(), rejects))
    return found


@pytest.mark.parametrize(
    ("entry", "file"), CASES, ids=[f"{e['id']}-{Path(f.path).name}" for e, f in CASES]
)
def test_a_real_file_gives_the_counted_numbers_or_a_reason(
    entry: dict[str, str], file: FoundFile
) -> None:
    datasets = _read_or_refusal(file)
    if isinstance(datasets, Unreadable):
        assert datasets.reason_code
        assert datasets.seen
        assert datasets.question
        assert entry["id"] not in COVERED, f"must load, and was refused: {datasets}"
        return
    for dataset in datasets:
        _check_books(dataset)
    if not entry["n_features"]:
        # A description of samples or of molecules: nothing is counted for it as measurements.
        assert all(dataset.header.format != "delimited matrix" for dataset in datasets)
        return
    telling = [dataset for dataset in datasets if _is_counted(dataset, entry)]
    seen = [(d.header.part, len(d.rows), len(d.header.assays), d.counts.n_values) for d in datasets]
    assert telling, f"no dataset has the counted numbers; there are {seen}"
    for dataset in telling:
        for spot in ("spot1", "spot2"):
            _check_spot(dataset, entry, spot)


def _read_or_refusal(file: FoundFile) -> list[Dataset] | Unreadable:
    try:
        return _read(file)
    except Unreadable as refusal:
        return refusal


def _check_books(dataset: Dataset) -> None:
    counts = dataset.counts
    skipped = sum(counts.rows_skipped_by_rule.values())
    assert counts.rows_read == counts.rows_landed + counts.rows_rejected + skipped
    assert counts.rows_rejected == dataset.n_rejects
    if dataset.header.shape == "matrix":
        missing = sum(_elements(row).count("NULL") for row in dataset.rows)
        zeros = counts.zero_count if dataset.header.zero_is_missing else 0
        total = len(dataset.rows) * len(dataset.header.assays)
        assert total - missing - zeros == counts.n_values
    json.dumps(dict(dataset.header.role_evidence))
    json.dumps(dict(dataset.header.scale_evidence))
    json.dumps(dict(dataset.header.omics_type_evidence))


def _is_counted(dataset: Dataset, entry: dict[str, str]) -> bool:
    """Whether the dataset has the counted shape: as counted first, or as a stated alternative."""
    features = {row["row_number"] for row in dataset.rows}
    columns = (
        len(dataset.header.assays)
        if dataset.header.shape == "matrix"
        else sum(len(contrast.columns) for contrast in dataset.header.contrasts)
    )
    if not dataset.header.role_evidence.get("primary", True):
        return False  # another quantity of the same file
    shape = (len(features) or len(dataset.rows), columns)
    if shape != (int(entry["n_features"]), int(entry["n_samples"])):
        return False
    if dataset.counts.n_values == int(entry["n_numeric_values"]):
        return True
    others = re.findall(r"numeric (\d+)", entry["alternative_readings"])
    by_zeros = "zero" in entry["alternative_readings"] and "zeros" in dataset.header.role_evidence
    return by_zeros and str(dataset.counts.n_values) in others


def _elements(row: dict[str, object]) -> list[str]:
    return str(row["quantities"]).strip("{}").split(",")


def _check_spot(dataset: Dataset, entry: dict[str, str], spot: str) -> None:
    name, sample = entry[f"{spot}_feature"], entry[f"{spot}_sample"]
    expected = float(entry[f"{spot}_numeric"])
    rows = _spot_rows(dataset, name)
    assert rows, f"no row is named {name!r}"
    if dataset.header.shape == "result_table":
        columns = [
            statistic
            for contrast in dataset.header.contrasts
            for statistic, header in contrast.columns.items()
            if header == sample
        ]
        found = [float(str(row[column])) for row in rows for column in columns]
    else:
        positions = _spot_positions(dataset, sample)
        assert positions, f"no assay is named {sample!r}"
        found = [
            float(text)
            for row in rows
            for at in positions
            if (text := _elements(row)[at]) != "NULL"
        ]
    assert expected in found, f"{name} in {sample}: expected {expected}, found {found[:5]}"


def _spot_rows(dataset: Dataset, name: str) -> list[dict[str, object]]:
    numbered = re.fullmatch(r"(.*) \[feature #(\d+)\]", name)
    if numbered:
        row = dataset.rows[int(numbered[2]) - 1]
        assert row["reported_name"] == numbered[1]
        return [row]
    exact = [row for row in dataset.rows if row["reported_name"] == name]
    return exact or [row for row in dataset.rows if _is_named(row, name)]


def _is_named(row: dict[str, object], name: str) -> bool:
    """Whether the row's name, its parts or its annotations hold every part of a counted name."""
    said = json.loads(str(row["annotations"])).values() if row["annotations"] else ()
    known = {str(row["reported_name"]), *str(row["reported_name"]).split("|"), *said}
    # The count writes the symbol of a gene behind its id.
    if (described := re.fullmatch(r"(.*) \((.*)\)", name)) and set(described.groups()) <= known:
        return True
    # The count writes an empty part of a name, such as no modification, as "{}".
    counted = {name, name.removesuffix(" {}")}
    return bool(counted & known) or set(name.split("|")) <= known


def _spot_positions(dataset: Dataset, sample: str) -> list[int]:
    assays = dataset.header.assays
    numbered = re.fullmatch(r"(.*) \[sample #(\d+)\]", sample)
    if numbered:
        assert assays[int(numbered[2]) - 1].source_column == numbered[1]
        return [int(numbered[2]) - 1]
    if len(assays) == 1:
        return [0]
    exact = [i for i, a in enumerate(assays) if sample in (a.name, a.source_column)]
    return exact or [
        i for i, a in enumerate(assays) if sample in a.source_column or a.name in sample
    ]
