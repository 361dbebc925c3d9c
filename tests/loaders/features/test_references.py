"""Each reference table in small: what becomes of its ids, names, cross references and dates."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from loaders.features.read import recognise
from loaders.model import ReadOptions, Unreadable
from tests.loaders.features.reading import read_path, read_text, source_of

HGNC = (
    "hgnc_id\tsymbol\tname\tlocus_group\tstatus\talias_symbol\tprev_symbol\tdate_modified\t"
    "entrez_id\tensembl_gene_id\tuniprot_ids\n"
    'HGNC:6018\tIL6\tinterleukin 6\tprotein-coding gene\tApproved\t"IL-6|BSF2"\tIFNB2\t2025-03-04\t'
    "3569\tENSG00000136244\tP05231\n"
    "HGNC:17\tOLD1~withdrawn\tgone\tother\tEntry Withdrawn\t\t\t2011-01-02\t\t\t\n"
)


def test_hgnc_tells_approved_previous_and_alias_apart(tmp_path: Path) -> None:
    read = read_text(tmp_path, HGNC)
    gene = read.entities["hgnc:6018"]
    assert (gene["name"], gene["status"], gene["taxon"]) == ("IL6", "active", "NCBITaxon:9606")
    assert read.names_of("hgnc:6018") == {
        ("IL6", "approved"),
        ("IL-6", "alias"),
        ("BSF2", "alias"),
        ("IFNB2", "previous"),
        ("interleukin 6", "synonym"),
    }
    assert read.xrefs_of("hgnc:6018") == {
        "ncbigene:3569",
        "ensembl:ENSG00000136244",
        "uniprot:P05231",
    }
    assert read.release["released_on"] == "2025-03-04"
    assert (read.release["reference"], read.release["content"]) == ("hgnc", "genes")


def test_a_withdrawn_gene_has_no_approved_name(tmp_path: Path) -> None:
    read = read_text(tmp_path, HGNC)
    assert read.entities["hgnc:17"]["status"] == "withdrawn"
    assert ("OLD1", "previous") in read.names_of("hgnc:17")
    assert "approved" not in {kind for _, kind in read.names_of("hgnc:17")}


def test_todays_custom_download_of_hgnc_is_read_too(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        "HGNC ID\tApproved symbol\tApproved name\tStatus\tPrevious symbols\tAlias symbols\t"
        "NCBI Gene ID\tEnsembl gene ID\n"
        "HGNC:26064\tMTARC1\tmitochondrial amidoxime reducing component 1\tApproved\tMOSC1, MARC1\t"
        "FLJ22390\t64757\tENSG00000186205\n",
    )
    assert {("MOSC1", "previous"), ("MARC1", "previous")} < read.names_of("hgnc:26064")


def test_a_gene_that_was_split_leads_to_both(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        "HGNC_ID\tSTATUS\tWITHDRAWN_SYMBOL\tMERGED_INTO_REPORT(S) (i.e HGNC_ID|SYMBOL|STATUS)\n"
        "HGNC:10\tEntry Withdrawn\tAAA\t\n"
        "HGNC:11\tMerged/Split\tBBB\tHGNC:1|NEW1|Approved, HGNC:2|NEW2|Approved\n",
    )
    assert read.entities["hgnc:10"]["status"] == "withdrawn"
    assert read.entities["hgnc:11"]["status"] == "replaced"
    assert read.entities["hgnc:11"]["annotations"] == '{"replaced_by": "hgnc:1|hgnc:2"}'
    for heir in ("hgnc:1", "hgnc:2"):
        assert read.names_of(heir) == {("hgnc:11", "secondary_id"), ("BBB", "previous")}
    assert read.release["content"] == "withdrawn"


def test_one_row_for_each_synonym_is_one_gene(tmp_path: Path) -> None:
    pairs = "".join(
        f"ENSG00000136244\t3569\tHGNC:6018\tIL6\t{one}\t{two}\n"
        for one in ("IL-6", "BSF2")
        for two in ("IFNB2", "HGF")
    )
    read = read_text(tmp_path, "ensg\tentr\thgnc\tsymb\tsynonym1\tsynonym2\n" + pairs)
    assert list(read.entities) == ["hgnc:6018"]
    assert len(read.names) == 5
    assert read.counts.rows_landed == 4


def test_repeated_molecules_are_one_even_far_apart(tmp_path: Path) -> None:
    # Larger than one batch, so that the second half must remember the first.
    rows = [f"ENSG{n:011d}\tGENE{n}\n" for n in range(60_000)]
    read = read_text(tmp_path, "Gene stable ID\tGene name\n" + "".join(rows) * 2)
    assert len(read.entities) == len(read.names) == 60_000
    assert read.counts.rows_landed == 120_000


def test_a_biomart_export_tells_genes_transcripts_and_proteins(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        "Gene stable ID version,Transcript stable ID,Protein stable ID,Gene name,Gene Synonym,"
        "NCBI gene (formerly Entrezgene) ID,UniProtKB/Swiss-Prot ID,Gene description\n"
        "ENSMUSG00000059552.14,ENSMUST00000108658,ENSMUSP00000104298,Trp53,p53,22059,P02340,"
        '"transformation related protein 53 [Source:MGI Symbol;Acc:MGI:98834]"\n'
        "ENSMUSG00000059552.14,ENSMUST00000005371,,Trp53,p44,22059,,\n",
        name="mouse.csv",
    )
    assert {(e["feature_type"], i) for i, e in read.entities.items()} == {
        ("gene", "ensembl:ENSMUSG00000059552"),
        ("transcript", "ensembl:ENSMUST00000108658"),
        ("transcript", "ensembl:ENSMUST00000005371"),
        ("protein", "ensembl:ENSMUSP00000104298"),
    }
    assert read.names_of("ensembl:ENSMUSG00000059552") == {
        ("Trp53", "approved"),
        ("p53", "alias"),
        ("p44", "alias"),
        ("transformation related protein 53", "synonym"),
    }
    assert read.xrefs_of("ensembl:ENSMUSP00000104298") == {
        "ensembl:ENSMUSG00000059552",
        "ensembl:ENSMUST00000108658",
        "uniprot:P02340",
    }
    assert read.release["taxon"] == "NCBITaxon:10090"
    assert read.release["content"] == "genes, transcripts, proteins"


def test_uniprot_names_are_taken_apart(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        "Entry\tReviewed\tEntry Name\tProtein names\tGene Names\tOrganism\tEnsembl\n"
        "P26358\treviewed\tDNMT1_HUMAN\tDNA (cytosine-5)-methyltransferase 1 (Dnmt1) (EC 2.1.1.37)"
        "\tDNMT1 AIM CXXC9\tHomo sapiens (Human)\tENST00000340748.8 [P26358-1];"
        "ENST00000359526.9;\n",
    )
    protein = read.entities["uniprot:P26358"]
    assert protein["taxon"] == "NCBITaxon:9606"
    assert '"gene_name": "DNMT1"' in protein["annotations"]
    assert read.names_of("uniprot:P26358") == {
        ("DNMT1_HUMAN", "approved"),
        ("DNMT1", "alias"),
        ("AIM", "alias"),
        ("CXXC9", "alias"),
        ("DNA (cytosine-5)-methyltransferase 1", "synonym"),
        ("Dnmt1", "synonym"),
    }
    assert read.xrefs_of("uniprot:P26358") == {
        "ensembl:ENST00000340748",
        "ensembl:ENST00000359526",
    }


IDMAPPING = "".join(
    "\t".join(line) + "\n"
    for line in [
        ("P04637", "UniProtKB-ID", "P53_HUMAN"),
        ("P04637", "Gene_Name", "TP53"),
        ("P04637", "GeneID", "7157"),
        ("P04637", "PDB", "1A1U"),
        ("P04637", "NCBI_TaxID", "9606"),
        ("P04637-2", "RefSeq", "NP_001119586.1"),
        ("A0A087WT22", "UniProtKB-ID", "A0A087WT22_HUMAN"),
        ("A0A087WT22", "Gene_Name", "TP53"),
        ("P02340", "UniProtKB-ID", "P53_MOUSE"),
        ("P02340", "Gene_Name", "Tp53"),
    ]
)


def test_idmapping_keeps_isoforms_species_and_what_is_reviewed(tmp_path: Path) -> None:
    read = read_text(tmp_path, gzip.compress(IDMAPPING.encode()), name="x.dat.gz")
    assert {i: (e["name"], e["taxon"]) for i, e in read.entities.items()} == {
        "uniprot:P04637": ("P53_HUMAN", "NCBITaxon:9606"),
        "uniprot:P04637-2": ("P53_HUMAN", "NCBITaxon:9606"),
        "uniprot:A0A087WT22": ("A0A087WT22_HUMAN", "NCBITaxon:9606"),
        "uniprot:P02340": ("P53_MOUSE", "NCBITaxon:10090"),
    }
    assert '"reviewed": "unreviewed"' in read.entities["uniprot:A0A087WT22"]["annotations"]
    assert '"reviewed": "reviewed"' in read.entities["uniprot:P04637"]["annotations"]
    assert read.xrefs_of("uniprot:P04637-2") == {"refseq:NP_001119586"}
    assert read.xrefs_of("uniprot:P04637") == {"ncbigene:7157"}
    assert read.counts.rows_skipped_by_rule == {"mapping_not_used": 1}
    assert read.release["taxon"] is None


def test_an_entry_of_idmapping_is_whole_across_batches(tmp_path: Path) -> None:
    # Entries end inside, at and behind the ends of batches of about one megabyte.
    lines = []
    for n in range(30_000):
        letters = "".join(chr(65 + n // 26**place % 26) for place in range(4))
        accession = f"A0A{letters[:2]}0{letters[2]}X{letters[3]}0"
        lines.append(f"{accession}\tUniProtKB-ID\tE{n}_HUMAN\n")
        lines += [f"{accession}\tGene_Name\tG{n}\n", f"{accession}\tNCBI_TaxID\t9606\n"]
    read = read_text(tmp_path, "".join(lines))
    assert read.counts.rows_landed == 90_000
    assert all(e["taxon"] == "NCBITaxon:9606" and e["name"] for e in read.entities.values())


def test_idmapping_selected_is_told_by_its_shape(tmp_path: Path) -> None:
    cells = ["P04637", "P53_HUMAN", "7157", "NP_000537.3; NP_001119584.1", *[""] * 8, "9606"]
    cells += [*[""] * 5, "ENSG00000141510.18", "ENST00000269305.9; ENST00000420246.6"]
    cells += ["ENSP00000269305.4", ""]
    read = read_text(tmp_path, "\t".join(cells) + "\n")
    assert read.entities["uniprot:P04637"]["taxon"] == "NCBITaxon:9606"
    assert "ensembl:ENST00000420246" in read.xrefs_of("uniprot:P04637")
    assert "refseq:NP_001119584" in read.xrefs_of("uniprot:P04637")


def test_secondary_accessions_lead_to_their_entries(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        "-----\n        UniProt\nName:        sec_ac.txt\nRelease:     2024_03 of 29-May-2024\n\n"
        "Secondary AC  Primary AC\n____________  __________\n"
        "Q15086        P04637\nQ15087        P04637\nQ15087        P02340\n",
    )
    assert (read.release["version"], read.release["released_on"]) == ("2024_03", "2024-05-29")
    assert read.names_of("uniprot:P04637") == {
        ("uniprot:Q15086", "secondary_id"),
        ("uniprot:Q15087", "secondary_id"),
    }
    assert read.entities["uniprot:Q15087"]["status"] == "replaced"
    assert read.counts.rows_landed == 3


REFMET = (
    " refmet_id,refmet_name,super_class,main_class,sub_class,formula,exactmass,pubchem_cid,"
    "chebi_id,hmdb_id,lipidmaps_id,kegg_id,inchi_key\n"
    "RM0135901,Glucose,Carbohydrates,Monosaccharides,Hexoses,C6H12O6,180.0634,5793,4167,HMDB00122,"
    ",C00031,WQZGKKKJIJFFOK-GASJEMHNSA-N\n"
    "RM0049701,Cholesterol,Sterol Lipids,Sterols,Cholesterol,C27H46O,386.3549,5997,16113,"
    "HMDB0000067,LMST01010001,C00187,HVYWMOMLDIMFJA-DPAQBDIFSA-N\n"
)


def test_refmet_has_lipids_and_other_metabolites(tmp_path: Path) -> None:
    read = read_text(tmp_path, REFMET, name="refmet.csv")
    assert read.entities["refmet:RM0135901"]["feature_type"] == "metabolite"
    assert read.entities["refmet:RM0049701"]["feature_type"] == "lipid"
    assert read.entities["refmet:RM0049701"]["lipid_class"] == "Cholesterol"
    assert read.xrefs_of("refmet:RM0135901") == {
        "pubchem.compound:5793",
        "chebi:4167",
        "hmdb:HMDB0000122",
        "kegg:C00031",
        "inchikey:WQZGKKKJIJFFOK-GASJEMHNSA-N",
    }


def test_a_quoted_comma_far_below_the_header_is_understood(tmp_path: Path) -> None:
    filler = "".join(f"RM1{n:06d},Thing {n},,,,,,,,,,,\n" for n in range(400))
    text = REFMET + filler + 'RM0000001,"Acid, very long",,,,,,,,,,,\n'
    read = read_text(tmp_path, text, name="refmet.csv")
    assert read.entities["refmet:RM0000001"]["name"] == "Acid, very long"
    assert not read.rejects


def test_unmatched_inputs_of_a_conversion_are_skipped_by_rule(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        "sample,lm_id,standardized_name,refmet_id,formula,exact_mass\n"
        "PC(40:4),,PC 40:4,RM0134847,C48H88NO8P,837.6248\nmystery,,,,,\n",
    )
    assert read.counts.rows_skipped_by_rule == {"input_not_matched": 1}
    assert ("PC(40:4)", "synonym") in read.names_of("refmet:RM0134847")


SDF = """LMFA01010001
  drawn by hand

  1  0  0  0
    0.0000    0.0000    0.0000 C   0  0
