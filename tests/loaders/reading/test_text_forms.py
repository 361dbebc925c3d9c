"""The same table in every form that a text can take reads the same."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NAMES = ["PC 34:1", "PE 36:2", "TG 52:3", "Cer d18:1/16:0", "SM 36:1", "LPC 18:0"]
ROWS = [[name, f"{i}.25", f"{i}0.5", "NA"] for i, name in enumerate(NAMES)]
HEADER = ["Lipid", "ctrl_1", "ctrl_2", "trt_1"]
EXPECTED = [f"{{{i}.25,{i}0.5,NULL}}" for i in range(len(NAMES))]


def _text(delimiter: str = ",", end: str = "\n") -> str:
    return end.join(delimiter.join(row) for row in [HEADER, *ROWS]) + end


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("last", [True, False])
def test_delimiters_and_line_ends(one, delimiter, end, last):
    text = _text(delimiter, end)
    found = one(text if last else text.rstrip("\r\n"))
    assert found.names == NAMES
    assert found.quantities == EXPECTED
    assert found.assays == HEADER[1:]
    assert [row["row_number"] for row in found.rows] == list(range(2, 8))


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"]
)
def test_encodings(one, encoding):
    text = _text().replace("ctrl_1", "contrôle µ 1")
    found = one(text.encode(encoding))
    assert found.assays[0] == "contrôle µ 1"
    assert found.quantities == EXPECTED


def test_bytes_that_windows_1252_leaves_open_are_latin_1(one):
    found = one(_text().encode().replace(b"ctrl_1", b"c\x81\xe9"))
    assert found.assays[0] == "c\x81é"


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_decimal_comma(one, delimiter):
    text = _text(delimiter).replace(".25", ",25").replace(".5", ",5")
    assert one(text).quantities == EXPECTED


def test_decimal_comma_with_points_between_thousands(one):
    found = one("Lipid;S1;S2\nPC 34:1;1.234,5;1.000.000,25\nPE 36:2;12,5;7\n")
    assert found.quantities == ["{1234.5,1000000.25}", "{12.5,7}"]


def test_thousands_in_quotes(one):
    text = 'Lipid,S1,S2\nPC 34:1,"1,234,567","12,345"\nPE 36:2,"960,810,176",17\n'
    assert one(text).quantities == ["{1234567,12345}", "{960810176,17}"]


def test_a_comma_that_could_be_either_is_a_question(refusal):
    found = refusal("Lipid;S1;S2\nPC 34:1;1,234;2,345\nPE 36:2;3,456;4,567\n")
    assert found.reason_code == "undecided_decimal_mark"
    assert "1,234" in found.question


def test_both_decimal_marks_are_a_question(refusal):
    found = refusal("Lipid\tS1\tS2\nPC 34:1\t1,2\t2,3\nPE 36:2\t3.4\t4.5\n")
    assert found.reason_code == "mixed_decimal_marks"


def test_comments_and_junk_above_the_header(one):
    text = "# made by a tool\n# second line\n" + _text()
    found = one(text)
    assert found.quantities == EXPECTED
    assert found.rows[0]["row_number"] == 4
    assert found.header.role_evidence["comment_lines_above"] == 2
    junk = "Report of the lab\n\nPrinted Monday\n" + _text("\t")
    found = one(junk)
    assert found.quantities == EXPECTED
    assert found.rows[0]["row_number"] == 5
    assert found.header.role_evidence["preamble_lines"] == 3


def test_the_header_may_be_a_comment(one):
    found = one("# run 7\n#Lipid\tS1\tS2\nPC 34:1\t1.5\t2\nPE 36:2\t3\t4\n")
    assert found.assays == ["S1", "S2"]
    assert found.quantities == ["{1.5,2}", "{3,4}"]


def test_label_rows_below_and_above_the_header(one):
    below = "Lipid\tS1\tS2\nLabel\tcase\tcontrol\nPC 34:1\t1.5\t2\nPE 36:2\t3\t4\n"
    found = one(below)
    assert [dict(a.attributes) for a in found.header.assays] == [
        {"Label": "case"},
        {"Label": "control"},
    ]
    assert found.names == ["PC 34:1", "PE 36:2"]
    assert found.counts.rows_skipped_by_rule == {"label_row": 1}
    assert found.counts.rows_read == 3
    above = ",Class,case,control\n,Injection order,1,2\nLipid,Adduct,S1,S2\n"
    above += "PC 34:1,[M+H]+,1.5,2\nPE 36:2,[M-H]-,3,4\n"
    found = one(above)
    assert dict(found.header.assays[0].attributes) == {"Class": "case", "Injection order": "1"}
    assert found.rows[0]["annotations"] == '{"Adduct": "[M+H]+"}'


def test_blank_separator_comment_and_summary_rows_are_counted(one):
    lines = _text().splitlines()
    text = "\n".join(
        [*lines[:3], "", "---,,,", "# note,,,", *lines[3:], ",,,", "Total,21,22,23", "END OF FILE"]
    )
    found = one(text)
    assert found.names == NAMES
    assert found.counts.rows_skipped_by_rule == {
        "blank": 2,
        "comment": 1,
        "separator": 1,
        "single_cell": 1,
        "summary_row": 1,
    }
    assert found.counts.rows_read == 12
    assert [row["row_number"] for row in found.rows] == [2, 3, 7, 8, 9, 10]


def test_short_rows_are_padded_and_long_ones_rejected(one):
    lines = _text("\t").splitlines()
    lines[2] = "PE 36:2\t7"
    found = one("\n".join(lines))
    assert found.quantities[1:] != EXPECTED[1:]
    assert dict(zip(found.names, found.quantities, strict=True))["PE 36:2"] == "{7,NULL,NULL}"
    many = [f"PC {i}:{j},1,2" for i in range(30, 50) for j in range(3)]
    found = one("\n".join(["Lipid,S1,S2", *many, "PE 30:0,1,2,3,4"]))
    assert [r["reason_code"] for r in found.rejects] == ["too_many_cells"]


def test_quotes_in_tab_files_are_text_unless_they_enclose(one):
    text = (
        'Lipid\tNote\tS1\tS2\nPC 34:1\t"a", "b"\t1\t2\nPE 36:2\t5" long\t3\t4\nTG 52:3\tx\t5\t6\n'
    )
    found = one(text)
    assert found.rows[0]["annotations"] == '{"Note": "\\"a\\", \\"b\\""}'
    assert found.rows[1]["annotations"] == '{"Note": "5\\" long"}'
    enclosed = '"Lipid"\t"S 1"\t"S2"\n"PC 34:1"\t" 1.5"\t"2 "\n"PE 36:2"\t"3"\t"4"\n'
    found = one(enclosed)
    assert found.assays == ["S 1", "S2"]
    assert found.quantities == ["{1.5,2}", "{3,4}"]


def test_line_breaks_inside_quotes(one):
    text = 'Lipid,Note,S1,S2\nPC 34:1,"two\nlines, and ""more""",1,2\nPE 36:2,x,3,4\n'
    found = one(text)
    assert found.names == ["PC 34:1", "PE 36:2"]
    assert found.quantities == ["{1,2}", "{3,4}"]
    assert "two\\nlines" in found.rows[0]["annotations"]


