"""Parquet: the same layouts as for text, lists and records, nulls, index columns."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def parquet(columns: dict[str, Any]) -> bytes:
    held = io.BytesIO()
    pq.write_table(pa.table(columns), held)
    return held.getvalue()


DIANN = {
    "Run": ["r1", "r1", "r2", "r2"],
    "Protein.Group": ["P1", "P1", "P1", "P2"],
    "Precursor.Id": ["AAK2", "CCK2", "AAK2", "DDK3"],
    "Q.Value": pa.array([0.001, 0.002, 0.001, 0.5], pa.float32()),
    "PG.MaxLFQ": pa.array([10.5, 10.5, 20.25, 7.0], pa.float32()),
    "Precursor.Normalised": pa.array([1.0, 2.0, 3.0, 4.0], pa.float32()),
}


def test_a_diann_report_is_read_as_its_text_would_be(read):
    proteins, precursors = read(parquet(DIANN), omics=None)
    assert proteins.header.format == "DIA-NN report"
    assert proteins.names == ["P1"]
    assert proteins.quantities == ["{10.5,20.25}"]
    assert proteins.counts.rows_skipped_by_rule == {"q.value_above_0.01": 1, "repeated_value": 1}
    assert precursors.names == ["AAK2", "CCK2"]
    assert precursors.quantities == ["{1,3}", "{2,NULL}"]


def test_a_list_of_records_becomes_one_row_each(one):
    kind = pa.list_(
        pa.struct(
            [
                ("sample_accession", pa.string()),
                ("channel", pa.string()),
                ("intensity", pa.float32()),
            ]
        )
    )
    rows = [
        [("S1", "TMT126", 1.5), ("S2", "TMT127", 2.5)],
        [("S1", "TMT126", 3.5), ("S2", "TMT127", None)],
    ]
    held = [
        [dict(zip(("sample_accession", "channel", "intensity"), r, strict=True)) for r in row]
        for row in rows
    ]
    content = parquet(
        {
            "peptidoform": ["AAK", "CCK"],
            "precursor_charge": [2, 3],
            "reference_file_name": ["run", "run"],
            "pg_accessions": [["P1", "P2"], ["P3"]],
            "intensities": pa.array(held, kind),
        }
    )
    dataset = one(content, omics=None)
    assert dataset.header.format == "quantms feature table"
    assert dataset.names == ["AAK|2", "CCK|3"]
    assert dataset.assays == ["run|TMT126", "run|TMT127"]
    assert dataset.quantities == ["{1.5,2.5}", "{3.5,NULL}"]
    assert json.loads(dataset.rows[0]["annotations"])["pg_accessions"] == "P1;P2"
    assert dataset.header.assays[0].attributes["intensities.sample_accession"] == "S1"


def test_a_plain_matrix_with_the_index_of_pandas(one):
    content = parquet(
        {
            "s1": [1.5, None, 3.0],
            "s2": [np.nan, 2.0, 4.0],
            "__index_level_0__": ["PC 34:1", "PE 36:2", "TG 52:3"],
        }
    )
    dataset = one(content, omics=None)
    assert dataset.header.omics_type == "lipidomics"
    assert dataset.names == ["PC 34:1", "PE 36:2", "TG 52:3"]
    assert dataset.quantities == ["{1.5,NULL}", "{NULL,2}", "{3,4}"]


def test_categories_integers_and_booleans_are_text(one):
    names = pa.array(["PC 34:1", "PE 36:2", "TG 52:3"]).dictionary_encode()
    content = parquet(
        {"lipid": names, "known": [True, False, None], "a": [1, 2, 3], "b": [4, 5, 6]}
    )
    dataset = one(content, omics=None)
    assert dataset.quantities == ["{1,4}", "{2,5}", "{3,6}"]


def test_a_damaged_file_is_refused(refusal):
    assert refusal(parquet(DIANN)[:-9], omics=None).reason_code == "broken_blocks"


def test_a_long_table_of_many_batches_is_one_pivot(one, monkeypatch):
    from loaders.formats import parquet as module

    monkeypatch.setattr(module, "_BATCH_CELLS", 1)
    count = 3_000
    content = parquet(
        {
            "SampleID": [f"s{n % 3}" for n in range(count)],
            "OlinkID": [f"OID{n // 3:05}" for n in range(count)],
            "UniProt": ["P1"] * count,
            "Assay": ["A"] * count,
            "NPX": [n / 8 for n in range(count)],
        }
    )
    dataset = one(content, omics=None)
    assert dataset.assays == ["s0", "s1", "s2"]
    assert len(dataset.rows) == 1_000
    assert dataset.quantities[999] == "{374.625,374.75,374.875}"
