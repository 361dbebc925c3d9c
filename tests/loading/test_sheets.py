"""Sheets among files: what they declare reaches the loading of results; nothing is read twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from loaders.load import LoadReport

Load = Callable[..., LoadReport]

#: Gene symbols and decimals: transcripts or proteins?
RESULTS = "name,S1,S2\nTP53,1.5,2.5\nEGFR,3.5,4.5\nIL6,2.5,1.5\nTNF,2.25,1.25\n"
MAF_LIKE = "lipid,S1,S2\nPC 34:1,1.5,2.5\nPE 36:2,3.5,4.5\nTG 52:2,2.5,1.5\nSM 34:1;O2,1,2\n"


def _types(conn: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    return conn.execute(
        "select omics_type, omics_type_evidence::jsonb ->> 'rule' from raw_proteomics.files"
    ).fetchall()


def test_a_sheet_of_the_same_load_answers_what_a_file_is(
    tmp_path: Path, conn: psycopg.Connection[Any], load_folder: Load
) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "table.csv").write_text(RESULTS)
    (tmp_path / "programs").mkdir()
    sheet = tmp_path / "programs" / "datasets.csv"
    sheet.write_text("file,omics type\n../inbox/*.csv,proteins\n")
    report = load_folder(tmp_path)
    assert not report.refused
    assert _types(conn) == [("proteomics", "programs sheet")]
    assert load_folder(tmp_path).planned == {"unchanged": 2}


def test_a_sheet_that_comes_later_wakes_a_file_in_quarantine(
    tmp_path: Path, conn: psycopg.Connection[Any], load_folder: Load
) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "table.csv").write_text(RESULTS)
    first = load_folder(tmp_path)
    assert [r.reason_code for _, r in first.refused] == ["undecided_omics_type"]
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "datasets.csv").write_text("file,omics type\ntable.csv,proteins\n")
    second = load_folder(tmp_path)
    assert second.still_quarantined == 0
    assert _types(conn) == [("proteomics", "programs sheet")]
    assert load_folder(tmp_path).planned == {"unchanged": 2}


def test_results_among_sheets_are_read_as_what_they_are(
    tmp_path: Path, conn: psycopg.Connection[Any], load_folder: Load
) -> None:
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "results.csv").write_text(MAF_LIKE)
    (tmp_path / "programs" / "samples.csv").write_text("Sample,Group\nS1,case\nS2,control\n")
    report = load_folder(tmp_path)
    assert not report.refused
    landed = conn.execute("select omics_type, n_assays from raw_lipidomics.files").fetchall()
    assert landed == [("lipidomics", 2)]
    assert conn.execute("select count(*) from raw_programs.records").fetchall() == [(2,)]
    assert load_folder(tmp_path).planned == {"unchanged": 2}


def test_an_edited_sheet_is_a_new_version(
    tmp_path: Path, conn: psycopg.Connection[Any], load_folder: Load
) -> None:
    sheet = tmp_path / "samples.csv"
    sheet.write_text("Sample,Group,Organism\nS1,case,mouse\n")
    load_folder(tmp_path, source="programs")
    sheet.write_text("Sample,Group,Organism\nS1,case,mouse\n,control,mouse\nS2,case,mouse\n")
    report = load_folder(tmp_path, source="programs")
    assert (report.counts["files_changed"], report.counts["rows_rejected"]) == (1, 1)
    assert conn.execute(
        "select reason_code, row_number from raw_programs.rejected_rows"
    ).fetchall() == [("missing_key", 3)]
