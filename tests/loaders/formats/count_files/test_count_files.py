"""Count files without header: which column, which rows, which name."""

from __future__ import annotations

import pytest

STAR = (
    "N_unmapped\t10\t10\t10\nN_multimapping\t5\t5\t5\nN_noFeature\t3\t30\t4\nN_ambiguous\t1\t0\t0\n"
    "ENSG00000000003.15\t7\t2\t5\nENSG00000000005.6\t0\t0\t0\nENSG00000000419.14\t40\t41\t0\n"
)


@pytest.mark.parametrize(
    ("strand", "first"), [("unstranded", "{7}"), ("forward", "{2}"), ("reverse", "{5}")]
)
def test_the_declared_strand_chooses_the_column(one, strand, first):
    dataset = one(STAR, omics=None, mapping={"strand": strand})
    assert dataset.header.omics_type == "transcriptomics"
    assert dataset.quantities[0] == first
    assert len(dataset.rows) == 3
    assert dataset.counts.rows_skipped_by_rule == {"summary_row": 4}
    assert dataset.header.assays[0].source_column == strand
    assert dataset.header.unit == "counts"


def test_an_undeclared_strand_is_asked_and_never_guessed(refusal):
    found = refusal(STAR, omics=None)
    assert found.reason_code == "undecided_strand"
    assert "unstranded 47" in found.seen
    assert "strand: null" in found.mapping_stub


def test_a_strand_that_is_none_is_refused(refusal):
    found = refusal(STAR, omics=None, mapping={"strand": "both"})
    assert found.reason_code == "mapping_does_not_fit"


@pytest.mark.parametrize(
    ("name", "assay"),
    [
        ("S1_ReadsPerGene.out.tab", "S1"),
        ("ReadsPerGene.out.tab", None),
        ("S2.ReadsPerGene.out.tab.gz", "S2"),
    ],
)
def test_the_file_names_the_assay_unless_only_the_tool_does(one, tmp_path, name, assay):
    dataset = one(STAR, omics=None, name=name, mapping={"strand": "reverse"})
    assert dataset.assays == [assay or tmp_path.name]


def test_htseq_with_summary_rows(one):
    text = "TSPAN6\t49\nTNMD\t0\nMARCH7\t7\n__no_feature\t100\n__ambiguous\t3\n"
    dataset = one(text, omics=None, name="sampleA_counts.txt")
    assert dataset.names == ["TSPAN6", "TNMD", "MARCH7"]
    assert dataset.quantities == ["{49}", "{0}", "{7}"]
    assert dataset.assays == ["sampleA"]
    assert dataset.counts.rows_skipped_by_rule == {"summary_row": 2}
    assert not dataset.header.zero_is_missing


def test_htseq_whose_summary_rows_stand_beyond_the_first_look(one):
    rows = "".join(f"GENE{n}\t{n}\n" for n in range(20_000))
    dataset = one(rows + "__no_feature\t1\n__not_aligned\t0\n", omics=None)
    assert len(dataset.rows) == 20_000


def test_htseq_with_more_attributes_and_with_several_samples(one):
    text = "ENSG00000000003\tTSPAN6\t49\t1\nENSG00000000005\tTNMD\t0\t2\n__no_feature\t\t9\t9\n"
    dataset = one(text, omics=None)
    assert dataset.assays == ["column 3", "column 4"]
    assert dataset.quantities == ["{49,1}", "{0,2}"]


def test_a_header_with_htseq_summary_rows_gives_no_such_features(one):
    text = "gene\ta.bam\tb.bam\nTSPAN6\t1\t2\nTNMD\t3\t4\n__no_feature\t9\t9\n__not_aligned\t0\t0\n"
    dataset = one(text, omics="transcriptomics")
    assert dataset.names == ["TSPAN6", "TNMD"]


def test_names_and_numbers_alone_are_no_count_file(refusal):
    text = "".join(f"thing{n}\t{n}\n" for n in range(40))
    assert refusal(text, omics=None).reason_code == "no_header"
