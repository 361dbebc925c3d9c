"""AnnData and Cell Ranger: dense, sparse both ways round, categories old and new, layers."""

from __future__ import annotations

import io
import json
from typing import Any

import h5py
import numpy as np
import pytest

from loaders.reading import blocks

GENES = ["ENSG00000000003", "ENSG00000000005", "ENSG00000000419", "ENSG00000000457"]
CELLS = ["cell-1", "cell-2", "cell-3"]
DENSE = np.array([[1.5, 0, 3, np.nan], [0, 0, 2.25, 4], [5, 6, 0, 0]])
COUNTS = np.array([[1, 0, 3, 0], [0, 0, 2, 4], [5, 6, 0, 0]], dtype=np.int64)


def strings(group: Any, name: str, values: list[str]) -> None:
    group.create_dataset(name, data=np.array(values, dtype=object), dtype=h5py.string_dtype())


def frame(file: Any, name: str, index: list[str], key: str = "_index") -> Any:
    group = file.create_group(name)
    group.attrs["_index"] = key
    group.attrs["encoding-type"] = "dataframe"
    strings(group, key, index)
    return group


def compressed(group: Any, matrix: Any, kind: str) -> None:
    """Writes a matrix as csr (by row) or csc (by column)."""
    lines = matrix if kind == "csr" else matrix.T
    data, indices, pointers = [], [], [0]
    for line in lines:
        at = np.flatnonzero(line)
        data.extend(line[at].tolist())
        indices.extend(at.tolist())
        pointers.append(len(data))
    group.attrs["encoding-type"] = f"{kind}_matrix"
    group.attrs["shape"] = matrix.shape
    group["data"] = np.array(data, dtype=matrix.dtype)
    group["indices"] = np.array(indices, dtype=np.int32)
    group["indptr"] = np.array(pointers, dtype=np.int64)


def h5ad(matrix: Any = DENSE, *, kind: str = "array", more: Any = None) -> bytes:
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        file.attrs["encoding-type"] = "anndata"
        obs = frame(file, "obs", CELLS)
        obs["n"] = np.array([7, 8, 9])
        group = obs.create_group("kind")
        group["codes"] = np.array([0, 1, -1], dtype=np.int8)
        strings(group, "categories", ["T", "B"])
        var = frame(file, "var", GENES, key="gene")
        strings(var, "symbol", ["TSPAN6", "TNMD", "DPM1", ""])
        if kind == "array":
            file["X"] = matrix
        else:
            compressed(file.create_group("X"), matrix, kind)
        if more:
            more(file)
    return held.getvalue()


def test_a_dense_matrix_with_its_descriptions(one):
    dataset = one(h5ad(), omics=None)
    header = dataset.header
    assert (header.format, header.omics_type) == ("h5ad", "transcriptomics")
    assert dataset.names == GENES
    assert dataset.assays == CELLS
    assert dataset.quantities == ["{1.5,0,5}", "{0,0,6}", "{3,2.25,0}", "{NULL,4,0}"]
    assert [dict(assay.attributes) for assay in header.assays] == [
        {"n": "7", "kind": "T"},
        {"n": "8", "kind": "B"},
        {"n": "9"},
    ]
    assert json.loads(dataset.rows[0]["annotations"]) == {"symbol": "TSPAN6"}
    assert (dataset.counts.n_values, dataset.counts.zero_count) == (11, 5)
    assert not header.zero_is_missing


@pytest.mark.parametrize("kind", ["csr", "csc"])
@pytest.mark.parametrize("in_memory", [1_000, 2])
def test_a_sparse_matrix_gives_its_entries_and_counts_the_zeros(one, monkeypatch, kind, in_memory):
    monkeypatch.setattr(blocks, "_IN_MEMORY", in_memory)
    dataset = one(h5ad(COUNTS, kind=kind), omics=None)
    assert dataset.quantities == ["{1,0,5}", "{0,0,6}", "{3,2,0}", "{0,4,0}"]
    assert (dataset.counts.n_values, dataset.counts.zero_count) == (6, 6)
    assert dataset.header.role_evidence["sparse"]["entries"] == 6


