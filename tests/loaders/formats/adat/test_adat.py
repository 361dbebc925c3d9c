"""SomaScan ADAT: analytes above, samples to the left, controls among both."""

from __future__ import annotations

import json

import pytest


def adat(
    *, repeat_sample: bool = False, fields: str = "SlideId\tSubarray\tSampleId\tSampleType"
) -> str:
    """Writes an ADAT with three analytes and three samples."""
    width = len(fields.split("\t"))
    lead = "\t" * width
    ids = ["1", "1" if repeat_sample else "2", "QC"]
    rows = [
        f"2585\t{at + 1}\t{name}\t{'QC' if name == 'QC' else 'Sample'}"
        for at, name in enumerate(ids)
    ]
    body = [
        f"{chr(9).join(row.split(chr(9))[:width])}\t\t{at}.5\t{at + 10}\t{at + 100}.25"
        for at, row in enumerate(rows, start=1)
    ]
    return "\n".join(
        [
            "!Checksum\tabc",
            "^HEADER",
            "!AdatId\tGID-1",
            "!StudyMatrix\tEDTA Plasma",
            "^COL_DATA",
            "!Name\tSeqId\tUniProt\tType\tUnits",
            "!Type\tString\tString\tString\tString",
            "^ROW_DATA",
            "!Name\t" + fields,
            "^TABLE_BEGIN",
            f"{lead}SeqId\t10000-28\t2795-23\t7-1",
            f"{lead}UniProt\tP43320\tP01137\t",
            f"{lead}Type\tProtein\tProtein\tSpuriomer",
            f"{lead}Units\tRFU\tRFU\tRFU",
            fields,
            *body,
            "",
        ]
    )


def test_the_matrix_is_turned_and_both_sides_are_described(one):
    dataset = one(adat(), omics=None)
    header = dataset.header
    assert (header.format, header.omics_type, header.unit) == ("SomaScan ADAT", "proteomics", "RFU")
    assert dataset.names == ["10000-28", "2795-23", "7-1"]
    assert dataset.assays == ["2585_1", "2585_2", "2585_3"]
    assert dataset.quantities == ["{1.5,2.5,3.5}", "{11,12,13}", "{101.25,102.25,103.25}"]
    assert json.loads(dataset.rows[0]["annotations"])["UniProt"] == "P43320"
    assert dict(header.assays[2].attributes)["SampleType"] == "QC"
    assert header.role_evidence["adat"]["StudyMatrix"] == "EDTA Plasma"


def test_analytes_that_are_no_proteins_are_flagged(one):
    assert [row["is_internal_standard"] for row in one(adat()).rows] == [False, False, True]


def test_a_sample_that_was_measured_twice_is_two_assays(one):
    assert one(adat(repeat_sample=True)).assays == ["2585_1", "2585_2", "2585_3"]


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_line_ends(one, end):
    assert one(adat().replace("\n", end)).quantities[0] == "{1.5,2.5,3.5}"


@pytest.mark.parametrize(
    "text",
    [
        adat().split("^TABLE_BEGIN")[0],
        adat().split("^TABLE_BEGIN")[0] + "^TABLE_BEGIN\n",
        adat().replace("SeqId\t10000", "Other\t10000"),
        adat()[: adat().index("2585\t1")],
    ],
)
def test_a_missing_block_refuses_the_file(refusal, text):
    found = refusal(text, omics=None)
    assert found.reason_code == "broken_blocks"
    assert found.question
