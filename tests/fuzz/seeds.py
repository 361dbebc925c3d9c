"""Files to mutate: one of every format, invented here, and the public files where they are.

`layout_seeds` writes a table for every delimited layout, `sectioned_seeds` the formats of blocks
and sections, `binary_seeds` what is no text. A test holds that every format that is read is there.
"""

from __future__ import annotations

import io
import json
import random
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Largest public file that is mutated; longer ones of lines give their first lines.
MOST_BYTES = 24_000


@dataclass(frozen=True)
class Seed:
    """A file that reads well.

    Attributes:
        name: What it is called in reports.
        content: Its bytes.
        omics: Omics type that is declared, or None.
        delimited: Whether it is one plain table of lines, so that cells can be told by splitting.
        delimiter: What parts its cells, where it is.
        header: Index of the header line, where it is.
        mapping: What a user declares of it.
        is_public: Whether it is one of the public files.
        beside: Other files that are read together with it, and are not spoiled.
        is_ordered: Whether the order of its lines is part of what it says.
    """

    name: str
    content: bytes
    omics: str | None
    delimited: bool = False
    delimiter: str = "\t"
    header: int = 0
    mapping: Mapping[str, object] = field(default_factory=dict)
    is_public: bool = False
    beside: tuple[tuple[str, bytes], ...] = ()
    is_ordered: bool = False