M  END
> <LM_ID>
LMFA01010001

> <NAME>
Palmitic acid

> <SYSTEMATIC_NAME>
hexadecanoic acid

> <SYNONYMS>
C16; hexadecylic acid

> <ABBREVIATION>
FA 16:0

> <MAIN_CLASS>
Fatty Acids and Conjugates [FA01]

> <INCHI_KEY>
IPCSVZSSVZVIGE-UHFFFAOYSA-N

> <EXACT_MASS>
256.24023

$$$$
"""


@pytest.mark.parametrize("packed", [False, True])
def test_lipid_maps_structures_are_read_with_or_without_their_zip(
    tmp_path: Path, packed: bool
) -> None:
    content = SDF.replace("\n", "\r\n").encode()
    if packed:
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as archive:
            archive.writestr("structures.sdf", content)
        content = held.getvalue()
    read = read_text(tmp_path, content)
    lipid = read.entities["lipidmaps:LMFA01010001"]
    assert (lipid["name"], lipid["exact_mass"]) == ("Palmitic acid", "256.24023")
    assert lipid["lipid_class"] == "Fatty Acids and Conjugates [FA01]"
    assert read.names_of("lipidmaps:LMFA01010001") >= {
        ("C16", "synonym"),
        ("hexadecylic acid", "synonym"),
        ("FA 16:0", "synonym"),
        ("hexadecanoic acid", "systematic"),
    }
    assert recognise(source_of(tmp_path / "file.txt"), ReadOptions()) is not None


def test_a_chebi_compound_that_was_merged_leads_to_the_one_that_stays(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        "ID\tSTATUS\tCHEBI_ACCESSION\tSOURCE\tPARENT_ID\tNAME\tDEFINITION\tMODIFIED_ON\tSTAR\n"
        "15377\tC\tCHEBI:15377\tKEGG\tnull\twater\tan oxide\t2021-05-06\t3\n"
        "42857\tC\tCHEBI:42857\tPDB\t15377\tnull\tnull\t2014-01-02\t3\n",
    )
    assert read.names_of("chebi:15377") == {
        ("water", "approved"),
        ("water", "synonym"),
        ("chebi:42857", "secondary_id"),
    }
    assert read.entities["chebi:42857"]["status"] == "replaced"
    assert read.release["released_on"] == "2021-05-06"


def test_chebi_names_keep_quotation_marks(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        "ID\tCOMPOUND_ID\tTYPE\tSOURCE\tNAME\tADAPTED\tLANGUAGE\n"
        "1\t15377\tSYNONYM\tKEGG\tH2O\tF\ten\n"
        "2\t15377\tIUPAC NAME\tIUPAC\toxidane\tF\ten\n"
        '3\t15377\tSYNONYM\tX\tthe "wet" one\tF\ten\n',
    )
    assert read.names_of("chebi:15377") == {
        ("H2O", "synonym"),
        ("oxidane", "systematic"),
        ('the "wet" one', "synonym"),
    }


HMDB = """<?xml version="1.0" encoding="UTF-8"?>
<hmdb xmlns="http://www.hmdb.ca">
<metabolite>
  <version>5.0</version><update_date>2021-09-14 15:44:51 UTC</update_date>
  <accession>HMDB0000122</accession>
  <secondary_accessions><accession>HMDB00122</accession>
    <accession>HMDB0006564</accession></secondary_accessions>
  <name>D-Glucose</name>
  <synonyms><synonym>Dextrose</synonym><synonym>Grape sugar</synonym></synonyms>
  <inchikey>WQZGKKKJIJFFOK-GASJEMHNSA-N</inchikey><kegg_id>C00031</kegg_id>
  <taxonomy><super_class>Organic oxygen compounds</super_class></taxonomy>
  <pathways><pathway><name>not a name of glucose</name></pathway></pathways>
