"""Workbooks: sheets, headings, merged cells, numbers as typed."""

from __future__ import annotations

import datetime
import io
import zipfile

import pytest

from loaders.reading.excel import text_of

openpyxl = pytest.importorskip("openpyxl", reason="openpyxl writes the workbooks of these tests")


def _save(workbook) -> bytes:
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def _sheet(workbook, name, rows):
    sheet = workbook.create_sheet(name)
    for row in rows:
        sheet.append(row)
    return sheet


LIPIDS = [["Lipid", "S1", "S2"], ["PC 34:1", 17.4, 29.0], ["PE 36:2", 0.1, None]]


@pytest.fixture
def workbook():
    made = openpyxl.Workbook()
    made.remove(made.active)
    return made


@pytest.mark.parametrize("name", ["table.xlsx", "renamed.csv"])
def test_every_table_is_a_part_and_the_rest_is_said(read, workbook, name):
    _sheet(workbook, "Lipids", LIPIDS)
    _sheet(workbook, "Read me", [["Made by the lab"], ["Ask for details"]])
    _sheet(workbook, "Other", [["Lipid", "S1", "S2"], ["TG 52:3", 1, 2], ["DG 36:1", 3, 4]])
    workbook.create_sheet("Empty")
    found = read(_save(workbook), name=name)
    assert [d.header.part for d in found] == ["sheet=Lipids", "sheet=Other"]
    assert found[0].quantities == ["{17.4,29}", "{0.1,NULL}"]
    assert found[0].header.role_evidence["sheets_not_read"] == {
        "sheet=Read me": "not_a_table",
        "sheet=Empty": "empty_file",
    }


def test_a_workbook_that_lists_no_sheet_is_empty(refusal, workbook):
    _sheet(workbook, "Lipids", LIPIDS)
    whole = io.BytesIO(_save(workbook))
    damaged = io.BytesIO()
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(damaged, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            if name == "xl/workbook.xml":
                # The fuzz suite flipped a bit of the element's name.
                text = text.replace(b"<sheet ", b"<sheat ")
            new.writestr(name, text)
    assert refusal(damaged.getvalue(), name="table.xlsx").reason_code == "empty_file"


def test_junk_above_and_merged_headings(one, workbook):
    sheet = _sheet(
        workbook,
        "Data",
        [
            ["Supplementary table 1"],
            [],
            ["", "Case", "", "Control", ""],
            ["Lipid", "S1", "S2", "S3", "S4"],
            ["PC 34:1", 1, 2, 3, 4],
            ["PE 36:2", 5, 6, 7, 8],
        ],
    )
    sheet.merge_cells("B3:C3")
    sheet.merge_cells("D3:E3")
    found = one(_save(workbook))
    assert found.assays == ["S1", "S2", "S3", "S4"]
    labels = [next(iter(a.attributes.values())) for a in found.header.assays]
    assert labels == ["Case", "Case", "Control", "Control"]
    assert found.rows[0]["row_number"] == 5


def test_dates_made_of_gene_names_stay_text_and_are_told(one, workbook):
    rows = [["gene", "S1", "S2"], [datetime.datetime(2021, 3, 7), 10, 200], ["TP53", 30, 400]]
    rows += [["001", 1, 2], ["MYC", 3, 4]]
    _sheet(workbook, "Genes", rows)
    found = one(_save(workbook), omics="transcriptomics")
    assert found.names == ["2021-03-07", "TP53", "001", "MYC"]
    assert found.header.role_evidence["excel_dates"] == {"count": 1, "examples": ["2021-03-07"]}


def test_a_far_away_cell_does_no_harm(one, workbook):
    sheet = _sheet(workbook, "Data", LIPIDS)
    sheet["A200000"] = " "
    found = one(_save(workbook))
    assert found.names == ["PC 34:1", "PE 36:2"]


def test_no_table_in_any_sheet(refusal, workbook):
    _sheet(workbook, "Notes", [["only words", "here"], ["and", "here"]])
    found = refusal(_save(workbook))
    assert found.reason_code == "no_quantities"
    assert found.place == "sheet=Notes"


def test_broken_workbook(refusal, workbook):
    _sheet(workbook, "Data", LIPIDS)
    content = _save(workbook).replace(b"workbook.xml", b"workbrok.xml")
    assert refusal(content).reason_code in ("broken_workbook", "corrupt_archive")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (17.4, "17.4"),
        (29.0, "29"),
        (1e20, "1e+20"),
        (True, "TRUE"),
        (None, ""),
        ("001", "001"),
        (datetime.date(2021, 3, 1), "2021-03-01"),
    ],
)
def test_cells_as_text(value, text):
    assert text_of(value) == text
