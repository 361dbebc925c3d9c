"""What signature files are read as: every form and every reject."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from loaders.model import ReadOptions, SourceFile, Unreadable
from loaders.signatures.read import read_file, recognise

Reader = Callable[..., "Read"]


@dataclass(frozen=True)
class Read:
    """What a file came to: sets, components as (set, name, type, direction, weight), rejects."""

    sets: dict[str, dict[str, Any]]
    components: list[tuple[str, str, str | None, str, str]]
    rejects: list[tuple[int, str]]
    counts: list[Any]
    formats: list[str]

    def of(self, name: str) -> list[tuple[str, str, str]]:
        """Name, direction and weight of the components of one set."""
        return [(c[1], c[3], c[4]) for c in self.components if c[0] == name]


def source_of(path: Path) -> SourceFile:
    return SourceFile(str(path), path, path.stat().st_size, datetime.now(UTC))


def read(path: Path, *, reject_limit: float = 0.5) -> Read:
    readings = read_file(source_of(path), options=ReadOptions(reject_limit=reject_limit))
    sets: dict[str, dict[str, Any]] = {}
    components, rejects, counts = [], [], []
    for reading in readings:
        tables = dict(reading.batches())
        for row in tables["sets"].to_pylist():
            sets[row["name"]] = json.loads(row["fields"]) | {"row": row["row_number"]}
        components += [
            (r["set_name"], r["reported_name"], r["feature_type"], r["direction"], r["weight"])
            for r in tables["components"].to_pylist()
        ]
        rejects += [(r["row_number"], r["reason_code"]) for r in reading.rejects().to_pylist()]
        found = reading.counts()
        assert found.rows_read == (
            found.rows_landed + found.rows_rejected + sum(found.rows_skipped_by_rule.values())
        )
        counts.append(found)
    return Read(sets, components, rejects, counts, [r.header.format for r in readings])


@pytest.fixture
def written(tmp_path: Path) -> Reader:
    def write(text: str | bytes, name: str = "a file.txt", **options: Any) -> Read:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read(path, **options)

    return write


GMT = "S1\tfirst set\tTP53\tEGFR\tMYC\nS2\t\tIL6\tIL-10\nS3\thttps://x.org/s3\tALB\n"


def test_gmt_keeps_the_first_member_where_the_description_is_empty(written: Reader) -> None:
    found = written(GMT)
    assert found.of("S2") == [("IL6", "0", "1"), ("IL-10", "0", "1")]
    assert found.sets["S1"] == {"description": "first set", "n_members": 3, "row": 1}
    assert found.sets["S3"]["source"] == "https://x.org/s3"
    assert {c[2] for c in found.components} == {"gene"}


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_any_line_end_and_mark_of_encoding(written: Reader, end: str) -> None:
    text = GMT.replace("\n", end)
    assert written(b"\xef\xbb\xbf" + text.encode()).of("S1") == written(GMT).of("S1")
    assert written(gzip.compress(text.encode()), "a.gmt.gz").of("S1") == written(GMT).of("S1")


def test_gmx_with_unequal_columns_and_blank_descriptions(written: Reader) -> None:
    found = written("Up set\tOther\n\t\nTP53\tIL6\nEGFR\tALB\nMYC\t\nKRAS\tnull\n")
    assert found.formats == ["GMX"]
    assert [name for name, _, _ in found.of("Up set")] == ["TP53", "EGFR", "MYC", "KRAS"]
    assert [name for name, _, _ in found.of("Other")] == ["IL6", "ALB"]


def test_sets_in_lines_and_in_columns_of_equal_length_are_told_apart(written: Reader) -> None:
    lines = "my set a\tna\tTP53\tEGFR\nmy set b\tna\tIL6\tALB\nmy set c\tna\tMYC\tKRAS\n"
    columns = "my set a\tmy set b\tmy set c\nna\tna\tna\nTP53\tIL6\tMYC\nEGFR\tALB\tKRAS\n"
    assert written(lines).components == written(columns).components


def test_halves_of_pairs_become_one_signature(written: Reader) -> None:
    found = written("DRUG_UP\t\tTP53\tEGFR\nDRUG_DN\t\tIL6\nOTHER_DN\t\tALB\nOTHER_UP\t\tMYC\n")
    assert found.of("DRUG") == [("TP53", "1", "1"), ("EGFR", "1", "1"), ("IL6", "-1", "1")]
    assert set(found.sets) == {"DRUG", "OTHER"}
    assert found.sets["DRUG"]["joined_from"] == "DRUG_UP, DRUG_DN"


def test_sets_that_merely_end_like_halves_stay_sets(written: Reader) -> None:
    found = written("RESPONSE_UP\t\tTP53\tEGFR\nRESPONSE_DN\t\tIL6\nCELL CYCLE\t\tALB\tMYC\n")
    assert set(found.sets) == {"RESPONSE_UP", "RESPONSE_DN", "CELL CYCLE"}


def test_a_feature_in_both_halves_counts_once_and_is_rejected(written: Reader) -> None:
    found = written("A_UP\t\tTP53\tEGFR\nA_DN\t\tTP53\n")
    assert found.of("A") == [("TP53", "1", "1"), ("EGFR", "1", "1")]
    assert found.rejects == [(2, "duplicate_component")]


def test_list_is_named_after_its_file_and_trimmed(written: Reader) -> None:
    found = written("   TP53\n EGFR\n\nTP53\n", "my genes.txt", reject_limit=0.05)
    assert found.of("my genes") == [("TP53", "0", "1"), ("EGFR", "0", "1")]
    # A repetition says nothing new: it is told, and no reason to refuse the file.
    assert found.rejects == [(4, "repeated_component")]
    assert found.sets["my genes"]["n_members"] == 3


def test_list_with_a_header(written: Reader) -> None:
    assert [c[1] for c in written("Gene Symbol\nTP53\nEGFR\n").components] == ["TP53", "EGFR"]


TABLE = (
    "# name: Statin response\n# version: 2\n# Disease context: NAFLD; obesity\n"
    "feature,type,direction,weight\n"
    "PC 34:1,lipid,up,2\nLDLR,gene,increase,1.5\nglucose,Metabolites,-,0.5\nHMGCS1,mRNA,,1\n"
)


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_table_of_one_signature(written: Reader, delimiter: str) -> None:
    found = written(TABLE.replace(",", delimiter), "some.csv")
    assert found.components == [
        ("Statin response", "PC 34:1", "lipid", "1", "2"),
        ("Statin response", "LDLR", "gene", "1", "1.5"),
        ("Statin response", "glucose", "metabolite", "-1", "0.5"),
        ("Statin response", "HMGCS1", "gene", "0", "1"),
    ]
    fields = found.sets["Statin response"]
    assert (fields["version"], fields["disease_context"]) == ("2", "NAFLD; obesity")


def test_table_of_many_signatures_with_their_description(written: Reader) -> None:
    found = written(
        "signature,gene,regulation,disease context,source\n"
        "A,TP53,up,cancer,a paper\nB,IL6,down,sepsis,\nA,EGFR,DOWN,cancer,a paper\n"
    )
    assert found.of("A") == [("TP53", "1", "1"), ("EGFR", "-1", "1")]
    assert found.sets["A"] == {
        "disease_context": "cancer", "source": "a paper", "n_members": 2, "row": 2,
    }  # fmt: skip
    assert found.sets["B"]["disease_context"] == "sepsis"


def test_decimal_comma(written: Reader) -> None:
    assert written("feature;weight\nTP53;1,5\nEGFR;-0,25\n", "w.csv").of("w") == [
        ("TP53", "1", "1.5"),
        ("EGFR", "-1", "0.25"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("source,target,mor\nMYC,TERT,1\nMYC,TP53,-0.5\n",
         [("TERT", "1", "1"), ("TP53", "-1", "0.5")]),
        ("tf\ttarget\tmor\tlikelihood\nMYC\tTERT\t1\t0.5\nMYC\tTP53\t-1\t0.25\n",
         [("TERT", "1", "0.5"), ("TP53", "-1", "0.25")]),
        ('"pathway","gene","weight","p.value"\n"MYC","TERT",11.7,1e-5\n"MYC","TP53",-2e-1,0.01\n',
         [("TERT", "1", "11.7"), ("TP53", "-1", "2e-1")]),
    ],
)  # fmt: skip
def test_weighted_networks(
    written: Reader, text: str, expected: Sequence[tuple[str, str, str]]
) -> None:
    assert written(text).of("MYC") == list(expected)


def test_what_is_rejected_says_why(written: Reader, tmp_path: Path) -> None:
    text = (
        "feature,direction,weight\nTP53,up,1\nEGFR,sideways,1\nMYC,up,heavy\nALB,up,0\n"
        "KRAS,up,-2\nTP53,down,1\nIL6,up,nan\nIL1B,down,-2\nTNF,up,inf\n"
    )
    found = written(text, reject_limit=0.9)
    assert found.of("a file") == [("TP53", "1", "1"), ("IL1B", "-1", "2")]
    assert found.rejects == [
        (3, "unknown_direction"),
        (4, "weight_not_a_number"),
        (5, "weight_zero"),
        (6, "direction_contradicts_weight"),
        (7, "duplicate_component"),
        (8, "weight_not_a_number"),
        (10, "weight_not_a_number"),
    ]
    with pytest.raises(Unreadable, match="too_many_rejects"):
        read(tmp_path / "a file.txt", reject_limit=0.05)


def test_unknown_type_is_a_reject(written: Reader) -> None:
    found = written("feature,type\nTP53,gene\nquartz,mineral\n")
    assert found.rejects == [(3, "unknown_feature_type")]


def test_mixed_types_are_told_by_the_names(written: Reader) -> None:
    found = written("TP53\nEGFR\nMET\nCIT\nPC 34:1\nCer 18:1;O2/16:0\nLDLR\nKRAS\nglucose\n")
    assert {c[1]: c[2] for c in found.components} == {
        "TP53": "gene", "EGFR": "gene", "MET": "gene", "CIT": "gene", "LDLR": "gene",
        "KRAS": "gene", "PC 34:1": "lipid", "Cer 18:1;O2/16:0": "lipid",
        "glucose": "metabolite",
    }  # fmt: skip


def test_msigdb_json_and_xml_agree(written: Reader) -> None:
    in_json = written(
        json.dumps({"SET": {"geneSymbols": ["TP53", "EGFR"], "systematicName": "M1", "pmid": "7"}})
    )
    in_xml = written(
        '<?xml version="1.0"?><MSIGDB NAME="x"><GENESET STANDARD_NAME="SET" SYSTEMATIC_NAME="M1" '
        'PMID="7" MEMBERS="1,2,3" MEMBERS_SYMBOLIZED="TP53,EGFR"/></MSIGDB>'
    )
    assert in_json.components == in_xml.components
    assert in_json.sets == in_xml.sets
    assert in_json.sets["SET"]["systematic_name"] == "M1"


@pytest.mark.parametrize(
    "content",
    [
        {"mine": ["TP53", "EGFR"]},
        {"name": "mine", "description": "from a paper", "genes": ["TP53", "EGFR"]},
    ],
)
def test_json_of_other_people(written: Reader, content: dict[str, Any]) -> None:
    found = written(json.dumps(content), "sets.json")
    assert found.of("mine") == [("TP53", "0", "1"), ("EGFR", "0", "1")]


def test_columns_up_and_down_are_one_signature(written: Reader) -> None:
    found = written("Up,Down genes\nTP53,EGFR\nMYC,KRAS\nIL6,\n", "response.csv")
    assert found.formats == ["columns up and down"]
    assert found.of("response") == [
        ("TP53", "1", "1"), ("EGFR", "-1", "1"), ("MYC", "1", "1"), ("KRAS", "-1", "1"),
        ("IL6", "1", "1"),
    ]  # fmt: skip


def test_a_matrix_of_weights_is_a_signature_per_column(written: Reader) -> None:
    text = "gene,EGFR,Hypoxia\nLZTFL1,2.3,0\nPHLDA2,-4.8,0\nCA9,0,5.5\n"
    found = written(text, "progeny.csv")
    assert found.of("EGFR") == [("LZTFL1", "1", "2.3"), ("PHLDA2", "-1", "4.8")]
    assert found.of("Hypoxia") == [("CA9", "1", "5.5")]


@pytest.mark.parametrize(
    "text",
    [
        "Thing,Way,Size\nTP53,Higher,1.2\nEGFR,Lower,2.2\nMYC,Higher,0.4\n",
        "Thing\tp\nTP53\t0.01\nEGFR\t0.2\nMYC\t0.003\n",
    ],
)
def test_a_table_is_never_read_as_sets(written: Reader, text: str) -> None:
    """Sets of numbers match nothing, and nobody would see it."""
    with pytest.raises(Unreadable) as refused:
        written(text, "table.txt")
    assert refused.value.reason_code == "not_a_signature"
    assert "Which column names the feature" in refused.value.question


def test_a_biomarker_panel_as_people_write_it(written: Reader) -> None:
    found = written(
        "Biomarker Name,Molecule Type,Change in disease,Effect size,Panel\n"
        "TP53,Gene,Higher,1.2,S1\nCer(d18:1/16:0),Lipid,Lower,2.2,S1\n",
        "panel.csv",
    )
    assert found.components == [
        ("S1", "TP53", "gene", "1", "1.2"),
        ("S1", "Cer(d18:1/16:0)", "lipid", "-1", "2.2"),
    ]


def test_entities_of_xml_are_refused(written: Reader) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><MSIGDB><GENESET STANDARD_NAME="&a;"/></MSIGDB>'
    with pytest.raises(Unreadable, match="broken_signature_file"):
        written(bomb)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"SET": {"geneSymbols": ["TP53", ', "broken_signature_file"),
        ("<MSIGDB><GENESET", "broken_signature_file"),
        ("feature,direction\n", "header_only"),
        ("height,mass\n1,2\n3,4\n", "not_a_signature"),
        ("\n\n", "empty_file"),
    ],
)
def test_what_is_refused(written: Reader, text: str, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        written(text)
    assert refused.value.reason_code == code


def test_workbook_with_descriptions(tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "signatures"
    for row in (["name", "description", "phenotype axes"], ["ALS lipids", "in plasma", "survival"]):
        sheet.append(row)
    members = book.create_sheet("ALS lipids")
    for row in (["lipid", "direction", "weight"], ["PC 34:1", "up", 1.5], ["PE 36:2", "↓", 1]):
        members.append(row)
    path = tmp_path / "book.xlsx"
    book.save(path)
    found = read(path)
    assert found.of("ALS lipids") == [("PC 34:1", "1", "1.5"), ("PE 36:2", "-1", "1")]
    assert found.sets["ALS lipids"]["phenotype_axes"] == "survival"
    assert recognise(source_of(path), ReadOptions()) == "a sheet named 'signatures'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GMT.replace("first set", ""), "one set of molecules per line"),
        ("source,target,weight\nMYC,TERT,1\n", "columns source, target, weight"),
        ("signature,feature,direction\nA,TP53,up\n", "columns signature, feature, direction"),
        ("gene,s1,s2\nTP53,1,2\n", None),
        ("gene,log2FoldChange,pvalue,direction\nTP53,1,0.1,up\n", None),
        ("TP53\nEGFR\n", None),
        ("gene\tweight\nTP53\t1\n", None),
    ],
)
def test_only_what_is_sure_is_recognised(tmp_path: Path, text: str, expected: str | None) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    assert recognise(source_of(path), ReadOptions()) == expected
