"""Layouts: which columns are samples, which only look like them."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest

from loaders.formats import layouts
from loaders.model import Roles, Unreadable


def cells(header: list[str], count: int = 4) -> list[list[str]]:
    """Numbers everywhere: the header alone must tell samples from the rest."""
    return [[f"{(r + 1) * 1000 + c}.5" for c, _ in enumerate(header)] for r in range(count)]


def recognise(
    header: list[str],
    rows: list[list[str]] | None = None,
    preamble: list[list[str]] | None = None,
) -> Roles:
    found = layouts.recognise(header, cells(header) if rows is None else rows, preamble or [])
    assert found is not None
    return found


def assays(roles: Roles) -> list[str]:
    return [name for _, name in roles.assay_columns]


MAXQUANT = ["Protein IDs", "Majority protein IDs", "Peptide counts (all)", "Gene names", "Score"]
MAXQUANT_END = ["Only identified by site", "Reverse", "Potential contaminant", "id"]
RNA = ["gene_id", "transcript_id(s)", "length", "effective_length", "expected_count", "TPM", "FPKM"]
MAF = [
    "database_identifier",
    "chemical_formula",
    "metabolite_identification",
    "mass_to_charge",
    "charge",
    "retention_time",
    "smallmolecule_abundance_sub",
    "smallmolecule_abundance_stdev_sub",
    "smallmolecule_abundance_std_error_sub",
]
MSDIAL = ["Alignment ID", "Average Rt(min)", "Average Mz", "Metabolite name", "MS/MS spectrum"]

LAYOUTS: list[tuple[str, list[str], list[str], list[str]]] = [
    (
        "MaxQuant proteinGroups",
        [
            *MAXQUANT,
            "Intensity",
            "Intensity s1",
            "Intensity s2",
            "iBAQ",
            "iBAQ peptides",
            "iBAQ s1",
            "iBAQ s2",
            "LFQ intensity s1",
            "LFQ intensity s2",
            "MS/MS count s1",
            *MAXQUANT_END,
        ],
        ["Protein IDs"],
        ["s1", "s2"],
    ),
    (
        "MaxQuant proteinGroups",
        [*MAXQUANT, "Intensity", "iBAQ", "iBAQ peptides", "iBAQ s1", "Intensity s1", *MAXQUANT_END],
        ["Protein IDs"],
        ["s1"],
    ),
    (
        "MaxQuant proteinGroups",
        [
            *MAXQUANT,
            "Reporter intensity corrected 1",
            "Reporter intensity corrected 2",
            "Reporter intensity 1",
            "Reporter intensity 2",
            "Reporter intensity count 1",
            "Reporter intensity count 2",
            "Intensity",
            *MAXQUANT_END,
        ],
        ["Protein IDs"],
        ["1", "2"],
    ),
    (
        "MaxQuant proteinGroups",
        [
            *MAXQUANT,
            "Reporter intensity corrected 1",
            "Reporter intensity corrected 2",
            "Reporter intensity corrected 1 mix",
            "Reporter intensity corrected 2 mix",
            *MAXQUANT_END,
        ],
        ["Protein IDs"],
        ["1 mix", "2 mix"],
    ),
    (
        "MaxQuant proteinGroups",
        [
            *MAXQUANT,
            "Ratio H/L e1",
            "Intensity",
            "Intensity L",
            "Intensity H",
            "Intensity e1",
            "Intensity L e1",
            "Intensity H e1",
            *MAXQUANT_END,
        ],
        ["Protein IDs"],
        ["L e1", "H e1"],
    ),
    (
        "MaxQuant proteinGroups",
        [
            "Protein.IDs",
            "Peptide.counts..all.",
            "Razor...unique.peptides.t1.1",
            "Intensity",
            "Intensity.t1.1",
            "LFQ.intensity.t1.1",
            "LFQ.intensity.t2.4",
            "Only.identified.by.site",
            "Reverse",
            "Potential.contaminant",
        ],
        ["Protein.IDs"],
        ["t1.1", "t2.4"],
    ),
    (
        "DIA-NN pg_matrix",
        [
            "Protein.Group",
            "Protein.Ids",
            "Protein.Names",
            "Genes",
            "First.Protein.Description",
            r"D:\data\a.raw",
            "/data/b.mzML",
            "c.d",
        ],
        ["Protein.Group"],
        ["a", "b", "c"],
    ),
    (
        "DIA-NN pg_matrix",
        [
            "Protein.Group",
            "Protein.Names",
            "Genes",
            "First.Protein.Description",
            "N.Sequences",
            "N.Proteotypic.Sequences",
            "a.raw",
        ],
        ["Protein.Group"],
        ["a"],
    ),
    (
        "DIA-NN pg_matrix",
        [
            "Protein.Group",
            "Protein.Names",
            "Genes",
            "First.Protein.Description",
            "/x/run.raw",
            "/y/run.raw",
        ],
        ["Protein.Group"],
        ["/x/run.raw", "/y/run.raw"],
    ),
    (
        "FragPipe combined_protein",
        [
            "Protein",
            "Protein ID",
            "Gene",
            "Combined Total Peptides",
            "Combined Spectral Count",
            "my sample_1 Spectral Count",
            "my sample_1 Unique Spectral Count",
            "my sample_1 Total Intensity",
            "my sample_1 Intensity",
            "my sample_1 MaxLFQ Intensity",
            "Indistinguishable Proteins",
        ],
        ["Protein"],
        ["my sample_1"],
    ),
    (
        "FragPipe combined_protein",
        [
            "Protein",
            "Protein ID",
            "Combined Total Peptides",
            "a Spectral Count",
            "a Total Intensity",
            "a Unique Intensity",
            "a Intensity",
            "a Razor Intensity",
            "Combined Intensity",
        ],
        ["Protein"],
        ["a"],
    ),
    (
        "FragPipe protein",
        [
            "Protein",
            "Protein ID",
            "Total Intensity",
            "Unique Intensity",
            "Razor Intensity",
            "Indistinguishable Proteins",
            "channel_126",
            "channel_127N",
        ],
        ["Protein"],
        ["channel_126", "channel_127N"],
    ),
    (
        "Spectronaut protein pivot",
        [
            "PG.ProteinGroups",
            "PG.Genes",
            "[1] a.raw.PG.Quantity",
            "[7] b.raw.PG.Quantity",
            "[1] a.raw.PG.NrOfPrecursorsIdentified",
        ],
        ["PG.ProteinGroups"],
        ["a.raw", "b.raw"],
    ),
    (
        "Proteome Discoverer peptide groups",
        [
            "Annotated Sequence",
            "Modifications",
            "Abundance Ratio: (a) / (b)",
            "Abundances (Grouped): a",
            "Abundances (Grouped) CV [%]: a",
            "Abundances (Scaled): F1: Sample, a",
            "Abundance: F1: Sample, a",
            "Abundance: F2: Sample, b",
            "Abundances (Normalized): F1: Sample, a",
            "Abundances (Normalized): F2: Sample, b",
            "Abundances Count: F1: Sample, a",
            "Found in Sample: F1: Sample, a",
            "Found in File: [F1]",
            "Ions Score (by Search Engine): A3 Mascot",
        ],
        ["Annotated Sequence", "Modifications"],
        ["F1: Sample, a", "F2: Sample, b"],
    ),
    (
        "Proteome Discoverer peptide groups",
        [
            "Annotated.Sequence",
            "Modifications",
            "Abundance.F12.na.Sample.A",
            "Abundance.F13.na.Sample.B",
            "Abundance.Ratio.A.B",
            "Found.in.Sample.F12.na.Sample.A",
        ],
        ["Annotated.Sequence", "Modifications"],
        ["F12.na.Sample.A", "F13.na.Sample.B"],
    ),
    (
        "Proteome Discoverer proteins",
        [
            "Accession",
            "Description",
            "Abundances (Normalized): F1: 126, Sample",
            "Abundances (Grouped): x",
            "Found in Sample: F1: 126, Sample",
        ],
        ["Accession"],
        ["F1: 126, Sample"],
    ),
    (
        "Scaffold samples report",
        [
            "#",
            "Visible?",
            "Starred?",
            "Bio View:3 Proteins<BR>",
            "Accession Number",
            "Molecular Weight",
            "Protein Grouping Ambiguity",
            "a",
            "b",
        ],
        ["Accession Number"],
        ["a", "b"],
    ),
    (
        "LipidSearch",
        [
            "LipidMolec",
            "ClassKey",
            "CalcMass",
            "BaseRt",
            "TotalGrade",
            "MeanArea[s1]",
            "MeanArea[s2]",
            "MeanConc[s1]",
            "MeanConc[s2]",
        ],
        ["LipidMolec"],
        ["s1", "s2"],
    ),
    (
        "LipidSearch",
        [
            "Rej.",
            "LipidIon",
            "LipidGroup",
            "Class",
            "GroupArea[c]",
            "Area[c-1]",
            "Area[c-2]",
            "Height[c-1]",
            "NormArea[c-1]",
            "TopRT[c-1]",
        ],
        ["LipidIon"],
        ["c-1", "c-2"],
    ),
    (
        "LipidXplorer",
        [
            "QNAME",
            "CHEMSC",
            "CLASS",
            "NAME",
            "SPECIE",
            "MASS",
            "PREC:a.raw",
            "PREC:b.raw",
            "SUMFA:a.raw",
            "FRAG1:a.raw",
        ],
        ["NAME"],
        ["a.raw", "b.raw"],
    ),
    (
        "mzMine",
        [
            "row ID",
            "row m/z",
            "row retention time",
            "a.mzML Peak height",
            "a.mzML Peak area",
            "b.mzML Peak area",
        ],
        ["row ID"],
        ["a.mzML", "b.mzML"],
    ),
    (
        "mzMine 3",
        [
            "id",
            "rt",
            "mz",
            "datafile:a.mzML:area",
            "datafile:a.mzML:height",
            "datafile:b.mzML:area",
        ],
        ["id"],
        ["a.mzML", "b.mzML"],
    ),
    (
        "MarkerLynx",
        ["ID", "Ret. Time", "m/z", "Biotransformations/Adducts", "Included", "Saturated", "a", "b"],
        ["Ret. Time", "m/z"],
        ["a", "b"],
    ),
    (
        "Compound Discoverer",
        [
            "Tags",
            "Checked",
            "Name",
            "Calc. MW",
            "RT [min]",
            "Area (Max.)",
            "Area: a.raw (F1)",
            "Group Area: g",
            "Peak Rating: a.raw (F1)",
        ],
        ["Name", "Calc. MW", "RT [min]"],
        ["a.raw (F1)"],
    ),
    (
        "featureCounts",
        ["Geneid", "Chr", "Start", "End", "Strand", "Length", "/d/a.bam", "/d/b.bam"],
        ["Geneid"],
        ["a.bam", "b.bam"],
    ),
    (
        "featureCounts",
        [
            "Geneid",
            "Chr",
            "Start",
            "End",
            "Strand",
            "Length",
            "/a/Aligned.out.bam",
            "/b/Aligned.out.bam",
        ],
        ["Geneid"],
        ["/a/Aligned.out.bam", "/b/Aligned.out.bam"],
    ),
    (
        "salmon quant",
        ["Name", "Length", "EffectiveLength", "TPM", "NumReads"],
        ["Name"],
        ["NumReads"],
    ),
    (
        "kallisto abundance",
        ["target_id", "length", "eff_length", "est_counts", "tpm"],
        ["target_id"],
        ["est_counts"],
    ),
    ("RSEM genes", RNA, ["gene_id"], ["expected_count"]),
    (
        "RSEM isoforms",
        ["transcript_id", "gene_id", *RNA[2:], "IsoPct"],
        ["transcript_id"],
        ["expected_count"],
    ),
    ("HTSeq counts", ["feature", "count"], ["feature"], ["count"]),
    (
        "Metabolon",
        [
            "PATHWAY SORTORDER",
            "BIOCHEMICAL",
            "PLATFORM",
            "RI",
            "MASS",
            "CAS",
            "KEGG",
            "Group HMDB",
            "a",
            "b",
        ],
        ["BIOCHEMICAL"],
        ["a", "b"],
    ),
]


@pytest.mark.parametrize(
    ("name", "header", "feature", "samples"),
    LAYOUTS,
    ids=[f"{i} {x[0]}" for i, x in enumerate(LAYOUTS)],
)
def test_layouts_by_their_header(
    name: str, header: list[str], feature: list[str], samples: list[str]
) -> None:
    roles = recognise(header)
    assert roles.format == name
    assert [header[i] for i in roles.feature_columns] == feature
    assert assays(roles) == samples
    taken = {
        *roles.feature_columns,
        *(i for i, _ in roles.assay_columns),
        *roles.annotation_columns,
        *roles.ignored_columns,
        *(i for pairs in roles.flag_columns.values() for i, _ in pairs),
        *(i for contrast in roles.contrasts for i in contrast.columns.values()),
    }
    assert taken == set(range(len(header))), "every column has a role"


def test_every_readable_layout_is_tested() -> None:
    named = {name for name, *_ in LAYOUTS}
    elsewhere = {
        "MaxQuant peptides",
        "DIA-NN pr_matrix",
        "DIA-NN report",
        "Spectronaut report",
        "quantms feature table",
        "FragPipe combined_modified_peptide",
        "FragPipe combined_peptide",
        "TMT-Integrator abundance",
        "Spectronaut precursor pivot",
        "MSstats input",
        "MSstats protein level data",
        "Skyline report",
        "Olink NPX long",
        "LipidSearch, plain sample names",
        "MS-DIAL alignment",
        "MetaboLights MAF",
        "Biocrates MetIDQ plate export",
        "XCMS peak table",
        "Biocrates results",
        "DIA-NN gene matrix",
        "Skyline pivoted report",
        "Progenesis QI",
        "STAR counts of the GDC",
    }
    assert set(layouts.names()) == named | elsewhere


@pytest.mark.parametrize(
    ("name", "header", "samples"),
    [
        (
            "MaxQuant peptides",
            [
                "Sequence",
                "Leading razor protein",
                "Intensity",
                "Intensity a",
                "Experiment a",
                "Reverse",
            ],
            ["a"],
        ),
        (
            "DIA-NN pr_matrix",
            [
                "Protein.Group",
                "Genes",
                "Modified.Sequence",
                "Precursor.Charge",
                "Precursor.Id",
                "x/a.raw",
            ],
            ["a"],
        ),
        (
            "FragPipe combined_modified_peptide",
            [
                "Peptide Sequence",
                "Modified Sequence",
                "Protein ID",
                "a Spectral Count",
                "a Intensity",
            ],
            ["a"],
        ),
        (
            "FragPipe combined_peptide",
            [
                "Peptide Sequence",
                "Prev AA",
                "Next AA",
                "Protein ID",
                "a Intensity",
                "a MaxLFQ Intensity",
            ],
            ["a"],
        ),
        (
            "TMT-Integrator abundance",
            ["Index", "NumberPSM", "Gene", "MaxPepProb", "ReferenceIntensity", "a", "b"],
            ["a", "b"],
        ),
        (
            "Spectronaut precursor pivot",
            ["PG.Genes", "EG.PrecursorId", "[1] a.raw.EG.TotalQuantity (Settings)"],
            ["a.raw"],
        ),
    ],
)
def test_parts_of_proteins(name: str, header: list[str], samples: list[str]) -> None:
    roles = recognise(header)
    assert (roles.format, assays(roles)) == (name, samples)


@pytest.mark.parametrize(
    ("name", "header", "feature", "sample", "value"),
    [
        (
            "DIA-NN report",
            ["File.Name", "Run", "Protein.Group", "Precursor.Id", "Q.Value", "PG.MaxLFQ", "Genes"],
            ["Protein.Group"],
            "Run",
            "PG.MaxLFQ",
        ),
        (
            "Spectronaut report",
            ["", "R.FileName", "PG.ProteinAccessions", "PG.Quantity", "EG.Qvalue"],
            ["PG.ProteinAccessions"],
            "R.FileName",
            "PG.Quantity",
        ),
        (
            "Skyline report",
            [
                "Protein.Name",
                "Peptide.Modified.Sequence",
                "Precursor.Charge",
                "Fragment.Ion",
                "Product.Charge",
                "Isotope.Label.Type",
                "File.Name",
                "Area",
            ],
            [
                "Protein.Name",
                "Peptide.Modified.Sequence",
                "Precursor.Charge",
                "Fragment.Ion",
                "Product.Charge",
                "Isotope.Label.Type",
            ],
            "File.Name",
            "Area",
        ),
        (
            "Skyline report",
            ["Peptide", "Protein", "Replicate", "Precursor Mz", "Product Mz", "Area", "Background"],
            ["Peptide", "Precursor Mz", "Product Mz"],
            "Replicate",
            "Area",
        ),
        (
            "Olink NPX long",
            ["SampleID", "OlinkID", "UniProt", "Assay", "Panel", "QC_Warning", "LOD", "NPX"],
            ["OlinkID"],
            "SampleID",
            "NPX",
        ),
        (
            "MSstats input",
            [
                "ProteinName",
                "PeptideSequence",
                "PrecursorCharge",
                "FragmentIon",
                "ProductCharge",
                "IsotopeLabelType",
                "Condition",
                "BioReplicate",
                "Run",
                "Intensity",
            ],
            [
                "ProteinName",
                "PeptideSequence",
                "PrecursorCharge",
                "FragmentIon",
                "ProductCharge",
                "IsotopeLabelType",
            ],
            "Run",
            "Intensity",
        ),
        (
            "MSstats protein level data",
            ["RUN", "Protein", "LogIntensities", "originalRUN", "GROUP"],
            ["Protein"],
            "originalRUN",
            "LogIntensities",
        ),
    ],
)
def test_long_reports(
    name: str, header: list[str], feature: list[str], sample: str, value: str
) -> None:
    roles = recognise(header)
    assert (roles.format, roles.orientation) == (name, "long")
    assert [header[i] for i in roles.feature_columns] == feature
    assert roles.sample_column is not None
    assert roles.value_column is not None
    assert (header[roles.sample_column], header[roles.value_column]) == (sample, value)
    assert roles.evidence["repeats"] in ("constant", "none")


def test_other_quantities_are_remembered_and_not_read() -> None:
    header = [*MAXQUANT, "Intensity a", "iBAQ a", "LFQ intensity a", *MAXQUANT_END]
    roles = recognise(header)
    assert roles.quantity == "LFQ intensity"
    assert roles.evidence["other_quantities"] == {"Intensity": 1, "iBAQ": 1}
    assert roles.ignored_columns[header.index("iBAQ a")] == "another quantity: iBAQ"
    assert roles.zero_is_missing is True


def test_a_table_without_quantities_is_refused_and_not_guessed() -> None:
    header = [*MAXQUANT, "Peptides a", "Peptides b", "Intensity", *MAXQUANT_END]
    with pytest.raises(Unreadable) as refusal:
        recognise(header)
    assert refusal.value.reason_code == "no_quantity_columns"
    assert refusal.value.nearest_format == "MaxQuant proteinGroups"


def test_extra_columns_of_a_maf_are_no_samples() -> None:
    header = [*MAF, "RI", "id", "sample 1", "sample 2", "comment"]
    rows = [
        [
            "",
            "C6H12O6",
            f"name {n}",
            "180.06",
            "1",
            "30.5",
            "",
            "",
            "",
            "1200",
            str(n),
            "1.5",
            " 0 ",
            "x",
        ]
        for n in range(5)
    ]
    roles = recognise(header, rows)
    assert assays(roles) == ["sample 1", "sample 2"]
    assert [header[i] for i in roles.feature_columns] == ["metabolite_identification"]
    # A row without a name is named by mass and time.
    fallback = roles.evidence["name_fallback"]
    assert isinstance(fallback, dict)
    assert [header[i] for i in fallback["columns"]] == [
        "mass_to_charge",
        "retention_time",
        "charge",
    ]


def test_group_counts_of_xcms_are_no_samples() -> None:
    header = [
        "",
        "name",
        "fold",
        "tstat",
        "pvalue",
        "mzmed",
        "mzmin",
        "mzmax",
        "rtmed",
        "rtmin",
        "rtmax",
        "npeaks",
        "KO",
        "WT",
        "ko15",
        "wt15",
        "isotopes",
        "adduct",
    ]
    rows = [
        [
            str(n),
            f"M{n}T1",
            "2",
            "-3",
            "0.01",
            *["100"] * 6,
            "4",
            "1",
            "3",
            "0",
            f"{n}00.25",
            "[1]",
            "",
        ]
        for n in range(1, 6)
    ]
    rows[2][14] = "912"
    roles = recognise(header, rows)
    assert assays(roles) == ["ko15", "wt15"]
    assert [header[i] for i in roles.feature_columns] == ["name"]
    assert set(roles.contrasts[0].columns) == {"statistic", "p_value"}
    assert "fold" in [header[i] for i in roles.annotation_columns], "always above one: has no sign"


def test_msdial_summaries_and_the_second_block_are_no_samples() -> None:
    header = [*MSDIAL, "s1", "s2", "A", "B", "Lipid IS", "s1", "s2"]
    labels = [[""] * 4 + ["Batch ID", "1", "1", "Average", "Stdev", "", "", ""]]
    rows = [
        [str(n), "1", "100", f"PC 3{n}:1", "100:1", "5", "6", "5", "1", "LPC", "7", "8"]
        for n in range(4)
    ]
    roles = recognise(header, rows, labels)
    assert [index for index, _ in roles.assay_columns] == [5, 6]
    assert (roles.feature_type, roles.omics_type) == ("lipid", "lipidomics")
    assert [header[i] for i in roles.feature_columns] == ["Metabolite name"]
    fallback = roles.evidence["name_fallback"]
    assert isinstance(fallback, dict)
    assert [header[i] for i in fallback["columns"]] == ["Alignment ID"]
    assert re.search(fallback["unless"], "w/o MS2:PC 30:1")
    assert not re.search(fallback["unless"], "PC 30:1")


def test_lipidsearch_samples_are_named_by_the_lines_above() -> None:
    header = ["LipidIon", "Class", "Area[c-1]", "Area[c-2]"]
    roles = recognise(header, preamble=[["#[c-1]:x.raw"], ["#[c-2]:y.raw"], [""]])
    assert assays(roles) == ["x.raw", "y.raw"]


def test_samples_in_rows_of_biocrates() -> None:
    header = ["Sample Identification", "material", "time point", "C0", "C2", "PC aa C36:1"]
    roles = recognise(header, [["1", "plasma", "24h", "17,4", "< LOD", "3"]] * 3)
    assert roles.orientation == "samples_in_rows"
    assert (roles.sample_column, roles.annotation_columns) == (0, (1, 2))
    assert "< LOD" in roles.missing_tokens


@pytest.mark.parametrize(
    ("header", "source", "ending"),
    [
        (["Name", "Length", "EffectiveLength", "TPM", "NumReads"], "folder", None),
        (["target_id", "length", "eff_length", "est_counts", "tpm"], "folder", None),
        (RNA, "file", r"\.genes\.results"),
        (["gene", "count"], "file", None),
    ],
)
def test_one_sample_per_file_is_named_outside(
    header: list[str], source: str, ending: str | None
) -> None:
    roles = recognise(header)
    assert roles.evidence["assay_name_from"] == source
    assert roles.evidence.get("assay_name_strip") == ending
    assert roles.zero_is_missing is False


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (["ONTOLOGY SOURCE REFERENCE", "Term Source Name\tx"], "ISA-Tab investigation"),
        (["Source Name\tCharacteristics[organism]\tProtocol REF\tSample Name"], "ISA-Tab table"),
        (["source name\tcharacteristics[organism]\tassay name\tcomment[data file]"], "SDRF"),
        (
            ["Term\tOverlap\tP-value\tAdjusted P-value\tOdds Ratio\tCombined Score\tGenes"],
            "Enrichr results",
        ),
        (
            ["ID\tDescription\tGeneRatio\tBgRatio\tpvalue\tp.adjust\tqvalue"],
            "clusterProfiler results",
        ),
        (["Sequence\tModified sequence\tRaw file\tCharge\tIntensity"], "MaxQuant evidence or msms"),
    ],
)
def test_formats_that_need_more_are_refused_by_name(lines: list[str], name: str) -> None:
    split = [line.split("\t") for line in lines]
    with pytest.raises(Unreadable) as refusal:
        layouts.recognise(split[0], split[1:], [])
    assert refusal.value.reason_code == "format_not_readable_yet"
    assert refusal.value.nearest_format == name


def test_a_marker_above_the_header_counts_and_a_name_like_it_does_not() -> None:
    with pytest.raises(Unreadable):
        layouts.recognise(["a", "b"], [["g", "1"]], [["ONTOLOGY SOURCE REFERENCE"], ["x", "1"]])
    assert layouts.recognise(["gene", "a", "b"], [["MTD", "1", "2"], ["PRH", "3", "4"]], []) is None


def test_the_channel_of_a_plexdia_report_belongs_to_the_sample() -> None:
    header = ["Run", "Channel", "Protein.Group", "Precursor.Id", "Q.Value", "PG.MaxLFQ"]
    roles = recognise(header, [["r", "4", "P1", "X2", "0.01", "5"]])
    assert (roles.sample_column, roles.sample_more) == (0, (1,))


@pytest.mark.parametrize(
    "header",
    [
        ["", "s1", "s2"],
        ["Geneid", "s1", "s2"],
        ["species", "S1", "S2"],
        ["Protein IDs", "s1", "s2"],
        ["gene", "TPM_1", "TPM_2"],
        ["Sample Name", "Lipid Species", "Area"],
        ["Name", "Length", "s1", "s2", "s3"],
    ],
)
def test_plain_tables_are_of_no_known_layout(header: list[str]) -> None:
    assert layouts.recognise(header, cells(header), []) is None


def test_rows_that_are_no_features_are_named() -> None:
    roles = recognise(["feature", "count"])
    assert roles.evidence["skip_rows"] == [
        {"column": 0, "matches": "^__", "rule": "summary row"},
    ]
    roles = recognise(["Checked", "Name", "Calc. MW", "RT [min]", "Area: a (F1)"])
    (rule,) = roles.evidence["skip_rows"]  # type: ignore[misc]  # evidence is typed as object
    seen = {cell: bool(re.search(rule["matches"], cell)) for cell in ("False", "TRUE", "", "Tags")}
    assert seen == {"False": False, "TRUE": False, "": True, "Tags": True}


def test_flags_are_set_unset_or_unknown() -> None:
    marks = pa.array(["+", "", None, "NA", " + "])
    assert layouts.flag_values([(marks, "+")]).to_pylist() == [True, False, False, None, True]
    names = pa.chunked_array([["contam_sp|P1"], ["sp|contam_"]])
    assert layouts.flag_values([(names, "/^contam_/")]).to_pylist() == [True, False]
    assert layouts.is_flagged("TRUE", "True")
    assert not layouts.is_flagged("NA", "+")


def test_ratios_of_proteome_discoverer_are_results_beside_the_matrix() -> None:
    said = "(a) / (b)"
    header = [
        "Annotated Sequence",
        "Modifications",
        f"Abundance Ratio: {said}",
        f"Abundance Ratio (log2): {said}",
        f"Abundance Ratio P-Value: {said}",
        f"Abundance Ratio Adj. P-Value: {said}",
        "Abundance: F1: Sample, a",
    ]
    rows = [["[K].AB.[R]", "", "2", "1", "0.01", "0.02", "1000"]] * 3
    roles = recognise(header, rows)
    (contrast,) = roles.contrasts
    assert dict(contrast.columns) == {
        "fold_change": 2,
        "log2_fold_change": 3,
        "p_value": 4,
        "adjusted_p_value": 5,
    }
    assert (contrast.contrast.numerator, contrast.contrast.denominator) == ("a", "b")
    assert assays(roles) == ["F1: Sample, a"]
