"""One file per sample: the files of a run are one dataset, and what lies beside them is not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from loaders import groups
from loaders.discovery import find_in_folder
from loaders.groups import grouped
from loaders.model import ReadOptions, SourceFile, Unreadable
from loaders.reading.read import read_file

IDS = [f"ENST000000000{n:02}" for n in range(10, 20)]


def salmon(factor: int, ids: list[str] = IDS) -> str:
    lines = ["Name\tLength\tEffectiveLength\tTPM\tNumReads"]
    lines += [f"{name}\t1000\t{900 + factor}.5\t{n}.25\t{n * factor}" for n, name in enumerate(ids)]
    return "\n".join(lines) + "\n"


def star(factor: int) -> str:
    rows = [f"ENSG000000000{n:02}\t{n * factor}\t{n}\t{n * factor - n}" for n in range(10, 20)]
    summary = [
        f"N_{name}\t1\t1\t1" for name in ("unmapped", "multimapping", "noFeature", "ambiguous")
    ]
    return "\n".join([*summary, *rows]) + "\n"


def rsem(factor: int) -> str:
    head = "gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\tFPKM"
    rows = [f"GENE{n}\tT{n}\t10\t9\t{n * factor}.00\t{n}.5\t{n}.75" for n in range(10)]
    return "\n".join([head, *rows]) + "\n"


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def source_of(file: Any) -> SourceFile:
    members = tuple(source_of(member) for member in file.members)
    return SourceFile(file.path, Path(file.path), file.size, datetime.now(UTC), members)


def load(root: Path, **options: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for file in grouped(find_in_folder(str(root))):
        held = found.setdefault(file.path.removeprefix(f"{root}/"), [])
        for reading in read_file(
            source_of(file), declared_omics_type=None, options=ReadOptions(**options)
        ):
            rows = [row for batch in reading.batches() for row in batch.to_pylist()]
            counts = reading.counts()
            skipped = sum(counts.rows_skipped_by_rule.values())
            assert counts.rows_read == counts.rows_landed + counts.rows_rejected + skipped
            held.append((reading.header, rows, counts))
    return found


def test_neighbouring_folders_with_a_file_each_are_one_dataset(tmp_path):
    write(tmp_path, {f"run/S{n}/quant.sf": salmon(n) for n in (1, 2, 3)})
    found = load(tmp_path)
    assert list(found) == ["run/[salmon quant]"]
    (reads, rows, counts), (tpm, _, _) = found["run/[salmon quant]"]
    assert [assay.name for assay in reads.assays] == ["S1", "S2", "S3"]
    assert reads.assays[1].attributes["file"] == "S2/quant.sf"
    assert rows[3]["quantities"] == "{3,6,9}"
    assert (reads.quantity, tpm.quantity, tpm.part) == ("NumReads", "TPM", "quantity=TPM")
    assert reads.role_evidence["primary"] is True
    # The effective length is another one in each sample, the length is not.
    assert json.loads(rows[0]["annotations"]) == {"Length": "1000"}
    assert counts.n_values == 30
    assert counts.zero_count == 3


def test_a_feature_that_one_file_lacks_is_missing_there_and_not_zero(tmp_path):
    write(tmp_path, {"run/a/quant.sf": salmon(1), "run/b/quant.sf": salmon(2, [*IDS[2:], "EXTRA"])})
    ((_, rows, counts), _) = load(tmp_path)["run/[salmon quant]"]
    by_name = {row["reported_name"]: row["quantities"] for row in rows}
    assert by_name[IDS[0]] == "{0,NULL}"
    assert by_name["EXTRA"] == "{NULL,16}"
    assert counts.n_values == 19


def test_files_of_one_folder_are_one_dataset_each_format_apart(tmp_path):
    files = {f"run/S{n}.genes.results": rsem(n) for n in (1, 2)}
    files |= {f"run/S{n}_ReadsPerGene.out.tab": star(n) for n in (1, 2)}
    files["run/notes.txt"] = "name\tvalue\tother\nx\t1\t2\n"
    write(tmp_path, files)
    held = [
        file.path.removeprefix(f"{tmp_path}/") for file in grouped(find_in_folder(str(tmp_path)))
    ]
    assert held == ["run/[RSEM genes]", "run/[STAR ReadsPerGene]", "run/notes.txt"]


def test_the_strand_of_a_run_is_declared_once(tmp_path):
    write(tmp_path, {f"S{n}_ReadsPerGene.out.tab": star(n) for n in (1, 2)})
    with pytest.raises(Unreadable) as caught:
        load(tmp_path)
    assert caught.value.reason_code == "undecided_strand"
    assert caught.value.place.startswith("S1_ReadsPerGene.out.tab")
    ((header, rows, counts),) = load(tmp_path, star_strand="reverse")["[STAR ReadsPerGene]"]
    assert [assay.name for assay in header.assays] == ["S1", "S2"]
    assert rows[0]["quantities"] == "{0,10}"
    assert counts.rows_skipped_by_rule == {"summary_row": 8}


def test_files_that_name_other_features_are_of_another_run(tmp_path):
    other = [f"NM_{n:06}" for n in range(10)]
    write(tmp_path, {"T03/quant.sf": salmon(1), "T04/quant.sf": salmon(2, other)})
    assert set(load(tmp_path)) == {"T03/quant.sf", "T04/quant.sf"}


def test_one_file_alone_stays_a_file_unless_its_run_was_loaded(tmp_path):
    write(tmp_path, {"run/S1/quant.sf": salmon(1)})
    (file,) = grouped(find_in_folder(str(tmp_path)))
    assert file.path == f"{tmp_path}/run/S1/quant.sf"
    write(tmp_path, {"flat/S1.genes.results": rsem(1)})
    known = [f"{tmp_path}/flat/[RSEM genes]"]
    paths = {f.path for f in grouped(find_in_folder(str(tmp_path)), groups_known=known)}
    assert known[0] in paths


def test_a_name_that_says_nothing_is_replaced_by_the_folder(tmp_path):
    counts = "TSPAN6\t49\nTNMD\t0\n__no_feature\t7\n"
    write(tmp_path, {"run/S1/counts.txt": counts, "run/S2/counts.txt": counts})
    ((header, _, _),) = load(tmp_path)["run/[HTSeq counts without header]"]
    assert [assay.name for assay in header.assays] == ["S1", "S2"]


def test_rows_that_stand_twice_in_a_file_stay_apart(tmp_path):
    twice = [*IDS[:3], IDS[0]]
    write(tmp_path, {"a/quant.sf": salmon(1, twice), "b/quant.sf": salmon(2, twice)})
    ((_, rows, _), _) = load(tmp_path)["[salmon quant]"]
    assert [row["quantities"] for row in rows] == ["{0,0}", "{1,2}", "{2,4}", "{3,6}"]


def test_the_hash_follows_members_and_their_content(tmp_path):
    write(tmp_path, {f"run/S{n}/quant.sf": salmon(n) for n in (1, 2)})
    (before,) = grouped(find_in_folder(str(tmp_path)))
    write(tmp_path, {"run/S3/quant.sf": salmon(3)})
    (after,) = grouped(find_in_folder(str(tmp_path)))
    assert before.path == after.path
    assert before.signature != after.signature
    assert len(after.members) == 3


def test_files_of_known_other_formats_are_not_opened(tmp_path):
    write(tmp_path, {f"plates/p{n}.csv": "lipid,a\nPC 34:1,1\n" for n in range(3)})
    found = find_in_folder(str(tmp_path))
    opened: list[str] = []

    def look(file: Any) -> str | None:
        opened.append(file.path)
        return groups.first_characters(file)

    assert grouped(found, settled={file.path for file in found[:2]}, read_head=look) == found
    assert opened == [found[2].path]