#: Layout to omics type and columns. A column is its header behind a letter that says what its cells
#: hold: F a name, Q a quantity, N another number, T text, E nothing, L a sample of a long table.
TABLES: dict[str, tuple[str, str]] = {
    "MaxQuant proteinGroups": (
        "proteomics",
        "F:Protein IDs|T:Majority protein IDs|N:Peptide counts (all)|T:Gene names|N:Intensity|"
        "Q:Intensity a1|Q:Intensity b2|Q:Intensity c3|N:iBAQ|N:iBAQ peptides|Q:iBAQ a1|Q:iBAQ b2|"
        "Q:iBAQ c3|Q:LFQ intensity a1|Q:LFQ intensity b2|Q:LFQ intensity c3|"
        "E:Only identified by site|E:Reverse|E:Potential contaminant|N:id",
    ),
    "MaxQuant peptides": (
        "proteomics",
        "F:Sequence|T:Leading razor protein|N:Intensity|Q:Intensity a|Q:Intensity b|E:Reverse",
    ),
    "DIA-NN pg_matrix": (
        "proteomics",
        "F:Protein.Group|T:Protein.Ids|T:Protein.Names|T:Genes|T:First.Protein.Description|"
        "Q:/d/run_1.raw|Q:/d/run_2.raw|Q:/d/run_3.raw",
    ),
    "DIA-NN gene matrix": (
        "proteomics",
        "F:Genes|N:N.Sequences|Q:/d/run_1.raw|Q:/d/run_2.raw|Q:/d/run_3.raw",
    ),
    "DIA-NN pr_matrix": (
        "proteomics",
        "T:Protein.Group|T:Genes|T:Modified.Sequence|N:Precursor.Charge|F:Precursor.Id|"
        "Q:run_1.raw|Q:run_2.raw",
    ),
    "DIA-NN report": (
        "proteomics",
        "L:Run|F:Protein.Group|T:Genes|U:Precursor.Id|P:Q.Value|Q:PG.MaxLFQ|Q:Precursor.Normalised",
    ),
    "quantms feature table": (
        "proteomics",
        "F:peptidoform|C:precursor_charge|L:reference_file_name|Q:intensity|T:pg_accessions",
    ),
    "FragPipe combined_protein": (
        "proteomics",
        "F:Protein|T:Protein ID|T:Gene|N:Combined Total Peptides|N:a Spectral Count|"
        "Q:a Intensity|Q:b Intensity|Q:a MaxLFQ Intensity|Q:b MaxLFQ Intensity",
    ),
    "FragPipe protein": (
        "proteomics",
        "F:Protein|T:Protein ID|N:Total Intensity|N:Razor Intensity|T:Indistinguishable Proteins|"
        "Q:ch126|Q:ch127",
    ),
    "FragPipe combined_modified_peptide": (
        "proteomics",
        "T:Peptide Sequence|F:Modified Sequence|T:Protein ID|Q:a Intensity|Q:b Intensity",
    ),
    "FragPipe combined_peptide": (
        "proteomics",
        "F:Peptide Sequence|T:Prev AA|T:Protein ID|Q:a Intensity|Q:b Intensity",
    ),
    "TMT-Integrator abundance": (
        "proteomics",
        "F:Index|N:NumberPSM|T:ProteinID|N:MaxPepProb|N:ReferenceIntensity|Q:s1|Q:s2|Q:s3",
    ),
    "Spectronaut protein pivot": (
        "proteomics",
        "F:PG.ProteinGroups|T:PG.Genes|Q:[1] x1.raw.PG.Quantity|Q:[2] x2.raw.PG.Quantity",
    ),
    "Spectronaut precursor pivot": (
        "proteomics",
        "T:PG.ProteinGroups|F:EG.PrecursorId|Q:[1] x1.raw.EG.TotalQuantity (Settings)|"
        "Q:[2] x2.raw.EG.TotalQuantity (Settings)",
    ),
    "Spectronaut report": (
        "proteomics",
        "L:R.FileName|F:PG.ProteinGroups|T:PG.Genes|Q:PG.Quantity",
    ),
    "Proteome Discoverer peptide groups": (
        "proteomics",
        "F:Annotated Sequence|T:Modifications|X:Contaminant|Q:Abundance: F1: Sample, a|"
        "Q:Abundance: F2: Sample, b|T:Found in Sample: F1",
    ),
    "Proteome Discoverer proteins": (
        "proteomics",
        "F:Accession|T:Description|X:Contaminant|Q:Abundances (Normalized): F1: Sample, a|"
        "Q:Abundances (Normalized): F2: Sample, b",
    ),
    "Scaffold samples report": (
        "proteomics",
        "I:#|X:Visible?|X:Starred?|T:Identified Proteins|F:Accession Number|T:Molecular Weight|"
        "X:Protein Grouping Ambiguity|Q:a|Q:b",
    ),
    "MSstats input": (
        "proteomics",
        "F:ProteinName|U:PeptideSequence|C:PrecursorCharge|T:FragmentIon|C:ProductCharge|"
        "T:IsotopeLabelType|L:Run|Q:Intensity",
    ),
    "MSstats protein level data": ("proteomics", "F:Protein|G:LogIntensities|L:originalRUN"),
    "Skyline report": (
        "proteomics",
        "T:Protein Name|F:Peptide Modified Sequence|C:Precursor Charge|T:Fragment Ion|"
        "L:Replicate Name|Q:Area|N:Background",
    ),
    "Skyline pivoted report": (
        "proteomics",
        "F:Protein Name|U:Peptide Modified Sequence|C:Precursor Charge|Q:a Total Area|"
        "Q:b Total Area|Q:c Total Area",
    ),
    "Olink NPX long": (
        "proteomics",
        "L:SampleID|I:Index|F:OlinkID|T:UniProt|T:Assay|N:MissingFreq|T:Panel|T:QC_Warning|G:NPX",
    ),
    "LipidSearch": (
        "lipidomics",
        "F:LipidMolec|T:ClassKey|N:CalcMass|N:BaseRt|T:TotalGrade|Q:MeanArea[s1]|Q:MeanArea[s2]|"
        "Q:MeanArea[s3]",
    ),
    "LipidXplorer": (
        "lipidomics",
        "F:NAME|T:CLASS|N:MASS|Q:PREC:r1.raw|Q:PREC:r2.raw|Q:SUMFA:r1.raw|Q:SUMFA:r2.raw",
    ),
    "MS-DIAL alignment": (
        "lipidomics",
        "I:Alignment ID|N:Average Rt(min)|N:Average Mz|F:Metabolite name|T:Adduct type|"
        "T:MS/MS spectrum|Q:w1|Q:w2|Q:w3",
    ),
    "MetaboLights MAF": (
        "metabolomics",
        "T:database_identifier|T:chemical_formula|F:metabolite_identification|N:mass_to_charge|"
        "C:charge|N:retention_time|E:smallmolecule_abundance_sub|"
        "E:smallmolecule_abundance_stdev_sub|E:smallmolecule_abundance_std_error_sub|Q:p1|Q:p2|Q:p3",
    ),
    "mzMine": (
        "metabolomics",
        "I:row ID|N:row m/z|N:row retention time|Q:a.mzML Peak area|Q:b.mzML Peak area|E:",
    ),
    "mzMine 3": (
        "metabolomics",
        "I:id|N:mz|N:rt|Q:datafile:a.mzML:area|Q:datafile:b.mzML:area|N:datafile:a.mzML:rt",
    ),
    "XCMS peak table": (
        "metabolomics",
        "F:name|N:mz|N:mzmin|N:mzmax|N:rt|N:rtmin|N:rtmax|B:npeaks|C:wt|Q:w1|Q:w2|Q:w3",
    ),
    "MarkerLynx": (
        "metabolomics",
        "R:Ret.Time|I:m/z|T:Biotransformations/Adducts|X:Included|X:Saturated|Q:a1|Q:a2|Q:a3",
    ),
    "Compound Discoverer": (
        "metabolomics",
        "F:Name|T:Formula|N:Calc. MW|N:RT [min]|Q:Area: a.raw (F1)|Q:Area: b.raw (F2)",
    ),
    "Metabolon": (
        "metabolomics",
        "F:BIOCHEMICAL|T:SUPER PATHWAY|T:CAS|T:PUBCHEM|T:HMDB_ID|Q:S-1|Q:S-2|Q:S-3",
    ),
    "featureCounts": (
        "transcriptomics",
        "F:Geneid|T:Chr|N:Start|N:End|T:Strand|N:Length|K:/x/a.bam|K:/x/b.bam",
    ),
    "salmon quant": ("transcriptomics", "F:Name|N:Length|N:EffectiveLength|Q:TPM|Q:NumReads"),
    "kallisto abundance": (
        "transcriptomics",
        "F:target_id|N:length|N:eff_length|Q:est_counts|Q:tpm",
    ),
    "RSEM isoforms": (
        "transcriptomics",
        "F:transcript_id|T:gene_id|N:length|N:effective_length|Q:expected_count|Q:TPM|Q:FPKM|"
        "N:IsoPct",
    ),
    "RSEM genes": (
        "transcriptomics",
        "F:gene_id|T:transcript_id(s)|N:length|N:effective_length|Q:expected_count|Q:TPM|Q:FPKM",
    ),
    "HTSeq counts": ("transcriptomics", "F:gene_id|K:count"),
    "STAR counts of the GDC": (
        "transcriptomics",
        "F:gene_id|T:gene_name|T:gene_type|K:unstranded|K:stranded_first|K:stranded_second|"
        "Q:tpm_unstranded|Q:fpkm_unstranded|Q:fpkm_uq_unstranded",
    ),
    "DESeq2 results": (
        "transcriptomics",
        "F:gene_id|Q:baseMean|G:log2FoldChange|Q:lfcSE|G:stat|P:pvalue|P:padj",
    ),
    "plain lipids": ("lipidomics", "F:Lipid|Q:wt_1|Q:wt_2|Q:ko_1|Q:ko_2"),
    "plain genes": ("transcriptomics", "F:gene_id|K:001|K:002|K:003"),
    "MetaboAnalyst rows": ("metabolomics", ""),
    "Biocrates results": ("metabolomics", ""),
}

