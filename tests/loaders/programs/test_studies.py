"""Study metadata in the forms of the standards: ISA-Tab, SDRF, series matrix, mwTab."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.loaders.programs.conftest import Read, read_sheets

CORPUS = REPOSITORY.parent / "shared" / "corpus"
needs_corpus = pytest.mark.skipif(
    not CORPUS.exists(), reason="../shared/corpus is not on this machine"
)


def _read(tmp_path: Path, name: str, text: str) -> Read:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    (only,) = read_sheets(path)
    return only


INVESTIGATION = """\
ONTOLOGY SOURCE REFERENCE
Term Source Name\t"OBI"
INVESTIGATION
Investigation Identifier\t"INV1"
Investigation Title\t"Statins in liver"
INVESTIGATION CONTACTS
Investigation Person Email\t"someone@example.org"
STUDY
Study Identifier\t"ST1"
Study Title\t"Hepatocytes"
Study Description\t"Two
lines, ""quoted"" in part"
Study File Name\t"s_one.txt"
STUDY DESIGN DESCRIPTORS
Study Design Type\t"parallel"\t"dose response"
STUDY ASSAYS
Study Assay File Name\t"a_lipids.txt"\t"a_genes.txt"
STUDY
Study Identifier\t"ST2"
Study File Name\t"s_two.txt"
"""


def test_an_investigation_is_a_program_with_experiments(tmp_path: Path) -> None:
    found = _read(tmp_path, "i_investigation.txt", INVESTIGATION)
    program, one, two = found.records
    assert program["fields"] == {"code": "INV1", "name": "Statins in liver"}
    assert (one["kind"], one["fields"]["program"]) == ("experiment", ["INV1"])
    assert one["fields"]["description"] == 'Two\nlines, "quoted" in part'
    assert one["fields"]["design_type"] == "parallel; dose response"
    assert one["fields"]["sheets"] == ["s_one.txt", "a_lipids.txt", "a_genes.txt"]
    assert two["fields"] == {"code": "ST2", "sheets": ["s_two.txt"], "program": ["INV1"]}
    assert "example.org" not in str(found.records)


def test_units_and_accessions_belong_to_the_column_at_their_left(tmp_path: Path) -> None:
    found = _read(
        tmp_path,
        "s_one.txt",
        '"Source Name"\t"Characteristics[organism]"\t"Term Source REF"\t"Term Accession Number"'
        '\t"Sample Name"\t"Factor Value[dose]"\t"Unit"\t"Term Source REF"'
        '\t"Factor Value[drug]"\n'
        '"D1"\t"Homo sapiens"\t"NCBITaxon"\t"9606"\t"S1"\t"10"\t"micromolar"\t"UO"\t"statin"\n'
        '"D2"\t"Homo sapiens"\t"NCBITaxon"\t"9606"\t"S1"\t"10"\t"micromolar"\t"UO"\t"statin"\n',
    )
    (record,) = found.records
    assert record["fields"]["organism"] == "Homo sapiens"
    assert record["fields"]["factors"] == {"dose": "10 micromolar", "drug": "statin"}
    assert record["fields"]["dose"] == "10 micromolar"
    assert record["fields"]["intervention"] == "statin"
    assert record["attributes"]["Characteristics[organism] accession"] == "NCBITaxon:9606"
    assert found.counts.rows_skipped_by_rule == {"source_of_pooled_sample": 1}


def test_an_assay_table_links_raw_and_derived_files(tmp_path: Path) -> None:
    found = _read(
        tmp_path,
        "a_lipids.txt",
        "Sample Name\tMS Assay Name\tRaw Spectral Data File\tDerived Data File\tFactor Value[x]\n"
        "S1\trun 1\traw/r1.mzML\tlipids.csv\tvehicle\n",
    )
    (record,) = found.records
    assert record["kind"] == "assay"
    assert record["fields"]["files"] == ["raw/r1.mzML", "lipids.csv"]
    assert record["fields"]["names"] == ["run 1", "r1.mzML"]


def test_sdrf_has_reserved_words_and_repeated_columns(tmp_path: Path) -> None:
    found = _read(
        tmp_path,
        "x.sdrf.tsv",
        "source name\tcharacteristics[organism]\tCharacteristics[sex]\tassay name"
        "\tcomment[modification parameters]\tcomment[modification parameters]\tcomment[data file]"
        "\tfactor value[disease]\n"
        "A\tHomo sapiens\tnot available\trun 1\tNT=Oxidation;AC=U:35\tNT=Acetyl\tr1.raw\tNASH\n"
        "A\tHomo sapiens\tnot available\trun 2\tNT=Oxidation;AC=U:35\tNT=Acetyl\tr2.raw\tNASH\n",
    )
    first, _ = found.records
    assert found.header.format == "SDRF"
    assert "sex" not in first["fields"]
    assert first["attributes"]["Characteristics[sex]"] == "not available"
    assert first["attributes"]["comment[modification parameters]"] == "Oxidation"
    assert first["attributes"]["comment[modification parameters] (2)"] == "Acetyl"
    assert (first["fields"]["disease"], first["fields"]["factors"]) == ("NASH", {"disease": "NASH"})


SERIES = """\
!Series_title\t"RNA of livers"
!Series_geo_accession\t"GSE1"
!Series_contact_email\t"someone@example.org"

