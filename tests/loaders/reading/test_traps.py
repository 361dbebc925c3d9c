"""The nasty files: each gives the right result or a clear refusal."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import time
import tracemalloc
import zipfile

import pytest

LIPIDS = "Lipid,S1,S2,S3\nPC 34:1,1.5,2.50,3\nPE 36:2,4,NA,6e2\nTG 52:3,7,8,9\n"


def test_transposed_file_turns_molecules_into_features(one):
    text = (
        "Sample,Group,PC 34:1,PE 36:2,TG 52:3,Cer d18:1/16:0\n"
        "WT_1,wt,1.10,2,3,4\nWT_2,wt,5,6,7,8\nKO_1,ko,9,10,NA,12\n"
    )
    found = one(text)
    assert found.names == ["PC 34:1", "PE 36:2", "TG 52:3", "Cer d18:1/16:0"]
    assert found.quantities[0] == "{1.10,5,9}"
    assert found.quantities[2] == "{3,7,NULL}"
    assert found.assays == ["WT_1", "WT_2", "KO_1"]
    assert [dict(a.attributes) for a in found.header.assays][2] == {"Group": "ko"}
    assert [row["row_number"] for row in found.rows] == [3, 4, 5, 6]


def test_one_value_per_row_is_pivoted(one):
    text = (
        "Sample Name,Lipid Species,Area\n"
        "S1,PC 34:1,10\nS1,PE 36:2,20\nS2,PC 34:1,30\nS2,PE 36:2,40.0\nS3,PC 34:1,50\n"
    )
    found = one(text)
    assert found.assays == ["S1", "S2", "S3"]
    assert dict(zip(found.names, found.quantities, strict=True)) == {
        "PC 34:1": "{10,30,50}",
        "PE 36:2": "{20,40.0,NULL}",
    }
    assert found.header.quantity == "Area"
    assert found.counts.rows_read == 5
    assert found.counts.n_values == 5


def test_conflicting_values_are_rejected_not_averaged(one, refusal):
    rows = [f"S{s},PC {c}:1,{s * c}" for s in range(1, 6) for c in range(30, 50)]
    text = "Sample Name,Lipid,Area\n" + "\n".join([*rows, "S1,PC 30:1,999", rows[1]]) + "\n"
    found = one(text)
    assert [r["reason_code"] for r in found.rejects] == ["conflicting_values"]
    assert found.counts.rows_skipped_by_rule == {"repeated_value": 1}
    few = "Sample Name,Lipid,Area\nS1,PC 30:1,1\nS1,PC 30:1,2\nS2,PC 30:1,3\n"
    assert refusal(few).reason_code == "too_many_rejects"


def test_two_columns_split_by_semicolon(one):
    found = one("species;S1\nPC 34:1;1,5\nPE 36:2;2,25\nTG 52:3;10\n")
    assert found.assays == ["S1"]
    assert found.quantities == ["{1.5}", "{2.25}", "{10}"]


def test_protein_group_cell_stays_whole(one):
    text = "Protein IDs\tA\tB\nP04637;P04637-2\t1000\t2000\nCON__P00761\t5\t6\nREV__Q9Y6K9\t7\t8\n"
    found = one(text, omics=None)
    assert found.names[0] == "P04637;P04637-2"
    assert found.header.omics_type == "proteomics"
    assert found.header.feature_type == "protein"
    assert [row["is_contaminant"] for row in found.rows] == [False, True, False]
    assert [row["is_decoy"] for row in found.rows] == [False, False, True]


def test_unnamed_first_column_from_r(one):
    text = '"","A1","A2","B1"\n' + "".join(
        f'"ENSG{i:011d}",{i},{i + 40},{i * 2}\n' for i in range(1, 20)
    )
    found = one(text, omics=None)
    assert found.assays == ["A1", "A2", "B1"]
    assert found.header.omics_type == "transcriptomics"
    assert found.names[0] == "ENSG00000000001"


def test_header_one_cell_short_from_r(one):
    rows = "".join(f"PC {i}:1\t{i}.5\t{i + 1}\n" for i in range(30, 40))
    found = one("S1\tS2\n" + rows)
    assert found.assays == ["S1", "S2"]
    assert found.names[0] == "PC 30:1"
    assert found.quantities[0] == "{30.5,31}"


def test_a_gene_may_be_called_journal(one):
    text = "gene_symbol,ctrl_1,ctrl_2,trt_1,trt_2\njournal,100,200,300,400\nTP53,5,6,7,8\n"
    text += "MARCH7,1,2,3,4\nNAN,9,8,7,6\nNA,1,1,2,2\n"
    found = one(text, omics="transcriptomics")
    assert found.names == ["journal", "TP53", "MARCH7", "NAN", "NA"]
    assert found.header.feature_type == "gene"


@pytest.mark.parametrize("content", [b"", b"\n\n  \n", b"\xef\xbb\xbf"])
def test_empty_file(refusal, content):
    assert refusal(content).reason_code == "empty_file"


@pytest.mark.parametrize("content", ["Lipid,S1,S2\n", "Lipid,S1,S2", "Lipid,S1,S2\n\n\n"])
def test_header_only(refusal, content):
    assert refusal(content).reason_code == "header_only"


def test_gz_bomb_is_refused_quickly_in_little_memory(refusal):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9) as stream:
        block = b"0," * 500_000 + b"0\n"
        for _ in range(150):
            stream.write(block)
    # As if it went on to 3 GB: the guard stops long before the end.
    tracemalloc.start()
    started = time.monotonic()
    found = refusal(packed.getvalue(), name="bomb.csv.gz")
    assert found.reason_code == "unpacks_too_large"
    assert time.monotonic() - started < 20
    assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    tracemalloc.stop()


def test_unpacking_stops_at_the_limit(refusal):
    import random

    values = random.Random(1)  # noqa: S311 - data, not a secret
    text = "Lipid,S1\n" + "".join(f"PC {i}:1,{values.random()}\n" for i in range(5000))
    found = refusal(gzip.compress(text.encode()), max_unpacked_bytes=50_000)
    assert found.reason_code == "unpacks_too_large"


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
        b"%PDF-1.7\n" + bytes(range(256)) * 20,
        b"Lipid,S1\nPC 34:1,\x00\x01\x02\x00\n" * 50,
        bytes(range(256)) * 40,
    ],
    ids=["png", "pdf", "nul", "noise"],
)
def test_binary_renamed_to_csv(refusal, content):
    assert refusal(content).reason_code == "binary_content"


def test_column_names_are_only_names(one):
    text = 'Lipid,"""; drop table x; --",$(rm -rf),S3\nPC 34:1,1,2,3\nPE 36:2,4,5,6\n'
    assert one(text).assays == ['"; drop table x; --', "$(rm -rf)", "S3"]
    unquoted = 'Lipid\t"; drop table x; --\tS2\nPC 34:1\t1\t2\nPE 36:2\t4\t5\nPE 38:2\t4\t5\n'
    assert one(unquoted).assays == ['"; drop table x; --', "S2"]