_LIPIDS = ("PC {}:{}", "PE {}:{}", "TG {}:{}", "SM d{}:{}", "Cer d{}:{}", "PC O-{}:{}")
_METABOLITES = (
    *("alanine", "serine", "glycine", "citrate", "lactate", "glucose", "choline", "urea", "valine"),
    *("leucine", "proline", "taurine", "creatine", "betaine", "inosine", "adenine", "uridine"),
    *("cytidine", "malate", "fumarate", "succinate", "pyruvate", "histidine", "lysine"),
)


def feature_name(omics: str, at: int) -> str:
    """Returns the name of the molecule of a row."""
    if omics == "lipidomics":
        return _LIPIDS[at % len(_LIPIDS)].format(30 + at, at % 7)
    if omics == "metabolomics":
        return _METABOLITES[at % len(_METABOLITES)] + (f" {at}" if at >= len(_METABOLITES) else "")
    if omics == "proteomics":
        return f"P{10000 + 37 * at}"
    return f"ENSG{at * 7919:011d}"


def table(name: str, rng: random.Random, rows: int = 24) -> str:
    """Writes a table of a layout, cells by tabs."""
    omics, spec = TABLES[name]
    if not spec:
        return _samples_in_rows(name, rng)
    columns = [part.split(":", 1) for part in spec.split("|")]
    if any(kind == "L" for kind, _ in columns):
        return _long(omics, columns, rng)
    lines = ["\t".join(header for _, header in columns)]
    lines += ["\t".join(_cell(kind, omics, at, rng) for kind, _ in columns) for at in range(rows)]
    return "\n".join(lines) + "\n"


