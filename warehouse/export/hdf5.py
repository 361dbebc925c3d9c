"""h5ad: an AnnData file, written by its published format with h5py alone.

The format: https://anndata.readthedocs.io/en/stable/fileformat-prose.html. AnnData itself
is not needed to write it and brings much with it; where it is installed, a test reads with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from warehouse.errors import OmicsError
from warehouse.export.model import PROVENANCE, Exported


def write_h5ad(exported: Exported, path: Path) -> None:
    """Writes the dataset: assays in rows, features in columns, provenance in `uns`.

    Raises:
        OmicsError: It is a result table, which AnnData has no place for.
    """
    import h5py
    import numpy as np

    matrix = exported.matrix
    if matrix is None:
        raise OmicsError(
            "a result table has no matrix of assays, which h5ad is made for",
            where=exported.name,
            expected="a dataset with the data_shape matrix",
            fix="use --format parquet or --format csv",
        )
    with h5py.File(path, "w") as file:
        _mark(file, "anndata", "0.1.0")
        values = np.ascontiguousarray(matrix.values.T)
        packed = {"compression": "gzip", "chunks": True} if values.size else {}
        _mark(file.create_dataset("X", data=values, **packed), "array", "0.2.0")
        _frame(file, "obs", matrix.assays, matrix.about)
        rows = dict(exported.rows)
        index = [name or "" for name in rows.pop("reported_name")]
        _frame(file, "var", index, rows)
        for name in ("layers", "obsm", "varm", "obsp", "varp"):
            _mark(file.create_group(name), "dict", "0.1.0")
        uns = file.create_group("uns")
        _mark(uns, "dict", "0.1.0")
        provenance = json.dumps(dict(exported.provenance), ensure_ascii=False)
        told = uns.create_dataset(PROVENANCE, data=provenance, dtype=h5py.string_dtype())
        _mark(told, "string", "0.2.0")


def _frame(
    file: Any, name: str, index: Sequence[str], columns: Mapping[str, Sequence[str | None]]
) -> None:
    group = file.create_group(name)
    _mark(group, "dataframe", "0.2.0")
    group.attrs["_index"] = "_index"
    kept = {key: values for key, values in columns.items() if any(values)}
    # h5py gives an empty list no type of its own.
    group.attrs.create("column-order", list(kept), dtype=_text_type(), shape=(len(kept),))
    _texts(group, "_index", index)
    for key, values in kept.items():
        _texts(group, key, values)


def _texts(group: Any, name: str, values: Sequence[str | None]) -> None:
    data = [value or "" for value in values]
    written = group.create_dataset(name, data=data, dtype=_text_type(), shape=(len(data),))
    _mark(written, "string-array", "0.2.0")


def _text_type() -> Any:
    import h5py

    return h5py.string_dtype()


def _mark(item: Any, kind: str, version: str) -> None:
    item.attrs["encoding-type"] = kind
    item.attrs["encoding-version"] = version
