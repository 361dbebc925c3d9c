"""Matrix Market with its two lists: either way round, under any name, and what is wrong."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from loaders.discovery import find_in_folder
from loaders.groups import grouped
from loaders.model import ReadOptions, SourceFile, Unreadable
from loaders.reading import blocks
from loaders.reading.read import read_file

MATRIX = (
    "%%MatrixMarket matrix coordinate integer general\n%a comment\n3 2 4\n"
    "1 1 5\n3 1 2\n2 2 7\n3 2 1\n"
)
FEATURES = (
    "ENSG00000000003\tTSPAN6\tGene Expression\n"
    "ENSG00000000005\tTNMD\tGene Expression\n"
    "ENSG00000000419\tDPM1\tGene Expression\n"
)
BARCODES = "AAAC-1\nAAAG-1\n"


def write(folder: Path, files: dict[str, str], *, packed: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        content = gzip.compress(text.encode()) if packed else text.encode()
        (folder / (name + (".gz" if packed else ""))).write_bytes(content)


def load(folder: Path) -> list[Any]:
    found = []
    for file in grouped(find_in_folder(str(folder))):
        now = datetime.now(UTC)
        members = tuple(SourceFile(m.path, Path(m.path), m.size, now) for m in file.members)
        source = SourceFile(file.path, Path(file.path), file.size, now, members)
        for reading in read_file(source, declared_omics_type=None, options=ReadOptions()):
            rows = [row for batch in reading.batches() for row in batch.to_pylist()]
            found.append((file.path, reading.header, rows, reading.counts()))
    return found


FILES = {"matrix.mtx": MATRIX, "features.tsv": FEATURES, "barcodes.tsv": BARCODES}


@pytest.mark.parametrize("packed", [False, True])
def test_three_files_are_one_dataset(tmp_path, packed):
    write(tmp_path, FILES, packed=packed)
    ((path, header, rows, counts),) = load(tmp_path)
    assert path == f"{tmp_path}/[10x matrix]"
    assert header.omics_type == "transcriptomics"
    assert [assay.name for assay in header.assays] == ["AAAC-1", "AAAG-1"]
    assert [row["quantities"] for row in rows] == ["{5,0}", "{0,7}", "{2,1}"]
    assert json.loads(rows[0]["annotations"])["symbol"] == "TSPAN6"
    assert (counts.n_values, counts.zero_count) == (4, 2)


def test_names_do_not_matter_and_an_old_list_has_two_columns(tmp_path):
    genes = "\n".join("\t".join(line.split("\t")[:2]) for line in FEATURES.splitlines()) + "\n"
    write(tmp_path, {"a.txt": MATRIX, "b.txt": genes, "c.txt": BARCODES})
    ((_, header, rows, _),) = load(tmp_path)
    assert header.omics_type == "transcriptomics"
    assert rows[2]["reported_name"] == "ENSG00000000419"


def test_a_matrix_with_barcodes_in_rows_is_turned(tmp_path):
    turned = "%%MatrixMarket matrix coordinate real general\n2 3 2\n1 1 5.5\n2 3 0.25\n"
    write(tmp_path, {**FILES, "matrix.mtx": turned})
    ((_, header, rows, _),) = load(tmp_path)
    assert header.role_evidence["turned"] is True
    assert [row["quantities"] for row in rows] == ["{5.5,0}", "{0,0}", "{0,0.25}"]


def test_several_matrices_in_a_folder_go_with_the_lists_named_like_them(tmp_path):
    write(tmp_path, {f"GSM1_{name}": text for name, text in FILES.items()})
    other = MATRIX.replace("1 1 5", "1 1 9")
    write(tmp_path, {f"GSM2_{name}": text for name, text in {**FILES, "matrix.mtx": other}.items()})
    first, second = load(tmp_path)
    assert first[2][0]["quantities"] == "{5,0}"
    assert second[2][0]["quantities"] == "{9,0}"
    assert first[0] != second[0]


def test_entries_that_are_sorted_on_disk_give_the_same(tmp_path, monkeypatch):
    write(tmp_path, FILES)
    whole = load(tmp_path)[0][2]
    monkeypatch.setattr(blocks, "_IN_MEMORY", 1)
    assert load(tmp_path)[0][2] == whole


@pytest.mark.parametrize(
    "files",
    [
        {"matrix.mtx": MATRIX.replace("3 2 4", "3 2 5")},
        {"matrix.mtx": MATRIX.replace("3 1 2", "4 1 2")},
        {"matrix.mtx": MATRIX.replace("3 1 2", "1 1 2")},
        {"matrix.mtx": MATRIX.replace("3 1 2", "3 1 many")},
        {"matrix.mtx": MATRIX.replace("general", "symmetric")},
        {"matrix.mtx": MATRIX.replace("coordinate", "coordinate complex").replace(" integer", "")},
        {"barcodes.tsv": BARCODES + "X-1\nY-1\nZ-1\n"},
    ],
)
def test_what_does_not_fit_refuses_the_matrix(tmp_path, files):
    write(tmp_path, {**FILES, **files})
    with pytest.raises(Unreadable) as caught:
        load(tmp_path)
    assert caught.value.reason_code == "broken_blocks"
    assert caught.value.question


def test_a_matrix_alone_is_refused_with_the_way_out(refusal):
    found = refusal(MATRIX, omics=None)
    assert found.reason_code == "broken_blocks"
    assert "--dir" in found.expected