def _long(omics: str, columns: Sequence[Sequence[str]], rng: random.Random) -> str:
    lines = ["\t".join(header for _, header in columns)]
    held: dict[tuple[str, int], str] = {}
    for run in range(3):
        for at in range(10):
            cells = []
            for kind, header in columns:
                if kind == "L":
                    cells.append(f"run_{run + 1}")
                elif kind in "QG":
                    cells.append(
                        held.setdefault((f"{header}{run}", at), _cell(kind, omics, at, rng))
                    )
                else:
                    cells.append(_cell(kind, omics, at, random.Random(f"{header}{at}")))
            lines.append("\t".join(cells))
    return "\n".join(lines) + "\n"


def _samples_in_rows(name: str, rng: random.Random) -> str:
    if name == "Biocrates results":
        named = ["C0", "C2", "C3", "PC aa C32:1", "PC aa C34:1", "lysoPC a C16:0", "SM C16:0", "H1"]
        head = ["Sample Identification", "material", "group", *named]
    else:
        named = [feature_name("metabolomics", at) for at in range(9)]
        head = ["Sample", "Label", *named]
    lines = ["\t".join(head)]
    for at in range(14):
        beside = ["plasma", "abc"[at % 3]] if len(head) - len(named) == 3 else ["xy"[at % 2]]
        cells = [_cell("Q", "metabolomics", at, rng) for _ in named]
        lines.append("\t".join([f"S{at:03d}", *beside, *cells]))
    return "\n".join(lines) + "\n"


def _cell(kind: str, omics: str, at: int, rng: random.Random) -> str:
    if kind == "F":
        return feature_name(omics, at)
    if kind == "U":
        return f"PEPTIDE{'ACDEFGHIKL'[at % 10]}{at}K2"
    if kind == "Q":
        return _quantity(rng)
    if kind == "G":
        return f"{rng.gauss(0, 3):.4f}"
    if kind == "K":
        return str(int(10 ** rng.uniform(0, 5)) if rng.random() > 0.2 else 0)
    if kind == "N":
        return f"{rng.uniform(1, 900):.3f}"
    if kind == "C":
        return str(rng.randint(1, 4))
    if kind == "B":
        return str(rng.randint(5, 9))
    if kind == "P":
        return f"{rng.uniform(0, 0.009):.6f}"
    if kind == "I":
        return str(at + 1)
    if kind == "R":
        return f"{1.5 + at * 0.37:.4f}"
    if kind == "X":
        return ("False", "True")[rng.random() < 0.1]
    return "" if kind == "E" else f"note {at % 5}{'abcdefg'[at % 7]}"