def _zip(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, bz2.compress, lzma.compress, lambda b: _zip(**{"a.csv": b}), lambda b: b],
    ids=["gz", "bz2", "xz", "zip", "plain"],
)
def test_compression_is_told_by_content(one, pack):
    found = one(pack(LIPIDS.encode()), name="named.txt")
    assert found.quantities == ["{1.5,2.50,3}", "{4,NULL,6e2}", "{7,8,9}"]
    assert found.header.part == ""


def test_zip_of_several_files(read):
    packed = _zip(
        **{
            "../../evil.csv": LIPIDS.encode(),
            "two/other.tsv": LIPIDS.replace(",", "\t").encode(),
            "README.md": b"# read me\nnothing here\n",
            "__MACOSX/._a": b"x",
        }
    )
    found = read(packed, name="both.zip")
    assert [d.header.part for d in found] == ["member=../../evil.csv", "member=two/other.tsv"]
    assert found[0].quantities == found[1].quantities
    assert found[0].header.role_evidence["not_read"] == {"member=README.md": "not_a_table"}


def test_damaged_archive(refusal):
    packed = gzip.compress(LIPIDS.encode() * 50)
    assert refusal(packed[: len(packed) // 2]).reason_code == "corrupt_archive"


def test_a_cell_that_is_no_number_rejects_its_row(one, refusal):
    rows = [f"PC {i}:{j},1,2,3" for i in range(30, 45) for j in range(2)]
    rows[4] = "PC 32:0,1,oops,3"
    found = one("Lipid,S1,S2,S3\n" + "\n".join(rows) + "\n")
    assert found.counts.rows_rejected == 1
    assert found.counts.rows_landed == 29
    (reject,) = found.rejects
    assert reject["row_number"] == 6
    assert reject["column_name"] == "S2"
    assert reject["raw_text"] == "oops"
    assert reject["reason_code"] == "not_a_number"
    assert "oops" in reject["message"]
    rows[5:9] = [f"PC 50:{i},1,bad,3" for i in range(4)]
    refused = refusal("Lipid,S1,S2,S3\n" + "\n".join(rows) + "\n")
    assert refused.reason_code == "too_many_rejects"
    assert refused.rows_read == 30


def test_a_row_without_a_name_is_a_reject(one):
    rows = [f"PC {i}:{j},1,2" for i in range(30, 45) for j in range(2)]
    found = one("Lipid,S1,S2\n" + "\n".join([*rows, ",5,6"]) + "\n")
    assert [r["reason_code"] for r in found.rejects] == ["missing_feature_name"]


def test_infinity_and_numbers_out_of_range(one):
    rows = [f"PC {i}:{j},1,2" for i in range(30, 50) for j in range(2)]
    rows += ["PE 30:0,Inf,-inf", "PE 31:0,1e400,2", "PE 32:0,1e-400,0"]
    found = one("Lipid,S1,S2\n" + "\n".join(rows) + "\n", reject_limit=0.1)
    assert found.quantities[-1] == "{Infinity,-Infinity}"
    assert [r["raw_text"] for r in found.rejects] == ["1e400", "1e-400"]


def test_several_quantities_are_a_question(refusal):
    text = "Protein,Intensity A,Intensity B,LFQ intensity A,LFQ intensity B,Peptides A\n"
    text += "P04637,1,2,3,4,5\nP04638,6,7,8,9,10\n"
    found = refusal(text, omics="proteomics")
    assert found.reason_code == "several_quantities"
    assert "LFQ intensity" in found.question
    structured = "NAME,PREC:a,PREC:b,SUMFA:a,SUMFA:b\nPC 34:1,1,2,3,4\nPE 36:2,5,6,7,8\n"
    assert refusal(structured).reason_code == "several_quantities"


def test_numbers_everywhere_are_a_question_with_a_stub_that_answers_it(refusal, one):
    import yaml

    text = "a,b,c\n1,2,3\n4,5,6\n7,8,9\n"
    found = refusal(text, omics="metabolomics")
    assert found.reason_code in ("undecided_roles", "no_header")
    odd = "key,x1,x2\nfoo,1,2\nbar,3,4\n"
    stub = refusal(odd, omics="metabolomics").mapping_stub
    mapping = yaml.safe_load(stub)
    mapping["columns"][0]["role"] = "feature"
    loaded = one(odd, omics="metabolomics", mapping=mapping)
    assert loaded.names == ["foo", "bar"]
    assert loaded.quantities == ["{1,2}", "{3,4}"]


def test_gene_symbols_alone_do_not_tell_the_omics_type(refusal):
    text = "gene,ctrl_1,ctrl_2,trt_1\nTP53,1.5,2.5,3.5\nMYC,1.1,2.2,3.3\nEGFR,2.2,3.1,4.5\n"
    found = refusal(text, omics=None)
    assert found.reason_code == "undecided_omics_type"
    assert "omics_type: null" in found.mapping_stub


@pytest.mark.parametrize(
    ("beginning", "name"),
    [
        ('<?xml version="1.0"?>\n<a>\n', "XML"),
    ],
)
def test_known_formats_that_are_not_read_are_named(refusal, beginning, name):
    found = refusal(beginning + "a\t1\t2\nb\t3\t4\n")
    assert found.reason_code == "format_not_readable_yet"
    assert found.nearest_format == name