!Sample_title\t"liver 1"\t"liver 2"
!Sample_geo_accession\t"GSM1"\t"GSM2"
!Sample_organism_ch1\t"Mus musculus"\t"Mus musculus"
!Sample_characteristics_ch1\t"tissue: liver"\t"tissue: liver"
!Sample_characteristics_ch1\t"diet: chow"\t"diet: high fat"
!series_matrix_table_begin
"ID_REF"\t"GSM1"\t"GSM2"
!series_matrix_table_end
"""


def test_a_series_with_an_empty_table_still_has_its_samples(tmp_path: Path) -> None:
    found = _read(tmp_path, "GSE1_series_matrix.txt", SERIES)
    series, one, two = found.records
    assert (series["kind"], series["fields"]["code"]) == ("experiment", "GSE1")
    assert one["fields"] == {
        "name": "GSM1", "alias": ["liver 1"], "names": ["liver 1"], "organism": "Mus musculus",
        "organism_part": "liver", "experiment": "GSE1", "external_ids": {"geo": "GSM1"},
    }  # fmt: skip
    assert two["attributes"]["diet"] == "high fat"
    assert "example.org" not in str(found.records)


def test_mwtab_brings_its_factors(tmp_path: Path) -> None:
    found = _read(
        tmp_path,
        "ST1.txt",
        "#METABOLOMICS WORKBENCH STUDY_ID:ST1 ANALYSIS_ID:AN1 PROJECT_ID:PR1\n"
        "PR:PROJECT_TITLE \tRats\n"
        "ST:STUDY_TITLE \tRunning rats\n"
        "SUBJECT_SAMPLE_FACTORS \trat 1\tS1\tDiet:chow | Gender:male\tRAW_FILE=r1.raw\n"
        "SUBJECT_SAMPLE_FACTORS \t-\tS2\tDiet:fat | Gender:male\t\n"
        "MS_METABOLITE_DATA_START\n",
    )
    program, experiment, one, two = found.records
    assert (program["fields"]["code"], experiment["fields"]["program"]) == ("PR1", ["PR1"])
    assert one["fields"]["factors"] == {"Diet": "chow", "Gender": "male", "RAW_FILE": "r1.raw"}
    assert (one["fields"]["sex"], one["fields"]["biological_replicate"]) == ("male", "rat 1")
    assert two["fields"]["experiment"] == "ST1"
    assert "biological_replicate" not in two["fields"]


#: File of the corpus: rows, samples, and a value at a place.
SPOTS = [
    ("M02/s_MTBL2.txt", 16, 16, "Ex1-cyp79-48h-Ag-2", "factors", "genotype", "cyp79"),
    ("M02/s_MTBL2.txt", 16, 16, "Ex2-Col0-48h-Ag-3", "factors", "replicate", "Exp2"),
    ("X01/PXD005969.sdrf.tsv", 30, 10, "Xu_20161229_MetaproE_6_2", "organism", "",
     "human gut metagenome"),
    ("X03/SraRunTable.txt", 6, 6, "SRR493369", "intervention", "", "HOXA1 knockdown"),
    ("X03/SraRunTable.txt", 6, 6, "SRR493367", "attributes", "source_name",
     "LFB_scramble_hiseq_repB"),
    ("X05/clin.csv", 58, 58, "S9B", "study_variable", "", "NormalDiet_DCA"),
    ("X05/clin.csv", 58, 58, "S6D", "attributes", "BileAcid", "DCA"),
    ("X06/20241217_DIANN_metadata.csv", 248, 248,
     "Olive_20241204_JoN_Evo2_80SPD_Rplate_P26E17_C13_S5-A4_1_8626.d", "attributes",
     "Proteins.Identified", "3163"),
    ("X07/MetaData.txt", 13, 5, "DOM_Interlab-LCMS_Lab1_A45M_Pos_MS2_rep3.mzML", "timepoint", "",
     "45"),
]  # fmt: skip


@needs_corpus
@pytest.mark.corpus
@pytest.mark.parametrize(("file", "rows", "samples", "key", "place", "inner", "value"), SPOTS)
def test_real_tables_give_the_counted_numbers(
    file: str, rows: int, samples: int, key: str, place: str, inner: str, value: str
) -> None:
    (found,) = read_sheets(CORPUS / "programs" / file)
    assert found.counts.rows_read == found.counts.rows_landed == rows
    assert len({record["fields"]["name"] for record in found.records}) == samples
    keyed = {
        name: record
        for record in found.records
        for name in [record["fields"]["name"], *record["fields"].get("names", ())]
    }
    record = keyed[key]
    said = record[place] if place == "attributes" else record["fields"][place]
    assert (said[inner] if inner else said) == value


@needs_corpus
@pytest.mark.corpus
def test_both_forms_of_one_study_agree() -> None:
    (text,) = read_sheets(CORPUS / "metabolomics/M06/ST000017_AN000035.txt")
    (document,) = read_sheets(CORPUS / "metabolomics/M07/ST000017_AN000035.json")
    samples = [
        {
            record["fields"]["name"]: record["fields"]["factors"]
            for record in found.records
            if record["kind"] == "sample"
        }
        for found in (text, document)
    ]
    assert samples[0] == samples[1]
    assert len(samples[0]) == 42
