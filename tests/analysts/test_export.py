"""What is exported can be loaded again: names and values are those of the marts."""

from __future__ import annotations

import csv
import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from loaders.model import ReadOptions, SourceFile
from loaders.reading.read import read_file
from tests.analysts.conftest import copied
from tests.end_to_end.conftest import Omics
from warehouse.errors import OmicsError
from warehouse.export.hdf5 import write_h5ad
from warehouse.export.model import Exported, Matrix
from warehouse.export.parquet import write_parquet
from warehouse.export.reading import read_dataset
from warehouse.export.text import write_csv
from warehouse.settings import Settings

WRITERS = {"parquet": write_parquet, "csv": write_csv, "h5ad": write_h5ad}
MATRICES = (
    "Hepatocyte lipids",
    "Medium lipids",
    "Partner lab lipids",
    "Polar metabolites",
    "Sterols and bile acids",
    "hepatocyte_gene_counts",
    "hepatocyte_proteinGroups",
)


#: Assays, names of rows, and values.
Content = tuple[list[str], list[str], list[list[float | None]]]


def _facts(conn: psycopg.Connection[Any], name: str) -> Content:
    """Assays, names and values as the mart has them."""
    assays = conn.execute(
        "select a.name from assays as a join datasets as d using (dataset_id) "
        "where d.name = %s order by a.position",
        (name,),
    ).fetchall()
    rows = conn.execute(
        "select f.reported_name, f.abundances from dataset_features as f "
        "join datasets as d using (dataset_id) where d.name = %s order by f.row_number",
        (name,),
    ).fetchall()
    return [a for (a,) in assays], [n for n, _ in rows], [values for _, values in rows]


def _loaded(path: Path, omics_type: str) -> Content:
    """The same as the loaders of the project read it from a file."""
    stat = path.stat()
    source = SourceFile(str(path), path, stat.st_size, stat.st_mtime)
    (reading,) = read_file(source, declared_omics_type=omics_type, options=ReadOptions())
    rows = [row for batch in reading.batches() for row in batch.to_pylist()]
    assert reading.counts().rows_rejected == 0
    values = [
        [
            None if cell == "NULL" else float(cell)
            for cell in row["quantities"].strip("{}").split(",")
        ]
        for row in rows
    ]
    names = [row["reported_name"] for row in rows]
    return [assay.name for assay in reading.header.assays], names, values


@pytest.mark.parametrize("file_format", sorted(WRITERS))
@pytest.mark.parametrize("name", MATRICES)
def test_a_matrix_comes_back_as_it_was(
    name: str, file_format: str, example_marts: psycopg.Connection[Any], tmp_path: Path
) -> None:
    exported = read_dataset(example_marts, name)
    path = tmp_path / f"matrix.{file_format}"
    WRITERS[file_format](exported, path)
    assert _loaded(path, exported.provenance["omics_type"]) == _facts(example_marts, name)


def test_the_provenance_stands_in_every_format(
    example_marts: psycopg.Connection[Any], tmp_path: Path
) -> None:
    import h5py
    from pyarrow import parquet

    exported = read_dataset(example_marts, "Partner lab lipids")
    told = exported.provenance
    (file,) = example_marts.execute(
        "select path, sha256, load_id from source_files where source_file_id = "
        "(select source_file_id from datasets where name = 'Partner lab lipids')"
    ).fetchall()
    assert (told["source_path"], told["source_sha256"], told["load_id"]) == file
    assert (told["unit"], told["value_scale"]) == ("mol%", "linear")
    assert any("lipids" in reference for reference in told["references"])

    write_parquet(exported, tmp_path / "x.parquet")
    metadata = parquet.read_schema(tmp_path / "x.parquet").metadata
    in_parquet = json.loads(metadata[b"omics"])
    assays = in_parquet.pop("assays")
    assert in_parquet == told
    assert assays["study_variable"] == ["vehicle"] * 4 + ["statin"] * 4

    write_h5ad(exported, tmp_path / "x.h5ad")
    with h5py.File(tmp_path / "x.h5ad") as opened:
        assert json.loads(opened["uns/omics"][()]) == told
        assert list(opened["obs/study_variable"].asstr()) == ["vehicle"] * 4 + ["statin"] * 4

    write_csv(exported, tmp_path / "x.csv")
    comments = [
        line[2:].split(": ", 1)
        for line in (tmp_path / "x.csv").read_text("utf-8").splitlines()
        if line.startswith("# ")
    ]
    in_csv = dict(comments[1:])
    assert set(in_csv) == set(told)
    assert in_csv["source_sha256"] == told["source_sha256"]


def test_rows_lead_back_to_the_file(example_marts: psycopg.Connection[Any]) -> None:
    exported = read_dataset(example_marts, "hepatocyte_proteinGroups")
    assert exported.rows["source_row"][0] == "row 2"
    assert list(exported.rows["flag"]).count("contaminant") == 3
    features = example_marts.execute("select feature_id::text, name from features").fetchall()
    known = dict(features)
    for identifier, name in zip(
        exported.rows["feature_id"], exported.rows["resolved_name"], strict=True
    ):
        assert identifier is None or known[identifier] == name


