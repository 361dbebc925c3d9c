"""Metabolomics exports: what the tools write, and the odd but legal ways in which they write it."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import openpyxl
import pytest

NAMES = ["alanine", "serine", "citrate", "glucose", "lactate", "choline", "proline", "valine"]


def lines(*rows: list[str], mark: str = "\t", quoted: bool = False) -> str:
    if quoted:
        rows = tuple(['"' + cell.replace('"', '""') + '"' for cell in row] for row in rows)
    return "\n".join(mark.join(row) for row in rows) + "\n"


def numbers(row: int, count: int) -> list[str]:
    return [f"{1000 * (row + 1) + at}.5" for at in range(count)]


def workbook(*rows: list[object], copies: int = 1) -> bytes:
    book = openpyxl.Workbook()
    for copy in range(copies):
        sheet = book.active if copy == 0 else book.create_sheet(f"copy {copy}")
        for row in rows:
            sheet.append(row)
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


# -- MetaboLights ----------------------------------------------------------------------------------

MAF = ["database_identifier", "chemical_formula", "metabolite_identification", "mass_to_charge"]
MAF += ["charge", "retention_time", "smallmolecule_abundance_sub"]
MAF += ["smallmolecule_abundance_stdev_sub", "smallmolecule_abundance_std_error_sub"]


def maf(samples: list[str], *, named: bool = True, quoted: bool = True) -> str:
    rows = [
        [
            *(f"CHEBI:{at}", "C3H7NO2", name if named else "", f"{90 + at}.05", "1", f"{at}.7"),
            *("", "", ""),
            *(f" {cell}" for cell in numbers(at, len(samples))),
        ]
        for at, name in enumerate(NAMES)
    ]
    return lines([*MAF, *samples], *rows, quoted=quoted)


@pytest.mark.parametrize("quoted", [True, False])
def test_samples_of_a_maf_stand_behind_the_last_fixed_column(one, quoted):
    dataset = one(maf(["S 1", "S 2"], quoted=quoted), omics="metabolomics")
    assert dataset.header.format == "MetaboLights MAF"
    assert dataset.names == NAMES
    assert dataset.assays == ["S 1", "S 2"]
    assert dataset.quantities[0] == "{1000.5,1001.5}"
    assert not dataset.header.zero_is_missing


def test_unnamed_features_of_a_maf_are_named_by_mass_and_time(one):
    dataset = one(maf(["S1", "S2"], named=False), omics="metabolomics")
    assert dataset.names[1] == "91.05|1.7|1"


def test_the_study_beside_a_maf_says_which_columns_are_samples(one, tmp_path: Path):
    study = lines(
        [
            "Source Name",
            "Characteristics[Organism]",
            "Term Source REF",
            "Sample Name",
            "Factor Value[Diet]",
            "Term Source REF",
        ],
        ["src1", "Mus musculus", "NCBITAXON", "S1", "high fat", ""],
        ["src2", "Mus musculus", "NCBITAXON", "S2", "control", ""],
        ["src9", "Mus musculus", "NCBITAXON", "S9", "control", ""],
        quoted=True,
    )
    (tmp_path / "study.txt").write_text(study)
    (tmp_path / "notes.txt").write_text("no study\n")
    dataset = one(maf(["S1", "norm factor", "S2"]), omics="metabolomics", name="maf.tsv")
    assert dataset.assays == ["S1", "S2"]
    assert dataset.quantities[0] == "{1000.5,1002.5}"
    assert dict(dataset.header.assays[0].attributes) == {
        "Source Name": "src1",
        "Organism": "Mus musculus",
        "Diet": "high fat",
    }
    said = dataset.header.role_evidence["study"]
    assert said["columns_that_are_no_samples"] == ["norm factor"]
    assert said["samples_without_a_column"] == ["S9"]


def test_a_study_of_other_samples_beside_a_maf_is_not_believed(one, tmp_path: Path):
    study = lines(["Source Name", "Sample Name"], ["a", "X1"], ["b", "X2"])
    (tmp_path / "s_other.txt").write_text(study)
    assert one(maf(["S1", "S2"]), omics="metabolomics").assays == ["S1", "S2"]


# -- MetaboAnalyst ---------------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["Label", "Class", "Muscle loss", "Phenotype"])
def test_metaboanalyst_with_samples_in_rows(one, label):
    rows = [[f"P_{at:03d}", "ab"[at % 2], *numbers(at, 8)] for at in range(10)]
    dataset = one(lines(["Sample", label, *NAMES], *rows, mark=","), omics="metabolomics")
    assert dataset.header.format == "MetaboAnalyst, samples in rows"
    assert dataset.names == NAMES
    assert dataset.assays == [f"P_{at:03d}" for at in range(10)]
    assert dict(dataset.header.assays[1].attributes) == {label: "b"}


def test_metaboanalyst_with_samples_in_columns(one):
    rows = [[name, *numbers(at, 4)] for at, name in enumerate(NAMES)]
    table = lines(["Sample", "a1", "a2", "b1", "b2"], ["Label", "a", "a", "b", "b"], *rows)
    dataset = one(table, omics="metabolomics")
    assert dataset.header.format == "MetaboAnalyst, samples in columns"
    assert dict(dataset.header.assays[2].attributes) == {"Label": "b"}
    assert dataset.counts.rows_skipped_by_rule == {"label_row": 1}


def test_r_write_table_has_a_header_one_cell_short(one):
    rows = [[name, *numbers(at, 3)] for at, name in enumerate(NAMES)]
    dataset = one(lines(["a1", "a2", "a3"], *rows), omics="metabolomics")
    assert dataset.header.format == "R write.table"
    assert dataset.assays == ["a1", "a2", "a3"]
    assert dataset.quantities[0] == "{1000.5,1001.5,1002.5}"


# -- peak tables -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "header"),
    [
        (
            "mzMine",
            ["row ID", "row m/z", "row retention time", "a.mzML Peak area", "b.mzML Peak area"],
        ),
        ("mzMine 3", ["id", "mz", "rt", "datafile:a.mzML:area", "datafile:b.mzML:area"]),
    ],
)
def test_mzmine_counts_zeros_as_no_peak(one, version, header):
    rows = [[str(at + 5), f"{at}00.1", f"{at}.2", "0", f"{at}.5", ""] for at in range(9)]
    dataset = one(lines([*header, ""], *rows, mark=","), omics="metabolomics")
    assert dataset.header.format == version
    assert dataset.assays == ["a.mzML", "b.mzML"]
    assert dataset.names[0] == "5"
    assert (dataset.counts.n_values, dataset.counts.zero_count) == (9, 9)


def xcms(*, diffreport: bool) -> str:
    rng = random.Random(3)  # noqa: S311 - invented numbers
    lead = ["name", "fold", "tstat", "pvalue"] if diffreport else ["name"]
    header = [*lead, "mz", "mzmin", "mzmax", "rt", "rtmin", "rtmax", "npeaks", "WT", "KO"]
    header += ["w1", "w2", "k1", "k2", "isotopes", "adduct", "pcgroup"]
    rows = []
    for at in range(12):
        first = [f"M{at}T{at}", *([f"{1 + at}.5", "2.1", f"0.0{at + 1}"] if diffreport else [])]
        mass = [f"{100 + at}.{n}" for n in range(6)]
        counts = [str(4), str(rng.randint(0, 2)), str(rng.randint(0, 2))]
        rows.append([*first, *mass, *counts, *numbers(at, 4), "", "", str(at)])
    return lines(header, *rows)


def test_group_counts_of_an_xcms_peak_table_are_no_samples(one):
    dataset = one(xcms(diffreport=False), omics="metabolomics")
    assert dataset.assays == ["w1", "w2", "k1", "k2"]
    assert dataset.quantities[0] == "{1000.5,1001.5,1002.5,1003.5}"


def test_a_diffreport_is_a_matrix_and_a_result_table(read):
    found = {
        dataset.header.shape: dataset
        for dataset in read(xcms(diffreport=True), omics="metabolomics")
    }
    assert set(found) == {"matrix", "result_table"}
    assert found["matrix"].assays == ["w1", "w2", "k1", "k2"]


def test_markerlynx_preamble_and_zeros(one):
    top = "MassLynx export\nPrinted Thu Jun 30 2016\n\nSample list\n"
    header = [
        "ID",
        "Ret.Time",
        "m/z",
        "Biotransformations/Adducts",
        "Included",
        "Saturated",
        "U1",
        "U2",
    ]
    rows = [["", f"{at}.5", f"10{at}.1", "", "Yes", "No", "0.0000", f"{at}.25"] for at in range(9)]
    dataset = one(top + lines(header, *rows, mark=","), omics="metabolomics")
    assert dataset.header.format == "MarkerLynx"
    assert dataset.names[1] == "1.5_101.1"
    assert dataset.assays == ["U1", "U2"]
    assert dataset.header.zero_is_missing


# -- Biocrates -------------------------------------------------------------------------------------

KIT = ["C0", "C2", "PC aa C32:1", "lysoPC a C18:0", "SM (OH) C14:1", "H1"]


@pytest.mark.parametrize(("mark", "decimal"), [("\t", ","), (";", ","), (",", "."), ("\t", ".")])
def test_biocrates_results_with_status_tokens(one, mark, decimal):
    header = ["Sample Identification", "material", "group", *KIT]
    cells = ["0.5", "< LOD", "12.25", "> ULOQ", "", "NA"]
    rows = [
        [f"{at:03d}", "plasma", "ab"[at % 2], *(cell.replace(".", decimal) for cell in cells)]
        for at in range(6)
    ]
    dataset = one(lines(header, *rows, mark=mark), omics="metabolomics")
    assert dataset.header.format == "Biocrates results"
    assert dataset.names == KIT
    assert dataset.assays == [f"{at:03d}" for at in range(6)]
    assert dataset.quantities[0] == "{" + ",".join(["0.5"] * 6) + "}"
    assert dataset.quantities[1] == "{" + ",".join(["NULL"] * 6) + "}"
    said = [json.loads(row["annotations"] or "{}").get("quantity_status") for row in dataset.rows]
    assert said[1] == {f"{at:03d}": "< LOD" for at in range(6)}
    assert said[3] == {f"{at:03d}": "> ULOQ" for at in range(6)}
    assert said[4] is None


def plate() -> list[list[object]]:
    lead = [
        "Plate Bar Code",
        "Sample Bar Code",
        "Sample Type",
        "Sample Identification",
        "Well Position",
    ]
    kinds = ["Zero Sample", "Blank", "Standard L1", "QC", *["Sample"] * 4]
    rows: list[list[object]] = [["Data exported with MetIDQ"], [*lead, *KIT, "Sum of PC"]]
    classes = ["Acylcarnitines", "Acylcarnitines", "PC", "LPC", "SM", "Sugars"]
    rows.append(["", "", "", "", "Class", *classes, "Metabolism Indicators"])
    rows.append(["", "", "", "LOD (calc.) 1025 [µM]", "", *[0.1] * 6, None])
    for at, kind in enumerate(kinds):
        cells = [round(at + n / 4, 2) for n in range(6)]
        rows.append(["1025", f"10{at}", kind, f"S{at}", at, *cells, 99.5])
    return rows


@pytest.mark.parametrize("written", ["xlsx", "tsv"])
def test_a_metidq_plate_keeps_study_samples_and_molecules_only(one, written):
    rows = plate()
    text = lines(*[["" if c is None else str(c) for c in row] for row in rows])
    dataset = one(workbook(*rows) if written == "xlsx" else text, omics="metabolomics")
    assert dataset.header.format == "Biocrates MetIDQ plate export"
    assert dataset.names == KIT
    assert dataset.assays == ["S4", "S5", "S6", "S7"]
    assert [float(x) for x in dataset.quantities[1][1:-1].split(",")] == [4.25, 5.25, 6.25, 7.25]
    assert dataset.counts.rows_skipped_by_rule["no_study_sample"] == 5
    assert json.loads(dataset.rows[2]["annotations"]) == {"Class": "PC"}
    assert dict(dataset.header.assays[0].attributes)["Plate Bar Code"] == "1025"


# -- Metabolon and Compound Discoverer -------------------------------------------------------------


def test_two_header_rows_and_thousands_commas(one):
    samples = ["D-1", "D-2"]
    top = ["", "", "", "", "SAMPLE_NAME", *samples]
    header = ["BIOCHEMICAL", "PLATFORM", "CAS", "KEGG", "Group   HMDB_ID", *samples]
    rows = [[n, "LC", "1-2", "C1", "HMDB1", '"960,810,176"', '"358,602"'] for n in NAMES[:-1]]
    rows.append([NAMES[-1], "LC", "1-2", "C1", "HMDB1", "", '"1,000"'])
    dataset = one("\ufeff" + lines(top, header, *rows, mark=","), omics="metabolomics")
    assert dataset.header.format == "Metabolon"
    assert dataset.quantities[0] == "{960810176,358602}"
    assert dataset.quantities[-1] == "{NULL,1000}"
    assert dataset.assays == samples


def discoverer(*, nested: bool) -> list[list[object]]:
    header: list[object] = ["Checked", "Name", "Formula", "Calc. MW", "RT [min]"]
    header += ["Group Area: wt", "Area: a.raw (F1)", "Area: b.raw (F2)"]
    rows: list[list[object]] = [header]
    for at, name in enumerate(NAMES):
        rows.append([False, name, "C3", 100.5 + at, 1.25, 7.0, 1000.5 + at, None])
        if nested:
            rows.append([None, "Ion", "Charge", "Molecular Weight", "RT [min]", "Area", "File"])
            rows.append([None, "[M+H]+1", 1, 100.5, 1.2, 55.5, "F1"])
    return rows


@pytest.mark.parametrize("nested", [True, False])
def test_compounds_are_the_first_level_of_a_nested_sheet(one, nested):
    dataset = one(workbook(*discoverer(nested=nested)), omics="metabolomics")
    assert dataset.header.format == "Compound Discoverer"
    assert len(dataset.rows) == 8
    assert dataset.names[0] == "alanine|100.5|1.25"
    assert dataset.assays == ["a.raw (F1)", "b.raw (F2)"]
    assert dataset.quantities[1] == "{1001.5,NULL}"
    assert sum(dataset.counts.rows_skipped_by_rule.values()) == (16 if nested else 0)


def test_a_sheet_that_stands_twice_is_one_dataset(one):
    dataset = one(workbook(*discoverer(nested=True), copies=2), omics="metabolomics")
    assert dataset.header.role_evidence["sheets_not_read"] == {
        "sheet=copy 1": "the same as sheet=Sheet"
    }
