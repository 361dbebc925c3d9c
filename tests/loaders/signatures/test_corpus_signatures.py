"""Every public signature file is read with the counted sets and members, and both spot values."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loaders.model import ReadOptions, SourceFile
from loaders.signatures.read import read_file, recognise

CORPUS = Path(__file__).parents[3].parent / "shared" / "corpus"
MANIFEST = CORPUS / "manifest.csv"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not MANIFEST.exists(), reason="../shared/corpus is not on this machine"),
]


def _manifest() -> list[dict[str, str]]:
    if not MANIFEST.exists():
        return []
    with MANIFEST.open(encoding="utf-8", newline="") as lines:
        return [entry for entry in csv.DictReader(lines) if entry["omics_type"] == "signatures"]


def _source(path: Path) -> SourceFile:
    return SourceFile(str(path), path, path.stat().st_size, datetime.now(UTC))


@pytest.mark.parametrize("entry", _manifest(), ids=lambda entry: entry["id"])
def test_counted_truth(entry: dict[str, str]) -> None:
    (path,) = (CORPUS / "signatures" / entry["id"]).iterdir()
    (reading,) = read_file(_source(path), options=ReadOptions())
    tables = dict(reading.batches())
    sets = tables["sets"].to_pylist()
    members = [json.loads(row["fields"])["n_members"] for row in sets]
    assert len(sets) == int(entry["n_sets"])
    assert sum(members) == int(entry["n_members"])
    # What is not landed stands in its set already.
    rejects = reading.rejects().to_pylist()
    assert tables["components"].num_rows + len(rejects) == int(entry["n_members"])
    assert {row["reason_code"] for row in rejects} <= {"repeated_component"}
    components = {
        (row["set_name"], row["reported_name"]): row for row in tables["components"].to_pylist()
    }
    for spot in ("spot1", "spot2"):
        name = entry[f"{spot}_feature"]
        name = sets[0]["name"] if name == "(file)" else name
        component = components[name, entry[f"{spot}_sample"]]
        assert component["feature_type"] == "gene"
        if entry[f"{spot}_numeric"]:
            signed = float(component["weight"]) * int(component["direction"])
            assert signed == float(entry[f"{spot}_numeric"])


def test_nothing_else_is_taken_for_a_signature() -> None:
    others = [p for p in CORPUS.glob("*/*/*") if p.is_file() and p.parts[-3] != "signatures"]
    assert others
    taken = {str(path) for path in others if recognise(_source(path), ReadOptions())}
    assert not taken