def test_a_result_table_comes_back_too(
    example_marts: psycopg.Connection[Any], tmp_path: Path
) -> None:
    import pandas as pd

    exported = read_dataset(example_marts, "statin_vs_vehicle_deseq2")
    write_parquet(exported, tmp_path / "x.parquet")
    write_csv(exported, tmp_path / "x.csv")
    frames = [
        pd.read_parquet(tmp_path / "x.parquet"),
        pd.read_csv(tmp_path / "x.csv", comment="#"),
    ]
    rows = example_marts.execute(
        "select reported_name, log2_fold_change, p_value, adjusted_p_value "
        "from differential_results join datasets as d using (dataset_id) "
        "where d.name = 'statin_vs_vehicle_deseq2' order by row_number"
    ).fetchall()
    for frame in frames:
        assert len(frame) == len(rows) == 120
        for row, (name, change, p_value, adjusted) in zip(
            frame.to_dict("records"), rows, strict=True
        ):
            assert row["reported_name"] == name
            for column, value in (
                ("log2_fold_change", change),
                ("p_value", p_value),
                ("adjusted_p_value", adjusted),
            ):
                assert row[column] == value or (value is None and math.isnan(row[column]))
    with pytest.raises(OmicsError, match="no matrix of assays") as refusal:
        write_h5ad(exported, tmp_path / "x.h5ad")
    assert "--format parquet" in str(refusal.value)


ODD = Exported(
    name="odd",
    provenance={"omics_type": "metabolomics", "methods": "two\nlines, and a # sign"},
    rows={
        "reported_name": ['5"-name, "quoted"', "ä; β", "#7", "third"],
        "feature": ["a", None, "b,c", ""],
    },
    matrix=Matrix(
        ["first, one", 'second "two"', "dritte β"],
        {"batch": ["A", None, "B"]},
        np.array(
            [
                [0.1 + 0.2, 1e-300, 123456789012345.0],
                [np.nan, 1 / 3, 5e300],
                [2.0, 12345678901234567890.0, np.nan],
                [1.5, 2.5, 3.5],
            ]
        ),
    ),
    statistics={},
)


@pytest.mark.parametrize("file_format", sorted(WRITERS))
def test_odd_names_and_numbers_survive(file_format: str, tmp_path: Path) -> None:
    path = tmp_path / f"odd.{file_format}"
    WRITERS[file_format](ODD, path)
    assert ODD.matrix is not None
    if file_format == "csv":
        lines = path.read_text("utf-8").splitlines()
        body = list(csv.reader(lines[sum(1 for line in lines if line.startswith("# ")) :]))
        assert [row[0] for row in body[1:]] == list(ODD.rows["reported_name"])
        values = [[float(cell) if cell else math.nan for cell in row[2:]] for row in body[1:]]
        assert body[0][2:] == list(ODD.matrix.assays)
        # As the command says it, and as the loaders of the project do.
        import pandas as pd

        frame = pd.read_csv(path, comment="#", keep_default_na=False)
        assert list(frame["reported_name"]) == list(ODD.rows["reported_name"])
        assert _loaded(path, "metabolomics")[1] == list(ODD.rows["reported_name"])
    elif file_format == "parquet":
        import pandas as pd

        frame = pd.read_parquet(path)
        assert list(frame["reported_name"]) == list(ODD.rows["reported_name"])
        values = frame[list(ODD.matrix.assays)].to_numpy().tolist()
    else:
        import h5py

        with h5py.File(path) as opened:
            assert list(opened["var/_index"].asstr()) == list(ODD.rows["reported_name"])
            assert list(opened["obs/_index"].asstr()) == list(ODD.matrix.assays)
            values = opened["X"][()].T.tolist()
    assert np.array_equal(np.array(values), ODD.matrix.values, equal_nan=True)


@pytest.mark.skipif(
    importlib.util.find_spec("anndata") is None,
    reason="AnnData is not installed; the project writes its format without it",
)
def test_anndata_reads_what_is_written(tmp_path: Path) -> None:
    import anndata

    write_h5ad(ODD, tmp_path / "odd.h5ad")
    read = anndata.read_h5ad(tmp_path / "odd.h5ad")
    assert list(read.var_names) == list(ODD.rows["reported_name"])
    assert json.loads(read.uns["omics"]) == ODD.provenance


def test_equal_names_of_assays_become_columns_of_their_own(example_settings: Settings) -> None:
    with copied(example_settings) as conn:
        conn.execute(
            "update assays set name = case position when 3 then 'flag' else 'A' end "
            "where dataset_id = (select dataset_id from datasets where name = 'Medium lipids')"
        )
        exported = read_dataset(conn, "Medium lipids")
    assert exported.matrix is not None
    assert list(exported.matrix.assays) == [
        "A", "A.2", "flag.2", "A.3", "A.4", "A.5", "A.6", "A.7",
    ]  # fmt: skip


def test_the_command(omics: Omics, tmp_path: Path) -> None:
    target = tmp_path / "counts.csv"
    written = json.loads(
        omics("export", "HEPATOCYTE_gene_counts", "--format", "csv", "--out", str(target), "--json")
        .stdout
    )  # fmt: skip
    assert (written["rows"], written["assays"]) == (120, 8)
    assert target.read_text("utf-8").startswith("# omics: ")
    again = omics(
        "export", "hepatocyte_gene_counts", "--format", "csv", "--out", str(target), codes=(1,)
    )
    assert "--overwrite" in again.stderr
    omics(
        "export", "hepatocyte_gene_counts", "--format", "h5ad", "--out", str(target), "--overwrite"
    )
    assert target.read_bytes().startswith(b"\x89HDF")
    assert [path.name for path in tmp_path.iterdir()] == ["counts.csv"]


def test_wrong_wishes_are_answered(
    example_marts: psycopg.Connection[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    from omics import cli

    assert cli.run(["export", "x", "--format", "xlsx"]) == 64
    assert "parquet, csv, h5ad" in capsys.readouterr().err
    with pytest.raises(OmicsError, match="no dataset is called 'hepatocyte'") as refusal:
        read_dataset(example_marts, "hepatocyte")
    assert "Hepatocyte lipids" in str(refusal.value)
