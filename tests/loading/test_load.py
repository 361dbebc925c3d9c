"""Loading into a real Postgres: versions, moves, losses, quarantine, hostile content."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from loaders.load import LoadReport, LoadRequest, plan_load
from loaders.quarantine import listed
from tests.loading.files import write_lipids, write_results, write_unreadable
from warehouse.settings import Settings

Load = Callable[..., LoadReport]
Current = Callable[[], dict[str, tuple[int, str]]]


def test_a_folder_lands_once_and_then_is_unchanged(
    tmp_path: Path, load_folder: Load, current: Current
) -> None:
    write_lipids(tmp_path / "lipidomics" / "a.csv")
    write_results(tmp_path / "transcriptomics" / "b.csv")
    first = load_folder(tmp_path)
    assert first.counts["datasets_loaded"] == 2
    assert first.is_complete
    before = current()
    second = load_folder(tmp_path)
    assert second.counts["files_loaded"] == 0
    assert second.counts["files_unchanged"] == 2
    assert current() == before


def test_what_is_loaded_is_asked_of_postgres_not_of_local_state(
    tmp_path: Path, settings: Settings, load_folder: Load
) -> None:
    write_lipids(tmp_path / "lipidomics" / "a.csv")
    load_folder(tmp_path)
    shutil.rmtree(settings.warehouse_dir / "dlt", ignore_errors=True)
    assert load_folder(tmp_path).counts["files_unchanged"] == 1


def test_a_small_file_lands_with_its_digits_and_lines(
    tmp_path: Path, conn: psycopg.Connection[Any], load_files: Load
) -> None:
    path = tmp_path / "lipidomics" / "a.csv"
    path.parent.mkdir()
    path.write_text(
        "Lipid Species,S1,S2,S3\nPC 34:1,1.50,2e3,NA\nPE 36:2,0.10,,7\nTG 52:3,5,6,7.000\n"
        "SM 36:1;O2,1,2,3\n"
    )
    load_files(path)
    rows = conn.execute(
        "select row_number, reported_name, quantities from raw_lipidomics.feature_rows "
        "order by row_number"
    ).fetchall()
    assert rows == [
        (2, "PC 34:1", "{1.50,2e3,NULL}"),
        (3, "PE 36:2", "{0.10,NULL,7}"),
        (4, "TG 52:3", "{5,6,7.000}"),
        (5, "SM 36:1;O2", "{1,2,3}"),
    ]
    (file,) = conn.execute(
        "select rows_read, rows_landed, rows_rejected, rows_skipped, n_assays, n_values, "
        "omics_type, shape from raw_lipidomics.files"
    ).fetchall()
    assert file == (4, 4, 0, 0, 3, 10, "lipidomics", "matrix")


def test_an_edited_file_replaces_its_dataset_and_the_old_version_stays_in_raw(
    tmp_path: Path, conn: psycopg.Connection[Any], load_folder: Load, current: Current
) -> None:
    path = write_lipids(tmp_path / "lipidomics" / "a.csv", rows=20)
    load_folder(tmp_path)
    write_lipids(path, rows=19, seed=3)
    report = load_folder(tmp_path)
    assert report.counts["files_changed"] == 1
    assert [count for count, _ in current().values()] == [19]
    (held,) = conn.execute("select count(*) from raw_lipidomics.feature_rows").fetchall()
    assert held == (39,)


def test_going_back_to_an_earlier_content_brings_the_earlier_dataset_back(
    tmp_path: Path, load_folder: Load, current: Current
) -> None:
    path = write_lipids(tmp_path / "lipidomics" / "a.csv", seed=1)
    load_folder(tmp_path)
    first = current()
    write_lipids(path, seed=2)
    load_folder(tmp_path)
    assert current() != first
    write_lipids(path, seed=1)
    load_folder(tmp_path)
    assert current() == first


def test_same_named_files_in_two_folders_are_two_datasets(
    tmp_path: Path, load_folder: Load, current: Current
) -> None:
    write_lipids(tmp_path / "lipidomics" / "one" / "plate.csv", seed=1)
    write_lipids(tmp_path / "lipidomics" / "two" / "plate.csv", seed=2)
    load_folder(tmp_path)
    assert len(current()) == 2


def test_a_moved_file_keeps_its_dataset(
    tmp_path: Path, load_folder: Load, current: Current
) -> None:
    path = write_lipids(tmp_path / "lipidomics" / "a.csv")
    load_folder(tmp_path)
    before = current()
    (tmp_path / "lipidomics" / "2024").mkdir()
    path.rename(tmp_path / "lipidomics" / "2024" / "b.csv")
    report = load_folder(tmp_path)
    assert report.counts["files_moved"] == 1
    assert current() == before
    assert load_folder(tmp_path).counts["files_unchanged"] == 1


def test_a_new_file_at_the_old_place_of_a_moved_one_is_another_dataset(
    tmp_path: Path, load_folder: Load, current: Current
) -> None:
    path = write_lipids(tmp_path / "lipidomics" / "a.csv", seed=1)
    load_folder(tmp_path)
    path.rename(tmp_path / "lipidomics" / "b.csv")
    load_folder(tmp_path)
    write_lipids(path, seed=2)
    load_folder(tmp_path)
    assert len(current()) == 2
    assert load_folder(tmp_path).counts["files_unchanged"] == 2


def test_a_vanished_file_keeps_its_dataset_until_it_is_pruned(
    tmp_path: Path, conn: psycopg.Connection[Any], load_folder: Load, current: Current
) -> None:
    path = write_lipids(tmp_path / "lipidomics" / "a.csv")
    write_lipids(tmp_path / "lipidomics" / "b.csv", seed=1)
    load_folder(tmp_path)
    path.unlink()
    assert load_folder(tmp_path).missing == [str(path)]
    assert len(current()) == 2
    assert states(conn) == [("source_missing",)]
    assert load_folder(tmp_path, prune=True).removed_datasets == 1
    assert len(current()) == 1
    (held,) = conn.execute("select count(*) from raw_lipidomics.files").fetchall()
    assert held == (2,)


def test_a_vanished_file_that_comes_back_is_no_longer_missing(
    tmp_path: Path, conn: psycopg.Connection[Any], load_folder: Load, current: Current
) -> None:
    path = write_lipids(tmp_path / "lipidomics" / "a.csv")
    away = tmp_path.parent / f"{tmp_path.name}-away.csv"
    load_folder(tmp_path)
    path.rename(away)
    load_folder(tmp_path)
    away.rename(path)
    assert load_folder(tmp_path).missing == []
    assert states(conn) == []
    assert len(current()) == 1


def test_a_pruned_file_that_comes_back_is_loaded_again(
    tmp_path: Path, load_folder: Load, current: Current
) -> None:
    path = write_lipids(tmp_path / "lipidomics" / "a.csv")
    load_folder(tmp_path)
    before = current()
    path.unlink()
    load_folder(tmp_path, prune=True)
    assert current() == {}
    write_lipids(path)
    load_folder(tmp_path)
    assert current() == before


def test_loading_one_folder_does_not_miss_the_files_of_another(
    tmp_path: Path, conn: psycopg.Connection[Any], load_folder: Load
) -> None:
    write_lipids(tmp_path / "one" / "lipidomics" / "a.csv")
    write_lipids(tmp_path / "two" / "lipidomics" / "a.csv")
    load_folder(tmp_path / "one")
    load_folder(tmp_path / "two")
    assert states(conn) == []


def test_the_source_given_wins_over_the_folder(
    tmp_path: Path, conn: psycopg.Connection[Any], load_folder: Load
) -> None:
    write_lipids(tmp_path / "lipidomics" / "a.csv")
    load_folder(tmp_path, source="metabolomics")
    (count,) = conn.execute("select count(*) from raw_metabolomics.files").fetchall()
    assert count == (1,)


def test_without_a_telling_folder_the_content_decides(
    tmp_path: Path, conn: psycopg.Connection[Any], load_folder: Load
) -> None:
    write_lipids(tmp_path / "results" / "proteomics_like_name.csv")
    load_folder(tmp_path)
    (file,) = conn.execute(
        "select omics_type, omics_type_evidence from raw_lipidomics.files"
    ).fetchall()
    assert file[0] == "lipidomics"
    assert file[1]


def test_an_unreadable_file_is_quarantined_and_the_others_load(
    tmp_path: Path, conn: psycopg.Connection[Any], load_folder: Load
) -> None:
    write_lipids(tmp_path / "lipidomics" / "a.csv")
    bad = write_unreadable(tmp_path / "lipidomics" / "b.csv")
    report = load_folder(tmp_path)
    assert report.counts["files_loaded"] == 1
    assert [path for path, _ in report.refused] == [str(bad)]
    (stored,) = listed(conn)
    assert (stored.source_path, stored.reason_code) == (str(bad), "binary_content")
    assert stored.seen
    assert stored.expected


def test_a_quarantined_file_is_not_read_again_until_it_changes(
    tmp_path: Path, conn: psycopg.Connection[Any], load_folder: Load
) -> None:
    bad = write_unreadable(tmp_path / "lipidomics" / "b.csv")
    load_folder(tmp_path)
    again = load_folder(tmp_path)
    assert again.refused == []
    assert again.still_quarantined == 1
    assert not again.is_complete
    write_lipids(bad)
    mended = load_folder(tmp_path)
    assert mended.is_complete
    assert listed(conn) == []


def test_a_refused_edit_leaves_the_earlier_version_in_place(
    tmp_path: Path, conn: psycopg.Connection[Any], load_folder: Load, current: Current
) -> None:
    path = write_lipids(tmp_path / "lipidomics" / "a.csv")
    load_folder(tmp_path)
    before = current()
    write_unreadable(path)
    load_folder(tmp_path)
    assert current() == before
    assert len(listed(conn)) == 1
    write_lipids(path)
    load_folder(tmp_path)
    assert current() == before
    assert listed(conn) == []


def test_a_refused_file_that_is_deleted_asks_no_question_any_more(
    tmp_path: Path, conn: psycopg.Connection[Any], load_folder: Load
) -> None:
    bad = write_unreadable(tmp_path / "lipidomics" / "b.csv")
    load_folder(tmp_path)
    bad.unlink()
    load_folder(tmp_path)
    assert listed(conn) == []


def test_files_of_a_source_without_loader_are_quarantined_with_the_true_reason(
    tmp_path: Path, conn: psycopg.Connection[Any], load_folder: Load
) -> None:
    (tmp_path / "notion").mkdir()
    (tmp_path / "notion" / "pages.csv").write_text("SET\tna\tIL6\tTNF\n")
    report = load_folder(tmp_path)
    assert [r.reason_code for _, r in report.refused] == ["source_not_supported"]
    assert load_folder(tmp_path).still_quarantined == 1


def test_an_address_in_memory_loads(
    conn: psycopg.Connection[Any], load_folder: Load, tmp_path: Path
) -> None:
    import fsspec

    content = write_lipids(tmp_path / "a.csv").read_bytes()
    filesystem = fsspec.filesystem("memory")
    filesystem.store.clear()
    filesystem.pipe("/bucket/lipidomics/a.csv", content)
    filesystem.pipe("/bucket/lipidomics/b.csv", content)
    assert load_folder("memory://bucket").counts["datasets_loaded"] == 2
    assert load_folder("memory://bucket").counts["files_unchanged"] == 2
    paths = conn.execute("select source_path from raw_lipidomics.files order by 1").fetchall()
    assert paths == [(f"memory:///bucket/lipidomics/{name}.csv",) for name in "ab"]
    filesystem.rm("/bucket/lipidomics/a.csv")
    assert len(load_folder("memory://bucket").missing) == 1


def test_a_file_address_equals_the_local_path(tmp_path: Path, load_folder: Load) -> None:
    write_lipids(tmp_path / "lipidomics" / "a.csv")
    load_folder(f"file://{tmp_path}")
    assert load_folder(tmp_path).counts["files_unchanged"] == 1


def test_hostile_names_are_only_text(
    tmp_path: Path, conn: psycopg.Connection[Any], load_folder: Load
) -> None:
    folder = tmp_path / "lipidomics" / "it's; drop schema marts"
    folder.mkdir(parents=True)
    evil = '"; drop table x; --'
    rows = "\n".join(f"PC {c}:1,{c},{c + 1},{c + 2}" for c in range(30, 42))
    (folder / "we'ird %s {0}.csv").write_text(f'Lipid,"""; drop table x; --",$1,\\N\n{rows}\n')
    assert load_folder(tmp_path).is_complete
    names = conn.execute(
        "select source_column from raw_lipidomics.assays order by position"
    ).fetchall()
    assert names == [(evil,), ("$1",), ("\\N",)]


