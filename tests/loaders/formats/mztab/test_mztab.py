"""mzTab: sections, assays and what they are called, nulls, means that are no samples."""

from __future__ import annotations

import json

import pytest

TOP = [
    "COM\tinvented",
    "MTD\tmzTab-version\t1.0.0",
    "MTD\tmzTab-type\tQuantification",
    "MTD\tms_run[1]-location\tfile:///data/run_a.mzML",
    "MTD\tms_run[2]-location\tfile://C:\\data\\run_b.raw",
    "MTD\tassay[1]-ms_run_ref\tms_run[1]",
    "MTD\tassay[2]-ms_run_ref\tms_run[2]",
    "MTD\tstudy_variable[1]-assay_refs\tassay[1], assay[2]",
    "MTD\tstudy_variable[1]-description\ttreated",
    "MTD\tprotein-quantification_unit\t[PRIDE, PRIDE:0000393, Relative quantification unit,]",
    "",
]
PROTEINS = [
    "PRH\taccession\tdescription\tprotein_abundance_assay[1]\tprotein_abundance_assay[2]"
    "\tprotein_abundance_study_variable[1]\tprotein_abundance_stdev_study_variable[1]"
    "\topt_global_cv_MS:1002217_decoy_peptide",
    "COM\ta comment between the rows",
    "PRT\tP12345\tfirst\t1.5\tnull\t1.5\t0\t0",
    "PRT\tP67890\tnull\t0\tNaN\t0\t0\t0",
    "PRT\tDECOY_1\tx\t3\t4\t3.5\t0.5\t1",
]
PEPTIDES = [
    "",
    "PEH\tsequence\taccession\tmodifications\tcharge\tpeptide_abundance_assay[1]\tpeptide_abundance_assay[2]",
    "PEP\tAAAK\tP12345\tnull\t2\t10\t20",
    "PEP\tAAAK\tP12345\t3-UNIMOD:4\t2\t11\t21",
]
MOLECULES = [
    "MTD\tmzTab-version\t2.1.0-M",
    "MTD\tassay[1]\tblank free",
    "MTD\tassay[2]\tsecond",
    "MTD\tsoftware[1]\t[, , LipidTool, 2.6]",
    "SMH\tSML_ID\tchemical_name\tchemical_formula\tabundance_assay[1]\tabundance_assay[2]"
    "\tabundance_study_variable[1]\tabundance_variation_study_variable[1]",
    "SML\t1\tPC 34:1\tC42H82NO8P\t1.38E8\tnull\t1.38E8\t0",
    "SML\t2\tPC 34:1\tC42H82NO8P\t5\t6\t5.5\t0.1",
    "SML\t3\tPE 36:2\tnull\t7\t8\t7.5\t0.1",
    "",
    "SFH\tSMF_ID\tadduct_ion\tabundance_assay[1]\tabundance_assay[2]",
    "SMF\t1\t[M+H]1+\t1\t2",
]


def text(*sections: list[str], end: str = "\n") -> str:
    return end.join(line for section in sections for line in section) + end


def test_proteins_with_assays_named_by_their_runs(one):
    dataset = one(text(TOP, PROTEINS), omics=None)
    header = dataset.header
    assert (header.format, header.omics_type) == ("mzTab 1.0.0", "proteomics")
    assert header.unit == "Relative quantification unit"
    assert dataset.assays == ["run_a", "run_b"]
    assert header.assays[0].source_column == "protein_abundance_assay[1]"
    assert header.assays[0].attributes["study_variable"] == "treated"
    assert dataset.quantities == ["{1.5,NULL}", "{0,NULL}", "{3,4}"]
    assert [row["is_decoy"] for row in dataset.rows] == [False, False, True]
    assert [row["row_number"] for row in dataset.rows] == [14, 15, 16]
    assert "description" not in json.loads(dataset.rows[1]["annotations"])
    assert (dataset.counts.n_values, dataset.counts.zero_count) == (4, 1)


def test_peptides_become_a_second_dataset(read):
    proteins, peptides = read(text(TOP, PROTEINS, PEPTIDES), omics=None)
    assert proteins.header.role_evidence["primary"] is True
    assert peptides.header.part == "section=peptides"
    assert peptides.header.role_evidence["primary"] is False
    assert peptides.names == ["AAAK|2", "AAAK|3-UNIMOD:4|2"]
    assert peptides.quantities == ["{10,20}", "{11,21}"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_small_molecules_keep_rows_of_one_name_apart(one, end):
    dataset = one(text(MOLECULES, end=end), omics=None)
    assert dataset.header.format == "mzTab-M 2.1.0-M"
    assert dataset.header.omics_type == "lipidomics"
    assert dataset.header.software == "LipidTool 2.6"
    assert dataset.names == ["PC 34:1", "PC 34:1", "PE 36:2"]
    assert dataset.assays == ["blank free", "second"]
    assert dataset.quantities == ["{1.38E8,NULL}", "{5,6}", "{7,8}"]
    assert json.loads(dataset.rows[1]["annotations"])["SML_ID"] == "2"


def test_names_that_are_no_lipids_are_metabolites(one):
    plain = text(MOLECULES).replace("PC 34:1", "glucose").replace("PE 36:2", "lactate")
    assert one(plain, omics=None).header.omics_type == "metabolomics"


def test_features_are_read_where_nothing_else_is_quantified(one):
    only = [line for line in MOLECULES if not line.startswith(("SMH", "SML"))]
    dataset = one(text(only), omics=None)
    assert dataset.header.part == ""
    assert dataset.quantities == ["{1,2}"]


def test_lines_filled_up_with_tabs(one):
    padded = "\n".join(line + "\t\t\t" if line else line for line in [*TOP, *PROTEINS])
    assert one(padded, omics=None).quantities[0] == "{1.5,NULL}"


def test_means_of_groups_alone_are_no_quantities(refusal):
    cut = [line for line in PROTEINS if not line.startswith("COM")]
    names = cut[0].split("\t")
    keep = [at for at, name in enumerate(names) if "abundance_assay" not in name]
    only = ["\t".join(line.split("\t")[at] for at in keep) for line in cut]
    found = refusal(text(TOP, only), omics=None)
    assert found.reason_code == "no_quantity_columns"
    assert "only means of study variables" in found.seen
    assert "3 rows of proteins" in found.seen


def test_an_abundance_that_is_no_number_is_rejected(read):
    rows = [f"PRT\tP{n:05}\tx\t{n}\t{n}\t1\t0\t0" for n in range(100)]
    bad = [*PROTEINS[:1], *rows, "PRT\tP99999\tx\tmuch\t2\t1\t0\t0"]
    (dataset,) = read(text(TOP, bad), omics=None)
    assert [reject["raw_text"] for reject in dataset.rejects] == ["much"]
    assert dataset.rejects[0]["row_number"] == len(TOP) + len(bad)
