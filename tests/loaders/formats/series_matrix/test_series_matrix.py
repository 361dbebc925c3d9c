"""GEO series matrix: what is said of the samples, the table, and the table that is empty."""

from __future__ import annotations

import pytest

SAMPLES = [
    '!Series_title\t"Invented study"',
    '!Series_geo_accession\t"GSE1"',
    '!Series_type\t"Expression profiling by array"',
    '!Series_contact_name\t"a,,person"',
    "",
    '!Sample_title\t"first"\t"second"',
    '!Sample_geo_accession\t"GSM11"\t"GSM12"',
    '!Sample_characteristics_ch1\t"tissue: liver"\t"tissue: brain"',
    '!Sample_characteristics_ch1\t"age: 40"\t""',
    '!Sample_characteristics_ch1\t"treated"\t"control"',
    '!Sample_contact_email\t"a@b.c"\t"a@b.c"',
    '!Sample_description\t"one"\t"two"',
    '!Sample_description\t"more"\t""',
]
TABLE = [
    "!series_matrix_table_begin",
    '"ID_REF"\t"GSM11"\t"GSM12"',
    "7892501\t7.06\tnull",
    '"7892502"\t5.5\t',
    "!series_matrix_table_end",
]


def text(*parts: list[str], end: str = "\n") -> str:
    return end.join(line for part in parts for line in part) + end


def test_the_table_and_what_is_said_of_each_sample(one):
    dataset = one(text(SAMPLES, TABLE), omics=None)
    assert dataset.header.omics_type == "transcriptomics"
    assert dataset.names == ["7892501", "7892502"]
    assert dataset.quantities == ["{7.06,NULL}", "{5.5,NULL}"]
    assert dataset.assays == ["GSM11", "GSM12"]
    first, second = (dict(assay.attributes) for assay in dataset.header.assays)
    assert first == {
        "title": "first",
        "tissue": "liver",
        "age": "40",
        "characteristics_ch1": "treated",
        "description": "one",
        "description (2)": "more",
    }
    assert "age" not in second
    assert dataset.header.role_evidence["series"]["geo_accession"] == "GSE1"
    assert dataset.counts.rows_landed == 2
    assert sum(dataset.counts.rows_skipped_by_rule.values()) == 1


def test_attributes_go_by_accession_not_by_position(one):
    turned = [*TABLE]
    turned[1] = '"ID_REF"\t"GSM12"\t"GSM11"'
    dataset = one(text(SAMPLES, turned), omics=None)
    assert [assay.attributes["title"] for assay in dataset.header.assays] == ["second", "first"]


@pytest.mark.parametrize(
    "table",
    [
        [TABLE[0], TABLE[1], TABLE[-1]],
        [TABLE[0], TABLE[-1]],
        [TABLE[0], TABLE[1]],
        [],
    ],
)
def test_an_empty_table_gives_samples_and_no_features(one, table):
    dataset = one(text(SAMPLES, table), omics=None)
    assert dataset.rows == []
    assert dataset.assays == ["GSM11", "GSM12"]
    assert dataset.header.assays[1].attributes["tissue"] == "brain"
    assert dataset.header.omics_type == "transcriptomics"


def test_one_sample(one):
    cut = [line.rsplit("\t", 1)[0] if line.startswith("!Sample") else line for line in SAMPLES]
    table = [TABLE[0], '"ID_REF"\t"GSM11"', "a\t1.5", "b\t2.5", TABLE[-1]]
    dataset = one(text(cut, table), omics=None)
    assert dataset.names == ["a", "b"]


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_line_ends(one, end):
    assert one(text(SAMPLES, TABLE, end=end), omics=None).quantities[0] == "{7.06,NULL}"


def test_a_protein_array_is_proteomics(one):
    said = text(SAMPLES, TABLE).replace(
        "Expression profiling by array", "Protein profiling by protein array"
    )
    assert one(said, omics=None).header.omics_type == "proteomics"


def test_no_sample_is_a_refusal(refusal):
    found = refusal(text(SAMPLES[:4]), omics="transcriptomics")
    assert found.reason_code == "no_quantity_columns"