def _quantity(rng: random.Random) -> str:
    draw = rng.random()
    if draw < 0.06:
        return ""
    if draw < 0.1:
        return "NA"
    number = 10 ** rng.uniform(1, 8)
    return f"{number:.4f}" if draw < 0.7 else f"{number:.6E}" if draw < 0.8 else str(int(number))


def layout_seeds() -> Iterator[Seed]:
    """Yields a table of every layout, some as CSV."""
    for name, (omics, _) in TABLES.items():
        text = table(name, random.Random(name))
        yield Seed(name, text.encode(), omics, delimited=True)
    lipids = table("plain lipids", random.Random(5)).replace("\t", ",")
    yield Seed("plain lipids, CSV", lipids.encode(), "lipidomics", True, ",")
    preamble = "Exported 2024-01-01\n\n" + table("plain lipids", random.Random(6))
    yield Seed("plain lipids, preamble", preamble.encode(), "lipidomics", True, "\t", 2)
    short = table("plain genes", random.Random(7)).replace("gene_id\t", "", 1)
    yield Seed("R write.table", short.encode(), "transcriptomics")


def sectioned_seeds() -> Iterator[Seed]:
    """Yields the formats of blocks and sections."""
    rng = random.Random(11)
    genes = [feature_name("transcriptomics", at) for at in range(20)]
    rows = [
        "\t".join([g, f"about {g}", *(_cell("K", "", 0, rng) for _ in range(4))]) for g in genes
    ]
    gct = "\n".join(["#1.2", "20\t4", "Name\tDescription\ta\tb\tc\td", *rows]) + "\n"
    yield Seed("GCT 1.2", gct.encode(), "transcriptomics")
    labels = ["dose\tna\t1\t2\t3\t4", "cell\tna\tx\ty\tx\ty"]
    gct = "\n".join(["#1.3", "20\t4\t1\t2", "id\tsymbol\ta\tb\tc\td", *labels, *rows]) + "\n"
    yield Seed("GCT 1.3", gct.encode(), "transcriptomics")
    star = ["N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous", *genes]
    text = "".join("\t".join([g, *(_cell("K", "", 0, rng) for _ in "123")]) + "\n" for g in star)
    yield Seed("STAR", text.encode(), "transcriptomics", mapping={"strand": "forward"})
    text = "".join(
        f"{g}\t{_cell('K', '', 0, rng)}\n" for g in [*genes, "__no_feature", "__ambiguous"]
    )
    yield Seed("HTSeq", text.encode(), "transcriptomics")
    series = ['!Series_title\t"Invented"', '!Sample_geo_accession\t"GSM1"\t"GSM2"']
    series += ["!series_matrix_table_begin", '"ID_REF"\t"GSM1"\t"GSM2"']
    series += [f'"{7000 + at}"\t{_cell("Q", "", 0, rng)}\tnull' for at in range(20)]
    text = "\n".join([*series, "!series_matrix_table_end"]) + "\n"
    yield Seed("GEO series matrix", text.encode(), "transcriptomics")
    yield Seed("mzTab", _mztab(rng).encode(), "proteomics")
    yield Seed("mzTab-M", _mztab_m(rng).encode(), "metabolomics")
    yield Seed("ADAT", _adat(rng).encode(), "proteomics")
    yield Seed("Progenesis QI", _progenesis(rng).encode(), "metabolomics")
    yield Seed("mwTab", _mwtab(rng).encode(), "metabolomics")
    yield Seed("mwTab JSON", _mwtab_json(rng).encode(), "metabolomics")
    text = _mwtab(rng).replace("\t", ",").encode()
    yield Seed("mwTab CSV", text, "metabolomics")
    yield Seed("Olink NPX wide", _olink_wide(rng).encode(), "proteomics")
    yield Seed("MetIDQ plate", _metidq(rng).encode(), "metabolomics")


