"""GCT: the size at the top, metadata beside and above, odd but legal ways of writing it."""

from __future__ import annotations

import json

import pytest

SIMPLE = (
    "#1.2\n3\t2\nName\tDescription\tA\tB\n"
    "TP53\ttumor protein\t1.5\t-2\nMYC\tna\t0\tNA\nMARCH7\t\t3\t4\n"
)


def v13(rows: int = 2) -> str:
    """Returns a GCT 1.3 with two fields beside the rows and two above the columns."""
    lines = [
        "#1.3",
        f"{rows}\t3\t2\t2",
        "id\tpr_gene\tpr_len\ts1\ts2\ts3",
        "cell\t-666\t-666\tA375\tPC3\t-666",
        "dose\tna\tna\t1\t10\t100",
    ]
    lines += [f"p{n}\tGENE{n}\t{n}\t{n}.25\t-666\tNaN" for n in range(1, rows + 1)]
    return "\n".join(lines) + "\n"


def test_version_1_2_gives_matrix_and_descriptions(one):
    dataset = one(SIMPLE, omics="transcriptomics")
    assert dataset.header.format == "GCT 1.2"
    assert dataset.names == ["TP53", "MYC", "MARCH7"]
    assert dataset.assays == ["A", "B"]
    assert dataset.quantities == ["{1.5,-2}", "{0,NULL}", "{3,4}"]
    assert json.loads(dataset.rows[0]["annotations"]) == {"Description": "tumor protein"}
    assert dataset.rows[0]["row_number"] == 4
    assert not dataset.header.zero_is_missing
    assert dataset.counts.zero_count == 1


def test_version_1_3_keeps_metadata_of_rows_and_of_columns(one):
    dataset = one(v13(), omics="proteomics")
    assert dataset.header.format == "GCT 1.3"
    assert dataset.assays == ["s1", "s2", "s3"]
    attributes = [dict(assay.attributes) for assay in dataset.header.assays]
    assert attributes == [
        {"cell": "A375", "dose": "1"},
        {"cell": "PC3", "dose": "10"},
        {"dose": "100"},
    ]
    assert json.loads(dataset.rows[0]["annotations"]) == {"pr_gene": "GENE1", "pr_len": "1"}
    # -666 is unknown in metadata and a number in the matrix.
    assert dataset.quantities == ["{1.25,-666,NULL}", "{2.25,-666,NULL}"]
    assert dataset.rows[0]["row_number"] == 6
    assert dataset.counts.rows_skipped_by_rule == {"label_row": 2}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_read(one, end):
    assert one(SIMPLE.replace("\n", end), omics="transcriptomics").quantities[0] == "{1.5,-2}"


def test_trailing_tabs_and_blank_lines_are_no_columns_and_no_rows(one):
    padded = "\n".join(line + "\t\t" for line in SIMPLE.rstrip("\n").split("\n")) + "\n\n\n"
    dataset = one(padded, omics="transcriptomics")
    assert dataset.assays == ["A", "B"]
    assert dataset.counts.rows_landed == 3


def test_quoted_descriptions_hold_tabs_and_quotes(one):
    text = SIMPLE.replace("tumor protein", '"tumor\t""suppressor"""')
    assert json.loads(one(text, omics="transcriptomics").rows[0]["annotations"]) == {
        "Description": 'tumor\t"suppressor"'
    }


def test_repeated_names_stay_rows_of_their_own(one):
    dataset = one(SIMPLE.replace("MYC", "TP53"), omics="transcriptomics")
    assert dataset.names == ["TP53", "TP53", "MARCH7"]


def test_more_lines_of_metadata_than_the_first_look_holds(one):
    fields = 150
    text = f"#1.3\n2\t1\t0\t{fields}\nid\ts1\n"
    text += "".join(f"field{n}\tvalue{n}\n" for n in range(fields)) + "a\t1\nb\t2\n"
    dataset = one(text, omics="proteomics")
    assert len(dataset.header.assays[0].attributes) == fields
    assert dataset.quantities == ["{1}", "{2}"]


@pytest.mark.parametrize(
    "text",
    [
        SIMPLE[: SIMPLE.index("MARCH7")],
        SIMPLE.replace("3\t2\n", "2\t2\n"),
        SIMPLE.replace("3\t2\n", "3\t3\n"),
        SIMPLE.replace("3\t2\n", "3\tx\n"),
        v13().replace("\t3\t2\t2\n", "\t3\t2\t9\n"),
        "#1.2\n0\t2\nName\tDescription\tA\tB\n",
    ],
)
def test_a_size_that_is_not_the_one_said_refuses_the_file(refusal, text):
    found = refusal(text, omics="transcriptomics")
    assert found.reason_code == "declared_size_differs"
    assert found.question
