"""Lipidomics exports: what the tools write, and the odd but legal ways in which they write it."""

from __future__ import annotations

import json

import pytest

LIPIDS = ["PC 34:1", "PE 36:2", "TG 52:3", "Cer d18:1/24:0", "SM d18:1/16:0", "PC 34:1", "LPC 18:0"]


def lines(*rows: list[str], mark: str = "\t") -> str:
    held = [[f'"{cell}"' if mark in cell else cell for cell in row] for row in rows]
    return "\n".join(mark.join(row) for row in held) + "\n"


def numbers(row: int, count: int) -> list[str]:
    return [f"{1000 * (row + 1) + at}.5" for at in range(count)]


# -- LipidSearch ----------------------------------------------------------------------------------


def lipidsearch(families: dict[str, list[str]], *, mark: str = ",", r_names: bool = False) -> str:
    """Writes a LipidSearch 5 table; a family is its name and the cells of one row."""
    samples = ["s1", "s2", "s3"]
    header = ["LipidMolec", "ClassKey", "CalcMass", "BaseRt", "TotalGrade", "TotalSmpIDRate(%)"]
    for family in families:
        header += [f"{family}.{s}." if r_names else f"{family}[{s}]" for s in samples]
    rows = []
    for at, lipid in enumerate(LIPIDS):
        beside = [lipid, lipid.split()[0], f"{700 + at}.1", f"{at}.25", "A", "100"]
        rows.append(beside + [cell for cells in families.values() for cell in cells])
    return lines(header, *rows, mark=mark)


@pytest.mark.parametrize("mark", [",", "\t", ";"])
@pytest.mark.parametrize("r_names", [False, True])
def test_mean_areas_are_the_quantity_and_equal_names_stay_rows(one, mark, r_names):
    dataset = one(lipidsearch({"MeanArea": ["1.5", "#VALUE!", ""]}, mark=mark, r_names=r_names))
    assert dataset.header.format == "LipidSearch"
    assert dataset.assays == ["s1", "s2", "s3"]
    assert dataset.names == LIPIDS
    assert dataset.quantities[0] == "{1.5,NULL,NULL}"
    # Why a quantity is missing stays with the row; an empty cell says nothing.
    assert json.loads(dataset.rows[0]["annotations"])["quantity_status"] == {"s2": "#VALUE!"}


def test_each_quantity_is_a_dataset_and_the_preferred_one_the_primary(read):
    found = read(lipidsearch({"Height": ["1", "2", "3"], "Area": ["4", "5", "6"]}))
    assert [dataset.header.part for dataset in found] == ["", "quantity=Height"]
    assert [dataset.header.quantity for dataset in found] == ["Area", "Height"]
    assert [dataset.header.role_evidence["primary"] for dataset in found] == [True, False]
    assert [dataset.quantities[0] for dataset in found] == ["{4,5,6}", "{1,2,3}"]


def test_concentrations_that_were_not_computed_are_no_dataset(one):
    dataset = one(lipidsearch({"MeanArea": ["4", "5", "6"], "MeanConc": ["NaN"] * 3}))
    assert dataset.header.quantity == "MeanArea"


def test_group_means_and_times_are_no_samples(one):
    families = {"MeanArea": ["4", "5", "6"], "GroupArea": ["1"] * 3, "TopRT": ["2"] * 3}
    dataset = one(lipidsearch(families))
    assert dataset.assays == ["s1", "s2", "s3"]
    assert dataset.quantities[0] == "{4,5,6}"


def test_samples_are_named_by_the_lines_above(one):
    above = "#[c-1]:mouse_1.raw\n#[c-10]:mouse_10.raw\n#normalize base:\n#control group:c\n"
    header = ["Rej.", "LipidIon", "Class", "FattyAcid", "Area[c-1]", "Area[c-10]", "GroupArea[c]"]
    rows = [["0", f"{lipid}+H", "PC", "(x)", "1.25", "0", "9"] for lipid in LIPIDS]
    dataset = one(above + lines(header, *rows))
    assert dataset.assays == ["mouse_1.raw", "mouse_10.raw"]
    assert dataset.header.assays[1].source_column == "Area[c-10]"
    assert dataset.quantities[0] == "{1.25,0}"
    assert dataset.counts.zero_count == 7
    assert dataset.rows[0]["row_number"] == 6


