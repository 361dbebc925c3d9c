"""Planning decides by what Postgres holds, and opens only files whose mark differs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from loaders.discovery import FoundFile
from loaders.known import KnownFile, RefusedFile
from loaders.plan import LoadPlan, make_plan

ROOT = "/data"


def found(
    name: str, *, signature: str = "s1", size: int = 10, source: str | None = "lipidomics"
) -> FoundFile:
    return FoundFile(
        f"{ROOT}/{name}", ROOT, source, {}, size, datetime(2026, 1, 1, tzinfo=UTC), signature
    )


def known(
    name: str, *, signature: str = "s1", sha256: str = "h1", size: int = 10, key: str | None = None
) -> KnownFile:
    path = f"{ROOT}/{name}"
    return KnownFile(path, key or path, sha256, signature, size, ("lipidomics",), False)


def plan(
    there: list[FoundFile],
    held: list[KnownFile],
    *,
    refused: list[RefusedFile] | None = None,
    hashes: dict[str, str] | None = None,
    **options: object,
) -> LoadPlan:
    """Plans with hashes given by name; asking for any other hash is an error."""

    def hash_file(file: FoundFile) -> str:
        return (hashes or {})[file.path.removeprefix(f"{ROOT}/")]

    arguments: dict[str, object] = {
        "scanned_root": ROOT,
        "source": None,
        "reader_version": "1",
        "hash_file": hash_file,
    } | options
    return make_plan(
        there,
        {k.path: k for k in held},
        {r.path: r for r in refused or []},
        **arguments,  # type: ignore[arg-type] # keyword arguments of one call, by name
    )


def test_an_unknown_file_is_new_and_is_not_hashed() -> None:
    assert plan([found("a.csv")], []).counts() == {"new": 1}


def test_an_equal_mark_means_unchanged_without_opening_the_file() -> None:
    assert plan([found("a.csv")], [known("a.csv")]).counts() == {"unchanged": 1}


def test_a_touched_file_with_the_same_content_is_unchanged() -> None:
    result = plan([found("a.csv", signature="s2")], [known("a.csv")], hashes={"a.csv": "h1"})
    assert result.counts() == {"unchanged": 1}


def test_an_edited_file_is_changed_and_keeps_its_key() -> None:
    result = plan(
        [found("a.csv", signature="s2")], [known("a.csv", key="/old")], hashes={"a.csv": "h2"}
    )
    assert [(f.action, f.key_base) for f in result.files] == [("changed", "/old")]


def test_a_moved_file_keeps_the_key_of_its_old_place() -> None:
    result = plan([found("b/a.csv")], [known("a.csv")], hashes={"b/a.csv": "h1"})
    assert [(f.action, f.key_base) for f in result.files] == [("moved", f"{ROOT}/a.csv")]


def test_a_copy_is_new_because_the_first_file_is_still_there() -> None:
    result = plan([found("a.csv"), found("b.csv")], [known("a.csv")])
    assert result.counts() == {"unchanged": 1, "new": 1}


def test_two_files_are_not_both_moved_from_one() -> None:
    result = plan(
        [found("b.csv"), found("c.csv")], [known("a.csv")], hashes={"b.csv": "h1", "c.csv": "h1"}
    )
    assert result.counts() == {"moved": 1, "new": 1}


def test_a_new_file_at_a_place_whose_key_moved_away_gets_a_key_of_its_own() -> None:
    moved = known("b.csv", key=f"{ROOT}/a.csv")
    result = plan([found("a.csv"), found("b.csv")], [moved], hashes={"a.csv": "h9"})
    keys = {f.path: f.key_base for f in result.files}
    assert keys[f"{ROOT}/a.csv"] != keys[f"{ROOT}/b.csv"]


def test_a_file_gone_from_a_scanned_folder_is_removed() -> None:
    assert plan([], [known("a.csv")]).counts() == {"removed": 1}


def test_naming_single_files_says_nothing_about_the_others() -> None:
    result = plan([found("a.csv")], [known("a.csv"), known("b.csv")], scanned_root=None)
    assert result.counts() == {"unchanged": 1}


def test_a_file_of_another_source_is_not_missed_by_a_load_of_one_source() -> None:
    assert plan([], [known("a.csv")], source="proteomics").counts() == {}


@pytest.mark.parametrize(
    ("version", "declared", "action"),
    [("1", "lipidomics", "quarantined"), ("0", "lipidomics", "new"), ("1", "", "new")],
)
def test_a_refused_file_waits_until_something_could_change_the_answer(
    version: str, declared: str, action: str
) -> None:
    refusal = RefusedFile("q", f"{ROOT}/a.csv", "h1", "s1", version, "undecided_roles", declared)
    assert plan([found("a.csv")], [], refused=[refusal]).counts() == {action: 1}


def test_a_given_source_that_differs_reads_the_file_again() -> None:
    result = plan([found("a.csv")], [known("a.csv")], hashes={"a.csv": "h1"}, source="metabolomics")
    assert result.counts() == {"changed": 1}


def test_files_of_a_source_without_loader_are_told_apart() -> None:
    assert plan([found("pages.json", source="notion")], []).counts() == {"unsupported": 1}
