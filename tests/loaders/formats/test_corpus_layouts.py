"""Layouts against real files whose numbers were counted independently."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import pytest

from loaders.formats import layouts, statistics
from loaders.formats.layouts import is_flagged
from loaders.model import Roles

CORPUS = Path(__file__).resolve().parents[4] / "shared" / "corpus"
MISSING = {"", "na", "nan", "null", "n/a", "#n/a"}

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(
        not (CORPUS / "manifest.csv").exists(), reason="the folder ../shared/corpus is absent"
    ),
]


def manifest() -> dict[str, dict[str, str]]:
    with (CORPUS / "manifest.csv").open(newline="") as lines:
        return {row["id"]: row for row in csv.DictReader(lines)}


def sheet(path: Path) -> list[list[str]]:
    """Rows of a file as text: the plainest reading that suffices for these files."""
    if path.suffix in (".xlsx", ".xls"):
        import python_calamine

        book = python_calamine.CalamineWorkbook.from_path(str(path))
        return [[str(cell) for cell in row] for row in book.get_sheet_by_index(0).to_python()]
    data = path.read_bytes()
    if path.suffix == ".zip":
        import zipfile

        with zipfile.ZipFile(path) as archive:
            data = max((archive.read(name) for name in archive.namelist()), key=len)
    text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n", 100)[:100]
    delimiter = max("\t;,", key=lambda mark: sorted(line.count(mark) for line in lines)[50:])
    quoting = csv.QUOTE_MINIMAL if '"' in text[:5000] or delimiter != "\t" else csv.QUOTE_NONE
    return list(csv.reader(text.split("\n"), delimiter=delimiter, quoting=quoting))


def read(path: Path) -> tuple[Roles, list[str], list[list[str]]]:
    """Finds the header (the first full row that a layout knows) and the roles."""
    rows = sheet(path)
    for start in range(min(80, len(rows))):
        if len([cell for cell in rows[start] if cell.strip()]) < 2:
            continue
        body = [row for row in rows[start + 1 :] if any(cell.strip() for cell in row)]
        found = layouts.recognise(rows[start], body[:200], rows[:start])
        found = found or statistics.recognise(rows[start], body[:200])
        if found is not None:
            return found, rows[start], body
    raise AssertionError(f"{path}: no layout fits")


def number(text: str, roles: Roles) -> float | None:
    text = text.strip()
    if text.lower() in MISSING or text in roles.missing_tokens:
        return None
    value = float(text)
    return None if math.isnan(value) or (roles.zero_is_missing and value == 0) else value


def features(roles: Roles, body: list[list[str]]) -> list[list[str]]:
    kept = []
    for row in body:
        skips = roles.evidence.get("skip_rows", [])
        assert isinstance(skips, list)
        if not any(re.search(rule["matches"], row[rule["column"]].strip()) for rule in skips):
            kept.append(row)
    return kept


def matrix(
    roles: Roles, body: list[list[str]]
) -> tuple[int, int, int, dict[tuple[str, str], float]]:
    """Counts features, samples and values, and keeps the values by feature and sample."""
    values: dict[tuple[str, str], float] = {}
    if roles.orientation == "long":
        assert roles.sample_column is not None
        assert roles.value_column is not None
        pairs: dict[tuple[str, str], float | None] = {}
        for row in body:
            name = "|".join(row[i] for i in roles.feature_columns)
            key, value = (name, row[roles.sample_column]), number(row[roles.value_column], roles)
            assert pairs.setdefault(key, value) == value
        values = {key: value for key, value in pairs.items() if value is not None}
        return len({f for f, _ in pairs}), len({s for _, s in pairs}), len(values), values
    rows = features(roles, body)
    count = 0
    for row in rows:
        row = row + [""] * (max(i for i, _ in roles.assay_columns) + 1 - len(row))
        joiner = str(roles.evidence.get("feature_join", "|"))
        name = joiner.join(row[i].strip() for i in roles.feature_columns if row[i].strip())
        assert name
        for index, assay in roles.assay_columns:
            value = number(row[index], roles)
            count += value is not None
            if value is not None:
                values.setdefault((name, assay), value)
    return len(rows), len(roles.assay_columns), count, values


MATRICES = [
    "P01",
    "P02",
    "P03",
    "P06",
    "P08",
    "P09",
    "P12",
    "P14",
    "P16",
    "P17",
    "P19",
    "P21",
    "P22",
    "P26",
    "P30",
    "L01",
    "L02",
    "L04",
    "L06",
    "L07",
    "M01",
    "M15",
    "M16",
    "M18",
    "M23",
    "M25",
    "T01",
    "T03",
    "T05",
    "T09",
    "T11",
]


@pytest.mark.parametrize("identifier", MATRICES)
def test_counts_equal_the_counted_truth(identifier: str) -> None:
    truth = manifest()[identifier]
    roles, _, body = read(CORPUS / truth["relpath"])
    n_features, n_samples, n_values, values = matrix(roles, body)
    assert (n_features, n_samples, n_values) == tuple(
        int(truth[name]) for name in ("n_features", "n_samples", "n_numeric_values")
    )
    assert roles.omics_type in (truth["omics_type"], None)
    for spot in ("spot1", "spot2"):
        assert float(truth[f"{spot}_numeric"]) in values.values()


@pytest.mark.parametrize(
    "identifier",
    ["L10", "L11", "L14", "M12", "M14", "M24", "T18", "T27"],
)
def test_plain_matrices_are_left_to_the_vote(identifier: str) -> None:
    rows = sheet(CORPUS / manifest()[identifier]["relpath"])
    assert layouts.recognise(rows[0], rows[1:200], ()) is None
    assert statistics.recognise(rows[0], rows[1:200]) is None


@pytest.mark.parametrize(
    ("identifier", "flag", "count"),
    [
        ("P01", "is_contaminant", 49),
        ("P01", "is_decoy", 17),
        ("P02", "is_contaminant", 31),
        ("P03", "is_contaminant", 44),
        ("P06", "is_decoy", 35),
        ("P06", "is_contaminant", 0),
        ("P14", "is_contaminant", 20),
        ("P21", "is_contaminant", 43),
    ],
)
def test_flags_equal_the_counted_truth(identifier: str, flag: str, count: int) -> None:
    roles, _, body = read(CORPUS / manifest()[identifier]["relpath"])
    pairs = roles.flag_columns[flag]
    flagged = [row for row in body if any(len(row) > i and is_flagged(row[i], t) for i, t in pairs)]
    assert len(flagged) == count


@pytest.mark.parametrize("identifier", ["T20", "T29"])
def test_result_tables_equal_the_counted_truth(identifier: str) -> None:
    import pyarrow as pa

    truth = manifest()[identifier]
    roles, header, body = read(CORPUS / truth["relpath"])
    assert roles.orientation == "result_table"
    assert roles.assay_columns == ()
    columns = {f"c{i}": pa.array([row[i] for row in body]) for i in range(len(header))}
    columns["row_number"] = pa.array(range(2, len(body) + 2), pa.int64())
    reading = statistics.result_tables(roles, [pa.table(columns)], header=header)
    landed = pa.concat_tables(reading).to_pylist()
    counts = reading.counts()
    assert counts.rows_read == counts.rows_landed == int(truth["n_features"])
    assert counts.n_values == int(truth["n_numeric_values"])
    canonical = {said: name for name, said in reading.contrasts[0].columns.items()}
    for spot in ("spot1", "spot2"):
        row = next(r for r in landed if r["reported_name"] == truth[f"{spot}_feature"])
        assert row[canonical[truth[f"{spot}_sample"]]] == truth[f"{spot}_value"]


def test_a_diffreport_is_a_matrix_and_a_result_table() -> None:
    roles, header, _ = read(CORPUS / manifest()["M16"]["relpath"])
    assert len(roles.assay_columns) == 14
    assert [header[i] for i in roles.contrasts[0].columns.values()] == ["pvalue", "tstat"]