def test_many_files_use_workers_and_land_the_same(
    tmp_path: Path, load_folder: Load, current: Current, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        write_lipids(tmp_path / "lipidomics" / f"{number:02}.csv", seed=number)
    report = load_folder(tmp_path)
    assert report.counts["files_loaded"] == 60
    by_workers = dict(current())
    monkeypatch.setattr("loaders.pool.MIN_FILES_FOR_WORKERS", 1000)
    load_folder(tmp_path, reread=True)
    assert current() == by_workers


def test_a_plan_writes_nothing(
    tmp_path: Path, settings: Settings, conn: psycopg.Connection[Any]
) -> None:
    write_lipids(tmp_path / "lipidomics" / "a.csv")
    write_unreadable(tmp_path / "lipidomics" / "b.csv")
    plan = plan_load(settings, conn, LoadRequest(folder=str(tmp_path)))
    assert plan.counts() == {"new": 2}
    (count,) = conn.execute("select count(*) from raw_lipidomics.files").fetchall()
    assert count == (0,)


def test_rows_read_are_landed_rejected_or_skipped(
    tmp_path: Path, conn: psycopg.Connection[Any], load_folder: Load
) -> None:
    path = write_lipids(tmp_path / "lipidomics" / "a.csv", rows=45)
    lines = path.read_text().splitlines()
    lines[5] = lines[5].replace(",", ",oops", 1)
    lines.insert(9, "")
    path.write_text("\n".join(lines) + "\n")
    report = load_folder(tmp_path)
    assert report.counts["rows_rejected"] == 1
    (file,) = conn.execute(
        "select rows_read, rows_landed, rows_rejected, rows_skipped from raw_lipidomics.files"
    ).fetchall()
    assert file[0] == sum(file[1:])
    assert file[1:3] == (44, 1)
    (reject,) = conn.execute(
        "select row_number, column_name, raw_text, reason_code from raw_lipidomics.rejected_rows"
    ).fetchall()
    assert reject[0] == 6
    assert reject[1:] == ("Sample_1", lines[5].split(",")[1], "not_a_number")


def states(conn: psycopg.Connection[Any]) -> list[tuple[str]]:
    return conn.execute("select state from ops.dataset_states").fetchall()
