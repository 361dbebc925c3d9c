"""Olink's wide sheet: two panels, warnings, the trailer, Excel and text."""

from __future__ import annotations

import io
import json
from pathlib import Path

import openpyxl
import pytest

ROWS = [
    ["Project: invented", "", "", "", "", "", "", ""],
    ["NPX data", "", "", "", "", "", "", ""],
    ["Panel", "CVD II", "CVD II", "IMM", "CVD II", "CVD II", "IMM", "IMM"],
    ["Assay", "IL6", "TNF", "IL6", "Plate ID", "QC Warning", "Plate ID", "QC Warning"],
    ["Uniprot ID", "P05231", "P01375", "P05231", "", "", "", ""],
    ["OlinkID", "OID00001", "OID00002", "OID00003", "", "", "", ""],
    ["", "", "", "", "", "", "", ""],
    ["S1", "-1.5", "2.25", "0", "P1", "Pass", "P2", "Pass"],
    ["S2", "3.5", "4.5", "5.5", "P1", "Warning", "P2", "Pass"],
    ["CONTROL", "6", "7", "8", "P1", "Pass", "P2", "Pass"],
    ["", "", "", "", "", "", "", ""],
    ["LOD", "0.1", "0.2", "0.3", "", "", "", ""],
    ["Missing Data freq.", "0%", "10%", "0%", "", "", "", ""],
    ["Normalization", "Intensity", "Intensity", "Intensity", "", "", "", ""],
]


def text(delimiter: str, rows: list[list[str]] = ROWS) -> str:
    return "\n".join(delimiter.join(row) for row in rows) + "\n"


def workbook(rows: list[list[str]] = ROWS) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(
            [float(c) if c.replace(".", "").lstrip("-").isdigit() else c for c in row]
        )
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


@pytest.mark.parametrize("content", [text(";"), text(","), text("\t"), workbook()])
def test_the_matrix_is_turned_and_the_trailer_is_no_sample(one, content):
    dataset = one(content, omics=None)
    header = dataset.header
    assert (header.format, header.omics_type) == ("Olink NPX wide", "proteomics")
    assert (header.value_scale, header.unit, header.zero_is_missing) == ("log2", "NPX", False)
    assert dataset.names == ["OID00001", "OID00002", "OID00003"]
    assert dataset.assays == ["S1", "S2", "CONTROL"]
    assert dataset.quantities == ["{-1.5,3.5,6}", "{2.25,4.5,7}", "{0,5.5,8}"]
    notes = json.loads(dataset.rows[1]["annotations"])
    assert notes["Assay"] == "TNF"
    assert notes["UniProt"] == "P01375"
    assert notes["Panel"] == "CVD II"
    assert notes["LOD"] == "0.2"
    assert dict(header.assays[1].attributes) == {
        "Plate ID CVD II": "P1",
        "QC Warning CVD II": "Warning",
        "Plate ID IMM": "P2",
        "QC Warning IMM": "Pass",
    }


def test_an_old_sheet_without_ids_keeps_panels_apart(one):
    dataset = one(text("\t", [row for row in ROWS if row[0] != "OlinkID"]), omics=None)
    assert dataset.names == ["P05231|IL6", "P01375|TNF", "P05231|IL6"]


def test_concentrations_are_linear_and_have_a_unit(one):
    rows = [["Quantified data", *row[1:]] if row[0] == "NPX data" else row for row in ROWS]
    rows.insert(6, ["Unit", "pg/mL", "pg/mL", "pg/mL", "", "", "", ""])
    header = one(text("\t", rows), omics=None).header
    assert (header.quantity, header.unit, header.value_scale) == (
        "concentration",
        "pg/mL",
        "linear",
    )


def test_no_sample_is_a_refusal(refusal):
    assert refusal(text("\t", ROWS[:7]), omics=None).reason_code == "broken_blocks"


def test_the_name_of_the_file_is_not_asked(one):
    assert one(text(","), omics=None, name=str(Path("proteins.txt"))).names[0] == "OID00001"