</metabolite>
<metabolite><accession>HMDB0000067</accession><secondary_accessions/><name>Cholesterol</name>
</metabolite>
</hmdb>
"""


def test_hmdb_xml_is_flattened(tmp_path: Path) -> None:
    read = read_text(tmp_path, HMDB)
    assert read.names_of("hmdb:HMDB0000122") == {
        ("D-Glucose", "approved"),
        ("Dextrose", "synonym"),
        ("Grape sugar", "synonym"),
        ("hmdb:HMDB0006564", "secondary_id"),
    }
    assert read.entities["hmdb:HMDB0000122"]["annotations"] == (
        '{"taxonomy_super_class": "Organic oxygen compounds"}'
    )
    assert (read.release["version"], read.release["released_on"]) == ("5.0", "2021-09-14")


def test_hmdb_xml_that_breaks_off_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="breaks off"):
        read_text(tmp_path, HMDB[: len(HMDB) // 2])


def test_large_hmdb_xml_is_streamed(tmp_path: Path) -> None:
    import tracemalloc

    record = "<metabolite>" + HMDB.split("<metabolite>")[1].replace("0000122", "{:07d}")
    record = record.replace("<pathways>", "<x>" + "filler " * 1500 + "</x><pathways>")
    with (tmp_path / "large.xml").open("w") as stream:
        stream.write(HMDB.split("<metabolite>")[0])
        for n in range(4000):
            stream.write(record.format(n))
        stream.write("</hmdb>")
    size = (tmp_path / "large.xml").stat().st_size
    tracemalloc.start()
    (read,) = read_path(tmp_path / "large.xml")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read.counts.rows_landed == 4000
    assert size > 40_000_000
    # The first 8 MB are held, twice for a moment, whatever the size of the file.
    assert peak < 30_000_000


def test_ones_own_sheet(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        "feature_type,id,name,synonyms,xrefs,organism\n"
        "gene,HGNC:6018,IL6,BSF2|IL-6,ensembl:ENSG00000136244; uniprot:P05231,human\n"
        "protein,P05231,Interleukin-6,,,Homo sapiens\n"
        "lipid,LMGP01010005,PC 16:0/18:1,POPC,SLM:000000510|CHEBI:73001,\n"
        "metabolite,,House mix 7,HM7;HM-7,,\n"
        "widget,1,x,,,\n",
        name="house names.csv",
    )
    assert read.release["reference"] == "custom:house names"
    assert {i: e["feature_type"] for i, e in read.entities.items()} == {
        "hgnc:6018": "gene",
        "uniprot:P05231": "protein",
        "lipidmaps:LMGP01010005": "lipid",
        "custom:House mix 7": "metabolite",
    }
    assert read.xrefs_of("lipidmaps:LMGP01010005") == {"swisslipids:000000510", "chebi:73001"}
    assert read.xrefs_of("hgnc:6018") == {"ensembl:ENSG00000136244", "uniprot:P05231"}
    assert read.names_of("custom:House mix 7") >= {("HM7", "synonym"), ("HM-7", "synonym")}
    (reject,) = read.rejects
    assert (reject["row_number"], reject["column_name"]) == (6, "feature_type")
    assert reject["reason_code"] == "unknown_feature_type"


def test_a_workbook_holds_a_reference_on_each_sheet(tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    lipids = book.active
    lipids.title = "Lipids"
    genes, notes = book.create_sheet("Genes"), book.create_sheet("Notes")
    for sheet, kind, name in ((lipids, "lipid", "POPC"), (genes, "gene", "IL6")):
        sheet.append(["feature type", "id", "name", "synonyms"])
        sheet.append([kind, None, name, f"{name} too"])
        sheet.append([kind, None, f"{name}2", None])
    notes.append(["Written by", "us"])
    notes.append(["On", "a Monday"])
    book.save(tmp_path / "ours.xlsx")
    found = read_path(tmp_path / "ours.xlsx")
    assert [(r.header.part, r.release["reference"]) for r in found] == [
        ("sheet=Lipids", "custom:ours/Lipids"),
        ("sheet=Genes", "custom:ours/Genes"),
    ]
    assert recognise(source_of(tmp_path / "ours.xlsx"), ReadOptions()) is not None


def test_a_date_is_taken_from_the_content_then_the_name_then_the_file(tmp_path: Path) -> None:
    undated = HGNC.replace("2025-03-04", "").replace("2011-01-02", "")
    named = read_text(tmp_path, undated, name="hgnc_2024-07-02.txt")
    assert named.release["released_on"] == "2024-07-02"
    assert '"is_dated_by_content": false' in named.release["evidence"]
    plain = read_text(tmp_path, undated, name="hgnc.txt")
    assert plain.release["released_on"] == "2026-03-04"
    assert "time of last change" in plain.release["evidence"]
    own = read_text(tmp_path, HGNC, name="hgnc_2024-07-02.txt")
    assert own.release["released_on"] == "2025-03-04"
    assert '"is_dated_by_content": true' in own.release["evidence"]


def test_an_unknown_table_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(Unreadable) as refused:
        read_text(tmp_path, "original\tmogrified\nMARCHF1\t1-Mar\nSEPTIN2\t2-Sep\n")
    assert refused.value.reason_code == "unknown_reference"
    assert "feature_type" in refused.value.question


def test_too_many_rows_that_are_no_entries_refuse_the_file(tmp_path: Path) -> None:
    rows = "".join(f"x{n},Name {n}\n" for n in range(10))
    (tmp_path / "names.csv").write_text("lm_id,name\nLMFA01010001,Palmitic acid\n" + rows)
    with pytest.raises(Unreadable, match="too_many_rejects"):
        read_path(tmp_path / "names.csv", reject_limit=0.05)


@pytest.mark.parametrize(
    "text",
    [
        "gene_id\tS1\tS2\tS3\nENSG00000136244\t1\t2\t3\nENSG00000141510\t4\t5\t6\n",
        "gene,baseMean,log2FoldChange,pvalue,padj\nIL6,100,1.5,0.01,0.02\nTNF,50,-1,0.2,0.3\n",
        "compound,formula,mass\n7,C10H16,136.2\n8,C15H22O,218.3\n",
        "Lipid,S1,S2\nPC 34:1,1,2\nPC 36:2,3,4\n",
    ],
)
def test_results_are_not_taken_for_references(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.csv").write_text(text)
    assert recognise(source_of(tmp_path / "results.csv"), ReadOptions()) is None
