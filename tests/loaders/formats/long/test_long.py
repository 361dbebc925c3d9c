"""Long tables of tools: several quantities in one pass, channels, limits, repeats, conflicts."""

from __future__ import annotations

import pytest

from loaders.reading import long

HEADER = [
    "Run",
    "Channel",
    "Protein.Group",
    "Precursor.Id",
    "Q.Value",
    "PG.Q.Value",
    "PG.MaxLFQ",
    "Precursor.Normalised",
    "Decoy",
]
ROWS = [
    ["C:\\d\\a.raw", "0", "P1", "AAK2", "0.001", "0.001", "100", "10", "0"],
    ["C:\\d\\a.raw", "0", "P1", "CCK2", "0.001", "0.001", "100.0", "11", "0"],
    ["C:\\d\\a.raw", "8", "P1", "AAK2", "0.001", "0.03", "200", "20", "0"],
    ["C:\\d\\b.raw", "0", "P1", "AAK2", "0.001", "0.001", "0", "30", "0"],
    ["C:\\d\\b.raw", "0", "contam_sp|Q1|X", "DDK2", "0.009", "0.001", "5", "0", "0"],
    ["C:\\d\\b.raw", "0", "P9", "EEK2", "0.05", "0.001", "6", "7", "0"],
    ["C:\\d\\b.raw", "0", "P1", "AAK2", "0.001", "0.001", "999", "99", "1"],
]


def report(rows: list[list[str]] = ROWS, header: list[str] = HEADER) -> str:
    return "\n".join("\t".join(row) for row in [header, *rows]) + "\n"


def test_channel_and_run_are_the_sample_and_both_levels_are_read(read):
    proteins, precursors = read(report(), omics=None)
    assert proteins.assays == ["a|0", "a|8", "b|0"]
    assert proteins.names == ["P1", "contam_sp|Q1|X"]
    assert proteins.quantities == ["{100,200,0}", "{NULL,NULL,5}"]
    assert proteins.counts.rows_skipped_by_rule == {
        "decoy_record": 1,
        "q.value_above_0.01": 1,
        "repeated_value": 1,
    }
    assert proteins.header.role_evidence["records_above_limit"] == {"pg.q.value_above_0.01": 1}
    assert precursors.header.part == "quantity=Precursor.Normalised"
    assert precursors.quantities == ["{10,20,30}", "{11,NULL,NULL}", "{NULL,NULL,0}"]
    assert [row["is_contaminant"] for row in precursors.rows] == [False, False, True]


def test_a_channel_that_never_varies_is_not_part_of_the_name(read):
    rows = [[*row[:1], "", *row[2:]] for row in ROWS if row[1] == "0"]
    proteins, _ = read(report(rows), omics=None)
    assert proteins.assays == ["a", "b"]


def test_a_quantity_that_was_not_computed_is_left_out(one):
    rows = [[*row[:6], "0", *row[7:]] for row in ROWS]
    dataset = one(report(rows), omics=None)
    assert dataset.header.quantity == "Precursor.Normalised"
    assert dataset.header.part == ""
    assert dataset.header.role_evidence["quantities_not_read"] == {
        "PG.MaxLFQ": "zero in every record"
    }


def test_settling_in_pieces_gives_the_same(read, monkeypatch):
    whole = [(d.rows, d.counts) for d in read(report(), omics=None)]
    monkeypatch.setattr(long, "_SETTLE_AT", 1)
    assert [(d.rows, d.counts) for d in read(report(), omics=None)] == whole


def test_conflicts_are_reported_not_averaged(read):
    rows = [["a", "", f"P{n}", f"K{n}", "0", "0", str(n + 1), "1", "0"] for n in range(50)]
    rows.append(["a", "", "P0", "OTHER", "0", "0", "77", "1", "0"])
    proteins, precursors = read(report(rows), omics=None)
    assert proteins.quantities[0] == "{1}"
    assert [reject["reason_code"] for reject in proteins.rejects] == ["conflicting_values"]
    assert proteins.rejects[0]["raw_text"] == "77"
    assert precursors.rejects == []


def test_too_many_conflicts_refuse_the_file(refusal):
    rows = [["a", "", "P1", f"K{n}", "0", "0", str(n + 1), "0", "0"] for n in range(50)]
    assert refusal(report(rows), omics=None).reason_code == "too_many_rejects"


def test_spontronaut_precursors_are_a_second_dataset(read):
    header = [
        "R.FileName",
        "PG.ProteinGroups",
        "PG.Quantity",
        "EG.PrecursorId",
        "FG.Quantity",
        "F.PeakArea",
    ]
    rows = [
        ["r1", "P1", "10,5", "_AAK_.2", "1,25", "3"],
        ["r1", "P1", "10,5", "_AAK_.2", "1,25", "4"],
        ["r1", "P1", "10,5", "_CCK_.2", "Filtered", "5"],
        ["r2", "P1", "NaN", "_AAK_.2", "2,5", "6"],
    ]
    text = "\n".join(";".join(row) for row in [header, *rows]) + "\n"
    proteins, precursors = read(text, omics=None)
    assert proteins.quantities == ["{10.5,NULL}"]
    assert precursors.quantities == ["{1.25,2.5}", "{NULL,NULL}"]
    assert precursors.header.role_evidence["missing_spellings_in_sample"] == {"Filtered": 1}


@pytest.mark.parametrize("size", [400])
def test_a_large_text_is_read_with_only_the_columns_it_needs(read, monkeypatch, size):
    from loaders.reading import grid, opening

    monkeypatch.setattr(opening, "WHOLE_LIMIT", 4_000)
    monkeypatch.setattr(opening, "HEAD_LIMIT", 4_000)
    monkeypatch.setattr(grid, "SMALL_TEXT", 100)
    rows = [
        [f"r{n % 4}", "", f"P{n // 4}", f"K{n // 4}", "0", "0", str(n + 1), str(n + 2), "0"]
        for n in range(size)
    ]
    rows[7] = rows[7][:-1]  # a short row is filled up
    proteins, precursors = read(report(rows), omics=None)
    assert proteins.quantities[1] == "{5,6,7,8}"
    assert precursors.quantities[-1] == "{398,399,400,401}"
    assert [row["row_number"] for row in proteins.rows[:3]] == [2, 6, 10]


def test_names_that_begin_like_a_rule_are_features_and_rules_without_values_are_not(read):
    header = ["R.FileName", "PG.ProteinGroups", "PG.Quantity", "EG.PrecursorId", "FG.Quantity"]
    rows = [["r1", "P1", "1.5", "_AAK_.2", "2.5"], ["r1", "P1", "1.5", "_CCK_.2", "3.5"]]
    rows.append(["", "-----", "", "-----", ""])
    text = "\n".join("\t".join(row) for row in [header, *rows]) + "\n"
    proteins, precursors = read(text, omics=None)
    assert precursors.names == ["_AAK_.2", "_CCK_.2"]
    assert precursors.counts.rows_skipped_by_rule == {"separator": 1}
    assert proteins.counts.rows_skipped_by_rule == {"repeated_value": 1, "separator": 1}