def together_seeds() -> Iterator[Seed]:
    """Yields files that are read together with others."""
    rng = random.Random(12)
    genes = [feature_name("transcriptomics", at) for at in range(15)]
    matrix = ["%%MatrixMarket matrix coordinate integer general", "%", "15 6 30"]
    places = rng.sample([(gene, cell) for gene in range(15) for cell in range(6)], 30)
    matrix += [f"{gene + 1} {cell + 1} {rng.randint(1, 90)}" for gene, cell in sorted(places)]
    features = "".join(f"{gene}\tSYM{at}\tGene Expression\n" for at, gene in enumerate(genes))
    barcodes = "".join(f"{'ACGT' * 3}{at}-1\n" for at in range(6))
    held = {
        "matrix.mtx": "\n".join(matrix) + "\n",
        "features.tsv": features,
        "barcodes.tsv": barcodes,
    }
    for name in ("matrix.mtx", "features.tsv"):
        others = tuple((other, text.encode()) for other, text in held.items() if other != name)
        spoiled = held[name].encode()
        yield Seed(f"10x {name}", spoiled, "transcriptomics", beside=others, is_ordered=True)
    one, two = (table("salmon quant", random.Random(at), rows=12).encode() for at in (13, 14))
    yield Seed("salmon run", one, "transcriptomics", beside=(("other.sf", two),))


def _olink_wide(rng: random.Random) -> str:
    named = [(f"OID{20000 + at}", f"P{10000 + at}", f"SYM{at}") for at in range(10)]
    panels = ["CVD II"] * 5 + ["IMM"] * 5
    rows = [["Project: invented"], ["NPX data"], ["Panel", *panels, "CVD II", "IMM"]]
    rows += [["Assay", *(name for _, _, name in named), "QC Warning", "QC Warning"]]
    rows += [["Uniprot ID", *(protein for _, protein, _ in named), "", ""]]
    rows += [["OlinkID", *(olink for olink, _, _ in named), "", ""], [""]]
    for at in range(8):
        cells = [f"{rng.uniform(-2, 9):.4f}" for _ in named]
        rows.append([f"S{at:02d}", *cells, "Pass", "Warning" if at == 3 else "Pass"])
    rows += [[""], ["LOD", *(f"{rng.uniform(0, 1):.3f}" for _ in named), "", ""]]
    rows += [["Missing Data freq.", *("0%" for _ in named), "", ""]]
    width = len(rows[2])
    return "\n".join(";".join(row + [""] * (width - len(row))) for row in rows) + "\n"


def _metidq(rng: random.Random) -> str:
    kit = ["C0", "C2", "C3", "PC aa C32:1", "lysoPC a C16:0", "SM C16:0", "H1"]
    lead = ["Plate Bar Code", "Sample Bar Code", "Sample Type", "Sample Identification"]
    classes = ["Acylcarnitines"] * 3 + ["PC", "LPC", "SM", "Sugars"]
    rows = [[*lead, *kit, "Sum of PC"], ["", "", "", "Class", *classes, "Metabolism Indicators"]]
    rows += [["", "", "LOD (calc.) 1 [µM]", "", *("0.1" for _ in kit), ""]]
    kinds = ["Zero Sample", "Blank", "Standard L1", "QC", *["Sample"] * 8]
    for at, kind in enumerate(kinds):
        cells = [_cell("N", "", 0, rng) if rng.random() < 0.9 else "< LOD" for _ in kit]
        rows.append(["1025", f"10{at:02d}", kind, f"S{at:02d}", *cells, "99.5"])
    return "\n".join("\t".join(row) for row in rows) + "\n"


def _progenesis(rng: random.Random) -> str:
    blank = [""] * 4
    top = [[*blank, "Normalised abundance", "", "", "Raw abundance", "", ""]]
    top += [[*blank, "a", "a", "b", "a", "a", "b"]]
    top += [
        ["Compound", "Neutral mass (Da)", "m/z", "Retention time (min)", *["s1", "s2", "s3"] * 2]
    ]
    rows = [
        [f"{5 + at / 10:.2f}_{200 + at}.1234m/z", "", f"{200 + at}.1", "5.1"]
        + [_cell("N", "", 0, rng) for _ in range(6)]
        for at in range(20)
    ]
    return "\n".join(",".join(row) for row in [*top, *rows]) + "\n"


