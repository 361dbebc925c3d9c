"""What sheets declare of files: by path, by the end of a path, by pattern."""

from __future__ import annotations

import pytest

from loaders.programs.declared import DeclaredTypes

SHEET = "/data/study/programs/datasets.csv"


def _declared(*rows: tuple[str, str]) -> DeclaredTypes:
    return DeclaredTypes(
        (SHEET, "/data/study", line, [name], omics_type)
        for line, (name, omics_type) in enumerate(rows, start=2)
    )


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("/data/study/raw/a.csv", "/data/study/raw/a.csv"),
        ("../raw/a.csv", "/data/study/raw/a.csv"),
        ("raw/a.csv", "/data/study/raw/a.csv"),
        ("a.csv", "/data/study/raw/a.csv"),
        ("../raw/*.csv", "/data/study/raw/a.csv"),
        ("raw/**/a?.csv", "/data/study/raw/deep/er/a1.csv"),
    ],
)
def test_a_file_is_named_in_these_ways(name: str, path: str) -> None:
    said = _declared((name, "lipidomics")).of(path)
    assert said is not None
    assert (said.omics_type, said.sheet, said.row_number) == ("lipidomics", SHEET, 2)


def test_other_files_are_not_meant() -> None:
    declared = _declared(("a.csv", "lipidomics"), ("raw/*.tsv", "proteomics"))
    for path in ("/data/study/raw/ba.csv", "/data/study/raw/deep/x.tsv", "/elsewhere/raw/x.tsv"):
        assert declared.of(path) is None


def test_the_closest_row_counts_and_a_contradiction_decides_nothing() -> None:
    declared = _declared(("raw/*", "proteomics"), ("raw/a.csv", "lipidomics"))
    said = declared.of("/data/study/raw/a.csv")
    assert said is not None
    assert said.omics_type == "lipidomics"
    twice = _declared(("raw/a.csv", "lipidomics"), ("../raw/a.csv", "proteomics"))
    assert twice.of("/data/study/raw/a.csv") is None
