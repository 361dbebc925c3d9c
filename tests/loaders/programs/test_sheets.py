"""Plain sheets: which kind they are, what their columns mean, and which rows are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loaders.model import ReadOptions, Unreadable
from loaders.programs import read
from tests.conftest import REPOSITORY
from tests.loaders.programs.conftest import Read, read_sheets, source_of

Sheet = Callable[..., Read]


@pytest.mark.parametrize(
    ("header", "row", "kind"),
    [
        ("Program,Disease", "Statins,NASH", "program"),
        ("Experiment ID,Program,Matrix", "HEP01,Statins,liver", "experiment"),
        ("Study title,Project,Design", "A study,Statins,parallel", "experiment"),
        ("File,Omics type,Experiment", "lipids.csv,lipids,HEP01", "dataset"),
        ("File,Dataset,Unit", "lipids/*.csv,Lipids,pmol", "dataset"),
        ("Sample ID,Experiment,Organism", "S1,HEP01,mouse", "sample"),
        ("filename,group", "run1.mzML,case", "assay"),
        ("Run,BioSample,BioProject,Organism", "SRR1,SAMN1,PRJ1,mouse", "assay"),
    ],
)
def test_columns_tell_the_kind(sheet: Sheet, header: str, row: str, kind: str) -> None:
    read_one = sheet(f"{header}\n{row}\n")
    assert [record["kind"] for record in read_one.records] == [kind]


def test_the_name_of_a_sheet_gives_plain_words_their_meaning(sheet: Sheet) -> None:
    for name, kind in (("programs.csv", "program"), ("experiments.csv", "experiment")):
        (record,) = sheet("ID,Name,Description\nX1,Something,About it\n", name).records
        assert record["kind"] == kind
        assert record["fields"] == {"code": "X1", "name": "Something", "description": "About it"}


def test_lists_are_split_and_pairs_of_accessions_are_read(sheet: Sheet) -> None:
    (record,) = sheet(
        "experiment,disease,external ids,GEO accession\n"
        "E1,NASH; NAFLD | obesity,doi:10.1/x; ClinicalTrials:NCT1,GSE1\n"
    ).records
    assert record["fields"]["disease"] == ["NASH", "NAFLD", "obesity"]
    assert record["fields"]["external_ids"] == {
        "doi": "10.1/x", "clinicaltrials": "NCT1", "geo": "GSE1",
    }  # fmt: skip


def test_other_columns_are_kept_under_their_own_headers(sheet: Sheet) -> None:
    (record,) = sheet("Sample,Group,RIN,,RIN\nS1,case,8.1,x,8.2\n").records
    assert record["fields"] == {"name": "S1", "study_variable": "case"}
    assert record["attributes"] == {"RIN": "8.1", "column 4": "x", "RIN (2)": "8.2"}


def test_controlled_words_are_recognised_and_others_refused(sheet: Sheet) -> None:
    found = sheet(
        "file,omics type,scale\na.csv,RNA-seq,Log2\nb.csv,telepathy,\nc.csv,lipids,wobbly\n"
        "d.csv,lipids,ln\n"
    )
    assert [r["fields"].get("omics_type") for r in found.records] == [
        "transcriptomics",
        "lipidomics",
    ]
    assert [r["fields"].get("value_scale") for r in found.records] == ["log2", "ln"]
    assert [(r["row_number"], r["reason_code"], r["raw_text"]) for r in found.rejects] == [
        (3, "unknown_omics_type", "telepathy"),
        (4, "unknown_value_scale", "wobbly"),
    ]


def test_rows_without_key_and_second_rows_are_refused(sheet: Sheet) -> None:
    found = sheet(
        "sample,experiment,sex\nS1,E1,f\n,E1,m\nS1,E1,m\nS1,E2,m\nS2,E1,f\n\n# a remark,,\n"
    )
    assert [(r["fields"]["name"], r["fields"]["experiment"]) for r in found.records] == [
        ("S1", "E1"), ("S1", "E2"), ("S2", "E1"),
    ]  # fmt: skip
    assert [(r["row_number"], r["reason_code"]) for r in found.rejects] == [
        (3, "missing_key"), (4, "duplicate_sample"),
    ]  # fmt: skip
    assert "line 2" in found.rejects[1]["message"]
    assert found.counts.rows_skipped_by_rule == {"blank": 1, "comment": 1}


def test_a_row_with_too_many_cells_is_refused(sheet: Sheet) -> None:
    found = sheet("program,disease\nA,x\nB,y\nC,one, two, three\n")
    assert [(r["row_number"], r["reason_code"]) for r in found.rejects] == [(4, "too_many_cells")]


def test_a_sheet_of_mostly_refused_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "programs.csv"
    path.write_text("program,disease\n,x\n,y\nA,z\n")
    with pytest.raises(Unreadable) as refusal:
        read_sheets(path)
    assert refusal.value.reason_code == "too_many_rejects"


def test_lines_above_the_header_do_not_hide_it(sheet: Sheet) -> None:
    found = sheet("Our samples,,\n,,\nSample name,Group,Dose\nS1,case,10 mg\n")
    (record,) = found.records
    assert record["row_number"] == 4
    assert record["fields"] == {"name": "S1", "study_variable": "case", "dose": "10 mg"}


def test_runs_keep_their_sample_and_give_it_other_names(sheet: Sheet) -> None:
    found = sheet(
        "filename,Sample,Sample type,Injection order\n"
        "C:\\data\\r1.raw,A,Sample,1\nC:\\data\\r2.raw,A,Sample,2\nC:\\data\\b.raw,B,Blank,3\n"
    )
    assert {r["kind"] for r in found.records} == {"assay"}
    first, second, blank = (r["fields"] for r in found.records)
    assert first["name"] == second["name"] == "A"
    assert first["files"] == ["C:/data/r1.raw"]
    assert first["names"] == ["r1.raw"]
    assert (first["run_order"], second["run_order"]) == ("1", "2")
    assert (first["sample_type"], blank["sample_type"]) == ("study", "blank")


def test_runs_of_an_archive_go_by_accession_where_the_source_is_a_tissue(sheet: Sheet) -> None:
    text = "Run,BioSample,Organism,source_name,treatment\n"
    shared = sheet(f"{text}SRR1,SAMN1,mouse,liver,drug\nSRR2,SAMN2,mouse,liver,none\n")
    assert [r["fields"]["name"] for r in shared.records] == ["SAMN1", "SAMN2"]
    assert shared.records[0]["attributes"] == {"source_name": "liver"}
    named = sheet(f"{text}SRR1,SAMN1,mouse,liver 1,drug\nSRR2,SAMN2,mouse,liver 2,none\n")
    assert [r["fields"]["name"] for r in named.records] == ["liver 1", "liver 2"]


def test_attributes_of_molecular_networking_are_facts(sheet: Sheet) -> None:
    (record,) = sheet("filename,ATTRIBUTE_Group,ATTRIBUTE_Time\nA.mzML,g1,24\n").records
    assert (record["fields"]["study_variable"], record["fields"]["timepoint"]) == ("g1", "24")


def test_a_group_called_blank_or_pool_is_a_role(sheet: Sheet) -> None:
    found = sheet("Sample,Group\nS1,case\nQ1,Pooled QC\nB1,blank\n")
    assert [r["fields"].get("sample_type") for r in found.records] == [None, "qc", "blank"]


def test_a_unique_column_of_any_name_is_the_key_of_a_declared_sample_table(sheet: Sheet) -> None:
    found = sheet("Tube,Diet,Sex\nT1,chow,f\nT2,chow,m\n")
    assert [r["fields"]["name"] for r in found.records] == ["T1", "T2"]


def test_a_workbook_has_one_part_per_sheet(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    rows: dict[str, list[list[Any]]] = {
        "Programs": [["ID", "Name"], ["P1", "Statins"]],
        "Experiments": [["ID", "Title", "Program"], ["E1", "Hepatocytes", "P1"]],
        "Samples": [["Sample", "Dose"], ["S1", 10], ["S2", 0.5]],
        "Notes": [["bought milk"]],
    }
    for name, cells in rows.items():
        added = book.create_sheet(name)
        for row in cells:
            added.append(row)
    del book["Sheet"]
    path = tmp_path / "study.xlsx"
    book.save(path)
    found = {each.header.part: each for each in read_sheets(path)}
    assert set(found) == {"sheet=Programs", "sheet=Experiments", "sheet=Samples"}
    assert [r["fields"]["dose"] for r in found["sheet=Samples"].records] == ["10", "0.5"]
    assert "sheet=Notes" in str(found["sheet=Programs"].header.evidence["not_read"])


def test_results_are_not_taken_for_a_sheet(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text("Sample,Group,PC 34:1,PE 36:2,TG 52:2\nS1,case,1.5,2,3\nS2,control,2,3,4\n")
    assert read.recognise(source_of(path), ReadOptions()) is None
    path.write_text("lipid,S1,S2\nPC 34:1,1,2\nPE 36:2,3,4\n")
    with pytest.raises(Unreadable) as refusal:
        read.read_file(source_of(path), options=ReadOptions())
    assert refusal.value.reason_code == "undecided_kind"


@pytest.mark.parametrize(
    "text",
    [
        "sample,group,organism\nS1,case,mouse\n",
        "experiment,program,disease\nE1,P1,NASH\n",
        "file,omics type,experiment\nx.csv,lipids,E1\n",
    ],
)
def test_sheets_are_recognised_wherever_they_lie(tmp_path: Path, text: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    assert read.recognise(source_of(path), ReadOptions())


def test_what_a_dataset_is_made_of_is_free_text(sheet: Sheet) -> None:
    (record,) = sheet("file,dataset,sample type\na.csv,A,plasma; liver\n").records
    assert record["fields"]["sample_type"] == ["plasma", "liver"]


def test_page_and_seeds_follow_the_list_of_columns() -> None:
    import runpy

    written = runpy.run_path(str(REPOSITORY / "docs" / "generate_sheets.py"))
    hint = "run: .venv/bin/python docs/generate_sheets.py"
    assert written["PAGE"].read_text("utf-8") == written["page"](), hint
    for name, text in written["seeds"]().items():
        assert (written["SEEDS"] / name).read_text("utf-8") == text, hint
