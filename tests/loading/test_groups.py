"""Runs in the warehouse: one dataset, a new version with each new sample, no dataset twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from loaders.load import LoadReport
from loaders.quarantine import listed

Load = Callable[..., LoadReport]
Current = Callable[[], dict[str, tuple[int, str]]]
IDS = [f"ENST000000000{n:02}" for n in range(10, 20)]


def salmon(path: Path, factor: int) -> None:
    lines = ["Name\tLength\tEffectiveLength\tTPM\tNumReads"]
    lines += [f"{name}\t1000\t900\t{n}.25\t{n * factor}" for n, name in enumerate(IDS, start=1)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def star(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"ENSG000000000{n:02}\t{n}\t0\t{n}" for n in range(10, 20)]
    path.write_text("N_unmapped\t1\t1\t1\nN_noFeature\t1\t1\t1\n" + "\n".join(rows) + "\n")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of two samples."""
    folder = tmp_path / "transcriptomics" / "run"
    for at in (1, 2):
        salmon(folder / f"S{at}" / "quant.sf", at)
    return folder


def test_a_run_is_one_dataset_and_nothing_is_read_again(
    run: Path, load_folder: Load, current: Current
) -> None:
    first = load_folder(run.parent)
    assert first.counts["files_loaded"] == 1
    key = f"{run}/[salmon quant]"
    assert current() == {key: (10, "{1,2}"), f"{key}#quantity=TPM": (10, "{1.25,1.25}")}
    second = load_folder(run.parent)
    assert second.counts["files_unchanged"] == 1
    assert second.counts["files_loaded"] == 0


def test_a_new_sample_is_a_new_version(run: Path, load_folder: Load, current: Current) -> None:
    load_folder(run.parent)
    salmon(run / "S3" / "quant.sf", 3)
    report = load_folder(run.parent)
    assert report.counts["files_changed"] == 1
    assert current()[f"{run}/[salmon quant]"] == (10, "{1,2,3}")
    shutil.rmtree(run / "S1")
    shutil.rmtree(run / "S2")
    load_folder(run.parent)
    assert current()[f"{run}/[salmon quant]"] == (10, "{12}")


def test_a_file_that_others_join_is_no_dataset_of_its_own_any_more(
    run: Path, load_folder: Load, current: Current
) -> None:
    shutil.rmtree(run / "S2")
    load_folder(run.parent)
    assert set(current()) == {
        f"{run}/S1/quant.sf",
        f"{run}/S1/quant.sf#quantity=TPM",
    }
    salmon(run / "S2" / "quant.sf", 2)
    report = load_folder(run.parent)
    assert report.counts["datasets_removed"] == 2
    assert set(current()) == {f"{run}/[salmon quant]", f"{run}/[salmon quant]#quantity=TPM"}
    assert load_folder(run.parent).counts["files_unchanged"] == 1


def test_a_run_that_moves_keeps_its_dataset(run: Path, load_folder: Load, current: Current) -> None:
    load_folder(run.parent)
    run.rename(run.with_name("renamed"))
    report = load_folder(run.parent)
    assert report.counts["files_moved"] == 1
    assert set(current()) == {f"{run}/[salmon quant]", f"{run}/[salmon quant]#quantity=TPM"}


def test_the_question_of_a_run_is_answered_under_its_name(
    tmp_path: Path, load_folder: Load, load_files: Load, current: Current, conn: psycopg.Connection
) -> None:
    folder = tmp_path / "transcriptomics" / "star"
    for at in (1, 2):
        star(folder / f"S{at}_ReadsPerGene.out.tab")
    report = load_folder(tmp_path)
    ((path, refusal),) = report.refused
    assert path == f"{folder}/[STAR ReadsPerGene]"
    assert refusal.reason_code == "undecided_strand"
    mapping = tmp_path / "map.yml"
    mapping.write_text((refusal.mapping_stub or "").replace("strand: null", "strand: reverse"))
    load_files(Path(path), mapping_file=str(mapping))
    assert current() == {path: (10, "{10,10}")}
    assert listed(conn) == []
    assert load_folder(tmp_path).counts["files_unchanged"] == 1
