"""mwTab as text, CSV, JSON and fragments: one study, written in every way that occurs."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

SAMPLES = ["S1", "S2", "QC"]
FACTORS = {"S1": "Diet:high fat | Day:3", "S2": "Diet:control | Day:3", "QC": "-"}
VALUES = {
    "Cholesterol": ["1250.5000", "", "7"],
    "3_4-Dihydroxybenzoate": ["NA", "0", "12.25"],
    "Alanine": ["5", "6e3", "-"],
}
NOTES = {
    "Cholesterol": {"pubchem_id": "5997", "kegg_id": "C00187"},
    "3,4-Dihydroxybenzoate": {"pubchem_id": "72", "kegg_id": ""},
}


def text(*, units: str = "peak area", block: str = "MS_METABOLITE_DATA") -> str:
    """Returns the study as mwTab text."""
    lines = [
        "#METABOLOMICS WORKBENCH STUDY_ID:ST900001 ANALYSIS_ID:AN900001 PROJECT_ID:PR9",
        "VERSION             \t1",
        "#STUDY",
        "ST:STUDY_TITLE                   \tAn invented study",
        "ST:STUDY_SUMMARY                 \tIts summary goes",
        "ST:STUDY_SUMMARY                 \tover two lines",
        "#SUBJECT",
        "SU:SUBJECT_SPECIES               \tMus musculus",
        "#SUBJECT_SAMPLE_FACTORS:         \tSUBJECT(optional)[tab]SAMPLE[tab]FACTORS",
        "SUBJECT_SAMPLE_FACTORS           \tm1\tS1\tDiet:high fat | Day:3\tRAW_FILE_NAME=a.d",
        "SUBJECT_SAMPLE_FACTORS           \tm2\tS2\tDiet:control | Day:3\tSex=F; RAW_FILE_NAME=b.d",
        "SUBJECT_SAMPLE_FACTORS           \t-\tS9\tDiet:control\t",
        f"#{block}",
        f"{block}:UNITS\t{units}",
        f"{block}_START",
        "\t".join(["Samples", *SAMPLES]),
        "\t".join(["Factors", *FACTORS.values()]),
        *("\t".join([name, *cells]) for name, cells in VALUES.items()),
        f"{block}_END",
        "#METABOLITES",
        "METABOLITES_START",
        "metabolite_name\tpubchem_id\tkegg_id",
        *("\t".join([name, *notes.values()]) for name, notes in NOTES.items()),
        "METABOLITES_END",
        "#END",
    ]
    return "\n".join(lines) + "\n"


def as_csv(content: str, delimiter: str = ",") -> str:
    """Returns mwTab as a spreadsheet saves it: quoted where needed, every line equally wide."""
    rows = [line.split("\t") for line in content.splitlines()]
    width = max(map(len, rows))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows(row + [""] * (width - len(row)) for row in rows)
    return out.getvalue()


def as_json(**changes: Any) -> dict[str, Any]:
    """Returns the study as mwTab JSON."""
    data = [
        {"Metabolite": name, **dict(zip(SAMPLES, cells, strict=True))}
        for name, cells in VALUES.items()
    ]
    return {
        "METABOLOMICS WORKBENCH": {"STUDY_ID": "ST900001", "ANALYSIS_ID": "AN900001"},
        "SUBJECT": {"SUBJECT_SPECIES": "Mus musculus"},
        "SUBJECT_SAMPLE_FACTORS": [
            {
                "Subject ID": "m1",
                "Sample ID": "S1",
                "Factors": {"Diet": "high fat", "Day": "3"},
                "Additional sample data": {"RAW_FILE_NAME": "a.d"},
            },
            {"Subject ID": "-", "Sample ID": "S2", "Factors": {"Diet": "control"}},
        ],
        "MS_METABOLITE_DATA": {
            "Units": "peak area",
            "Data": data,
            "Metabolites": [{"Metabolite": name, **notes} for name, notes in NOTES.items()],
        },
        **changes,
    }


WANTED = ["{1250.5000,NULL,7}", "{NULL,0,12.25}", "{5,6e3,NULL}"]


def test_text_gives_quantities_factors_and_annotations(one):
    dataset = one(text(), omics=None)
    header = dataset.header
    assert (header.format, header.omics_type, header.unit) == ("mwTab", "metabolomics", "peak area")
    assert dataset.names == list(VALUES)
    assert dataset.quantities == WANTED
    assert dataset.assays == SAMPLES
    assert [dict(assay.attributes) for assay in header.assays] == [
        {"Subject ID": "m1", "Diet": "high fat", "Day": "3", "RAW_FILE_NAME": "a.d"},
        {"Subject ID": "m2", "Diet": "control", "Day": "3", "Sex": "F", "RAW_FILE_NAME": "b.d"},
        {},
    ]
    notes = [json.loads(row["annotations"]) if row["annotations"] else {} for row in dataset.rows]
    # A comma of a name is an underscore in the quantities, as the Workbench writes it.
    assert notes == [NOTES["Cholesterol"], {"pubchem_id": "72"}, {}]
    study = header.role_evidence["study"]
    assert study["summary"] == "Its summary goes over two lines"
    assert study["organism"] == "Mus musculus"
    assert header.role_evidence["samples_described_and_not_measured"] == ["S9"]
    lines = text().splitlines()
    assert [lines[row["row_number"] - 1].split("\t")[0] for row in dataset.rows] == list(VALUES)
    assert not header.zero_is_missing
    assert (dataset.counts.n_values, dataset.counts.zero_count) == (6, 1)
    assert dataset.counts.rows_skipped_by_rule == {"label_row": 2}


@pytest.mark.parametrize(
    "written",
    [
        text().replace("\n", "\r\n"),
        text().replace("\n", "\r"),
        "\ufeff" + text(),
        as_csv(text()),
        as_csv(text(), ";"),
        "\ufeff" + as_csv(text()),
    ],
    ids=["CRLF", "CR", "BOM", "CSV", "CSV with semicolons", "CSV with BOM"],
)
def test_every_way_of_saving_the_text_gives_the_same(one, written):
    dataset = one(written, omics=None)
    assert dataset.header.format == "mwTab"
    assert dataset.names == list(VALUES)
    assert dataset.quantities == WANTED
    assert dict(dataset.header.assays[1].attributes)["Sex"] == "F"


def test_json_gives_the_same(one):
    dataset = one(json.dumps(as_json(), indent=1), omics=None, name="x.json")
    assert dataset.header.format == "mwTab JSON"
    assert dataset.names == list(VALUES)
    assert dataset.quantities == WANTED
    assert dict(dataset.header.assays[0].attributes) == {
        "Subject ID": "m1",
        "Diet": "high fat",
        "Day": "3",
        "RAW_FILE_NAME": "a.d",
    }
    assert json.loads(dataset.rows[1]["annotations"]) == {"pubchem_id": "72"}


def test_json_numbers_keep_their_digits_and_samples_of_one_name_are_kept_apart(one):
    content = (
        '{"METABOLOMICS WORKBENCH": {}, "MS_METABOLITE_DATA": {"Units": "uM", "Data": '
        '[{"Metabolite": "Alanine", "A": 1.50, "A": 2e5, "B": null}, '
        '{"Metabolite": "Serine", "A": 3, "C": "4"}]}}'
    )
    dataset = one(content, omics=None)
    assert dataset.assays == ["A", "A (2)", "B", "C"]
    assert dataset.quantities == ["{1.50,2e5,NULL,NULL}", "{3,NULL,NULL,4}"]
    assert (dataset.header.quantity, dataset.header.unit) == ("concentration", "uM")


@pytest.mark.parametrize("mark", ["Samples\t", "MS_METABOLITE_DATA_START"])
def test_a_fragment_without_the_head_of_the_file_is_read(one, mark):
    content = text()
    body = content[content.index(mark) :].split("MS_METABOLITE_DATA_END")[0]
    if mark != "Samples\t":
        body += "MS_METABOLITE_DATA_END\n"
    dataset = one(body, omics=None)
    assert dataset.header.format == "mwTab"
    assert dataset.quantities == WANTED
    assert dict(dataset.header.assays[0].attributes) == {"Diet": "high fat", "Day": "3"}


def test_analyses_and_blocks_of_one_file_are_datasets_of_their_own(read):
    second = text(block="NMR_METABOLITE_DATA").replace("AN900001", "AN900002")
    both = text().replace("#END\n", "") + second
    parts = {dataset.header.part: dataset for dataset in read(both, omics=None)}
    assert set(parts) == {"analysis=AN900001", "analysis=AN900002"}
    start = second.index("#NMR_METABOLITE_DATA")
    block = second[start:].split("#METABOLITES")[0]
    two_blocks = text().replace("#METABOLITES\n", block + "#METABOLITES\n")
    parts = {dataset.header.part: dataset for dataset in read(two_blocks, omics=None)}
    assert set(parts) == {"block=MS_METABOLITE_DATA", "block=NMR_METABOLITE_DATA"}
    assert all(dataset.quantities == WANTED for dataset in parts.values())


def test_bins_of_a_spectrum_are_features(one):
    content = (
        "#METABOLOMICS WORKBENCH ANALYSIS_ID:AN1\n#NMR_BINNED_DATA\nNMR_BINNED_DATA_START\n"
        "Bin range(ppm)\tA\tB\n0.50...0.56\t0.1\t0.2\n0.56...0.58\t0\t0.3\n"
        "NMR_BINNED_DATA_END\n#END\n"
    )
    dataset = one(content, omics=None)
    assert dataset.names == ["0.50...0.56", "0.56...0.58"]
    assert dataset.quantities == ["{0.1,0.2}", "{0,0.3}"]
    assert dataset.header.role_evidence["features_are"] == "bins of a spectrum"


def test_lipids_are_told_by_their_names(one):
    lipids = text().replace("Cholesterol", "PC 34:1").replace("Alanine", "TG 52:2")
    assert one(
        lipids.replace("3_4-Dihydroxybenzoate", "PE 36:2"), omics=None
    ).header.omics_type == ("lipidomics")


def test_a_scale_in_the_units_is_believed(one):
    assert one(text(units="log2 peak area"), omics=None).header.value_scale == "log2"


def test_cells_that_are_no_numbers_reject_their_row(one):
    broken = text().replace("1250.5000", "1250x")
    dataset = one(broken, omics=None, reject_limit=0.5)
    assert dataset.names == ["3_4-Dihydroxybenzoate", "Alanine"]
    (reject,) = dataset.rejects
    assert (reject["raw_text"], reject["column_name"]) == ("1250x", "S1")
    assert dataset.counts.rows_read == 5


def test_rows_of_another_width_are_filled_or_rejected(one):
    content = text().replace("Alanine\t5\t6e3\t-", "Alanine\t5").replace("\t12.25", "\t12.25\t9")
    dataset = one(content, omics=None, reject_limit=0.5)
    assert dataset.quantities == ["{1250.5000,NULL,7}", "{5,NULL,NULL}"]
    assert [reject["reason_code"] for reject in dataset.rejects] == ["too_many_cells"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (text().split("MS_METABOLITE_DATA_END")[0], "broken_table"),
        (text().replace("MS_METABOLITE_DATA_END\n", ""), "broken_table"),
        (text().split("#MS_METABOLITE_DATA")[0] + "#END\n", "no_quantities"),
        (json.dumps(as_json())[:-40], "broken_table"),
        (json.dumps(as_json(MS_METABOLITE_DATA={"Units": "", "Data": []})), "no_quantities"),
    ],
    ids=["cut off", "block not closed", "no block", "JSON cut off", "JSON without rows"],
)
def test_what_is_cut_off_or_empty_is_refused(refusal, content, code):
    assert refusal(content, omics=None).reason_code == code


def test_results_that_lie_in_another_file_are_named(refusal):
    head = text().split("#MS_METABOLITE_DATA")[0]
    refused = refusal(head + "#MS\nMS:MS_RESULTS_FILE\tST9_AN9_Results.txt\tUNITS:area\n#END\n")
    assert "ST9_AN9_Results.txt" in refused.seen