def _mztab(rng: random.Random) -> str:
    top = [
        "MTD\tmzTab-version\t1.0.0",
        "MTD\tmzTab-type\tQuantification",
        "MTD\tms_run[1]-location\tfile:///a.mzML",
        "MTD\tms_run[2]-location\tfile:///b.mzML",
        "MTD\tassay[1]-ms_run_ref\tms_run[1]",
        "MTD\tassay[2]-ms_run_ref\tms_run[2]",
        "",
        "PRH\taccession\tdescription\tprotein_abundance_assay[1]\tprotein_abundance_assay[2]",
    ]
    rows = [
        f"PRT\tP{10000 + at}\tthing\t{_cell('N', '', at, rng)}\t{_cell('N', '', at, rng)}"
        for at in range(20)
    ]
    return "\n".join([*top, *rows]) + "\n"


def _mztab_m(rng: random.Random) -> str:
    top = [
        "MTD\tmzTab-version\t2.0.0-M",
        "MTD\tassay[1]\tfirst",
        "MTD\tassay[2]\tsecond",
        "",
        "SMH\tSML_ID\tchemical_name\tabundance_assay[1]\tabundance_assay[2]",
    ]
    rows = [
        f"SML\t{at + 1}\t{feature_name('metabolomics', at)}\t{_cell('N', '', at, rng)}\tnull"
        for at in range(20)
    ]
    return "\n".join([*top, *rows]) + "\n"


def _adat(rng: random.Random) -> str:
    lead = "\t" * 4
    seq = [f"{10000 + at}-{at + 1}" for at in range(12)]
    top = ["!Checksum\tabc", "^HEADER", "!AdatId\tGID", "^COL_DATA", "!Name\tSeqId\tType"]
    top += ["!Type\tString\tString", "^ROW_DATA", "!Name\tSlideId\tSubarray\tSampleId\tSampleType"]
    top += ["^TABLE_BEGIN", lead + "SeqId\t" + "\t".join(seq)]
    top += [lead + "Type\t" + "\t".join("Protein" for _ in seq)]
    top += ["SlideId\tSubarray\tSampleId\tSampleType"]
    rows = [
        "\t".join(["25", str(at), f"s{at}", "Sample", "", *(_cell("N", "", 0, rng) for _ in seq)])
        for at in range(8)
    ]
    return "\n".join([*top, *rows]) + "\n"


def _mwtab(rng: random.Random) -> str:
    names = [f"S{at}" for at in range(4)]
    top = ["#METABOLOMICS WORKBENCH STUDY_ID:ST1 ANALYSIS_ID:AN1", "VERSION\t1", "#STUDY"]
    top += ["ST:STUDY_TITLE\tInvented", "#SUBJECT_SAMPLE_FACTORS:\tSUBJECT\tSAMPLE\tFACTORS"]
    top += [f"SUBJECT_SAMPLE_FACTORS\t-\t{name}\tDiet:high | Day:1\t" for name in names]
    top += [
        "#MS_METABOLITE_DATA",
        "MS_METABOLITE_DATA:UNITS\tpeak area",
        "MS_METABOLITE_DATA_START",
    ]
    top += ["\t".join(["Samples", *names]), "\t".join(["Factors", *("Diet:high" for _ in names)])]
    top += [
        "\t".join([feature_name("metabolomics", at), *(_quantity(rng) for _ in names)])
        for at in range(20)
    ]
    top += [
        "MS_METABOLITE_DATA_END",
        "#METABOLITES",
        "METABOLITES_START",
        "metabolite_name\tkegg_id",
    ]
    top += [f"{feature_name('metabolomics', at)}\tC{at:05d}" for at in range(20)]
    return "\n".join([*top, "METABOLITES_END", "#END"]) + "\n"


def _mwtab_json(rng: random.Random) -> str:
    data = [
        {
            "Metabolite": feature_name("metabolomics", at),
            **{f"S{n}": _quantity(rng) for n in range(4)},
        }
        for at in range(20)
    ]
    head = {"METABOLOMICS WORKBENCH": {"STUDY_ID": "ST1"}}
    return json.dumps({**head, "MS_METABOLITE_DATA": {"Units": "uM", "Data": data}}, indent=1)


