"""Parquet: one column per assay or statistic, provenance in the metadata of the schema."""

from __future__ import annotations

import json
from pathlib import Path

from warehouse.export.model import PROVENANCE, Exported


def write_parquet(exported: Exported, path: Path) -> None:
    """Writes the dataset; a missing value is null."""
    import pyarrow as pa
    from pyarrow import parquet

    columns = {name: pa.array(values, pa.string()) for name, values in exported.rows.items()}
    if exported.matrix is not None:
        for at, assay in enumerate(exported.matrix.assays):
            # Not-a-number is how a missing value is held; null is how it is written.
            columns[assay] = pa.array(exported.matrix.values[:, at], from_pandas=True)
    for name, numbers in exported.statistics.items():
        columns[name] = pa.array(numbers, pa.float64())
    provenance = dict(exported.provenance)
    if exported.matrix is not None:
        provenance["assays"] = {"name": list(exported.matrix.assays), **exported.matrix.about}
    metadata = {PROVENANCE: json.dumps(provenance, ensure_ascii=False)}
    table = pa.table(columns).replace_schema_metadata(metadata)
    parquet.write_table(table, path, compression="zstd")