def test_blocks_of_one_feature_give_the_same(one, monkeypatch):
    whole = one(h5ad(COUNTS, kind="csr"), omics=None)
    monkeypatch.setattr(blocks, "BLOCK_CELLS", 1)
    assert one(h5ad(COUNTS, kind="csr"), omics=None).rows == whole.rows
    assert one(h5ad(), omics=None).quantities[3] == "{NULL,4,0}"


def test_layers_and_raw_are_datasets_of_their_own(read):
    def more(file: Any) -> None:
        file.create_group("layers")["counts"] = COUNTS
        raw = file.create_group("raw")
        raw["X"] = np.arange(6, dtype=np.float32).reshape(3, 2) / 10
        frame(raw, "var", ["ENSG00000000003", "ENSG00000000005"])
        file.create_group("uns").create_group("log1p")

    first, counts, raw = read(h5ad(more=more), omics=None)
    assert [d.header.quantity for d in (first, counts, raw)] == ["X", "layer counts", "raw"]
    assert [d.header.part for d in (first, counts, raw)] == [
        "",
        "quantity=layer counts",
        "quantity=raw",
    ]
    assert first.header.role_evidence["primary"] is True
    assert first.header.value_scale == "ln"
    assert counts.quantities[0] == "{1,0,5}"
    assert raw.quantities == ["{0,0.2,0.4}", "{0.1,0.3,0.5}"]


def test_old_files_keep_tables_as_records_and_categories_aside(one):
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        file["X"] = COUNTS.astype(np.float32)
        kinds = [("index", "S20"), ("batch", "i4")]
        file["obs"] = np.array([(name.encode(), 1) for name in CELLS], dtype=kinds)
        var = file.create_group("var")
        strings(var, "index", GENES)
        var["chromosome"] = np.array([0, 1, 0, -1], dtype=np.int8)
        strings(var.create_group("__categories"), "chromosome", ["X", "20"])
    dataset = one(held.getvalue(), omics=None)
    assert dataset.quantities[0] == "{1,0,5}"
    assert dict(dataset.header.assays[0].attributes) == {"batch": "1"}
    assert json.loads(dataset.rows[1]["annotations"]) == {"chromosome": "20"}


def test_the_matrix_of_cell_ranger(one):
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        group = file.create_group("matrix")
        compressed(group, COUNTS, "csr")
        group["barcodes"] = np.array([name.encode() for name in CELLS])
        about = group.create_group("features")
        about["id"] = np.array([name.encode() for name in GENES])
        about["name"] = np.array([b"A", b"B", b"C", b"D"])
        about["feature_type"] = np.array([b"Gene Expression"] * 4)
    dataset = one(held.getvalue(), omics=None)
    assert dataset.header.format == "10x HDF5 matrix"
    assert dataset.header.unit == "counts"
    assert dataset.quantities == ["{1,0,5}", "{0,0,6}", "{3,2,0}", "{0,4,0}"]


def test_an_undecided_type_is_asked_with_a_mapping_that_answers(refusal, one):
    def rename(file: Any) -> None:
        del file["var"]["gene"]
        strings(file["var"], "gene", ["a1", "b2", "c3", "d4"])

    content = h5ad(more=rename)
    assert "omics_type: null" in refusal(content, omics=None).mapping_stub
    assert (
        one(content, omics=None, mapping={"omics_type": "proteomics"}).header.omics_type
        == "proteomics"
    )


def test_an_entry_that_stands_twice_refuses_the_file(read):
    from loaders.model import Unreadable

    def twice(file: Any) -> None:
        del file["X"]["indices"]
        file["X"]["indices"] = np.array([0, 0, 2, 3, 0, 1], dtype=np.int32)

    with pytest.raises(Unreadable, match="two entries"):
        read(h5ad(COUNTS, kind="csr", more=twice), omics=None)


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file["X"]["indptr"].__setitem__(-1, 99),
        lambda file: file["X"]["indices"].__setitem__(0, 99),
    ],
)
def test_entries_that_do_not_fit_refuse_the_file(refusal, change):
    found = refusal(h5ad(COUNTS, kind="csr", more=change), omics=None)
    assert found.reason_code == "broken_blocks"


def test_damaged_and_foreign_files_are_refused(refusal):
    assert refusal(h5ad()[:900], omics=None).reason_code == "broken_blocks"
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        file["other"] = np.arange(3)
    assert refusal(held.getvalue(), omics=None).reason_code == "format_not_readable_yet"