def test_equal_headers_are_kept_apart(one):
    text = "Species,BY4741,BY4741,elo1,elo1\nPC 34:1,1,2,3,4\nPE 36:2,5,6,7,8\n"
    found = one(text)
    assert found.assays == ["BY4741", "BY4741 (2)", "elo1", "elo1 (2)"]
    assert [a.source_column for a in found.header.assays] == ["BY4741", "BY4741", "elo1", "elo1"]


def test_names_stay_text(one):
    text = "Lipid,001,002,173.1\nPC 34:1,1,2,3\nPC 34:1,4,5,6\n PE 36:2 ,7,8,9\n"
    found = one(text)
    assert found.assays == ["001", "002", "173.1"]
    assert found.names == ["PC 34:1", "PC 34:1", "PE 36:2"]


@pytest.mark.parametrize(
    "token", ["", "NA", "N/A", "nan", "NaN", "null", "None", "#N/A", "#VALUE!", "-", ".", "nd",
              "ND", "<LOD", "< LOD", "< LLOQ", "> ULOQ", "Filtered", "<0.05", " NA "]
)  # fmt: skip
def test_spellings_of_missing(one, token):
    text = f"Lipid,S1,S2,S3\nPC 34:1,1,{token},3\nPE 36:2,4,5,6\nTG 52:3,7,8,9\n"
    found = one(text)
    assert found.quantities[0] == "{1,NULL,3}"
    assert found.counts.n_values == 8
    assert found.header.role_evidence["missing_spellings_in_sample"] == {token.strip(): 1}