def binary_seeds() -> Iterator[Seed]:
    """Yields workbooks, Parquet and HDF5."""
    for name in ("plain lipids", "MS-DIAL alignment", "MetaboAnalyst rows", "LipidSearch"):
        yield Seed(f"{name}, xlsx", workbook(table(name, random.Random(3))), TABLES[name][0])
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines = [line.split("\t") for line in table("DIA-NN report", random.Random(4)).splitlines()]
    held = io.BytesIO()
    kept = [row for row in lines[1:] if row[5] not in ("", "NA") and row[6] not in ("", "NA")]
    columns = {
        head: pa.array([row[at] for row in kept])
        if at < 4
        else pa.array([float(row[at]) for row in kept], pa.float64())
        for at, head in enumerate(lines[0])
    }
    pq.write_table(pa.table(columns), held)
    yield Seed("DIA-NN report, Parquet", held.getvalue(), "proteomics")
    yield Seed("h5ad", _h5ad(), "transcriptomics")


def workbook(text: str, *, numbers: bool = True) -> bytes:
    """Writes a table as a workbook; numbers as numbers, or everything as text."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    for number, line in enumerate(text.splitlines()):
        cells: list[object] = list(line.split("\t"))
        for at, cell in enumerate(cells):
            try:
                # A header stays text, as 001 does.
                plain = numbers and number and cell not in ("NaN", "inf")
                cells[at] = float(str(cell)) if plain else cell
            except ValueError:
                continue
        sheet.append([None if cell == "" else cell for cell in cells])
    return saved(book)


def saved(book: Any) -> bytes:
    """Returns a workbook as bytes that are the same each time: without the time of saving."""
    held, steady = io.BytesIO(), io.BytesIO()
    book.save(held)
    with zipfile.ZipFile(held) as old, zipfile.ZipFile(steady, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = re.sub(rb"\d{4}-\d\d-\d\dT[\d:.]+Z", b"2024-01-01T00:00:00Z", old.read(name))
            new.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return steady.getvalue()


def _h5ad() -> bytes:
    import h5py
    import numpy as np

    held = io.BytesIO()
    rng = np.random.default_rng(5)
    with h5py.File(held, "w") as file:
        file.attrs["encoding-type"] = "anndata"
        for name, index in (
            ("obs", [f"cell{at}" for at in range(6)]),
            ("var", [feature_name("transcriptomics", at) for at in range(15)]),
        ):
            group = file.create_group(name)
            group.attrs["_index"] = "_index"
            group.attrs["encoding-type"] = "dataframe"
            texts = np.array(index, dtype=object)
            group.create_dataset("_index", data=texts, dtype=h5py.string_dtype())
        file["X"] = rng.integers(0, 50, (6, 15)).astype("float32")
    return held.getvalue()


def corpus_seeds(folder: Path) -> Iterator[Seed]:
    """Yields the public files; of long ones of lines, the first lines."""
    if not folder.is_dir():
        return
    for omics in ("lipidomics", "metabolomics", "proteomics", "transcriptomics"):
        for path in sorted((folder / omics).glob("*/*")):
            size = path.stat().st_size
            content = path.read_bytes() if size < 20_000_000 else b""
            if size > MOST_BYTES:
                if b"\0" in content[:4096] or content[:2] in (b"PK", b"\x1f\x8b", b"{\n"):
                    continue
                cut = content.rfind(b"\n", 0, MOST_BYTES)
                content = content[: cut + 1] if cut > 0 else b""
            if content:
                yield Seed(f"{path.parent.name} {path.name}", content, omics, is_public=True)


def all_seeds(corpus: Path | None = None) -> list[Seed]:
    """Returns every seed, in an order that does not change."""
    found = [*layout_seeds(), *sectioned_seeds(), *together_seeds(), *binary_seeds()]
    return [*found, *(corpus_seeds(corpus) if corpus else ())]