def test_a_table_with_plain_sample_names_is_read(one):
    header = ["LipidMolec", "ClassKey", "CalcMass", "BaseRt", "TotalGrade", "001", "WT_2", "KO.3"]
    rows = [[x, "PC", f"70{i}.5", f"{i}.2", "B", *numbers(i, 3)] for i, x in enumerate(LIPIDS)]
    dataset = one(lines(header, *rows))
    assert dataset.header.format == "LipidSearch, plain sample names"
    assert dataset.assays == ["001", "WT_2", "KO.3"]
    assert dataset.quantities[1] == "{2000.5,2001.5,2002.5}"


def test_cp1252_and_crlf(one):
    text = lipidsearch({"MeanArea": ["1", "2", "3"]}).replace("ClassKey", "Größe", 1)
    text = text.replace("Größe", "ClassKey", 1).replace(",A,", ",µ,")
    dataset = one(text.replace("\n", "\r\n").encode("cp1252"))
    assert json.loads(dataset.rows[0]["annotations"])["TotalGrade"] == "µ"
    assert dataset.quantities[0] == "{1,2,3}"


# -- MS-DIAL ---------------------------------------------------------------------------------------

COLUMNS = ["Alignment ID", "Average Rt(min)", "Average Mz", "Metabolite name", "Adduct type"]
COLUMNS += ["Post curation result", "Fill %", "S/N average", "Spectrum reference file name"]
COLUMNS += ["MS1 isotopic spectrum", "MS/MS spectrum"]


def msdial(
    *,
    labels: int = 4,
    summaries: bool = False,
    second: bool = False,
    names: list[str] | None = None,
) -> list[list[str]]:
    """Writes an MS-DIAL alignment: label rows, header, rows."""
    samples = ["blank_1", "wt_1", "wt_2", "qc_1"]
    texts = [
        ("Class", ["Blank", "WT", "WT", "QC"]),
        ("File type", ["Blank", "Sample", "Sample", "QC"]),
        ("Injection order", ["1", "2", "3", "4"]),
        ("Batch ID", ["1", "1", "1", "1"]),
    ][:labels]
    width = len(COLUMNS)
    rows = []
    more = ["Average", "Stdev"] if summaries else []
    for label, cells in texts:
        row = [""] * (width - 1) + [label, *cells, *more]
        rows.append(row + (["", *cells] if second else []))
    header = [*COLUMNS, *samples, *(["WT", "WT"] if summaries else [])]
    rows.append(header + (["Lipid IS", *samples] if second else []))
    for at, lipid in enumerate(names or LIPIDS):
        row = [str(at), f"{at}.5", f"70{at}.1", lipid, "[M+H]+", "", "1", "30", "wt_1"]
        row += ["700.1:5 701.1:2", "184.07:99", *numbers(at, 4), *(["7", "1"] if summaries else [])]
        rows.append(row + (["IS-1", *[f"0.{at}{n}" for n in range(4)]] if second else []))
    return rows


@pytest.mark.parametrize("labels", [0, 3, 4])
def test_samples_stand_at_the_end_and_label_rows_describe_them(one, labels):
    dataset = one(lines(*msdial(labels=labels)))
    assert dataset.header.format == "MS-DIAL alignment"
    assert dataset.assays == ["blank_1", "wt_1", "wt_2", "qc_1"]
    assert dataset.names == LIPIDS
    assert dataset.rows[0]["row_number"] == labels + 2
    said = dict(dataset.header.assays[0].attributes)
    wanted = {"Class": "Blank", "File type": "Blank", "Injection order": "1", "Batch ID": "1"}
    assert said == dict(list(wanted.items())[:labels])


def test_averages_and_deviations_are_no_samples(one):
    dataset = one(lines(*msdial(summaries=True)))
    assert dataset.assays == ["blank_1", "wt_1", "wt_2", "qc_1"]


def test_a_block_behind_the_standard_is_a_quantity_of_its_own(read):
    raw, normalised = read(lines(*msdial(second=True)))
    assert (raw.header.part, normalised.header.part) == ("", "quantity=normalised")
    assert raw.assays == normalised.assays
    assert raw.quantities[0] == "{1000.5,1001.5,1002.5,1003.5}"
    assert normalised.quantities[0] == "{0.00,0.01,0.02,0.03}"
    assert dict(normalised.header.assays[1].attributes)["Class"] == "WT"


def test_features_without_names_are_named_by_their_number(one):
    names = ["Unknown", "w/o MS2:PC 34:1", "no MS2: SM 34:1", "Unknown", "PC 36:2", "Unknown", "x"]
    dataset = one(lines(*msdial(names=names)))
    assert dataset.names == ["0", "1", "2", "3", "PC 36:2", "5", "x"]
    assert dataset.header.omics_type == "lipidomics"
    assert json.loads(dataset.rows[1]["annotations"])["Metabolite name"] == "w/o MS2:PC 34:1"


