"""Other versions, names and settings of the tools: each of these files was once read wrongly."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from loaders.discovery import find_in_folder
from loaders.features.read import recognise as recognise_reference
from loaders.groups import grouped
from loaders.model import ReadOptions, SourceFile
from loaders.programs.read import recognise as recognise_sheet

ACCESSIONS = ["P04637", "P38398", "Q9Y6K9", "P00533", "P01112", "Q07817", "P10415", "O15350"]
GENES = ["TP53", "BRCA1", "IKBKG", "EGFR", "HRAS", "BCL2L1", "BCL2", "TP73"]
LIPIDS = ["PC 34:1", "PE 38:4", "TG 52:2", "SM d18:1/16:0", "LPC 18:0", "CE 18:2", "PI 38:4"]
SMALL = ["alanine", "glycine", "serine", "lactate", "citrate", "glucose", "malate", "urea"]
ENSEMBL = [f"ENSG{at * 7919:011d}" for at in range(1, 9)]


def table(header: Sequence[object], rows: Sequence[Sequence[object]], mark: str = "\t") -> str:
    return "".join(mark.join(map(str, row)) + "\n" for row in [header, *rows])


def number(row: int, column: int) -> str:
    return f"{1000 * (row + 1) + column}.5"


def source_of(path: Path) -> SourceFile:
    return SourceFile(str(path), path, path.stat().st_size, datetime.now(UTC))


# -- proteomics ------------------------------------------------------------------------------------


def test_rows_of_annotations_that_perseus_writes_are_labels(one):
    header = ["LFQ intensity a", "LFQ intensity b", "Reverse", "Potential contaminant", "Peptides"]
    header += ["Only identified by site", "Protein IDs"]
    rows = [["#!{Type}E", "E", "C", "C", "N", "C", "T"], ["#!{C:Group}ctl", "trt", *[""] * 5]]
    rows += [[f"2{at}.25", "NaN", "", "", "3", "", name] for at, name in enumerate(ACCESSIONS)]
    dataset = one(table(header, rows), omics=None)
    assert dataset.header.format == "MaxQuant proteinGroups"
    assert dataset.names == ACCESSIONS
    assert dataset.quantities[0] == "{20.25,NULL}"
    assert [dict(assay.attributes) for assay in dataset.header.assays] == [
        {"Group": "ctl"},
        {"Group": "trt"},
    ]
    assert dataset.counts.rows_skipped_by_rule == {"label_row": 2}


def test_genes_beside_runs_of_dia_nn_are_proteins(one):
    runs = [r"C:\data\run 01.raw.dia", r"C:\data\run 02.raw.dia"]
    header = ["Genes", "N.Sequences", "N.Proteotypic.Sequences", *runs]
    rows = [[name, "4", "3", number(at, 0), ""] for at, name in enumerate(GENES)]
    dataset = one(table(header, rows), omics=None)
    assert (dataset.header.format, dataset.header.omics_type) == (
        "DIA-NN gene matrix",
        "proteomics",
    )
    assert dataset.assays == ["run 01", "run 02"]
    assert dataset.names == GENES


@pytest.mark.parametrize("mark", ["[{}] ", "X.{}..", ""])
def test_runs_of_a_pivot_may_have_lost_their_number(one, mark):
    runs = [f"{mark.format(at)}20240101_{at}.raw.PG.Quantity" for at in (1, 2)]
    rows = [[p, g, number(0, 1), "Filtered"] for p, g in zip(ACCESSIONS, GENES, strict=True)]
    dataset = one(table(["PG.ProteinGroups", "PG.Genes", *runs], rows), omics=None)
    assert dataset.header.format == "Spectronaut protein pivot"
    assert dataset.assays == ["20240101_1.raw", "20240101_2.raw"]


def test_a_filtered_quantity_of_a_long_report_keeps_its_status(one):
    rows = [
        [run, name, "Filtered" if (at, run) == (1, "b") else number(at, 0), f"_P{part}_"]
        for run in "ab"
        for at, name in enumerate(ACCESSIONS)
        for part in (1, 2)
    ]
    header = ["R.FileName", "PG.ProteinGroups", "PG.Quantity", "EG.PrecursorId"]
    dataset = one(table(header, rows), omics=None)
    assert dataset.quantities[1] == f"{{{number(1, 0)},NULL}}"
    notes = json.loads(dataset.rows[1]["annotations"])
    assert notes["quantity_status"] == {"b": "Filtered"}
    assert dataset.rows[0]["annotations"] is None


def test_warnings_of_olink_stand_where_they_belong(one):
    header = ["SampleID", "OlinkID", "UniProt", "Assay", "QC_Warning", "Assay_Warning", "SampleQC"]
    rows = [
        [
            *(sample, f"OID{at}", ACCESSIONS[at], GENES[at]),
            "WARN" if (sample, at) == ("S2", 3) else "PASS",
            "WARN" if at == 5 else "PASS",
            "FAIL" if sample == "S3" else "PASS",
            f"{at}.5",
        ]
        for sample in ("S1", "S2", "S3")
        for at in range(8)
    ]
    dataset = one(table([*header, "NPX"], rows, ";"), omics=None)
    notes = [json.loads(row["annotations"]) for row in dataset.rows]
    assert notes[3]["QC_Warning"] == {"S2": "WARN"}
    assert "QC_Warning" not in notes[4]
    assert notes[5]["Assay_Warning"] == "WARN"
    assert dict(dataset.header.assays[2].attributes)["SampleQC"] == "FAIL"
    assert dataset.counts.n_values == 24


def test_areas_of_older_proteome_discoverer_are_quantities(one):
    header = ["Protein FDR Confidence", "Master", "Accession", "Description"]
    rows = [["High", "yes", name, "d", number(at, 0), ""] for at, name in enumerate(ACCESSIONS)]
    dataset = one(table([*header, "Area: F1: Sample", "Area: F2: Sample"], rows), omics=None)
    assert (dataset.header.quantity, dataset.header.omics_type) == ("Area", "proteomics")
    assert dataset.counts.n_values == 8


def test_a_skyline_report_pivoted_by_replicate_has_a_column_for_each(one):
    header = ["Protein Name", "Peptide Modified Sequence", "Precursor Charge"]
    header += ["R 1 Total Area", "R 2 Total Area", "R 1 Retention Time"]
    rows = [
        [f"sp|{name}|X", f"PEPT{at}K", "2", number(at, 0), "#N/A", "12.5"]
        for at, name in enumerate(ACCESSIONS)
    ]
    dataset = one(table(header, rows, ","), omics=None)
    assert dataset.assays == ["R 1", "R 2"]
    assert dataset.names[0] == "sp|P04637|X|PEPT0K|2"
    assert dataset.counts.n_values == 8


def test_small_molecules_of_mztab_1_are_no_mztab_m(one):
    top = "MTD\tmzTab-version\t1.0.0\nMTD\tms_run[1]-location\tfile:///a.raw\n"
    top += "MTD\tassay[1]-ms_run_ref\tms_run[1]\n\n"
    header = ["SMH", "identifier", "description", "smallmolecule_abundance_assay[1]"]
    rows = [["SML", f"CHEBI:{at}", name, number(at, 0)] for at, name in enumerate(SMALL)]
    dataset = one(top + table(header, rows), omics=None)
    assert dataset.header.format == "mzTab 1.0.0"
    assert dataset.header.omics_type == "metabolomics"


@pytest.mark.parametrize("header", ["Accession", "", "idx", "Unnamed: 0"])
def test_accessions_tell_proteins_whatever_their_column_is_called(one, header):
    rows = [[name, number(at, 0), number(at, 1)] for at, name in enumerate(ACCESSIONS)]
    dataset = one(table([header, "a", "b"], rows, ","), omics=None)
    assert (dataset.header.omics_type, dataset.names) == ("proteomics", ACCESSIONS)


def test_symbols_below_the_header_of_an_index_are_names(one):
    samples = [f"C3L-{at:05d}" for at in range(6)]
    rows = [[name, *(f"-0.{at}{n}" for n in range(6))] for at, name in enumerate(GENES)]
    assert one(table(["idx", *samples], rows), omics="proteomics").names == GENES


# -- lipidomics and metabolomics -------------------------------------------------------------------


def msdial(names: Sequence[str], ri: bool = False) -> str:
    header = ["Alignment ID", "Average Rt(min)", *(["Average RI", "Quant mass"] if ri else [])]
    header += [] if ri else ["Average Mz"]
    header += ["Metabolite name", "Fill %", "EI spectrum" if ri else "MS/MS spectrum"]
    blank = [""] * (len(header) - 1)
    labels = [[*blank, "Class", "wt", "wt", "ko"], [*blank, "File type", *["Sample"] * 3]]
    rows = []
    for at, name in enumerate(names):
        row: list[object] = [at, "5.1", *(["1200", "73"] if ri else ["700.1"]), name, "1"]
        rows.append([*row, "73:5 80:3", *(number(at, n) for n in range(3))])
    return table(labels[0], [labels[1], [*header, "s1", "s2", "s3"], *rows])


def test_named_features_of_ms_dial_keep_their_names_beside_unknown_ones(one):
    names = [*LIPIDS[:4], "Unknown", "w/o MS2:PC 30:0", *["Unknown"] * 9]
    dataset = one(msdial(names), omics=None)
    assert dataset.header.omics_type == "lipidomics"
    assert dataset.names == [*LIPIDS[:4], *map(str, range(4, 15))]
    assert json.loads(dataset.rows[5]["annotations"])["Metabolite name"] == "w/o MS2:PC 30:0"


def test_gas_chromatography_of_ms_dial(one):
    dataset = one(msdial(SMALL, ri=True), omics=None)
    assert dataset.header.format == "MS-DIAL alignment"
    assert dataset.assays == ["s1", "s2", "s3"]
    assert dict(dataset.header.assays[2].attributes)["Class"] == "ko"


def test_a_row_of_sample_types_above_results_is_no_sheet_of_samples(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text(msdial(SMALL, ri=True))
    assert recognise_sheet(source_of(path), ReadOptions()) is None


def test_means_of_groups_beside_areas_of_samples_are_no_samples(one):
    header = ["LipidMolec", "Class", "CalcMz", "Area[c-1]", "Area[c-2]", "Area[s1-1]"]
    header += ["MeanArea[c]", "MeanArea[s1]"]
    rows = [
        [name, "PC", "700", *(number(at, n) for n in range(5))] for at, name in enumerate(LIPIDS)
    ]
    above = "#[c-1]:C:\\d\\one.raw\n#[c-2]:C:\\d\\two.raw\n#[s1-1]:C:\\d\\three.raw\n"
    dataset = one(above + table(header, rows), omics=None)
    assert dataset.header.quantity == "Area"
    assert dataset.assays == ["one.raw", "two.raw", "three.raw"]


MAF = ["database_identifier", "metabolite_identification", "mass_to_charge", "retention_time"]
ABUNDANCE = [f"smallmolecule_abundance{end}" for end in ("_sub", "_stdev_sub", "_std_error_sub")]


def test_unnamed_features_of_a_study_are_named_by_mass_and_time(one):
    rows = [
        ["", name if at % 2 else "Unknown", f"{100 + at}.1", "5.5", "", "", "", number(at, 0)]
        for at, name in enumerate(SMALL)
    ]
    dataset = one(table([*MAF, *ABUNDANCE, "s1"], rows), omics=None)
    assert dataset.names[:4] == ["100.1|5.5", "glycine", "102.1|5.5", "lactate"]


def test_an_nmr_study_has_shifts_instead_of_masses(one):
    header = ["database_identifier", "metabolite_identification", "chemical_shift", "multiplicity"]
    rows = [["", name, "1.3", "d", "", "", "", number(at, 0)] for at, name in enumerate(SMALL)]
    dataset = one(table([*header, *ABUNDANCE, "s1"], rows), omics=None)
    assert (dataset.header.format, dataset.names) == ("MetaboLights MAF", SMALL)
    assert dataset.assays == ["s1"]


def test_masses_and_times_are_names_of_features(one):
    rows = [["Label", "a", "a", "b"]]
    rows += [[f"{200 + at}.1/2920", *(number(at, n) for n in range(3))] for at in range(8)]
    dataset = one(table(["Sample", "s1", "s2", "s3"], rows, ","), omics=None)
    assert dataset.header.format == "MetaboAnalyst, samples in columns"
    assert dataset.names[0] == "200.1/2920"


def test_two_blocks_of_progenesis_are_two_quantities(read):
    blank = [""] * 4
    top = [*blank, "Normalised abundance", "", "Raw abundance", ""]
    groups = [*blank, "a", "b", "a", "b"]
    header = ["Compound", "Neutral mass (Da)", "m/z", "Retention time (min)", *["s1", "s2"] * 2]
    rows = [
        [f"5.{at}0_20{at}.1234m/z", "", f"20{at}.1", "5.1", *(number(at, n) for n in range(4))]
        for at in range(8)
    ]
    first, second = read(table(top, [groups, header, *rows], ","), omics=None)
    assert (first.header.quantity, second.header.quantity) == (
        "Normalised abundance",
        "Raw abundance",
    )
    assert first.assays == second.assays == ["s1", "s2"]
    assert first.quantities[0] == "{1000.5,1001.5}"
    assert second.quantities[0] == "{1002.5,1003.5}"


def test_limits_and_controls_of_a_webidq_sheet_are_no_samples(one):
    kit = ["C0", "C2", "C3", "PC aa C32:1", "lysoPC a C16:0", "H1"]
    book = openpyxl.Workbook()
    rows: list[list[object]] = [["Data exported"]]
    rows.append(["Sample Identification", "Sample Type", "Species", "Material", *kit])
    rows.append(["", "", "", "Class", *["Acylcarnitines"] * 3, "PC", "LPC", "Sugars"])
    rows.append(["", "", "", "LOD (from OP) [µM]", *[0.1] * 6])
    rows += [[f"S{at}", "Sample", "Human", "Plasma", *[at + 0.5] * 5, "< LOD"] for at in range(5)]
    rows += [["QC", "QC Level 2", "Human", "Plasma", *[9.5] * 6]]
    for row in rows:
        book.active.append(row)
    held = io.BytesIO()
    book.save(held)
    dataset = one(held.getvalue(), omics=None)
    assert (dataset.names, dataset.assays) == (kit, ["S0", "S1", "S2", "S3", "S4"])
    assert dataset.counts.rows_skipped_by_rule["no_study_sample"] == 2
    assert dataset.counts.n_values == 25


def test_r_parts_cells_by_blanks(one):
    text = '"s1" "s2"\n' + "".join(f'"{name}, 2,3-x" {number(0, 1)} NA\n' for name in SMALL)
    dataset = one(text, omics="metabolomics")
    assert dataset.header.format == "R write.table"
    assert dataset.names[0] == "alanine, 2,3-x"
    assert dataset.quantities[0] == "{1001.5,NULL}"


@pytest.mark.parametrize("mark", ["\t", ","])
def test_one_comma_among_whole_numbers_is_no_decimal_mark(one, mark):
    rows = [[name, str(at + 5), str(at)] for at, name in enumerate([*ENSEMBL, *GENES, *SMALL])]
    rows[3][1] = '"1,5"' if mark == "," else "1,5"
    dataset = one(table(["gene", "a", "b"], rows, mark), omics="transcriptomics")
    assert [reject["raw_text"] for reject in dataset.rejects] == ["1,5"]
    assert dataset.counts.rows_landed == 23


# -- transcriptomics -------------------------------------------------------------------------------


def test_counts_with_the_names_of_their_genes_are_no_reference(tmp_path, one):
    rows = [[e, g, "12.5", "0"] for e, g in zip(ENSEMBL, GENES, strict=True)]
    text = table(["gene_id", "gene_name", "S1", "S2"], rows)
    path = tmp_path / "salmon.merged.gene_counts.tsv"
    path.write_text(text)
    assert recognise_reference(source_of(path), ReadOptions()) is None
    dataset = one(text, omics=None)
    assert (dataset.header.omics_type, dataset.assays) == ("transcriptomics", ["S1", "S2"])


def test_annotated_counts_of_the_gdc(read):
    counts = ["unstranded", "stranded_first", "stranded_second", "tpm_unstranded"]
    header = ["gene_id", "gene_name", "gene_type", *counts, "fpkm_unstranded", "fpkm_uq_unstranded"]
    rows = [[n, "", "", "5", "6", "7", "", "", ""] for n in ("N_unmapped", "N_noFeature")]
    rows += [
        [f"{e}.5", g, "protein_coding", str(at), "1", "2", "3.5", "4.5", "5.5"]
        for at, (e, g) in enumerate(zip(ENSEMBL, GENES, strict=True))
    ]
    name = "abc.rna_seq.augmented_star_gene_counts.tsv"
    found = read("# gene-model: GENCODE v36\n" + table(header, rows), omics=None, name=name)
    assert [dataset.header.quantity for dataset in found] == ["counts", "TPM", "FPKM", "FPKM-UQ"]
    assert found[0].assays == ["abc"]
    assert found[0].quantities[:2] == ["{0}", "{1}"]
    assert found[0].counts.rows_skipped_by_rule == {"summary_row": 2}


def test_numbers_of_genes_are_told_by_their_header(one):
    rows = [[7 * at + 100, at * 31, at * 17] for at in range(12)]
    dataset = one(table(["GeneID", "GSM1", "GSM2"], rows), omics=None)
    assert dataset.header.omics_type == "transcriptomics"
    assert dataset.names[1] == "107"
    hugo = [[7 * at + 100, name, at * 31, at * 17] for at, name in enumerate(GENES)]
    named = one(table(["Entrez_Gene_Id", "Hugo_Symbol", "A", "B"], hugo), omics="transcriptomics")
    assert named.names == GENES


def test_symbols_in_results_of_count_tools_are_genes(one):
    rows = [[name, f"-1.{at}", "5.5", "20.1", "0.001", "0.01"] for at, name in enumerate(GENES)]
    dataset = one(table(["", "logFC", "logCPM", "F", "PValue", "FDR"], rows, ","), omics=None)
    assert (dataset.header.format, dataset.header.omics_type) == (
        "edgeR results",
        "transcriptomics",
    )
    proteins = [[name, *row[1:]] for name, row in zip(ACCESSIONS, rows, strict=True)]
    other = one(table(["", "logFC", "logCPM", "F", "PValue", "FDR"], proteins, ","), omics=None)
    assert other.header.omics_type == "proteomics"


def test_genes_and_transcripts_of_each_sample_are_two_runs(tmp_path):
    for sample in "ab":
        folder = tmp_path / "run" / sample
        folder.mkdir(parents=True)
        for name, prefix in (("quant.sf", "ENST"), ("quant.genes.sf", "ENSG")):
            rows = [[f"{prefix}{at:011d}", 900, 800.5, 2.5, at] for at in range(9)]
            header = ["Name", "Length", "EffectiveLength", "TPM", "NumReads"]
            (folder / name).write_text(table(header, rows))
    found = grouped(find_in_folder(str(tmp_path)))
    assert [Path(file.path).name for file in found] == [
        "[salmon quant quant.genes.sf]",
        "[salmon quant quant.sf]",
    ]
    assert [len(file.members) for file in found] == [2, 2]


# -- found by the fuzz suite -----------------------------------------------------------------------


def test_a_plate_without_study_samples_says_so(refusal):
    header = ["Plate Bar Code", "Sample Bar Code", "Sample Type", "Sample Identification", "C0"]
    rows = [["1", "2", kind, "x", "5.5"] for kind in ("Blank", "QC")]
    told = refusal(table(header, rows), omics="metabolomics")
    assert told.reason_code == "no_quantities"
    assert "no_study_sample" in told.seen


def test_analyses_of_one_id_are_kept_apart(read):
    block = "MS_METABOLITE_DATA_START\nSamples\ta\nalanine\t1.5\nMS_METABOLITE_DATA_END\n"
    head = "#METABOLOMICS WORKBENCH STUDY_ID:ST1 ANALYSIS_ID:AN1\nVERSION\t1\n"
    found = read((head + block) * 2, omics=None)
    assert [dataset.header.part for dataset in found] == ["analysis=AN1", "analysis=AN1 (2)"]


def test_a_forgotten_cell_far_below_costs_nothing(one):
    book = openpyxl.Workbook()
    for row in [["Lipid", "a", "b"], *[[name, 1.5, 2.5] for name in LIPIDS]]:
        book.active.append(row)
    book.active.cell(row=200_000, column=1).value = "x"
    held = io.BytesIO()
    book.save(held)
    dataset = one(held.getvalue())
    assert dataset.names == [*LIPIDS, "x"]
    assert dataset.counts.rows_skipped_by_rule == {"blank": 200_000 - 2 - len(LIPIDS)}
    assert dataset.rows[-1]["row_number"] == 200_000


@pytest.mark.parametrize("header", ["", "X", "transcript_cluster_id", "ProbeSetID", None])
def test_numbers_of_probes_name_rows_whatever_their_column_is_called(one, header):
    rows = [[8042381 + 7 * at, f"5.{at}1", f"6.{at}3", f"7.{at}7"] for at in range(12)]
    samples = ["A1", "A2", "A3"]
    text = table(samples if header is None else [header, *samples], rows)
    dataset = one(text, omics="transcriptomics")
    assert dataset.names[:2] == ["8042381", "8042388"]
    assert dataset.assays == samples


def test_samples_called_001_are_no_row_numbers(one):
    rows = [[f"{at:03d}", *(f"{at}.{n}" for n in range(len(LIPIDS)))] for at in range(1, 9)]
    dataset = one(table(["", *LIPIDS], rows, ","), omics="lipidomics")
    assert dataset.assays == [f"{at:03d}" for at in range(1, 9)]
    assert dataset.names == LIPIDS


def test_stray_marks_join_no_rows_of_a_table_of_tabs(one):
    rows = [[name, number(at, 0), number(at, 1)] for at, name in enumerate(LIPIDS)]
    rows[1][0], rows[4][0] = f'"{rows[1][0]}', f'{rows[4][0]}"'
    dataset = one("a preamble\n\n" + table(["Lipid", "a", "b"], rows))
    assert len(dataset.rows) == len(LIPIDS)
    assert dataset.quantities[2] == "{3000.5,3001.5}"


def test_a_quoted_header_that_begins_like_a_comment(one):
    header = ["#", "Visible?", "Starred?", "Identified Proteins", "Accession Number"]
    header += ["Molecular Weight", "Protein Grouping Ambiguity", "a", "b"]
    rows = [[at, "TRUE", "", "n", name, "44", "", at, 7] for at, name in enumerate(ACCESSIONS)]
    quoted = [[f'"{cell}"' for cell in row] for row in [header, *rows]]
    dataset = one(table(quoted[0], quoted[1:]), omics=None)
    assert dataset.header.format == "Scaffold samples report"
    assert dataset.names == ACCESSIONS