def test_zeros_are_missing_only_where_nothing_else_is(one):
    zeros = "".join(f"PC {i}:1,0,{i * 37},0,{i * i * 11}\n" for i in range(30, 50))
    found = one("Lipid,S1,S2,S3,S4\n" + zeros)
    assert found.header.zero_is_missing
    assert found.counts.zero_count == 40
    assert found.counts.n_values == 40
    assert found.quantities[0].startswith("{0,")
    spelled = one("Lipid,S1,S2,S3,S4\n" + zeros + "PE 30:1,NA,1,2,3\n")
    assert not spelled.header.zero_is_missing
    genes = zeros.replace("PC ", "ENSG000000000").replace(":1", "")
    counted = one("gene,S1,S2,S3,S4\n" + genes, omics="transcriptomics")
    assert not counted.header.zero_is_missing
    assert counted.counts.n_values == 80


def test_internal_standards_are_flagged(one):
    text = (
        "Lipid,S1,S2\nPC 34:1,1,2\nPC 33:1(d7),3,4\nCE 18:1-d7,5,6\nIS_PE 17:0,7,8\nDG 36:2,1,2\n"
    )
    flags = [row["is_internal_standard"] for row in one(text).rows]
    assert flags == [False, True, True, True, False]


def test_annotations_are_not_samples(one):
    text = "Metabolite,HMDB ID,m/z,RT (min),Formula,S1,S2,Mean,CV%\n"
    text += "Alanine,HMDB0000161,90.05,1.2,C3H7NO2,100,200,150,3\nGlycine,,76.04,1.1,,5,6,5.5,4\n"
    found = one(text, omics=None)
    assert found.assays == ["S1", "S2"]
    assert found.header.omics_type == "metabolomics"
    assert found.rows[1]["annotations"] == '{"m/z": "76.04", "RT (min)": "1.1"}'
    assert found.header.role_evidence["ignored_columns"] == {
        "Mean": "summary over samples",
        "CV%": "summary over samples",
    }


_numbers = st.one_of(
    st.integers(-(10**12), 10**12).map(str),
    st.floats(allow_nan=False, allow_infinity=False, width=64).map(repr),
    st.sampled_from(["NA", "", "nan", "1e5", "2.50", "007", "+3", ".5", "4."]),
)
_notes = st.text(
    st.characters(
        codec="utf-8",
        exclude_characters="\x00\r\n\x85\u2028\u2029",
        exclude_categories=("Cs", "Cc"),
    ),
    max_size=12,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    cells=st.lists(st.tuples(_numbers, _numbers, _notes), min_size=3, max_size=12),
    delimiter=st.sampled_from([",", "\t", ";"]),
)
def test_any_numbers_and_notes_come_back(one, cells, delimiter):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["Lipid", "S1", "S2", "Description"])
    writer.writerow(["PC 30:0", "1.5", "2.5", "first"])
    for i, (a, b, note) in enumerate(cells):
        writer.writerow([f"PC {i + 31}:1", a, b, note])
    writer.writerow(["PC 29:0", "1.5", "2.5", "last"])
    found = one(out.getvalue(), reject_limit=1.0)
    expected = [
        "{" + ",".join(c if c not in ("", "NA", "nan") else "NULL" for c in (a, b)) + "}"
        for a, b, _ in cells
    ]
    assert found.quantities[1:-1] == expected
    assert found.counts.rows_rejected == 0


def test_a_long_file_is_streamed_with_the_same_result(one, monkeypatch):
    from loaders.reading import grid, opening

    text = "Lipid,S1,S2\n" + "".join(f"PC {i}:1,{i}.5,{i}\n" for i in range(20, 3000))
    text = text.replace("PC 77:1,", "\nPC 77:1,").replace("PC 99:1,99.5,99", "PC 99:1,99.5")
    whole = one(text, omics="lipidomics")
    monkeypatch.setattr(opening, "WHOLE_LIMIT", 1024)
    monkeypatch.setattr(opening, "HEAD_LIMIT", 1024)
    monkeypatch.setattr(grid, "BLOCK_BYTES", 2048)
    streamed = one(text, omics="lipidomics")
    assert sorted(map(str, streamed.rows)) == sorted(map(str, whole.rows))
    assert streamed.counts == whole.counts
    assert whole.counts.rows_skipped_by_rule == {"blank": 1}
    as_latin = one(text.replace("PC 80:1", "µC 80:1").encode("latin-1"), omics="lipidomics")
    assert "µC 80:1" in as_latin.names
