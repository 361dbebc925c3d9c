"""Discovery lists names, sizes and times, of folders and of addresses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loaders.discovery import find_files, find_in_folder, normalise_place
from warehouse.errors import OmicsError


def write(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_nearest_telling_folder_gives_the_source(tmp_path: Path) -> None:
    write(tmp_path / "Proteomics" / "2024" / "lipids" / "a.csv")
    write(tmp_path / "Proteomics" / "2024" / "b.csv")
    write(tmp_path / "misc" / "lipidomics_of_plate.csv")
    sources = {Path(f.path).name: f.source for f in find_in_folder(str(tmp_path))}
    assert sources == {
        "a.csv": "lipidomics",
        "b.csv": "proteomics",
        "lipidomics_of_plate.csv": None,
    }


def test_the_scanned_folder_itself_counts(tmp_path: Path) -> None:
    write(tmp_path / "metabolomics" / "a.csv")
    (found,) = find_in_folder(str(tmp_path / "metabolomics"))
    assert found.source == "metabolomics"


def test_hidden_and_temporary_files_are_no_results(tmp_path: Path) -> None:
    for name in (".DS_Store", ".git/config", "~$plate.xlsx", "plate.csv.part", "plate.csv"):
        write(tmp_path / name)
    assert [Path(f.path).name for f in find_in_folder(str(tmp_path))] == ["plate.csv"]


def test_two_spellings_of_one_folder_are_one(tmp_path: Path) -> None:
    write(tmp_path / "real" / "a.csv")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    spellings = [
        tmp_path / "real",
        tmp_path / "link",
        f"file://{tmp_path}/real",
        f"{tmp_path}/real/",
    ]
    assert len({find_in_folder(str(s))[0].path for s in spellings}) == 1


def test_a_dangling_link_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")
    assert find_in_folder(str(tmp_path)) == []


def test_the_mark_shows_an_edit_that_restores_the_old_time(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "12")
    before = path.stat()
    (first,) = find_in_folder(str(tmp_path))
    path.write_text("34")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    (second,) = find_in_folder(str(tmp_path))
    assert first.signature != second.signature


def test_memory_addresses_are_listed(memory_files: str) -> None:
    found = find_in_folder(memory_files)
    assert [(f.path, f.source, f.size) for f in found] == [
        ("memory:///results/lipidomics/a.csv", "lipidomics", 9)
    ]


def test_an_address_has_one_spelling(memory_files: str) -> None:
    spellings = (memory_files, f"{memory_files}/", "memory:///results")
    assert {normalise_place(place) for place in spellings} == {"memory:///results"}


def test_a_missing_folder_is_told_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(OmicsError, match=r"folder not found(.|\n)*fix:"):
        find_in_folder(str(tmp_path / "nowhere"))


def test_an_unknown_protocol_names_the_extra() -> None:
    with pytest.raises(OmicsError, match="remote"):
        find_in_folder("nosuchprotocol://bucket/results")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(OmicsError, match="file not found"):
        find_files([str(tmp_path / "nowhere.csv")])


@pytest.fixture
def memory_files() -> str:
    """A folder of fsspec's in-memory file system."""
    import fsspec

    filesystem = fsspec.filesystem("memory")
    filesystem.store.clear()
    filesystem.pipe("/results/lipidomics/a.csv", b"a,b\n1,2\n\n")
    return "memory://results"