# -- LipidXplorer ----------------------------------------------------------------------------------


def test_lipidxplorer_sections_standards_and_zeros(read):
    header = ["NAME", "CLASS", "MASS", "PREC:a.raw", "PREC:b.raw", "SUMFA:a.raw", "SUMFA:b.raw"]
    blank = [""] * 7
    rows = [
        ["###,query", *blank[1:]],
        ["isPC 34:0", "PC", "760.6", "5.5", "0", "1", "2"],
        blank,
        ["###", *blank[1:]],
        ["PC 34:1", "PC", "759.6", "None", "-3.5", "0", "None"],
        ["PE O-36:2", "PE", "729.5", "7", "8", "3", "4"],
    ]
    first, second = read(lines(header, *rows, mark="\t"))
    assert first.header.format == "LipidXplorer"
    assert first.names == ["isPC 34:0", "PC 34:1", "PE O-36:2"]
    assert first.quantities == ["{5.5,0}", "{NULL,-3.5}", "{7,8}"]
    assert first.header.zero_is_missing
    assert (first.counts.n_values, first.counts.zero_count) == (4, 1)
    assert [row["is_internal_standard"] for row in first.rows] == [True, False, False]
    assert sum(first.counts.rows_skipped_by_rule.values()) == 3
    assert (second.header.quantity, second.quantities[2]) == ("SUMFA", "{3,4}")


# -- Skyline ---------------------------------------------------------------------------------------


def test_a_skyline_report_of_lipids_names_them_in_the_peptide_column(one):
    header = ["Peptide", "Protein", "Replicate", "Precursor Mz", "Product Mz", "Area", "Background"]
    rows = [
        [lipid, "PC", f"TQC_{n}", f"76{at}.6", "184.1", "#N/A" if n else f"{at}00", "5"]
        for n in range(2)
        for at, lipid in enumerate(LIPIDS[:5])
    ]
    dataset = one(lines(header, *rows, mark=","))
    assert dataset.header.format == "Skyline report"
    assert dataset.assays == ["TQC_0", "TQC_1"]
    assert dataset.names[0] == "PC 34:1|760.6|184.1"
    assert dataset.quantities[1] == "{100,NULL}"
    assert dataset.counts.rows_read == 10


# -- plain tables ----------------------------------------------------------------------------------

NOTATIONS = {
    "slash": [
        "PC 16:0/18:1",
        "PE 18:0/20:4",
        "TG 16:0/18:1/18:2",
        "Cer d18:1/16:0",
        "PI 18:0/20:4",
    ],
    "brackets": ["PC(16:0/18:1)", "PE(18:0/20:4)", "TG(52:3)", "SM(d18:1/16:0)", "LPC(18:0)"],
    "hybrid": ["PS 12:0-16:1", "LCB 18:0;3", "TAG 12:0-12:0-18:1", "PC 16:0_18:1", "DG 34:1"],
    "loss": ["TG 51:2-FA15:0", "TG 52:3-FA16:0", "PE O-16:1_20:4", "PE P-18:0/20:4", "CE 18:2"],
}


@pytest.mark.parametrize("names", NOTATIONS.values(), ids=NOTATIONS)
@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_lipids_are_found_in_rows_and_in_columns(one, names, mark):
    samples = ["001", "173.1", "8042381", "WT"]
    table = [["Name", *samples], *([n, *numbers(at, 4)] for at, n in enumerate(names))]
    turned = [list(row) for row in zip(*table, strict=True)]
    by_rows = one(lines(*table, mark=mark), omics=None)
    by_columns = one(lines(*turned, mark=mark), omics=None)
    for dataset in (by_rows, by_columns):
        assert dataset.header.omics_type == "lipidomics"
        assert dataset.names == names
        assert dataset.assays == samples
        assert dataset.quantities[1] == "{2000.5,2001.5,2002.5,2003.5}"


def test_replicates_of_one_name_are_kept_apart(one):
    table = [["Species", "BY", "BY", "elo1", "elo1"]]
    table += [[n, *numbers(at, 4)] for at, n in enumerate(LIPIDS)]
    dataset = one(lines(*table, mark=","))
    assert dataset.assays == ["BY", "BY (2)", "elo1", "elo1 (2)"]
    assert [assay.source_column for assay in dataset.header.assays] == ["BY", "BY", "elo1", "elo1"]
